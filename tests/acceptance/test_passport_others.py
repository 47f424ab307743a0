"""The passport's duplicates and findings, rights, and what a killed copy leaves."""

import json
import os
import signal
import subprocess
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.acceptance.passports import FRIDAY, LEE, PERSON, Begin, Neighbours, of_api
from tests.builders.days import SUNDAY, ZONE
from tests.builders.koha import an_attribute_type, has_attribute, owes, owing
from tests.support.command import COMMAND
from tests.support.grants import PASSWORD, execute, forget, unlock, url_of_user, user_of
from tests.support.homes import Sent, wait_until

SECTIONS = """
[libraries]
charges_by = "charge"
others = false
[[library]]
name = "north"
branches = ["CPL"]
[[library]]
name = "south"
branches = ["FPL"]
flag = "sort2"
"""
BORN = date(1990, 4, 3)


def in_collections(library: Neighbours, branch: str, **columns: Any) -> int:
    """A patron of that branch who owes there."""
    patron = owing(library.koha, "30.00", branch=branch, **columns)
    library.koha.execute("UPDATE accountlines SET branchcode = :b WHERE borrowernumber = :n", b=branch, n=patron)
    return patron


def test_the_same_person_in_two_collections_is_named(neighbours: Begin) -> None:  # P18
    library = neighbours(libb='flag = "sort1"')
    library.configure(libb='flag = "sort1"', more=SECTIONS)
    lee = in_collections(library, "CPL", card=LEE, surname="Lee", firstname="Ann", born=BORN)
    other = in_collections(library, "FPL", card="2100042", surname=" LEE", firstname="ann ", born=BORN)
    in_collections(library, "FPL", card="2100043", surname="Lee", firstname="Ann", born=None)
    in_collections(library, "FPL", card="2100044", surname="Lee", firstname="Ann", born=date(1990, 4, 4))
    has_attribute(library.koha, lee, "PASSPORTED", "LIBB")
    library.libb.knows(LEE, sort1="Yes ")
    library.evenings.does("nightly", on=SUNDAY)
    before = library.everything()
    both = {each["because"]: each for each in library.asked("duplicates")}
    assert both["same_person"] == {
        "because": "same_person",
        "number": lee,
        "card": LEE,
        "section": "north",
        "referred_on": str(SUNDAY),
        "other_number": other,
        "other_card": "2100042",
        "other_section": "south",
        "other_server": None,
        "other_referred_on": str(SUNDAY),
    }
    flagged = both["flag_at_home"]
    assert (flagged["number"], flagged["other_server"], flagged["other_number"]) == (lee, "LIBB", None)
    sheet = library.run("duplicates", "--format", "csv").stdout.splitlines()
    assert sheet[0] == ",".join(flagged)
    assert len(sheet) == 3
    library.libb.answers(Sent(status=500), for_ever=True)
    done = library.run("duplicates", "--format", "json")
    assert (done.returncode, len(json.loads(done.stdout))) == (1, 1)
    assert "LIBB could not answer (500)." in done.stderr
    library.libb.answers()
    library.libb.knows(LEE, sort1="no")
    assert [each["because"] for each in library.asked("duplicates")] == ["same_person"]
    assert library.everything() == before


def test_one_patron_in_two_collections_is_named(neighbours: Begin) -> None:
    library = neighbours(more=SECTIONS)
    patron = in_collections(library, "CPL", card="2100050")
    owes(library.koha, patron, "30.00", day=SUNDAY - timedelta(days=70), branch="FPL")
    library.evenings.does("nightly", on=SUNDAY)
    (pair,) = library.asked("duplicates")
    assert (pair["because"], pair["number"], pair["other_number"]) == ("same_patron", patron, patron)
    assert (pair["section"], pair["other_section"]) == ("north", "south")


def names(library: Neighbours, *, code: int = 0, on: date = FRIDAY) -> dict[str, str | None]:
    """The findings of `passport check`, each with its server."""
    return {each["name"]: each["server"] for each in library.asked("check", code=code, on=on)}


