"""What contradicts on the road of one loan about the loss of the item, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from gentle_nudge.domain.circulation.calendar import open_days
from gentle_nudge.domain.circulation.notices import counts_open_days, day_of_notice, has_loss_by_triggers
from gentle_nudge.domain.circulation.snapshot import Closures
from gentle_nudge.domain.circulation.terms import RoadTerms
from gentle_nudge.domain.circulation.walk import Road
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.wording import counted

WARNING, NOTE = Severity.WARNING, Severity.NOTE


@lru_cache(maxsize=4_096)
def late_days(closures: Closures, first: date, count: int, delay: int) -> tuple[int, ...]:
    """How many calendar days late a loan is on the open day of so many open days, for each of so many due dates."""
    dues = (first + timedelta(days=number) for number in range(count))
    return tuple((day_of_notice(closures, due, delay, open_only=True) - due).days for due in dues)


@lru_cache(maxsize=4_096)
def least_open_days(closures: Closures, first: date, count: int, late: int) -> int:
    """The fewest open days that loans of so many due dates are late so many calendar days after."""
    dues = (first + timedelta(days=number) for number in range(count))
    return min(open_days(closures, due, due + timedelta(days=late)) for due in dues)


def lost_before_notice(road: Road, due_dates: int) -> Iterator[Finding]:
    """A level that falls after the day of the loss, for at least one of so many due dates from the loan's own on."""
    terms, first = road.terms, int(road.terms.job.first)
    if terms.loss.day is None or terms.loss.days is None or not terms.category.gets_notices:
        return
    last = terms.loss.days + 1 - first  # the latest day late on which a notice still goes out
    closures = terms.rules.notice_closures
    by_calendar = counts_open_days(terms.snapshot)
    count = due_dates if by_calendar else 1
    for level in terms.levels:
        lates = late_days(closures, terms.due, count, level.delay) if by_calendar else (level.delay,)
        missed = [late for late in lates if late > last]
        if not missed:
            continue
        largest = least_open_days(closures, terms.due, count, last) if by_calendar else last
        delays = f", or delay {level.level} at most {largest}" if largest > 0 else ""
        up_to, concerned = ("up to ", f"; this concerns {len(missed)} of {count} due dates") if count > 1 else ("", "")
        option = "DefaultLongOverdueDays" if terms.job.days is None else "the days of --lost"
        yield Finding(
            name="lost-before-notice",
            severity=WARNING,
            what=f"Notice {level.level} ({level.letter}) would go out {up_to}{counted(max(missed), 'day')} after the "
            f"due date, and the item is lost after {terms.loss.days + 1}{concerned}.",
            why="A lost item gets no notices, so this one never goes out.",
            way_out=f"Set {option} to at least {max(lates) - 1 + first}{delays}.",
        )


def loss(road: Road) -> Iterator[Finding]:
    """Whether items become lost, and what the job of it stops at."""
    terms, snapshot = road.terms, road.terms.snapshot
    found = terms.loss
    if has_loss_by_triggers(snapshot):
        yield Finding(
            name="loss-by-triggers",
            severity=NOTE,
            what="Triggers of this Koha make items lost (rules overdue_<n>_lost).",
            why="The loss by triggers is not computed: the road ends without it.",
            way_out="Read the days of the loss in Koha's overdue triggers.",
        )
    elif found.stops:
        yield Finding(
            name="longoverdue-stops",
            severity=WARNING,
            what=f"longoverdue.pl is given codes that it does not find: {', '.join(found.stops)}.",
            why="It turns codes into capital letters and stops at the first that Koha does not have: nothing is lost.",
            way_out="Correct DefaultLongOverduePatronCategories, DefaultLongOverdueSkipPatronCategories, or the job's "
            "options; a code stored with small letters cannot be listed.",
        )
    elif found.exceeds_maxdays:
        yield Finding(
            name="older-than-maxdays",
            severity=WARNING,
            what=f"Items would become lost after {(found.days or 0) + 1} days, and longoverdue.pl looks at loans up to "
            f"{terms.job.maxdays} days late.",
            why="No item ever becomes lost.",
            way_out="Set DefaultLongOverdueDays to less, or give longoverdue.pl a larger --maxdays.",
        )
    elif not found.is_lost:
        yield Finding(
            name="never-lost",
            severity=NOTE,
            what=f"The item never becomes lost: {found.never}.",
            why="The loan stays open, and its replacement cost is never charged.",
            way_out="If items should become lost, set DefaultLongOverdueDays and DefaultLongOverdueLostValue, and run "
            "longoverdue.pl --confirm every night for these loans.",
        )
    if found.both_lists:
        yield Finding(
            name="both-category-lists",
            severity=WARNING,
            what="longoverdue.pl has categories to work on and categories to skip.",
            why="The list to skip wins, and the other one has no effect.",
            way_out="Empty DefaultLongOverduePatronCategories or DefaultLongOverdueSkipPatronCategories.",
        )


