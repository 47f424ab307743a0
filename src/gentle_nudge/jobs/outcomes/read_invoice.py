"""The agency's invoice read, compared with the cases that were sent, and kept as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outcomes.invoice import InvoiceComparison, InvoiceFile, compare_invoice
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.outcomes.period import one_of, sections_asked
from gentle_nudge.store import meta, outcome_log

LARGEST = 10 * 1024 * 1024


def read_invoice(
    conn: Connection, library: Library, path: Path, *, month: date, sections: Sequence[str], wanted_column: str | None
) -> InvoiceComparison:
    """The invoice against the cases of these sections (none named: all); UserError if it holds no accounts."""
    meta.ready(conn)
    cases = outcome_log.billed_cases(conn)
    names = sections_asked(library, sections, cases.keys())
    ours = [case for name in names for case in cases.get(name, ())]
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path} is larger than 10 MiB.", "Cut it to the accounts: one on each line.")
    file = InvoiceFile.read(path.read_bytes(), ours)
    try:
        by, accounts = file.accounts(ours, wanted_column)
    except ValueError as trouble:
        columns = ", ".join(file.columns) or "none"
        raise UserError(
            f"{path}: {trouble} can be taken for the accounts.", f"Name one with --column. The columns are: {columns}."
        ) from None
    return compare_invoice(
        accounts,
        by,
        ours,
        month=month,
        library=one_of(names, sections) or "all",
        price=library.settings.outcomes.price_per_case,
    )


def keep_invoice(conn: Connection, comparison: InvoiceComparison, moment: Moment) -> None:
    """The numbers of this invoice take the place of those of an earlier reading."""
    meta.lock(conn)
    outcome_log.keep_invoice(conn, comparison.numbers, moment.now, moment.who)
