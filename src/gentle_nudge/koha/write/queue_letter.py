"""Letters put into Koha's message queue, from which Koha sends and prints them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select

from gentle_nudge.koha.koha_tables import columns_of, message_queue
from gentle_nudge.koha.write.new_rows import NewRows
from gentle_nudge.sqltypes import Instant, a_thousand_at_a_time

if TYPE_CHECKING:
    from gentle_nudge.domain.reminders.plan import Written

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


def queue_letters(conn: Connection, messages: Sequence[Written], now: datetime) -> Iterator[int]:
    """The messages wait in Koha's queue (C4::Letters::EnqueueLetter); the number of each, in their order.

    Each has the patron's number, whoever gets it. Koha finds the address if none is given. Nobody else queues one for
    these patrons while their rows in `borrowers` are locked.
    """
    present, number = columns_of(conn, message_queue), message_queue.c.message_id
    new = NewRows.from_now_on(conn, number)
    for chunk in a_thousand_at_a_time(messages):
        rows = [_values(each, now) for each in chunk]
        conn.execute(insert(QUEUED), [{name: row[name] for name in row if name in present} for row in rows])
    in_order: dict[int, deque[int]] = defaultdict(deque)
    for patrons in a_thousand_at_a_time({each.letter.number for each in messages}):
        query = select(message_queue.c.borrowernumber, number).where(new.among(patrons)).order_by(number)
        for patron, message in conn.execute(query):
            in_order[patron].append(message)
    return (in_order[each.letter.number].popleft() for each in messages)


def _values(message: Written, now: datetime) -> Mapping[str, object]:
    row = message.envelope.row
    return {
        "borrowernumber": message.letter.number,
        "letter_id": row.id,
        "subject": message.subject,
        "content": message.content,
        "metadata": "",
        "letter_code": row.code,
        "message_transport_type": row.transport,
        "status": PENDING,
        "time_queued": now.replace(microsecond=0),
        "to_address": message.envelope.to_address or None,
        "content_type": HTML if row.is_html else None,
        "failure_code": "",
    }
