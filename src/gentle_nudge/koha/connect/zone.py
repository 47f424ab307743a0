"""Which time zone the library lives in, and which machine this is."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from gentle_nudge.errors import UserError
from gentle_nudge.koha.connect.conf import KohaConf
from gentle_nudge.settings.keys import Koha

ROOT = Path("/")


def zone(koha: Koha, conf: KohaConf | None, *, environ: Mapping[str, str] = os.environ) -> ZoneInfo:
    """The zone of the settings, else of koha-conf.xml (UserError if it names none that exists), else the machine's."""
    if koha.timezone:
        return ZoneInfo(koha.timezone)
    if conf is None or conf.timezone is None:
        return machine_zone(environ)
    named = _zone(conf.timezone)
    if named is None:
        raise UserError(
            f"The <timezone> of {conf.file} is not a time zone that exists.",
            'Mend it there, or set it in the settings: [koha] timezone = "America/New_York"',
        )
    return named


def machine_zone(environ: Mapping[str, str], root: Path = ROOT) -> ZoneInfo:
    """The zone of $TZ, else of /etc/localtime, else of /etc/timezone, else UTC."""
    return next((named for name in _names(environ, root) if (named := _zone(name))), ZoneInfo("UTC"))


def _names(environ: Mapping[str, str], root: Path) -> Iterator[str]:
    yield environ.get("TZ", "").removeprefix(":")
    yield str((root / "etc/localtime").resolve()).rpartition("/zoneinfo/")[2]
    yield _first_line(root / "etc/timezone")


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, LookupError):
        return None


def machine(koha: Koha, root: Path = ROOT) -> str:
    """What this machine is called: as the settings say, else its /etc/machine-id, else its host name."""
    return koha.machine or _first_line(root / "etc/machine-id") or socket.gethostname()


def _first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip().partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        return ""
