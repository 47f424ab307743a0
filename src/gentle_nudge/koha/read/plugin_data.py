"""The Perl plugins of the same purpose: their settings, whether they run, and whom their rules would refer."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from sqlalchemy import Connection, Select, and_, exists, func, literal, or_, select

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
from gentle_nudge.sqltypes import Money, among, rows_by_thousands

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
    stored = conn.execute(plugin_settings_query(plugin)).all()
    if not stored and not _has_methods(conn, plugin):
        return None
    return {key: value or "" for key, value in stored if not key.startswith(OF_KOHA)}


def plugin_settings_query(plugin: str) -> Select[Any]:
    """Everything that Koha and a plugin stored for the plugin.

    Index: plugin_data PRIMARY.
    """
    row = plugin_data.c
    return select(row.plugin_key, row.plugin_value).where(row.plugin_class == plugin)


def enabled(conn: Connection) -> tuple[str, ...]:
    """The plugins of this purpose that Koha counts as enabled.

    Koha keeps that as `__ENABLED__`; one that is installed without it is from before it could be disabled.
    """
    return tuple(plugin for plugin in (SINGLE, MULTI) if _is_enabled(conn, plugin))


def _is_enabled(conn: Connection, plugin: str) -> bool:
    if not columns_of(conn, plugin_data):
        return False
    is_on = {key: value not in {None, "", "0"} for key, value in conn.execute(plugin_settings_query(plugin))}
    return is_on.get(ENABLED, is_on.get(INSTALLED, False) or _has_methods(conn, plugin))


def _has_methods(conn: Connection, plugin: str) -> bool:
    return bool(columns_of(conn, plugin_methods)) and conn.scalar(plugin_methods_query(plugin)) is not None


def plugin_methods_query(plugin: str) -> Select[Any]:
    """One row, if Koha knows any method of the plugin.

    Index: plugin_methods PRIMARY.
    """
    return select(plugin_methods.c.plugin_class).where(plugin_methods.c.plugin_class == plugin).limit(1)


def at_work(conn: Connection, now: datetime) -> datetime | None:
    """When an enabled plugin last wrote into Koha's log, if that is not longer ago than 8 days."""
    return last_logged(conn, now - AT_WORK_WITHIN) if enabled(conn) else None


def last_logged(conn: Connection, since: datetime) -> datetime | None:
    """When a plugin last wrote into Koha's log, if since then; our own rows have our script or our keys."""
    rows = conn.execute(plugin_log_query(columns_of(conn, action_logs), since))
    return max((at for at, info, program in rows if not _is_ours(info, program)), default=None)


def plugin_log_query(present: Collection[str], since: datetime) -> Select[Any]:
    """What was written into Koha's log for the plugin since then; `present` are the columns that this Koha has.

    Index: action_logs module_idx.
    """
    log = action_logs.c
    script = log.script if "script" in present else literal(None).label("script")
    return select(log.timestamp, log.info, script).where(log.module == LOG_MODULE, log.timestamp >= since)


def _is_ours(info: str | None, program: str | None) -> bool:
    try:
        values = json.loads(info or "")
    except ValueError:
        values = None
    return program == PROGRAM or (isinstance(values, dict) and not OURS.isdisjoint(values))


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginRules:
    """The plugin's rules of selection, with codes as it reads them from its settings: blanks included.

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
    """The patrons that the plugin would refer on this day."""
    return frozenset(conn.scalars(referred_by_plugin_query(rules, day, zone)))


def referred_by_plugin_query(rules: PluginRules, day: date, zone: ZoneInfo) -> Select[Any]:
    """The patrons that the plugin would refer on this day.

    The plugin's own join counts a patron's lines once for each row of the flag attribute that says no; so does this.
    Index: accountlines acctsborridx, borrowers PRIMARY, borrower_attributes borrowernumber.
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
    return query.having(enough)


def _filters(rules: PluginRules, day: date, zone: ZoneInfo) -> Iterable[Any]:
    line, who = accountlines, borrowers.c
    if rules.categories:
        yield who.categorycode.in_(rules.categories)
    if rules.debit_types:
        yield line.c.debit_type_code.in_(rules.debit_types)
    if rules.adults_only:
        yield and_(who.dateofbirth >= A_DAY_THERE_IS, who.dateofbirth <= day - relativedelta(years=ADULT))
    if rules.after:
        yield line.c.date > rules.after.replace(tzinfo=zone)
    if rules.require_lost:
        lost = accountlines.alias("lost")
        owing = lost.c.amountoutstanding > literal(Decimal(0), Money())
        of_the_patron = lost.c.borrowernumber == line.c.borrowernumber
        yield exists().where(of_the_patron, lost.c.debit_type_code == "LOST", owing)


def with_lines(conn: Connection, numbers: Iterable[int]) -> frozenset[int]:
    """The patrons among these that have any account line; the plugin's update lists no others."""
    return frozenset(number for (number,) in rows_by_thousands(conn, patrons_with_lines_query, numbers))


def patrons_with_lines_query(numbers: Collection[int]) -> Select[Any]:
    """The patrons among these that have any account line.

    Index: accountlines acctsborridx.
    """
    return select(accountlines.c.borrowernumber).where(among(accountlines.c.borrowernumber, numbers)).distinct()
