"""The sample file and the reference say what the program knows."""

import re
import tomllib
from pathlib import Path

from gentle_nudge.settings.key_pages import reference, sample
from gentle_nudge.settings.keys import TABLES, SectionKeys
from gentle_nudge.settings.parsing import keys_of
from tests.unit.settings.given import POLICY, loaded, problems

ROOT = Path(__file__).parents[3]
ANEW = "run tools/pages"
ALL = (*TABLES.values(), SectionKeys)


def test_the_sample_file_is_the_program_s_own() -> None:
    assert (ROOT / "config.example.toml").read_text(encoding="utf-8") == sample(), ANEW


def test_the_reference_is_the_program_s_own() -> None:
    assert (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8") == reference(), ANEW


def test_the_sample_file_charges_nobody_until_the_needed_keys_are_given(tmp_path: Path) -> None:
    koha = {"KOHA_CONF": "/etc/koha/koha-conf.xml"}
    assert len(problems(tmp_path, sample(), koha)) == 5
    needed, begin, passport = sample().partition("# [passport]")
    given = re.sub(rf"(?m)^# ({'|'.join(POLICY)} = )", r"\1", needed)
    assert loaded(tmp_path, given + begin + passport, koha).with_groups({})


def test_every_line_that_is_commented_out_is_toml_too() -> None:
    lines = [line.removeprefix("# ") for line in sample().splitlines() if line[:2] == "# " and " = " in line]
    for line in lines:
        tomllib.loads(line)
    assert len(lines) > 50


def test_every_key_is_in_the_sample_but_passwords_and_in_the_reference() -> None:
    for table in ALL:
        for key in keys_of(table):
            assert key == "password" or f"\n{key} = " in sample() or f"\n# {key} = " in sample()
            assert f"| `{key}` |" in reference()


def test_every_key_says_what_it_means() -> None:
    for table in ALL:
        assert all(declared.key.meaning for declared in keys_of(table).values())
