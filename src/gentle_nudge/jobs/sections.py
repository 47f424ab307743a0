"""Who speaks for which branch tonight: the settings, with what Koha and our cases know."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.errors import UserError
from gentle_nudge.koha.inspect.unknown_codes import SectionCodes
from gentle_nudge.koha.read.administration import branches_of_groups
from gentle_nudge.settings import Settings
from gentle_nudge.store import cases, meta

if TYPE_CHECKING:
    from sqlalchemy import Connection


def sections_of(conn: Connection, settings: Settings) -> tuple[Section, ...]:
    """The sections, each knowing whose cases it keeps up and which others use its flag field."""
    known = settings.with_groups(branches_of_groups(conn, settings.groups))
    return sharing_flags(keeping_up(conn, known))


def sharing_flags(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """The sections, each knowing which others use its flag field."""
    return tuple(_sharing(section, sections) for section in sections)


def keeping_up(conn: Connection, sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """What a section that is gone leaves behind is kept up by `global`, or else by the first section.

    Its open cases, and of the closed ones the last words still to be told and the charges taken back.
    """
    gone = _gone(conn, sections, cases.sections)
    keeper = next((section for section in sections if section.is_global), sections[0])
    return tuple(replace(s, keeps_up=gone) if s is keeper else s for s in sections)


def orphans(conn: Connection, sections: tuple[Section, ...]) -> tuple[str, ...]:
    """The sections with open cases that the settings do not know any more."""
    return _gone(conn, sections, cases.sections_with_open_ones)


def _gone(
    conn: Connection, sections: tuple[Section, ...], found: Callable[[Connection], frozenset[str]]
) -> tuple[str, ...]:
    if meta.read_meta(conn) is None:
        return ()
    known = {name for section in sections for name in section.names}
    return tuple(sorted(found(conn) - known))


def _sharing(section: Section, sections: tuple[Section, ...]) -> Section:
    alike = (other for other in sections if other.policy.flag == section.policy.flag)
    return replace(section, sharing=tuple(name for other in alike for name in other.cases_of))


def codes_of(section: Section) -> SectionCodes:
    """The codes of Koha that a night of this section relies on."""
    policy = section.policy
    charges = section.enabled and policy.processing_fee > 0
    restricts = section.enabled and policy.add_restriction
    return SectionCodes(
        section=section.name,
        flag_attributes=(policy.flag.code,) if policy.flag.code else (),
        exemption_attributes=(policy.exemption.code,) if policy.exemption and policy.exemption.code else (),
        categories=(*policy.categories, *policy.excluded_categories),
        debit_types=(*policy.debit_types, *policy.excluded_debit_types),
        fee_debit_types=(policy.fee_debit_type,) if charges else (),
        fee_branches=(policy.fee_branch,) if charges and policy.fee_branch not in {"none", "patron"} else (),
        restriction_types=(policy.restriction_type,) if restricts else (),
        branches=() if section.is_global else tuple(section.scope.branches),
    )


def named(sections: tuple[Section, ...], wanted: Collection[str]) -> tuple[Section, ...]:
    """The sections with these names, all when none is given; UserError for a name that is none."""
    by_name = {section.name.casefold(): section for section in sections}
    unknown = sorted(name for name in wanted if name.casefold() not in by_name)
    if unknown:
        raise UserError(
            f"There is no section {', '.join(unknown)}.",
            f"The sections are: {', '.join(section.name for section in sections)}.",
        )
    return tuple(by_name[name.casefold()] for name in dict.fromkeys(wanted)) or sections
