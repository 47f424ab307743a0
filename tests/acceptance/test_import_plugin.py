"""Moving from the plugin: its settings become a configuration that refers the same patrons, but for what rules differ.

Each patron of the test library is an edge of a rule. `BOTH` refer somebody, or `NEITHER`; where only one of the two
does, the reason is a difference that the rules name (section 7, or the protection and rounding of sections 1 and 2).
"""

import json
import stat
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.libraries import Library, today
from tests.builders.days import ZONE
from tests.builders.koha import a_patron, an_attribute_type, has_attribute, has_credit, owes
from tests.support.command import Command
from tests.support.koha import KohaDatabase
from tests.support.nights import snapshot

pytestmark = pytest.mark.before_init
SINGLE = "Koha::Plugin::Com::ByWaterSolutions::UniqueCollections"
MULTI = "Koha::Plugin::Com::ByWaterSolutions::UMSGentleNudge"
SECRET = 'p\u00e4ss "word"'
SETTINGS = {
    "run_on_dow": "0",
    "require_lost_fee": "no",
    "categorycodes": "",
    "debit_type_codes": "",
    "fees_threshold": "25",
    "processing_fee": "10",
    "unique_email": "reports@agency.example",
    "cc_email": "",
    "collections_flag": "sort1",
    "fees_starting_age": "60",
    "fees_ending_age": "90",
    "auto_clear_paid": "yes",
    "auto_clear_paid_threshold": "0",
    "add_restriction": "yes",
    "remove_restriction": "yes",
    "age_limitation": "no",
    "fees_created_before_date_filter": "",
    "host": "sftp.agency.example",
    "username": "library",
    "password": SECRET,
    "upload_path": "incoming",
}
FIRST, LAST = time(0, 0, 0), time(23, 59, 59)
BOTH, NEITHER = (True, True), (False, False)
ONLY_PLUGIN, ONLY_WE = (True, False), (False, True)


@dataclass
class Town:
    """A library in which the plugin is installed; `expected` says who refers whom."""

    library: Library
    expected: dict[int, tuple[bool, bool]] = field(default_factory=dict)

    def has(self, who: tuple[bool, bool], *charges: tuple[str, Any], **columns: Any) -> int:
        """A patron with these charges: an amount, and days ago or an instant."""
        number = a_patron(self.library.koha, **columns)
        for amount, when in charges:
            on = when if isinstance(when, datetime) else ago(when)
            owes(self.library.koha, number, amount, on=on)
        self.expected[number] = who
        return number

    def of(self, *who: tuple[bool, bool]) -> set[int]:
        """The patrons who are referred like that."""
        return {number for number, expected in self.expected.items() if expected in who}

    def stores(self, **changes: str) -> None:
        """The plugin has these settings."""
        for key, value in {**SETTINGS, "__INSTALLED__": "1", "__ENABLED__": "1", **changes}.items():
            self.library.koha.put("plugin_data", plugin_class=SINGLE, plugin_key=key, plugin_value=value)


def ago(days: int, at: time = time(12)) -> datetime:
    """That time of the library's clocks, so many days ago."""
    return datetime.combine(today() - timedelta(days=days), at, tzinfo=ZONE)


def born(years: int, days: int = 0) -> date:
    """The date of birth of somebody who is so many years old today, and `days` younger."""
    day = today()
    leap = (day.month, day.day) == (2, 29)
    return (day - timedelta(days=leap)).replace(year=day.year - years) + timedelta(days=days)


@pytest.fixture
def town(koha: KohaDatabase, tmp_path: Path, command: Command) -> Town:
    """A library in which the plugin is installed."""
    return Town(library=Library(koha=koha, folder=tmp_path, command=command))


def people(town: Town) -> None:
    """The edges of every rule that is always asked."""
    koha = town.library.koha
    town.has(NEITHER)
    town.has(NEITHER, ("24.99", 75))
    town.has(BOTH, ("25.00", 75))
    town.has(ONLY_WE, ("24.995", 75))  # rounded to the cent, half up
    town.has(BOTH, ("12.50", 61), ("12.50", 89))
    for days, at, who in ((59, FIRST, NEITHER), (60, LAST, BOTH), (90, FIRST, BOTH), (91, LAST, NEITHER)):
        town.has(who, ("30.00", ago(days, at)))
    town.has(NEITHER, ("15.00", 85), ("15.00", 20))
    inside = town.has(NEITHER, ("30.00", 75))
    has_credit(koha, inside, "5.01", on=ago(70))
    outside = town.has(ONLY_PLUGIN, ("30.00", 75))  # credits bring the balance under the threshold
    has_credit(koha, outside, "5.01", on=ago(5))
    helped = town.has(BOTH, ("30.00", 75), ("30.00", 5))
    has_credit(koha, helped, "30.00", on=ago(5))
    fee = town.has(ONLY_PLUGIN, ("20.00", 75))  # our own fee does not count
    owes(koha, fee, "10.00", on=ago(70), type="MANUAL", description="UMS Processing Fee")
    paid = town.has(NEITHER)
    owes(koha, paid, "30.00", on=ago(75), outstanding="0.00")
    owes(koha, None, "30.00", on=ago(75))
    town.has(ONLY_PLUGIN, ("30.00", 75), protected=1)  # protected patrons are left alone
    town.has(BOTH, ("30.00", 75), card=None, surname=None)


