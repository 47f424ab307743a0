"""Lists: staff see who will be referred, and decide, before anybody is."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.acceptance.test_what_if import A_SCAN
from tests.builders.koha import a_patron, an_item, owing, pays, reserves
from tests.support.command import Command
from tests.support.koha import KohaDatabase
from tests.support.sample_library import cast_alone

RULES = "review_days = 3\n"


def nov(day: int) -> date:
    """That day of November 2026; the 22nd is a Sunday."""
    return date(2026, 11, day)


class Desk(Evenings):
    """A library with lists, five patrons who qualify on Sunday 22 November, and what became of them."""

    five: dict[str, int]

    def nights(self, *days: int) -> None:
        """A good and silent night on each of these days of November."""
        for day in days:
            self.does("nightly", on=nov(day))

    def lists(self) -> dict[str, tuple[str, int, str]]:
        """The day of each list -> its state, its rows, the sum of their balances."""
        rows = self.koha.query(
            "SELECT for_day, state, COUNT(patron) AS n, COALESCE(SUM(balance), 0) AS total FROM gentle_nudge_list "
            "LEFT JOIN gentle_nudge_list_row ON list_id = id GROUP BY id ORDER BY for_day, section"
        )
        return {str(row["for_day"]): (row["state"], row["n"], f"{row['total']:.2f}") for row in rows}

    def rows(self, day: int) -> dict[str, tuple[str, str | None, str]]:
        """The letter of each patron on the list of that day -> outcome, why, marks."""
        rows = self.koha.query(
            "SELECT patron, outcome, why, marks FROM gentle_nudge_list_row JOIN gentle_nudge_list ON id = list_id "
            "WHERE for_day = :day",
            day=nov(day),
        )
        return {self.letter(row["patron"]): (row["outcome"], row["why"], row["marks"]) for row in rows}

    def letter(self, patron: int) -> str:
        """The letter of a patron."""
        return {number: letter for letter, number in self.five.items()}.get(patron, str(patron))

    def submission(self) -> tuple[str, str, str]:
        """The letters of all who were referred, what they owed together, and the fees, of the latest submission."""
        (run,) = self.koha.query(
            "SELECT id, amount, fees FROM gentle_nudge_run WHERE report = 'submission' ORDER BY id DESC LIMIT 1"
        )
        patrons = self.koha.query("SELECT number FROM gentle_nudge_case WHERE opened_run = :run", run=run["id"])
        letters = sorted(self.letter(row["number"]) for row in patrons)
        return "".join(letters), f"{run['amount']:.2f}", f"{run['fees']:.2f}"

    def submissions(self) -> list[str]:
        """The days of all submissions."""
        rows = self.koha.query("SELECT day FROM gentle_nudge_run WHERE report = 'submission' ORDER BY id")
        return [str(row["day"]) for row in rows]


@pytest.fixture
def desk(library: Library, koha: KohaDatabase) -> Callable[..., Desk]:
    """`desk(policy="most_referrals = 4")` is the library of five who qualify, with lists three days before."""

    def begin(policy: str = "", **settings: Any) -> Desk:
        evenings = library(policy=RULES + policy, **settings)
        desk = Desk.__new__(Desk)
        desk.__dict__.update(evenings.__dict__)
        amounts = {
            "A": ("40.00", date(2026, 9, 10)),
            "B": ("30.00", date(2026, 9, 12)),
            "C": ("26.00", date(2026, 9, 14)),
        }
        amounts |= {"E": ("50.00", date(2026, 9, 23)), "G": ("45.00", date(2026, 8, 24))}
        desk.five = {
            letter: owing(koha, amount, day=day, surname=f"Surname {letter}", email=f"{letter}@example.org")
            for letter, (amount, day) in amounts.items()
        }
        return desk

    return begin


DeskFixture = Callable[..., Desk]
ALL = ("ABCEG", "191.00", "50.00")


def test_v1_the_list_is_made_three_days_before_and_goes_out(desk: DeskFixture) -> None:
    library = desk()
    library.nights(18)
    assert library.lists() == {}
    (dry,) = json.loads(library.does("nightly", "--dry-run", "--format", "json", on=nov(19)))
    assert (dry["list"], dry["list_made"]) == (None, {"for_day": "2026-11-22", "patrons": 5, "balance": "191.00"})
    before = {name: library.koha.query(f"SELECT * FROM {name}") for name in ("borrowers", "accountlines")}
    library.nights(19)
    assert library.lists() == {"2026-11-22": ("open", 5, "191.00")}
    assert before == {name: library.koha.query(f"SELECT * FROM {name}") for name in before}
    marks = {letter: marks for letter, (_, _, marks) in library.rows(22).items() if marks}
    assert marks == {"C": "AT_THRESHOLD", "G": "LEAVING"}
    library.nights(20, 21)
    assert library.lists() == {"2026-11-22": ("open", 5, "191.00")}
    (dry,) = json.loads(library.does("nightly", "--dry-run", "--format", "json", on=nov(22)))
    assert (dry["list"], dry["list_made"]) == ({"for_day": "2026-11-22", "state": "open", "patrons": 5}, None)
    library.nights(22)
    assert library.submission() == ALL
    assert library.lists() == {"2026-11-22": ("used", 5, "191.00")}
    assert {outcome for outcome, _, _ in library.rows(22).values()} == {"referred"}


def test_v2_who_pays_after_the_list_was_made_is_dropped(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    pays(library.koha, library.five["A"], "20.00", day=nov(20))
    library.nights(20, 21, 22)
    assert library.submission() == ("BCEG", "151.00", "40.00")
    assert library.rows(22)["A"][:2] == ("dropped", "BELOW_THRESHOLD")


def test_v4_who_qualifies_after_the_list_was_made_is_on_the_next(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    library.five["H"] = owing(library.koha, "60.00", day=date(2026, 9, 15), email="h@example.org")
    library.nights(20, 21)
    shown = library.does("nightly", "--dry-run", "--format", "json", on=nov(22))
    assert '"NOT_ON_THE_LIST": 1' in shown
    library.nights(22)
    assert library.submission() == ALL
    library.nights(26)
    assert list(library.rows(29)) == ["H"]


def test_v8_without_a_night_in_time_nobody_is_referred_whom_staff_could_not_see(desk: DeskFixture) -> None:
    library = desk()
    library.nights(17)
    done = library.run("nightly", on=nov(22))
    assert done.returncode == 0
    assert "no list was made in time" in done.stderr
    assert "2026-11-25" in done.stderr
    assert library.submissions() == []
    assert library.lists() == {"2026-11-25": ("open", 4, "146.00")}
    assert library.does("status", on=nov(23)).count("late") == 0
    library.nights(23, 24, 25)
    assert library.submission() == ("ABCE", "146.00", "40.00")
    assert library.koha.value("SELECT late FROM gentle_nudge_run WHERE report = 'submission'") == 1
    library.nights(26)
    assert "2026-11-29" in library.lists()


def shown(library: Desk, day: int, *options: str, on: int) -> dict[str, Any]:
    """What `review` says of the list of that day, of the only section."""
    (said,) = json.loads(library.does("review", str(nov(day)), "--format", "json", *options, on=nov(on)))
    return dict(said)


def card(library: Desk, letter: str) -> str:
    return f"number:{library.five[letter]}"


def test_v3_who_is_left_out_is_asked_about_again_the_next_week(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    said = library.does("review", "leave-out", card(library, "B"), "--reason", "found on the shelf", on=nov(20))
    assert said.strip().endswith("is left out of the list for 2026-11-22.")
    library.nights(20, 21, 22)
    assert library.submission() == ("ACEG", "161.00", "40.00")
    explained = library.does("explain", card(library, "B"))
    assert "staff have left the patron out of the list for 2026-11-22" in explained
    assert "on 2026-11-20: found on the shelf" in explained  # by the library's clock; in UTC it is the next day
    verdicts = json.loads(library.does("explain", card(library, "B"), "--format", "json"))[0]["verdicts"]
    assert [rule for rule, keeps_out in verdicts.items() if keeps_out] == ["LEFT_OUT"]
    library.nights(26)
    assert library.lists()["2026-11-29"] == ("open", 1, "30.00")
    assert library.rows(29) == {"B": ("listed", None, "")}


def test_leaving_out_says_when_the_charges_leave_the_window(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    said = library.does("review", "leave-out", card(library, "G"), card(library, "A"), "--reason", "asked", on=nov(20))
    of_g, of_a = said.splitlines()
    assert of_g.endswith("These charges will not refer the patron later: they leave the window.")
    assert of_a.endswith("is left out of the list for 2026-11-22.")


def test_who_is_put_back_is_referred_after_all(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    library.does("review", "leave-out", card(library, "B"), "--reason", "found", on=nov(20))
    library.does("review", "put-back", card(library, "B"))
    assert library.rows(22)["B"] == ("listed", None, "")
    library.nights(20, 21, 22)
    assert library.submission() == ALL


def test_leaving_out_until_a_day_is_a_hold_as_well(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    library.does(
        "review", "leave-out", card(library, "B"), "--reason", "speak first", "--until", "2026-12-31", on=nov(20)
    )
    (held,) = library.koha.query("SELECT patron, reason, note, until FROM gentle_nudge_hold")
    assert held == {
        "patron": library.five["B"],
        "reason": "other",
        "note": "speak first",
        "until": date(2026, 12, 31),
    }


def test_a_dry_run_of_leaving_out_writes_nothing(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    library.does("review", "leave-out", card(library, "B"), "--reason", "found", "--dry-run", on=nov(20))
    assert library.rows(22)["B"][0] == "listed"
    assert library.koha.query("SELECT * FROM gentle_nudge_wish") == []


@pytest.mark.parametrize("asked", [("leave-out", "number:2"), ("reject", "2026-11-22")])
def test_a_reason_of_blanks_is_none(desk: DeskFixture, asked: tuple[str, str]) -> None:
    library = desk()
    library.nights(19)
    done = library.run("review", *asked, "--reason", " ")
    assert (done.returncode, done.stdout) == (2, "")
    assert "A reason is needed.\nSay why: --reason " in done.stderr
    assert library.koha.query("SELECT * FROM gentle_nudge_wish") == []
    assert library.lists()["2026-11-22"][0] == "open"


def test_nobody_is_left_out_who_is_on_no_open_list(desk: DeskFixture) -> None:
    library = desk()
    library.nights(18)
    done = library.run("review", "leave-out", card(library, "B"), "--reason", "found")
    assert (done.returncode, done.stdout) == (2, "")
    assert "gentle-nudge hold" in done.stderr
    assert library.koha.query("SELECT * FROM gentle_nudge_wish") == []


def test_v5_a_list_that_nobody_approves_lapses(desk: DeskFixture) -> None:
    library = desk('review_ends = "lapse"\n')
    library.nights(19, 20, 21, 22)
    assert library.submission() == ("", "0.00", "0.00")
    assert library.lists()["2026-11-22"] == ("lapsed", 5, "191.00")
    assert library.stored("ums-updates-2026-11-22.csv")
    assert library.stored("ums-new-submissions-2026-11-22.csv") == b"No qualifying records\n"
    alerts = library.koha.query("SELECT kind FROM gentle_nudge_alert")
    assert alerts == [{"kind": "list-lapsed"}]
    library.nights(23)
    assert library.submissions() == ["2026-11-22"]
    library.nights(26)
    assert library.lists()["2026-11-29"] == ("open", 4, "146.00")
    assert set(library.rows(29)) == set("ABCE")


def test_a_list_that_may_lapse_goes_out_once_approved(desk: DeskFixture) -> None:
    library = desk('review_ends = "lapse"\n')
    library.nights(19)
    assert "is approved." in library.does("review", "approve", "2026-11-22", on=nov(20))
    assert "is approved already." in library.does("review", "approve", "2026-11-22")
    library.nights(20, 21, 22)
    assert library.submission() == ALL
    done = library.run("review", "approve", "2026-11-22")
    assert done.returncode == 2
    assert "is used and has ended" in done.stderr


def test_v9_an_approved_list_lifts_the_fuse_to_its_own_length(desk: DeskFixture) -> None:
    library = desk("most_referrals = 4\n")
    library.nights(19, 20, 21)
    assert shown(library, 22, on=21)["fuse_holds"] is True
    library.does("review", "approve", "2026-11-22")
    assert shown(library, 22, on=21)["fuse_holds"] is False
    library.nights(22)
    assert library.submission() == ALL


def test_v9_without_approval_the_fuse_holds_and_the_submission_stays_due(desk: DeskFixture) -> None:
    library = desk("most_referrals = 4\n")
    library.nights(19, 20, 21)
    done = library.run("nightly", on=nov(22))
    assert done.returncode == 1
    assert "5 patrons qualify, more than the 4" in done.stderr
    assert library.submissions() == []
    assert library.lists()["2026-11-22"][0] == "open"
    library.does("review", "approve", "2026-11-22", on=nov(23))
    library.nights(23)
    assert library.submission()[0] == "ABCE"  # G's charge has left the window of Monday


def test_v10_a_rejected_list_refers_nobody(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    library.does("review", "reject", "2026-11-22", "--reason", "closed for repairs", on=nov(20))
    library.nights(20, 21, 22)
    assert library.submission() == ("", "0.00", "0.00")
    assert library.lists()["2026-11-22"][0] == "rejected"
    assert shown(library, 22, on=22)["reason"] == "closed for repairs"
    runs = json.loads(library.does("history", "--format", "json"))["runs"]
    reasons = {(run["day"], run["report"]): run["reason"] for run in runs if run["reason"]}
    assert reasons == {("2026-11-22", "submission"): "closed for repairs"}
    assert "closed for repairs" in library.does("history")
    library.nights(23)
    assert library.submissions() == ["2026-11-22"]
    assert library.run("review", "approve", "2026-11-22").returncode == 2
    library.nights(26)
    assert library.lists()["2026-11-29"] == ("open", 4, "146.00")


def test_v12_an_item_found_again_makes_the_charge_probably_our_mistake(desk: DeskFixture) -> None:
    library = desk()
    found = an_item(library.koha, itemlost=0)
    library.koha.execute(
        "UPDATE accountlines SET itemnumber = :item WHERE borrowernumber = :b", item=found, b=library.five["B"]
    )
    library.nights(19)
    assert library.rows(22)["B"] == ("listed", None, "FOUND")
    first = shown(library, 22, on=19)["rows"][0]
    assert (first["number"], first["marks"][0]["mark"]) == (library.five["B"], "FOUND")
    library.nights(20, 21, 22)
    assert library.submission() == ALL


@pytest.mark.parametrize(("owed", "marks"), [("404.00", ""), ("425.00", "MUCH")])
def test_v15_ten_times_the_usual_is_much(desk: DeskFixture, owed: str, marks: str) -> None:
    library = desk()
    library.five["H"] = owing(library.koha, owed, day=date(2026, 9, 11), email="h@example.org")
    library.nights(19)
    assert library.rows(22)["H"] == ("listed", None, marks)


@pytest.mark.parametrize(("born", "marks"), [(date(2008, 8, 25), "JUST_ADULT"), (date(2008, 8, 24), "")])
def test_v16_who_has_just_come_of_age_is_marked(desk: DeskFixture, born: date, marks: str) -> None:
    library = desk()
    library.koha.execute(
        "UPDATE borrowers SET dateofbirth = :born WHERE borrowernumber = :b", born=born, b=library.five["B"]
    )
    library.nights(19)
    assert library.rows(22)["B"] == ("listed", None, marks)


def test_v17_who_waits_for_what_they_hold_back(desk: DeskFixture) -> None:
    library = desk()
    koha = library.koha
    titles = {}
    for letter in "AE":
        item = an_item(koha, itemlost=1)
        koha.execute(
            "UPDATE accountlines SET itemnumber = :item WHERE borrowernumber = :b", item=item, b=library.five[letter]
        )
        titles[letter] = koha.value("SELECT biblionumber FROM items WHERE itemnumber = :item", item=item)
    one, other, third = a_patron(koha), a_patron(koha), a_patron(koha)
    for patron, letter in ((one, "A"), (other, "A"), (one, "E"), (library.five["E"], "E")):
        reserves(koha, patron, titles[letter])
    reserves(koha, third, titles["A"], suspend=1)
    library.nights(19)
    assert {letter: marks for letter, (_, _, marks) in library.rows(22).items() if "WAITED_FOR" in marks} == {
        "A": "WAITED_FOR",
        "E": "WAITED_FOR",
    }
    said = shown(library, 22, on=19)
    assert said["waiting"] == {"patrons": 2, "others": 2}
    sentences = {row["number"]: mark["sentence"] for row in said["rows"] for mark in row["marks"]}
    assert sentences[library.five["A"]].startswith("2 others wait")
    assert sentences[library.five["E"]].startswith("1 other waits")
    assert "2 of these 5 patrons hold back something 2 others wait for" in library.does("review")


def test_a_koha_without_reserves_and_claims_is_served(desk: DeskFixture) -> None:
    library = desk()
    for table in ("reserves", "return_claims"):
        library.koha.spoil(f"DROP TABLE {table}")
    library.nights(19)
    assert shown(library, 22, on=19)["waiting"] is None


def test_an_unresolved_claim_is_a_mark_and_a_resolved_one_is_none(desk: DeskFixture) -> None:
    library = desk()
    koha = library.koha
    for letter, resolved in (("A", None), ("B", "2026-11-01 00:00:00")):
        item = an_item(koha, itemlost=1)
        koha.execute(
            "UPDATE accountlines SET itemnumber = :item WHERE borrowernumber = :b", item=item, b=library.five[letter]
        )
        koha.put("return_claims", borrowernumber=library.five[letter], itemnumber=item, resolved_on=resolved)
    library.nights(19)
    assert library.rows(22)["A"][2] == "CLAIMED"
    assert library.rows(22)["B"][2] == ""


def test_v14_each_section_has_its_own_list(library: Library, koha: KohaDatabase) -> None:
    north = '[[library]]\nname = "north"\nbranches = ["FPL"]\nsend_to = ["north@agency.example.org"]\n'
    evenings = library(policy=RULES + 'review_ends = "lapse"\n', tables=north)
    here, there = owing(koha, "30.00", branch="CPL"), owing(koha, "40.00", branch="FPL")
    evenings.does("nightly", on=nov(19))
    done = evenings.run("review", "approve", "2026-11-22", on=nov(20))
    assert done.returncode == 2
    assert "global, north" in done.stderr
    evenings.does("review", "approve", "2026-11-22", "--library", "north")
    evenings.does("nightly", on=nov(22))
    assert [row["patron"] for row in evenings.cases()] == [there]
    states = koha.query("SELECT section, state FROM gentle_nudge_list ORDER BY section")
    assert states == [{"section": "global", "state": "lapsed"}, {"section": "north", "state": "used"}]
    assert evenings.flag(here) is None


@pytest.mark.mariadb
def test_one_scan_serves_the_lists_of_all_sections(library: Library, koha: KohaDatabase) -> None:
    north = '[[library]]\nname = "north"\nbranches = ["FPL"]\ncount_fees_newer_than = 100\n'
    evenings = library(policy=RULES, tables=north)
    evenings.does("init", "--yes", on=nov(19))
    owing(koha, "30.00", branch="CPL")
    owing(koha, "40.00", branch="FPL", day=date(2026, 8, 16))
    night = evenings.run("--debug", "nightly")
    assert (night.returncode, night.stderr.count(A_SCAN)) == (0, 1)
    assert koha.query("SELECT COUNT(*) AS n FROM gentle_nudge_list_row GROUP BY list_id") == [{"n": 1}, {"n": 1}]
    looked = evenings.run("--debug", "review")
    assert (looked.returncode, looked.stderr.count(A_SCAN)) == (0, 1)


def test_v20_somebody_outside_leaves_a_patron_out(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    wish = {
        "door": "koha",
        "what": "leave_out",
        "reason": "bei uns gefunden",
        "who": "koha:51",
        "at": "2026-11-20 17:00",
    }
    for patron in (library.five["C"], 99_999):
        library.koha.put("gentle_nudge_wish", **wish, patron=patron, origin=str(patron))
    assert library.run("deliver", on=nov(20)).returncode == 0
    answers = library.koha.query("SELECT done, answer FROM gentle_nudge_wish ORDER BY id")
    assert [row["done"] for row in answers] == [1, 0]
    assert answers[1]["answer"].startswith("Patron number 99999 is not on an open list.")
    (row,) = (row for row in shown(library, 22, on=20)["rows"] if row["number"] == library.five["C"])
    assert (row["outcome"], row["why"], row["who"]) == ("left_out", "bei uns gefunden", "koha:51")
    library.nights(20, 21, 22)
    assert library.submission() == ("ABEG", "165.00", "40.00")


def test_a_day_without_a_submission_names_the_nearest(desk: DeskFixture) -> None:
    library = desk()
    done = library.run("review", "2026-11-24", on=nov(20))
    assert done.returncode == 2
    assert "2026-11-22 and 2026-11-29" in done.stderr


def test_without_a_list_review_says_what_it_would_be(desk: DeskFixture) -> None:
    library = desk()
    said = shown(library, 22, on=18)
    assert (said["list"], said["state"], said["made"]) == (None, None, None)
    assert (said["patrons"], said["balance"], said["fees"]) == (5, "191.00", "50.00")
    assert library.koha.query("SELECT * FROM gentle_nudge_list") == []


def test_review_of_an_open_list_is_judged_as_of_now(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    pays(library.koha, library.five["A"], "20.00", day=nov(20))
    library.does("review", "leave-out", card(library, "B"), "--reason", "found", on=nov(20))
    said = shown(library, 22, on=20)
    outcomes = {library.letter(row["number"]): (row["outcome"], row["why"], row["balance"]) for row in said["rows"]}
    assert outcomes["A"] == ("dropped", "BELOW_THRESHOLD", "40.00")
    assert outcomes["B"] == ("left_out", "found", "30.00")
    assert outcomes["C"] == ("listed", None, "26.00")
    assert (said["patrons"], said["balance"]) == (3, "121.00")
    row = next(row for row in said["rows"] if row["number"] == library.five["C"])
    assert row["marks"] == [{"mark": "AT_THRESHOLD", "sentence": "Owes hardly more than the threshold of 25.00."}]
    assert (row["lines"], row["oldest_days"]) == ([{"type": "LOST", "count": 1, "outstanding": "26.00"}], 69)
    assert (row["with_fee"], row["age"], row["name"]) == ("36.00", 46, None)


def test_v13_nothing_remains_of_a_referral_that_was_killed_before_the_list_was_used(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19, 20, 21)
    library.koha.spoil(
        "CREATE TRIGGER no_use BEFORE UPDATE ON gentle_nudge_list FOR EACH ROW "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'killed here'"
    )
    assert library.run("nightly", on=nov(22)).returncode == 1
    assert (library.cases(), library.submissions(), library.lists()["2026-11-22"][0]) == ([], [], "open")
    library.koha.execute("DROP TRIGGER no_use")
    library.nights(22)
    assert library.submission() == ALL


def test_r1_in_the_demo_review_says_who_would_be_on_the_next_list(command: Command) -> None:
    at = datetime(2026, 11, 25, 15, tzinfo=UTC)
    done = command.run("--config", cast_alone(command), "review", "2026-11-29", "--format", "json", at=at)
    assert (done.returncode, done.stderr) == (0, "")
    (said,) = json.loads(done.stdout)
    assert said["list"] is None
    assert {row["number"]: row["balance"] for row in said["rows"]} == {83: "50.00", 36: "34.00"}
    assert (said["patrons"], said["balance"], said["fees"]) == (2, "84.00", "20.00")
    assert (sum(said["left_out"].values()), said["owing_less"]) == (39, 19)


def test_a_list_missed_on_its_day_is_used_late_and_one_not_used_by_the_next_is_replaced(desk: DeskFixture) -> None:
    library = desk("most_referrals = 1\n")
    library.nights(16)
    library.nights(19)
    library.koha.execute("UPDATE gentle_nudge_list SET state = 'approved'")
    library.nights(23)
    assert library.submission()[0] == "ABCE"
    assert library.koha.value("SELECT late FROM gentle_nudge_run WHERE report = 'submission' AND day = '2026-11-23'")
    library.five |= {letter: owing(library.koha, "30.00", day=date(2026, 9, 25)) for letter in ("H", "I")}
    library.nights(26)
    for day in (29, 30):
        assert library.run("nightly", on=nov(day)).returncode == 1  # two are more than one
    library.run("nightly", on=date(2026, 12, 3))
    library.run("nightly", on=date(2026, 12, 6))
    assert library.lists()["2026-11-29"][0] == "lapsed"
    assert library.koha.value("SELECT reason FROM gentle_nudge_list WHERE for_day = '2026-11-29'") == "replaced"


def test_a_list_of_a_section_that_is_gone_lapses(library: Library, koha: KohaDatabase) -> None:
    north = '[[library]]\nname = "north"\nbranches = ["FPL"]\n'
    evenings = library(policy=RULES, tables=north)
    owing(koha, "40.00", branch="FPL")
    evenings.does("nightly", on=nov(19))
    evenings.configure(policy=RULES)
    evenings.does("nightly", on=nov(20))
    states = koha.query("SELECT section, state, reason FROM gentle_nudge_list ORDER BY section")
    assert states == [
        {"section": "global", "state": "approved", "reason": None},  # of nobody
        {"section": "north", "state": "lapsed", "reason": "replaced"},
    ]


def test_old_lists_are_deleted_and_forget_empties_what_staff_wrote(desk: DeskFixture) -> None:
    library = desk(tables="[archive]\nkeep_cases_days = 10\n")
    library.nights(19)
    library.does("review", "leave-out", card(library, "C"), "--reason", "speak to Ann first", on=nov(20))
    library.nights(22)
    library.does("forget", card(library, "A"), "--anyway")
    assert library.rows(22)["C"][1] == "speak to Ann first"
    library.nights(26)
    library.does("nightly", on=date(2026, 12, 2))
    assert "2026-11-22" in library.lists()
    library.does("nightly", on=date(2026, 12, 3))
    assert "2026-11-22" not in library.lists()


def test_without_lists_nothing_is_asked_or_said_about_them(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    owing(koha, "40.00")
    evenings.does("nightly", on=nov(19))
    evenings.does("nightly", on=nov(22))
    assert koha.query("SELECT * FROM gentle_nudge_list") == []
    assert len(evenings.cases()) == 1


@pytest.mark.parametrize(
    ("columns", "lacks"),
    [
        ("gonenoaddress = 1", "marked as gone, no address"),
        ("email = ' '", "no address, telephone or e-mail"),
        ("email = '', phone = '555-0100'", None),
        ("gonenoaddress = 1, email = ''", "marked as gone, no address and no address, telephone or e-mail"),
    ],
)
@pytest.mark.parametrize("unreachable", ["include", "exclude"])
def test_who_cannot_be_reached_is_marked_or_excluded(
    desk: DeskFixture, unreachable: str, columns: str, lacks: str | None
) -> None:
    library = desk(f'unreachable = "{unreachable}"\n')
    library.koha.execute(f"UPDATE borrowers SET {columns} WHERE borrowernumber = :n", n=library.five["B"])
    library.nights(19)
    rows = {row["number"]: row["marks"] for row in shown(library, 22, on=20)["rows"]}
    if lacks and unreachable == "exclude":
        assert library.five["B"] not in rows
        return
    sentence = f"Cannot be reached: {lacks}."
    assert rows[library.five["B"]] == [{"mark": "UNREACHABLE", "sentence": sentence}] * bool(lacks)
    assert library.rows(22)["B"][2] == ("UNREACHABLE" if lacks else "")
    library.nights(21, 22)
    assert library.submission()[0] == "ABCEG"
