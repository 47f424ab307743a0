"""A real web server that is pinged and remembers it."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Monitor(ThreadingHTTPServer):
    """Listens on 127.0.0.1 while it is entered; answers with `status` and keeps the paths it was asked for."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.scheme = "http"
        if tls:
            self.scheme, self.socket = "https", tls.wrap_socket(self.socket, server_side=True)
        self.status = 200
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever)

    @property
    def url(self) -> str:
        """What is to be pinged."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}/ping/abc"

    @property
    def heard(self) -> list[str]:
        """What came after the address: start, fail, or nothing for success."""
        return [path.removeprefix("/ping/abc").removeprefix("/") for path in self.asked]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class Answer(BaseHTTPRequestHandler):
    """One ping."""

    def do_GET(self) -> None:
        """Remember the path, however it is asked for: a real monitor counts HEAD and POST as well."""
        server: Any = self.server
        server.asked.append(self.path)
        self.send_response(server.status)
        self.end_headers()

    do_HEAD = do_POST = do_OPTIONS = do_GET  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_words: object) -> None:
        """Say nothing."""
