"""Questions to a dry run: who is left out, and what if the policy said something else."""

import csv
import json
import random
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import MONDAY, SUNDAY
from tests.builders.koha import a_guarantor, a_patron, owes, owing, pays
from tests.support.command import Command
from tests.support.nights import snapshot
from tests.support.sample_library import cast_alone

A_SCAN = "USE INDEX ()"
NORTH = '[[library]]\nname = "north"\nbranches = ["MPL"]\nthreshold = 60.00\n'


def asked(evenings: Evenings, *options: str, day: date = SUNDAY) -> list[dict[str, Any]]:
    """What a dry run says to programs; it is all well, whatever is named on stderr."""
    done = evenings.run("nightly", "--dry-run", "--format", "json", *options, on=day)
    assert done.returncode == 0, done.stderr
    answer: list[dict[str, Any]] = json.loads(done.stdout)
    return answer


def test_a_dry_run_names_who_is_left_out_by_reason_and_then_by_name(library: Library) -> None:
    evenings = library()
    evenings.owing()
    zola, adams = (evenings.owing("41.00", surname=name, sort1="Book club") for name in ("Zola", "adams"))
    minor = evenings.owing("27.00", surname="Aaron", born=date(2010, 1, 1))
    flagged = evenings.owing("25.00", surname="Zz", sort1="yes", card="1001")
    evenings.owing("24.99", surname="Less")
    (plan,) = asked(evenings, "--left-out")
    assert plan["left_out_patrons"] == [
        {"number": number, "reason": reason, "owed_in_window": owed, "balance": owed}
        for number, reason, owed in (
            (flagged, "IN_COLLECTIONS", "25.00"),
            (adams, "FLAG_IN_OTHER_USE", "41.00"),
            (zola, "FLAG_IN_OTHER_USE", "41.00"),
            (minor, "MINOR", "27.00"),
        )
    ]
    screen = evenings.does("nightly", "--dry-run", "--left-out")
    start = screen.splitlines().index("Who is left out: 4")
    why, heading, first, *others = (line.strip() for line in screen.splitlines()[start + 1 : start + 11])
    assert why == "in collections already: a case is open, or the flag says yes (IN_COLLECTIONS): 1"
    assert heading.split() == ["number", "card", "name", "in", "window"]
    assert first.split() == [str(flagged), "1001", "Zz,", "Pat", "25.00"]
    assert [line.split()[0] for line in others if line[:1].isdigit()] == [str(each) for each in (adams, zola, minor)]
    assert "a minor (MINOR): 1" in others


def test_unless_asked_nobody_is_named_and_nobody_left_out_is_an_empty_list(library: Library) -> None:
    evenings = library()
    evenings.owing("24.99", surname="Less")
    assert "left_out_patrons" not in asked(evenings)[0]
    assert asked(evenings, "--left-out")[0]["left_out_patrons"] == []
    assert "Who is left out: 0" in evenings.does("nightly", "--dry-run", "--left-out")


def test_whose_cases_change_is_shown_with_card_and_name_and_programs_get_numbers(library: Library) -> None:
    evenings = library()
    patron = evenings.referred(card="1001", surname="Payer")
    pays(evenings.koha, patron)
    screen = evenings.does("nightly", "--dry-run", on=MONDAY).splitlines()
    row = screen[screen.index("Released: 1") + 2].split()
    assert row[:4] == [str(patron), "1001", "Payer,", "Pat"]
    assert screen[-1] == "In all: 1 released; 1 in the update, due 0.00."
    for said in (json.dumps(asked(evenings, day=MONDAY)), json.dumps(asked(evenings, "--set", "threshold=1"))):
        assert "1001" not in said
        assert "Payer" not in said


@pytest.mark.parametrize(("threshold", "then"), [("30", ["a", "b"]), ("30.01", ["b"]), ("50", ["b"]), ("50.01", [])])
def test_another_threshold_counts_from_its_own_amount_on(library: Library, threshold: str, then: list[str]) -> None:
    evenings = library()
    patrons = {evenings.owing("30.00"): "a", evenings.owing("50.00"): "b", evenings.owing("10.00"): "c"}
    before = snapshot(evenings.koha)
    what_if = asked(evenings, "--set", f"threshold={threshold}")[0]["what_if"]
    assert what_if["set"] == {"threshold": f"{float(threshold):.2f}"}
    assert what_if["now"] == {"referred": 2, "balance": "80.00", "fees": "20.00", "left_out": {}, "owing_less": 1}
    assert what_if["then"]["referred"] == len(then)
    assert what_if["then"]["owing_less"] == 3 - len(then)
    assert what_if["difference"]["owing_less"] == 2 - len(then)
    assert [patrons[number] for number in what_if["only_now"]] == [name for name in "ab" if name not in then]
    assert what_if["only_then"] == []
    assert snapshot(evenings.koha) == before


