"""What holds, lists and wishes leave to a person: it stands on the page of the night, what is to come on the digest."""

import email
import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.acceptance.test_holds import COLLHOLD, november, referred_and_held, sets, the_cast, update, with_fields
from tests.acceptance.test_list_files import PLAIN, Folder
from tests.acceptance.test_list_files import folder as folder  # noqa: PLC0414 - the fixture
from tests.acceptance.test_lists import Desk, DeskFixture, nov
from tests.acceptance.test_lists import desk as desk  # noqa: PLC0414 - the fixture
from tests.acceptance.test_staff_pages import CLERK, attachment, letters, mails
from tests.acceptance.test_wishes import HERE, wishes
from tests.builders.days import SUNDAY
from tests.builders.koha import pays
from tests.support.koha import KohaDatabase

DECEMBER = date(2026, 12, 1)


def night(evenings: Evenings, day: date, *args: str) -> dict[str, Any]:
    """The values of that night."""
    (values,) = json.loads(evenings.does("night", str(day), "--format", "json", *args))
    return dict(values)


def needs(evenings: Evenings, day: date) -> list[tuple[str, int | None]]:
    """Kind and patron of what the night of that day left to a person."""
    return [(need["kind"], need["number"]) for need in night(evenings, day)["needs_a_person"]]


def changed(evenings: Evenings, day: date) -> list[tuple[str, str, str | None]]:
    """What else changed that night: outcome, sentence and what the agency was told."""
    return [(row["outcome"], row["sentence"], row["due"]) for row in night(evenings, day)["changed"]]


def to_clerk(evenings: Evenings) -> set[str]:
    """The pages that the clerk has got by mail."""
    read = [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in mailed(evenings)]
    pages = [attachment(message) for message in read if message["To"] == CLERK and message.is_multipart()]
    return {page.get_filename() or "" for page in pages}


def mailed(evenings: Evenings) -> list[Path]:
    folder = evenings.folder / "mail/new"
    return list(folder.iterdir()) if folder.exists() else []


# Holds


def test_a_hold_that_ended_by_its_day_is_named_once(library: Library, koha: KohaDatabase) -> None:  # O3
    evenings = library()
    patron = referred_and_held(evenings, koha, "--reason", "plan", "--until", "2026-11-30")
    update(evenings, 18)
    values = night(evenings, november(18))
    assert changed(evenings, november(18)) == [
        (
            "paused",
            "on hold until 2026-11-30: plan; the agency is told 0.00, and then no more until the hold ends",
            "0.00",
        )
    ]
    assert (values["figures"]["paused"], values["figures"]["open_cases"], values["figures"]["open_due"]) == (
        1,
        1,
        "0.00",
    )
    assert (values["others"], values["needs_a_person"]) == (0, [])
    update(evenings, 30)
    assert needs(evenings, november(30)) == []
    assert night(evenings, november(30))["others"] == 1
    evenings.does("nightly", on=DECEMBER)
    (need,) = night(evenings, DECEMBER)["needs_a_person"]
    assert (need["kind"], need["number"], need["case"], need["card"]) == ("hold_over", patron, 1, "A")
    assert need["sentence"] == "The hold (plan) ended with 2026-11-30. The agency is told 50.00 again."
    assert changed(evenings, DECEMBER) == [
        ("resumed", "the hold is over; paused since 2026-11-18; the agency is told 50.00", "50.00")
    ]
    assert night(evenings, DECEMBER)["figures"]["paused"] == 0
    page = evenings.does("night", str(DECEMBER), "--format", "html")
    assert "Told again after a pause" in page
    assert "The hold (plan) ended with 2026-11-30." in page
    evenings.does("nightly", on=DECEMBER + timedelta(days=1))
    assert needs(evenings, DECEMBER + timedelta(days=1)) == []


def test_a_hold_before_a_referral_is_over_too_unless_another_goes_on(library: Library, koha: KohaDatabase) -> None:
    with_fields(koha)
    evenings, cast = library(policy=COLLHOLD), the_cast(koha)
    for card in "ABC":
        evenings.does("hold", card, "--reason", "dispute", "--until", str(november(20)), on=november(20))
    sets(koha, cast["B"], "COLLHOLD", "PLAN")
    evenings.does("nightly")
    assert needs(evenings, november(20)) == []
    evenings.does("resume", "C")
    evenings.does("nightly", on=november(21))
    assert needs(evenings, november(21)) == [("hold_over", cast["A"])]
    (need,) = night(evenings, november(21))["needs_a_person"]
    assert (need["card"], need["case"]) == ("A", None)
    assert need["sentence"] == (
        "The hold (dispute) ended with 2026-11-20. The charges count again for the next submission."
    )


