"""Reports on their way to SFTP servers, by the installed command."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.builders.koha import a_patron, owes
from tests.support.koha import KohaDatabase
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer
from tests.support.sshd import Sshd

Run = Callable[..., CompletedProcess[str]]
TODAY = datetime.now(UTC).astimezone(ZoneInfo("America/New_York")).date()
SUBMISSION, UPDATE = f"ums-new-submissions-{TODAY}.csv", f"ums-updates-{TODAY}.csv"
CONFIG = """
[koha]
url = "{url}"
timezone = "America/New_York"
[policy]
submit_on = "{weekday}"
threshold = 25.00
processing_fee = 10.00
flag = "sort1"
minors = "include"
count_fees_newer_than = 90
count_fees_older_than = 0
send_to = ["reports@agency.example"]
[mail]
{mail}
[sftp]
host = "{host}"
port = {port}
user = "{user}"
{sftp}
"""


class AtTheLibrary:
    """The command with a configuration for one SFTP server."""

    def __init__(self, koha: KohaDatabase, run: Run, folder: Path) -> None:
        self.koha = koha
        self._run = run
        self.folder = folder
        self.config = folder / "gentle-nudge.toml"
        self.password = folder / "sftp-password"

    def configure(self, server: SftpServer | Sshd, sftp: str, mail: str = "") -> None:
        """Uploads go to this server."""
        text = CONFIG.format(
            url=self.koha.url_without_password,
            weekday=f"{TODAY:%A}".lower(),
            mail=mail or f'maildir = "{self.folder}/mail"',
            host=server.host,
            port=server.port,
            user=server.user,
            sftp=sftp,
        )
        self.config.write_text(text, encoding="utf-8")

    def by_password(self, server: SftpServer, mode: int = 0o600) -> str:
        """The login by a password file."""
        self.password.write_text(f"{server.password}\n")
        self.password.chmod(mode)
        return f'password_file = "{self.password}"\n'

    def run(self, *args: str) -> CompletedProcess[str]:
        """The finished command."""
        env = {"GENTLE_NUDGE_KOHA__PASSWORD": self.koha.server.password}
        return self._run("--config", str(self.config), *args, env=env)

    def night(self) -> CompletedProcess[str]:
        """Init, and a night with one referral."""
        owes(self.koha, a_patron(self.koha), "30.00", day=TODAY)
        initialised = self.run("init", "--yes")
        assert initialised.returncode == 0, initialised.stderr
        return self.run("nightly")

    def stored(self) -> dict[str, bytes]:
        """The reports as stored, by file name."""
        rows = self.koha.query(
            "SELECT r.file_name, p.bytes FROM gentle_nudge_report r "
            "JOIN gentle_nudge_report_part p ON p.report_id = r.id"
        )
        return {row["file_name"]: row["bytes"] for row in rows}

    def states(self, channel: str) -> set[str]:
        """The states of the deliveries on this channel."""
        found = self.koha.query("SELECT state FROM gentle_nudge_delivery WHERE channel = :c", c=channel)
        return {row["state"] for row in found}

    def make_due(self) -> None:
        """Every pause is over."""
        self.koha.execute("UPDATE gentle_nudge_delivery SET next_attempt = queued")


@pytest.fixture
def library(koha: KohaDatabase, run: Run, tmp_path: Path) -> AtTheLibrary:
    return AtTheLibrary(koha, run, tmp_path)


def test_a_server_that_knows_our_password_receives_every_report(library: AtTheLibrary, sftp: SftpServer) -> None:
    (sftp.root / "incoming").mkdir()
    pinned = f'host_key = "{sftp.host_key}"\ndirectory = "incoming"\n'
    library.configure(sftp, library.by_password(sftp) + pinned)
    night = library.night()
    assert (night.returncode, night.stdout, night.stderr) == (0, "", "")
    assert sftp.files() == {f"incoming/{name}": content for name, content in library.stored().items()}
    assert set(library.stored()) == {SUBMISSION, UPDATE}


def test_a_real_openssh_receives_every_report(library: AtTheLibrary, sshd: Sshd) -> None:
    pinned = f'known_hosts = "{sshd.known_hosts}"\nkey_file = "{sshd.key_file}"\ndirectory = "{sshd.root}"\n'
    library.configure(sshd, pinned)
    night = library.night()
    assert (night.returncode, night.stdout, night.stderr) == (0, "", "")
    assert {path.name: path.read_bytes() for path in sshd.root.iterdir()} == library.stored()


@pytest.mark.parametrize("how", ["host_key", "known_hosts"])
def test_a_changed_key_is_refused_with_the_line_to_pin(library: AtTheLibrary, sftp: SftpServer, how: str) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4Kzj1cTZ1FaLD3nVjzWr3hwwGLB0TqSN2eKbb0Wcwz"
    sftp.known_hosts.write_text(f"[{sftp.host}]:{sftp.port} {other}\n")
    pinned = {"host_key": other, "known_hosts": sftp.known_hosts}[how]
    library.configure(sftp, library.by_password(sftp) + f'{how} = "{pinned}"\n')
    night = library.night()
    assert night.returncode == 1
    assert "is not the pinned one; nothing was sent" in night.stderr
    assert sftp.host_key in night.stderr
    assert sftp.files() == {}
    assert (library.states("sftp"), library.states("email")) == ({"due"}, {"sent"})
    sftp.write_known_hosts()
    right = {"host_key": sftp.host_key, "known_hosts": sftp.known_hosts}[how]
    library.configure(sftp, library.by_password(sftp) + f'{how} = "{right}"\n')
    library.make_due()
    delivered = library.run("deliver")
    assert (delivered.returncode, delivered.stderr) == (0, "")
    assert sftp.files() == library.stored()


def test_an_unknown_key_is_refused_with_the_line_to_pin(library: AtTheLibrary, sshd: Sshd) -> None:
    sshd.known_hosts.write_text("")
    library.configure(sshd, f'known_hosts = "{sshd.known_hosts}"\nkey_file = "{sshd.key_file}"\n')
    night = library.night()
    assert night.returncode == 1
    assert "is not known; nothing was sent" in night.stderr
    assert f"add to {sshd.known_hosts}: [{sshd.host}]:{sshd.port} {sshd.host_key}" in night.stderr
    assert list(sshd.root.iterdir()) == []


def test_a_password_file_that_others_can_read_is_named(library: AtTheLibrary, sftp: SftpServer) -> None:
    library.configure(sftp, library.by_password(sftp, mode=0o644) + f'host_key = "{sftp.host_key}"\n')
    night = library.night()
    assert night.returncode == 0
    assert night.stderr.count("everybody on this machine can read the file") == 1
    assert "sftp.password_file" in night.stderr
    assert str(sftp.password) not in night.stderr
    assert len(sftp.files()) == 2


def test_mail_that_must_not_leave_in_the_clear_keeps_no_upload_back(library: AtTheLibrary, sftp: SftpServer) -> None:
    library.koha.put("smtp_servers", name="Koha's own", host="mail.agency.example", is_default=1, debug=0)
    pinned = f'host_key = "{sftp.host_key}"\n'
    library.configure(sftp, library.by_password(sftp) + pinned, "allow_cleartext = false")
    night = library.night()
    assert night.returncode == 1
    assert night.stderr.count("would go there unencrypted") == 2
    assert (library.states("sftp"), library.states("email")) == ({"sent"}, {"due"})
    reasons = library.koha.query("SELECT DISTINCT reason FROM gentle_nudge_attempt WHERE outcome = 'failed'")
    assert ["mail.agency.example:25" in row["reason"] for row in reasons] == [True]


def test_a_wrong_password_keeps_no_mail_back(library: AtTheLibrary, smtp: SmtpServer, sftp: SftpServer) -> None:
    login = library.by_password(sftp)
    library.password.write_text("let me out")
    library.configure(sftp, login + f'host_key = "{sftp.host_key}"\n', f"port = {smtp.port}")
    night = library.night()
    assert night.returncode == 1
    assert "let me out" not in night.stderr
    assert len(smtp.messages) == 2
    assert (library.states("sftp"), library.states("email")) == ({"due"}, {"sent"})


def test_one_recipient_s_failure_never_touches_another_s(library: AtTheLibrary, smtp: SmtpServer) -> None:
    both = 'send_to = ["first@agency.example", "second@agency.example"]'
    smtp.answer_recipient("first@agency.example", "550 who?")
    dead: Any = type("Server", (), {"host": "127.0.0.1", "port": 1, "user": "u"})
    library.configure(dead, 'password_file = "p"\nhost_key = "ssh-ed25519 AAAA"\n', f"port = {smtp.port}")
    text = library.config.read_text().replace('send_to = ["reports@agency.example"]', both)
    library.config.write_text(text[: text.index("[sftp]")])
    night = library.night()
    assert night.returncode == 1
    assert [message.recipients for message in smtp.messages] == [["second@agency.example"]] * 2
    found = library.koha.query("SELECT recipient, state FROM gentle_nudge_delivery ORDER BY id")
    assert [row["state"] for row in found] == ["due", "sent", "due", "sent"]
