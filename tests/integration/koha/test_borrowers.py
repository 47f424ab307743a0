"""Who the patrons are: what Koha says of them, their flags, what blocks them, in which order they stand."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from gentle_nudge.domain.patron import Flag, FlagRow, Guardian, Patron, Restriction
from gentle_nudge.koha.read.accountlines import lock_lines
from gentle_nudge.koha.read.borrowers import contacts, flagged, order, patrons, used_by_koha
from gentle_nudge.koha.read.debarments import restricted_on, restrictions
from gentle_nudge.reports.columns import CONTACT
from tests.builders.koha import (
    a_guarantor,
    a_patron,
    an_attribute_type,
    delete_patron,
    has_attribute,
    is_restricted,
    owes,
    vouches_for,
)
from tests.integration.koha.line_views import NEW_YORK, Statements, a_policy
from tests.support.koha import KohaDatabase

SORT1, SORT2, COLLECT = Flag.parse("sort1"), Flag.parse("sort2"), Flag.parse("attribute:COLLECT")


def the(conn: Connection, number: int, **rules: Any) -> Patron:
    """The patron of that number, as a policy of these rules sees them."""
    return patrons(conn, a_policy(**rules).patron_fields, [number])[number]


# What Koha says


@pytest.mark.every_koha
def test_a_patron_is_what_koha_says(koha: KohaDatabase, conn: Connection) -> None:
    number = a_patron(
        koha,
        surname='O\'Brien, "Ö" 李 🙂',
        firstname="a\r\nb%s",
        card="2000\\9",
        branch="FPL",
        category="J",
        sort1="maybe",
    )
    assert the(conn, number) == Patron(
        number=number,
        card="2000\\9",
        surname='O\'Brien, "Ö" 李 🙂',
        firstname="a\r\nb%s",
        branch="FPL",
        category="J",
        category_type="C",
        born=date(1980, 5, 5),
        flag=(FlagRow(row=None, value="maybe"),),
    )


@pytest.mark.every_koha
def test_what_is_null_in_koha_is_none(koha: KohaDatabase, conn: Connection) -> None:
    number = a_patron(koha, surname=None, firstname=None, card=None, born=None)
    found = the(conn, number)
    assert (found.surname, found.firstname, found.card, found.born) == (None, None, None, None)
    assert contacts(conn, [number], CONTACT) == {number: dict.fromkeys(CONTACT)}


@pytest.mark.every_koha
def test_addresses_and_telephone_numbers_are_read_on_request(koha: KohaDatabase, conn: Connection) -> None:
    said = {
        "address": "1 Main St",
        "address2": "Apt. 2",
        "city": "Springfield",
        "zipcode": "01101",
        "state": "MA",
        "phone": "+1 555-0100",
        "mobile": "=1",
        "phonepro": "555-0102",
        "B_phone": "555-0103",
        "email": "p@example.org",
    }
    number = a_patron(koha, **said)
    assert contacts(conn, [number], CONTACT) == {number: said}


def test_patrons_gone_from_koha_are_left_out(koha: KohaDatabase, conn: Connection) -> None:
    here, gone = a_patron(koha), a_patron(koha)
    delete_patron(koha, gone)
    assert patrons(conn, a_policy().patron_fields, [gone, here, here, 999_999]).keys() == {here}
    assert patrons(conn, a_policy().patron_fields, []) == {}


@pytest.mark.every_koha
def test_a_date_of_birth_of_zeros_is_unknown(koha: KohaDatabase, conn: Connection) -> None:
    for zeros in ("0000-00-00", "1980-00-00"):
        number = a_patron(koha)
        koha.execute_lax(f"UPDATE borrowers SET dateofbirth = '{zeros}'")
        assert koha.value("SELECT CAST(dateofbirth AS CHAR) FROM borrowers") == zeros
        assert the(conn, number).born is None


def test_the_type_of_a_category_is_found_whatever_the_letter_case(koha: KohaDatabase, conn: Connection) -> None:
    assert the(conn, a_patron(koha, category="j")).category_type == "C"


# Protected


@pytest.mark.every_koha
def test_koha_protects_patrons_or_has_anonymized_them(koha: KohaDatabase, conn: Connection) -> None:
    protected, anonymized, other = a_patron(koha, protected=1), a_patron(koha, anonymized=1), a_patron(koha)
    assert [the(conn, number).protected for number in (protected, anonymized, other)] == [True, True, False]


def test_anonymized_is_who_koha_says_and_a_protected_patron_is_not(koha: KohaDatabase, conn: Connection) -> None:
    protected, anonymized = a_patron(koha, protected=1), a_patron(koha, anonymized=1)
    assert [the(conn, number).anonymized for number in (protected, anonymized)] == [False, True]


@pytest.mark.every_koha
def test_a_number_was_used_before_as_often_as_koha_has_deleted_it(koha: KohaDatabase, conn: Connection) -> None:
    fresh, again = a_patron(koha), a_patron(koha)
    for times in (1, 2):
        delete_patron(koha, again)
        a_patron(koha, borrowernumber=again)
        delete_patron(koha, a_patron(koha))
        assert [the(conn, number).used_before for number in (fresh, again)] == [0, times]


@pytest.mark.parametrize("columns", [("protected",), ("anonymized",), ("protected", "anonymized")])
def test_an_older_koha_without_these_columns_protects_nobody_by_them(
    koha: KohaDatabase, product: Engine, columns: tuple[str, ...]
) -> None:
    number = a_patron(koha)
    for column in columns:
        koha.spoil(f"ALTER TABLE borrowers DROP COLUMN {column}")
    with product.connect() as conn:
        assert the(conn, number).protected is False


@pytest.mark.every_koha
def test_koha_itself_uses_the_anonymous_patron_and_the_one_of_the_self_check(
    koha: KohaDatabase, conn: Connection
) -> None:
    anonymous, by_name, by_card, other = (a_patron(koha) for _ in range(4))
    koha.execute("UPDATE borrowers SET userid = 'self check' WHERE borrowernumber = :it", it=by_name)
    koha.execute("UPDATE borrowers SET cardnumber = 'kiosk' WHERE borrowernumber = :it", it=by_card)
    koha.prefer("AnonymousPatron", str(anonymous))
    koha.prefer("AutoSelfCheckID", "Self Check")
    assert used_by_koha(conn) == {anonymous, by_name}
    assert [the(conn, it).protected for it in (anonymous, by_name, other)] == [True, True, False]
    koha.prefer("AutoSelfCheckID", "kiosk")
    assert used_by_koha(conn) == {anonymous, by_card}


@pytest.mark.parametrize("value", ["", "0", " ", "nobody", "1e3", "-5", "²"])
def test_preferences_that_name_nobody_protect_nobody(koha: KohaDatabase, conn: Connection, value: str) -> None:
    number = a_patron(koha, userid=None, card=None)
    koha.prefer("AnonymousPatron", value)
    koha.prefer("AutoSelfCheckID", value)
    assert used_by_koha(conn) == frozenset()
    assert not the(conn, number).protected


def test_missing_preferences_protect_nobody(koha: KohaDatabase, conn: Connection) -> None:
    koha.execute("DELETE FROM systempreferences")
    assert used_by_koha(conn) == frozenset()


# Flags and exemptions


@pytest.mark.every_koha
def test_a_flag_is_read_from_its_field(koha: KohaDatabase, conn: Connection) -> None:
    number = a_patron(koha, sort1="no", sort2=" YES ")
    rows = [has_attribute(koha, number, "COLLECT", value) for value in ("0", None, "1")]
    assert the(conn, number).flag == (FlagRow(row=None, value="no"),)
    assert the(conn, number, flag=SORT2).flag == (FlagRow(row=None, value=" YES "),)
    values = ("0", None, "1")
    assert the(conn, number, flag=COLLECT).flag == tuple(
        FlagRow(row=row, value=value) for row, value in zip(rows, values, strict=True)
    )
    assert the(conn, number, flag=COLLECT).is_flagged


def test_a_patron_without_an_attribute_row_has_an_empty_flag(koha: KohaDatabase, conn: Connection) -> None:
    number = a_patron(koha)
    an_attribute_type(koha, "COLLECT")
    has_attribute(koha, number, "OTHER", "1")
    has_attribute(koha, a_patron(koha), "COLLECT", "1")
    assert the(conn, number, flag=COLLECT).flag == ()


def test_an_exemption_is_read_from_its_field_if_there_is_one(koha: KohaDatabase, conn: Connection) -> None:
    number = a_patron(koha, sort2="staff")
    row = has_attribute(koha, number, "EXEMPT", "until 2027")
    assert the(conn, number).exemption == ()
    assert the(conn, number, exemption=SORT2).exemption == (FlagRow(row=None, value="staff"),)
    exempt = Flag.parse("attribute:EXEMPT")
    assert the(conn, number, exemption=exempt).exemption == (FlagRow(row=row, value="until 2027"),)


VALUES: dict[str | None, int] = {
    "yes": 1,
    "YES": 1,
    " Yes\t": 1,
    "1": 1,
    " 1 ": 1,
    "no": 0,
    "0": 0,
    "": 0,
    "10": 0,
    "yes!": 0,
    "y": 0,
    None: 0,
}


@pytest.mark.every_koha
@pytest.mark.parametrize("field", [SORT1, SORT2, COLLECT], ids=str)
def test_flagged_are_those_whose_flag_says_yes_whatever_its_case_and_blanks(
    koha: KohaDatabase, conn: Connection, field: Flag
) -> None:
    expected = set()
    for value, says_yes in VALUES.items():
        columns: dict[str, Any] = {} if field == COLLECT else {field.column: value}
        number = a_patron(koha, **columns)
        if field == COLLECT:
            has_attribute(koha, number, "COLLECT", value)
        if says_yes:
            expected.add(number)
        has_attribute(koha, number, "OTHER", "1")
    assert flagged(conn, field) == expected
    assert {
        number for number, it in patrons(conn, a_policy(flag=field).patron_fields, expected).items() if it.is_flagged
    } == expected


def test_one_of_several_attribute_rows_that_says_yes_is_enough(koha: KohaDatabase, conn: Connection) -> None:
    number = a_patron(koha)
    for value in ("0", "1", "no", "1"):
        has_attribute(koha, number, "COLLECT", value)
    assert flagged(conn, COLLECT) == {number}


def test_nobody_is_flagged_in_a_field_that_nobody_has(conn: Connection) -> None:
    assert flagged(conn, COLLECT) == frozenset()


# Guardians


@pytest.mark.every_koha
def test_the_guardian_is_the_guarantor_of_the_lowest_relationship(koha: KohaDatabase, conn: Connection) -> None:
    child, orphan = a_patron(koha, category="J"), a_patron(koha, category="J")
    second = a_patron(koha, surname="Second")
    first = a_guarantor(koha, of=child, surname="First", card="F1", phone="555", email="f@example.org", born=None)
    vouches_for(koha, second, child)
    assert second < first
    found = patrons(conn, a_policy(minors="guardian").patron_fields, [child, orphan])
    assert found[child].guardian == Guardian(
        surname="First", firstname="Pat", card="F1", phone="555", email="f@example.org"
    )
    assert found[orphan].guardian is None
    assert the(conn, child, minors="include").guardian is None


def test_a_relationship_to_nobody_gives_no_guardian(koha: KohaDatabase, conn: Connection) -> None:
    child = a_patron(koha, category="J")
    koha.spoil("ALTER TABLE borrower_relationships MODIFY guarantor_id int(11) NULL")
    koha.put("borrower_relationships", guarantor_id=None, guarantee_id=child, relationship="father")
    assert the(conn, child, minors="guardian").guardian is None
    a_guarantor(koha, of=child, surname="Found")
    found = the(conn, child, minors="guardian").guardian
    assert found is not None
    assert found.surname == "Found"


# Restrictions


@pytest.mark.every_koha
def test_the_restrictions_of_a_patron_are_all_there_in_order(koha: KohaDatabase, conn: Connection) -> None:
    number, other, none = (a_patron(koha) for _ in range(3))
    first = is_restricted(koha, number, "Lost \\ 'book' 100%", type="OVERDUES")
    second = is_restricted(koha, number, None, expires=date(2020, 1, 1))
    third = is_restricted(koha, other, "", expires=date(9999, 12, 31))
    assert restrictions(conn, [other, number, none]) == {
        number: (
            Restriction(id=first, type="OVERDUES", comment="Lost \\ 'book' 100%", expires=None),
            Restriction(id=second, type="MANUAL", comment=None, expires=date(2020, 1, 1)),
        ),
        other: (Restriction(id=third, type="MANUAL", comment="", expires=date(9999, 12, 31)),),
    }


@pytest.mark.every_koha
def test_a_restriction_until_a_day_of_zeros_is_over_as_koha_sees_it(koha: KohaDatabase, conn: Connection) -> None:
    number = a_patron(koha)
    is_restricted(koha, number, "old")
    koha.execute_lax("UPDATE borrower_debarments SET expiration = '0000-00-00'")
    (found,) = restrictions(conn, [number])[number]
    assert not found.is_active(date(2026, 11, 22))


def test_a_patron_was_restricted_on_the_day_of_the_latest_comment_of_our_kind(
    koha: KohaDatabase, conn: Connection
) -> None:
    number, plugin, other = (a_patron(koha) for _ in range(3))
    of: dict[str, Any] = {"created": datetime(2026, 3, 1, 3, 0, tzinfo=UTC).replace(tzinfo=None)}
    is_restricted(koha, number, "In collections since 2026-02-28.", **of)
    is_restricted(koha, number, "In collections since 2025-02-28.", created="2025-02-28 12:00:00")
    is_restricted(koha, number, "In collections since 2026-02-28. Phoned.", created="2026-05-01 12:00:00")
    is_restricted(koha, plugin, "Patron sent to collections on 2/28/2026", expires=date(2026, 6, 1), **of)
    is_restricted(koha, other, "Lost a book", **of)
    policy = a_policy(restriction_comment="In collections since {date}.")
    found = restricted_on(conn, policy.made_this_comment, [number, plugin, other], NEW_YORK)
    assert found == {number: date(2026, 2, 28), plugin: date(2026, 2, 28)}


# Order


@pytest.mark.every_koha
def test_patrons_stand_by_surname_as_the_database_collates_then_by_number(koha: KohaDatabase, conn: Connection) -> None:
    surnames = ["zebra", "Älg", "Zulu", "alg", "李", "Ålg", None, "O'Brien", "", "obrien", "ALG", "Œuf", "offer", None]
    numbers = [a_patron(koha, surname=surname) for surname in surnames]
    ranks = order(conn, numbers)
    standing = [surnames[numbers.index(number)] for number in sorted(numbers, key=ranks.__getitem__)]
    assert standing == [
        None,
        None,
        "",
        "Älg",
        "alg",
        "Ålg",
        "ALG",
        "O'Brien",
        "obrien",
        "Œuf",
        "offer",
        "zebra",
        "Zulu",
        "李",
    ]
    assert sorted(ranks.values()) == list(range(len(numbers)))
    shown = koha.query("SELECT borrowernumber AS it FROM borrowers ORDER BY surname, borrowernumber")
    assert [row["it"] for row in shown] == sorted(numbers, key=ranks.__getitem__)


def test_an_order_of_nobody_asks_nothing(conn: Connection) -> None:
    with Statements(conn) as statements:
        assert order(conn, []) == {}
    assert statements.seen == []


def test_patrons_gone_have_no_place_in_the_order(koha: KohaDatabase, conn: Connection) -> None:
    here = a_patron(koha)
    assert order(conn, [999_999, here]) == {here: 0}


# Locks


def test_patrons_are_locked_before_their_lines_both_in_order_of_number(koha: KohaDatabase, conn: Connection) -> None:
    locked = [a_patron(koha) for _ in range(3)]
    free = a_patron(koha)
    debits = [owes(koha, number, "30.00") for number in (*locked, free)]
    with Statements(conn) as statements:
        found = patrons(conn, a_policy().patron_fields, reversed(locked), lock=True)
        lock_lines(conn, found)
    locking = [statement for statement, _ in statements.seen if "FOR UPDATE" in statement]
    assert [statement.split("ORDER BY ")[1] for statement in locking] == [
        "borrowers.borrowernumber FOR UPDATE NOWAIT",
        "accountlines.borrowernumber, accountlines.accountlines_id FOR UPDATE NOWAIT",
    ]
    assert "FROM borrowers" in locking[0]
    assert free_rows(koha, "borrowers", "borrowernumber") == [free]
    assert free_rows(koha, "accountlines", "accountlines_id") == [debits[-1]]


def free_rows(koha: KohaDatabase, table: str, key: str) -> list[int]:
    """The rows that somebody else could change now."""
    numbers = [row["it"] for row in koha.query(f"SELECT {key} AS it FROM {table} ORDER BY {key}")]
    return [number for number in numbers if koha.is_free(table, key, number)]


def test_who_only_reads_locks_nobody(koha: KohaDatabase, conn: Connection) -> None:
    number = a_patron(koha)
    patrons(conn, a_policy(minors="guardian", exemption=COLLECT).patron_fields, [number])
    assert free_rows(koha, "borrowers", "borrowernumber") == [number]


@pytest.mark.parametrize("many", [1, 1000, 2500])
def test_patrons_are_read_in_a_fixed_number_of_statements_per_thousand(
    koha: KohaDatabase, conn: Connection, many: int
) -> None:
    koha.put_many(
        "borrowers", [{"branchcode": "CPL", "categorycode": "PT", "surname": f"{it:05}"} for it in range(many)]
    )
    numbers = [row["it"] for row in koha.query("SELECT borrowernumber AS it FROM borrowers")]
    patrons(conn, a_policy().patron_fields, numbers[:1])  # the columns of this Koha are looked up once
    thousands = -(-many // 1000)
    with Statements(conn) as statements:
        found = patrons(conn, a_policy(flag=COLLECT, minors="guardian").patron_fields, numbers)
    assert len(found) == many
    assert len(statements.seen) == 4 * thousands + 2
