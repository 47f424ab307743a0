"""The SQL of `koha-report` as Koha runs it: it passes Koha's check, runs on each Koha, answers what its page says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from gentle_nudge.texts.koha_reports import REPORTS
from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import SUNDAY, ZONE
from tests.builders.koha import balance, merge, owes, pays
from tests.support.command import Command
from tests.support.pages import ROOT

PAGE = ROOT / "docs/how-to/koha-reports.md"
# Koha::Report->is_sql_valid: a word, or the end of one, that is followed by anything but a letter or digit.
REFUSED = re.compile(r";?\W?(UPDATE|DELETE|DROP|INSERT|SHOW|CREATE)\W", re.IGNORECASE)
COLUMNS = {
    "open-cases": "card surname firstname library section referred_on balance_then balance_now last_told on_hold_until",
    "card": "case day what amount",
    "still-blocked": "card surname firstname closed_on ended_as restriction_type comment",
    "holds": "card surname firstname section reason until since source who in_collections",
    "list": "for_day section state card surname firstname owed balance marks outcome why",
    "invoice": "referred_on section card number balance fee state",
    "undelivered": "file_name channel recipient state attempts since reason",
}
WEEK = timedelta(days=7)
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What Koha would show: the columns, and the rows."""

    columns: Sequence[str]
    rows: list[Row]


def asked(library: Evenings, name: str, value: str = "", *, on: date = SUNDAY + WEEK) -> Answer:
    """The report as Koha runs it on that day: with the value in place of its label, counted first, then in pages."""
    sql = re.sub("<<[^>]+>>", f"'{value}'", library.does("koha-report", name))
    noon = datetime(on.year, on.month, on.day, 12, tzinfo=ZONE).timestamp()
    with library.koha.engine.connect() as conn:
        conn.execute(text(f"SET timestamp = {noon}, time_zone = '-05:00'"))
        count = conn.exec_driver_sql(f"SELECT COUNT(*) FROM ({sql}) AS results".replace("%", "%%")).scalar_one()
        result = conn.exec_driver_sql(f"{sql} LIMIT 0, 1000".replace("%", "%%"))
        rows = [dict(row) for row in result.mappings()]
    assert len(rows) == count
    return Answer(columns=tuple(result.keys()), rows=rows)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_report_passes_kohas_check_and_asks_what_its_page_says(name: str, command: Command) -> None:
    done = command.run("koha-report", name)
    assert (done.returncode, done.stderr) == (0, "")
    sql = done.stdout
    assert sql.startswith("SELECT ")
    assert not REFUSED.search(sql)
    assert not re.search(r";|\bLIMIT\b|\*(?!\))|password", sql, re.IGNORECASE)
    labels = {"card": ["<<Card number>>"], "invoice": ["<<Month, as 2026-11>>"]}
    assert re.findall("<<.*?>>", sql) == labels.get(name, [])


def test_without_a_name_each_report_is_named_with_a_sentence(command: Command) -> None:
    said = command.run("koha-report").stdout.splitlines()[1:]
    assert [line.split()[0] for line in said] == list(COLUMNS) == list(REPORTS)
    assert all(line.endswith(".") for line in said)


def test_an_unknown_name_is_answered_with_the_nearest(command: Command) -> None:
    done = command.run("koha-report", "open_case")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean open-cases?" in done.stderr
    assert "There are: open-cases, card," in command.run("koha-report", "x").stderr


@pytest.mark.every_koha
def test_every_report_runs_with_its_columns_also_when_there_is_nothing(library: Library) -> None:
    evenings = library()
    for name, columns in COLUMNS.items():
        assert asked(evenings, name) == Answer(columns=tuple(columns.split()), rows=[])


@pytest.mark.every_koha
def test_every_report_answers_with_its_columns(library: Library) -> None:
    answers = a_busy_week(library)
    for name, columns in COLUMNS.items():
        assert " ".join(answers[name].columns) == columns
        assert answers[name].rows, name


def test_the_page_shows_a_row_of_each_report(library: Library) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, answer in a_busy_week(library).items():
        example = as_markdown(answer.rows[:1] if name != "card" else answer.rows)
        example = example.replace("localhost:9", "mail.library.example:25")
        assert f"\n{example}\n" in page, f"{PAGE.name}, {name}:\n{example}"


