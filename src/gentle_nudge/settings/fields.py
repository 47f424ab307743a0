"""What a key may take: the kinds as annotations, and the base of every table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationInfo
from pydantic_core.core_schema import (
    CoreSchema,
    no_info_plain_validator_function,
    with_info_plain_validator_function,
)
from sqlalchemy.engine import URL

from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.patron import Flag
from gentle_nudge.settings import kinds, places

REQUIRED: dict[str, Any] = {"required": True}
LONGEST_AGE = 36_500


class Kind:
    """A value that is whatever a function makes of what was given.

    As pydantic's PlainValidator, which at each start also finds out how every value would be written as JSON.
    """

    def __init__(self, made: Callable[[Any], object]) -> None:
        self.made = made

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        """How pydantic asks for it."""
        return no_info_plain_validator_function(self.made)


class Whereabouts:
    """The same for a function that is also told from which folder relative paths start."""

    def __init__(self, made: Callable[[Any, ValidationInfo], object]) -> None:
        self.made = made

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        """How pydantic asks for it."""
        return with_info_plain_validator_function(self.made)


def _one_of(*words: str) -> Kind:
    return Kind(kinds.one_of(*words))


YesNo = Annotated[bool, Kind(kinds.yes_or_no)]
Amount = Annotated[Decimal, Kind(kinds.amount)]
Age = Annotated[int, Kind(kinds.whole(0, 150))]
Days = Annotated[int, Kind(kinds.whole(0, LONGEST_AGE))]
KeptDays = Annotated[int, Kind(kinds.whole(1, LONGEST_AGE))]
Number = Annotated[int, Kind(kinds.whole(0))]
Port = Annotated[int, Kind(kinds.whole(1, 65_535))]
Fuse = Annotated[int | Literal["usual"], Kind(kinds.fuse)]

Text = Annotated[str, Kind(kinds.text)]
DebitType = Annotated[str, Kind(kinds.text_of(kinds.DEBIT_TYPE))]
RestrictionType = Annotated[str, Kind(kinds.text_of(kinds.RESTRICTION_TYPE))]
Comment = Annotated[str, Kind(kinds.comment)]
FeeBranch = Annotated[str, Kind(kinds.fee_branch)]
SectionName = Annotated[str, Kind(kinds.section_name)]
Group = Annotated[str, Kind(kinds.group)]
HostKey = Annotated[str, Kind(kinds.host_key)]
TimeZone = Annotated[str, Kind(kinds.timezone)]
Address = Annotated[str, Kind(kinds.address)]
Secret = Annotated[SecretStr, Kind(lambda value: SecretStr(kinds.secret(value)))]

Addresses = Annotated[tuple[str, ...], Kind(kinds.list_of(kinds.address))]
Names = Annotated[tuple[str, ...], Kind(kinds.list_of(kinds.section_name))]
Codes = Annotated[frozenset[str], Kind(kinds.set_of(kinds.text))]
CategoryTypes = Annotated[frozenset[str], Kind(kinds.set_of(kinds.category_type))]

FlagField = Annotated[Flag, Kind(kinds.flag)]
FlagOrNone = Annotated[Flag | None, Kind(kinds.or_none(kinds.flag))]
Day = Annotated[Weekday, Kind(kinds.weekday)]
DayOrNever = Annotated[Weekday | None, Kind(kinds.or_none(kinds.weekday))]
DateOrNone = Annotated[date | None, Kind(kinds.or_none(kinds.day))]

Place = Annotated[Path, Whereabouts(places.path)]
File = Annotated[Path, Whereabouts(places.existing)]
Database = Annotated[URL, Whereabouts(places.database)]
WebAddress = Annotated[str, Kind(places.web_address)]

Minors = Annotated[Literal["include", "exclude", "guardian"], _one_of("include", "exclude", "guardian")]
InOrOut = Annotated[Literal["include", "exclude"], _one_of("include", "exclude")]
ReleasedDue = Annotated[Literal["balance", "zero"], _one_of("balance", "zero")]
NegativeDue = Annotated[Literal["as_is", "zero"], _one_of("as_is", "zero")]
WithdrawnDue = Annotated[Literal["zero", "balance", "none"], _one_of("zero", "balance", "none")]
UpdateLists = Annotated[Literal["all", "changed"], _one_of("all", "changed")]
EmptyReport = Annotated[Literal["sentence", "header", "none"], _one_of("sentence", "header", "none")]
ChargesBy = Annotated[Literal["patron", "charge", "item"], _one_of("patron", "charge", "item")]
MailSecurity = Annotated[Literal["none", "starttls", "tls"], _one_of("none", "starttls", "tls")]
Upload = Annotated[Literal["rename", "direct"], _one_of("rename", "direct")]
Verify = Annotated[Literal["size", "content", "none"], _one_of("size", "content", "none")]


class Table(BaseModel):
    """One table of the file: frozen, without unknown keys, silent about its values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)
