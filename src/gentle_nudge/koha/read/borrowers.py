"""Patrons: their names, their flags, how they are reached, and their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from sys import intern
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, func, literal, or_, select

from gentle_nudge.domain.patron import Flag, FlagRow, FlagState, Guardian, NamedPatron, Patron, PatronFields, flag_state
from gentle_nudge.koha.connect.locks import never_wait_from_now_on
from gentle_nudge.koha.koha_tables import (
    borrower_attributes,
    borrower_relationships,
    borrowers,
    categories,
    columns_of,
    deletedborrowers,
)
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.sqltypes import a_thousand_at_a_time, among, rows_by_thousands

CONTACT = ("gonenoaddress", "address", "phone", "mobile", "phonepro", "B_phone", "email")


def patrons(conn: Connection, fields: PatronFields, numbers: Iterable[int], *, lock: bool = False) -> dict[int, Patron]:
    """These patrons with the fields asked for; those gone from Koha are left out.

    `lock` locks their rows in order of number; it is the first lock on Koha's tables.
    """
    return {patron.number: patron for patron in one_by_one(conn, fields, numbers, lock=lock)}


def one_by_one(
    conn: Connection, fields: PatronFields, numbers: Iterable[int], *, lock: bool = False
) -> Iterator[Patron]:
    """The same patrons in order of number, read a thousand at a time when the caller gets to them."""
    wanted = sorted(set(numbers))
    if not wanted:
        return
    koha_itself, present = used_by_koha(conn), columns_of(conn, borrowers)
    types = category_types(conn)
    for chunk in a_thousand_at_a_time(wanted):
        query = patrons_query(present, chunk, CONTACT if fields.contact else ())
        if lock:
            never_wait_from_now_on(conn)
            query = query.with_hint(borrowers, "FORCE INDEX (PRIMARY)").with_for_update(nowait=True)
        rows = conn.execute(query).all()
        asked = (fields.flag, fields.exemption, fields.hold, fields.hold_until)
        flags, exemptions, holds, last_days = (_field(conn, field, rows) if field else {} for field in asked)
        before = used_before(conn, [row.borrowernumber for row in rows])
        guardians = _guardians(conn, [row.borrowernumber for row in rows]) if fields.guardians else {}
        for row in rows:
            number, card, surname, firstname, branch, category, born, _, _, protected, anonymized, *contact = row
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
                anonymized=bool(anonymized),
                used_before=before.get(number, 0),
                flag=flags.get(number, ()),
                exemption=exemptions.get(number, ()),
                hold=holds.get(number, ()),
                hold_until=last_days.get(number, ()),
                guardian=guardians.get(number),
                is_gone=bool(contact and contact[0]),
                has_contact=not contact or any((value or "").strip() for value in contact[1:]),
            )


def patrons_query(present: Collection[str], numbers: Collection[int], contact: Collection[str]) -> Select[Any]:
    """These patrons in order of number, with both sort fields; `present` are the columns that this Koha has.

    `contact`: the columns that say how to reach them, with `unreachable = "exclude"` alone.

    Index: borrowers PRIMARY.
    """
    who = borrowers.c
    optional = (who[name] if name in present else literal(0).label(name) for name in ("protected", "anonymized"))
    return (
        select(who.borrowernumber, who.cardnumber, who.surname, who.firstname, who.branchcode, who.categorycode)
        .add_columns(who.dateofbirth, who.sort1, who.sort2, *optional, *(who[name] for name in contact))
        .where(among(who.borrowernumber, numbers))
        .order_by(who.borrowernumber)
    )


def used_before(conn: Connection, numbers: Iterable[int]) -> dict[int, int]:
    """How many patrons with each of these numbers Koha has deleted; numbers without one are left out."""
    return {number: deleted for number, deleted in rows_by_thousands(conn, used_before_query, numbers)}  # noqa: C416 - typed


def used_before_query(numbers: Collection[int]) -> Select[Any]:
    """The numbers among these that deleted patrons had, with how many patrons.

    Index: deletedborrowers borrowernumber.
    """
    number = deletedborrowers.c.borrowernumber
    return select(number, func.count()).where(among(number, numbers)).group_by(number)


def category_types(conn: Connection) -> dict[str, str]:
    """The type of every patron category, by its code in lower case."""
    return {code.casefold(): kind for code, kind in conn.execute(category_types_query())}


def category_types_query() -> Select[Any]:
    """The type (adult, child, organisation, ...) of every patron category.

    Index: categories none.
    """
    return select(categories.c.categorycode, categories.c.category_type)


def contacts(conn: Connection, numbers: Iterable[int], columns: Sequence[str]) -> dict[int, dict[str, str | None]]:
    """How to reach these patrons: the columns of `borrowers` with these names."""
    rows = rows_by_thousands(conn, partial(contacts_query, columns), numbers)
    return {number: dict(zip(columns, values, strict=True)) for number, *values in rows}


def contacts_query(columns: Sequence[str], numbers: Collection[int]) -> Select[Any]:
    """Addresses and telephone numbers of these patrons: the columns that the submission asks for.

    Index: borrowers PRIMARY.
    """
    who = borrowers.c
    return select(who.borrowernumber, *(who[name] for name in columns)).where(among(who.borrowernumber, numbers))


def _field(conn: Connection, field: Flag, rows: Sequence[Row[Any]]) -> dict[int, tuple[FlagRow, ...]]:
    """The rows of a flag field of these patrons; attribute rows in the order of their numbers."""
    if field.column != "attribute":
        values = {row.borrowernumber: getattr(row, field.column) for row in rows}
        flags = {value: (FlagRow(row=None, value=value),) for value in set(values.values())}
        return {number: flags[value] for number, value in values.items()}
    by_patron: defaultdict[int, list[FlagRow]] = defaultdict(list)
    for number, row, value in conn.execute(attributes_query(field.code, [row.borrowernumber for row in rows])):
        by_patron[number].append(FlagRow(row=row, value=value))
    return {number: tuple(values) for number, values in by_patron.items()}


def attributes_query(code: str, numbers: Collection[int]) -> Select[Any]:
    """The attributes of this code of these patrons, in the order in which they were given.

    Index: borrower_attributes borrowernumber.
    """
    attribute = borrower_attributes.c
    return (
        select(attribute.borrowernumber, attribute.id, attribute.attribute)
        .where(among(attribute.borrowernumber, numbers), attribute.code == code)
        .order_by(attribute.id)
    )


def _guardians(conn: Connection, numbers: list[int]) -> dict[int, Guardian]:
    """The guarantor of each of these patrons with the lowest relationship id."""
    by_patron: dict[int, Guardian] = {}
    for number, surname, firstname, card, phone, email in conn.execute(guardians_query(numbers)):
        guardian = Guardian(surname=surname, firstname=firstname, card=card, phone=phone, email=email)
        by_patron.setdefault(number, guardian)
    return by_patron


def guardians_query(numbers: Collection[int]) -> Select[Any]:
    """The guarantors of these patrons with name, card, telephone and mail, in order of the relationship's id.

    Index: borrower_relationships r_guarantee, borrowers PRIMARY.
    """
    link, who = borrower_relationships.c, borrowers.c
    return (
        select(link.guarantee_id, who.surname, who.firstname, who.cardnumber, who.phone, who.email)
        .join_from(borrower_relationships, borrowers, who.borrowernumber == link.guarantor_id)
        .where(among(link.guarantee_id, numbers))
        .order_by(link.id)
    )


def used_by_koha(conn: Connection) -> frozenset[int]:
    """The patrons named in Koha's preferences AnonymousPatron and AutoSelfCheckID (a login name or a card)."""
    named = preferences(conn, ("AnonymousPatron", "AutoSelfCheckID"))
    anonymous, self_check = (value.strip() for value in named.values())
    numbers = {int(anonymous)} if anonymous.isdecimal() and int(anonymous) else set()
    if self_check:
        numbers.update(conn.scalars(login_query(self_check)))
    return frozenset(numbers)


