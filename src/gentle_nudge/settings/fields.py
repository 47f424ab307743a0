"""What a key may take: the kinds as annotations, and the base of every table."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainValidator, SecretStr
from sqlalchemy.engine import URL

from gentle_nudge.domain.policy import Flag, Weekday
from gentle_nudge.settings import kinds, places

REQUIRED: dict[str, Any] = {"required": True}
LONGEST_AGE = 36_500


def _one_of(*words: str) -> PlainValidator:
    return PlainValidator(kinds.one_of(*words))


YesNo = Annotated[bool, PlainValidator(kinds.yes_or_no)]
Amount = Annotated[Decimal, PlainValidator(kinds.amount)]
Age = Annotated[int, PlainValidator(kinds.whole(0, 150))]
Days = Annotated[int, PlainValidator(kinds.whole(0, LONGEST_AGE))]
KeptDays = Annotated[int, PlainValidator(kinds.whole(1, LONGEST_AGE))]
Number = Annotated[int, PlainValidator(kinds.whole(0))]
Port = Annotated[int, PlainValidator(kinds.whole(1, 65_535))]
Fuse = Annotated[int | Literal["usual"], PlainValidator(kinds.fuse)]

Text = Annotated[str, PlainValidator(kinds.text)]
DebitType = Annotated[str, PlainValidator(kinds.text_of(kinds.DEBIT_TYPE))]
RestrictionType = Annotated[str, PlainValidator(kinds.text_of(kinds.RESTRICTION_TYPE))]
Comment = Annotated[str, PlainValidator(kinds.comment)]
FeeBranch = Annotated[str, PlainValidator(kinds.fee_branch)]
SectionName = Annotated[str, PlainValidator(kinds.section_name)]
Group = Annotated[str, PlainValidator(kinds.group)]
HostKey = Annotated[str, PlainValidator(kinds.host_key)]
TimeZone = Annotated[str, PlainValidator(kinds.timezone)]
Address = Annotated[str, PlainValidator(kinds.address)]
Secret = Annotated[SecretStr, PlainValidator(lambda value: SecretStr(kinds.secret(value)))]

Addresses = Annotated[tuple[str, ...], PlainValidator(kinds.list_of(kinds.address))]
Names = Annotated[tuple[str, ...], PlainValidator(kinds.list_of(kinds.section_name))]
Codes = Annotated[frozenset[str], PlainValidator(kinds.set_of(kinds.text))]
CategoryTypes = Annotated[frozenset[str], PlainValidator(kinds.set_of(kinds.category_type))]

FlagField = Annotated[Flag, PlainValidator(kinds.flag)]
FlagOrNone = Annotated[Flag | None, PlainValidator(kinds.or_none(kinds.flag))]
Day = Annotated[Weekday, PlainValidator(kinds.weekday)]
DayOrNever = Annotated[Weekday | None, PlainValidator(kinds.or_none(kinds.weekday))]
DateOrNone = Annotated[date | None, PlainValidator(kinds.or_none(kinds.day))]

Place = Annotated[Path, PlainValidator(places.path)]
File = Annotated[Path, PlainValidator(places.existing)]
Database = Annotated[URL, PlainValidator(places.database)]
WebAddress = Annotated[str, PlainValidator(places.web_address)]

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
