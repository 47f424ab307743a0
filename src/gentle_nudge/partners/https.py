"""Questions over HTTPS: all servers at once, four connections to each, a deadline over each whole question."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar
from urllib.parse import quote

import httpx

from gentle_nudge.domain.passport.answer import Answer, Outcome, Question, Reply, answer_of
from gentle_nudge.domain.passport.terms import PassportServer
from gentle_nudge.errors import UserError

K = TypeVar("K", bound=Hashable)
CONNECTIONS = 4
PAUSES = (0.5, 1.5)  # seconds before another try
WORTH_ANOTHER_TRY = {502, 503, 504}
IN_VAIN = 3  # questions one after the other without an answer, after which a server is left in peace
MOST_BYTES = 1024 * 1024
for each in ("httpx", "httpcore"):
    logging.getLogger(each).setLevel(logging.CRITICAL)  # their lines hold the address asked, and so the card
EMBEDDED = {"x-koha-embed": "extended_attributes"}
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "gentle-nudge"}


@dataclass(kw_only=True)
class _Line:
    """The connections to one server, and what it has answered."""

    server: PassportServer
    client: httpx.AsyncClient
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))
    in_vain: int = 0
    refuses: bool = False

    @property
    def not_asked(self) -> Answer:
        """The answer to what it was not asked."""
        why = "it refuses the account" if self.refuses else "it did not answer before"
        outcome = Outcome.REFUSED if self.refuses else Outcome.NO_ANSWER
        return Answer(server=self.server, outcome=outcome, reason=f"{self.server.name} was not asked: {why}.")

    def note(self, outcome: Outcome) -> None:
        """Remember what became of a question."""
        self.refuses |= outcome is Outcome.REFUSED
        self.in_vain = self.in_vain + 1 if outcome is Outcome.NO_ANSWER else 0


def ask(questions: Mapping[K, Question], passwords: Mapping[str, str]) -> dict[K, Answer]:
    """The answer to each question; the passwords are those of the servers by name.

    The first question to a server goes alone: it may refuse the account, or not be there at all.
    """
    servers = {each.server.name: each.server for each in questions.values()}
    contexts = {name: _trusting(server) for name, server in servers.items()}

    async def all_servers() -> dict[K, Answer]:
        of_servers = (
            _ask_one(
                _Line(server=server, client=_client(server, passwords[name], contexts[name])),
                {key: each for key, each in questions.items() if each.server.name == name},
            )
            for name, server in servers.items()
        )
        return {key: answer for answers in await asyncio.gather(*of_servers) for key, answer in answers.items()}

    answers = asyncio.run(all_servers())
    return {key: answers[key] for key in questions}


def _trusting(server: PassportServer) -> ssl.SSLContext:
    """What is trusted for this server: the system's authorities, or the one that is named, and no other."""
    try:
        return ssl.create_default_context(cafile=str(server.ca_file) if server.ca_file else None)
    except (OSError, ValueError):
        raise UserError(
            f"The certificate authority of {server.name} cannot be read: {server.ca_file}.",
            "Put its certificate there, in PEM, or mend ca_file in [[passport.server]].",
        ) from None


def _client(server: PassportServer, password: str, context: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        auth=httpx.BasicAuth(server.user, password),
        headers=HEADERS,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        verify=context,
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - `_ask` has a deadline over everything
        limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
    )


async def _ask_one(line: _Line, questions: Mapping[K, Question]) -> dict[K, Answer]:
    """The answers of one server."""
    answers: dict[K, Answer] = {}

    async def one(key: K, question: Question) -> None:
        async with line.places:
            is_left_in_peace = line.refuses or line.in_vain >= IN_VAIN
            answers[key] = line.not_asked if is_left_in_peace else await _answer(line, question)
            line.note(answers[key].outcome)

    async with line.client:
        first, *others = questions.items()
        await one(*first)
        await asyncio.gather(*(one(*each) for each in others))
    return answers


async def _answer(line: _Line, question: Question) -> Answer:
    """The answer to one question within its time."""
    name, timeout = line.server.name, question.passport.timeout
    try:
        async with asyncio.timeout(timeout):
            reply = await _ask(line, question.card)
    except TimeoutError:
        reason = f"{name} did not answer within {timeout} s."
    except ssl.SSLCertVerificationError:
        reason = f"The certificate of {name} is not by an authority that is trusted for it."
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):  # httpx reads Location, and may not understand it
        reason = f"{name} cannot be reached, or ended the connection."
    else:
        return answer_of(reply, question)
    return Answer(server=line.server, outcome=Outcome.NO_ANSWER, reason=reason)


async def _ask(line: _Line, card: str) -> Reply:
    """What came; tried again where nothing was heard, or where the server says that it cannot yet."""
    url, headers = _address(line.server, card)
    for pause in PAUSES:
        try:
            async with line.client.stream("GET", url, headers=headers) as response:
                if response.status_code not in WORTH_ANOTHER_TRY:
                    return await _reply(response)
        except httpx.TransportError as error:
            if (failed := _certificate_failure(error)) is not None:
                raise failed from None
            if not isinstance(error, httpx.ConnectError):
                raise
        await asyncio.sleep(pause)
    async with line.client.stream("GET", url, headers=headers) as response:
        return await _reply(response)


async def _reply(response: httpx.Response) -> Reply:
    """The reply, read no further than it may be long."""
    body = bytearray()
    is_encoded = response.headers.get("Content-Encoding", "identity").lower() != "identity"
    if not is_encoded:
        async for part in response.aiter_raw():
            body += part
            if len(body) > MOST_BYTES:
                break
    return Reply(
        status=response.status_code,
        body=bytes(body),
        is_encoded=is_encoded,
        is_too_long=len(body) > MOST_BYTES,
        base_total=response.headers.get("X-Base-Total-Count"),
    )


def _certificate_failure(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """The failure of a certificate that is behind this error."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _address(server: PassportServer, card: str) -> tuple[str, dict[str, str]]:
    """Address and headers of the question for this card; nothing in the card is a wildcard, or part of the path."""
    if server.kind == "plugin":
        return f"{server.url}/api/v1/contrib/patron_passport/patron/check/{quote(card, safe='')}", {}
    wanted = json.dumps({"cardnumber": card}, separators=(",", ":"), ensure_ascii=False)
    return f"{server.url}/api/v1/patrons?q={quote(wanted, safe='')}&_per_page=2", EMBEDDED
