"""Libraries with several sections and agencies, their staff, and accidents; after every command all that may never be.

    python -m tests.support.consortium rivals --seed 3 --days 365

lives one such year again and says which day broke what.
"""

import argparse
import random
import re
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

from tests.acceptance.evenings import Evenings
from tests.builders.days import SUNDAY
from tests.builders.koha import an_attribute_type, delete_patron
from tests.support import backup
from tests.support.auditor import Auditor
from tests.support.clerks import AT_THE_LISTS, Clerks
from tests.support.command import Command, Finished
from tests.support.desks import DAILY
from tests.support.holdings import Agencies, Row, look
from tests.support.koha import KohaDatabase
from tests.support.mariadb import Server
from tests.support.never import Step, broken
from tests.support.post import STAFF, UPLOADED, Post
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer
from tests.support.worlds import BRANCHES, WORLDS, Setup


class Broken(AssertionError):
    """A day broke something that may never be."""


class Consortium(Clerks):
    """The libraries, their days and their evenings, all from one seed."""

    module: ClassVar[str] = "consortium"

    def __init__(self, koha: KohaDatabase, command: Command, post: Post, *, world: str, seed: int) -> None:
        chosen, self.title = WORLDS[world], f"{world} --seed {seed}"
        chance, yesterday = random.Random(f"{world} {seed}"), SUNDAY - timedelta(days=1)
        super().__init__(koha, chance, day=yesterday, flags=chosen.flags.values())
        self.evenings, self.post = Evenings(koha, command, command.home), post
        self.agencies, self.places = Agencies(), Counter[tuple[str, str]]()
        lists = "changed" if seed % 2 else "all"
        self.folder = self.evenings.folder / "staff"
        desks = chosen.desks(random.Random(f"desks {world} {seed}"))
        self.setup = Setup(world=chosen, lists=lists, desks=desks, folder=self.folder, charges_by=chosen.charges_by[0])
        self.days, self.rare = (DAYS_OF_CLERKS, RARE_FOR_CLERKS) if chosen.has_clerks else (DAYS, RARE)
        self.handed_over: set[tuple[str, int]] = set()
        self.wiped: list[tuple[int, str]] = []
        self.said, self.lift, self.repeats = "", tuple[str, ...](), 0
        self.auditor = Auditor(self.evenings, self.accounts)
        self.happened: Counter[str] = Counter()
        self.diary: deque[str] = deque(maxlen=60)
        an_attribute_type(koha, "COLL", repeatable=1)
        an_attribute_type(koha, "HOLD")
        an_attribute_type(koha, "HOLDUNTIL", is_date=1)
        self._configure()
        self.asks("init", "--yes", first=True)
        for _ in range(60):
            self.newcomer()

    def lives(self, days: int, *, figures_every: int = 1) -> None:
        """So many days and evenings, and at the end staff put everything right.

        What became of the cases is compared with the desk's ledger after every so many nights.
        """
        self.auditor.every = figures_every
        for number in range(days):
            self.day += timedelta(days=1)
            for _ in range(self.chance.randrange(2, 9)):
                self._something_happens(self.days)
            if number > 7 and self.chance.random() < 0.4:
                self._something_happens(self.rare)
            self._staff_look_at_it()
            if self.chance.random() < 0.05:
                self._note("missed night")
                self.said = ""
            else:
                self._night(*self.lift)
        self._everything_is_put_right()

    # Evenings

    def _night(self, *args: str) -> bool:
        """True after a night that did all its work."""
        before = self._updates()
        night = self.asks("nightly", *args)
        self.said = night.stderr
        self.happened[f"nights with exit code {night.returncode}"] += 1
        made_all = self._updates() == before + len(self.setup.scopes().agencies)
        if night.returncode or not made_all or self._is_test_copy() or self.repeats:  # the next night tells once more
            return False
        self.happened["good nights"] += 1
        self.complains(f"nobody is wronged: {what}" for what in self._wronged())
        return True

    def _configure(self) -> None:
        self.evenings.config.write_text(self.setup.text(self.koha, self.post))

    def _updates(self) -> int:
        return int(self.koha.value("SELECT COUNT(*) FROM gentle_nudge_run WHERE report = 'update'"))

    def _wronged(self) -> Iterator[str]:
        return self.agencies.wronged(look(self.koha), self.setup.scopes(), self.handed_over, self.day)

    def asks(self, *args: str, on: date | None = None, first: bool = False) -> Finished:
        """The finished command; nothing that may never be has happened."""
        before = look(self.koha) if not first else None
        done = self.evenings.run(*args, on=on or self.day)
        self._note(f"{' '.join(args)} -> {done.returncode} {done.stderr.strip()}", counted=False)
        arrived = self.post.new()
        if before:
            step = Step(
                day=on or self.day,
                args=args,
                done=done,
                before=before,
                after=look(self.koha),
                scopes=self.setup.scopes(),
                arrived=arrived,
                strangers=self.post.recipients() - {*self.setup.world.agencies.values(), *STAFF},
                last_place=dict(self.places),
            )
            self.happened.update(f"case {case['state']}" for _, case in step.changed)
            self.happened["adopted"] += sum(case["adopted"] for case in step.opened)
            self.happened["referred"] += sum(not case["adopted"] for case in step.opened)
            self.complains(broken(step))
            if self.koha is self.accounts.koha:  # no clone
                self.complains(self.auditor.complaints(step))
        self.repeats = sum(report.is_repeat for report in arrived)
        for report in arrived:
            self.agencies.hear(report)
            if not report.is_repeat:  # a repeat says what was true before the cases were moved
                self.handed_over -= {(report.to, number) for number, _ in report.dues()}
            if "submissions" not in report.file_name and not report.is_repeat:
                self.places[report.stream] = report.place
        return done

    def complains(self, complaints: Iterable[str]) -> None:
        """The year is broken off, unless there are no complaints."""
        if faults := list(complaints):
            diary = "\n  ".join(self.diary)
            number = (self.day - SUNDAY).days + 1
            again = f"python -m tests.support.{self.module} {self.title} --days {number}"
            raise Broken("\n".join([f"day {number} ({self.day}) of {again}", *faults, "Before that:", f"  {diary}"]))

    def _note(self, what: str, *, counted: bool = True) -> None:
        if counted:
            self.happened[what] += 1
        self.diary.append(f"{self.day} {what}")

    # What staff do about what the last night said

    def _staff_look_at_it(self) -> None:
        if self._is_test_copy() and self.chance.random() < 0.6:
            self._note("no test copy any more")
            self.koha.prefer("SendAllEmailsTo", "")
        self.lift = ()
        if "would end" in self.said:
            self._endings_were_refused()
        if paused := re.search(r"(\d+) open cases would be paused", self.said):
            self._note("pauses let through")
            self.lift = ("--most-endings", paused[1])
        if "says yes without a case" in self.said:
            self.asks("init", "--adopt", "--yes")
        if self.setup.gone and self.chance.random() < 0.4:
            self._section_returns()
        if self._has_two_cases() and self.setup.charges_by == "patron":
            self._one_case_each()
        self._cancelled_submissions()

    def _endings_were_refused(self) -> None:
        if self.wiped and self.chance.random() < 0.5:
            self._note("flags put back")
            seen = look(self.koha)
            for patron, flag in self.wiped:
                if patron in seen.people and seen.reading(patron, flag) == "no":
                    self.says(patron, flag, "yes")
        elif self.chance.random() < 0.7:
            number = max(int(n) for n in re.findall(r"(\d+) open cases would end", self.said))
            self._note("endings let through")
            self.lift = ("--most-endings", str(number))
        self.wiped = []

    def _cancelled_submissions(self) -> None:
        if self._is_test_copy():
            return
        mine = """SELECT d.id, d.reason FROM gentle_nudge_delivery d JOIN gentle_nudge_report r ON r.id = d.report_id
            JOIN gentle_nudge_run n ON n.id = r.run_id
            WHERE d.state = 'cancelled' AND n.report = 'submission' AND d.reason = 'test copy'"""
        for row in self.koha.query(mine):
            if self.chance.random() < 0.5:
                self._note("submission sent after all")
                self.asks("outbox", "retry", str(row["id"]))
            else:
                self._note("submission ended with a reason")
                self.asks("outbox", "cancel", str(row["id"]), "--reason", "the agency has the list already")

    def _has_two_cases(self) -> list[Row]:
        """All but the first open case of each patron."""
        open_cases = look(self.koha).open()
        firsts = {case["patron"]: case["id"] for case in reversed(open_cases)}
        return [case for case in open_cases if firsts[case["patron"]] != case["id"]]

    def _one_case_each(self) -> None:
        refused = self.asks("nightly")
        if refused.returncode != 2:
            self.complains(["nightly works with charges by patron while a patron has two cases"])
        if self.chance.random() < 0.5:
            self._note("charges_by changed back")
            self.setup.charges_by = "charge"
            self._configure()
        for case in self._has_two_cases() if self.setup.charges_by == "patron" else ():
            self.asks("release", f"number:{case['patron']}", "--library", case["section"], "--reason", "one is enough")

    def _everything_is_put_right(self) -> None:
        """At the end of the year every account is held as it is."""
        self.koha.prefer("SendAllEmailsTo", "")
        for _ in range(12):
            self.day += timedelta(days=1)
            self._staff_look_at_it()
            if self._night(*self.lift) and not self.setup.gone:
                break
        else:
            self.complains([f"staff cannot get a good night: {self.said}"])
        self.complains(f"at the end nobody is wronged: {what}" for what in self._wronged())

    # Accidents, and what staff do with the program

    def _something_happens(self, events: "Events") -> None:
        what = self.chance.choices(list(events), weights=[weight for weight, _ in events.values()])[0]
        self._note(what)
        events[what][1](self)

    def _is_test_copy(self) -> bool:
        return bool(self.koha.value("SELECT value FROM systempreferences WHERE variable = 'SendAllEmailsTo'"))

    def _taken_back(self) -> None:
        if cases := self.cases():
            case = self.chance.choice(cases)
            args = ("--library", case["section"], "--reason", "a mistake")
            self.asks("release", f"number:{case['patron']}", *args)

    def _flags_wiped(self) -> None:
        flag = self.chance.choice(list(self.setup.world.flags.values()))
        self.wiped = [(case["patron"], flag) for case in self.cases() if case["flag_field"] == flag]
        for patron, name in self.wiped:
            self.says(patron, name, None)

    def _cleaned_up(self) -> None:
        for case in self.cases():
            if self.chance.random() < 0.4 and case["patron"] in look(self.koha).people:
                delete_patron(self.koha, case["patron"])

    def _test_copy(self) -> None:
        self.koha.prefer("SendAllEmailsTo", STAFF[0])

    def _server_is_down(self) -> None:
        """A server refuses an agency's reports for a night, and a person may lose patience."""
        agency = self.chance.choice([*self.setup.world.agencies.values(), UPLOADED])
        self.post.smtp.answer_recipient(agency, "451 come back later")
        self.post.sftp.refused |= {"login"} if agency == UPLOADED else set()
        self._night()
        self.post.smtp.behave()
        self.post.sftp.behave()
        waiting = "SELECT id FROM gentle_nudge_delivery WHERE state IN ('due', 'failed') ORDER BY id"
        ids = [str(row["id"]) for row in self.koha.query(waiting)]
        if ids and self.chance.random() < 0.6:
            self._note("deliveries cancelled")
            self.asks("outbox", "cancel", *ids, "--reason", "sent by hand")
        self.day += timedelta(days=1)

    def _repeated(self) -> None:
        made = "SELECT report, day FROM gentle_nudge_run WHERE day > :since ORDER BY id"
        runs = self.koha.query(made, since=self.day - timedelta(days=20))
        if runs:
            run = self.chance.choice(runs)
            asked = ("--report", run["report"], "--day", str(run["day"]), "--send", "--reason", "the agency lost it")
            self.asks("regenerate", *asked)
            self.asks("deliver")

    def _synced(self) -> None:
        self.asks("sync")

    def _clocks_differ(self) -> None:
        evening = self.koha.value("SELECT UNIX_TIMESTAMP(:day)", day=self.day) + 60 * 60 * 4
        self.evenings.session = {"timestamp": int(evening)}
        before = look(self.koha)
        if self.asks("nightly").returncode != 1 or look(self.koha) != before:
            self.complains(["nothing is written while the clocks differ"])
        self.evenings.session = {}

    def _clocks_ahead(self) -> None:
        """The clocks of machine and server are wrong for a night; then somebody mends them."""
        ahead = self.day + timedelta(days=self.chance.choice([1, 3, 8, 40]))
        self.asks("nightly", on=ahead)
        if self.asks("nightly").returncode != 2:
            self.complains(["a night before one that was made is refused"])
        if self.asks("init", "--clock-mended", "--yes").returncode:
            self.complains(["whoever mends a clock can go on"])

    def _section_leaves(self) -> None:
        self.setup.gone.add(self.chance.choice(["north", "south"]))
        self._configure()

    def _section_returns(self) -> None:
        name = self.chance.choice(sorted(self.setup.gone))
        new = self.chance.choice([s for s in BRANCHES.values() if s not in self.setup.gone])
        before = [case for case in look(self.koha).cases.values() if case["section"] == name]
        if any(case["state"] == "open" for case in before) and self.chance.random() < 0.4:
            self.asks("cases", "move", name, new)
            after = look(self.koha).cases
            moved = {case["number"] for case in before if after[case["id"]]["section"] == new}
            if self.setup.world.agencies[name] != self.setup.world.agencies[new]:
                self.handed_over |= {(self.setup.world.agencies[name], number) for number in moved}
        self._note(f"section {name} is back")
        self.setup.gone.discard(name)
        self.setup.disabled ^= self.chance.choice([{name}, set()])
        self._configure()

    def _charges_by_changes(self) -> None:
        self.setup.charges_by = self.chance.choice(self.setup.world.charges_by)
        self._configure()

    def _cloned(self) -> None:
        """The database on another server, with our configuration: its nightly does nothing."""
        with Server.start_in_memory() as server:
            clone = KohaDatabase.build(server, self.koha.version, self.koha.name)
            with clone.engine.connect() as connection:
                for name in self.koha.own_tables():
                    made = self.koha.query(f"SHOW CREATE TABLE `{name}`")[0]["Create Table"]
                    connection.exec_driver_sql("SET foreign_key_checks = 0")
                    connection.exec_driver_sql(made)
            backup.restore(clone, backup.take(self.koha))
            whole, (mine, self.koha) = backup.take(clone), (self.koha, clone)
            self._configure()
            refused = self.asks("nightly")
            if refused.returncode != 2 or backup.take(clone) != whole:
                self.complains([f"a clone does nothing: {refused.returncode}"])
            self.asks("init", "--copy", "--yes")
            heard = len(self.post.smtp.messages), len(self.post.sftp.files())
            self.asks("nightly")
            if (len(self.post.smtp.messages), len(self.post.sftp.files())) != heard:
                self.complains(["a copy tells nobody"])
            self.koha = mine
            clone.engine.dispose()
        self._configure()


