"""What the sections of a night read in common, and that each of them sees in it what it would have read alone."""

import random
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from gentle_nudge.domain.collections.policy import Scope, Section
from gentle_nudge.domain.collections.referral import Reason
from tests.builders.days import IN_THE_WINDOW
from tests.builders.koha import a_patron, owes
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights, a_policy

BRANCHES = ("CPL", "FPL", "FRL", "LPL")


@pytest.fixture(autouse=True)
def branches(koha: KohaDatabase) -> None:
    """Koha has them all."""
    for branch in BRANCHES[2:]:
        koha.put("branches", branchcode=branch, branchname=branch)


def of_branches(**rules: dict[str, Any]) -> list[Section]:
    """A section for each branch, named after it, with the same rules but for those given for its name."""
    return [
        Section(
            name=branch,
            policy=a_policy(**rules.get(branch, {})),
            scope=Scope(branches=frozenset({branch}), all_but=False),
        )
        for branch in BRANCHES
    ]


def asked(nights: Nights) -> int:
    """How often a night adds up who owes the threshold."""
    sums: list[str] = []

    def count(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "sum(accountlines.amountoutstanding) AS owed" in statement:
            sums.append(statement)

    event.listen(nights.engine, "before_cursor_execute", count)
    night = nights.night()
    event.remove(nights.engine, "before_cursor_execute", count)
    assert night.went_well, night.failures
    return len(sums)


@pytest.mark.parametrize(
    ("of_one", "times"),
    [
        ({}, 1),
        ({"most_referrals": 7, "processing_fee": Decimal(1)}, 1),
        ({"threshold": Decimal("25.01")}, 2),
        ({"count_fees_newer_than": 89}, 2),
        ({"excluded_debit_types": frozenset({"LOST"})}, 2),
        ({"count_processing_fees": True}, 2),
        ({"charged_as_minor": "leave_out"}, 2),
    ],
    ids=str,
)
def test_who_owes_the_threshold_is_added_up_once_for_sections_that_count_alike(
    koha: KohaDatabase, of_one: dict[str, Any], times: int
) -> None:
    for branch in BRANCHES:
        owes(koha, a_patron(koha, branch=branch), "30.00", day=IN_THE_WINDOW)
    assert asked(Nights(koha, *of_branches(FPL=of_one))) == times


def test_a_section_without_branches_hides_nobody_from_the_others(koha: KohaDatabase) -> None:
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW)
    nobody = Section(name="gone", policy=a_policy(), scope=Scope(branches=frozenset(), all_but=False))
    plans = Nights(koha, nobody, *of_branches()).night(dry_run=True, delivered=False).plans
    assert {name: len(plan.decisions) for name, plan in plans.items() if plan.decisions} == {"CPL": 1}
    assert plans["gone"].left_out[Reason.OTHER_SECTION] == 1


@pytest.mark.parametrize("seed", range(6))
def test_each_section_refers_and_counts_in_common_what_it_does_alone(koha: KohaDatabase, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        patron = a_patron(koha, branch=chance.choice(BRANCHES))
        for _ in range(chance.randrange(3)):
            owes(koha, patron, chance.choice(["12.50", "24.99", "25.00", "31.00"]), day=IN_THE_WINDOW)
    rules = {branch: {"threshold": Decimal(chance.choice([25, 25, 30]))} for branch in BRANCHES}
    nights = Nights(koha, *of_branches(**rules))
    everybody = nights.sections
    together = nights.night(dry_run=True, delivered=False).plans
    for section in everybody:
        nights.sections = (section,)
        alone = nights.dry_run()
        assert alone is not None
        in_common = together[section.name]
        assert in_common.decisions == alone.decisions
        assert (in_common.left_out, in_common.owing_less) == (alone.left_out, alone.owing_less)
    assert any(plan.decisions for plan in together.values())