def test_whose_hold_ends_on_the_day_of_the_release_needs_nobody(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = referred_and_held(evenings, koha, "--reason", "plan", "--until", str(november(18)))
    update(evenings, 18)
    pays(koha, patron, "50.00")
    update(evenings, 19)
    assert [row[0] for row in changed(evenings, november(19))] == ["released"]
    assert needs(evenings, november(19)) == []


@pytest.mark.parametrize("hold_due", ["zero", "balance", "none"])
def test_whom_the_agency_was_told_nothing_of_is_told_by_staff(  # O7
    library: Library, koha: KohaDatabase, hold_due: str
) -> None:
    evenings = library(policy=f'hold_due = "{hold_due}"')
    patron = referred_and_held(evenings, koha)
    update(evenings, 18)
    is_untold = hold_due == "none"
    assert needs(evenings, november(18)) == [("hold_untold", patron)] * is_untold
    (row,) = night(evenings, november(18))["changed"]
    assert row["due"] == {"zero": "0.00", "balance": "50.00", "none": None}[hold_due]
    assert row["sentence"].endswith("told nothing") == is_untold
    assert night(evenings, november(18))["figures"]["paused"] == 1
    update(evenings, 19)
    assert needs(evenings, november(19)) == []


def test_a_field_that_is_still_set_and_a_day_that_is_none_are_named_while_they_last(
    library: Library, koha: KohaDatabase
) -> None:
    with_fields(koha)
    evenings, cast = library(policy=COLLHOLD), the_cast(koha)
    for card, until in (("A", str(november(21))), ("B", "soon"), ("C", str(november(22)))):
        sets(koha, cast[card], "COLLHOLD", "PLAN")
        sets(koha, cast[card], "HOLDUNTIL", until)
    evenings.does("nightly", on=november(21))
    assert needs(evenings, november(21)) == [("hold_until_unreadable", cast["B"])]
    evenings.does("nightly", on=SUNDAY)
    over, still_set, unreadable = night(evenings, SUNDAY)["needs_a_person"]
    assert (over["kind"], over["number"]) == ("hold_over", cast["A"])
    assert "PLAN" not in over["sentence"], "what staff write into Koha stays there"
    assert (still_set["kind"], still_set["number"], still_set["since"]) == ("field_still_set", cast["A"], str(SUNDAY))
    assert still_set["sentence"].startswith("The attribute COLLHOLD is still set although the hold is over.")
    assert (unreadable["kind"], unreadable["card"], unreadable["since"]) == (
        "hold_until_unreadable",
        "B",
        str(november(21)),
    )
    evenings.does("nightly", on=november(23))
    assert needs(evenings, november(23)) == [
        ("hold_over", cast["C"]),
        ("field_still_set", cast["A"]),
        ("field_still_set", cast["C"]),
        ("hold_until_unreadable", cast["B"]),
    ]
    for card in "ABC":
        sets(koha, cast[card], "COLLHOLD", None)
        sets(koha, cast[card], "HOLDUNTIL", None)
    evenings.does("nightly", on=november(24))
    assert needs(evenings, november(24)) == []


def test_holds_that_end_in_the_seven_days_from_the_digest_on_stand_on_it(library: Library, koha: KohaDatabase) -> None:
    evenings, cast = library(policy=f'staff_to = ["{CLERK}"]'), the_cast(koha)
    for card, until in (("A", 22), ("B", 23), ("C", 29), ("E", 30)):
        evenings.does("hold", card, "--reason", "dispute", "--until", str(november(until)), on=november(20))
    evenings.does("hold", "G", "--reason", "bankruptcy")
    evenings.run("nightly", on=november(22))
    evenings.does("nightly", on=november(23))
    week = night(evenings, november(23), "--week", "--names")
    assert [(row["number"], row["card"], row["name"], row["until"]) for row in week["holds_ending"]] == [
        (cast["B"], "B", "B, Pat", str(november(23))),
        (cast["C"], "C", "C, Pat", str(november(29))),
    ]
    assert night(evenings, november(23), "--week")["holds_ending"][0]["name"] is None
    assert night(evenings, november(23))["holds_ending"] == []
    assert "Holds that end soon" in evenings.does("night", str(november(23)), "--week")
    digest = next(each for each in letters(evenings) if "digest" in (attachment(each).get_filename() or ""))
    page = attachment(digest).get_content()
    assert "Holds that end soon" in page
    assert "29 November 2026" in page
    evenings.does("resume", "C", on=november(24))
    evenings.does("nightly", on=november(24))
    later = night(evenings, november(24), "--week")
    assert [row["card"] for row in later["holds_ending"]] == ["E"]
    assert len(night(evenings, november(23), "--week")["holds_ending"]) == 2, "as it was on that day"


# Wishes and edited lists


def test_a_wish_that_could_not_be_done_is_on_the_next_page_once(library: Library, koha: KohaDatabase) -> None:  # V20
    evenings = library(policy=f'staff_to = ["{CLERK}"]', tables='[staff]\ndigest_on = ""\n')
    evenings.does("nightly", on=november(18))
    wishes(koha, 99_999, **HERE)
    wishes(koha, evenings.owing(), **HERE)
    assert evenings.run("deliver", on=november(19)).returncode == 0
    evenings.does("nightly", on=november(20))
    (need,) = night(evenings, november(20))["needs_a_person"]
    assert (need["kind"], need["number"], need["card"]) == ("wish_refused", 99_999, None)
    assert need["sentence"].startswith("koha:51 wanted “hold”: Koha has no patron with the number 99999.")
    assert night(evenings, november(20))["well"] is True
    evenings.does("nightly", on=november(21))
    assert needs(evenings, november(21)) == []
    assert [file for _, file in mails(evenings)] == [f"night-{november(20)}-global.html"]


def test_a_wish_that_the_night_itself_refuses_is_on_its_page(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    evenings.does("nightly", on=november(18))
    wishes(koha, 99_999, what="dance")
    evenings.run("nightly", on=november(19))
    evenings.does("nightly", on=november(20))
    assert [needs(evenings, november(day)) for day in (18, 19, 20)] == [[], [("wish_refused", 99_999)], []]


def test_a_wish_about_a_section_is_on_the_page_of_that_section_alone(library: Library, koha: KohaDatabase) -> None:
    evenings = library(tables='[[library]]\nname = "north"\nbranches = ["FPL"]\n')
    wishes(koha, None, what="approve", section="North", list_day=SUNDAY)
    wishes(koha, None, what="approve", section="nowhere", list_day=SUNDAY)
    evenings.run("nightly", on=november(20))
    both = json.loads(evenings.does("night", "--format", "json"))
    assert {values["section"]: len(values["needs_a_person"]) for values in both} == {"global": 1, "north": 2}


def test_a_file_that_was_refused_is_on_the_next_page_once_with_line_and_fault(folder: Folder) -> None:
    library = folder.library
    folder.save(PLAIN, folder.edited("B", "leave it", "found"))
    assert library.run("deliver", on=nov(20)).returncode == 1
    library.nights(21)
    lapses, refused = night(library, nov(21))["needs_a_person"]
    assert (lapses["kind"], refused["kind"], refused["number"]) == ("list_unapproved", "file_refused", None)
    assert refused["sentence"].startswith(f"{PLAIN} was refused: line ")
    assert "Nothing of the file was done." in refused["sentence"]
    library.nights(22)
    assert [kind for kind, _ in needs(library, nov(22))] == ["list_lapsed"]


# Lists


def test_who_is_left_out_for_good_is_named_in_the_night_of_the_submission(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    said = library.does("review", "leave-out", f"number:{library.five['B']}", "--reason", "found", on=nov(20))
    assert "leave the window" not in said
    for_good = library.does("review", "leave-out", f"number:{library.five['G']}", "--reason", "gone away")
    assert "leave the window" in for_good
    library.nights(21, 22, 23)
    assert [needs(library, nov(day)) for day in (21, 22, 23)] == [[], [("left_for_good", library.five["G"])], []]
    (need,) = night(library, nov(22))["needs_a_person"]
    assert "gone away" not in need["sentence"], "what staff wrote stays with the list"
    assert library.submission()[0] == "ACE"


def test_who_has_paid_is_not_left_for_good(desk: DeskFixture) -> None:
    library = desk()
    library.nights(19)
    library.does("review", "leave-out", f"number:{library.five['G']}", "--reason", "pays", on=nov(20))
    pays(library.koha, library.five["G"], "25.00")
    library.nights(21, 22)
    assert needs(library, nov(22)) == []


def test_the_mails_of_a_list_that_nobody_approves(desk: Callable[..., Desk], tmp_path: Path) -> None:  # N3
    library = desk(f'review_ends = "lapse"\nstaff_to = ["{CLERK}"]\n', tables=f'[staff]\nfolder = "{tmp_path}/staff"\n')
    came: dict[int, set[str]] = {}
    for day in range(19, 24):
        library.run("nightly", on=nov(day))
        came[day] = to_clerk(library) - {name for names in came.values() for name in names}
    assert came == {
        19: {"review-2026-11-22-global.html"},
        20: set(),
        21: {"night-2026-11-21-global.html"},
        22: {"night-2026-11-22-global.html"},
        23: {"digest-2026-11-23-global.html"},
    }
    assert [needs(library, nov(day)) for day in (21, 22)] == [[("list_unapproved", None)], [("list_lapsed", None)]]


# What history and explain say


def test_history_tells_of_holds_pauses_and_lists_and_of_no_note(desk: DeskFixture) -> None:
    library = desk()
    kept, card = library.five["B"], f"number:{library.five['B']}"
    library.nights(19)
    library.does("review", "leave-out", card, "--reason", "found", on=nov(20))
    library.nights(22)
    (alone,) = json.loads(library.does("history", card, "--format", "json"))
    assert (alone["case"], alone["number"], alone["holds"]) == (None, kept, [])
    (row,) = alone["lists"]
    assert row.items() >= {"for_day": "2026-11-22", "outcome": "left_out", "why": "found", "who": "tester"}.items()
    assert row["at"].startswith("2026-11-20T")
    said = library.does("history", card)
    assert "was never in collections" in said
    assert "on the list for 2026-11-22, left out by tester on 2026-11-20: found (section global" in said
    other, referred = library.five["C"], f"number:{library.five['C']}"
    how = ("--reason", "plan", "--until", "2026-12-31", "--note", "secret")
    library.does("hold", referred, *how)
    library.nights(23)
    (case,) = json.loads(library.does("history", referred, "--format", "json"))
    assert (case["number"], case["paused_on"]) == (other, "2026-11-23")
    assert case["pauses"] == [{"since": "2026-11-23", "until": None}]
    (hold,) = case["holds"]
    assert hold.items() >= {"reason": "plan", "until": "2026-12-31", "who": "tester", "ended": None}.items()
    assert "note" not in hold
    assert [(each["outcome"], each["state"]) for each in case["lists"]] == [("referred", "used")]
    library.does("resume", referred, on=nov(24))
    said = library.does("history", referred)
    assert "paused since 2026-11-23" in said
    assert "since 2026-11-22 23:00, until 2026-12-31: plan, by tester; ended 2026-11-24 23:00 (resume)" in said
    assert "on the list for 2026-11-22, referred (section global, the list is used)" in said
    assert "secret" not in said
    library.nights(24)
    said = library.does("history", referred)
    assert "paused since" not in said
    assert re.search(r"paused from +told again from\n *2026-11-23 +2026-11-24\n", said)
    library.does("hold", referred, *how)
    library.nights(25)
    (case,) = json.loads(library.does("history", referred, "--format", "json"))
    assert case["pauses"] == [{"since": "2026-11-23", "until": "2026-11-24"}, {"since": "2026-11-25", "until": None}]
    pays(library.koha, other, day=nov(26))
    library.nights(26)
    (case,) = json.loads(library.does("history", referred, "--format", "json"))
    assert (case["paused_on"], case["pauses"][1]) == (None, {"since": "2026-11-25", "until": None})
    assert case["closed_on"] == "2026-11-26"
    assert library.run("history", "number:99999").returncode == 2


def test_explain_tells_what_a_list_says_of_the_patron(desk: DeskFixture) -> None:
    library = desk()
    card = f"number:{library.five['B']}"

    def listed() -> Any:
        return json.loads(library.does("explain", card, "--format", "json"))[0]["list"]

    library.nights(18)
    assert listed() is None
    library.nights(19)
    assert listed() == {"for_day": "2026-11-22", "outcome": "listed", "why": None, "who": None, "at": None}
    library.does("review", "leave-out", card, "--reason", "found", on=nov(20))
    assert listed() == {
        "for_day": "2026-11-22",
        "outcome": "left_out",
        "why": "found",
        "who": "tester",
        "at": "2026-11-20T23:00:00-05:00",
    }
    assert "on the list for 2026-11-22, left out by tester on 2026-11-20: found" in library.does("explain", card)
    library.nights(22)
    assert listed()["outcome"] == "left_out"
    library.nights(26)
    assert (listed()["for_day"], listed()["outcome"]) == ("2026-11-29", "listed")
