"""The sections that have reminders, each with its levels, and what a run of them refuses to begin with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.reminders.levels import Remind
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.sections import keeping_up, named, sharing_flags
from gentle_nudge.koha.read.administration import (
    branch_codes,
    branches_of_groups,
    debit_type_codes,
    restriction_type_codes,
)
from gentle_nudge.settings import Settings

NONE = ("There are no reminders in the settings.", "Write a table [remind]: docs/how-to/reminders.md")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reminding:
    """A section and its reminders."""

    section: Section
    remind: Remind


def reminds(settings: Settings) -> bool:
    """Whether any section has reminders."""
    return any(draft.remind for draft in settings.drafts)


def reminded_sections(conn: Connection, settings: Settings, wanted: Sequence[str] = ()) -> tuple[Reminding, ...]:
    """The wanted sections (all, if none is named) that have reminders; nothing of the policy is needed.

    UserError for an unknown name, and if no section has reminders.
    """
    if not reminds(settings):
        raise UserError(*NONE)
    of_section = {draft.keys.name: draft.remind for draft in settings.drafts}
    groups = branches_of_groups(conn, settings.groups)
    sections = sharing_flags(keeping_up(conn, settings.with_groups(groups, whole=False)))
    return tuple(
        Reminding(section=section, remind=remind)
        for section in named(sections, wanted)
        if (remind := of_section[section.name])
    )


def refuse_misfits(conn: Connection, sections: Sequence[Reminding]) -> None:
    """UserError with every sentence, if reminders rely on codes that this Koha does not have."""
    findings = list(misfits(conn, sections))
    if findings:
        raise UserError("\n".join(each.what for each in findings), findings[0].way_out)


def misfits(conn: Connection, sections: Sequence[Reminding]) -> Iterator[Finding]:
    """The codes of fees and restrictions that this Koha does not have."""
    debit_types, branches = _folded(debit_type_codes(conn)), _folded(branch_codes(conn))
    restriction_types = _folded(restriction_type_codes(conn) or ())
    for each in sections:
        remind, name, policy = each.remind, each.section.name, each.section.policy
        has_fee = any(step.fee for step in remind.steps.values())
        blocks = any(step.block for step in remind.steps.values())
        if has_fee and remind.fee_debit_type.casefold() not in debit_types:
            yield _finding("debit type", remind.fee_debit_type, name, "fee_debit_type")
        if has_fee and policy.fee_branch not in {"none", "patron"} and policy.fee_branch.casefold() not in branches:
            yield _finding("branch", policy.fee_branch, name, "fee_branch")
        if blocks and restriction_types and remind.restriction_type.casefold() not in restriction_types:
            yield _finding("restriction type", remind.restriction_type, name, "restriction_type")


def _folded(codes: Iterable[str]) -> frozenset[str]:
    return frozenset(code.casefold() for code in codes)


def _finding(kind: str, code: str, section: str, key: str) -> Finding:
    return Finding(
        name=f"remind-{kind.replace(' ', '-')}-unknown",
        what=f"Koha has no {kind} {code}, which the reminders of section {section} name.",
        why="The letter could not be sent with its fee and its restriction, so nobody would be reminded.",
        way_out=f"Make it in Koha's administration, or mend {key} in the settings.",
    )
