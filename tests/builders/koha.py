"""Rows as Koha writes them, told in the library's words. Plain functions; each takes the database first."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import count
from typing import Any

from tests.builders.days import IN_THE_WINDOW
from tests.support.koha import KohaDatabase

Amount = str | Decimal
NOON = time(12)
FOREVER = date(9999, 12, 31)
_cards = count(20_000_001)
_codes = count(1)


# Patrons


def a_patron(
    koha: KohaDatabase,
    *,
    surname: str | None = "Example",
    card: str | None = "",
    branch: str = "CPL",
    category: str = "PT",
    born: date | str | None = date(1980, 5, 5),
    sort1: str | None = None,
    **columns: object,
) -> int:
    """A patron with this number; a card of their own unless one (or None) is given."""
    known: dict[str, object] = {
        "surname": surname,
        "firstname": "Pat",
        "cardnumber": f"{next(_cards)}" if card == "" else card,
        "branchcode": branch,
        "categorycode": category,
        "dateofbirth": born,
        "sort1": sort1,
    }
    return koha.put("borrowers", **(known | columns))


def a_guarantor(koha: KohaDatabase, *, of: int, **columns: Any) -> int:
    """A patron who vouches for the one with the number `of`."""
    guarantor = a_patron(koha, **columns)
    vouches_for(koha, guarantor, of)
    return guarantor


def vouches_for(koha: KohaDatabase, guarantor: int, guarantee: int) -> int:
    """The first is a guarantor of the second."""
    return koha.put("borrower_relationships", guarantor_id=guarantor, guarantee_id=guarantee, relationship="father")


def an_attribute_type(koha: KohaDatabase, code: str, *, repeatable: int = 0, **columns: object) -> str:
    """A patron attribute of that code may be given."""
    koha.put("borrower_attribute_types", code=code, description=code, repeatable=repeatable, **columns)
    return code


def has_attribute(koha: KohaDatabase, patron: int, code: str, value: str | None) -> int:
    """The patron has one more row of this attribute; its number. The type is made when missing."""
    if not koha.query("SELECT code FROM borrower_attribute_types WHERE code = :code", code=code):
        an_attribute_type(koha, code)
    return koha.put("borrower_attributes", borrowernumber=patron, code=code, attribute=value)


# Money


def owes(
    koha: KohaDatabase,
    patron: int | None,
    amount: Amount,
    *,
    day: date | None = None,
    on: datetime | None = None,
    type: str | None = "LOST",  # noqa: A002 - Koha's word
    outstanding: Amount | None = None,
    description: str = "",
    branch: str | None = None,
    item: int | None = None,
    **columns: object,
) -> int:
    """A debit of that day (its noon in UTC) or instant, else of now; outstanding in full unless told."""
    line = koha.put(
        "accountlines",
        **_line(patron, day, on, columns),
        amount=Decimal(amount),
        amountoutstanding=Decimal(amount if outstanding is None else outstanding),
        debit_type_code=type,
        description=description,
        branchcode=branch,
        itemnumber=item,
    )
    koha.put("account_offsets", debit_id=line, type="CREATE", amount=Decimal(amount))
    return line


def owing(koha: KohaDatabase, amount: Amount = "30.00", *, day: date = IN_THE_WINDOW, **columns: Any) -> int:
    """A patron with one lost charge of that day, in the window of the Sunday unless told."""
    patron = a_patron(koha, **columns)
    owes(koha, patron, amount, day=day)
    return patron


def has_credit(
    koha: KohaDatabase,
    patron: int,
    amount: Amount,
    *,
    day: date | None = None,
    on: datetime | None = None,
    type: str = "PAYMENT",  # noqa: A002 - Koha's word
    **columns: object,
) -> int:
    """A credit of that (positive) amount, applied to nothing yet, with its offset."""
    line = koha.put(
        "accountlines",
        **_line(patron, day, on, {}),
        amount=-Decimal(amount),
        amountoutstanding=-Decimal(amount),
        credit_type_code=type,
        **{"description": "", **columns},
    )
    koha.put("account_offsets", credit_id=line, type="CREATE", amount=Decimal(amount))
    return line


def pays(
    koha: KohaDatabase, patron: int, amount: Amount | None = None, *, day: date | None = None, **columns: Any
) -> int:
    """A payment (of all that is owed, unless told) for the oldest debits first; the rest stays as credit."""
    if amount is None:
        amount = balance(koha, patron)
    credit = has_credit(koha, patron, amount, day=day, **columns)
    for debit, part in _shares(koha, patron, Decimal(amount)):
        apply(koha, credit, debit, part)
    lift_after_payment(koha, patron)
    return credit


def apply(koha: KohaDatabase, credit: int, debit: int, amount: Amount) -> None:
    """That much of the credit is used up for the debit."""
    change = "UPDATE accountlines SET amountoutstanding = amountoutstanding + :amount WHERE accountlines_id = :id"
    koha.execute(change, id=debit, amount=-Decimal(amount))
    koha.execute(change, id=credit, amount=Decimal(amount))
    koha.put("account_offsets", credit_id=credit, debit_id=debit, type="APPLY", amount=-Decimal(amount))


def void(koha: KohaDatabase, credit: int, *, day: date | None = None) -> int:
    """The payment or write-off is voided: its debits owe again, and a VOID debit stands against it; the number of that.

    As in Koha::Account::Line->void: the amounts go back by the offsets of the credit, each with an offset of its own.
    """
    whose = "SELECT borrowernumber FROM accountlines WHERE accountlines_id = :id"
    amount = -Decimal(koha.value("SELECT amount FROM accountlines WHERE accountlines_id = :id", id=credit))
    against = owes(koha, koha.value(whose, id=credit), amount, day=day, type="VOID")
    applied = "SELECT debit_id, amount FROM account_offsets WHERE credit_id = :id AND debit_id IS NOT NULL"
    for offset in koha.query(f"{applied} AND amount < 0", id=credit):
        koha.execute(
            "UPDATE accountlines SET amountoutstanding = amountoutstanding - :part WHERE accountlines_id = :id",
            id=offset["debit_id"],
            part=offset["amount"],
        )
        koha.put(
            "account_offsets", credit_id=credit, debit_id=offset["debit_id"], type="VOID", amount=-offset["amount"]
        )
    koha.execute(
        "UPDATE accountlines SET status = 'VOID', amountoutstanding = amount WHERE accountlines_id = :id", id=credit
    )
    apply(koha, credit, against, amount)
    return against


def balance(koha: KohaDatabase, patron: int) -> Decimal:
    """What the patron owes, unused credits taken off."""
    owed = koha.value(
        "SELECT COALESCE(SUM(amountoutstanding), 0) FROM accountlines WHERE borrowernumber = :patron",
        patron=patron,
    )
    return Decimal(owed)


# Restrictions


def is_restricted(
    koha: KohaDatabase,
    patron: int,
    comment: str | None,
    *,
    type: str = "MANUAL",  # noqa: A002 - Koha's word
    expires: date | None = None,
    **columns: object,
) -> int:
    """The patron has one more restriction, and the columns in `borrowers` say so; its number."""
    known: dict[str, object] = {
        "borrowernumber": patron,
        "comment": comment,
        "type": type,
        "expiration": expires,
        "created": _naive(datetime.now(UTC)),
    }
    number = koha.put("borrower_debarments", **(known | columns))
    recompute_debarred(koha, patron)
    return number


def lift(koha: KohaDatabase, restriction: int) -> None:
    """That restriction is gone, and the columns in `borrowers` say so."""
    where = "FROM borrower_debarments WHERE borrower_debarment_id = :number"
    patron = koha.value(f"SELECT borrowernumber {where}", number=restriction)
    koha.execute(f"DELETE {where}", number=restriction)
    recompute_debarred(koha, patron)


def lift_after_payment(koha: KohaDatabase, patron: int) -> None:
    """Restrictions whose type says so are gone if no more than the type's limit is owed."""
    liftable = """
        SELECT borrower_debarment_id AS number FROM borrower_debarments
        JOIN restriction_types ON code = type
        WHERE borrowernumber = :patron AND lift_after_payment = 1 AND COALESCE(fee_limit, 0) >= :balance"""
    for row in koha.query(liftable, patron=patron, balance=balance(koha, patron)):
        lift(koha, row["number"])


