"""Koha's library groups: the branches of each, subgroups included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import select

from gentle_nudge.koha.tables import library_groups

if TYPE_CHECKING:
    from sqlalchemy import Connection


def branches_of_groups(conn: Connection, wanted: Collection[str]) -> dict[str, frozenset[str]]:
    """The branches of these groups, each named by title or id; a group that is not there has none."""
    if not wanted:
        return {}
    row = library_groups.c
    members: defaultdict[int, set[str]] = defaultdict(set)
    subgroups: defaultdict[int, list[int]] = defaultdict(list)
    named: dict[str, int] = {}
    for id_, parent, branch, title in conn.execute(select(row.id, row.parent_id, row.branchcode, row.title)):
        if branch is None:
            named[str(id_)] = id_
            named.setdefault((title or "").casefold(), id_)
            subgroups[parent or 0].append(id_)
        elif parent is not None:
            members[parent].add(branch)
    return {name: _branches(_group(name, named), members, subgroups) for name in wanted}


def _group(name: str, named: Mapping[str, int]) -> int | None:
    """A group by its title, else by its id."""
    return named.get(name.casefold(), named.get(name))


def _branches(group: int | None, members: Mapping[int, set[str]], subgroups: Mapping[int, list[int]]) -> frozenset[str]:
    if group is None:
        return frozenset()
    return frozenset(branch for each in _with_subgroups(group, subgroups) for branch in members.get(each, ()))


def _with_subgroups(group: int, subgroups: Mapping[int, list[int]]) -> Iterator[int]:
    seen, rest = set(), [group]
    while rest:
        each = rest.pop()
        if each not in seen:
            seen.add(each)
            yield each
            rest.extend(subgroups.get(each, ()))
