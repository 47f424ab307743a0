"""Messages over SMTP: one connection for several messages, certificates checked."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path

from gentle_nudge.delivery.message import ByAddress, Letterhead, as_sent, compose, plain_address
from gentle_nudge.delivery.outlet import DeliveryFailed, Item, one_line, system_reason
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.settings.keys import Mail

OK, FORWARDED, GO_AHEAD, SHUTTING_DOWN = 250, 251, 354, 421
SECONDS_TO_SAY_GOODBYE = 5
STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


class SmtpOutlet(ByAddress):
    """Sends messages to a mail server; `timeout` is in seconds, for each step."""

    def __init__(self, mail: Mail, letterhead: Letterhead, timeout: int = 60) -> None:
        self._mail = mail
        self._letterhead = letterhead
        self._timeout = timeout
        self._server = f"mail server {mail.host}:{mail.port}"
        self._connection: smtplib.SMTP | None = None

    def deliver(self, item: Item) -> tuple[str, ...]:
        """The server has accepted the message, else DeliveryFailed; in doubt it has failed.

        UserError if the settings would send it unencrypted to another machine, or name an unreadable authority.
        """
        message = compose(item, self._letterhead)
        with self._failures():
            self._send(message, as_sent(message, item.content()))
        return ()

    def probe(self) -> Iterator[Finding]:
        """Whether the server lets us in, and whether the way there is encrypted."""
        try:
            with self._failures():
                self._connected()
        except GentleNudgeError as trouble:
            why = "Reports would wait, and reach the agency late or never."
            way_out = trouble.hint or "Correct [mail], or Koha's default SMTP server (Administration, SMTP servers)."
            yield Finding(name="mail-server", what=trouble.sentence, why=why, way_out=way_out)
        if self._mail.goes_unencrypted and self._mail.allow_cleartext:
            yield Finding(
                name="mail-in-cleartext",
                severity=Severity.WARNING,
                what=f"The reports go to the {self._server}, another machine, unencrypted.",
                why="Names, addresses and debts can be read on the way.",
                way_out='Set mail.security = "starttls" or "tls", unless the way there is safe.',
            )

    def close(self) -> None:
        """The connection is closed, politely if the server still answers."""
        if self._connection and self._connection.sock:
            self._connection.sock.settimeout(SECONDS_TO_SAY_GOODBYE)
            with suppress(OSError):
                self._connection.quit()
        self._hang_up()

    def _send(self, message: EmailMessage, content: bytes) -> None:
        """Like `smtplib.SMTP.sendmail`, with fewer copies of a large message, and with `lost` for a doubtful end."""
        server = self._begun(plain_address(message["From"]), len(content))
        self._expect(server.rcpt(plain_address(message["To"])), OK, FORWARDED)
        self._expect(server.docmd("DATA"), GO_AHEAD)
        try:
            server.send(re.sub(rb"(?m)^\.", b"..", content))
            server.send(b".\r\n")
            code, answer = server.getreply()
        except OSError as error:
            raise DeliveryFailed(
                f"The connection to the {self._server} was lost while the message was handed over; whether it was"
                " taken is not known.",
                "It is sent again with the same Message-ID.",
                lost=True,
            ) from error
        # The server has read the message by now: its own words might quote it.
        status = STATUS.match(one_line(answer))
        self._expect((code, status.group().encode() if status else b""))

    def _begun(self, sender: str, size: int) -> smtplib.SMTP:
        """The connection, with a message begun; a new one if the server ends that of the last message."""
        reply, reused = (SHUTTING_DOWN, b""), self._connection
        if reused:
            with suppress(OSError):
                reply = _begin(reused, sender, size)
            if reply[0] == SHUTTING_DOWN:
                self._hang_up()
        server = self._connected()
        self._expect(reply if server is reused else _begin(server, sender, size))
        return server

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            refuse_cleartext(self._mail)
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> smtplib.SMTP:
        mail, tls = self._mail, None if self._mail.security == "none" else _trust(self._mail.ca_file)
        server: smtplib.SMTP
        if mail.security == "tls":
            server = smtplib.SMTP_SSL(mail.host, mail.port, timeout=self._timeout, context=tls)
        else:
            server = smtplib.SMTP(mail.host, mail.port, timeout=self._timeout)
        try:
            if mail.security == "starttls":
                server.starttls(context=tls)
            server.ehlo_or_helo_if_needed()
            if mail.user:
                server.login(mail.user, mail.password)
        except BaseException:
            server.close()
            raise
        return server

    def _hang_up(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Every failure becomes DeliveryFailed and closes the connection."""
        try:
            yield
        except OSError as error:  # smtplib's own errors are of this class
            self._hang_up()
            raise self._failure(error) from error
        except DeliveryFailed:
            self._hang_up()
            raise

    def _expect(self, reply: tuple[int, bytes], *codes: int) -> None:
        if reply[0] not in (codes or (OK,)):
            raise self._refused(*reply)

    def _refused(self, code: int, words: bytes | str) -> DeliveryFailed:
        return DeliveryFailed(f"The {self._server} answered: {f'{code} {one_line(words)}'.strip()}.")

    def _failure(self, error: OSError) -> DeliveryFailed:
        match error:
            case smtplib.SMTPAuthenticationError():
                # The server's answer to a wrong password is left out: it may quote the password.
                problem = f"does not accept user and password ({error.smtp_code})"
            case smtplib.SMTPResponseException():
                return self._refused(error.smtp_code, error.smtp_error)
            case smtplib.SMTPNotSupportedError():
                problem = f"does not offer {'STARTTLS' if self._mail.security == 'starttls' else 'to log in'}"
            case smtplib.SMTPException():
                problem = "closed the connection or did not speak SMTP"
            case ssl.SSLCertVerificationError():
                return DeliveryFailed(
                    f"The certificate of the {self._server} is not trusted: {error.verify_message}.",
                    "Give its certificate authority as mail.ca_file, or the host name in the certificate.",
                )
            case TimeoutError():
                problem = f"did not answer within {counted(self._timeout, 'second')}"
            case _:
                problem = f"cannot be reached: {system_reason(error)}"
        return DeliveryFailed(f"The {self._server} {problem}.")


def refuse_cleartext(mail: Mail) -> None:
    """UserError if reports would go unencrypted to another machine and the settings do not allow that."""
    if mail.goes_unencrypted and not mail.allow_cleartext:
        raise UserError(
            f"The mail server {mail.host}:{mail.port} is another machine, and the reports would go there unencrypted.",
            'Set mail.security = "starttls" or "tls"; or, if the way there is safe, mail.allow_cleartext = true.',
        )


def _begin(server: smtplib.SMTP, sender: str, size: int) -> tuple[int, bytes]:
    return server.mail(sender, [f"size={size}"] if server.has_extn("size") else [])


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Checks certificates against the given authority alone, or against the authorities of the machine."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise UserError(
            f"The certificate authority {ca_file} cannot be used: {system_reason(error)}.",
            "Give a readable PEM file as mail.ca_file, or leave it out to use the machine's authorities.",
        ) from error
