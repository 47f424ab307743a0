"""Sequences that a library lives through, and that once led astray."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from gentle_nudge.domain.policy import Section
from gentle_nudge.jobs.deliver import deliver
from gentle_nudge.jobs.post import Post, Routes
from gentle_nudge.jobs.sections import sharing_flags
from tests.builders import a_patron, owes, pays
from tests.support.koha import KohaDatabase
from tests.support.nights import IN_THE_WINDOW, SUNDAY, Nights, a_policy

MONDAY = SUNDAY + timedelta(days=1)
NEXT_SUNDAY = SUNDAY + timedelta(days=7)


def owing(koha: KohaDatabase, amount: str = "30.00", **columns: object) -> int:
    """A patron who owes that much in the window of the Sunday."""
    patron = a_patron(koha, **columns)  # type: ignore[arg-type]
    owes(koha, patron, amount, day=IN_THE_WINDOW)
    return patron


def posted(nights: Nights, folder: Path, day: date, hour: int) -> list[str]:
    """What leaves at that hour of the day."""
    routes = Routes(sender="koha@library.example", instance="koha", maildir=folder / "mail")
    with Post(routes) as post:
        done = deliver(nights.engine, nights.sections, post, lambda: nights.at(day, hour).now)
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
