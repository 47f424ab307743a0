"""A ping to the monitor of the nights."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit, urlunsplit

SECONDS = 5


def ping(url: str, event: Literal["start", "", "fail"]) -> bool:
    """Tell the monitor at `url` of the start, success ("") or failure; False if it did not answer well."""
    from http.client import HTTPException  # noqa: PLC0415 - few libraries have a monitor
    from urllib.request import urlopen  # noqa: PLC0415 - the same

    try:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            return False
        path = f"{parts.path.rstrip('/')}/{event}" if event else parts.path
        with urlopen(urlunsplit(parts._replace(path=path)), timeout=SECONDS):  # noqa: S310 - http and https only
            return True
    except (OSError, HTTPException, ValueError):
        return False
