"""The sections of the settings, completed from Koha's library groups and from our cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sqlalchemy import Connection

from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.outbox import went_to_others
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.koha.inspect.rights import SORT_FIELDS, Uses
from gentle_nudge.koha.inspect.unknown_codes import SectionCodes
from gentle_nudge.koha.read.administration import branches_of_groups
from gentle_nudge.settings import Settings
from gentle_nudge.store import cases, deliveries, meta

T = TypeVar("T")
NAMED = 20  # patrons, in one sentence


@dataclass(kw_only=True)
class Failures:
    """What failed in a run of several sections, by section."""

    failures: dict[str, GentleNudgeError] = field(default_factory=dict)

    @contextmanager
    def keep_going(self, section: str) -> Iterator[None]:
        """One failing section does not stop the next."""
        try:
            yield
        except GentleNudgeError as failure:
            self.failures[section] = failure
        except Exception as error:  # noqa: BLE001 - the next section has its own right to a run
            sentence = f"internal error ({type(error).__name__})"
            hint = "nothing of this section was changed; run it again with --debug and report the output"
            self.failures[section] = GentleNudgeError(sentence, hint)
            self.failures[section].__cause__ = error


def sections_of(conn: Connection, settings: Settings) -> tuple[Section, ...]:
    """The sections, with the cases they keep up and with the sections that use the same flag field."""
    return sharing_flags(keeping_up(conn, settings.with_groups(branches_of_groups(conn, settings.groups))))


def uses_of(settings: Settings) -> Uses:
    """What these settings use of Koha's tables; everything while they are incomplete."""
    if settings.lacks:
        return Uses()
    policies = [draft.policy for draft in settings.drafts]
    flags = [policy.flag for policy in policies]
    others = [field for policy in policies for field in (policy.exemption, policy.hold, policy.hold_until)]
    return Uses(
        sort_flags=tuple(field for field in SORT_FIELDS if field in {flag.column for flag in flags}),
        flag_attributes=any(flag.column == "attribute" for flag in flags),
        other_attributes=any(field and field.column == "attribute" for field in others),
        guardians=any(policy.patron_fields.guardians for policy in policies),
        restrictions=any(policy.add_restriction for policy in policies),
        groups=bool(settings.groups),
        lists=any(policy.review_days for policy in policies),
        mail_servers=not (settings.mail.maildir or settings.mail.names_a_server),
        notices=any(policy.prior_notice for policy in policies),
        claims=any(policy.claims_returned == "leave_out" for policy in policies),
        reminders=any(draft.remind for draft in settings.drafts),
        passport=settings.passport is not None,
    )


