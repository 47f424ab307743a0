"""Koha's own log rows, in the layout of its Perl, with the columns that this Koha has."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, LiftRestriction, Restrict, SetFlag
from gentle_nudge.domain.moment import Interface
from gentle_nudge.domain.patron import Flag, FlagRow, Restriction
from gentle_nudge.koha.write import action_logs, restrict
from gentle_nudge.koha.write.action_logs import LogRow, Logs
from gentle_nudge.koha.write.new_rows import numbers_of
from tests.builders.koha import a_patron
from tests.integration.koha.line_views import MOMENT, Statements
from tests.support.koha import KohaDatabase

SECOND = datetime(2026, 11, 22, 8, 30, 15, tzinfo=UTC).replace(tzinfo=None)
ODD = "100% of %s %(name)s \\ 'quoted' \"twice\" 本 🙂"
FEE = ChargeFee(patron=9, amount=Decimal("10.00"), type="MANUAL", description="UMS Processing Fee", branch="CPL")
SORT1, COLLECT = Flag.parse("sort1"), Flag.parse("attribute:COLLECT")


def set_flag(flag: Flag, before: str | None, row: int | None = None) -> SetFlag:
    """The flag of patron 9 is set."""
    return SetFlag(patron=9, flag=flag, before=FlagRow(row=row, value=before))


def clear_flag(flag: Flag, before: str | None, row: int | None = None) -> ClearFlag:
    """The flag of patron 9 is cleared."""
    return ClearFlag(patron=9, flag=flag, before=FlagRow(row=row, value=before))


def logged(koha: KohaDatabase) -> list[dict[str, object]]:
    """The log, every column but the number."""
    rows = koha.query("SELECT * FROM action_logs ORDER BY action_id")
    return [{name: value for name, value in row.items() if name != "action_id"} for row in rows]


# Which logs are kept


@pytest.mark.every_koha
@pytest.mark.parametrize(
    ("borrowers", "fines", "wanted"),
    [
        ("1", "1", Logs(borrowers=True, fines=True)),
        ("1", "0", Logs(borrowers=True, fines=False)),
        ("", "1", Logs(borrowers=False, fines=True)),
    ],
)
def test_koha_says_which_logs_it_keeps(
    koha: KohaDatabase, conn: Connection, borrowers: str, fines: str, *, wanted: Logs
) -> None:
    koha.prefer("BorrowersLog", borrowers)
    koha.prefer("FinesLog", fines)
    assert action_logs.wanted(conn) == wanted


def test_a_log_whose_preference_is_missing_is_not_kept(koha: KohaDatabase, conn: Connection) -> None:
    koha.execute("DELETE FROM systempreferences")
    assert action_logs.wanted(conn) == Logs(borrowers=False, fines=False)


# The rows


@pytest.mark.every_koha
@pytest.mark.parametrize("interface", ["cron", "commandline"])
def test_a_logged_row_is_the_one_that_koha_writes(koha: KohaDatabase, conn: Connection, interface: Interface) -> None:
    row = LogRow(module="FINES", action="CREATE", object=9, info=ODD, diff="{}")
    action_logs.write(conn, [row], replace(MOMENT, interface=interface))
    conn.commit()
    assert logged(koha) == [
        {
            "timestamp": SECOND,
            "user": 0,
            "module": "FINES",
            "action": "CREATE",
            "object": 9,
            "info": ODD,
            "interface": interface,
            "script": "gentle-nudge",
            "trace": None,
            "diff": "{}",
        }
    ]


@pytest.mark.parametrize("missing", [("diff",), ("diff", "trace"), ("diff", "trace", "script")])
def test_an_older_koha_is_given_the_columns_it_has(
    koha: KohaDatabase, product: Engine, missing: tuple[str, ...]
) -> None:
    for column in missing:
        koha.spoil(f"ALTER TABLE action_logs DROP COLUMN {column}")
    with product.begin() as conn:
        action_logs.write(conn, [action_logs.fee_charged(FEE, 9), action_logs.lifted(LIFTED)], MOMENT)
    rows = logged(koha)
    assert [row["action"] for row in rows] == ["CREATE", "DELETE_RESTRICTION"]
    assert rows[0].keys() == {
        name
        for name in ("timestamp", "user", "module", "action", "object", "info", "interface", "script", "trace", "diff")
        if name not in missing
    }


def test_our_own_row_names_no_patron(koha: KohaDatabase, conn: Connection) -> None:
    action_logs.write(conn, [LogRow(module="GENTLENUDGE", action="SYNC", object=None, info="{}")], MOMENT)
    conn.commit()
    (row,) = logged(koha)
    assert (row["object"], row["diff"]) == (None, None)


@pytest.mark.parametrize("many", [0, 1, 1000, 2500])
def test_logging_takes_one_statement_per_thousand_rows(koha: KohaDatabase, conn: Connection, many: int) -> None:
    action_logs.write(conn, [action_logs.lifted(LIFTED)], MOMENT)  # the columns of this Koha are looked up once
    conn.rollback()
    with Statements(conn) as statements:
        action_logs.write(conn, (action_logs.fee_charged(FEE, 9) for _ in range(many)), MOMENT)
    assert len(statements.seen) == -(-many // 1000)
    conn.commit()
    assert koha.value("SELECT COUNT(*) FROM action_logs") == many


def test_rows_logged_with_one_statement_say_what_single_rows_say(koha: KohaDatabase, conn: Connection) -> None:
    numbers = [a_patron(koha), a_patron(koha)]
    fees = [replace(FEE, patron=number, description=ODD) for number in numbers]
    restrictions = [Restrict(patron=number, type="MANUAL", comment=ODD) for number in numbers]
    made = restrict.restrict(conn, restrictions, MOMENT.now)
    assert made
    action_logs.write_alike(conn, action_logs.fee_charged, fees, MOMENT)
    action_logs.write_restricted(conn, restrictions, made, MOMENT)
    conn.commit()
    at_once = logged(koha)
    koha.execute("DELETE FROM action_logs")
    ids = numbers_of(conn, made, numbers)
    single = [
        *(action_logs.fee_charged(fee, fee.patron) for fee in fees),
        *(action_logs.restricted(it, it.patron, ids[it.patron], "2026-11-22 03:30:15") for it in restrictions),
    ]
    action_logs.write(conn, single, MOMENT)
    conn.commit()
    assert at_once == logged(koha)


# What they say


def test_a_fee_is_logged_as_add_debit_logs_it() -> None:
    assert action_logs.fee_charged(FEE, 9) == LogRow(
        module="FINES",
        action="CREATE",
        object=9,
        diff="{}",
        info="""\
