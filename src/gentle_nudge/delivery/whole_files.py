"""Files that are there whole or not at all, and names that are free."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from filecmp import cmp
from pathlib import Path, PurePosixPath
from shutil import disk_usage

from gentle_nudge.domain.finding import Finding, Severity

OWN, OWN_FOLDER = 0o600, 0o700
MOST_NAMES = 99
MEGABYTE = 1024 * 1024
FULL, NEARLY_FULL = 10 * MEGABYTE, 100 * MEGABYTE
# Errors of file systems without hard links (FAT, some network shares).
NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


def write_over(path: Path, chunks: Iterable[bytes], mode: int = OWN, *, by_way_of: Path | None = None) -> None:
    """The file contains the chunks and is on the disk; until then it stays as it was."""
    with _written_aside(path, chunks, mode, by_way_of or path.parent) as aside:
        aside.replace(path)


def write_once(path: Path, chunks: Iterable[bytes], *, or_numbered: bool = False) -> Path:
    """The whole file is there under its name or, with `or_numbered`, the first free numbered name; returns its path.

    A file with the same bytes stays as it is. FileExistsError if other files have the names.
    """
    with _written_aside(path, chunks, OWN, path.parent) as aside:
        for name in numbered(path.name) if or_numbered else [path.name]:
            place = path.with_name(name)
            with suppress(FileExistsError):
                _take_name(place, aside)
                break
            if place.is_file() and cmp(place, aside, shallow=False):
                break
        else:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        aside.unlink(missing_ok=True)
    return place


@contextmanager
def _written_aside(path: Path, chunks: Iterable[bytes], mode: int, folder: Path) -> Iterator[Path]:
    """A temporary file with the chunks, on the disk, for the caller to rename or remove.

    One writer at a time; a file that a killed writer left is overwritten. After an error the file is gone. An OSError
    names the file that was meant.
    """
    aside = folder / f".{path.name}.part"
    with _naming(path), os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, OWN), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(file.fileno()), aside.stat()):
            # Another writer renamed the file that we opened, and a third writer created this one.
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(aside))
        try:
            file.truncate()
            os.fchmod(file.fileno(), mode)
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
            yield aside
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
    names = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(names)
    finally:
        os.close(names)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An OSError names this file, not the temporary one; one of a full disk names none by itself."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def refuse_link(path: Path) -> None:
    """OSError if the path is a symbolic link: whoever made it decides where we would write."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, f"{path.name} is a symbolic link", str(path))


def _take_name(path: Path, aside: Path) -> None:
    """The file has its name; FileExistsError if another has it (a rename alone would take its place)."""
    try:
        path.hardlink_to(aside)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # Hold the name with an empty file, then take its place.
        path.touch(exist_ok=False)
        aside.replace(path)


def numbered(name: str) -> Iterator[str]:
    """The name, then the name with -2, -3, ... before its ending."""
    path = PurePosixPath(name)
    yield name
    for number in range(2, MOST_NAMES + 1):
        yield f"{path.stem}-{number}{path.suffix}"


def folder_findings(kind: str, folder: Path) -> Iterator[Finding]:
    """A finding if no file can be put there, if the missing folder cannot be made, or if its disk is nearly full."""
    # Unlike Path's, these say no where we may not even look.
    place = folder if os.path.exists(folder) else folder.parent  # noqa: PTH110
    if not os.path.isdir(place) or not os.access(place, os.W_OK | os.X_OK):  # noqa: PTH112
        yield Finding(
            name=f"{kind}-not-writable",
            what=f"Nothing can be written into {folder}.",
            why="Reports would not get there.",
            way_out="Make the folder above it, and let the user that runs gentle-nudge write in it.",
        )
    elif (free := disk_usage(place).free) < NEARLY_FULL:
        yield Finding(
            name=f"{kind}-disk-full",
            severity=Severity.PROBLEM if free < FULL else Severity.WARNING,
            what=f"The disk of {folder} has {free / MEGABYTE:.1f} MB left.",
            why="On a full disk reports do not get there. They are kept in the database, and every night fails.",
            way_out="Make room on it, or let the folder lie on another disk.",
        )
