"""Outbox: what waits, what was tried, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gentle_nudge.domain.case import State
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.plan import Report
from gentle_nudge.domain.queue import UNDELIVERED, Attempt, Delivery, DeliveryState
from gentle_nudge.errors import SettingsError, ToBeMended
from gentle_nudge.store import cases, outbox, reports, schema

if TYPE_CHECKING:
    from sqlalchemy import Connection

OF_INTEREST = (DeliveryState.SENDING, DeliveryState.DUE, DeliveryState.FAILED, DeliveryState.CANCELLED)
GOING_OR_GONE = (DeliveryState.SENDING, DeliveryState.SENT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A delivery with its tries, oldest first."""

    delivery: Delivery
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """How many deliveries are in each state, and those asked for, in the order of queueing."""

    counts: dict[DeliveryState, int]
    deliveries: tuple[Tried, ...]


def look(conn: Connection, states: Collection[DeliveryState] = OF_INTEREST) -> Outbox:
    """The queue, with the deliveries in these states."""
    schema.ready(conn)
    return Outbox(counts=outbox.counts(conn), deliveries=tuple(tried(conn, outbox.by_state(conn, *states))))


def tried(conn: Connection, deliveries: Sequence[Delivery]) -> Iterator[Tried]:
    """These deliveries with their tries."""
    for delivery in deliveries:
        yield Tried(delivery=delivery, attempts=tuple(outbox.attempts_of(conn, delivery.id)))


def retry(conn: Connection, ids: Collection[int], moment: Moment) -> list[Delivery]:
    """These are due now, whatever was tried before; SettingsError with every reason why one of them cannot be."""
    schema.lock(conn)
    found = _known(conn, ids)
    _refuse(problem for delivery in found if (problem := _why_not_again(conn, delivery)))
    outbox.retry(conn, ids, now=moment.now, who=moment.who)
    return found


def _why_not_again(conn: Connection, delivery: Delivery) -> str | None:
    """Why this delivery cannot be tried again; None: it can."""
    name = f"Delivery {delivery.id} ({delivery.file_name})"
    pruned = reports.get(conn, delivery.report).pruned_on
    if pruned:
        return f"{name}: the report was thrown away on {pruned}."
    if delivery.state in {*GOING_OR_GONE, DeliveryState.SUPERSEDED}:
        return f"{name} is {delivery.state}; to send it once more: gentle-nudge regenerate --send."
    if delivery.keeps_order and any(newer.state in GOING_OR_GONE for newer in outbox.overtaken_by(conn, delivery)):
        return f"{name}: newer balances went to the same recipient; to send it as a repeat: regenerate --send."
    if delivery.kind is Report.SUBMISSION and not delivery.is_repeat and _is_taken_back(conn, delivery):
        return f"{name}: nobody in it is in collections any more."
    return None


def _is_taken_back(conn: Connection, delivery: Delivery) -> bool:
    """Whether everybody in this submission was withdrawn."""
    referred = cases.of_submission(conn, day=delivery.day, sections=[delivery.section])
    return bool(referred) and all(case.state is State.WITHDRAWN for case in referred)


def cancel(conn: Connection, ids: Collection[int], moment: Moment, *, reason: str) -> list[Delivery]:
    """These are never tried again, for this reason; SettingsError if one is done already."""
    schema.lock(conn)
    found = _known(conn, ids)
    _refuse(
        f"Delivery {delivery.id} ({delivery.file_name}) is {delivery.state}: there is nothing to cancel."
        for delivery in found
        if delivery.state not in {*UNDELIVERED, DeliveryState.CANCELLED}
    )
    outbox.cancel(conn, ids, now=moment.now, reason=reason, who=moment.who)
    return found


def _known(conn: Connection, ids: Collection[int]) -> list[Delivery]:
    found = outbox.get(conn, ids)
    missing = sorted(set(ids) - {delivery.id for delivery in found})
    if missing:
        words = ", ".join(map(str, missing))
        raise ToBeMended(f"There is no delivery {words}.", "gentle-nudge outbox shows the numbers.")
    return found


def _refuse(problems: Iterator[str]) -> None:
    found = tuple(problems)
    if found:
        raise SettingsError(found, "Nothing was changed.")
