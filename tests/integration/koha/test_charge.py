"""Processing fees: the line and the offset that Koha's own Perl writes."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from gentle_nudge.domain.moment import Interface
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.koha.write import charge
from tests.builders.koha import a_patron, has_credit, owes
from tests.integration.koha.koha_changes import (
    ODD,
    SECOND,
    Row,
    a_fee,
    all_null_but,
    changed,
    charge_fees,
    remember,
    row,
)
from tests.integration.koha.line_views import MOMENT
from tests.support.koha import KohaDatabase


@pytest.mark.every_koha
@pytest.mark.parametrize("interface", ["cron", "commandline"])
def test_a_fee_is_the_line_and_the_offset_that_koha_writes(
    koha: KohaDatabase, conn: Connection, interface: Interface
) -> None:
    patron = a_patron(koha)
    owes(koha, patron, "99.00")
    before = remember(koha, patron)
    charged = charge_fees(conn, [a_fee(patron, branch="CPL")], replace(MOMENT, interface=interface))
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
        interface=interface,
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
    charged = charge_fees(conn, [a_fee(patron, type="OVERDUE", description=ODD)], MOMENT)
    conn.commit()
    found = row(koha, "accountlines", charged[patron])
    assert (found["status"], found["branchcode"], found["description"]) == ("UNRETURNED", None, ODD)


def test_every_patrons_fee_has_its_own_offset(koha: KohaDatabase, conn: Connection) -> None:
    patrons = [a_patron(koha) for _ in range(4)]
    fees = [a_fee(patron, amount=Decimal(f"{n}.01"), description=f"{n} {ODD}") for n, patron in enumerate(patrons)]
    charged = charge_fees(conn, list(reversed(fees)), MOMENT)
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
    charged = charge_fees(conn, [a_fee(patron)], MOMENT)
    conn.commit()
    assert row(koha, "accountlines", credit)["amountoutstanding"] == Decimal(-50)
    assert row(koha, "accountlines", charged[patron])["amountoutstanding"] == Decimal(10)


@pytest.mark.parametrize("told", [{"type": "NONE"}, {"branch": "NONE"}, {"patron": 999_999}])
def test_a_fee_that_koha_would_refuse_is_an_error(koha: KohaDatabase, conn: Connection, told: Row) -> None:
    fee = replace(a_fee(a_patron(koha)), **told)
    with pytest.raises((IntegrityError, GentleNudgeError)):
        charge.charge(conn, [fee], MOMENT)
