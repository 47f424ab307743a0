"""A library whose nights are killed at any statement, and the promises that must hold all the same."""

import os
import random
import signal
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.delivery.outlet import Outlet
from gentle_nudge.delivery.smtp import SmtpOutlet
from gentle_nudge.domain.outbox import Channel
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.jobs.sending.deliver import deliver
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.settings.keys import Mail
from tests.builders.days import IN_THE_WINDOW, LAST_SUNDAY, SUNDAY
from tests.builders.koha import merge, owing, pays
from tests.support.koha import KohaDatabase
from tests.support.nights import LETTERHEAD, Nights, rows_of
from tests.support.smtp import SmtpServer

FIRST, SECOND = "reports@agency.example", "copy@library.example"
FEE = Decimal("10.00")
HALF_AN_HOUR = timedelta(minutes=31)


@dataclass(kw_only=True)
class Library:
    """A library with a past, about to have a Sunday night; its mail goes to a real server, its archive to a folder."""

    koha: KohaDatabase
    smtp: SmtpServer
    archive: Path
    nights: Nights = field(init=False)
    clock: datetime = field(init=False)

    def __post_init__(self) -> None:
        rules: dict[str, Any] = {"clear_paid": True, "add_restriction": True, "remove_restriction": True}
        self.nights = Nights(self.koha, send_to=(FIRST,), copy_to=(SECOND,), **rules)
        self.nights.outlets = self.outlets()
        self.clock = self.nights.at(LAST_SUNDAY).now

    def lives(self) -> None:
        """Last Sunday six were referred; since then one paid, one was withdrawn, one merged, four came to owe."""
        patrons = [self._owing(LAST_SUNDAY) for _ in range(6)]
        self.nights.night(LAST_SUNDAY, delivered=False)
        self.deliver()
        pays(self.koha, patrons[0])
        self.koha.execute("UPDATE borrowers SET sort1 = 'no' WHERE borrowernumber = :n", n=patrons[1])
        merge(self.koha, patrons[2], [patrons[3]])
        for _ in range(4):
            self._owing(SUNDAY)
        self.clock = self.nights.at(SUNDAY).now

    def _owing(self, sunday: date) -> int:
        return owing(self.koha, day=sunday - (SUNDAY - IN_THE_WINDOW))

    def deliver(self) -> None:
        """What is due is tried now."""
        with closing(self.outlets()) as outlets:
            deliver(self.nights.engine, self.nights.sections, outlets, lambda: self.clock, failed_too=True)

    def outlets(self) -> Outlets:
        """Mail to the server, copies into the archive."""
        mail = Mail(host="127.0.0.1", port=self.smtp.port)
        archive = ArchiveOutlet(directory=self.archive, database="test")
        by_channel: dict[Channel, Outlet] = {
            Channel.EMAIL: SmtpOutlet(mail, LETTERHEAD, timeout=5),
            Channel.FILE: archive,
        }
        return Outlets(library="Library", by_channel=by_channel)

    def night(self) -> None:
        """A Sunday night as cron starts it: the night, then what is due."""
        self.nights.night(SUNDAY, delivered=False)
        self.deliver()

    def runs_on(self) -> None:
        """Cron starts the night once more, and tries deliveries until nothing waits any longer."""
        self.night()
        for _ in range(12):
            self.clock += HALF_AN_HOUR
            self.deliver()
            if not self.undelivered():
                return

    def undelivered(self) -> int:
        """How many deliveries have not arrived."""
        count: int = self.koha.value(
            "SELECT COUNT(*) FROM gentle_nudge_delivery WHERE state IN ('due', 'sending', 'failed')"
        )
        return count

    def promises(self) -> None:
        """What is promised whatever fails."""
        self._every_referred_patron_is_in_exactly_one_submission()
        self._every_fee_is_charged_once()
        self._flags_are_open_cases()
        self._every_submission_reached_everybody()
        self._the_last_balances_are_the_true_ones()
        self._the_archive_holds_every_report_whole()

    def _every_referred_patron_is_in_exactly_one_submission(self) -> None:
        parts: dict[int, bytes] = defaultdict(bytes)
        for row in self.koha.query(
            "SELECT p.report_id, p.bytes FROM gentle_nudge_report_part p"
            " JOIN gentle_nudge_report r ON r.id = p.report_id JOIN gentle_nudge_run n ON n.id = r.run_id"
            " WHERE n.report = 'submission' ORDER BY p.report_id, p.part"
        ):
            parts[row["report_id"]] += row["bytes"]
        submitted = Counter(int(row["borrowernumber"]) for content in parts.values() for row in rows_of(content))
        referred = [row["number"] for row in self.koha.query("SELECT number FROM gentle_nudge_case WHERE adopted = 0")]
        assert submitted == Counter(referred)
        assert len(referred) == 10

    def _every_fee_is_charged_once(self) -> None:
        fees = self.koha.query("SELECT accountlines_id AS id, amount FROM accountlines WHERE description LIKE 'UMS%'")
        recorded = [row["fee_line"] for row in self.koha.query("SELECT fee_line FROM gentle_nudge_case")]
        assert sorted(row["id"] for row in fees) == sorted(recorded)
        assert sum(row["amount"] for row in fees) == FEE * len(recorded)

    def _flags_are_open_cases(self) -> None:
        flagged = {row["n"] for row in self.koha.query("SELECT borrowernumber AS n FROM borrowers WHERE sort1 = 'yes'")}
        assert flagged == self.nights.open_patrons()

    def _every_submission_reached_everybody(self) -> None:
        assert self.undelivered() == 0
        copies: dict[tuple[str, str], set[tuple[str, bytes]]] = defaultdict(set)
        for message in self.smtp.messages:
            for recipient in message.recipients:
                copies[recipient, message.file_name].add((str(message.message["Message-ID"]), message.file))
        for recipient in (FIRST, SECOND):
            for day in (LAST_SUNDAY, SUNDAY):
                assert len(copies[recipient, f"ums-new-submissions-{day}.csv"]) == 1

    def _the_last_balances_are_the_true_ones(self) -> None:
        for recipient in (FIRST, SECOND):
            days = [
                message.file_name
                for message in self.smtp.messages
                if recipient in message.recipients and "Updates" in message.message["Subject"]
            ]
            assert days == sorted(days)
            assert days[-1] == f"ums-updates-{SUNDAY}.csv"

    def _the_archive_holds_every_report_whole(self) -> None:
        for row in self.koha.query("SELECT file_name, size FROM gentle_nudge_report"):
            assert (self.archive / row["file_name"]).stat().st_size == row["size"]


