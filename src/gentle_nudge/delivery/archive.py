"""The archive: a copy of every report as a file, in a folder that belongs to one database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from gentle_nudge.delivery.outlet import DeliveryFailed, Item, system_reason
from gentle_nudge.delivery.whole_files import OWN_FOLDER, folder_findings, numbered, write_once, write_over
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.report_row import ReportKind

MARKER = ".gentle-nudge"
REPORTS = "ums-*.csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveOutlet:
    """Keeps copies in the archive folder of one database."""

    directory: Path
    database: str

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:  # noqa: ARG002 - a copy of everything
        """The folder itself."""
        return (str(self.directory),)

    def tells(self, section: Section, recipient: str) -> bool:  # noqa: ARG002 - a copy is no report
        """False: nobody hears of anything by a copy."""
        return False

    def destination(self, recipient: str) -> str:  # noqa: ARG002 - it has one place
        """The folder of the settings, wherever it was when the report was queued."""
        return str(self.directory)

    def deliver(self, item: Item) -> tuple[str, ...]:
        """A copy is there."""
        self.store(item.file_name, item.content())
        return ()

    def probe(self) -> Iterator[Finding]:
        """Whether files can be put there, and whether the folder is this database's."""
        yield from folder_findings("archive", self.directory)
        try:
            self.read_note()
        except DeliveryFailed as failure:
            why = "No copy can be kept: copies of two libraries must not mix."
            yield Finding(name="archive-not-ours", what=failure.sentence, why=why, way_out=failure.hint)

    def close(self) -> None:
        """Nothing is open."""

    def store(self, name: str, chunks: Iterable[bytes]) -> Path:
        """The report is there as a file, 0600, whole and on the disk; returns its path.

        A file with other bytes is never overwritten: the report gets a number before .csv. A file with the same
        bytes is the report. DeliveryFailed leaves nothing half-written.
        """
        with self._failing(name):
            self._make_ours()
            try:
                return write_once(self.directory / name, chunks, or_numbered=True)
            except FileExistsError as error:
                sentence = f"The archive {self.directory} holds too many files named like {name}."
                raise DeliveryFailed(sentence) from error

    def read_note(self) -> str | None:
        """The note in the marker file, None if there is no marker; DeliveryFailed if the archive is not ours."""
        try:
            marker = json.loads((self.directory / MARKER).read_text(encoding="utf-8"))
            database, note = marker["database"], marker.get("note", "")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DeliveryFailed(
                f"The file {MARKER} in the archive {self.directory} cannot be read.",
                "Give the archive a folder of its own, or delete that file if the folder is this database's.",
            ) from error
        if database != self.database:
            raise DeliveryFailed(
                f"The archive {self.directory} belongs to the database {database}, not to {self.database}.",
                f"Give each database a folder of its own; if this one was renamed, delete {MARKER} in the folder.",
            )
        return str(note)

    def note(self, text: str) -> None:
        """The marker file has this note."""
        with self._failing(MARKER):
            self._make_ours()
            self._mark(text)

    def reports(self) -> list[Path]:
        """The files of reports, by name; none if there is no folder."""
        with self._failing(REPORTS):
            return sorted(self.directory.glob(REPORTS))

    def remove(self, name: str, sha256: str) -> bool:
        """The files with this name (numbered ones too) and these bytes are gone; returns whether there were any."""
        with self._failing(name):
            self._make_ours()
            copies = [path for path in map(self.directory.joinpath, numbered(name)) if _holds(path, sha256)]
            for path in copies:
                path.unlink()
            return bool(copies)

    def _make_ours(self) -> None:
        with suppress(FileExistsError):
            self.directory.mkdir(mode=OWN_FOLDER)
        if self.read_note() is None:
            if any(not file.match(REPORTS) for file in self.directory.iterdir() if not file.match(".*.part")):
                raise DeliveryFailed(
                    f"The folder {self.directory} holds other files; it is not made an archive.",
                    "Give the archive an empty folder, or one that does not exist yet.",
                )
            self._mark("")
        if self.directory.stat().st_mode & 0o777 != OWN_FOLDER:
            self.directory.chmod(OWN_FOLDER)

    def _mark(self, note: str) -> None:
        marker = json.dumps({"database": self.database, "note": note})
        write_over(self.directory / MARKER, [f"{marker}\n".encode()])

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DeliveryFailed(
                f"The archive {self.directory} does not take {name}: {system_reason(error)}.",
                "See that the folder above it is there, that this user may write in it, and that the disk has room.",
            ) from error


def _holds(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest() == sha256
