"""The page of a list: staff get it once by mail, and find it with its files in their folder."""

import email
import email.policy
import json
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.acceptance.test_list_files import APPROVED
from tests.acceptance.test_lists import Desk, DeskFixture, nov, shown
from tests.acceptance.test_lists import desk as desk  # noqa: PLC0414 - the fixture
from tests.builders.koha import an_item

STAFF = "desk@library.example.org"
PAGE = "review-2026-11-22-global.html"


@pytest.fixture
def staffed(desk: DeskFixture, tmp_path: Path) -> Callable[..., Desk]:
    """`staffed(names=True)`: staff have a folder and get mails."""

    def begin(policy: str = "", *, names: bool = False) -> Desk:
        table = f'[staff]\nfolder = "{tmp_path}/staff"\nnames = {str(names).lower()}\n'
        return desk(f'staff_to = ["{STAFF}"]\n{policy}', tables=table)

    return begin


def lists_mailed(library: Desk) -> list[EmailMessage]:
    """The mails with the page of a list, oldest first."""
    files = sorted((library.folder / "mail/new").iterdir(), key=lambda file: file.stat().st_mtime)
    mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
    return [mail for mail in mails if "Collections list" in mail["Subject"]]


def test_v11_neither_mail_nor_page_nor_file_holds_a_name(staffed: Callable[..., Desk]) -> None:
    library = staffed()
    library.koha.prefer("staffClientBaseURL", "https://staff.library.example.org")
    library.nights(19, 20, 21)
    (mail,) = lists_mailed(library)
    assert (mail["To"], mail["Subject"].split(" for ")[0]) == (STAFF, "Collections list of 2026-11-22")
    (attachment,) = mail.iter_attachments()
    page = attachment.get_content()
    assert (attachment.get_filename(), "Surname" in mail.as_string()) == (PAGE, False)
    number = library.five["B"]
    link = f"https://staff.library.example.org/cgi-bin/koha/members/moremember.pl?borrowernumber={number}"
    text = page if isinstance(page, str) else page.decode()
    assert link in text
    assert "Surname" not in text
    assert "5 patrons will be referred on Sunday 22 November 2026" in text
    folder = library.folder / "staff"
    assert (folder / PAGE).read_text() == text
    names = {path.name for path in folder.iterdir()}
    assert {PAGE, "review-2026-11-22-global.csv", "shelf-2026-11-22-global.csv"} <= names
    assert "Surname" not in (folder / "review-2026-11-22-global.csv").read_text()


def test_without_kohas_address_patrons_are_numbers_and_with_names_they_are_named(
    staffed: Callable[..., Desk],
) -> None:
    library = staffed(names=True)
    library.nights(19)
    page = (library.folder / "staff" / PAGE).read_text()
    assert "Surname B, Pat" in page
    assert f"number {library.five['B']}" in page
    assert "moremember" not in page
    assert "Surname B" not in lists_mailed(library)[0].get_body().get_content()  # type: ignore[union-attr]


def test_the_shelf_list_holds_lost_items_and_is_gone_with_the_list(staffed: Callable[..., Desk]) -> None:
    library = staffed()
    item = an_item(library.koha, itemlost=1, title="A Lost Title", location="FIC", itemcallnumber="813 X", barcode="B1")
    library.koha.execute(
        "UPDATE accountlines SET itemnumber = :item WHERE borrowernumber = :b", item=item, b=library.five["B"]
    )
    library.nights(19)
    shelf = library.folder / "staff/shelf-2026-11-22-global.csv"
    assert shelf.read_text("utf-8-sig").splitlines() == [
        "library,location,call_number,barcode,title",
        "CPL,FIC,813 X,B1,A Lost Title",
    ]
    stored = library.koha.query("SELECT body FROM gentle_nudge_report") + library.koha.query(
        "SELECT bytes FROM gentle_nudge_report_part"
    )
    assert not any("A Lost Title" in str(row) for row in stored)
    assert "A Lost Title" in library.does("review", "show", "--shelf")
    library.nights(22)
    assert not shelf.exists()


def test_the_file_that_lies_in_the_folder_approves_once_it_is_saved(staffed: Callable[..., Desk]) -> None:
    library = staffed('review_ends = "lapse"\n')
    library.nights(19)
    folder = library.folder / "staff"
    content = (folder / "review-2026-11-22-global.csv").read_bytes()
    (folder / "in" / APPROVED).write_bytes(content)
    library.nights(20, 21, 22)
    assert library.submission()[0] == "ABCEG"
    assert (folder / "in/read" / APPROVED).exists()


def needs(library: Desk, day: int) -> list[str]:
    """The kinds of what the night of that day left to a person."""
    (night,) = json.loads(library.does("night", str(nov(day)), "--format", "json"))
    return [need["kind"] for need in night["needs_a_person"]]


def test_the_night_before_says_that_the_list_lapses_and_the_night_that_it_has(staffed: Callable[..., Desk]) -> None:
    library = staffed('review_ends = "lapse"\n')
    library.nights(19, 20, 21, 22)
    assert [needs(library, day) for day in (19, 20, 21, 22)] == [[], [], ["list_unapproved"], ["list_lapsed"]]


def test_a_list_that_comes_too_late_stands_on_the_page(staffed: Callable[..., Desk]) -> None:
    library = staffed()
    library.nights(17)
    assert library.run("nightly", on=nov(22)).returncode == 0
    assert needs(library, 22) == ["list_late"]


def test_a_page_offers_to_approve_only_where_there_is_a_list(staffed: Callable[..., Desk]) -> None:
    library = staffed()
    before = library.does("review", "2026-11-22", "--format", "html", on=nov(18))
    assert "There is no list of this day yet: it will be made 3 days before it" in before
    assert not any(offer in before for offer in ("review approve", "leave-out", "CSV", "only become shorter"))
    library.nights(19)
    after = library.does("review", "2026-11-22", "--format", "html", on=nov(19))
    assert all(offer in after for offer in ("review approve", "review leave-out", "CSV", "only become shorter"))
    assert "no list of this day" not in after
    assert "Rules: 25.00 or more, charges 60 to 90 days old, no minors." in after


def test_review_writes_its_files(desk: DeskFixture, tmp_path: Path) -> None:
    library = desk()
    library.nights(19)
    library.does("review", "show", "--output", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        PAGE,
        "review-2026-11-22-global.csv",
        "shelf-2026-11-22-global.csv",
    }
    page = library.does("review", "2026-11-22", "--format", "html", "--names")
    assert page.startswith("<!doctype html>")
    assert "Surname B" in page
    assert "Surname B" in library.does("review", "2026-11-22", "--format", "csv", "--names")
    header = library.does("review", "--format", "csv").splitlines()[0]
    assert header == ("section,outcome,why,card,number,library,age,owed,balance,with_fee,marks,decision,reason,until")
    assert shown(library, 22, on=19)["patrons"] == 5
