"""Holds: what Koha's field says, and what a night records of it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from gentle_nudge.domain.hold import Hold, HoldEnd, HoldSource, hold_changes, hold_in_field
from gentle_nudge.domain.patron import Patron
from tests.builders.values import SUNDAY, in_attributes

YESTERDAY, TOMORROW = SUNDAY - timedelta(days=1), SUNDAY + timedelta(days=1)
BY_PERSON = Hold(id=1, patron=1, reason="plan", until=SUNDAY, source=HoldSource.COMMAND)
IN_FIELD = Hold(id=2, patron=1, section="north", reason="PLAN", until=SUNDAY, source=HoldSource.KOHA)


def in_koha(*values: str, until: date | str = SUNDAY) -> Patron:
    """A patron in whose field this stands."""
    return Patron(number=1, hold=in_attributes(*values), hold_until=in_attributes(str(until)))


def test_the_first_value_that_is_not_a_no_is_the_reason() -> None:
    assert hold_in_field(in_koha("no", " PLAN ", "other")) == Hold(
        patron=1, reason="PLAN", until=SUNDAY, source=HoldSource.KOHA
    )
    assert hold_in_field(in_koha("no", "0", "")) is None
    assert hold_in_field(Patron(number=1)) is None


def test_a_hold_of_the_field_begins_when_it_is_seen() -> None:
    begun = hold_changes([], [in_koha("PLAN")], "north", SUNDAY).begun
    assert begun == (replace(IN_FIELD, id=None),)
    assert hold_changes([IN_FIELD], [in_koha("PLAN")], "north", SUNDAY).begun == ()
    assert hold_changes([], [in_koha("PLAN")], "north", TOMORROW).begun == ()


@pytest.mark.parametrize(
    ("patron", "ended_by"),
    [
        (in_koha("PLAN"), None),
        (in_koha("no"), HoldEnd.FIELD),
        (Patron(number=2), HoldEnd.FIELD),
        (in_koha("PLAN", until=YESTERDAY), HoldEnd.DATE),
        (in_koha("DISPUTE"), HoldEnd.REPLACED),
        (in_koha("PLAN", until=TOMORROW), HoldEnd.REPLACED),
    ],
)
def test_what_ends_a_hold_of_the_field(patron: Patron, ended_by: HoldEnd | None) -> None:
    ended = hold_changes([IN_FIELD], [patron], "north", SUNDAY).ended
    assert [hold.ended_by for hold in ended] == [ended_by] * (ended_by is not None)


def test_a_hold_by_a_person_ends_after_its_last_day_whatever_the_field_says() -> None:
    assert hold_changes([BY_PERSON], [], "north", SUNDAY).ended == ()
    (over,) = hold_changes([BY_PERSON], [in_koha("PLAN", until=TOMORROW)], "north", TOMORROW).ended
    assert over.ended_by is HoldEnd.DATE
    assert hold_changes([replace(BY_PERSON, until=None)], [], "north", TOMORROW).ended == ()


def test_a_field_that_is_still_set_and_a_last_day_that_is_no_date_are_named() -> None:
    over = hold_changes([], [in_koha("PLAN", until=YESTERDAY)], "north", SUNDAY)
    assert (over.still_set, over.unreadable) == ((1,), ())
    unreadable = hold_changes([], [in_koha("PLAN", until="soon")], "north", SUNDAY)
    assert (unreadable.still_set, unreadable.unreadable) == ((), (1,))
    assert hold_changes([], [in_koha("no", until="soon")], "north", SUNDAY).unreadable == ()
