"""The three reports as bytes, literally as the rules have them."""

import csv
import io
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.patron import Guardian
from gentle_nudge.domain.report_row import ReportKind, UpdateRow
from gentle_nudge.domain.spreadsheet import plain
from gentle_nudge.reports.render import render
from tests.unit.reports.rows import NEW_YORK, a_due, a_row, living_at_main_street

HEADER = (
    "borrowernumber,surname,firstname,cardnumber,address,address2,city,zipcode,state,phone,mobile,Alt Ph 1,Alt Ph 2,"
    "branchcode,Adult or Child,dateofbirth,Most recent charge,Amt_In_Range,Total_Due,Total_Plus_Fee,email\n"
)
LEAST_SECONDS_OF_THREE = 0.3


def submission(*rows: Referral, guard: bool = True, guardians: bool = False) -> str:
    chunks = render(ReportKind.SUBMISSION, rows, guard=guard, empty="sentence", guardians=guardians)
    return b"".join(chunks).decode()


def update(*rows: UpdateRow, guard: bool = True) -> str:
    return b"".join(render(ReportKind.UPDATE, rows, guard=guard, empty="sentence")).decode()


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def cell(row: Referral, header: str, *, guard: bool = True) -> str:
    return cells(submission(row, guard=guard))[0][header]


def surname(text: str | None, *, guard: bool = True) -> str:
    return cell(a_row(surname=text), "surname", guard=guard)


def test_the_example_of_the_rules_comes_out_literally() -> None:
    assert submission(a_row()) == (
        HEADER + "9,O'Brien,Pat,20000009,1 Main St,,Springfield,01101,MA,555-0100,,,,CPL,A,1980-05-05,"
        "2026-09-08 12:00:00,40.00,1240.55,1250.55,p9@example.org\n"
    )


@pytest.mark.parametrize("report", [ReportKind.UPDATE, ReportKind.SYNC])
def test_update_and_sync_have_five_columns(report: ReportKind) -> None:
    text = b"".join(render(report, [a_due("-5.5")], guard=True, empty="sentence")).decode()
    assert text == "borrowernumber,surname,firstname,cardnumber,Due\n9,O'Brien,Pat,20000009,-5.50\n"


def test_what_koha_does_not_know_is_empty() -> None:
    nobody = a_row(surname=None, firstname=None, card=None, born=None, contact={}, latest_charge=None)
    assert submission(nobody) == HEADER + "9,,,,,,,,,,,,,CPL,A,,,40.00,1240.55,1250.55,\n"


def test_the_other_telephone_numbers_come_from_the_professional_and_the_alternate_one() -> None:
    row = a_row(contact={"phonepro": "555-0101", "B_phone": "555-0102"})
    assert (cell(row, "Alt Ph 1"), cell(row, "Alt Ph 2")) == ("555-0101", "555-0102")


def test_a_surname_that_is_a_formula_gets_an_apostrophe() -> None:
    assert surname("=1+1") == "'=1+1"


@pytest.mark.parametrize("text", ["=", "=cmd|' /C calc'!A0", "@SUM(A1)", "\tx", "-", "+", "-12.50", "+1 555-0100"])
def test_only_what_a_spreadsheet_would_run_is_guarded(text: str) -> None:
    assert surname(text) == (f"'{text}" if text[0] in "=@\t" else text)


@pytest.mark.parametrize("text", ["+1 555-0100", "-(5) 5.5/5x5", "-"])
def test_a_sign_before_nothing_but_a_number_is_left_alone(text: str) -> None:
    assert surname(text) == text


@pytest.mark.parametrize("text", ["+cmd", "-2+3", "-1 555-0100 ext", "+1\n", "-٣", "+1X"])
def test_a_sign_before_anything_else_is_guarded(text: str) -> None:
    assert surname(text) == f"'{text}"


def test_a_text_that_begins_with_a_carriage_return_is_guarded_and_gets_a_line_feed() -> None:
    assert surname("\r=x") == "'\n=x"


def test_without_the_guard_nothing_is_put_before_a_text() -> None:
    assert surname("=1+1", guard=False) == "=1+1"


@pytest.mark.parametrize(
    "text", [" =1", "\n=1", "\r\n @x", "\u3000＝1", "\xa0=1", "\u2028=1", "\ufeff=1", " +cmd", "\n\t＋y"]
)
def test_a_formula_after_blanks_and_line_ends_is_guarded(text: str) -> None:
    assert surname(text) == f"'{plain(text)}"