def recompute_debarred(koha: KohaDatabase, patron: int, *, today: date | None = None) -> None:
    """borrowers.debarred and debarredcomment follow from the active restrictions, as Koha computes them."""
    active = koha.query(
        "SELECT expiration, comment FROM borrower_debarments WHERE borrowernumber = :patron "
        "AND (expiration IS NULL OR expiration > :today) ORDER BY borrower_debarment_id",
        patron=patron,
        today=today or datetime.now(UTC).date(),
    )
    comments = [row["comment"] for row in active if row["comment"] is not None]
    koha.execute(
        "UPDATE borrowers SET debarred = :until, debarredcomment = :comment WHERE borrowernumber = :patron",
        patron=patron,
        until=max((row["expiration"] or FOREVER for row in active), default=None),
        comment="\n".join(comments)[:255] if comments else None,
    )


# Patrons who go


def merge(koha: KohaDatabase, keep: int, others: Iterable[int]) -> None:
    """The others are deleted; what Koha moves belongs to `keep` now (relationships do not)."""
    for other in others:
        _move_attributes(koha, keep, other)
        for table in MOVED_BY_MERGE:
            koha.execute(
                f"UPDATE `{table}` SET borrowernumber = :keep WHERE borrowernumber = :other",
                keep=keep,
                other=other,
            )
        recompute_debarred(koha, keep)
        delete_patron(koha, other)