Events = dict[str, tuple[int, Callable[[Consortium], object]]]
DAYS: Events = {**DAILY, "taken back": (1, Consortium._taken_back)}
RARE: Events = {
    "flags wiped": (4, Consortium._flags_wiped),
    "patrons cleaned up": (1, Consortium._cleaned_up),
    "test copy": (3, Consortium._test_copy),
    "server down": (5, Consortium._server_is_down),
    "repeated": (4, Consortium._repeated),
    "synced": (2, Consortium._synced),
    "clocks differ": (1, Consortium._clocks_differ),
    "clocks ahead": (2, Consortium._clocks_ahead),
    "section leaves": (4, Consortium._section_leaves),
    "charges_by changes": (3, Consortium._charges_by_changes),
    "cloned": (1, Consortium._cloned),
}
DAYS_OF_CLERKS: Events = {**DAYS, **AT_THE_LISTS}
RARE_FOR_CLERKS: Events = {**RARE, "holds imported": (2, Consortium.imports_holds)}


def main(living: type[Consortium] = Consortium) -> None:
    """One world lives again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", choices=list(WORLDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=365)
    asked = parser.parse_args()
    with ExitStack() as running:
        server = running.enter_context(Server.start_in_memory())
        smtp = running.enter_context(SmtpServer())
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="gn-")))
        sftp = running.enter_context(SftpServer(folder / "sftp"))
        koha = KohaDatabase.build(server, "26.06")
        consortium = living(koha, Command(folder), Post(smtp, sftp), world=asked.world, seed=asked.seed)
        try:
            consortium.lives(asked.days)
        except Broken as fault:
            parser.exit(1, f"{fault}\n")
        parser.exit(0, f"{dict(consortium.happened)}\n")


if __name__ == "__main__":
    main()
