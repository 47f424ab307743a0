"""Where the configuration is looked for, what the environment says over it, and where passwords stand."""

import json
from pathlib import Path

import pytest

from gentle_nudge.settings import NotConfigured, Settings, load
from gentle_nudge.settings.key_pages import effective
from gentle_nudge.settings.keys import TABLES
from gentle_nudge.settings.parsing import keys_of
from gentle_nudge.settings.sources import VARIABLES
from tests.unit.settings.given import KOHA, loaded, policy_of, problems, toml


def configuration(file: Path, threshold: str, koha: str = 'conf = "/etc/koha/koha-conf.xml"') -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(toml(koha=koha, threshold=threshold), encoding="utf-8")
    return file


def threshold(settings: Settings) -> str:
    return str(policy_of(settings).threshold)


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    return tmp_path / "nowhere" / "config.toml"


def test_the_option_goes_before_the_variable_and_that_before_the_instance(tmp_path: Path, nowhere: Path) -> None:
    option = configuration(tmp_path / "option.toml", "1.00")
    variable = configuration(tmp_path / "variable.toml", "2.00")
    configuration(tmp_path / "site" / "gentle-nudge.toml", "3.00")
    site = {"KOHA_CONF": str(tmp_path / "site" / "koha-conf.xml")}
    both = {**site, "GENTLE_NUDGE_CONFIG": str(variable)}
    assert threshold(load(option, environ=both, system_wide=nowhere)) == "1.00"
    assert threshold(load(environ=both, system_wide=nowhere)) == "2.00"
    assert threshold(load(environ=site, system_wide=nowhere)) == "3.00"


def test_the_current_folder_is_never_searched(tmp_path: Path, nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration(tmp_path / "gentle-nudge.toml", "1.00")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotConfigured) as caught:
        load(environ={}, system_wide=nowhere)
    assert "--config" in caught.value.hint


def test_the_system_wide_file_counts_only_if_it_names_its_own_database(tmp_path: Path) -> None:
    file = configuration(tmp_path / "config.toml", "4.00", koha="")
    with pytest.raises(NotConfigured):
        load(environ={"KOHA_CONF": "/etc/koha/koha-conf.xml"}, system_wide=file)
    configuration(file, "4.00")
    assert threshold(load(environ={}, system_wide=file)) == "4.00"


def test_an_instance_with_its_own_file_does_not_look_at_the_system_wide_one(tmp_path: Path) -> None:
    system_wide = configuration(tmp_path / "config.toml", "4.00")
    configuration(tmp_path / "site" / "gentle-nudge.toml", "3.00", koha="")
    environ = {"KOHA_CONF": str(tmp_path / "site" / "koha-conf.xml")}
    assert threshold(load(environ=environ, system_wide=system_wide)) == "3.00"


def test_koha_conf_is_the_default_of_conf(tmp_path: Path) -> None:
    configuration(tmp_path / "gentle-nudge.toml", "3.00", koha="")
    conf = tmp_path / "koha-conf.xml"
    assert load(environ={"KOHA_CONF": str(conf)}).koha.conf == conf


def test_the_environment_alone_is_a_configuration_if_it_names_a_database(nowhere: Path) -> None:
    environ = {"GENTLE_NUDGE_KOHA__URL": "mysql+pymysql://koha@db/koha_lib"}
    settings = load(environ=environ, needs="koha", system_wide=nowhere)
    assert settings.file is None
    assert str(settings.koha.url) == environ["GENTLE_NUDGE_KOHA__URL"]


def test_a_named_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = tmp_path / "gone.toml"
    with pytest.raises(NotConfigured, match=r"There is no configuration file .*gone\.toml"):
        load(file, environ={})


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "library"
    configuration(folder / "gn.toml", "1.00", koha='url = "sqlite:///koha.sqlite"\n[archive]\ndirectory = "copies"')
    monkeypatch.chdir(tmp_path)
    settings = load(Path("library/gn.toml"), environ={})
    assert settings.archive.directory == folder / "copies"
    assert settings.koha.url is not None
    assert settings.koha.url.database == str(folder / "koha.sqlite")


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
    policy = policy_of(found)
    assert found.mail.port == 2525
    assert str(policy.threshold) == "50.00"
    assert policy.clear_paid
    assert policy.categories == {"PT", "ST"}
    assert str(policy.ignore_fees_before) == "2020-01-01"
    assert policy.full_update_on is None


def test_every_key_but_those_of_sections_has_a_variable() -> None:
    assert len(VARIABLES) == sum(len(keys_of(table)) for table in TABLES.values())


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
    assert problem == "GENTLE_NUDGE_LIBRARY__NAME: a [[library]] is given in the file only"


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


WITH_FILE = toml(koha=f'{KOHA}\npassword_file = "pw"')


def test_a_password_is_what_the_file_holds_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(" s3cret \n", encoding="utf-8")
    password = loaded(tmp_path, WITH_FILE).koha.password
    assert password == " s3cret "


def test_the_environment_s_password_goes_before_the_file_s(tmp_path: Path) -> None:
    password = loaded(tmp_path, WITH_FILE, {"GENTLE_NUDGE_KOHA__PASSWORD": "other"}).koha.password
    assert password == "other"


def test_a_file_that_everybody_can_read_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_text("s3cret", encoding="utf-8")
    file.chmod(0o640)
    assert loaded(tmp_path, WITH_FILE).warnings == ()
    file.chmod(0o644)
    (warning,) = loaded(tmp_path, WITH_FILE).warnings
    assert warning.startswith("gentle-nudge.toml: koha.password_file: ")


def test_a_file_that_holds_no_password_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, WITH_FILE, needs="koha")
    assert problem == "gentle-nudge.toml: koha.password_file: the file cannot be read: No such file or directory"
    (tmp_path / "pw").write_text("\n", encoding="utf-8")
    (problem,) = problems(tmp_path, WITH_FILE, needs="koha")
    assert problem == "gentle-nudge.toml: koha.password_file: the file is empty"