def login_query(login: str) -> Select[Any]:
    """The patrons who log in by this user name or card.

    Index: borrowers userid,cardnumber.
    """
    who = borrowers.c
    return select(who.borrowernumber).where(or_(who.userid == login, who.cardnumber == login))


def flagged(conn: Connection, flag: Flag) -> frozenset[int]:
    """The patrons whose flag says yes."""
    return frozenset(
        number
        for number, value in conn.execute(flagged_query(flag))
        if flag_state((FlagRow(row=None, value=value),)) is FlagState.YES
    )


def flagged_query(flag: Flag) -> Select[Any]:
    """The patrons whose flag may say yes: the rows that hold yes or 1 anywhere, to be looked at one by one.

    For a flag in a sort field the whole of `borrowers` is read.
    Index: borrower_attributes code_attribute.
    """
    return _rows_with(flag, lambda value: or_(value.like("%yes%"), value.like("%1%")))


def with_something_in(conn: Connection, field: Flag) -> frozenset[int]:
    """The patrons in whose field there is anything but a no."""
    return frozenset(
        number
        for number, value in conn.execute(with_something_in_query(field))
        if flag_state((FlagRow(row=None, value=value),)) is not FlagState.NO
    )


def with_something_in_query(field: Flag) -> Select[Any]:
    """The patrons in whose field there may be anything but a no, to be looked at one by one.

    For a sort field the whole of `borrowers` is read.
    Index: borrower_attributes code_attribute.
    """
    return _rows_with(field, lambda value: value.not_in(("", "no", "0")))


