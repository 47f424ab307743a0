"""What a home says of one card, read from the bytes that it sent; whatever is not of the mapping is dropped here."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from gentle_nudge.domain.passport.mapping import COLUMNS, FIELDS, Value, cleaned, day_of
from gentle_nudge.domain.passport.terms import Passport, PassportServer
from gentle_nudge.domain.patron import FlagState, state_of_values

PERMISSIONS = {
    "api": "list_borrowers and view_borrower_infos_from_any_libraries",
    "plugin": "list_borrowers",
}


class Outcome(StrEnum):
    """What became of a question; the last four are failures."""

    FOUND = "found"
    CLONE = "clone"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    NO_SERVICE = "no_service"
    NO_ANSWER = "no_answer"
    UNUSABLE = "unusable"

    @property
    def is_failure(self) -> bool:
        """Whether we know nothing now."""
        return self not in {Outcome.FOUND, Outcome.CLONE, Outcome.NOT_FOUND}


class Verdict(StrEnum):
    """What all answers say together."""

    TWO_HOMES = "two_homes"
    UNKNOWN = "unknown"
    ONE_HOME = "one_home"
    NOWHERE = "nowhere"


@dataclass(frozen=True, kw_only=True, slots=True)
class HomePatron:
    """A patron as the home has them: the columns that its answer holds, and what is read but never copied.

    `until` is the last day of a restriction, None if it has none or the home does not tell it.
    """

    values: Mapping[str, Value]
    branch: Value = None
    category: Value = None
    restricted: bool | None = None
    until: date | None = None
    is_flagged: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One card that one server is asked for, on this day, with what the settings want to know."""

    server: PassportServer
    card: str
    passport: Passport
    today: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one server says of one card; `patron` if it is found. `sees_nobody`: its account is shown no patron."""

    server: PassportServer
    outcome: Outcome
    reason: str | None = None
    patron: HomePatron | None = None
    sees_nobody: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came over the line."""

    status: int
    body: bytes = b""
    is_encoded: bool = False
    is_too_long: bool = False
    base_total: str | None = None


class Unusable(ValueError):
    """The answer is not what such a server sends."""


def answer_of(reply: Reply, question: Question) -> Answer:
    """The reply to this question as an answer."""
    server = question.server
    sees_nobody = (reply.base_total or "").strip() == "0"
    try:
        outcome, patron = _read(reply, question)
        reason = _reason(outcome, server, reply.status)
    except Unusable as fault:
        outcome, patron, reason = Outcome.UNUSABLE, None, f"{server.name} sent what cannot be used: {fault}."
    return Answer(server=server, outcome=outcome, reason=reason, patron=patron, sees_nobody=sees_nobody)


def _read(reply: Reply, question: Question) -> tuple[Outcome, HomePatron | None]:
    server = question.server
    match reply.status:
        case HTTPStatus.OK:
            record = _record(reply, server)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Outcome.REFUSED, None
        case HTTPStatus.NOT_FOUND if server.kind == "plugin" and _says_unknown(reply):
            return Outcome.NOT_FOUND, None
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Outcome.NO_ANSWER, None
        case status:
            return Outcome.NO_ANSWER if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Outcome.NO_SERVICE, None
    if record is None:
        return Outcome.NOT_FOUND, None
    if str(_text(record, "cardnumber", "cardnumber") or "").casefold() != question.card.casefold():
        raise Unusable("a patron with another card")
    patron = _patron(record, question)
    if not patron.values.get("surname"):
        raise Unusable("a patron without a surname")
    home = _attributes(record, question.passport.attribute) if server.kind == "api" else ()
    return (Outcome.CLONE, None) if any(home) else (Outcome.FOUND, patron)


def _record(reply: Reply, server: PassportServer) -> Mapping[str, Any] | None:
    """The one patron; None if there is none."""
    content = _json(reply)
    if server.kind == "api":
        if not isinstance(content, list) or len(content) > 1:
            raise Unusable("no list of one patron")
        if not content:
            return None
        (content,) = content
    if not isinstance(content, dict):
        raise Unusable("no patron")
    return content


