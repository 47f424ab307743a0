"""What has become of the cases: a table, the JSON object of a period, and the columns of a case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from gentle_nudge.domain.money import ZERO, for_people
from gentle_nudge.domain.outcomes.answer import PeriodOutcomes
from gentle_nudge.domain.outcomes.figures import CaseFigures
from gentle_nudge.domain.outcomes.invoice import InvoiceComparison, InvoiceRow
from gentle_nudge.domain.outcomes.totals import Figures
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.plain import Column, Note, View, clock, column, figures, notes, table

Row = tuple[str, Figures]
ALL = "all"
FIGURES = tuple(field.name for field in fields(Figures))


def outcome_values(period: PeriodOutcomes, zone: ZoneInfo) -> dict[str, Any]:
    """The JSON object of a period."""
    question, unseen = period.question, period.unseen
    return {
        "from": f"{question.first:%Y-%m}",
        "to": f"{question.last:%Y-%m}",
        "by": question.by,
        "sections": list(period.sections),
        "as_of": period.as_of.astimezone(zone) if period.as_of else None,
        "complete_from": f"{period.complete_from:%Y-%m}",
        "began": period.began,
        "begins_late": period.begins_late,
        "rows": _groups(period.rows),
        "total": asdict(period.total),
        "before_us": asdict(period.before_us),
        "thresholds": [asdict(each) for each in period.thresholds],
        "over": period.over,
        "how_soon": [asdict(each) for each in period.how_soon],
        "road": [asdict(each) for each in period.road],
        "invoices": [asdict(each) for each in period.invoices],
        "does_not_add_up": [
            {"case": case, "line": line.line, "difference": line.amounts.difference}
            for case, line in period.does_not_add_up
        ],
        "unseen": {"lines": len(unseen), "amount": sum((line.unseen for line in unseen), ZERO)},
    }


def _groups(rows: Iterable[Row]) -> list[dict[str, Any]]:
    return [{"group": name, **asdict(each)} for name, each in rows]


def outcome_page_view(period: PeriodOutcomes, further: Mapping[str, Iterable[Row]], zone: ZoneInfo) -> View:
    """The values of the page: those of a period, and further rows by other groups under these keys."""
    rows = {key: _groups(each) for key, each in further.items()}
    return View(parts=figures(**outcome_values(period, zone), **rows))


def rows_view(period: PeriodOutcomes) -> View:
    """The figures of each group, and last of all cases, for a spreadsheet."""
    columns: list[Column[Row]] = [
        column(None, lambda row: row[0], key="group"),
        *(column(None, _figure(name), key=name) for name in FIGURES),
    ]
    return View(parts=[table(columns, [*period.rows, (ALL, period.total)], "rows")])


def _figure(name: str) -> Any:
    get = attrgetter(name)
    return lambda row: get(row[1])


def outcome_view(period: PeriodOutcomes, zone: ZoneInfo) -> View:
    """The figures for people, with the JSON object of the period for programs."""
    shown = table(columns_of(period), period.rows, empty="Nobody was referred in these months.")
    return View(parts=[*figures(**outcome_values(period, zone)), shown, *_beginning(period), *_remarks(period, zone)])


def columns_of(period: PeriodOutcomes) -> list[Column[Row]]:
    """The columns that people see; those after the median are shown only where one is not zero."""
    total = period.total

    def amount(title: str, name: str, **how: Any) -> Column[Row]:
        return column(title, _figure(name), "money", key=None, total=lambda _: getattr(total, name), **how)

    def number(title: str, name: str) -> Column[Row]:
        return column(title, _figure(name), "number", key=None, total=lambda _: getattr(total, name))

    return [
        column(
            period.question.by,
            lambda row: f"{row[0]}{' (not over yet)' * row[1].running}",
            "word",
            key=None,
            total=lambda _: ALL,
        ),
        number("cases", "cases"),
        amount("referred", "recorded"),
        amount("paid", "paid"),
        amount("returned", "returned"),
        amount("waived", "waived"),
        amount("still owed", "owing"),
        column("items back", lambda row: _items(row[1]), "word", key=None, total=lambda _: _items(total)),
        amount("came back", "came_back"),
        number("median days", "median_days"),
        amount("grown", "grown", nothing=ZERO),
        amount("other", "other", nothing=ZERO),
        amount("referred again", "referred_again", nothing=ZERO),
        amount("difference", "difference", nothing=ZERO),
    ]


def _items(each: Figures) -> str:
    return f"{each.items_back} of {each.items}" if each.items else ""


def _beginning(period: PeriodOutcomes) -> Iterator[Note]:
    if period.begins_late:
        where = {"within": "what was referred before stands in no month", "after": "it is after these months"}
        yield from notes(f"The first night of this program was on {period.began}: {where[period.begins_late]}.")


def _remarks(period: PeriodOutcomes, zone: ZoneInfo) -> Iterator[Note]:
    question, total, before, unseen = period.question, period.total, period.before_us, period.unseen
    if total.came_back_of_100 is not None:
        yield from notes(f"Of every 100.00 referred, {for_people(total.came_back_of_100)} has come back so far.")
    if total.fees:
        parts = {"paid": total.fees_paid, "waived": total.fees_waived, "other": total.fees_other}
        parts |= {"still owed": total.fees_owing, "difference": total.fees_difference}
        sums = ", ".join(f"{what} {for_people(part)}" for what, part in parts.items() if part)
        yield from notes(f"Fees {for_people(total.fees)}: {sums}.")
    if total.price:
        yield from notes(f"The agency's price of these cases: {for_people(total.price)}.")
    if before.cases:
        sums = f"{for_people(before.recorded)} then, of which {for_people(before.came_back)} has come back"
        yield from notes(f"Flagged before us and adopted: {counted(before.cases, 'case')}, {sums}.")
    if question.thresholds and period.thresholds:
        yield from notes(f"Of the {counted(period.over, 'case')} that are over, had the threshold been higher:")
        for study in period.thresholds:
            back = f"{for_people(study.came_back)} ({for_people(study.of_100 or ZERO)} of 100) came back"
            cases = counted(study.cases, "case")
            yield from notes(f"from {study.threshold:.2f}: {cases}, {back}, {study.items_back} items", level=1)
        yield from notes("Some of the others would have been referred later.", level=1)
    if odd := period.does_not_add_up:
        lines = ", ".join(f"line {line.line} of case {case}" for case, line in odd)
        yield from notes(f"Changed in Koha without a trace, so that it does not add up: {lines}.", style="warning")
    if unseen:
        amount = for_people(sum((line.unseen for line in unseen), ZERO))
        yield from notes(f"Settled and deleted from Koha between two nights: {counted(len(unseen), 'line')}, {amount}.")
    if question.first < period.complete_from:
        yield from notes(f"Cases from before {period.complete_from:%Y-%m} may have been removed (keep_cases_days).")
    as_of = f"As of {clock(period.as_of, zone)}" if period.as_of else "Nothing has been copied yet: the next night does"
    yield from notes(f"{as_of}.")


# The columns of a case, behind the others of `cases`

CASE: Mapping[str, str] = {
    **{name: f"amounts.{name}" for name in ("recorded", "grown", "paid", "returned", "waived", "other")},
    "referred_again": "amounts.referred_again",
    "owing": "amounts.owing",
    "difference": "amounts.difference",
    "fee_paid": "fee.paid",
    "fee_waived": "fee.waived",
    "fee_other": "fee_other",
    "fee_owing": "fee.owing",
    "first_credit": "first_credit",
    "settled_on": "settled_on",
    "items_back": "items_back",
}


def case_columns(outcomes: Mapping[int, CaseFigures], price: Decimal) -> list[Column[Any]]:
    """What became of each case, and what the agency bills for it; empty for a case that is forgotten."""

    def of(path: str) -> Any:
        get = attrgetter(path)
        return lambda case: get(outcomes[case.id]) if case.id in outcomes else None

    def items(case: Any) -> int | None:
        return len(outcomes[case.id].lost) if case.id in outcomes else None

    columns = [column(None, of(path), key=key) for key, path in CASE.items()]
    return [
        *columns[:-1],
        column(None, items, key="items"),
        columns[-1],
        column(None, lambda case: None if case.adopted else price, key="price"),
    ]


INVOICE_ROWS: tuple[Column[InvoiceRow], ...] = (
    column("finding", lambda row: row.finding.replace("_", " "), "word", key=None),
    column(None, lambda row: row.finding.value, key="finding"),
    column("account", lambda row: row.account, "word"),
    column("case", lambda row: row.case, "number"),
    column("referred", lambda row: row.referred_on, "day", key="referred_on"),
    column("times", lambda row: row.times, "number"),
)


def invoice_view(invoice: InvoiceComparison) -> View:
    """An invoice against what was sent in its month."""
    month, numbers = f"{invoice.month:%Y-%m}", {"billed": invoice.billed, "agreed": invoice.agreed}
    values = {"month": month, "library": invoice.library, "sent": invoice.sent, **numbers}
    sums = f"{month}: {counted(invoice.sent, 'case')} sent, {invoice.billed} billed, {invoice.agreed} agreed"
    price = f"; in question {for_people(invoice.in_question)}" if invoice.in_question else ""
    return View(
        parts=[
            *figures(**values),
            table(INVOICE_ROWS, invoice.rows, "rows", empty="Nothing is in question."),
            *figures(in_question=invoice.in_question),
            *notes(f"{sums}{price}."),
        ]
    )
