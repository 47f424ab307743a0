"""A message: built by the email package, its attachment encoded a piece at a time."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode, encodebytes
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from io import BytesIO

from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.report_row import ReportKind

BYTES_AT_ONCE = 57 * 2000  # 57 bytes are a line of base64
# Seven bits, for servers without 8BITMIME; a Message-ID must not be folded.
POLICY = SMTP.clone(cte_type="7bit")
PLACE = b"the attachment comes here"
AN_ADDRESS = re.compile(r"[!#-'*+\-/-9=?A-Z^-~.]+@[A-Za-z0-9.\-]+")
TEST_MARK = "TEST "


@dataclass(frozen=True, kw_only=True, slots=True)
class Letterhead:
    """Who sends: `sender` is an address, maybe with a name; `instance` differs between the Kohas of one sender.

    `redirect` is Koha's SendAllEmailsTo: every message of a test copy goes there, with a mark in its subject.
    """

    sender: str
    instance: str
    redirect: str = ""


class ByAddress:
    """The outlets of e-mail: each address is one of its own."""

    __slots__ = ()

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:
        """Everybody who gets the section's reports, or its pages, by e-mail."""
        return section.policy.staff_to if kind.is_page else section.policy.recipients()

    def tells(self, section: Section, recipient: str) -> bool:
        """Whether reports are for this recipient; the others get copies."""
        return recipient in section.policy.send_to

    def destination(self, recipient: str) -> str:
        """The recipient."""
        return recipient


def compose(item: Item, letterhead: Letterhead) -> EmailMessage:
    """The message of an item, the same at every try but for its date; `as_sent` attaches the file.

    DeliveryFailed if the sender or the recipient is not one plain address.
    """
    message = EmailMessage(policy=POLICY)
    recipient = letterhead.redirect or item.recipient
    for address in (letterhead.sender, recipient):
        plain_address(address)
    message["From"] = letterhead.sender
    message["To"] = recipient
    message["Subject"] = (TEST_MARK if letterhead.redirect else "") + item.subject
    message["Date"] = format_datetime(item.now)
    message["Message-ID"] = message_id(item.id, letterhead)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(item.body)
    if item.file_name:
        message.add_attachment(
            PLACE,
            maintype="text",
            subtype="html" if item.file_name.endswith(".html") else "csv",
            cte="base64",
            filename=item.file_name,
            params={"charset": "utf-8"},
        )
    return message


def as_sent(message: EmailMessage, content: Iterable[bytes]) -> bytes:
    r"""The bytes of a composed message with the content attached; lines end in \r\n.

    The email package alone would hold a large attachment five times over.
    """
    head, _, tail = bytes(message).partition(b64encode(PLACE) + b"\r\n")
    whole = BytesIO()
    whole.write(head)
    file = b"".join(content)
    for start in range(0, len(file), BYTES_AT_ONCE):
        whole.write(encodebytes(file[start : start + BYTES_AT_ONCE]).replace(b"\n", b"\r\n"))
    whole.write(tail)
    return whole.getvalue()


def message_id(item: str, letterhead: Letterhead) -> str:
    """The Message-ID of an item, the same at every try."""
    domain = plain_address(letterhead.sender).rpartition("@")[2]
    return f"<gentle-nudge.{item}.{hashlib.sha256(letterhead.instance.encode()).hexdigest()[:12]}@{domain}>"


def plain_address(text: str) -> str:
    """The address alone, without a name; DeliveryFailed if there is not exactly one."""
    addresses = [address for _, address in getaddresses([text])]
    if len(addresses) != 1 or not AN_ADDRESS.fullmatch(addresses[0]) or not text.isprintable():
        raise DeliveryFailed(
            f"{text!r} is not an address that every mail server takes.",
            "Write it as name@library.example, in plain letters.",
        )
    return addresses[0]
