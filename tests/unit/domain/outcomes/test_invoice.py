"""The agency's invoice: how its accounts are found in a file, and what is wrong with them."""

from datetime import date
from decimal import Decimal

import pytest

from gentle_nudge.domain.outcomes.invoice import BilledCase, InvoiceComparison, InvoiceFile, compare_invoice

NOVEMBER = date(2026, 11, 1)


def a_case(number: int, card: str | None = None, *, on: date = date(2026, 11, 22), adopted: bool = False) -> BilledCase:
    """A case with the id of its number plus 1000."""
    return BilledCase(id=1000 + number, number=number, card=card, referred_on=on, adopted=adopted)


CASES = [a_case(11, "C11"), a_case(12, "C12"), a_case(13, "C13")]


@pytest.mark.parametrize(
    "content",
    [
        b"11\n12\n99\n",
        b"\xef\xbb\xbfaccount\r\n11\r\n12\r\n99\r\n",
        b"Name;Account;Fee\nA;11;8.95\nB;12;8.95\nC;99;8.95\n",
        "Name\tAccount\nÜnlü\t11\nB\t12\nC\t99\n".encode("cp1252"),
        b'"11","first"\n"12","second"\n"99","third"\n',
    ],
)
def test_the_accounts_are_found_in_every_kind_of_file(content: bytes) -> None:
    assert InvoiceFile.read(content, CASES).accounts(CASES, None) == ("number", ("11", "12", "99"))


def test_accounts_may_be_cards() -> None:
    file = InvoiceFile.read(b"account,price\nC11,8.95\nC13,8.95\n", CASES)
    assert file.accounts(CASES, None) == ("card", ("C11", "C13"))


@pytest.mark.parametrize(("known", "found"), [("11", True), ("98", False)])
def test_a_column_holds_accounts_if_at_least_half_of_its_values_are_ours(known: str, *, found: bool) -> None:
    file = InvoiceFile.read(f"account\n{known}\n99\n".encode(), CASES)
    if found:
        assert file.accounts(CASES, None)[1] == (known, "99")
    else:
        with pytest.raises(ValueError, match="no column"):
            file.accounts(CASES, None)


def test_a_named_column_is_taken_whatever_it_holds_and_lines_without_an_account_are_left_out() -> None:
    file = InvoiceFile.read(b"Account,price\n98,1\n,2\n99,3\n", CASES)
    assert file.accounts(CASES, "account") == ("number", ("98", "99"))


@pytest.mark.parametrize(
    ("content", "column", "trouble"),
    [
        (b"a,b\n11,11\n", None, "more than one column"),
        (b"a,b\n11,12\n", "c", "no column"),
        (b"a,b\n,12\n", "a", "no account"),
        (b"", None, "no column"),
    ],
)
def test_a_file_without_accounts_is_refused(content: bytes, column: str | None, trouble: str) -> None:
    file = InvoiceFile.read(content, [] if content == b"" else [a_case(11, "11"), a_case(12)])
    with pytest.raises(ValueError, match=trouble):
        file.accounts([a_case(11), a_case(12)], column)


def compared(*accounts: str, cases: list[BilledCase] | None = None) -> InvoiceComparison:
    return compare_invoice(accounts, "number", cases or CASES, month=NOVEMBER, library="all", price=Decimal("8.95"))


def found(comparison: InvoiceComparison) -> list[tuple[str, str, int | None, int | None]]:
    return [(row.finding.value, row.account, row.case, row.times) for row in comparison.rows]


def test_what_may_be_wrong_with_an_account_in_its_order() -> None:
    cases = [a_case(12), a_case(11), a_case(14, on=date(2026, 10, 31)), a_case(15, adopted=True), a_case(13)]
    comparison = compared("99", "11", "15", "11", "14", cases=cases)
    assert found(comparison) == [
        ("billed_twice", "11", 1011, 2),
        ("never_sent", "99", None, None),
        ("other_month", "15", 1015, None),
        ("other_month", "14", 1014, None),
        ("not_billed", "12", 1012, None),
        ("not_billed", "13", 1013, None),
    ]
    assert (comparison.sent, comparison.billed, comparison.agreed) == (3, 5, 1)
    assert comparison.in_question == Decimal("17.90")


def test_of_several_cases_the_latest_is_named_and_one_of_this_month_is_enough() -> None:
    again = [*CASES, BilledCase(id=7, number=11, card=None, referred_on=date(2026, 12, 6), adopted=False)]
    assert found(compared("11", "12", "13", cases=again)) == []
    (row,) = compared("12", "13", cases=again).rows
    assert (row.case, row.referred_on) == (7, date(2026, 12, 6))


def test_a_line_is_in_question_once_even_if_its_account_was_never_sent_and_billed_twice() -> None:
    comparison = compared("11", "12", "13", "99", "99")
    assert [row.finding.value for row in comparison.rows] == ["billed_twice", "never_sent"]
    assert comparison.in_question == Decimal("17.90")


def test_what_is_kept_of_an_invoice() -> None:
    numbers = compared("11", "11", "99").numbers
    assert (numbers.month, numbers.library, numbers.sent, numbers.billed) == ("2026-11", "all", 3, 3)
    assert (numbers.billed_twice, numbers.never_sent, numbers.other_month, numbers.not_billed) == (1, 1, 0, 2)
