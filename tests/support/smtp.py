"""A real mail server (aiosmtpd) that keeps what it is sent, and can be told to misbehave."""

import asyncio
import email.policy
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, Self

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.background import Background, stop_listening

Security = Literal["none", "starttls", "tls"]
Step = Literal["mail", "rcpt", "data"]
OK = "250 OK"


@dataclass(frozen=True, kw_only=True)
class Received:
    """One message as it arrived."""

    sender: str
    recipients: list[str]
    content: bytes
    user: str | None

    @cached_property
    def message(self) -> EmailMessage:
        """The message taken apart."""
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        if not isinstance(parsed, EmailMessage):
            raise TypeError
        return parsed

    @property
    def file_name(self) -> str:
        """The name of its only attached file."""
        (attached,) = self.message.iter_attachments()
        return str(attached.get_filename())

    @property
    def file(self) -> bytes:
        """The bytes of its only attached file."""
        (attached,) = self.message.iter_attachments()
        content: Any = attached.get_payload(decode=True)
        return bytes(content)


@dataclass(kw_only=True)
class Manners:
    """How the server answers; nothing set: it takes everything."""

    answers: dict[Step, str] = field(default_factory=dict)
    recipients: dict[str, str] = field(default_factory=dict)
    hang_at: Step | None = None
    close_after_data: bool = False
    one_message_each: bool = False


class SmtpServer:
    """Listens on 127.0.0.1 (certificate for localhost too) while it is entered."""

    host = "localhost"

    def __init__(self, *, security: Security = "none", user: str | None = None, password: str | None = None) -> None:
        self.security = security
        self.user = user
        self.password = password
        self.messages: list[Received] = []
        self.manners = Manners()
        self._background: Background | None = None
        self._listener: asyncio.Server | None = None
        self.connections: list[SMTP] = []
        self._folder = tempfile.TemporaryDirectory(prefix="gn-")

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._listener is None:
            raise RuntimeError
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def ca_file(self) -> Path:
        """The authority that vouches for the server; the file is there while the server is."""
        path = Path(self._folder.name) / "ca.pem"
        authority().cert_pem.write_to_path(str(path))
        return path

    def answer(self, step: Step, reply: str) -> None:
        """From now on this step gets that reply, such as `451 come back later`."""
        self.manners.answers[step] = reply

    def answer_recipient(self, address: str, reply: str) -> None:
        """From now on this recipient gets that reply."""
        self.manners.recipients[address] = reply

    def hang_at(self, step: Step) -> None:
        """From now on this step gets no reply."""
        self.manners.hang_at = step

    def close_after_data(self) -> None:
        """From now on a message is taken, and the connection closed without a reply."""
        self.manners.close_after_data = True

    def take_one_message_each(self) -> None:
        """From now on a connection is ended with 421 at its second message."""
        self.manners.one_message_each = True

    def behave(self) -> None:
        """From now on everything is taken again."""
        self.manners = Manners()

    def sent_to(self, address: str) -> list[Received]:
        """The messages for this recipient."""
        return [it for it in self.messages if address in it.recipients]

    def __enter__(self) -> Self:
        self._background = Background()
        self._listener = self._background.do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        if self._background is not None:
            self._background.do(self._hang_up())
            self._background.close()
            self._background = None
        self._folder.cleanup()

    async def _listen(self) -> asyncio.Server:
        implicit = certificate() if self.security == "tls" else None
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._answer_call, "127.0.0.1", 0, ssl=implicit)

    def _answer_call(self) -> SMTP:
        connection = SMTP(Keeper(self), **_options(self))  # type: ignore[arg-type] # options of many types
        self.connections.append(connection)
        return connection

    async def _hang_up(self) -> None:
        if self._listener is not None:
            await stop_listening(self._listener)
            self._listener = None


class Keeper:
    """aiosmtpd's hooks: keeps messages, and answers as the server's manners say."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self.has_taken_one = False

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name and order
        self, _smtp: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The reply to MAIL FROM."""
        if self.has_taken_one and self.server.manners.one_message_each:
            return "421 one message a connection"
        reply = await self._reply("mail")
        if reply == OK:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name and order
        self, _smtp: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The reply to RCPT TO."""
        reply = self.server.manners.recipients.get(address) or await self._reply("rcpt")
        if reply == OK:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return reply

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """The reply to a whole message."""
        reply = await self._reply("data")
        if reply == OK:
            self.server.messages.append(_received(session, envelope))
            self.has_taken_one = True
        if self.server.manners.close_after_data and smtp.transport is not None:
            smtp.transport.close()
        return reply

    async def _reply(self, step: Step) -> str:
        while self.server.manners.hang_at == step:  # noqa: ASYNC110 - told from another thread
            await asyncio.sleep(0.05)
        return self.server.manners.answers.get(step, OK)


def _received(session: Session, envelope: Envelope) -> Received:
    login = getattr(session, "auth_data", None)
    return Received(
        sender=envelope.mail_from or "",
        recipients=[str(address) for address in envelope.rcpt_tos],
        content=bytes(envelope.original_content or b""),
        user=login.login.decode() if isinstance(login, LoginPassword) else None,
    )


def _options(server: SmtpServer) -> Mapping[str, object]:
    def authenticate(_smtp: SMTP, _session: Session, _envelope: Envelope, _how: str, login: object) -> AuthResult:
        known = LoginPassword((server.user or "").encode(), (server.password or "").encode())
        return AuthResult(success=login == known, handled=False, auth_data=login)

    starttls = server.security == "starttls"
    return {
        "enable_SMTPUTF8": True,
        "tls_context": certificate() if starttls else None,
        "require_starttls": starttls,
        "auth_required": server.user is not None,
        "auth_require_tls": server.security == "starttls",
        "authenticator": authenticate if server.user is not None else None,
        "timeout": 60,
    }


@cache
def authority() -> trustme.CA:
    """A certificate authority nobody else knows."""
    return trustme.CA()


@cache
def certificate() -> ssl.SSLContext:
    """The server's side of TLS, for the names localhost and 127.0.0.1."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority().issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context
