"""A consortium reminds beside its collections for a year; each run does exactly what it must, reckoned from scratch."""

import pytest

from tests.support.command import Command
from tests.support.koha import KohaDatabase
from tests.support.post import Post
from tests.support.reminding_consortium import RemindingConsortium
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer
from tests.support.worlds import WORLDS


@pytest.mark.parametrize("world", WORLDS)
def test_three_weeks_of_reminders(
    koha: KohaDatabase, smtp: SmtpServer, command: Command, sftp: SftpServer, *, world: str
) -> None:
    consortium = RemindingConsortium(koha, command, Post(smtp, sftp), world=world, seed=20261128)
    consortium.lives(20, figures_every=5)
    happened = {*(f"level {n}" for n in (1, 2, 3)), "series referred", "printed", "blocked"}
    assert {each for each in happened if not consortium.happened[each]} == set()


@pytest.mark.soak
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_year_of_reminders(
    koha: KohaDatabase, smtp: SmtpServer, command: Command, sftp: SftpServer, *, world: str, seed: int
) -> None:
    consortium = RemindingConsortium(koha, command, Post(smtp, sftp), world=world, seed=seed)
    consortium.lives(365, figures_every=20)
    print(f"seed {seed}, {world}: {dict(consortium.happened)}")  # noqa: T201 - what a soak test saw
    happened = {f"series {state}" for state in ("paid", "below_minimum", "referred", "stopped", "gone", "moved")}
    happened |= {*consortium.days, *consortium.rare, "reminders missed", "reminders killed", "reminded twice"}
    assert {each for each in happened if not consortium.happened[each]} == set()
