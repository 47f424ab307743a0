"""What is delivered in these tests."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from gentle_nudge.delivery.message import Attachment, Letter, letter, message_id
from gentle_nudge.delivery.sftp import Parcel

NAME = "ums-updates-2026-11-22.csv"
NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
REPORT = 'borrowernumber,surname,Due\n9,"O\nBrien",1.00\n10,山田,2.00\n.\n'.encode()
AGENCY = "reports@agency.example"


def a_letter(
    *, delivery: int = 7, recipient: str = AGENCY, content: bytes = REPORT, body: str = "3 patrons\n"
) -> Letter:
    """A report on its way to a recipient."""
    return letter(
        id=message_id(delivery, "koha_lib", "koha@library.example"),
        sender="Springfield <koha@library.example>",
        recipient=recipient,
        subject="UMS Updates for Springfield",
        body=body,
        now=NOW,
        attachment=Attachment(name=NAME, content=content),
    )


def a_parcel(content: bytes = REPORT, *, name: str = NAME) -> Parcel:
    """A report as stored, in pieces."""
    return Parcel(
        name=name,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        chunks=lambda: pieces(content),
    )


def pieces(content: bytes, size: int = 100_000) -> Iterator[bytes]:
    """The bytes, some at a time."""
    return (content[start : start + size] for start in range(0, len(content), size))
