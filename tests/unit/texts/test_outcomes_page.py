"""Which parts the page of outcomes has."""

from typing import Any

import pytest

from gentle_nudge.texts.environment import Texts, sample_values

FULL: dict[str, Any] = sample_values()["outcomes.html"][0]
NOTHING_UNSEEN = {"lines": 0, "amount": "0.00"}


def page(**changed: object) -> str:
    """The page of the sample values with these instead."""
    return Texts().render("outcomes.html", **(FULL | changed))


def test_the_page_begins_with_what_came_back_of_each_100() -> None:
    assert "275 patrons were referred, owing 22,889.87." in page()
    assert "<strong>44.42 has come back</strong> so far: 25.94 in money, 18.48 as items" in page()
    assert "has come back" not in page(total=FULL["total"] | {"came_back_of_100": None})


@pytest.mark.parametrize(("over", "shown"), [(19, False), (20, True)])
def test_how_soon_is_shown_with_twenty_cases_that_are_over(over: int, *, shown: bool) -> None:
    assert ("<h2>How soon</h2>" in page(over=over)) is shown


@pytest.mark.parametrize(("over", "shown"), [(0, False), (1, True)])
def test_other_thresholds_are_shown_once_a_case_is_over(over: int, *, shown: bool) -> None:
    assert ("<h2>What a higher threshold would have meant</h2>" in page(over=over)) is shown
    assert "higher threshold" not in page(over=over, thresholds=[])


def test_the_price_is_shown_only_if_it_is_set() -> None:
    assert ("The agency’s price" in page(), '<th scope="col" class="n">Agency’s price' in page()) == (True, True)
    assert "gency’s price" not in page(total=FULL["total"] | {"price": "0.00"})


def test_invoices_stand_there_once_one_was_read() -> None:
    assert "1 account billed more than once" in page()
    assert "Against the agency’s invoices" not in page(invoices=[])


def test_what_does_not_add_up_is_a_count() -> None:
    assert "1 line does not add up. 1 line of 13.00 left Koha between two nights, unseen" in page()
    whole = page(does_not_add_up=[], unseen=NOTHING_UNSEEN)
    assert ("Every line adds up." in whole, "unseen" in whole) == (True, False)
    assert "4711" not in page()


def test_a_month_that_is_not_over_is_marked_in_picture_and_table() -> None:
    assert (page().count("not over yet"), page().count('<span class="sub">not over yet</span>')) == (2, 1)
    over = [row | {"running": False} for row in FULL["rows"]]
    assert "not over yet" not in page(rows=over)


def test_the_steps_of_the_road_without_a_case_are_left_out() -> None:
    assert "from the due date to the notice" in page()
    without = [row | ({"days": None} if row["step"] == "due_to_notice" else {}) for row in FULL["road"]]
    assert "from the due date to the notice" not in page(road=without)
    assert "The road of a debt" not in page(road=[row | {"days": None} for row in FULL["road"]])


def test_rates_are_left_out_where_nobody_counted_the_patrons() -> None:
    assert "per 1,000" in page()
    groups = {key: [row | {"per_1000": None} for row in FULL[key]] for key in ("by_branch", "by_age")}
    assert "per 1,000" not in page(**groups)
