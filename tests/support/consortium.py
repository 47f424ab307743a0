"""Libraries with several sections and agencies, their staff, and accidents; after every command all that may never be.

    python -m tests.support.consortium rivals --seed 3 --days 365

lives one such year again and says which day broke what.
"""

import argparse
import random
import re
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from tests.acceptance.evenings import Evenings
from tests.builders.days import SUNDAY
from tests.builders.koha import an_attribute_type, delete_patron
from tests.support import backup
from tests.support.command import Command, Finished
from tests.support.desks import DAILY, Desks
from tests.support.holdings import GLOBAL, Agencies, Arrived, Row, Scopes, look
from tests.support.koha import KohaDatabase
from tests.support.mariadb import Server
from tests.support.never import Step, broken
from tests.support.sftp import SftpServer
from tests.support.smtp import Received, SmtpServer

BRANCHES = {"CPL": "north", "FPL": "south", "MPL": GLOBAL}
STAFF = ("me@library.example", "admin@library.example")
CONFIG = """
[koha]
url = "{url}"
timezone = "America/New_York"
[policy]
threshold = 25.00
processing_fee = 10.00
minors = "include"
add_restriction = true
clear_paid = true
remove_restriction = true
update_lists = "{lists}"
{policy}
[libraries]
charges_by = "{charges_by}"
[mail]
host = "localhost"
port = {port}
{sections}
"""
SFTP = """
[sftp]
host = "{host}"
port = {port}
user = "{user}"
key_file = "{key_file}"
host_key = "{host_key}"
"""
UPLOADED = "uploaded"


@dataclass(frozen=True, kw_only=True)
class World:
    """How the sections of a consortium stand to each other."""

    agencies: dict[str, str]
    flags: dict[str, str] = field(default_factory=lambda: dict.fromkeys(BRANCHES.values(), "sort1"))
    charges_by: tuple[str, ...] = ("patron",)

    @property
    def is_together(self) -> bool:
        """Whether one agency works for all."""
        return len(set(self.agencies.values())) == 1


EACH_ITS_OWN = {name: f"{name}@agency.example" for name in BRANCHES.values()}
WORLDS = {
    "together": World(agencies=dict.fromkeys(BRANCHES.values(), "one@agency.example")),
    "rivals": World(agencies=EACH_ITS_OWN),
    "apart": World(
        agencies=EACH_ITS_OWN,
        flags={"north": "sort1", "south": "sort2", GLOBAL: "attribute:COLL"},
        charges_by=("charge", "patron"),
    ),
}


class Broken(AssertionError):
    """A day broke something that may never be."""


