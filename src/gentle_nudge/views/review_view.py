"""The list of a submission day: for a terminal, as JSON, as the CSV file that staff edit, and for the shelves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from gentle_nudge.domain.collections.review import ListState, Outcome
from gentle_nudge.domain.collections.shown_list import DebtOfAType, Review, ShownRow
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.report_row import ShelfItem
from gentle_nudge.domain.wording import KINDS_OF_CHARGES, counted
from gentle_nudge.views.plain import (
    Column,
    Note,
    Part,
    View,
    amounts,
    column,
    figures,
    name,
    notes,
    table,
)

LEAVE_OUT = "leave out"


def review_view(review: Review, *, names: bool) -> View:
    """The list for a terminal and as JSON, where there is a name only if `names`."""
    of, policy = review.of, review.section.policy
    return View(
        parts=[
            *notes(title(review)),
            *figures(
                section=review.section.name,
                for_day=review.for_day,
                list=of.id if of else None,
                state=of.state.value if of else None,
                made=of.made if of else None,
                late=review.late,
                ends=policy.review_ends,
                who=of.who if of else None,
                at=of.at.isoformat() if of and of.at else None,
                reason=of.reason if of else None,
                window=asdict(review.window),
                patrons=len(review.going),
                balance=review.balance,
                fees=review.fees,
                fuse_holds=review.is_held,
            ),
            *notes(*state_in_words(review), level=1),
            table(_columns(names=names), review.rows, "rows", empty="Nobody is on the list."),
            *_counts(review),
        ]
    )


def title(review: Review) -> str:
    """How many, on which day, and what they owe."""
    verb = "were referred" if review.of and review.of.state is ListState.USED else "will be referred"
    owing = f"owing {format_amount(review.balance)}, fees {format_amount(review.fees)}"
    late = " (late)" if review.late else ""
    patrons = counted(len(review.going), "patron")
    return f"Section {review.section.name}: {patrons} {verb} on {review.for_day:%A} {review.for_day}{late}, {owing}"


def state_in_words(review: Review) -> Iterator[str]:
    """What will become of the list, or has become of it."""
    of = review.of
    if of is None:
        yield "There is no list of this day: this is what it would be, judged now."
        return
    by = f" by {of.who}" if of.who else ""
    why = f": {of.reason}" if of.reason else ""
    match of.state:
        case ListState.OPEN if review.section.policy.review_ends == "lapse":
            yield f"Made on {of.made}. If nobody approves it, it lapses, and nobody is referred."
        case ListState.OPEN:
            yield f"Made on {of.made}. It goes out on its day, approved or not."
        case _:
            yield f"Made on {of.made}, {of.state}{by}{why}."
    if review.is_held:
        yield "It names more patrons than one submission may refer: approve it, or it will be held."


def _counts(review: Review) -> Iterator[Part]:
    yield from figures(left_out={reason.name: count for reason, count in review.left_out.items()})
    yield from figures(owing_less=review.owing_less)
    yield from figures(waiting=asdict(review.waiting) if review.waiting else None)
    if sentence := waiting_in_words(review):
        yield Note(text=sentence)
    if review.left_out:
        left_out = sum(review.left_out.values())
        yield Note(
            text=f"Left out, though they owe enough in the window: {left_out}; others owe less: {review.owing_less}"
        )


def waiting_in_words(review: Review) -> str:
    """How many hold back what others wait for; empty if nobody waits."""
    waiting, patrons = review.waiting, len(review.going)
    if not waiting or not waiting.others:
        return ""
    hold, wait = "holds" if waiting.patrons == 1 else "hold", "waits" if waiting.others == 1 else "wait"
    others = counted(waiting.others, "other")
    return f"{waiting.patrons} of these {counted(patrons, 'patron')} {hold} back something {others} {wait} for"


def _name(row: ShownRow) -> str:
    return name(row.patron.surname, row.patron.firstname) if row.patron else ""


def _library(row: ShownRow) -> str | None:
    return row.patron.branch if row.patron else None


def _card(row: ShownRow) -> str | None:
    return row.patron.card if row.patron else None


def charges_in_words(debts: Iterable[DebtOfAType]) -> str:
    """What the debt is for: `2 lost items, 50.00; 1 fine, 5.25`."""
    return "; ".join(f"{_charges(debt)}, {format_amount(debt.outstanding)}" for debt in debts)


def _charges(debt: DebtOfAType) -> str:
    return counted(debt.count, *KINDS_OF_CHARGES.get(debt.type or "", (debt.type or "charge", debt.type or "charges")))


def _columns(*, names: bool) -> tuple[Column[ShownRow], ...]:
    return (
        column("number", lambda row: row.number, "number"),
        column("card", _card, "word"),
        column("name", lambda row: (_name(row) or None) if names else None, "name"),
        column("library", _library, "word"),
        column("age", lambda row: row.age, "number"),
        column(None, lambda row: row.owed, key="owed_in_window"),
        amounts("balance", lambda row: row.balance),
        amounts("with fee", lambda row: row.with_fee, key="with_fee"),
        column("for", lambda row: charges_in_words(row.debts), key=None),
        column(None, lambda row: [asdict(debt) for debt in row.debts], "nested", key="lines"),
        column(None, lambda row: row.oldest_days, key="oldest_days"),
        column(None, lambda row: [asdict(mark) for mark in row.marks], "nested", key="marks"),
        column("marks", lambda row: " ".join(mark.sentence or mark.mark for mark in row.marks), key=None),
        column("outcome", lambda row: row.outcome.value, nothing="listed"),
        column("why", lambda row: row.why),
        column("who", lambda row: row.who),
        column(None, lambda row: row.at.isoformat() if row.at else None, key="at"),
    )


def list_file_view(reviews: Sequence[Review], *, names: bool, for_staff: bool = False) -> View:
    """The list as CSV; `for_staff`: the file that staff edit, of one section."""

    def before(review: Review) -> list[Column[ShownRow]]:
        return [
            column("section", lambda _row: review.section.name),
            column("outcome", lambda row: row.outcome.value),
            column("why", lambda row: row.why),
        ]

    tables = [
        table(
            [*([] if for_staff else before(review)), *_in_a_file(names=names)],
            review.rows,
            "rows",
        )
        for review in reviews
    ]
    return View(parts=tables)


def _in_a_file(*, names: bool) -> list[Column[ShownRow]]:
    return [
        column("card", _card),
        column("number", lambda row: row.number, "number"),
        *([column("name", _name)] if names else []),
        column("library", _library),
        column("age", lambda row: row.age, "number"),
        column("owed", lambda row: row.owed, "money"),
        column("balance", lambda row: row.balance, "money"),
        column("with_fee", lambda row: row.with_fee, "money"),
        column("marks", lambda row: ",".join(mark.mark for mark in row.marks)),
        column("decision", lambda row: LEAVE_OUT if row.outcome is Outcome.LEFT_OUT else ""),
        column("reason", lambda row: row.why if row.outcome is Outcome.LEFT_OUT else ""),
        column("until", lambda _row: ""),
    ]


def shelf_view(items: Sequence[ShelfItem]) -> View:
    """The lost items for a walk along the shelves; no patron."""
    columns: list[Column[ShelfItem]] = [
        column("library", lambda item: item.library),
        column("location", lambda item: item.location),
        column("call number", lambda item: item.call_number, key="call_number"),
        column("barcode", lambda item: item.barcode),
        column("title", lambda item: item.title),
    ]
    return View(parts=[table(columns, items, "items", empty="No lost item is known.")])
