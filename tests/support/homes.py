"""A real web server that is another library's Koha: by its REST API, or by the endpoint of the plugin.

It can be told to be slow, broken or hostile; it remembers every request, and how many it answered at once.
"""

import json
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

import trustme

from tests.support.smtp import authority

USER, PASSWORD = "passport", "s3cret, of LIBB"
PLUGIN_PATH = "/api/v1/contrib/patron_passport/patron/check/"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What is answered instead of what is right."""

    status: int = 200
    content: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drips: bool = False  # a byte now and then
    is_cut: bool = False  # the connection ends in the middle

    @property
    def bytes(self) -> bytes:
        """The body."""
        return json.dumps(self.content).encode() if self.body is None else self.body


class HomeServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 while it is entered; `patrons` are what it sends, by card."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, folder: Path, name: str, kind: Literal["api", "plugin"], *, ca: trustme.CA | None = None, tls: bool = True
    ) -> None:
        super().__init__(("127.0.0.1", 0), Desk)
        self.name, self.kind, self.is_encrypted = name, kind, tls
        self.patrons: dict[str, dict[str, Any]] = {}
        self.sends: list[Sent] = []  # before what is right, one for each request; the last one for ever if `stays`
        self.stays = False
        self.of_cards: dict[str, Sent] = {}
        self.seconds = 0.0
        self.hangs = threading.Event()
        self.total: int | None = None
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.at_once = self.most_at_once = self.connections = 0
        self.counting = threading.Lock()
        self.ca_file = folder / f"{name}-ca.pem"
        (ca or authority()).cert_pem.write_to_path(str(self.ca_file))
        self.password_file = folder / f"{name}-password"
        self.password_file.write_text(f"{PASSWORD}\n", encoding="utf-8")
        self.password_file.chmod(0o600)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority().issue_cert("localhost", "127.0.0.1").configure_cert(self._context)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self.is_encrypted else 'http'}://127.0.0.1:{self.server_port}"

    @property
    def settings(self) -> str:
        """Its [[passport.server]]; more keys may follow."""
        return (
            f'[[passport.server]]\nname = "{self.name}"\nkind = "{self.kind}"\nurl = "{self.url}"\nuser = "{USER}"\n'
            f'password_file = "{self.password_file}"\nca_file = "{self.ca_file}"\n'
        )

    @property
    def paths(self) -> list[str]:
        """What it was asked for."""
        return [path for path, _ in self.requests]

    def answers(self, *sent: Sent, for_ever: bool = False) -> None:
        """From now on the next requests get these, later ones what is right."""
        self.sends, self.stays = list(sent), for_ever

    def knows(self, card: str, **values: Any) -> None:
        """A patron with this card is there, or has these values now; what the plugin sends is a row of `borrowers`."""
        self.patrons[card.casefold()] = self.patrons.get(card.casefold(), {"cardnumber": card}) | values

    def get_request(self) -> tuple[Any, Any]:
        """One more connection."""
        connection, address = super().get_request()
        with self.counting:
            self.connections += 1
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake is done in the connection's own thread; one that fails is no request."""
        if self.is_encrypted:
            request.settimeout(20)
            try:
                request = self._context.wrap_socket(request, server_side=True)
            except OSError:
                return
        try:
            super().finish_request(request, client_address)
        except OSError:
            pass  # the other side went away
        finally:
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that broke."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hangs.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class Desk(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server: HomeServer

    def do_GET(self) -> None:
        """Answer as told, else as is right."""
        home = self.server
        with home.counting:
            home.requests.append((self.path, dict(self.headers)))
            home.at_once += 1
            home.most_at_once = max(home.most_at_once, home.at_once)
        try:
            if home.seconds:
                home.hangs.wait(home.seconds)
            self._send(self._answer())
        finally:
            with home.counting:
                home.at_once -= 1

    def _answer(self) -> Sent:
        home = self.server
        if home.sends:
            return home.sends[0] if home.stays else home.sends.pop(0)
        if self.headers["Authorization"] != f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}":
            return Sent(status=401, content={"error": "Invalid password"})
        card = card_of(self.path, home.kind)
        if card.casefold() in home.of_cards:
            return home.of_cards[card.casefold()]
        patron = home.patrons.get(card.casefold())
        if home.kind == "plugin":
            return Sent(content=patron) if patron else Sent(status=404, content={"error": "Patron not found"})
        total = {} if home.total is None else {"X-Base-Total-Count": str(home.total)}
        return Sent(content=[patron] if patron else [], headers=total)

    def _send(self, sent: Sent) -> None:
        self.send_response(sent.status)
        for name, value in {"Content-Type": "application/json", "Set-Cookie": "CGISESSID=abc", **sent.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent.bytes) + sent.is_cut))
        self.end_headers()
        self.close_connection = sent.is_cut
        for byte in sent.bytes if sent.drips else ():
            self.wfile.write(bytes([byte]))
            self.server.hangs.wait(0.3)
        if not sent.drips:
            self.wfile.write(sent.bytes)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


def card_of(path: str, kind: str) -> str:
    """The card that this path asks for."""
    parts = urlsplit(path)
    if kind == "plugin":
        return unquote(parts.path.removeprefix(PLUGIN_PATH))
    return str(json.loads(parse_qs(parts.query)["q"][0])["cardnumber"])


def wait_until(happens: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until it happens, by the true time."""
    until = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.02)
