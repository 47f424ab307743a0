"""What the archive remembers of a database."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.outbox import Channel
from gentle_nudge.domain.restore_journal import Journal, SentDelivery, from_text

NOW = datetime(2026, 11, 22, 7, 0, 0, 123456, tzinfo=UTC)
ENTRIES = st.builds(
    SentDelivery,
    delivery=st.integers(min_value=1),
    channel=st.sampled_from([Channel.EMAIL, Channel.SFTP]),
    recipient=st.text(),
    file_name=st.text(),
    sha256=st.text(alphabet="0123456789abcdef"),
    at=st.datetimes(timezones=st.just(UTC)),
)


def an_entry(delivery: int = 1, *, sha256: str = "aa", at: datetime = NOW) -> SentDelivery:
    return SentDelivery(
        delivery=delivery, channel=Channel.EMAIL, recipient="a@b.example", file_name="ums.csv", sha256=sha256, at=at
    )


@given(st.integers(min_value=0), st.none() | st.dates(), st.lists(ENTRIES))
def test_what_is_written_is_read_back(revision: int, since: date | None, sent: list[SentDelivery]) -> None:
    journal = Journal(revision=revision, since=since, sent=tuple(sent))
    assert from_text(journal.written()) == journal


@pytest.mark.parametrize("text", ["", "42", "{", "[]", '{"note": 1}', '{"note": 1, "since": null, "sent": [[1]]}'])
def test_a_text_that_is_no_journal_remembers_nothing(text: str) -> None:
    assert from_text(text) == Journal()


def test_a_number_given_a_second_time_is_another_delivery() -> None:
    journal = Journal(revision=1, sent=(an_entry(1), an_entry(2)))
    later = NOW + timedelta(days=1)
    assert journal.unknown_to([an_entry(1, at=later), an_entry(2, sha256="bb")]) == (an_entry(2),)


def test_what_was_sent_before_the_journal_reaches_back_counts_as_delivered() -> None:
    journal = Journal(since=date(2026, 11, 1), sent=(an_entry(sha256="aa"),))
    assert journal.was_delivered("bb", date(2026, 10, 31))
    assert not journal.was_delivered("bb", date(2026, 11, 1))
    assert journal.was_delivered("aa", date(2026, 11, 1))
    assert Journal().was_delivered("bb", date(2026, 11, 1))