def test_with_a_sort_field_exactly_those_are_referred_that_the_plugin_would_refer(town: Town) -> None:
    people(town)
    town.stores()
    for value, who in (("", BOTH), ("no", BOTH), ("NO", BOTH), ("yes", NEITHER), ("Rotary", NEITHER)):
        town.has(who, ("30.00", 75), sort1=value)
    town.has(ONLY_WE, ("30.00", 75), sort1="0")  # both kinds of flag know both kinds of no
    town.has(NEITHER, ("30.00", 75), sort1="1")
    town.has(BOTH, ("30.00", 75), category="J", born=born(10))
    compared(town)


def test_with_an_attribute_exactly_those_are_referred_that_the_plugin_would_refer(town: Town) -> None:
    koha = town.library.koha
    an_attribute_type(koha, "COLLECT", repeatable=1)
    people(town)
    town.stores(collections_flag="COLLECT", fees_starting_age="90", fees_ending_age="60")
    for value, who in (("0", BOTH), (None, BOTH), ("1", NEITHER), ("soon", NEITHER)):
        has_attribute(koha, town.has(who, ("30.00", 75)), "COLLECT", value)
    for value in ("", "no"):  # both kinds of flag know both kinds of no
        has_attribute(koha, town.has(ONLY_WE, ("30.00", 75)), "COLLECT", value)
    twice = town.has(ONLY_PLUGIN, ("15.00", 75))  # a repeated attribute multiplies the plugin's sums
    mixed = town.has(ONLY_PLUGIN, ("30.00", 75))  # any yes is a yes
    for number, values in ((twice, "00"), (mixed, "01")):
        for value in values:
            has_attribute(koha, number, "COLLECT", value)
    compared(town)


def test_the_filters_leave_out_the_same_patrons(town: Town) -> None:
    koha, cut_off = town.library.koha, today() - timedelta(days=80)
    town.stores(
        require_lost_fee="yes",
        categorycodes="PT, ST,XX",
        debit_type_codes="LOST,OVERDUE",
        age_limitation="yes",
        fees_created_before_date_filter=cut_off.isoformat(),
    )
    town.has(BOTH, ("30.00", 75))
    town.has(NEITHER, ("30.00", 75), category="J")
    town.has(ONLY_WE, ("30.00", 75), category="ST")  # codes are trimmed
    for birth, who in ((born(18), BOTH), (born(18, days=1), NEITHER), (None, NEITHER), ("0000-00-00", NEITHER)):
        town.has(who, ("30.00", 75), born=birth)
    for at, who in ((ago(81, LAST), NEITHER), (ago(80, FIRST), ONLY_WE), (ago(80, time(0, 0, 1)), BOTH)):
        town.has(who, ("30.00", at))  # the cut-off day: its midnight is included
    lost_long_ago, never_lost, lost_and_paid = (town.has(who) for who in (BOTH, NEITHER, NEITHER))
    for number in (lost_long_ago, never_lost, lost_and_paid):
        owes(koha, number, "30.00", on=ago(75), type="OVERDUE")
    owes(koha, lost_long_ago, "1.00", on=ago(500))
    owes(koha, lost_and_paid, "9.00", on=ago(75), outstanding="0.00")
    other_type = town.has(NEITHER, ("10.00", 75))
    owes(koha, other_type, "20.00", on=ago(75), type="RENT")
    credited = town.has(BOTH, ("40.00", 75))
    has_credit(koha, credited, "15.00", on=ago(75))
    compared(town)


def compared(town: Town) -> None:
    """The configuration refers whom it should, and what is told of the difference is true."""
    library = town.library
    before = snapshot(library.koha)
    done = library.command.run("import-plugin", env=shell(library))
    assert done.returncode == 0, done.stderr
    assert snapshot(library.koha) == before
    (library.folder / "gentle-nudge.toml").write_text(done.stdout, encoding="utf-8")
    plans = library.command.run("nightly", *on_its_sunday(), env=shell(library))
    assert plans.returncode == 0, plans.stderr
    (plan,) = json.loads(plans.stdout)
    assert {decision["number"] for decision in plan["referred"]} == town.of(BOTH, ONLY_WE)
    named = f"{library.folder.name}: "  # without a terminal each line begins with the instance
    told = [line.removeprefix(named) for line in done.stderr.splitlines()]
    assert listed(told, "Referred tonight by the plugin's rules and not by ours") == town.of(ONLY_PLUGIN)
    assert listed(told, "Referred tonight by our rules and not by the plugin's") == town.of(ONLY_WE)


def on_its_sunday() -> tuple[str, ...]:
    """Today, whatever day of the week the plugin ran on."""
    return ("--dry-run", "--format", "json", "--day", today().isoformat())


def shell(library: Library) -> dict[str, str]:
    """As in the library's shell: KOHA_CONF leads to the database."""
    weekday = {"GENTLE_NUDGE_POLICY__SUBMIT_ON": f"{today():%A}".lower()}
    return {"KOHA_CONF": str(library.koha.conf_file(library.folder)), **weekday}


