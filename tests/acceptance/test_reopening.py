"""A payment is voided: what the commands say of the case that is opened again."""

import json
from datetime import timedelta

from tests.acceptance.evenings import Library
from tests.builders.days import MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import a_patron, balance, owes, pays, void

CARD = "29999999"


def test_a_voided_payment_is_seen_in_every_question_and_told_that_night(library: Library) -> None:
    springfield = library()
    patron = springfield.referred(card=CARD)
    payment = pays(springfield.koha, patron)
    springfield.does("nightly", on=MONDAY)
    assert "would be reopened" not in springfield.does("explain", CARD, on=TUESDAY)
    void(springfield.koha, payment)
    assert "Case 1 would be reopened, without a second fee: its charges owe again." in springfield.does("explain", CARD)
    (explained,) = json.loads(springfield.does("explain", CARD, "--format", "json"))
    assert explained["reopens_case"] == 1
    assert "Reopened: the charges owe again: 1" in springfield.does("nightly", "--dry-run")
    (plan,) = json.loads(springfield.does("nightly", "--dry-run", "--format", "json"))
    assert [(each["number"], each["balance"]) for each in plan["reopened"]] == [(patron, "40.00")]
    assert springfield.update(MONDAY) == {patron: 0}
    springfield.does("nightly")
    assert springfield.update(TUESDAY) == {patron: 40}
    assert springfield.flag(patron) == "yes"
    (case,) = json.loads(springfield.does("cases", "--format", "json"))["cases"]
    assert (case["state"], case["closed_on"]) == ("open", None)
    assert f"released on {MONDAY}" in case["why"]
    assert f"reopened on {TUESDAY}" in case["why"]
    assert case["why"] in springfield.does("history", CARD)
    runs = json.loads(springfield.does("history", "--format", "json"))["runs"]
    reopened = {(run["day"], run["report"]): run["reopened"] for run in runs}
    assert (reopened[f"{TUESDAY}", "update"], reopened[f"{MONDAY}", "update"]) == (1, 0)
    springfield.does("nightly", on=WEDNESDAY)
    assert springfield.update(WEDNESDAY) == {patron: 40}


def test_too_many_are_refused_with_a_way_out_and_stay_out_of_the_submission(library: Library) -> None:
    springfield = library(policy="most_endings = 0\nmost_referrals = 2")
    patrons = [springfield.owing(), springfield.owing()]
    springfield.does("nightly", on=SUNDAY)
    another = a_patron(springfield.koha)
    owes(springfield.koha, another, "30.00", day=SUNDAY - timedelta(days=75))
    springfield.does("nightly", on=MONDAY)
    springfield.does("nightly", on=NEXT_SUNDAY)
    payments = [pays(springfield.koha, patron) for patron in (*patrons, another)]
    springfield.does("nightly", on=NEXT_SUNDAY + timedelta(days=1))
    for payment in payments:
        void(springfield.koha, payment)
    later = NEXT_SUNDAY + timedelta(days=7)
    done = springfield.run("nightly", on=later)
    assert done.returncode == 1
    assert "3 closed cases owe again, more than the 2 that may be reopened in one night" in done.stderr
    assert "nightly --most-referrals 3" in done.stderr
    assert {case["state"] for case in springfield.cases()} == {"released"}
    assert springfield.stored(f"ums-new-submissions-{later}.csv") == b"No qualifying records\n"
    springfield.does("nightly", "--most-referrals", "3", on=later + timedelta(days=1))
    assert {case["state"] for case in springfield.cases()} == {"open"}
    assert len(springfield.cases()) == 3


def test_adopting_by_hand_leaves_to_the_night_whoever_is_to_be_reopened(library: Library) -> None:
    springfield = library()
    patron = springfield.referred()
    payment = pays(springfield.koha, patron)
    springfield.does("nightly", on=MONDAY)
    void(springfield.koha, payment)
    stranger = a_patron(springfield.koha)
    springfield.koha.execute("UPDATE borrowers SET sort1 = 'yes'")
    assert "global: 1 adopted" in springfield.does("init", "--adopt", "--yes", on=TUESDAY)
    springfield.does("nightly")
    assert [(case["patron"], case["state"]) for case in springfield.cases()] == [
        (patron, "open"),
        (stranger, "released"),
    ]


def test_who_moved_to_a_branch_of_another_section_is_not_charged_a_second_fee_there(library: Library) -> None:
    sections = ('name = "south"\nbranches = ["CPL"]', 'name = "north"\nbranches = ["FPL"]')
    springfield = library(tables="".join(f"[[library]]\n{section}\n" for section in sections))
    patron = springfield.referred(branch="FPL")
    payment = pays(springfield.koha, patron)
    springfield.does("nightly", on=MONDAY)
    void(springfield.koha, payment)
    springfield.koha.execute("UPDATE borrowers SET branchcode = 'CPL'")
    springfield.does("nightly", on=NEXT_SUNDAY)
    assert [(case["section"], case["state"]) for case in springfield.cases()] == [("north", "open")]
    assert balance(springfield.koha, patron) == 40
