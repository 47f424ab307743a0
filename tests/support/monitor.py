"""A real web server that is pinged and remembers it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Monitor(ThreadingHTTPServer):
    """Listens on 127.0.0.1 while it is entered; answers with `status` and keeps the paths it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status = 200
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever)

    @property
    def url(self) -> str:
        """What is to be pinged."""
        return f"http://127.0.0.1:{self.server_port}/ping/abc"

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
        """Remember the path."""
        server: Any = self.server
        server.asked.append(self.path)
        self.send_response(server.status)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""
