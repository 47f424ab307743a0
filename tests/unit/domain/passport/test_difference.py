"""What a refresh would change, on both sides of every boundary."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gentle_nudge.domain.actions import LiftRestriction, MoveRestriction, Restrict
from gentle_nudge.domain.passport.answer import HomePatron, Question
from gentle_nudge.domain.passport.difference import (
    Difference,
    Memory,
    Passported,
    Skipped,
    difference,
    hashes,
    home_of,
)
from gentle_nudge.domain.passport.mapping import FIELDS, cleaned, parse_card, units_of
from gentle_nudge.domain.passport.terms import Passport, PassportServer
from gentle_nudge.domain.patron import Restriction

TODAY = date(2026, 11, 27)
LIBB = PassportServer(name="LIBB", kind="plugin", url="https://b.example", user="u", password_file=Path("/x"))
PASSPORT = Passport(category="PASS", branch="CPL", server=(LIBB, replace(LIBB, name="LIBC")))
QUESTION = Question(server=LIBB, card="1", passport=PASSPORT, today=TODAY)
HERE = {column: None for unit in units_of(PASSPORT.copy).values() for column in unit}


def here(**columns: str | None) -> Passported:
    return Passported(number=1, card="1", homes=("LIBB",), values={**HERE, **columns})


def home(**values: Any) -> HomePatron:
    return HomePatron(values={"surname": "Lee", **values})


def seen(patron: HomePatron, server: str = "LIBB") -> Memory:
    return Memory(patron=1, server=server, first_seen=TODAY, last_seen=TODAY, home=hashes(patron, PASSPORT.copy))


def changes(ours: Passported, theirs: HomePatron, memory: Memory | None = None) -> dict[str, Any]:
    return {name: after for name, (_, after) in difference(ours, theirs, memory, QUESTION).changes.items()}


def test_every_field_of_the_api_is_one_column() -> None:
    assert len(set(FIELDS.values())) == len(FIELDS) == 30
    assert FIELDS["B_zipcode"] == "altaddress_postal_code"


def test_without_memory_the_home_wins() -> None:
    assert changes(here(phone="1"), home(phone="2")) == {"phone": "2"}
    assert changes(here(phone="1"), home(phone="2"), seen(home(phone="2"), "LIBC")) == {"phone": "2"}


def test_with_memory_only_what_the_home_has_changed_since_is_taken() -> None:
    assert changes(here(phone="1"), home(phone="2"), seen(home(phone="2"))) == {}
    assert changes(here(phone="1"), home(phone="3"), seen(home(phone="2"))) == {"phone": "3"}
    assert changes(here(phone="3"), home(phone="3"), seen(home(phone="2"))) == {}


def test_what_is_empty_at_home_is_left_alone() -> None:
    assert changes(here(phone="1", email="a@b"), home(phone=None, email=None)) == {}
    assert changes(here(address="1 St", country="US"), home(address=None, city=None, zipcode=None, country="UK")) == {}
    assert changes(here(address="1 St", address2="Apt"), home(address=None, city="X", address2=None)) == {
        "address": None,
        "city": "X",
        "address2": None,
    }


def test_what_the_home_does_not_tell_or_koha_lacks_is_left_alone() -> None:
    assert changes(here(address="1 St", address2="Apt"), home(address="2 St")) == {"address": "2 St"}
    ours = Passported(number=1, card="1", homes=("LIBB",), values={"phone": "1"})
    assert changes(ours, home(phone="1", mobile="2")) == {}


def test_blanks_and_empty_texts_are_no_difference() -> None:
    assert changes(here(phone=" 1 ", address="1  St", city=""), home(phone="1", address="1  St", city=None)) == {}


def test_groups_that_are_not_copied_are_not_compared() -> None:
    narrow = replace(QUESTION, passport=replace(PASSPORT, copy=("phones", "language")))
    theirs = home(phone="2", email="x", address="1", lang="de", dateofbirth=TODAY)
    assert difference(here(), theirs, None, narrow).changes == {"phone": (None, "2")}


BLOCK = Restriction(id=7, type="PASSPORTED", comment="Restricted at LIBB", expires=date(2026, 12, 31))


@pytest.mark.parametrize(
    ("present", "restricted", "until", "expected"),
    [
        ((), True, None, Restrict(patron=1, type="PASSPORTED", comment="Restricted at LIBB")),
        ((), True, TODAY, Restrict(patron=1, type="PASSPORTED", comment="Restricted at LIBB", until=TODAY)),
        ((), False, None, None),
        ((BLOCK,), True, date(2026, 12, 31), None),
        ((BLOCK,), True, None, MoveRestriction(patron=1, restriction=BLOCK, until=None)),
        ((BLOCK,), False, None, LiftRestriction(patron=1, restriction=BLOCK)),
        ((replace(BLOCK, comment="theirs"),), True, None, None),
        ((replace(BLOCK, comment="theirs"),), False, None, None),
        (
            (replace(BLOCK, comment="theirs", expires=TODAY),),
            *(True, None),
            Restrict(patron=1, type="PASSPORTED", comment="Restricted at LIBB"),
        ),
        (
            (replace(BLOCK, type="MANUAL"),),
            *(True, None),
            Restrict(patron=1, type="PASSPORTED", comment="Restricted at LIBB"),
        ),
    ],
)
def test_a_restriction_is_mirrored(present: Any, *, restricted: bool, until: date | None, expected: object) -> None:
    ours = replace(here(), restrictions=present)
    theirs = replace(home(), restricted=restricted, until=until)
    mirror = replace(QUESTION, passport=replace(PASSPORT, restrictions="mirror"))
    found = difference(ours, theirs, None, mirror)
    assert found == Difference(changes={}, restriction=expected)  # type: ignore[arg-type]
    assert bool(found) == (expected is not None)
    assert not difference(ours, theirs, None, QUESTION)


@pytest.mark.parametrize(
    ("patron", "expected"),
    [
        (here(), LIBB),
        (replace(here(), homes=(" libb ", "", "LIBB")), LIBB),
        (replace(here(), homes=("LIBB", "LIBC")), Skipped.TWO_HOMES),
        (replace(here(), homes=("LIBB", "LIBX")), Skipped.TWO_HOMES),
        (replace(here(), homes=("LIBX",)), Skipped.UNKNOWN_SERVER),
        (replace(here(), card=None), Skipped.NO_CARD),
        (replace(here(), card=" "), Skipped.NO_CARD),
        (replace(here(), card="..", protected=True), Skipped.NO_CARD),
        (replace(here(), protected=True), Skipped.PROTECTED),
    ],
)
def test_whom_to_ask(patron: Passported, expected: object) -> None:
    assert home_of(patron, PASSPORT) == expected


@pytest.mark.parametrize(("length", "is_card"), [(0, False), (1, True), (32, True), (33, False)])
def test_a_card_is_as_long_as_koha_s_column(length: int, *, is_card: bool) -> None:
    try:
        assert parse_card(" " + "x" * length) == "x" * length
        assert is_card
    except ValueError:
        assert not is_card


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("city", "  a \r\n\t b\u2028", "a b"),
        ("city", "\ud800x", "x"),
        ("city", "\x00", None),
        ("zipcode", "é" * 128, "é" * 127),
        ("address", "é" * 300, "é" * 300),
        ("lang", "x" * 26, "x" * 25),
        ("dateofbirth", "1990-04-03", date(1990, 4, 3)),
        ("dateofbirth", "1990-02-30", None),
        ("dateofbirth", "0000-00-00", None),
        ("dateofbirth", "03/04/1990", None),
        ("dateofbirth", "1990-04-03T00:00:00", None),
    ],
)
def test_a_value_is_one_line_that_fits(column: str, text: str, expected: object) -> None:
    assert cleaned(column, text) == expected
