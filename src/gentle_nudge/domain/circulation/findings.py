"""What contradicts on the road of one loan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from gentle_nudge.domain.circulation.calendar import is_open, open_days
from gentle_nudge.domain.circulation.due_date import days_mode
from gentle_nudge.domain.circulation.notices import (
    NoticeLevel,
    counts_open_days,
    day_of_notice,
    has_loss_by_triggers,
    is_default_hidden,
)
from gentle_nudge.domain.circulation.precedence import as_number
from gentle_nudge.domain.circulation.snapshot import Branch, Closures
from gentle_nudge.domain.circulation.terms import RoadTerms
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.wording import counted

WARNING, NOTE = Severity.WARNING, Severity.NOTE
NUMBERS = (
    *("issuelength", "hardduedatecompare", "fine", "chargeperiod", "firstremind", "overduefinescap"),
    "lost_item_processing_fee",
)
MAY_HIDE = ("fine", "chargeperiod", "firstremind", "overduefinescap", "issuelength")


@dataclass(frozen=True, kw_only=True, slots=True)
class RoadFacts:
    """A walked road, as its findings ask about it.

    `is_judged`: a section speaks for it. `reached_threshold`: on a day of a submission the balance was high enough.
    `owed_after_loss` is None if the item is not lost. `due_dates`: how many due dates from the loan's own on are
    looked at for notices that the loss overtakes.
    """

    terms: RoadTerms
    is_referred: bool
    is_judged: bool
    threshold: Decimal
    reached_threshold: bool
    never: str
    forgiven: Decimal
    owed_after_loss: Decimal | None
    is_restricted: bool
    by_maxfine: bool
    due_dates: int = 1


def findings_of(facts: RoadFacts, *, of_road: bool = False) -> Iterator[Finding]:
    """Everything that contradicts for this loan; `of_road`: also what concerns its own due date and amounts alone."""
    for rule in (*RULES, *(OF_ROAD if of_road else ())):
        yield from rule(facts)


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


def lost_before_notice(facts: RoadFacts) -> Iterator[Finding]:
    """A level that falls after the day of the loss, for at least one due date."""
    terms, first = facts.terms, int(facts.terms.job.first)
    if terms.loss.day is None or terms.loss.days is None or not terms.category.gets_notices:
        return
    last = terms.loss.days + 1 - first  # the latest day late on which a notice still goes out
    closures = terms.rules.notice_closures
    by_calendar = counts_open_days(terms.snapshot)
    count = facts.due_dates if by_calendar else 1
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


def loss(facts: RoadFacts) -> Iterator[Finding]:
    """Whether items become lost, and what the job of it stops at."""
    terms, snapshot = facts.terms, facts.terms.snapshot
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


def charge_of_loss(facts: RoadFacts) -> Iterator[Finding]:
    """A loss without a charge, without a price, or that lifts the restriction."""
    terms, found = facts.terms, facts.terms.loss
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
    if found.closes and terms.lifts_restrictions and (facts.is_restricted or in_time):
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


def notices(facts: RoadFacts) -> Iterator[Finding]:
    """Notices that do not go out, or not as it seems."""
    terms, library = facts.terms, facts.terms.rules.libraries.notices
    if not terms.category.gets_notices:
        yield Finding(
            name="category-without-notices",
            severity=WARNING,
            what=f"Category {terms.loan.category} is not set to get overdue notices.",
            why="Its patrons get neither notices nor the restrictions that go with them.",
            way_out="Set Overdue notice required of the category to yes (overduenoticerequired).",
        )
    if is_default_hidden(terms.rules):
        yield Finding(
            name="triggers-hide-default",
            severity=WARNING,
            what=f"Library {library} has overdue triggers of its own, and none for category {terms.loan.category}.",
            why="With one row of its own a library loses the default triggers for all categories: no notice goes out.",
            way_out=f"Add triggers of library {library} for this category, or delete those that it has.",
        )
    before: NoticeLevel | None = None
    for level in terms.levels:
        if before and level.delay <= before.delay:
            yield Finding(
                name="delays-not-increasing",
                severity=WARNING,
                what=f"Notice {level.level} goes out after {counted(level.delay, 'day')}, notice {before.level} after "
                f"{before.delay}.",
                why="The notices go out in the wrong order, or on the same day.",
                way_out=f"Set delay {level.level} to more than {before.delay}.",
            )
        before = level
        yield from _letter(level, library)
    mailed = any("email" in level.with_letter for level in terms.levels) and terms.category.gets_notices
    sender = terms.snapshot.branches.get(library, Branch(code=library)).email.strip()
    if mailed and not sender and not terms.snapshot.preference("KohaAdminEmailAddress"):
        yield Finding(
            name="no-sender",
            severity=WARNING,
            what=f"Library {library} has no e-mail address, and KohaAdminEmailAddress is empty.",
            why="Koha cannot send its notices by e-mail without a sender.",
            way_out="Give the library an e-mail address, or set KohaAdminEmailAddress.",
        )


def _letter(level: NoticeLevel, library: str) -> Iterator[Finding]:
    lacking = [transport for transport in level.transports if transport not in level.with_letter]
    if not lacking and level.transports:
        return
    if not level.has_letter:
        what, why = "has no letter of any transport", "Neither the notice nor its restriction takes place."
    elif not level.transports:
        what, why = "has no transport", "No notice goes out."
    else:
        what, why = f"has no letter for {' and '.join(lacking)}", "No notice goes out that way."
    yield Finding(
        name="notice-without-letter",
        severity=WARNING,
        what=f"Notice {level.level} ({level.letter}) of library {library} {what}.",
        why=why,
        way_out=f"Write the notice {level.letter} (module Circulation) for every transport of trigger {level.level}, "
        "and choose at least one.",
    )


def fines_and_rules(facts: RoadFacts) -> Iterator[Finding]:
    """Rules that are hidden, missing or unreadable, and fines that are not what the rules say."""
    terms, rules = facts.terms, facts.terms.rules
    if not terms.fine.is_charged and terms.fine.fine > 0:
        yield Finding(
            name="fines-off",
            severity=NOTE,
            what="Rules set a fine, and finesMode is not production.",
            why="No fine is ever written.",
            way_out="Set finesMode to production if overdue loans should be fined.",
        )
    if terms.snapshot.fines_by_plugin:
        yield Finding(
            name="fines-by-plugin",
            severity=NOTE,
            what="A plugin of this Koha computes fines itself (overwrite_calc_fine).",
            why="Fines are not what the circulation rules say, nor what is shown here.",
            way_out="Ask whoever looks after the plugin for its rules.",
        )
    for name in MAY_HIDE:
        winner, beaten = rules.row(name), [row for row in rules.candidates(name)[1:] if row.value.strip()]
        if winner and not winner.value.strip() and beaten:
            yield Finding(
                name="blank-hides-rule",
                severity=WARNING,
                what=f"The rule {name} that wins (row {winner.id}) is empty, and hides row {beaten[0].id} with "
                f"{beaten[0].value}.",
                why="An empty cell wins like any other: Koha then uses nothing at all.",
                way_out="Write the value into the empty cell, or delete that rule.",
            )
    for name in NUMBERS:
        row = rules.row(name)
        if row and row.value.strip() and as_number(row.value.strip()) is None:
            yield _unreadable(name, row.id, row.value, "a number is")
    hard = rules.row("hardduedate")
    if hard and hard.value.strip() and rules.day("hardduedate") is None:
        yield _unreadable("hardduedate", hard.id, hard.value, "a date is")
    if rules.row("issuelength") is None:
        yield Finding(
            name="no-loan-period",
            severity=WARNING,
            what="No rule sets a loan period (issuelength).",
            why="Loans last 0 days: they are due on the day of the check-out.",
            way_out="Add a rule for all libraries, categories and item types in Circulation and fine rules.",
        )


def _unreadable(name: str, row: int, value: str, needed: str) -> Finding:
    return Finding(
        name="unreadable-rule",
        severity=WARNING,
        what=f"The rule {name} (row {row}) says {value!r}, where {needed} needed.",
        why="It is taken for empty here; what Koha makes of it is not foreseeable.",
        way_out=f"Correct {name} in Circulation and fine rules.",
    )


def referral(facts: RoadFacts) -> Iterator[Finding]:
    """Debts that would be enough, and are never referred."""
    if facts.is_referred or not facts.is_judged:
        return
    threshold = format_amount(facts.threshold)
    if facts.forgiven and facts.owed_after_loss is not None:
        together = facts.owed_after_loss + facts.forgiven
        if facts.owed_after_loss < facts.threshold <= together:
            yield Finding(
                name="forgiven-below-threshold",
                severity=WARNING,
                what=f"The loss forgives {format_amount(facts.forgiven)} and leaves "
                f"{format_amount(facts.owed_after_loss)}; the threshold is {threshold}.",
                why="Together they would be enough; as it is, the loan is never referred.",
                way_out="Turn WhenLostForgiveFine off, or lower threshold.",
            )
    if facts.terms.loan.returned is None and facts.reached_threshold:
        yield Finding(
            name="never-referred",
            severity=WARNING,
            what=f"The balance reaches the threshold of {threshold}, and the loan is never referred: {facts.never}.",
            why="Either too little counts on any one day, as charges enter and leave the window, or this category or "
            "these charges are not referred at all.",
            way_out="Widen the window (count_fees_newer_than, count_fees_older_than), lower threshold, or change the "
            "debit types or categories that count. If they are left out on purpose, nothing is wrong.",
        )


def due_on_closed_day(facts: RoadFacts) -> Iterator[Finding]:
    """A due date on which the library is closed."""
    rules, due = facts.terms.rules, facts.terms.due
    if not is_open(rules.closures, due):
        avoids = days_mode(rules) in {"Calendar", "Datedue", "Dayweek"}
        yield Finding(
            name="due-on-closed-day",
            severity=NOTE,
            what=f"Library {rules.libraries.circulation} is closed on the due date {due}.",
            why="The first open day after it counts no open day late, so that fines and notices by open days begin a "
            "day later.",
            way_out="Koha's loan period avoids closed days here: look at --due, a hard due date, or the calendar."
            if avoids
            else "Set useDaysMode or the rule daysmode to Calendar or Datedue if nothing is to be due then.",
        )


def stopped_by_maxfine(facts: RoadFacts) -> Iterator[Finding]:
    """A fine that all fines of the patron together have stopped."""
    if facts.by_maxfine:
        most = facts.terms.snapshot.preference("MaxFine")
        yield Finding(
            name="stopped-by-maxfine",
            severity=NOTE,
            what=f"MaxFine ({most}) stops the fine.",
            why="It limits what a patron owes in fines for all loans together, not the fine of each.",
            way_out="Raise or empty MaxFine, and limit each loan by the rule overduefinescap.",
        )


FindingRule = Callable[[RoadFacts], Iterator[Finding]]
RULES: tuple[FindingRule, ...] = (lost_before_notice, loss, charge_of_loss, notices, fines_and_rules, referral)
OF_ROAD: tuple[FindingRule, ...] = (due_on_closed_day, stopped_by_maxfine)
