"""The sections that have reminders, each with its levels, and what a run of them refuses to begin with."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
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
    category_codes,
    debit_type_codes,
    restriction_type_codes,
)
from gentle_nudge.settings import Settings

NONE = ("There are no reminders in the settings.", "Write a table [remind]: docs/how-to/reminders.md")
UNSENT = "The letter could not be sent with its fee and its restriction, so nobody would be reminded."
LEFT_OUT = "It leaves nobody and nothing out, so those who are meant are reminded."


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


def misfits(conn: Connection, sections: Sequence[Reminding], *, exclusions: bool = False) -> Iterator[Finding]:
    """The codes of fees and restrictions that this Koha does not have; with `exclusions` those of exclusions too."""
    in_koha = {
        "branch": branch_codes(conn),
        "debit type": debit_type_codes(conn),
        "patron category": category_codes(conn),
        "restriction type": restriction_type_codes(conn),
    }
    for each in sections:
        remind, policy, steps = each.remind, each.section.policy, each.remind.steps.values()
        named: dict[str, tuple[str, Collection[str]]] = {}
        if any(step.fee for step in steps):
            named["fee_debit_type"] = ("debit type", {remind.fee_debit_type})
            named["fee_branch"] = ("branch", {policy.fee_branch} - {"none", "patron"})
        if any(step.block for step in steps):
            named["restriction_type"] = ("restriction type", {remind.restriction_type})
        if exclusions:
            named["excluded_debit_types"] = ("debit type", remind.excluded_debit_types)
            named["excluded_categories"] = ("patron category", remind.excluded_categories)
        for key, (kind, codes) in named.items():
            known = in_koha[kind]
            folded = {code.casefold() for code in (codes if known is None else known)}
            unknown = [code for code in codes if code.casefold() not in folded]
            for code in sorted(unknown):
                is_left_out = key.startswith("excluded")
                yield Finding(
                    name=f"remind-{'exclusion' if is_left_out else kind.replace(' ', '-')}-unknown",
                    what=f"Koha has no {kind} {code}, which the reminders of section {each.section.name} name.",
                    why=LEFT_OUT if is_left_out else UNSENT,
                    way_out=f"Make it in Koha's administration, or mend {key} in the settings.",
                )
