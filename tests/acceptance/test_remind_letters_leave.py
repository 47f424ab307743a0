"""From the row in Koha's queue alone: the right person gets the right letter, by e-mail, as a copy, or on paper."""

import pytest

from tests.acceptance.reminding import Begin, Reminding, day
from tests.builders.koha import a_guarantor, an_item, owes
from tests.support.koha_letters import PLAIN, Posted, posted

pytestmark = pytest.mark.every_koha

HTML = 'text/html; charset="UTF-8"'
TEXT = "To <<addressee.firstname>>: <<borrowers.firstname>> owes <<debt.total>><debt> (<<line.title>>)</debt>"
CHILD, MUM, DAD = "child@mail.example", "mum@mail.example", "dad@mail.example"


@pytest.fixture
def library(reminders: Begin) -> Reminding:
    """A library whose letters name their reader and the titles."""
    library = reminders(letters=False)
    library.has_letters(content=TEXT)
    return library


def redirects(library: Reminding, value: str) -> None:
    library.koha.execute(
        "INSERT INTO systempreferences (variable, value) VALUES ('RedirectGuaranteeEmail', :v)", v=value
    )


def a_child(library: Reminding, notify: str, *, email: str | None = CHILD) -> int:
    """A child of 12 who has lost Dune; mother and father vouch."""
    library.configure(f'notify = "{notify}"')
    child = library.owing("1.00", born=day("2014-01-01"), firstname="Tim", email=email)
    owes(library.koha, child, "24.00", day=day("01-10"), branch="CPL", item=an_item(library.koha, title="Dune"))
    a_guarantor(library.koha, of=child, email=MUM, firstname="Mia", address="2 Elm St")
    a_guarantor(library.koha, of=child, email=DAD, firstname="Dan", address="3 Oak St")
    return child


def letters(library: Reminding) -> list[Posted]:
    """What leaves after the run of level 1."""
    library.run("02-09", sends=False)
    return posted(library.koha)


def test_a_patron_gets_the_letter_at_the_patron_s_own_address(library: Reminding) -> None:
    patron = library.owing("1.00", email=None, emailpro="work@mail.example", firstname="Ann")
    owes(library.koha, patron, "24.00", day=day("01-10"), branch="CPL", item=an_item(library.koha, title="Dune"))
    assert letters(library) == [
        Posted(
            to="work@mail.example",
            content_type=PLAIN,
            subject="DEBTREM1 02/09/2026",
            body="To Ann: Ann owes 25.00 ()\n (Dune)",
        )
    ]


def test_an_html_letter_leaves_as_html(reminders: Begin) -> None:
    library = reminders(letters=False)
    library.has_letters(content="<p><<borrowers.firstname>></p>", is_html=1)
    library.owing(firstname="A & B")
    (letter,) = letters(library)
    assert (letter.content_type, letter.body) == (HTML, "<p>A &amp; B</p>")


def test_without_redirection_each_gets_a_letter_of_their_own(library: Reminding) -> None:
    redirects(library, "0")
    a_child(library, "both")
    assert [(each.to, each.cc, each.body) for each in letters(library)] == [
        (CHILD, (), "To Tim: Tim owes 25.00 ()\n (Dune)"),
        (MUM, (), "To Mia: Tim owes 25.00 ()\n ()"),
        (DAD, (), "To Dan: Tim owes 25.00 ()\n ()"),
    ]


def test_without_redirection_guarantors_alone_are_written_to_if_the_library_says_so(library: Reminding) -> None:
    redirects(library, "0")
    a_child(library, "guarantor")
    assert [(each.to, each.cc) for each in letters(library)] == [(MUM, ()), (DAD, ())]


@pytest.mark.parametrize("email", [CHILD, None])
def test_with_redirection_one_letter_reaches_everybody_once_and_names_no_title(
    library: Reminding, email: str | None
) -> None:
    redirects(library, "1")
    a_child(library, "both", email=email)
    (letter,) = letters(library)
    assert (letter.to, letter.cc) == ((CHILD, (MUM, DAD)) if email else (MUM, (DAD,)))
    assert letter.body == "To Tim: Tim owes 25.00 ()\n ()"


def test_with_redirection_a_letter_to_the_patron_alone_is_copied_all_the_same_and_names_no_title(
    library: Reminding,
) -> None:
    redirects(library, "1")
    a_child(library, "patron")
    (letter,) = letters(library)
    assert (letter.to, letter.cc, "Dune" in letter.body) == (CHILD, (MUM, DAD), False)


def test_with_redirection_guarantors_get_one_letter_and_the_child_none(library: Reminding) -> None:
    redirects(library, "1")
    a_child(library, "guarantor")
    (letter,) = letters(library)
    assert (letter.to, letter.body) == (MUM, "To Mia: Tim owes 25.00 ()\n ()")
    assert set(letter.cc) == {MUM, DAD}


def test_print_is_gathered_with_the_patron_and_each_reader_has_a_sheet(library: Reminding) -> None:
    redirects(library, "0")
    library.configure('notify = "both"\ntransports = ["print"]')
    alone = library.owing(email=None, firstname="Ann")
    child = library.owing(born=day("2014-01-01"), firstname="Tim", email=CHILD)
    a_guarantor(library.koha, of=child, email=MUM, firstname="Mia", address="2 Elm St")
    sheets = [(each.printed_for, each.to, each.body.partition(":")[0]) for each in letters(library)]
    assert sheets == [(alone, "", "To Ann"), (child, "", "To Tim"), (child, "", "To Mia")]
