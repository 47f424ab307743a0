"""The queue of deliveries: claimed by a conditional UPDATE, tried until they succeed.

Updates and syncs of one section to one recipient are one stream (`Delivery.keeps_order`): an older one never leaves
after a newer one. Submissions, repeats and copies for the archive belong to no stream.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from gentle_nudge.domain.queue import Address, Attempt, Delivery, DeliveryState

if TYPE_CHECKING:
    from sqlalchemy import Connection


def enqueue(
    conn: Connection,
    *,
    report: int,
    to: Iterable[Address],
    now: datetime,
    repeat_reason: str | None = None,
    who: str | None = None,
) -> None:
    """The report is due now to each of these; with a reason it is a repeat, which stands in no stream."""
    raise NotImplementedError


def due(conn: Connection, now: datetime, *, failed_too: bool = False) -> list[Delivery]:
    """The deliveries to try now, in the order of queueing; `failed_too` (once a night) also those given up."""
    raise NotImplementedError


def claim(conn: Connection, delivery: Delivery, now: datetime, *, strictly: bool = False) -> Delivery | None:
    """The delivery as claimed (`sending`, one attempt more), or None: it is not ours to send now.

    Not ours: no longer as it was read; or another of its stream is being sent, or a newer one was sent; or,
    `strictly`, an older one is undelivered. The row of meta is locked first, so that of two claims in one stream one
    comes first.
    """
    raise NotImplementedError


def sent(conn: Connection, delivery: Delivery, now: datetime) -> None:
    """The claimed delivery is sent, whatever has become of its state meanwhile; the attempt is noted."""
    raise NotImplementedError


def tried_in_vain(
    conn: Connection, delivery: Delivery, now: datetime, *, reason: str
) -> DeliveryState | None:
    """The claimed delivery is due again later, or failed once three days have passed; the attempt is noted.

    The new state; None when the claim was lost meanwhile (it fell back, was cancelled, or another sent it).
    """
    raise NotImplementedError


def fall_back(conn: Connection, now: datetime) -> list[Delivery]:
    """Those claimed half an hour ago or earlier are due again, each with an attempt `lost`; these they were."""
    raise NotImplementedError


def supersede(conn: Connection, sections: Collection[str], now: datetime) -> list[Delivery]:
    """In the streams of these sections all but the newest that wait (due, failed) are superseded; these they were.

    For sections with `update_lists = "all"`; after queueing, and before sending.
    """
    raise NotImplementedError


def waits_for(conn: Connection, delivery: Delivery) -> list[Delivery]:
    """The older undelivered ones of its stream, oldest first."""
    raise NotImplementedError


def overtaken_by(conn: Connection, delivery: Delivery) -> list[Delivery]:
    """The newer ones of its stream that are not cancelled, oldest first."""
    raise NotImplementedError


def cancel(
    conn: Connection, ids: Collection[int], *, now: datetime, reason: str, who: str | None
) -> list[int]:
    """Those due, failed or being sent are cancelled, for this reason; these they were."""
    raise NotImplementedError


def retry(conn: Connection, ids: Collection[int], *, now: datetime, who: str | None) -> list[int]:
    """Those due, failed or cancelled are due now; these they were (not those sent, superseded or being sent)."""
    raise NotImplementedError


def by_state(conn: Connection, *states: DeliveryState) -> list[Delivery]:
    """The deliveries in these states, in the order of queueing."""
    raise NotImplementedError


def counts(conn: Connection) -> dict[DeliveryState, int]:
    """How many deliveries are in each state (every state is there)."""
    raise NotImplementedError


def of_report(conn: Connection, report: int) -> list[Delivery]:
    """The deliveries of a stored report, in the order of queueing."""
    raise NotImplementedError


def get(conn: Connection, ids: Collection[int]) -> list[Delivery]:
    """The deliveries with these ids; those that do not exist are left out."""
    raise NotImplementedError


def attempts_of(conn: Connection, delivery: int) -> list[Attempt]:
    """The tries of a delivery, oldest first."""
    raise NotImplementedError
