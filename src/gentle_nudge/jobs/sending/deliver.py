"""Deliver: try each delivery that is due, on its own, and note each attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import perf_counter

from sqlalchemy import Connection, Engine

from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.outbox import GOING_OR_GONE, Delivery, DeliveryState, Standing, Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError
from gentle_nudge.jobs.interruption import Interrupted
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.sending.restore_mark import tell_archive
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.store import cases, deliveries, report_files

Clock = Callable[[], datetime]
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Delivered:
    """What became of the deliveries; `interrupted`: another run has the lock, and the rest was left to it."""

    sent: list[Delivery] = field(default_factory=list)
    cancelled: list[Delivery] = field(default_factory=list)
    in_vain: list[tuple[Delivery, GentleNudgeError]] = field(default_factory=list)
    given_up: list[Delivery] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def went_well(self) -> bool:
        """Whether everything tried has arrived."""
        return not self.in_vain and not self.given_up


@dataclass(frozen=True, kw_only=True)
class Sending:
    """What all deliveries of one run share; `done` fills up while they are tried."""

    engine: Engine
    sections: Collection[Section]
    outlets: Outlets
    clock: Clock
    done: Delivered = field(default_factory=Delivered)

    def names(self, section: str) -> tuple[str, ...]:
        """All names of the section that has, or had, this name; none if the settings do not have it."""
        return tuple(name for each in self.sections if section in each.cases_of for name in each.cases_of)


def deliver(
    engine: Engine, sections: Collection[Section], outlets: Outlets, clock: Clock, *, failed_too: bool = False
) -> Delivered:
    """Every delivery that is due has been tried; with `failed_too` (once a night) also those given up."""
    sending = Sending(engine=engine, sections=sections, outlets=outlets, clock=clock)
    writing(engine, partial(_put_in_order, sections=sections, now=clock()))
    with read_only(engine) as conn:
        waiting = deliveries.due(conn, clock(), failed_too=failed_too)
    waiting = [delivery for delivery in waiting if delivery.may_leave(outlets.standing)]
    if waiting:
        _tell_archive(sending)
    try:
        for delivery in waiting:
            if claimed := writing(engine, partial(_claim, wanted=delivery, sending=sending)):
                _try(sending, claimed)
    except AnotherRunInProgress:
        sending.done.interrupted = True
    except Interrupted as interrupt:
        interrupt.add_note(f"{len(sending.done.sent)} of {len(waiting)} reports were delivered; the others stay due")
        raise
    return sending.done


def _put_in_order(conn: Connection, sections: Collection[Section], now: datetime) -> None:
    """Stalled deliveries are due again; of waiting updates that list everybody only the newest is left."""
    deliveries.fall_back(conn, now)
    for section in sections:
        if section.policy.update_lists == "all":
            deliveries.supersede(conn, section.cases_of, now)


def _claim(conn: Connection, wanted: Delivery, sending: Sending) -> Delivery | None:
    """The delivery as claimed, or None; updates that list only changes must arrive in order (`strictly`)."""
    strictly = any(
        section.policy.update_lists == "changed" for section in sending.sections if wanted.section in section.cases_of
    )
    return deliveries.claim(conn, wanted, sending.clock(), strictly=strictly, names=sending.names(wanted.section))


def _try(sending: Sending, claimed: Delivery) -> None:
    channel, started = claimed.address.channel, perf_counter()
    try:
        sending.done.notes += sending.outlets.deliver(_item(sending, claimed), channel)
    except GentleNudgeError as failure:
        _note_failure(sending, claimed, failure)
    except Exception as error:
        log.debug("%s by %s", claimed.file_name, channel, exc_info=error)
        sentence, hint = f"Internal error ({type(error).__name__}).", "Run it again with --debug and report the output."
        _note_failure(sending, claimed, GentleNudgeError(sentence, hint))
    else:
        log.info("%s delivered by %s (%.1f s)", claimed.file_name, channel, perf_counter() - started)
        _note_arrival(sending, claimed)


def _item(sending: Sending, claimed: Delivery) -> Item:
    """The item; its id holds the instant of queueing, because a restored database gives numbers a second time."""
    now = sending.clock()
    with read_only(sending.engine) as conn:
        stored = report_files.get(conn, claimed.report)
    body = stored.body
    if claimed.is_repeat:
        title, _, rest = body.partition("\n\n")
        repeated_on = claimed.queued.astimezone(now.tzinfo).date()  # in the library's zone
        facts = {"title": title, "rest": rest, "day": stored.day, "repeated_on": repeated_on}
        body = sending.outlets.texts.render("mail-repeat.txt", **facts)
    return Item(
        id=f"{claimed.id}.{claimed.queued:%Y%m%d%H%M%S}",
        recipient=claimed.address.recipient,
        subject=stored.subject,
        body=body,
        now=now,
        file_name=stored.file_name,
        size=stored.size,
        sha256=stored.sha256,
        content=partial(_content, sending.engine, stored),
        tried=claimed.attempts > 1,
    )


def _content(engine: Engine, stored: Stored) -> Iterator[bytes]:
    with read_only(engine) as conn:
        yield from report_files.checked(conn, stored)


def _note_failure(sending: Sending, claimed: Delivery, failure: GentleNudgeError) -> None:
    lost = isinstance(failure, DeliveryFailed) and failure.lost
    note = partial(deliveries.attempt_failed, claimed=claimed, now=sending.clock(), reason=failure.sentence, lost=lost)
    sending.done.in_vain.append((claimed, failure))
    if writing(sending.engine, note) is DeliveryState.FAILED:
        sending.done.given_up.append(claimed)


def _note_arrival(sending: Sending, claimed: Delivery) -> None:
    """The delivery is sent; in a test copy it is cancelled, because the mail went to SendAllEmailsTo."""
    now = sending.clock()
    if sending.outlets.standing is Standing.TEST_COPY and claimed.address.tells_agency:
        writing(sending.engine, partial(deliveries.cancel, ids=[claimed.id], now=now, reason="test copy", who=None))
        sending.done.cancelled.append(claimed)
    else:
        writing(sending.engine, partial(_note_sent, claimed=claimed, now=now, names=sending.names(claimed.section)))
        sending.done.sent.append(claimed)
        _tell_archive(sending)


def _tell_archive(sending: Sending) -> None:
    """The archive knows how far we got. If it cannot be told, a note says so; that is no failure."""
    try:
        if sending.outlets.archive:
            tell_archive(sending.engine, sending.outlets.archive, sending.clock())
    except DeliveryFailed as failure:
        if failure.sentence not in sending.done.notes:
            sending.done.notes.append(failure.sentence)


def _note_sent(conn: Connection, claimed: Delivery, now: datetime, names: Collection[str]) -> None:
    """The delivery is sent.

    Patrons of an overtaken submission are listed in the next update, and so are patrons withdrawn since it was queued.
    A newer update that still waits has not overtaken it.
    """
    deliveries.sent(conn, claimed, now)
    if claimed.kind is ReportKind.SUBMISSION:
        newer_deliveries = deliveries.overtaken_by(conn, claimed, names)
        overtaken = any(newer.state in GOING_OR_GONE for newer in newer_deliveries)
        cases.tell_of_submission(conn, day=claimed.day, section=claimed.section, open_too=overtaken)
