"""Messages into a Maildir instead of over the wire."""

from __future__ import annotations

from pathlib import Path

from gentle_nudge.delivery.message import Letter
from gentle_nudge.delivery.outlet import DeliveryFailed, what_the_system_said
from gentle_nudge.delivery.whole_files import sync_folder, write_whole

FOLDERS = ("tmp", "new", "cur")


def put(maildir: Path, letter: Letter) -> Path:
    """The letter is in the Maildir (made if its parent is there), whole, once however often it is put.

    Returns the file; its name comes from the Message-ID. DeliveryFailed leaves nothing behind.
    """
    name = letter.id.strip("<>").replace("/", "_").replace(":", "_")
    try:
        for folder in (maildir, *(maildir / name for name in FOLDERS)):
            folder.mkdir(mode=0o700, exist_ok=True)
        written = maildir / "tmp" / name
        write_whole(written, (chunk.replace(b"\r\n", b"\n") for chunk in letter.chunks()))
        arrived = written.replace(maildir / "new" / name)
        sync_folder(maildir / "new")
    except OSError as error:
        raise DeliveryFailed(
            f"The Maildir {maildir} does not take the message: {what_the_system_said(error)}.",
            "See that the folder above it is there, that this user may write in it, and that the disk has room.",
        ) from None
    return arrived
