"""Names for a file that must not take another's place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

MOST_NAMES = 99


def numbered(name: str) -> Iterator[str]:
    """The name, then the name with -2, -3, ... before its ending."""
    path = PurePosixPath(name)
    yield name
    for number in range(2, MOST_NAMES + 1):
        yield f"{path.stem}-{number}{path.suffix}"
