"""The keys of [passport], and the servers that it names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from annotated_types import Interval, MaxLen

from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.setting import LONGEST_AGE, Key, Number, Parsed, Text

Kind = Literal["api", "plugin"]
Group = Literal["birth", "address", "phones", "emails", "alternative", "language"]
LONGEST_TIMEOUT = 60


def parse_server(text: str) -> str:
    """The address of a server, without a slash at the end; ValueError for one that would be asked unencrypted."""
    with suppress(ValueError):
        parts = urlsplit(text)
        plain = parts.scheme == "http" and _is_loopback(parts.hostname or "")
        clean = parts.username is None and parts.password is None and not {"?", "#", " ", "\\"} & set(text)
        if parts.hostname and parts.port != 0 and clean and (parts.scheme == "https" or plain):
            return text.rstrip("/")
    raise ValueError("an address is needed that begins with https:// and holds host, port and path only")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parse_user(text: str) -> str:
    """The name of an account; Basic authentication has no place for a colon in it."""
    if ":" in text:
        raise ValueError("the name of an account has no colon")
    return text


Code = Annotated[str, MaxLen(10)]


@dataclass(frozen=True, kw_only=True, slots=True)
class PassportServer:
    """The Koha of a library whose patrons may be brought here; one or more of them."""

    name: Annotated[
        str, MaxLen(60), Key("Its name here, and the value of the attribute of its patrons.", example='"LIBB"')
    ]
    kind: Annotated[
        Kind, Key("api (Koha's own REST API) or plugin (the endpoint of the Patron Passport plugin).", example='"api"')
    ]
    url: Annotated[str, MaxLen(500), Parsed(parse_server), Key("Its address.", example='"https://libb.example.org"')]
    user: Annotated[Text, Parsed(parse_user), Key("An account there that may see patrons.", example='"passport"')]
    password_file: Annotated[
        Path | None,
        Key("A file whose first line is that account's password.", example='"/etc/gentle-nudge/libb-password"'),
    ] = None
    password_env: Annotated[
        Text | None, Key("Instead of password_file: the environment variable with it.", example='"LIBB_PASSWORD"')
    ] = None
    ca_file: Annotated[
        Path | None,
        Key(
            "The one certificate authority trusted for this server. Default: those of the system.",
            example='"/etc/gentle-nudge/libb-ca.pem"',
        ),
    ] = None
    category: Annotated[Code | None, Key("As in [passport], for patrons of this server.", example='"PASS-B"')] = None
    branch: Annotated[Code | None, Key("As in [passport], for patrons of this server.", example='"FPL"')] = None
    flag: Annotated[
        Annotated[Flag, Parsed(Flag.parse)] | None,
        Key(
            'The field that marks patrons in collections there: sort1, sort2 or attribute:CODE; "" if it is not asked.',
            example='"sort1"',
            or_empty=True,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Passport:
    """Patrons of other libraries, brought here and kept up to date; without this table there are none."""

    category: Annotated[Code, Key("The category of every patron made here.", example='"PASS"')]
    branch: Annotated[Code, Key("The home branch of every patron made here.", example='"CPL"')]
    attribute: Annotated[str, MaxLen(64), Key("The patron attribute that names the home.")] = "PASSPORTED"
    copy: Annotated[
        tuple[Group, ...],
        Key("What is copied beside the name: birth, address, phones, emails, alternative, language."),
    ] = ("birth", "address", "phones", "emails", "language")
    restrictions: Annotated[
        Literal["ignore", "mirror"], Key("Whether a restriction at home is one here too: ignore or mirror.")
    ] = "ignore"
    timeout: Annotated[
        int, Interval(ge=1, le=LONGEST_TIMEOUT), Key("Seconds for one question to one server, retries included.")
    ] = 10
    most_changes: Annotated[Number, Key("The most patrons one refresh may change; 0: no limit.")] = 100
    keep_days: Annotated[
        int, Interval(ge=1, le=LONGEST_AGE), Key("Days for which is kept what was changed, without values.")
    ] = 365
    server: tuple[PassportServer, ...] = ()

    @property
    def mirrors(self) -> bool:
        """Whether restrictions at home are restrictions here."""
        return self.restrictions == "mirror"

    def named(self, name: str | None) -> PassportServer | None:
        """The server of this name, whatever the letter case."""
        wanted = (name or "").strip().casefold()
        return next((each for each in self.server if each.name.casefold() == wanted), None)

    def category_for(self, server: PassportServer) -> str:
        """The category of a patron from there."""
        return server.category or self.category

    def branch_for(self, server: PassportServer) -> str:
        """The home branch of a patron from there."""
        return server.branch or self.branch


def contradictions(passport: Passport) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Values that cannot be meant, each with the place of its key."""
    if not passport.server:
        yield ("server",), "a server is needed: write each under [[passport.server]]"
    names = Counter(each.name.casefold() for each in passport.server)
    for place, each in enumerate(passport.server):
        if names[each.name.casefold()] > 1:
            yield ("server", place, "name"), "another server has this name: names have to differ in more than case"
        if (each.password_file is None) == (each.password_env is None):
            yield (
                ("server", place, "password_file"),
                "the password comes from password_file or password_env, one of them",
            )
        if each.kind == "plugin" and each.flag and each.flag.column == "attribute":
            yield ("server", place, "flag"), 'the plugin tells no attributes: name sort1 or sort2, or use kind = "api"'
