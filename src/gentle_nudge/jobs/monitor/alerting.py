"""Alerting: staff hear of trouble, once for each kind and day, without a word about any patron."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy import Engine

from gentle_nudge.delivery.outlet import Item
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.plan import Plan, Succession
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import DeliveryState
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.nightly import Night
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.store import alert_log, deliveries
from gentle_nudge.texts.environment import Texts


class AlertKind(StrEnum):
    """The kinds of trouble that staff are told of, in the words of mail-alert.txt."""

    FUSE = "fuse"
    LIMITS = "limits"
    LATE = "late"
    UNDELIVERED = "undelivered"
    FAILED_DELIVERY = "failed_delivery"
    FAILED_SECTION = "failed_section"
    CASES = "cases"


A_DAY = timedelta(hours=24)
log = logging.getLogger(__name__)


REFUSED = {
    "fuse": AlertKind.FUSE,
    "adoptions": AlertKind.LIMITS,
    "withdrawals": AlertKind.LIMITS,
    "plugin": AlertKind.LIMITS,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StaffAlert:
    """One fact that staff should know, in a sentence without patron data; `day` is the day it belongs to."""

    kind: AlertKind
    day: date
    fact: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Staff:
    """Whom to tell, in which words, and what the library is called (Koha's LibraryName)."""

    library: str
    recipients: tuple[str, ...]
    texts: Texts = field(default_factory=Texts)


def tell_staff(library: Library, outlets: Outlets, moment: Moment, *, night: Night | None = None) -> list[str]:
    """Staff know of every trouble of this night and of the queue; sentences about what went wrong with that."""
    troubles = [*(of_night(night) if night else ()), *of_queue(library.engine, outlets, moment)]
    staff = staff_of(library)
    unheard = tell(library.engine, troubles, staff, outlets=outlets, moment=moment) if staff.recipients else []
    return [*unheard, *library.texts.failures]


def staff_of(library: Library) -> Staff:
    """Those whom the settings name, else Koha's own administrator."""
    with read_only(library.engine) as conn:
        said = preferences(conn, ["LibraryName", "KohaAdminEmailAddress"])
    administrators = tuple(address for each in said["KohaAdminEmailAddress"].split(",") if (address := each.strip()))
    recipients = library.settings.alerts.to or administrators
    return Staff(library=said["LibraryName"], recipients=recipients, texts=library.texts)


def of_night(night: Night) -> Iterator[StaffAlert]:
    """What staff should know of a night."""
    for name, failure in night.failures.items():
        if not isinstance(failure, AnotherRunInProgress):
            yield StaffAlert(kind=AlertKind.FAILED_SECTION, day=night.day, fact=f"{name}: {failure.sentence}")
    for name, plan in night.plans.items():
        for kind, fact in _of_plan(plan):
            yield StaffAlert(kind=kind, day=night.day, fact=f"{name}: {fact}")


def _of_plan(plan: Plan) -> Iterator[tuple[AlertKind, str]]:
    for refusal in plan.refusals:
        yield REFUSED[refusal.kind], refusal.sentence
    if plan.submission_due and plan.late:
        yield AlertKind.LATE, "it was made today, late" if plan.submits else "it is still not made"
    gone = {
        "go on with the patron into whose card another was merged": len(plan.of(Succession)),
        "ended, for the card was merged with that of another patron in collections": plan.closes[CaseState.MERGED],
        "ended, for the patron was deleted": plan.closes[CaseState.DELETED],
    }
    for what, count in gone.items():
        if count:
            yield AlertKind.CASES, f"{count} cases {what}"


def of_queue(engine: Engine, outlets: Outlets, moment: Moment) -> Iterator[StaffAlert]:
    """What staff should know of deliveries: those given up, and those that somebody has awaited for a day."""
    with read_only(engine) as conn:
        waiting = deliveries.late_deliveries(conn)
    for one in waiting:
        if one.delivery.may_leave(outlets.standing):
            address = one.delivery.address
            fact = f"{one.delivery.file_name} to {address.recipient} ({address.channel})"
            if one.delivery.state is DeliveryState.FAILED:
                yield StaffAlert(kind=AlertKind.FAILED_DELIVERY, day=moment.today, fact=fact)
            elif moment.now - one.since >= A_DAY:
                yield StaffAlert(kind=AlertKind.UNDELIVERED, day=moment.today, fact=fact)


def tell(
    engine: Engine, troubles: Iterable[StaffAlert], staff: Staff, *, outlets: Outlets, moment: Moment
) -> list[str]:
    """Staff are told of what they have not been told today; sentences about those who could not be."""
    together: defaultdict[tuple[AlertKind, date], list[str]] = defaultdict(list)
    for trouble in troubles:
        together[trouble.kind, trouble.day].append(trouble.fact)
    unheard: list[str] = []
    for (kind, day), facts in together.items():
        first = partial(alert_log.first_today, kind=kind.value, day=day, now=moment.now)
        if writing(engine, first):
            subject, text = alert(kind, day, facts, staff)
            for place, recipient in enumerate(staff.recipients, 1):
                name = f"alert.{kind}.{day}.{place}"
                try:
                    outlets.deliver(Item(id=name, recipient=recipient, subject=subject, body=text, now=moment.now))
                except GentleNudgeError as failure:
                    unheard.append(f"{recipient} could not be told ({subject}): {failure.sentence}")
                except Exception as error:
                    log.debug("an alert", exc_info=error)
                    unheard.append(
                        f"{recipient} could not be told ({subject}): internal error ({type(error).__name__})"
                    )
    return unheard


def alert(kind: AlertKind, day: date, facts: Sequence[str], staff: Staff) -> tuple[str, str]:
    """Subject (one line) and text of the message about the facts of one kind and day."""
    message = staff.texts.render("mail-alert.txt", kind=kind, day=day, library=staff.library, facts=facts)
    first_line, _, text = message.partition("\n\n")
    return " ".join(first_line.removeprefix("Subject:").split()), text
