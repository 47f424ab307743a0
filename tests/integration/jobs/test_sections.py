"""A consortium: who speaks for whom, whose charges count, and who keeps up which case."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.policy import Scope, Section
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import SettingsError
from gentle_nudge.jobs.night import nightly as nightly_module
from gentle_nudge.jobs.patrons.lock import judge_under_lock
from gentle_nudge.jobs.sections import keeping_up, sections_of, sharing_flags
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.settings import load
from tests.builders.days import IN_THE_WINDOW, MONDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import a_guarantor, a_library_group, a_patron, an_item, merge, owes, owing, pays, vouches_for
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights, a_policy

TWO_VERSIONS = pytest.mark.koha("24.05", "26.06")
THURSDAY = WEDNESDAY + timedelta(days=1)
BRANCHES = [f"B{number:02}" for number in range(1, 13)]

CONSORTIUM = """
[koha]
url = "{url}"
[policy]
threshold = 25.00
processing_fee = 10.00
flag = "sort1"
minors = "include"
send_to = ["global@agency.example"]
{libraries}
[[library]]
name = "north"
group = "North"
threshold = 50.00
[[library]]
name = "harbour"
branches = ["B02"]
threshold = 10.00
[[library]]
name = "south"
group = "{south}"
processing_fee = 0
[[library]]
name = "closed"
branches = ["B12"]
enabled = false
"""


def a_consortium(koha: KohaDatabase, tmp_path: Path, libraries: str = "") -> Nights:
    """Twelve branches; North holds B01 to B03 and, in a subgroup of a subgroup, B04; South (by id) B05 and B06."""
    for branch in BRANCHES:
        koha.put("branches", branchcode=branch, branchname=branch)
    north = a_library_group(koha, "North", ["B01", "B02", "B03"])
    coast = a_library_group(koha, "Coast", [], parent=north)
    a_library_group(koha, "Cape", ["B04"], parent=coast)
    south = a_library_group(koha, "South", ["B05", "B06"])
    file = tmp_path / "gentle-nudge.toml"
    url = koha.engine.url.render_as_string(hide_password=False)
    file.write_text(CONSORTIUM.format(url=url, south=south, libraries=libraries))
    nights = Nights(koha)
    with read_only(nights.engine) as conn:
        nights.sections = sections_of(conn, load(file, environ={}))
    return nights


@TWO_VERSIONS
def test_branch_goes_before_group_before_global_and_a_disabled_section_refers_nobody(
    koha: KohaDatabase, tmp_path: Path
) -> None:
    nights = a_consortium(koha, tmp_path)
    owed = {
        branch: [owing(koha, amount, branch=branch) for amount in ("9.99", "10.00", "49.99", "50.00")]
        for branch in BRANCHES
    }
    nights.good_night()
    assert nights.referred(section="north") == {owed["B01"][3], owed["B03"][3], owed["B04"][3]}
    assert nights.referred(section="harbour") == set(owed["B02"][1:])
    assert nights.referred(section="south") == {*owed["B05"][2:], *owed["B06"][2:]}
    others = [patron for branch in BRANCHES[6:11] for patron in owed[branch][2:]]
    assert nights.referred(section="global") == set(others)
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_run WHERE section = 'closed' AND report = 'submission'") == 0
    fees = koha.value("SELECT COUNT(*) FROM accountlines WHERE description = 'UMS Processing Fee'")
    assert fees == 3 + 3 + len(others)


@TWO_VERSIONS
def test_with_others_false_branches_that_no_section_names_are_left_alone(koha: KohaDatabase, tmp_path: Path) -> None:
    nights = a_consortium(koha, tmp_path, "[libraries]\nothers = false")
    owing(koha, "90.00", branch="B09")
    nights.good_night()
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_case") == 0
    assert [section.name for section in nights.sections] == ["north", "harbour", "south", "closed"]


def test_a_group_that_koha_does_not_know_is_a_problem_with_its_place(koha: KohaDatabase, tmp_path: Path) -> None:
    nights = a_consortium(koha, tmp_path)
    koha.execute("UPDATE library_groups SET title = 'Nord' WHERE title = 'North'")
    settings = load(tmp_path / "gentle-nudge.toml", environ={})
    with read_only(nights.engine) as conn, pytest.raises(SettingsError, match=r"library\[1\]\.group"):
        sections_of(conn, settings)


def two_sections(charges_by: str, **rules: Any) -> tuple[Section, Section]:
    """North (CPL) flags in sort1, south (FPL) in sort2."""

    def a_section(name: str, branch: str, flag: str) -> Section:
        policy = replace(a_policy(), flag=Flag.parse(flag), **rules)
        scope = Scope(branches=frozenset({branch}), all_but=False)
        return Section(name=name, policy=policy, scope=scope, charges_by=charges_by)  # type: ignore[arg-type]

    return a_section("north", "CPL", "sort1"), a_section("south", "FPL", "sort2")


@TWO_VERSIONS
@pytest.mark.parametrize("charges_by", ["charge", "item"])
def test_a_patron_with_charges_at_two_libraries_is_referred_by_each_and_charged_once_by_each(
    koha: KohaDatabase, charges_by: str
) -> None:
    here, there = an_item(koha, branch="CPL"), an_item(koha, branch="FPL")
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, branch="CPL", item=here)
    owes(koha, patron, "45.00", day=IN_THE_WINDOW, branch="FPL", item=there)
    owes(koha, patron, "1.00", day=IN_THE_WINDOW)
    nights = Nights(koha, *two_sections(charges_by))
    nights.good_night()
    (north,) = nights.rows(ReportKind.SUBMISSION, section="north")
    (south,) = nights.rows(ReportKind.SUBMISSION, section="south")
    assert (north["Amt_In_Range"], north["Total_Due"], north["Total_Plus_Fee"]) == ("31.00", "31.00", "41.00")
    assert (south["Amt_In_Range"], south["Total_Due"], south["Total_Plus_Fee"]) == ("45.00", "45.00", "55.00")
    assert koha.value("SELECT COUNT(*) FROM accountlines WHERE description = 'UMS Processing Fee'") == 2
    nights.good_night(MONDAY)
    assert nights.dues(MONDAY, "north") == {patron: "41.00"}
    assert nights.dues(MONDAY, "south") == {patron: "55.00"}


@TWO_VERSIONS
def test_whose_branch_decides_follows_the_setting(koha: KohaDatabase) -> None:
    item = an_item(koha, branch="FPL")
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, branch="MPL", item=item)
    by = {}
    for charges_by in ("patron", "charge", "item"):
        nights = Nights(koha, *two_sections(charges_by))
        plans = {s.name: plan for s in nights.sections if (plan := _dry(nights, s))}
        by[charges_by] = [name for name, plan in plans.items() if any(d.number == patron for d in plan)]
    assert by == {"patron": ["north"], "charge": [], "item": ["south"]}


def _dry(nights: Nights, section: Section) -> Sequence[Any]:
    first = nights.sections
    nights.sections = (section,)
    plan = nights.dry_run()
    nights.sections = first
    return plan.decisions if plan else ()


@TWO_VERSIONS
@pytest.mark.parametrize("has_a_case", [False, True])
def test_a_fee_belongs_to_the_section_of_its_case_also_after_cards_were_merged(
    koha: KohaDatabase, *, has_a_case: bool
) -> None:
    other, keeper = a_patron(koha, branch="CPL"), a_patron(koha, branch="FPL")
    for patron in (other, keeper) if has_a_case else (other,):
        owes(koha, patron, "30.00", day=IN_THE_WINDOW, branch="CPL")
    owes(koha, keeper, "45.00", day=IN_THE_WINDOW, branch="FPL")
    nights = Nights(koha, *two_sections("charge"))
    nights.good_night()
    merge(koha, keeper, [other])
    north = {other: "0.00", keeper: "80.00"} if has_a_case else {other: "40.00"}
    for day in (MONDAY, TUESDAY):
        nights.good_night(day)
        assert nights.dues(day, "north") == north
        assert nights.dues(day, "south") == {keeper: "55.00"}
        north = {number: due for number, due in north.items() if due != "0.00"}


@TWO_VERSIONS
def test_a_payment_at_one_library_releases_there_only(koha: KohaDatabase) -> None:
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, branch="CPL")
    owes(koha, patron, "45.00", day=IN_THE_WINDOW, branch="FPL")
    nights = Nights(koha, *two_sections("charge", clear_paid=True, add_restriction=True, remove_restriction=True))
    nights.good_night()
    assert koha.value("SELECT COUNT(*) FROM borrower_debarments") == 1
    koha.execute("UPDATE accountlines SET amountoutstanding = 0 WHERE branchcode = 'CPL' OR accountlines_id = "
                 "(SELECT fee_line FROM gentle_nudge_case WHERE section = 'north')")  # fmt: skip
    nights.good_night(MONDAY)
    flags = koha.query("SELECT sort1, sort2 FROM borrowers WHERE borrowernumber = :n", n=patron)
    assert flags == [{"sort1": "no", "sort2": "yes"}]
    assert koha.value("SELECT COUNT(*) FROM borrower_debarments") == 1
    pays(koha, patron)
    nights.good_night(MONDAY + timedelta(days=1))
    assert koha.value("SELECT COUNT(*) FROM borrower_debarments") == 0


def test_a_case_stays_with_the_section_that_opened_it_when_the_patron_moves(koha: KohaDatabase) -> None:
    patron = owing(koha, "30.00", branch="CPL")
    nights = Nights(koha, *two_sections("patron", clear_paid=True))
    nights.good_night()
    koha.execute("UPDATE borrowers SET branchcode = 'FPL'")
    owes(koha, patron, "90.00", day=IN_THE_WINDOW + timedelta(days=7))
    nights.good_night(SUNDAY + timedelta(days=7))
    assert nights.referred(SUNDAY + timedelta(days=7), "south") == set()
    assert nights.dues(SUNDAY + timedelta(days=7), "north") == {patron: "130.00"}
    pays(koha, patron)
    nights.good_night(SUNDAY + timedelta(days=8))
    assert nights.states() == {patron: "released"}


def test_a_renamed_section_keeps_its_cases_and_its_week(koha: KohaDatabase) -> None:
    patron = owing(koha, "30.00", branch="CPL")
    nights = Nights(koha, *two_sections("patron"))
    nights.good_night()
    north, south = nights.sections
    nights.sections = (replace(north, name="nord", formerly=("north",)), south)
    plan = nights.good_night(MONDAY)
    assert not plan.submission_due
    assert nights.dues(MONDAY, "nord") == {patron: "40.00"}


def test_open_cases_of_a_section_that_is_gone_are_kept_up_by_global_and_named(
    koha: KohaDatabase, tmp_path: Path
) -> None:
    nights = a_consortium(koha, tmp_path)
    patron = owing(koha, "60.00", branch="B02")
    nights.good_night()
    file = tmp_path / "gentle-nudge.toml"
    file.write_text(file.read_text().replace('name = "harbour"', 'name = "port"'))
    with read_only(nights.engine) as conn:
        nights.sections = sections_of(conn, load(file, environ={}))
    plan = nights.good_night(MONDAY)
    assert "harbour" in plan.named[0]
    assert nights.dues(MONDAY, "global") == {patron: "70.00"}


def test_a_failing_section_does_not_stop_the_next(koha: KohaDatabase) -> None:
    owing(koha, "30.00", branch="CPL")
    patron = owing(koha, "30.00", branch="FPL")
    north, south = two_sections("patron")
    broken = replace(north, policy=replace(north.policy, fee_debit_type="NO SUCH TYPE"))
    nights = Nights(koha, broken, south)
    night = nights.night()
    assert list(night.failures) == ["north"]
    assert nights.referred(section="south") == {patron}
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_run WHERE section = 'north'") == 0


def test_a_minor_is_referred_with_the_guarantor_of_the_lowest_relationship_and_an_adult_without(
    koha: KohaDatabase,
) -> None:
    minor, adult = owing(koha, "30.00", branch="CPL", born=date(2012, 1, 1)), owing(koha, "30.00", branch="CPL")
    alone = owing(koha, "30.00", branch="CPL", born=date(2012, 1, 1))
    first = a_guarantor(koha, of=minor, surname="First", card="F1", phone="1", email="f@example.org")
    a_guarantor(koha, of=minor, surname="Second")
    vouches_for(koha, first, adult)
    nights = Nights(koha, minors="guardian")
    nights.good_night()
    rows = {int(row["borrowernumber"]): row for row in nights.rows(ReportKind.SUBMISSION)}
    assert set(rows) == {minor, adult}
    assert alone not in rows
    guardian = {key: value for key, value in rows[minor].items() if key.startswith("Guardian")}
    assert list(guardian.values()) == ["First", "Pat", "F1", "1", "f@example.org"]
    assert {value for key, value in rows[adult].items() if key.startswith("Guardian")} == {""}


def test_a_fee_belongs_to_the_section_of_its_case_whatever_its_branch(koha: KohaDatabase) -> None:
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "45.00", day=IN_THE_WINDOW, branch="FPL")
    nights = Nights(koha, *two_sections("charge", fee_branch="patron"))
    nights.good_night()
    nights.good_night(MONDAY)
    assert nights.dues(MONDAY, "south") == {patron: "55.00"}
    assert Decimal(nights.dues(MONDAY, "south")[patron]) == 55


def test_a_fee_belongs_to_the_section_of_its_case_though_another_section_has_handed_it_over(koha: KohaDatabase) -> None:
    patron = owing(koha, "30.00", branch="CPL")
    nights = Nights(koha, *two_sections("patron"))
    nights.good_night()
    koha.execute("UPDATE borrowers SET sort1 = NULL")
    nights.good_night(MONDAY)
    koha.execute("UPDATE borrowers SET branchcode = 'FPL', sort2 = 'yes'")
    nights.good_night(TUESDAY)
    assert nights.dues(TUESDAY, "south") == {patron: "40.00"}, "adopted with all charges"
    nights.sections = two_sections("charge")
    nights.good_night(WEDNESDAY)
    assert nights.dues(WEDNESDAY, "south") == {patron: "30.00"}


def test_a_charge_that_two_sections_have_handed_over_belongs_to_the_first(koha: KohaDatabase) -> None:
    patron = a_patron(koha)
    for branch, amount in (("FPL", "45.00"), ("CPL", "30.00")):
        owes(koha, patron, amount, day=IN_THE_WINDOW, branch=branch)
    nights = Nights(koha, *reversed(two_sections("charge")))
    nights.good_night()
    lines = """INSERT INTO gentle_nudge_case_line (case_id, line, outstanding, counted)
        SELECT other.id, line, l.outstanding, 1 FROM gentle_nudge_case_line l JOIN gentle_nudge_case c ON c.id = case_id
        JOIN gentle_nudge_case other ON other.id <> c.id"""
    koha.execute(lines)
    nights.good_night(MONDAY)
    assert nights.dues(MONDAY, "south") == {patron: "85.00"}
    assert nights.dues(MONDAY, "north") == {patron: "10.00"}


# ---- a section gone from the settings that had other recipients


def after_north(koha: KohaDatabase, charges_by: str, **rules: Any) -> tuple[Nights, tuple[Section, ...]]:
    """North (CPL, sort1) reports to another agency than `global` (sort2); and the sections once north is gone."""
    north, _ = two_sections(charges_by, clear_paid=True, **rules)
    north = replace(north, policy=replace(north.policy, send_to=("reports@other.example",)))
    rest = replace(north, name="global", policy=a_policy(flag=Flag.parse("sort2"), clear_paid=True, **rules))
    nights = Nights(koha, north, replace(rest, scope=Scope(branches=frozenset({"CPL"}))))
    return nights, (replace(rest, scope=Scope()),)


def without(nights: Nights, sections: tuple[Section, ...]) -> None:
    """The settings have these sections now."""
    with read_only(nights.engine) as conn:
        nights.sections = sharing_flags(keeping_up(conn, sections))


@pytest.mark.parametrize("charges_by", ["charge", "item"])
def test_a_held_case_is_released_once_the_charges_it_was_opened_for_are_paid(
    koha: KohaDatabase, charges_by: str
) -> None:
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, branch="CPL")
    nights, rest = after_north(koha, charges_by)
    nights.good_night()
    without(nights, rest)
    night = nights.night(MONDAY)
    assert (night.exit_code, nights.states(), nights.dues(MONDAY)) == (1, {patron: "open"}, {})
    pays(koha, patron)
    assert nights.night(TUESDAY).plans["global"].closes == {CaseState.RELEASED: 1}
    assert nights.dues(TUESDAY) == {}


def test_of_a_patron_with_a_held_case_global_reports_its_own_charges_only(koha: KohaDatabase) -> None:
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, branch="CPL")
    owes(koha, patron, "45.00", day=IN_THE_WINDOW, branch="FPL")
    nights, rest = after_north(koha, "charge")
    nights.good_night()
    without(nights, rest)
    nights.night(MONDAY)
    assert nights.dues(MONDAY) == {patron: "55.00"}
    koha.execute("UPDATE accountlines SET amountoutstanding = 0 WHERE branchcode = 'CPL'")
    nights.night(TUESDAY)
    assert nights.open_patrons() == {patron}
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_case WHERE state = 'open'") == 2
    pays(koha, patron)
    nights.night(WEDNESDAY)
    assert nights.dues(WEDNESDAY) == {patron: "0.00"}
    nights.night(THURSDAY)
    assert nights.open_patrons() == set()
    assert nights.dues(THURSDAY) == {}


def test_a_held_release_is_judged_again_under_lock(koha: KohaDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    patron = owing(koha, branch="CPL")
    nights, rest = after_north(koha, "patron")
    nights.good_night()
    without(nights, rest)
    pays(koha, patron)

    def voids_the_payment(*given: Any, **named: Any) -> Any:
        koha.execute("UPDATE accountlines SET amountoutstanding = 30 WHERE description = ''")
        return judge_under_lock(*given, **named)

    monkeypatch.setattr(nightly_module, "judge_under_lock", voids_the_payment)
    nights.night(MONDAY)
    assert nights.states() == {patron: "open"}
    assert nights.dues(MONDAY) == {}


@pytest.mark.parametrize(("now", "held"), [((), False), (("reports@agency.example",), True)])
def test_an_upload_to_another_place_is_no_other_recipient_but_a_mail_to_somebody_new_is(
    koha: KohaDatabase, now: tuple[str, ...], *, held: bool
) -> None:
    owing(koha, branch="CPL")
    nights, (rest,) = after_north(koha, "patron")
    nights.good_night()
    koha.execute("UPDATE gentle_nudge_delivery SET channel = 'sftp', recipient = 'sftp.agency.example/in'")
    without(nights, (replace(rest, policy=replace(rest.policy, send_to=now)),))
    (section,) = nights.sections
    gone = ("north",)
    assert (section.held, section.frees, section.keeps_up) == ((gone, gone, ()) if held else ((), (), gone))


def test_a_repeat_to_somebody_else_and_the_archive_make_no_difference(koha: KohaDatabase) -> None:
    owing(koha, branch="CPL")
    nights, rest = after_north(koha, "patron")
    nights.good_night()
    koha.execute("UPDATE gentle_nudge_delivery SET recipient = 'Reports@Agency.example'")
    instants = "since, since AS queued, since AS next_attempt"
    for report in koha.query(f"SELECT DISTINCT report_id, {instants} FROM gentle_nudge_delivery"):
        sent = {**report, "state": "sent", "attempts": 1}
        koha.put("gentle_nudge_delivery", **sent, channel="email", recipient="lawyer@library.example", is_repeat=1)
        koha.put("gentle_nudge_delivery", **sent, channel="file", recipient="/archive", is_repeat=0)
    without(nights, rest)
    assert (nights.sections[0].held, nights.sections[0].keeps_up) == ((), ("north",))
