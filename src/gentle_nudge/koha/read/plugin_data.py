"""The Perl plugins of the same purpose: their settings, whether they are at work, and whom their rules would refer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, exists, func, literal, or_, select

from gentle_nudge.domain.ledger import Window
from gentle_nudge.domain.patron import Flag
from gentle_nudge.koha.koha_tables import (
    accountlines,
    action_logs,
    borrower_attributes,
    borrowers,
    columns_of,
    plugin_data,
    plugin_methods,
)
from gentle_nudge.koha.write.action_logs import PROGRAM
from gentle_nudge.sqltypes import Money, a_thousand_at_a_time

if TYPE_CHECKING:
    from sqlalchemy import Connection


SINGLE = "Koha::Plugin::Com::ByWaterSolutions::UniqueCollections"


MULTI = "Koha::Plugin::Com::ByWaterSolutions::UMSGentleNudge"


LOG_MODULE = "GENTLENUDGE"


INSTALLED, ENABLED = "__INSTALLED__", "__ENABLED__"


OF_KOHA = "__"


AT_WORK_WITHIN = timedelta(days=8)


ADULT = 18


# Keys of what we write into the log ourselves; the plugin's rows have count, filename, file_path or error alone.
OURS = frozenset({"run", "section", "option", "who"})


A_DAY_THERE_IS = date(1, 1, 1)


def settings_of(conn: Connection, plugin: str = SINGLE) -> dict[str, str] | None:
    """What a plugin stored under its own keys, NULL as empty; None if it is not installed."""
    if not columns_of(conn, plugin_data):
        return None
    row = plugin_data.c
    stored = conn.execute(select(row.plugin_key, row.plugin_value).where(row.plugin_class == plugin)).all()
    if not stored and not _has_methods(conn, plugin):
        return None
    return {key: value or "" for key, value in stored if not key.startswith(OF_KOHA)}


def enabled(conn: Connection) -> tuple[str, ...]:
    """The plugins of this purpose that Koha counts as enabled.

    Koha keeps that as `__ENABLED__`; one that is installed without it is from before it could be disabled.
    """
    return tuple(plugin for plugin in (SINGLE, MULTI) if _is_enabled(conn, plugin))


def _is_enabled(conn: Connection, plugin: str) -> bool:
    if not columns_of(conn, plugin_data):
        return False
    row = plugin_data.c
    keys = row.plugin_key.in_([INSTALLED, ENABLED])
    query = select(row.plugin_key, row.plugin_value).where(row.plugin_class == plugin, keys)
    said = {key: value not in {None, "", "0"} for key, value in conn.execute(query)}
    return said.get(ENABLED, said.get(INSTALLED, False) or _has_methods(conn, plugin))


def _has_methods(conn: Connection, plugin: str) -> bool:
    if not columns_of(conn, plugin_methods):
        return False
    query = select(plugin_methods.c.plugin_class).where(plugin_methods.c.plugin_class == plugin)
    return conn.execute(query.limit(1)).first() is not None


def at_work(conn: Connection, now: datetime) -> datetime | None:
    """When an enabled plugin last wrote into Koha's log, if that is not longer ago than 8 days."""
    return last_logged(conn, now - AT_WORK_WITHIN) if enabled(conn) else None


def last_logged(conn: Connection, since: datetime) -> datetime | None:
    """The latest row since then that a plugin wrote into Koha's log; ours are known by their script and their keys."""
    log = action_logs.c
    has_script = "script" in columns_of(conn, action_logs)
    script = log.script if has_script else literal(None).label("script")
    query = select(log.timestamp, log.info, script).where(log.module == LOG_MODULE, log.timestamp >= since)
    return max((at for at, info, program in conn.execute(query) if not _is_ours(info, program)), default=None)


def _is_ours(info: str | None, program: str | None) -> bool:
    if program == PROGRAM:
        return True
    try:
        said = json.loads(info or "")
    except ValueError:
        return False
    return isinstance(said, dict) and bool(OURS & said.keys())


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginRules:
    """The plugin's rules of selection as its settings are read by itself: codes with their blanks.

    `after`: only charges later than this time of the library's clocks count.
    """

    threshold: Decimal
    flag: Flag
    newer_than: int
    older_than: int
    categories: tuple[str, ...] = ()
    debit_types: tuple[str, ...] = ()
    require_lost: bool = False
    adults_only: bool = False
    after: datetime | None = None


def referred(conn: Connection, rules: PluginRules, day: date, zone: ZoneInfo) -> frozenset[int]:
    """The patrons that the plugin would refer on this day.

    A row of a flag attribute that says no counts the patron's lines once more, as its own join does.
    """
    line, who = accountlines, borrowers.c
    window = Window(first=day - timedelta(days=rules.newer_than), last=day - timedelta(days=rules.older_than))
    first, after = window.bounds(zone)
    joined: Any = line.join(borrowers, who.borrowernumber == line.c.borrowernumber)
    conditions = [line.c.date >= first, line.c.date < after]
    if rules.flag.column == "attribute":
        mark = borrower_attributes.c
        joined = joined.outerjoin(
            borrower_attributes, and_(mark.borrowernumber == line.c.borrowernumber, mark.code == rules.flag.code)
        )
        conditions.append(or_(mark.attribute == "0", mark.attribute.is_(None)))
    else:
        field = who[rules.flag.column]
        conditions.append(or_(field == "no", field == "", field.is_(None)))
    conditions += _filters(rules, day, zone)
    query = select(line.c.borrowernumber).select_from(joined).where(*conditions).group_by(line.c.borrowernumber)
    enough = func.sum(line.c.amountoutstanding) >= literal(rules.threshold, Money())
    return frozenset(conn.scalars(query.having(enough)))


def _filters(rules: PluginRules, day: date, zone: ZoneInfo) -> Iterable[Any]:
    line, who = accountlines, borrowers.c
    if rules.categories:
        yield who.categorycode.in_(rules.categories)
    if rules.debit_types:
        yield line.c.debit_type_code.in_(rules.debit_types)
    if rules.adults_only:
        yield and_(who.dateofbirth >= A_DAY_THERE_IS, who.dateofbirth <= _latest_birth(day))
    if rules.after:
        yield line.c.date > rules.after.replace(tzinfo=zone)
    if rules.require_lost:
        lost = accountlines.alias("lost")
        owing = lost.c.amountoutstanding > literal(Decimal(0), Money())
        theirs = lost.c.borrowernumber == line.c.borrowernumber
        yield exists().where(theirs, lost.c.debit_type_code == "LOST", owing)


def _latest_birth(day: date) -> date:
    """The latest date of birth of somebody who is of age on this day."""
    try:
        return day.replace(year=day.year - ADULT)
    except ValueError:  # 29 February
        return date(day.year - ADULT, 2, 28)


def with_lines(conn: Connection, numbers: Iterable[int]) -> frozenset[int]:
    """Those of these patrons that have any account line: of all others the plugin's update says nothing."""
    found: set[int] = set()
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = select(accountlines.c.borrowernumber).where(accountlines.c.borrowernumber.in_(some)).distinct()
        found.update(conn.scalars(query))
    return frozenset(found)
