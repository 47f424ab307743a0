"""The worked cases: a loan from its check-out to the agency."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from gentle_nudge.domain.circulation.contradictions import contradictions
from gentle_nudge.domain.circulation.findings import findings_of
from gentle_nudge.domain.circulation.loan import Combination, NotComputed
from gentle_nudge.domain.circulation.long_overdue import LongOverdueJob
from gentle_nudge.domain.circulation.precedence import LoanRules, asked_rules
from gentle_nudge.domain.circulation.snapshot import Courtesy, ItemType, RuleRow, Snapshot
from gentle_nudge.views.circulation_view import rules_view
from gentle_nudge.views.structured import as_json
from tests.unit.domain.circulation.roads import (
    PLAIN,
    balances,
    first_case,
    loan,
    names,
    policy,
    road,
    rules,
    snapshot,
    told,
    triggers,
)

TWO_AHEAD = (Courtesy(days=2, transports=("email",)),)
FIRST_LOAN = loan(checkout=date(2026, 3, 2), price=Decimal("25.00"), courtesies=TWO_AHEAD)
EASTER = date(2026, 3, 27)  # a Friday


def test_a_loan_goes_from_its_courtesy_notice_to_the_agency() -> None:
    walked = road(first_case(), FIRST_LOAN, policy())
    assert [(f"{event.day:%m-%d}", event.kind) for event in walked.events if event.kind != "fine"] == [
        ("03-02", "checkout"),
        ("03-14", "courtesy"),
        ("03-16", "due"),
        ("03-23", "notice"),
        ("03-27", "blocked"),
        ("03-30", "notice"),
        ("03-30", "restriction"),
        ("04-13", "notice"),
        ("04-15", "lost"),
        ("04-15", "forgiven"),
        ("04-15", "processing"),
        ("04-15", "replacement"),
        ("04-15", "loan_closed"),
        ("06-15", "submission"),
    ]
    fines = balances(walked)
    assert (len(fines), fines["03-17"], fines["03-27"], fines["04-05"]) == (20, "0.50", "5.50", "10.00")
    assert told(walked, "forgiven", "processing", "replacement") == [
        ("04-15", "-10.00"),
        ("04-15", "5.00"),
        ("04-15", "25.00"),
    ]
    assert walked.submission is not None
    assert (walked.submission.day, walked.submission.owed) == (date(2026, 6, 15), Decimal("30.00"))
    assert (walked.submission.fee, walked.submission.balance_after) == (Decimal("10.00"), Decimal("40.00"))
    assert (walked.terms.due, walked.terms.lost, walked.balance) == (
        date(2026, 3, 16),
        date(2026, 4, 15),
        Decimal("40.00"),
    )
    assert (walked.never, names(walked)) == (None, [])


@pytest.mark.parametrize(
    ("at_start", "grace_counts", "days", "on_day_22"),
    [
        ("0", "1", [7, 14, 21, 28], "3.00"),
        ("1", "1", [3, 8, 15, 22], "4.00"),
        ("0", "0", [9, 16, 23, 30], "2.00"),
        ("1", "0", [3, 10, 17, 24], "3.00"),
    ],
)
def test_a_fine_of_an_interval_begins_at_its_start_or_its_end(
    at_start: str, grace_counts: str, days: list[int], on_day_22: str
) -> None:
    rows = rules(("issuelength", "14"), ("fine", "1.00"), ("chargeperiod", "7"), ("firstremind", "2"))
    at = RuleRow(id=9, name="chargeperiod_charge_at", value=at_start)
    koha = snapshot(*rows, at, finesCalendar="ignoreCalendar", FinesIncludeGracePeriod=grace_counts)
    fines = [event for event in road(koha, loan()).events if event.kind == "fine"]
    assert [event.late for event in fines[:4]] == days
    assert str([event.balance for event in fines if event.late <= 22][-1]) == on_day_22


def test_a_notice_by_open_days_may_fall_after_the_loss() -> None:
    settings = {"cells": triggers((7, 14, 30)), "DefaultLongOverdueDays": "30"}
    koha = snapshot(*PLAIN, OverdueNoticeCalendar="1", **settings)  # type: ignore[arg-type]  # both by name
    asked = loan("CPL/PT/BK", due=EASTER, price=Decimal("25.00"))
    walked = road(koha, asked)
    assert told(walked, "notice", "lost") == [("04-07", "1"), ("04-15", "2"), ("04-27", "")]
    assert [event.late for event in walked.events if event.kind == "notice"] == [11, 19]
    way_out = next(finding for finding in findings_of(walked) if finding.name == "lost-before-notice")
    assert "38 days after the due date" in way_out.what
    assert way_out.way_out == "Set DefaultLongOverdueDays to at least 37, or delay 3 at most 24."
    first = next(
        f for f in findings_of(road(koha, asked, job=LongOverdueJob(first=True))) if f.name == "lost-before-notice"
    )
    assert first.way_out == "Set DefaultLongOverdueDays to at least 38, or delay 3 at most 23."
    for days, finds in (("36", True), ("37", False)):
        longer = replace(koha, preferences={**koha.preferences, "DefaultLongOverdueDays": days})
        assert ("lost-before-notice" in names(road(longer, asked))) is finds
    plain = snapshot(*PLAIN, **settings)  # type: ignore[arg-type]  # both by name
    walked = road(plain, asked)
    assert told(walked, "notice") == [("04-03", "1"), ("04-10", "2"), ("04-26", "3")]
    assert "lost-before-notice" not in names(walked)


QUARTER = rules(("issuelength", "14"), ("fine", "0.25"), ("chargeperiod", "1"))


def test_closed_days_are_not_counted_and_nothing_is_written_on_them() -> None:
    fines = balances(road(snapshot(*QUARTER), loan("CPL/PT/BK", due=EASTER)))
    assert (fines["04-04"], fines["04-07"]) == ("1.50", "1.75")
    assert not {"04-03", "04-05", "04-06"} & set(fines)


def test_closed_days_may_be_counted_and_are_written_on_the_next_open_day() -> None:
    fines = balances(road(snapshot(*QUARTER, finesCalendar="ignoreCalendar"), loan("CPL/PT/BK", due=EASTER)))
    assert (fines["04-04"], fines["04-07"]) == ("2.00", "2.75")
    assert not {"04-05", "04-06"} & set(fines)


def test_closed_days_may_be_written_too() -> None:
    koha = snapshot(*QUARTER, finesCalendar="ignoreCalendar", ChargeFinesOnClosedDays="1")
    fines = balances(road(koha, loan("CPL/PT/BK", due=EASTER)))
    assert (fines["04-05"], fines["04-06"], fines["04-07"]) == ("2.25", "2.50", "2.75")


def test_a_loan_due_on_a_closed_day_is_fined_a_day_later() -> None:
    walked = road(snapshot(*QUARTER), loan("CPL/PT/BK", due=date(2026, 3, 15)))
    assert told(walked, "fine")[0] == ("03-17", "0.25")
    ways = [
        finding.way_out
        for mode in ("Days", "Datedue")
        for finding in findings_of(road(snapshot(*QUARTER, useDaysMode=mode), loan("CPL/PT/BK", due=date(2026, 3, 15))))
        if finding.name == "due-on-closed-day"
    ]
    assert [way.split()[0] for way in ways] == ["Set", "Koha's"]


MANY = rules(
    ("fine", "0.10"),
    ("fine", "0.20", "CPL * *"),
    ("fine", "0.30", "CPL PT *"),
    ("fine", "1.00", "* PT DVD"),
    ("fine", "0.50", "CPL * DVD"),
    ("chargeperiod", "1"),
    ("firstremind", "3"),
    ("firstremind", "", "CPL PT *"),
    ("issuelength", "14"),
)


@pytest.mark.parametrize(
    ("combination", "first", "blank"),
    [
        ("CPL/PT/DVD", ("03-17", "0.30"), True),
        ("CPL/ST/DVD", ("03-20", "2.00"), False),
        ("MPL/PT/DVD", ("03-20", "4.00"), False),
        ("MPL/ST/BK", ("03-20", "0.40"), False),
    ],
)
def test_the_narrowest_rule_wins_even_if_it_is_empty(
    combination: str,
    first: tuple[str, str],
    blank: bool,  # noqa: FBT001  # a column of the table
) -> None:
    walked = road(replace(snapshot(*MANY), closures={}), loan(combination))
    assert told(walked, "fine")[0] == first
    assert ("blank-hides-rule" in names(walked)) is blank


def test_the_rules_tell_which_row_wins_and_which_it_beats() -> None:
    koha = snapshot(*MANY)
    answer = asked_rules(LoanRules(snapshot=koha, loan=loan("CPL/PT/DVD")))
    fine = next(rule for rule in answer if rule.name == "fine")
    assert fine.row is not None
    assert fine.row.value == "0.30"
    assert [row.value for row in fine.beaten] == ["0.50", "0.20", "1.00", "0.10"]
    length = {rule.name: rule.default for rule in answer}
    assert (length["daysmode"], length["lostreturn"], length["lengthunit"], length["issuelength"]) == (
        "Days",
        "refund",
        "days",
        None,
    )
    preferences = json.loads(as_json(rules_view(LoanRules(snapshot=koha, loan=loan("CPL/PT/DVD")))))["preferences"]
    stored = {each["name"]: each["stored"] for each in preferences}
    assert (stored["finesMode"], stored["CircControl"]) == (True, False)


AT_PRICE = rules(
    ("issuelength", "14"),
    ("fine", "2.00"),
    ("chargeperiod", "1"),
    ("overduefinescap", "50.00"),
    ("cap_fine_to_replacement_price", "1"),
)


@pytest.mark.parametrize(
    ("price", "itemtype", "last", "late"),
    [
        ("18.00", ItemType(code="BK", processing_fee=Decimal(0)), "18.00", 9),
        ("0.00", ItemType(code="BK", processing_fee=Decimal(0)), "50.00", 25),
        ("0.00", ItemType(code="BK", default_price=Decimal("22.00"), processing_fee=Decimal(0)), "22.00", 11),
    ],
)
def test_a_fine_stops_at_the_price_or_the_maximum(price: str, itemtype: ItemType, last: str, late: int) -> None:
    koha = snapshot(*AT_PRICE, itemtype=itemtype, DefaultLongOverdueDays="60", useDefaultReplacementCost="1")
    walked = road(koha, loan(price=Decimal(price)))
    fine = [event for event in walked.events if event.kind == "fine"][-1]
    assert (str(fine.balance), fine.late) == (last, late)
    assert walked.terms.lost == date(2026, 5, 16)
    charged = price != "0.00" or itemtype.default_price is not None
    assert bool(told(walked, "replacement")) is charged
    assert ("no-price" in names(walked)) is not charged


def test_maxfine_stops_the_fine_of_a_patron_with_other_fines() -> None:
    rows = rules(("issuelength", "14"), ("fine", "0.50"), ("chargeperiod", "1"))
    walked = road(snapshot(*rows, MaxFine="20.00"), loan(other_overdue=Decimal("12.00")))
    fines = balances(walked)
    assert (list(fines)[-1], fines["04-01"]) == ("04-01", "8.00")
    assert "stopped-by-maxfine" in names(walked)


DEFAULT_AND_OWN = (*triggers((7, 14, 28)), *triggers((5, 10, 20), category="ST", library="CPL", number=2))


def test_one_row_of_its_own_takes_the_default_away_from_a_library() -> None:
    koha = replace(snapshot(*PLAIN, cells=DEFAULT_AND_OWN), closures={})
    hidden = road(koha, loan("CPL/PT/BK"))
    assert told(hidden, "notice") == []
    assert "triggers-hide-default" in names(hidden)
    days = [[day for day, _ in told(road(koha, loan(of)), "notice")] for of in ("FPL/PT/BK", "CPL/ST/BK")]
    assert days == [["03-23", "03-30", "04-13"], ["03-21", "03-26", "04-05"]]
    migrated = replace(koha, layout="circulation_rules", triggers=(), rules=(*PLAIN, *DEFAULT_AND_OWN))
    walked = road(migrated, loan("CPL/PT/BK"))
    assert [day for day, _ in told(walked, "notice")] == ["03-23", "03-30", "04-13"]
    assert "triggers-hide-default" not in names(walked)


def test_a_category_without_notices_gets_no_restriction_either() -> None:
    walked = road(first_case(gets_notices=False), FIRST_LOAN)
    assert told(walked, "notice", "restriction") == []
    assert "category-without-notices" in names(walked)


def refunding(lost: str | None, processing: str | None = None) -> Snapshot:
    rows = [RuleRow(id=20, library="FPL", name="lostreturn", value=lost)] if lost is not None else []
    rows += [RuleRow(id=21, library="FPL", name="processingreturn", value=processing)] if processing else []
    return first_case(*PLAIN, *rows)


@pytest.mark.parametrize(
    ("lost", "processing", "with_payment", "without"),
    [
        ("refund", "refund", "-10.00", "0.00"),
        (None, None, "-10.00", "0.00"),
        ("refund_unpaid", "refund_unpaid", "0.00", "0.00"),
        ("0", "0", "20.00", "30.00"),
        ("restore", "refund", "0.00", "10.00"),
        ("charge", "refund", "0.00", "10.00"),
    ],
)
def test_a_lost_item_that_comes_back_is_refunded(
    lost: str | None, processing: str | None, with_payment: str, without: str
) -> None:
    back = replace(FIRST_LOAN, returned=date(2026, 5, 2))
    paid = road(refunding(lost, processing), replace(back, paid=Decimal("10.00")))
    payment = next(event for event in paid.events if event.kind == "payment")
    assert (str(payment.balance), str(paid.balance)) == ("20.00", with_payment)
    assert str(road(refunding(lost, processing), back).balance) == without


@pytest.mark.parametrize(("returned", "refunded"), [(date(2026, 10, 11), True), (date(2026, 10, 12), False)])
def test_a_refund_has_an_age_limit(returned: date, refunded: bool) -> None:  # noqa: FBT001  # a column of the table
    koha = first_case(NoRefundOnLostReturnedItemsAge="180")
    assert bool(told(road(koha, replace(FIRST_LOAN, returned=returned)), "refund_lost")) is refunded


def test_more_cannot_be_paid_than_the_lost_charge_owes() -> None:
    back = replace(FIRST_LOAN, returned=date(2026, 5, 2))
    assert road(first_case(), replace(back, paid=Decimal("25.00"))).balance == Decimal("-25.00")
    with pytest.raises(NotComputed):
        road(first_case(), replace(back, paid=Decimal("25.01")))


@pytest.mark.parametrize(
    ("changed", "threshold", "submitted", "found"),
    [
        ({}, "35.00", ("06-15", "40.00"), False),
        ({}, "40.01", None, False),
        ({"fine": "1.00", "days": "60"}, "38.00", None, True),
        ({"fine": "1.00", "days": "60"}, "30.00", ("07-20", "30.00"), False),
    ],
)
def test_a_fine_leaves_the_window_before_the_lost_charge_enters_it(
    changed: dict[str, str],
    threshold: str,
    submitted: tuple[str, str] | None,
    found: bool,  # noqa: FBT001  # a column
) -> None:
    rows = tuple(replace(row, value=changed.get("fine", row.value)) if row.name == "fine" else row for row in PLAIN)
    koha = first_case(*rows, WhenLostForgiveFine="0", DefaultLongOverdueDays=changed.get("days", "29"))
    walked = road(koha, FIRST_LOAN, policy(threshold))
    submission = walked.submission
    assert (submission and (f"{submission.day:%m-%d}", str(submission.owed))) == submitted
    assert (walked.never is None) is (submitted is not None)
    assert ("never-referred" in names(walked)) is found


def test_without_the_charge_value_nobody_is_charged() -> None:
    walked = road(first_case(DefaultLongOverdueChargeValue=""), FIRST_LOAN)
    assert (walked.terms.lost, str(walked.balance)) == (date(2026, 4, 15), "10.00")
    assert "lost-not-charged" in names(walked)


def test_three_libraries_rule_one_loan() -> None:
    rows = rules(
        ("issuelength", "14", "MPL * *"), ("issuelength", "7"), ("fine", "0.50", "MPL * *"), ("chargeperiod", "1")
    )
    cells = triggers((7, 14, 28), library="FPL")
    koha = snapshot(*rows, cells=cells, CircControl="PatronLibrary", OverdueNoticeFrom="item-homebranch")
    asked = replace(loan("CPL/PT/BK", checkout=date(2026, 3, 1)), item_library="FPL", patron_library="MPL")
    walked = road(koha, asked)
    assert walked.terms.due == date(2026, 3, 15)  # a Sunday, on which CPL alone is closed
    assert told(walked, "fine")[0] == ("03-16", "0.50")
    assert told(walked, "notice")[0] == ("03-22", "1")
    answer = {rule.name: rule.scope[0] for rule in asked_rules(LoanRules(snapshot=koha, loan=asked))}
    assert (answer["fine"], answer["lostreturn"], answer["returnbranch"]) == ("MPL", "CPL", "FPL")


def test_a_forgiven_fine_may_keep_a_loan_below_the_threshold() -> None:
    walked = road(first_case(), FIRST_LOAN, policy("30.01"))
    assert names(walked) == ["forgiven-below-threshold"]
    assert names(road(first_case(), FIRST_LOAN, policy("40.01"))) == []


def test_a_forgiven_fine_is_not_to_blame_where_enough_is_left_and_the_item_comes_back() -> None:
    walked = road(first_case(), replace(FIRST_LOAN, returned=date(2026, 5, 2)), policy("25.00"))
    assert names(walked) == []
    assert walked.never == (
        "before the return owes less than the threshold in the window, and after it the balance is 0.00"
    )


def test_the_reasons_of_notices_and_the_loss_say_how_their_days_are_counted() -> None:
    koha = snapshot(
        *PLAIN, cells=triggers((7,)), OverdueNoticeCalendar="1", DefaultLongOverdueDays="30", useDaysMode="Datedue"
    )
    ahead = (Courtesy(days=2, transports=("email",), patrons=1),)
    walked = road(koha, loan("CPL/PT/BK", checkout=date(2026, 3, 13), courtesies=ahead))
    reasons = {event.kind: [(why.name, why.value) for why in event.why] for event in walked.events}
    assert ("open days late", "7") in reasons["notice"]
    assert reasons["lost"][-1] == ("more than", "30 days late")
    assert reasons["courtesy"][-1] == ("opt-in, chosen by", "1 patron of the category")
    assert reasons["due"][-1] == ("useDaysMode", "Datedue")
    ruled = road(replace(koha, rules=(*koha.rules, *rules(("daysmode", "Days")))), loan(checkout=date(2026, 3, 2)))
    assert [why.name for why in ruled.events[1].why] == ["issuelength", "daysmode"]


def test_a_loan_that_comes_back_in_time_ends_there() -> None:
    walked = road(first_case(), replace(FIRST_LOAN, returned=date(2026, 3, 16)), policy())
    assert [event.kind for event in walked.events] == ["checkout", "courtesy", "returned"]
    assert walked.submission is None
    late = road(first_case(), replace(FIRST_LOAN, returned=date(2026, 3, 17)), policy())
    assert [event.kind for event in late.events][2:] == ["due", "fine", "returned"]


def test_on_the_day_of_the_loss_the_notice_still_goes_out_unless_the_loss_runs_first() -> None:
    koha = first_case(DefaultLongOverdueDays="27")
    assert len(told(road(koha, FIRST_LOAN), "notice")) == 3
    assert len(told(road(koha, FIRST_LOAN, job=LongOverdueJob(first=True)), "notice")) == 2


def test_loans_by_the_hour_are_not_computed() -> None:
    koha = snapshot(*PLAIN, RuleRow(id=9, name="lengthunit", value="hours"))
    with pytest.raises(NotComputed, match="by the hour"):
        road(koha, loan(checkout=date(2026, 3, 2)))


def test_every_event_has_a_reason() -> None:
    walked = road(first_case(), replace(FIRST_LOAN, returned=date(2026, 5, 2), paid=Decimal("1.00")), policy())
    assert all(event.why for event in walked.events)


@pytest.mark.parametrize(
    ("own", "admin", "found"), [("", "", ["notices-without-sender"]), ("a@b.example", "", []), ("", "a@b.example", [])]
)
def test_notices_by_email_need_a_sender(own: str, admin: str, found: list[str]) -> None:
    koha = first_case(KohaAdminEmailAddress=admin)
    walked = road(replace(koha, branches={**koha.branches, "FPL": own}), FIRST_LOAN)
    assert names(walked) == found


def test_what_contradicts_is_told_once_with_its_combinations() -> None:
    koha = replace(
        first_case(*PLAIN, *rules(("fine", "0.50", "CPL PT BK"), ("fine", "0.50", "FPL PT BK"))), closures={}
    )
    found = contradictions(koha, date(2026, 3, 16), LongOverdueJob(runs="off"), lambda _: policy("500.00"))
    assert (found.combinations, found.hourly) == (2, 0)
    assert [(each.finding.name, each.combinations) for each in found.found] == [("never-lost", ())]
    one = contradictions(
        replace(koha, preferences={**koha.preferences, "DefaultLongOverdueChargeValue": ""}),
        date(2026, 3, 16),
        LongOverdueJob(),
        lambda _: policy("500.00"),
        wanted=Combination(library="CPL", category="", itemtype=""),
    )
    combination = Combination(library="CPL", category="PT", itemtype="BK")
    assert [(each.finding.name, each.combinations) for each in one.found] == [("lost-not-charged", (combination,))]
