"""The patrons who have a part: referred on one of the three Sundays, or in collections before the first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time

from gentle_nudge.demo.sample import Role, Sample, credit, lost, named, other, overdue, turning

FEE = "UMS Processing Fee"
TIME_OF_THE_PLUGIN = 120
LAST_MINUTE = time(23, 59, 59)


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
