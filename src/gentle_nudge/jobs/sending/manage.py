"""Outbox: what waits, what was tried, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import GOING_OR_GONE, UNDELIVERED, Delivery, DeliveryAttempts, DeliveryState, Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import SettingsError, UserError
from gentle_nudge.store import cases, deliveries, meta, report_files
from gentle_nudge.views.plain import View
from gentle_nudge.views.queue_view import queue_view

OF_INTEREST = (DeliveryState.SENDING, DeliveryState.DUE, DeliveryState.FAILED, DeliveryState.CANCELLED)


def look(conn: Connection, zone: ZoneInfo, states: Collection[DeliveryState] = OF_INTEREST) -> View:
    """The queue, with the deliveries in these states."""
    meta.ready(conn)
    chosen = deliveries.by_state(conn, *(states or OF_INTEREST))
    return queue_view(deliveries.counts(conn), list(tried(conn, chosen)), zone)


def tried(conn: Connection, chosen: Sequence[Delivery]) -> Iterator[DeliveryAttempts]:
    """These deliveries with their tries."""
    for delivery in chosen:
        yield DeliveryAttempts(delivery=delivery, attempts=tuple(deliveries.attempts_of(conn, delivery.id)))


def retry(conn: Connection, ids: Collection[int], moment: Moment) -> list[Delivery]:
    """These are due now, whatever was tried before; SettingsError with every reason why one of them cannot be."""
    meta.lock(conn)
    found = _known(conn, ids)
    _refuse(problem for delivery in found if (problem := _why_not_again(conn, delivery)))
    deliveries.retry(conn, ids, now=moment.now, who=moment.who)
    return found


def _why_not_again(conn: Connection, delivery: Delivery) -> str | None:
    """Why this delivery cannot be tried again; None: it can."""
    name = f"Delivery {delivery.id} ({delivery.file_name})"
    pruned = report_files.get(conn, delivery.report).pruned_on
    if pruned:
        return f"{name}: the report was deleted on {pruned} (keep_days)."
    if delivery.state in {*GOING_OR_GONE, DeliveryState.SUPERSEDED}:
        return f"{name} is {delivery.state}; to send it once more: gentle-nudge regenerate --send."
    if delivery.keeps_order and any(newer.state in GOING_OR_GONE for newer in deliveries.overtaken_by(conn, delivery)):
        return f"{name}: newer balances went to the same recipient; to send it as a repeat: regenerate --send."
    if delivery.kind is ReportKind.SUBMISSION and not delivery.is_repeat and _is_taken_back(conn, delivery):
        return f"{name}: nobody in it is in collections any more."
    return None


def _is_taken_back(conn: Connection, delivery: Delivery) -> bool:
    """Whether everybody in this submission was withdrawn."""
    referred = cases.of_submission(conn, day=delivery.day, sections=[delivery.section])
    return bool(referred) and all(case.state is CaseState.WITHDRAWN for case in referred)


def cancel(conn: Connection, ids: Collection[int], moment: Moment, *, reason: str) -> list[Delivery]:
    """These are never tried again, for this reason; SettingsError if one is done already."""
    meta.lock(conn)
    found = _known(conn, ids)
    _refuse(
        f"Delivery {delivery.id} ({delivery.file_name}) is {delivery.state}: there is nothing to cancel."
        for delivery in found
        if delivery.state not in {*UNDELIVERED, DeliveryState.CANCELLED}
    )
    deliveries.cancel(conn, ids, now=moment.now, reason=reason, who=moment.who)
    return found


def _known(conn: Connection, ids: Collection[int]) -> list[Delivery]:
    found = deliveries.get(conn, ids)
    missing = sorted(set(ids) - {delivery.id for delivery in found})
    if missing:
        words = " or ".join(map(str, missing))
        raise UserError(f"No delivery has the number {words}.", "gentle-nudge outbox shows the numbers.")
    return found


def _refuse(problems: Iterator[str]) -> None:
    found = tuple(problems)
    if found:
        raise SettingsError(found, "Nothing was changed.")


def copies(conn: Connection, stored: Stored) -> list[Path]:
    """The folders that a copy of this report was put into, as the settings said then."""
    queued = deliveries.of_report(conn, stored.id)
    folders = (delivery.address.recipient for delivery in queued if delivery.address.is_archive)
    return [Path(folder) for folder in dict.fromkeys(folders)]
