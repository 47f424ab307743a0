"""The pure rules of the queue."""

from datetime import UTC, datetime, timedelta

import pytest

from gentle_nudge.domain.outbox import MAY_LEAVE, Address, Channel, Standing, is_given_up, next_attempt, went_to_others
from gentle_nudge.domain.report_row import ReportKind
from tests.builders.values import a_delivery

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 2), (3, 4), (9, 256), (10, 360), (11, 360), (5000, 360)])
def test_the_pause_doubles_from_a_minute_to_six_hours(attempts: int, minutes: int) -> None:
    assert next_attempt(attempts) == timedelta(minutes=minutes)


def test_no_attempt_at_all_pauses_as_after_the_first() -> None:
    assert next_attempt(0) == timedelta(minutes=1)


def test_a_delivery_is_given_up_after_three_days_and_not_a_moment_earlier() -> None:
    assert not is_given_up(NOW, NOW + timedelta(days=3) - A_MOMENT)
    assert is_given_up(NOW, NOW + timedelta(days=3))


@pytest.mark.parametrize("kind", [ReportKind.UPDATE, ReportKind.SYNC])
@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.SFTP])
def test_balances_to_somebody_keep_their_order(kind: ReportKind, channel: Channel) -> None:
    assert a_delivery(kind=kind, channel=channel).keeps_order


def test_a_submission_a_copy_for_the_archive_and_a_repeat_stand_in_no_stream() -> None:
    assert not a_delivery(kind=ReportKind.SUBMISSION).keeps_order
    assert not a_delivery(channel=Channel.FILE).keeps_order
    assert not a_delivery(is_repeat=True).keeps_order


def test_a_test_copy_uploads_nothing_and_a_copy_sends_only_mail() -> None:
    leaves = {
        standing: [channel.value for channel in Channel if a_delivery(channel=channel).may_leave(standing)]
        for standing in Standing
    }
    assert leaves == {
        Standing.LIBRARY: ["email", "sftp", "file", "folder"],
        Standing.TEST_COPY: ["email", "file", "folder"],
        Standing.COPY: ["email"],
    }


def test_a_channel_that_nobody_listed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MAY_LEAVE, Standing.TEST_COPY, frozenset())
    assert not a_delivery(channel=Channel.EMAIL).may_leave(Standing.TEST_COPY)


def test_a_copy_in_the_archive_tells_the_agency_nothing() -> None:
    assert [channel.value for channel in Channel if a_delivery(channel=channel).address.tells_agency] == [
        "email",
        "sftp",
    ]


@pytest.mark.parametrize(
    ("to_tell", "copies", "others"),
    [
        (("Agency@agency.example",), (), False),  # nobody new is told; readers of copies may be fewer
        (("agency@agency.example",), ("reader@library.example", "more@library.example"), False),
        (("reader@library.example",), ("agency@agency.example",), False),
        (("agency@agency.example", "new@other.example"), (), True),
        (("reader@library.example",), (), True),  # the agency would hear no more
        (("new@other.example",), ("agency@agency.example",), True),
        ((), (), True),
    ],
)
def test_other_recipients_are_somebody_new_who_is_told_or_somebody_told_who_is_left_out(
    to_tell: tuple[str, ...], copies: tuple[str, ...], *, others: bool
) -> None:
    agency = a_delivery(address=Address(channel=Channel.EMAIL, recipient="agency@agency.example"))
    reader = a_delivery(address=Address(channel=Channel.EMAIL, recipient="reader@library.example", tells=False))
    lawyer = a_delivery(address=Address(channel=Channel.EMAIL, recipient="lawyer@library.example"), is_repeat=True)
    sent = [agency, reader, lawyer]
    assert went_to_others(sent, to_tell=to_tell, to_get=(*to_tell, *copies)) is others


def test_a_report_that_was_only_uploaded_or_told_nobody_went_to_no_others() -> None:
    upload = a_delivery(address=Address(channel=Channel.SFTP, recipient="sftp.agency.example/in"))
    archive = a_delivery(address=Address(channel=Channel.FILE, recipient="/archive"))
    new = ("new@other.example",)
    assert not went_to_others([upload], to_tell=(), to_get=())
    assert went_to_others([upload], to_tell=new, to_get=new)
    assert not went_to_others([archive], to_tell=new, to_get=new)
    assert not went_to_others([], to_tell=new, to_get=new)
