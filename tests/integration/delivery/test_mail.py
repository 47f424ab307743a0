"""Letters over a real mail server, in good and in bad weather."""

import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.delivery.smtp import MailServer, Smtp
from gentle_nudge.errors import UserError
from tests.integration.delivery.parcels import AGENCY, NAME, NOW, REPORT, a_letter
from tests.support.programs import free_port
from tests.support.smtp import Security, SmtpServer, Step

Servers = Callable[..., SmtpServer]
SECRET = "s3cret-password"


def settings(server: SmtpServer, **other: Any) -> Smtp:
    given: dict[str, Any] = {"security": server.security, "ca_file": server.ca_file, "timeout": 10}
    return Smtp(host=server.host, port=server.port, **(given | other))


def close_the_connection(server: SmtpServer) -> None:
    async def close() -> None:
        (connection,) = server.connections
        assert connection.transport is not None
        connection.transport.close()

    assert server._background is not None
    server._background.do(close())


def failure(smtp: Smtp, **letter: Any) -> DeliveryFailed:
    with MailServer(smtp) as server, pytest.raises(DeliveryFailed) as caught:
        server.send(a_letter(**letter))
    return caught.value


def test_a_report_arrives_once_byte_for_byte(smtp: SmtpServer) -> None:
    with MailServer(settings(smtp)) as server:
        server.send(a_letter())
    (received,) = smtp.messages
    (attached,) = received.message.iter_attachments()
    assert attached.get_payload(decode=True) == REPORT
    assert attached.get_filename() == NAME
    assert attached["Content-Type"] == 'text/csv; charset="utf-8"'
    assert (received.sender, received.recipients) == ("koha@library.example", [AGENCY])


def test_the_head_of_the_message_says_what_it_is(smtp: SmtpServer) -> None:
    with MailServer(settings(smtp)) as server:
        server.send(a_letter(body=".hidden\n..\nGrüße\n"))
    message = smtp.messages[0].message
    assert message["Subject"] == "UMS Updates for Springfield"
    assert message["To"] == AGENCY
    assert message["Message-ID"] == a_letter().id
    assert message["Date"].datetime == NOW
    text = message.get_body()
    assert text is not None
    assert text.get_content().splitlines() == [".hidden", "..", "Grüße"]


def test_several_letters_go_over_one_connection(smtp: SmtpServer) -> None:
    with MailServer(settings(smtp)) as server:
        for number in range(3):
            server.send(a_letter(delivery=number))
    assert len(smtp.messages) == 3
    assert len(smtp.connections) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(smtp: SmtpServer) -> None:
    with MailServer(settings(smtp)) as server:
        server.send(a_letter())
        close_the_connection(smtp)
        server.send(a_letter(delivery=8))
    assert len(smtp.messages) == 2


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_with_a_certificate_of_an_authority_we_were_given_is_good(smtp_server: Servers, security: Security) -> None:
    smtp = smtp_server(security=security)
    with MailServer(settings(smtp)) as server:
        server.send(a_letter())
    assert len(smtp.messages) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_an_authority_nobody_knows_is_refused(smtp_server: Servers, security: Security) -> None:
    smtp = smtp_server(security=security)
    failed = failure(settings(smtp, ca_file=None))
    assert "is not trusted" in failed.sentence
    assert failed.permanent
    assert not smtp.messages


def test_a_certificate_for_another_name_is_refused(smtp_server: Servers) -> None:
    smtp = smtp_server(security="tls")
    other = Smtp(host="127.0.0.2", port=smtp.port, security="tls", ca_file=smtp.ca_file)
    with socket.socket() as probe:
        reaches_it = probe.connect_ex((other.host, other.port)) == 0
    assert not reaches_it or "is not trusted" in failure(other).sentence


def test_a_server_that_offers_no_starttls_gets_nothing(smtp: SmtpServer) -> None:
    failed = failure(settings(smtp, security="starttls"))
    assert failed.sentence.endswith("does not offer STARTTLS.")
    assert not smtp.messages


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_we_log_in_where_a_user_is_given(smtp_server: Servers, security: Security) -> None:
    smtp = smtp_server(security=security, user="koha", password=SECRET)
    with MailServer(settings(smtp, user="koha", password=SECRET)) as server:
        server.greet()
        server.send(a_letter())
    assert smtp.messages[0].user == "koha"


