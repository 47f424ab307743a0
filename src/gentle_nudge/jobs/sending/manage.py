"""Outbox: the deliveries with their attempts, tried again or cancelled by staff."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import (
    FOLDERS,
    GOING_OR_GONE,
    TELLS_NOBODY,
    UNDELIVERED,
    CancelledSubmission,
    Delivery,
    DeliveryAttempts,
    DeliveryState,
    Standing,
    Stored,
)
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import SettingsError, UserError
from gentle_nudge.jobs.sending.outlets import standing_of
from gentle_nudge.reports.read_back import read_dues
from gentle_nudge.store import cases, deliveries, meta, report_files
from gentle_nudge.views.plain import View
from gentle_nudge.views.queue_view import queue_view

WhyHeld = Callable[[Connection, Sequence[Delivery]], Mapping[int, str]]
OF_INTEREST = (DeliveryState.SENDING, DeliveryState.DUE, DeliveryState.FAILED, DeliveryState.CANCELLED)


def look(conn: Connection, zone: ZoneInfo, states: Collection[DeliveryState], why_held: WhyHeld) -> View:
    """The queue, with the deliveries in these states (none named: in all that may interest).

    `why_held` gives the reason of each delivery that the settings do not let go any more.
    """
    meta.ready(conn)
    chosen = deliveries.by_state(conn, *(states or OF_INTEREST))
    return queue_view(deliveries.counts(conn), list(tried(conn, chosen)), why_held(conn, chosen), zone)


def tried(conn: Connection, chosen: Sequence[Delivery]) -> Iterator[DeliveryAttempts]:
    """These deliveries with their attempts."""
    for delivery in chosen:
        yield DeliveryAttempts(delivery=delivery, attempts=tuple(deliveries.attempts_of(conn, delivery.id)))


def retry(conn: Connection, ids: Collection[int], moment: Moment) -> list[Delivery]:
    """These deliveries are due now; SettingsError with every reason why one of them cannot be.

    While an update was cancelled, its cases may have been taken back untold: the next one tells of everybody in it.
    """
    meta.lock(conn)
    chosen = _get(conn, ids)
    _refuse(problem for delivery in chosen if (problem := _why_not_again(conn, delivery)))
    for each in chosen:
        if each.state is DeliveryState.CANCELLED and each.keeps_order and each.address.tells:
            tell_again(conn, each)
    deliveries.retry(conn, ids, now=moment.now, who=moment.who)
    return chosen


def _why_not_again(conn: Connection, delivery: Delivery) -> str | None:
    """Why this delivery cannot be tried again; None if it can."""
    name = f"Delivery {delivery.id} ({delivery.file_name})"
    pruned = report_files.get(conn, delivery.report).pruned_on
    if pruned:
        return f"{name}: the report was deleted on {pruned} (keep_days)."
    if delivery.state in {*GOING_OR_GONE, DeliveryState.SUPERSEDED}:
        return f"{name} is {delivery.state}; to send it once more: gentle-nudge regenerate --send."
    if delivery.keeps_order and any(newer.state in GOING_OR_GONE for newer in deliveries.overtaken_by(conn, delivery)):
        return f"{name}: newer balances went to the same recipient; to send it as a repeat: regenerate --send."
    if delivery.kind is ReportKind.SUBMISSION and not delivery.is_repeat:
        referred = cases.of_submission(conn, day=delivery.day, sections=[delivery.section])
        if referred and all(case.state is CaseState.WITHDRAWN for case in referred):
            return f"{name}: nobody in it is in collections any more."
    return None


def cancel(conn: Connection, ids: Collection[int], moment: Moment, *, reason: str) -> list[Delivery]:
    """These deliveries are never tried again; SettingsError if one is sent or superseded."""
    meta.lock(conn)
    chosen = _get(conn, ids)
    _refuse(
        f"Delivery {delivery.id} ({delivery.file_name}) is {delivery.state}: there is nothing to cancel."
        for delivery in chosen
        if delivery.state not in {*UNDELIVERED, DeliveryState.CANCELLED}
    )
    deliveries.cancel(conn, ids, now=moment.now, reason=reason, who=moment.who)
    return chosen


def tell_again(conn: Connection, delivery: Delivery, *, other_dues_in: Collection[str] = ()) -> None:
    """The next update lists everybody in this update or sync, as `cases.tell_of` says."""
    dues = read_dues(b"".join(report_files.content(conn, delivery.report)))
    cases.tell_of(conn, dues, other_dues_in=other_dues_in)


def cancelled_submissions(conn: Connection) -> Iterator[CancelledSubmission]:
    """The submissions that the agency does not get, because they were made on a copy or a person cancelled them.

    One that was made on a copy stays until it is sent, or ended by a person, or all its patrons are taken back; on the
    copy itself it is not named. One that a person cancelled stays while nobody gets it and a patron is in collections.
    """
    standing = standing_of(conn)
    for report in deliveries.cancelled_submissions(conn):
        telling = [delivery for delivery in deliveries.of_report(conn, report) if delivery.address.tells]
        got = {delivery.address for delivery in telling if delivery.state is DeliveryState.SENT}
        ended = [each for each in telling if each.state is DeliveryState.CANCELLED and each.address not in got]
        on_a_copy = [delivery for delivery in ended if delivery.reason in TELLS_NOBODY.values()]
        stored = report_files.get(conn, report)
        referred = cases.opened_by(conn, [stored.run])
        charged = [case for case in referred if case.state is not CaseState.WITHDRAWN]
        if not on_a_copy:
            charged = [case for case in charged if case.state is CaseState.OPEN]
        is_named = standing is Standing.LIBRARY if on_a_copy else len(ended) == len(telling)
        if charged and is_named and ended:
            yield CancelledSubmission(
                section=ended[0].section,
                day=ended[0].day,
                patrons=len(charged),
                ids=tuple(delivery.id for delivery in on_a_copy or ended),
                by_person=not on_a_copy,
                reason=(on_a_copy or ended)[0].reason or "",
                is_pruned=stored.pruned_on is not None,
            )


def _get(conn: Connection, ids: Collection[int]) -> list[Delivery]:
    chosen = deliveries.get(conn, ids)
    if missing := sorted(set(ids) - {delivery.id for delivery in chosen}):
        words = " or ".join(map(str, missing))
        raise UserError(f"No delivery has the number {words}.", "gentle-nudge outbox shows the numbers.")
    return chosen


def _refuse(problems: Iterator[str]) -> None:
    if sentences := tuple(problems):
        raise SettingsError(sentences, "Nothing was changed.")


def copies(conn: Connection, stored: Stored) -> list[Path]:
    """The folders, of the archive or of staff, that a copy of this report went to or was queued for."""
    archived = [each for each in deliveries.of_report(conn, stored.id) if each.address.channel in FOLDERS]
    folders = (folder for each in archived for folder in (each.went_to, each.address.recipient) if folder)
    return [Path(folder) for folder in dict.fromkeys(folders)]
