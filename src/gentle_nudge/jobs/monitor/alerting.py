"""Alerting: mail staff about each kind of trouble once a day, without any word about a patron."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import partial

from gentle_nudge.delivery.outlet import Item
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.plan import Plan, Succession
from gentle_nudge.domain.collections.review import ListState
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import DeliveryState
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.nightly import Night
from gentle_nudge.jobs.sending.manage import cancelled_submissions
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.koha.read.administration import addresses, preferences
from gentle_nudge.store import alert_log, deliveries
from gentle_nudge.texts.environment import Texts


class AlertKind(StrEnum):
    """The kinds of trouble; mail-alert.txt has the words for each."""

    FUSE = "fuse"
    LIMITS = "limits"
    HELD = "held"
    LATE = "late"
    UNDELIVERED = "undelivered"
    FAILED_DELIVERY = "failed_delivery"
    CANCELLED = "cancelled"
    FAILED_SECTION = "failed_section"
    CASES = "cases"
    LIST_LAPSED = "list-lapsed"


A_DAY = timedelta(hours=24)
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StaffAlert:
    """A sentence that staff should know, without patron data; `day` is the day that it is about."""

    kind: AlertKind
    day: date
    fact: str


def tell_staff(library: Library, outlets: Outlets, moment: Moment, *, night: Night | None = None) -> list[str]:
    """Staff, or else Koha's administrators, have a mail about each kind of trouble and day of this night and the queue.

    What was mailed today already is not mailed again. Returns sentences about mails that could not be sent.
    """
    with read_only(library.engine) as conn:
        values = preferences(conn, ["LibraryName", "KohaAdminEmailAddress"])
    recipients = library.settings.alerts.to or addresses(values["KohaAdminEmailAddress"])
    facts_by_kind: defaultdict[tuple[AlertKind, date], list[str]] = defaultdict(list)
    for each in (*(of_night(night) if night else ()), *of_queue(library, outlets, moment)) if recipients else ():
        facts_by_kind[each.kind, each.day].append(each.fact)
    unsent: list[str] = []
    for (kind, day), facts in facts_by_kind.items():
        if not writing(library.engine, partial(alert_log.first_today, kind=kind.value, day=day, now=moment.now)):
            continue
        subject, text = alert(library.texts, kind, day, facts, library=values["LibraryName"])
        for place, recipient in enumerate(recipients, 1):
            item = Item(
                id=f"alert.{kind}.{day}.{place}", recipient=recipient, subject=subject, body=text, now=moment.now
            )
            try:
                outlets.deliver(item)
            except GentleNudgeError as failure:
                unsent.append(f"{recipient} could not be told ({subject}): {failure.sentence}")
            except Exception as error:
                log.debug("an alert", exc_info=error)
                unsent.append(f"{recipient} could not be told ({subject}): internal error ({type(error).__name__})")
    return [*unsent, *library.texts.failures]


def of_night(night: Night) -> Iterator[StaffAlert]:
    """The alerts about a night."""
    for name, failure in night.failures.items():
        if not isinstance(failure, AnotherRunInProgress):
            yield StaffAlert(kind=AlertKind.FAILED_SECTION, day=night.day, fact=f"{name}: {failure.sentence}")
    for name, plan in night.plans.items():
        for kind, fact in _of_plan(plan):
            yield StaffAlert(kind=kind, day=night.day, fact=f"{name}: {fact}")


def _of_plan(plan: Plan) -> Iterator[tuple[AlertKind, str]]:
    for refusal in plan.refusals:
        yield {"fuse": AlertKind.FUSE, "held": AlertKind.HELD}.get(refusal.kind, AlertKind.LIMITS), refusal.sentence
    if plan.submits and plan.list_ends is ListState.LAPSED:
        yield AlertKind.LIST_LAPSED, "nobody had approved the list, so nobody was referred"
    if plan.submission_due and plan.late:
        yield AlertKind.LATE, "it was made today, late" if plan.submits else "it is still not made"
    gone = {
        "went on with the patron into whose card another was merged": len(plan.of(Succession)),
        "ended, for the card was merged with that of another patron in collections": plan.closes[CaseState.MERGED],
        "ended, for the patron was deleted": plan.closes[CaseState.DELETED],
        "ended, for the patron was anonymized": plan.closes[CaseState.ANONYMIZED],
    }
    for what, count in gone.items():
        if count:
            yield AlertKind.CASES, f"{counted(count, 'case')} {what}"


def of_queue(library: Library, outlets: Outlets, moment: Moment) -> Iterator[StaffAlert]:
    """The alerts about deliveries: given up, a day late (held ones with the reason), submissions told to nobody."""
    with read_only(library.engine) as conn:
        late_deliveries, sections = deliveries.late_deliveries(conn), library.known_sections(conn)
        untold = [each for each in cancelled_submissions(conn) if not each.by_person]
    for each in untold:
        yield StaffAlert(kind=AlertKind.CANCELLED, day=moment.today, fact=f"{each.sentence} {each.way_out}")
    for late in late_deliveries:
        delivery = late.delivery
        if delivery.may_leave(outlets.standing):
            fact = f"{delivery.file_name} to {delivery.address.recipient} ({delivery.address.channel})"
            if why := outlets.why_held(delivery, sections):
                fact += f": held, {why}"
            if delivery.state is DeliveryState.FAILED:
                yield StaffAlert(kind=AlertKind.FAILED_DELIVERY, day=moment.today, fact=fact)
            elif moment.now - late.since >= A_DAY:
                yield StaffAlert(kind=AlertKind.UNDELIVERED, day=moment.today, fact=fact)


def alert(texts: Texts, kind: AlertKind, day: date, facts: Sequence[str], *, library: str) -> tuple[str, str]:
    """The subject and the text of the mail about the facts of one kind and day."""
    message = texts.render("mail-alert.txt", kind=kind, day=day, library=library, facts=facts)
    first_line, _, text = message.partition("\n\n")
    return " ".join(first_line.removeprefix("Subject:").split()), text
