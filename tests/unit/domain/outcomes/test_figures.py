"""What becomes of a recorded line, in the order in which Koha writes its rows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.outcomes.figures import (
    NAMES,
    Amounts,
    CaseFigures,
    FollowedCase,
    FollowedLine,
    LineFigures,
    Offset,
    Share,
    line_figures,
)
from tests.unit.domain.outcomes.desk import ZERO, Desk, DeskLine, a_desk

REFERRED = date(2026, 7, 1)


def row(
    type_: str,
    amount: str,
    credit: str | None = None,
    *,
    number: int = 501,
    whole: str | None = None,
    same_item: bool = True,
    days: int = 10,
) -> Offset:
    """A row of the line; the credit is as large as the row unless told."""
    return Offset(
        id=1,
        day=REFERRED + timedelta(days=days),
        type=type_,
        amount=Decimal(amount),
        credit=number if credit else None,
        credit_type=credit,
        credit_amount=(Decimal(amount) if whole is None else -Decimal(whole)) if credit else None,
        same_item=same_item,
    )


def became(recorded: str, *rows: Offset, type_: str = "LOST", owing: str | None = None) -> LineFigures:
    """What became of a line in its only case."""
    numbered = [Offset(**{name: getattr(each, name) for name in each.__slots__} | {"id": 1 + place})
                for place, each in enumerate(rows)]  # fmt: skip
    share = Share(case=1, outstanding=Decimal(recorded))
    owes = None if owing is None else Decimal(owing)
    (figures,) = line_figures(FollowedLine(number=7, type=type_, shares=(share,), owing=owes), numbered)
    return figures


def told(figures: LineFigures) -> dict[str, str]:
    """The amounts that are not zero."""
    return {name: str(amount) for name in NAMES if (amount := getattr(figures.amounts, name))}


def test_before_the_first_copy_a_line_owes_what_was_recorded() -> None:
    assert told(became("40.00")) == {"recorded": "40.00", "owing": "40.00"}


def test_a_credit_of_the_library_s_own_type_is_other() -> None:
    figures = became("45.00", row("APPLY", "-5.00", "GOODWILL"), owing="40.00")
    assert told(figures) == {"recorded": "45.00", "other": "5.00", "owing": "40.00"}


def test_what_was_paid_of_a_lost_item_counts_as_returned_once_it_is_found() -> None:
    figures = became(
        "40.00",
        row("APPLY", "-40.00", "PAYMENT"),
        row("APPLY", "0.00", "LOST_FOUND", number=502, whole="60.00"),
        owing="0.00",
    )
    assert told(figures) == {"recorded": "40.00", "returned": "40.00"}
    assert figures.item_back


def test_a_found_item_whose_payment_is_kept_leaves_it_paid() -> None:
    rows = (row("APPLY", "-15.00", "PAYMENT"), row("APPLY", "-25.00", "LOST_FOUND", number=502))
    assert told(became("40.00", *rows, owing="0.00")) == {"recorded": "40.00", "paid": "15.00", "returned": "25.00"}


def test_what_is_left_of_a_found_credit_is_other_on_a_line_of_another_item() -> None:
    figures = became("35.00", row("APPLY", "-35.00", "LOST_FOUND", whole="60.00", same_item=False), owing="0.00")
    assert told(figures) == {"recorded": "35.00", "other": "35.00"}
    assert not figures.item_back


@pytest.mark.parametrize(("type_", "kind"), [("PROCESSING", "returned"), ("LOST", "other"), ("OVERDUE", "other")])
def test_a_processing_charge_alone_is_returned_by_its_own_credit(type_: str, kind: str) -> None:
    figures = became("8.00", row("APPLY", "-8.00", "PROCESSING_FOUND"), type_=type_, owing="0.00")
    assert told(figures) == {"recorded": "8.00", kind: "8.00"}
    assert not figures.item_back


def test_a_payment_of_before_that_is_voided_after_the_referral_makes_the_line_grow() -> None:
    figures = became("40.00", row("VOID", "20.00", "PAYMENT"), owing="60.00")
    assert told(figures) == {"recorded": "40.00", "grown": "20.00", "owing": "60.00"}


def test_a_payment_of_after_the_referral_that_is_voided_was_never_paid() -> None:
    rows = (row("APPLY", "-30.00", "PAYMENT"), row("VOID", "30.00", "PAYMENT"))
    assert told(became("30.00", *rows, owing="30.00")) == {"recorded": "30.00", "owing": "30.00"}


def test_a_payment_voided_after_its_item_was_refunded_is_less_than_nothing() -> None:
    figures = became(
        "40.00",
        row("APPLY", "-40.00", "PAYMENT"),
        row("APPLY", "0.00", "LOST_FOUND", number=502, whole="40.00"),
        row("VOID", "40.00", "PAYMENT"),
        owing="40.00",
    )
    assert told(figures) == {"recorded": "40.00", "paid": "-40.00", "returned": "40.00", "owing": "40.00"}


def test_a_found_credit_that_is_voided_leaves_what_it_moved() -> None:
    figures = became(
        "40.00",
        row("APPLY", "-30.00", "PAYMENT"),
        row("APPLY", "-10.00", "LOST_FOUND", number=502, whole="40.00"),
        row("VOID", "10.00", "LOST_FOUND", number=502),
        owing="10.00",
    )
    assert told(figures) == {"recorded": "40.00", "returned": "30.00", "owing": "10.00"}
    assert figures.item_back


def test_an_accruing_fine_is_never_corrected_below_zero() -> None:
    figures = became(
        "10.00",
        row("OVERDUE_INCREASE", "2.00"),
        row("APPLY", "-9.00", "PAYMENT"),
        row("OVERDUE_DECREASE", "-6.00"),
        type_="OVERDUE",
        owing="0.00",
    )
    assert told(figures) == {"recorded": "10.00", "grown": "-1.00", "paid": "9.00"}


@pytest.mark.parametrize("credit", ["CANCELLATION", "DISCOUNT", "WRITEOFF", "FORGIVEN"])
def test_what_the_library_gives_up_is_waived(credit: str) -> None:
    figures = became("25.00", row("APPLY", "-5.00", credit), owing="20.00")
    assert told(figures) == {"recorded": "25.00", "waived": "5.00", "owing": "20.00"}


def test_a_line_changed_by_hand_has_a_difference() -> None:
    figures = became("40.00", owing="35.00")
    assert told(figures) == {"recorded": "40.00", "owing": "35.00", "difference": "5.00"}


def test_what_left_koha_between_two_nights_is_other_and_was_not_seen() -> None:
    line = FollowedLine(
        number=7, type="LOST", shares=(Share(case=1, outstanding=Decimal(40)),), owing=ZERO, gone_on=REFERRED
    )
    paid = Offset(id=3, day=REFERRED, type="APPLY", amount=Decimal(-15), credit=9, credit_type="PAYMENT")
    (figures,) = line_figures(line, [paid])
    assert told(figures) == {"recorded": "40", "paid": "15.00", "other": "25.00"}
    assert figures.unseen == 25


def two_cases(*rows: Offset, owing: str) -> list[LineFigures]:
    """A line of 40.00, of which 37.00 was paid (row 5) before the rest of 3.00 was referred again."""
    shares = (
        Share(case=1, outstanding=Decimal("40.00"), last_offset=4),
        Share(case=2, outstanding=Decimal("3.00"), last_offset=5),
    )
    line = FollowedLine(number=7, type="LOST", shares=shares, owing=Decimal(owing))
    first = Offset(id=5, day=REFERRED, type="APPLY", amount=Decimal("-37.00"), credit=1, credit_type="PAYMENT")
    return list(line_figures(line, [first, *rows]))


def test_a_rest_that_is_referred_again_belongs_to_the_later_case() -> None:
    later = Offset(id=6, day=REFERRED, type="APPLY", amount=Decimal("-3.00"), credit=2, credit_type="PAYMENT")
    first, second = two_cases(later, owing="0.00")
    assert told(first) == {"recorded": "40.00", "paid": "37.00", "referred_again": "3.00"}
    assert told(second) == {"recorded": "3.00", "paid": "3.00"}


def test_a_payment_of_the_earlier_case_voided_later_makes_the_later_case_grow() -> None:
    voided = Offset(id=6, day=REFERRED, type="VOID", amount=Decimal("37.00"), credit=1, credit_type="PAYMENT")
    first, second = two_cases(voided, owing="40.00")
    assert told(first) == {"recorded": "40.00", "paid": "37.00", "referred_again": "3.00"}
    assert told(second) == {"recorded": "3.00", "grown": "37.00", "owing": "40.00"}


def test_a_line_seen_as_found_brings_its_item_back_in_the_later_case_only() -> None:
    shares = tuple(Share(case=number, outstanding=Decimal(9), last_offset=number) for number in (1, 2))
    line = FollowedLine(number=7, type="LOST", shares=shares, owing=Decimal(9), found_on=REFERRED)
    assert [figures.item_back for figures in line_figures(line, [])] == [False, True]


def test_an_item_seen_as_found_stays_back_when_koha_deletes_its_line() -> None:
    share = Share(case=1, outstanding=Decimal(9))
    written_off = row("APPLY", "-9.00", "WRITEOFF")
    line = FollowedLine(number=7, type="LOST", shares=(share,), owing=ZERO, found_on=REFERRED, gone_on=REFERRED)
    (figures,) = line_figures(line, [written_off])
    assert figures.item_back


# A case


def a_case(*lines: LineFigures, state: CaseState = CaseState.OPEN, closed_on: date | None = None) -> CaseFigures:
    facts = FollowedCase(id=1, section="global", referred_on=REFERRED, state=state, closed_on=closed_on)
    return CaseFigures.of(facts, lines)


def a_fee(*rows: Offset, owing: str) -> LineFigures:
    (figures,) = line_figures(
        FollowedLine(
            number=8,
            type="MANUAL",
            shares=(Share(case=1, outstanding=Decimal("10.00"), is_fee=True),),
            owing=Decimal(owing),
        ),
        [replace(each, id=1 + place) for place, each in enumerate(rows)],
    )
    return figures


def test_the_fee_stands_apart() -> None:
    case = a_case(became("40.00", owing="40.00"), a_fee(row("APPLY", "-6.00", "PAYMENT"), owing="4.00"))
    assert (case.amounts.recorded, case.amounts.owing) == (Decimal("40.00"), Decimal("40.00"))
    assert (case.fee.recorded, case.fee.paid, case.fee.owing) == (Decimal("10.00"), Decimal("6.00"), Decimal("4.00"))


def test_what_became_of_a_fee_besides_payments_and_waivers_is_other_less_what_it_grew() -> None:
    case = a_case(a_fee(row("VOID", "3.00", "PAYMENT"), row("APPLY", "-5.00", "CREDIT"), owing="8.00"))
    assert case.fee_other == Decimal("2.00")
    assert case.fee.recorded == case.fee.paid + case.fee.waived + case.fee_other + case.fee.owing + case.fee.difference


def test_a_case_is_settled_on_the_day_of_its_last_credit() -> None:
    paid = became(
        "40.00", row("APPLY", "-30.00", "PAYMENT", days=3), row("APPLY", "-10.00", "PAYMENT", days=9), owing="0.00"
    )
    case = a_case(paid, a_fee(row("APPLY", "-10.00", "PAYMENT", days=12), owing="0.00"))
    assert (case.first_credit, case.settled_on) == (REFERRED + timedelta(days=3), REFERRED + timedelta(days=12))
    assert case.settled_after == 12


def test_a_case_with_a_rest_is_settled_only_if_it_was_released_or_paid() -> None:
    rest = became("40.00", row("APPLY", "-37.00", "PAYMENT", days=5), owing="3.00")
    assert a_case(rest).settled_on is None
    assert a_case(rest, state=CaseState.WITHDRAWN).settled_on is None
    assert a_case(rest, state=CaseState.RELEASED).settled_on == REFERRED + timedelta(days=5)


def test_a_settled_case_without_a_credit_is_settled_when_it_was_closed() -> None:
    closed = REFERRED + timedelta(days=30)
    assert a_case(became("40.00", owing="0.00"), state=CaseState.RELEASED, closed_on=closed).settled_on == closed


def test_a_row_of_nothing_settles_nothing() -> None:
    case = a_case(became("40.00", row("APPLY", "0.00", "LOST_FOUND", whole="5.00"), owing="0.00"))
    assert case.first_credit is None


def test_a_case_of_which_something_was_referred_again_is_not_settled() -> None:
    first, _ = two_cases(owing="3.00")
    assert not a_case(first).is_settled
    assert a_case(first, state=CaseState.RELEASED).is_settled


def test_what_is_owing_of_patrons_who_are_gone() -> None:
    owes = became("55.00", owing="55.00")
    states = (CaseState.DELETED, CaseState.ANONYMIZED, CaseState.MERGED)
    assert [a_case(owes, state=state).owing_gone for state in states] == [55, 55, 0]


# Whatever happens


AMOUNTS = st.integers(1, 6000).map(lambda cents: Decimal(cents) / 100)
Deeds = list[tuple[Callable[[Desk, DeskLine, Decimal], None], int, Decimal]]
DEEDS = st.lists(st.tuples(st.sampled_from(Desk.DEEDS), st.integers(0, 2), AMOUNTS), max_size=40)


@given(before=DEEDS, after=DEEDS)
def test_every_figure_is_what_the_desk_noted_and_the_identity_holds(before: Deeds, after: Deeds) -> None:
    desk = a_desk(("LOST", "40.00"), ("OVERDUE", "12.50"), ("LOST", "60.00"))
    for deed, place, amount in before:
        deed(desk, desk.lines[place], amount)
    desk.refer()
    for deed, place, amount in after:
        line = desk.lines[place]
        if not line.gone:
            deed(desk, line, amount)
    desk.night()
    for line in desk.lines:
        followed, offsets = line.seen_by_us
        for figures, noted in zip(line_figures(followed, offsets), line.noted, strict=True):
            owing = line.owed if figures.share is line.shares[-1] else ZERO
            expected = Amounts(**{name: noted[name] for name in NAMES if noted[name]})
            assert figures.amounts == Amounts(
                **{name: getattr(expected, name) for name in NAMES if name not in {"owing", "difference"}}, owing=owing
            )
