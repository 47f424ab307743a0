"""What each decision changes in Koha and in our cases."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, LiftRestriction, Restrict, SetFlag
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import (
    Action,
    CloseCase,
    Holdings,
    OpenCase,
    active_restriction_of_ours,
    consequences,
)
from gentle_nudge.domain.collections.judgement import Adoptee, adopt, refer
from gentle_nudge.domain.ledger import Line
from gentle_nudge.domain.patron import Flag, FlagRow, Patron
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


def of_referral(held: Holdings | None = None, **policy: Any) -> list[Action]:
    section = a_section(**policy)
    held = held or holding()
    candidate = replace(a_candidate(), patron=held.patron)
    return list(consequences(refer(section, candidate, SUNDAY), held, section, SUNDAY))


def lifted(actions: list[Action]) -> list[int]:
    return [action.restriction.id for action in actions if isinstance(action, LiftRestriction)]


def opened(actions: list[Action]) -> OpenCase:
    (case,) = [action for action in actions if isinstance(action, OpenCase)]
    return case


def flags_set(patron: Patron, flag: Flag) -> list[FlagRow]:
    actions = of_referral(holding(patron), flag=flag)
    return [action.before for action in actions if isinstance(action, SetFlag)]


# Referral


def test_a_referral_restricts_flags_charges_and_opens_the_case_in_this_order() -> None:
    actions = of_referral(add_restriction=True)
    assert [type(action) for action in actions] == [Restrict, SetFlag, ChargeFee, OpenCase]


def test_without_restriction_and_fee_a_referral_flags_and_opens_the_case() -> None:
    actions = of_referral(add_restriction=False, processing_fee=Decimal("0.00"))
    assert [type(action) for action in actions] == [SetFlag, OpenCase]


# Referral: the restriction


def test_the_restriction_has_the_librarys_type_and_comment_with_the_business_day() -> None:
    actions = of_referral(add_restriction=True, restriction_type="COLLECT", restriction_comment="UMS {date}")
    assert actions[0] == Restrict(patron=1, type="COLLECT", comment="UMS 2026-11-22")
    assert (opened(actions).restriction, opened(actions).restriction_type) == (None, "COLLECT")


@pytest.mark.parametrize("expires", [None, TOMORROW])
def test_none_is_added_while_an_active_one_of_ours_is_there_and_that_one_is_recorded(expires: date | None) -> None:
    actions = of_referral(holding(restrictions=[ours(77, expires=expires, type="OLD")]), add_restriction=True)
    assert not any(isinstance(action, Restrict) for action in actions)
    assert (opened(actions).restriction, opened(actions).restriction_type) == (77, "OLD")


def test_an_expired_one_of_ours_does_not_count_and_one_is_added() -> None:
    actions = of_referral(holding(restrictions=[ours(expires=SUNDAY)]), add_restriction=True)
    assert isinstance(actions[0], Restrict)
    assert opened(actions).restriction is None


def test_other_peoples_restrictions_do_not_count_and_one_is_added() -> None:
    theirs = ours(comment="Lost card")
    assert isinstance(of_referral(holding(restrictions=[theirs]), add_restriction=True)[0], Restrict)


def test_one_with_our_comment_and_more_is_somebody_elses() -> None:
    edited = ours(comment="Patron sent to collections on 2026-09-06, promised to pay")
    assert isinstance(of_referral(holding(restrictions=[edited]), add_restriction=True)[0], Restrict)


def test_one_recorded_with_a_case_of_the_patron_is_ours_whatever_its_comment() -> None:
    edited = ours(77, comment="See desk")
    held = holding(restrictions=[edited], recorded=frozenset({77}))
    assert opened(of_referral(held, add_restriction=True)).restriction == 77


def test_the_plugins_restriction_is_ours() -> None:
    held = holding(restrictions=[ours(77)])
    assert opened(of_referral(held, add_restriction=True, restriction_comment="UMS {date}")).restriction == 77


def test_of_several_restrictions_ours_is_found() -> None:
    several = [ours(1, comment="Lost card"), ours(2, expires=SUNDAY), ours(3), ours(4)]
    found = active_restriction_of_ours(holding(restrictions=several), a_section().policy)
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
    actions = of_referral(holding(replace(a_patron(), flag=in_attributes("0"))), flag=ATTRIBUTE)
    assert actions[0] == SetFlag(patron=1, flag=ATTRIBUTE, before=FlagRow(row=11, value="0"))


# Referral: the fee


def test_the_fee_is_charged_as_the_library_says() -> None:
    actions = of_referral(processing_fee=Decimal("12.50"), fee_debit_type="UMS", fee_description="Collections")
    assert actions[1] == ChargeFee(
        patron=1, amount=Decimal("12.50"), type="UMS", description="Collections", branch=None
    )
    assert opened(actions).fee == Decimal("12.50")


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
    section = a_section()
    account = an_account("40.00", balance="1240.55", lines=LINES)
    decision = refer(section, replace(a_candidate(), account=account), SUNDAY)
    case = opened(list(consequences(decision, holding(), section, SUNDAY)))
    assert case.lines == LINES
    assert (case.owed, case.balance, case.fee, case.total) == (
        Decimal("40.00"),
        Decimal("1240.55"),
        Decimal("10.00"),
        Decimal("1250.55"),
    )
    assert (case.referred_on, case.adopted) == (SUNDAY, False)


# Adoption


def test_an_adoption_opens_a_case_with_the_lines_owing_and_changes_nothing_in_koha() -> None:
    section = a_section(add_restriction=True)
    found = replace(a_candidate(flag="yes"), account=an_account("40.00", lines=LINES))
    decision = adopt(section, Adoptee(candidate=found, referred_on=date(2025, 5, 4)))
    held = holding(found.patron, restrictions=[ours(77)])
    (case,) = consequences(decision, held, section, SUNDAY)
    assert isinstance(case, OpenCase)
    assert case.lines == LINES
    assert (case.adopted, case.referred_on, case.restriction) == (True, date(2025, 5, 4), 77)
    assert (case.owed, case.balance, case.fee) == (None, None, None)


def test_an_adopted_patron_at_the_limit_is_released_at_once() -> None:
    decision = adopt(LIFTING, an_adoptee(1, balance="0.00"))
    held = holding(a_patron(flag="yes"), restrictions=[ours(77), ours(78, comment="Lost card")])
    actions = list(consequences(decision, held, LIFTING, SUNDAY))
    assert [type(action) for action in actions] == [OpenCase, ClearFlag, LiftRestriction, CloseCase]
    assert lifted(actions) == [77]
    assert isinstance(actions[-1], CloseCase)
    assert (actions[-1].case, actions[-1].patron, actions[-1].state) == (None, 1, CaseState.RELEASED)
    assert actions[-1].why
