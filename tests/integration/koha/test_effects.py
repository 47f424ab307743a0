"""What is written into Koha: exactly the rows that Koha's own Perl writes, in bulk."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, LiftRestriction, Restrict, SetFlag
from gentle_nudge.domain.patron import Flag, FlagRow, Restriction
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.koha.koha_tables import account_offsets, accountlines, borrower_attributes, borrowers
from gentle_nudge.koha.read.debarments import restrictions
from gentle_nudge.koha.write import charge, flag, restrict
from gentle_nudge.koha.write.new_rows import numbers_of
from tests.builders.koha import a_patron, has_attribute, has_credit, is_restricted, owes
from tests.integration.koha.on_sqlite import a_copy_in_sqlite
from tests.integration.koha.views import DAY, NOW, Statements
from tests.support.koha import KohaDatabase

Row = dict[str, Any]
Kind = type[SetFlag] | type[ClearFlag]
LINE = accountlines.c.accountlines_id
SORT1, COLLECT = Flag.parse("sort1"), Flag.parse("attribute:COLLECT")
SECOND = datetime(2026, 11, 22, 8, 30, 15, tzinfo=UTC).replace(tzinfo=None)
LONG_AGO = datetime(2020, 1, 1, 12, tzinfo=UTC).replace(tzinfo=None)
ODD = "100% of %s %(name)s \\ \\' 'quoted' \"twice\" `back` ; -- 本 🙂\n\tNULL"


def a_fee(patron: int, **told: Any) -> ChargeFee:
    """The fee that is charged."""
    plain = ChargeFee(
        patron=patron, amount=Decimal("10.00"), type="MANUAL", description="UMS Processing Fee", branch=None
    )
    return replace(plain, **told)


def a_restriction(patron: int, comment: str = "Patron sent to collections on 2026-11-22") -> Restrict:
    """The restriction that is made."""
    return Restrict(patron=patron, type="MANUAL", comment=comment)


def a_flag(kind: Kind, patron: int, flag: Flag, row: int | None = None) -> Any:
    """The flag that is set or cleared."""
    return kind(patron=patron, flag=flag, before=FlagRow(row=row, value=None))


def row(koha: KohaDatabase, table: str, number: int) -> Row:
    """The row of that number, every column."""
    (found,) = koha.query(f"SELECT * FROM `{table}` WHERE `{koha.columns[table][0].column}` = :number", number=number)
    return found


def all_null_but(koha: KohaDatabase, table: str, **values: object) -> Row:
    """A row of that table in this version with nothing but these values."""
    empty: Row = dict.fromkeys(it.column for it in koha.columns[table])
    assert values.keys() <= empty.keys()
    return empty | values


def remember(koha: KohaDatabase, patron: int) -> Row:
    """The patron's row as it is, last changed long ago."""
    koha.execute("UPDATE borrowers SET updated_on = :then WHERE borrowernumber = :it", then=LONG_AGO, it=patron)
    return row(koha, "borrowers", patron)


def changed(koha: KohaDatabase, before: Row) -> Row:
    """The columns of the patron's row that are no longer what they were."""
    now = row(koha, "borrowers", before["borrowernumber"])
    return {name: value for name, value in now.items() if value != before[name]}


def charge_fees(conn: Connection, fees: Sequence[ChargeFee], now: datetime) -> dict[int, int]:
    """Charge the fees; patron -> the line made."""
    made = charge.charge(conn, fees, now)
    return numbers_of(conn, made, [fee.patron for fee in fees]) if made else {}


def restrict_patrons(conn: Connection, actions: Sequence[Restrict], now: datetime) -> dict[int, int]:
    """Restrict the patrons; patron -> the restriction made."""
    made = restrict.restrict(conn, actions, now)
    return numbers_of(conn, made, [action.patron for action in actions]) if made else {}


# Fees


@pytest.mark.every_koha
def test_a_fee_is_the_line_and_the_offset_that_koha_writes(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "99.00")
    before = remember(koha, patron)
    charged = charge_fees(conn, [a_fee(patron, branch="CPL")], NOW)
    conn.commit()
    line = koha.value("SELECT MAX(accountlines_id) FROM accountlines")
    assert charged == {patron: line}
    found = row(koha, "accountlines", line)
    assert isinstance(found["timestamp"], datetime)
    assert found == all_null_but(
        koha,
        "accountlines",
        accountlines_id=line,
        borrowernumber=patron,
        date=SECOND,
        amount=Decimal(10),
        amountoutstanding=Decimal(10),
        description="UMS Processing Fee",
        note="",
        debit_type_code="MANUAL",
        interface="cron",
        branchcode="CPL",
        timestamp=found["timestamp"],
    )
    offset = koha.value("SELECT MAX(id) FROM account_offsets")
    assert row(koha, "account_offsets", offset) == all_null_but(
        koha, "account_offsets", id=offset, debit_id=line, type="CREATE", amount=Decimal(10), created_on=SECOND
    )
    assert koha.value("SELECT COUNT(*) FROM account_offsets") == 2
    assert koha.value("SELECT COUNT(*) FROM statistics") == 0
    assert changed(koha, before) == {}