def statements(library: Library, work: Callable[[], None]) -> int:
    """How many statements the work sends, commits counted."""
    counted: list[int] = []
    listeners = _listen(library, lambda: counted.append(1))
    work()
    for unlisten in listeners:
        unlisten()
    return len(counted)


def killed(at: int, begin: Callable[[Callable[[], None]], None]) -> int:
    """The exit code of a child process that begins this work, killed once it has called what it is given that often.

    The work makes its own connections.
    """
    child = os.fork()
    if child == 0:
        left = [at]

        def count() -> None:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            begin(count)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def kill_and_check(library: Library, work: Callable[[], None], seed: int) -> None:
    """The work is killed at a statement that the seed chooses; everything runs on, and the promises hold."""

    def begin(count: Callable[[], None]) -> None:
        library.nights.renew_engine()
        _listen(library, count)
        work()

    killed(random.Random(seed).randrange(MOST[work.__name__]), begin)
    library.runs_on()
    library.promises()


# A little more than the statements each sends, so that the last ones are met too.
MOST = {"night": 270, "deliver": 90}


def cut_and_check(library: Library, work: Callable[[], None], seed: int) -> None:
    """The database cuts the connection at a statement that the seed chooses; everything runs on, the promises hold."""
    left = [random.Random(seed).randrange(MOST[work.__name__])]

    def cut(conn: Connection, *_: Any, **__: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            number = conn.connection.driver_connection.thread_id()  # type: ignore[union-attr]
            library.koha.execute(f"KILL {number}")

    event.listen(library.nights.engine, "before_cursor_execute", cut)
    with suppress(GentleNudgeError):
        work()
    event.remove(library.nights.engine, "before_cursor_execute", cut)
    library.runs_on()
    library.promises()


def _listen(library: Library, heard: Callable[[], object]) -> list[Callable[[], None]]:
    engine = library.nights.engine

    def before(*_: Any, **__: Any) -> None:
        heard()

    def at_commit(_: Connection) -> None:
        heard()

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "commit", at_commit)
    return [
        partial(event.remove, engine, "before_cursor_execute", before),
        partial(event.remove, engine, "commit", at_commit),
    ]
