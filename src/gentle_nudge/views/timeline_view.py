"""The road of a loan: what programs get, and what people see of it on a terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from gentle_nudge.domain.circulation.event import Event, Road, Why
from gentle_nudge.domain.circulation.loan import Loan
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.finding_view import finding_notes
from gentle_nudge.views.plain import Column, Part, View, column, figures, notes, table

LEVELS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}
KINDS = {
    "checkout": "checked out",
    "courtesy": "courtesy notice",
    "loan_closed": "loan closed",
    "lost": "lost",
    "forgiven": "fine forgiven",
    "processing": "processing charge",
    "replacement": "replacement, the lost charge",
    "restriction_lifted": "restriction lifted",
    "submission": "to the agency",
    "refund_lost": "lost charge refunded",
    "refund_processing": "processing charge refunded",
    "fine_restored": "fine owed again",
    "blocked": "blocked from check-out",
    "unblocked": "blocked no more",
}
BILL = 5


def combination_values(loan: Loan) -> dict[str, Any]:
    """The combination that was asked about, with the libraries of item and patron."""
    return {
        "library": loan.library,
        "item_library": loan.item_library,
        "patron_library": loan.patron_library,
        "category": loan.category,
        "itemtype": loan.itemtype,
    }


def road_values(loan: Loan, road: Road) -> dict[str, Any]:
    """The JSON object of a road."""
    return {
        **combination_values(loan),
        "patron": loan.patron,
        "triggers": road.triggers,
        "checkout": road.checkout,
        "due": road.due,
        "lost": road.lost,
        "returned": road.returned,
        "price": road.price,
        "balance": road.balance,
        "section": road.section,
        "never": road.never,
        "submission": asdict(road.submission) if road.submission else None,
        "events": [asdict(event) for event in road.events],
        "findings": [finding_values(finding) for finding in road.findings],
    }


def finding_values(finding: Finding) -> dict[str, Any]:
    """What programs get of a finding on a road."""
    return {name: getattr(finding, name) for name in ("name", "severity", "what", "why", "way_out")}


EVENTS: tuple[Column[Event], ...] = (
    *(column(None, attrgetter(name), key=name) for name in ("day", "late", "open_late", "kind", "level", "letter")),
    column(None, lambda event: "+".join(event.transports), key="transports"),
    *(column(None, attrgetter(name), key=name) for name in ("amount", "balance", "text")),
)


def events_view(road: Road) -> View:
    """Every event, for a spreadsheet."""
    return View(parts=[table(EVENTS, road.events, "events")])


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnEvent:
    """An event as people see it; successive fines with nothing between them are one.

    `each` is what every night adds, if all add the same; `why` is in words.
    """

    events: tuple[Event, ...]
    why: str

    @property
    def last(self) -> Event:
        """The only event, or the last one."""
        return self.events[-1]

    @property
    def amount(self) -> Decimal | None:
        """What the balance changed by in all."""
        amounts = [event.amount for event in self.events if event.amount is not None]
        return sum(amounts, ZERO) if amounts else None

    @property
    def each(self) -> Decimal | None:
        """What each of several nights adds, if that is the same; else None."""
        amounts = {event.amount for event in self.events}
        return amounts.pop() if len(self.events) > 1 and len(amounts) == 1 else None

    @property
    def days(self) -> str:
        """The day, or the first and the last."""
        first, last = self.events[0].day, self.last.day
        until = f"{last:%m-%d}" if first.year == last.year else f"{last}"
        return f"{first}" if first == last else f"{first} \N{EN DASH} {until}"

    @property
    def weekday(self) -> str:
        """The weekday of a single day."""
        return f"{self.last.day:%a}" if len(self.events) == 1 else ""

    @property
    def late(self) -> str:
        """The days late, or the first and the last."""
        first, last = self.events[0].late, self.last.late
        return f"{first}" if first == last else f"{first} to {last}"

    @property
    def name(self) -> str:
        """What happens, in a few words."""
        event = self.last
        if event.kind in {"notice", "reminder"}:
            return (
                "bill" if event.kind == "reminder" and event.level == BILL else f"{ordinal(event.level)} {event.kind}"
            )
        return KINDS.get(event.kind, event.kind)

    @property
    def beside(self) -> str:
        """What is said beside the name: the nights of fines, or the letter with its transports."""
        if len(self.events) > 1:
            return counted(len(self.events), "night")
        ways = " and ".join(self.last.transports).replace("email", "e-mail")
        return f"{self.last.letter or ''}{f' by {ways}' if ways else ''}".strip()

    @property
    def words(self) -> str:
        """What happens, on one line."""
        first, last = (format_amount(each.balance) for each in (self.events[0], self.last))
        ends = f" {first} … {last}" if len(self.events) > 1 else ""
        return f"{self.name}{ends}{f' ({self.beside})' if self.beside else ''}"


def ordinal(level: int | None) -> str:
    """The level as a word."""
    return LEVELS.get(level or 0, f"level {level}")


def drawn(events: Sequence[Event]) -> Iterator[DrawnEvent]:
    """The events as people see them."""
    before: tuple[Why, ...] | None = None
    for is_fine, together in groupby(events, lambda event: event.kind == "fine"):
        for group in [tuple(together)] if is_fine else [(event,) for event in together]:
            why = group[-1].why
            yield DrawnEvent(events=group, why="as before" if is_fine and why == before else in_words(why))
            before = why if is_fine else before


def in_words(reasons: Iterable[Why]) -> str:
    """The reasons of an event in a few words; what one row says stands together."""
    parts = []
    for (source, row, scope), together in groupby(reasons, lambda why: (why.source, why.id, why.scope)):
        values = [f"{why.name} {why.value}" if why.value else f"{why.name} (empty)" for why in together]
        parts += values if row is None else [f"{', '.join(values)} ({source} {row}: {scope})"]
    return "; ".join(parts)


ROAD: tuple[Column[DrawnEvent], ...] = (
    column("day", lambda each: each.days, "word"),
    column(" ", lambda each: each.weekday, "word"),
    column("late", lambda each: each.late, "number"),
    column("event", lambda each: each.words),
    column("amount", lambda each: each.amount, "money"),
    column("balance", lambda each: each.last.balance, "money"),
    column("why", lambda each: each.why),
)


def road_view(loan: Loan, road: Road, assumed: Sequence[str]) -> View:
    """The road for people, with the JSON object for programs."""
    parts: list[Part] = [
        *figures(**road_values(loan, road)),
        *notes(*head(loan, road)),
        table(ROAD, list(drawn(road.events)), empty="Nothing happens."),
        *notes(answer(road), *(f"Assumed: {sentence}" for sentence in assumed[:1])),
    ]
    for finding in road.findings:
        parts += finding_notes(finding)
    return View(parts=parts)


def head(loan: Loan, road: Road) -> Iterator[str]:
    """What was asked, and whose rules hold."""
    number = f", patron {loan.patron}" if loan.patron is not None else ""
    price = f"price {format_amount(road.price)}" if road.price else "no price"
    yield (
        f"A loan at {loan.library}, patron category {loan.category}, item type {loan.itemtype}, {price}{number}: "
        f"due {road.due}."
    )
    ruling = asdict(road.libraries)
    if {loan.item_library, loan.patron_library, *ruling.values()} != {loan.library}:
        rules = ", ".join(f"{what} by {library}" for what, library in ruling.items())
        yield f"Item of {loan.item_library}, patron of {loan.patron_library}; ruled: {rules}."


def answer(road: Road) -> str:
    """The answer in one sentence."""
    lost = f"Lost on {road.lost}" if road.lost else "Never lost"
    if road.submission:
        there = f"earliest to the agency on {road.submission.day} with {format_amount(road.submission.owed)}"
    else:
        there = f"never to the agency: {road.never}"
    return f"{lost}, {there}."


def road_page_view(loan: Loan, road: Road, assumed: Sequence[str], *, closed: Sequence[date], band: Any) -> View:
    """The values of the page: those of the JSON object, the rows as they are drawn, and what the picture needs.

    `closed` are the days on which the ruling library is closed, `band` the days on which the lost charge is in the
    window.
    """
    rows = [
        {
            "first": each.events[0].day,
            "last": each.last.day,
            "late": each.late,
            "kind": each.last.kind,
            "name": each.name,
            "beside": each.beside,
            "amount": each.amount,
            "each": each.each,
            "balance": each.last.balance,
            "why": each.why,
        }
        for each in drawn(road.events)
    ]
    return View(
        parts=figures(
            **road_values(loan, road),
            rows=rows,
            libraries=asdict(road.libraries),
            last_day=road.last_day,
            assumed=list(assumed),
            closed=closed,
            band=band,
        )
    )
