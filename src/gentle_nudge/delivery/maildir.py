"""Messages into a Maildir instead of over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gentle_nudge.delivery.message import Letterhead, as_sent, compose
from gentle_nudge.delivery.outlet import DeliveryFailed, Item, system_reason
from gentle_nudge.delivery.whole_files import not_writable, write_over
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.report_row import ReportKind

FOLDERS = ("tmp", "new", "cur")


@dataclass(frozen=True, kw_only=True, slots=True)
class MaildirOutlet:
    """Puts messages into a Maildir, which is made if its parent is there."""

    folder: Path
    letterhead: Letterhead

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:  # noqa: ARG002 - all get all kinds
        """Everybody who gets the section's reports by e-mail."""
        return section.policy.recipients()

    def deliver(self, item: Item) -> tuple[str, ...]:
        """The whole message is there as a file, named by its Message-ID."""
        message = compose(item, self.letterhead)
        name = message["Message-ID"].strip("<>").replace("/", "_").replace(":", "_")
        try:
            for folder in (self.folder, *map(self.folder.joinpath, FOLDERS)):
                folder.mkdir(mode=0o700, exist_ok=True)
            content = as_sent(message, item.content()).replace(b"\r\n", b"\n")
            write_over(self.folder / "new" / name, [content], by_way_of=self.folder / "tmp")
        except OSError as error:
            raise DeliveryFailed(
                f"The Maildir {self.folder} does not take the message: {system_reason(error)}.",
                "See that the folder above it is there, that this user may write in it, and that the disk has room.",
            ) from error
        return ()

    def probe(self) -> tuple[Finding, ...]:
        """Whether files can be put there."""
        return not_writable("maildir", self.folder)

    def close(self) -> None:
        """Nothing is open."""
