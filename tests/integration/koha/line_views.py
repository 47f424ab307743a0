"""How these tests look at accounts: a plain policy, a Sunday in November, and the days before it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Self
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, event

from gentle_nudge.domain.collections.policy import Policy, Scope, Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.ledger import Account, Line, LineRules, Ownership
from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.patrons.accounts import line_rules
from gentle_nudge.koha.read import accountlines, borrowers
from tests.builders import values

NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 8, 30, 15, 123456, tzinfo=UTC)
MOMENT = Moment(day=DAY, now=NOW, zone=NEW_YORK)
NOON = time(12)
MIDNIGHT = time(0, 0, 0)
LAST_SECOND = time(23, 59, 59)


def a_policy(**rules: Any) -> Policy:
    """The policy of the rules' tests, but nothing is charged; and these rules."""
    return values.a_policy(**{"processing_fee": Decimal(0), **rules})


@dataclass(frozen=True, kw_only=True)
class LineView:
    """What a section, its day and our records make of accounts: which lines count, and whose they are."""

    section: Section
    day: date
    zone: ZoneInfo
    withdrawn: Mapping[int, date] = field(default_factory=dict)
    own_fees: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    other_fees: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    taken_back: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def rules(self) -> LineRules:
        """Which lines count."""
        moment = Moment(day=self.day, now=NOW, zone=self.zone)
        withdrawn = {**dict.fromkeys(self.taken_back), **self.withdrawn}
        return line_rules(self.section, moment, SectionRecords(withdrawn=withdrawn))

    @property
    def ownership(self) -> Ownership:
        """Whose they are."""
        both = self.own_fees.keys() | self.other_fees.keys()
        return Ownership(
            charges_by=self.section.charges_by,
            branches=self.section.scope.branches,
            all_but=self.section.scope.all_but,
            own=self.own_fees,
            others=self.other_fees,
            fees={number: (*self.own_fees.get(number, ()), *self.other_fees.get(number, ())) for number in both},
            withdrawn=self.taken_back,
        )


def a_view(
    *,
    day: date = DAY,
    zone: ZoneInfo = NEW_YORK,
    charges_by: Any = "patron",
    only: str = "",
    all_but: str = "",
    **rules: Any,
) -> LineView:
    """How a section of these rules sees accounts; `only` names its branches, `all_but` others'."""
    scope = Scope(branches=frozenset((only or all_but).split()), all_but=not only)
    section = Section(policy=a_policy(**rules), scope=scope, charges_by=charges_by)
    return LineView(section=section, day=day, zone=zone)


def ago(days: int, at: time = NOON, *, day: date = DAY, zone: ZoneInfo = NEW_YORK) -> datetime:
    """The instant so many days before, at that time of the library's clocks."""
    return datetime.combine(day - timedelta(days=days), at, tzinfo=zone)


def accounts(conn: Connection, view: LineView, patrons: Iterable[int], *, lock: bool = False) -> dict[int, Account]:
    """The accounts of these patrons."""
    rules, numbers = view.rules, list(patrons)
    if view.section.policy.charged_as_minor == "leave_out":
        people = borrowers.patrons(conn, view.section.policy.patron_fields, numbers)
        rules = rules.with_ages(people.values())
    return accountlines.accounts(conn, rules, view.ownership, numbers, lock=lock)


def balances(conn: Connection, view: LineView, patrons: Iterable[int]) -> dict[int, Decimal]:
    """Their balances, as the database adds them up."""
    return accountlines.balances(conn, view.ownership, list(patrons))


def account(conn: Connection, view: LineView, patron: int) -> Account:
    """The account of one patron; its balance is the one that the database adds up."""
    found = accounts(conn, view, [patron])[patron]
    assert balances(conn, view, [patron]) == {patron: found.balance}
    return found


def lines(conn: Connection, view: LineView, patrons: Iterable[int]) -> dict[int, tuple[Line, ...]]:
    """The lines of these patrons; their balances are those that the database adds up."""
    found = accounts(conn, view, list(patrons))
    assert {number: theirs.balance for number, theirs in found.items()} == balances(conn, view, list(found))
    return {number: theirs.lines for number, theirs in found.items()}


class Statements:
    """Every statement that an engine or a connection executes while this listens, with what is bound to it."""

    def __init__(self, listened: Engine | Connection) -> None:
        self.listened = listened
        self.seen: list[tuple[str, Any]] = []

    def __enter__(self) -> Self:
        event.listen(self.listened, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.listened, "before_cursor_execute", self._note)

    def _note(self, _conn: Any, _cursor: Any, statement: str, bound: Any, *_: Any) -> None:
        self.seen.append((statement, bound))
