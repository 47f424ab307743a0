"""What a sample patron is made of; days are counted back from the Sunday shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import StrEnum

from dateutil.relativedelta import relativedelta

from gentle_nudge.demo.people import Name

NOON = time(12)


class Role(StrEnum):
    """What a patron does in the weeks before the Sunday shown, or is there for."""

    ORDINARY = "nothing happens"
    PAYS_IN_THE_FIRST_WEEK = "paid in full in the first week"
    PAYS_A_PART = "paid a part"
    FLAG_OFF_IN_THE_FIRST_WEEK = "staff took the flag off in the first week"
    PAYS = "paid in full"
    PAYS_NEARLY = "paid all but a little"
    PAYS_WITH_EDITED_RESTRICTION = "paid in full; staff had rewritten the restriction"
    PAYS_AND_FLAG_OFF = "paid in full, and staff took the flag off"
    FLAG_OFF = "staff took the flag off"
    FLAG_OVERWRITTEN = "staff wrote something else into the flag field"
    FLAGGED_BY_HAND = "staff set the flag by hand"
    TWO_CARDS = "had two cards, which were merged; the other was not in collections"
    SECOND_CARD = "the card that remained"
    TWO_CASES = "had two cards, which were merged; both were in collections"
    SECOND_CASE = "the card that remained, in collections itself"
    TURNS_EIGHTEEN = "turns eighteen a day after the Sunday shown"
    LEAVES = "was deleted from Koha"


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """A debit, or (amount below zero) a credit nobody has applied; `ago` in days before the Sunday shown."""

    ago: int
    amount: Decimal
    type: str = "LOST"
    description: str = ""
    paid: bool = False
    at: time = NOON


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A patron of the sample library, before the first night; `restricted` by the plugin, so many days ago."""

    name: Name
    charges: tuple[Charge, ...] = ()
    role: Role = Role.ORDINARY
    born: date | None = date(1980, 5, 5)
    category: str = "PT"
    flag: str | None = None
    exemption: str | None = None
    protected: bool = False
    anonymized: bool = False
    userid: str | None = None
    address: str | None = None
    restricted: int | None = None


def named(surname: str, firstname: str) -> Name:
    """The name."""
    return Name(surname=surname, firstname=firstname)


def lost(ago: int, amount: str, *, at: time = NOON) -> Charge:
    """The replacement cost of a lost item."""
    return Charge(ago=ago, amount=Decimal(amount), at=at)


def overdue(ago: int, amount: str, *, paid: bool = False) -> Charge:
    """A fine of an item that came back late."""
    return Charge(ago=ago, amount=Decimal(amount), type="OVERDUE", paid=paid)


def other(ago: int, amount: str, type_: str, description: str = "") -> Charge:
    """A debit of any other type."""
    return Charge(ago=ago, amount=Decimal(amount), type=type_, description=description)


def credit(ago: int, amount: str) -> Charge:
    """Money the patron left at the desk, applied to nothing yet."""
    return Charge(ago=ago, amount=-Decimal(amount), type="PAYMENT")


def turning(age: int, day: date) -> date:
    """The date of birth of somebody who turns this age on this day."""
    return day - relativedelta(years=age)
