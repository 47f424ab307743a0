"""The patrons who have a part in the demo, and what each of them shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any

from dateutil.relativedelta import relativedelta

FEE = "UMS Processing Fee"
TIME_OF_THE_PLUGIN = 120
LAST_MINUTE = time(23, 59, 59)
SELF_CHECK = "selfcheck"
ANONYMOUS = "Anonymous"
MIDNIGHT = time(0)
NOON = time(12)


class Role(StrEnum):
    """What happens to a patron in the weeks before the Sunday shown, in the words of the story; or a part in it."""

    PAYS = "paid in full"
    PAYS_A_PART = "paid a part"
    PAYS_NEARLY = "paid all but a little"
    PAYS_WITH_EDITED_RESTRICTION = "paid in full, after staff had rewritten the restriction"
    PAYS_AND_FLAG_OFF = "paid in full and had the flag taken off by staff"
    FLAG_OFF = "had the flag taken off by staff"
    FLAG_OVERWRITTEN = "had something else written into the flag field by staff"
    FLAGGED_BY_HAND = "were flagged by staff, by hand"
    TWO_CARDS = "had a second card, into which the first was merged"
    TWO_CASES = "had two cards, both in collections, which were merged"
    LEAVES = "was deleted from Koha"
    SECOND_CARD = "the card that remained"
    SECOND_CASE = "the card that remained, in collections itself"
    TURNS_EIGHTEEN = "turns eighteen a day after the Sunday shown"
    ORDINARY = "nothing happens"


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """A debit, or (amount below zero) a credit that is not applied; `ago` in days before the Sunday shown.

    `item` is the lost item, if it has a number, and `due` (in days, too) when its checkout was due.
    """

    ago: int
    amount: Decimal
    type: str
    description: str = ""
    paid: bool = False
    at: time = NOON
    item: int | None = None
    due: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A patron as before the first night.

    `ago` (0: never) and `restricted` are the days before the Sunday shown on which the role is played, and on which the
    plugin restricted the patron.
    """

    surname: str
    firstname: str
    charges: tuple[Charge, ...] = ()
    role: Role = Role.ORDINARY
    ago: int = 0
    born: date | None = date(1980, 5, 5)
    category: str = "PT"
    flag: str | None = None
    exemption: str | None = None
    protected: bool = False
    anonymized: bool = False
    userid: str | None = None
    address: str | None = None
    restricted: int | None = None


def sample(surname: str, firstname: str, *charges: Charge, **facts: Any) -> Sample:
    """A patron with these charges."""
    return Sample(surname=surname, firstname=firstname, charges=charges, **facts)


def charge(ago: int, amount: str, type_: str, **facts: Any) -> Charge:
    """A charge of this type."""
    return Charge(ago=ago, amount=Decimal(amount), type=type_, **facts)


lost, overdue, credit = (partial(charge, type_=type_) for type_ in ("LOST", "OVERDUE", "PAYMENT"))


def turning(age: int, day: date) -> date:
    """The date of birth of somebody who turns this age on this day."""
    return day - relativedelta(years=age)


def special(day: date) -> Iterator[Sample]:
    """Everybody with a part on the Sunday shown, or before it."""
    yield sample(ANONYMOUS, "", born=None)
    yield from flagged_before()
    yield from first_sunday()
    yield from second_sunday()
    yield from flagged_since()
    yield from tonight(day)
    yield from by_flag_and_protection()
    yield from by_category_and_age(day)
    yield from by_what_they_owe()


def flagged_before() -> Iterator[Sample]:
    """In collections since the time of the plugin: a flag, its fee, its restriction, but no case of ours."""
    long_ago = TIME_OF_THE_PLUGIN
    fee = charge(long_ago, "10.00", "MANUAL", description=FEE)
    yield sample("Abernathy", "Ruth", lost(160, "64.00"), fee, flag="yes", restricted=long_ago)
    yield sample("Østergård", "Søren", lost(160, "31.95"), fee, flag="yes", restricted=long_ago)
    yield sample("Yamamoto", "Aiko", lost(200, "45.00"), flag="YES ")
    yield sample("Zanetti", "Paolo", overdue(150, "3.00", paid=True), flag="1")


def first_sunday() -> Iterator[Sample]:
    """Referred two Sundays before the one shown."""
    yield sample("Adeyemi", "Folasade", lost(75, "29.95"), role=Role.PAYS, ago=10)
    yield sample("Van der Berg, Ph.D.", "Willem", lost(76, "54.00"), role=Role.PAYS, ago=10)
    yield sample("Castellanos", "Mateo", lost(77, "80.00"), role=Role.PAYS_A_PART, ago=9)
    yield sample("Holloway", "June", lost(74, "33.50"), role=Role.FLAG_OFF, ago=9)
    yield sample("Papadopoulos", "Νίκος", lost(75, "27.00"), overdue(74, "6.50"), role=Role.FLAG_OFF, ago=9)
    yield sample("Ferreira", "João", lost(78, "41.20"), role=Role.PAYS, ago=4)
    yield sample("Kowalczyk", "Zofia", lost(80, "26.75"), role=Role.PAYS_WITH_EDITED_RESTRICTION, ago=3)
    yield sample("Mbeki", "Thandiwe", lost(79, "38.00"), role=Role.FLAG_OVERWRITTEN, ago=3)
    yield sample("Delacroix", "Étienne", lost(76, "52.40"), role=Role.TWO_CARDS, ago=3)
    yield sample("Delacroix", "E.", overdue(20, "2.00"), role=Role.SECOND_CARD)
    yield sample("McAllister", "Fiona", lost(77, "95.00"), charge(77, "5.00", "PROCESSING"))


