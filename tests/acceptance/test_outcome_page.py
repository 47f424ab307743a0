"""The page of outcomes: when asked for, and made by the first night of each month."""

import email
import json
import re
import signal
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.acceptance.evenings import Evenings, Library
from tests.acceptance.test_outcomes import NORTH, finds, lines_of, waives
from tests.acceptance.test_staff_pages import attachment
from tests.builders.days import IN_THE_WINDOW, MONDAY, SUNDAY, TUESDAY
from tests.builders.koha import a_patron, an_item, apply, has_credit, owes, owing, pays, void
from tests.support import backup
from tests.support.crashes import killed
from tests.support.koha import KohaDatabase

DIRECTOR = "director@library.example.org"
BOTH = '[staff]\nfolder = "{folder}"\ndigest_on = ""\n[outcomes]\nsend_to = ["director@library.example.org"]\n'
OVER = date(2027, 4, 1)  # 130 days after the Sunday
NOVEMBER = "outcomes-2026-11.html"
FIRST, SECOND = date(2026, 12, 1), date(2026, 12, 2)
PATRONS = range(7_654_301, 7_654_331)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "staff"


def page(evenings: Evenings, *args: str, on: date | None = None) -> str:
    """What `outcomes --format html` says."""
    return evenings.does("outcomes", "--format", "html", *args, on=on)


def months(html: str) -> list[list[str]]:
    """The cells of each row of the table month by month, the last of them of all, without the name of the month."""
    part = html.partition("<h2>Month by month</h2>")[2].partition("<h2>")[0]
    return [re.findall(r'<td class="n">(.*?)</td>', row) for row in re.findall(r"<tr>.*?</tr>", part, re.DOTALL)[1:]]


def amount(cell: str) -> Decimal:
    return Decimal(cell.replace(",", "").replace("\N{MINUS SIGN}", "-"))


