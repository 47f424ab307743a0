"""The sample library is founded: Koha's tables in a SQLite file, its codes, its preferences, its patrons."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert

from gentle_nudge.demo import library
from gentle_nudge.demo.desk import Desk
from gentle_nudge.demo.left_out import ANONYMOUS
from gentle_nudge.demo.sample import Sample
from gentle_nudge.koha import tables

STRIDE = 77  # shares no factor with the number of patrons, so that everybody gets a number of their own


def numbered(samples: tuple[Sample, ...]) -> dict[int, Sample]:
    """The patrons by borrowernumber, well mixed."""
    mixed = {1 + place * STRIDE % len(samples): sample for place, sample in enumerate(samples)}
    return dict(sorted(mixed.items()))


def found_library(desk: Desk, samples: Mapping[int, Sample]) -> None:
    """Koha's tables are there, with codes, preferences and these patrons."""
    tables.koha.create_all(desk.conn)
    _codes(desk.conn)
    anonymous = next(number for number, sample in samples.items() if sample.name.surname == ANONYMOUS)
    preferences = {**library.PREFERENCES, "AnonymousPatron": str(anonymous)}
    rows = [{"variable": name, "value": value} for name, value in preferences.items()]
    desk.conn.execute(insert(tables.systempreferences), rows)
    desk.register(samples)


def _codes(conn: Connection) -> None:
    conn.execute(
        insert(tables.branches), [{"branchcode": code, "branchname": name} for code, name in library.BRANCHES.items()]
    )
    conn.execute(
        insert(tables.categories),
        [
            {"categorycode": code, "description": description, "category_type": kind}
            for code, (description, kind) in library.CATEGORIES.items()
        ],
    )
    conn.execute(
        insert(tables.account_debit_types),
        [{"code": code, "description": text, "archived": 0} for code, text in library.DEBIT_TYPES.items()],
    )
    conn.execute(insert(tables.restriction_types), [{"code": code} for code in library.RESTRICTION_TYPES])
    conn.execute(
        insert(tables.borrower_attribute_types),
        [{"code": code, "repeatable": 0, "unique_id": 0, "opac_editable": 0} for code in library.ATTRIBUTE_TYPES],
    )
