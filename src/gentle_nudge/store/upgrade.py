"""Our tables made, and upgraded step by step from version to version.

MariaDB commits at every change of a table. So a step looks before it changes and may be repeated after a crash at any
statement; its version is noted last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    column,
    exists,
    insert,
    inspect,
    literal,
    select,
    update,
)
from sqlalchemy.schema import CreateColumn

from gentle_nudge.domain.outbox import TELLS_AGENCY
from gentle_nudge.store import tables
from gentle_nudge.store.meta import hold, read_meta, unfit
from gentle_nudge.store.tables import SCHEMA_VERSION, case, delivery, meta, metadata, run, run_count


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """How the tables of the version before become those of `version`, new tables included."""

    version: int
    change: Callable[[Connection], None]


STAFF = (
    *(tables.wish, tables.hold, tables.case_pause, tables.review_list, tables.review_list_row),
    *(tables.notice, tables.night),
)
REMINDERS = (tables.series, tables.reminder, tables.reminder_message)
OUTCOMES = (tables.outcome, tables.outcome_line, tables.invoice)
COUNT_COLUMNS = ("patrons", "referred", "adopted", "released", "paid", "withdrawn", "merged", "deleted")


def counts_as_rows(conn: Connection) -> None:
    """The counts of a run are rows of `gentle_nudge_run_count`, no longer columns of `gentle_nudge_run`."""
    run_count.create(conn, checkfirst=True)
    present = _present(conn, run.name)
    for what in COUNT_COLUMNS:
        if what in present:
            number: ColumnElement[int] = column(what)
            copied = exists().where(run_count.c.run == run.c.id, run_count.c.what == what)
            counts = select(run.c.id, literal(what), number).where(number != 0, ~copied)
            conn.execute(insert(run_count).from_select(["run", "what", "number"], counts))
            conn.exec_driver_sql(f"ALTER TABLE {run.name} DROP COLUMN {what}")


def what_was_told(conn: Connection) -> None:
    """A delivery keeps its order and who it tells, a case its number's patron and its end, our row which server."""
    told = (delivery.c.strict, delivery.c.tells, delivery.c.named, delivery.c.went_to, delivery.c.first_queued)
    _add(conn, meta.c.server_uid, case.c.closed_owing, case.c.last_word, case.c.used_before, *told)
    conn.execute(update(delivery).where(delivery.c.channel.not_in(TELLS_AGENCY)).values(tells=False))
    # Nobody knows any more which updates list everybody. In order nothing is lost, and a new one takes their place.
    conn.execute(update(delivery).values(strict=True))


def what_staff_decide(conn: Connection) -> None:
    """Wishes, holds, pauses, lists, notices and the values of nights have tables; a case knows that it is paused."""
    _add(conn, case.c.paused_on)
    _make(conn, STAFF)


def what_became_of_cases(conn: Connection) -> None:
    """Offsets, lines and invoices have tables; cases and their lines know what outcomes need. `init` fills the rest."""
    _add(conn, meta.c.outcomes_copied, case.c.branch, case.c.category, case.c.age)
    _add(conn, tables.case_line.c.last_offset, tables.case_line.c.due_on)
    _make(conn, (tables.case_pause, *OUTCOMES))  # the first databases of version 4 have no pauses


def what_was_reminded(conn: Connection) -> None:
    """Series, reminders and their messages have tables."""
    _make(conn, REMINDERS)


def who_is_passported(conn: Connection) -> None:
    """Patrons of other libraries have a memory and a log."""
    _make(conn, (tables.passport, tables.passport_log))


def how_far_outcomes_are_copied(conn: Connection) -> None:
    """Our row knows which offsets are copied, and cases are found by their fee; the next copy looks at all offsets."""
    _add(conn, meta.c.outcomes_offset, meta.c.outcomes_since)
    _make(conn, [case])


STEPS = (
    Step(version=2, change=counts_as_rows),
    Step(version=3, change=what_was_told),
    Step(version=4, change=what_staff_decide),
    Step(version=5, change=what_became_of_cases),
    Step(version=6, change=what_was_reminded),
    Step(version=7, change=who_is_passported),
    Step(version=8, change=how_far_outcomes_are_copied),
)


def _present(conn: Connection, table: str) -> set[str]:
    return {each["name"] for each in inspect(conn).get_columns(table)}


def _add(conn: Connection, *columns: Column[Any]) -> None:
    """The tables have these columns."""
    for new in columns:
        if new.name not in _present(conn, new.table.name):
            declared = CreateColumn(new).compile(dialect=conn.dialect)
            conn.exec_driver_sql(f"ALTER TABLE {new.table.name} ADD COLUMN {declared}")
            conn.info.pop(new.table.name, None)


def _make(conn: Connection, made: Sequence[Table]) -> None:
    """These tables are there, with all their indexes."""
    metadata.create_all(conn, tables=made)
    for index in (index for table in made for index in table.indexes):
        index.create(conn, checkfirst=True)


def create_or_upgrade(conn: Connection, steps: Sequence[Step] = STEPS) -> None:
    """All our tables are there and of this program's version; the row of meta is written by `write_meta`.

    Without that row the tables may be missing or of any age: `init` has crashed before. AnotherRunInProgress when a
    night of the older program is at work; UserError when the tables are of a newer program.
    """
    row = read_meta(conn)
    version = row.schema_version if row else 0
    if version > SCHEMA_VERSION:
        raise unfit(row)
    if version in {0, SCHEMA_VERSION}:
        metadata.create_all(conn)
    else:
        hold(conn)
    for step in steps:
        if step.version > version:
            step.change(conn)
            conn.execute(update(meta).values(schema_version=step.version))