def test_a_wrong_password_is_named_but_not_shown(smtp_server: Servers) -> None:
    smtp = smtp_server(security="starttls", user="koha", password="another")
    failed = failure(settings(smtp, user="koha", password=SECRET))
    assert "does not accept user and password (535)" in failed.sentence
    assert SECRET not in failed.sentence + failed.hint
    assert failed.permanent


def test_settings_never_show_the_password() -> None:
    assert SECRET not in repr(Smtp(host="localhost", user="koha", password=SECRET))


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(("answer", "permanent"), [("451 4.3.0 later", False), ("554 5.7.1 never", True)])
def test_a_refusal_fails_with_the_servers_code(
    smtp: SmtpServer,
    step: Step,
    answer: str,
    permanent: bool,  # noqa: FBT001 - a fact to compare
) -> None:
    smtp.answer(step, answer)
    failed = failure(settings(smtp))
    assert answer[:9] in failed.sentence
    assert failed.permanent == permanent
    assert not smtp.messages


def test_what_a_server_says_after_reading_the_letter_is_not_repeated(smtp: SmtpServer) -> None:
    smtp.answer("data", "554 5.7.1 we do not like O'Brien in line 3")
    assert "O'Brien" not in failure(settings(smtp)).sentence


def test_a_refused_recipient_does_not_touch_the_next(smtp: SmtpServer) -> None:
    smtp.answer_recipient("gone@agency.example", "550 5.1.1 no such user")
    with MailServer(settings(smtp)) as server:
        with pytest.raises(DeliveryFailed, match=r"550 5\.1\.1 no such user"):
            server.send(a_letter(recipient="gone@agency.example"))
        server.send(a_letter())
    assert [received.recipients for received in smtp.messages] == [[AGENCY]]


@pytest.mark.parametrize("step", ["mail", "data"])
def test_a_server_that_hangs_fails_after_the_timeout(smtp: SmtpServer, step: Step) -> None:
    smtp.hang_at(step)
    assert "mail server" in failure(settings(smtp, timeout=1)).sentence


def test_a_connection_lost_after_the_message_counts_as_failed_and_is_repeated_with_the_same_id(
    smtp: SmtpServer,
) -> None:
    smtp.close_after_data()
    assert "whether it was taken is not known" in failure(settings(smtp)).sentence
    smtp.behave()
    with MailServer(settings(smtp)) as server:
        server.send(a_letter())
    assert len({received.message["Message-ID"] for received in smtp.messages}) == 1


def test_a_server_that_is_not_there_fails() -> None:
    failed = failure(Smtp(host="localhost", port=free_port(), timeout=2))
    assert "cannot be reached" in failed.sentence
    assert not failed.permanent


def test_a_server_that_does_not_speak_tls_fails(smtp: SmtpServer) -> None:
    assert "mail server" in failure(settings(smtp, security="tls", timeout=2)).sentence


def test_cleartext_to_another_machine_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(UserError, match="is another machine"), MailServer(Smtp(host="mail.agency.example")):
        pass


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.1.1", "::1", "LOCALHOST"])
def test_cleartext_on_this_machine_is_good(host: str) -> None:
    with MailServer(Smtp(host=host)):
        pass


def test_cleartext_to_another_machine_may_be_allowed() -> None:
    with MailServer(Smtp(host="mail.agency.example", allow_cleartext=True)):
        pass


def test_an_authority_that_cannot_be_read_is_to_be_mended(tmp_path: Path) -> None:
    smtp = Smtp(host="localhost", security="tls", ca_file=tmp_path / "none.pem")
    with pytest.raises(UserError, match=r"none\.pem cannot be used"), MailServer(smtp):
        pass


def test_a_large_report_needs_less_than_three_times_its_size(smtp: SmtpServer) -> None:
    content = b"9,O'Brien,Pat,20000009,1240.55\n" * 250_000
    stand_in = a_letter(content=content)
    tracemalloc.start()
    pieces = sum(map(len, stand_in.chunks()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pieces == stand_in.size
    assert peak < len(content)
    with MailServer(settings(smtp, timeout=60)) as server:
        server.send(stand_in)
    (attached,) = smtp.messages[0].message.iter_attachments()
    assert attached.get_payload(decode=True) == content