def listed(told: list[str], title: str) -> set[int]:
    """The numbers under this title."""
    start = next(place for place, line in enumerate(told) if line.startswith(title))
    lines = told[start + 1 :]
    found = {int(line.split()[1].rstrip(":")) for line in lines[: _end(lines)]}
    assert told[start] == f"{title}: {len(found)} patrons"
    return found


def _end(lines: list[str]) -> int:
    return next((place for place, line in enumerate(lines) if not line.startswith("  number ")), len(lines))


def test_stdout_is_the_configuration_and_nothing_else(town: Town) -> None:
    town.stores(
        unique_email="a@agency.example; b@agency.example",
        categorycodes="PT, XX",
        remove_restriction="no",
        fees_created_before_date_filter="2020-01-31",
    )
    password = town.library.folder / "sftp-password"
    done = town.library.command.run("import-plugin", "--password-file", password, env=shell(town.library))
    assert done.returncode == 0
    tables = tomllib.loads(done.stdout)
    assert set(tables) == {"policy"}
    policy = tables["policy"]
    assert policy["send_to"] == ["a@agency.example", "b@agency.example"]
    assert (policy["submit_on"], policy["categories"]) == ("sunday", ["PT"])
    assert (policy["count_fees_newer_than"], policy["count_fees_older_than"]) == (90, 60)
    assert (policy["ignore_fees_before"], policy["remove_restriction"]) == (date(2020, 1, 31), False)
    assert "# The plugin says no, but lifted the restrictions all the same" in done.stdout
    assert "# [sftp]\n" in done.stdout
    assert f'# password_file = "{password}"\n' in done.stdout
    assert "Koha has no patron category XX" in done.stderr
    assert password.read_text(encoding="utf-8") == f"{SECRET}\n"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert SECRET not in done.stdout + done.stderr


def test_the_sftp_table_is_right_once_a_host_key_is_pinned(town: Town) -> None:
    town.stores()
    library = town.library
    password = library.folder / "sftp-password"
    text = library.command.run("import-plugin", "--password-file", password, env=shell(library)).stdout
    body, _, sftp = text.partition("# [sftp]")
    key = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43}"
    pinned = f"[sftp]{sftp}".replace("\n# ", "\n").replace("ssh-ed25519 AAAA…", key)
    true = (body + pinned).replace(".example", ".example.org")
    (library.folder / "gentle-nudge.toml").write_text(true, encoding="utf-8")
    done = library.command.run("config", "validate", env=shell(library))
    assert (done.returncode, done.stderr) == (0, "")
    shown = library.command.run("config", "show", env=shell(library)).stdout
    assert 'host = "sftp.agency.example.org"' in shown


def test_a_password_that_has_no_place_to_go_is_told_of_without_being_shown(town: Town) -> None:
    town.stores()
    done = town.library.command.run("import-plugin", env=shell(town.library))
    assert "add --password-file FILE" in done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("key", ["fees_threshold", "processing_fee"])
def test_an_empty_amount_is_left_out_so_that_nobody_is_charged_by_it(town: Town, key: str) -> None:
    town.stores(**{key: ""})
    library = town.library
    done = library.command.run("import-plugin", env=shell(library))
    (library.folder / "gentle-nudge.toml").write_text(done.stdout, encoding="utf-8")
    ours = {"fees_threshold": "threshold"}.get(key, key)
    assert ours not in tomllib.loads(done.stdout)["policy"]
    night = library.command.run("nightly", "--dry-run", env=shell(library))
    assert night.returncode == 2
    assert f"policy.{ours}: needed" in night.stderr


def test_patrons_to_adopt_are_counted(town: Town) -> None:
    koha = town.library.koha
    town.stores()
    for amount in ("30.00", "0.00", None):
        number = a_patron(koha, sort1="yes")
        if amount is not None:
            owes(koha, number, "30.00", on=ago(75), outstanding=amount)
    done = town.library.command.run("import-plugin", env=shell(town.library))
    assert "3 patrons; of them 2 at or below the limit for clearing, and 1 without any account line" in done.stderr


@pytest.mark.parametrize(("plugins", "says"), [((), "No Gentle Nudge plugin is installed"), ((MULTI,), "It never ran")])
def test_without_the_plugin_there_is_nothing_to_import(town: Town, plugins: tuple[str, ...], says: str) -> None:
    for plugin in plugins:
        town.library.koha.put("plugin_data", plugin_class=plugin, plugin_key="__INSTALLED__", plugin_value="1")
    done = town.library.command.run("import-plugin", env=shell(town.library))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_of_the_other_plugin_only_that_it_is_installed_is_told(town: Town) -> None:
    town.stores()
    town.library.koha.put("plugin_data", plugin_class=MULTI, plugin_key="fees_threshold", plugin_value="99")
    done = town.library.command.run("import-plugin", env=shell(town.library))
    assert done.returncode == 0
    assert "for several configurations is installed as well" in done.stderr
    assert "99" not in done.stdout
