"""The patrons whom a rule leaves out: every rule of one section at least twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta

from gentle_nudge.demo.sample import Role, Sample, credit, lost, named, other, overdue, turning

SELF_CHECK = "selfcheck"
ANONYMOUS = "Anonymous"
MIDNIGHT = time(0)


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
