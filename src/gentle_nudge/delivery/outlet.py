"""What takes reports out of this program: an outlet for each channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import GentleNudgeError


class DeliveryFailed(GentleNudgeError):
    """One try failed; the sentence holds no secret and nothing of the report.

    `lost`: nobody knows whether it arrived all the same.
    """

    def __init__(self, sentence: str, hint: str = "", *, lost: bool = False) -> None:
        super().__init__(sentence, hint)
        self.lost = lost


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A report for one recipient, or a message without a file (`file_name` is empty).

    `id` is the same at every try, and no other item of this Koha has it. `content` gives the bytes of the file from
    the start each time it is called; `size` and `sha256` are theirs. `now` is an aware instant.
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


class Outlet(Protocol):
    """Takes items on one channel; a connection is made when the first is delivered."""

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:
        """Who gets reports of this kind about this section here."""

    def deliver(self, item: Item) -> tuple[str, ...]:
        """The item has arrived, once however often it is delivered; notes for staff. DeliveryFailed says why not."""

    def probe(self) -> Iterable[Finding]:
        """What `check` should say; asks as far as the login, and leaves nothing behind."""

    def close(self) -> None:
        """The connection is closed, if one was made."""


def system_reason(error: OSError) -> str:
    """The reason as the system words it, without paths: `No space left on device`."""
    return error.strerror or str(error) or type(error).__name__
