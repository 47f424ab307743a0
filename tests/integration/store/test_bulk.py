"""A big night asks the server as often as a small one, per thousand patrons."""

from decimal import Decimal
from itertools import islice

import pytest
from sqlalchemy import Connection

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import CloseCase, FollowCase
from gentle_nudge.domain.outbox import Address, Channel
from gentle_nudge.store import cases, deliveries
from tests.builders.ours import DAY, HERE, NOW, a_report, a_run, counting, open_for
from tests.builders.values import a_line, a_row, as_known, opening

THOUSAND = 1000
FIRST = 1_000_001


@pytest.mark.parametrize("thousands", [1, 2])
def test_a_thousand_cases_of_four_lines_are_opened_in_four_statements(conn: Connection, thousands: int) -> None:
    run = a_run(conn)
    actions = [
        opening(patron, lines=[a_line(patron * 10 + number) for number in range(4)])
        for patron in range(FIRST, FIRST + thousands * THOUSAND)
    ]
    with counting(conn) as counted:
        opened = cases.open_new(conn, section=HERE, actions=actions, run=run)
    assert len(opened) == thousands * THOUSAND
    assert counted.statements <= 4 * thousands
    assert len(cases.lines_of(conn, opened[FIRST])) == 4


@pytest.mark.parametrize("thousands", [1, 2])
def test_a_thousand_cases_change_in_one_statement(conn: Connection, thousands: int) -> None:
    opened = open_for(conn, *range(FIRST, FIRST + thousands * THOUSAND))
    closing = [
        CloseCase(case=case, patron=patron, state=CaseState.PAID, why=f"owes {patron}")
        for patron, case in opened.items()
    ]
    following = [FollowCase(case=case, patron=patron + 5_000_000) for patron, case in opened.items()]
    with counting(conn) as followed:
        cases.follow(conn, following)
    with counting(conn) as closed:
        cases.close(conn, closing, run=None, day=DAY, now=NOW)
    with counting(conn) as marked:
        cases.mark_to_report(conn, list(opened.values()), flag=True)
    with counting(conn) as forgotten:
        cases.forget(conn, list(opened.values()), NOW)
    assert [one.statements for one in (followed, closed, marked)] == [thousands] * 3
    assert forgotten.statements == 5 * thousands


@pytest.mark.parametrize("thousands", [1, 2])
def test_a_thousand_changed_dues_and_names_take_three_statements_and_one(conn: Connection, thousands: int) -> None:
    opened = open_for(conn, *range(FIRST, FIRST + thousands * THOUSAND))
    stored = a_report(conn)
    known = {case.id: case for case in cases.open_cases(conn, [HERE])}
    rows = [
        as_known(a_row(case, f"{patron % 97}.50", surname=f"S{patron}"), known[case]) for patron, case in opened.items()
    ]
    with counting(conn) as counted:
        cases.report_dues(conn, stored.id, rows)
    assert counted.statements <= 3 * thousands + 1
    assert [(case.last_due, case.surname) for case in cases.open_cases(conn, [HERE])] == [
        (Decimal(f"{patron % 97}.50"), f"S{patron}") for patron in opened
    ]


def test_a_night_without_changes_writes_no_dues(conn: Connection) -> None:
    opened = open_for(conn, *range(FIRST, FIRST + THOUSAND))
    rows = [a_row(case, "5.00", card=f"C{patron}") for patron, case in opened.items()]
    cases.report_dues(conn, a_report(conn).id, rows)
    stored, known = a_report(conn), {case.id: case for case in cases.open_cases(conn, [HERE])}
    rows = [as_known(row, known[row.case or 0]) for row in rows]
    with counting(conn) as counted:
        cases.report_dues(conn, stored.id, rows)
    assert counted.statements <= 2


def test_a_thousand_cases_are_read_in_one_statement_each_way(conn: Connection) -> None:
    opened = open_for(conn, *range(FIRST, FIRST + THOUSAND))
    with counting(conn) as counted:
        list(islice(cases.open_cases(conn, [HERE]), THOUSAND))
        cases.to_report(conn, [HERE])
        cases.recorded_fees(conn, opened)
        cases.recorded_restrictions(conn, opened)
        cases.recorded_lines(conn, opened.values())
    assert counted.statements == 5 + 2  # open and closed cases each ask once which reports are untold


def test_a_report_is_queued_for_all_recipients_in_one_statement(conn: Connection) -> None:
    stored = a_report(conn)
    to = [Address(channel=Channel.EMAIL, recipient=f"{number}@agency.example") for number in range(50)]
    with counting(conn) as counted:
        deliveries.enqueue(conn, report=stored.id, to=to, now=NOW)
    assert counted.statements == 1