def as_markdown(rows: list[Row]) -> str:
    """The rows as a table of a page."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(["" if v is None else str(v) for v in r.values()] for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |").replace("|  |", "| |") for line in lines)


def a_busy_week(library: Library) -> dict[str, Answer]:
    """A library after a week in which something happened for each report, and what they answer on its Sunday."""
    evenings = library(policy='restriction_comment = "In collections since {date}"')
    koha = evenings.koha
    staying, blocked, listed, kept = (
        evenings.owing(amount, surname=surname, card=f"2352900100{number}", borrowernumber=number)
        for amount, surname, number in (
            ("80.00", "Adams", 4631),
            ("45.00", "Baker", 4713),
            ("52.00", "Clark", 4895),
            ("61.50", "Davis", 4977),
        )
    )
    for patron in (listed, kept):  # not yet in the window of the Sunday
        koha.execute("UPDATE accountlines SET date = '2026-09-26 16:00:00' WHERE borrowernumber = :n", n=patron)
    evenings.does("nightly", on=SUNDAY)
    pays(koha, staying, "60.00", day=SUNDAY + timedelta(days=2))
    pays(koha, blocked, "55.00", day=SUNDAY + timedelta(days=2))
    koha.execute(
        "UPDATE borrower_debarments SET comment = 'In collections; see the card in the drawer' "
        "WHERE borrowernumber = :n",
        n=blocked,
    )
    evenings.does("nightly", on=SUNDAY + timedelta(days=3))
    hold(evenings, staying, "plan", until=date(2027, 1, 31))
    hold(evenings, kept, "dispute", until=date(2026, 12, 31))
    a_list(evenings, {listed: "AT_THRESHOLD", kept: "CLAIMED"})
    evenings.configure(port=9)
    assert evenings.run("nightly", on=SUNDAY + timedelta(days=4)).returncode == 1
    values = {"card": "23529001004631", "invoice": "2026-11"}
    return {name: asked(evenings, name, values.get(name, "")) for name in COLUMNS}


def hold(evenings: Evenings, patron: int, reason: str, *, until: date | None = None, **columns: object) -> None:
    """The patron is on hold since the evening of the library's day."""
    known = {"patron": patron, "reason": reason, "until": until, "source": "command", "who": "pat"}
    since = datetime.combine(evenings.today, datetime.min.time()) + timedelta(hours=16)
    evenings.koha.put("gentle_nudge_hold", **(known | {"since": since, "open_key": f"{patron}"} | columns))


def a_list(evenings: Evenings, marks: dict[int, str], state: str = "open") -> None:
    """These patrons, with their marks, are on the list of the Sunday after; the last one was left out."""
    values = {"section": "global", "for_day": SUNDAY + WEEK, "made": SUNDAY + timedelta(days=4), "state": state}
    number = evenings.koha.put("gentle_nudge_list", **values)
    for patron, mark in marks.items():
        owed, last = balance(evenings.koha, patron), patron == [*marks][-1]
        evenings.koha.put(
            "gentle_nudge_list_row",
            list_id=number,
            patron=patron,
            owed=owed,
            balance=owed,
            marks=mark,
            outcome="left_out" if last else "listed",
            why="the book is on the shelf" if last else None,
        )


# What each of them says


def test_open_cases_say_what_is_owed_now_and_until_when_a_hold_in_force_lasts(library: Library) -> None:
    evenings = library()
    first = evenings.referred("40.00", surname="Adams")
    (before,) = asked(evenings, "open-cases").rows
    assert before["referred_on"] == SUNDAY
    figures = ("balance_then", "balance_now", "last_told", "on_hold_until")
    assert [before[name] for name in figures] == [Decimal("40.00"), Decimal("50.00"), Decimal("50.00"), None]
    pays(evenings.koha, first, "20.00")
    hold(evenings, first, "plan", until=SUNDAY + WEEK)
    (row,) = asked(evenings, "open-cases").rows
    assert (row["balance_now"], row["on_hold_until"]) == (Decimal("30.00"), str(SUNDAY + WEEK))
    (row,) = asked(evenings, "open-cases", on=SUNDAY + WEEK + timedelta(days=1)).rows
    assert row["on_hold_until"] is None
    hold(evenings, first, "bankruptcy", source="koha", open_key="x")
    (row,) = asked(evenings, "open-cases").rows
    assert row["on_hold_until"] == "no end"
    hold(evenings, first, "other", section="elsewhere", until=SUNDAY + 2 * WEEK, open_key="y")
    evenings.koha.execute("UPDATE gentle_nudge_hold SET ended = NOW() WHERE open_key = 'x'")
    assert asked(evenings, "open-cases").rows[0]["on_hold_until"] == str(SUNDAY + WEEK)


def test_a_card_has_what_happened_to_its_cases_newest_last(library: Library) -> None:
    evenings = library()
    patron = evenings.referred("40.00", card="4711")
    evenings.owing(card="4712")
    pays(evenings.koha, patron, "20.00", day=SUNDAY)
    evenings.does("nightly", on=SUNDAY + timedelta(days=1))
    for day in (24, 25):
        evenings.koha.put("gentle_nudge_case_pause", case_id=1, since=f"2026-11-{day}")
    pays(evenings.koha, patron, day=SUNDAY)
    evenings.does("nightly", on=SUNDAY + timedelta(days=3))
    rows = [(str(row["day"]), row["what"], str(row["amount"])) for row in asked(evenings, "card", "4711").rows]
    assert rows == [
        ("2026-11-22", "referred", "40.00"),
        ("2026-11-22", "told by submission", "50.00"),
        ("2026-11-23", "told by update", "30.00"),
        ("2026-11-24", "paused", "None"),
        ("2026-11-25", "told by update", "0.00"),
        ("2026-11-25", "paused", "None"),
        ("2026-11-25", "closed: released", "0.00"),
    ]
    assert asked(evenings, "card", "4712").rows == []


