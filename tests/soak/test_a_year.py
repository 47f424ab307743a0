"""A library lives for a year; every night does what plain bookkeeping says it must, to the cent.

A consortium lives for a year, with accidents; no command does what may never be, and in the end nobody is wronged.
What became of its cases is told as its desk has noted it.
"""

import pytest

from tests.support.command import Command
from tests.support.consortium import Consortium
from tests.support.koha import KohaDatabase
from tests.support.post import Post
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer
from tests.support.worlds import WORLDS
from tests.support.years import EVENTS, Year

ENDINGS = {"released", "withdrawn", "merged", "deleted", "open"}
ALL_KINDS = pytest.mark.parametrize(
    ("lists", "attribute"), [("all", False), ("changed", True), ("all", True), ("changed", False)]
)


@pytest.mark.parametrize(("lists", "attribute", "days"), [("changed", True, 35), ("all", False, 14)])
def test_five_weeks_and_two(koha: KohaDatabase, lists: str, days: int, *, attribute: bool) -> None:
    year = Year(koha, seed=20261122, lists=lists, attribute=attribute)
    year.lives(days)
    assert year.happened["referred"] > 5
    assert sum(year.happened[ending] for ending in ENDINGS) > 5


@pytest.mark.soak
@ALL_KINDS
@pytest.mark.parametrize("seed", [1, 2])
def test_a_year(koha: KohaDatabase, lists: str, seed: int, *, attribute: bool) -> None:
    year = Year(koha, seed=seed, lists=lists, attribute=attribute)
    year.lives(365)
    print(f"seed {seed}, {lists}, {year.flag}: {dict(year.happened)}")  # noqa: T201 - what a soak test saw
    seen = {"referred", "adopted", "paid", "missed night", "flags wiped", "endings refused", *EVENTS} | ENDINGS - {
        "open"
    }
    assert {each for each in seen if not year.happened[each]} == set()


@pytest.mark.parametrize("world", WORLDS)
def test_two_weeks_of_a_consortium(
    koha: KohaDatabase, smtp: SmtpServer, command: Command, sftp: SftpServer, *, world: str
) -> None:
    consortium = Consortium(koha, command, Post(smtp, sftp), world=world, seed=20261122)
    consortium.lives(14)
    assert consortium.happened["referred"] > (5 if consortium.setup.desks else 20)
    assert consortium.happened["good nights"] > 5
    assert consortium.auditor.seen["compared"] > 10


@pytest.mark.soak
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_year_of_a_consortium(
    koha: KohaDatabase, smtp: SmtpServer, command: Command, sftp: SftpServer, *, world: str, seed: int
) -> None:
    consortium = Consortium(koha, command, Post(smtp, sftp), world=world, seed=seed)
    consortium.lives(365, figures_every=10)
    print(f"seed {seed}, {world}: {dict(consortium.happened)}")  # noqa: T201 - what a soak test saw
    assert {each for each in (*consortium.days, *consortium.rare) if not consortium.happened[each]} == set()
    assert consortium.happened["good nights"] > 150
    assert consortium.auditor.seen["compared"] > 30
