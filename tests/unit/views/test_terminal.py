"""What people see: on a terminal as wide as it is, piped as wide as need be."""

import io
import json
from dataclasses import dataclass
from decimal import Decimal

import pytest
from rich.cells import cell_len
from rich.console import Console

from gentle_nudge.domain.money import ZERO
from gentle_nudge.views.plain import (
    WHOLE,
    Column,
    Figure,
    Kind,
    Note,
    Part,
    Table,
    View,
    amounts,
    column,
    table,
    unseen,
)
from gentle_nudge.views.structured import as_json
from gentle_nudge.views.terminal import LONGEST_NAME, ROWS_AT_ONCE, UNWRAPPED, draw


@dataclass(frozen=True, kw_only=True)
class Owing:
    """A row."""

    name: str
    balance: Decimal


def shown(*parts: Part, width: int = UNWRAPPED, terminal: bool = False) -> list[str]:
    """The lines on a console of this width."""
    console = Console(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, highlight=False, markup=False
    )
    draw(View(parts=parts), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def owing(*names: str, caption: str = "", empty: str = "", kind: Kind = "text") -> Table:
    columns = (
        column("name", lambda row: row.name, kind),
        *unseen(hidden="name"),
        column("balance", lambda row: row.balance, "money"),
    )
    return table(columns, [Owing(name=name, balance=Decimal("7.5")) for name in names], caption=caption, empty=empty)


def test_amounts_stand_to_the_right_and_texts_to_the_left() -> None:
    assert shown(owing("O'Brien")) == ["name     balance", "O'Brien     7.50"]


def test_a_wide_character_takes_two_places() -> None:
    assert shown(owing("王, 小明", "Li")) == ["name      balance", "王, 小明     7.50", "Li           7.50"]


def test_control_characters_and_marks_of_direction_are_escaped() -> None:
    assert shown(Note(text="a\x1b[31m\u202eb\nc")) == [r"a\x1b[31m\u202eb\nc"]
    assert shown(owing("\x07\ud800")) == ["name        balance", r"\x07\ud800     7.50"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("x" * LONGEST_NAME, "x" * LONGEST_NAME),
        ("x" * (LONGEST_NAME + 1), "x" * (LONGEST_NAME - 1) + "…"),
        ("王" * (LONGEST_NAME // 2), "王" * (LONGEST_NAME // 2)),
        ("王" * LONGEST_NAME, "王" * (LONGEST_NAME // 2 - 1) + " …"),
        ("\x1b" * LONGEST_NAME, r"\x1b" * 9 + r"\x1" + "…"),
        ("x" * 16_000, "x" * (LONGEST_NAME - 1) + "…"),
    ],
)
@pytest.mark.parametrize("terminal", [True, False])
def test_a_name_is_cut_at_forty_columns_of_the_screen(*, name: str, written: str, terminal: bool) -> None:
    _, line = shown(owing(name, kind="name"), width=80, terminal=terminal)
    assert line.rstrip().removesuffix("7.50").rstrip() == written


def test_other_texts_are_whole() -> None:
    assert "y" * 500 in "".join(shown(owing("y" * 500)))


def test_text_that_looks_like_markup_is_shown_as_it_is() -> None:
    assert shown(Note(text="[bold]x[/bold] :smile:")) == ["[bold]x[/bold] :smile:"]


def test_under_a_caption_a_table_is_indented() -> None:
    assert shown(owing("Li", caption="Owing: 1"))[:2] == ["Owing: 1", "  name  balance"]


def test_without_rows_a_table_says_so_or_nothing() -> None:
    assert shown(owing(empty="Nobody.")) == ["Nobody."]
    assert shown(owing()) == []


def test_piped_no_line_is_wrapped() -> None:
    text = "word " * 200
    assert shown(Note(text=text)) == [text.rstrip()]


def test_on_a_terminal_a_sentence_is_wrapped_between_words_and_an_item_hangs() -> None:
    assert shown(Note(text="one two three", style="item"), width=10, terminal=True) == ["- one two", "  three"]


def test_a_line_to_be_copied_is_never_wrapped() -> None:
    assert shown(Note(text="gentle-nudge nightly", level=1, style="copy"), width=10) == ["  gentle-nudge nightly"]


def test_on_a_terminal_a_table_folds_its_cells_instead_of_overflowing() -> None:
    lines = shown(owing("Wolfeschlegelsteinhausenbergerdorff"), width=24, terminal=True)
    assert max(map(len, lines)) <= 24
    folded = "".join(line.split()[0] for line in lines[1:])
    assert folded == "Wolfeschlegelsteinhausenbergerdorff"


def test_a_long_table_comes_in_pieces_that_fit() -> None:
    lines = shown(owing(*["Li"] * (ROWS_AT_ONCE + 1)), width=15, terminal=True)
    assert [line.rstrip() for line in lines].count("Li       7.50") == ROWS_AT_ONCE + 1
    assert lines.count("name  balance") == 2


def test_if_there_is_no_room_for_a_table_each_row_is_a_list() -> None:
    lines = shown(owing("O'Brien", "Li Wolfeschlegelstein"), width=19, terminal=True)
    assert [line.rstrip() for line in lines] == [
        "name     O'Brien",
        "balance  7.50",
        "",
        "name     Li",
        "         Wolfeschle",
        "         gelstein",
        "balance  7.50",
        "",
    ]


def test_amounts_and_days_are_never_broken() -> None:
    for width in range(16, 60):
        lines = shown(owing("王歐陽 司馬諸葛上官", "Li"), width=width, terminal=True)
        assert max(map(cell_len, lines)) <= width
        assert sum("7.50" in line for line in lines) == 2


def test_columns_that_say_nothing_are_not_shown() -> None:
    columns: tuple[Column[Owing], ...] = (
        column("name", lambda row: row.name),
        column("empty", lambda _: None),
        column("section", lambda _: "global", nothing="global"),
        amounts("fees", lambda row: row.balance, nothing=ZERO),
    )
    nothing, something = Owing(name="Li", balance=ZERO), Owing(name="Mo", balance=Decimal(5))
    assert shown(table(columns, [nothing])) == ["name", "Li"]
    assert shown(table(columns, [nothing, something])) == ["name   fees", "Li     0.00", "Mo     5.00", "total  5.00"]


def test_under_one_row_there_is_no_total() -> None:
    columns: tuple[Column[Owing], ...] = (
        column("name", lambda row: row.name),
        amounts("balance", lambda row: row.balance),
    )
    rows = [Owing(name="Li", balance=Decimal("7.50")), Owing(name="Mo", balance=Decimal("0.25"))]
    assert shown(table(columns, rows[:1])) == ["name  balance", "Li       7.50"]
    assert shown(table(columns, rows))[-1] == "total     7.75"
    assert len(json.loads(as_json(View(parts=[table(columns, rows, WHOLE)])))) == 2


def test_a_figure_is_shown_with_its_caption_only() -> None:
    assert shown(Figure(value=19, caption="Others"), Figure(value=3, key="hidden")) == ["Others: 19"]


def runs(section: str = "north", fees: str = "0.00") -> Table:
    columns: tuple[Column[tuple[object, ...]], ...] = (
        column("section", lambda row: row[0], "word"),
        column("since", lambda row: row[1], "time"),
        column("amount", lambda row: row[2], "money"),
        column("fees", lambda row: row[3], "money"),
        column("why", lambda row: row[4]),
    )
    rows = [
        ("north", "2026-11-22 00:30", Decimal("7.50"), Decimal(0), "paid"),
        (section, "", Decimal(1), Decimal(fees), ""),
    ]
    return table(columns, rows)


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (41, ["section", "since", "amount", "fees", "why"]),
        (40, ["since", "amount", "fees", "why"]),
        (33, ["since", "amount", "fees", "why"]),
        (32, ["amount", "fees", "why"]),
        (16, ["amount", "fees", "why"]),
        (15, ["amount", "why"]),
        (11, ["amount", "why"]),
    ],
)
def test_before_anything_is_folded_the_only_section_is_left_out_then_times_then_amounts_of_zero(
    width: int, titles: list[str]
) -> None:
    assert shown(runs(), width=width, terminal=True)[0].split() == titles


def test_a_section_among_others_and_an_amount_that_is_not_zero_stay() -> None:
    several = shown(runs(section="south", fees="0.01"), width=29, terminal=True)[0].split()
    assert several == ["section", "amount", "fees", "why"]


def test_piped_no_column_is_left_out() -> None:
    assert shown(runs(), width=11)[0].split() == ["section", "since", "amount", "fees", "why"]
