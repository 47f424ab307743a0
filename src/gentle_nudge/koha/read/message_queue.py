"""The letters that Koha has sent, as far as its queue still has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, select

from gentle_nudge.domain.patron import SentNotice
from gentle_nudge.koha.koha_tables import letter, message_queue
from gentle_nudge.sqltypes import among, rows_by_thousands


def sent(conn: Connection, letters: Collection[str], zone: ZoneInfo) -> Iterator[SentNotice]:
    """Every letter of these codes that was sent to a patron."""
    yield from _notices(conn.execute(sent_query(letters)), zone)


def sent_query(letters: Collection[str]) -> Select[Any]:
    """Every letter of these codes that was sent to a patron (collected each night, with `prior_notice` alone).

    Index: message_queue none.
    """
    message = message_queue.c
    return select(message.message_id, message.borrowernumber, message.letter_code, message.updated_on).where(
        message.status == "sent", message.letter_code.in_(sorted(letters))
    )


def sent_to(conn: Connection, letters: Collection[str], numbers: Iterable[int], zone: ZoneInfo) -> Iterator[SentNotice]:
    """The letters of these codes that were sent to these patrons."""
    yield from _notices(rows_by_thousands(conn, partial(sent_to_query, letters), numbers), zone)


def sent_to_query(letters: Collection[str], numbers: Collection[int]) -> Select[Any]:
    """The letters of these codes that were sent to these patrons.

    Index: message_queue borrowernumber.
    """
    return sent_query(letters).where(among(message_queue.c.borrowernumber, numbers))


def _notices(rows: Iterable[Any], zone: ZoneInfo) -> Iterator[SentNotice]:
    for message, patron, code, updated in rows:
        if patron is not None:
            yield SentNotice(message=message, patron=patron, letter=code, sent_on=updated.astimezone(zone).date())


def letters_query(codes: Collection[str]) -> Select[str]:
    """Which of these codes Koha has a letter of (`check`).

    Index: letter letter_uniq_1.
    """
    return select(letter.c.code).distinct().where(letter.c.code.in_(sorted(codes)))


def unknown_letters(conn: Connection, codes: Collection[str]) -> list[str]:
    """The codes that Koha has no letter of, whatever the letter case."""
    in_koha = {code.casefold() for code in conn.scalars(letters_query(codes))} if codes else set()
    return sorted(code for code in codes if code.casefold() not in in_koha)


def states(conn: Connection, messages: Mapping[int, int]) -> dict[int, tuple[str, str]]:
    """The state of each of these messages, given with its patron, and why it failed.

    Those that Koha has cleaned up are left out, also if it has given the number to somebody else's message since.
    """
    rows = rows_by_thousands(conn, states_query, messages)
    return {message: (state, why or "") for message, patron, state, why in rows if patron == messages[message]}


def states_query(numbers: Collection[int]) -> Select[Any]:
    """What has become of these messages (with `[remind]` alone).

    Index: message_queue PRIMARY.
    """
    message = message_queue.c
    found = select(message.message_id, message.borrowernumber, message.status, message.failure_code)
    return found.where(among(message.message_id, numbers))
