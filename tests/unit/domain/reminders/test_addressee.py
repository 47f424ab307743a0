"""Who is written to, and how."""

from datetime import date
from typing import Any

import pytest

from gentle_nudge.domain.patron import Patron
from gentle_nudge.domain.reminders.addressee import Addressee, Correspondence, addressee, envelopes, is_minor
from gentle_nudge.domain.reminders.levels import Level, Transport
from gentle_nudge.domain.reminders.series import Reason
from tests.unit.domain.reminders.builders import TODAY, a_row

CHILD = Addressee(number=1, email="child@mail.example", has_post=True)
MOTHER = Addressee(number=2, email="mother@mail.example", has_post=True)
FATHER = Addressee(number=3, email="father@mail.example", has_post=True)


def step(notify: Any = "both", *transports: Transport) -> Level:
    return Level(after_days=14, letter="DEBTREM1", notify=notify, transports=transports or ("email", "print"))


def sent(
    *people: Addressee, by: Level | None = None, minor: bool = True, copies: bool = False, rows: str = "email print"
) -> list[tuple[int, str, str]] | Reason:
    """Each message by addressee, transport and address; the first of the people is the patron."""
    patron, *guarantors = people
    made = envelopes(
        patron,
        guarantors,
        by or step(),
        lambda transport, _language: a_row(transport=transport) if transport in rows else None,
        minor=minor,
        copies=copies,
    )
    return made if isinstance(made, Reason) else [(m.addressee.number, m.row.transport, m.to_address) for m in made]


def test_a_minor_s_letters_go_to_patron_guarantors_or_both() -> None:
    mails = [(1, "email", ""), (2, "email", "mother@mail.example"), (3, "email", "father@mail.example")]
    assert sent(CHILD, MOTHER, FATHER) == mails
    assert sent(CHILD, MOTHER, FATHER, by=step("guarantor")) == mails[1:]
    assert sent(CHILD, MOTHER, FATHER, by=step("patron")) == mails[:1]
    assert sent(CHILD, by=step("guarantor")) == mails[:1]
    assert sent(CHILD, MOTHER, minor=False) == mails[:1]


def test_an_address_is_written_to_once() -> None:
    same = Addressee(number=2, email="Child@Mail.example", has_post=True)
    assert sent(CHILD, same) == [(1, "email", "")]
    assert sent(CHILD, same, by=step("both", "print")) == [(1, "print", ""), (2, "print", "")]


def test_if_koha_copies_to_guarantors_there_is_one_email() -> None:
    assert sent(CHILD, MOTHER, FATHER, copies=True) == [(1, "email", "")]
    assert sent(CHILD, MOTHER, FATHER, copies=True, by=step("guarantor")) == [(2, "email", "mother@mail.example")]
    without = Addressee(number=1, has_post=True)
    assert sent(without, MOTHER, copies=True) == [(1, "email", "")]
    assert sent(without, MOTHER, copies=True, by=step("patron")) == [(1, "print", "")]
    assert sent(CHILD, Addressee(number=2, has_post=True), copies=True) == [(1, "email", ""), (2, "print", "")]


def test_who_cannot_be_reached_is_passed_over_while_another_one_is() -> None:
    nobody = Addressee(number=2)
    assert sent(CHILD, nobody) == [(1, "email", "")]
    assert sent(nobody, minor=False) is Reason.UNREACHABLE


def test_without_a_row_the_next_transport_is_used_or_there_is_no_letter() -> None:
    assert sent(CHILD, rows="print", minor=False) == [(1, "print", "")]
    assert sent(CHILD, rows="", minor=False) is Reason.NO_LETTER
    assert sent(CHILD, rows="print", by=step("both", "email"), minor=False) is Reason.NO_LETTER


def test_titles_are_named_to_the_patron_alone() -> None:
    def named(*guarantors: Addressee, copies: bool) -> list[bool]:
        made = envelopes(CHILD, guarantors, step(), lambda *_: a_row(), minor=True, copies=copies)
        return [] if isinstance(made, Reason) else [each.names_titles for each in made]

    assert named(MOTHER, copies=False) == [True, False]
    assert named(MOTHER, copies=True) == [False]
    assert named(copies=True) == [True]


@pytest.mark.parametrize(
    ("born", "category_type", "minor"),
    [
        (date(2008, 2, 10), "A", True),
        (date(2008, 2, 9), "C", False),
        (None, "C", True),
        (None, "A", False),
        (date(1901, 1, 1), "C", True),
    ],
)
def test_a_minor_is_younger_than_an_adult_or_by_the_category_a_child(
    born: date | None, category_type: str, *, minor: bool
) -> None:
    assert is_minor(Patron(number=1, born=born, category_type=category_type), 18, TODAY) is minor


COLUMNS = {"email": " ", "emailpro": "work@mail.example", "B_email": "other@mail.example", "lang": "fr-CA"}


@pytest.mark.parametrize(
    ("preferences", "email"),
    [
        ({}, "work@mail.example"),
        ({"primary": "OFF"}, "work@mail.example"),
        ({"primary": "email"}, ""),
        ({"primary": "B_email"}, "other@mail.example"),
        ({"primary": "MULTI", "selection": ("email", "emailpro", "B_email")}, "work@mail.example,other@mail.example"),
        ({"precedence": ("B_email", "emailpro")}, "other@mail.example"),
    ],
)
def test_the_address_is_the_one_that_koha_would_use(preferences: dict[str, Any], email: str) -> None:
    assert addressee(1, COLUMNS, Correspondence(**preferences)).email == email


@pytest.mark.parametrize(
    ("address", "gone", "reached"), [("1 Main St", None, True), (" ", 0, False), ("1 Main St", 1, False)]
)
def test_print_needs_an_address_that_is_not_gone(address: str, gone: Any, *, reached: bool) -> None:
    assert addressee(1, {"address": address, "gonenoaddress": gone}, Correspondence()).has_post is reached


def test_the_language_counts_if_koha_translates() -> None:
    assert addressee(1, COLUMNS, Correspondence(translates=True)).language == "fr-CA"
    assert addressee(1, COLUMNS, Correspondence()).language == "default"
