"""The archive: a copy of every report as a file, in a folder that belongs to one database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from gentle_nudge.delivery.outlet import DeliveryFailed, Item, system_reason
from gentle_nudge.delivery.whole_files import not_writable, numbered, sync_folder, write_once, write_whole
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.report_row import ReportKind

MARKER = ".gentle-nudge"
OURS_ALONE = 0o700
REPORTS = "ums-*.csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class Marker:
    """Whose archive this is: `database` names it; `payload` is what its owner wants to find again.

    In the file the payload is called `note`.
    """

    database: str
    payload: str = ""

    @classmethod
    def from_text(cls, text: str) -> Marker:
        """The marker as the file has it; ValueError, TypeError or KeyError if it is not one of ours."""
        written = dict(json.loads(text))
        return cls(database=written["database"], payload=written.get("note", ""))

    def to_text(self) -> str:
        """The marker for the file."""
        return json.dumps({"database": self.database, "note": self.payload}) + "\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveOutlet:
    """Keeps copies in the archive folder of one database."""

    directory: Path
    database: str

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:  # noqa: ARG002 - a copy of everything
        """The folder itself."""
        return (str(self.directory),)

    def deliver(self, item: Item) -> tuple[str, ...]:
        """A copy is there."""
        self.store(item.file_name, item.content())
        return ()

    def probe(self) -> Iterator[Finding]:
        """Whether files can be put there, and no other database does so."""
        if findings := not_writable("archive", self.directory):
            yield from findings
            return
        try:
            marker = self.marker()
        except DeliveryFailed as failure:
            why = "No copy could be kept."
            yield Finding(name="archive-not-ours", what=failure.sentence, why=why, way_out=failure.hint)
            return
        if marker and marker.database != self.database:
            yield Finding(
                name="archive-not-ours",
                what=f"The archive {self.directory} belongs to the database {marker.database}.",
                why="Copies of two libraries would mix, so none is kept.",
                way_out="Give each database a folder of its own.",
            )

    def close(self) -> None:
        """Nothing is open."""

    def store(self, name: str, chunks: Iterable[bytes]) -> Path:
        """The report is there as a file, 0600, whole and on the disk; returns its path.

        Never over another file: with other bytes there, a number comes before .csv; with the same bytes it is
        done already. DeliveryFailed leaves nothing half-written.
        """
        with self._failing(name):
            self._make_ours()
            try:
                return write_once(self.directory / name, chunks, or_numbered=True)
            except FileExistsError as error:
                sentence = f"The archive {self.directory} holds too many files named like {name}."
                raise DeliveryFailed(sentence) from error

    def marker(self) -> Marker | None:
        """What the marker file says; None if there is none. DeliveryFailed if it is not one of ours."""
        try:
            return Marker.from_text((self.directory / MARKER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DeliveryFailed(
                f"The file {MARKER} in the archive {self.directory} cannot be read.",
                "Give the archive a folder of its own, or delete that file if the folder is this database's.",
            ) from error

    def note(self, text: str) -> None:
        """The marker bears this note from now on."""
        with self._failing(MARKER):
            self._make_ours()
            self._mark(Marker(database=self.database, payload=text))

    def reports(self) -> list[Path]:
        """The files of reports that are there, by name; none if the folder is not there."""
        with self._failing(REPORTS):
            return sorted(self.directory.glob(REPORTS))

    def remove(self, name: str, sha256: str) -> bool:
        """No file of this name, numbered or not, holds these bytes any more; whether there was one."""
        with self._failing(name):
            self._make_ours()
            found = [path for path in map(self.directory.joinpath, numbered(name)) if _holds(path, sha256)]
            for path in found:
                path.unlink()
            return bool(found)

    def _make_ours(self) -> None:
        with suppress(FileExistsError):
            self.directory.mkdir(mode=OURS_ALONE)
        marker = self.marker()
        if marker is None:
            self._take_possession()
        elif marker.database != self.database:
            raise DeliveryFailed(
                f"The archive {self.directory} belongs to the database {marker.database}, not to {self.database}.",
                f"Give each database a folder of its own; if this one was renamed, delete {MARKER} in the folder.",
            )
        if self.directory.stat().st_mode & 0o777 != OURS_ALONE:
            self.directory.chmod(OURS_ALONE)

    def _take_possession(self) -> None:
        if any(not file.match(REPORTS) for file in self.directory.iterdir() if not file.match(".*.part")):
            raise DeliveryFailed(
                f"The folder {self.directory} holds other files; it is not made an archive.",
                "Give the archive an empty folder, or one that does not exist yet.",
            )
        self._mark(Marker(database=self.database))

    def _mark(self, marker: Marker) -> None:
        aside = self.directory / f"{MARKER}.part"
        write_whole(aside, [marker.to_text().encode()])
        aside.replace(self.directory / MARKER)
        sync_folder(self.directory)

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