# Of the tables in Koha::Patron's list of what merge_with moves, those that we have.
MOVED_BY_MERGE = (
    "accountlines",
    "borrower_debarments",
    "issues",
    "old_issues",
    "message_queue",
    "statistics",
)


def delete_patron(koha: KohaDatabase, patron: int) -> None:
    """The patron is in `deletedborrowers` only; lines stay, without a patron; the rest is gone."""
    kept = {column.column for column in koha.columns["deletedborrowers"]}
    names = ", ".join(f"`{it.column}`" for it in koha.columns["borrowers"] if it.column in kept)
    koha.execute(
        f"INSERT INTO deletedborrowers ({names}) SELECT {names} FROM borrowers WHERE borrowernumber = :patron",
        patron=patron,
    )
    koha.execute("DELETE FROM borrowers WHERE borrowernumber = :patron", patron=patron)


# The rest of the library


def an_item(koha: KohaDatabase, *, branch: str = "CPL", title: str = "A Title", **columns: object) -> int:
    """An item with its record; its number."""
    record = koha.put("biblio", title=title, datecreated=date(2020, 1, 1))
    volume = koha.put("biblioitems", biblionumber=record)
    known: dict[str, object] = {
        "biblionumber": record,
        "biblioitemnumber": volume,
        "barcode": f"3{next(_codes):07d}",
        "homebranch": branch,
        "holdingbranch": branch,
        "itype": "BK",
    }
    return koha.put("items", **(known | columns))


def reserves(koha: KohaDatabase, patron: int, title: int, **columns: object) -> int:
    """The patron waits for any copy of the title; its number."""
    return koha.put("reserves", borrowernumber=patron, biblionumber=title, branchcode="CPL", **columns)


def is_sent(koha: KohaDatabase, patron: int, letter: str, *, day: date, status: str = "sent") -> int:
    """A message of that letter, which Koha sent (or tried to) at noon of that day; its number."""
    if not koha.query("SELECT 1 FROM message_transport_types WHERE message_transport_type = 'email'"):
        koha.put("message_transport_types", message_transport_type="email")
    return koha.put(
        "message_queue",
        borrowernumber=patron,
        letter_code=letter,
        message_transport_type="email",
        status=status,
        updated_on=_naive(datetime.combine(day, NOON, UTC)),
    )


def claims_returned(koha: KohaDatabase, patron: int, item: int, *, resolved: date | None = None) -> int:
    """The patron claims to have returned the item; undecided unless told on which day somebody decided."""
    return koha.put("return_claims", borrowernumber=patron, itemnumber=item, created_by=patron, resolved_on=resolved)


def a_library_group(koha: KohaDatabase, title: str, branches: Iterable[str] = (), *, parent: int | None = None) -> int:
    """A group of that title with these branches; its number."""
    group = koha.put("library_groups", title=title, parent_id=parent)
    for branch in branches:
        koha.put("library_groups", parent_id=group, branchcode=branch)
    return group


def _line(patron: int | None, day: date | None, on: datetime | None, columns: dict[str, object]) -> dict[str, object]:
    instant = datetime.combine(day, NOON, UTC) if day is not None else on or datetime.now(UTC)
    known: dict[str, object] = {
        "borrowernumber": patron,
        "date": _naive(instant),
        "note": "",
        "interface": "intranet",
    }
    return known | columns


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)


def _shares(koha: KohaDatabase, patron: int, amount: Decimal) -> Iterable[tuple[int, Decimal]]:
    debits = koha.query(
        "SELECT accountlines_id AS id, amountoutstanding AS owed FROM accountlines "
        "WHERE borrowernumber = :patron AND amountoutstanding > 0 ORDER BY date, accountlines_id",
        patron=patron,
    )
    for debit in debits:
        part = min(debit["owed"], amount)
        if part > 0:
            yield debit["id"], part
        amount -= part


def _move_attributes(koha: KohaDatabase, keep: int, other: int) -> None:
    moving = koha.query(
        "SELECT code, attribute, repeatable FROM borrower_attributes "
        "JOIN borrower_attribute_types USING (code) WHERE borrowernumber = :other ORDER BY id",
        other=other,
    )
    koha.execute("DELETE FROM borrower_attributes WHERE borrowernumber = :other", other=other)
    has = "SELECT id FROM borrower_attributes WHERE borrowernumber = :keep AND code = :code"
    for row in moving:
        if row["repeatable"] or not koha.query(has, keep=keep, code=row["code"]):
            has_attribute(koha, keep, row["code"], row["attribute"])
