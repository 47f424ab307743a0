"""Values of the domain in the library's words. Plain functions; every fact has a default."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.changes import OpenCase
from gentle_nudge.domain.collections.plan import Adoption, Referral
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.referral import Candidate, PatronRecords
from gentle_nudge.domain.collections.reopening import ClosedCase
from gentle_nudge.domain.collections.restriction import Holdings
from gentle_nudge.domain.collections.section_facts import Adoptee, Evidence
from gentle_nudge.domain.collections.submission_day import Due
from gentle_nudge.domain.ledger import Account, Line
from gentle_nudge.domain.outbox import Address, Channel, Delivery, DeliveryState
from gentle_nudge.domain.patron import Flag, FlagRow, Patron, Restriction
from gentle_nudge.domain.report_row import ReportKind, UpdateRow

SUNDAY = date(2026, 11, 22)
MONDAY = date(2026, 11, 23)
QUEUED = datetime(2026, 11, 22, 7, tzinfo=UTC)
SORT1 = Flag(column="sort1")
ATTRIBUTE = Flag(column="attribute", code="COLLECT")


# The library


def a_policy(**changes: Any) -> Policy:
    """From 25.00 in the window on, for a fee of 10.00, flagged in sort1, minors like everybody."""
    usual = Policy(threshold=Decimal("25.00"), processing_fee=Decimal("10.00"), flag=SORT1, minors="include")
    return replace(usual, **changes)


def a_section(**changes: Any) -> Section:
    """The section `global` with this policy."""
    return Section(policy=a_policy(**changes))


def amounts(*texts: str) -> list[Decimal]:
    """Amounts as the library writes them."""
    return [Decimal(text) for text in texts]


# Patrons


def in_sort1(value: str | None) -> tuple[FlagRow, ...]:
    """The field sort1 with this value."""
    return (FlagRow(row=None, value=value),)


def in_attributes(*values: str | None, first: int = 11) -> tuple[FlagRow, ...]:
    """Attribute rows with these values, numbered from `first`."""
    return tuple(FlagRow(row=first + place, value=value) for place, value in enumerate(values))


def a_patron(number: int = 1, *, flag: str | None = None, **facts: Any) -> Patron:
    """An adult with a card and a flag in sort1."""
    usual = Patron(
        number=number,
        card=f"{20_000_000 + number}",
        surname=f"Surname{number}",
        firstname="Pat",
        branch="CPL",
        category="PT",
        born=date(1980, 5, 5),
        flag=in_sort1(flag),
    )
    return replace(usual, **facts)


def an_account(owed: str = "30.00", *, balance: str | None = None, whole: str | None = None, **facts: Any) -> Account:
    """So much owed in the window; unless said otherwise that is all they owe."""
    balance = owed if balance is None else balance
    whole = balance if whole is None else whole
    return Account(owed=Decimal(owed), balance=Decimal(balance), whole_balance=Decimal(whole), **facts)


def a_candidate(number: int = 1, *, owed: str = "30.00", flag: str | None = None, **facts: Any) -> Candidate:
    """A patron who owes so much, in the window and in all."""
    return Candidate(patron=a_patron(number, flag=flag, **facts), account=an_account(owed))


IN_CASE = PatronRecords(open_cases=frozenset({"global"}))


def with_case(candidate: Candidate) -> Candidate:
    """The patron with an open case of the section `global`."""
    return replace(candidate, records=IN_CASE)


def an_adoptee(number: int = 1, *, balance: str = "40.00", referred_on: date | None = None) -> Adoptee:
    """A patron whose flag says yes without a case."""
    return Adoptee(candidate=a_candidate(number, owed=balance, flag="yes"), referred_on=referred_on)


# Cases


def a_case(id: int = 1, *, patron: int | None = 1, **facts: Any) -> Case:  # noqa: A002 - its name in the domain
    """An open case of the patron, first reported under the same number, last queued with 50.00."""
    usual = Case(
        id=id,
        section="global",
        patron=patron,
        number=patron,
        referred_on=date(2026, 9, 6),
        last_due=Decimal("50.00"),
        surname=f"Surname{patron}",
        firstname="Pat",
        card=f"{20_000_000 + (patron or 0)}",
    )
    return replace(usual, **facts)


def in_collections(number: int = 1, *, balance: str = "50.00", flag: str | None = "yes", **facts: Any) -> CaseFacts:
    """The open case of a patron who is there, with the same id as the patron's number."""
    patron = a_patron(number, flag=flag, **facts)
    return CaseFacts(case=a_case(number, patron=number), patron=patron, balance=Decimal(balance))


def gone(number: int = 1) -> CaseFacts:
    """The open case of a patron who was deleted."""
    return CaseFacts(case=a_case(number, patron=number), patron=None)


def merged(number: int, into: Patron, *, balance: str = "50.00", heir_has_case: bool = False) -> CaseFacts:
    """The open case of a patron whose card was merged into another one's; the balance is the heir's."""
    return CaseFacts(
        case=a_case(number, patron=number),
        patron=None,
        balance=Decimal(balance),
        heir=into,
        records=IN_CASE if heir_has_case else PatronRecords(),
    )


