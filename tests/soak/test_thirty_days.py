"""Every third delivery fails at random for thirty days; on the day after, everybody knows the truth all the same."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from gentle_nudge.delivery.outlet import Item
from gentle_nudge.delivery.smtp import SmtpOutlet
from gentle_nudge.domain.outbox import Channel
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.sending.deliver import deliver
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.settings.keys import Mail
from tests.support.koha import KohaDatabase
from tests.support.nights import LETTERHEAD, rows_of
from tests.support.smtp import Received, SmtpServer
from tests.support.years import FEE, OURS, Year

AGENCY, COPY = "reports@agency.example", "copy@library.example"
RECIPIENTS = (AGENCY, COPY)
OUTAGE = range(10, 15)  # days on which nothing reaches the copy's mailbox: longer than the three that count as failed
HOURS = (4, 9, 20)
TRIES = 40
WAITING = "SELECT COUNT(*) FROM gentle_nudge_delivery WHERE state IN ('due', 'sending', 'failed')"


class MoodyOutlet(SmtpOutlet):
    """Its mail server fails at every third delivery, each time in another way."""

    def __init__(self, mail: Mail, server: SmtpServer, chance: Random, *, out: bool) -> None:
        super().__init__(mail, LETTERHEAD, timeout=1)
        self.server, self.chance, self.out = server, chance, out

    def deliver(self, item: Item) -> tuple[str, ...]:
        """The report has left, or the server had one of its moods."""
        self.server.behave()
        if self.out:
            self.server.answer_recipient(COPY, "550 no such mailbox")
        if self.chance.random() < 1 / 3:
            self.chance.choice(MOODS)(self.server)
        return super().deliver(item)


MOODS: list[Callable[[SmtpServer], None]] = [
    lambda server: server.answer("mail", "451 come back later"),
    lambda server: server.answer("rcpt", "550 no"),
    lambda server: server.answer("data", "452 full"),
    lambda server: server.answer("data", "554 refused"),
    lambda server: server.close_after_data(),
    lambda server: server.hang_at("rcpt"),
]


class Month(Year):
    """Days and nights as in a year; the reports leave by a mail server that has moods."""

    def __init__(self, koha: KohaDatabase, smtp: SmtpServer, *, seed: int, lists: str) -> None:
        super().__init__(koha, seed=seed, lists=lists, attribute=False)
        self.nights.change(send_to=(AGENCY,), copy_to=(COPY,))
        self.smtp = smtp
        self.passed = 0
        self.calm = False
        self.in_vain = 0

    def _night(self) -> None:
        night = self.nights.night(self.day, delivered=False)
        assert night.went_well
        self.passed += 1
        for hour in HOURS:
            self.deliver(self.nights.at(self.day, hour).now, nightly=hour == HOURS[0])

    def deliver(self, now: datetime, *, nightly: bool) -> None:
        """What is due is tried; once a night that which failed, too."""
        mail = Mail(host="127.0.0.1", port=self.smtp.port)
        moody = MoodyOutlet(mail, self.smtp, self.chance, out=self.passed in OUTAGE)
        self.smtp.behave()
        outlet = SmtpOutlet(mail, LETTERHEAD, timeout=1) if self.calm else moody
        with closing(Outlets(by_channel={Channel.EMAIL: outlet})) as outlets:
            done = deliver(self.nights.engine, self.nights.sections, outlets, lambda: now, failed_too=nightly)
        self.in_vain += len(done.in_vain)

    def last_night(self) -> None:
        """The server has its moods no more; the night is made, and everything is tried until nothing waits."""
        self.calm = True
        self.day += timedelta(days=1)
        self._night()
        now = self.nights.at(self.day, HOURS[-1]).now
        for _ in range(TRIES):
            if not self.koha.value(WAITING):
                break
            now += timedelta(hours=1)
            self.deliver(now, nightly=True)

    def _somebody_in_collections(self) -> int:
        known = sorted(self.nights.open_patrons() & set(self._everybody()))
        return self.chance.choice(known) if known else self._anybody()

    def _the_books_agree(self) -> None:
        cases = self.koha.query("SELECT fee_line FROM gentle_nudge_case WHERE adopted = 0")
        fees = self.koha.query("SELECT accountlines_id AS id, amount FROM accountlines WHERE description = :d", d=OURS)
        assert sorted(row["id"] for row in fees) == sorted(row["fee_line"] for row in cases)
        assert sum(row["amount"] for row in fees) == FEE * len(cases)
        people = self.world().people
        flagged = {number for number, person in people.items() if person.reading == "yes"}
        overwritten = {n for n in self.nights.open_patrons() if n not in people or people[n].reading == "other"}
        if self.calm:
            assert flagged == self.nights.open_patrons() - overwritten

    def check(self) -> None:
        """What is promised on the morning after."""
        self._the_books_agree()
        assert self.koha.value(WAITING) == 0
        for recipient in RECIPIENTS:
            received = self.smtp.sent_to(recipient)
            self._every_submission_arrived(received)
            self._none_older_came_after_a_newer(received)
            self._the_last_balances_are_true(received)

    def _every_submission_arrived(self, received: list[Received]) -> None:
        copies: dict[str, set[tuple[str, bytes]]] = defaultdict(set)
        for message in received:
            copies[message.file_name].add((str(message.message["Message-ID"]), message.file))
        assert all(len(versions) == 1 for versions in copies.values()), "each copy is recognisable as the same"
        made = self.koha.query("SELECT day FROM gentle_nudge_run WHERE report = 'submission'")
        for row in made:
            name = f"ums-new-submissions-{row['day']}.csv"
            ((_, content),) = copies[name]
            assert content == self.nights.stored(ReportKind.SUBMISSION, row["day"])

    def _none_older_came_after_a_newer(self, received: list[Received]) -> None:
        updates = [name for message in received if "updates" in (name := message.file_name)]
        assert all(before <= after for before, after in pairwise(updates))
        if self.books.lists == "changed":
            names = self.koha.query("SELECT file_name FROM gentle_nudge_report WHERE file_name LIKE 'ums-updates%'")
            assert set(updates) == {row["file_name"] for row in names}

    def _the_last_balances_are_true(self, received: list[Received]) -> None:
        heard: dict[int, Decimal] = {}
        for message in received:
            heard.update(dues_of(message.file))
        world = self.world()
        for case in self.koha.query("SELECT * FROM gentle_nudge_case WHERE state = 'open'"):
            assert heard[case["number"]] == world.balance(case["patron"]), case
        assert heard == self._told_last()

    def _told_last(self) -> dict[int, Decimal]:
        told: dict[int, Decimal] = {}
        for run in self.koha.query("SELECT report, day FROM gentle_nudge_run ORDER BY id"):
            told.update(dues_of(self.nights.stored(ReportKind(run["report"]), run["day"])))
        return told


def dues_of(content: bytes) -> Iterator[tuple[int, Decimal]]:
    for row in rows_of(content):
        yield int(row["borrowernumber"]), Decimal(row.get("Due") or row["Total_Plus_Fee"])


def live(month: Month, days: int) -> None:
    month.lives(days)
    month.last_night()
    month.check()


@pytest.mark.parametrize("lists", ["all", "changed"])
def test_after_six_days_everybody_knows_the_truth(koha: KohaDatabase, smtp: SmtpServer, lists: str) -> None:
    month = Month(koha, smtp, seed=20261122, lists=lists)
    live(month, 6)
    assert month.in_vain > 0


@pytest.mark.soak
@pytest.mark.parametrize("lists", ["all", "changed"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_on_day_31_everybody_knows_the_truth(koha: KohaDatabase, smtp: SmtpServer, lists: str, seed: int) -> None:
    month = Month(koha, smtp, seed=seed, lists=lists)
    live(month, 30)
    print(f"seed {seed}, {lists}: {month.in_vain} tries in vain, {len(smtp.messages)} messages")  # noqa: T201
    assert month.in_vain > 30
