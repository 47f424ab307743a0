"""From the row in Koha's queue alone: the right person gets the right letter, by e-mail, as a copy, or on paper."""

import pytest

from tests.acceptance.reminding import Begin, Reminding, day
from tests.builders.koha import a_guarantor, an_item, owes, vouches_for
from tests.support.koha_letters import PLAIN, Posted, posted

pytestmark = pytest.mark.every_koha

HTML = 'text/html; charset="UTF-8"'
TEXT = "To <<addressee.firstname>>: <<borrowers.firstname>> owes <<debt.total>><debt> (<<line.title>>)</debt>"
CHILD, MUM, DAD = "child@mail.example", "mum@mail.example", "dad@mail.example"


@pytest.fixture
def reminding(reminders: Begin) -> Reminding:
    """A library whose letters name their reader and the titles."""
    reminding = reminders(letters=False)
    reminding.has_letters(content=TEXT)
    return reminding


def redirects(reminding: Reminding, value: str) -> None:
    reminding.koha.execute(
        "INSERT INTO systempreferences (variable, value) VALUES ('RedirectGuaranteeEmail', :v)", v=value
    )


def a_child(reminding: Reminding, notify: str, *, email: str | None = CHILD) -> int:
    """A child of 12 who has lost Dune; mother and father vouch."""
    reminding.configure(f'notify = "{notify}"')
    child = reminding.owing("1.00", born=day("2014-01-01"), firstname="Tim", email=email)
    owes(reminding.koha, child, "24.00", day=day("01-10"), branch="CPL", item=an_item(reminding.koha, title="Dune"))
    a_guarantor(reminding.koha, of=child, email=MUM, firstname="Mia", address="2 Elm St")
    a_guarantor(reminding.koha, of=child, email=DAD, firstname="Dan", address="3 Oak St")
    return child


def letters(reminding: Reminding) -> list[Posted]:
    """What leaves after the run of level 1."""
    reminding.run("02-09", sends=False)
    return posted(reminding.koha)


def test_a_patron_gets_the_letter_at_the_patron_s_own_address(reminding: Reminding) -> None:
    patron = reminding.owing("1.00", email=None, emailpro="work@mail.example", firstname="Ann")
    owes(reminding.koha, patron, "24.00", day=day("01-10"), branch="CPL", item=an_item(reminding.koha, title="Dune"))
    assert letters(reminding) == [
        Posted(
            to="work@mail.example",
            content_type=PLAIN,
            subject="DEBTREM1 02/09/2026",
            body="To Ann: Ann owes 25.00 ()\n (Dune)",
        )
    ]


def test_an_html_letter_leaves_as_html(reminders: Begin) -> None:
    reminding = reminders(letters=False)
    reminding.has_letters(content="<p><<borrowers.firstname>></p>", is_html=1)
    reminding.owing(firstname="A & B")
    (letter,) = letters(reminding)
    assert (letter.content_type, letter.body) == (HTML, "<p>A &amp; B</p>")


def test_without_redirection_each_gets_a_letter_of_their_own(reminding: Reminding) -> None:
    redirects(reminding, "0")
    a_child(reminding, "both")
    assert [(each.to, each.cc, each.body) for each in letters(reminding)] == [
        (CHILD, (), "To Tim: Tim owes 25.00 ()\n (Dune)"),
        (MUM, (), "To Mia: Tim owes 25.00 ()\n ()"),
        (DAD, (), "To Dan: Tim owes 25.00 ()\n ()"),
    ]


def test_without_redirection_guarantors_alone_are_written_to_if_the_library_says_so(reminding: Reminding) -> None:
    redirects(reminding, "0")
    a_child(reminding, "guarantor")
    assert [(each.to, each.cc) for each in letters(reminding)] == [(MUM, ()), (DAD, ())]


@pytest.mark.parametrize("email", [CHILD, None])
def test_with_redirection_one_letter_reaches_everybody_once_and_names_no_title(
    reminding: Reminding, email: str | None
) -> None:
    redirects(reminding, "1")
    a_child(reminding, "both", email=email)
    (letter,) = letters(reminding)
    assert (letter.to, letter.cc) == ((CHILD, (MUM, DAD)) if email else (MUM, (DAD,)))
    assert letter.body == "To Tim: Tim owes 25.00 ()\n ()"


def test_with_redirection_a_letter_to_the_patron_alone_is_copied_all_the_same_and_names_no_title(
    reminding: Reminding,
) -> None:
    redirects(reminding, "1")
    a_child(reminding, "patron")
    (letter,) = letters(reminding)
    assert (letter.to, letter.cc, "Dune" in letter.body) == (CHILD, (MUM, DAD), False)


def test_with_redirection_guarantors_get_one_letter_and_the_child_none(reminding: Reminding) -> None:
    redirects(reminding, "1")
    a_child(reminding, "guarantor")
    (letter,) = letters(reminding)
    assert (letter.to, letter.body) == (MUM, "To Mia: Tim owes 25.00 ()\n ()")
    assert set(letter.cc) == {MUM, DAD}


def test_whoever_vouches_for_themselves_gets_one_sheet(reminding: Reminding) -> None:
    reminding.configure('notify = "both"\ntransports = ["print"]')
    child = reminding.owing(born=day("2014-01-01"))
    vouches_for(reminding.koha, child, child)
    assert [each.printed_for for each in letters(reminding)] == [child]


def test_print_is_gathered_with_the_patron_and_each_reader_has_a_sheet(reminding: Reminding) -> None:
    redirects(reminding, "0")
    reminding.configure('notify = "both"\ntransports = ["print"]')
    alone = reminding.owing(email=None, firstname="Ann")
    child = reminding.owing(born=day("2014-01-01"), firstname="Tim", email=CHILD)
    a_guarantor(reminding.koha, of=child, email=MUM, firstname="Mia", address="2 Elm St")
    sheets = [(each.printed_for, each.to, each.body.partition(":")[0]) for each in letters(reminding)]
    assert sheets == [(alone, "", "To Ann"), (child, "", "To Tim"), (child, "", "To Mia")]