def second_sunday() -> Iterator[Sample]:
    """Referred one Sunday before the one shown."""
    yield sample("Bianchi", "Giulia", lost(68, "30.00"), role=Role.PAYS, ago=4)
    yield sample("Sørensen", "Mette", lost(69, "25.99"), role=Role.PAYS, ago=4)
    yield sample("Ivanova", "Мария", lost(70, "47.00"), role=Role.FLAG_OFF, ago=3)
    yield sample("Oyelaran", "Tunde", lost(71, "36.00"), role=Role.PAYS_AND_FLAG_OFF, ago=2)
    yield sample("Lindqvist", "Åsa", lost(72, "28.00"), role=Role.TWO_CASES, ago=3)
    yield sample("Lindqvist", "Asa", lost(70, "61.00"), role=Role.SECOND_CASE)
    yield sample("Wellington", "Harold", lost(73, "44.00"), role=Role.LEAVES, ago=3)
    yield sample("Thistlewood", "Ivy", lost(67, "39.00"), role=Role.PAYS_NEARLY, ago=4)
    yield sample("朴", "지훈", lost(69, "88.00"))


def flagged_since() -> Iterator[Sample]:
    """Flagged at the desk in the week before the Sunday shown."""
    yield sample("Thackeray", "Rose", lost(140, "48.00"), role=Role.FLAGGED_BY_HAND, ago=3)
    yield sample("Uchida", "Kenji", overdue(30, "4.00", paid=True), role=Role.FLAGGED_BY_HAND, ago=3)


def tonight(day: date) -> Iterator[Sample]:
    """Referred on the Sunday shown."""
    yield sample("O'Brien", "Pat", lost(62, "40.00"), lost(20, "12.55"))
    yield sample("王", "小明", lost(61, "32.00"))
    yield sample("Fox, Jr.", "Quinn", lost(63, "28.95"))
    yield sample('Katz "Bobby"', "Robert", lost(64, "35.00"))
    yield sample("=HYPERLINK(A1)", "Formula", lost(65, "27.50"))
    yield sample("Nguyễn", "Thị Ánh", lost(61, "18.00"), lost(62, "18.00"))
    yield sample("Ó Súilleabháin", "Máire", lost(66, "30.10"), overdue(66, "5.25"))
    yield sample("Threshold", "Tess", lost(62, "20.00"), charge(62, "5.00", "PROCESSING"))
    yield sample("Eighteen", "Erin", lost(80, "26.00"), born=turning(18, day))
    yield sample("Borrowmore", "Bertrand", *(lost(60 + n % 7, "77.55") for n in range(16)))
    yield sample("Sixtieth", "Sam", lost(60, "31.00", at=LAST_MINUTE))
    yield sample("Überall", "Jürgen", lost(63, "33.33"), credit(62, "-1.00"), address="c/o Hotel zur Post\r\nZimmer 12")


def by_flag_and_protection() -> Iterator[Sample]:
    """The flag field in other use, protected patrons, patrons whom staff exempted."""
    yield sample("Bookclub", "Brenda", lost(64, "45.00"), flag="Book club")
    yield sample("Homebound", "Hector", lost(70, "39.00"), flag="homebound")
    yield sample("Readers", "Rita", lost(81, "28.00"), flag="see note")
    yield sample("Local History Room", "", lost(66, "60.00"), protected=True)
    yield sample("Council", "The", lost(65, "75.00"), protected=True)
    yield sample("Self-check", "Machine", lost(62, "30.00"), userid=SELF_CHECK)
    yield sample("Forgotten", "", lost(85, "50.00"), anonymized=True)
    yield sample("Hardship", "Helen", lost(63, "41.00"), exemption="bankruptcy")
    yield sample("Hospital", "Hugh", lost(69, "29.00"), exemption="1")
    yield sample("Payment-Plan", "Petra", lost(72, "90.00"), exemption="pays 10 a month")


def by_category_and_age(day: date) -> Iterator[Sample]:
    """Staff and institutions, minors, patrons without a date of birth."""
    yield sample("Staff", "Stella", lost(61, "33.00"), category="STAFF")
    yield sample("Shelver", "Shawn", lost(75, "26.00"), category="STAFF")
    yield sample("Fernwood Primary School", "", lost(67, "240.00"), category="SCHOOL")
    for surname, years in ("Little", 6), ("Middle", 11), ("Tall", 15):
        yield sample(surname, "Minnie", lost(68, "27.00"), born=turning(years, day), category="KID")
    tomorrow = turning(18, day + timedelta(days=1))
    yield sample("Almost", "Alma", lost(71, "34.00"), born=tomorrow, role=Role.TURNS_EIGHTEEN)
    for surname in "Undated", "Timeless":
        yield sample(surname, "Una", lost(73, "31.00"), born=None)


def by_what_they_owe() -> Iterator[Sample]:
    """Fines only and nothing lost; money at the desk that brings the balance down; a little less than enough."""
    for firstname, amount in ("Fergus", "26.00"), ("Fiadh", "30.25"), ("Finn", "25.00"):
        yield sample("Latecomer", firstname, overdue(66, amount))
    for firstname, amount in ("Bella", "-15.00"), ("Boris", "-30.00"):
        yield sample("Inadvance", firstname, lost(65, "32.00"), credit(3, amount))
    yield sample("Nearly", "Ned", lost(64, "24.99"))
    yield sample("Credited", "Cora", lost(64, "30.00"), credit(63, "-5.01"))
    yield sample("Renter", "Rex", charge(62, "40.00", "RENT"), lost(62, "9.00"))
    yield sample("Too-New", "Tilda", lost(59, "50.00", at=MIDNIGHT))
    yield sample("Too-Old", "Otto", lost(105, "50.00"))