def charge_of_loss(road: Road) -> Iterator[Finding]:
    """A loss without a charge, without a price, or that lifts the restriction."""
    terms, found = road.terms, road.terms.loss
    if not found.is_lost:
        return
    if not found.charges:
        is_off = "WhenLostChargeReplacementFee is off"
        values = f"the charge value is {found.charge_value or 'empty'}, the lost value {found.lost_value}"
        yield Finding(
            name="lost-not-charged",
            severity=WARNING,
            what=f"Items become lost and nobody is charged: {is_off if found.settled else values}.",
            why="The patron owes no replacement cost, so that there is nothing to refer for it.",
            way_out="Set DefaultLongOverdueChargeValue (or --charge) to the lost value, and "
            "WhenLostChargeReplacementFee to charge.",
        )
    elif not terms.price.amount:
        yield no_price(terms)
    restricting = [level for level in terms.levels if level.restricts_now and terms.category.gets_notices]
    in_time = any(terms.notice_days[level.level] <= found.day for level in restricting if found.day)
    if found.closes and terms.lifts_restrictions and (road.steps.is_restricted or in_time):
        yield Finding(
            name="restriction-lifted-when-lost",
            severity=WARNING,
            what="A notice restricts the patron, and the loss closes the loan, which lifts the restriction.",
            why="Whoever loses an item may borrow again from that day on, if debts do not block it.",
            way_out="Set AutoRemoveOverduesRestrictions to no, or take cronjob out of MarkLostItemsAsReturned.",
        )


def no_price(terms: RoadTerms, told: str = "The item has no replacement price, and no default is used") -> Finding:
    """Lost items without a price."""
    return Finding(
        name="no-price",
        severity=WARNING,
        what=f"{told}.",
        why="The item becomes lost without a LOST charge; Koha's processing fee alone is charged, if there is one.",
        way_out=f"Give items of type {terms.loan.itemtype} a replacement price, or the type a default replacement cost "
        "with useDefaultReplacementCost on.",
    )


def referral(road: Road) -> Iterator[Finding]:
    """Debts that would be enough, and are never referred."""
    if road.submission or road.submissions.judge is None:
        return
    threshold, forgiven, left = road.submissions.threshold, road.steps.forgiven, road.steps.owed_after_loss
    if left is not None and left < threshold <= left + forgiven:
        yield Finding(
            name="forgiven-below-threshold",
            severity=WARNING,
            what=f"The loss forgives {format_amount(forgiven)} and leaves {format_amount(left)}; the threshold is "
            f"{format_amount(threshold)}.",
            why="Together they would be enough; as it is, the loan is never referred.",
            way_out="Turn WhenLostForgiveFine off, or lower threshold.",
        )
    if road.terms.loan.returned is None and road.last_reason:
        yield Finding(
            name="never-referred",
            severity=WARNING,
            what=f"The balance reaches the threshold of {format_amount(threshold)}, and the loan is never referred: "
            f"{road.never}.",
            why="Either too little counts on any one day, as charges enter and leave the window, or this category or "
            "these charges are not referred at all.",
            way_out="Widen the window (count_fees_newer_than, count_fees_older_than), lower threshold, or change the "
            "debit types or categories that count. If they are left out on purpose, nothing is wrong.",
        )