def a_last_word(number: int, state: CaseState, *, balance: str = "50.00", **facts: Any) -> CaseFacts:
    """A closed case the agency is still to be told of; its patron is there, without the flag."""
    closed = a_case(number, patron=number, state=state, to_report=True, **facts)
    return CaseFacts(case=closed, patron=a_patron(number, flag="no"), balance=Decimal(balance))


def a_closed_case(
    candidate: Candidate,
    *,
    owing: str = "40.00",
    before: str = "0.00",
    id: int = 1,  # noqa: A002 - its name in the domain
    **facts: Any,
) -> ClosedCase:
    """A case of this patron, released on the day before the Sunday; its one line owed `before` and owes `owing` now."""
    usual: dict[str, Any] = {
        "state": CaseState.RELEASED,
        "closed_on": SUNDAY - timedelta(days=1),
        "closed_owing": Decimal(before),
        "why": "owes 0.00, at or below 0.00",
    }
    account = replace(candidate.account, lines=(*candidate.account.lines, a_line(7000 + id, owing)))
    return ClosedCase(
        case=a_case(id, patron=candidate.patron.number, **(usual | facts)),
        lines=frozenset({7000 + id}),
        candidate=replace(candidate, account=account),
    )


# Restrictions and nights


def ours(id: int = 5, **facts: Any) -> Restriction:  # noqa: A002 - its name in the domain
    """A restriction as the night of a referral makes it."""
    usual = Restriction(id=id, type="MANUAL", comment="Patron sent to collections on 2026-09-06", expires=None)
    return replace(usual, **facts)


def holding(patron: Patron | None = None, *restrictions: Restriction, recorded: Iterable[int] = ()) -> Holdings:
    """The restrictions of the patron on that Sunday; `recorded` with a case."""
    number = patron.number if patron else 1
    return Holdings(patron=number, today=SUNDAY, restrictions=restrictions, recorded=frozenset(recorded))


def evidence(*, owing_less: int = 0, **found: Any) -> Evidence:
    """What was gathered; lists become tuples."""
    gathered: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in found.items()}
    return Evidence(owing_less=lambda: owing_less, **gathered)


def a_submission(**limits: Any) -> Due:
    """A night whose submission is due, with the usual limits."""
    usual = Due(submission_due=True, most_referrals=100, most_adoptions=20, most_endings="usual")
    return replace(usual, **limits)


def an_update(**limits: Any) -> Due:
    """A night of the week on which no submission is due."""
    return a_submission(**{"submission_due": False, **limits})


# Lines, openings and rows of reports


def a_line(number: int, outstanding: str = "10.00") -> Line:
    """A recorded line."""
    return Line(id=number, day=SUNDAY, type="LOST", outstanding=Decimal(outstanding), counted=True)


def opening(
    number: int,
    *,
    lines: Iterable[Line] = (),
    surname: str = "Example",
    balance: str = "40.00",
    fee: str = "10.00",
    adopted: bool = False,
) -> OpenCase:
    """The action that opens a case for the patron of this number."""
    candidate = Candidate(
        patron=Patron(number=number, card=f"C{number}", surname=surname, firstname="Pat"),
        account=Account(owed=Decimal("30.00"), balance=Decimal(balance), lines=tuple(lines)),
    )
    decision: Referral | Adoption
    if adopted:
        decision = Adoption(
            candidate=candidate, referred_on=SUNDAY, due=Decimal(balance), released=False, why="flagged"
        )
    else:
        decision = Referral(candidate=candidate, day=SUNDAY, fee=Decimal(fee), why="owes enough")
    return OpenCase(decision=decision, restriction_type="MANUAL")


def a_row(case: int | None, due: str, **names: str | None) -> UpdateRow:
    """What a report says of a case; name and card as `opening` gives them unless told."""
    said = {"surname": "Example", "firstname": "Pat", "card": None} | names
    return UpdateRow(
        case=case,
        patron=1,
        number=1,
        surname=said["surname"],
        firstname=said["firstname"],
        card=said["card"],
        due=Decimal(due),
    )


def as_known(row: UpdateRow, case: Case) -> UpdateRow:
    """The row with what is new in it, as against what the case says now."""
    names = (row.surname, row.firstname, row.card) != (case.surname, case.firstname, case.card)
    return replace(row, new_due=row.due != case.last_due, new_name=names)


# Deliveries


def a_delivery(id: int = 1, *, channel: Channel = Channel.EMAIL, **facts: Any) -> Delivery:  # noqa: A002 - its name in the domain
    """The update of that Sunday, due to the agency and not tried yet."""
    usual = Delivery(
        id=id,
        report=1,
        section="global",
        kind=ReportKind.UPDATE,
        day=SUNDAY,
        file_name=f"ums-updates-{SUNDAY}.csv",
        address=Address(channel=channel, recipient="reports@agency.example"),
        state=DeliveryState.DUE,
        attempts=0,
        next_attempt=QUEUED,
        since=QUEUED,
        queued=QUEUED,
    )
    return replace(usual, **facts)
