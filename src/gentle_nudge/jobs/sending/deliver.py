"""Deliver: try each delivery that is due, on its own, and note each attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from time import perf_counter

from sqlalchemy import Connection, Engine

from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.outbox import GOING_OR_GONE, TELLS_NOBODY, UNDELIVERED, Delivery, DeliveryState, Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError
from gentle_nudge.jobs.interruption import Interrupted
from gentle_nudge.jobs.sending.manage import tell_again
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.sending.restore_mark import tell_archive
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.store import cases, deliveries, report_files

Clock = Callable[[], datetime]
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Delivered:
    """What became of the deliveries; `held` ones with the reason.

    `interrupted`: another run has the lock, and the rest was left to it.
    """

    sent: list[Delivery] = field(default_factory=list)
    cancelled: list[Delivery] = field(default_factory=list)
    in_vain: list[tuple[Delivery, GentleNudgeError]] = field(default_factory=list)
    given_up: list[Delivery] = field(default_factory=list)
    held: list[tuple[Delivery, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def went_well(self) -> bool:
        """Whether everything tried has arrived, and nothing waits for a person."""
        return not (self.in_vain or self.given_up or self.held)


@dataclass(frozen=True, kw_only=True)
class Sending:
    """What all deliveries of one run share; `done` fills up while they are tried.

    `families` are the names of each section with its former ones: they are known even while the policies are not.
    """

    engine: Engine
    sections: Sequence[Section]
    families: Sequence[tuple[str, ...]]
    outlets: Outlets
    clock: Clock
    done: Delivered = field(default_factory=Delivered)

    def names(self, section: str) -> tuple[str, ...]:
        """All names of the section that has, or had, this name; this one alone if the settings do not have it."""
        known = (*(each.cases_of for each in self.sections), *self.families)
        return next((names for names in known if section in names), (section,))


def deliver(
    engine: Engine,
    sections: Sequence[Section],
    outlets: Outlets,
    clock: Clock,
    *,
    families: Sequence[tuple[str, ...]] = (),
    failed_too: bool = False,
) -> Delivered:
    """Every delivery that is due has been tried; with `failed_too` (once a night) also those given up.

    What is held is not tried, and named once a night.
    """
    sending = Sending(engine=engine, sections=sections, families=families, outlets=outlets, clock=clock)
    writing(engine, partial(_put_in_order, sending=sending))
    with read_only(engine) as conn:
        waiting = deliveries.due(conn, clock(), failed_too=failed_too)
        undelivered = deliveries.by_state(conn, *UNDELIVERED) if failed_too else waiting
    reasons = outlets.held(undelivered, sections)
    pages = [each.id for each in undelivered if each.kind.is_page and reasons.pop(each.id, "")]
    if pages:
        reason = "the settings name this address no more"
        writing(engine, partial(deliveries.cancel, ids=pages, now=clock(), reason=reason, who=None))
        waiting = [each for each in waiting if each.id not in pages]
    if failed_too:
        sending.done.held.extend((each, reasons[each.id]) for each in undelivered if each.id in reasons)
    waiting = [each for each in waiting if each.may_leave(outlets.standing) and each.id not in reasons]
    if waiting:
        _tell_archive(sending)
    try:
        for delivery in waiting:
            if claimed := writing(engine, partial(_claim, wanted=delivery, sending=sending)):
                _try(sending, claimed)
    except AnotherRunInProgress:
        sending.done.interrupted = True
    except Interrupted as interrupt:
        reports = counted(len(waiting), "report was", "reports were")
        interrupt.add_note(f"{len(sending.done.sent)} of {reports} delivered; the others stay due")
        raise
    return sending.done


def _put_in_order(conn: Connection, sending: Sending) -> None:
    """Stalled deliveries are due again; waiting ones that a newer one makes useless are superseded."""
    deliveries.fall_back(conn, sending.clock())
    waiting = deliveries.by_state(conn, *UNDELIVERED)
    for names in dict.fromkeys(sending.names(delivery.section) for delivery in waiting):
        deliveries.supersede(conn, names, sending.clock())


def _claim(conn: Connection, wanted: Delivery, sending: Sending) -> Delivery | None:
    """The delivery as claimed, or None if it must wait.

    From now on it may arrive, whatever becomes of this try. A repeat says what was true once, and a sync is not what
    the next update compares with: that update tells of everybody in a repeat, and of other balances in a sync.
    """
    names = sending.names(wanted.section)
    claimed = deliveries.claim(conn, wanted, sending.clock(), names=names)
    if claimed and (claimed.kind is ReportKind.SYNC or (claimed.is_repeat and claimed.kind is ReportKind.UPDATE)):
        tell_again(conn, claimed, other_dues_in=() if claimed.is_repeat else {claimed.section, *names})
    return claimed


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
        id=f"{claimed.id}.{claimed.first_queued or claimed.queued:%Y%m%d%H%M%S}",
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
    """The delivery is sent; on any copy a report is cancelled: its mail went to SendAllEmailsTo or a Maildir."""
    now, nobody = sending.clock(), TELLS_NOBODY.get(sending.outlets.standing)
    if nobody and claimed.address.tells_agency and not claimed.kind.is_page:
        writing(sending.engine, partial(deliveries.cancel, ids=[claimed.id], now=now, reason=nobody, who=None))
        sending.done.cancelled.append(replace(claimed, reason=nobody))
    else:
        writing(sending.engine, partial(_note_sent, sending=sending, claimed=claimed, now=now))
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


def _note_sent(conn: Connection, sending: Sending, claimed: Delivery, now: datetime) -> None:
    """The delivery is sent, and it is noted where it went.

    Patrons of an overtaken submission are listed in the next update, and so are patrons withdrawn since it was queued.
    A newer update that still waits has not overtaken it.
    """
    outlet = sending.outlets.by_channel[claimed.address.channel]
    deliveries.sent(conn, claimed, now, went_to=outlet.destination(claimed.address.recipient))
    if claimed.kind is ReportKind.SUBMISSION:
        newer_deliveries = deliveries.overtaken_by(conn, claimed, sending.names(claimed.section))
        overtaken = any(newer.state in GOING_OR_GONE for newer in newer_deliveries)
        cases.tell_of_submission(conn, day=claimed.day, section=claimed.section, open_too=overtaken)
