"""The patrons who have a part in the demo, and what each of them shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import StrEnum

from dateutil.relativedelta import relativedelta

from gentle_nudge.demo.people import Name

FEE = "UMS Processing Fee"
TIME_OF_THE_PLUGIN = 120
LAST_MINUTE = time(23, 59, 59)
SELF_CHECK = "selfcheck"
ANONYMOUS = "Anonymous"
MIDNIGHT = time(0)
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


def cast() -> Iterator[Sample]:
    """Everybody who is in collections before the Sunday shown, or about to be noticed."""
    yield from flagged_before()
    yield from first_sunday()
    yield from second_sunday()
    yield from flagged_since()


def flagged_before() -> Iterator[Sample]:
    """In collections since the time of the plugin: a flag, its fee, its restriction, but no case of ours."""
    for name, amount in (named("Abernathy", "Ruth"), "64.00"), (named("Østergård", "Søren"), "31.95"):
        yield Sample(
            name=name,
            charges=(lost(160, amount), other(TIME_OF_THE_PLUGIN, "10.00", "MANUAL", FEE)),
            flag="yes",
            restricted=TIME_OF_THE_PLUGIN,
        )
    yield Sample(name=named("Yamamoto", "Aiko"), charges=(lost(200, "45.00"),), flag="YES ")
    yield Sample(name=named("Zanetti", "Paolo"), flag="1", charges=(overdue(150, "3.00", paid=True),))


def first_sunday() -> Iterator[Sample]:
    """Referred two Sundays before the one shown."""
    paying = Role.PAYS_IN_THE_FIRST_WEEK
    yield Sample(name=named("Adeyemi", "Folasade"), charges=(lost(75, "29.95"),), role=paying)
    yield Sample(name=named("Van der Berg, Ph.D.", "Willem"), charges=(lost(76, "54.00"),), role=paying)
    yield Sample(name=named("Castellanos", "Mateo"), charges=(lost(77, "80.00"),), role=Role.PAYS_A_PART)
    taken_off = Role.FLAG_OFF_IN_THE_FIRST_WEEK
    yield Sample(name=named("Holloway", "June"), charges=(lost(74, "33.50"),), role=taken_off)
    yield Sample(name=named("Papadopoulos", "Νίκος"), charges=(lost(75, "27.00"), overdue(74, "6.50")), role=taken_off)
    yield Sample(name=named("Ferreira", "João"), charges=(lost(78, "41.20"),), role=Role.PAYS)
    edited = Role.PAYS_WITH_EDITED_RESTRICTION
    yield Sample(name=named("Kowalczyk", "Zofia"), charges=(lost(80, "26.75"),), role=edited)
    yield Sample(name=named("Mbeki", "Thandiwe"), charges=(lost(79, "38.00"),), role=Role.FLAG_OVERWRITTEN)
    yield Sample(name=named("Delacroix", "Étienne"), charges=(lost(76, "52.40"),), role=Role.TWO_CARDS)
    yield Sample(name=named("Delacroix", "E."), charges=(overdue(20, "2.00"),), role=Role.SECOND_CARD)
    yield Sample(name=named("McAllister", "Fiona"), charges=(lost(77, "95.00"), other(77, "5.00", "PROCESSING")))


def second_sunday() -> Iterator[Sample]:
    """Referred one Sunday before the one shown."""
    yield Sample(name=named("Bianchi", "Giulia"), charges=(lost(68, "30.00"),), role=Role.PAYS)
    yield Sample(name=named("Sørensen", "Mette"), charges=(lost(69, "25.99"),), role=Role.PAYS)
    yield Sample(name=named("Ivanova", "Мария"), charges=(lost(70, "47.00"),), role=Role.FLAG_OFF)
    yield Sample(name=named("Oyelaran", "Tunde"), charges=(lost(71, "36.00"),), role=Role.PAYS_AND_FLAG_OFF)
    yield Sample(name=named("Lindqvist", "Åsa"), charges=(lost(72, "28.00"),), role=Role.TWO_CASES)
    yield Sample(name=named("Lindqvist", "Asa"), charges=(lost(70, "61.00"),), role=Role.SECOND_CASE)
    yield Sample(name=named("Wellington", "Harold"), charges=(lost(73, "44.00"),), role=Role.LEAVES)
    yield Sample(name=named("Thistlewood", "Ivy"), charges=(lost(67, "39.00"),), role=Role.PAYS_NEARLY)
    yield Sample(name=named("朴", "지훈"), charges=(lost(69, "88.00"),))


def flagged_since() -> Iterator[Sample]:
    """Flagged at the desk in the week before the Sunday shown."""
    by_hand = Role.FLAGGED_BY_HAND
    yield Sample(name=named("Thackeray", "Rose"), charges=(lost(140, "48.00"),), role=by_hand)
    yield Sample(name=named("Uchida", "Kenji"), charges=(overdue(30, "4.00", paid=True),), role=by_hand)


def tonight(day: date) -> Iterator[Sample]:
    """Referred on the Sunday shown."""
    yield Sample(name=named("O'Brien", "Pat"), charges=(lost(62, "40.00"), lost(20, "12.55")))
    yield Sample(name=named("王", "小明"), charges=(lost(61, "32.00"),))
    yield Sample(name=named("Fox, Jr.", "Quinn"), charges=(lost(63, "28.95"),))
    yield Sample(name=named('Katz "Bobby"', "Robert"), charges=(lost(64, "35.00"),))
    yield Sample(name=named("=HYPERLINK(A1)", "Formula"), charges=(lost(65, "27.50"),))
    yield Sample(name=named("Nguyễn", "Thị Ánh"), charges=(lost(61, "18.00"), lost(62, "18.00")))
    yield Sample(name=named("Ó Súilleabháin", "Máire"), charges=(lost(66, "30.10"), overdue(66, "5.25")))
    yield Sample(name=named("Threshold", "Tess"), charges=(lost(62, "20.00"), other(62, "5.00", "PROCESSING")))
    yield Sample(name=named("Eighteen", "Erin"), charges=(lost(80, "26.00"),), born=turning(18, day))
    yield Sample(name=named("Borrowmore", "Bertrand"), charges=tuple(lost(60 + n % 7, "77.55") for n in range(16)))
    yield Sample(name=named("Sixtieth", "Sam"), charges=(lost(60, "31.00", at=LAST_MINUTE),))
    yield Sample(
        name=named("Überall", "Jürgen"),
        charges=(lost(63, "33.33"), credit(62, "1.00")),
        address="c/o Hotel zur Post\r\nZimmer 12",
    )


def left_out(day: date) -> Iterator[Sample]:
    """Everybody who owes enough in the window and is not referred all the same."""
    yield from by_flag_and_protection()
    yield from by_category_and_age(day)
    yield from by_what_they_owe()


def by_flag_and_protection() -> Iterator[Sample]:
    """The flag field in other use, protected patrons, patrons whom staff exempted."""
    yield Sample(name=named("Bookclub", "Brenda"), charges=(lost(64, "45.00"),), flag="Book club")
    yield Sample(name=named("Homebound", "Hector"), charges=(lost(70, "39.00"),), flag="homebound")
    yield Sample(name=named("Readers", "Rita"), charges=(lost(81, "28.00"),), flag="see note")
    yield Sample(name=named("Local History Room", ""), charges=(lost(66, "60.00"),), protected=True)
    yield Sample(name=named("Council", "The"), charges=(lost(65, "75.00"),), protected=True)
    yield Sample(name=named("Self-check", "Machine"), charges=(lost(62, "30.00"),), userid=SELF_CHECK)
    yield Sample(name=named("Forgotten", ""), charges=(lost(85, "50.00"),), anonymized=True)
    yield Sample(name=named("Hardship", "Helen"), charges=(lost(63, "41.00"),), exemption="bankruptcy")
    yield Sample(name=named("Hospital", "Hugh"), charges=(lost(69, "29.00"),), exemption="1")
    yield Sample(name=named("Payment-Plan", "Petra"), charges=(lost(72, "90.00"),), exemption="pays 10 a month")


def by_category_and_age(day: date) -> Iterator[Sample]:
    """Staff and institutions, minors, patrons without a date of birth."""
    yield Sample(name=named("Staff", "Stella"), charges=(lost(61, "33.00"),), category="STAFF")
    yield Sample(name=named("Shelver", "Shawn"), charges=(lost(75, "26.00"),), category="STAFF")
    yield Sample(name=named("Fernwood Primary School", ""), charges=(lost(67, "240.00"),), category="SCHOOL")
    for surname, years in ("Little", 6), ("Middle", 11), ("Tall", 15):
        born = turning(years, day)
        yield Sample(name=named(surname, "Minnie"), charges=(lost(68, "27.00"),), born=born, category="KID")
    tomorrow = turning(18, day + timedelta(days=1))
    almost = Role.TURNS_EIGHTEEN
    yield Sample(name=named("Almost", "Alma"), charges=(lost(71, "34.00"),), born=tomorrow, role=almost)
    for surname in "Undated", "Timeless":
        yield Sample(name=named(surname, "Una"), charges=(lost(73, "31.00"),), born=None)


def by_what_they_owe() -> Iterator[Sample]:
    """Fines only and nothing lost; money at the desk that brings the balance down; a little less than enough."""
    for firstname, amount in ("Fergus", "26.00"), ("Fiadh", "30.25"), ("Finn", "25.00"):
        yield Sample(name=named("Latecomer", firstname), charges=(overdue(66, amount),))
    for firstname, amount in ("Bella", "15.00"), ("Boris", "30.00"):
        yield Sample(name=named("Inadvance", firstname), charges=(lost(65, "32.00"), credit(3, amount)))
    yield Sample(name=named("Nearly", "Ned"), charges=(lost(64, "24.99"),))
    yield Sample(name=named("Credited", "Cora"), charges=(lost(64, "30.00"), credit(63, "5.01")))
    yield Sample(name=named("Renter", "Rex"), charges=(other(62, "40.00", "RENT"), lost(62, "9.00")))
    yield Sample(name=named("Too-New", "Tilda"), charges=(lost(59, "50.00", at=MIDNIGHT),))
    yield Sample(name=named("Too-Old", "Otto"), charges=(lost(105, "50.00"),))
