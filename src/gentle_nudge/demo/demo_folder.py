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

    def begin(self) -> bool:
        """Make the folder with the configuration and an empty database; True if a demo was there before.

        UserError, with nothing touched, if it holds anything but a demo.
        """
        marker = self.path / MARKER
        is_demo = marker.is_file() and not marker.is_symlink()
        is_there = self.path.exists() or self.path.is_symlink()
        if is_there and not is_demo and not (self.path.is_dir() and not any(self.path.iterdir())):
            raise UserError(
                f"{self.path} already exists and is not a demo of ours: nothing in it was touched.",
                "Name a folder that does not exist yet: gentle-nudge demo FOLDER",
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            marker.write_text(MARKED, encoding="utf-8")
            self._empty()
            self.database.touch(mode=0o600)
            self.config.write_text(Texts().render("demo-configuration.toml"), encoding="utf-8")
        except OSError as trouble:
            raise UserError(
                f"The folder {self.path} cannot be used: {trouble.strerror}.", "Name another: gentle-nudge demo FOLDER"
            ) from trouble
        return is_demo

    def _empty(self) -> None:
        """Delete what an earlier demo made, and nothing else."""
        for file in (self.config, self.database, Path(f"{self.database}-journal")):
            file.unlink(missing_ok=True)
        for folder in (self.mail, self.archive):
            if folder.is_symlink():
                folder.unlink()
            elif folder.is_dir():
                shutil.rmtree(folder)
