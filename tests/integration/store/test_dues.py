"""What the agency was told of a case, and whether it still has to be told."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.outbox import Channel, DeliveryState
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.store import cases, deliveries
from gentle_nudge.store.tables import delivery
from tests.builders.ours import (
    AGENCY,
    ARCHIVE,
    DAY,
    HERE,
    NOW,
    SERVER,
    a_case,
    a_report,
    a_run,
    closed,
    delivered,
    known,
    open_for,
)
from tests.builders.values import a_row, as_known, opening

SENT, CANCELLED, SUPERSEDED = DeliveryState.SENT, DeliveryState.CANCELLED, DeliveryState.SUPERSEDED


def told(conn: Connection, case: int, due: str, *, report: ReportKind = ReportKind.UPDATE, **names: str | None) -> int:
    """A new report says this of the case, which it knows as it is; the report's id."""
    stored = a_report(conn, report=report)
    cases.report_dues(conn, stored.id, [as_known(a_row(case, due, **names), known(conn, case))])
    return stored.id


def dues(conn: Connection, case: int) -> list[Decimal]:
    return [due.due for due in cases.dues_of(conn, case)]


def to_tell(conn: Connection) -> list[int]:
    return [one.id for one in cases.to_report(conn, [HERE])]


def test_the_first_due_of_a_new_case_is_kept(both: Connection) -> None:
    case = a_case(both)
    stored = a_report(both, report=ReportKind.SUBMISSION)
    cases.report_dues(both, stored.id, [a_row(case, "50.00")])
    (due,) = cases.dues_of(both, case)
    assert (due.due, due.report, due.kind, due.day, due.at) == (Decimal(50), stored.id, ReportKind.SUBMISSION, DAY, NOW)
    assert due.file_name == stored.file_name
    assert known(both, case).last_due == Decimal(50)


def test_what_a_submission_tells_of_the_cases_it_opened_is_kept(both: Connection) -> None:
    submission = a_run(both, report=ReportKind.SUBMISSION)
    actions = [opening(number, balance=f"{number}.50", fee="0.00") for number in (7, 8)]
    mine = cases.open_new(both, section=HERE, actions=actions, run=submission)
    other = a_case(both)
    stored = a_report(both, report=ReportKind.SUBMISSION, day=DAY - timedelta(days=7))
    cases.report_referred(both, stored.id, submission)
    assert [(dues(both, mine[n]), known(both, mine[n]).last_due) for n in (7, 8)] == [
        ([Decimal("7.50")], Decimal("7.50")),
        ([Decimal("8.50")], Decimal("8.50")),
    ]
    assert dues(both, other) == []


def test_the_next_update_tells_of_a_submissions_closed_cases_or_of_all(both: Connection) -> None:
    submission = a_run(both, report=ReportKind.SUBMISSION)
    mine = open_for(both, 7, 8, run=submission)
    closed(both, mine[8])
    open_for(both, 9, run=a_run(both, report=ReportKind.SUBMISSION, day=DAY - timedelta(days=7)))
    cases.open_new(both, section=HERE, actions=[opening(10, adopted=True)], run=submission)
    for open_too, expected in ((False, [mine[8]]), (True, [mine[7], mine[8]])):
        cases.tell_of_submission(both, day=DAY, section=HERE, open_too=open_too)
        assert [case.id for case in cases.listed(both) if case.to_report] == expected


def test_a_submission_that_arrives_late_tells_again_of_cases_that_have_moved(both: Connection) -> None:
    submission = a_run(both, report=ReportKind.SUBMISSION)
    mine = open_for(both, 7, 8, run=submission)
    cases.move(both, old=HERE, new="south")
    cases.tell_of_submission(both, day=DAY, section=HERE, open_too=False)
    assert [case.id for case in cases.listed(both) if case.to_report] == sorted(mine.values())


def test_only_a_change_of_the_due_is_kept(both: Connection) -> None:
    case = a_case(both)
    for amount in ("50.00", "50", "50.01", "50.01", "0.00", "-3.00"):
        told(both, case, amount)
    assert dues(both, case) == [Decimal(50), Decimal("50.01"), Decimal(0), Decimal(-3)]
    assert known(both, case).last_due == Decimal(-3)


def test_a_case_never_reported_before_is_told_also_a_due_of_zero(both: Connection) -> None:
    case = a_case(both)
    told(both, case, "0.00")
    assert dues(both, case) == [Decimal(0)]


def test_a_changed_name_or_card_is_kept_current_without_a_new_due(both: Connection) -> None:
    case, other = a_case(both), a_case(both)
    told(both, case, "50.00", surname="Exemplar", card=None)
    told(both, case, "50.00", surname="Exemplar", card="C-new")
    found = known(both, case)
    assert (found.surname, found.firstname, found.card) == ("Exemplar", "Pat", "C-new")
    assert dues(both, case) == [Decimal(50)]
    assert known(both, other).surname == "Example"


