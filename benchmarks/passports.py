"""Refreshing a thousand patrons of four other libraries, against what their homes take to answer."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gentle_nudge.domain.passport.answer import Outcome, Question
from gentle_nudge.domain.passport.terms import Passport, PassportServer
from gentle_nudge.partners.https import ask
from tests.support.homes import PASSWORD, USER, HomeServer

NAME = "passports"
WHAT = "1,000 patrons of four homes, each answer 0.1 s"
HOMES, PATRONS, SECONDS = 4, 1_000, 0.1
AT_MOST = 1 / 8  # of the sum of the answer times


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """How long it took to ask about everybody, as a part of the sum of the answer times."""

    part: float


def measured() -> Asked:
    """Ask four homes about a thousand patrons."""
    with tempfile.TemporaryDirectory(prefix="gn-") as folder, ExitStack() as open_homes:
        homes = [open_homes.enter_context(HomeServer(Path(folder), f"LIB{n}", "api")) for n in range(HOMES)]
        servers = [
            PassportServer(name=home.name, kind="api", url=home.url, user=USER, ca_file=home.ca_file) for home in homes
        ]
        for home in homes:
            home.seconds = SECONDS
        passport = Passport(category="PASS", branch="CPL", server=tuple(servers))
        questions = {
            n: Question(server=servers[n % HOMES], card=str(n), passport=passport, today=date(2026, 11, 27))
            for n in range(PATRONS)
        }
        began = time.perf_counter()
        answers = ask(questions, {server.name: PASSWORD for server in servers})
        took = time.perf_counter() - began
    if {answer.outcome for answer in answers.values()} != {Outcome.NOT_FOUND}:
        raise AssertionError("a home did not answer")
    return Asked(part=took / (PATRONS * SECONDS))