def test_whoever_got_the_number_of_somebody_gone_is_not_shown_with_their_case(library: Library) -> None:
    evenings = library()
    patron = evenings.referred("40.00", card="4711", surname="Gone")
    kept = evenings.owing("2.00")
    merge(evenings.koha, kept, [patron])
    evenings.koha.execute("UPDATE borrowers SET borrowernumber = :old WHERE borrowernumber = :n", old=patron, n=kept)
    for name, value in (("open-cases", ""), ("invoice", "2026-11"), ("card", "4711")):
        rows = asked(evenings, name, value).rows
        assert {row.get("card", "4711") for row in rows} == {"4711"}, name
        assert {row.get("surname", "Gone") for row in rows} == {"Gone"}, name


@pytest.mark.parametrize(
    ("expires", "blocked"), [(None, ["4711"]), (SUNDAY + WEEK, []), (SUNDAY + WEEK + timedelta(days=1), ["4711"])]
)
def test_still_blocked_are_those_released_whose_restriction_is_active(
    expires: date | None, blocked: list[str], library: Library
) -> None:
    evenings = library()
    patron = evenings.referred("40.00", card="4711")
    evenings.koha.execute("UPDATE borrower_debarments SET comment = 'see me', expiration = :day", day=expires)
    assert asked(evenings, "still-blocked").rows == []
    pays(evenings.koha, patron, day=SUNDAY)
    evenings.does("nightly", on=SUNDAY + timedelta(days=3))
    rows = asked(evenings, "still-blocked").rows
    assert [row["card"] for row in rows] == blocked
    assert all((row["ended_as"], row["comment"]) == ("released", "see me") for row in rows)
    owes(evenings.koha, patron, "99.00", day=SUNDAY - timedelta(days=60))
    evenings.does("nightly", on=SUNDAY + WEEK)
    assert asked(evenings, "still-blocked").rows == []  # in collections again, so rightly blocked


def test_holds_are_those_that_are_open(library: Library) -> None:
    evenings = library()
    patron, other = evenings.referred(card="4711"), evenings.owing(card="4712")
    hold(evenings, patron, "dispute", until=SUNDAY + WEEK)
    hold(evenings, other, "bankruptcy", section="north")
    hold(evenings, other, "plan", ended=datetime(2026, 11, 23), ended_by="resume", open_key=None)  # noqa: DTZ001
    rows = asked(evenings, "holds").rows
    facts = [(r["card"], r["section"], r["reason"], r["since"], r["who"], r["in_collections"]) for r in rows]
    assert facts == [
        ("4711", "all", "dispute", SUNDAY, "pat", "yes"),
        ("4712", "north", "bankruptcy", SUNDAY, "pat", "no"),
    ]


def test_the_list_holds_lists_that_are_open_or_approved_those_with_marks_first(library: Library) -> None:
    evenings = library()
    first, second, third = (evenings.owing(amount) for amount in ("90.00", "30.00", "40.00"))
    a_list(evenings, {first: "", second: "FOUND,LEAVING", third: ""})
    owed = [str(row["owed"]) for row in asked(evenings, "list").rows]
    assert owed == ["30.00", "90.00", "40.00"]
    for state, rows in {"approved": 3, "used": 0, "rejected": 0, "lapsed": 0}.items():
        evenings.koha.execute("UPDATE gentle_nudge_list SET state = :state", state=state)
        assert len(asked(evenings, "list").rows) == rows


def test_an_invoice_has_those_referred_in_the_month_without_those_adopted(library: Library) -> None:
    evenings = library()
    evenings.owing(sort1="yes")
    patron = evenings.referred("40.00", card="4711")
    (row,) = asked(evenings, "invoice", "2026-11").rows
    facts = (row["referred_on"], row["number"], str(row["balance"]), str(row["fee"]), row["state"])
    assert facts == (SUNDAY, patron, "40.00", "10.00", "open")
    assert asked(evenings, "invoice", "2026-10").rows == asked(evenings, "invoice", "2026-12").rows == []


def test_undelivered_is_what_has_not_arrived_with_the_last_reason(library: Library) -> None:
    evenings = library(port=9)
    evenings.owing()
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    rows = asked(evenings, "undelivered").rows
    assert [row["file_name"] for row in rows] == [f"ums-new-submissions-{SUNDAY}.csv", f"ums-updates-{SUNDAY}.csv"]
    assert {(row["state"], row["attempts"], row["since"]) for row in rows} == {("due", 1, f"{SUNDAY} 23:00")}
    assert all(row["reason"] for row in rows)
    evenings.configure()
    evenings.does("deliver", on=SUNDAY + timedelta(days=1))
    assert asked(evenings, "undelivered").rows == []
