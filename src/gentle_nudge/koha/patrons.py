"""Every SELECT about patrons: who they are, what their flag says, what blocks them, in which order they stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, literal, or_, select

from gentle_nudge.columns import a_thousand_at_a_time, among
from gentle_nudge.domain.patron import Contact, FlagRow, Guardian, Patron, Restriction, says
from gentle_nudge.domain.policy import Flag, Policy, Reading
from gentle_nudge.koha.preferences import preferences
from gentle_nudge.koha.tables import (
    borrower_attributes,
    borrower_debarments,
    borrower_relationships,
    borrowers,
    categories,
    columns_of,
)

CONTACT = ("address", "address2", "city", "zipcode", "state", "phone", "mobile", "phonepro", "B_phone", "email")
LONG_AGO = date.min


def patrons(
    conn: Connection, policy: Policy, numbers: Iterable[int], *, lock: bool = False, contact: bool = False
) -> dict[int, Patron]:
    """These patrons with what a policy asks of them; those gone from Koha are left out.

    `lock` locks their rows in order of number; `contact` reads addresses and telephone numbers as well.
    """
    numbers = sorted(set(numbers))
    rows = _rows(conn, numbers, lock=lock, contact=contact)
    flags = _field(conn, policy.flag, rows)
    exemptions = _field(conn, policy.exemption, rows) if policy.exemption else {}
    guardians = _guardians(conn, rows) if policy.minors == "guardian" else {}
    koha_itself, types = used_by_koha(conn), _category_types(conn)
    return {
        number: Patron(
            number=number,
            card=row.cardnumber,
            surname=row.surname,
            firstname=row.firstname,
            branch=row.branchcode,
            category=row.categorycode,
            category_type=types.get(row.categorycode.casefold(), ""),
            born=row.dateofbirth,
            protected=bool(row.protected or row.anonymized or number in koha_itself),
            flag=flags.get(number, ()),
            exemption=exemptions.get(number, ()),
            guardian=guardians.get(number),
            contact=Contact(**{name: getattr(row, name) for name in CONTACT}) if contact else Contact(),
        )
        for number, row in rows.items()
    }


def _rows(conn: Connection, numbers: list[int], *, lock: bool, contact: bool) -> dict[int, Row[Any]]:
    query = _patron_query(conn, contact=contact)
    found: dict[int, Row[Any]] = {}
    for some in a_thousand_at_a_time(numbers):
        chunk = query.where(among(borrowers.c.borrowernumber, some))
        if lock:
            chunk = chunk.order_by(borrowers.c.borrowernumber).with_for_update()
        found.update((row.borrowernumber, row) for row in conn.execute(chunk))
    return found


def _patron_query(conn: Connection, *, contact: bool) -> Select[Any]:
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
        *(who[name] for name in CONTACT if contact),
    ]
    optional = [who[name] if name in here else literal(0).label(name) for name in ("protected", "anonymized")]
    return select(*wanted, *optional)


def _category_types(conn: Connection) -> dict[str, str]:
    query = select(categories.c.categorycode, categories.c.category_type)
    return {code.casefold(): kind for code, kind in conn.execute(query)}


def _field(conn: Connection, field: Flag, rows: Mapping[int, Row[Any]]) -> dict[int, tuple[FlagRow, ...]]:
    """What stands in a flag field of these patrons; attribute rows in the order of their numbers."""
    if field.column != "attribute":
        return {number: (FlagRow(row=None, value=getattr(row, field.column)),) for number, row in rows.items()}
    attribute = borrower_attributes.c
    found: defaultdict[int, list[FlagRow]] = defaultdict(list)
    for some in a_thousand_at_a_time(rows):
        query = (
            select(attribute.borrowernumber, attribute.id, attribute.attribute)
            .where(among(attribute.borrowernumber, some), attribute.code == field.code)
            .order_by(attribute.id)
        )
        for number, row, value in conn.execute(query):
            found[number].append(FlagRow(row=row, value=value))
    return {number: tuple(values) for number, values in found.items()}


def _guardians(conn: Connection, rows: Iterable[int]) -> dict[int, Guardian]:
    """The guarantor of each patron with the lowest relationship id."""
    link, who = borrower_relationships.c, borrowers.c
    found: dict[int, Guardian] = {}
    for some in a_thousand_at_a_time(rows):
        query = (
            select(link.guarantee_id, who.surname, who.firstname, who.cardnumber, who.phone, who.email)
            .join_from(borrower_relationships, borrowers, who.borrowernumber == link.guarantor_id)
            .where(among(link.guarantee_id, some))
            .order_by(link.id)
        )
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
        if says((FlagRow(row=None, value=found),)) is Reading.YES
    )


def restrictions(conn: Connection, numbers: Iterable[int]) -> dict[int, tuple[Restriction, ...]]:
    """All restrictions of these patrons, in the order of their numbers; one until `0000-00-00` is over."""
    block = borrower_debarments.c
    found: defaultdict[int, list[Restriction]] = defaultdict(list)
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = (
            select(
                block.borrowernumber,
                block.borrower_debarment_id,
                block.type,
                block.comment,
                block.expiration,
                block.expiration.is_(None),
            )
            .where(among(block.borrowernumber, some))
            .order_by(block.borrower_debarment_id)
        )
        for number, id_, type_, comment, expires, for_ever in conn.execute(query):
            until = None if for_ever else expires or LONG_AGO
            found[number].append(Restriction(id=id_, type=type_, comment=comment, expires=until))
    return {number: tuple(theirs) for number, theirs in found.items()}


def restricted_on(conn: Connection, policy: Policy, numbers: Collection[int], zone: ZoneInfo) -> dict[int, date]:
    """The day of each patron's latest restriction with our kind of comment."""
    block = borrower_debarments.c
    found: dict[int, date] = {}
    for some in a_thousand_at_a_time(sorted(numbers)):
        query = (
            select(block.borrowernumber, block.comment, block.created)
            .where(among(block.borrowernumber, some))
            .order_by(block.created)
        )
        for number, comment, created in conn.execute(query):
            if created is not None and policy.made_this_comment(comment):
                found[number] = created.astimezone(zone).date()
    return found


def order(conn: Connection, numbers: Collection[int]) -> dict[int, int]:
    """The rank of each patron by surname as the database collates (NULL first), then by number."""
    if not numbers:
        return {}
    query = (
        select(borrowers.c.borrowernumber)
        .where(among(borrowers.c.borrowernumber, sorted(numbers)))
        .order_by(borrowers.c.surname, borrowers.c.borrowernumber)
    )
    return {number: rank for rank, number in enumerate(conn.scalars(query))}


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
