"""Keys without a default: what is needed before a command can do its work, said for a librarian."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from gentle_nudge.settings.checks import Share, sections
from gentle_nudge.settings.keys import Tables
from gentle_nudge.settings.problems import Problem

Needs = Literal["koha", "policy"]

SENTENCES = {
    "threshold": "needed: the amount from which a patron is referred, such as threshold = 25.00",
    "processing_fee": "needed: the fee charged to a patron who is referred: processing_fee = 10.00, or 0 for none",
    "flag": 'needed: the field that marks a referred patron, such as flag = "sort1" or flag = "attribute:COLLECTION"',
    "minors": 'needed: whether minors are referred, such as minors = "exclude"',
    "send_to": 'needed: who receives the reports, such as send_to = ["reports@agency.example"]; or an [sftp] server',
}
# A section that refers nobody still updates and releases, for which it has to know its flag.
OF_A_DISABLED_SECTION = ("flag",)


def missing(tables: Tables, needs: Needs) -> tuple[Problem, ...]:
    """Every key that is needed and not given."""
    found = [*_database(tables)]
    if needs == "policy":
        found += [problem for share in sections(tables) for problem in _rules(share, uploads=tables.sftp is not None)]
    return tuple(dict.fromkeys(found))


def _database(tables: Tables) -> Iterator[Problem]:
    if tables.koha.url is None and tables.koha.conf is None:
        yield Problem(
            about=(("koha", "conf"), ("koha", "url")),
            sentence="needed: the path of the library's koha-conf.xml, unless KOHA_CONF is set (koha-shell sets it)",
        )


def _rules(share: Share, *, uploads: bool) -> Iterator[Problem]:
    needed = SENTENCES if share.enabled else OF_A_DISABLED_SECTION
    for key in needed:
        value = getattr(share.table, key)
        if value is None or (key == "send_to" and not value and not uploads):
            yield Problem(about=(share.where(key)[0],), sentence=SENTENCES[key])
