"""A ping to the monitor of the nights."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from gentle_nudge.delivery.outlet import system_reason
from gentle_nudge.domain.finding import Finding

SECONDS = 5


def ping(url: str, event: Literal["start", "", "fail"]) -> str:
    """Tell the monitor at `url` of the start, success ("") or failure; a sentence if it does not know this address.

    Any other trouble is the monitor's own: it notices that no ping came.
    """
    from http.client import HTTPException  # noqa: PLC0415 - few libraries have a monitor
    from urllib.error import HTTPError  # noqa: PLC0415 - the same
    from urllib.request import urlopen  # noqa: PLC0415 - the same

    with suppress(OSError, HTTPException, ValueError):
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            return ""
        path = f"{parts.path.rstrip('/')}/{event}" if event else parts.path
        try:
            urlopen(urlunsplit(parts._replace(path=path)), timeout=SECONDS).close()  # noqa: S310 - http and https only
        except HTTPError as answer:
            if answer.code // 100 == 4:  # noqa: PLR2004 - of HTTP: the request is wrong
                server = f"{parts.hostname}{f':{parts.port}' if parts.port else ''}"
                return f"The monitor {server} refuses the ping ({answer.code}): see ping_url in [monitoring]."
    return ""


def monitor_findings(url: str) -> Iterator[Finding]:
    """A finding if nobody listens there or TLS fails.

    Nothing is asked for: a monitor counts every request as a ping. Where a proxy stands between, only a ping can tell.
    """
    import ssl  # noqa: PLC0415 - few libraries have a monitor
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - the same

    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme in getproxies() and not proxy_bypass(host):
        return
    port = parts.port or {"https": 443}.get(parts.scheme, 80)
    try:
        with socket.create_connection((host, port), SECONDS) as line:
            if parts.scheme == "https":
                ssl.create_default_context().wrap_socket(line, server_hostname=host).close()
    except OSError as error:
        yield Finding(
            name="monitor-unreachable",
            what=f"The monitor {host}:{port} cannot be reached: {system_reason(error)}.",
            why="It does not hear that a night was good, so it raises a false alarm.",
            way_out="Correct ping_url in [monitoring], or ask those who run the monitor.",
        )
