"""Who has paid and is still blocked by a restriction of ours."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from gentle_nudge.domain.collections.case_outcome import CaseFacts, judge
from gentle_nudge.domain.collections.judgement import adopt
from gentle_nudge.domain.collections.plan import Ending
from gentle_nudge.domain.collections.referral import PatronRecords
from gentle_nudge.domain.collections.restriction import is_still_restricted
from gentle_nudge.domain.patron import Restriction
from tests.builders.values import IN_CASE, SUNDAY, a_case, a_patron, a_section, an_adoptee, holding, ours

LIFTING = a_section(clear_paid=True, remove_restriction=True)
KEEPING = a_section(clear_paid=True, remove_restriction=False)


def still_restricted(
    *restrictions: Restriction,
    remove: bool = True,
    flag: str = "yes",
    balance: str = "0.00",
    records: PatronRecords = IN_CASE,
) -> bool:
    section, patron = LIFTING if remove else KEEPING, a_patron(flag=flag)
    case = a_case(restriction=5, restriction_type="MANUAL")
    outcome = judge(CaseFacts(case=case, patron=patron, balance=Decimal(balance), records=records), section, SUNDAY)
    assert isinstance(outcome, Ending)
    return is_still_restricted(outcome, holding(patron, *restrictions, recorded=[5]), section)


@pytest.mark.parametrize("flag", ["yes", "no"])
def test_nobody_is_whose_restriction_is_lifted(flag: str) -> None:
    assert not still_restricted(ours(5), flag=flag)
    assert not still_restricted(flag=flag)


@pytest.mark.parametrize("flag", ["yes", "no"])
@pytest.mark.parametrize("edited", [{"comment": "Ask the director"}, {"expires": SUNDAY + timedelta(days=1)}])
def test_somebody_is_whose_restriction_staff_had_rewritten(flag: str, edited: dict[str, Any]) -> None:
    assert still_restricted(ours(5, **edited), flag=flag)


def test_an_expired_restriction_blocks_nobody() -> None:
    assert not still_restricted(ours(5, expires=SUNDAY))


def test_where_the_settings_leave_restrictions_everybody_is_who_has_one_of_ours() -> None:
    assert still_restricted(ours(5), remove=False)
    assert still_restricted(ours(6), remove=False), "the comment is ours"


def test_a_restriction_of_the_librarys_own_is_none_of_ours() -> None:
    assert not still_restricted(ours(6, comment="Lost card"))


def test_one_that_another_open_case_needs_is_right() -> None:
    assert not still_restricted(ours(5), records=PatronRecords(open_cases=frozenset({"global", "north"})))


def test_whoever_still_owes_may_be_blocked() -> None:
    assert not still_restricted(ours(5), flag="no", balance="57.00")


@pytest.mark.parametrize(("balance", "blocked"), [("0.00", True), ("40.00", False)])
def test_so_is_somebody_who_was_adopted_and_released_at_once(*, balance: str, blocked: bool) -> None:
    adoption = adopt(KEEPING, an_adoptee(balance=balance))
    assert is_still_restricted(adoption, holding(adoption.patron, ours(6)), KEEPING) is blocked
