"""Whether a patron of another library may be made here, and with which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from dateutil.relativedelta import relativedelta

from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.passport.answer import HomePatron
from gentle_nudge.domain.passport.mapping import BIRTH, COLUMNS, LANGUAGE, Value, columns_of

CHILD = "C"
PRIVACY = {"default": 1, "never": 2, "forever": 0}
NO_LOGIN = "!"


class CopyReason(StrEnum):
    """Why nobody is made."""

    TWO_HOMES = "two_homes"
    UNKNOWN = "unknown"
    LIKELY_DUPLICATE = "likely_duplicate"
    MISSING_FIELDS = "missing_fields"
    NEEDS_GUARANTOR = "needs_guarantor"
    ENROLMENT_FEE = "enrolment_fee"


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoryRules:
    """A patron category as Koha has it; `months` or `until` say how long its patrons stay."""

    code: str
    type: str = "A"
    can_be_guarantee: bool = False
    months: int = 0
    until: date | None = None
    needs_birth: bool = False
    fee: Decimal = ZERO
    privacy: str = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalRules:
    """What this Koha asks of a new patron: its category and preferences, and the columns that it has."""

    category: CategoryRules
    branch: str
    present: frozenset[str]
    mandatory: tuple[str, ...] = ()
    child_needs_guarantor: bool = False
    capitals: bool = False

    @property
    def needs_guarantor(self) -> bool:
        """Whether Koha demands a guarantor, who cannot be copied."""
        is_child = self.category.type == CHILD or self.category.can_be_guarantee
        return self.child_needs_guarantor and is_child


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why nobody is made, in a sentence, and the way out."""

    reason: CopyReason
    sentence: str
    way_out: str


def new_patron(
    home: HomePatron, card: str, *, groups: Sequence[str], rules: LocalRules, today: date
) -> dict[str, Value | int]:
    """The columns of the new row that have a value; all others are the column's default."""
    copied = {
        column: home.values.get(column)
        for column in columns_of(groups)
        if column in rules.present and column != LANGUAGE
    }
    if rules.capitals:
        copied["surname"] = str(copied["surname"]).upper()
    if "preferred_name" in rules.present:
        copied["preferred_name"] = copied["preferred_name"] or copied["firstname"]
    language = home.values.get(LANGUAGE) if "language" in groups else None
    months, until = rules.category.months, rules.category.until
    values: dict[str, Value | int] = {
        **copied,
        LANGUAGE: language or "default",
        "cardnumber": card,
        "userid": card,
        "categorycode": rules.category.code,
        "branchcode": rules.branch,
        "dateenrolled": today,
        "dateexpiry": today + relativedelta(months=months) if months else until,
        "privacy": PRIVACY.get(rules.category.privacy, 1),
        "password": NO_LOGIN,
    }
    return {column: value for column, value in values.items() if value is not None}


def refusal(
    new: Mapping[str, Value | int], rules: LocalRules, *, namesakes: Sequence[int], allows_fee: bool
) -> Refusal | None:
    """Why this patron is not made; None if nothing speaks against it. `namesakes` have the same name and birth here."""
    if namesakes:
        numbers = ", ".join(map(str, namesakes))
        return Refusal(
            reason=CopyReason.LIKELY_DUPLICATE,
            sentence=f"Somebody here has the same name and date of birth: patron number {numbers}.",
            way_out="If it is somebody else: --not-duplicate.",
        )
    asked = [*rules.mandatory, *([BIRTH] if rules.category.needs_birth else [])]
    lacking = list(dict.fromkeys(column for column in asked if column in COLUMNS and not new.get(column)))
    if lacking:
        return Refusal(
            reason=CopyReason.MISSING_FIELDS,
            sentence=f"The home does not tell what has to be filled here: {', '.join(lacking)}.",
            way_out="Let the home fill it, add its group to copy in [passport], or ask less: BorrowerMandatoryField.",
        )
    if rules.needs_guarantor:
        return Refusal(
            reason=CopyReason.NEEDS_GUARANTOR,
            sentence=f"Patrons of category {rules.category.code} need a guarantor here, and none is copied.",
            way_out="Name another category in [passport], or make the patron at the desk.",
        )
    if rules.category.fee > 0 and not allows_fee:
        return Refusal(
            reason=CopyReason.ENROLMENT_FEE,
            sentence=f"Category {rules.category.code} has an enrolment fee of {format_amount(rules.category.fee)}.",
            way_out="To charge it: --allow-fee.",
        )
    return None