def _json(reply: Reply) -> Any:
    """The content, its numbers as they are written."""
    if reply.is_too_long or reply.is_encoded:
        raise Unusable("more than a megabyte" if reply.is_too_long else "an encoding that was not asked for")
    try:
        return json.loads(reply.body.decode(), parse_int=str, parse_float=str, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unusable("no JSON") from None


def _no_number(word: str) -> None:
    raise ValueError(word)


def _says_unknown(reply: Reply) -> bool:
    try:
        content = _json(reply)
    except Unusable:
        return False
    return isinstance(content, dict) and isinstance(content.get("error"), str)


def _patron(record: Mapping[str, Any], question: Question) -> HomePatron:
    server = question.server
    names = FIELDS if server.kind == "api" else {column: column for column in COLUMNS}
    values = {column: _text(record, field, column) for column, field in names.items() if field in record}
    branch, category = ("library_id", "category_id") if server.kind == "api" else ("branchcode", "categorycode")
    restricted, until = _restriction(record, server, question.today) if question.passport.mirrors else (None, None)
    return HomePatron(
        values=values,
        branch=_text(record, branch, branch),
        category=_text(record, category, category),
        restricted=restricted,
        until=until,
        is_flagged=state_of_values(_flags(record, server)) is FlagState.YES,
    )


def _text(record: Mapping[str, Any], field: str, column: str) -> Value:
    value = record.get(field)
    if value is not None and not isinstance(value, str):
        raise Unusable(f"{field} is no text")
    return cleaned(column, value)


def _attributes(record: Mapping[str, Any], code: str) -> list[str]:
    """The values of this attribute that say something."""
    rows = record.get("extended_attributes") or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unusable("extended_attributes is no list of attributes")
    values = [_text(row, "value", "value") for row in rows if str(row.get("type")).casefold() == code.casefold()]
    return [str(value) for value in values if value]


def _restriction(record: Mapping[str, Any], server: PassportServer, today: date) -> tuple[bool | None, date | None]:
    """Whether the patron is restricted at home (None: unknown), and until when; a day that never comes is none."""
    if ("restricted" if server.kind == "api" else "debarred") not in record:
        return None, None
    if server.kind == "api":
        restricted = record["restricted"] or False
        if not isinstance(restricted, bool):
            raise Unusable("restricted is neither true nor false")
        return restricted, None
    until = day_of(str(_text(record, "debarred", "debarred") or ""))
    if until is None or until <= today:
        return False, None
    return True, None if until == date(9999, 12, 31) else until


def _flags(record: Mapping[str, Any], server: PassportServer) -> Iterable[str]:
    """The values of the field that marks patrons in collections there."""
    flag = server.flag
    if flag is None:
        return []
    if flag.column == "attribute":
        return _attributes(record, flag.code)
    field = flag.column.replace("sort", "statistics_") if server.kind == "api" else flag.column
    return [str(_text(record, field, flag.column) or "")]


def _reason(outcome: Outcome, server: PassportServer, status: int) -> str | None:
    match outcome:
        case Outcome.REFUSED:
            needed = PERMISSIONS[server.kind]
            return f"{server.name} refuses the account {server.user} ({status}); its permissions have to be {needed}."
        case Outcome.NO_SERVICE:
            return f"{server.name} has no such service at this address ({status})."
        case Outcome.NO_ANSWER:
            return f"{server.name} could not answer ({status})."
        case _:
            return None


def verdict_of(answers: Sequence[Answer]) -> Verdict:
    """What the answers of all servers say together."""
    homes = len(found(answers))
    if homes > 1:
        return Verdict.TWO_HOMES
    if any(each.outcome.is_failure for each in answers):
        return Verdict.UNKNOWN
    return Verdict.ONE_HOME if homes else Verdict.NOWHERE


def found(answers: Collection[Answer]) -> list[Answer]:
    """The answers of homes."""
    return [each for each in answers if each.outcome is Outcome.FOUND]
