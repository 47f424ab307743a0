"""The loans that are open now: which combinations occur, and what their items cost."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, Date, Select, func, select

from gentle_nudge.domain.circulation.snapshot import OpenLoan
from gentle_nudge.koha.koha_tables import borrowers, issues, items


def open_loans(conn: Connection) -> tuple[OpenLoan, ...]:
    """The open loans, those that agree in everything counted together."""
    return tuple(
        OpenLoan(
            library=library, category=category, itemtype=itemtype, due=due, lost=lost or 0, price=price, count=count
        )
        for library, category, itemtype, due, lost, price, count in conn.execute(open_loans_query())
        if library and itemtype and isinstance(due, date)
    )


def open_loans_query() -> Select[Any]:
    """How many loans are open, by library, category, item type, due date and price (`timeline check`).

    One scan of all open loans.
    Index: issues none, borrowers PRIMARY, items PRIMARY.
    """
    loan, item, who = issues.c, items.c, borrowers.c
    due = func.date(loan.date_due, type_=Date())
    alike = (loan.branchcode, who.categorycode, item.itype, due, item.itemlost, item.replacementprice)
    return (
        select(*alike, func.count())
        .select_from(
            issues.join(borrowers, who.borrowernumber == loan.borrowernumber).join(
                items, item.itemnumber == loan.itemnumber
            )
        )
        .group_by(*alike)
        .with_hint(issues, "USE INDEX ()")
    )