@pytest.mark.every_koha
def test_a_fee_of_no_branch_and_of_type_overdue_is_unreturned(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    charged = charge_fees(conn, [a_fee(patron, type="OVERDUE", description=ODD)], NOW)
    conn.commit()
    found = row(koha, "accountlines", charged[patron])
    assert (found["status"], found["branchcode"], found["description"]) == ("UNRETURNED", None, ODD)


def test_every_patrons_fee_has_its_own_offset(koha: KohaDatabase, conn: Connection) -> None:
    patrons = [a_patron(koha) for _ in range(4)]
    fees = [a_fee(patron, amount=Decimal(f"{n}.01"), description=f"{n} {ODD}") for n, patron in enumerate(patrons)]
    charged = charge_fees(conn, list(reversed(fees)), NOW)
    conn.commit()
    shown = koha.query(
        "SELECT borrowernumber, o.amount, description FROM accountlines AS a "
        "JOIN account_offsets AS o ON o.debit_id = a.accountlines_id ORDER BY borrowernumber"
    )
    assert [(it["borrowernumber"], it["amount"], it["description"]) for it in shown] == [
        (fee.patron, fee.amount, fee.description) for fee in fees
    ]
    for patron, line in charged.items():
        assert row(koha, "accountlines", line)["borrowernumber"] == patron


def test_credit_that_is_not_used_up_is_never_applied_to_our_fee(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    credit = has_credit(koha, patron, "50.00")
    charged = charge_fees(conn, [a_fee(patron)], NOW)
    conn.commit()
    assert row(koha, "accountlines", credit)["amountoutstanding"] == Decimal(-50)
    assert row(koha, "accountlines", charged[patron])["amountoutstanding"] == Decimal(10)


@pytest.mark.parametrize("told", [{"type": "NONE"}, {"branch": "NONE"}, {"patron": 999_999}])
def test_a_fee_that_koha_would_refuse_is_an_error(koha: KohaDatabase, conn: Connection, told: Row) -> None:
    fee = replace(a_fee(a_patron(koha)), **told)
    with pytest.raises((IntegrityError, GentleNudgeError)):
        charge.charge(conn, [fee], NOW)


# Restrictions


@pytest.mark.every_koha
def test_a_restriction_is_the_row_that_koha_writes(koha: KohaDatabase, conn: Connection) -> None:
    patron, other = a_patron(koha), a_patron(koha)
    is_restricted(koha, patron, "before", created=LONG_AGO, expires=date(2030, 1, 1))
    made = restrict_patrons(conn, [a_restriction(patron, ODD), a_restriction(other)], NOW)
    conn.commit()
    assert made.keys() == {patron, other}
    assert row(koha, "borrower_debarments", made[patron]) == all_null_but(
        koha,
        "borrower_debarments",
        borrower_debarment_id=made[patron],
        borrowernumber=patron,
        type="MANUAL",
        comment=ODD,
        created=SECOND,
    )
    assert row(koha, "borrower_debarments", made[other])["comment"] == "Patron sent to collections on 2026-11-22"


@pytest.mark.every_koha
def test_a_lifted_restriction_is_gone_and_the_others_are_as_they_were(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    gone = is_restricted(koha, patron, "ours", created=LONG_AGO)
    stays = is_restricted(koha, patron, "theirs", created=LONG_AGO)
    before = row(koha, "borrower_debarments", stays)
    never = Restriction(id=999_999, type="MANUAL", comment=None, expires=None)
    lifted = [LiftRestriction(patron=patron, restriction=replace(never, id=it)) for it in (gone, never.id)]
    restrict.lift(conn, lifted)
    restrict.refresh_debarred(conn, [patron], DAY)
    conn.commit()
    assert koha.value("SELECT GROUP_CONCAT(borrower_debarment_id) FROM borrower_debarments") == str(stays)
    assert row(koha, "borrower_debarments", stays) == before
    assert row(koha, "borrowers", patron)["debarredcomment"] == "theirs"


@pytest.mark.every_koha
def test_the_columns_of_the_patron_say_what_the_active_restrictions_say(koha: KohaDatabase, conn: Connection) -> None:
    tomorrow, later = DAY + timedelta(days=1), DAY + timedelta(days=9)
    cases: dict[tuple[tuple[str | None, date | None], ...], tuple[date | None, str | None]] = {
        (): (None, None),
        (("over", DAY),): (None, None),
        (("tomorrow", tomorrow),): (tomorrow, "tomorrow"),
        (("over", DAY), ("b", later), ("a", tomorrow)): (later, "b\na"),
        (("b", later), (None, tomorrow), ("a", None)): (restrict.FOR_EVER, "b\na"),
        ((None, later), (None, tomorrow)): (later, None),
        (("", later), ("x", later)): (later, "\nx"),
        (("", None),): (restrict.FOR_EVER, ""),
        ((ODD, None),): (restrict.FOR_EVER, ODD),
        (("z" * 254, None), ("本🙂", None)): (restrict.FOR_EVER, "z" * 254 + "\n"),
        (("🙂" * 300, None),): (restrict.FOR_EVER, "🙂" * 255),
        (("本" * 253, None), ("🙂é", None)): (restrict.FOR_EVER, "本" * 253 + "\n🙂"),
    }
    patrons = [a_patron(koha) for _ in cases]
    for patron, held in zip(patrons, cases, strict=True):
        for comment, expires in held:
            koha.put("borrower_debarments", borrowernumber=patron, type="MANUAL", comment=comment, expiration=expires)
        koha.execute("UPDATE borrowers SET debarred = '2001-01-01', debarredcomment = 'phantom'")
    restrict.refresh_debarred(conn, reversed(patrons), DAY)
    conn.commit()
    shown = [row(koha, "borrowers", patron) for patron in patrons]
    assert [(it["debarred"], it["debarredcomment"]) for it in shown] == list(cases.values())


@pytest.mark.every_koha
def test_koha_itself_would_compute_the_same_columns(koha: KohaDatabase, conn: Connection) -> None:
    """The statement of Koha's UpdateBorrowerDebarmentFlags, restated."""
    patron = a_patron(koha)
    for comment, expires in (("a", None), (None, None), ("b", DAY), ("c", DAY + timedelta(days=1))):
        is_restricted(koha, patron, comment, expires=expires)
    restrict.refresh_debarred(conn, [patron], DAY)
    conn.commit()
    shown = row(koha, "borrowers", patron)
    computed = koha.query(
        "SELECT IF(SUM(expiration IS NULL), DATE '9999-12-31', MAX(expiration)) AS debarred, "
        "GROUP_CONCAT(comment ORDER BY borrower_debarment_id SEPARATOR '\n') AS debarredcomment "
        "FROM borrower_debarments WHERE borrowernumber = :it AND (expiration IS NULL OR expiration > :today)",
        it=patron,
        today=DAY,
    )
    assert [{name: shown[name] for name in ("debarred", "debarredcomment")}] == computed


def test_a_restriction_until_the_zero_date_is_over(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    zero, _ = is_restricted(koha, patron, "zero"), is_restricted(koha, patron, "b", expires=DAY + timedelta(days=1))
    koha.execute(
        "SET STATEMENT sql_mode = '' FOR UPDATE borrower_debarments SET expiration = '0000-00-00' "
        "WHERE borrower_debarment_id = :zero",
        zero=zero,
    )
    restrict.refresh_debarred(conn, [patron], DAY)
    conn.commit()
    shown = row(koha, "borrowers", patron)
    assert (shown["debarred"], shown["debarredcomment"]) == (DAY + timedelta(days=1), "b")


@pytest.mark.every_koha
def test_nothing_else_of_a_patron_changes_and_when_it_changed_only_if_it_did(
    koha: KohaDatabase, conn: Connection
) -> None:
    patron, same, none = (a_patron(koha) for _ in range(3))
    for number in (patron, same):
        held = is_restricted(koha, number, "held", created=LONG_AGO)
    koha.execute("UPDATE borrowers SET debarred = NULL, debarredcomment = NULL WHERE borrowernumber = :it", it=patron)
    before = {number: remember(koha, number) for number in (patron, same, none)}
    restrict.refresh_debarred(conn, before, DAY)
    conn.commit()
    assert changed(koha, before[same]) == changed(koha, before[none]) == {}
    difference = changed(koha, before[patron])
    assert difference.pop("updated_on") > LONG_AGO
    assert difference == {"debarred": date(9999, 12, 31), "debarredcomment": "held"}
    assert row(koha, "borrower_debarments", held)["created"] == LONG_AGO


def test_a_restriction_of_a_type_that_koha_has_not_is_an_error(koha: KohaDatabase, conn: Connection) -> None:
    made = replace(a_restriction(a_patron(koha)), type="NONE")
    with pytest.raises((IntegrityError, GentleNudgeError)):
        restrict.restrict(conn, [made], NOW)


# Flags


@pytest.mark.every_koha
@pytest.mark.parametrize("column", ["sort1", "sort2"])
def test_a_sort_field_becomes_yes_or_no_and_nothing_else_changes(
    koha: KohaDatabase, conn: Connection, column: str
) -> None:
    field = Flag.parse(column)
    columns: list[Row] = [{column: value} for value in (None, "no", " YES ", "yes")]
    patrons = [a_patron(koha, **it) for it in columns]
    before = [remember(koha, patron) for patron in patrons]
    kinds: tuple[Kind, ...] = (SetFlag, SetFlag, ClearFlag, SetFlag)
    flag.write_flags(conn, [a_flag(kind, it, field) for kind, it in zip(kinds, patrons, strict=True)], NOW)
    conn.commit()
    differences = [changed(koha, it) for it in before]
    times = [it.pop("updated_on", None) for it in differences]
    assert differences == [{column: "yes"}, {column: "yes"}, {column: "no"}, {}]
    assert [time is not None for time in times] == [True, True, True, False]


@pytest.mark.every_koha
def test_an_attribute_row_is_changed_in_place_or_inserted(koha: KohaDatabase, conn: Connection) -> None:
    has, twice, none, bystander = (a_patron(koha) for _ in range(4))
    first = has_attribute(koha, has, "COLLECT", "0")
    ones = [has_attribute(koha, twice, "COLLECT", value) for value in ("1", "other", "yes")]
    theirs = has_attribute(koha, bystander, "COLLECT", "0")
    elsewhere = has_attribute(koha, has, "OTHER", "0")
    before = {number: remember(koha, number) for number in (has, twice, none, bystander)}
    actions = [
        a_flag(SetFlag, has, COLLECT, first),
        a_flag(ClearFlag, twice, COLLECT, ones[0]),
        a_flag(ClearFlag, twice, COLLECT, ones[2]),
        a_flag(SetFlag, none, COLLECT),
    ]
    flag.write_flags(conn, actions, NOW)
    conn.commit()
    shown = koha.query("SELECT id, borrowernumber AS it, code, attribute FROM borrower_attributes ORDER BY id")
    values = {at["id"]: at["attribute"] for at in shown}
    new = shown[-1]
    assert values == {first: "1", **dict(zip(ones, ("0", "other", "0"), strict=True)), theirs: "0", elsewhere: "0"} | {
        new["id"]: "1"
    }
    assert (new["it"], new["code"]) == (none, "COLLECT")
    touched = {number: changed(koha, it) for number, it in before.items()}
    assert touched == {number: {"updated_on": SECOND} for number in (has, twice, none)} | {bystander: {}}


def test_flags_of_several_fields_are_written_each_in_its_own(koha: KohaDatabase, conn: Connection) -> None:
    one, two = a_patron(koha), a_patron(koha, sort2="yes")
    row_ = has_attribute(koha, one, "COLLECT", "0")
    actions = [
        a_flag(SetFlag, one, SORT1),
        a_flag(SetFlag, one, COLLECT, row_),
        a_flag(ClearFlag, two, Flag.parse("sort2")),
    ]
    flag.write_flags(conn, actions, NOW)
    conn.commit()
    assert koha.query("SELECT sort1, sort2 FROM borrowers ORDER BY borrowernumber") == [
        {"sort1": "yes", "sort2": None},
        {"sort1": None, "sort2": "no"},
    ]
    assert koha.value("SELECT attribute FROM borrower_attributes") == "1"


# In bulk


def write_everything(conn: Connection, numbers: Sequence[int], rows: Sequence[int]) -> None:
    """Every kind of change for every patron."""
    made = restrict_patrons(conn, [a_restriction(number, ODD) for number in numbers], NOW)
    held = restrictions(conn, numbers)
    restrict.refresh_debarred(conn, numbers, DAY)
    flag.write_flags(conn, [a_flag(SetFlag, number, SORT1) for number in numbers], NOW)
    half = len(numbers) // 2
    by_row = [a_flag(SetFlag, n, COLLECT, row) for n, row in zip(numbers[:half], rows[:half], strict=True)]
    flag.write_flags(conn, [*by_row, *(a_flag(SetFlag, n, COLLECT) for n in numbers[half:])], NOW)
    charged = charge_fees(conn, [a_fee(number, description=ODD) for number in numbers], NOW)
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
        assert charge.charge(conn, [], NOW) is None
    assert statements.seen == []


def test_no_column_is_written_that_koha_fills_itself(koha: KohaDatabase, conn: Connection) -> None:
    numbers, rows = patrons_with_attributes(koha, 2)
    with Statements(conn) as statements:
        write_everything(conn, numbers, rows)
    written = [it for it, _ in statements.seen if re.match("INSERT|UPDATE", it)]
    assert len(written) == 8
    assert not any(re.search(r"\btimestamp\b|manager_id|\bupdated\b", it) for it in written)


# Whatever the server's own settings


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
