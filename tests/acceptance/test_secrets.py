"""Nothing personal and no password comes to light, whatever goes wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.acceptance.evenings import AGENCY, Library
from tests.acceptance.test_identity import elsewhere
from tests.builders.days import MONDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import delete_patron, merge, owes, pays
from tests.support.koha import KohaDatabase
from tests.support.monitor import Monitor
from tests.support.programs import free_port
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer

MAIL_PASSWORD, SFTP_PASSWORD = "mail-hunter2-mail", "sftp-hunter2-sftp"
PERSONAL = {
    "surname": "Zwetschgenröster",
    "firstname": "Kunigunde",
    "address": "77 Hollerbusch Lane",
    "city": "Zuckerlburg",
    "zipcode": "98761",
    "phone": "555-0177",
    "email": "kunigunde@private.example",
    "dateofbirth": "1971-03-09",
}
USER = "kunizwet"
CARDS = ("7654321001", "7654321002", "7654321003", "7654321004")
OWED = ("31.47", "32.58", "33.69", "34.71", "99.13")
TOLD = ("41.47", "42.58", "43.69", "44.71", "109.13")


@dataclass
class Heard:
    """Everything that people without a right to know may come to see."""

    texts: dict[str, str] = field(default_factory=dict)

    def note(self, done: CompletedProcess[str]) -> CompletedProcess[str]:
        """The stderr of a command; its stdout too, if it failed."""
        words = " ".join(str(word) for word in done.args[3:])
        self.texts[f"{len(self.texts)} {words}"] = done.stderr + (done.stdout if done.returncode else "")
        return done

    def leaks(self, secrets: tuple[str, ...]) -> list[tuple[str, str]]:
        """Which secret came to light where."""
        return [(place, secret) for place, text in self.texts.items() for secret in secrets if secret in text]


@pytest.fixture
def mail(smtp_server: Callable[..., SmtpServer]) -> SmtpServer:
    return smtp_server(user="koha", password=MAIL_PASSWORD)


@pytest.fixture
def uploads(sftp_server: Callable[..., SftpServer]) -> SftpServer:
    return sftp_server(password=SFTP_PASSWORD)


class Trial:
    """A library with people in it, whose every command is heard."""

    def __init__(self, library: Library, mail: SmtpServer, uploads: SftpServer, url: str) -> None:
        self.heard = Heard()
        self.evenings = library()
        self.folder = self.evenings.folder
        self.koha = self.evenings.koha
        for name, password in (("mail", MAIL_PASSWORD), ("sftp", SFTP_PASSWORD)):
            (self.folder / name).with_suffix(".password").write_text(password)
            (self.folder / name).with_suffix(".password").chmod(0o600)
        self.tables = (
            f'user = "koha"\npassword_file = "{self.folder}/mail.password"\n'
            f'[archive]\ndirectory = "{self.folder}/archive"\n'
            f'[monitoring]\nping_url = "{url}"\nmetrics_file = "{self.folder}/gn.prom"\n'
            f'[sftp]\nhost = "{uploads.host}"\nport = {uploads.port}\nuser = "{uploads.user}"\n'
            f'password_file = "{self.folder}/sftp.password"\nhost_key = "{uploads.host_key}"\n'
        )
        self.evenings.configure(tables=self.tables, port=mail.port, policy="most_referrals = 4\nmost_withdrawals = 1")
        self.patrons = [
            self.evenings.owing(owed, card=card, userid=f"{USER}{card}", **PERSONAL)
            for owed, card in zip(OWED, CARDS, strict=False)
        ]

    def run(self, *args: str, **how: Any) -> CompletedProcess[str]:
        """The command with --debug, heard."""
        return self.heard.note(self.evenings.run("--debug", *args, **how))

    def read_what_was_written(self, koha: KohaDatabase, mail: SmtpServer, monitor: Monitor) -> None:
        """Logs, attempts, alerts, pings, figures, subjects and names of files."""
        for name, query in {
            "log": "SELECT action, info FROM action_logs WHERE module = 'GENTLENUDGE'",
            "attempts": "SELECT outcome, reason FROM gentle_nudge_attempt",
            "deliveries": "SELECT recipient, reason, who FROM gentle_nudge_delivery",
            "alerts": "SELECT kind FROM gentle_nudge_alert",
            "runs": "SELECT section, report, who FROM gentle_nudge_run",
            "names": "SELECT file_name, subject FROM gentle_nudge_report",
        }.items():
            self.heard.texts[name] = "\n".join(str(row) for row in koha.query(query))
            assert self.heard.texts[name], name
        for number, message in enumerate(mail.messages):
            self.heard.texts[f"subject {number}"] = str(message.message["Subject"])
            if AGENCY not in message.recipients:
                self.heard.texts[f"alert {number}"] = message.content.decode()
        self.heard.texts["pings"] = "\n".join(monitor.asked)
        for path in (self.folder / "gn.prom", self.folder / "archive" / ".gentle-nudge"):
            self.heard.texts[path.name] = path.read_text()
        self.heard.texts["files"] = "\n".join(path.name for path in (self.folder / "archive").iterdir())


def test_nothing_personal_and_no_password_comes_to_light(
    library: Library, mail: SmtpServer, uploads: SftpServer, monitor: Monitor
) -> None:
    trial = Trial(library, mail, uploads, monitor.url)
    koha = trial.koha
    codes = [trial.run("nightly", on=SUNDAY).returncode]
    codes += _a_troubled_week(trial, mail, uploads)
    codes += _mistakes(trial)
    trial.read_what_was_written(koha, mail, monitor)
    assert {0, 1, 2} <= set(codes)
    assert any(name.startswith("alert") for name in trial.heard.texts)
    secrets = (*PERSONAL.values(), USER, *CARDS, *OWED, *TOLD, MAIL_PASSWORD, SFTP_PASSWORD, koha.server.password)
    assert trial.heard.leaks(secrets) == []


def _a_troubled_week(trial: Trial, mail: SmtpServer, uploads: SftpServer) -> Iterator[int]:
    """Servers refuse, patrons pay, go and are merged, staff take flags off, too many are referred."""
    koha, patrons = trial.koha, trial.patrons
    mail.answer("data", f"554 5.7.1 we do not like {PERSONAL['surname']}")
    uploads.refused.add("login")
    pays(koha, patrons[0])
    merge(koha, patrons[1], [patrons[2]])
    yield trial.run("nightly", on=MONDAY).returncode
    mail.behave()
    uploads.behave()
    uploads.refused.update({"open", "write"})
    delete_patron(koha, patrons[3])
    for _ in range(5):
        trial.evenings.owing("99.13", **PERSONAL)
    yield trial.run("nightly", on=TUESDAY).returncode
    uploads.behave()
    koha.execute("UPDATE borrowers SET sort1 = 'staff note' WHERE sort1 = 'yes'")
    yield trial.run("nightly", on=SUNDAY + timedelta(days=7)).returncode
    yield trial.run("deliver", on=SUNDAY + timedelta(days=8)).returncode
    yield trial.run("status").returncode
    yield trial.run("outbox").returncode


def _mistakes(trial: Trial) -> Iterator[int]:
    """Commands that cannot work: unknown cards, another machine, wrong passwords, databases that are away."""
    evenings = trial.evenings
    for words in (
        "history 0000000",
        "explain 0000000",
        f"release {CARDS[0]} --reason x --library none",
        f"nightly --day {WEDNESDAY}",
        "nightly --library none",
        "init --restored",
        f"frobnicate {CARDS[0]}",
    ):
        yield trial.run(*words.split()).returncode
    good = evenings.config.read_text()
    elsewhere(evenings)
    yield trial.run("nightly").returncode
    evenings.config.write_text(good.replace(f":{trial.koha.server.port}/", f":{free_port()}/"))
    yield trial.run("nightly").returncode
    evenings.config.write_text(good + "\nnonsense = 1\n")
    yield trial.run("nightly").returncode
    evenings.config.write_text(good)
    Path(trial.folder / "mail.password").write_text("mail-hunter3-mail")
    yield trial.run("nightly", on=SUNDAY + timedelta(days=9)).returncode
    trial.koha.execute("ALTER TABLE gentle_nudge_case CHANGE surname named TEXT")
    owes(trial.koha, trial.patrons[0], "5.00", day=SUNDAY)
    yield trial.run("nightly", on=SUNDAY + timedelta(days=10)).returncode
