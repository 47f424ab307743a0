"""What a night did, and who needs a look: the command `night`."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.evenings import AGENCY, Evenings, Library
from tests.builders.days import MONDAY, SUNDAY
from tests.builders.koha import pays
from tests.support.command import Command
from tests.support.sample_library import cast_alone
from tests.support.smtp import SmtpServer

TUESDAY = MONDAY + timedelta(days=1)


def night(evenings: Evenings, *args: str) -> dict[str, Any]:
    (values,) = json.loads(evenings.does("night", *args, "--format", "json"))
    return dict(values)


def needs(values: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(need["kind"], need["number"], need["since"]) for need in values["needs_a_person"]]


# N1


def test_the_night_of_the_demo(command: Command) -> None:
    config = ("--config", cast_alone(command))
    (values,) = json.loads(command.run(*config, "night", "2026-11-22", "--format", "json").stdout)
    assert values["figures"] == {
        "referred": 12,
        "balance": "1602.48",
        "fees": "120.00",
        "released_or_paid": 5,
        "open_cases": 23,
        "open_due": "2394.83",
        "paused": 0,
    }
    assert [(need["kind"], need["number"]) for need in values["needs_a_person"]] == [
        ("flag_overwritten", 125),
        ("still_blocked", 48),
        ("withdrawn_rest", 187),
    ]
    assert [(report["file_name"], report["rows"], report["amount"]) for report in values["reports"]] == [
        ("ums-new-submissions-2026-11-22.csv", 12, "1722.48"),
        ("ums-updates-2026-11-22.csv", 32, "2394.83"),
    ]
    assert (values["well"], values["others"], values["others_changed"]) == (True, 9, 2)
    assert {row["name"] for row in values["referred"]} == {None}
    (named,) = json.loads(command.run(*config, "night", "--names", "--format", "json").stdout)
    assert named["referred"][4]["name"] == 'Katz "Bobby", Robert'
    page = command.run(*config, "night", "--names", "--format", "html").stdout
    for shown in (
        "<strong>12 patrons were referred</strong>, 4 released.",
        "The agency has both files.",
        "Three things need a person.",
        "Released, they have paid <span",
        "9 other cases go on; for 2 of them the amount changed.",
        "16 lost items, 1,240.80",
        "1 lost item, 20.00; 1 processing charge, 5.00",
    ):
        assert shown in page


# On a library's own database


def test_a_night_is_shown_with_cards_and_deliveries_and_with_names_if_they_are_asked_for(library: Library) -> None:
    evenings = library(policy='copy_to = ["desk@library.example.org"]')
    number = evenings.owing("30.00", surname="Smith", firstname="Ann", cardnumber="20000001")
    evenings.does("nightly", on=SUNDAY)
    values = night(evenings)
    (row,) = values["referred"]
    assert (row["number"], row["card"], row["name"], row["due"]) == (number, "20000001", None, "40.00")
    assert row["case"] == evenings.cases()[0]["id"]
    assert [
        (delivery["recipient"], delivery["state"], delivery["tells"]) for delivery in values["reports"][0]["deliveries"]
    ] == [(AGENCY, "sent", True), ("desk@library.example.org", "sent", False)]
    assert night(evenings, str(SUNDAY), "--names")["referred"][0]["name"] == "Smith, Ann"
    assert "Smith" not in evenings.does("night", "--format", "html")
    assert "Smith, Ann" in evenings.does("night", "--names")
    assert "Smith" not in str(evenings.koha.query("SELECT content FROM gentle_nudge_night"))
    assert "20000001" not in str(evenings.koha.query("SELECT content FROM gentle_nudge_night"))


def test_a_state_is_named_each_night_while_it_lasts_an_event_once(library: Library) -> None:
    evenings = library()
    book_club, withdrawn = evenings.owing("40.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    assert needs(night(evenings)) == []
    evenings.koha.execute("UPDATE borrowers SET sort1 = 'Book club' WHERE borrowernumber = :n", n=book_club)
    evenings.koha.execute("UPDATE borrowers SET sort1 = '' WHERE borrowernumber = :n", n=withdrawn)
    evenings.run("nightly", on=MONDAY)
    assert needs(night(evenings)) == [
        ("flag_overwritten", book_club, str(MONDAY)),
        ("withdrawn_rest", withdrawn, str(MONDAY)),
    ]
    evenings.run("nightly", on=TUESDAY)
    assert needs(night(evenings)) == [("flag_overwritten", book_club, str(MONDAY))]
    evenings.koha.execute("UPDATE borrowers SET sort1 = 'yes' WHERE borrowernumber = :n", n=book_club)
    evenings.does("nightly", on=TUESDAY + timedelta(days=1))
    assert needs(night(evenings)) == []


def test_a_restriction_that_staff_have_rewritten_is_named_when_all_is_paid(library: Library) -> None:
    evenings = library()
    patron, other = evenings.owing("40.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    evenings.koha.execute("UPDATE borrower_debarments SET comment = 'Ask me' WHERE borrowernumber = :n", n=patron)
    for number in (patron, other):
        pays(evenings.koha, number, "60.00")
    evenings.does("nightly", on=MONDAY)
    values = night(evenings)
    assert needs(values) == [("still_blocked", patron, str(MONDAY))]
    assert values["figures"]["released_or_paid"] == 2
    assert [row["sentence"] for row in values["changed"]] == [
        "flag off; restriction left, see above",
        "flag off, restriction lifted",
    ]


def test_a_submission_that_the_fuse_held_and_a_person_let_go_belongs_to_its_night(library: Library) -> None:
    evenings = library(policy="most_referrals = 1")
    evenings.owing()
    evenings.owing()
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    held = night(evenings)
    assert [kind for kind, *_ in needs(held)] == ["referrals_held"]
    assert (held["well"], held["figures"]["referred"]) == (False, 0)
    evenings.does("nightly", "--most-referrals", "2")
    made = night(evenings)
    assert (made["well"], needs(made)) == (True, [])
    assert (made["figures"]["referred"], made["figures"]["open_cases"], len(made["reports"])) == (2, 2, 2)


def test_an_address_that_has_left_the_settings_is_named_while_reports_wait_for_it(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    smtp.answer_recipient(AGENCY, "451 later")
    evenings.run("nightly", on=SUNDAY)
    smtp.behave()
    evenings.configure(policy='charged_as_minor = "count"', port=smtp.port)
    text = evenings.config.read_text(encoding="utf-8")
    evenings.config.write_text(text.replace(AGENCY, "new@agency.example.org"), encoding="utf-8")
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    values = night(evenings)
    assert [(kind, since) for kind, _, since in needs(values)] == [("address_gone", str(MONDAY))]
    assert f"Reports wait for {AGENCY}: section global has the address in neither" in str(values["needs_a_person"])
    assert evenings.run("nightly", on=TUESDAY).returncode == 1
    assert needs(night(evenings)) == needs(values)
    waiting = evenings.koha.query("SELECT id FROM gentle_nudge_delivery WHERE state IN ('due', 'failed')")
    evenings.does("outbox", "cancel", *(str(row["id"]) for row in waiting), "--reason", "old address")
    evenings.run("nightly", on=TUESDAY + timedelta(days=1))
    assert "address_gone" not in str(needs(night(evenings)))


def test_a_submission_that_was_cancelled_and_told_to_nobody_is_named(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.owing()
    smtp.answer_recipient(AGENCY, "451 later")
    evenings.run("nightly", on=SUNDAY)
    ids = [str(row["id"]) for row in evenings.koha.query("SELECT id FROM gentle_nudge_delivery ORDER BY id")]
    evenings.does("outbox", "cancel", *ids, "--reason", "told by telephone")
    evenings.run("nightly")
    values = night(evenings)
    assert [kind for kind, *_ in needs(values)] == ["submission_untold", "report_undelivered"]
    assert values["well"] is False
    assert "1 patron was charged, and the agency was not told of them." in values["needs_a_person"][0]["sentence"]
    assert "was cancelled unsent" in values["needs_a_person"][1]["sentence"]


def test_a_week_has_the_sums_of_its_nights(library: Library) -> None:
    evenings = library()
    patron = evenings.owing("30.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, patron, "40.00")
    evenings.does("nightly", on=MONDAY)
    evenings.does("nightly", on=TUESDAY)
    week = night(evenings, str(TUESDAY), "--week")
    assert (week["from"], week["day"]) == ("2026-11-18", "2026-11-24")
    assert (week["figures"]["referred"], week["figures"]["released_or_paid"], week["figures"]["fees"]) == (
        1,
        1,
        "10.00",
    )
    assert (week["figures"]["open_cases"], len(week["reports"])) == (0, 4)
    assert night(evenings, str(SUNDAY + timedelta(days=7)), "--week")["figures"]["referred"] == 0


def test_a_night_that_was_not_kept_is_a_question_for_history(library: Library) -> None:
    evenings = library()
    none_yet = evenings.run("night", on=SUNDAY)
    assert (none_yet.returncode, none_yet.stdout) == (2, "")
    evenings.does("nightly", on=SUNDAY)
    before = evenings.run("night", str(SUNDAY - timedelta(days=1)))
    assert before.returncode == 2
    assert "The night of 2026-11-21 is not known (section global)." in before.stderr
    assert "history" in before.stderr


def test_every_section_has_its_night(library: Library, tmp_path: Path) -> None:
    evenings = library(tables='[[library]]\nname = "north"\nbranches = ["FPL"]\n')
    evenings.owing("30.00", branchcode="FPL")
    evenings.does("nightly", on=SUNDAY)
    both = json.loads(evenings.does("night", "--format", "json"))
    assert {values["section"]: values["figures"]["referred"] for values in both} == {"global": 0, "north": 1}
    assert night(evenings, "--library", "North")["section"] == "north"
    assert evenings.run("night", "--format", "html").returncode == 2
    assert evenings.run("night", "--library", "south").returncode == 2
    evenings.does("night", "--output", tmp_path / "pages")
    assert sorted(file.name for file in (tmp_path / "pages").iterdir()) == [
        f"night-{SUNDAY}-global.html",
        f"night-{SUNDAY}-north.html",
    ]


def test_the_killed_night_has_no_values_and_the_whole_night_has(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    evenings = library()
    evenings.owing()
    with monkeypatch.context() as broken:
        broken.setattr("gentle_nudge.store.night_values.keep", lambda *_args, **_how: 1 / 0)
        assert evenings.run("nightly", on=SUNDAY).returncode == 1
    assert (evenings.cases(), evenings.run("night").returncode) == ([], 2)
    evenings.does("nightly")
    assert night(evenings)["figures"]["referred"] == 1


def test_values_of_nights_are_kept_as_long_as_reports(library: Library) -> None:
    evenings = library(tables="[archive]\nkeep_days = 90\n")
    evenings.does("nightly", on=SUNDAY)
    evenings.does("nightly", on=SUNDAY + timedelta(days=90))
    assert night(evenings, str(SUNDAY))
    evenings.does("nightly", on=SUNDAY + timedelta(days=91))
    assert evenings.run("night", str(SUNDAY)).returncode == 2
