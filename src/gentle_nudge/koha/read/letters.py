"""Koha's notices and what they need: preferences, guarantors, branches, the names of types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Select, func, select

from gentle_nudge.domain.reminders.addressee import Correspondence
from gentle_nudge.domain.reminders.letter import LetterRow
from gentle_nudge.koha.koha_tables import account_credit_types, borrower_relationships, borrowers, branches, letter
from gentle_nudge.koha.read.administration import debit_type_names, preferences
from gentle_nudge.sqltypes import among, rows_by_thousands

MODULE = "circulation"
TRANSPORTS = ("email", "print")
ADDRESSES = ("email", "emailpro", "B_email")
PREFERENCES = (
    *("TranslateNotices", "RedirectGuaranteeEmail", "dateformat", "CurrencyFormat"),
    *("EmailFieldPrimary", "EmailFieldPrecedence", "EmailFieldSelection"),
)


def letter_rows(conn: Connection, codes: Collection[str]) -> dict[str, tuple[LetterRow, ...]]:
    """The rows of each of these letters by e-mail and print, by the code in lower case."""
    rows: defaultdict[str, tuple[LetterRow, ...]] = defaultdict(tuple)
    for row in conn.execute(letter_rows_query(codes)).mappings():
        rows[row["code"].casefold()] += (LetterRow(**row),)
    return dict(rows)


def letter_rows_query(codes: Collection[str]) -> Select[Any]:
    """The notices of these codes by e-mail and print, for all branches and languages (with `[remind]` alone).

    Index: letter letter_uniq_1.
    """
    row = letter.c
    return (
        select(row.id, row.code, row.branchcode.label("branch"), row.message_transport_type.label("transport"))
        .add_columns(row.lang.label("language"), row.is_html, row.title)
        .add_columns(func.coalesce(row.content, "").label("content"))
        .where(row.module == MODULE, row.code.in_(sorted(codes)), row.message_transport_type.in_(TRANSPORTS))
        .order_by(row.id)
    )


def correspondence(conn: Connection) -> Correspondence:
    """What this Koha says of all letters."""
    value = {name: text.strip() for name, text in preferences(conn, PREFERENCES).items()}
    names = {code: name for code, name in conn.execute(credit_type_names_query()) if name} | debit_type_names(conn)
    return Correspondence(
        translates=value["TranslateNotices"] == "1",
        copies_to_guarantors=value["RedirectGuaranteeEmail"] not in {"", "0"},
        date_format=value["dateformat"] or "us",
        decimal_comma=value["CurrencyFormat"] == "FR",
        primary=value["EmailFieldPrimary"],
        precedence=_listed(value["EmailFieldPrecedence"]) or ADDRESSES,
        selection=_listed(value["EmailFieldSelection"]),
        branches={row["branchcode"].casefold(): dict(row) for row in conn.execute(branches_query()).mappings()},
        types={code.casefold(): name for code, name in names.items()},
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split("|" if "|" in text else ","))))


def guarantors(conn: Connection, numbers: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """The guarantors of each of these patrons, in the order in which they were linked."""
    of_patron: defaultdict[int, tuple[int, ...]] = defaultdict(tuple)
    for number, guarantor in rows_by_thousands(conn, guarantors_query, numbers):
        of_patron[number] += (guarantor,)
    return dict(of_patron)


def guarantors_query(numbers: Collection[int]) -> Select[Any]:
    """The guarantors of these patrons but themselves, in the order in which they were linked (with `[remind]` alone).

    Index: borrower_relationships r_guarantee.
    """
    link = borrower_relationships.c
    return (
        select(link.guarantee_id, link.guarantor_id)
        .where(among(link.guarantee_id, numbers), link.guarantor_id != link.guarantee_id)
        .order_by(link.id)
    )


def branches_query() -> Select[Any]:
    """Name, address and telephone of every branch (with `[remind]` alone).

    Index: branches none.
    """
    return select(*branches.columns)


def credit_type_names_query() -> Select[Any]:
    """Every credit type with its description.

    Index: account_credit_types none.
    """
    return select(account_credit_types.c.code, account_credit_types.c.description)


def languages(conn: Connection) -> frozenset[str]:
    """The languages in which patrons read."""
    return frozenset(filter(None, conn.scalars(languages_query())))


def languages_query() -> Select[str]:
    """The languages in which patrons read (`check`, with `[remind]` alone).

    Index: borrowers none.
    """
    return select(borrowers.c.lang).where(borrowers.c.lang != "default").distinct()
