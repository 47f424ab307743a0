"""A submission read back from its file."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.reports.read_back import Referred, read_submission
from gentle_nudge.reports.render import file_name, render
from tests.builders.days import SUNDAY
from tests.unit.reports.rows import a_row

NAME = "ums-new-submissions-2026-11-22.csv"


@given(
    st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=3),
    st.decimals("0.01", "99999", places=2),
    st.decimals("0", "50", places=2),
)
def test_whoever_was_referred_is_read_back_with_balance_and_fee(
    surnames: list[str], balance: Decimal, fee: Decimal
) -> None:
    rows = [a_row(surname=surname, balance=str(balance), fee=str(fee)) for surname in surnames]
    content = b"".join(render(ReportKind.SUBMISSION, rows, guard=True, empty="sentence"))
    found = read_submission(NAME, content)
    assert found is not None
    assert found.rows == (Referred(number=9, balance=balance, fee=fee),) * len(surnames)
    assert found.balances == balance * len(surnames)


@pytest.mark.parametrize("empty", ["sentence", "header"])
def test_a_submission_without_rows_refers_nobody(empty: str) -> None:
    content = b"".join(render(ReportKind.SUBMISSION, [], guard=True, empty=empty))  # type: ignore[arg-type] # a parameter
    found = read_submission(NAME, content)
    assert found is not None
    assert found.rows == ()


@pytest.mark.parametrize("section", ["global", "north", "north-2b", "n-w-3a"])
@pytest.mark.parametrize("number", ["", "-2", "-99"])
def test_the_name_tells_day_and_section_whatever_number_the_archive_gave(section: str, number: str) -> None:
    name = file_name(ReportKind.SUBMISSION, SUNDAY, section).replace(".csv", f"{number}.csv")
    found = read_submission(name, b"")
    assert found is not None
    assert (found.day, found.section) == (SUNDAY, section)


@pytest.mark.parametrize("name", ["ums-updates-2026-11-22.csv", "ums-new-submissions.csv", "notes.txt", f"{NAME}.part"])
def test_another_file_is_no_submission(name: str) -> None:
    assert read_submission(name, b"") is None
