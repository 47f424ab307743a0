"""Flags set and cleared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, update

from gentle_nudge.domain.actions import ClearFlag, SetFlag
from gentle_nudge.domain.patron import Flag
from gentle_nudge.koha.koha_tables import borrower_attributes, borrowers
from gentle_nudge.koha.write.new_rows import BY_NUMBER
from gentle_nudge.sqltypes import a_thousand_at_a_time, among


def write_flags(conn: Connection, actions: Sequence[SetFlag | ClearFlag], now: datetime) -> None:
    """Every flag has the value of its action; attribute rows are changed in place, or inserted."""
    alike: defaultdict[tuple[Flag, str], list[SetFlag | ClearFlag]] = defaultdict(list)
    for action in actions:
        alike[action.flag, action.flag.yes if isinstance(action, SetFlag) else action.flag.no].append(action)
    for (flag, value), changes in alike.items():
        for chunk in a_thousand_at_a_time(changes):
            _write_flags(conn, flag, value, actions=chunk, now=now)


def _write_flags(
    conn: Connection, flag: Flag, value: str, *, actions: list[SetFlag | ClearFlag], now: datetime
) -> None:
    numbers = [action.patron for action in actions]
    patrons = update(borrowers).with_hint(BY_NUMBER).where(among(borrowers.c.borrowernumber, numbers))
    if flag.column != "attribute":
        conn.execute(patrons.values({flag.column: value}))
        return
    rows = [action.before.row for action in actions if action.before.row is not None]
    new = [action.patron for action in actions if action.before.row is None]
    if rows:
        there = update(borrower_attributes).with_hint(BY_NUMBER).where(among(borrower_attributes.c.id, rows))
        conn.execute(there.values(attribute=value))
    if new:
        values = [{"borrowernumber": number, "code": flag.code, "attribute": value} for number in new]
        conn.execute(insert(borrower_attributes), values)
    conn.execute(patrons.values(updated_on=now.replace(microsecond=0)))
