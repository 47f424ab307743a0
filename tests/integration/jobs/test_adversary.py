"""Sequences that a library lives through, and that once led astray."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

from gentle_nudge.delivery.maildir import MaildirOutlet
from gentle_nudge.domain.collections.policy import Scope, Section
from gentle_nudge.domain.outbox import Channel
from gentle_nudge.domain.patron import Flag
from gentle_nudge.jobs.desk.withdraw import WithdrawalRequest, withdraw_cases
from gentle_nudge.jobs.sections import keeping_up, sharing_flags
from gentle_nudge.jobs.sending.deliver import deliver
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.transaction import read_only, writing
from tests.builders.days import IN_THE_WINDOW, MONDAY, NEXT_SUNDAY, SUNDAY
from tests.builders.koha import a_patron, an_item, merge, owes, owing, pays
from tests.support.koha import KohaDatabase
from tests.support.nights import LETTERHEAD, Nights, a_policy


def posted(nights: Nights, folder: Path, day: date, hour: int) -> list[str]:
    """What leaves at that hour of the day."""
    maildir = MaildirOutlet(folder=folder / "mail", letterhead=LETTERHEAD)
    outlets = Outlets(by_channel={Channel.EMAIL: maildir})
    done = deliver(nights.engine, nights.sections, outlets, lambda: nights.at(day, hour).now)
    return [delivery.file_name for delivery in done.sent]


# ---- the order of what is told


def test_a_renamed_section_sends_no_older_balance_after_a_newer_one(koha: KohaDatabase, tmp_path: Path) -> None:
    patron = owing(koha)
    north = Section(name="north", policy=a_policy())
    nights = Nights(koha, north)
    nights.good_night(delivered=False)
    later = nights.at(MONDAY, 9).now.replace(tzinfo=None)
    koha.execute("UPDATE gentle_nudge_delivery SET next_attempt = :later", later=later)
    pays(koha, patron, "10.00")
    nights.sections = sharing_flags((replace(north, name="upper", formerly=("north",)),))
    nights.good_night(MONDAY, delivered=False)
    assert posted(nights, tmp_path, MONDAY, 5) == ["ums-updates-2026-11-23-upper.csv"]
    assert posted(nights, tmp_path, MONDAY, 10) == ["ums-new-submissions-2026-11-22-north.csv"]


def test_where_changes_are_listed_a_submission_that_left_in_time_is_not_told_again(
    koha: KohaDatabase, tmp_path: Path
) -> None:
    owing(koha)
    nights = Nights(koha, update_lists="changed")
    nights.good_night(delivered=False)
    assert len(posted(nights, tmp_path, SUNDAY, 5)) == 2
    nights.good_night(MONDAY)
    assert nights.dues(MONDAY) == {}


# ---- who is referred, and once


def taken_back(nights: Nights, card: str, *, section: int = 0) -> None:
    """Staff release this patron on the Sunday."""
    wanted = WithdrawalRequest(reason="a mistake", cards=(card,))
    writing(
        nights.engine,
        partial(withdraw_cases, sections=(nights.sections[section],), wanted=wanted, moment=nights.at(SUNDAY, 9)),
    )


def test_who_inherits_a_case_after_the_update_of_the_day_is_not_referred_by_a_lifted_fuse(koha: KohaDatabase) -> None:
    in_collections = owing(koha)
    nights = Nights(koha)
    nights.good_night()
    new = {owing(koha), owing(koha)}
    in_the_window = NEXT_SUNDAY - timedelta(days=75)
    koha.execute("UPDATE accountlines SET date = :day WHERE description = ''", day=in_the_window)
    nights.change(most_referrals=1)
    assert not nights.night(NEXT_SUNDAY).went_well
    merge(koha, a_patron(koha), [in_collections])
    nights.night(NEXT_SUNDAY, most_referrals=2)
    assert nights.referred(NEXT_SUNDAY) == new


def test_a_section_that_is_gone_is_survived_by_its_last_word_and_by_the_charges_taken_back(koha: KohaDatabase) -> None:
    patron = owing(koha, card="1234567")
    here = frozenset({"CPL"})
    north = Section(name="north", policy=a_policy(), scope=Scope(branches=here, all_but=False))
    nights = Nights(koha, north, Section(policy=a_policy(), scope=Scope(branches=here)))
    nights.night()
    taken_back(nights, "1234567")
    for day in (MONDAY, NEXT_SUNDAY):
        with read_only(nights.engine) as conn:
            nights.sections = sharing_flags(keeping_up(conn, (Section(policy=a_policy()),)))
        nights.good_night(day)
        assert nights.dues(day) == ({patron: "0.00"} if day == MONDAY else {})
    assert nights.referred(NEXT_SUNDAY) == set()


def test_charges_taken_back_refer_nobody_either_when_the_card_is_merged_into_another(koha: KohaDatabase) -> None:
    patron, heir = owing(koha, card="1234567"), a_patron(koha)
    nights = Nights(koha)
    nights.good_night()
    taken_back(nights, "1234567")
    nights.good_night(MONDAY)
    merge(koha, heir, [patron])
    nights.good_night(NEXT_SUNDAY)
    assert nights.referred(NEXT_SUNDAY) == set()
    owes(koha, heir, "25.00", day=NEXT_SUNDAY)
    much_later = NEXT_SUNDAY + timedelta(days=63)
    nights.good_night(much_later)
    assert nights.referred(much_later) == {heir}


def test_a_charge_handed_over_stays_with_its_section_when_the_lost_item_is_deleted(koha: KohaDatabase) -> None:
    item, patron = an_item(koha, branch="CPL"), a_patron(koha, branch="FPL")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, item=item)
    here = frozenset({"CPL"})
    by_item = Section(name="cpl", policy=a_policy(), charges_by="item", scope=Scope(branches=here, all_but=False))
    others = a_policy(flag=Flag.parse("sort2"))
    nights = Nights(koha, by_item, Section(policy=others, charges_by="item", scope=Scope(branches=here)))
    nights.night()
    koha.execute("DELETE FROM items")
    nights.night(NEXT_SUNDAY)
    assert nights.dues(NEXT_SUNDAY, "cpl") == {patron: "40.00"}
    assert nights.referred(NEXT_SUNDAY) == set()


def test_a_charge_handed_over_is_still_the_sections_in_the_night_that_ends_its_case(koha: KohaDatabase) -> None:
    item, patron = an_item(koha, branch="CPL"), a_patron(koha, branch="FPL")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, item=item)
    here = frozenset({"CPL"})
    policy = a_policy(withdrawn_due="balance")
    nights = Nights(
        koha, Section(name="cpl", policy=policy, charges_by="item", scope=Scope(branches=here, all_but=False))
    )
    nights.good_night()
    koha.execute("DELETE FROM items")
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    foreseen = nights.dry_run(MONDAY)
    nights.good_night(MONDAY)
    assert nights.states() == {patron: "withdrawn"}
    assert nights.dues(MONDAY, "cpl") == {patron: "40.00"}
    assert foreseen is not None
    assert [decision.balance for decision in foreseen.decisions] == [Decimal("40.00")]
