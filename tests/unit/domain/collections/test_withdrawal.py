"""Referrals taken back by staff: what changes, and what the agency still has to hear."""

from dataclasses import replace

import pytest

from gentle_nudge.domain.actions import ClearFlag, LiftRestriction
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.changes import CloseCase, FollowCase
from gentle_nudge.domain.collections.referral import PatronRecords
from gentle_nudge.domain.collections.withdrawal import outcome_of_deliveries, withdraw
from gentle_nudge.domain.outbox import Delivery, DeliveryState
from gentle_nudge.domain.report_row import ReportKind
from tests.builders.values import a_case, a_delivery, a_patron, a_section, gone, holding, in_collections, merged, ours

SUBMISSION = 5


def on_its_way(id: int, state: DeliveryState, *, report: int = SUBMISSION, is_repeat: bool = False) -> Delivery:  # noqa: A002 - its name in the domain
    """A delivery of the submission, or of an update."""
    kind = ReportKind.SUBMISSION if report == SUBMISSION else ReportKind.UPDATE
    return a_delivery(id, state=state, report=report, kind=kind, is_repeat=is_repeat)


def test_a_referral_taken_back_loses_flag_restriction_and_case() -> None:
    facts = replace(in_collections(), case=a_case(restriction=5))
    actions = list(withdraw(facts, holding(None, ours(5)), a_section(remove_restriction=False), "a mistake"))
    assert [type(action) for action in actions] == [ClearFlag, LiftRestriction, CloseCase]
    assert actions[-1] == CloseCase(case=1, patron=1, state=CaseState.WITHDRAWN, why="a mistake")


def test_what_another_case_needs_stays() -> None:
    section = replace(a_section(), sharing=("north",))
    facts = replace(in_collections(), records=PatronRecords(open_cases=frozenset({"global", "north"})))
    assert [type(action) for action in withdraw(facts, holding(None, ours(5)), section, "")] == [CloseCase]


def test_a_case_of_merged_cards_follows_before_it_ends() -> None:
    heir = a_patron(2, flag="yes")
    actions = list(withdraw(merged(1, heir), holding(heir), a_section(), ""))
    assert actions[0] == FollowCase(case=1, patron=2)
    assert isinstance(actions[1], ClearFlag)
    assert actions[1].patron == 2


def test_of_a_patron_gone_from_koha_only_the_case_ends() -> None:
    assert [type(action) for action in withdraw(gone(), None, a_section(), "")] == [CloseCase]


def test_what_nobody_has_is_cancelled_and_the_update_that_names_the_patrons_set_aside() -> None:
    own, update = on_its_way(1, DeliveryState.DUE), on_its_way(2, DeliveryState.FAILED, report=6)
    found = outcome_of_deliveries([own, update], SUBMISSION, unsure=frozenset())
    assert (found.cancelled, found.set_aside, found.heard) == ((own,), (update,), False)


@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.SENDING])
@pytest.mark.parametrize("report", [SUBMISSION, 6])
def test_who_may_have_heard_of_them_hears_the_end_too(state: DeliveryState, report: int) -> None:
    told = [
        on_its_way(1, DeliveryState.DUE),
        on_its_way(2, state, report=report),
        on_its_way(3, DeliveryState.DUE, report=6),
    ]
    found = outcome_of_deliveries(told, SUBMISSION, unsure=frozenset())
    assert found.heard
    assert found.set_aside == ()
    assert told[0] in found.cancelled


def test_a_try_that_may_have_arrived_counts_as_heard() -> None:
    told = [on_its_way(1, DeliveryState.DUE)]
    assert outcome_of_deliveries(told, SUBMISSION, unsure={1}).heard
    assert not outcome_of_deliveries(told, SUBMISSION, unsure={2}).heard


def test_updates_that_leave_in_order_and_repeats_are_not_set_aside() -> None:
    own = on_its_way(1, DeliveryState.DUE)
    update = replace(on_its_way(2, DeliveryState.DUE, report=6), strict=True)
    repeat = on_its_way(2, DeliveryState.DUE, report=6, is_repeat=True)
    for waiting in (update, repeat):
        found = outcome_of_deliveries([own, waiting], SUBMISSION, unsure=frozenset())
        assert (found.heard, found.set_aside, found.cancelled) == (True, (), (own,))


@pytest.mark.parametrize("state", [DeliveryState.CANCELLED, DeliveryState.SUPERSEDED])
def test_what_was_ended_before_reached_nobody(state: DeliveryState) -> None:
    found = outcome_of_deliveries([on_its_way(1, state)], SUBMISSION, unsure=frozenset())
    assert (found.cancelled, found.heard) == ((), False)
