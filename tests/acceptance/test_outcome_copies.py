"""The nightly copy of Koha's offsets: watched lines, killed copies, two at once, forgotten cases."""

import json
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, make_url

from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.outcomes.nightly_copy import copy_outcomes
from gentle_nudge.koha.connect.engine import engine
from gentle_nudge.koha.connect.instance import Instance
from gentle_nudge.store.tables import outcome_line
from tests.acceptance.evenings import Evenings, Library
from tests.acceptance.test_upgrade import with_tables_of
from tests.builders.days import IN_THE_WINDOW, MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY, ZONE
from tests.builders.koha import a_patron, apply, has_credit, owes, pays, void
from tests.support.crashes import killed
from tests.support.koha import KohaDatabase, explained

NIGHT = Moment(day=MONDAY, now=datetime(2026, 11, 23, 23, tzinfo=ZONE), zone=ZONE)


def copied(koha: KohaDatabase) -> list[dict[str, Any]]:
    """What was kept of the offsets and of the lines."""
    return [
        *koha.query("SELECT * FROM gentle_nudge_outcome ORDER BY offset_id"),
        *koha.query("SELECT * FROM gentle_nudge_outcome_line ORDER BY line"),
    ]


def product(koha: KohaDatabase) -> Engine:
    """The product's own engine for this Koha."""
    return engine(Instance(url=make_url(koha.url), zone=ZONE, machine="here"))


def with_payments(library: Library, koha: KohaDatabase) -> Evenings:
    """Three patrons were referred on the Sunday; two have paid since, one of them only a part."""
    evenings = library()
    patrons = [evenings.owing(amount) for amount in ("40.00", "50.00", "60.00")]
    evenings.does("nightly", on=SUNDAY)
    pays(koha, patrons[0])
    pays(koha, patrons[1], "12.00")
    return evenings


def empty(koha: KohaDatabase) -> None:
    for table in ("outcome", "outcome_line"):
        koha.execute(f"DELETE FROM gentle_nudge_{table}")


# U24


@pytest.mark.process
def test_a_copy_killed_at_any_statement_and_repeated_has_each_offset_once(library: Library, koha: KohaDatabase) -> None:
    with_payments(library, koha)

    def copy(heard: Callable[[], object] = lambda: None) -> None:
        made = product(koha)
        event.listen(made, "before_cursor_execute", lambda *_: heard())
        event.listen(made, "commit", lambda _: heard())
        assert copy_outcomes(made, [], NIGHT) is None
        made.dispose()

    empty(koha)
    statements: list[int] = []
    copy(lambda: statements.append(1))
    expected = copied(koha)
    assert len(expected) == 9  # three payments of lines and fees, and six lines and fees
    for at in range(len(statements)):
        empty(koha)
        assert killed(at, copy) == -signal.SIGKILL
        assert copied(koha) == []
        copy()
        assert copied(koha) == expected
        copy()
        assert copied(koha) == expected


def test_two_copies_at_once_have_each_offset_once(library: Library, koha: KohaDatabase) -> None:
    with_payments(library, koha)
    empty(koha)
    with ThreadPoolExecutor(2) as pool:
        copies = [pool.submit(copy_outcomes, product(koha), [], NIGHT) for _ in range(2)]
        assert [each.result() for each in copies] == [None, None]
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_outcome") == 3


# U25


