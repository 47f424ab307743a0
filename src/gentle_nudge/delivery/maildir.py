"""Messages into a Maildir instead of over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gentle_nudge.delivery.message import ByAddress, Letterhead, as_sent, compose
from gentle_nudge.delivery.outlet import DeliveryFailed, Item, system_reason
from gentle_nudge.delivery.whole_files import OWN_FOLDER, folder_findings, refuse_link, write_over
from gentle_nudge.domain.finding import Finding

FOLDERS = ("tmp", "new", "cur")


@dataclass(frozen=True, kw_only=True, slots=True)
class MaildirOutlet(ByAddress):
    """Puts messages into a Maildir of our own (0700), which is made if its parent is there."""

    folder: Path
    letterhead: Letterhead

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (self.folder, *map(self.folder.joinpath, FOLDERS))

    def deliver(self, item: Item) -> tuple[str, ...]:
        """The whole message is there as a file, named by its Message-ID."""
        message = compose(item, self.letterhead)
        name = message["Message-ID"].strip("<>").replace("/", "_").replace(":", "_")
        try:
            for folder in self._folders:
                refuse_link(folder)
                folder.mkdir(mode=OWN_FOLDER, exist_ok=True)
                if folder.stat().st_mode & 0o777 != OWN_FOLDER:
                    folder.chmod(OWN_FOLDER)
            content = as_sent(message, item.content()).replace(b"\r\n", b"\n")
            write_over(self.folder / "new" / name, [content], by_way_of=self.folder / "tmp")
        except OSError as error:
            raise DeliveryFailed(
                f"The Maildir {self.folder} does not take the message: {system_reason(error)}.",
                "See that the folder above it is there, that this user may write in it, and that the disk has room.",
            ) from error
        return ()

    def probe(self) -> tuple[Finding, ...]:
        """Whether files can be put there, and nowhere else."""
        link = next(filter(Path.is_symlink, self._folders), None)
        if link is None:
            return tuple(folder_findings("maildir", self.folder))
        return (
            Finding(
                name="maildir-not-writable",
                what=f"{link} is a symbolic link, and is not written through.",
                why="Whoever made the link decides who reads the reports.",
                way_out="Name the folder itself as maildir in [mail], or replace the link by a folder.",
            ),
        )

    def close(self) -> None:
        """Nothing is open."""