def test_a_lower_threshold_finds_whom_the_settings_do_not_look_at(library: Library) -> None:
    evenings = library()
    now, then = evenings.owing("30.00"), evenings.owing("20.00")
    evenings.owing("20.00", sort1="Book club")
    evenings.owing("19.99")
    what_if = asked(evenings, "--set", "threshold=20", "--set", "processing_fee=5")[0]["what_if"]
    assert (what_if["only_now"], what_if["only_then"]) == ([], [then])
    assert what_if["then"] == {
        "referred": 2,
        "balance": "50.00",
        "fees": "10.00",
        "left_out": {"FLAG_IN_OTHER_USE": 1},
        "owing_less": 1,
    }
    assert what_if["difference"] == {
        "referred": 1,
        "balance": "20.00",
        "fees": "0.00",
        "left_out": {"FLAG_IN_OTHER_USE": 1},
        "owing_less": -2,
    }
    assert [row["number"] for row in asked(evenings, "--set", "threshold=20")[0]["referred"]] == [now]


def test_another_window_is_read_for_itself(library: Library) -> None:
    evenings = library()
    inside, younger = evenings.owing(), owing(evenings.koha, "30.00", day=SUNDAY - timedelta(days=30))
    both = asked(evenings, "--set", "count_fees_older_than=30")[0]["what_if"]
    assert (both["only_now"], both["only_then"]) == ([], [younger])
    both = asked(evenings, "--set", "count_fees_older_than=31", "--set", 'debit_types=["LOST"]')[0]["what_if"]
    assert (both["only_now"], both["only_then"], both["then"]["referred"]) == ([], [], 1)
    assert both["set"] == {"count_fees_older_than": 31, "debit_types": ["LOST"]}
    assert inside != younger


@pytest.mark.mariadb
@pytest.mark.parametrize(
    ("assignment", "scans"), [("threshold=20", 1), ("minors=include", 1), ("minors=guardian", 2), ("reopen_days=0", 2)]
)
def test_what_both_need_is_read_once(library: Library, assignment: str, scans: int) -> None:
    evenings = library()
    evenings.owing()
    done = evenings.run("--debug", "nightly", "--dry-run", "--set", assignment, on=SUNDAY)
    assert (done.returncode, done.stderr.count(A_SCAN)) == (0, scans), done.stderr


def test_it_holds_for_every_section_also_one_that_says_otherwise(library: Library) -> None:
    evenings = library(tables=NORTH)
    here, there = evenings.owing("40.00"), evenings.owing("50.00", branch="MPL")
    of_all, of_north = (plan["what_if"] for plan in asked(evenings, "--set", "threshold=45"))
    assert (of_all["only_now"], of_all["only_then"]) == ([here], [])
    assert (of_north["only_now"], of_north["only_then"]) == ([], [there])
    (only,) = asked(evenings, "--set", "threshold=50.01", "--library", "north")
    assert only["what_if"]["then"]["referred"] == 0


def test_a_fuse_is_named_and_holds_nobody_back(library: Library) -> None:
    evenings = library(policy="most_referrals = 1\nmost_adoptions = 0")
    for _ in range(2):
        evenings.owing()
    evenings.owing(sort1="yes")
    (plan,) = asked(evenings, "--set", "threshold=20")
    assert (plan["what_if"]["now"]["referred"], plan["what_if"]["then"]["referred"]) == (2, 2)
    assert (len(plan["referred"]), len(plan["adopted"]), plan["refusals"]) == (2, 1, [])
    named = " ".join(plan["named"])
    assert "2 patrons qualify, more than the 1" in named
    assert "more than the 0 a night may adopt" in named
    assert evenings.run("nightly", "--dry-run").returncode == 1
    done = evenings.run("nightly", "--dry-run", "--set", "most_referrals=2")
    assert done.returncode == 0
    assert "2 patrons qualify" in done.stdout


