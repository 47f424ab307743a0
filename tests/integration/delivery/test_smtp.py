"""Messages over a real mail server, in good and in bad weather."""

import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gentle_nudge.delivery.message import as_sent, compose, message_id
from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.delivery.smtp import SmtpOutlet, refuse_cleartext
from gentle_nudge.errors import UserError
from gentle_nudge.settings.keys import Mail
from tests.integration.delivery.items import AGENCY, LETTERHEAD, NAME, NOW, REPORT, an_item
from tests.support.memory import memory_of
from tests.support.programs import free_port
from tests.support.smtp import Security, SmtpServer, Step

Servers = Callable[..., SmtpServer]
SECRET = "s3cret-password"


def mail_of(server: SmtpServer, **other: Any) -> Mail:
    given: dict[str, Any] = {"security": server.security, "ca_file": server.ca_file}
    return Mail(host=server.host, port=server.port, **(given | other))


def an_outlet(mail: Mail, timeout: int = 10) -> closing[SmtpOutlet]:
    return closing(SmtpOutlet(mail, LETTERHEAD, timeout))


def to(server: SmtpServer, timeout: int = 10, **other: Any) -> closing[SmtpOutlet]:
    return an_outlet(mail_of(server, **other), timeout)


def close_the_connection(server: SmtpServer) -> None:
    async def close() -> None:
        (connection,) = server.connections
        assert connection.transport is not None
        connection.transport.close()

    assert server._background is not None
    server._background.do(close())


def failure(outlet: closing[SmtpOutlet]) -> DeliveryFailed:
    with outlet as opened, pytest.raises(DeliveryFailed) as caught:
        opened.deliver(an_item())
    return caught.value


def test_a_report_arrives_once_byte_for_byte(smtp: SmtpServer) -> None:
    with to(smtp) as outlet:
        outlet.deliver(an_item())
    (received,) = smtp.messages
    (attached,) = received.message.iter_attachments()
    assert attached.get_payload(decode=True) == REPORT
    assert attached.get_filename() == NAME
    assert attached["Content-Type"] == 'text/csv; charset="utf-8"'
    assert (received.sender, received.recipients) == ("koha@library.example", [AGENCY])


def test_the_head_of_the_message_says_what_it_is(smtp: SmtpServer) -> None:
    with to(smtp) as outlet:
        outlet.deliver(an_item(body=".hidden\n..\nGrüße\n"))
    message = smtp.messages[0].message
    assert message["Subject"] == "UMS Updates for Springfield"
    assert message["To"] == AGENCY
    assert message["Message-ID"] == message_id("7", LETTERHEAD)
    assert message["Date"].datetime == NOW
    text = message.get_body()
    assert text is not None
    assert text.get_content().splitlines() == [".hidden", "..", "Grüße"]


def test_several_letters_go_over_one_connection(smtp: SmtpServer) -> None:
    with to(smtp) as outlet:
        for number in range(3):
            outlet.deliver(an_item(delivery=number))
    assert len(smtp.messages) == 3
    assert len(smtp.connections) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(smtp: SmtpServer) -> None:
    with to(smtp) as outlet:
        outlet.deliver(an_item())
        close_the_connection(smtp)
        outlet.deliver(an_item(delivery=8))
    assert len(smtp.messages) == 2


def test_of_a_server_that_takes_one_message_a_connection_every_report_gets_its_own(smtp: SmtpServer) -> None:
    smtp.take_one_message_each()
    with to(smtp) as outlet:
        for number in range(3):
            outlet.deliver(an_item(delivery=number))
    assert len(smtp.messages) == len(smtp.connections) == 3


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_with_a_certificate_of_an_authority_we_were_given_is_good(smtp_server: Servers, security: Security) -> None:
    smtp = smtp_server(security=security)
    with to(smtp) as outlet:
        outlet.deliver(an_item())
    assert len(smtp.messages) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_an_authority_nobody_knows_is_refused(smtp_server: Servers, security: Security) -> None:
    smtp = smtp_server(security=security)
    failed = failure(to(smtp, ca_file=None))
    assert "is not trusted" in failed.sentence
    assert not smtp.messages


def test_a_certificate_for_another_name_is_refused(smtp_server: Servers) -> None:
    smtp = smtp_server(security="tls")
    other = Mail(host="127.0.0.2", port=smtp.port, security="tls", ca_file=smtp.ca_file)
    with socket.socket() as probe:
        reaches_it = probe.connect_ex((other.host, other.port)) == 0
    assert not reaches_it or "is not trusted" in failure(an_outlet(other)).sentence


def test_a_server_that_offers_no_starttls_gets_nothing(smtp: SmtpServer) -> None:
    failed = failure(to(smtp, security="starttls"))
    assert failed.sentence.endswith("does not offer STARTTLS.")
    assert not smtp.messages


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_we_log_in_where_a_user_is_given(smtp_server: Servers, security: Security) -> None:
    smtp = smtp_server(security=security, user="koha", password=SECRET)
    with to(smtp, user="koha", password=SECRET) as outlet:
        assert list(outlet.probe()) == []
        outlet.deliver(an_item())
    assert smtp.messages[0].user == "koha"


