"""Every SELECT on patrons: who they are, what their flag says, how they are reached, in which order they stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from sys import intern
from typing import Any

from sqlalchemy import Connection, Row, Select, literal, or_, select

from gentle_nudge.domain.patron import Flag, FlagRow, FlagState, Guardian, Patron, PatronFields, flag_state
from gentle_nudge.koha.koha_tables import (
    borrower_attributes,
    borrower_relationships,
    borrowers,
    categories,
    columns_of,
)
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.sqltypes import a_thousand_at_a_time, among


def patrons(conn: Connection, fields: PatronFields, numbers: Iterable[int], *, lock: bool = False) -> dict[int, Patron]:
    """These patrons with the fields asked for; those gone from Koha are left out.

    `lock` locks their rows in order of number.
    """
    return {patron.number: patron for patron in one_by_one(conn, fields, numbers, lock=lock)}


def one_by_one(
    conn: Connection, fields: PatronFields, numbers: Iterable[int], *, lock: bool = False
) -> Iterator[Patron]:
    """The same in order of number, read a thousand at a time while they are gone through."""
    wanted = sorted(set(numbers))
    if not wanted:
        return
    koha_itself, types = used_by_koha(conn), _category_types(conn)
    query = _patron_query(conn)
    for some in a_thousand_at_a_time(wanted):
        chunk = query.where(among(borrowers.c.borrowernumber, some)).order_by(borrowers.c.borrowernumber)
        rows = conn.execute(chunk.with_for_update() if lock else chunk).all()
        here = [row.borrowernumber for row in rows]
        flags = _field(conn, fields.flag, rows)
        exemptions = _field(conn, fields.exemption, rows) if fields.exemption else {}
        guardians = _guardians(conn, here) if fields.guardians else {}
        for row in rows:
            number, card, surname, firstname, branch, category, born, _, _, protected, anonymized = row
            yield Patron(
                number=number,
                card=card,
                surname=surname,
                firstname=firstname,
                branch=intern(branch),
                category=intern(category),
                category_type=types.get(category.casefold(), ""),
                born=born,
                protected=bool(protected or anonymized or number in koha_itself),
                flag=flags.get(number, ()),
                exemption=exemptions.get(number, ()),
                guardian=guardians.get(number),
            )


def contacts(conn: Connection, numbers: Iterable[int], names: Sequence[str]) -> dict[int, dict[str, str | None]]:
    """The columns of `borrowers` with these names, which tell how to reach these patrons."""
    who = borrowers.c
    found: dict[int, dict[str, str | None]] = {}
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = select(who.borrowernumber, *(who[name] for name in names)).where(among(who.borrowernumber, some))
        for number, *values in conn.execute(query):
            found[number] = dict(zip(names, values, strict=True))
    return found


def _patron_query(conn: Connection) -> Select[Any]:
    who = borrowers.c
    here = columns_of(conn, borrowers)
    wanted = [
        who.borrowernumber,
        who.cardnumber,
        who.surname,
        who.firstname,
        who.branchcode,
        who.categorycode,
        who.dateofbirth,
        who.sort1,
        who.sort2,
    ]
    optional = [who[name] if name in here else literal(0).label(name) for name in ("protected", "anonymized")]
    return select(*wanted, *optional)


def _category_types(conn: Connection) -> dict[str, str]:
    query = select(categories.c.categorycode, categories.c.category_type)
    return {code.casefold(): kind for code, kind in conn.execute(query)}


def _field(conn: Connection, field: Flag, rows: Sequence[Row[Any]]) -> dict[int, tuple[FlagRow, ...]]:
    """What stands in a flag field of these patrons; attribute rows in the order of their numbers."""
    if field.column != "attribute":
        values = {row.borrowernumber: getattr(row, field.column) for row in rows}
        said = {value: (FlagRow(row=None, value=value),) for value in set(values.values())}
        return {number: said[value] for number, value in values.items()}
    attribute = borrower_attributes.c
    numbers = [row.borrowernumber for row in rows]
    found: defaultdict[int, list[FlagRow]] = defaultdict(list)
    query = (
        select(attribute.borrowernumber, attribute.id, attribute.attribute)
        .where(among(attribute.borrowernumber, numbers), attribute.code == field.code)
        .order_by(attribute.id)
    )
    for number, row, value in conn.execute(query):
        found[number].append(FlagRow(row=row, value=value))
    return {number: tuple(values) for number, values in found.items()}


def _guardians(conn: Connection, numbers: list[int]) -> dict[int, Guardian]:
    """The guarantor of each of these patrons with the lowest relationship id."""
    link, who = borrower_relationships.c, borrowers.c
    query = (
        select(link.guarantee_id, who.surname, who.firstname, who.cardnumber, who.phone, who.email)
        .join_from(borrower_relationships, borrowers, who.borrowernumber == link.guarantor_id)
        .where(among(link.guarantee_id, numbers))
        .order_by(link.id)
    )
    found: dict[int, Guardian] = {}
    for number, surname, firstname, card, phone, email in conn.execute(query):
        guardian = Guardian(surname=surname, firstname=firstname, card=card, phone=phone, email=email)
        found.setdefault(number, guardian)
    return found


def used_by_koha(conn: Connection) -> frozenset[int]:
    """The patrons that Koha's preferences AnonymousPatron and AutoSelfCheckID (who logs in by name or card) name."""
    named = preferences(conn, ("AnonymousPatron", "AutoSelfCheckID"))
    anonymous, self_check = (named.get(name, "").strip() for name in ("AnonymousPatron", "AutoSelfCheckID"))
    numbers = {int(anonymous)} if anonymous.isdecimal() and int(anonymous) else set()
    if self_check:
        names = or_(borrowers.c.userid == self_check, borrowers.c.cardnumber == self_check)
        query = select(borrowers.c.borrowernumber).where(names)
        numbers.update(conn.scalars(query))
    return frozenset(numbers)


def flagged(conn: Connection, flag: Flag) -> frozenset[int]:
    """The patrons whose flag says yes."""
    if flag.column == "attribute":
        attribute = borrower_attributes.c
        query = select(attribute.borrowernumber, attribute.attribute).where(attribute.code == flag.code)
        value = attribute.attribute
    else:
        value = borrowers.c[flag.column]
        query = select(borrowers.c.borrowernumber, value)
    may_be = or_(value.like("%yes%"), value.like("%1%"))
    return frozenset(
        number
        for number, found in conn.execute(query.where(may_be))
        if flag_state((FlagRow(row=None, value=found),)) is FlagState.YES
    )


def order(conn: Connection, numbers: Collection[int]) -> dict[int, int]:
    """The rank of each patron by surname as the database collates (NULL first), then by number."""
    if not numbers:
        return {}
    query = (
        select(borrowers.c.borrowernumber)
        .where(among(borrowers.c.borrowernumber, sorted(numbers)))
        .order_by(borrowers.c.surname, borrowers.c.borrowernumber)
    )
    streamed = conn.scalars(query, execution_options={"stream_results": True})
    return {number: rank for rank, number in enumerate(streamed)}


def known(conn: Connection, numbers: Iterable[int]) -> frozenset[int]:
    """Those of these patrons that are in Koha."""
    who = borrowers.c.borrowernumber
    found: set[int] = set()
    for some in a_thousand_at_a_time(sorted(numbers)):
        found.update(conn.scalars(select(who).where(among(who, some))))
    return frozenset(found)


def number_of(conn: Connection, card: str) -> int | None:
    """The patron who has this card now."""
    return conn.scalar(select(borrowers.c.borrowernumber).where(borrowers.c.cardnumber == card))
