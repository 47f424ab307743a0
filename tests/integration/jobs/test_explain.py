"""Explain says what the night does."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.jobs.desk.explain import explain
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.views.explanation_view import explanation_view
from gentle_nudge.views.plain import Note
from tests.builders.days import IN_THE_WINDOW, SUNDAY
from tests.builders.koha import a_patron, has_credit, owes
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights


def test_every_line_says_why_it_does_not_count(koha: KohaDatabase) -> None:
    patron = a_patron(koha, card="1001")
    counts = owes(koha, patron, "30.00", day=IN_THE_WINDOW)
    old = owes(koha, patron, "5.00", day=SUNDAY - timedelta(days=91))
    fee = owes(koha, patron, "10.00", day=IN_THE_WINDOW, type="MANUAL", description="UMS Processing Fee")
    nights = Nights(koha)
    with read_only(nights.engine) as conn:
        (told,) = explain(conn, nights.sections, "1001", nights.at(SUNDAY))
    assert {line.id: line.why_not for line in told.lines} == {
        counts: (),
        old: ("outside the window",),
        fee: ("our processing fee",),
    }
    assert told.reason is None


def test_a_charge_from_before_the_patron_was_of_age_says_so(koha: KohaDatabase) -> None:
    patron = a_patron(koha, card="1001", born=IN_THE_WINDOW.replace(year=IN_THE_WINDOW.year - 18))
    before = owes(koha, patron, "30.00", day=IN_THE_WINDOW - timedelta(days=1))
    credit = has_credit(koha, patron, "0.01", day=IN_THE_WINDOW - timedelta(days=1))
    since = owes(koha, patron, "5.00", day=IN_THE_WINDOW)
    nights = Nights(koha, charged_as_minor="leave_out")
    with read_only(nights.engine) as conn:
        (told,) = explain(conn, nights.sections, "1001", nights.at(SUNDAY))
    assert {line.id: line.why_not for line in told.lines} == {
        before: ("from before the patron was of age",),
        credit: (),
        since: (),
    }
    assert told.reason is Reason.BELOW_THRESHOLD
    assert told.candidate.account.owed == Decimal("4.99")


@pytest.mark.parametrize(
    ("born", "shown"),
    [
        ("1915-11-22", "born 1915-11-22 (more than 110 years ago, so unknown)"),
        ("1915-11-23", "born 1915-11-23"),
        (None, "born unknown"),
    ],
)
def test_a_date_of_birth_that_nobody_has_is_shown_as_unknown(koha: KohaDatabase, born: str | None, shown: str) -> None:
    a_patron(koha, card="1001", born=born)
    nights = Nights(koha)
    with read_only(nights.engine) as conn:
        (told,) = explain(conn, nights.sections, "1001", nights.at(SUNDAY))
    notes = [part.text for part in explanation_view(told).parts if isinstance(part, Note)]
    assert f"branch CPL, category PT (A), {shown}" in notes


def test_an_unknown_card_is_one_sentence(koha: KohaDatabase) -> None:
    nights = Nights(koha)
    with read_only(nights.engine) as conn, pytest.raises(GentleNudgeError, match="no patron with this card"):
        explain(conn, nights.sections, "nobody", nights.at(SUNDAY))


@pytest.mark.parametrize("seed", range(4))
def test_explain_and_the_night_never_disagree(koha: KohaDatabase, seed: int) -> None:
    chance = random.Random(seed)
    numbers = [_somebody(koha, chance) for _ in range(60)]
    nights = Nights(
        koha, minors="exclude", excluded_categories=frozenset({"ST"}), most_referrals=0, most_adoptions=1000,
        require_lost_fee=chance.random() < 0.3, charged_as_minor=chance.choice(["count", "leave_out"]),
    )  # fmt: skip
    with read_only(nights.engine) as conn:
        reasons = {
            number: explain(conn, nights.sections, f"number:{number}", nights.at(SUNDAY))[0].reason
            for number in numbers
        }
    plan = nights.dry_run()
    assert plan is not None
    assert {d.number for d in plan.of(Referral)} == {n for n, reason in reasons.items() if reason is None}
    for reason, count in plan.left_out.items():
        if reason is not Reason.BELOW_THRESHOLD:
            assert count <= list(reasons.values()).count(reason)


def _somebody(koha: KohaDatabase, chance: random.Random) -> int:
    patron = a_patron(
        koha,
        category=chance.choice(["PT", "ST", "J"]),
        sort1=chance.choice([None, None, None, "", "no", "0", "yes", "1", "Book club"]),
        born=chance.choice([None, "1980-05-05", "2010-01-01", "2008-09-08", "1901-01-01", "2008-11-22"]),
        protected=chance.choice([0, 0, 0, 0, 1]),
    )
    for _ in range(chance.randrange(4)):
        day = SUNDAY - timedelta(days=chance.choice([59, 60, 75, 89, 90, 91, 200]))
        amount = Decimal(chance.choice(["5.00", "12.49", "24.99", "25.00", "30.00"]))
        owes(koha, patron, amount, day=day, type=chance.choice(["LOST", "OVERDUE"]))
    if chance.random() < 0.3:
        has_credit(koha, patron, "10.00", day=SUNDAY - timedelta(days=chance.choice([10, 75])))
    return patron


def notes_about(nights: Nights, card: str, day: date) -> list[str]:
    with read_only(nights.engine) as conn:
        (told,) = explain(conn, nights.sections, card, nights.at(day))
    return [part.text for part in explanation_view(told).parts if isinstance(part, Note)]


def test_a_patron_in_collections_is_said_to_be_so_before_the_verdicts(koha: KohaDatabase) -> None:
    patron = a_patron(koha, card="1001")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW)
    nights = Nights(koha)
    assert not any("ollections since" in note for note in notes_about(nights, "1001", SUNDAY))
    nights.good_night()
    case = koha.value("SELECT id FROM gentle_nudge_case")
    said = notes_about(nights, "1001", SUNDAY + timedelta(days=2))
    assert said[0] == (
        f"In collections since {SUNDAY} (case {case}): owed 30.00 in the window and 30.00 in all, fee 10.00; "
        "no rule kept the patron out that day."
    )
    assert said[1:3] == ["Without the case, today:", f"Patron number {patron}, section global, Tuesday 2026-11-24"]
    assert said[-1] == "Would be referred."


def test_a_patron_adopted_or_released_is_not_said_to_be_in_collections_since_a_day(koha: KohaDatabase) -> None:
    patron = a_patron(koha, card="1001")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW)
    nights = Nights(koha)
    nights.good_night()
    koha.execute("UPDATE gentle_nudge_case SET referred_on = NULL, adopted = 1")
    assert notes_about(nights, "1001", SUNDAY)[0].startswith("In collections since an unknown day (case ")
    koha.execute("UPDATE gentle_nudge_case SET state = 'released', open_key = NULL, closed_on = :day", day=SUNDAY)
    said = notes_about(nights, "1001", SUNDAY)
    assert not any("In collections" in note for note in said)
    assert said[-1].startswith("case ")
