"""Circulation rules, and the triggers of overdue notices in the older layout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, select

from gentle_nudge.domain.circulation.snapshot import RuleRow
from gentle_nudge.koha.koha_tables import circulation_rules, columns_of, overduerules, overduerules_transport_types

LEVELS = (1, 2, 3)


def rules(conn: Connection) -> tuple[RuleRow, ...]:
    """Every rule, in order of id."""
    return tuple(RuleRow(**row) for row in conn.execute(rules_query()).mappings())


def rules_query() -> Select[Any]:
    """Every circulation rule (`timeline`).

    Index: circulation_rules PRIMARY.
    """
    row = circulation_rules.c
    scope = (row.branchcode.label("library"), row.categorycode.label("category"), row.itemtype)
    return select(row.id, *scope, row.rule_name.label("name"), row.rule_value.label("value")).order_by(row.id)


def has_trigger_tables(conn: Connection) -> bool:
    """Whether this Koha keeps its triggers in tables of their own, not as rules."""
    return bool(columns_of(conn, overduerules))


def triggers(conn: Connection) -> Iterator[RuleRow]:
    """The filled cells of the tables of triggers, each as the rule that a newer Koha makes of it."""
    transports = defaultdict[tuple[int, int], list[str]](list)
    for id_, level, transport in conn.execute(trigger_transports_query()):
        transports[id_, level].append(transport)
    for row in conn.execute(triggers_query()).mappings():
        id_ = row["overduerules_id"]
        for level in LEVELS:
            delay, letter = row[f"delay{level}"], row[f"letter{level}"]
            cells = {
                "delay": "" if delay is None else str(delay),
                "notice": letter or "",
                "restrict": "1" if str(row[f"debarred{level}"]) == "1" else "",
                "mtt": ",".join(transports[id_, level]),
            }
            for name, value in cells.items():
                if value:
                    yield RuleRow(
                        id=id_,
                        library=row["branchcode"] or None,
                        category=row["categorycode"] or None,
                        name=f"overdue_{level}_{name}",
                        value=value,
                    )


def triggers_query() -> Select[Any]:
    """The triggers of overdue notices, where they are no rules yet (`timeline`).

    Index: overduerules PRIMARY.
    """
    return select(*overduerules.columns).order_by(overduerules.c.overduerules_id)


def trigger_transports_query() -> Select[Any]:
    """The transports of those triggers (`timeline`).

    Index: overduerules_transport_types PRIMARY.
    """
    row = overduerules_transport_types.c
    return select(row.overduerules_id, row.letternumber, row.message_transport_type).order_by(row.id)
