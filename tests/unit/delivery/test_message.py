"""A message as it travels."""

import email
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.delivery.message import Letterhead, as_sent, compose, message_id, plain_address
from gentle_nudge.delivery.outlet import DeliveryFailed, Item

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


def a_letter(
    *,
    sender: str = "koha@library.example",
    recipient: str = "reports@agency.example",
    subject: str = "S",
    content: bytes | None = b"1\n",
) -> bytes:
    name = "" if content is None else "ums.csv"
    item = Item(id="1", recipient=recipient, subject=subject, body="text\n", now=NOW, file_name=name)
    return as_sent(compose(item, Letterhead(sender=sender, instance="koha_lib")), [content or b""])


@given(st.binary(max_size=300_000))
def test_what_is_attached_arrives_byte_for_byte(content: bytes) -> None:
    message = email.message_from_bytes(a_letter(content=content), policy=email.policy.default)
    assert message.get_payload(1).get_payload(decode=True) == content  # type: ignore[union-attr] # it is multipart


def test_a_letter_without_an_attachment_is_plain_text() -> None:
    message = email.message_from_bytes(a_letter(content=None), policy=email.policy.default)
    assert message.get_content_type() == "text/plain"
    assert message.get_payload() == "text\r\n"


def test_every_line_ends_as_mail_wants_it_and_is_seven_bits_and_short() -> None:
    lines = a_letter(content=bytes(range(256)) * 3, subject="Größe " * 40).split(b"\r\n")
    assert all(line.isascii() and len(line) <= 78 and not set(line) & set(b"\r\n") for line in lines)


def test_the_id_is_the_same_at_every_try_and_another_for_every_delivery_and_koha() -> None:
    sender = "koha@library.example"
    kohas = [Letterhead(sender=sender, instance=koha) for koha in ("a", "b")]
    ids = [message_id(number, koha) for number in ("1", "2") for koha in kohas]
    assert len(set(ids)) == 4
    assert ids[0] == message_id("1", Letterhead(sender=f"Library <{sender}>", instance="a"))
    assert ids[0].endswith("@library.example>")


def test_a_long_domain_does_not_break_the_id() -> None:
    sender = f"koha@{'a-very-long-name.' * 8}example"
    made = message_id("1", Letterhead(sender=sender, instance="koha_lib"))
    assert f"Message-ID: {made}\r\n".encode() in a_letter(sender=sender)


@pytest.mark.parametrize("address", ["", "nobody", "a@b@c", "a b@c.example", "a@c.example, b@c.example", "é@c.example"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(DeliveryFailed, match="is not an address"):
        a_letter(recipient=address)


def test_a_sender_may_bear_a_name() -> None:
    sender = "Springfield Library <koha@library.example>"
    assert plain_address(sender) == "koha@library.example"
    assert b"From: Springfield Library <koha@library.example>\r\n" in a_letter(sender=sender)


def test_an_address_with_a_line_break_is_refused() -> None:
    for address in ("a@c.example\nBcc: b@c.example", "a@c.example\r\n"):
        with pytest.raises(DeliveryFailed, match="is not an address"):
            a_letter(recipient=address)