@pytest.mark.every_koha
def test_a_library_without_a_fault_has_none_but_the_plugin_s(neighbours: Begin) -> None:
    library = neighbours()
    assert names(library) == {"passport-plugin-sends-all": "LIBB", "passport-no-loan-rule": None}
    library.koha.put("circulation_rules", rule_name="issuelength", rule_value="14")
    assert names(library) == {"passport-plugin-sends-all": "LIBB"}
    assert library.libb.paths[-1].endswith("/check/gentle-nudge-check")
    people = library.evenings.run("passport", "check", on=FRIDAY).stdout
    assert people.startswith("note: passport-plugin-sends-all\n")


@pytest.mark.parametrize(
    ("sent", "finding"),
    [
        (Sent(status=503), "passport-server-unreachable"),
        (Sent(status=403), "passport-server-refused"),
        (Sent(status=404), "passport-wrong-service"),
        (Sent(content={}), "passport-server-unusable"),
        (Sent(content=[], headers={"X-Base-Total-Count": "0"}), "passport-sees-nobody"),
    ],
)
def test_what_is_wrong_with_a_server_is_a_problem(neighbours: Begin, sent: Sent, finding: str) -> None:
    library = neighbours()
    library.libc.answers(sent, for_ever=True)
    assert names(library, code=1)[finding] == "LIBC"


def test_what_is_wrong_here_is_found(neighbours: Begin) -> None:
    library = neighbours('copy = ["birth"]')
    koha = library.koha
    koha.execute("UPDATE borrower_attribute_types SET unique_id = 1, opac_editable = 1, repeatable = 1")
    koha.execute("UPDATE categories SET enrolmentfee = 2, category_type = 'C' WHERE categorycode = 'PASS'")
    koha.prefer("ChildNeedsGuarantor", "1")
    koha.prefer("BorrowerMandatoryField", "surname|city|sex")
    library.is_here("LIBX", card="1")
    expected = {
        "attribute-unique",
        "attribute-opac-editable",
        "attribute-repeatable",
        "mandatory-not-copied",
        "needs-guarantor",
        "enrolment-fee",
        "no-loan-rule",
        "home-unknown",
        "plugin-sends-all",
    }
    assert names(library, code=1).keys() == {f"passport-{each}" for each in expected}
    library.configure('category = "NOPE"\nrestrictions = "mirror"', libc='branch = "NONE"')
    text = library.evenings.config.read_text(encoding="utf-8").replace('category = "PASS"\n', "", 1)
    library.evenings.config.write_text(text.replace("[passport]", '[passport]\nattribute = "GONE"'), encoding="utf-8")
    found = names(library, code=1)
    unknown = {"category-unknown", "branch-unknown", "attribute-unknown", "restriction-type-unknown"}
    assert {f"passport-{each}" for each in unknown} <= found.keys()


def test_homes_that_are_not_asked_or_know_nobody_any_more_are_found(neighbours: Begin) -> None:
    library = neighbours()
    library.is_here(card="2100009")
    assert "passport-refresh-old" in names(library)
    library.refreshed()
    assert "passport-refresh-old" not in names(library)
    assert "passport-refresh-old" not in names(library, on=FRIDAY + timedelta(days=7))
    assert "passport-refresh-old" in names(library, on=FRIDAY + timedelta(days=8))
    for days, is_long in ((30, False), (31, True)):
        day = FRIDAY + timedelta(days=days)
        library.refreshed(on=day)
        assert ("passport-not-found-long" in names(library, on=day)) == is_long


