"""The nightly copy takes what one that looks at all offsets would take, whatever happens between two nights."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, event, make_url, text

from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.outcomes.nightly_copy import copy_outcomes
from gentle_nudge.koha.connect.engine import engine
from gentle_nudge.koha.connect.instance import Instance
from tests.builders.days import ZONE
from tests.builders.koha import a_patron, apply, has_credit, owes, void
from tests.builders.values import a_policy
from tests.integration.store.conftest import with_our_tables
from tests.support.koha import KohaDatabase

BEGIN = datetime(2026, 1, 5, 12, tzinfo=UTC)
A_DAY, HALF_A_DAY = timedelta(days=1), timedelta(hours=12)
KEPT = ("outcome", "outcome_line")
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Late:
    """A payment that has not been committed yet, and the charge that it holds."""

    conn: Connection
    line: int
    amount: int

    def is_done(self) -> None:
        """It is committed."""
        self.conn.commit()
        self.conn.close()


class Desk:
    """What happens to charges, cases, and the clock from noon to noon; a copy is made at each midnight."""

    def __init__(self, koha: KohaDatabase, seed: int) -> None:
        self.koha, self.chance, self.noon = koha, Random(seed), BEGIN
        self.product = engine(Instance(url=make_url(koha.url), zone=ZONE, machine="here"))
        self.patron = a_patron(koha)
        self.reopen_days = 30
        self.late: list[Late] = []
        self.happenings = (
            *(self.refers, self.pays, self.pays, self.pays, self.voids, self.uses_nothing, self.finds),
            *(self.charges_by_hand, self.purges, self.ends, self.reopens, self.begins_late, self.ends_late),
        )

    def some(self, what: str, where: str = "TRUE") -> list[int]:
        """The numbers of which this is true, in any order."""
        rows = self.koha.query(f"SELECT DISTINCT {what} AS n FROM gentle_nudge_case c "
            "LEFT JOIN gentle_nudge_case_line l ON l.case_id = c.id "
            f"JOIN accountlines a ON a.accountlines_id IN (l.line, c.fee_line) WHERE {where} ORDER BY n")  # fmt: skip
        held = {late.line for late in self.late} if what == "a.accountlines_id" else set()
        found = [row["n"] for row in rows if row["n"] not in held]
        return self.chance.sample(found, len(found))

    def refers(self) -> None:
        """A case has new lines, a fee, and maybe a line of an earlier case."""
        day, patron = self.noon.date(), self.patron
        again = self.some("a.accountlines_id", "c.state <> 'open' AND l.line = a.accountlines_id")[:1]
        lines = [*again, *(owes(self.koha, patron, "30.00") for _ in range(self.chance.choice([1, 1, 2])))]
        case = self.koha.put(
            "gentle_nudge_case", section="global", patron=patron, state="open", adopted=False, to_report=False,
            referred_on=self.chance.choice([day, day, day - timedelta(days=90), None]), fee=10,
            fee_line=self.chance.choice([owes(self.koha, patron, "10.00"), None]), open_key=patron,
        )  # fmt: skip
        self.patron = a_patron(self.koha)
        latest = "SELECT COALESCE(MAX(id), 0) FROM account_offsets WHERE debit_id = :n"
        for line in lines:
            last = self.koha.value(latest, n=line)
            self.koha.put(
                "gentle_nudge_case_line", case_id=case, line=line, outstanding=30, counted=True, last_offset=last
            )

    def pays(self) -> None:
        """Some money for a charge."""
        for line in self.some("a.accountlines_id", "a.amountoutstanding > 0")[:1]:
            apply(self.koha, has_credit(self.koha, self.patron, "5.00"), line, "5.00")

    def uses_nothing(self) -> None:
        """A credit of which nothing is used for the charge: the balance says nothing of it."""
        for line in self.some("a.accountlines_id")[:1]:
            apply(self.koha, has_credit(self.koha, self.patron, "5.00"), line, "0.00")

    def voids(self) -> None:
        """A payment is voided, maybe one of the same day: then the balance is as before."""
        voided = "SELECT credit_id FROM account_offsets WHERE type = 'VOID'"
        rows = self.koha.query(
            "SELECT credit_id AS n, debit_id AS line FROM account_offsets WHERE type = 'APPLY' AND amount < 0 "
            f"AND credit_id NOT IN ({voided}) ORDER BY id"
        )
        held = {late.line for late in self.late}
        credits_ = [row["n"] for row in rows if row["line"] not in held]
        if credits_:
            void(self.koha, self.chance.choice([credits_[-1], self.chance.choice(credits_)]))

    def finds(self) -> None:
        """An item is found, without any offset."""
        for line in self.some("a.accountlines_id")[:1]:
            self.koha.execute("UPDATE accountlines SET status = 'FOUND' WHERE accountlines_id = :n", n=line)

    def charges_by_hand(self) -> None:
        """Somebody changes a charge in SQL."""
        for line in self.some("a.accountlines_id")[:1]:
            self.koha.execute("UPDATE accountlines SET amountoutstanding = 7 WHERE accountlines_id = :n", n=line)

    def purges(self) -> None:
        """Koha deletes a charge, and its offsets with it."""
        for line in self.some("a.accountlines_id", "a.amountoutstanding <= 0")[:1]:
            self.koha.execute("DELETE FROM accountlines WHERE accountlines_id = :n", n=line)

    def ends(self) -> None:
        """A case ends."""
        for case in self.some("c.id", "c.state = 'open'")[:1]:
            ended = "state = 'paid', open_key = NULL, closed_on = :day"
            self.koha.execute(f"UPDATE gentle_nudge_case SET {ended} WHERE id = :n", n=case, day=self.noon.date())

    def reopens(self) -> None:
        """A case that ended lately is opened again."""
        since = self.noon.date() - timedelta(days=self.reopen_days)
        for case in self.some("c.id", f"c.closed_on >= '{since}'")[:1]:
            again = "state = 'open', open_key = patron, closed_on = NULL"
            self.koha.execute(f"UPDATE gentle_nudge_case SET {again} WHERE id = :n", n=case)

    def begins_late(self) -> None:
        """A payment begins that others see only later; offsets made after it have higher numbers.

        One of which nothing is used does not take longer than to the next day.
        """
        for line in self.some("a.accountlines_id", "a.amountoutstanding > 0")[:1]:
            credit, amount = has_credit(self.koha, self.patron, "1.00"), self.chance.choice([0, 1, 1])
            conn = self.koha.engine.connect()
            change = (
                "UPDATE accountlines SET amountoutstanding = amountoutstanding - :amount WHERE accountlines_id = :n"
            )
            conn.execute(text(change), {"n": line, "amount": amount})
            offset = (
                "INSERT INTO account_offsets (credit_id, debit_id, type, amount) VALUES (:c, :n, 'APPLY', -:amount)"
            )
            conn.execute(text(offset), {"c": credit, "n": line, "amount": amount})
            self.late.append(Late(conn=conn, line=line, amount=amount))

    def ends_late(self) -> None:
        """The first such payment is there."""
        for late in self.late[:1]:
            late.is_done()
        self.late = self.late[1:]

    def half_a_day(self) -> None:
        """Some of all this."""
        unused = [late for late in self.late if not late.amount]
        for happens in self.chance.choices(self.happenings, k=self.chance.randrange(2, 9)):
            happens()
        for late in unused:
            if late in self.late:
                late.is_done()
                self.late.remove(late)

    def night(self, at: datetime) -> None:
        """A copy is made at this instant."""
        moment = Moment(day=at.astimezone(ZONE).date(), now=at, zone=ZONE)
        assert copy_outcomes(self.product, [a_policy(reopen_days=self.reopen_days)], moment) is None

    def kept(self) -> Rows:
        """What was copied."""
        return {name: self.koha.query(f"SELECT * FROM gentle_nudge_{name} ORDER BY 1") for name in KEPT}

    def puts_back(self, rows: Rows) -> None:
        """What was copied is this again."""
        for name, before in rows.items():
            self.koha.execute(f"DELETE FROM gentle_nudge_{name}")
            if before:
                self.koha.put_many(f"gentle_nudge_{name}", before)


@pytest.fixture
def since_noon(koha: KohaDatabase) -> Iterator[list[datetime]]:
    """The clock of the sessions with which the tests change Koha."""
    clock = [BEGIN]

    def tell(conn: Connection) -> None:
        conn.exec_driver_sql(f"SET timestamp = {clock[0].timestamp()}")

    event.listen(koha.engine, "begin", tell)
    yield clock
    event.remove(koha.engine, "begin", tell)
    koha.engine.dispose()


@pytest.mark.parametrize("seed", range(12))
def test_a_night_copies_what_a_look_at_all_offsets_would(
    koha: KohaDatabase, since_noon: list[datetime], seed: int
) -> None:
    with_our_tables(koha.engine)
    desk, quick = Desk(koha, seed), 0
    desk.refers()
    for _ in range(25):
        since_noon[0] = desk.noon
        desk.half_a_day()
        at = desk.noon + HALF_A_DAY
        wrong = at + timedelta(days=400) if desk.chance.random() < 0.05 else at
        desk.reopen_days = desk.chance.choice([30] * 9 + [300])
        before, mark = (
            desk.kept(),
            koha.query("SELECT outcomes_offset, outcomes_since, outcomes_copied FROM gentle_nudge_meta")[0],
        )
        koha.execute("UPDATE gentle_nudge_meta SET outcomes_offset = NULL")
        desk.night(wrong)
        expected = desk.kept()
        desk.puts_back(before)
        said = ", ".join(f"{name} = :{name}" for name in mark)
        koha.execute(f"UPDATE gentle_nudge_meta SET {said}", **mark)
        desk.night(wrong)
        assert desk.kept() == expected
        quick += mark["outcomes_offset"] is not None
        desk.noon += desk.chance.choice([A_DAY] * 12 + [timedelta(days=100)])
    for late in desk.late:
        late.is_done()
    assert quick > 20
    assert len(desk.kept()["outcome"]) > 10
