"""Koha's own configuration, koha-conf.xml: where the database is, the zone, the mail server of last resort."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from gentle_nudge.errors import UserError

PLACEHOLDER = re.compile(r"__[A-Z0-9_]+__")
MYSQL_PORT = 3306


@dataclass(frozen=True, kw_only=True, slots=True)
class Tls:
    """Files that encrypt the connection to the database: the trusted authority, our certificate and its key."""

    ca: str | None
    cert: str | None
    key: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpServer:
    """Koha's <smtp_server>, with Koha's defaults; `ssl_mode` is disabled, ssl or starttls, `timeout` in seconds."""

    host: str
    port: int
    timeout: int
    ssl_mode: str
    user: str | None
    password: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class KohaConf:
    """What we read of koha-conf.xml; None is what Koha takes for unset: missing, blank, or a placeholder."""

    file: Path
    database: str
    host: str | None
    port: int | None
    user: str | None
    password: str | None = field(repr=False)
    tls: Tls | None
    timezone: str | None
    smtp: SmtpServer | None
    enable_plugins: bool = True


def read(file: Path) -> KohaConf:
    """What koha-conf.xml says; UserError if it is not there, not readable, or not what Koha would accept."""
    config = _config(file)
    if (_text(config, "db_scheme") or "mysql") != "mysql":
        raise _broken(file, "its <db_scheme> is not mysql")
    database = _text(config, "database")
    if database is None:
        raise _broken(file, "it names no <database>")
    zone = _text(config, "timezone")
    return KohaConf(
        file=file,
        database=database,
        host=_text(config, "hostname"),
        port=_number(config, "port", file),
        user=_text(config, "user"),
        password=_as_it_is(config, "pass"),
        tls=_tls(config),
        timezone=None if zone == "local" else zone,
        smtp=_smtp(config, file),
        enable_plugins=_text(config, "enable_plugins") != "0",
    )


def _config(file: Path) -> Element:
    try:
        root: Element = fromstring(file.read_bytes())
    except OSError as trouble:
        raise UserError(
            f"Koha's configuration {file} cannot be read: {trouble.strerror}.",
            "Run as the instance's own user, as koha-shell does: only that user may read it.",
        ) from None
    except ParseError as trouble:
        raise _broken(file, f"it is not well-formed XML (line {trouble.position[0]})") from None
    except DefusedXmlException:
        raise _broken(file, "it defines entities of its own, which is not safe") from None
    except (ValueError, LookupError):
        raise _broken(file, "its encoding is not known") from None
    config = root if root.tag == "config" else root.find("config")
    if config is None:
        raise _broken(file, "it has no <config>")
    return config


def _broken(file: Path, why: str) -> UserError:
    hint = "Mend the file, or name the database with url in [koha]."
    return UserError(f"Koha's configuration {file} cannot be used: {why}.", hint)


def _as_it_is(parent: Element, name: str) -> str | None:
    text = parent.findtext(name) or ""
    return None if not text.strip() or PLACEHOLDER.fullmatch(text.strip()) else text


def _text(parent: Element, name: str) -> str | None:
    text = _as_it_is(parent, name)
    return text.strip() if text else None


def _number(parent: Element, name: str, file: Path) -> int | None:
    text = _text(parent, name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise _broken(file, f"its <{name}> is not a number")
    return int(text)


def _tls(config: Element) -> Tls | None:
    """Koha::Database: anything but `yes` is no TLS."""
    if _text(config, "tls") != "yes":
        return None
    return Tls(ca=_text(config, "ca"), cert=_text(config, "cert"), key=_text(config, "key"))


def _smtp(config: Element, file: Path) -> SmtpServer | None:
    """Koha::SMTP::Servers->get_default: what <smtp_server> leaves out is localhost:25, 120 s, no TLS, no login."""
    smtp = config.find("smtp_server")
    if smtp is None or not len(smtp):
        return None
    return SmtpServer(
        host=_text(smtp, "host") or "localhost",
        port=_number(smtp, "port", file) or 25,
        timeout=_number(smtp, "timeout", file) or 120,
        ssl_mode=_text(smtp, "ssl_mode") or "disabled",
        user=_text(smtp, "user_name"),
        password=_as_it_is(smtp, "password"),
    )
