"""Deliver: everything that is due leaves, each delivery on its own, each try noted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.outbox import GOING_OR_GONE, Delivery, DeliveryState, Standing
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.sending.restore_mark import tell_archive
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.store import cases, deliveries, report_files

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


Clock = Callable[[], datetime]
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Delivered:
    """What became of the deliveries that were tried; `interrupted`: another run is at work, the rest was left to it."""

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
    """What all deliveries of one run share, and what became of them so far."""

    engine: Engine
    sections: Collection[Section]
    outlets: Outlets
    clock: Clock
    done: Delivered = field(default_factory=Delivered)

    def names(self, section: str) -> tuple[str, ...]:
        """All names under which the section so called has spoken; none while nobody knows it."""
        return tuple(name for each in self.sections if section in each.cases_of for name in each.cases_of)


def deliver(
    engine: Engine, sections: Collection[Section], outlets: Outlets, clock: Clock, *, failed_too: bool = False
) -> Delivered:
    """Try every delivery that is due; `failed_too` (once a night): those given up as well."""
    sending = Sending(engine=engine, sections=sections, outlets=outlets, clock=clock)
    writing(engine, partial(_put_in_order, sections=sections, now=clock()))
    with read_only(engine) as conn:
        waiting = deliveries.due(conn, clock(), failed_too=failed_too)
    waiting = [delivery for delivery in waiting if delivery.may_leave(outlets.standing)]
    if waiting:
        _tell_archive(sending)
    for delivery in waiting:
        try:
            claimed = writing(engine, partial(_claim, wanted=delivery, sending=sending))
        except AnotherRunInProgress:
            sending.done.interrupted = True
            break
        if claimed:
            _try(sending, claimed)
    return sending.done


def _put_in_order(conn: Connection, sections: Collection[Section], now: datetime) -> None:
    """What stalled is due again, and of updates that list everybody only the newest waits."""
    deliveries.fall_back(conn, now)
    for section in sections:
        if section.policy.update_lists == "all":
            deliveries.supersede(conn, section.cases_of, now)


def _claim(conn: Connection, wanted: Delivery, sending: Sending) -> Delivery | None:
    """The delivery as claimed, or None; where updates list changes only, they must arrive in order."""
    concerned = [section for section in sending.sections if wanted.section in section.cases_of]
    strictly = any(section.policy.update_lists == "changed" for section in concerned)
    names = sending.names(wanted.section)
    return deliveries.claim(conn, wanted, sending.clock(), strictly=strictly, names=names)


def _try(sending: Sending, claimed: Delivery) -> None:
    engine, done, started = sending.engine, sending.done, perf_counter()
    try:
        done.notes += sending.outlets.deliver(_item(sending, claimed), claimed.address.channel)
    except GentleNudgeError as failure:
        _note_failure(sending, claimed, failure)
        return
    except Exception as error:
        sentence, hint = f"Internal error ({type(error).__name__}).", "Run it again with --debug and report the output."
        log.debug("%s by %s", claimed.file_name, claimed.address.channel, exc_info=error)
        _note_failure(sending, claimed, GentleNudgeError(sentence, hint))
        return
    log.info("%s delivered by %s (%.1f s)", claimed.file_name, claimed.address.channel, perf_counter() - started)
    now = sending.clock()
    if sending.outlets.standing is Standing.TEST_COPY and claimed.address.tells_agency:
        writing(engine, partial(deliveries.cancel, ids=[claimed.id], now=now, reason="test copy", who=None))
        done.cancelled.append(claimed)
    else:
        writing(engine, partial(_note_sent, claimed=claimed, now=now, names=sending.names(claimed.section)))
        done.sent.append(claimed)
        _tell_archive(sending)


def _item(sending: Sending, claimed: Delivery) -> Item:
    """What leaves; its id holds the instant of queueing, for a restored database gives numbers a second time."""
    engine, now = sending.engine, sending.clock()
    with read_only(engine) as conn:
        stored = report_files.get(conn, claimed.report)
    body = stored.body
    if claimed.is_repeat:
        title, _, rest = body.partition("\n\n")
        # By the clock that the library has.
        repeated_on = claimed.queued.astimezone(now.tzinfo).date()
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
        content=partial(_content, engine, claimed.report),
    )


def _content(engine: Engine, report: int) -> Iterator[bytes]:
    with read_only(engine) as conn:
        yield from report_files.content(conn, report)


def _note_failure(sending: Sending, claimed: Delivery, failure: GentleNudgeError) -> None:
    lost = isinstance(failure, DeliveryFailed) and failure.lost
    vain = partial(deliveries.attempt_failed, claimed=claimed, now=sending.clock(), reason=failure.sentence, lost=lost)
    sending.done.in_vain.append((claimed, failure))
    if writing(sending.engine, vain) is DeliveryState.FAILED:
        sending.done.given_up.append(claimed)


def _tell_archive(sending: Sending) -> None:
    """The archive knows how far we got; that it cannot be told is worth a word, and no failure."""
    try:
        if sending.outlets.archive:
            tell_archive(sending.engine, sending.outlets.archive, sending.clock())
    except DeliveryFailed as failure:
        if failure.sentence not in sending.done.notes:
            sending.done.notes.append(failure.sentence)


def _note_sent(conn: Connection, claimed: Delivery, now: datetime, names: Collection[str]) -> None:
    """The delivery is sent; patrons of a submission that a newer update overtook are in the next update.

    A newer one that still waits has overtaken nothing: it comes after the submission, and in its time.
    So are those who are in collections no more: they have been taken back meanwhile.
    """
    deliveries.sent(conn, claimed, now)
    if claimed.kind is ReportKind.SUBMISSION:
        newer = deliveries.overtaken_by(conn, claimed, names)
        overtaken = any(one.state in GOING_OR_GONE for one in newer)
        cases.tell_of_submission(conn, day=claimed.day, section=claimed.section, open_too=overtaken)
