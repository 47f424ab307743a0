"""Letters put into Koha's message queue, from which Koha sends and prints them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, func, insert, select

from gentle_nudge.koha.koha_tables import columns_of, message_queue
from gentle_nudge.sqltypes import Instant, a_thousand_at_a_time, among

HTML = 'text/html; charset="UTF-8"'
PENDING = "pending"
# Apart from the columns that we read: nobody needs the right to read letters that Koha has queued.
QUEUED = Table(
    "message_queue",
    MetaData(),
    *(Column(name, Integer) for name in ("borrowernumber", "letter_id")),
    *(Column(name, String) for name in ("subject", "content", "metadata", "letter_code", "message_transport_type")),
    *(Column(name, String) for name in ("status", "to_address", "content_type", "failure_code")),
    Column("time_queued", Instant()),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedLetter:
    """One message; `patron` is whom it is about, whoever gets it. Koha finds the address if `to_address` is empty."""

    patron: int
    letter_id: int
    code: str
    transport: str
    subject: str
    content: str
    is_html: bool
    to_address: str = ""


def queue_letters(conn: Connection, letters: Sequence[QueuedLetter], now: datetime) -> list[int]:
    """The letters wait in Koha's queue (C4::Letters::EnqueueLetter); the number of each, in their order.

    Nobody else queues one for these patrons while their rows in `borrowers` are locked.
    """
    present, number = columns_of(conn, message_queue), message_queue.c.message_id
    after = conn.scalar(select(func.max(number))) or 0
    for chunk in a_thousand_at_a_time(letters):
        rows = [_values(letter, now) for letter in chunk]
        conn.execute(insert(QUEUED), [{name: row[name] for name in row if name in present} for row in rows])
    numbers: defaultdict[int, list[int]] = defaultdict(list)
    for patrons in a_thousand_at_a_time({letter.patron for letter in letters}):
        ours = (number > after, among(message_queue.c.borrowernumber, patrons))
        for message, patron in conn.execute(
            select(number, message_queue.c.borrowernumber).where(*ours).order_by(number)
        ):
            numbers[patron].append(message)
    in_order: dict[int, Iterator[int]] = {patron: iter(messages) for patron, messages in numbers.items()}
    return [next(in_order[letter.patron]) for letter in letters]


def _values(letter: QueuedLetter, now: datetime) -> Mapping[str, object]:
    return {
        "borrowernumber": letter.patron,
        "letter_id": letter.letter_id,
        "subject": letter.subject,
        "content": letter.content,
        "metadata": "",
        "letter_code": letter.code,
        "message_transport_type": letter.transport,
        "status": PENDING,
        "time_queued": now.replace(microsecond=0),
        "to_address": letter.to_address or None,
        "content_type": HTML if letter.is_html else None,
        "failure_code": "",
    }