class Consortium(Desks):
    """The libraries, their days and their evenings, all from one seed."""

    def __init__(
        self, koha: KohaDatabase, smtp: SmtpServer, command: Command, *, sftp: SftpServer, world: str, seed: int
    ) -> None:
        self.smtp, self.world, self.title = smtp, WORLDS[world], f"{world} --seed {seed}"
        chance, yesterday = random.Random(f"{world} {seed}"), SUNDAY - timedelta(days=1)
        super().__init__(koha, chance, day=yesterday, flags=self.world.flags.values())
        self.evenings = Evenings(koha, command, command.home)
        self.agencies, self.places, self.read = Agencies(), Counter[tuple[str, str]](), 0
        self.sftp, self.uploaded = sftp, set[str]()
        self.gone: set[str] = set()
        self.disabled: set[str] = set()
        self.charges_by = self.world.charges_by[0]
        self.lists = "changed" if seed % 2 else "all"
        self.handed_over: set[tuple[str, int]] = set()
        self.wiped: list[tuple[int, str]] = []
        self.said, self.lift = "", tuple[str, ...]()
        self.happened: Counter[str] = Counter()
        self.diary: deque[str] = deque(maxlen=60)
        an_attribute_type(koha, "COLL", repeatable=1)
        self._configure()
        self._asks("init", "--yes", first=True)
        for _ in range(60):
            self.newcomer()

    def lives(self, days: int) -> None:
        """So many days and evenings, and at the end staff put everything right."""
        for number in range(days):
            self.day += timedelta(days=1)
            for _ in range(self.chance.randrange(2, 9)):
                self._something_happens(DAYS)
            if number > 7 and self.chance.random() < 0.4:
                self._something_happens(RARE)
            self._staff_look_at_it()
            if self.chance.random() < 0.05:
                self._note("missed night")
                self.said = ""
            else:
                self._night(*self.lift)
        self._everything_is_put_right()

    # Evenings

    def _night(self, *args: str) -> Finished:
        before = self._updates()
        night = self._asks("nightly", *args)
        self.said = night.stderr
        self.happened[f"nights with exit code {night.returncode}"] += 1
        if (
            not night.returncode
            and self._updates() == before + len(self._scopes().agencies)
            and not self._is_test_copy()
        ):
            self.happened["good nights"] += 1
            self._complains(f"nobody is wronged: {what}" for what in self._wronged())
        return night

    def _updates(self) -> int:
        return int(self.koha.value("SELECT COUNT(*) FROM gentle_nudge_run WHERE report = 'update'"))

    def _wronged(self) -> Iterator[str]:
        return self.agencies.wronged(look(self.koha), self._scopes(), self.handed_over)

    def _asks(self, *args: str, on: date | None = None, first: bool = False) -> Finished:
        """The finished command; nothing that may never be has happened."""
        before = look(self.koha) if not first else None
        done = self.evenings.run(*args, on=on or self.day)
        self._note(f"{' '.join(args)} -> {done.returncode} {done.stderr.strip()}", counted=False)
        arrived, strangers = self._mail()
        if before:
            step = Step(
                day=on or self.day,
                args=args,
                done=done,
                before=before,
                after=look(self.koha),
                scopes=self._scopes(),
                arrived=arrived,
                strangers=strangers,
                last_place=dict(self.places),
            )
            self.happened.update(f"case {case['state']}" for _, case in step.changed)
            self.happened["adopted"] += sum(case["adopted"] for case in step.opened)
            self.happened["referred"] += sum(not case["adopted"] for case in step.opened)
            self._complains(broken(step))
        for report in arrived:
            self.agencies.hear(report)
            self.handed_over -= {(report.to, number) for number, _ in report.dues()}
            if "submissions" not in report.file_name and not report.is_repeat:
                self.places[report.stream] = report.place
        return done

    def _mail(self) -> tuple[tuple[Arrived, ...], tuple[str, ...]]:
        """The reports that have arrived since the last command, and who else was written to."""
        new, self.read = self.smtp.messages[self.read :], len(self.smtp.messages)
        known = {*self.world.agencies.values(), *STAFF}
        strangers = tuple(to for message in new for to in message.recipients if to not in known)
        mailed = (arrived(message) for message in new if message.recipients[0] not in STAFF)
        return (*mailed, *self._uploads()), strangers

    def _uploads(self) -> Iterator[Arrived]:
        new = [self.sftp.root / name for name in self.sftp.files().keys() - self.uploaded]
        for path in sorted(new, key=lambda path: path.stat().st_mtime_ns):
            self.uploaded.add(str(path.relative_to(self.sftp.root)))
            yield Arrived(to=UPLOADED, subject="", file_name=path.name, file=path.read_bytes())

    def _complains(self, complaints: "Iterator[str] | list[str]") -> None:
        if faults := list(complaints):
            diary = "\n  ".join(self.diary)
            number = (self.day - SUNDAY).days + 1
            again = f"python -m tests.support.consortium {self.title} --days {number}"
            raise Broken("\n".join([f"day {number} ({self.day}) of {again}", *faults, "Before that:", f"  {diary}"]))

    def _note(self, what: str, *, counted: bool = True) -> None:
        if counted:
            self.happened[what] += 1
        self.diary.append(f"{self.day} {what}")

    # Settings

    def _scopes(self) -> Scopes:
        return Scopes(
            branches={branch: name for branch, name in BRANCHES.items() if name not in self.gone},
            agencies={name: to for name, to in self.world.agencies.items() if name not in self.gone},
            flags=self.world.flags,
            charges_by=self.charges_by,
            everybody=(UPLOADED,) if self.world.is_together else (),
        )

    def _configure(self) -> None:
        sections = ""
        for branch, name in BRANCHES.items():
            if name != GLOBAL and name not in self.gone:
                enabled = str(name not in self.disabled).lower()
                sections += f'\n[[library]]\nname = "{name}"\nbranches = ["{branch}"]\nenabled = {enabled}\n'
                sections += self._keys(name)
        if self.world.is_together:
            of_server = ("host", "port", "user", "key_file", "host_key")
            sections += SFTP.format(**{name: getattr(self.sftp, name) for name in of_server})
        self.evenings.config.write_text(
            CONFIG.format(
                url=self.koha.url_without_password,
                lists=self.lists,
                policy=self._keys(GLOBAL),
                charges_by=self.charges_by,
                port=self.smtp.port,
                sections=sections,
            )
        )

    def _keys(self, name: str) -> str:
        return f'send_to = ["{self.world.agencies[name]}"]\nflag = "{self.world.flags[name]}"\n'

    # What staff do about what the last night said

    def _staff_look_at_it(self) -> None:
        if self._is_test_copy() and self.chance.random() < 0.6:
            self._note("no test copy any more")
            self.koha.prefer("SendAllEmailsTo", "")
        self.lift = ()
        if "would end" in self.said:
            self._endings_were_refused()
        if "says yes without a case" in self.said:
            self._asks("init", "--adopt", "--yes")
        if self.gone and self.chance.random() < 0.4:
            self._section_returns()
        if self._has_two_cases() and self.charges_by == "patron":
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
                self._asks("outbox", "retry", str(row["id"]))
            else:
                self._note("submission ended with a reason")
                self._asks("outbox", "cancel", str(row["id"]), "--reason", "the agency has the list already")

    def _has_two_cases(self) -> list[Row]:
        """All but the first open case of each patron."""
        open_cases = look(self.koha).open()
        firsts = {case["patron"]: case["id"] for case in reversed(open_cases)}
        return [case for case in open_cases if firsts[case["patron"]] != case["id"]]

    def _one_case_each(self) -> None:
        refused = self._asks("nightly")
        if refused.returncode != 2:
            self._complains(["nightly works with charges by patron while a patron has two cases"])
        if self.chance.random() < 0.5:
            self._note("charges_by changed back")
            self.charges_by = "charge"
            self._configure()
        for case in self._has_two_cases() if self.charges_by == "patron" else ():
            self._asks("release", f"number:{case['patron']}", "--library", case["section"], "--reason", "one is enough")

    def _everything_is_put_right(self) -> None:
        """At the end of the year every account is held as it is."""
        self.koha.prefer("SendAllEmailsTo", "")
        for _ in range(12):
            self.day += timedelta(days=1)
            self._staff_look_at_it()
            if not self._night(*self.lift).returncode and not self.gone:
                break
        else:
            self._complains([f"staff cannot get a good night: {self.said}"])
        self._complains(f"at the end nobody is wronged: {what}" for what in self._wronged())

    # Accidents, and what staff do with the program

    def _something_happens(self, events: dict[str, tuple[int, Callable[["Consortium"], object]]]) -> None:
        events = {what: event for what, event in events.items() if what not in AWAITED}
        what = self.chance.choices(list(events), weights=[weight for weight, _ in events.values()])[0]
        self._note(what)
        events[what][1](self)

    def _is_test_copy(self) -> bool:
        return bool(self.koha.value("SELECT value FROM systempreferences WHERE variable = 'SendAllEmailsTo'"))

    def _taken_back(self) -> None:
        if cases := self.cases():
            case = self.chance.choice(cases)
            args = ("--library", case["section"], "--reason", "a mistake")
            self._asks("release", f"number:{case['patron']}", *args)

    def _flags_wiped(self) -> None:
        flag = self.chance.choice(list(self.world.flags.values()))
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
        agency = self.chance.choice([*self.world.agencies.values(), UPLOADED])
        self.smtp.answer_recipient(agency, "451 come back later")
        self.sftp.refused |= {"login"} if agency == UPLOADED else set()
        self._night()
        self.smtp.behave()
        self.sftp.behave()
        waiting = "SELECT id FROM gentle_nudge_delivery WHERE state IN ('due', 'failed') ORDER BY id"
        ids = [str(row["id"]) for row in self.koha.query(waiting)]
        if ids and self.chance.random() < 0.6 and "cancelled" not in AWAITED:
            self._note("deliveries cancelled")
            self._asks("outbox", "cancel", *ids, "--reason", "sent by hand")
        self.day += timedelta(days=1)

    def _repeated(self) -> None:
        made = "SELECT report, day FROM gentle_nudge_run WHERE day > :since ORDER BY id"
        runs = self.koha.query(made, since=self.day - timedelta(days=20))
        if runs:
            run = self.chance.choice(runs)
            asked = ("--report", run["report"], "--day", str(run["day"]), "--send", "--reason", "the agency lost it")
            self._asks("regenerate", *asked)
            self._asks("deliver")

    def _synced(self) -> None:
        self._asks("sync")

    def _clocks_differ(self) -> None:
        evening = self.koha.value("SELECT UNIX_TIMESTAMP(:day)", day=self.day) + 60 * 60 * 4
        self.evenings.session = {"timestamp": int(evening)}
        before = look(self.koha)
        if self._asks("nightly").returncode != 1 or look(self.koha) != before:
            self._complains(["nothing is written while the clocks differ"])
        self.evenings.session = {}

    def _clocks_ahead(self) -> None:
        """The clocks of machine and server are wrong for a night; then somebody mends them."""
        ahead = self.day + timedelta(days=self.chance.choice([1, 3, 8, 40]))
        self._asks("nightly", on=ahead)
        if self._asks("nightly").returncode != 2:
            self._complains(["a night before one that was made is refused"])
        if self._asks("init", "--clock-mended", "--yes").returncode:
            self._complains(["whoever mends a clock can go on"])

    def _section_leaves(self) -> None:
        self.gone.add(self.chance.choice(["north", "south"]))
        self._configure()

    def _section_returns(self) -> None:
        name = self.chance.choice(sorted(self.gone))
        new = self.chance.choice([s for s in BRANCHES.values() if s not in self.gone])
        cases = [case for case in look(self.koha).open() if case["section"] == name]
        if cases and self.chance.random() < 0.4:
            moved = self._asks("cases", "move", name, new)
            left = {case["id"] for case in look(self.koha).open() if case["section"] == name}
            if not moved.returncode and self.world.agencies[name] != self.world.agencies[new]:
                moving = {case["number"] for case in cases if case["id"] not in left}
                self.handed_over |= {(self.world.agencies[name], number) for number in moving}
        self._note(f"section {name} is back")
        self.gone.discard(name)
        self.disabled ^= self.chance.choice([{name}, set()])
        self._configure()

    def _charges_by_changes(self) -> None:
        self.charges_by = self.chance.choice(self.world.charges_by)
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
            refused = self._asks("nightly")
            if refused.returncode != 2 or backup.take(clone) != whole:
                self._complains([f"a clone does nothing: {refused.returncode}"])
            self._asks("init", "--copy", "--yes")
            heard = len(self.smtp.messages), len(self.sftp.files())
            self._asks("nightly")
            if (len(self.smtp.messages), len(self.sftp.files())) != heard:
                self._complains(["a copy tells nobody"])
            self.koha = mine
            clone.engine.dispose()
        self._configure()


