"""Reports are stored byte for byte, in parts, and pruned when nobody waits for them."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select

from gentle_nudge.domain.outbox import UNDELIVERED, DeliveryState, Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import UserError
from gentle_nudge.store import deliveries, report_files
from gentle_nudge.store.report_files import PART
from gentle_nudge.store.tables import delivery, report_part
from tests.builders.ours import AGENCY, ARCHIVE, DAY, NOW, a_report, a_run, again, queued

MEBIBYTE = 1024 * 1024
EVERY_BYTE = bytes(range(256))


def stored_in_chunks(conn: Connection, content: bytes, size: int) -> Stored:
    chunks = (content[start : start + size] for start in range(0, len(content), size))
    return report_files.save(conn, run=a_run(conn), file_name="f.csv", subject="s", body="b", chunks=chunks, rows=1)


def parts(conn: Connection, stored: Stored) -> int:
    number = select(func.count()).select_from(report_part).where(report_part.c.report_id == stored.id)
    return conn.scalar(number) or 0


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, 0), (1, 1), (PART - 1, 1), (PART, 1), (PART + 1, 2), (MEBIBYTE, 3), (MEBIBYTE + 1, 3)],
)
def test_the_bytes_come_back_as_they_went_in(both: Connection, size: int, expected: int) -> None:
    content = (EVERY_BYTE * (size // 256 + 1))[:size]
    stored = stored_in_chunks(both, content, 70_000)
    assert b"".join(report_files.content(both, stored.id)) == content
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert parts(both, stored) == expected


@pytest.mark.parametrize("chunk", [1, 1000, PART, PART * 3])
def test_the_size_of_the_chunks_does_not_matter(conn: Connection, chunk: int) -> None:
    content = EVERY_BYTE * (20 if chunk == 1 else 6000)
    stored = stored_in_chunks(conn, content, chunk)
    assert b"".join(report_files.content(conn, stored.id)) == content
    assert all(len(part) <= PART for part in report_files.content(conn, stored.id))


@pytest.mark.own_server
def test_the_hardest_bytes_fit_a_server_that_allows_packets_of_one_mebibyte(
    own_database: Engine, set_global: Callable[[str, str | int], None]
) -> None:
    set_global("max_allowed_packet", MEBIBYTE)
    own_database.dispose()
    content = b"'" * (MEBIBYTE + 1)
    with own_database.connect() as small:
        assert small.exec_driver_sql("SELECT @@max_allowed_packet").scalar() == MEBIBYTE
        stored = stored_in_chunks(small, content, 100_000)
        assert b"".join(report_files.content(small, stored.id)) == content
    own_database.dispose()


def test_storing_holds_one_part_at_a_time(conn: Connection) -> None:
    seen: list[int] = []

    def chunks() -> Iterator[bytes]:
        for _ in range(60):
            yield bytes(50_000)
            seen.append(conn.scalar(select(func.count()).select_from(report_part)) or 0)

    report_files.save(conn, run=a_run(conn), file_name="f", subject="s", body="b", chunks=chunks(), rows=1)
    assert seen[10] == 1
    assert seen[50] == 5


def test_what_was_said_about_it_comes_back(both: Connection) -> None:
    stored = a_report(both, b"7,Example\n", report=ReportKind.SYNC, section="north")
    found = report_files.get(both, stored.id)
    assert found == stored
    assert (found.section, found.report, found.day, found.number) == ("north", ReportKind.SYNC, DAY, 1)
    assert (found.subject, found.body, found.rows, found.pruned_on) == ("UMS sync", "Rows: 1", 1, None)


def test_a_report_that_does_not_exist_is_refused(both: Connection) -> None:
    with pytest.raises(UserError, match="no stored report 99"):
        report_files.get(both, 99)


def test_reports_are_found_by_kind_day_and_section(both: Connection) -> None:
    first, second = a_report(both, report=ReportKind.SYNC), a_report(both, report=ReportKind.SYNC)
    north = a_report(both, report=ReportKind.SYNC, section="north")
    a_report(both, report=ReportKind.UPDATE)
    a_report(both, report=ReportKind.SYNC, day=DAY - timedelta(days=1))
    assert report_files.find(both, report=ReportKind.SYNC, day=DAY) == [first, second, north]
    assert report_files.find(both, report=ReportKind.SYNC, day=DAY, sections=["north", "old-north"]) == [north]


def test_only_reports_of_earlier_days_are_pruned_and_the_row_stays(both: Connection) -> None:
    old, young = a_report(both, day=DAY - timedelta(days=1)), a_report(both, day=DAY)
    assert [stored.id for stored in report_files.prune(both, before=DAY, today=DAY)] == [old.id]
    assert list(report_files.content(both, old.id)) == []
    assert report_files.get(both, old.id).pruned_on == DAY
    assert list(report_files.content(both, young.id)) == [b"borrowernumber\n"]
    assert report_files.prune(both, before=DAY, today=DAY) == []


@pytest.mark.parametrize("state", list(DeliveryState))
def test_a_report_is_kept_while_somebody_waits_for_it(both: Connection, state: DeliveryState) -> None:
    waiting = queued(both)
    deliveries.enqueue(both, report=waiting.report, to=[ARCHIVE], now=NOW)
    both.execute(delivery.update().values(state=DeliveryState.SENT))
    both.execute(delivery.update().where(delivery.c.id == waiting.id).values(state=state))
    pruned = report_files.prune(both, before=DAY + timedelta(days=1), today=DAY)
    assert bool(pruned) is (state not in UNDELIVERED)
    assert again(both, waiting).address == AGENCY


def test_the_reports_that_hold_a_person_are_named(both: Connection) -> None:
    told = a_report(both, b"borrowernumber,surname\n7,Example\n")
    a_report(both, b"borrowernumber,surname\n77,Example\n17,Example,7\n")
    pruned = a_report(both, b"borrowernumber,surname\n7,Example\n", day=DAY - timedelta(days=9))
    report_files.prune(both, before=DAY - timedelta(days=8), today=DAY)
    other = a_report(both, b"borrowernumber,surname\n8,Example\n")
    assert report_files.holding(both, [7]) == [told]
    assert report_files.holding(both, [7, 8]) == [told, other]
    assert report_files.holding(both, []) == []
    assert pruned.id not in {stored.id for stored in report_files.holding(both, [7])}


@pytest.mark.parametrize("place", range(PART - 14, PART + 3))
def test_a_person_is_found_across_the_border_of_two_parts(both: Connection, place: int) -> None:
    content = b"x" * place + b"\n2147483647,Example\n" + b"x" * 100
    stored = a_report(both, content)
    assert report_files.holding(both, [2147483647]) == [stored]
