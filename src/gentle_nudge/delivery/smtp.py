"""Messages over SMTP: one connection for several, certificates checked."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from gentle_nudge.delivery.message import Letter
from gentle_nudge.delivery.outlet import DeliveryFailed, what_the_system_said
from gentle_nudge.errors import UserError

OK = 250


GO_AHEAD = 354


SHUTTING_DOWN = 421


PERMANENT = 500


SECONDS_TO_SAY_GOODBYE = 5


LONGEST_ANSWER = 200


STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Smtp:
    """A mail server; `timeout` is in seconds and holds for every single step."""

    host: str
    port: int = 25
    security: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    allow_cleartext: bool = False
    timeout: int = 60

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_this_machine(self) -> bool:
        """Whether what is sent there never leaves this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.casefold() in {"localhost", "localhost.localdomain"}


class MailServer:
    """A mail server to which several letters go over one connection, made when the first is sent.

    Entering it raises UserError if the settings are not to be used at all: cleartext to another machine, or a
    certificate authority that cannot be read.
    """

    def __init__(self, smtp: Smtp) -> None:
        self._smtp = smtp
        self._tls: ssl.SSLContext | None = None
        self._connection: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        """Make ready; nothing is sent yet."""
        _refuse_cleartext(self._smtp)
        if self._smtp.security != "none":
            self._tls = _trust(self._smtp.ca_file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say goodbye, whatever happened."""
        if self._connection and self._connection.sock:
            self._connection.sock.settimeout(SECONDS_TO_SAY_GOODBYE)
            with suppress(smtplib.SMTPException, OSError):
                self._connection.quit()
        self._hang_up()

    def greet(self) -> None:
        """Connect, secure and log in (for `check`); DeliveryFailed says what is in the way."""
        with self._failing():
            self._expect(self._connected().noop())

    def send(self, letter: Letter) -> None:
        """The server has taken the letter, else DeliveryFailed; when in doubt it has failed.

        A connection that the server closed since the last letter is made anew, once.
        """
        with self._failing():
            self._announce(letter)
            server = self._connected()
            with _in_the_dark(self._smtp):
                self._hand_over(server, letter)

    def _announce(self, letter: Letter) -> None:
        self._expect(self._mail_from_over_a_living_connection(letter))
        self._expect(self._connected().rcpt(letter.recipient))
        self._expect(self._connected().docmd("DATA"), GO_AHEAD)

    def _mail_from_over_a_living_connection(self, letter: Letter) -> tuple[int, bytes]:
        if self._connection:
            with suppress(smtplib.SMTPServerDisconnected, OSError):
                reply = self._mail_from(letter)
                if reply[0] != SHUTTING_DOWN:
                    return reply
            self._hang_up()
        return self._mail_from(letter)

    def _mail_from(self, letter: Letter) -> tuple[int, bytes]:
        server = self._connected()
        options = [f"SIZE={letter.size}"] if server.has_extn("size") else []
        return server.mail(letter.sender, options)

    def _hand_over(self, server: smtplib.SMTP, letter: Letter) -> None:
        for number, chunk in enumerate(letter.chunks()):
            server.send(re.sub(rb"(?m)^\.", b"..", chunk) if number == 0 else chunk)
        server.send(b".\r\n")
        code, answer = server.getreply()
        if code != OK:
            # The server has read the letter by now: its own words might quote it.
            raise _refused(self._smtp, code, _status(answer))

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            self._connection = _connect(self._smtp, self._tls)
        return self._connection

    def _expect(self, reply: tuple[int, bytes], code: int = OK) -> None:
        if reply[0] != code and not (code == OK and reply[0] == OK + 1):
            raise _refused(self._smtp, reply[0], _one_line(reply[1]))

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Every trouble becomes DeliveryFailed, and the next letter gets a connection of its own."""
        try:
            yield
        except DeliveryFailed:
            self._hang_up()
            raise
        except (smtplib.SMTPException, OSError) as error:
            self._hang_up()
            raise _failure(self._smtp, error) from None

    def _hang_up(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


def _connect(smtp: Smtp, tls: ssl.SSLContext | None) -> smtplib.SMTP:
    server: smtplib.SMTP
    if smtp.security == "tls":
        server = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=smtp.timeout, context=tls)
    else:
        server = smtplib.SMTP(smtp.host, smtp.port, timeout=smtp.timeout)
    try:
        if smtp.security == "starttls":
            server.starttls(context=tls)
        server.ehlo_or_helo_if_needed()
        if smtp.user:
            server.login(smtp.user, smtp.password)
    except BaseException:
        server.close()
        raise
    return server


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """What certificates are checked against: the given authority alone, or those of the machine."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise UserError(
            f"The certificate authority {ca_file} cannot be used: {what_the_system_said(error)}.",
            "Give a readable PEM file as mail.ca_file, or leave it out to use the machine's authorities.",
        ) from None


def _refuse_cleartext(smtp: Smtp) -> None:
    if smtp.security == "none" and not smtp.is_this_machine and not smtp.allow_cleartext:
        raise UserError(
            f"The mail server {smtp} is another machine, and the reports would go there unencrypted.",
            'Set mail.security = "starttls" or "tls"; or, if the way there is safe, mail.allow_cleartext = true.',
        )


@contextmanager
def _in_the_dark(smtp: Smtp) -> Iterator[None]:
    """A connection lost here leaves open whether the letter was taken: it counts as failed."""
    try:
        yield
    except (smtplib.SMTPServerDisconnected, OSError):
        raise DeliveryFailed(
            f"The connection to the mail server {smtp} was lost while the message was handed over; whether it was"
            " taken is not known.",
            "It is sent again with the same Message-ID.",
            lost=True,
        ) from None


def _failure(smtp: Smtp, error: smtplib.SMTPException | OSError) -> DeliveryFailed:
    match error:
        case smtplib.SMTPAuthenticationError():
            # The answer of a server to a wrong password is left out: it may quote what it was given.
            sentence = f"The mail server {smtp} does not accept user and password ({error.smtp_code})."
            return DeliveryFailed(sentence, permanent=error.smtp_code >= PERMANENT)
        case smtplib.SMTPResponseException():
            return _refused(smtp, error.smtp_code, _one_line(error.smtp_error))
        case smtplib.SMTPNotSupportedError():
            wanted = "STARTTLS" if smtp.security == "starttls" else "to log in"
            return DeliveryFailed(f"The mail server {smtp} does not offer {wanted}.", permanent=True)
        case smtplib.SMTPException():
            return DeliveryFailed(f"The mail server {smtp} closed the connection or did not speak SMTP.")
        case _:
            return _out_of_reach(smtp, error)


def _out_of_reach(smtp: Smtp, error: OSError) -> DeliveryFailed:
    match error:
        case ssl.SSLCertVerificationError():
            return DeliveryFailed(
                f"The certificate of the mail server {smtp} is not trusted: {error.verify_message}.",
                "Give its certificate authority as mail.ca_file, or the host name in the certificate.",
                permanent=True,
            )
        case TimeoutError():
            return DeliveryFailed(f"The mail server {smtp} did not answer within {smtp.timeout} seconds.")
        case _:
            why = what_the_system_said(error)
            return DeliveryFailed(f"The mail server {smtp} cannot be reached: {why}.")


def _refused(smtp: Smtp, code: int, words: str) -> DeliveryFailed:
    answer = f"{code} {words}".strip()
    return DeliveryFailed(f"The mail server {smtp} answered: {answer}.", permanent=code >= PERMANENT)


def _one_line(answer: bytes | str) -> str:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:LONGEST_ANSWER]


def _status(answer: bytes) -> str:
    found = STATUS.match(_one_line(answer))
    return found.group() if found else ""
