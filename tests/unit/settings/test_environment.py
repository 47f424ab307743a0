"""Every key in the environment too, over the file."""

import json
from pathlib import Path

from gentle_nudge.settings.keys import TABLES
from gentle_nudge.settings.pages import effective
from gentle_nudge.settings.reading import VARIABLES
from tests.unit.settings.given import loaded, problems, toml


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        toml("[mail]\nport = 25"),
        {
            "GENTLE_NUDGE_MAIL__PORT": "2525",
            "GENTLE_NUDGE_POLICY__THRESHOLD": "50",
            "GENTLE_NUDGE_POLICY__CLEAR_PAID": "true",
            "GENTLE_NUDGE_POLICY__CATEGORIES": '["PT", "ST"]',
            "GENTLE_NUDGE_POLICY__IGNORE_FEES_BEFORE": "2020-01-01",
            "GENTLE_NUDGE_POLICY__FULL_UPDATE_ON": "",
        },
    )
    policy = found.sections[0].policy
    assert found.mail.port == 2525
    assert str(policy.threshold) == "50.00"
    assert policy.clear_paid
    assert policy.categories == {"PT", "ST"}
    assert str(policy.ignore_fees_before) == "2020-01-01"
    assert policy.full_update_on is None


def test_every_key_but_those_of_sections_has_a_variable() -> None:
    assert len(VARIABLES) == sum(len(table.model_fields) for table in TABLES.values())


def test_the_program_s_own_variable_is_no_key(tmp_path: Path) -> None:
    loaded(tmp_path, toml(), {"GENTLE_NUDGE_CONFIG": "/nowhere.toml", "PATH": "/bin"})


def test_an_unknown_variable_is_told_with_a_suggestion(tmp_path: Path) -> None:
    environ = {"GENTLE_NUDGE_MAIL__HOTS": "x", "GENTLE_NUDGE_POLICY_THRESHOLD": "1", "GENTLE_NUDGE_XYZ": "x"}
    assert problems(tmp_path, toml(), environ) == (
        "GENTLE_NUDGE_MAIL__HOTS: there is no such key; did you mean GENTLE_NUDGE_MAIL__HOST?",
        "GENTLE_NUDGE_POLICY_THRESHOLD: there is no such key; did you mean GENTLE_NUDGE_POLICY__THRESHOLD?",
        "GENTLE_NUDGE_XYZ: there is no such key",
    )


def test_a_section_stands_in_the_file_only(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, toml(), {"GENTLE_NUDGE_LIBRARY__NAME": "north"})
    assert problem == "GENTLE_NUDGE_LIBRARY__NAME: a [[library]] stands in the file only"


def test_a_list_is_written_as_json(tmp_path: Path) -> None:
    for text in ("a@agency.example", "[a@agency.example]", json.dumps("a@agency.example")):
        (problem,) = problems(tmp_path, toml(), {"GENTLE_NUDGE_POLICY__SEND_TO": text})
        assert problem.startswith("GENTLE_NUDGE_POLICY__SEND_TO: a list is needed")


def test_a_problem_of_the_environment_names_the_variable(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, toml(), {"GENTLE_NUDGE_POLICY__THRESHOLD": "much"})
    assert problem.startswith("GENTLE_NUDGE_POLICY__THRESHOLD: ")


def test_what_is_shown_says_where_each_value_comes_from(tmp_path: Path) -> None:
    shown = effective(loaded(tmp_path, toml(), {"GENTLE_NUDGE_POLICY__ADULT_AGE": "21"})).splitlines()
    words = [line.split() for line in shown]
    assert ["threshold", "=", "25.00", "#", "gentle-nudge.toml"] in words
    assert ["adult_age", "=", "21", "#", "GENTLE_NUDGE_POLICY__ADULT_AGE"] in words
    assert ["clear_paid", "=", "false", "#", "default"] in words
