"""An outlet for each channel takes reports out of this program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import GentleNudgeError

LONGEST_ANSWER = 200


class DeliveryFailed(GentleNudgeError):
    """One try failed; the sentence contains no secret and nothing of the report.

    `lost`: the report may have arrived all the same.
    """

    def __init__(self, sentence: str, hint: str = "", *, lost: bool = False) -> None:
        super().__init__(sentence, hint)
        self.lost = lost


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A report for one recipient, or a message without a file (`file_name` is empty).

    `id` is the same at every try and unique in this Koha. `content` returns the bytes of the file from the start each
    time it is called; `size` and `sha256` describe the file. `now` is an aware instant. `tried` is true from the second
    try on.
    """

    id: str
    recipient: str
    subject: str
    body: str
    now: datetime
    file_name: str = ""
    size: int = 0
    sha256: str = ""
    content: Callable[[], Iterable[bytes]] = tuple
    tried: bool = False


class Outlet(Protocol):
    """Takes items on one channel; connects when the first item is delivered."""

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:
        """The recipients of reports of this kind about this section."""

    def tells(self, section: Section, recipient: str) -> bool:
        """Whether this recipient is the agency, and not only a reader of copies."""

    def destination(self, recipient: str) -> str:
        """Where an item for this recipient goes now, in the words of `recipients`."""

    def deliver(self, item: Item) -> tuple[str, ...]:
        """The item has arrived once, at whichever try; returns notes for staff. DeliveryFailed says why not."""

    def probe(self) -> Iterable[Finding]:
        """Findings for `check`; tries everything up to the login and leaves nothing behind."""

    def close(self) -> None:
        """The connection is closed, if there is one."""


def system_reason(error: OSError) -> str:
    """The reason in the words of the system or of an SFTP server, without paths: `No space left on device`."""
    return one_line(error.strerror or str(error)) or type(error).__name__


def one_line(answer: bytes | str) -> str:
    """A server's words on one line, at most 200 characters, without control characters."""
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:LONGEST_ANSWER]
