"""Whom staff took back stays taken back: whatever section asks, and whenever it is judged."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from random import Random
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.policy import Scope, Section
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.desk.explain import explain
from gentle_nudge.jobs.night.due import NightOptions
from gentle_nudge.jobs.night.nightly import decide
from gentle_nudge.jobs.patrons.shared_reads import SharedReads
from gentle_nudge.jobs.sections import keeping_up, sharing_flags
from gentle_nudge.jobs.transaction import read_only
from tests.builders.days import IN_THE_WINDOW, MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY
from tests.builders.koha import a_patron, an_attribute_type, has_credit, merge, owes, owing
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights, a_policy

ChargesBy = Literal["patron", "charge", "item"]
A_WEEK = timedelta(days=7)


def a_section(name: str, branch: str, flag: str = "sort1", by: ChargesBy = "patron", **rules: Any) -> Section:
    """A section of one branch."""
    policy = a_policy(flag=Flag.parse(flag), **rules)
    return Section(name=name, policy=policy, charges_by=by, scope=Scope(branches=frozenset({branch}), all_but=False))


def moved(koha: KohaDatabase, patron: int, branch: str = "FPL") -> None:
    """The patron belongs to another branch from now on."""
    koha.execute("UPDATE borrowers SET branchcode = :b WHERE borrowernumber = :n", b=branch, n=patron)


def unflagged(koha: KohaDatabase) -> None:
    """Staff take every flag off."""
    koha.execute("UPDATE borrowers SET sort1 = NULL, sort2 = NULL")


def of_the_next_window(koha: KohaDatabase) -> None:
    """The charges get a date that counts on the next Sunday as well."""
    koha.execute("UPDATE accountlines SET date = date + INTERVAL 7 DAY WHERE description = ''")


# ---- charges_by = "patron"


@pytest.mark.parametrize("again", [False, True])
def test_who_was_taken_back_by_one_section_is_not_referred_by_another_for_charges_until_that_day(
    koha: KohaDatabase, *, again: bool
) -> None:
    patron = owing(koha, branch="CPL")
    nights = Nights(koha, a_section("north", "CPL"), a_section("south", "FPL", refer_withdrawn_charges=again))
    nights.good_night()
    unflagged(koha)
    nights.good_night(MONDAY)
    assert nights.states() == {patron: "withdrawn"}
    moved(koha, patron)
    of_the_next_window(koha)
    nights.good_night(NEXT_SUNDAY)
    assert nights.referred(NEXT_SUNDAY, "south") == ({patron} if again else set())


@pytest.mark.parametrize(("charged", "refers"), [(MONDAY, False), (TUESDAY, True)])
def test_a_charge_after_the_day_of_the_withdrawal_counts_in_every_section(
    koha: KohaDatabase, charged: Any, *, refers: bool
) -> None:
    patron = owing(koha, branch="CPL")
    nights = Nights(koha, a_section("north", "CPL"), a_section("south", "FPL"))
    nights.good_night()
    unflagged(koha)
    nights.good_night(MONDAY)
    moved(koha, patron)
    owes(koha, patron, "30.00", day=charged)
    later = SUNDAY + 10 * A_WEEK
    nights.good_night(later)
    assert nights.referred(later, "south") == ({patron} if refers else set())


def test_a_withdrawal_counts_in_the_same_night_for_the_sections_judged_later(koha: KohaDatabase) -> None:
    patron = owing(koha, branch="CPL")
    nights = Nights(koha, a_section("north", "CPL"), a_section("south", "FPL"))
    nights.good_night()
    unflagged(koha)
    moved(koha, patron)
    of_the_next_window(koha)
    nights.good_night(NEXT_SUNDAY)
    assert nights.states() == {patron: "withdrawn"}
    assert nights.referred(NEXT_SUNDAY, "south") == set()


def test_a_withdrawal_from_before_there_were_sections_counts_in_each_of_them(koha: KohaDatabase) -> None:
    patron = owing(koha, branch="FPL")
    nights = Nights(koha)
    nights.good_night()
    unflagged(koha)
    nights.good_night(MONDAY)
    rest = Section(policy=a_policy(), scope=Scope(branches=frozenset({"CPL", "FPL"})))
    with read_only(nights.engine) as conn:
        sections = (rest, a_section("north", "CPL"), a_section("south", "FPL"))
        nights.sections = sharing_flags(keeping_up(conn, sections))
    of_the_next_window(koha)
    nights.good_night(NEXT_SUNDAY)
    assert nights.states() == {patron: "withdrawn"}
    assert nights.referred(NEXT_SUNDAY, "south") == set()


def test_of_a_merged_card_the_withdrawal_counts_for_the_heir_in_every_section(koha: KohaDatabase) -> None:
    patron, heir = owing(koha, branch="CPL"), a_patron(koha, branch="FPL")
    nights = Nights(koha, a_section("north", "CPL"), a_section("south", "FPL"))
    nights.good_night()
    unflagged(koha)
    nights.good_night(MONDAY)
    merge(koha, heir, [patron])
    of_the_next_window(koha)
    nights.good_night(NEXT_SUNDAY)
    assert nights.referred(NEXT_SUNDAY, "south") == set()


def test_a_fine_that_was_recorded_does_not_count_again_because_it_grew(koha: KohaDatabase) -> None:
    patron = owing(koha)
    nights = Nights(koha)
    nights.good_night()
    unflagged(koha)
    nights.good_night(MONDAY)
    later = SUNDAY + 20 * A_WEEK
    koha.execute("UPDATE accountlines SET date = :day WHERE description = ''", day=later - timedelta(days=75))
    nights.good_night(later)
    assert nights.referred(later) == set()
    owes(koha, patron, "25.00", day=later - timedelta(days=68))
    nights.good_night(later + A_WEEK)
    assert nights.referred(later + A_WEEK) == {patron}


# ---- charges_by = "charge" or "item"


def a_charge_taken_back(koha: KohaDatabase, **rules: Any) -> tuple[Nights, int]:
    """North took back a patron; the charge belongs to a branch of the south now."""
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, branch="CPL")
    south = a_section("south", "FPL", "sort2", "charge", **rules)
    nights = Nights(koha, a_section("north", "CPL", "sort1", "charge"), south)
    nights.good_night()
    unflagged(koha)
    nights.good_night(MONDAY)
    assert nights.states() == {patron: "withdrawn"}
    koha.execute("UPDATE accountlines SET branchcode = 'FPL'")
    of_the_next_window(koha)
    return nights, patron


@pytest.mark.parametrize("again", [False, True])
def test_the_recorded_lines_of_a_withdrawn_case_count_in_no_section(koha: KohaDatabase, *, again: bool) -> None:
    nights, patron = a_charge_taken_back(koha, refer_withdrawn_charges=again)
    nights.good_night(NEXT_SUNDAY)
    assert nights.referred(NEXT_SUNDAY, "south") == ({patron} if again else set())


def test_another_sections_charges_of_the_same_age_still_count(koha: KohaDatabase) -> None:
    nights, patron = a_charge_taken_back(koha)
    owes(koha, patron, "25.00", day=IN_THE_WINDOW + A_WEEK, branch="FPL")
    nights.good_night(NEXT_SUNDAY)
    (row,) = nights.rows(ReportKind.SUBMISSION, NEXT_SUNDAY, "south")
    assert (row["Amt_In_Range"], row["Total_Due"]) == ("25.00", "55.00")


def test_a_merged_cards_recorded_lines_count_for_nobody(koha: KohaDatabase) -> None:
    nights, patron = a_charge_taken_back(koha)
    merge(koha, a_patron(koha, branch="FPL"), [patron])
    nights.good_night(NEXT_SUNDAY)
    assert nights.referred(NEXT_SUNDAY, "south") == set()


def test_who_owes_only_charges_that_were_taken_back_is_not_among_those_who_owe_less(koha: KohaDatabase) -> None:
    nights, patron = a_charge_taken_back(koha)
    koha.execute("UPDATE accountlines SET amountoutstanding = 5")
    night = nights.night(NEXT_SUNDAY)
    assert night.plans["south"].owing_less == 0
    owes(koha, patron, "0.01", day=IN_THE_WINDOW + 2 * A_WEEK, branch="FPL")
    assert nights.night(NEXT_SUNDAY + A_WEEK).plans["south"].owing_less == 1


def test_a_recorded_credit_goes_on_counting(koha: KohaDatabase) -> None:
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "50.00", day=IN_THE_WINDOW + A_WEEK)
    has_credit(koha, patron, "10.00", day=IN_THE_WINDOW + A_WEEK)
    nights = Nights(koha)
    nights.good_night()
    unflagged(koha)
    nights.good_night(MONDAY)
    owes(koha, patron, "34.99", day=TUESDAY)
    later = SUNDAY + 9 * A_WEEK
    nights.change(count_fees_newer_than=365)
    nights.good_night(later)
    assert nights.referred(later) == set()


def test_explain_names_the_line_that_was_recorded_with_a_withdrawn_case(koha: KohaDatabase) -> None:
    nights, patron = a_charge_taken_back(koha)
    with read_only(nights.engine) as conn:
        (south,) = explain(conn, nights.sections[1:], f"number:{patron}", nights.at(NEXT_SUNDAY))
    (charge, _fee) = south.lines
    assert charge.why_not == ("recorded with a withdrawn case",)


# ---- laws

BRANCHES = ("CPL", "FPL", "MPL")
FLAGS = {"patron": ("sort1", "sort1", "sort1"), "charge": ("sort1", "sort2", "attribute:COLL")}


def three_sections(koha: KohaDatabase, by: ChargesBy) -> Nights:
    """A section for each branch, without fees and limits; sixteen patrons owe in one or two of them."""
    chance = Random(5)
    an_attribute_type(koha, "COLL")
    for branch in BRANCHES * 5:
        patron = a_patron(koha, branch=branch)
        for place in (branch, chance.choice(BRANCHES)):
            owes(koha, patron, chance.choice(("20.00", "30.00")), day=IN_THE_WINDOW, branch=place)
    rules: dict[str, Any] = {"processing_fee": Decimal(0), "most_referrals": 0, "most_endings": 0}
    named = zip(BRANCHES, FLAGS[by], strict=True)
    return Nights(koha, *(a_section(branch.lower(), branch, flag, by, **rules) for branch, flag in named))


def shuffled(koha: KohaDatabase, chance: Random) -> None:
    """Patrons and charges belong to other branches; all charges count on the next Sunday as well."""
    of_the_next_window(koha)
    for patron in koha.query("SELECT borrowernumber AS number FROM borrowers ORDER BY borrowernumber"):
        moved(koha, patron["number"], chance.choice(BRANCHES))
    for line in koha.query("SELECT accountlines_id AS id FROM accountlines ORDER BY accountlines_id"):
        koha.execute(
            "UPDATE accountlines SET branchcode = :b WHERE accountlines_id = :id", b=chance.choice(BRANCHES), **line
        )


@pytest.mark.parametrize("by", ["patron", "charge"])
def test_fewer_withdrawals_never_refer_fewer(koha: KohaDatabase, by: ChargesBy) -> None:
    nights = three_sections(koha, by)
    nights.night()
    shuffled(koha, Random(7))
    unflagged(koha)
    koha.execute("DELETE FROM borrower_attributes")
    cases = [case["id"] for case in koha.query("SELECT id FROM gentle_nudge_case ORDER BY id")]
    numbers: list[int] = []

    def referred(withdrawn: set[int]) -> set[tuple[int, str]]:
        koha.execute(
            "UPDATE gentle_nudge_case SET state = 'paid', open_key = NULL, closed_on = :day, to_report = 0", day=MONDAY
        )
        for case in withdrawn:
            koha.execute("UPDATE gentle_nudge_case SET state = 'withdrawn' WHERE id = :id", id=case)
        moment, options = nights.at(NEXT_SUNDAY), NightOptions(dry_run=True)
        shared = SharedReads(nights.sections, moment)
        plans = [decide(nights.engine, each, moment, options, shared=shared) for each in nights.sections]
        return {(referral.number, plan.section) for plan in plans for referral in plan.of(Referral)}

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.sets(st.sampled_from(cases)), st.sets(st.sampled_from(cases)))
    @example(set(), set(cases))
    def holds(fewer: set[int], more: set[int]) -> None:
        numbers.append(len(referred(fewer)))
        assert referred(fewer) >= referred(fewer | more)

    holds()
    assert max(numbers) > 5


@pytest.mark.parametrize("by", ["patron", "charge"])
def test_the_order_of_the_sections_does_not_matter(koha: KohaDatabase, by: ChargesBy) -> None:
    outcomes = []
    for order in permutations(range(3)):
        koha.make_pristine()
        nights = three_sections(koha, by)
        nights.night()
        chance = Random(11)
        for patron in koha.query("SELECT borrowernumber AS number FROM borrowers ORDER BY borrowernumber"):
            if chance.random() < 0.5:
                koha.execute("UPDATE borrowers SET sort1 = NULL, sort2 = NULL WHERE borrowernumber = :number", **patron)
                koha.execute("DELETE FROM borrower_attributes WHERE borrowernumber = :number", **patron)
        shuffled(koha, chance)
        nights.sections = tuple(nights.sections[number] for number in order)
        assert nights.night(NEXT_SUNDAY).went_well
        place = "number - (SELECT MIN(borrowernumber) FROM borrowers) AS place"
        of_case = f"SELECT {place}, section, state, referred_on FROM gentle_nudge_case"
        outcomes.append(koha.query(f"{of_case} ORDER BY number, section, id"))
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert {case["state"] for case in outcomes[0]} == {"open", "withdrawn"}