@pytest.mark.parametrize("text", [" Doe", "\nDoe", " (=1)", " +1 555-0100", "\n-5", "Doe\n=1", "Doe =1", "'=1"])
def test_other_texts_after_blanks_and_line_ends_are_left_alone(text: str) -> None:
    assert surname(text) == text


@pytest.mark.parametrize("text", ["＝1", "＠x", "＋cmd", "－2+3", "\x00=1", "\x1b\x07@x", "\x85=1", "\x00\tx"])
def test_full_width_signs_and_signs_behind_control_characters_are_guarded(text: str) -> None:
    assert surname(text) == f"'{plain(text)}"


@pytest.mark.parametrize("text", ["＋1 555-0100", "－5", "１＋１", "Ｄoe＝"])
def test_full_width_texts_that_are_no_formulas_are_left_alone(text: str) -> None:
    assert surname(text) == text


@pytest.mark.parametrize("column", ["phone", "mobile", "Alt Ph 1", "Alt Ph 2"])
def test_a_telephone_number_is_left_alone_and_a_formula_in_its_column_guarded(column: str) -> None:
    source = {"Alt Ph 1": "phonepro", "Alt Ph 2": "B_phone"}.get(column, column)
    for text in ("+49 (0) 30/123.45-6", "-", "555-0100 ask for Pat"):
        assert cell(a_row(contact={source: text}), column) == text
    for text in ("+49 (0) call", "=HYPERLINK(A1)", "\t1"):
        assert cell(a_row(contact={source: text}), column) == f"'{text}"
        assert cell(a_row(contact={source: text}), column, guard=False) == text


@pytest.mark.parametrize("control", ["\x00", "\x01", "\x0b", "\x0c", "\x1a", "\x1b", "\x1f", "\x7f", "\x85", "\x9b"])
@pytest.mark.parametrize("guard", [True, False])
def test_control_characters_are_left_out(*, control: str, guard: bool) -> None:
    row = a_row(surname=f"{control}Do{control}e", contact={"phone": f"555{control}", "address": control})
    content = submission(row, guard=guard)
    assert control not in content
    (read,) = cells(content)
    assert (read["surname"], read["phone"], read["address"]) == ("Doe", "555", "")


def test_a_tab_and_a_line_end_inside_a_text_stay() -> None:
    assert surname("D\toe\nRoe\x00\r\x00\nPoe") == "D\toe\nRoe\nPoe"


def test_a_negative_amount_is_not_guarded() -> None:
    assert cell(a_row(balance="-3.00"), "Total_Due") == "-3.00"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Smith, Jr", '"Smith, Jr"'),
        ('Pat "Pip" Doe', '"Pat ""Pip"" Doe"'),
        ("Doe\nRoe", '"Doe\nRoe"'),
        ("Doe\r\nRoe", '"Doe\nRoe"'),
        ("Doe\rRoe", '"Doe\nRoe"'),
        ("山田 太郎", "山田 太郎"),
        ("O'Brien", "O'Brien"),
        ("van der Berg", "van der Berg"),
    ],
)
def test_a_text_is_quoted_only_where_csv_needs_it(text: str, written: str) -> None:
    assert update(a_due(surname=text)).splitlines(keepends=True)[1:] == (
        f"9,{written},Pat,20000009,40.00\n".splitlines(keepends=True)
    )


def test_no_carriage_return_is_left_anywhere() -> None:
    row = a_row(surname="\r\n\r", contact=living_at_main_street(phone="1\r2", address="a\r\nb"))
    assert "\r" not in submission(row)


def test_a_million_is_written_without_separators() -> None:
    row = cells(submission(a_row(owed="1234567.89", balance="1234567.89", fee="10")))[0]
    assert (row["Amt_In_Range"], row["Total_Due"], row["Total_Plus_Fee"]) == ("1234567.89", "1234567.89", "1234577.89")


def test_zero_is_written_with_two_decimals() -> None:
    assert cells(update(a_due("0")))[0]["Due"] == "0.00"


def test_the_latest_charge_is_written_as_the_clock_on_the_librarys_wall() -> None:
    at_noon = datetime(2026, 9, 8, 16, tzinfo=UTC).astimezone(NEW_YORK)
    assert cell(a_row(latest_charge=at_noon), "Most recent charge") == "2026-09-08 12:00:00"


