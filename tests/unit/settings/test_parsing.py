"""All problems at once, each with its place and a way out, none with a secret."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
from annotated_types import Interval
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.setting import Address, Key, Parsed
from gentle_nudge.errors import SettingsError
from gentle_nudge.settings import load
from gentle_nudge.settings.key_pages import effective
from gentle_nudge.settings.keys import TABLES, SectionKeys
from gentle_nudge.settings.parsing import keys_of, parse
from tests.unit.settings.given import KOHA, loaded, problems, toml

SECRET = "Zu9hWq-7vTtK"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tea:
    """How tea is made."""

    minutes: Annotated[int, Interval(ge=1, le=9), Key("How long it draws.", example="4")]
    guests: Annotated[tuple[Address, ...], Key("Who is asked.")] = ()
    on: Annotated[Annotated[Weekday, Parsed(Weekday.parse)] | None, Key("The day.", or_empty=True)] = Weekday.SUNDAY
    poured: bool = False


def test_a_key_is_what_its_dataclass_declares() -> None:
    minutes, guests, on = keys_of(Tea).values()
    assert (minutes.is_required, minutes.default, minutes.key.meaning) == (True, None, "How long it draws.")
    assert (guests.is_required, guests.is_list, on.default) == (False, True, Weekday.SUNDAY)
    assert minutes.needed == "needed: How long it draws. Example: minutes = 4"


def test_only_what_was_given_is_parsed() -> None:
    right = parse(Tea, given={"minutes": "4", "on": ""}, loc=("tea",), folder=None)
    assert (right.values, right.problems) == ({"minutes": 4, "on": None}, ())
    wrong = parse(Tea, given={"minutes": 10, "guests": ["a@b.example", "b"], "poured": True}, loc=("tea",), folder=None)
    assert wrong.values == {}
    assert [problem.about[0] for problem in wrong.problems] == [
        ("tea", "minutes"),
        ("tea", "guests"),
        ("tea", "poured"),
    ]
    assert wrong.problems[1].sentence.startswith("entry 2: an e-mail address is needed")


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        toml("[mail]\nhots = 'x'", threshold="-1", leave_out="flag"),
        {"GENTLE_NUDGE_POLICY__MINORS": "perhaps"},
    )
    assert [problem.rpartition(": ")[0].split(": needed")[0] for problem in found] == [
        "gentle-nudge.toml: policy.threshold",
        "GENTLE_NUDGE_POLICY__MINORS",
        "gentle-nudge.toml: mail.hots",
        "gentle-nudge.toml: policy.flag",
    ]


def test_an_unknown_key_comes_with_a_suggestion(tmp_path: Path) -> None:
    assert problems(tmp_path, toml(treshold="25")) == (
        "gentle-nudge.toml: policy.treshold: there is no such key; did you mean threshold?",
    )


def test_a_key_of_earlier_versions_is_answered_with_the_name_of_the_new_one(tmp_path: Path) -> None:
    replaced = "this key was replaced by most_endings"
    assert problems(tmp_path, toml(most_withdrawals="20")) == (
        f"gentle-nudge.toml: policy.most_withdrawals: {replaced}",
    )
    north = '[[library]]\nname = "north"\nbranches = ["CPL"]\nmost_withdrawals = 20'
    assert problems(tmp_path, toml(north)) == (f"gentle-nudge.toml: library[1].most_withdrawals: {replaced}",)


def test_a_key_in_the_wrong_table_is_sent_home(tmp_path: Path) -> None:
    assert problems(tmp_path, "threshold = 25\n" + toml())[0].endswith("this key belongs under [policy]")
    assert problems(tmp_path, toml("[mail]\nadult_age = 18"))[0].endswith("it belongs under [policy]")


def test_an_unknown_table_comes_with_a_suggestion(tmp_path: Path) -> None:
    assert problems(tmp_path, toml("[archiv]")) == (
        "gentle-nudge.toml: archiv: there is no such table; did you mean archive?",
    )


def test_a_table_in_the_wrong_brackets_is_told(tmp_path: Path) -> None:
    assert "double brackets" in problems(tmp_path, toml("[library]\nname = 'north'"))[0]
    assert "this is a table" in problems(tmp_path, "mail = 3\n" + toml())[0]


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "[koha\n")
    assert problem.startswith("gentle-nudge.toml: this is not valid TOML:")
    assert "line 1" in problem


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "gentle-nudge.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load(file, environ={})


@pytest.mark.parametrize("key", ["threshold", "processing_fee", "flag", "minors", "send_to"])
def test_what_a_submission_needs_has_no_default(tmp_path: Path, key: str) -> None:
    (problem,) = problems(tmp_path, toml(leave_out=key))
    assert problem.startswith(f"gentle-nudge.toml: policy.{key}: needed: ")
    settings = loaded(tmp_path, toml(leave_out=key), needs="koha")
    assert settings.lacks == (problem,)
    with pytest.raises(SettingsError, match="needed"):
        settings.with_groups({})


def test_every_command_needs_a_database(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, toml(koha=""), needs="koha")
    assert problem.startswith("gentle-nudge.toml: koha.conf: needed: ")


@pytest.mark.parametrize("table", ["koha", "mail", "sftp"])
def test_a_password_in_the_file_is_sent_to_a_file_of_its_own(tmp_path: Path, table: str) -> None:
    text = f'[{table}]\npassword = "{SECRET}"\n' + (toml() if table != "koha" else "")
    found = problems(tmp_path, text)
    assert found[0].startswith(f"gentle-nudge.toml: {table}.password: ")
    assert "password_file" in found[0]
    assert SECRET not in "".join(found)


PLACES = [(name, key) for name, table in TABLES.items() for key in keys_of(table)]
PLACES_IN_SECTIONS = [
    ("library", key) for key in keys_of(TABLES["policy"], SectionKeys) if key not in {"name", "formerly", "group"}
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(st.sampled_from(PLACES + PLACES_IN_SECTIONS), unique=True, max_size=12),
    url=st.sampled_from(["mysql+pymysql", "oracle", "mysql"]),
    secret=st.text(alphabet="QXZqxz0189", min_size=12),
)
def test_no_message_ever_repeats_a_value(tmp_path: Path, places: list[tuple[str, str]], url: str, secret: str) -> None:
    tables: dict[str, list[str]] = {}
    for table, key in places:
        tables.setdefault(table, []).append(f'{key} = "{secret}"')
    environ = {f"GENTLE_NUDGE_{table}__{key}".upper(): secret for table, key in places[::2] if table != "library"}
    text = "\n".join("\n".join([f"[{'[library]' if t == 'library' else t}]", *keys]) for t, keys in tables.items())
    if "koha" not in tables:
        text += f'\n[koha]\nurl = "{url}://koha:{secret}@db/koha?password={secret}"\n'
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text, environ)
    assert secret not in str(caught.value) + caught.value.hint


@given(secret=st.text(alphabet="QXZqxz0189@:/ %", min_size=12).filter(lambda word: word.strip() == word))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_shown_of_the_settings_holds_no_secret(tmp_path: Path, secret: str) -> None:
    (tmp_path / "pw").write_text(secret + "\n", encoding="utf-8")
    environ = {"GENTLE_NUDGE_KOHA__PASSWORD": secret}
    found = loaded(tmp_path, toml("[mail]\nuser = 'u'\npassword_file = 'pw'"), environ)
    assert found.koha.password == secret
    assert found.mail.password == secret
    assert secret not in effective(found) + repr(found)


def test_the_password_of_a_url_is_not_shown(tmp_path: Path) -> None:
    koha = KOHA.replace("koha@", f"koha:{SECRET}@").replace("koha_lib", f"koha_lib?password={SECRET}")
    found = loaded(tmp_path, toml(koha=koha))
    assert SECRET not in effective(found) + repr(found)
    assert 'url = "mysql+pymysql://koha:***@db.library.example/koha_lib"' in effective(found)


def test_the_mark_that_some_editors_put_first_does_not_matter(tmp_path: Path) -> None:
    loaded(tmp_path, "\ufeff" + toml())
