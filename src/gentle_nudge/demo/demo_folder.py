"""The demo's folder: made, marked as a demo's, and begun afresh without touching anything else in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gentle_nudge.errors import UserError
from gentle_nudge.texts.environment import Texts

CONFIG, DATABASE = "gentle-nudge.toml", "koha.sqlite"
MAIL, ARCHIVE, STAFF = "mail", "archive", "staff"
MARKER = ".gentle-nudge-demo"
MARKED = "Made by gentle-nudge demo, which begins afresh in folders that hold this file.\n"


def begin(folder: Path) -> bool:
    """Make the folder with a configuration and an empty database; True if a demo was there before.

    UserError, with nothing touched, if it holds anything but a demo.
    """
    folder = folder.absolute()
    elsewhere = Path(os.path.expanduser("~"), "gentle-nudge-demo")  # noqa: PTH111 - Path's own fails without a home
    marker = folder / MARKER
    was_there = marker.is_file() and not marker.is_symlink()
    is_empty = not was_there and folder.is_dir() and not any(folder.iterdir())
    if not was_there and not is_empty and (folder.exists() or folder.is_symlink()):
        raise UserError(
            f"{folder} already exists and is not a demo of ours: nothing in it was touched.",
            f"Name a folder that does not exist yet, such as: gentle-nudge demo {elsewhere}",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker.write_text(MARKED, encoding="utf-8")
        _empty(folder)
        (folder / DATABASE).touch(mode=0o600)
        (folder / CONFIG).write_text(Texts().render("demo-configuration.toml"), encoding="utf-8")
    except OSError as trouble:
        raise UserError(
            f"The folder {folder} cannot be used: {trouble.strerror}.",
            f"Name another where this user may write, such as: gentle-nudge demo {elsewhere}",
        ) from trouble
    return was_there


def _empty(folder: Path) -> None:
    """Delete everything that an earlier demo made, and nothing else."""
    for file in (CONFIG, DATABASE, f"{DATABASE}-journal"):
        (folder / file).unlink(missing_ok=True)
    for path in (folder / MAIL, folder / ARCHIVE, folder / STAFF):
        if path.is_symlink():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)