$VAR1 = {
          'action' => 'create_MANUAL',
          'borrowernumber' => 9,
          'amount' => '10.00',
          'description' => 'UMS Processing Fee',
          'amountoutstanding' => '10.00',
          'debit_type_code' => 'MANUAL',
          'note' => '',
          'itemnumber' => undef,
          'manager_id' => undef
        };
""",
    )


RESTRICTION = Restriction(id=17, type="MANUAL", comment="ours", expires=None)
LIFTED = LiftRestriction(patron=9, restriction=RESTRICTION)


def test_a_restriction_is_logged_as_the_row_that_was_made() -> None:
    made = Restrict(patron=9, type="MANUAL", comment="It's on C:\\")
    assert action_logs.restricted(made, 9, 17, "2026-11-22 03:30:15") == LogRow(
        module="MEMBERS",
        action="CREATE_RESTRICTION",
        object=9,
        info="""\
$VAR1 = {
          'borrower_debarment_id' => 17,
          'borrowernumber' => 9,
          'comment' => 'It\\'s on C:\\\\',
          'created' => '2026-11-22 03:30:15',
          'expiration' => undef,
          'manager_id' => undef,
          'type' => 'MANUAL',
          'updated' => undef
        };
""",
    )


def test_that_a_restriction_went_is_logged_but_not_which() -> None:
    assert action_logs.lifted(LIFTED) == LogRow(module="MEMBERS", action="DELETE_RESTRICTION", object=9, info="")


@pytest.mark.parametrize(
    ("change", "key", "before", "after"),
    [
        (set_flag(SORT1, None), "sort1", "null", '"yes"'),
        (set_flag(SORT1, ""), "sort1", '""', '"yes"'),
        (set_flag(Flag.parse("sort2"), "no"), "sort2", '"no"', '"yes"'),
        (clear_flag(SORT1, " YES "), "sort1", '" YES "', '"no"'),
        (set_flag(COLLECT, None), "attribute.COLLECT", '""', '"1"'),
        (set_flag(COLLECT, None, row=3), "attribute.COLLECT", '""', '"1"'),
        (set_flag(COLLECT, "0", row=3), "attribute.COLLECT", '"0"', '"1"'),
        (clear_flag(COLLECT, "yes", row=3), "attribute.COLLECT", '"yes"', '"0"'),
        (clear_flag(COLLECT, 'Ä "本" \\ /', row=3), "attribute.COLLECT", '"Ä \\"本\\" \\\\ /"', '"0"'),
    ],
)
def test_a_changed_flag_is_logged_as_koha_logs_a_changed_patron(
    change: SetFlag | ClearFlag, key: str, before: str, *, after: str
) -> None:
    expected = f'{{\n   "{key}" : {{\n      "after" : {after},\n      "before" : {before}\n   }}\n}}\n'
    found = action_logs.flag_changed(change, 9)
    assert found == LogRow(module="MEMBERS", action="MODIFY", object=9, info=expected)
    assert json.loads(str(found.info))[key]["after"] == json.loads(after)


@pytest.mark.parametrize(
    ("amount", "shown"), [("10.00", "10.00"), ("1E+1", "10"), ("0.5", "0.5"), ("1234567.89", "1234567.89")]
)
def test_an_amount_is_logged_in_plain_figures(amount: str, shown: str) -> None:
    assert f"'amount' => '{shown}'" in action_logs.dumped({"amount": Decimal(amount)})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "undef"),
        (0, "0"),
        (-5, "-5"),
        ("", "''"),
        ("10", "'10'"),
        ("O'Brien", r"'O\'Brien'"),
        ("\\'", r"'\\\''"),
        ('two\nlines $x @y 100% "q"', "'two\nlines $x @y 100% \"q\"'"),
    ],
)
def test_a_value_is_dumped_as_perl_dumps_it(value: str | int | None, shown: str) -> None:
    assert action_logs.dumped({"a": value}) == f"$VAR1 = {{\n          'a' => {shown}\n        }};\n"
