"""The plan: which rows the reports have, and in which order."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.plan import Adoption, Plan, Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from tests.builders.values import (
    SUNDAY,
    a_candidate,
    a_last_word,
    a_patron,
    a_section,
    a_submission,
    an_account,
    an_adoptee,
    evidence,
    gone,
    in_collections,
    merged,
)


def a_plan(section: Section | None = None, *, order: Mapping[int, int] | None = None, **found: Any) -> Plan:
    plan = plan_night(section or a_section(), SUNDAY, evidence(**found), a_submission())
    return replace(plan, order=order or {})


def submitted(plan: Plan) -> list[int]:
    return [row.patron.number for row in plan.submission]


def updated(plan: Plan) -> list[tuple[int, str]]:
    return [(row.number, str(row.due)) for row in plan.update]


# What the rows say


def test_the_submission_tells_the_balance_before_and_with_the_fee() -> None:
    candidate = replace(a_candidate(), account=an_account("40.00", balance="1240.55"))
    (row,) = a_plan(candidates=[candidate]).submission
    assert (str(row.account.owed), str(row.account.balance), str(row.fee), str(row.total)) == (
        "40.00",
        "1240.55",
        "10.00",
        "1250.55",
    )


def test_tonights_referrals_are_in_the_update_with_the_balance_and_the_fee() -> None:
    candidate = replace(a_candidate(4), account=an_account("40.00", balance="1240.55"))
    plan = a_plan(candidates=[candidate])
    assert updated(plan) == [(4, "1250.55")]
    assert plan.submission[0].row == plan.update[0]


def test_tonights_adopted_patrons_are_in_the_update_with_their_balance() -> None:
    assert updated(a_plan(adoptees=[an_adoptee(4, balance="40.00")])) == [(4, "40.00")]


def test_everybody_in_collections_is_in_the_update_once() -> None:
    plan = a_plan(
        candidates=[a_candidate(1)],
        cases=[in_collections(2), in_collections(3, flag="no"), gone(4)],
        adoptees=[an_adoptee(5)],
        last_words=[a_last_word(6, CaseState.WITHDRAWN)],
    )
    assert sorted(number for number, _ in updated(plan)) == [1, 2, 3, 4, 5, 6]


def test_the_decisions_can_be_asked_for_by_kind() -> None:
    plan = a_plan(candidates=[a_candidate(1)], cases=[gone(4)], adoptees=[an_adoptee(5)])
    assert [plan.of(Adoption)[0].number, plan.of(Referral)[0].number] == [5, 1]


# Order


def test_rows_stand_as_the_database_ranks_their_surnames() -> None:
    ranked = {3: 0, 1: 1, 2: 2}
    plan = a_plan(candidates=[a_candidate(1), a_candidate(2), a_candidate(3)], order=ranked)
    assert submitted(plan) == [3, 1, 2]
    assert [number for number, _ in updated(plan)] == [3, 1, 2]


def test_referred_kept_and_adopted_patrons_stand_among_each_other() -> None:
    plan = a_plan(
        candidates=[a_candidate(1)],
        cases=[in_collections(2), in_collections(3, flag="no")],
        adoptees=[an_adoptee(4)],
        order={4: 0, 3: 1, 2: 2, 1: 3},
    )
    assert [number for number, _ in updated(plan)] == [4, 3, 2, 1]


def test_patrons_gone_from_koha_come_last_by_the_number_first_reported() -> None:
    plan = a_plan(cases=[gone(8), gone(1), in_collections(9), in_collections(10)], order={10: 0, 9: 1})
    assert [number for number, _ in updated(plan)] == [10, 9, 1, 8]


def test_a_case_that_followed_stands_where_its_patron_is_now() -> None:
    plan = a_plan(cases=[merged(1, a_patron(9)), in_collections(2), in_collections(3)], order={2: 0, 9: 1, 3: 2})
    assert [number for number, _ in updated(plan)] == [2, 1, 3]


def test_patrons_without_a_rank_come_after_the_ranked_by_number() -> None:
    plan = a_plan(candidates=[a_candidate(5), a_candidate(4), a_candidate(6)], order={6: 0})
    assert submitted(plan) == [6, 4, 5]


# Last words


def test_of_somebody_referred_again_tonight_the_last_word_is_not_told() -> None:
    section = a_section(refer_withdrawn_charges=True)
    plan = a_plan(section, candidates=[a_candidate(1)], last_words=[a_last_word(1, CaseState.WITHDRAWN)])
    assert updated(plan) == [(1, "40.00")]


def test_of_somebody_adopted_tonight_the_last_word_is_not_told() -> None:
    plan = a_plan(adoptees=[an_adoptee(1, balance="33.00")], last_words=[a_last_word(1, CaseState.WITHDRAWN)])
    assert updated(plan) == [(1, "33.00")]


def test_of_somebody_whose_referral_is_held_back_the_last_word_is_told() -> None:
    found = evidence(candidates=(a_candidate(1),), last_words=(a_last_word(1, CaseState.WITHDRAWN),))
    plan = plan_night(a_section(), SUNDAY, found, a_submission(most_referrals=0))
    assert updated(plan) == [(1, "0.00")]


# When


def test_today_is_the_calendar_day_of_the_instant_where_the_library_is() -> None:
    two_in_the_morning = datetime(2026, 11, 23, 2, tzinfo=UTC)
    moment = Moment(day=SUNDAY, now=two_in_the_morning, zone=ZoneInfo("America/New_York"))
    assert moment.today == SUNDAY
    assert replace(moment, zone=ZoneInfo("Europe/Berlin")).today == two_in_the_morning.date()


def test_an_empty_night_has_no_rows() -> None:
    plan = a_plan()
    assert (plan.submission, plan.update, plan.decisions, plan.refusals) == ([], [], (), ())
    assert sum((row.due for row in plan.update), Decimal(0)) == 0
