"""What is delivered in these tests, and a disk that takes only so much."""

import hashlib
import resource
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from gentle_nudge.delivery.message import Letterhead
from gentle_nudge.delivery.outlet import Item

NAME = "ums-updates-2026-11-22.csv"
NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
REPORT = 'borrowernumber,surname,Due\n9,"O\nBrien",1.00\n10,山田,2.00\n.\n'.encode()
AGENCY = "reports@agency.example"
LETTERHEAD = Letterhead(sender="Springfield <koha@library.example>", instance="koha_lib")


def an_item(
    content: bytes = REPORT,
    *,
    delivery: int = 7,
    recipient: str = AGENCY,
    name: str = NAME,
    body: str = "3 patrons\n",
    chunks: Callable[[], Iterable[bytes]] | None = None,
    **facts: Any,
) -> Item:
    """A report on its way to a recipient, its bytes in pieces; `chunks` are those that are really read."""
    known: dict[str, Any] = {
        "id": str(delivery),
        "recipient": recipient,
        "subject": "UMS Updates for Springfield",
        "body": body,
        "now": NOW,
        "file_name": name,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": chunks or (lambda: pieces(content)),
    }
    return Item(**(known | facts))


def pieces(content: bytes, size: int = 100_000) -> Iterator[bytes]:
    """The bytes, some at a time."""
    return (content[start : start + size] for start in range(0, len(content), size))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file grows beyond the size, as on a disk that is full then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