def sharing_flags(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """The sections, each with the others, and with the names of all whose cases use its flag field."""
    cases_of = defaultdict[Flag, tuple[str, ...]](tuple)
    for section in sections:
        cases_of[section.policy.flag] += section.cases_of
    sharing = tuple(replace(section, sharing=cases_of[section.policy.flag]) for section in sections)
    return tuple(replace(each, others=tuple(other for other in sharing if other is not each)) for each in sharing)


def assuming(section: Section, policy_of: Callable[[Policy], Policy]) -> Section:
    """The section, among the others, as if `policy_of` its policy were in force, and of every other section's too."""
    every = (replace(each, policy=policy_of(each.policy)) for each in (section, *section.others))
    return sharing_flags(tuple(every))[0]


def keeping_up(conn: Connection, sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """The sections; `global`, or else the first, keeps up the cases of the sections that are gone.

    Closed cases too: their last row may not be reported yet, and their charges may be withdrawn. The cases of a section
    that had other recipients are held.
    """
    gone, keeper = _gone(conn, sections, cases.sections), _keeper(sections)
    reports = cases.last_told(conn, gone) if gone else {}
    to_tell, to_get = keeper.policy.send_to, keeper.policy.recipients()
    held = tuple(
        name
        for name, report in sorted(reports.items())
        if went_to_others(deliveries.of_report(conn, report), to_tell=to_tell, to_get=to_get)
    )
    kept = tuple(name for name in gone if name not in held)
    holding = (replace(section, held=held) for section in sections)
    return tuple(replace(each, keeps_up=kept, frees=held) if each.name == keeper.name else each for each in holding)


def _keeper(sections: Sequence[Section]) -> Section:
    """The section that goes on with the cases of those that are gone: `global`, or else the first."""
    return next((section for section in sections if section.is_global), sections[0])


def held_cases(conn: Connection, sections: Sequence[Section]) -> dict[str, int]:
    """How many cases of each section that is gone are held."""
    held = sections[0].held if sections else ()
    return cases.waiting(conn, held) if held else {}


def orphans(conn: Connection, sections: tuple[Section, ...]) -> tuple[str, ...]:
    """The names of sections with open cases that are no longer in the settings."""
    return _gone(conn, sections, cases.sections_with_open_ones)


def _gone(
    conn: Connection, sections: tuple[Section, ...], with_cases: Callable[[Connection], frozenset[str]]
) -> tuple[str, ...]:
    if meta.missing_or_old(conn):
        return ()
    return tuple(sorted(with_cases(conn).difference(*(section.names for section in sections))))


def section_for(name: str, sections: Sequence[Section]) -> Section:
    """The section of this name, or that keeps up its cases, else `global`, else the first.

    A section that is held keeps its name: new cases of it are held too.
    """
    keeper = _keeper(sections)
    if name in keeper.frees:
        return replace(keeper, name=name)
    return next((section for section in sections if name in section.cases_of), keeper)


def refuse_shared_patrons(conn: Connection, sections: Sequence[Section]) -> None:
    """UserError if a patron has open cases in several sections though all charges of a patron are one section's.

    Each of them would tell the whole balance.
    """
    if not sections or sections[0].charges_by != "patron" or meta.missing_or_old(conn):
        return
    patrons = cases.patrons_with_several(conn)
    if patrons:
        numbers = ", ".join(map(str, patrons[:NAMED])) + (", ..." if len(patrons) > NAMED else "")
        raise UserError(
            f'charges_by is "patron", but {counted(len(patrons), "patron has", "patrons have")} open cases in several '
            f"sections: patron number {numbers}. Each section would report the whole balance.",
            "End one case of each with gentle-nudge release number:N --library NAME, or change charges_by back.",
        )


def codes_of(section: Section) -> SectionCodes:
    """The codes of Koha that a night of this section relies on."""
    policy = section.policy
    charges = section.enabled and policy.processing_fee > 0
    restricts = section.enabled and policy.add_restriction
    return SectionCodes(
        section=section.name,
        flag_attributes=(policy.flag.code,) if policy.flag.code else (),
        exemption_attributes=(policy.exemption.code,) if policy.exemption and policy.exemption.code else (),
        hold_attributes=tuple(field.code for field in (policy.hold, policy.hold_until) if field and field.code),
        categories=(*policy.categories, *policy.excluded_categories),
        debit_types=(*policy.debit_types, *policy.excluded_debit_types),
        fee_debit_types=(policy.fee_debit_type,) if charges else (),
        fee_branches=(policy.fee_branch,) if charges and policy.fee_branch not in {"none", "patron"} else (),
        restriction_types=(policy.restriction_type,) if restricts else (),
        branches=() if section.is_global else tuple(section.scope.branches),
        leaves_out_claimed=section.enabled and policy.claims_returned == "leave_out",
    )


def named(sections: tuple[Section, ...], wanted: Collection[str]) -> tuple[Section, ...]:
    """The sections with these names, or all if none is given; UserError for an unknown name."""
    return chosen({section.name: section for section in sections}, wanted)


def chosen(by_name: Mapping[str, T], wanted: Collection[str]) -> tuple[T, ...]:
    """What the wanted sections have, each once, or all if none is named; UserError for an unknown name."""
    folded = {name.casefold(): value for name, value in by_name.items()}
    unknown = sorted(name for name in wanted if name.casefold() not in folded)
    if unknown:
        raise UserError(f"There is no section {', '.join(unknown)}.", f"The sections are: {', '.join(by_name)}.")
    return tuple(folded[name] for name in dict.fromkeys(map(str.casefold, wanted))) or tuple(by_name.values())


def names_to_end(sections: tuple[Section, ...], wanted: Collection[str]) -> tuple[str, ...]:
    """The names under which cases of the wanted sections (all, if none is named) were opened, also of gone sections.

    UserError for an unknown name.
    """
    if not wanted:
        return tuple(name for section in sections for name in section.may_end)
    gone = {name.casefold(): name for section in sections for name in (*section.keeps_up, *section.frees)}
    present = [name for name in wanted if name.casefold() not in gone]
    own = [name for section in (named(sections, present) if present else ()) for name in section.cases_of]
    return (*own, *(gone[name.casefold()] for name in wanted if name.casefold() in gone))