def test_a_wrong_password_is_named_but_not_shown(smtp_server: Servers) -> None:
    smtp = smtp_server(security="starttls", user="koha", password="another")
    failed = failure(to(smtp, user="koha", password=SECRET))
    assert "does not accept user and password (535)" in failed.sentence
    assert SECRET not in failed.sentence + failed.hint


def test_settings_never_show_the_password() -> None:
    assert SECRET not in repr(Mail(host="localhost", user="koha", password=SECRET))


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("answer", ["451 4.3.0 later", "554 5.7.1 never"])
def test_a_refusal_fails_with_the_servers_code(smtp: SmtpServer, step: Step, answer: str) -> None:
    smtp.answer(step, answer)
    failed = failure(to(smtp))
    assert answer[:9] in failed.sentence
    assert not failed.lost
    assert not smtp.messages


def test_what_a_server_says_after_reading_the_letter_is_not_repeated(smtp: SmtpServer) -> None:
    smtp.answer("data", "554 5.7.1 we do not like O'Brien in line 3")
    assert "O'Brien" not in failure(to(smtp)).sentence


def test_a_refused_recipient_does_not_touch_the_next(smtp: SmtpServer) -> None:
    smtp.answer_recipient("gone@agency.example", "550 5.1.1 no such user")
    with to(smtp) as outlet:
        with pytest.raises(DeliveryFailed, match=r"550 5\.1\.1 no such user"):
            outlet.deliver(an_item(recipient="gone@agency.example"))
        outlet.deliver(an_item())
    assert [received.recipients for received in smtp.messages] == [[AGENCY]]


@pytest.mark.parametrize("step", ["mail", "data"])
def test_a_server_that_hangs_fails_after_the_timeout(smtp: SmtpServer, step: Step) -> None:
    smtp.hang_at(step)
    assert "mail server" in failure(to(smtp, timeout=1)).sentence


def test_a_connection_lost_after_the_message_counts_as_failed_and_is_repeated_with_the_same_id(
    smtp: SmtpServer,
) -> None:
    smtp.close_after_data()
    failed = failure(to(smtp))
    assert "whether it was taken is not known" in failed.sentence
    assert failed.lost
    smtp.behave()
    with to(smtp) as outlet:
        outlet.deliver(an_item())
    assert len({received.message["Message-ID"] for received in smtp.messages}) == 1


def test_a_server_that_is_not_there_fails() -> None:
    failed = failure(an_outlet(Mail(host="localhost", port=free_port()), timeout=2))
    assert "cannot be reached" in failed.sentence


def test_a_server_that_does_not_speak_tls_fails(smtp: SmtpServer) -> None:
    assert "mail server" in failure(to(smtp, security="tls", timeout=2)).sentence


def test_cleartext_to_another_machine_is_refused_before_anything_is_sent() -> None:
    other = an_outlet(Mail(host="mail.agency.example"))
    with other as outlet, pytest.raises(UserError, match="is another machine"):
        outlet.deliver(an_item())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.1.1", "::1", "LOCALHOST"])
def test_cleartext_on_this_machine_is_good(host: str) -> None:
    refuse_cleartext(Mail(host=host))


def test_cleartext_to_another_machine_may_be_allowed() -> None:
    refuse_cleartext(Mail(host="mail.agency.example", allow_cleartext=True))


def test_an_authority_that_cannot_be_read_is_to_be_mended(tmp_path: Path) -> None:
    other = an_outlet(Mail(security="tls", ca_file=tmp_path / "none.pem"))
    with other as outlet, pytest.raises(UserError, match=r"none\.pem cannot be used"):
        outlet.deliver(an_item())


def test_a_message_without_a_file_arrives(smtp: SmtpServer) -> None:
    with to(smtp) as outlet:
        outlet.deliver(an_item(b"", name=""))
    assert smtp.messages[0].message.get_content() == "3 patrons\r\n"


def test_of_a_test_copy_everything_goes_to_one_address_and_says_so(smtp: SmtpServer) -> None:
    with closing(SmtpOutlet(mail_of(smtp), replace(LETTERHEAD, redirect="me@library.example"))) as outlet:
        outlet.deliver(an_item())
    assert smtp.messages[0].recipients == ["me@library.example"]
    assert smtp.messages[0].message["Subject"] == "TEST UMS Updates for Springfield"


def test_a_large_report_needs_less_than_three_times_its_size(smtp: SmtpServer) -> None:
    content = b"9,O'Brien,Pat,20000009,1240.55\n" * 250_000
    item = an_item(content)
    assert memory_of(lambda: as_sent(compose(item, LETTERHEAD), item.content())) < 3 * len(content)
    with to(smtp, timeout=60) as outlet:
        outlet.deliver(item)
    assert smtp.messages[0].file == content