def test_a_name_longer_than_the_table_holds_is_not_a_change_every_night(both: Connection) -> None:
    long = "x" * 20_000
    case = a_case(both, surname=long)
    told(both, case, "50.00", surname=long, card="C")
    before = known(both, case)
    told(both, case, "50.00", surname=long, card="C")
    assert known(both, case) == before


def test_other_cases_keep_their_dues(both: Connection) -> None:
    case, other = a_case(both), a_case(both)
    told(both, other, "7.00")
    told(both, case, "50.00")
    assert known(both, other).last_due == Decimal(7)


def test_a_row_without_a_case_is_a_mistake_of_ours(both: Connection) -> None:
    with pytest.raises(TypeError):
        cases.report_dues(both, a_report(both).id, [a_row(None, "1.00")])


def test_a_marked_case_is_told_once(both: Connection) -> None:
    case = closed(both, a_case(both))
    assert to_tell(both) == []
    cases.mark_to_report(both, [case], flag=True)
    assert to_tell(both) == [case]
    deliveries.enqueue(both, report=told(both, case, "0.00"), to=[AGENCY], now=NOW)
    both.execute(delivery.update().values(state=SENT))
    assert to_tell(both) == []


def test_an_open_case_that_is_marked_says_so_itself_and_only_until_it_is_reported(both: Connection) -> None:
    case = a_case(both)
    cases.mark_to_report(both, [case], flag=True)
    assert to_tell(both) == []
    assert known(both, case).to_report
    told(both, case, "50.00")
    assert not known(both, case).to_report


def test_closing_takes_the_mark_away(both: Connection) -> None:
    case = a_case(both)
    cases.mark_to_report(both, [case], flag=True)
    closed(both, case)
    assert to_tell(both) == []


def test_another_sections_cases_are_its_own_to_tell(both: Connection) -> None:
    case = closed(both, a_case(both, section="north"))
    cases.mark_to_report(both, [case], flag=True)
    assert to_tell(both) == []
    assert [one.id for one in cases.to_report(both, ["north", "old-north"])] == [case]


@pytest.mark.parametrize("state", list(DeliveryState))
def test_a_last_row_is_told_again_until_it_has_arrived(both: Connection, state: DeliveryState) -> None:
    case = closed(both, a_case(both))
    report = told(both, case, "0.00")
    deliveries.enqueue(both, report=report, to=[AGENCY, SERVER], now=NOW)
    delivered(both, deliveries.of_report(both, report)[0])
    both.execute(delivery.update().where(delivery.c.channel == Channel.SFTP).values(state=state))
    assert to_tell(both) == ([] if state is SENT else [case])


def test_a_last_row_superseded_by_an_update_that_repeats_it_is_told_when_that_arrives(both: Connection) -> None:
    case = closed(both, a_case(both))
    deliveries.enqueue(both, report=told(both, case, "0.00"), to=[AGENCY], now=NOW)
    second = told(both, case, "0.00")
    deliveries.enqueue(both, report=second, to=[AGENCY], now=NOW)
    assert len(deliveries.supersede(both, [HERE], NOW)) == 1
    assert to_tell(both) == [case]
    delivered(both, deliveries.of_report(both, second)[0])
    assert to_tell(both) == []


def test_a_last_row_superseded_by_a_sync_which_holds_no_closed_case_is_told_again(both: Connection) -> None:
    case = closed(both, a_case(both))
    deliveries.enqueue(both, report=told(both, case, "0.00"), to=[AGENCY], now=NOW)
    sync = a_report(both, report=ReportKind.SYNC)
    deliveries.enqueue(both, report=sync.id, to=[AGENCY], now=NOW)
    deliveries.supersede(both, [HERE], NOW)
    delivered(both, deliveries.of_report(both, sync.id)[0])
    assert to_tell(both) == [case]


def test_neither_the_archive_nor_a_repeat_keeps_a_last_row_from_having_arrived(both: Connection) -> None:
    case = closed(both, a_case(both))
    report = told(both, case, "0.00")
    deliveries.enqueue(both, report=report, to=[AGENCY], now=NOW)
    delivered(both, deliveries.of_report(both, report)[0])
    deliveries.enqueue(both, report=report, to=[ARCHIVE], now=NOW)
    deliveries.enqueue(both, report=report, to=[AGENCY], now=NOW, repeat_reason="once more")
    assert to_tell(both) == []


def test_a_report_that_was_queued_for_copies_alone_has_told_nobody(both: Connection) -> None:
    case = closed(both, a_case(both))
    report = told(both, case, "0.00")
    deliveries.enqueue(both, report=report, to=[ARCHIVE], now=NOW)
    both.execute(delivery.update().values(state=SENT))
    assert to_tell(both) == [case]


