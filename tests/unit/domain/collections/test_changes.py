"""What each decision changes in Koha and in our cases."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, LiftRestriction, Restrict, SetFlag
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import Action, CloseCase, OpenCase, planned_changes
from gentle_nudge.domain.collections.judgement import adopt, refer
from gentle_nudge.domain.collections.plan import Adoption, Decision, Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.restriction import (
    Holdings,
    RecordRestriction,
    active_restriction_of_ours,
    restriction_changes,
)
from gentle_nudge.domain.collections.section_facts import Adoptee
from gentle_nudge.domain.ledger import Line
from gentle_nudge.domain.patron import Flag, FlagRow, Guardian, Patron, Restriction
from tests.builders.values import (
    ATTRIBUTE,
    SORT1,
    SUNDAY,
    a_candidate,
    a_patron,
    a_section,
    an_account,
    an_adoptee,
    holding,
    in_attributes,
    ours,
)

TOMORROW = SUNDAY + timedelta(days=1)
LIFTING = a_section(clear_paid=True, remove_restriction=True)


def changes(decision: Decision, held: Holdings, section: Section) -> list[Action]:
    """What is planned, and what the restrictions found under lock add to it."""
    return [*planned_changes(decision, section), *restriction_changes(decision, held, section)]


def of_referral(*restrictions: Restriction, patron: Patron | None = None, **policy: Any) -> list[Action]:
    section, patron = a_section(**policy), patron or a_patron()
    decision = refer(section, replace(a_candidate(), patron=patron), SUNDAY)
    return changes(decision, holding(patron, *restrictions), section)


def lifted(actions: list[Action]) -> list[int]:
    return [action.restriction.id for action in actions if isinstance(action, LiftRestriction)]


def recorded(actions: list[Action]) -> Restriction | None:
    """The restriction found in place that is kept with the case."""
    return next((action.restriction for action in actions if isinstance(action, RecordRestriction)), None)


def made(actions: list[Action]) -> list[Restrict]:
    return [action for action in actions if isinstance(action, Restrict)]


def opened(actions: list[Action]) -> OpenCase:
    (case,) = [action for action in actions if isinstance(action, OpenCase)]
    return case


def flags_set(patron: Patron, flag: Flag) -> list[FlagRow]:
    actions = of_referral(patron=patron, flag=flag)
    return [action.before for action in actions if isinstance(action, SetFlag)]


# Referral


def test_a_referral_flags_charges_opens_the_case_and_restricts_in_this_order() -> None:
    actions = of_referral(add_restriction=True)
    assert [type(action) for action in actions] == [SetFlag, ChargeFee, OpenCase, Restrict]


def test_without_restriction_and_fee_a_referral_flags_and_opens_the_case() -> None:
    actions = of_referral(add_restriction=False, processing_fee=Decimal("0.00"))
    assert [type(action) for action in actions] == [SetFlag, OpenCase]


# Referral: the restriction


def test_the_restriction_has_the_librarys_type_and_comment_with_the_business_day() -> None:
    actions = of_referral(add_restriction=True, restriction_type="COLLECT", restriction_comment="UMS {date}")
    assert made(actions) == [Restrict(patron=1, type="COLLECT", comment="UMS 2026-11-22")]
    assert (recorded(actions), opened(actions).restriction_type) == (None, "COLLECT")
    assert opened(actions).restriction_comment == "UMS 2026-11-22"


@pytest.mark.parametrize("expires", [None, TOMORROW])
def test_none_is_added_while_an_active_one_of_ours_is_there_and_that_one_is_recorded(expires: date | None) -> None:
    there = ours(77, expires=expires, type="OLD")
    actions = of_referral(there, add_restriction=True)
    assert made(actions) == []
    assert recorded(actions) == there


def test_an_expired_one_of_ours_does_not_count_and_one_is_added() -> None:
    actions = of_referral(ours(expires=SUNDAY), add_restriction=True)
    assert made(actions)
    assert recorded(actions) is None


def test_other_peoples_restrictions_do_not_count_and_one_is_added() -> None:
    theirs = ours(comment="Lost card")
    assert made(of_referral(theirs, add_restriction=True))


def test_one_with_our_comment_and_more_is_somebody_elses() -> None:
    edited = ours(comment="Patron sent to collections on 2026-09-06, promised to pay")
    assert made(of_referral(edited, add_restriction=True))


def test_one_recorded_with_a_case_of_the_patron_is_ours_whatever_its_comment() -> None:
    edited = ours(77, comment="See desk")
    section = a_section(add_restriction=True)
    actions = changes(refer(section, a_candidate(), SUNDAY), holding(None, edited, recorded=[77]), section)
    assert recorded(actions) == replace(edited, comment=None)


def test_the_plugins_restriction_is_ours() -> None:
    assert recorded(of_referral(ours(77), add_restriction=True, restriction_comment="UMS {date}")) == ours(77)


def test_of_several_restrictions_ours_is_found() -> None:
    several = [ours(1, comment="Lost card"), ours(2, expires=SUNDAY), ours(3), ours(4)]
    found = active_restriction_of_ours(holding(None, *several), a_section().policy)
    assert found
    assert found.id == 3


# Referral: the flag


@pytest.mark.parametrize("value", [None, "", "no", "0"])
def test_a_sort_field_that_says_no_is_set(value: str | None) -> None:
    assert flags_set(a_patron(flag=value), SORT1) == [FlagRow(row=None, value=value)]


def test_without_an_attribute_row_one_is_inserted() -> None:
    assert flags_set(replace(a_patron(), flag=()), ATTRIBUTE) == [FlagRow(row=None, value=None)]


def test_of_the_attribute_rows_the_lowest_numbered_that_says_no_is_set() -> None:
    rows = (FlagRow(row=31, value="0"), FlagRow(row=12, value="no"), FlagRow(row=20, value=None))
    assert flags_set(replace(a_patron(), flag=rows), ATTRIBUTE) == [FlagRow(row=12, value="no")]


def test_the_flag_is_that_of_the_library() -> None:
    actions = of_referral(patron=replace(a_patron(), flag=in_attributes("0")), flag=ATTRIBUTE)
    assert actions[0] == SetFlag(patron=1, flag=ATTRIBUTE, before=FlagRow(row=11, value="0"))


# Referral: the fee


def test_the_fee_is_charged_as_the_library_says() -> None:
    actions = of_referral(processing_fee=Decimal("12.50"), fee_debit_type="UMS", fee_description="Collections")
    assert actions[1] == ChargeFee(
        patron=1, amount=Decimal("12.50"), type="UMS", description="Collections", branch=None
    )
    decision = opened(actions).decision
    assert isinstance(decision, Referral)
    assert decision.fee == Decimal("12.50")


@pytest.mark.parametrize(("fee", "charged"), [("0.00", False), ("0.01", True)])
def test_a_fee_of_0_is_no_fee(fee: str, *, charged: bool) -> None:
    actions = of_referral(processing_fee=Decimal(fee))
    assert any(isinstance(action, ChargeFee) for action in actions) is charged


@pytest.mark.parametrize(("setting", "branch"), [("none", None), ("patron", "CPL"), ("MAIN", "MAIN")])
def test_the_fee_is_booked_to_no_branch_the_patrons_or_one(setting: str, branch: str | None) -> None:
    (fee,) = [action for action in of_referral(fee_branch=setting) if isinstance(action, ChargeFee)]
    assert fee.branch == branch


# Referral: the case


LINES = (
    Line(id=91, day=date(2026, 9, 8), type="LOST", outstanding=Decimal("40.00"), counted=True),
    Line(id=92, day=None, type="MANUAL", outstanding=Decimal("1200.55"), counted=False),
)


def test_the_case_holds_every_line_still_owing_and_the_sums_as_they_were() -> None:
    account = an_account("40.00", balance="1240.55", lines=LINES)
    decision = refer(a_section(), replace(a_candidate(), account=account), SUNDAY)
    case = opened(list(planned_changes(decision, a_section())))
    assert case.decision is decision
    assert decision.account.lines == LINES
    assert (decision.account.owed, decision.balance, decision.fee, decision.total) == (
        Decimal("40.00"),
        Decimal("1240.55"),
        Decimal("10.00"),
        Decimal("1250.55"),
    )
    assert decision.day == SUNDAY


def test_a_minors_guardian_stands_in_the_submission_and_nobody_elses() -> None:
    guardian = Guardian(surname="Example", firstname="Ann", card="20000099", phone=None, email=None)
    for born, shown in ((date(2008, 11, 23), guardian), (date(2008, 11, 22), None), (None, None)):
        candidate = a_candidate(born=born, guardian=guardian)
        assert refer(a_section(minors="guardian"), candidate, SUNDAY).guardian == shown


# Adoption


def test_an_adoption_opens_a_case_with_the_lines_owing_and_changes_nothing_in_koha() -> None:
    section = a_section(add_restriction=True)
    found = replace(a_candidate(flag="yes"), account=an_account("40.00", lines=LINES))
    decision = adopt(section, Adoptee(candidate=found, referred_on=date(2025, 5, 4)))
    case, kept = changes(decision, holding(found.patron, ours(77)), section)
    assert isinstance(case, OpenCase)
    assert isinstance(case.decision, Adoption)
    assert case.decision.candidate.account.lines == LINES
    assert case.decision.referred_on == date(2025, 5, 4)
    assert kept == RecordRestriction(patron=1, restriction=ours(77))


def test_an_adopted_patron_at_the_limit_is_released_at_once() -> None:
    decision = adopt(LIFTING, an_adoptee(1, balance="0.00"))
    held = holding(a_patron(flag="yes"), ours(77), ours(78, comment="Lost card"))
    actions = changes(decision, held, LIFTING)
    assert [type(a) for a in actions] == [OpenCase, ClearFlag, CloseCase, RecordRestriction, LiftRestriction]
    assert lifted(actions) == [77]
    closing = actions[2]
    assert isinstance(closing, CloseCase)
    assert (closing.case, closing.patron, closing.state) == (None, 1, CaseState.RELEASED)
    assert closing.why
