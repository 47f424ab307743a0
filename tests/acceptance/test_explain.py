"""Why a patron is, or was, referred: as a clerk asks it."""

import json
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import MONDAY, NEXT_SUNDAY, SUNDAY
from tests.builders.koha import an_attribute_type, owes, pays
from tests.support.command import Command
from tests.support.sample_library import cast_alone


def explained(evenings: Evenings, patron: int, *options: str) -> dict[str, Any]:
    """What `explain` says to programs of a patron whom one section concerns."""
    (answer,) = json.loads(evenings.does("explain", f"number:{patron}", "--format", "json", *options))
    assert isinstance(answer, dict)
    return answer


def test_who_is_in_collections_is_told_why_since_when_and_what_would_be_without_the_case(library: Library) -> None:
    evenings = library()
    patron = evenings.owing("30.00", card="1001")
    younger = owes(evenings.koha, patron, "5.00", day=SUNDAY)
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, patron, "10.00")
    said = evenings.does("explain", "1001", on=MONDAY).splitlines()
    assert said[0] == (
        f"In collections since {SUNDAY} (case 1): owed 30.00 in the window and 35.00 in all, fee 10.00; "
        "no rule kept the patron out that day."
    )
    recorded = [line.split() for line in said[1:4]]
    assert recorded[0] == ["line", "date", "type", "outstanding", "counts"]
    assert [(line[0], *line[-2:]) for line in recorded[1:]][1] == (str(younger), "5.00", "no")
    assert said[4] == "Without the case, today:"
    assert said[-1] == "  Not referred: owes less than the threshold in the window (BELOW_THRESHOLD)."
    answer = explained(evenings, patron)
    then = answer["in_collections"]
    assert (answer["card"], answer["reason"], answer["verdicts"]["IN_COLLECTIONS"]) == ("1001", "IN_COLLECTIONS", True)
    assert (then["case"], then["since"], then["adopted"]) == (1, str(SUNDAY), False)
    assert (then["owed_in_window"], then["balance"], then["fee"]) == ("30.00", "35.00", "10.00")
    assert then["verdicts"] == dict.fromkeys(answer["verdicts"], False)
    assert [(line["outstanding"], line["counted"]) for line in then["lines"]] == [("30.00", True), ("5.00", False)]
    assert list(then["lines"][0]) == ["line", "day", "type", "outstanding", "counted"]


def test_of_an_adopted_case_nobody_knows_what_was_judged(library: Library) -> None:
    evenings = library()
    patron = evenings.owing(sort1="yes")
    evenings.does("nightly", on=MONDAY)
    (first, *_) = evenings.does("explain", f"number:{patron}").splitlines()
    assert first == (
        "In collections since an unknown day (case 1), flagged before this program knew of it; "
        "what was judged then is not known."
    )
    then = explained(evenings, patron)["in_collections"]
    assert (then["adopted"], then["verdicts"], then["owed_in_window"], then["since"]) == (True, None, None, None)


def test_a_closed_case_is_told_after_the_open_one(library: Library) -> None:
    evenings = library()
    patron = evenings.referred()
    pays(evenings.koha, patron)
    evenings.does("nightly", on=MONDAY)
    said = evenings.does("explain", f"number:{patron}").splitlines()
    assert said[0].startswith(f"Patron number {patron}")
    assert said[-1].startswith(f"  case 1: referred on {SUNDAY}, released on {MONDAY}: ")
    assert explained(evenings, patron)["in_collections"] is None
    owes(evenings.koha, patron, "50.00", day=NEXT_SUNDAY.replace(day=28, month=9))
    evenings.does("nightly", on=NEXT_SUNDAY)
    said = evenings.does("explain", f"number:{patron}").splitlines()
    assert said[0].startswith(f"In collections since {NEXT_SUNDAY} (case 2): owed 50.00")
    assert said[-1].startswith(f"  case 1: referred on {SUNDAY}, released")
    assert explained(evenings, patron)["in_collections"]["case"] == 2


def test_a_flag_in_a_field_of_attributes_does_not_keep_out_without_the_case_either(library: Library) -> None:
    evenings = library(policy="")
    an_attribute_type(evenings.koha, "COLL")
    config = evenings.config.read_text(encoding="utf-8").replace('"sort1"', '"attribute:COLL"')
    evenings.config.write_text(config, encoding="utf-8")
    patron = evenings.referred()
    assert evenings.does("explain", f"number:{patron}").splitlines()[-1] == "  Would be referred."
    evenings.koha.execute("UPDATE borrower_attributes SET attribute = 'phoned' WHERE code = 'COLL'")
    assert evenings.does("explain", f"number:{patron}").splitlines()[-1] == (
        "  Not referred: the flag field holds something that is neither a yes nor a no (FLAG_IN_OTHER_USE)."
    )


def test_another_day_is_named_and_each_reason_has_its_code_behind_it(library: Library) -> None:
    evenings = library()
    patron = evenings.referred()
    said = evenings.does("explain", f"number:{patron}", "--day", str(NEXT_SUNDAY)).splitlines()
    assert f"Without the case, {NEXT_SUNDAY}:" in said
    (minor,) = (line.split() for line in said if line.endswith("  MINOR"))
    assert minor == ["-", "a", "minor", "MINOR"]


def test_the_case_of_the_sample_library(command: Command) -> None:
    config = ("--config", cast_alone(command))
    said = command.run(*config, "explain", "24000141").stdout
    assert said.startswith("In collections since 2026-11-08 (case 7): owed 80.00 in the window and 80.00 in all, fee")
    (answer,) = json.loads(command.run(*config, "explain", "24000141", "--format", "json").stdout)
    then = answer["in_collections"]
    assert then["owed_in_window"] == "80.00"
    assert set(then["verdicts"]) == set(answer["verdicts"])
    assert not any(then["verdicts"].values())


@pytest.mark.parametrize("option", ["flag=sort2", "minors=include"])
def test_what_if_holds_for_the_sections_beside_too(library: Library, option: str) -> None:
    evenings = library(tables='[[library]]\nname = "north"\nbranches = ["MPL"]\n')
    patron = evenings.referred(branch="MPL")
    answer = explained(evenings, patron, "--set", option)
    assert (answer["section"], answer["verdicts"]["IN_COLLECTIONS"]) == ("north", True)
