"""Alerting: staff hear of trouble, once for each kind and day, without a word about any patron."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from gentle_nudge.delivery.alerts import Alert, Kind
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.plan import Plan, Succession
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import DeliveryState
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.nightly import Night
from gentle_nudge.jobs.sending.outlets import Post, Words
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.store import alert_log, deliveries

if TYPE_CHECKING:
    from sqlalchemy import Engine


A_DAY = timedelta(hours=24)


REFUSED = {"fuse": Kind.FUSE, "adoptions": Kind.LIMITS, "withdrawals": Kind.LIMITS, "plugin": Kind.LIMITS}


@dataclass(frozen=True, kw_only=True, slots=True)
class StaffAlert:
    """One fact that staff should know, in a sentence without patron data; `day` is the day it belongs to."""

    kind: Kind
    day: date
    fact: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Staff:
    """Whom to tell, and what the library is called."""

    library: str
    recipients: tuple[str, ...]


def tell_staff(library: Library, post: Post, moment: Moment, *, night: Night | None = None) -> list[str]:
    """Staff know of every trouble of this night and of the queue; sentences about those who could not be told."""
    troubles = [*(of_night(night) if night else ()), *of_queue(library.engine, post, moment)]
    staff = staff_of(library)
    return tell(library.engine, troubles, staff, post=post, moment=moment) if staff.recipients else []


def staff_of(library: Library) -> Staff:
    """Those whom the settings name, else Koha's own administrator."""
    with read_only(library.engine) as conn:
        said = preferences(conn, ["LibraryName", "KohaAdminEmailAddress"])
    administrators = tuple(address for each in said["KohaAdminEmailAddress"].split(",") if (address := each.strip()))
    return Staff(library=said["LibraryName"], recipients=library.settings.alerts.to or administrators)


def of_night(night: Night) -> Iterator[StaffAlert]:
    """What staff should know of a night."""
    for name, failure in night.failures.items():
        if not isinstance(failure, AnotherRunInProgress):
            yield StaffAlert(kind=Kind.FAILED_SECTION, day=night.day, fact=f"{name}: {failure.sentence}")
    for name, plan in night.plans.items():
        for kind, fact in _of_plan(plan):
            yield StaffAlert(kind=kind, day=night.day, fact=f"{name}: {fact}")


def _of_plan(plan: Plan) -> Iterator[tuple[Kind, str]]:
    for refusal in plan.refusals:
        yield REFUSED[refusal.kind], refusal.sentence
    if plan.submission_due and plan.late:
        yield Kind.LATE, "it was made today, late" if plan.submits else "it is still not made"
    gone = {
        "go on with the patron into whose card another was merged": len(plan.of(Succession)),
        "ended, for the card was merged with that of another patron in collections": plan.closes[CaseState.MERGED],
        "ended, for the patron was deleted": plan.closes[CaseState.DELETED],
    }
    for what, count in gone.items():
        if count:
            yield Kind.CASES, f"{count} cases {what}"


def of_queue(engine: Engine, post: Post, moment: Moment) -> Iterator[StaffAlert]:
    """What staff should know of deliveries: those given up, and those that somebody has awaited for a day."""
    with read_only(engine) as conn:
        waiting = deliveries.late_deliveries(conn)
    for one in waiting:
        if post.takes(one.delivery):
            address = one.delivery.address
            fact = f"{one.delivery.file_name} to {address.recipient} ({address.channel})"
            if one.delivery.state is DeliveryState.FAILED:
                yield StaffAlert(kind=Kind.FAILED_DELIVERY, day=moment.today, fact=fact)
            elif moment.now - one.since >= A_DAY:
                yield StaffAlert(kind=Kind.UNDELIVERED, day=moment.today, fact=fact)


def tell(engine: Engine, troubles: Iterable[StaffAlert], staff: Staff, *, post: Post, moment: Moment) -> list[str]:
    """Staff are told of what they have not been told today; sentences about those who could not be."""
    together: defaultdict[tuple[Kind, date], list[str]] = defaultdict(list)
    for trouble in troubles:
        together[trouble.kind, trouble.day].append(trouble.fact)
    unheard: list[str] = []
    for (kind, day), facts in together.items():
        first = partial(alert_log.first_today, kind=kind.value, day=day, now=moment.now)
        if writing(engine, first):
            alert = Alert(kind=kind, day=day, library=staff.library, facts=tuple(facts))
            unheard += _send(alert, staff, post=post, moment=moment)
    return unheard


def _send(alert: Alert, staff: Staff, *, post: Post, moment: Moment) -> Iterator[str]:
    for place, recipient in enumerate(staff.recipients, 1):
        name = f"alert.{alert.kind}.{alert.day}.{place}"
        words = Words(name=name, recipient=recipient, subject=alert.subject, text=alert.text)
        try:
            post.tell(words, moment.now)
        except GentleNudgeError as failure:
            yield f"{recipient} could not be told ({alert.subject}): {failure.sentence}"
