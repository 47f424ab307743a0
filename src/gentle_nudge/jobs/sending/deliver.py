"""Deliver: everything that is due leaves, each delivery on its own, each try noted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.outbox import Delivery, DeliveryState, Standing, Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.sending.restore_mark import tell_archive
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.store import cases, deliveries, report_files
from gentle_nudge.texts.environment import Texts

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


Clock = Callable[[], datetime]


TEST_COPY = "test copy"


GOING_OR_GONE = (DeliveryState.SENDING, DeliveryState.SENT)


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


def deliver(
    engine: Engine, sections: Collection[Section], outlets: Outlets, clock: Clock, *, failed_too: bool = False
) -> Delivered:
    """Try every delivery that is due; `failed_too` (once a night): those given up as well."""
    done = Delivered()
    writing(engine, partial(_put_in_order, sections=sections, now=clock()))
    with read_only(engine) as conn:
        waiting = deliveries.due(conn, clock(), failed_too=failed_too)
    waiting = [delivery for delivery in waiting if delivery.may_leave(outlets.standing)]
    if waiting:
        _tell_archive(engine, outlets, clock, done=done)
    for delivery in waiting:
        try:
            claimed = writing(engine, partial(_claim, wanted=delivery, now=clock(), sections=sections))
        except AnotherRunInProgress:
            done.interrupted = True
            break
        if claimed:
            _try(engine, claimed, outlets, clock, done=done, names=_names(sections, claimed.section))
    return done


def _put_in_order(conn: Connection, sections: Collection[Section], now: datetime) -> None:
    """What stalled is due again, and of updates that list everybody only the newest waits."""
    deliveries.fall_back(conn, now)
    for section in sections:
        if section.policy.update_lists == "all":
            deliveries.supersede(conn, section.cases_of, now)


def _claim(conn: Connection, wanted: Delivery, now: datetime, sections: Collection[Section]) -> Delivery | None:
    """The delivery as claimed, or None; where updates list changes only, they must arrive in order."""
    theirs = [section for section in sections if wanted.section in section.cases_of]
    strictly = any(section.policy.update_lists == "changed" for section in theirs)
    return deliveries.claim(conn, wanted, now, strictly=strictly, names=_names(sections, wanted.section))


def _names(sections: Collection[Section], name: str) -> tuple[str, ...]:
    """All names under which the section so called has spoken; none while nobody knows it."""
    return tuple(name_ for section in sections if name in section.cases_of for name_ in section.cases_of)


def _try(
    engine: Engine, claimed: Delivery, outlets: Outlets, clock: Clock, *, done: Delivered, names: Collection[str]
) -> None:
    try:
        done.notes += _send(engine, claimed, outlets, clock())
    except GentleNudgeError as failure:
        _note_failure(engine, claimed, failure, clock(), done=done)
        return
    except Exception as error:  # noqa: BLE001 - the next recipient has a right to a report all the same
        sentence, hint = f"Internal error ({type(error).__name__}).", "Run it again with --debug and report the output."
        _note_failure(engine, claimed, GentleNudgeError(sentence, hint), clock(), done=done)
        return
    if outlets.standing is Standing.TEST_COPY and claimed.address.tells_agency:
        writing(engine, partial(deliveries.cancel, ids=[claimed.id], now=clock(), reason=TEST_COPY, who=None))
        done.cancelled.append(claimed)
    else:
        writing(engine, partial(_note_sent, claimed=claimed, now=clock(), names=names))
        done.sent.append(claimed)
        _tell_archive(engine, outlets, clock, done=done)


def _send(engine: Engine, claimed: Delivery, outlets: Outlets, now: datetime) -> tuple[str, ...]:
    with read_only(engine) as conn:
        stored = report_files.get(conn, claimed.report)
    # Its id holds the instant of queueing: a restored database gives the numbers of deliveries a second time.
    item = Item(
        id=f"{claimed.id}.{claimed.queued:%Y%m%d%H%M%S}",
        recipient=claimed.address.recipient,
        subject=stored.subject,
        body=_text(claimed, stored, now, outlets.texts),
        now=now,
        file_name=stored.file_name,
        size=stored.size,
        sha256=stored.sha256,
        content=partial(_content, engine, claimed.report),
    )
    return outlets.deliver(item, claimed.address.channel)


def _note_failure(
    engine: Engine, claimed: Delivery, failure: GentleNudgeError, now: datetime, *, done: Delivered
) -> None:
    lost = isinstance(failure, DeliveryFailed) and failure.lost
    vain = partial(deliveries.tried_in_vain, claimed=claimed, now=now, reason=failure.sentence, lost=lost)
    state = writing(engine, vain)
    done.in_vain.append((claimed, failure))
    if state is DeliveryState.FAILED:
        done.given_up.append(claimed)


def _tell_archive(engine: Engine, outlets: Outlets, clock: Clock, *, done: Delivered) -> None:
    """The archive knows how far we got; that it cannot be told is worth a word, and no failure."""
    try:
        if outlets.archive:
            tell_archive(engine, outlets.archive, clock())
    except DeliveryFailed as failure:
        if failure.sentence not in done.notes:
            done.notes.append(failure.sentence)


def _text(claimed: Delivery, stored: Stored, now: datetime, texts: Texts) -> str:
    """The text that goes with it; a repeat says so, and when it was asked for, by the clock that the library has."""
    if not claimed.is_repeat:
        return stored.body
    title, _, rest = stored.body.partition("\n\n")
    repeated_on = claimed.queued.astimezone(now.tzinfo).date()
    return texts.render("mail-repeat.txt", title=title, rest=rest, day=stored.day, repeated_on=repeated_on)


def _content(engine: Engine, report: int) -> Iterator[bytes]:
    with read_only(engine) as conn:
        yield from report_files.content(conn, report)


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
