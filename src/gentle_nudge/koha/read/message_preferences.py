"""Messaging preferences: the courtesy notices that a patron has chosen, and what a category gives to new patrons."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, func, select

from gentle_nudge.domain.circulation.snapshot import Courtesy
from gentle_nudge.koha.koha_tables import (
    borrower_message_preferences,
    borrower_message_transport_preferences,
    borrowers,
    columns_of,
    message_attributes,
)
from gentle_nudge.koha.read.administration import preferences

DUE, AHEAD = "Item_Due", "Advance_Notice"
MESSAGING = "EnhancedMessagingPreferences"


def of_patron(conn: Connection, number: int) -> tuple[Courtesy, ...]:
    """The courtesy notices that the patron has chosen."""
    return _courtesies(conn, patron_courtesies_query(number)) if _are_kept(conn) else ()


def of_category(conn: Connection, category: str) -> tuple[Courtesy, ...]:
    """The courtesy notices of the category's template, with how many of its patrons have one for that day."""
    if not _are_kept(conn):
        return ()
    chosen = {_days(name, days): patrons for name, days, patrons in conn.execute(choices_query(category))}
    template = _courtesies(conn, template_courtesies_query(category))
    return tuple(replace(each, patrons=chosen.get(each.days, 0)) for each in template)


def _are_kept(conn: Connection) -> bool:
    return all(columns_of(conn, table) for table in (message_attributes, borrower_message_preferences))


def _courtesies(conn: Connection, query: Select[Any]) -> tuple[Courtesy, ...]:
    chosen = defaultdict[tuple[int, bool], list[str]](list)
    for name, days, is_digest, transport in conn.execute(query):
        before = _days(name, days)
        if before is not None:
            chosen[before, bool(is_digest)] += [transport] if transport else []
    return tuple(
        Courtesy(days=days, is_digest=is_digest, transports=tuple(sorted(set(transports))))
        for (days, is_digest), transports in sorted(chosen.items(), reverse=True)
    )


def _days(name: str, days: int | None) -> int | None:
    return 0 if name == DUE else days


def _chosen() -> Select[Any]:
    wish, how, message = borrower_message_preferences, borrower_message_transport_preferences, message_attributes
    return (
        select(message.c.message_name, wish.c.days_in_advance, wish.c.wants_digest, how.c.message_transport_type)
        .select_from(
            wish.join(message, message.c.message_attribute_id == wish.c.message_attribute_id).outerjoin(
                how, how.c.borrower_message_preference_id == wish.c.borrower_message_preference_id
            )
        )
        .where(message.c.message_name.in_([DUE, AHEAD]))
    )


def patron_courtesies_query(number: int) -> Select[Any]:
    """The courtesy notices that a patron has chosen, with their transports (`timeline --patron`).

    Index: borrower_message_preferences borrowernumber, message_attributes message_name,
    borrower_message_transport_preferences PRIMARY.
    """
    return _chosen().where(borrower_message_preferences.c.borrowernumber == number)


def template_courtesies_query(category: str) -> Select[Any]:
    """The courtesy notices that new patrons of a category get, with their transports (`timeline`).

    Index: borrower_message_preferences categorycode, message_attributes message_name,
    borrower_message_transport_preferences PRIMARY.
    """
    return _chosen().where(borrower_message_preferences.c.categorycode == category)


def choices_query(category: str) -> Select[Any]:
    """How many patrons of a category have chosen a courtesy notice by some transport, by days (`timeline`).

    Index: borrowers categorycode, borrower_message_preferences borrowernumber, message_attributes message_name,
    borrower_message_transport_preferences PRIMARY.
    """
    wish, how, message = borrower_message_preferences, borrower_message_transport_preferences, message_attributes
    return (
        select(message.c.message_name, wish.c.days_in_advance, func.count(wish.c.borrowernumber.distinct()))
        .select_from(
            borrowers.join(wish, wish.c.borrowernumber == borrowers.c.borrowernumber)
            .join(message, message.c.message_attribute_id == wish.c.message_attribute_id)
            .join(how, how.c.borrower_message_preference_id == wish.c.borrower_message_preference_id)
        )
        .where(borrowers.c.categorycode == category, message.c.message_name.in_([DUE, AHEAD]))
        .group_by(message.c.message_name, wish.c.days_in_advance)
    )


def template(conn: Connection, category: str) -> dict[int, list[str]]:
    """The messaging preferences of a category, each with its transports; none if Koha does not use them."""
    is_off = preferences(conn, [MESSAGING])[MESSAGING] == "0"
    tables = (borrower_message_preferences, borrower_message_transport_preferences)
    if is_off or not all(columns_of(conn, table) for table in tables):
        return {}
    found: dict[int, list[str]] = {}
    for preference, transport in conn.execute(template_query(category)):
        found.setdefault(preference, []).extend([transport] if transport else [])
    return found


def template_query(categorycode: str) -> Select[Any]:
    """The messaging preferences of a patron category, with their transports.

    Index: borrower_message_preferences categorycode, borrower_message_transport_preferences PRIMARY.
    """
    wish, how = borrower_message_preferences, borrower_message_transport_preferences
    number = wish.c.borrower_message_preference_id
    return (
        select(number, how.c.message_transport_type)
        .outerjoin_from(wish, how, how.c.borrower_message_preference_id == number)
        .where(wish.c.borrowernumber.is_(None), wish.c.categorycode == categorycode)
        .order_by(number)
    )
