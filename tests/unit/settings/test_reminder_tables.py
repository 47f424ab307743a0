"""The keys of reminders: what is inherited, and every problem at its place."""

from decimal import Decimal
from pathlib import Path

import pytest

from gentle_nudge.settings import Settings
from gentle_nudge.settings.key_pages import effective, reference, sample
from tests.unit.settings.given import loaded, problems, toml

REMIND = """
[remind]
minimum = 10.00
[[remind.level]]
after_days = 30
letter = "DEBTREM1"
[[remind.level]]
after_days = 14
letter = "DEBTREM2"
fee = 2.00
notify = "both"
[remind.bill]
after_days = 21
letter = "DEBTBILL"
fee = 10.00
block = true
transports = ["print"]
"""
SOUTH = """
[[library]]
name = "south"
branches = ["FPL"]
flag = "sort2"
[library.remind]
"""


def settings(folder: Path, text: str) -> Settings:
    return loaded(folder, toml(text))


def told(folder: Path, text: str) -> list[str]:
    return [sentence.removeprefix("gentle-nudge.toml: ") for sentence in problems(folder, toml(text))]


def test_without_the_table_nobody_is_reminded(tmp_path: Path) -> None:
    assert settings(tmp_path, "").remind is None


def test_levels_are_numbered_in_their_order_and_the_bill_is_five(tmp_path: Path) -> None:
    remind = settings(tmp_path, REMIND).remind
    assert remind is not None
    assert [(number, step.letter, step.fee) for number, step in remind.steps.items()] == [
        (1, "DEBTREM1", Decimal("0.00")),
        (2, "DEBTREM2", Decimal("2.00")),
        (5, "DEBTBILL", Decimal("10.00")),
    ]
    assert [remind.step_after(last) for last in (0, 1, 2, 4, 5)] == [1, 2, 5, 5, None]


def test_a_level_says_itself_or_as_the_table_who_gets_it_and_how(tmp_path: Path) -> None:
    remind = settings(tmp_path, REMIND).remind
    assert remind is not None
    assert [(step.notify, step.transports) for step in remind.steps.values()] == [
        ("patron", ("email", "print")),
        ("both", ("email", "print")),
        ("patron", ("print",)),
    ]


def test_a_section_inherits_every_key_and_replaces_the_whole_list_of_levels(tmp_path: Path) -> None:
    own = SOUTH + 'minimum = 25.00\n[[library.remind.level]]\nafter_days = 7\nletter = "SOUTH1"\n'
    whole, south = (draft.remind for draft in settings(tmp_path, REMIND + own).sections)
    assert whole is not None
    assert south is not None
    assert (whole.minimum, south.minimum) == (Decimal("10.00"), Decimal("25.00"))
    assert [step.letter for step in south.steps.values()] == ["SOUTH1", "DEBTBILL"]
    assert [step.letter for step in whole.steps.values()] == ["DEBTREM1", "DEBTREM2", "DEBTBILL"]


def test_a_library_alone_reminds_in_that_section_only(tmp_path: Path) -> None:
    own = SOUTH + 'minimum = 25.00\n[[library.remind.level]]\nafter_days = 7\nletter = "SOUTH1"\n'
    whole, south = (draft.remind for draft in settings(tmp_path, own).sections)
    assert whole is None
    assert south is not None


def test_nothing_of_the_policy_is_needed(tmp_path: Path) -> None:
    assert loaded(tmp_path, f'[koha]\nurl = "sqlite:///koha.db"\n{REMIND}', needs="koha").remind is not None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[remind]", "remind.minimum: needed"),
        ("[remind]\nminimum = 10", "remind.level: one to four levels are needed"),
        (REMIND.replace("10.00\n[[", "0\n[[", 1), "remind.minimum: an amount above 0"),
        (REMIND.replace("= 14", "= 0"), "remind.level[2].after_days: Input should be greater than or equal to 1"),
        (REMIND.replace("= 2.00", "= -2.00"), "remind.level[2].fee: an amount of 0 or more"),
        (REMIND.replace('letter = "DEBTBILL"', ""), "remind.bill.letter: needed"),
        (REMIND.replace('"both"', '"all"'), "remind.level[2].notify: Input should be 'patron', 'guarantor' or 'both'"),
        (REMIND.replace('["print"]', '["print", "print"]'), "remind.bill.transports: each transport is named once"),
        (REMIND.replace('["print"]', "[]"), "remind.bill.transports: each transport is named once, and one"),
        (REMIND.replace("minimum", "mininum"), "remind.mininum: there is no such key; did you mean minimum?"),
        (REMIND.replace("10.00\n[[", '10.00\nrestriction_comment = "x"\n[[', 1), "remind.restriction_comment: {date}"),
        (
            REMIND.replace("10.00\n[[", '10.00\nrestriction_comment = "Patron sent to collections on {date}"\n[[', 1),
            "remind.restriction_comment: this is also the comment of a referral",
        ),
        (REMIND + SOUTH + "minimum = 0", "library[1].remind.minimum: an amount above 0 is needed"),
        (SOUTH + "minimum = 5", "library[1].remind.level: one to four levels are needed"),
        ("[remind]\nminimum = 10\nlevel = 3", "remind.level: levels are written under [[remind.level]]"),
    ],
)
def test_each_problem_has_its_place(tmp_path: Path, text: str, place: str) -> None:
    assert [sentence for sentence in told(tmp_path, text) if sentence.startswith(place)]


def test_a_comment_has_at_most_255_characters_with_its_date(tmp_path: Path) -> None:
    def with_comment(length: int) -> str:
        comment = "x" * (length - 10) + "{date}"
        return REMIND.replace("10.00\n[[", f'10.00\nrestriction_comment = "{comment}"\n[[', 1)

    assert settings(tmp_path, with_comment(255)).remind is not None
    assert told(tmp_path, with_comment(256))


def test_five_levels_are_too_many(tmp_path: Path) -> None:
    level = '[[remind.level]]\nafter_days = 9\nletter = "X"\n'
    assert settings(tmp_path, "[remind]\nminimum = 10\n" + level * 4).remind is not None
    assert told(tmp_path, "[remind]\nminimum = 10\n" + level * 5)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = REMIND.replace("= 14", "= 0").replace("= 2.00", "= -2.00").replace("minimum = 10.00", "")
    assert {sentence.partition(":")[0] for sentence in told(tmp_path, text)} == {
        "remind.minimum",
        "remind.level[2].after_days",
        "remind.level[2].fee",
    }


def test_the_pages_of_the_settings_have_the_keys_of_reminders(tmp_path: Path) -> None:
    assert "## `[[remind.level]]`" in reference()
    assert "# [[remind.level]]" in sample()
    shown = effective(settings(tmp_path, REMIND + SOUTH + "minimum = 25.00"))
    assert 'letter = "DEBTREM2"' in shown
    assert "[library.remind]\n" in shown
    assert "minimum = 25.00" in shown


def test_days_until_a_letter_add_up(tmp_path: Path) -> None:
    remind = settings(tmp_path, REMIND).remind
    assert remind is not None
    assert [remind.days_until(frozenset(each)) for each in ({"DEBTREM2"}, {"DEBTBILL", "DEBTREM1"}, {"X"})] == [
        44,
        65,
        None,
    ]
