"""From the tables of the file to sections: [policy] and each [[library]] merged, and the branches of each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

from gentle_nudge.domain.circulation.long_overdue import Timeline
from gentle_nudge.domain.collections.policy import GLOBAL, Policy, Scope, Section
from gentle_nudge.domain.money import MOST, ZERO
from gentle_nudge.domain.outcomes.terms import Outcomes
from gentle_nudge.domain.passport.terms import Passport
from gentle_nudge.domain.reminders.levels import Remind
from gentle_nudge.errors import SettingsError
from gentle_nudge.settings.keys import (
    TABLES,
    Alerts,
    Archive,
    Koha,
    Libraries,
    Mail,
    Monitoring,
    SectionKeys,
    Sftp,
    Staff,
    Templates,
)
from gentle_nudge.settings.parsing import Loc, Problem, did_you_mean, homes, keys_of, parse
from gentle_nudge.settings.passport_tables import passport_of
from gentle_nudge.settings.reminder_tables import AT_THE_TOP, ReminderDraft, draft_of

Groups = Mapping[str, frozenset[str]]
Given = Mapping[str, Any]

WRITE_A_TABLE = "this is a table: write its keys under its name in brackets"
WRITE_DOUBLE_BRACKETS = "sections are written under [[library]], in double brackets"
SERVER_KEYS = frozenset({"host", "port", "security", "user", "password", "password_file"})
# Values for a section that refers nobody.
REFERS_NOBODY: Given = {"threshold": Decimal(MOST), "processing_fee": ZERO, "minors": "exclude"}
# It still updates and releases, so it needs its flag.
NEEDED_BY_A_DISABLED_SECTION = ("flag",)


@dataclass(frozen=True, kw_only=True, slots=True)
class SectionDraft:
    """`[policy]` or a [[library]] with what it inherits, maybe incomplete.

    `own` are the keys of its own table, `missing` the required keys that are given nowhere. In the policy a missing key
    is None, or a value that refers nobody. Without `remind` nobody is reminded.
    """

    loc: Loc
    keys: SectionKeys
    policy: Policy
    own: frozenset[str]
    missing: tuple[str, ...]
    remind: Remind | None = None

    def places(self, *keys: str) -> tuple[Loc, ...]:
        """Where these keys are given, first the keys of its own table, then the keys of [policy]."""
        own_first = sorted(keys, key=lambda key: key not in self.own)
        return tuple((*self.loc, key) if key in self.own else ("policy", key) for key in own_first)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """The whole file without the values that have `problems`; the first of the `sections` is [policy] itself."""

    koha: Koha
    sections: tuple[SectionDraft, ...]
    libraries: Libraries
    mail: Mail
    sftp: Sftp | None
    archive: Archive
    staff: Staff
    outcomes: Outcomes
    timeline: Timeline
    alerts: Alerts
    monitoring: Monitoring
    templates: Templates
    passport: Passport | None
    problems: tuple[Problem, ...] = ()

    @property
    def section_keys(self) -> tuple[SectionKeys, ...]:
        """The keys of each [[library]] besides the keys of [policy]."""
        return tuple(draft.keys for draft in self.sections[1:])

    @property
    def remind(self) -> Remind | None:
        """The keys of [remind] itself."""
        return self.sections[0].remind

    @property
    def drafts(self) -> tuple[SectionDraft, ...]:
        """The sections; [policy] is one only if it holds for other branches."""
        return self.sections if self.libraries.others else self.sections[1:]

    @property
    def groups(self) -> frozenset[str]:
        """The library groups of Koha that the sections name."""
        return frozenset(keys.group for keys in self.section_keys if keys.group)


def parse_tables(data: Given, folder: Path | None) -> Tables:
    """The tables of a file, and a problem for each value that its key does not take."""
    given = {name: table for name, table in data.items() if name in TABLES and isinstance(table, dict)}
    problems = [Problem.at((name,), WRITE_A_TABLE) for name in TABLES if name in data and name not in given]
    reminders = draft_of(given.get("remind"), AT_THE_TOP)
    sections, wrong = _drafts(given.get("policy", {}), data.get("library", []), folder, reminders)
    problems += wrong
    passport, wrong = passport_of(given.get("passport"), folder)
    problems += wrong
    tables: dict[str, Any] = {"sftp": None, "passport": passport}
    for name, table in TABLES.items():
        if table not in {Policy, Remind, Passport} and (name in given or name not in tables):
            parsed = parse(table, given=given.get(name, {}), loc=(name,), folder=folder)
            tables[name] = table(**parsed.values)
            problems += parsed.problems
    tables["mail"] = replace(tables["mail"], names_a_server=bool(SERVER_KEYS & given.get("mail", {}).keys()))
    for name in (name for name in data if name not in {*TABLES, "library"}):
        home = homes(name)
        sentence = f"this key belongs under {home}" if home else f"there is no such table{did_you_mean(name, TABLES)}"
        problems.append(Problem.at((name,), sentence))
    return Tables(sections=sections, **tables, problems=tuple(problems))


def _drafts(
    policy: Given, libraries: Any, folder: Path | None, reminders: ReminderDraft
) -> tuple[tuple[SectionDraft, ...], list[Problem]]:
    """Every section with what it inherits, and a problem for each value that its key does not take."""
    parsed = parse(Policy, given=policy, loc=("policy",), folder=folder)
    problems = [*parsed.problems, *reminders.problems]
    own_keys = frozenset(keys_of(Policy))
    drafts = [_draft(("policy",), {**parsed.values, "name": GLOBAL}, own_keys, reminders.remind)]
    if not isinstance(libraries, list):
        problems.append(Problem.at(("library",), WRITE_DOUBLE_BRACKETS))
        libraries = []
    inherited = {key: policy[key] for key in parsed.values}
    for number, library in enumerate(libraries):
        loc = ("library", number)
        if not isinstance(library, dict):
            problems.append(Problem.at(loc, WRITE_A_TABLE))
        own = {**library} if isinstance(library, dict) else {}
        own_reminders = draft_of(own.pop("remind", None), (*loc, "remind"), inherited=reminders.given)
        parsed = parse(Policy, SectionKeys, given={**inherited, **own}, loc=loc, folder=folder)
        problems += [*parsed.problems, *own_reminders.problems]
        drafts.append(_draft(loc, parsed.values, frozenset(own), own_reminders.remind))
    return tuple(drafts), problems


def _draft(loc: Loc, values: Given, own: frozenset[str], remind: Remind | None) -> SectionDraft:
    required = [declared for declared in keys_of(Policy).values() if declared.is_required]
    nothing = {each.name: each.default for each in required if values.get(each.name, each.default) in (None, ())}
    rules = {key: value for key, value in values.items() if key in keys_of(Policy)}
    return SectionDraft(
        loc=loc,
        keys=SectionKeys(**{key: value for key, value in values.items() if key in keys_of(SectionKeys)}),
        policy=Policy(**{**nothing, **REFERS_NOBODY, **rules}),
        own=own,
        missing=tuple(nothing),
        remind=remind,
    )


def missing(tables: Tables) -> Iterator[Problem]:
    """A problem for every required key of [policy] that a section needs and that is not given."""
    for draft in tables.drafts:
        for key in draft.missing:
            by_upload = key == "send_to" and tables.sftp is not None
            if not by_upload and (draft.keys.enabled or key in NEEDED_BY_A_DISABLED_SECTION):
                yield Problem.at(draft.places(key)[0], keys_of(Policy)[key].needed)


def group_problems(tables: Tables, groups: Groups) -> Iterator[Problem]:
    """A problem for each group that is missing or empty, and for each branch in the groups of two sections."""
    owners: dict[str, int] = {}
    for number, keys in enumerate(tables.section_keys):
        branches = sorted(groups.get(keys.group or "", ()))
        shared = [branch for branch in branches if owners.setdefault(branch.casefold(), number) != number]
        loc = ("library", number, "group")
        if keys.group and not branches:
            yield Problem.at(loc, f"Koha has no library group {keys.group}, or it holds no branch")
        elif shared:
            first = owners[shared[0].casefold()]
            yield Problem.at(
                loc,
                f"branch {shared[0]} is also in the group of library[{first + 1}], section "
                f"{tables.section_keys[first].name}; name branches instead",
            )


def sections_of(tables: Tables, groups: Groups) -> tuple[Section, ...]:
    """Every section with its scope; the tables must have no problems.

    A branch belongs to the [[library]] that names it, else to the [[library]] with a group that holds it, else to
    `global`, unless `libraries.others` is false. A disabled section keeps its branches from `global` too.
    """
    named = {branch.casefold() for keys in tables.section_keys for branch in keys.branches}
    scopes = [
        keys.branches or frozenset(b for b in groups[keys.group or ""] if b.casefold() not in named)
        for keys in tables.section_keys
    ]
    rest = Scope(branches=frozenset().union(*scopes), all_but=True)
    every_scope = (rest, *(Scope(branches=scope, all_but=False) for scope in scopes))
    return tuple(
        Section(
            name=draft.keys.name,
            policy=draft.policy,
            scope=scope,
            charges_by=tables.libraries.charges_by,
            enabled=draft.keys.enabled,
            formerly=draft.keys.formerly,
        )
        for draft, scope in zip(tables.sections, every_scope, strict=True)
        if draft in tables.drafts
    )


def contradictions(policy: Policy) -> dict[tuple[str, str], str]:
    """Pairs of keys that do not go together, each with a sentence."""
    sentences = {}
    if policy.clear_at_or_below >= policy.threshold:
        sentence = "clear_at_or_below has to be less than threshold, or released patrons would be referred again"
        sentences["clear_at_or_below", "threshold"] = sentence
    for key, other in combinations(("flag", "exemption", "hold", "hold_until"), 2):
        field, taken = getattr(policy, other), getattr(policy, key)
        if field and taken and str(field).casefold() == str(taken).casefold():
            sentences[other, key] = f"{other} and {key} have to be different fields"
    if policy.hold_until and not policy.hold:
        sentences["hold_until", "hold"] = "hold_until needs hold"
    if policy.debit_types and policy.excluded_debit_types:
        sentences["excluded_debit_types", "debit_types"] = "give debit_types or excluded_debit_types, not both"
    return sentences


def what_if(policy: Policy, assignments: Sequence[str]) -> Policy:
    """The policy with these `key=value` applied, values in TOML or plain words; SettingsError with all problems."""
    parsed = parse(Policy, given=dict(map(_assigned, assignments)), loc=(), folder=None)
    if parsed.problems:
        raise SettingsError(tuple(f"--set {wrong.about[0][0]}: {wrong.sentence}" for wrong in parsed.problems))
    assumed = replace(policy, **parsed.values)
    sentences = contradictions(assumed)
    if assignments and sentences:
        raise SettingsError(tuple(f"--set: {sentence}" for sentence in sentences.values()))
    return assumed


def keys_set(assignments: Sequence[str]) -> list[str]:
    """The keys of these `key=value`, each once."""
    return list(dict.fromkeys(_assigned(assignment)[0] for assignment in assignments))


def _assigned(assignment: str) -> tuple[str, object]:
    key, sign, text = assignment.partition("=")
    if not sign:
        raise SettingsError((f"--set {assignment}: write key=value, such as threshold=20",))
    try:
        return key.strip(), tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), text.strip()