def test_without_a_watched_case_no_statement_touches_the_offsets(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    heard: list[str] = []
    made = product(koha)
    event.listen(made, "before_cursor_execute", lambda *args: heard.append(args[2]))
    assert copy_outcomes(made, [], NIGHT) is None
    assert not [statement for statement in heard if "account_offsets" in statement or "accountlines" in statement]
    answer = json.loads(evenings.does("outcomes", "--format", "json", on=MONDAY))
    assert (answer["total"]["recorded"], answer["as_of"]) == ("0.00", "2026-11-23T23:00:00-05:00")


@pytest.mark.own_server  # each version plans in its own way
def test_koha_s_tables_are_reached_by_key_only(library: Library, koha: KohaDatabase) -> None:
    with_payments(library, koha)
    heard: list[tuple[str, Any]] = []
    made = product(koha)
    event.listen(made, "before_cursor_execute", lambda *args: heard.append((args[2], args[3])))
    assert copy_outcomes(made, [], NIGHT) is None
    asked = [each for each in heard if "account_offsets" in each[0] or "accountlines" in each[0]]
    with koha.engine.connect() as conn:
        plans = [explained(conn, *each) for each in asked]
    read = [{row["table"]: row["key"] for row in plan} for plan in plans]
    touched, *both, last = read
    assert {touched[table] for table in ("account_offsets", "gentle_nudge_outcome_line")} == {"PRIMARY"}
    assert last == {"account_offsets": "PRIMARY"}
    assert len(both) == 4  # what lines owe, and their offsets; of charges and of fees
    for offsets in both[1::2]:
        by_number = ("account_offsets", "debit", "credit", "gentle_nudge_outcome")
        assert {offsets[table] for table in by_number} == {"PRIMARY"}
        assert offsets["entry"] == "account_offsets_ibfk_f"
    assert {lines["accountlines"] for lines in both[::2]} == {"PRIMARY"}
    whole = {row["table"] for plan in plans for row in plan if row["type"] == "ALL"}
    assert whole <= {"gentle_nudge_case", "gentle_nudge_case_line"}  # ours, and hardly filled here


# What is watched


def test_a_case_is_watched_until_180_days_after_its_end(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred("40.00", card="1001")
    evenings.does("release", "1001", "--reason", "mistake", on=MONDAY)
    end = MONDAY + timedelta(days=180)
    line = koha.value("SELECT line FROM gentle_nudge_case_line")
    kept = "SELECT COUNT(*) FROM gentle_nudge_outcome"
    for day, amount, copies in ((end, "5.00", 1), (end + timedelta(days=1), "7.00", 1)):
        apply(koha, has_credit(koha, patron, amount), line, amount)
        assert copy_outcomes(product(koha), [], at(day)) is None
        assert koha.value(kept) == copies


def test_what_was_paid_unwatched_is_copied_once_the_rest_is_referred_again(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron = evenings.referred("40.00", card="1001")
    evenings.does("release", "1001", "--reason", "mistake", on=MONDAY)
    line = koha.value("SELECT line FROM gentle_nudge_case_line")
    later = SUNDAY + timedelta(weeks=29)
    apply(koha, has_credit(koha, patron, "5.00"), line, "5.00")
    evenings.run("nightly", on=later - timedelta(days=1))
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_outcome") == 0
    owes(koha, patron, "50.00", day=later - timedelta(days=75))
    evenings.run("nightly", on=later)
    first, second = json.loads(evenings.does("cases", "--format", "json"))["cases"]
    names = ("recorded", "paid", "referred_again", "owing", "difference")
    assert [first[name] for name in names] == ["40.00", "5.00", "35.00", "0.00", "0.00"]
    assert [second[name] for name in names[:2]] == ["95.00", "0.00"]


def at(day: date) -> Moment:
    return Moment(day=day, now=datetime(day.year, day.month, day.day, 23, tzinfo=ZONE), zone=ZONE)


def test_what_a_referral_records_of_a_line(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = a_patron(koha, branch="FPL", category="PT", born=date(1980, 11, 23))
    checkout = koha.put("old_issues", issue_id=77, borrowernumber=patron, date_due="2026-08-01 23:59:00")
    column = "old_issue_id" if koha.has("accountlines", "old_issue_id") else "issue_id"
    checked_out: dict[str, Any] = {column: checkout or 77}
    line = owes(koha, patron, "60.00", day=IN_THE_WINDOW, **checked_out)
    pays(koha, patron, "20.00")
    latest = koha.value("SELECT MAX(id) FROM account_offsets WHERE debit_id = :n", n=line)
    evenings.does("nightly", on=SUNDAY)
    (recorded,) = koha.query("SELECT last_offset, due_on FROM gentle_nudge_case_line")
    assert recorded == {"last_offset": latest, "due_on": date(2026, 8, 1)}
    (case,) = evenings.cases()
    assert [case[name] for name in ("branch", "category", "age")] == ["FPL", "PT", 45]
    steps = {step["step"]: step["days"] for step in json.loads(evenings.does("outcomes", "--format", "json"))["road"]}
    assert (steps["due_to_charged"], steps["charged_to_referred"]) == (38, 75)


@pytest.mark.koha("24.05")
def test_a_checkout_of_older_versions_of_koha_has_one_column(library: Library, koha: KohaDatabase) -> None:
    test_what_a_referral_records_of_a_line(library, koha)


# Older cases, forgotten ones, and failures


def test_init_brings_the_cases_of_older_programs_along(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    with_tables_of(4, koha)
    opened, line = koha.query(
        "SELECT r.started, l.line FROM gentle_nudge_case_line l JOIN gentle_nudge_case c ON c.id = l.case_id "
        "JOIN gentle_nudge_run r ON r.id = c.opened_run ORDER BY l.line LIMIT 1"
    )[0].values()
    patron = a_patron(koha)
    koha.put("accountlines", accountlines_id=line, borrowernumber=patron, amount=30, amountoutstanding=25,
             debit_type_code="LOST", interface="intranet")  # fmt: skip
    ids = [
        koha.put(
            "account_offsets", debit_id=line, type="APPLY", amount=-1, created_on=opened + timedelta(seconds=seconds)
        )
        for seconds in (-1, 0, 1)
    ]
    evenings.does("init", "--yes", on=TUESDAY)
    recorded = koha.query("SELECT DISTINCT last_offset FROM gentle_nudge_case_line WHERE line = :n", n=line)
    assert [row["last_offset"] for row in recorded] == [ids[1]]
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_case_line WHERE last_offset IS NULL") == 0
    assert evenings.run("outcomes", on=TUESDAY).returncode == 0


def test_what_was_copied_is_forgotten_with_the_last_case(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy="clear_at_or_below = 5.00", tables="[archive]\nkeep_cases_days = 20\n")
    patron = evenings.referred("40.00")
    line, fee = koha.value("SELECT line FROM gentle_nudge_case_line"), evenings.fee(patron)
    apply(koha, has_credit(koha, patron, "37.00"), line, "37.00")
    apply(koha, has_credit(koha, patron, "10.00"), fee, "10.00")
    evenings.does("nightly", on=MONDAY)
    owes(koha, patron, "50.00", day=IN_THE_WINDOW)
    evenings.does("nightly", on=NEXT_SUNDAY)
    kept = "SELECT COUNT(*) FROM gentle_nudge_outcome WHERE line = :n"
    evenings.does("nightly", on=MONDAY + timedelta(days=20))
    assert [koha.value(kept, n=each) for each in (line, fee)] == [1, 1]
    evenings.does("nightly", on=MONDAY + timedelta(days=21))
    assert [koha.value(kept, n=each) for each in (line, fee)] == [1, 0]
    assert [case["branch"] for case in evenings.cases()] == [None, "CPL"]
    answer = json.loads(evenings.does("outcomes", "--format", "json"))
    assert (answer["total"]["cases"], answer["complete_from"]) == (1, "2026-12")


def test_a_copy_that_fails_spoils_nothing_of_the_night(library: Library, koha: KohaDatabase) -> None:
    evenings = with_payments(library, koha)
    evenings.owing("33.00")
    koha.execute("DROP TABLE gentle_nudge_outcome_line")
    done = evenings.run("nightly", on=NEXT_SUNDAY)
    assert done.returncode == 1
    assert done.stderr.count("What became of the cases was not copied") == 1
    assert set(evenings.states()) == {"sent"}
    assert len(evenings.cases()) == 4
    outcome_line.create(koha.engine)
    evenings.does("nightly", on=NEXT_SUNDAY)
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_outcome") == 3


def test_what_koha_has_deleted_of_an_earlier_case_is_not_counted_in_a_later_one(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library(policy="reopen_days = 0")
    patron = evenings.owing("40.00")
    evenings.does("nightly", on=SUNDAY)
    payment = pays(koha, patron)
    evenings.does("nightly", on=MONDAY)
    koha.execute("DELETE FROM accountlines WHERE borrowernumber = :n AND debit_type_code = 'LOST'", n=patron)
    void(koha, payment)
    evenings.does("nightly", on=TUESDAY)
    koha.execute("DELETE FROM accountlines WHERE accountlines_id = :n", n=payment)
    owes(koha, patron, "50.00", day=IN_THE_WINDOW)
    evenings.does("nightly", on=NEXT_SUNDAY)
    evenings.does("nightly", on=NEXT_SUNDAY + timedelta(days=1))
    first, later = json.loads(evenings.does("cases", "--format", "json", on=NEXT_SUNDAY))["cases"]
    assert (first["fee_paid"], first["state"], later["recorded"]) == ("0.00", "released", "60.00")
    assert (first["first_credit"] is None, later["first_credit"], later["paid"]) == (False, None, "0.00")
