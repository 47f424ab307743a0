"""Rows of our tables in the library's words. Plain functions; each takes the connection first."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count

from sqlalchemy import Connection, text

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.changes import CloseCase
from gentle_nudge.domain.outbox import Address, Channel, Delivery, DeliveryState, Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.store import cases, deliveries, meta, report_files, runs
from gentle_nudge.store.runs import Claim
from tests.builders.values import opening

NOW = datetime(2026, 11, 22, 7, 0, 0, 123456, tzinfo=UTC)
DAY = date(2026, 11, 22)
A_MOMENT = timedelta(microseconds=1)
A_MINUTE = timedelta(minutes=1)
HERE = "global"
META = meta.Meta(machine="m-1", host="db", port=3306, database_name="koha_lib", initialised=NOW)
AGENCY = Address(channel=Channel.EMAIL, recipient="reports@agency.example")
SERVER = Address(channel=Channel.SFTP, recipient="sftp.agency.example:incoming")
ARCHIVE = Address(channel=Channel.FILE, recipient="/var/lib/gentle-nudge/LIB", tells=False)
_numbers = count(1001)  # above those that tests name


def a_run(
    conn: Connection,
    *,
    report: ReportKind = ReportKind.UPDATE,
    day: date = DAY,
    section: str = HERE,
    now: datetime = NOW,
) -> int:
    """A run, claimed."""
    number = runs.next_number(conn, section=section, report=report, day=day)
    claim = Claim(section=section, report=report, day=day, number=number)
    made = runs.claim(conn, claim, now=now)
    assert made is not None
    return made


def open_for(
    conn: Connection,
    *patrons: int,
    section: str = HERE,
    run: int | None = None,
    surname: str = "Example",
    adopted: bool = False,
) -> dict[int, int]:
    """Open cases of these patrons; the id of each by patron."""
    return cases.open_new(
        conn,
        section=section,
        actions=[opening(patron, surname=surname, adopted=adopted) for patron in patrons],
        run=a_run(conn, section=section) if run is None else run,
    )


def a_case(conn: Connection, patron: int | None = None, *, section: str = HERE, surname: str = "Example") -> int:
    """An open case of which nobody was told yet; its id."""
    patron = next(_numbers) if patron is None else patron
    return open_for(conn, patron, section=section, surname=surname, adopted=True)[patron]


def closed(conn: Connection, case: int, state: CaseState = CaseState.RELEASED, *, day: date = DAY) -> int:
    """The case, closed."""
    ending = CloseCase(case=case, patron=0, state=state, why="paid")
    cases.close(conn, [ending], run=None, day=day, now=NOW)
    return case


def known(conn: Connection, case: int) -> Case:
    """The case as it is now."""
    return next(one for one in cases.listed(conn) if one.id == case)


def a_report(
    conn: Connection,
    content: bytes = b"borrowernumber\n",
    *,
    report: ReportKind = ReportKind.UPDATE,
    day: date = DAY,
    section: str = HERE,
    subject: str = "",
) -> Stored:
    """A stored report of a run of its own."""
    return report_files.save(
        conn,
        run=a_run(conn, report=report, day=day, section=section),
        file_name=f"ums-{report}-{day}.csv",
        subject=subject or f"UMS {report}",
        body="Rows: 1",
        chunks=[content],
        rows=1,
    )


def queued(
    conn: Connection,
    report: ReportKind = ReportKind.UPDATE,
    *,
    to: Address = AGENCY,
    section: str = HERE,
    now: datetime = NOW,
    repeat: bool = False,
    strict: bool = False,
) -> Delivery:
    """A new report, due to one recipient."""
    stored = a_report(conn, report=report, section=section)
    reason = "the agency lost it" if repeat else None
    deliveries.enqueue(conn, report=stored.id, to=[to], now=now, repeat_reason=reason, strict=strict)
    return deliveries.of_report(conn, stored.id)[0]


def again(conn: Connection, delivery: Delivery) -> Delivery:
    """The delivery as it is now."""
    return deliveries.get(conn, [delivery.id])[0]


def state(conn: Connection, delivery: Delivery) -> DeliveryState:
    """The state of the delivery now."""
    return again(conn, delivery).state


def claimed(conn: Connection, delivery: Delivery, now: datetime = NOW) -> Delivery:
    """The delivery, claimed."""
    ours = deliveries.claim(conn, again(conn, delivery), now)
    assert ours is not None
    return ours


def delivered(conn: Connection, delivery: Delivery, now: datetime = NOW) -> Delivery:
    """The delivery, sent."""
    deliveries.sent(conn, claimed(conn, delivery, now), now)
    return again(conn, delivery)


class Counted:
    """How many statements reached the server."""

    statements = 0


@contextmanager
def counting(conn: Connection) -> Iterator[Counted]:
    """Counts what MariaDB itself is asked; a list of rows may be one question or many."""
    counted = Counted()
    before = _questions(conn)
    yield counted
    counted.statements = _questions(conn) - before - 1


def _questions(conn: Connection) -> int:
    return int(conn.execute(text("SHOW SESSION STATUS LIKE 'Questions'")).one()[1])
