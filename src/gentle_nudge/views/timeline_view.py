"""The road of a loan: what programs get, and what people see of it on a terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from gentle_nudge.domain.circulation.findings import findings_of
from gentle_nudge.domain.circulation.loan import Event, Loan, Why
from gentle_nudge.domain.circulation.terms import RoadTerms
from gentle_nudge.domain.circulation.walk import BILL, Road
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.finding_view import finding_notes, finding_values
from gentle_nudge.views.plain import Column, Part, View, column, figures, notes, table, unseen

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


def combination_values(loan: Loan) -> dict[str, Any]:
    """The combination that was asked about, with the libraries of item and patron."""
    return {name: getattr(loan, name) for name in ("library", "item_library", "patron_library", "category", "itemtype")}


def road_values(road: Road) -> dict[str, Any]:
    """The JSON object of a road."""
    terms, loan = road.terms, road.terms.loan
    return {
        **combination_values(loan),
        "patron": loan.patron,
        "triggers": terms.snapshot.layout,
        "checkout": loan.checkout,
        "due": terms.due,
        "lost": terms.lost,
        "returned": loan.returned,
        "price": terms.price.amount,
        "balance": road.balance,
        "section": road.submissions.section,
        "never": road.never,
        "submission": road.submission and asdict(road.submission),
        "events": list(map(asdict, road.events)),
        "findings": list(map(finding_values, findings_of(road))),
    }


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
    def first(self) -> Event:
        """The only event, or the first one."""
        return self.events[0]

    @property
    def last(self) -> Event:
        """The only event, or the last one."""
        return self.events[-1]

    @property
    def late(self) -> str:
        """The days late, or the first and the last."""
        first, last = self.first.late, self.last.late
        return f"{first}" if first == last else f"{first} to {last}"

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


def days(drawn: DrawnEvent) -> str:
    """The day, or the first and the last."""
    first, last = drawn.first.day, drawn.last.day
    until = f"{last:%m-%d}" if first.year == last.year else f"{last}"
    return f"{first}" if first == last else f"{first} \N{EN DASH} {until}"


def words(drawn: DrawnEvent) -> str:
    """What happens, on one line."""
    first, last = (format_amount(each.balance) for each in (drawn.first, drawn.last))
    ends = f" {first} … {last}" if len(drawn.events) > 1 else ""
    return f"{drawn.name}{ends}{f' ({drawn.beside})' if drawn.beside else ''}"


ROAD: tuple[Column[DrawnEvent], ...] = (
    column("day", days, "word"),
    column(" ", lambda each: f"{each.last.day:%a}" if len(each.events) == 1 else "", "word"),
    column("late", lambda each: each.late, "number"),
    column("event", words),
    column("amount", lambda each: each.amount, "money"),
    column("balance", lambda each: each.last.balance, "money"),
    column("why", lambda each: each.why),
)
PAGE: tuple[Column[DrawnEvent], ...] = (
    *unseen(first="first.day", last="last.day", late="late", kind="last.kind", name="name", beside="beside"),
    *unseen(amount="amount", each="each", balance="last.balance", why="why"),
)


def road_view(road: Road, assumed: Sequence[str]) -> View:
    """The road for people, with the JSON object for programs."""
    parts: list[Part] = [
        *figures(**road_values(road)),
        *notes(*head(road.terms)),
        table(ROAD, drawn(road.events), empty="Nothing happens."),
        *notes(answer(road), *(f"Assumed: {sentence}" for sentence in assumed[:1])),
    ]
    for finding in findings_of(road):
        parts += finding_notes(finding)
    return View(parts=parts)


def head(terms: RoadTerms) -> Iterator[str]:
    """What was asked, and whose rules hold."""
    loan, price = terms.loan, terms.price.amount
    number = f", patron {loan.patron}" if loan.patron is not None else ""
    yield (
        f"A loan at {loan.library}, patron category {loan.category}, item type {loan.itemtype}, "
        f"{f'price {format_amount(price)}' if price else 'no price'}{number}: due {terms.due}."
    )
    ruling = asdict(terms.rules.libraries)
    if {loan.item_library, loan.patron_library, *ruling.values()} != {loan.library}:
        rules = ", ".join(f"{what} by {library}" for what, library in ruling.items())
        yield f"Item of {loan.item_library}, patron of {loan.patron_library}; ruled: {rules}."


def answer(road: Road) -> str:
    """The answer in one sentence."""
    lost = f"Lost on {road.terms.lost}" if road.terms.lost else "Never lost"
    if road.submission:
        there = f"earliest to the agency on {road.submission.day} with {format_amount(road.submission.owed)}"
    else:
        there = f"never to the agency: {road.never}"
    return f"{lost}, {there}."


def road_page_view(road: Road, assumed: Sequence[str], *, closed: Sequence[date], band: Any) -> View:
    """The values of the page: those of the JSON object, the rows as they are drawn, and what the picture needs.

    `closed` are the days on which the ruling library is closed, `band` the days on which the lost charge is in the
    window.
    """
    beside = figures(last_day=road.steps.day, assumed=list(assumed), closed=closed, band=band)
    return View(parts=[*figures(**road_values(road)), table(PAGE, drawn(road.events), "rows"), *beside])
