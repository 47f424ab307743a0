"""The demo's folder: made, marked as a demo's, and begun afresh without touching what is not ours."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from gentle_nudge.errors import UserError
from gentle_nudge.texts.environment import Texts

MARKER = ".gentle-nudge-demo"
MARKED = "Made by gentle-nudge demo, which begins afresh in folders that hold this file.\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """The folder of one demo and what it holds."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration to play on."""
        return self.path / "gentle-nudge.toml"

    @property
    def database(self) -> Path:
        """The sample library."""
        return self.path / "koha.sqlite"

    @property
    def mail(self) -> Path:
        """The Maildir."""
        return self.path / "mail"

    @property
    def archive(self) -> Path:
        """The copies of the reports."""
        return self.path / "archive"

    @property
    def marker(self) -> Path:
        """The file that says whose folder this is."""
        return self.path / MARKER

    def begin(self) -> bool:
        """The folder holds the configuration and an empty database; whether a demo was there before.

        UserError, with nothing touched, if it holds anything but a demo.
        """
        was_there = self._is_a_demo()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.marker.write_text(MARKED, encoding="utf-8")
            self._empty()
            self.database.touch(mode=0o600)
            self.config.write_text(Texts().render("demo-configuration.toml"), encoding="utf-8")
        except OSError as trouble:
            raise UserError(
                f"The folder {self.path} cannot be used: {trouble.strerror}.", "Name another: gentle-nudge demo FOLDER"
            ) from trouble
        return was_there

    def _is_a_demo(self) -> bool:
        if self.marker.is_file() and not self.marker.is_symlink():
            return True
        if self.path.is_dir() and not any(self.path.iterdir()):
            return False
        if self.path.exists() or self.path.is_symlink():
            raise UserError(
                f"{self.path} already exists and is not a demo of ours: nothing in it was touched.",
                "Name a folder that does not exist yet: gentle-nudge demo FOLDER",
            )
        return False

    def _empty(self) -> None:
        """What an earlier demo made is gone; nothing else."""
        for file in (self.config, self.database, Path(f"{self.database}-journal")):
            file.unlink(missing_ok=True)
        for folder in (self.mail, self.archive):
            if folder.is_symlink():
                folder.unlink()
            elif folder.is_dir():
                shutil.rmtree(folder)
