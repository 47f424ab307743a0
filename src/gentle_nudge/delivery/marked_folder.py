"""A folder that belongs to one database, as the marker file in it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gentle_nudge.delivery.outlet import DeliveryFailed, system_reason
from gentle_nudge.delivery.whole_files import OWN_FOLDER, write_over
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding

MARKER = ".gentle-nudge"


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkedFolder:
    """A folder of this database. Where it is not marked yet, it may hold only files with names of these patterns."""

    directory: Path
    database: str

    called: ClassVar[str]
    patterns: ClassVar[tuple[str, ...]]

    def tells(self, section: Section, recipient: str) -> bool:  # noqa: ARG002 - the folder is the library's own
        """False: the agency hears of nothing here."""
        return False

    def destination(self, recipient: str) -> str:  # noqa: ARG002 - it has one place
        """The folder of the settings, wherever it was when the file was queued."""
        return str(self.directory)

    def close(self) -> None:
        """Nothing is open."""

    def not_ours(self, name: str, why: str) -> Iterator[Finding]:
        """A finding of this name if the folder belongs to another database."""
        try:
            self.read_note()
        except DeliveryFailed as failure:
            yield Finding(name=name, what=failure.sentence, why=why, way_out=failure.hint)

    def read_note(self) -> str | None:
        """The note in the marker file, None if there is no marker; DeliveryFailed if the folder is not ours."""
        try:
            marker = json.loads((self.directory / MARKER).read_text(encoding="utf-8"))
            database, note = marker["database"], marker.get("note", "")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DeliveryFailed(
                f"The file {MARKER} in the {self.called} {self.directory} cannot be read.",
                f"Give the {self.called} a folder of its own, or delete that file if the folder is this database's.",
            ) from error
        if database != self.database:
            raise DeliveryFailed(
                f"The {self.called} {self.directory} belongs to the database {database}, not to {self.database}.",
                f"Give each database a folder of its own; if this one was renamed, delete {MARKER} in the folder.",
            )
        return str(note)

    def make_ours(self) -> None:
        """The folder is there, marked with its database, and closed to others; DeliveryFailed if it cannot be ours."""
        with suppress(FileExistsError):
            self.directory.mkdir(mode=OWN_FOLDER)
        if self.read_note() is None:
            names = (file for file in self.directory.iterdir() if not file.match(".*.part"))
            if any(not any(map(file.match, self.patterns)) for file in names):
                article = "an" if self.called[0] in "aeiou" else "a"
                raise DeliveryFailed(
                    f"The folder {self.directory} holds other files; it is not made {article} {self.called}.",
                    f"Give the {self.called} an empty folder, or one that does not exist yet.",
                )
            self.mark("")
        self.close_to_others(self.directory)

    def close_to_others(self, folder: Path) -> None:
        """Nobody else may read the folder."""
        if folder.stat().st_mode & 0o7777 != OWN_FOLDER:
            folder.chmod(OWN_FOLDER)

    def mark(self, note: str) -> None:
        """The marker file has this note."""
        marker = json.dumps({"database": self.database, "note": note})
        write_over(self.directory / MARKER, [f"{marker}\n".encode()])

    @contextmanager
    def failing(self, name: str) -> Iterator[None]:
        """An error of the system leaves the block as DeliveryFailed; `name` is the file that is not taken."""
        try:
            yield
        except OSError as error:
            raise DeliveryFailed(
                f"The {self.called} {self.directory} does not take {name}: {system_reason(error)}.",
                "See that the folder above it is there, that this user may write in it, and that the disk has room.",
            ) from error
