"""What a night leaves to a person."""

from dataclasses import replace
from typing import Any

import pytest

from gentle_nudge.domain.collections.for_a_person import (
    KIND_OF_REFUSAL,
    TROUBLES,
    Need,
    in_order,
    news,
    of_plan,
)
from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.policy import Section
from tests.builders.values import (
    ATTRIBUTE,
    MONDAY,
    SUNDAY,
    a_candidate,
    a_section,
    a_submission,
    an_adoptee,
    evidence,
    in_attributes,
    in_collections,
)

OVERWRITTEN = Need(kind="flag_overwritten", sentence="", number=5, case=6)
WITHDRAWN = Need(kind="withdrawn_rest", sentence="", number=7, case=8)


def needs(section: Section, *blocked: int, most_referrals: int = 100, **found: Any) -> list[Need]:
    plan = plan_night(section, SUNDAY, evidence(**found), a_submission(most_referrals=most_referrals))
    return list(of_plan(plan, section, blocked))


def test_a_state_begins_on_the_day_it_was_first_seen() -> None:
    (first,) = in_order([OVERWRITTEN], [], SUNDAY)
    (second,) = in_order([OVERWRITTEN], [first], MONDAY)
    (again,) = in_order([OVERWRITTEN], [], MONDAY)
    assert [need.since for need in (first, second, again)] == [SUNDAY, SUNDAY, MONDAY]


def test_an_event_is_of_its_own_night() -> None:
    before = in_order([WITHDRAWN], [], SUNDAY)
    assert [need.since for need in in_order([WITHDRAWN], before, MONDAY)] == [MONDAY]


def test_needs_stand_in_the_order_of_the_page() -> None:
    assert [need.kind for need in in_order([WITHDRAWN, OVERWRITTEN], [], SUNDAY)] == [
        "flag_overwritten",
        "withdrawn_rest",
    ]


def test_a_state_is_new_once_an_event_always() -> None:
    before = in_order([OVERWRITTEN], [], SUNDAY)
    other = Need(kind="flag_overwritten", sentence="", number=6, case=7)
    assert news([OVERWRITTEN, WITHDRAWN], []) == [OVERWRITTEN, WITHDRAWN]
    assert news([OVERWRITTEN, other], before) == [other]
    assert news([WITHDRAWN], [WITHDRAWN]) == [WITHDRAWN]
    assert news([], before) == []


def test_every_refusal_is_a_trouble() -> None:
    assert set(KIND_OF_REFUSAL.values()) <= TROUBLES


def test_the_fuse_is_named_with_the_way_out() -> None:
    (need,) = needs(a_section(), most_referrals=1, candidates=[a_candidate(1), a_candidate(2)])
    assert need.kind == "referrals_held"
    assert need.sentence.startswith("2 patrons qualify, more than the 1")
    assert need.sentence.endswith("run nightly --most-referrals 2.")


def test_adoptions_and_endings_that_are_refused_are_named() -> None:
    found = needs(
        a_section(),
        adoptees=[an_adoptee(number) for number in range(101, 122)],
        cases=[in_collections(number, flag="no") for number in range(1, 5)],
    )
    assert [need.kind for need in found] == ["endings_held", "adoptions_held"]


def test_a_flag_in_other_use_is_named_with_its_value_while_the_case_goes_on() -> None:
    (need,) = needs(a_section(), cases=[in_collections(5, flag="Book club", balance="1048.00")])
    assert (need.kind, need.number, need.case) == ("flag_overwritten", 5, 5)
    assert need.sentence.startswith("Sort 1 now reads “Book club”. The case goes on and 1,048.00 is still reported.")
    assert not needs(a_section(clear_paid=True), cases=[in_collections(5, flag="Book club", balance="0.00")])


def test_of_an_attribute_the_code_is_named() -> None:
    facts = in_collections(5)
    assert facts.patron
    overwritten = replace(facts, patron=replace(facts.patron, flag=in_attributes("1x")))
    (need,) = needs(a_section(flag=ATTRIBUTE), cases=[overwritten])
    assert need.sentence.startswith("The attribute COLLECT now reads “1x”.")
    assert "Write “1” back" in need.sentence


@pytest.mark.parametrize(("balance", "named"), [("0.00", True), ("0.01", False)])
def test_who_has_paid_stays_named_while_nobody_is_released(*, balance: str, named: bool) -> None:
    section, cases = a_section(clear_paid=False), [in_collections(5, balance=balance)]
    assert [need.kind for need in needs(section, cases=cases)] == ["paid_not_released"] * named
    assert not needs(a_section(clear_paid=True), cases=cases)


def test_a_withdrawn_patron_who_still_owes_is_named_with_what_the_agency_was_told() -> None:
    cases = [in_collections(5, flag="no", balance="57.00")]
    (need,) = needs(a_section(), cases=cases)
    assert (need.kind, need.number, need.case) == ("withdrawn_rest", 5, 5)
    assert "57.00 stays on the account; the agency was told 0.00 and stops." in need.sentence
    (untold,) = needs(a_section(withdrawn_due="none"), cases=cases)
    assert "the agency is told nothing of it" in untold.sentence
    assert not needs(a_section(), cases=[in_collections(5, flag="no", balance="0.00")]), "that one has paid"


@pytest.mark.parametrize(
    ("remove", "flag", "says"),
    [
        (True, "yes", "Has paid and is released, but is still blocked: staff had rewritten the restriction"),
        (True, "no", "Has paid and the case is ended, but is still blocked: staff had rewritten the restriction"),
        (False, "yes", "Has paid and is released, but is still blocked: the settings leave restrictions in place"),
    ],
)
def test_whoever_is_still_blocked_is_named(*, remove: bool, flag: str, says: str) -> None:
    section = a_section(clear_paid=True, remove_restriction=remove)
    (need,) = needs(section, 5, cases=[in_collections(5, flag=flag, balance="0.00"), in_collections(6)])
    assert (need.kind, need.number, need.case) == ("still_blocked", 5, 5)
    assert need.sentence.startswith(says)
