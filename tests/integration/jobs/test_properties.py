"""What holds for any library, through the real SQL: more is referred by a lower threshold and by a wider window."""

from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gentle_nudge.domain.collections.plan import Referral
from tests.builders.days import SUNDAY
from tests.builders.koha import a_patron, has_credit, owes
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights, snapshot
from tests.support.years import Year

# The library is built once for all examples: they only look at it.
look = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
thresholds = st.decimals(min_value=1, max_value=90, places=2)
ages = st.integers(0, 130)


def a_library(koha: KohaDatabase, *, seed: int, credits_too: bool) -> Nights:
    """Forty patrons with lines of many ages and amounts; no limit holds anybody back."""
    chance = Random(seed)
    for _ in range(40):
        patron = a_patron(koha, sort1=chance.choice([None, None, None, "no", "Book club"]))
        for _ in range(chance.randrange(5)):
            day = SUNDAY - timedelta(days=chance.randrange(130))
            owes(koha, patron, Decimal(chance.randrange(1, 4000)) / 100, day=day)
        if credits_too and chance.random() < 0.5:
            has_credit(koha, patron, "7.77", day=SUNDAY - timedelta(days=chance.randrange(130)))
    return Nights(koha, most_referrals=0)


def referred(nights: Nights, **rules: object) -> set[int]:
    """Whom a night by these rules would refer."""
    nights.change(**rules)
    plan = nights.dry_run()
    assert plan is not None
    return {referral.number for referral in plan.of(Referral)}


def test_a_lower_threshold_never_refers_fewer(koha: KohaDatabase) -> None:
    nights = a_library(koha, seed=1, credits_too=True)
    found: list[int] = []

    @look
    @given(st.tuples(thresholds, thresholds).map(sorted))
    @example([Decimal("1.00"), Decimal("25.00")])
    def holds(two: list[Decimal]) -> None:
        low, high = (referred(nights, threshold=threshold) for threshold in two)
        found.append(len(low))
        assert low >= high

    holds()
    assert max(found) > 10


def test_a_wider_window_never_refers_fewer_where_no_credit_is_unapplied(koha: KohaDatabase) -> None:
    nights = a_library(koha, seed=2, credits_too=False)
    found: list[int] = []

    @look
    @given(st.tuples(ages, ages, ages, ages).map(sorted))
    @example([0, 60, 90, 130])
    def holds(ages: list[int]) -> None:
        youngest, young, old, oldest = ages
        wide = referred(nights, count_fees_older_than=youngest, count_fees_newer_than=oldest)
        found.append(len(wide))
        assert wide >= referred(nights, count_fees_older_than=young, count_fees_newer_than=old)

    holds()
    assert max(found) > 10


@pytest.mark.parametrize("seed", range(3))
def test_two_nights_on_a_day_equal_one(koha: KohaDatabase, seed: int) -> None:
    year = Year(koha, seed=seed, lists="all", attribute=False)
    year.lives(8)
    year.nights.night(year.day)  # it may have been one of those missed
    before = snapshot(koha)
    again = year.nights.night(year.day)
    assert (again.done_before, again.plans) == (["global"], {})
    assert snapshot(koha) == before
