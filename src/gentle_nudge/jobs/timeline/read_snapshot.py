"""Koha's configuration, read as one snapshot."""

from __future__ import annotations

from sqlalchemy import Connection

from gentle_nudge.domain.circulation.snapshot import INSTALLED, Snapshot
from gentle_nudge.jobs.library import Library
from gentle_nudge.koha.inspect import open_loans
from gentle_nudge.koha.koha_tables import circulation_rules as rules_table
from gentle_nudge.koha.koha_tables import columns_of
from gentle_nudge.koha.read import circulation_codes, circulation_rules, holidays
from gentle_nudge.koha.read.administration import stored_preferences


def read_snapshot(conn: Connection, library: Library, *, with_loans: bool = False) -> Snapshot:
    """Everything that the road of a loan asks of Koha; without rules where this user may not read them."""
    if not columns_of(conn, rules_table):
        return Snapshot()
    libraries, in_tables = circulation_codes.libraries(conn), circulation_rules.has_trigger_tables(conn)
    spelled = {code.casefold(): code for code in libraries}  # the calendar's codes may differ in letter case
    return Snapshot(
        rules=circulation_rules.rules(conn),
        layout="overduerules" if in_tables else "circulation_rules",
        triggers=tuple(circulation_rules.triggers(conn)) if in_tables else (),
        preferences=stored_preferences(conn, INSTALLED),
        closures={spelled.get(code.casefold(), code): days for code, days in holidays.closures(conn).items()},
        branches=libraries,
        categories=circulation_codes.patron_categories(conn),
        itemtypes=circulation_codes.item_types(conn),
        letters=circulation_codes.letters(conn),
        restricting=circulation_codes.restricting_types(conn),
        fines_by_plugin=library.runs_plugins and circulation_codes.has_fine_plugin(conn),
        open_loans=open_loans.open_loans(conn) if with_loans else (),
    )
