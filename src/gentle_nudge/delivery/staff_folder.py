"""The folder of staff: pages and lists to read, and `in/` for the lists that they hand in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from grp import getgrnam
from pathlib import Path
from typing import ClassVar

from gentle_nudge.delivery.marked_folder import MarkedFolder
from gentle_nudge.delivery.outlet import Item
from gentle_nudge.delivery.whole_files import OWN, OWN_FOLDER, folder_findings, refuse_link, write_over
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.report_row import ReportKind

SHARED, SHARED_FOLDER = 0o640, 0o2770  # what is made in a folder with this bit belongs to its group
HANDED_IN, READ, REFUSED = "in", "in/read", "in/refused"
OURS = re.compile(r"(?:night|digest|review|shelf)-(\d{4}-\d\d-\d\d)-.+\.(?:html|csv)")
OF_MONTHS = re.compile(r"outcomes-(\d{4}-\d\d)(?:-.+)?\.html")


@dataclass(frozen=True, kw_only=True, slots=True)
class StaffFolder(MarkedFolder):
    """Puts pages into the folder of staff, which one database and at most one group may read."""

    group: str | None = None

    called: ClassVar[str] = "staff folder"
    patterns: ClassVar[tuple[str, ...]] = ("night-*", "digest-*", "review-*", "shelf-*", "outcomes-*", HANDED_IN)

    @property
    def mode(self) -> int:
        """The rights to the folder and to those in it."""
        return SHARED_FOLDER if self.group else OWN_FOLDER

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:  # noqa: ARG002 - of all sections
        """The folder itself, for pages."""
        return (str(self.directory),) if kind.is_page else ()

    def deliver(self, item: Item) -> tuple[str, ...]:
        """The page is there, in the place of an earlier one of its name."""
        self.put(item.file_name, item.content())
        return ()

    def probe(self) -> Iterator[Finding]:
        """Whether files can be put there, whether the folder is this database's, and whether others may read it."""
        for finding in folder_findings("staff-folder", self.directory):
            yield Finding(name="staff-folder", what=finding.what, why=finding.why, way_out=finding.way_out)
        why = "Nothing is put there or read: pages of two libraries must not mix."
        yield from self.not_ours("staff-folder", why)
        if self.directory.is_dir() and (self.directory.stat().st_mode & 0o7777) & ~self.mode:
            yield Finding(
                name="staff-folder",
                what=f"Others may read or write the staff folder {self.directory}.",
                why="Its pages hold cards, amounts and, if you want it so, names.",
                way_out=f"chmod {self.mode:o} {self.directory}; the next page that is put there does it, too.",
            )

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """The file is there, whole and on the disk, for us and the group alone. DeliveryFailed if it cannot be."""
        with self.failing(name):
            self.make_ours()
            write_over(self.directory / name, chunks, SHARED if self.group else OWN)

    def make_ours(self) -> None:
        """The folder and those in it are there, marked with the database, and closed to others."""
        refuse_link(self.directory)
        MarkedFolder.make_ours(self)
        for folder in map(self.directory.joinpath, (HANDED_IN, READ, REFUSED)):
            refuse_link(folder)
            folder.mkdir(mode=OWN_FOLDER, exist_ok=True)
            self.close_to_others(folder)

    def close_to_others(self, folder: Path) -> None:
        """Nobody else may read the folder but the group, if there is one."""
        found = folder.stat()
        if self.group and found.st_gid != getgrnam(self.group).gr_gid:
            os.chown(folder, -1, getgrnam(self.group).gr_gid)
            found = folder.stat()
        if found.st_mode & 0o7777 != self.mode:
            folder.chmod(self.mode)

    def tidy(self, before: date, instant: datetime) -> None:
        """Our files of earlier days are gone, and what was handed in and has not changed since the instant.

        Nothing else in the folder is touched.
        """
        if not self.directory.is_dir():
            return
        with self.failing("changes"):
            if self.read_note() is None:
                return
            month = f"{before - timedelta(days=1):%Y-%m}"  # pages of earlier months were made by its first day
            for file in self.directory.iterdir():
                named, of_months = OURS.fullmatch(file.name), OF_MONTHS.fullmatch(file.name)
                if (named and named[1] < before.isoformat()) or (of_months and of_months[1] < month):
                    file.unlink(missing_ok=True)
            for folder in map(self.directory.joinpath, (READ, REFUSED)):
                for file in folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ():
                    if file.is_file() and file.lstat().st_mtime < instant.timestamp():
                        file.unlink(missing_ok=True)