@pytest.mark.every_koha
def test_the_rights_that_grants_prints_are_enough(neighbours: Begin) -> None:
    library = neighbours('restrictions = "mirror"')
    koha, config = library.koha, library.evenings.config
    koha.put("restriction_types", code="PASSPORTED", display_text="Passported")
    koha.execute("UPDATE categories SET enrolmentfee = 5.00 WHERE categorycode = 'PASS'")
    execute(koha, library.evenings.does("grants", "--user", f"{user_of(koha)}@%"))
    unlock(koha)
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(koha.url_without_password, url_of_user(koha)), encoding="utf-8")

    def good(*args: str, on: date = FRIDAY) -> None:
        at = datetime(on.year, on.month, on.day, 23, tzinfo=ZONE)
        env = {"GENTLE_NUDGE_KOHA__PASSWORD": PASSWORD}
        done = library.evenings.command.run("--config", config, *args, env=env, at=at)
        assert (done.returncode, done.stderr) == (0, ""), (args, done.stderr)

    try:
        good("passport", "copy", LEE, "--from", "LIBB", "--allow-fee")
        library.libb.knows(LEE, address="7 Elm St", debarred="2027-12-31")
        good("passport", "refresh", "--all")
        library.libb.knows(LEE, debarred=None)
        good("passport", "refresh", "--open-cases")
        good("passport", "refresh", LEE)
        assert library.count("borrower_debarments") == 0
        for args in (("look-up", LEE), ("duplicates",), ("check",)):
            good("passport", *args)
        good("forget", LEE)
        good("nightly")
        said = library.evenings.command.run(
            "--config", config, "check", "--format", "json", env={"GENTLE_NUDGE_KOHA__PASSWORD": PASSWORD}
        )
        assert not [each for each in json.loads(said.stdout) if each["name"] == "grant-missing"]
        koha.execute(f"REVOKE INSERT ON `{koha.name}`.`borrowers` FROM '{user_of(koha)}'@'%'")
        said = library.evenings.command.run(
            "--config", config, "check", "--format", "json", env={"GENTLE_NUDGE_KOHA__PASSWORD": PASSWORD}
        )
        missing = [each["what"] for each in json.loads(said.stdout) if each["name"] == "grant-missing"]
        assert any("may not INSERT (cardnumber) on borrowers" in each for each in missing)
    finally:
        forget(koha)
    library.evenings.configure()
    assert "user_permissions" not in library.evenings.does("grants", "--user", "x@localhost")


@pytest.mark.process
def test_a_killed_copy_leaves_nothing(neighbours: Begin) -> None:
    library = neighbours()
    before = library.rows()
    with library.koha.engine.begin() as desk:
        desk.exec_driver_sql("SELECT * FROM gentle_nudge_meta FOR UPDATE")
        copying = subprocess.Popen(
            [COMMAND, "--config", library.evenings.config, "passport", "copy", LEE, "--from", "LIBB"],
            env={
                **library.evenings.command.environment(),
                "GENTLE_NUDGE_KOHA__PASSWORD": library.koha.server.password,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: bool(library.libb.requests))
        os.kill(copying.pid, signal.SIGKILL)
        copying.wait()
    assert library.rows() == before
    assert library.copied()


def test_a_copy_that_fails_half_way_leaves_nothing(neighbours: Begin) -> None:
    library = neighbours('restrictions = "mirror"')
    library.koha.put("restriction_types", code="PASSPORTED", display_text="Passported")
    library.koha.spoil("ALTER TABLE borrower_debarments MODIFY comment varchar(3)")
    before = library.rows()
    done = library.run("copy", LEE, "--from", "LIBB")
    assert (done.returncode, done.stdout) == (1, "")
    assert library.rows() == before


def test_an_attribute_of_the_home_can_be_its_flag(neighbours: Begin) -> None:
    library = neighbours(libc='flag = "attribute:COLL"')
    an_attribute_type(library.koha, "ANY")
    patron = in_collections(library, "CPL", card="2100060")
    has_attribute(library.koha, patron, "PASSPORTED", "LIBC")
    rows = [{"type": "coll", "value": "1"}, {"type": "X", "value": None}]
    library.libc.knows("2100060", **of_api(**PERSON), extended_attributes=rows)
    library.evenings.does("nightly", on=SUNDAY)
    assert [each["because"] for each in library.asked("duplicates")] == ["flag_at_home"]