def _rows_with(field: Flag, wanted: Callable[[Column[str]], ColumnElement[bool]]) -> Select[Any]:
    """The patrons with the values of this field that are `wanted`."""
    if field.column == "attribute":
        attribute = borrower_attributes.c
        query = select(attribute.borrowernumber, attribute.attribute).where(attribute.code == field.code)
        return query.where(wanted(attribute.attribute))
    value = borrowers.c[field.column]
    return select(borrowers.c.borrowernumber, value).where(wanted(value))


def order(conn: Connection, numbers: Collection[int]) -> dict[int, int]:
    """The rank of each patron by surname as the database collates (NULL first), then by number."""
    if not numbers:
        return {}
    streamed = conn.scalars(surnames_query(sorted(numbers)), execution_options={"stream_results": True})
    return {number: rank for rank, number in enumerate(streamed)}


def surnames_query(numbers: Collection[int]) -> Select[Any]:
    """These patrons in the order of their surnames, as the database collates.

    Index: borrowers PRIMARY.
    """
    who = borrowers.c
    return (
        select(who.borrowernumber).where(among(who.borrowernumber, numbers)).order_by(who.surname, who.borrowernumber)
    )


def shared_birth_dates(conn: Connection, more_than: int) -> list[tuple[date, int]]:
    """The dates of birth that more patrons share than that, with how many, the most shared first."""
    return [(born, patrons) for born, patrons in conn.execute(shared_birth_dates_query(more_than)) if born]


def shared_birth_dates_query(more_than: int) -> Select[Any]:
    """The dates of birth that more patrons share than that, with how many, the most shared first (`check`).

    Index: borrowers none.
    """
    who, patrons = borrowers.c, func.count()
    return (
        select(who.dateofbirth, patrons.label("patrons"))
        .where(who.dateofbirth.is_not(None))
        .group_by(who.dateofbirth)
        .having(patrons > more_than)
        .order_by(patrons.desc(), who.dateofbirth)
    )


def existing(conn: Connection, numbers: Iterable[int]) -> frozenset[int]:
    """The patrons in Koha that have one of these numbers."""
    return frozenset(number for (number,) in rows_by_thousands(conn, existing_query, numbers))


def existing_query(numbers: Collection[int]) -> Select[Any]:
    """The patrons in Koha that have one of these numbers.

    Index: borrowers PRIMARY.
    """
    return select(borrowers.c.borrowernumber).where(among(borrowers.c.borrowernumber, numbers))


def cards(conn: Connection, numbers: Iterable[int]) -> dict[int, str | None]:
    """The card of each of these patrons; None for who has none, or is gone from Koha."""
    wanted = frozenset(numbers)
    read = contacts(conn, wanted, ("cardnumber",))
    return {number: read[number]["cardnumber"] if number in read else None for number in wanted}


def with_name(conn: Connection, text: str, numbers: Iterable[int]) -> Iterator[NamedPatron]:
    """Those among these patrons who have the text in "surname, firstname"."""
    for number, card, surname, firstname in rows_by_thousands(conn, partial(with_name_query, text), numbers):
        yield NamedPatron(number=number, card=card, surname=surname, firstname=firstname)


def with_name_query(text: str, numbers: Collection[int]) -> Select[Any]:
    """Those among these patrons who have the text in "surname, firstname", as the database compares (`name:TEXT`).

    Index: borrowers PRIMARY.
    """
    who = borrowers.c
    name = func.coalesce(who.surname, "") + ", " + func.coalesce(who.firstname, "")
    return select(who.borrowernumber, who.cardnumber, who.surname, who.firstname).where(
        among(who.borrowernumber, numbers), name.contains(text, autoescape=True)
    )


def number_of(conn: Connection, card: str) -> int | None:
    """The patron who has this card now."""
    return conn.scalar(card_query(card))


def card_query(card: str) -> Select[int]:
    """The patron who has this card now.

    Index: borrowers cardnumber.
    """
    return select(borrowers.c.borrowernumber).where(borrowers.c.cardnumber == card)
