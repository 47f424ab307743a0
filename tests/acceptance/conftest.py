"""A library whose evenings a test can live through."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.evenings import Evenings
from tests.acceptance.lending import Lending
from tests.acceptance.passports import LEE, PERSON, SECRETS, Neighbours
from tests.acceptance.reminding import Reminding
from tests.support.command import Command
from tests.support.homes import HomeServer
from tests.support.koha import KohaDatabase


@pytest.fixture
def library(koha: KohaDatabase, command: Command, tmp_path: Path) -> Callable[..., Evenings]:
    """`library(policy="withdrawn_due = 'balance'", port=smtp.port)` is a library where `init` was run."""

    def begin(**settings: object) -> Evenings:
        evenings = Evenings(koha, command, tmp_path)
        evenings.configure(**settings)  # type: ignore[arg-type]
        evenings.initialise()
        return evenings

    return begin


@pytest.fixture
def reminders(library: Callable[..., Evenings]) -> Callable[..., Reminding]:
    """`reminders("minimum = 5", letters=False)` is a library with two sections that reminds, after `init`."""

    def begin(remind: str = "", *, letters: bool = True, **how: str) -> Reminding:
        reminding = Reminding(library())
        reminding.configure(remind, **how)
        if letters:
            reminding.has_letters()
        return reminding

    return begin


@pytest.fixture
def lending(koha: KohaDatabase, command: Command, tmp_path: Path) -> Lending:
    """A library that lends, before any table of ours is there."""
    return Lending(Evenings(koha, command, tmp_path))


@pytest.fixture
def neighbours(library: Callable[..., Evenings], tmp_path: Path) -> Iterator[Callable[..., Neighbours]]:
    """`neighbours("timeout = 1")` is a library, after `init`, that brings patrons from LIBB, who know Lee, and LIBC."""
    with HomeServer(tmp_path, "LIBB", "plugin") as libb, HomeServer(tmp_path, "LIBC", "api") as libc:
        libb.knows(LEE, **(SECRETS | PERSON | {"branchcode": "BMAIN", "categorycode": "AD", "debarred": "2026-12-31"}))

        def begin(keys: str = "", **how: str) -> Neighbours:
            neighbours = Neighbours(library(), libb, libc)
            neighbours.configure(keys, **how)
            return neighbours

        yield begin
