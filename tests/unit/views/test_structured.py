"""What programs get: JSON and CSV of the same views."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from gentle_nudge.views.plain import WHOLE, Figure, Note, View, column, figures, table, unseen
from gentle_nudge.views.structured import as_csv, as_json


@dataclass(frozen=True, kw_only=True)
class Owing:
    """A row."""

    name: str
    balance: Decimal | None = None
    adopted: bool = False


COLUMNS = (
    column("name", lambda row: row.name, key="surname"),
    column("shown", lambda _: "to people only", key=None),
    *unseen(balance="balance", adopted="adopted"),
)
ROWS = (Owing(name="=SUM(A1)", balance=Decimal("7.5")), Owing(name="Li", adopted=True))


def test_json_holds_whatever_has_a_key_in_plain_values() -> None:
    view = View(
        parts=[
            Note(text="for people"),
            *figures(day=date(2026, 11, 22), at=datetime(2026, 11, 22, 5, tzinfo=UTC), named=("a", "b")),
            Figure(value=1, caption="for people too"),
            table(COLUMNS, ROWS, "rows"),
            table(COLUMNS, ROWS),
        ]
    )
    assert json.loads(as_json(view)) == {
        "day": "2026-11-22",
        "at": "2026-11-22T05:00:00+00:00",
        "named": ["a", "b"],
        "rows": [
            {"surname": "=SUM(A1)", "balance": "7.50", "adopted": False},
            {"surname": "Li", "balance": None, "adopted": True},
        ],
    }


def test_in_json_nothing_is_left_that_a_terminal_would_obey() -> None:
    name = "O\x1b[2J\x9b2J\x7f\u202eBrien 王\n"
    text = as_json(View(parts=figures(name=name)))
    assert text.isascii() is False
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert json.loads(text) == {"name": name}


def test_in_csv_control_characters_are_left_out() -> None:
    view = View(parts=[table(COLUMNS, [Owing(name="\x9b2J\x00Li")], WHOLE)])
    assert as_csv(view) == "surname,balance,adopted\n2JLi,,no\n"


def test_several_views_are_a_list_and_one_table_may_be_the_whole() -> None:
    assert json.loads(as_json([View(parts=figures(a=1)), View(parts=figures(a=2))])) == [{"a": 1}, {"a": 2}]
    assert json.loads(as_json(View(parts=[table(COLUMNS, (), WHOLE)]))) == []


def test_csv_has_the_columns_of_json_and_guards_texts_against_being_formulas() -> None:
    view = View(parts=[table(COLUMNS, ROWS, WHOLE)])
    assert as_csv(view) == "surname,balance,adopted\n'=SUM(A1),7.50,no\nLi,,yes\n"