def test_a_forgotten_case_is_told_to_nobody(both: Connection) -> None:
    case = closed(both, a_case(both))
    told(both, case, "0.00")
    assert to_tell(both) == [case]
    cases.forget(both, [case], NOW)
    assert to_tell(both) == []


def test_a_case_closed_without_a_last_row_is_not_told_because_of_an_earlier_report(both: Connection) -> None:
    case = a_case(both)
    deliveries.enqueue(both, report=told(both, case, "50.00"), to=[AGENCY], now=NOW)
    closed(both, case, CaseState.WITHDRAWN)
    assert to_tell(both) == []


def test_nor_because_of_an_earlier_report_it_was_marked_for(both: Connection) -> None:
    case = a_case(both)
    cases.mark_to_report(both, [case], flag=True)
    deliveries.enqueue(both, report=told(both, case, "50.00"), to=[AGENCY], now=NOW)
    closed(both, case, CaseState.WITHDRAWN)
    assert to_tell(both) == []


def forgettable(conn: Connection) -> Case:
    case = closed(conn, a_case(conn), CaseState.DELETED)
    deliveries.enqueue(conn, report=told(conn, case, "0.00"), to=[AGENCY], now=NOW)
    return known(conn, case)


def test_the_name_of_a_deleted_patron_goes_when_the_last_row_has_arrived(both: Connection) -> None:
    case = forgettable(both)
    assert cases.names_no_longer_needed(both) == []
    delivered(both, deliveries.by_state(both, DeliveryState.DUE)[0])
    assert cases.names_no_longer_needed(both) == [case.id]
    cases.forget_names(both, [case.id])
    assert cases.names_no_longer_needed(both) == []
    assert known(both, case.id) == replace(case, surname=None, firstname=None, card=None)


def test_the_name_of_a_deleted_patron_stays_while_there_is_more_to_tell(both: Connection) -> None:
    case = forgettable(both)
    delivered(both, deliveries.by_state(both, DeliveryState.DUE)[0])
    cases.mark_to_report(both, [case.id], flag=True)
    assert cases.names_no_longer_needed(both) == []


def test_the_name_of_a_released_patron_stays(both: Connection) -> None:
    case = closed(both, a_case(both), CaseState.RELEASED)
    told(both, case, "0.00")
    assert cases.names_no_longer_needed(both) == []


def test_a_case_is_old_from_the_day_before_on_and_never_while_open_or_untold(both: Connection) -> None:
    old = closed(both, a_case(both), day=DAY - timedelta(days=1))
    closed(both, a_case(both), day=DAY)
    untold = closed(both, a_case(both), day=DAY - timedelta(days=1))
    cases.mark_to_report(both, [untold], flag=True)
    a_case(both)
    assert cases.closed_before(both, DAY) == [old]


def test_a_forgotten_case_keeps_the_sums_and_nothing_of_the_person(both: Connection) -> None:
    case = closed(both, a_case(both, 7))
    told(both, case, "3.00")
    before = known(both, case)
    cases.forget(both, [case], NOW)
    nobody = replace(before, patron=None, number=None, surname=None, firstname=None, card=None)
    assert replace(known(both, case), why=None) == replace(nobody, fee_line=None, restriction=None, why=None)
    assert cases.lines_of(both, case) == ()
    assert cases.find(both, patron=7) == []
    assert dues(both, case) == [Decimal(3)]
    assert cases.closed_before(both, DAY + timedelta(days=1)) == []


def test_an_open_case_is_not_forgotten_but_its_name_may_be(both: Connection) -> None:
    case = a_case(both, 7)
    cases.forget(both, [case], NOW)
    assert known(both, case).patron == 7
    cases.forget_names(both, [case])
    assert (known(both, case).surname, known(both, case).card, known(both, case).patron) == (None, None, 7)


def test_a_repeat_tells_of_all_its_cases_and_a_sync_only_where_it_says_something_else(both: Connection) -> None:
    same, other = a_case(both, 7), a_case(both, 8)
    moved, never = a_case(both, 7, section="north"), a_case(both, 9)
    for case, due in ((same, "50.00"), (other, "40.00"), (moved, "30.00")):
        told(both, case, due)
    cases.tell_of(both, {7: Decimal(50), 8: Decimal(50), 9: Decimal(50)}, other_dues_in=[HERE])
    assert marked(both) == [other, never]
    cases.tell_of(both, {7: Decimal(50)})
    assert marked(both) == [same, other, moved, never]


def marked(conn: Connection) -> list[int]:
    return [case.id for case in cases.listed(conn) if case.to_report]
