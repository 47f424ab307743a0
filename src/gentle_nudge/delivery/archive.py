"""The archive: a copy of every report as a file, in a folder that belongs to one database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import ClassVar

from gentle_nudge.delivery.marked_folder import MARKER, MarkedFolder
from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from gentle_nudge.delivery.whole_files import folder_findings, numbered, write_once
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.report_row import ReportKind

REPORTS = "ums-*.csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveOutlet(MarkedFolder):
    """Keeps copies in the archive folder of one database."""

    called: ClassVar[str] = "archive"
    patterns: ClassVar[tuple[str, ...]] = (REPORTS,)

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:  # noqa: ARG002 - of all sections
        """The folder itself, for a copy of every report to the agency."""
        return () if kind.is_page else (str(self.directory),)

    def deliver(self, item: Item) -> tuple[str, ...]:
        """A copy is there."""
        self.store(item.file_name, item.content())
        return ()

    def probe(self) -> Iterator[Finding]:
        """Whether files can be put there, and whether the folder is this database's."""
        yield from folder_findings("archive", self.directory)
        yield from self.not_ours("archive-not-ours", "No copy can be kept: copies of two libraries must not mix.")

    def store(self, name: str, chunks: Iterable[bytes]) -> Path:
        """The report is there as a file, 0600, whole and on the disk; returns its path.

        A file with other bytes is never overwritten: the report gets a number before .csv. A file with the same
        bytes is the report. DeliveryFailed leaves nothing half-written.
        """
        with self.failing(name):
            self.make_ours()
            try:
                return write_once(self.directory / name, chunks, or_numbered=True)
            except FileExistsError as error:
                sentence = f"The archive {self.directory} holds too many files named like {name}."
                raise DeliveryFailed(sentence) from error

    def note(self, text: str) -> None:
        """The marker file has this note."""
        with self.failing(MARKER):
            self.make_ours()
            self.mark(text)

    def reports(self) -> list[Path]:
        """The files of reports, by name; none if there is no folder."""
        with self.failing(REPORTS):
            return sorted(self.directory.glob(REPORTS))

    def remove(self, name: str, sha256: str) -> bool:
        """The files with this name (numbered ones too) and these bytes are gone; returns whether there were any."""
        with self.failing(name):
            self.make_ours()
            copies = [path for path in map(self.directory.joinpath, numbered(name)) if _holds(path, sha256)]
            for path in copies:
                path.unlink()
            return bool(copies)


def _holds(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest() == sha256