def test_guardians_come_last_and_only_when_asked_for() -> None:
    guardian = Guardian(surname="=Doe", firstname="D\x00ee", card="2", phone="+1 x y", email="d@example.org")
    with_guardian, adult = cells(submission(a_row(guardian=guardian), a_row(), guardians=True))
    assert list(with_guardian.items())[-5:] == [
        ("Guardian surname", "'=Doe"),
        ("Guardian firstname", "Dee"),
        ("Guardian cardnumber", "2"),
        ("Guardian phone", "'+1 x y"),
        ("Guardian email", "d@example.org"),
    ]
    assert list(adult.values())[-5:] == [""] * 5
    assert submission(a_row(guardian=guardian)) == submission(a_row())


def test_the_guard_can_be_off_for_guardians_too() -> None:
    guardian = Guardian(surname="=Doe", firstname=None, card=None, phone=None, email=None)
    assert cells(submission(a_row(guardian=guardian), guard=False, guardians=True))[0]["Guardian surname"] == "=Doe"


def test_without_rows_the_report_says_so() -> None:
    assert submission() == "No qualifying records\n"


def test_without_rows_the_report_may_be_the_header_alone() -> None:
    assert b"".join(render(ReportKind.SUBMISSION, [], guard=True, empty="header")).decode() == HEADER


def test_without_rows_there_may_be_no_report() -> None:
    assert list(render(ReportKind.UPDATE, [], guard=True, empty="none")) == []


texts = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
risky = st.builds(
    lambda start, rest: start + rest,
    st.sampled_from("=@+-＝＠＋－\t\r\n\x00\u3000\",' "),
    st.text('0123 ()x-/.\r\n\x0b=＝＋,"é'),
)
amounts = st.decimals(-10_000_000, 10_000_000, places=2)


@given(surname=texts | risky, address=texts | risky, phone=texts | risky, owed=amounts, balance=amounts)
def test_read_back_the_texts_are_the_same_but_for_guard_and_line_ends(
    *, surname: str | None, address: str | None, phone: str | None, owed: Decimal, balance: Decimal
) -> None:
    row = a_row(
        surname=surname,
        contact=living_at_main_street(address=address, phone=phone),
        owed=str(owed),
        balance=str(balance),
    )
    (plainly,) = cells(submission(row, guard=False))
    assert (plainly["surname"], plainly["address"], plainly["phone"]) == (plain(surname), plain(address), plain(phone))
    assert (Decimal(plainly["Amt_In_Range"]), Decimal(plainly["Total_Due"])) == (owed, balance)
    (guarded,) = cells(submission(row, guard=True))
    assert all(guarded[header] in {text, f"'{text}"} for header, text in plainly.items())


@given(risky)
def test_no_guarded_text_begins_like_a_formula(text: str) -> None:
    written = surname(text)
    assert written[:1] not in {"\t", "\r"}
    start, rest = written.lstrip()[:1], written.lstrip()[1:].strip("0123456789 ().-/x")
    assert start not in {"=", "＝", "@", "＠"}
    assert start not in {"+", "＋", "-", "－"} or not rest


@given(st.lists(amounts, max_size=30))
def test_the_sum_of_the_report_is_the_sum_of_the_rows(dues: list[Decimal]) -> None:
    rows = cells(update(*(a_due(str(due)) for due in dues))) if dues else []
    assert sum(Decimal(row["Due"]) for row in rows) == sum(dues)


def test_memory_does_not_grow_with_the_rows() -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        for _ in render(ReportKind.UPDATE, (a_due(number=number) for number in range(rows)), guard=True, empty="none"):
            pass
        measured = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return measured

    peak(2_000)
    assert peak(20_000) < peak(4_000) * 1.1


def test_rows_are_asked_for_only_as_they_are_written() -> None:
    asked = 0

    def rows() -> Iterator[UpdateRow]:
        nonlocal asked
        for number in range(5_000):
            asked = number
            yield a_due(number=number)

    next(render(ReportKind.UPDATE, rows(), guard=True, empty="none"))
    assert asked < 2_000


def test_a_big_night_is_rendered_in_a_moment() -> None:
    referred, cases = [a_row()] * 5_000, [a_due()] * 11_000

    def seconds() -> float:
        started = time.process_time()
        submission(*referred)
        update(*cases)
        return time.process_time() - started

    assert min(seconds() for _ in range(3)) < LEAST_SECONDS_OF_THREE


def test_dates_of_birth_long_ago_keep_four_digits() -> None:
    assert cell(a_row(born=date(980, 1, 2)), "dateofbirth") == "0980-01-02"
