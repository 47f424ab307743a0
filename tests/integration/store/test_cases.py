"""Cases: opened, closed, followed, moved, found."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, null, select, update
from sqlalchemy import case as sqlcase
from sqlalchemy.exc import DBAPIError, IntegrityError

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import CloseCase, FollowCase, OpenCase
from gentle_nudge.domain.collections.plan import Adoption
from gentle_nudge.domain.patron import Restriction
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.store import cases
from gentle_nudge.store.tables import case
from tests.builders.ours import DAY, HERE, NOW, a_case, a_run, closed, known, open_for
from tests.builders.values import a_line, opening

CLOSED = [state for state in CaseState if state is not CaseState.OPEN]


def open_one(conn: Connection, action: OpenCase, *, fee_line: int | None = None, restriction: int | None = None) -> int:
    patron = action.patron
    made = cases.open_new(conn, section=HERE, actions=[action], run=a_run(conn))[patron]
    fee, new = (None if number is None else Made(number, patron) for number in (fee_line, restriction))
    cases.complete(conn, [HERE], [patron], fee=fee, restriction=new)
    return made


class Made:
    """The row with this number was made for the patron."""

    def __init__(self, number: int, patron: int) -> None:
        self.number = number
        self.patron = patron

    def of(self, patron: ColumnElement[Any]) -> ColumnElement[Any]:
        """Its number, for this patron."""
        return sqlcase((patron == self.patron, self.number), else_=null())


def test_an_opened_case_says_what_the_action_said(both: Connection) -> None:
    made = open_one(both, opening(7, lines=[a_line(3), a_line(2, "-4.50")]), fee_line=99, restriction=5)
    assert [one.id for one in cases.open_cases(both, [HERE])] == [made]
    found = known(both, made)
    assert (found.id, found.section, found.patron, found.number, found.referred_on) == (made, HERE, 7, 7, DAY)
    assert (found.owed, found.balance, found.fee) == (Decimal(30), Decimal(40), Decimal(10))
    assert (found.fee_line, found.restriction, found.last_due) == (99, 5, Decimal(50))
    assert (found.surname, found.firstname, found.card) == ("Example", "Pat", "C7")
    assert (found.state, found.adopted, found.to_report) == (CaseState.OPEN, False, False)
    assert cases.lines_of(both, made) == (a_line(2, "-4.50"), a_line(3))


def test_an_adopted_case_may_know_neither_day_nor_amount(both: Connection) -> None:
    adopting = opening(7, adopted=True)
    assert isinstance(adopting.decision, Adoption)
    made = open_one(both, replace(adopting, decision=replace(adopting.decision, referred_on=None)))
    found = known(both, made)
    assert (found.adopted, found.referred_on, found.owed, found.balance, found.fee) == (True, None, None, None, None)


def test_a_restriction_found_in_place_is_recorded_with_the_case_that_the_run_opened(both: Connection) -> None:
    run = a_run(both)
    opened = cases.open_new(both, section=HERE, actions=[opening(7), opening(8)], run=run)
    found = Restriction(id=4, type="OLD", comment="Sent to the agency", expires=None)
    cases.record_restrictions(both, {opened[7]: found})
    case, other = known(both, opened[7]), known(both, opened[8])
    assert (case.restriction, case.restriction_type, case.restriction_comment) == (4, "OLD", "Sent to the agency")
    assert (other.restriction, other.restriction_type) == (None, "MANUAL")


@pytest.mark.parametrize("surname", ["=cmd", "O'Brien", "王小明", "a\nb", "🙂", "x" * 20_000])
def test_any_name_is_kept_up_to_what_the_table_holds(both: Connection, surname: str) -> None:
    assert known(both, open_one(both, opening(7, surname=surname))).surname == surname[:16_000]


def test_a_patron_has_one_open_case_in_a_section(both: Connection) -> None:
    open_for(both, 7)
    with pytest.raises(IntegrityError):
        open_for(both, 7)


def test_a_patron_may_have_open_cases_in_two_sections(both: Connection) -> None:
    open_for(both, 7, 8)
    open_for(both, 7, section="north")
    assert cases.open_case_patrons(both) == {7: {HERE, "north"}, 8: {HERE}}


@pytest.mark.parametrize("state", CLOSED)
def test_a_closed_case_makes_room_for_the_next(both: Connection, state: CaseState) -> None:
    old = closed(both, open_for(both, 7)[7], state)
    new = open_for(both, 7)[7]
    assert [one.id for one in cases.open_cases(both, [HERE])] == [new]
    found = known(both, old)
    assert (found.state, found.closed_on, found.why) == (state, DAY, "paid")


@pytest.mark.parametrize(
    "wrong",
    [{"open_key": None}, {"open_key": 8}, {"state": "paid"}, {"patron": None}, {"state": "paid", "patron": None}],
)
def test_the_database_itself_keeps_the_key_of_open_cases_true(both: Connection, wrong: dict[str, object]) -> None:
    made = open_for(both, 7)[7]
    with pytest.raises(DBAPIError):
        both.execute(update(case).where(case.c.id == made).values(wrong))


def test_each_case_is_closed_in_its_own_way(both: Connection) -> None:
    opened = open_for(both, 7, 8, 9)
    run = a_run(both)
    cases.close(
        both,
        [
            CloseCase(case=opened[7], patron=7, state=CaseState.RELEASED, why="paid all"),
            CloseCase(case=opened[8], patron=8, state=CaseState.WITHDRAWN, why="w" * 1001),
        ],
        run=run,
        day=DAY,
        now=NOW,
    )
    assert [(known(both, one).state, known(both, one).why) for one in opened.values()] == [
        (CaseState.RELEASED, "paid all"),
        (CaseState.WITHDRAWN, "w" * 1000),
        (CaseState.OPEN, None),
    ]
    row = both.execute(select(case).where(case.c.id == opened[7])).one()
    assert (row.closed_run, row.closed_at, row.open_key) == (run, NOW, None)


def test_a_closed_case_is_not_closed_again(both: Connection) -> None:
    made = closed(both, a_case(both), CaseState.PAID)
    closed(both, made, CaseState.WITHDRAWN, day=DAY + timedelta(days=1))
    assert (known(both, made).state, known(both, made).closed_on) == (CaseState.PAID, DAY)


def test_closing_a_case_without_an_id_is_a_mistake_of_ours(both: Connection) -> None:
    with pytest.raises(TypeError):
        cases.close(both, [CloseCase(case=None, patron=7, state=CaseState.PAID, why="")], run=None, day=DAY, now=NOW)


def test_a_case_follows_to_the_patron_of_a_merged_card_under_its_first_number(both: Connection) -> None:
    opened = open_for(both, 7, 8)
    cases.follow(both, [FollowCase(case=opened[7], patron=70), FollowCase(case=opened[8], patron=80)])
    assert [(one.patron, one.number) for one in cases.open_cases(both, [HERE])] == [(70, 7), (80, 8)]
    assert cases.open_case_patrons(both) == {70: {HERE}, 80: {HERE}}
    with pytest.raises(IntegrityError):
        open_for(both, 70)


def test_open_cases_are_read_for_the_present_and_former_names_of_a_section(both: Connection) -> None:
    old, new = a_case(both, section="old"), a_case(both, section="new")
    a_case(both, section="south")
    closed(both, a_case(both, section="new"))
    assert [one.id for one in cases.open_cases(both, ["new", "old"])] == [old, new]


def test_the_latest_withdrawal_of_a_patron_counts(both: Connection) -> None:
    for days, state in ((1, CaseState.WITHDRAWN), (3, CaseState.WITHDRAWN), (5, CaseState.PAID)):
        closed(both, open_for(both, 7)[7], state, day=date(2026, 11, days))
    closed(both, open_for(both, 7, section="north")[7], CaseState.WITHDRAWN, day=date(2026, 11, 9))
    open_for(both, 8)
    assert cases.withdrawn_on(both, [HERE]) == {7: date(2026, 11, 3)}
    assert cases.withdrawn_on(both, [HERE, "north"]) == {7: date(2026, 11, 9)}


def test_fees_and_restrictions_are_recorded_with_open_and_closed_cases(both: Connection) -> None:
    closed(both, open_one(both, opening(7), fee_line=30, restriction=1))
    open_one(both, opening(7), fee_line=20, restriction=2)
    open_one(both, opening(8))
    open_one(both, opening(9), fee_line=10, restriction=3)
    assert [(fee.line, fee.patron, fee.section) for fee in cases.recorded_fees(both, [7, 8])] == [
        (20, 7, HERE),
        (30, 7, HERE),
    ]
    assert cases.recorded_restrictions(both, [7, 8]) == {7: {1, 2}}


def test_recorded_lines_come_by_case(both: Connection) -> None:
    two = open_one(both, opening(7, lines=[a_line(5), a_line(4)]))
    none = open_one(both, opening(8))
    assert cases.recorded_lines(both, [two, none]) == {two: (4, 5)}
    assert cases.recorded_lines(both, []) == {}


def test_cases_are_found_by_number_by_first_number_and_by_card(both: Connection) -> None:
    old = closed(both, open_for(both, 7)[7])
    moved = open_for(both, 7)[7]
    cases.follow(both, [FollowCase(case=moved, patron=70)])
    other = open_for(both, 8)[8]
    assert [one.id for one in cases.find(both, patron=7)] == [old, moved]
    assert [one.id for one in cases.find(both, patron=70)] == [moved]
    assert [one.id for one in cases.find(both, card="C8")] == [other]
    assert [one.id for one in cases.find(both, patron=70, card="C8")] == [moved, other]
    assert cases.find(both) == []


def test_the_cases_of_a_submission_are_those_it_opened(both: Connection) -> None:
    submission = a_run(both, report=ReportKind.SUBMISSION)
    mine = open_for(both, 7, 8, run=submission)
    closed(both, mine[8])
    open_for(both, 9, run=a_run(both, report=ReportKind.SUBMISSION, day=DAY - timedelta(days=7)))
    open_for(both, 10, run=a_run(both))
    cases.open_new(both, section=HERE, run=submission, actions=[opening(11, adopted=True)])
    assert [one.id for one in cases.of_submission(both, day=DAY, sections=[HERE])] == [mine[7], mine[8]]
    assert cases.of_submission(both, day=DAY, sections=["north"]) == []


def test_cases_are_listed_by_state_month_and_section(both: Connection) -> None:
    paid, still = closed(both, a_case(both), CaseState.PAID), a_case(both)
    north = a_case(both, section="north")
    both.execute(update(case).where(case.c.id == north).values(referred_on=date(2026, 10, 31)))
    november = (date(2026, 11, 1), date(2026, 11, 30))
    assert [one.id for one in cases.listed(both)] == [paid, still, north]
    assert [one.id for one in cases.listed(both, states=[CaseState.PAID])] == [paid]
    assert [one.id for one in cases.listed(both, referred=november)] == [paid, still]
    assert [one.id for one in cases.listed(both, referred=(date(2026, 10, 31), date(2026, 10, 31)))] == [north]
    assert [one.id for one in cases.listed(both, sections=["north"])] == [north]


def test_open_cases_move_to_another_section_but_for_patrons_with_a_case_there(both: Connection) -> None:
    opened = open_for(both, 7, 8, section="old")
    done = closed(both, a_case(both, section="old"))
    open_for(both, 8, section="new")
    moved = cases.move(both, old="old", new="new")
    assert moved.count == 1
    assert [one.id for one in moved.staying] == [opened[8]]
    assert known(both, opened[7]).section == "new"
    assert known(both, done).section == "old"


def test_a_section_that_changes_its_letter_case_takes_its_cases_along(both: Connection) -> None:
    made = a_case(both, section="north")
    assert cases.move(both, old="north", new="North").count == 1
    assert known(both, made).section == "North"
