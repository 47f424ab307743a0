"""A library whose evenings a test can live through."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.evenings import Evenings
from tests.acceptance.lending import Lending
from tests.acceptance.reminding import Reminding
from tests.support.command import Command
from tests.support.koha import KohaDatabase


@pytest.fixture
def library(koha: KohaDatabase, command: Command, tmp_path: Path) -> Callable[..., Evenings]:
    """`library(policy="withdrawn_due = 'balance'", port=smtp.port)` is a library where `init` was run."""

    def begin(**settings: object) -> Evenings:
        evenings = Evenings(koha, command, tmp_path)
        evenings.configure(**settings)  # type: ignore[arg-type]
        evenings.does("init", "--yes")
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
