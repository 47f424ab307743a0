"""What contradicts on the road of one loan."""

from __future__ import annotations

from collections.abc import Iterator

from gentle_nudge.domain.circulation.calendar import is_open
from gentle_nudge.domain.circulation.due_date import days_mode
from gentle_nudge.domain.circulation.loss_findings import (
    NOTE,
    WARNING,
    charge_of_loss,
    loss,
    lost_before_notice,
    referral,
)
from gentle_nudge.domain.circulation.notices import NoticeLevel, is_default_hidden
from gentle_nudge.domain.circulation.precedence import as_number
from gentle_nudge.domain.circulation.walk import Road
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.wording import counted

NUMBERS = (
    *("issuelength", "hardduedatecompare", "fine", "chargeperiod", "firstremind", "overduefinescap"),
    "lost_item_processing_fee",
)
MAY_HIDE = ("fine", "chargeperiod", "firstremind", "overduefinescap", "issuelength")


def findings_of(road: Road, *, due_dates: int = 1) -> Iterator[Finding]:
    """Everything that contradicts for this loan; of several due dates nothing about one of them alone."""
    yield from lost_before_notice(road, due_dates)
    for rule in (loss, charge_of_loss, notices, fines_and_rules, referral):
        yield from rule(road)
    if due_dates == 1:
        yield from due_on_closed_day(road)
        yield from stopped_by_maxfine(road)


def notices(road: Road) -> Iterator[Finding]:
    """Notices that do not go out, or not as it seems."""
    terms, library = road.terms, road.terms.rules.libraries.notices
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
    if mailed and not terms.snapshot.branches.get(library) and not terms.snapshot.preference("KohaAdminEmailAddress"):
        yield Finding(
            name="notices-without-sender",
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


def fines_and_rules(road: Road) -> Iterator[Finding]:
    """Rules that are hidden, missing or unreadable, and fines that are not what the rules say."""
    terms, rules = road.terms, road.terms.rules
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


def due_on_closed_day(road: Road) -> Iterator[Finding]:
    """A due date on which the library is closed."""
    rules, due = road.terms.rules, road.terms.due
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


def stopped_by_maxfine(road: Road) -> Iterator[Finding]:
    """A fine that all fines of the patron together have stopped."""
    if road.steps.by_maxfine:
        most = road.terms.snapshot.preference("MaxFine")
        yield Finding(
            name="stopped-by-maxfine",
            severity=NOTE,
            what=f"MaxFine ({most}) stops the fine.",
            why="It limits what a patron owes in fines for all loans together, not the fine of each.",
            way_out="Raise or empty MaxFine, and limit each loan by the rule overduefinescap.",
        )