@pytest.mark.parametrize("decided", ["open", "rejected", "left out", "none"])
def test_it_is_judged_as_if_there_were_no_list(library: Library, decided: str) -> None:
    evenings = library(policy='review_days = 3\nreview_ends = "lapse"')
    listed = [evenings.owing("30.00"), evenings.owing("50.00")]
    if decided != "none":
        evenings.does("nightly", on=SUNDAY - timedelta(days=3))
    if decided == "rejected":
        evenings.does("review", "reject", str(SUNDAY), "--reason", "closed")
    if decided == "left out":
        evenings.does("review", "leave-out", f"number:{listed[0]}", "--reason", "found")
    later = evenings.owing("60.00")
    (plan,) = asked(evenings, "--set", "threshold=40")
    what_if = plan["what_if"]
    assert (what_if["now"]["referred"], what_if["then"]["referred"], what_if["only_now"]) == (3, 2, [listed[0]])
    assert {row["number"] for row in plan["referred"]} == {*listed, later}
    reasons = {*what_if["now"]["left_out"], *what_if["then"]["left_out"]}
    assert not reasons & {"LEFT_OUT", "NOT_ON_THE_LIST"}


def test_the_files_are_those_of_then(library: Library) -> None:
    evenings = library()
    less, more = evenings.owing("30.00"), evenings.owing("50.00")
    evenings.does("nightly", "--dry-run", "--set", "threshold=50", "--set", "processing_fee=7", "--output", "look")
    folder = evenings.command.cwd / "look"
    (row,) = csv.DictReader((folder / f"ums-new-submissions-{SUNDAY}.csv").read_text(encoding="utf-8").splitlines())
    assert (row["borrowernumber"], row["Total_Plus_Fee"]) == (str(more), "57.00")
    updated = csv.DictReader((folder / f"ums-updates-{SUNDAY}.csv").read_text(encoding="utf-8").splitlines())
    assert str(less) not in {row["borrowernumber"] for row in updated}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nightly", "--set", "threshold=20"), "--set belongs to --dry-run"),
        (("nightly", "--left-out"), "--left-out belongs to --dry-run"),
        (("nightly", "--dry-run", "--set", "treshold=20"), "threshold"),
        (("nightly", "--dry-run", "--set", "threshold"), "write key=value"),
        (("nightly", "--dry-run", "--set", 'debit_types=["NONE"]'), "NONE"),
        (("nightly", "--dry-run", "--set", "flag=attribute:NONE"), "NONE"),
        (("nightly", "--dry-run", "--set", "threshold=0"), "clear_at_or_below has to be less than threshold"),
        (("explain", "number:1", "--set", "exemption=sort1"), "exemption and flag have to be different fields"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_nothing_done(library: Library, words: tuple[str, ...], says: str) -> None:
    evenings = library()
    evenings.owing()
    before = snapshot(evenings.koha)
    done = evenings.run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert snapshot(evenings.koha) == before


def test_on_another_day_it_says_that_no_submission_is_due(library: Library) -> None:
    evenings = library()
    evenings.owing()
    said = evenings.does("nightly", "--dry-run", "--set", "threshold=20", on=MONDAY)
    assert "Now: No submission is due (day of the week: Sunday). Ask with --day." in said
    what_if = asked(evenings, "--set", "submit_on=monday", day=MONDAY)[0]["what_if"]
    assert (what_if["now"]["referred"], what_if["then"]["referred"], what_if["set"]) == (0, 1, {"submit_on": "monday"})


# The sample library


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """What a dry run of the sample library's next Sunday says of a question."""
    command = Command(tmp_path_factory.mktemp("sample"))
    cast_alone(command)

    def ask(*options: str) -> dict[str, Any]:
        config = ("--config", "gentle-nudge-demo/gentle-nudge.toml")
        done = command.run(*config, "nightly", "--dry-run", "--day", "2026-11-29", "--format", "json", *options)
        assert done.returncode == 0, done.stderr
        (plan,) = json.loads(done.stdout)
        answer: dict[str, Any] = plan["what_if"]
        return answer

    return ask


def test_the_sample_library_with_a_threshold_of_40(sample: Callable[..., dict[str, Any]]) -> None:
    answer = sample("--set", "threshold=40")
    now, then, difference = answer["now"], answer["then"], answer["difference"]
    sums = [(each["referred"], each["balance"], each["fees"], each["owing_less"]) for each in (now, then)]
    assert sums == [(2, "84.00", "20.00", 19), (1, "50.00", "10.00", 47)]
    assert [sum(each["left_out"].values()) for each in (now, then)] == [39, 12]
    assert (answer["only_now"], answer["only_then"]) == ([36], [])
    changes = {reason: difference["left_out"][reason] for reason in ("NO_LOST_CHARGE", "MINOR", "IN_COLLECTIONS")}
    assert changes == {"NO_LOST_CHARGE": -3, "MINOR": -3, "IN_COLLECTIONS": -11}


def test_the_sample_library_with_a_threshold_of_20(sample: Callable[..., dict[str, Any]]) -> None:
    answer = sample("--set", "threshold=20")
    assert (answer["then"]["referred"], answer["then"]["balance"]) == (5, "157.07")
    assert (answer["only_now"], answer["only_then"]) == ([], [31, 52, 129])


# The comparison and the night


ANSWERS = (
    ("threshold", "20.00"),
    ("threshold", "30.01"),
    ("processing_fee", "0.00"),
    ("minors", '"include"'),
    ("minors", '"guardian"'),
    ("unknown_birthdate", '"include"'),
    ("adult_age", "14"),
    ("require_lost_fee", "true"),
    ("charged_as_minor", '"leave_out"'),
    ("categories", '["PT"]'),
    ("excluded_categories", '["PT"]'),
    ("excluded_debit_types", '["OVERDUE"]'),
    ("count_fees_newer_than", "200"),
    ("clear_paid", "false"),
    ("clear_at_or_below", "5.00"),
    ("flag", '"sort2"'),
    ("submit_on", '"monday"'),
)


def somebody(evenings: Evenings, chance: random.Random) -> None:
    """A patron with charges, of any age and with any flag."""
    patron = a_patron(
        evenings.koha,
        category=chance.choice(["PT", "ST", "J"]),
        sort1=chance.choice([None, None, "no", "yes", "Book club"]),
        sort2=chance.choice([None, None, None, "yes", "Book club"]),
        born=chance.choice([None, "1980-05-05", "2010-01-01", "2008-09-08", "2008-11-22"]),
    )
    if chance.random() < 0.3:
        a_guarantor(evenings.koha, of=patron)
    for _ in range(chance.randrange(1, 4)):
        day = SUNDAY - timedelta(days=chance.choice([59, 60, 75, 90, 91]))
        kind = chance.choice(["LOST", "LOST", "OVERDUE"])
        owes(evenings.koha, patron, chance.choice(["5.00", "19.99", "25.00", "30.00"]), day=day, type=kind)


def test_then_is_what_a_night_with_these_settings_would_do(library: Library) -> None:
    evenings, chance = library(policy="most_adoptions = 200\nmost_referrals = 0"), random.Random(7)
    for _ in range(120):
        somebody(evenings, chance)
    as_written = evenings.config.read_text(encoding="utf-8")
    (tonight,) = asked(evenings)
    for key, value in ANSWERS:
        (compared,) = asked(evenings, "--set", f"{key}={value}")
        given = re.sub(rf"^{key} = .*\n", "", as_written, flags=re.MULTILINE)
        evenings.config.write_text(given.replace("[policy]\n", f"[policy]\n{key} = {value}\n"), encoding="utf-8")
        (night,) = json.loads(evenings.run("nightly", "--dry-run", "--format", "json").stdout)
        evenings.config.write_text(as_written, encoding="utf-8")
        for figures, plan in ((compared["what_if"]["now"], tonight), (compared["what_if"]["then"], night)):
            rows = plan["referred"] or plan["held"]
            assert figures["left_out"] == plan["left_out"], (key, value)
            assert (figures["referred"], figures["owing_less"]) == (len(rows), plan["owing_less"]), (key, value)
            assert Decimal(figures["balance"]) == sum(Decimal(row["balance"]) for row in rows), (key, value)
        now, then = ({row["number"] for row in plan["referred"]} for plan in (tonight, night))
        differing = (compared["what_if"]["only_now"], compared["what_if"]["only_then"])
        assert differing == (sorted(now - then), sorted(then - now)), (key, value)
