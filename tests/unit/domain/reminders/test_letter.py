"""Letters of Koha's notices: which one is used, what is wrong with it, what it says."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.ledger import OwedLine
from gentle_nudge.domain.reminders.addressee import Addressee, Correspondence, Envelope
from gentle_nudge.domain.reminders.debt import debt_of
from gentle_nudge.domain.reminders.letter import KNOWN, LetterRow, bad_letters, chosen, problem_of
from gentle_nudge.domain.reminders.plan import PlannedLetter, written
from gentle_nudge.domain.reminders.series import Verdict
from tests.unit.domain.reminders.builders import TODAY, a_debtor, a_line, a_row, the_levels

BLOCK = "<debt>\n<<line.date>> <<line.type>> <<line.outstanding>> <<line.title>></debt>"
PATRON = Addressee(number=7, email="pat@mail.example", columns={"surname": "O'Brien & <Co>", "title": None})
MONEY = st.integers(-5000, 5000).filter(bool).map(lambda cents: Decimal(cents) / 100)


def letter(*lines: OwedLine, level: int = 2, fee: str = "0.00", **columns: Any) -> PlannedLetter:
    remind = the_levels()
    debtor = replace(a_debtor(), number=7, debt=debt_of(lines or [a_line()], remind, TODAY))
    own = OwedLine(id=0, day=TODAY, type="MANUAL", outstanding=Decimal(fee), is_fee=True)
    known: dict[str, Any] = {"verdict": Verdict(debtor=debtor, reason=None, level=level, since=date(2026, 1, 10))}
    known |= {"step": remind.steps[level], "branch": "CPL", "day": TODAY, "next_on": date(2026, 2, 23)}
    known |= {"patron": PATRON, "fee": own if own.outstanding else None, "titles": {1: "Dune"}}
    return PlannedLetter(**(known | columns))


def text(content: str, of: PlannedLetter | None = None, *, titles: bool = True, **row: Any) -> str:
    koha: dict[str, Any] = {"branches": {"cpl": {"branchname": "Centerville"}}, "types": {"lost": "Lost item"}}
    correspondence = Correspondence(**koha, **row.pop("correspondence", {}))
    envelope = Envelope(addressee=PATRON, row=a_row(content, **row), names_titles=titles)
    (message,) = written(replace(of or letter(), envelopes=(envelope,)), correspondence)
    return message.content


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<<debt.total>> <debt><<line.title>></debt>", ""),
        ("---\nmessagebee: yes\n", ""),
        (" \n", "the text is empty"),
        ("[% borrower.surname %]", "it is written in Template Toolkit ([% … %]), which is not understood here"),
        ("<<items.barcode>>", "<<items.barcode>> is not known"),
        ("<<borrowers.password>>", "<<borrowers.password>> is not known"),
        ("<<line.date>>", "<<line.date>> stands outside <debt>"),
        ("<debt>x", "<debt> and </debt> do not match"),
        ("</debt>x<debt>", "<debt> and </debt> do not match"),
        ("<debt><debt>x</debt></debt>", "<debt> and </debt> do not match"),
        ("<debt>x</debt> <debt>y</debt>", ""),
    ],
)
def test_a_bad_letter_is_told_with_what_was_found(content: str, problem: str) -> None:
    assert problem_of(a_row(content)) == problem


def test_the_subject_is_looked_at_too() -> None:
    assert problem_of(a_row(title="<<items.title>>")) == "<<items.title>> is not known"
    assert problem_of(a_row(title="<debt></debt>")) == "<debt> stands in the subject"
    (bad,) = bad_letters([a_row(), a_row("", branch="FPL", transport="print")])
    assert bad.sentence == "letter DEBTREM1 (branch FPL, print, default): the text is empty"


def test_the_most_fitting_row_is_used() -> None:
    rows = [
        a_row(branch=branch, language=language, transport=transport)
        for branch in ("CPL", "")
        for language in ("fr-CA", "default")
        for transport in ("email", "print")
    ]

    def found(rows: list[LetterRow], language: str = "fr-CA") -> list[tuple[str, str]]:
        order = []
        while row := chosen(rows, "cpl", "print", language):
            order.append((row.branch, row.language))
            rows = [each for each in rows if each != row]
        return order

    assert found(rows) == [("CPL", "fr-CA"), ("", "fr-CA"), ("CPL", "default"), ("", "default")]
    assert found(rows, "default") == [("CPL", "default"), ("", "default")]


def test_days_and_amounts_are_written_as_koha_writes_them() -> None:
    content = "<<debt.total>> since <<debt.since>>, <<today>>"
    assert text(content) == "25.00 since 01/10/2026, 02/09/2026"
    for form, day in {"metric": "10/01/2026", "iso": "2026-01-10", "dmydot": "10.01.2026"}.items():
        assert text("<<debt.since>>", correspondence={"date_format": form}) == day
    many = letter(a_line("1234567.50"))
    assert text("<<debt.total>>", many, correspondence={"decimal_comma": True}) == "1234567,50"


def test_what_is_empty_stays_empty() -> None:
    assert text("[<<borrowers.title>>|<<borrowers.zipcode>>|<<branches.branchname>>]") == "[||Centerville]"
    assert text("[<<debt.level>>|<<debt.next>>]", letter(level=5, next_on=None)) == "[|]"
    assert text("<<debt.level>> <<debt.next>>") == "2 02/23/2026"


def test_values_in_html_are_escaped() -> None:
    assert text("<b><<borrowers.surname>></b>", is_html=True) == "<b>O&#x27;Brien &amp; &lt;Co&gt;</b>"
    assert text("<<borrowers.surname>>") == "O'Brien & <Co>"


def test_a_value_is_no_placeholder() -> None:
    strange = Addressee(number=7, columns={"surname": "<<debt.total>> <debt>"})
    assert text("<<borrowers.surname>>", letter(patron=strange)) == "<<debt.total>> <debt>"


def test_the_block_has_a_line_for_each_charge_fee_and_credit() -> None:
    lines = (
        a_line("5.00", date(2026, 1, 20), id=2),
        a_line("25.00", date(2026, 1, 10), id=1),
        a_line("2.00", date(2026, 1, 1), id=3, is_fee=True, type="MANUAL"),
        a_line("-1.00", date(2026, 1, 2), id=4, type="PAYMENT"),
    )
    assert text(BLOCK, letter(*lines, fee="3.00")).split("\n")[1:] == [
        "01/10/2026 Lost item 25.00 Dune",
        "",
        "01/20/2026 Lost item 5.00 ",
        "",
        "01/01/2026 MANUAL 2.00 ",
        "",
        "02/09/2026 MANUAL 3.00 ",
        "",
        "01/02/2026 PAYMENT -1.00 ",
    ]


def test_titles_are_for_the_patron_alone() -> None:
    assert "Dune" not in text(BLOCK, titles=False)
    assert "Dune" in text(BLOCK)


@given(st.lists(st.tuples(MONEY, st.booleans()), min_size=1, max_size=6), st.integers(0, 900))
def test_the_lines_add_up_to_the_total(owed: list[tuple[Decimal, bool]], cents: int) -> None:
    lines = [
        OwedLine(id=number, day=TODAY, type="X", outstanding=amount, is_fee=fee and amount > 0)
        for number, (amount, fee) in enumerate(owed)
    ]
    of = letter(*lines, fee=f"{Decimal(cents) / 100}")
    if of.debtor.debt.charges > 0:
        shown = text("<debt><<line.outstanding>></debt>", of)
        assert sum(map(Decimal, shown.split())) == Decimal(text("<<debt.total>>", of)) == of.total


def test_every_placeholder_is_filled() -> None:
    content = "".join(f"[<<{name}>>]" for name in sorted(KNOWN) if not name.startswith("line."))
    assert problem_of(a_row(content)) == ""
    assert "<<" not in text(content)
