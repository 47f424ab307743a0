"""The last thing that the agency hears of a case is its newest balance or last word, whatever was in the way."""

import csv
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from gentle_nudge.delivery.message import Letterhead
from gentle_nudge.delivery.smtp import SmtpOutlet
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import Channel, Standing
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import SettingsError, UserError
from gentle_nudge.jobs.sending import manage
from gentle_nudge.jobs.sending.deliver import deliver
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.sending.resend import Mailing, ResendRequest, send
from gentle_nudge.jobs.transaction import writing
from gentle_nudge.settings.keys import Mail
from tests.builders.days import SUNDAY
from tests.builders.koha import balance, has_credit, owes, owing, pays
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights
from tests.support.smtp import SmtpServer

A, B, COPY, TESTER = "a@agency.example", "b@agency.example", "copy@library.example", "me@library.example"
T = TypeVar("T")


class Weeks:
    """A library and its agency with two mailboxes, from day to day, as chance wants it."""

    def __init__(self, koha: KohaDatabase, smtp: SmtpServer, *, seed: int, lists: str) -> None:
        self.koha, self.smtp, self.chance = koha, smtp, random.Random(seed)
        rules: dict[str, Any] = {"update_lists": lists, "full_update_on": None} if lists == "changed" else {}
        self.nights = Nights(
            koha, send_to=(A, B), copy_to=(COPY,), clear_paid=True, most_referrals=0, most_endings=0, **rules
        )
        self.patrons = [owing(koha, Decimal(self.chance.randrange(30, 90))) for _ in range(6)]
        self.day = SUNDAY
        self.moment = self.nights.at(SUNDAY)
        self.is_standing(Standing.LIBRARY)

    def is_standing(self, standing: Standing) -> None:
        self.nights.outlets.close()
        redirect = TESTER if standing is Standing.TEST_COPY else ""
        letterhead = Letterhead(sender="koha@library.example", instance="test", redirect=redirect)
        outlet = SmtpOutlet(Mail(port=self.smtp.port), letterhead, timeout=10)
        self.nights.outlets = Outlets(library="Lib", standing=standing, by_channel={Channel.EMAIL: outlet})
        self.koha.prefer("SendAllEmailsTo", redirect)

    def does(self, job: Callable[[Connection], T]) -> T | None:
        """The job, unless the program refuses it."""
        with suppress(SettingsError, UserError):
            return writing(self.nights.engine, job)
        return None

    def later(self, hours: float) -> Moment:
        self.moment = replace(self.moment, now=self.moment.now + timedelta(hours=hours))
        return self.moment

    def delivers(self, *, failed_too: bool = False) -> None:
        now: datetime = self.later(0.5).now
        deliver(self.nights.engine, self.nights.sections, self.nights.outlets, lambda: now, failed_too=failed_too)

    def night(self) -> None:
        self.moment = self.nights.at(self.day)
        night = self.nights.night(self.day, delivered=False)
        assert not night.failures
        self.delivers(failed_too=True)

    def lives_a_day(self) -> None:
        """Things happen at the desk, with the mail, in the night and with the queue."""
        self.smtp.behave()
        for address in (A, B, COPY):
            if self.chance.random() < 0.3:
                self.smtp.answer_recipient(address, "451 come back later")
        self.is_standing(Standing.TEST_COPY if self.chance.random() < 0.2 else Standing.LIBRARY)
        for patron in self.patrons:
            self.chance.choice([self.pays_all, self.pays_some, self.borrows, *[self.nothing] * 6])(patron)
        if self.chance.random() < 0.85:
            self.night()
        for _ in range(self.chance.randrange(4)):
            if self.chance.random() < 0.3:
                self.smtp.behave()
            self.chance.choice([self.cancels, self.retries, self.repeats, self.syncs, self.delivers])()
        self.day += timedelta(days=self.chance.choice([1, 1, 1, 2, 4]))

    def nothing(self, patron: int) -> None:
        """An ordinary day."""

    def pays_all(self, patron: int) -> None:
        if balance(self.koha, patron) > 0:
            pays(self.koha, patron)

    def pays_some(self, patron: int) -> None:
        has_credit(self.koha, patron, self.chance.choice(["5.00", "10.00"]), day=self.day)

    def borrows(self, patron: int) -> None:
        owes(self.koha, patron, self.chance.choice(["5.00", "10.00"]), day=self.day)

    def some(self, state: str, *, but: str = "") -> list[int]:
        ids = self.koha.query(
            "SELECT d.id FROM gentle_nudge_delivery d JOIN gentle_nudge_report r ON r.id = d.report_id "
            "JOIN gentle_nudge_run u ON u.id = r.run_id WHERE d.state = :state AND u.report <> :but",
            state=state,
            but=but,
        )
        return [row["id"] for row in ids if self.chance.random() < 0.6]

    def cancels(self) -> None:
        for number in [*self.some("due", but="submission"), *self.some("failed", but="submission")]:
            self.does(partial(manage.cancel, ids=[number], moment=self.later(0.1), reason="not now"))

    def retries(self) -> None:
        for number in self.some("cancelled"):
            self.does(partial(manage.retry, ids=[number], moment=self.later(0.1)))

    def repeats(self) -> None:
        day, kind = SUNDAY + timedelta(days=self.chance.randrange(12)), self.chance.choice(list(ReportKind))
        to = self.chance.choice([A, B, None])
        mailing = Mailing(sections=self.nights.sections, outlets=self.nights.outlets, reason="lost", to=to)
        asked = ResendRequest(report=kind, day=day)
        self.does(partial(send, asked=asked, mailing=mailing, moment=self.later(0.1)))

    def syncs(self) -> None:
        self.nights.sync(self.day)

    def settles_down(self) -> None:
        """Everything that waits is delivered, and after it one more update."""
        self.is_standing(Standing.LIBRARY)
        self.smtp.behave()
        for _ in range(3):
            self.later(7)
            self.delivers(failed_too=True)
        self.day += timedelta(days=2)
        self.night()

    def heard_by(self, recipient: str) -> dict[int, Decimal]:
        """Number -> the last due that this recipient has heard."""
        heard: dict[int, Decimal] = {}
        for received in self.smtp.sent_to(recipient):
            for row in csv.DictReader(received.file.decode().splitlines()):
                due = row.get("Due") or row.get("Total_Plus_Fee")
                if due:
                    heard[int(row["borrowernumber"])] = Decimal(due)
        return heard

    def newest(self) -> dict[int, Decimal]:
        """Number -> the balance of an open case, or the last word of a closed one."""
        cases = self.koha.query("SELECT number, patron, state, last_due FROM gentle_nudge_case ORDER BY id")
        return {
            each["number"]: balance(self.koha, each["patron"]) if each["state"] == "open" else each["last_due"]
            for each in cases
        }


@pytest.mark.parametrize("lists", ["all", "changed"])
@pytest.mark.parametrize("seed", range(3))
def test_in_the_end_everybody_at_the_agency_holds_the_newest_figure_of_each_case_they_heard_of(
    koha: KohaDatabase, smtp: SmtpServer, lists: str, seed: int
) -> None:
    weeks = Weeks(koha, smtp, seed=seed, lists=lists)
    for _ in range(12):
        weeks.lives_a_day()
    weeks.settles_down()
    weeks.nights.outlets.close()
    newest = weeks.newest()
    for recipient in (A, B):
        heard = weeks.heard_by(recipient)
        assert heard, "they heard of somebody"
        assert heard == {number: newest[number] for number in heard}, recipient
