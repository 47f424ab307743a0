"""A message as it travels: built by the email package, kept so that a large report is never held twice."""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses

from gentle_nudge.delivery.outlet import DeliveryFailed

BYTES_IN_A_LINE = 57


LINES_IN_A_CHUNK = 2000


# Seven bits, so that no server needs to know 8BITMIME; a Message-ID must not be folded.
POLICY = SMTP.clone(cte_type="7bit")


PLACE = b"the attachment comes here"


AN_ADDRESS = re.compile(r"[!#-'*+\-/-9=?A-Z^-~.]+@[A-Za-z0-9.\-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    r"""One message to one recipient, addresses as the envelope bears them.

    `head` holds all up to the attached bytes, `tail` what follows them, both with \r\n; without an attachment the
    whole message is the head.
    """

    id: str
    sender: str
    recipient: str
    head: bytes
    attachment: bytes = b""
    tail: bytes = b""

    @property
    def size(self) -> int:
        """The bytes of the message with its line ends."""
        lines = -(-len(self.attachment) // BYTES_IN_A_LINE)
        encoded = -(-len(self.attachment) // 3) * 4
        return len(self.head) + encoded + 2 * lines + len(self.tail)

    def chunks(self) -> Iterator[bytes]:
        r"""The message in pieces of at most a few hundred kilobytes, line ends \r\n."""
        yield self.head
        step = BYTES_IN_A_LINE * LINES_IN_A_CHUNK
        whole = memoryview(self.attachment)
        for start in range(0, len(whole), step):
            yield _base64(whole[start : start + step])
        yield self.tail

    def __bytes__(self) -> bytes:
        """The whole message at once."""
        return b"".join(self.chunks())


def _base64(piece: memoryview) -> bytes:
    return b"".join(
        b2a_base64(piece[start : start + BYTES_IN_A_LINE], newline=False) + b"\r\n"
        for start in range(0, len(piece), BYTES_IN_A_LINE)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file of a message: its name, and the bytes that arrive."""

    name: str
    content: bytes


def message_id(delivery: int | str, instance: str, sender: str) -> str:
    """The Message-ID of a delivery, the same at every try; `instance` tells the Kohas of one sender apart."""
    domain = _address(sender).rpartition("@")[2]
    return f"<gentle-nudge.{delivery}.{hashlib.sha256(instance.encode()).hexdigest()[:12]}@{domain}>"


def letter(
    *,
    id: str,  # noqa: A002 - the message's id
    sender: str,
    recipient: str,
    subject: str,
    body: str,
    now: datetime,
    attachment: Attachment | None = None,
) -> Letter:
    """A message with a text and, if given, a CSV file attached that arrives byte for byte.

    `sender` and `recipient` may bear a name (`Library <koha@library.example>`); `now` is an aware instant; `id`
    comes from `message_id`. DeliveryFailed if an address is none.
    """
    from_here, to_there = _address(sender), _address(recipient)
    message = EmailMessage(policy=POLICY)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    if attachment:
        _make_room(message, attachment.name)
    head, _, tail = bytes(message).partition(b2a_base64(PLACE, newline=False) + b"\r\n")
    content = attachment.content if attachment else b""
    return Letter(id=id, sender=from_here, recipient=to_there, head=head, attachment=content, tail=tail)


def _make_room(message: EmailMessage, name: str) -> None:
    message.add_attachment(
        PLACE, maintype="text", subtype="csv", cte="base64", filename=name, params={"charset": "utf-8"}
    )


def _address(text: str) -> str:
    found = [address for _, address in getaddresses([text])]
    if len(found) != 1 or not AN_ADDRESS.fullmatch(found[0]):
        raise DeliveryFailed(
            f"{text!r} is not an address that every mail server takes.",
            "Write it as name@library.example, in plain letters.",
            permanent=True,
        )
    return found[0]
