"""Changes to make in Koha, and the rows that they leave."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, Restrict, SetFlag
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.patron import Flag, FlagRow
from gentle_nudge.koha.koha_tables import accountlines
from gentle_nudge.koha.write import charge, restrict
from gentle_nudge.koha.write.new_rows import numbers_of
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


def charge_fees(conn: Connection, fees: Sequence[ChargeFee], moment: Moment) -> dict[int, int]:
    """Charge the fees; patron -> the line made."""
    made = charge.charge(conn, fees, moment)
    return numbers_of(conn, made, [fee.patron for fee in fees]) if made else {}


def restrict_patrons(conn: Connection, actions: Sequence[Restrict], now: datetime) -> dict[int, int]:
    """Restrict the patrons; patron -> the restriction made."""
    made = restrict.restrict(conn, actions, now)
    return numbers_of(conn, made, [action.patron for action in actions]) if made else {}