def to_director(evenings: Evenings) -> list[EmailMessage]:
    """The mails to the director, in order of sending."""
    mails = (evenings.folder / "mail/new").glob("gentle-nudge.[0-9]*")
    files = sorted(mails, key=lambda file: int(file.name.split(".")[1]))
    read = [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    return [message for message in read if message["To"] == DIRECTOR]


def of_months(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("outcomes-*"))


def page_runs(koha: KohaDatabase) -> list[tuple[str, date]]:
    rows = koha.query("SELECT section, day FROM gentle_nudge_run WHERE report = 'outcomes' ORDER BY id")
    return [(row["section"], row["day"]) for row in rows]


def thirty_patrons(library: Library, koha: KohaDatabase) -> Evenings:
    """Thirty were referred on the Sunday; since then four paid, three returned an item, one was waived."""
    evenings = library(tables="[outcomes]\nprice_per_case = 8.95\n")
    items = {}
    for place, number in enumerate(PATRONS):
        card, branch = f"2499{place:04}", "CPL" if place % 2 else "FPL"
        a_patron(koha, borrowernumber=number, surname="Quibbleworth", firstname="Ermintrude", card=card, branch=branch)
        items[number] = an_item(koha)
        owes(koha, number, f"{26 + 41 * place}.17", day=IN_THE_WINDOW, item=items[number])
    evenings.does("nightly", "--most-referrals", "99", on=SUNDAY)
    for number in PATRONS[:4]:
        pays(koha, number)
    for number in PATRONS[4:7]:
        (line,) = lines_of(koha, number)
        owed = str(koha.value("SELECT amount FROM accountlines WHERE accountlines_id = :n", n=line))
        finds(koha, number, line, owed, applied=owed, item=items[number])
    (line,) = lines_of(koha, PATRONS[7])
    waives(koha, PATRONS[7], line, "20.00", kind="WRITEOFF")
    evenings.does("nightly", on=MONDAY)
    return evenings


# The page when asked for; U26 is in tests/pages


def test_the_page_is_by_month_whatever_is_asked_and_tries_the_thresholds_that_are(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = thirty_patrons(library, koha)
    html = page(evenings, "--from", "2026-10", "--by", "age", "--if-threshold", "61.50", on=OVER)
    assert [row[0] for row in months(html)] == ["0", "30", "0", "0", "0", "0", "0", "30"]
    assert html.count(">61.50</th>") == 1
    assert ">30.00</th>" not in html


def test_a_period_without_a_case_says_so_and_draws_nothing(library: Library) -> None:
    html = page(library(), on=SUNDAY)
    assert "<h1>What collections brought in</h1>" in html
    assert "Nobody was referred in these months." in html
    assert not any(mark in html for mark in ("<svg", "<table", "<h2"))


@pytest.mark.parametrize(("first", "says"), [(1, False), (2, True)])
def test_the_page_of_a_month_in_which_nights_began_says_since_when_it_holds_something(
    library: Library, koha: KohaDatabase, first: int, *, says: bool
) -> None:
    evenings, november = library(), ("--from", "2026-11", "--to", "2026-11")
    evenings.does("nightly", on=date(2026, 11, first))
    began = f"The first night of this program was on {first} November 2026"
    assert (f"{began}: the days before it hold nothing." in page(evenings, *november, on=SUNDAY)) is says
    assert f"{began}, after them." in page(evenings, "--to", "2026-10", on=SUNDAY)
    table = evenings.does("outcomes", *november, on=SUNDAY)
    assert (f"on 2026-11-{first:02}: what was referred before stands in no month." in " ".join(table.split())) is says
    owing(koha, "40.00")
    evenings.does("nightly", on=SUNDAY)
    assert (f"{began}: what was referred before that day" in page(evenings, *november, on=SUNDAY)) is says


def test_a_month_without_a_referral_tells_of_those_who_were_referred_before(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    a_patron(koha, sort1="yes")
    evenings.does("nightly", on=date(2026, 11, 10))
    html = page(evenings, "--from", "2026-11", "--to", "2026-11", on=date(2026, 11, 11))
    assert "Nobody was referred in these months." in html
    assert "1 patron had been referred before this program kept the amounts." in html


def test_a_figure_below_zero_is_shown_and_not_drawn(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron, item = a_patron(koha), an_item(koha)
    line = owes(koha, patron, "40.00", day=IN_THE_WINDOW, item=item)
    evenings.does("nightly", on=SUNDAY)
    payment = has_credit(koha, patron, "40.00")
    apply(koha, payment, line, "40.00")
    finds(koha, patron, line, "40.00", applied="0.00", item=item)
    void(koha, payment)
    evenings.does("nightly", on=MONDAY)
    html = page(evenings)
    assert months(html)[-1][1:6] == ["40.00", "\N{MINUS SIGN}40.00", "40.00", "0.00", "40.00"]
    assert "Nov: returned 40.00" in html
    assert not re.search(r'Nov: paid|(?:height|width)[=:]"?-', html)


def test_the_page_of_one_library_bears_its_name_and_has_its_cases_alone(
    library: Library, koha: KohaDatabase, tmp_path: Path
) -> None:
    evenings = library(tables=NORTH)
    owing(koha, "30.00", branch="FPL")
    owing(koha, "50.00", branch="CPL")
    evenings.does("nightly", on=SUNDAY)
    evenings.does("outcomes", "--library", "North", "--format", "html", "--output", tmp_path / "out")
    (file,) = (tmp_path / "out").iterdir()
    html = file.read_text(encoding="utf-8")
    assert (file.name, " · section north · " in html) == ("outcomes-2026-11-north.html", True)
    assert [row[:2] for row in months(html)][-1] == ["1", "30.00"]
    evenings.does("outcomes", "--format", "html", "--output", tmp_path / "out", "--to", "2026-12")
    assert (tmp_path / "out" / "outcomes-2026-12.html").exists()


def test_a_folder_is_refused_for_anything_but_a_page_and_where_it_is_none(library: Library, tmp_path: Path) -> None:
    evenings = library()
    for form in ("table", "csv", "json"):
        refused = evenings.run("outcomes", "--format", form, "--output", tmp_path / "out")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "--output belongs to --format html." in refused.stderr
    (tmp_path / "out").write_text("x")
    assert evenings.run("outcomes", "--format", "html", "--output", tmp_path / "out").returncode == 2


# U27: the page of the month


def test_each_month_has_one_page_and_one_mail(library: Library, koha: KohaDatabase, folder: Path) -> None:
    evenings = library(tables=BOTH.format(folder=folder))
    pays(koha, evenings.referred("30.00", surname="Smith"), "12.00")
    evenings.does("nightly", on=FIRST)
    assert of_months(folder) == ["outcomes-2026-10.html", NOVEMBER]
    evenings.does("nightly", on=SECOND)
    evenings.does("nightly", on=SECOND)
    evenings.does("nightly", on=date(2027, 1, 3))
    assert of_months(folder) == [NOVEMBER, "outcomes-2026-12.html"]
    assert page_runs(koha) == [("global", date(2026, month, 1)) for month in (11, 12)] + [("global", date(2027, 1, 1))]
    _, november, december = letters = to_director(evenings)
    assert {letter["Subject"] for letter in letters} == {"Outcomes for Springfield Public Library"}
    attached = attachment(november)
    assert (attached.get_filename(), attached.get_content_type()) == (NOVEMBER, "text/html")
    html = attached.get_content()
    assert "<strong>40.00 has come back</strong>" in html
    assert "referred December 2025 to November 2026 · as of Tuesday 1 December 2026" in html
    assert "Smith" not in html
    assert html == (folder / NOVEMBER).read_text(encoding="utf-8")
    assert "January 2026 to December 2026" in attachment(december).get_content()
    body = november.get_body(("plain",))
    assert body is not None
    assert re.findall(r"^(\w+): +([\d.,]+)$", body.get_content(), re.MULTILINE) == [
        ("Referred", "30.00"), ("Paid", "12.00"), ("Returned", "0.00"),
    ]  # fmt: skip


def test_a_page_is_no_report_and_is_seen_in_the_outbox(library: Library, folder: Path) -> None:
    evenings = library(tables=BOTH.format(folder=folder))
    evenings.does("nightly", on=FIRST)
    queue = json.loads(evenings.does("outbox", "--state", "sent", "--format", "json"))["deliveries"]
    sent = [(each["channel"], each["recipient"]) for each in queue if each["file"] == NOVEMBER]
    assert sorted(sent) == [("email", DIRECTOR), ("folder", str(folder))]
    assert evenings.run("regenerate", "--day", str(FIRST), "--report", "outcomes").returncode == 2
    assert "outcomes" not in evenings.does("history")
    assert {run["report"] for run in json.loads(evenings.does("status", "--format", "json"))["runs"]} == {"update"}


def test_a_page_goes_after_keep_days_from_the_folder_too(library: Library, folder: Path) -> None:
    evenings = library(tables=BOTH.format(folder=folder))
    evenings.does("nightly", on=FIRST)
    evenings.does("nightly", on=date(2027, 1, 30))
    assert evenings.stored(NOVEMBER)
    evenings.does("nightly", on=date(2027, 1, 31))
    assert of_months(folder) == ["outcomes-2026-12.html"]
    assert evenings.stored(NOVEMBER) == b""


@pytest.mark.parametrize(
    ("tables", "made_and_mailed"),
    [
        ('[staff]\nfolder = "{folder}"\n', (1, 0)),
        ('[outcomes]\nsend_to = ["director@library.example.org"]\n', (1, 1)),
        ("", (0, 0)),
    ],
)
def test_a_folder_or_a_reader_is_enough_for_a_page(
    library: Library, folder: Path, tables: str, made_and_mailed: tuple[int, int]
) -> None:
    evenings = library(tables=tables.format(folder=folder))
    evenings.does("nightly", on=FIRST)
    assert (len(page_runs(evenings.koha)), len(to_director(evenings))) == made_and_mailed


def test_the_page_is_the_library_s_also_without_a_section_global(
    library: Library, koha: KohaDatabase, folder: Path
) -> None:
    sections = '[[library]]\nname = "south"\nbranches = ["CPL"]\n[libraries]\nothers = false\n'
    evenings = library(tables=BOTH.format(folder=folder) + NORTH + sections)
    owing(koha, "30.00", branch="FPL")
    owing(koha, "50.00", branch="CPL")
    evenings.does("nightly", on=SUNDAY)
    evenings.does("nightly", "--library", "north", on=FIRST)
    assert page_runs(koha)[-1] == ("global", FIRST)
    letter = to_director(evenings)[-1]
    assert letter["Subject"] == "Outcomes for Springfield Public Library"
    assert "2 patrons were referred, owing 80.00" in attachment(letter).get_content()


def test_a_page_to_a_reader_who_left_the_settings_is_cancelled_without_a_word(
    library: Library, koha: KohaDatabase
) -> None:
    reader = '[outcomes]\nsend_to = ["director@library.example.org"]\n'
    evenings = library(tables=reader, port=1)
    assert evenings.run("nightly", on=FIRST).returncode == 1
    evenings.configure(tables=reader.replace("director", "treasurer"))
    evenings.does("nightly", on=SECOND)
    states = koha.query("SELECT state, reason FROM gentle_nudge_delivery WHERE recipient = :to", to=DIRECTOR)
    assert [(row["state"], row["reason"]) for row in states] == [
        ("cancelled", "the settings name this address no more")
    ]


def test_a_page_that_cannot_be_made_holds_nothing_else_up(library: Library, koha: KohaDatabase, folder: Path) -> None:
    evenings = library(tables=BOTH.format(folder=folder))
    evenings.owing("30.00")
    koha.spoil("ALTER TABLE branches RENAME COLUMN branchname TO its_name")
    night = evenings.run("nightly", on=SUNDAY)
    assert (night.returncode, len(night.stderr.splitlines())) == (1, 2)
    assert evenings.states() == ["sent"] * 3, "two reports and the page of the night"
    assert [case["state"] for case in evenings.cases()] == ["open"]
    assert (of_months(folder), page_runs(koha)) == ([], [])
    koha.execute("ALTER TABLE branches RENAME COLUMN its_name TO branchname")
    evenings.does("nightly", on=TUESDAY)
    assert of_months(folder) == ["outcomes-2026-10.html"]


@pytest.mark.process
def test_a_night_that_is_killed_while_the_page_is_made_leaves_one_page(
    library: Library, koha: KohaDatabase, folder: Path
) -> None:
    evenings = library(tables=BOTH.format(folder=folder))
    evenings.referred("30.00")
    before, steps = backup.take(koha), list[int]()

    def night(count: Callable[[], Any]) -> None:
        """The night; its steps are counted from when it first asks for pages of outcomes."""
        begun = list[bool]()

        def heard(*args: Any) -> None:
            begun.extend([True] if "outcomes" in str(args[3:4]) else [])
            if begun:
                count()

        for name in ("before_cursor_execute", "commit"):
            event.listen(Engine, name, heard)
        evenings.run("nightly", on=FIRST)
        for name in ("before_cursor_execute", "commit"):
            event.remove(Engine, name, heard)

    night(lambda: steps.append(1))
    assert len(steps) > 20
    for at in range(0, len(steps), len(steps) // 8):
        backup.restore(koha, before)
        (folder / NOVEMBER).unlink()
        for letter in (evenings.folder / "mail/new").iterdir():
            letter.unlink()
        assert killed(at, night) == -signal.SIGKILL
        evenings.run("nightly", on=SECOND)
        assert page_runs(koha)[-1] == ("global", FIRST)
        assert [attachment(letter).get_filename() for letter in to_director(evenings)] == [NOVEMBER]
        assert {*evenings.states()} <= {"sent", "superseded"}  # an update, by the next
        assert NOVEMBER in of_months(folder)
