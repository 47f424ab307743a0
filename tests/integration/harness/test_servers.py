"""The tests' own mail and SFTP servers: they take what is sent, and misbehave when told to."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer
from tests.support.sshd import Sshd

LETTER = "Subject: a letter\r\n\r\nText\r\n"


@contextmanager
def a_client(server: SftpServer | Sshd, *, password: str | None = None) -> Iterator[paramiko.SFTPClient]:
    """Somebody who has pinned the server's key."""
    with paramiko.SSHClient() as ssh:
        ssh.load_host_keys(str(server.known_hosts))
        key = None if password else str(server.key_file)
        ssh.connect(
            server.host,
            server.port,
            server.user,
            password=password,
            key_filename=key,
            allow_agent=False,
            look_for_keys=False,
            timeout=5,
        )
        with ssh.open_sftp() as files:
            files.get_channel().settimeout(2)  # type: ignore[union-attr] # it is open
            yield files


def test_mail_arrives(smtp: SmtpServer) -> None:
    with smtplib.SMTP(smtp.host, smtp.port, timeout=5) as client:
        client.sendmail("a@example.org", ["b@example.org"], LETTER)
    assert smtp.messages[0].message["Subject"] == "a letter"
    assert smtp.sent_to("b@example.org") == smtp.messages


def test_mail_arrives_over_starttls_with_a_login(smtp_server: Callable[..., SmtpServer]) -> None:
    server = smtp_server(security="starttls", user="u", password="p")
    with smtplib.SMTP(server.host, server.port, timeout=5) as client:
        client.starttls(context=ssl.create_default_context(cafile=server.ca_file))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("u", "wrong")
        client.login("u", "p")
        client.sendmail("a@example.org", ["b@example.org"], LETTER)
    assert server.messages[0].user == "u"


def test_mail_arrives_over_tls_with_a_login(smtp_server: Callable[..., SmtpServer]) -> None:
    server = smtp_server(security="tls", user="u", password="p")
    context = ssl.create_default_context(cafile=server.ca_file)
    with smtplib.SMTP_SSL(server.host, server.port, timeout=5, context=context) as client:
        client.login("u", "p")
        client.sendmail("a@example.org", ["b@example.org"], LETTER)
    assert len(server.messages) == 1


def test_a_login_without_tls_works_where_the_server_allows_it(
    smtp_server: Callable[..., SmtpServer],
) -> None:
    server = smtp_server(user="u", password="p")
    with smtplib.SMTP(server.host, server.port, timeout=5) as client:
        client.login("u", "p")
        client.sendmail("a@example.org", ["b@example.org"], LETTER)
    assert server.messages[0].user == "u"


def test_a_mail_server_refuses_as_told(smtp: SmtpServer) -> None:
    smtp.answer("data", "451 come back later")
    smtp.answer_recipient("c@example.org", "550 unknown")
    with smtplib.SMTP(smtp.host, smtp.port, timeout=5) as client:
        with pytest.raises(smtplib.SMTPDataError, match="come back later"):
            client.sendmail("a@example.org", ["b@example.org"], LETTER)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("a@example.org", ["c@example.org"], LETTER)
    assert smtp.messages == []


def test_a_mail_server_hangs_as_told(smtp: SmtpServer) -> None:
    smtp.hang_at("mail")
    client = smtplib.SMTP(smtp.host, smtp.port, timeout=0.5)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        client.sendmail("a@example.org", ["b@example.org"], LETTER)
    client.close()


def test_a_mail_server_takes_a_message_and_closes_without_a_word(smtp: SmtpServer) -> None:
    smtp.close_after_data()
    client = smtplib.SMTP(smtp.host, smtp.port, timeout=5)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.sendmail("a@example.org", ["b@example.org"], LETTER)
    client.close()
    assert len(smtp.messages) == 1


@pytest.mark.parametrize("password", [None, "let me in"])
def test_a_file_arrives_by_sftp(sftp: SftpServer, tmp_path: Path, password: str | None) -> None:
    sent = tmp_path / "report.csv"
    sent.write_bytes(b"a,b\n")
    with a_client(sftp, password=password) as client:
        client.mkdir("in")
        client.put(str(sent), "in/.part", confirm=True)
        client.rename("in/.part", "in/report.csv")
    assert sftp.files() == {"in/report.csv": b"a,b\n"}


def test_an_sftp_server_refuses_as_told(sftp_server: Callable[..., SftpServer]) -> None:
    server = sftp_server(refuse={"rename", "stat"})
    with a_client(server) as client:
        with client.open("/a", "w") as file:
            file.write(b"text")
        with pytest.raises(PermissionError):
            client.rename("/a", "/b")
        with pytest.raises(PermissionError):
            client.stat("/a")
    assert server.files() == {"a": b"text"}
    with pytest.raises(paramiko.AuthenticationException), a_client(server, password="wrong"):
        pass


def test_an_sftp_server_truncates_sweeps_and_hangs_as_told(sftp_server: Callable[..., SftpServer]) -> None:
    server = sftp_server(truncate_at=2, sweep="*.csv")
    with a_client(server) as client:
        with client.open("/a.part", "w") as file:
            file.write(b"text")
        client.rename("/a.part", "/a.csv")
        assert client.listdir("/") == []
        server.hang()
        with pytest.raises(TimeoutError):
            client.stat("/a")
        server.behave()
    assert server.swept == {"a.csv": b"te"}


def test_a_file_arrives_at_openssh(sshd: Sshd) -> None:
    with a_client(sshd) as client, client.open(str(sshd.root / "a"), "w") as file:
        file.write(b"text")
    assert (sshd.root / "a").read_bytes() == b"text"
