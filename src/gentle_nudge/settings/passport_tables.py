"""[passport] and its servers as values, every problem with them, and the password of each server when it is asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gentle_nudge.domain.passport.terms import Passport, PassportServer, contradictions
from gentle_nudge.errors import UserError
from gentle_nudge.settings.parsing import Loc, Problem, parse_whole

TABLE: Loc = ("passport",)
SERVERS = "server"


def passport_of(given: Mapping[str, Any] | None, folder: Path | None) -> tuple[Passport | None, list[Problem]]:
    """The table, None if it is not there or has problems; and every problem."""
    if given is None:
        return None, []
    own = {key: value for key, value in given.items() if key != SERVERS}
    passport, problems = parse_whole(Passport, given=own, loc=TABLE, folder=folder)
    listed = given.get(SERVERS, [])
    if not isinstance(listed, list):
        return None, [*problems, Problem.at((*TABLE, SERVERS), "servers are written under [[passport.server]]")]
    servers: list[PassportServer] = []
    for place, each in enumerate(listed):
        loc = (*TABLE, SERVERS, place)
        keys = each if isinstance(each, dict) else {}
        server, wrong = parse_whole(PassportServer, given=keys, loc=loc, folder=folder)
        problems += wrong
        servers += [server] if server else []
    if passport is None or problems:
        return None, problems
    whole = Passport(**{name: getattr(passport, name) for name in own}, server=tuple(servers))
    problems += [Problem.at((*TABLE, *place), sentence) for place, sentence in contradictions(whole)]
    return None if problems else whole, problems


def password_of(server: PassportServer, environ: Mapping[str, str] = os.environ) -> str:
    """The password of the server's account; UserError if there is none."""
    if server.password_env:
        password, place = environ.get(server.password_env, ""), f"the environment variable {server.password_env}"
    else:
        file = server.password_file or Path()
        place = f"the file {file}"
        try:
            password = file.read_text(encoding="utf-8").split("\n")[0].rstrip("\r")
        except (OSError, ValueError):
            raise UserError(f"The password of {server.name} cannot be read: {place}.", _WAY_OUT) from None
    if not password:
        raise UserError(f"There is no password of {server.name}: {place} is empty or missing.", _WAY_OUT)
    return password


_WAY_OUT = "Write it there, or name another place in password_file or password_env of [[passport.server]]."
