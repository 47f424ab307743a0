"""From tables to sections: who speaks for which branch, and by which policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from gentle_nudge.domain.collections.policy import Policy, Scope, Section
from gentle_nudge.domain.money import ZERO
from gentle_nudge.settings.checks import Share, shares
from gentle_nudge.settings.keys import Tables
from gentle_nudge.settings.kinds import MOST
from gentle_nudge.settings.policy_keys import LibraryTable, PolicyTable
from gentle_nudge.settings.problems import Problem

Groups = Mapping[str, frozenset[str]]
# A section that refers nobody needs none of these.
REFERS_NOBODY: dict[str, Any] = {"threshold": Decimal(MOST), "processing_fee": ZERO, "minors": "exclude"}


def groups_named(tables: Tables) -> frozenset[str]:
    """The library groups whose branches have to be known before there are sections, as the settings name them."""
    return frozenset(library.group for library in tables.library if library.group)


def group_problems(tables: Tables, groups: Groups) -> tuple[Problem, ...]:
    """Groups that are not there or empty, and branches that are in the groups of two sections."""
    return (*_groups_not_there(tables, groups), *_branches_in_two_groups(tables, groups))


def _groups_not_there(tables: Tables, groups: Groups) -> Iterator[Problem]:
    for number, library in enumerate(tables.library):
        if library.group and not groups.get(library.group):
            yield Problem(
                about=(("library", number, "group"),),
                sentence=f"Koha has no library group {library.group}, or it holds no branch",
            )


def _branches_in_two_groups(tables: Tables, groups: Groups) -> Iterator[Problem]:
    owners: dict[str, int] = {}
    for number, library in enumerate(tables.library):
        shared = sorted(
            branch
            for branch in groups.get(library.group or "", frozenset())
            if owners.setdefault(branch.casefold(), number) != number
        )
        if shared:
            first = owners[shared[0].casefold()]
            yield Problem(
                about=(("library", number, "group"),),
                sentence=f"branch {shared[0]} is also in the group of library[{first + 1}], section "
                f"{tables.library[first].name}; name branches instead",
            )


def sections_of(tables: Tables, groups: Groups) -> tuple[Section, ...]:
    """Every section with its scope; the tables must be free of problems.

    A branch belongs to the [[library]] that names it, else to the one whose group holds it, else to `global`, which
    is there unless `libraries.others` is false. A disabled section keeps its branches from `global` too.
    """
    everything, *libraries = shares(tables)
    scopes = _scopes(tables.library, groups)
    found = [
        _section(share, tables, Scope(branches=scope, all_but=False), formerly=library.formerly)
        for share, library, scope in zip(libraries, tables.library, scopes, strict=True)
    ]
    if tables.libraries.others:
        rest = Scope(branches=frozenset().union(*scopes), all_but=True)
        found.insert(0, _section(everything, tables, rest))
    return tuple(found)


def _scopes(libraries: tuple[LibraryTable, ...], groups: Groups) -> tuple[frozenset[str], ...]:
    named = frozenset(branch.casefold() for library in libraries for branch in library.branches)
    return tuple(
        library.branches
        or frozenset(branch for branch in groups[library.group or ""] if branch.casefold() not in named)
        for library in libraries
    )


def _section(share: Share, tables: Tables, scope: Scope, *, formerly: tuple[str, ...] = ()) -> Section:
    return Section(
        name=share.name,
        policy=_policy(share.table, enabled=share.enabled),
        scope=scope,
        charges_by=tables.libraries.charges_by,
        enabled=share.enabled,
        formerly=formerly,
    )


def _policy(table: PolicyTable, *, enabled: bool) -> Policy:
    values: dict[str, Any] = {each.name: getattr(table, each.name) for each in fields(Policy)}
    if not enabled:
        values |= {key: value for key, value in REFERS_NOBODY.items() if values[key] is None}
    return Policy(**values)
