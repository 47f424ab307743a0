"""Files that are there whole or not at all, and names that are free."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from filecmp import cmp
from pathlib import Path, PurePosixPath

from gentle_nudge.domain.finding import Finding

OWN = 0o600


# What file systems without hard links (FAT, some network shares) answer.
NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


def write_whole(path: Path, chunks: Iterable[bytes], mode: int = OWN) -> None:
    """The file holds the chunks and is on the disk; after an error it is gone, and so is what was there before."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        try:
            os.fchmod(file.fileno(), mode)
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def not_writable(kind: str, folder: Path) -> tuple[Finding, ...]:
    """A finding if no file can be put there; a folder that is not there yet must be possible to make."""
    place = folder if folder.exists() else folder.parent
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return ()
    return (
        Finding(
            name=f"{kind}-not-writable",
            what=f"Nothing can be written into {folder}.",
            why="Reports would not get there.",
            way_out="Make the folder above it, and let the user that runs gentle-nudge write in it.",
        ),
    )


def sync_folder(folder: Path) -> None:
    """The names in the folder are on the disk too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_once(path: Path, chunks: Iterable[bytes], *, or_numbered: bool = False) -> Path:
    """The file holds the chunks, whole, under its name or (if wanted) the first free numbered one; where it is.

    One with the same bytes stays as it is. FileExistsError if other files have the names.
    """
    with _aside(path) as aside:
        write_whole(aside, chunks)
        for name in numbered(path.name) if or_numbered else [path.name]:
            place = path.with_name(name)
            with suppress(FileExistsError):
                take_name(place, aside)
                break
            if place.is_file() and cmp(place, aside, shallow=False):
                break
        else:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    sync_folder(path.parent)
    return place


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A temporary name of one writer at a time: what a killed one left is overwritten, and gone at the end."""
    aside = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT, OWN), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield aside
        finally:
            aside.unlink(missing_ok=True)


def take_name(path: Path, aside: Path) -> None:
    """The file has its name; FileExistsError if another has it (a rename alone would take its place)."""
    try:
        path.hardlink_to(aside)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # Hold the name with an empty file, then take its place.
        path.touch(exist_ok=False)
        aside.replace(path)


MOST_NAMES = 99


def numbered(name: str) -> Iterator[str]:
    """The name, then the name with -2, -3, ... before its ending."""
    path = PurePosixPath(name)
    yield name
    for number in range(2, MOST_NAMES + 1):
        yield f"{path.stem}-{number}{path.suffix}"
