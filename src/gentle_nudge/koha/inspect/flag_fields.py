"""The fields that mark, exempt or keep back a patron: whether they can hold what we write and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection

from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.hold import is_day
from gentle_nudge.domain.patron import Flag, FlagState, PatronFields, state_of_values
from gentle_nudge.domain.wording import counted
from gentle_nudge.koha.read import administration
from gentle_nudge.koha.read.administration import SORT_CATEGORIES, AttributeType

SHOWN = 10


def flags(conn: Connection, fields: Iterable[Flag]) -> Iterator[Finding]:
    """Everything about the fields that are used as flags."""
    types = administration.attribute_types(conn)
    for flag in dict.fromkeys(fields):
        kind = types.get(flag.code)
        if kind:
            yield from _unsuitable(kind)
        yield from _values_that_cannot_be_chosen(conn, flag, kind)
        yield from _other_use(conn, flag)


def exemptions(conn: Connection, fields: Iterable[Flag | None]) -> Iterator[Finding]:
    """Everything about the fields that exempt patrons, and how many patrons are exempt."""
    types = administration.attribute_types(conn)
    for field in dict.fromkeys(field for field in fields if field):
        yield from _opac_editable(types.get(field.code), "exemption")
        values = administration.values_in(conn, field)
        exempt = sum(number for value, number in values.items() if state_of_values([value]) is not FlagState.NO)
        if exempt:
            yield Finding(
                name="exempt-patrons",
                severity=Severity.NOTE,
                what=f"{counted(exempt, 'patron is', 'patrons are')} exempt by {field}.",
                why="They are never referred, whatever they owe.",
                way_out=f"If that is more than you know of, look at who has something in {field}.",
            )


def holds(conn: Connection, fields: Iterable[PatronFields]) -> Iterator[Finding]:
    """Everything about the fields that keep patrons back."""
    types, asked = administration.attribute_types(conn), list(fields)
    for field in dict.fromkeys(field for each in asked for field in (each.hold, each.hold_until) if field):
        yield from _opac_editable(types.get(field.code), "hold")
    for field in dict.fromkeys(each.hold_until for each in asked if each.hold_until):
        kind = types.get(field.code)
        if kind and kind.is_date is False:
            yield Finding(
                name="hold-field-unknown",
                severity=Severity.WARNING,
                what=f"The patron attribute {field.code}, the last day of holds, is not of the type date.",
                why="Koha's patron form takes anything there, and what is no date keeps a patron back for good.",
                way_out="Make it a date in Koha (Administration, Patron attribute types).",
            )
        values = administration.values_in(conn, field).items()
        if unreadable := sum(number for value, number in values if not is_day(value)):
            yield Finding(
                name="hold-until-unreadable",
                what=f"{counted(unreadable, 'patron has', 'patrons have')} something that is no date in {field}, the "
                "last day of holds.",
                why="They are kept back as long as the other field says so, as if there were no last day.",
                way_out="Write the day as 2026-12-31, or empty the field.",
            )


def _unsuitable(kind: AttributeType) -> Iterator[Finding]:
    if kind.unique:
        yield Finding(
            name="flag-attribute-unique",
            what=f"The patron attribute {kind.code}, the flag, is a unique identifier.",
            why="Koha refuses to save a second patron with the value that marks a referral.",
            way_out="Make it not unique in Koha (Administration, Patron attribute types).",
        )
    if kind.repeatable:
        yield Finding(
            name="flag-attribute-repeatable",
            severity=Severity.WARNING,
            what=f"The patron attribute {kind.code}, the flag, is repeatable.",
            why="A patron may have a yes and a no; any yes counts.",
            way_out="Make it not repeatable in Koha (Administration, Patron attribute types).",
        )
    yield from _opac_editable(kind, "flag")


def _opac_editable(kind: AttributeType | None, use: str) -> Iterator[Finding]:
    if kind and kind.opac_editable:
        yield Finding(
            name=f"{use}-attribute-opac-editable",
            what=f"Patrons may change the attribute {kind.code}, the {use}, in the OPAC.",
            why="They could take themselves out of collections, or keep out of them.",
            way_out="Take that away in Koha (Administration, Patron attribute types, Editable in OPAC).",
        )


def _values_that_cannot_be_chosen(conn: Connection, flag: Flag, kind: AttributeType | None) -> Iterator[Finding]:
    """Where the patron form offers a list, the values that we write have to be in it."""
    category = kind.values if kind else SORT_CATEGORIES.get(flag.column)
    if category is None:
        return
    offered = administration.authorised(conn, category)
    if flag.column != "attribute" and not offered:
        return  # the form has a plain text field, then
    lacking = sorted({flag.yes, flag.no} - offered)
    if lacking:
        yield Finding(
            name="flag-values-not-authorised",
            what=f"The authorised values of {category}, from which the form for {flag} chooses, lack "
            f"{' and '.join(lacking)}.",
            why="Koha's patron form cannot show the flag then, and clears it when the patron is saved: that looks "
            "as if staff had withdrawn the case.",
            way_out=f"Add {' and '.join(lacking)} to {category} in Koha (Administration, Authorized values).",
        )


def _other_use(conn: Connection, flag: Flag) -> Iterator[Finding]:
    values = administration.values_in(conn, flag)
    others = {value: number for value, number in values.items() if state_of_values([value]) is FlagState.OTHER}
    if not others:
        return
    by_number = sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{value!r} ({number})" for value, number in by_number[:SHOWN]]
    shown += [f"and {counted(len(others) - SHOWN, 'more value')}"] if len(others) > SHOWN else []
    yield Finding(
        name="flag-in-other-use",
        severity=Severity.WARNING,
        what=f"In {flag} there is something that is neither a yes nor a no (patrons: {sum(others.values())}): "
        f"{', '.join(shown)}.",
        why="They are neither referred nor adopted: the field seems to serve another purpose too.",
        way_out="Clear these values, or use another field as flag.",
    )
