"""Reports on their way to SFTP servers, by the command."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.evenings import Evenings
from tests.builders.days import SUNDAY
from tests.support.command import Command, Finished
from tests.support.koha import KohaDatabase
from tests.support.pages import ROOT
from tests.support.programs import find
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer
from tests.support.sshd import Sshd

SUBMISSION, UPDATE = f"ums-new-submissions-{SUNDAY}.csv", f"ums-updates-{SUNDAY}.csv"


class AtTheLibrary(Evenings):
    """The command with a configuration for one SFTP server."""

    @property
    def password(self) -> Path:
        """The password file."""
        return self.folder / "sftp-password"

    def uploads_to(self, server: SftpServer | Sshd, login: str, port: int | None = None) -> None:
        """Uploads go to this server, mail to the server at this port or into a Maildir."""
        sftp = f'[sftp]\nhost = "{server.host}"\nport = {server.port}\nuser = "{server.user}"\n{login}'
        self.configure(tables=sftp, port=port)

    def by_password(self, server: SftpServer, mode: int = 0o600) -> str:
        """The login by a password file."""
        self.password.write_text(f"{server.password}\n")
        self.password.chmod(mode)
        return f'password_file = "{self.password}"\n'

    def night(self) -> Finished:
        """Init, and a night with one referral."""
        self.owing()
        initialised = self.run("init", "--yes")
        assert initialised.returncode == 0, initialised.stderr
        return self.run("nightly", on=SUNDAY)

    def reports(self) -> dict[str, bytes]:
        """The reports as stored, by file name."""
        names = self.koha.query("SELECT file_name FROM gentle_nudge_report")
        return {row["file_name"]: self.stored(row["file_name"]) for row in names}

    def states_of(self, channel: str) -> set[str]:
        """The states of the deliveries on this channel."""
        states = self.koha.query("SELECT state FROM gentle_nudge_delivery WHERE channel = :c", c=channel)
        return {row["state"] for row in states}

    def make_due(self) -> None:
        """Every pause is over."""
        self.koha.execute("UPDATE gentle_nudge_delivery SET next_attempt = queued")


@pytest.fixture
def library(koha: KohaDatabase, command: Command, tmp_path: Path) -> AtTheLibrary:
    return AtTheLibrary(koha, command, tmp_path)


def test_a_server_that_knows_our_password_receives_every_report(library: AtTheLibrary, sftp: SftpServer) -> None:
    (sftp.root / "incoming").mkdir()
    pinned = f'host_key = "{sftp.host_key}"\ndirectory = "incoming"\n'
    library.uploads_to(sftp, library.by_password(sftp) + pinned)
    night = library.night()
    assert (night.returncode, night.stdout, night.stderr) == (0, "", "")
    assert sftp.files() == {f"incoming/{name}": content for name, content in library.reports().items()}
    assert set(library.reports()) == {SUBMISSION, UPDATE}


def test_a_real_openssh_receives_every_report(library: AtTheLibrary, sshd: Sshd) -> None:
    pinned = f'known_hosts = "{sshd.known_hosts}"\nkey_file = "{sshd.key_file}"\ndirectory = "{sshd.root}"\n'
    library.uploads_to(sshd, pinned)
    night = library.night()
    assert (night.returncode, night.stdout, night.stderr) == (0, "", "")
    assert {path.name: path.read_bytes() for path in sshd.root.iterdir()} == library.reports()


@pytest.mark.parametrize("how", ["host_key", "known_hosts"])
def test_a_changed_key_is_refused_with_the_line_to_pin(library: AtTheLibrary, sftp: SftpServer, how: str) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4Kzj1cTZ1FaLD3nVjzWr3hwwGLB0TqSN2eKbb0Wcwz"
    sftp.known_hosts.write_text(f"[{sftp.host}]:{sftp.port} {other}\n")
    pinned = {"host_key": other, "known_hosts": sftp.known_hosts}[how]
    library.uploads_to(sftp, library.by_password(sftp) + f'{how} = "{pinned}"\n')
    night = library.night()
    assert night.returncode == 1
    assert "is not the pinned one; nothing was sent" in night.stderr
    assert sftp.host_key in night.stderr
    assert sftp.files() == {}
    assert (library.states_of("sftp"), library.states_of("email")) == ({"due"}, {"sent"})
    sftp.write_known_hosts()
    right = {"host_key": sftp.host_key, "known_hosts": sftp.known_hosts}[how]
    library.uploads_to(sftp, library.by_password(sftp) + f'{how} = "{right}"\n')
    library.make_due()
    delivered = library.run("deliver")
    assert (delivered.returncode, delivered.stderr) == (0, "")
    assert sftp.files() == library.reports()


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
@pytest.mark.parametrize("pins", ["none", "missing file", "other host"])
def test_without_a_pinned_key_uploads_alone_wait_until_the_line_that_check_shows_is_pinned(
    library: AtTheLibrary, smtp: SmtpServer, kind: str, pins: str
) -> None:
    with Sshd(library.folder / "agency", kind=kind) as sshd:
        if pins == "missing file":
            sshd.known_hosts.unlink()
        if pins == "other host":
            sshd.known_hosts.write_text(f"sftp.agency.example {sshd.host_key}\n")
        login = f'key_file = "{sshd.key_file}"\ndirectory = "{sshd.root}"\n'
        library.uploads_to(sshd, login + (f'known_hosts = "{sshd.known_hosts}"\n' if pins != "none" else ""), smtp.port)
        night = library.night()
        assert night.returncode == 1
        assert "is pinned; nothing was sent" in night.stderr
        assert sshd.fingerprint in night.stderr
        assert (library.states_of("sftp"), library.states_of("email")) == ({"due"}, {"sent"})
        assert list(sshd.root.iterdir()) == []
        check = library.run("check")
        assert check.returncode == 1
        assert "problem: sftp-key-unpinned" in check.stdout
        assert sshd.fingerprint in check.stdout
        (line,) = (line.strip() for line in check.stdout.splitlines() if sshd.host_key in line)
        if pins == "none":
            assert line == f'host_key = "{sshd.host_key}"'
            library.uploads_to(sshd, login + line, smtp.port)
        else:
            assert line == f"[{sshd.host}]:{sshd.port} {sshd.host_key}"
            assert str(sshd.known_hosts) in check.stdout
            with sshd.known_hosts.open("a") as known_hosts:
                known_hosts.write(f"{line}\n")
        assert "sftp" not in library.run("check").stdout
        library.make_due()
        assert (library.run("deliver").returncode, library.states_of("sftp")) == (0, {"sent"})
        assert {path.name: path.read_bytes() for path in sshd.root.iterdir()} == library.reports()


def test_the_how_to_works_when_it_is_followed_word_for_word(library: AtTheLibrary, sshd: Sshd) -> None:
    sshd.known_hosts.unlink()
    here = {
        "sudo -u LIB-koha ": "",
        "sudo ": "",
        "/var/lib/koha/LIB": str(library.folder),
        "/etc/koha/sites/LIB": str(library.folder),
        '"sftp.agency.example"': f'"{sshd.host}"\nport = {sshd.port}',
        '"library"': f'"{sshd.user}"',
        '"incoming"': f'"{sshd.root}"',
    }
    page = (ROOT / "docs/how-to/delivery-by-sftp.md").read_text(encoding="utf-8")
    for there, local in here.items():
        page = page.replace(there, local)
    make_key, table, check, pin = re.findall(r"^```(?:sh|toml)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    subprocess.run([find("sh"), "-c", make_key], check=True, capture_output=True)
    sshd.key_file.with_suffix(".pub").write_bytes((library.folder / "sftp-key.pub").read_bytes())
    library.configure(tables=table)
    assert library.night().returncode == 1
    assert check == "koha-gentle-nudge LIB check\n"
    found = library.run("check").stdout
    assert sshd.fingerprint in found
    (line,) = (line.strip() for line in found.splitlines() if sshd.host_key in line)
    pin = pin.replace("sftp.agency.example ssh-ed25519 AAAA…", line)
    subprocess.run([find("sh"), "-c", pin], check=True, capture_output=True)
    assert "sftp" not in library.run("check").stdout
    library.make_due()
    assert (library.run("deliver").returncode, library.states_of("sftp")) == (0, {"sent"})


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_real_openssh_with_a_changed_key_is_refused(library: AtTheLibrary, tmp_path: Path, kind: str) -> None:
    other = Sshd(tmp_path / "other", kind=kind)
    with Sshd(tmp_path / "agency", kind=kind) as sshd:
        library.uploads_to(sshd, f'key_file = "{sshd.key_file}"\nhost_key = "{other.host_key}"\n')
        night, check = library.night(), library.run("check")
        assert (night.returncode, check.returncode) == (1, 1)
        assert "is not the pinned one; nothing was sent" in night.stderr
        assert "problem: sftp-server" in check.stdout
        assert "is not the pinned one; nothing was sent" in check.stdout
        assert list(sshd.root.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"sftp.agency.example ssh-ed25519 AAA!\n"])
def test_known_hosts_that_cannot_be_read_are_named(library: AtTheLibrary, sshd: Sshd, content: bytes | None) -> None:
    sshd.known_hosts.unlink()
    if content is None:
        sshd.known_hosts.mkdir()
    else:
        sshd.known_hosts.write_bytes(content)
    library.uploads_to(sshd, f'known_hosts = "{sshd.known_hosts}"\nkey_file = "{sshd.key_file}"\n')
    night = library.night()
    assert (night.returncode, library.states_of("sftp")) == (1, {"due"})
    assert f"The file of host keys {sshd.known_hosts} cannot be read" in night.stderr
    assert f"The file of host keys {sshd.known_hosts} cannot be read" in library.run("check").stdout


def test_a_password_file_that_others_can_read_is_named(library: AtTheLibrary, sftp: SftpServer) -> None:
    library.uploads_to(sftp, library.by_password(sftp, mode=0o644) + f'host_key = "{sftp.host_key}"\n')
    night = library.night()
    assert night.returncode == 0
    assert night.stderr.count("everybody on this machine can read the file") == 1
    assert "sftp.password_file" in night.stderr
    assert str(sftp.password) not in night.stderr
    assert len(sftp.files()) == 2


def test_mail_that_must_not_leave_in_the_clear_keeps_no_upload_back(library: AtTheLibrary, sftp: SftpServer) -> None:
    library.koha.put("smtp_servers", name="Koha's own", host="mail.agency.example", is_default=1, debug=0)
    pinned = f'host_key = "{sftp.host_key}"\n'
    library.uploads_to(sftp, library.by_password(sftp) + pinned)
    text = library.config.read_text()
    library.config.write_text(text.replace(f'maildir = "{library.folder}/mail"', "allow_cleartext = false"))
    night = library.night()
    assert night.returncode == 1
    assert night.stderr.count("would go there unencrypted") == 2
    assert (library.states_of("sftp"), library.states_of("email")) == ({"sent"}, {"due"})
    reasons = library.koha.query("SELECT DISTINCT reason FROM gentle_nudge_attempt WHERE outcome = 'failed'")
    assert ["mail.agency.example:25" in row["reason"] for row in reasons] == [True]


def test_a_wrong_password_keeps_no_mail_back(library: AtTheLibrary, smtp: SmtpServer, sftp: SftpServer) -> None:
    login = library.by_password(sftp)
    library.password.write_text("let me out")
    library.uploads_to(sftp, login + f'host_key = "{sftp.host_key}"\n', smtp.port)
    night = library.night()
    assert night.returncode == 1
    assert "let me out" not in night.stderr
    assert len(smtp.messages) == 2
    assert (library.states_of("sftp"), library.states_of("email")) == ({"due"}, {"sent"})


@pytest.mark.parametrize("cut_at", [0, 40])
def test_a_cut_upload_under_the_proper_name_is_whole_after_the_next_try(
    library: AtTheLibrary, sftp: SftpServer, cut_at: int
) -> None:
    sftp.truncate_at, sftp.refused = cut_at, {"remove"}
    library.uploads_to(sftp, library.by_password(sftp) + f'host_key = "{sftp.host_key}"\nupload = "direct"\n')
    night = library.night()
    assert (night.returncode, library.states_of("sftp")) == (1, {"due"})
    assert {name: len(content) for name, content in sftp.files().items()} == {
        name: min(cut_at, len(content)) for name, content in library.reports().items()
    }
    sftp.truncate_at = None
    library.make_due()
    assert library.run("deliver").returncode == 0
    assert sftp.files() == library.reports()


def test_one_recipient_s_failure_never_touches_another_s(library: AtTheLibrary, smtp: SmtpServer) -> None:
    both = 'send_to = ["first@agency.example.org", "second@agency.example.org"]'
    smtp.answer_recipient("first@agency.example.org", "550 who?")
    library.configure(port=smtp.port)
    library.config.write_text(library.config.read_text().replace('send_to = ["reports@agency.example.org"]', both))
    night = library.night()
    assert night.returncode == 1
    assert [message.recipients for message in smtp.messages] == [["second@agency.example.org"]] * 2
    found = library.koha.query("SELECT recipient, state FROM gentle_nudge_delivery ORDER BY id")
    assert [row["state"] for row in found] == ["due", "sent", "due", "sent"]
