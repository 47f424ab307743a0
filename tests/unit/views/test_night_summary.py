"""The values of a night: what is added up, and what becomes of two runs of one day and of a week."""

from decimal import Decimal
from typing import Any

from gentle_nudge.domain.collections.for_a_person import Need
from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.ledger import Line
from gentle_nudge.views.night_page_view import night_page_view
from gentle_nudge.views.night_summary import (
    MOST_ROWS,
    Done,
    Values,
    debits,
    kept,
    read,
    values_of,
    week_of,
    with_submission,
)
from gentle_nudge.views.plain import Note
from tests.builders.values import (
    MONDAY,
    SUNDAY,
    a_candidate,
    a_section,
    a_submission,
    an_update,
    evidence,
    in_collections,
)

SECTION = a_section(clear_paid=True)


def night(*candidates: int, balances: dict[int, str], most: int = 10_000, **done: Any) -> Values:
    """Who is referred, by number, and the open cases with their balances; number 7 has lost the flag."""
    cases = [in_collections(n, balance=sum_, flag="no" if n == 7 else "yes") for n, sum_ in balances.items()]
    found = evidence(candidates=[a_candidate(number) for number in candidates], cases=cases)
    plan = plan_night(SECTION, SUNDAY, found, a_submission(most_referrals=most))
    return values_of(plan, SECTION, Done(**done), before=())


def test_the_figures_of_a_night() -> None:
    values = night(
        21, 22, balances={1: "0.00", 2: "50.00", 3: "60.00", 7: "0.00"}, open_cases=4, open_due=Decimal("190.00")
    )
    assert values["figures"] == {
        "referred": 2,
        "balance": "60.00",
        "fees": "20.00",
        "released_or_paid": 2,
        "open_cases": 4,
        "open_due": "190.00",
        "paused": 0,
    }
    assert (values["others"], values["others_changed"]) == (2, 1), "case 3 was last told with 50.00"
    assert [(row["outcome"], row["number"], row["due"]) for row in values["changed"]] == [
        ("released", 1, "0.00"),
        ("paid", 7, "0.00"),
    ]


def test_what_became_of_the_restriction_is_said() -> None:
    balances = {1: "0.00", 2: "0.00", 3: "0.00"}
    values = night(balances=balances, lifted=frozenset({1}), blocked=frozenset({2}))
    assert [row["sentence"] for row in values["changed"]] == [
        "flag off, restriction lifted",
        "flag off; restriction left, see above",
        "flag off",
    ]
    assert [need["kind"] for need in values["needs_a_person"]] == ["still_blocked"]


def test_a_new_case_is_named_by_its_number() -> None:
    (row,) = night(21, balances={}, opened={21: 400})["referred"]
    assert (row["case"], row["library"], row["due"]) == (400, "CPL", "40.00")


def test_of_a_very_large_night_the_rows_are_cut_and_counted() -> None:
    values = night(*range(1001, 1001 + MOST_ROWS), balances={1: "0.00"})
    assert (len(values["referred"]), values["changed"], values["not_shown"]) == (MOST_ROWS, [], 1)
    assert values["figures"]["released_or_paid"] == 1


def test_debits_are_counted_by_type_without_credits_the_largest_first() -> None:
    owing = [("LOST", "20.00"), ("PROCESSING", "45.00"), ("LOST", "20.00"), ("LOST", "-1.00"), (None, "1.00")]
    lines = [
        Line(id=place, day=SUNDAY, type=kind, outstanding=Decimal(sum_), counted=True)
        for place, (kind, sum_) in enumerate(owing)
    ]
    assert debits(lines) == [
        {"type": "PROCESSING", "count": 1, "outstanding": "45.00"},
        {"type": "LOST", "count": 2, "outstanding": "40.00"},
        {"type": None, "count": 1, "outstanding": "1.00"},
    ]


def test_a_need_is_read_as_it_was_kept() -> None:
    need = Need(kind="flag_overwritten", sentence="Look.", number=5, case=6, about="x", since=SUNDAY)
    assert read([kept(need)]) == [need]


def test_a_submission_made_later_on_the_day_is_added_to_its_night() -> None:
    held = night(21, 22, balances={1: "0.00"}, most=1, open_cases=3)
    assert [need["kind"] for need in held["needs_a_person"]] == ["referrals_held"]
    later = night(21, 22, balances={}, open_cases=5, open_due=Decimal("80.00"))
    both = with_submission(held, later)
    assert both["needs_a_person"] == []
    assert (both["figures"]["referred"], both["figures"]["released_or_paid"]) == (2, 1)
    assert (both["figures"]["open_cases"], both["figures"]["open_due"]) == (5, "80.00")
    assert len(both["referred"]) == 2
    assert [row["outcome"] for row in both["changed"]] == ["released"]


def test_a_submission_made_later_tells_of_its_patrons_who_are_not_shown_too() -> None:
    held, later = night(21, 22, balances={}, most=1), night(21, 22, balances={})
    assert with_submission(held | {"not_shown": 2}, later | {"not_shown": 30})["not_shown"] == 32


def test_a_terminal_says_how_many_a_night_does_not_show() -> None:
    of_page = {"from": f"{SUNDAY}", "well": True, "holds_ending": []}
    values = night(balances={}) | of_page
    texts = [
        [part.text for part in night_page_view(each).parts if isinstance(part, Note)]
        for each in (values, values | {"not_shown": 30})
    ]
    assert set(texts[1]) - set(texts[0]) == {"30 more are not shown here: gentle-nudge cases lists everybody."}


def test_a_week_adds_up_its_nights_and_has_the_needs_of_the_last() -> None:
    sunday = night(21, balances={7: "30.00"}, open_cases=5)
    plan = plan_night(SECTION, MONDAY, evidence(cases=[in_collections(1, balance="0.00")]), an_update())
    monday = values_of(
        plan, SECTION, Done(open_cases=4, open_due=Decimal("10.00")), before=read(sunday["needs_a_person"])
    )
    week = week_of([monday, sunday | {"list": {"for_day": "2026-11-22"}}])
    assert (week["figures"]["referred"], week["figures"]["released_or_paid"], week["figures"]["fees"]) == (
        1,
        1,
        "10.00",
    )
    assert (week["figures"]["open_cases"], week["figures"]["open_due"]) == (4, "10.00")
    assert [row["outcome"] for row in week["changed"]] == ["withdrawn", "released"]
    assert week["needs_a_person"] == [], "the withdrawal was Sunday's"
    assert week["lists"] == [{"for_day": "2026-11-22"}]
