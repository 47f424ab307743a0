"""All that is written into Koha: in bulk, and whatever the server's own settings."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, insert, select

from gentle_nudge.domain.actions import LiftRestriction, SetFlag
from gentle_nudge.koha.koha_tables import account_offsets, accountlines, borrower_attributes, borrowers
from gentle_nudge.koha.read.debarments import restrictions
from gentle_nudge.koha.write import charge, flag, restrict
from tests.builders.koha import a_patron, is_restricted
from tests.integration.koha.koha_changes import (
    COLLECT,
    LINE,
    ODD,
    SORT1,
    a_fee,
    a_flag,
    a_restriction,
    charge_fees,
    restrict_patrons,
    row,
)
from tests.integration.koha.line_views import DAY, MOMENT, NOW, Statements
from tests.integration.koha.on_sqlite import a_copy_in_sqlite
from tests.support.koha import KohaDatabase


def write_everything(conn: Connection, numbers: Sequence[int], rows: Sequence[int]) -> None:
    """Every kind of change for every patron."""
    made = restrict_patrons(conn, [a_restriction(number, ODD) for number in numbers], NOW)
    held = restrictions(conn, numbers)
    restrict.refresh_debarred(conn, numbers, DAY)
    flag.write_flags(conn, [a_flag(SetFlag, number, SORT1) for number in numbers], NOW)
    half = len(numbers) // 2
    by_row = [a_flag(SetFlag, n, COLLECT, row) for n, row in zip(numbers[:half], rows[:half], strict=True)]
    flag.write_flags(conn, [*by_row, *(a_flag(SetFlag, n, COLLECT) for n in numbers[half:])], NOW)
    charged = charge_fees(conn, [a_fee(number, description=ODD) for number in numbers], MOMENT)
    restrict.lift(conn, [LiftRestriction(patron=n, restriction=it) for n, its in held.items() for it in its])
    assert made.keys() == charged.keys() == set(numbers)
    assert len(set(made.values())) == len(set(charged.values())) == len(numbers)


PER_THOUSAND = {"restrict": 2, "read": 1, "debarred": 8, "sort field": 1, "attribute": 3, "fee": 3, "lift": 1}


@pytest.mark.parametrize("many", [1, 1000, 2500])
def test_writing_takes_a_fixed_number_of_statements_per_thousand_patrons(
    koha: KohaDatabase, conn: Connection, many: int
) -> None:
    numbers, rows = patrons_with_attributes(koha, many)
    asked = int(conn.exec_driver_sql("SHOW SESSION STATUS LIKE 'Questions'").one()[1])
    with Statements(conn) as statements:
        write_everything(conn, numbers, rows)
    at_the_server = int(conn.exec_driver_sql("SHOW SESSION STATUS LIKE 'Questions'").one()[1]) - asked
    thousands = -(-many // 1000)
    assert len(statements.seen) <= sum(PER_THOUSAND.values()) * thousands
    assert at_the_server <= (sum(PER_THOUSAND.values()) + 1) * thousands + 1
    conn.commit()
    assert koha.value("SELECT COUNT(*) FROM borrower_debarments") == 0
    assert koha.value("SELECT COUNT(*) FROM borrowers WHERE sort1 = 'yes' AND debarred = '9999-12-31'") == many
    assert koha.value("SELECT COUNT(*) FROM borrower_attributes WHERE attribute = '1'") == many
    assert koha.value("SELECT COUNT(DISTINCT debit_id) FROM account_offsets") == many


def patrons_with_attributes(koha: KohaDatabase, many: int) -> tuple[list[int], list[int]]:
    """So many patrons, the first half of them with an attribute row."""
    koha.put("borrower_attribute_types", code="COLLECT", description="")
    koha.put_many("borrowers", [{"branchcode": "CPL", "categorycode": "PT"}] * many)
    numbers = [it["n"] for it in koha.query("SELECT borrowernumber AS n FROM borrowers ORDER BY n")]
    if half := many // 2:
        koha.put_many("borrower_attributes", [{"borrowernumber": n, "code": "COLLECT"} for n in numbers[:half]])
    return numbers, [it["id"] for it in koha.query("SELECT id FROM borrower_attributes ORDER BY borrowernumber")]


def test_without_actions_nothing_is_asked(conn: Connection) -> None:
    with Statements(conn) as statements:
        assert restrict.restrict(conn, [], NOW) is None
        restrict.lift(conn, [])
        restrict.refresh_debarred(conn, [], DAY)
        flag.write_flags(conn, [], NOW)
        assert charge.charge(conn, [], MOMENT) is None
    assert statements.seen == []


def test_no_column_is_written_that_koha_fills_itself(koha: KohaDatabase, conn: Connection) -> None:
    numbers, rows = patrons_with_attributes(koha, 2)
    with Statements(conn) as statements:
        write_everything(conn, numbers, rows)
    written = [it for it, _ in statements.seen if re.match("INSERT|UPDATE", it)]
    assert len(written) == 8
    assert not any(re.search(r"\btimestamp\b|manager_id|\bupdated\b", it) for it in written)


@pytest.mark.own_server
@pytest.mark.parametrize(
    "mode",
    ["", "TRADITIONAL", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT", "ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES"],
)
def test_the_servers_own_sql_mode_means_nothing(
    koha: KohaDatabase, product: Engine, set_global: Callable[[str, str], None], mode: str
) -> None:
    numbers, rows = patrons_with_attributes(koha, 2)
    set_global("sql_mode", mode)
    with product.begin() as conn:
        write_everything(conn, numbers, rows)
    assert koha.value("SELECT COUNT(*) FROM accountlines WHERE description = :odd", odd=ODD) == 2
    assert koha.value("SELECT COUNT(*) FROM borrowers WHERE debarredcomment = :odd", odd=ODD) == 2


@pytest.mark.own_server
def test_comments_longer_than_the_server_usually_joins_are_cut_and_no_error(
    koha: KohaDatabase, product: Engine, set_global: Callable[[str, int], None]
) -> None:
    patron = a_patron(koha)
    for _ in range(20):
        is_restricted(koha, patron, "🙂" * 200)
    set_global("group_concat_max_len", 1024)
    with product.begin() as conn:
        restrict.refresh_debarred(conn, [patron], DAY)
    assert row(koha, "borrowers", patron)["debarredcomment"] == "🙂" * 200 + "\n" + "🙂" * 54


def test_a_sample_library_in_sqlite_is_written_alike(koha: KohaDatabase, conn: Connection) -> None:
    numbers = [a_patron(koha, surname=ODD) for _ in range(300)]
    with a_copy_in_sqlite(conn) as copy:
        held = [{"borrowernumber": number, "code": "COLLECT", "attribute": None} for number in numbers[:150]]
        copy.execute(insert(borrower_attributes), held)
        write_everything(copy, numbers, list(copy.scalars(select(borrower_attributes.c.id))))
        says = select(borrowers.c.sort1, borrowers.c.debarred, borrowers.c.debarredcomment).distinct()
        assert copy.execute(says).all() == [("yes", date(9999, 12, 31), ODD)]
        shown = select(accountlines.c.amountoutstanding, accountlines.c.date, account_offsets.c.amount)
        joined = shown.join_from(accountlines, account_offsets, account_offsets.c.debit_id == LINE)
        assert copy.execute(joined).all() == [(Decimal(10), NOW.replace(microsecond=0), Decimal(10))] * 300
        assert set(copy.scalars(select(borrower_attributes.c.attribute))) == {"1"}
