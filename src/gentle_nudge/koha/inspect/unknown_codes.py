"""Codes in the settings that this Koha does not have, or not so that a night could work with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.errors import UserError
from gentle_nudge.koha.read import administration, return_claims


@dataclass(frozen=True, kw_only=True, slots=True)
class SectionCodes:
    """The codes that the settings of one section name; codes of what is switched off are left out."""

    section: str
    flag_attributes: tuple[str, ...]
    exemption_attributes: tuple[str, ...]
    hold_attributes: tuple[str, ...]
    categories: tuple[str, ...]
    debit_types: tuple[str, ...]
    fee_debit_types: tuple[str, ...]
    fee_branches: tuple[str, ...]
    restriction_types: tuple[str, ...]
    branches: tuple[str, ...]
    leaves_out_claimed: bool


def refuse_misfits(conn: Connection, sections: Sequence[SectionCodes]) -> None:
    """UserError with every sentence, if a night would rely on codes that this Koha does not have."""
    findings = list(misfits(conn, sections))
    if findings:
        ways = tuple(dict.fromkeys(finding.way_out for finding in findings))
        hint = ways[0] if len(ways) == 1 else "Each with its way out: gentle-nudge check"
        raise UserError("\n".join(finding.what for finding in findings), hint)


def misfits(conn: Connection, sections: Sequence[SectionCodes]) -> Iterator[Finding]:
    """What a night refuses to begin with: unknown codes, and a fee of a type that cannot be charged."""
    yield from _attributes(conn, sections)
    for code, where in _unknown(conn, _by_code(sections, "categories"), administration.category_codes):
        yield Finding(
            name="category-unknown",
            what=f"Koha has no patron category {code}, which the settings of {where} name.",
            why="The wrong patrons would be referred or left out.",
            way_out="Mend categories and excluded_categories in the settings.",
        )
    for code, where in _unknown(conn, _by_code(sections, "debit_types"), administration.debit_type_codes):
        yield Finding(
            name="debit-type-unknown",
            what=f"Koha has no debit type {code}, which the settings of {where} name.",
            why="The wrong charges would count or be left out.",
            way_out="Mend debit_types and excluded_debit_types in the settings.",
        )
    yield from _fee(conn, sections)
    for code, where in _unknown(conn, _by_code(sections, "restriction_types"), administration.restriction_type_codes):
        yield Finding(
            name="restriction-type-unknown",
            what=f"Koha has no restriction type {code}, which the settings of {where} name.",
            why="The restriction could not be made, so nobody could be referred.",
            way_out="Make it in Koha (Administration, Patron restrictions), or mend restriction_type in the settings.",
        )
    leaving_out = [codes.section for codes in sections if codes.leaves_out_claimed]
    if leaving_out and not return_claims.is_there(conn):
        yield Finding(
            name="return-claims-missing",
            what="Koha's table return_claims is not there, or this user may not read it, and the settings of section "
            f"{', '.join(leaving_out)} leave out what is claimed to have been returned.",
            why="Patrons would be referred for what they say they have brought back.",
            way_out='Set claims_returned = "count", or grant the right to read it: gentle-nudge grants',
        )


def _attributes(conn: Connection, sections: Sequence[SectionCodes]) -> Iterator[Finding]:
    for use, why in (
        ("flag", "Nobody could be marked as referred."),
        ("exemption", "Nobody would be exempt, and those who should be would be referred."),
        ("hold", "Nobody would be kept back, or not until the day that staff have given."),
    ):
        codes = _by_code(sections, f"{use}_attributes")
        for code, where in _unknown(conn, codes, administration.attribute_types):
            yield Finding(
                name="hold-field-unknown" if use == "hold" else f"{use}-attribute-unknown",
                what=f"Koha has no patron attribute type {code}, which is the {use} of {where}.",
                why=why,
                way_out=f"Make it in Koha (Administration, Patron attribute types), or mend {use} in the settings.",
            )


def _fee(conn: Connection, sections: Sequence[SectionCodes]) -> Iterator[Finding]:
    types = _by_code(sections, "fee_debit_types")
    unknown, archived = dict(_unknown(conn, types, administration.debit_type_codes)), _archived(conn, types)
    for code, where in types.items():
        if code in unknown or code in archived:
            state = "unknown" if code in unknown else "archived"
            yield Finding(
                name=f"fee-debit-type-{state}",
                what=f"The processing fee of {where} has the debit type {code}, which is {state} in Koha.",
                why="The fee could not be charged, or would be of a type that staff have given up.",
                way_out="Mend it in Koha (Administration, Debit types), or fee_debit_type in the settings.",
            )
    for code, where in _unknown(conn, _by_code(sections, "fee_branches"), administration.branch_codes):
        yield Finding(
            name="fee-branch-unknown",
            what=f"Koha has no branch {code}, to which the processing fee of {where} is booked.",
            why="The fee could not be charged, so nobody could be referred.",
            way_out='Mend fee_branch in the settings: a branch code, "patron" or "none".',
        )


def doubts(conn: Connection, sections: Sequence[SectionCodes]) -> Iterator[Finding]:
    """What a night can live with: archived types that count, branches of sections that Koha does not have."""
    debit_types = _by_code(sections, "debit_types")
    for code in _archived(conn, debit_types):
        yield Finding(
            name="debit-type-archived",
            severity=Severity.WARNING,
            what=f"The debit type {code}, which the settings of {debit_types[code]} name, is archived in Koha.",
            why="No new charges are made of it; perhaps another one has taken its place.",
            way_out="Look whether debit_types and excluded_debit_types still say what is meant.",
        )
    for code, where in _unknown(conn, _by_code(sections, "branches"), administration.branch_codes):
        yield Finding(
            name="branch-unknown",
            what=f"Koha has no branch {code}, which {where} names.",
            why="The patrons of the branch that is meant are treated by the rules of another section.",
            way_out="Mend branches in the settings.",
        )


def _by_code(sections: Iterable[SectionCodes], kind: str) -> dict[str, str]:
    """Each code of this kind, a field of `SectionCodes`, with the sections that name it."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for codes in sections:
        for code in getattr(codes, kind):
            names[code].append(codes.section)
    return {code: f"section {', '.join(naming)}" for code, naming in sorted(names.items())}


def _unknown(
    conn: Connection, wanted: dict[str, str], ask_koha: Callable[[Connection], Collection[str] | None]
) -> Iterator[tuple[str, str]]:
    """The codes that Koha does not have, each with where it is named; none if Koha is too old for such codes."""
    in_koha = ask_koha(conn) if wanted else None
    if in_koha is not None:
        folded = set(map(_folded, in_koha))
        yield from ((code, where) for code, where in wanted.items() if _folded(code) not in folded)


def _archived(conn: Connection, wanted: dict[str, str]) -> list[str]:
    in_koha = administration.debit_type_codes(conn) if wanted else {}
    archived = {_folded(code) for code, is_archived in in_koha.items() if is_archived}
    return [code for code in wanted if _folded(code) in archived]


def _folded(code: str) -> str:
    return code.rstrip().casefold()
