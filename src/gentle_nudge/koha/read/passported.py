"""Patrons of other libraries who are here, and what this Koha asks of a new one (with `[passport]` alone)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, func, literal, or_, select

from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.passport.admission import CategoryRules
from gentle_nudge.domain.passport.difference import Passported
from gentle_nudge.domain.passport.mapping import units_of
from gentle_nudge.koha.connect.locks import never_wait_from_now_on
from gentle_nudge.koha.koha_tables import (
    borrower_attributes,
    borrowers,
    categories,
    circulation_rules,
    columns_of,
    user_permissions,
)
from gentle_nudge.koha.read import debarments
from gentle_nudge.koha.read.borrowers import attributes_query
from gentle_nudge.sqltypes import among, rows_by_thousands


def homes(conn: Connection, attribute: str) -> list[tuple[int, str]]:
    """Patron and value of every row of the attribute."""
    return [(number, value or "") for number, value in conn.execute(homes_query(attribute))]


def homes_query(code: str) -> Select[Any]:
    """Every patron with the attribute that names a home, and its value.

    Index: borrower_attributes code_attribute.
    """
    attribute = borrower_attributes.c
    return select(attribute.borrowernumber, attribute.attribute).where(attribute.code == code)


def passported(
    conn: Connection, attribute: str, numbers: Iterable[int], groups: Sequence[str], *, lock: bool = False
) -> dict[int, Passported]:
    """Those among these patrons who have the attribute; `lock` locks their rows in order of number first."""
    wanted = sorted(set(numbers))
    columns = [column for unit in units_of(groups).values() for column in unit]
    columns = [column for column in columns if column in columns_of(conn, borrowers)]
    present = columns_of(conn, borrowers)
    if lock:
        never_wait_from_now_on(conn)

    def query(chunk: Collection[int]) -> Select[Any]:
        asked = refreshed_query(present, columns, chunk)
        return asked.with_hint(borrowers, "FORCE INDEX (PRIMARY)").with_for_update(nowait=True) if lock else asked

    rows = {row.borrowernumber: row for row in rows_by_thousands(conn, query, wanted)}
    named: defaultdict[int, list[str]] = defaultdict(list)
    for number, _, value in rows_by_thousands(conn, partial(attributes_query, attribute), wanted):
        named[number].append(value or "")
    may_do_something = rows_by_thousands(conn, permitted_query, wanted if columns_of(conn, user_permissions) else ())
    staff = {number for (number,) in may_do_something}
    blocks = debarments.restrictions(conn, wanted)
    return {
        number: Passported(
            number=number,
            card=row.cardnumber,
            homes=tuple(named[number]),
            protected=bool(row.protected or row.anonymized or (row.flags or 0) > 0 or number in staff),
            values={column: getattr(row, column) for column in columns},
            restrictions=blocks.get(number, ()),
        )
        for number, row in rows.items()
        if number in named
    }


def refreshed_query(present: Collection[str], columns: Sequence[str], numbers: Collection[int]) -> Select[Any]:
    """These patrons with what a refresh may change, and whether they are staff or protected.

    Index: borrowers PRIMARY.
    """
    who = borrowers.c
    optional = (who[name] if name in present else literal(0).label(name) for name in ("protected", "anonymized"))
    query = select(who.borrowernumber, who.cardnumber, who.flags, *optional, *(who[name] for name in columns))
    return query.where(among(who.borrowernumber, numbers)).order_by(who.borrowernumber)


def permitted_query(numbers: Collection[int]) -> Select[Any]:
    """Those among these patrons who have a permission of the staff interface.

    Index: user_permissions PRIMARY.
    """
    number = user_permissions.c.borrowernumber
    return select(number).where(among(number, numbers))


def who_has(conn: Connection, card: str) -> tuple[int, Literal["card", "userid"]] | None:
    """The patron who has this card, or else logs in by it."""
    rows = conn.execute(card_or_userid_query(card)).all()
    by_card = [number for number, own in rows if (own or "").casefold() == card.casefold()]
    if by_card:
        return by_card[0], "card"
    return (rows[0][0], "userid") if rows else None


def card_or_userid_query(card: str) -> Select[Any]:
    """The patrons who have this card, or log in by it.

    Index: borrowers cardnumber,userid.
    """
    who = borrowers.c
    return select(who.borrowernumber, who.cardnumber).where(or_(who.cardnumber == card, who.userid == card))


def namesakes(conn: Connection, surname: str, firstname: str, born: date) -> list[int]:
    """The patrons of this name and date of birth, whatever the letter case."""
    wanted = (surname.casefold(), firstname.casefold())
    return [
        number
        for number, *names in conn.execute(namesakes_query(surname, born))
        if tuple((name or "").strip().casefold() for name in names) == wanted
    ]


def namesakes_query(surname: str, born: date) -> Select[Any]:
    """The patrons of this surname, as the database compares, and date of birth.

    Index: borrowers surname_idx.
    """
    who = borrowers.c
    same = (who.surname == surname, who.dateofbirth == born)
    return select(who.borrowernumber, who.surname, who.firstname).where(*same).order_by(who.borrowernumber)


def people(conn: Connection, numbers: Iterable[int]) -> dict[int, Row[Any]]:
    """Card, name and date of birth of these patrons."""
    return {row.borrowernumber: row for row in rows_by_thousands(conn, people_query, set(numbers))}


def people_query(numbers: Collection[int]) -> Select[Any]:
    """Card, name and date of birth of these patrons.

    Index: borrowers PRIMARY.
    """
    who = borrowers.c
    query = select(who.borrowernumber, who.cardnumber, who.surname, who.firstname, who.dateofbirth)
    return query.where(among(who.borrowernumber, numbers))


def category_rules(conn: Connection, code: str) -> CategoryRules | None:
    """The category of this code; None if there is none."""
    row = conn.execute(category_rules_query(code)).first()
    if row is None:
        return None
    return CategoryRules(
        code=row.categorycode,
        type=row.category_type,
        can_be_guarantee=bool(row.can_be_guarantee),
        months=row.enrolmentperiod or 0,
        until=row.enrolmentperioddate,
        needs_birth=bool(row.dateofbirthrequired),
        fee=row.enrolmentfee or ZERO,
        privacy=row.default_privacy,
    )


def category_rules_query(categorycode: str) -> Select[Any]:
    """What a patron category asks of its patrons.

    Index: categories PRIMARY.
    """
    kind = categories.c
    names = "categorycode category_type can_be_guarantee enrolmentperiod enrolmentperioddate dateofbirthrequired"
    chosen = (kind[name] for name in f"{names} enrolmentfee default_privacy".split())
    return select(*chosen).where(kind.categorycode == categorycode)


def has_loan_rule(conn: Connection, category: str) -> bool:
    """Whether a rule says for how long this category borrows; True where that cannot be asked."""
    return not columns_of(conn, circulation_rules) or bool(conn.scalar(loan_rules_query(category)))


def loan_rules_query(category: str) -> Select[int]:
    """How many rules say for how long patrons of this category borrow (`check`).

    Index: circulation_rules rule_name.
    """
    rule = circulation_rules.c
    for_them = or_(rule.categorycode == category, rule.categorycode.is_(None))
    return select(func.count()).where(rule.rule_name == "issuelength", for_them)
