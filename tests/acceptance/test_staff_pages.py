"""Pages for staff: in their folder, by mail, each night's and each week's."""

import email
import json
import os
from datetime import date, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import MONDAY, SUNDAY
from tests.builders.koha import pays

CLERK = "clerk@library.example.org"
TUESDAY = MONDAY + timedelta(days=1)
FOLDER = '[staff]\nfolder = "{folder}"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "staff"


def pages(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith(".") and file.is_file())


def mails(evenings: Evenings) -> list[tuple[str, str]]:
    """Subject and attachment's name of every mail to the clerk, in order of sending."""
    return [(message["Subject"], attachment(message).get_filename() or "") for message in letters(evenings)]


def letters(evenings: Evenings) -> list[EmailMessage]:
    files = sorted((evenings.folder / "mail/new").iterdir(), key=lambda file: int(file.name.split(".")[1]))
    read = [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    return [message for message in read if message["To"] == CLERK]


def attachment(message: EmailMessage) -> EmailMessage:
    (part,) = message.iter_attachments()
    return part


def nights(evenings: Evenings, first: date, count: int) -> None:
    for place in range(count):
        evenings.run("nightly", on=first + timedelta(days=place))


# The folder


def test_each_night_has_its_page_in_the_folder_for_its_owner_alone(library: Library, folder: Path) -> None:
    evenings = library(tables=FOLDER.format(folder=folder))
    evenings.owing("30.00", surname="Smith", cardnumber="20000001")
    evenings.does("nightly", on=SUNDAY)
    assert pages(folder) == [f"night-{SUNDAY}-global.html", "outcomes-2026-10.html"]
    page = (folder / f"night-{SUNDAY}-global.html").read_text(encoding="utf-8")
    assert "<strong>1 patron was referred</strong>" in page
    assert "The agency has both files." in page
    assert "20000001" in page
    assert "Smith" not in page
    assert [oct((folder / name).stat().st_mode & 0o7777) for name in ("", "in", "in/read", "in/refused")] == [
        "0o700"
    ] * 4
    assert oct((folder / f"night-{SUNDAY}-global.html").stat().st_mode & 0o7777) == "0o600"
    evenings.does("nightly")
    assert pages(folder) == [f"night-{SUNDAY}-global.html", "outcomes-2026-10.html"]
    assert evenings.states() == ["sent"] * 4, "two reports and two pages"


def test_with_a_group_its_members_may_read(library: Library, folder: Path) -> None:
    evenings = library(tables=FOLDER.format(folder=folder) + 'group = "nogroup"\nnames = true\n')
    evenings.owing("30.00", surname="Smith")
    evenings.does("nightly", on=SUNDAY)
    made = (folder / f"night-{SUNDAY}-global.html").stat()
    assert (oct(made.st_mode & 0o7777), made.st_gid) == ("0o640", folder.stat().st_gid)
    assert (oct(folder.stat().st_mode & 0o7777), oct((folder / "in").stat().st_mode & 0o7777)) == ("0o2770", "0o2770")
    assert "Smith" in (folder / f"night-{SUNDAY}-global.html").read_text(encoding="utf-8")


def test_a_folder_of_another_database_is_not_touched(library: Library, folder: Path) -> None:
    folder.mkdir()
    (folder / ".gentle-nudge").write_text('{"database": "koha_other", "note": ""}\n')
    evenings = library(tables=FOLDER.format(folder=folder))
    done = evenings.run("nightly", on=SUNDAY)
    assert done.returncode == 1
    assert f"The staff folder {folder} belongs to the database koha_other" in done.stderr
    assert [file.name for file in folder.iterdir()] == [".gentle-nudge"]
    assert evenings.run("check").returncode == 1
    assert "staff-folder" in evenings.run("check").stdout


def test_a_page_that_could_not_be_put_there_comes_later(library: Library, folder: Path) -> None:
    evenings = library(tables=FOLDER.format(folder=folder / "none" / "staff"))
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    (folder / "none").mkdir(parents=True)
    evenings.does("deliver", on=MONDAY)
    assert f"night-{SUNDAY}-global.html" in pages(folder / "none" / "staff")


def test_pages_that_are_old_are_removed_and_nothing_else(library: Library, folder: Path) -> None:
    evenings = library(tables=FOLDER.format(folder=folder) + "keep_days = 60\n")
    evenings.does("nightly", on=SUNDAY)
    old = (SUNDAY - timedelta(days=365)).strftime("%s")
    for name in ("notes.html", "in/.list.csv", "in/read/old.csv", "in/read/new.csv", "in/refused/old.txt"):
        (folder / name).write_text("x")
        if "new" not in name:
            os.utime(folder / name, (int(old), int(old)))
    evenings.does("nightly", on=SUNDAY + timedelta(days=60))
    assert f"night-{SUNDAY}-global.html" in pages(folder)
    evenings.does("nightly", on=SUNDAY + timedelta(days=61))
    assert f"night-{SUNDAY}-global.html" not in pages(folder)
    assert "notes.html" in pages(folder)
    kept = sorted(str(file.relative_to(folder)) for file in (folder / "in").rglob("*") if file.is_file())
    assert kept == ["in/.list.csv", "in/read/new.csv"]
    assert evenings.stored(f"night-{SUNDAY}-global.html") == b""


def test_pages_are_no_reports_to_history_status_and_regenerate(library: Library, folder: Path) -> None:
    evenings = library(policy=f'staff_to = ["{CLERK}"]', tables=FOLDER.format(folder=folder))
    evenings.does("nightly", on=SUNDAY)
    evenings.does("nightly", on=MONDAY)
    runs = evenings.koha.query("SELECT report FROM gentle_nudge_run ORDER BY id")
    assert [row["report"] for row in runs] == [
        *("submission", "update", "night", "outcomes", "update", "night", "digest")
    ]
    assert "night" not in evenings.does("history")
    status = json.loads(evenings.does("status", "--format", "json"))
    assert {run["report"] for run in status["runs"]} == {"submission", "update"}
    refused = evenings.run("regenerate", "--day", str(SUNDAY), "--report", "night")
    assert refused.returncode == 2
    to_clerk = ("regenerate", "--day", str(SUNDAY), "--report", "update", "--send", "--reason", "x", "--to", CLERK)
    assert "never had a report" in evenings.run(*to_clerk).stderr
    assert f"night-{SUNDAY}-global.html" in evenings.does("outbox", "--state", "sent")


def test_who_is_forgotten_is_told_which_pages_still_hold_them(library: Library, folder: Path) -> None:
    evenings = library(tables=FOLDER.format(folder=folder) + "names = true\n")
    evenings.koha.prefer("staffClientBaseURL", "https://staff.library.example.org")
    patron, other = evenings.owing("30.00", cardnumber="1001"), evenings.owing("40.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, patron, "40.00")
    nights(evenings, MONDAY, 2)
    held = [line.split(",")[0].split()[0] for line in evenings.does("forget", "1001").splitlines() if "copy in" in line]
    assert held == [f"night-{SUNDAY}-global.html", f"night-{MONDAY}-global.html"]
    assert f"kept until {SUNDAY + timedelta(days=60)}" in evenings.does("forget", "1001")
    evenings.koha.prefer("staffClientBaseURL", "")
    evenings.koha.execute("UPDATE borrowers SET sort1 = '' WHERE borrowernumber = :n", n=other)
    evenings.run("nightly", on=TUESDAY + timedelta(days=1))
    said = evenings.does("forget", f"number:{other}")
    assert f"night-{TUESDAY + timedelta(days=1)}-global.html" in said, "by the number beside the card"


# The mail


def test_seven_quiet_nights_are_one_mail(library: Library) -> None:
    evenings = library(policy=f'staff_to = ["{CLERK}"]')
    nights(evenings, SUNDAY + timedelta(days=2), 7)
    assert mails(evenings) == [
        (
            f"Collections week to {SUNDAY + timedelta(days=8)} for Springfield Public Library",
            "digest-2026-11-30-global.html",
        )
    ]


def test_what_is_new_for_a_person_is_mailed_once(library: Library) -> None:
    evenings = library(policy=f'staff_to = ["{CLERK}"]', tables='[staff]\ndigest_on = ""\n')
    book_club, other = evenings.owing("40.00", surname="Smith"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    assert mails(evenings) == []
    evenings.koha.execute("UPDATE borrowers SET sort1 = 'Book club' WHERE borrowernumber = :n", n=book_club)
    nights(evenings, MONDAY, 2)
    assert mails(evenings) == [
        (f"Collections night of {MONDAY} for Springfield Public Library", f"night-{MONDAY}-global.html")
    ]
    evenings.run("nightly")
    assert len(mails(evenings)) == 1, "the same night again is no news"
    evenings.koha.execute("UPDATE borrowers SET sort1 = 'Chess' WHERE borrowernumber = :n", n=other)
    evenings.run("nightly", on=TUESDAY + timedelta(days=1))
    assert [subject.split()[3] for subject, _ in mails(evenings)] == [str(MONDAY), str(TUESDAY + timedelta(days=1))]
    (first, _) = letters(evenings)
    page = attachment(first)
    assert page.get_content_type() == "text/html"
    assert "Book club" in page.get_content()
    assert "Smith" not in page.get_content()
    body = first.get_body(("plain",))
    assert body is not None
    assert "For a person:          1" in body.get_content()
    assert "90.00" not in body.get_content().split("In collections")[0]


def test_with_names_the_page_has_them_and_the_mail_around_it_not(library: Library) -> None:
    evenings = library(policy=f'staff_to = ["{CLERK}"]', tables="[staff]\nnames = true\n")
    patron = evenings.owing("40.00", surname="Smith")
    evenings.does("nightly", on=SUNDAY)
    evenings.koha.execute("UPDATE borrowers SET sort1 = 'Book club' WHERE borrowernumber = :n", n=patron)
    evenings.run("nightly", on=MONDAY + timedelta(days=1))
    (letter, _digest) = letters(evenings)
    assert "Smith" in attachment(letter).get_content()
    body = letter.get_body(("plain",))
    assert body is not None
    assert "Smith" not in f"{letter['Subject']} {body.get_content()} {attachment(letter).get_filename()}"


def test_the_digest_comes_the_night_after_if_its_own_was_missed(library: Library) -> None:
    evenings = library(policy=f'staff_to = ["{CLERK}"]')
    evenings.does("nightly", on=SUNDAY)
    assert mails(evenings) == []
    evenings.does("nightly", on=TUESDAY)
    assert [file for _, file in mails(evenings)] == [f"digest-{MONDAY}-global.html"]
    nights(evenings, TUESDAY + timedelta(days=1), 5)
    assert len(mails(evenings)) == 1
    evenings.does("nightly", on=MONDAY + timedelta(days=7))
    assert [file for _, file in mails(evenings)][1:] == [f"digest-{MONDAY + timedelta(days=7)}-global.html"]


def test_a_digest_has_counts_and_no_names_of_those_who_were_referred(library: Library) -> None:
    evenings = library(policy=f'staff_to = ["{CLERK}"]', tables="[staff]\nnames = true\n")
    patron = evenings.owing("30.00", surname="Smith")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, patron, "40.00")
    evenings.does("nightly", on=MONDAY)
    (digest,) = letters(evenings)
    page = attachment(digest).get_content()
    assert "<strong>1 patron was referred</strong>, 1 released" in page
    assert "Smith" not in page


def test_a_page_to_somebody_who_left_the_settings_is_cancelled_without_a_word(library: Library, folder: Path) -> None:
    nowhere = FOLDER.format(folder=folder / "none" / "staff")
    evenings = library(tables=nowhere)
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    evenings.configure()
    evenings.does("nightly", on=MONDAY)
    waiting = evenings.koha.query("SELECT state, reason FROM gentle_nudge_delivery WHERE channel = 'folder'")
    assert [(row["state"], row["reason"]) for row in waiting] == [
        ("cancelled", "the settings name this address no more")
    ] * 2


def test_a_test_copy_sends_pages_where_all_its_mail_goes(library: Library, folder: Path) -> None:
    evenings = library(policy=f'staff_to = ["{CLERK}"]', tables=FOLDER.format(folder=folder))
    evenings.koha.prefer("SendAllEmailsTo", "tester@library.example.org")
    evenings.run("nightly", on=MONDAY)
    sent = [
        email.message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in (evenings.folder / "mail/new").iterdir()
    ]
    assert {(message["To"], message["Subject"].split()[0]) for message in sent} == {
        ("tester@library.example.org", "TEST")
    }
    assert f"digest-{MONDAY}-global.html" in pages(folder)


def test_a_copy_neither_writes_nor_reads_a_folder(library: Library, folder: Path) -> None:
    evenings = library(policy=f'staff_to = ["{CLERK}"]', tables=FOLDER.format(folder=folder))
    evenings.does("init", "--copy", "--yes", on=SUNDAY)
    evenings.does("nightly", on=MONDAY)
    assert not folder.exists()
    assert [file for _, file in mails(evenings)] == [f"digest-{MONDAY}-global.html"]


def test_without_folder_and_recipients_there_is_no_page(library: Library) -> None:
    evenings = library()
    nights(evenings, SUNDAY, 2)
    runs: list[dict[str, Any]] = evenings.koha.query("SELECT DISTINCT report FROM gentle_nudge_run ORDER BY report")
    assert [row["report"] for row in runs] == ["submission", "update"]


def test_what_became_of_the_reports_is_on_the_page(library: Library, folder: Path) -> None:
    evenings = library(tables=FOLDER.format(folder=folder), port=1)
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    page = (folder / f"night-{SUNDAY}-global.html").read_text(encoding="utf-8")
    assert "2 files of 2 did not reach the agency." in page
    assert evenings.run("nightly", on=TUESDAY).returncode == 1
    (values,) = json.loads(evenings.does("night", "--format", "json"))
    assert values["well"] is False
    assert {need["kind"] for need in values["needs_a_person"]} == {"report_undelivered"}
