"""Whole evenings for hypothesis: a policy, patrons and their accounts, cases open, merged, deleted and closed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from hypothesis import strategies as st

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate, PatronRecords
from gentle_nudge.domain.collections.reopening import ClosedCase
from gentle_nudge.domain.collections.section_facts import Adoptee, Evidence, is_adoptee
from gentle_nudge.domain.patron import Flag, FlagRow, Patron
from tests.builders.values import (
    ATTRIBUTE,
    IN_CASE,
    SORT1,
    a_case,
    a_closed_case,
    a_patron,
    a_section,
    an_account,
    in_attributes,
)

DAYS = st.dates(date(2026, 11, 1), date(2026, 11, 30))
SAID = ["yes", "no", "1", "0", None]
GONE = 100

amounts = st.decimals(min_value=-20, max_value=90, places=2)
limits = st.none() | st.integers(0, 3)
some_birthdays = st.sampled_from([None, date(1980, 5, 5), date(2008, 11, 15), date(2015, 1, 1)])


@dataclass(frozen=True, kw_only=True)
class World:
    """A section and what its night finds."""

    section: Section
    day: date
    evidence: Evidence
    order: Mapping[int, int]


@st.composite
def sections(draw: st.DrawFn) -> Section:
    """A section with some policy that the settings would accept."""
    return a_section(
        threshold=draw(st.sampled_from([Decimal("10.00"), Decimal("25.00"), Decimal("50.00")])),
        processing_fee=draw(st.sampled_from([Decimal("0.00"), Decimal("10.00"), Decimal("12.34")])),
        flag=draw(st.sampled_from([SORT1, ATTRIBUTE])),
        minors=draw(st.sampled_from(["include", "exclude"])),
        unknown_birthdate=draw(st.sampled_from(["include", "exclude"])),
        exemption=draw(st.sampled_from([None, Flag(column="sort2")])),
        require_lost_fee=draw(st.booleans()),
        clear_paid=draw(st.booleans()),
        clear_at_or_below=draw(st.sampled_from([Decimal("0.00"), Decimal("9.99")])),
        released_due=draw(st.sampled_from(["balance", "zero"])),
        negative_due=draw(st.sampled_from(["as_is", "zero"])),
        withdrawn_due=draw(st.sampled_from(["zero", "balance", "none"])),
        update_lists=draw(st.sampled_from(["all", "changed"])),
    )


@st.composite
def worlds(draw: st.DrawFn, *, other_use: bool = True, section: Section | None = None) -> World:
    """An evening of up to six patrons in Koha and up to three cases of patrons gone from it."""
    section = section or draw(sections())
    here = [_somebody(draw, section, number, other_use=other_use) for number in range(1, draw(st.integers(0, 6)) + 1)]
    lost = [_case_of_somebody_gone(draw, GONE + place, here) for place in range(draw(st.integers(0, 3)))]
    cases = [_case_of(draw, found) for found in here if found.records.open_cases]
    adoptees = [Adoptee(candidate=found) for found in here if is_adoptee(found.patron, found.records, section)]
    closed = draw(st.lists(st.sampled_from(here), max_size=3)) if here else []
    words = [_closed_case(draw, 200 + place, found) for place, found in enumerate(closed)]
    closed = draw(st.lists(st.sampled_from(here), max_size=3)) if here else []
    again = [_case_that_may_owe_again(draw, 300 + place, found) for place, found in enumerate(closed)]
    ranked = draw(st.permutations([found.patron.number for found in here]))
    found = Evidence(
        candidates=tuple(here),
        owing_less=partial(int, draw(st.integers(0, 5))),
        cases=(*cases, *lost),
        last_words=tuple(words),
        adoptees=tuple(adoptees),
        closed=tuple(again),
    )
    order = {number: rank for rank, number in enumerate(ranked)}
    return World(section=section, day=draw(DAYS), evidence=found, order=order)


def _somebody(draw: st.DrawFn, section: Section, number: int, *, other_use: bool) -> Candidate:
    balance = str(draw(amounts))
    owed = draw(st.sampled_from([balance, "0.00", "24.99", "25.00", "60.00"]))
    anonymized = draw(st.integers(0, 9)) == 0
    patron = a_patron(
        number,
        born=draw(some_birthdays),
        protected=anonymized or draw(st.integers(0, 9)) == 0,
        anonymized=anonymized,
        exemption=in_attributes(draw(st.sampled_from([None, None, "1"]))),
    )
    return Candidate(
        patron=replace(patron, flag=_flag(draw, section.policy.flag, other_use=other_use)),
        account=an_account(owed, balance=balance, lost_charge=draw(st.booleans())),
        records=IN_CASE if draw(st.booleans()) else PatronRecords(),
    )


def _flag(draw: st.DrawFn, flag: Flag, *, other_use: bool) -> tuple[FlagRow, ...]:
    said = st.sampled_from([*SAID, "Class of 2027"] if other_use else SAID)
    if flag.column == "attribute":
        return in_attributes(*draw(st.lists(said, max_size=3)))
    return (FlagRow(row=None, value=draw(said)),)


def _case_of(draw: st.DrawFn, found: Candidate) -> CaseFacts:
    number = found.patron.number
    last_due = draw(st.sampled_from([None, found.account.balance, Decimal("50.00")]))
    case = a_case(number, patron=number, last_due=last_due)
    return CaseFacts(case=case, patron=found.patron, balance=found.account.balance, records=found.records)


def _case_of_somebody_gone(draw: st.DrawFn, number: int, here: list[Candidate]) -> CaseFacts:
    """Deleted, or merged into somebody who is here."""
    heir: Candidate | None = draw(st.sampled_from([None, *here]))
    return CaseFacts(
        case=a_case(number, patron=number),
        patron=None,
        balance=heir.account.balance if heir else Decimal("0.00"),
        heir=heir.patron if heir else None,
        records=heir.records if heir else PatronRecords(),
    )


def _case_that_may_owe_again(draw: st.DrawFn, id_: int, found: Candidate) -> ClosedCase:
    state = draw(st.sampled_from([CaseState.RELEASED, CaseState.PAID, CaseState.WITHDRAWN]))
    closed_on = date(2026, 11, 1) - timedelta(days=draw(st.sampled_from([1, 40, 61])))
    owing = str(draw(st.sampled_from(["0.00", "12.34", "50.00"])))
    return a_closed_case(found, id=id_, owing=owing, before="12.33", state=state, closed_on=closed_on)


def _closed_case(draw: st.DrawFn, id_: int, found: Candidate) -> CaseFacts:
    state = draw(st.sampled_from([state for state in CaseState if state is not CaseState.OPEN]))
    patron: Patron = found.patron
    case = a_case(id_, patron=patron.number, state=state, to_report=True, last_due=draw(amounts))
    return CaseFacts(case=case, patron=patron, balance=found.account.balance)
