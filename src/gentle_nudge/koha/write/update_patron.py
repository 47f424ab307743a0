"""Columns of patrons changed, those that change alike with one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, update

from gentle_nudge.koha.koha_tables import borrowers
from gentle_nudge.koha.write.new_rows import BY_NUMBER

WHO = "of_patron"


def update_patrons(conn: Connection, changes: Mapping[int, Mapping[str, object]]) -> None:
    """Every patron has these values; `updated_on` moves by itself, as it does under Koha::Patron."""
    alike: defaultdict[tuple[str, ...], list[dict[str, object]]] = defaultdict(list)
    for number, values in changes.items():
        alike[tuple(sorted(values))].append({WHO: number, **{f"new_{name}": value for name, value in values.items()}})
    for columns, rows in alike.items():
        of_patron = update(borrowers).with_hint(BY_NUMBER).where(borrowers.c.borrowernumber == bindparam(WHO))
        conn.execute(of_patron.values({column: bindparam(f"new_{column}") for column in columns}), rows)
