"""A section that leaves the settings is not handed to another agency; charges_by does not change under open cases."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.acceptance.evenings import Evenings, Library, dues
from tests.builders.days import IN_THE_WINDOW, MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import a_patron, merge, owes, owing, pays, void
from tests.support import backup
from tests.support.smtp import SmtpServer

NORTH = """
[[library]]
name = "north"
branches = ["FPL"]
send_to = ["{to}"]
{keys}
"""
OTHERS = "reports@other.example"
SAME = "reports@agency.example.org"
WAY_OUT = "gentle-nudge cases move north NEW"


def north(to: str = OTHERS, keys: str = "") -> str:
    """The table of the section."""
    return NORTH.format(to=to, keys=keys)


def gone(library: Library, *, to: str = OTHERS, patrons: int = 1) -> tuple[Evenings, list[int]]:
    """North referred some patrons on the Sunday; the settings do not know it any more."""
    evenings = library(tables=north(to))
    numbers = [owing(evenings.koha, branch="FPL") for _ in range(patrons)]
    evenings.does("nightly", on=SUNDAY)
    evenings.configure()
    return evenings, numbers


def told(evenings: Evenings, name: str) -> dict[int, Decimal]:
    return dues(evenings.stored(name))


# ---- held


def test_cases_of_a_gone_section_are_told_to_nobody_else_and_named_each_night(library: Library) -> None:
    evenings, _ = gone(library)
    for day in (MONDAY, TUESDAY):
        night = evenings.run("nightly", on=day)
        assert night.returncode == 1
        assert "section north is gone from the settings" in night.stderr
        assert "nobody is told of its 1 case;" in night.stderr
        assert WAY_OUT in night.stderr
        assert evenings.update(day) == {}
    assert evenings.run("sync").returncode == 0
    assert told(evenings, f"ums-sync-{TUESDAY}.csv") == {}
    assert [case["state"] for case in evenings.cases()] == ["open"]


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (f'send_to = ["{SAME.upper()}"]', ""),
        ("", 'copy_to = ["director@library.example.org"]'),
        ('copy_to = ["director@library.example.org"]', ""),
    ],
)
def test_with_the_same_recipients_global_goes_on_with_them(library: Library, then: str, now: str) -> None:
    table = north(SAME, then) if "send_to" not in then else north(SAME.upper())
    evenings = library(tables=table)
    patron = owing(evenings.koha, branch="FPL")
    evenings.does("nightly", on=SUNDAY)
    # Copies to readers tell nobody; who is told is what counts.
    evenings.koha.execute("UPDATE gentle_nudge_delivery SET tells = 0 WHERE recipient LIKE 'director%'")
    evenings.configure(policy=now)
    night = evenings.run("nightly", on=MONDAY)
    assert night.returncode == 0
    assert "its 1 open case is kept up here" in night.stderr
    assert evenings.update(MONDAY) == {patron: Decimal("40.00")}


def test_a_case_that_was_never_reported_is_handed_to_nobody_new_and_goes_on(library: Library) -> None:
    evenings = library(tables=north())
    patron = a_patron(evenings.koha, branch="FPL", sort1="yes")
    owes(evenings.koha, patron, "30.00", day=SUNDAY)
    evenings.does("init", "--adopt", "--yes", on=SUNDAY)
    assert [case["section"] for case in evenings.cases()] == ["north"]
    evenings.configure()
    evenings.run("nightly", on=MONDAY)
    assert evenings.update(MONDAY) == {patron: Decimal("30.00")}


def test_without_a_flag_a_held_case_is_not_withdrawn_and_a_deleted_patron_does_not_end_it(library: Library) -> None:
    evenings, (patron, deleted) = gone(library, patrons=2)
    evenings.koha.execute("UPDATE borrowers SET sort1 = NULL")
    evenings.koha.execute("UPDATE accountlines SET borrowernumber = NULL WHERE borrowernumber = :n", n=deleted)
    evenings.koha.execute("DELETE FROM borrowers WHERE borrowernumber = :n", n=deleted)
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    assert [case["state"] for case in evenings.cases()] == ["open", "open"]
    assert evenings.flag(patron) is None


def test_a_held_patron_is_in_collections_for_every_section(library: Library) -> None:
    evenings, (patron,) = gone(library)
    owes(evenings.koha, patron, "90.00", day=NEXT_SUNDAY)
    evenings.koha.execute("UPDATE accountlines SET date = date + INTERVAL 7 DAY WHERE date < :day", day=MONDAY)
    evenings.koha.execute("UPDATE borrowers SET sort1 = NULL")
    assert evenings.run("nightly", on=NEXT_SUNDAY).returncode == 1
    assert told(evenings, f"ums-new-submissions-{NEXT_SUNDAY}.csv") == {}
    assert "in collections already" in evenings.does("explain", f"number:{patron}")
    evenings.koha.execute("UPDATE borrowers SET sort1 = 'yes'")
    evenings.run("nightly", on=NEXT_SUNDAY.replace(day=30))
    assert len(evenings.cases()) == 1, "no second case by adoption"


def test_a_held_case_follows_the_heir_of_a_merged_card(library: Library) -> None:
    evenings, (patron,) = gone(library)
    heir = a_patron(evenings.koha, branch="CPL")
    merge(evenings.koha, heir, [patron])
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    (case,) = evenings.cases()
    assert (case["patron"], case["number"], case["state"]) == (heir, patron, "open")
    assert evenings.update(MONDAY) == {}


# ---- who has paid


def test_who_has_paid_is_released_and_the_last_word_waits_until_somebody_may_be_told(library: Library) -> None:
    evenings, (patron,) = gone(library)
    pays(evenings.koha, patron)
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    (case,) = evenings.cases()
    assert case["state"] == "released"
    assert evenings.flag(patron) == "no"
    assert evenings.koha.value("SELECT COUNT(*) FROM borrower_debarments") == 0
    assert evenings.update(MONDAY) == {}
    owes(evenings.koha, patron, "5.00", day=MONDAY)
    night = evenings.run("nightly", on=TUESDAY)
    assert (night.returncode, "its 1 case;" in night.stderr) == (1, True)
    evenings.configure(tables=north(keys="enabled = false"))
    evenings.does("nightly", on=WEDNESDAY)
    assert told(evenings, f"ums-updates-{WEDNESDAY}-north.csv") == {patron: Decimal("0.00")}
    assert evenings.update(WEDNESDAY) == {}
    evenings.does("nightly", on=NEXT_SUNDAY)
    assert told(evenings, f"ums-updates-{NEXT_SUNDAY}-north.csv") == {}


# ---- the ways out


def test_formerly_hands_them_to_the_section_that_says_so(library: Library) -> None:
    evenings, (patron,) = gone(library)
    evenings.run("nightly", on=MONDAY)
    evenings.configure(tables=north("reports@third.example", 'formerly = ["north"]').replace('"north"', '"upper"', 1))
    evenings.does("nightly", on=TUESDAY)
    assert told(evenings, f"ums-updates-{TUESDAY}-upper.csv") == {patron: Decimal("40.00")}


def test_cases_move_takes_the_open_ones_and_the_last_words_that_wait(library: Library) -> None:
    evenings, (patron, paid) = gone(library, patrons=2)
    pays(evenings.koha, paid)
    evenings.run("nightly", on=MONDAY)
    evenings.does("cases", "move", "north", "global", on=TUESDAY)
    evenings.does("nightly", on=TUESDAY)
    assert evenings.update(TUESDAY) == {patron: Decimal("40.00"), paid: Decimal("0.00")}


def test_staff_may_take_back_a_held_patron_and_the_last_word_waits(library: Library) -> None:
    evenings, (patron,) = gone(library)
    evenings.run("nightly", on=MONDAY)
    evenings.does("release", f"number:{patron}", "--reason", "a mistake", on=MONDAY)
    assert [case["state"] for case in evenings.cases()] == ["withdrawn"]
    assert evenings.run("nightly", on=TUESDAY).returncode == 1
    assert evenings.update(TUESDAY) == {}


def test_check_and_status_name_a_section_whose_cases_are_held(library: Library) -> None:
    evenings, _ = gone(library)
    evenings.run("nightly", on=MONDAY)
    findings = json.loads(evenings.run("check", "--format", "json").stdout)
    (held,) = (finding for finding in findings if finding["name"] == "section-held")
    assert (held["severity"], WAY_OUT in held["way_out"]) == ("problem", True)
    assert "section-gone" not in {finding["name"] for finding in findings}
    status = evenings.run("status")
    assert status.returncode == 1
    assert "section north is gone from the settings" in status.stdout
    evenings.does("cases", "move", "north", "global")
    assert evenings.run("status").returncode == 0


def test_a_lost_submission_of_a_held_section_is_not_handed_to_another_agency_after_a_restore(
    library: Library, tmp_path: Path
) -> None:
    archive = f'[archive]\ndirectory = "{tmp_path}/archive"\n'
    evenings = library(tables=archive + north())
    owing(evenings.koha, branch="FPL")
    evenings.does("nightly", on=SUNDAY)
    saved = backup.take(evenings.koha)
    lost = owing(evenings.koha, branch="FPL")
    evenings.does("nightly", on=NEXT_SUNDAY)
    backup.restore(evenings.koha, saved)
    owing(evenings.koha, branch="FPL", borrowernumber=lost)
    evenings.configure(tables=archive)
    evenings.does("init", "--restored", "--yes")
    assert [(case["patron"], case["section"]) for case in evenings.cases()][1:] == [(lost, "north")]
    night = evenings.run("nightly", on=NEXT_SUNDAY)
    assert "nobody is told of its 2 cases" in night.stderr
    assert evenings.update(NEXT_SUNDAY) == {}


# ---- charges_by


def in_two_sections(library: Library) -> tuple[Evenings, int]:
    """A patron with charges at two branches has an open case in both sections; then charges_by is changed."""
    by_charge = '[libraries]\ncharges_by = "charge"\n'
    evenings = library(tables=north(keys='flag = "sort2"') + by_charge)
    patron = a_patron(evenings.koha, branch="FPL")
    for branch in ("FPL", "CPL"):
        owes(evenings.koha, patron, "30.00", day=SUNDAY.replace(day=1, month=9), branch=branch)
    evenings.does("nightly", on=SUNDAY)
    assert [case["patron"] for case in evenings.cases()] == [patron, patron]
    evenings.configure(tables=north(keys='flag = "sort2"'))
    return evenings, patron


def test_charges_by_patron_is_refused_while_a_patron_has_open_cases_in_several_sections(library: Library) -> None:
    evenings, patron = in_two_sections(library)
    before = evenings.koha.value("SELECT COUNT(*) FROM gentle_nudge_run")
    for command in (["nightly"], ["nightly", "--dry-run"], ["nightly", "--library", "north"], ["sync"]):
        refused = evenings.run(*command, on=MONDAY)
        assert refused.returncode == 2, command
        assert f"patron number {patron}." in refused.stderr
        assert "gentle-nudge release" in refused.stderr
    assert evenings.koha.value("SELECT COUNT(*) FROM gentle_nudge_run") == before
    findings = json.loads(evenings.run("check", "--format", "json").stdout)
    (found,) = (finding for finding in findings if finding["name"] == "charges-by-changed")
    assert f"patron number {patron}." in found["what"]


def test_it_is_allowed_again_once_one_case_of_each_patron_is_ended_or_the_key_is_changed_back(library: Library) -> None:
    evenings, patron = in_two_sections(library)
    assert evenings.run("nightly", on=MONDAY).returncode == 2
    evenings.configure(tables=north(keys='flag = "sort2"') + '[libraries]\ncharges_by = "charge"\n')
    evenings.does("nightly", on=MONDAY)
    evenings.configure(tables=north(keys='flag = "sort2"'))
    evenings.does("release", f"number:{patron}", "--library", "north", "--reason", "one agency is enough", on=TUESDAY)
    evenings.does("nightly", on=TUESDAY)


@pytest.mark.parametrize(("ended", "goes_on"), [("north", "global"), ("global", "north")])
def test_of_two_cases_staff_end_the_one_they_name_also_that_of_a_gone_section(
    library: Library, ended: str, goes_on: str
) -> None:
    evenings, patron = in_two_sections(library)
    evenings.configure(tables='[libraries]\ncharges_by = "charge"\n')
    release = ("release", f"number:{patron}", "--reason", "one agency is enough")
    unsure = evenings.run(*release, on=MONDAY)
    assert (unsure.returncode, "cases in several sections: global, north." in unsure.stderr) == (2, True)
    assert evenings.run(*release, "--library", "south").returncode == 2
    evenings.does(*release, "--library", ended)
    assert {case["section"]: case["state"] for case in evenings.cases()} == {ended: "withdrawn", goes_on: "open"}


def test_what_was_queued_before_is_still_delivered(library: Library) -> None:
    evenings, _ = in_two_sections(library)
    evenings.koha.execute("UPDATE gentle_nudge_delivery SET state = 'due', next_attempt = since")
    assert evenings.run("nightly", on=MONDAY).returncode == 2
    assert set(evenings.states()) == {"due"}
    evenings.does("deliver", on=MONDAY)
    assert set(evenings.states()) <= {"sent", "superseded"}


def test_with_charges_by_patron_nobody_with_an_open_case_is_adopted_by_another_section(library: Library) -> None:
    evenings = library(tables=north(keys='flag = "sort2"'))
    patron = owing(evenings.koha, branch="FPL")
    evenings.does("nightly", on=SUNDAY)
    evenings.koha.execute("UPDATE borrowers SET sort1 = 'yes', branchcode = 'CPL' WHERE borrowernumber = :n", n=patron)
    evenings.does("nightly", on=MONDAY)
    assert len(evenings.cases()) == 1


# ---- its closed cases


def test_a_closed_case_of_a_gone_section_is_not_reopened_for_another_agency(library: Library, smtp: SmtpServer) -> None:
    evenings = library(tables=north("reports@others.org"), port=smtp.port)
    patron = owing(evenings.koha, branch="FPL")
    evenings.does("nightly", on=SUNDAY)
    payment = pays(evenings.koha, patron)
    evenings.does("nightly", on=MONDAY)
    evenings.configure(port=smtp.port)
    void(evenings.koha, payment)
    evenings.does("nightly", on=TUESDAY)
    assert evenings.update(TUESDAY) == {}
    evenings.configure(tables=north("reports@others.org"), port=smtp.port)
    evenings.does("nightly", on=WEDNESDAY)
    assert told(evenings, f"ums-updates-{WEDNESDAY}-north.csv") == {patron: 40}, "the section itself reopens it"


def test_a_last_word_that_never_left_is_named_after_its_section_is_gone_and_moves_with_the_cases(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(tables=north("reports@others.org"), port=smtp.port)
    patron = owing(evenings.koha, branch="FPL")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, patron)
    smtp.answer("rcpt", "451 come back later")
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    smtp.behave()
    evenings.configure(port=smtp.port)
    waiting = evenings.koha.query("SELECT id FROM gentle_nudge_delivery WHERE state IN ('due', 'failed')")
    evenings.does("outbox", "cancel", *(str(row["id"]) for row in waiting), "--reason", "nobody reads there")
    night = evenings.run("nightly", on=TUESDAY)
    assert (night.returncode, evenings.run("status").returncode) == (1, 1)
    assert "nobody is told of its 1 case" in night.stderr
    evenings.does("cases", "move", "north", "global")
    evenings.does("nightly", on=WEDNESDAY)
    assert evenings.update(WEDNESDAY) == {patron: 0}


def test_the_fee_of_a_closed_case_of_a_gone_section_is_owed_like_every_other_charge(library: Library) -> None:
    by_charge = '[libraries]\ncharges_by = "charge"\n'
    evenings = library(tables=by_charge + north(keys='flag = "sort2"'))
    patron = a_patron(evenings.koha)
    for branch, amount in (("FPL", "30.00"), ("CPL", "40.00")):
        owes(evenings.koha, patron, amount, day=IN_THE_WINDOW, branch=branch)
    another = owing(evenings.koha, branch="FPL")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, another)  # and might have to be reopened, so that north's cases are held
    evenings.does("release", f"number:{patron}", "--library", "north", "--reason", "a mistake")
    evenings.does("nightly", on=MONDAY)
    assert evenings.update(MONDAY) == {patron: Decimal("50.00")}
    evenings.configure(tables=by_charge)
    evenings.does("nightly", on=TUESDAY)
    assert evenings.update(TUESDAY) == {patron: Decimal("90.00")}  # both charges, both fees
