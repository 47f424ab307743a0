"""The library's time zone, and the name of this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from gentle_nudge.errors import UserError
from gentle_nudge.koha.connect.conf import KohaConf
from gentle_nudge.settings.keys import Koha

ROOT = Path("/")


def zone(koha: Koha, conf: KohaConf | None, *, environ: Mapping[str, str] = os.environ) -> ZoneInfo:
    """The zone of the settings, else of koha-conf.xml (UserError for an unknown one), else of the machine."""
    if koha.timezone:
        return ZoneInfo(koha.timezone)
    if conf is None or conf.timezone is None:
        return machine_zone(environ)
    if zone_of_koha := _zone(conf.timezone):
        return zone_of_koha
    raise UserError(
        f"The <timezone> of {conf.file} is not a time zone that exists.",
        'Mend it there, or set it in the settings: [koha] timezone = "America/New_York"',
    )


def machine_zone(environ: Mapping[str, str], root: Path = ROOT) -> ZoneInfo:
    """The zone of $TZ, else of /etc/localtime, else of /etc/timezone, else UTC."""
    names = (
        environ.get("TZ", "").removeprefix(":"),
        str((root / "etc/localtime").resolve()).rpartition("/zoneinfo/")[2],
        _first_line(root / "etc/timezone"),
    )
    return next(filter(None, map(_zone, names)), ZoneInfo("UTC"))


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, LookupError):
        return None


def machine(koha: Koha, root: Path = ROOT) -> str:
    """The machine's name in the settings, else its /etc/machine-id, else its host name."""
    return koha.machine or _first_line(root / "etc/machine-id") or socket.gethostname()


def _first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip().partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        return ""