def arrived(message: Received) -> Arrived:
    """A message with a report; its place is the number of its delivery."""
    place = re.search(r"gentle-nudge\.(\d+)\.", str(message.message["Message-ID"]))
    body = message.message.get_body()
    return Arrived(
        to=message.recipients[0],
        subject=str(message.message["Subject"]),
        file_name=message.file_name,
        file=message.file,
        place=int(place[1]) if place else 0,
        is_repeat=body is not None and "THIS IS A REPEAT" in body.get_content(),
    )


DAYS: dict[str, tuple[int, Callable[[Consortium], object]]] = {**DAILY, "taken back": (1, Consortium._taken_back)}
RARE: dict[str, tuple[int, Callable[[Consortium], object]]] = {
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


AWAITED = {
    "payment voided",
    "anonymized",
    "number used again",
    "clocks ahead",
    "section leaves",
    "charges_by changes",
    "repeated",
    "test copy",
    "cancelled",
}


def main() -> None:
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
        consortium = Consortium(koha, smtp, Command(folder), sftp=sftp, world=asked.world, seed=asked.seed)
        try:
            consortium.lives(asked.days)
        except Broken as fault:
            parser.exit(1, f"{fault}\n")
        parser.exit(0, f"{dict(consortium.happened)}\n")


if __name__ == "__main__":
    main()
