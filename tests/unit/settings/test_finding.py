"""Where the configuration is looked for."""

from pathlib import Path

import pytest

from gentle_nudge.settings import NotConfigured, Settings, is_configured, load
from tests.unit.settings.given import toml


def configuration(file: Path, threshold: str, koha: str = 'conf = "/etc/koha/koha-conf.xml"') -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(toml(koha=koha, threshold=threshold), encoding="utf-8")
    return file


def threshold(settings: Settings) -> str:
    return str(settings.sections[0].policy.threshold)


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
    assert not is_configured(None, {}, system_wide=nowhere)
    with pytest.raises(NotConfigured) as caught:
        load(environ={}, system_wide=nowhere)
    assert "--config" in caught.value.hint


def test_the_system_wide_file_counts_only_if_it_names_its_own_database(tmp_path: Path) -> None:
    file = configuration(tmp_path / "config.toml", "4.00", koha="")
    assert not is_configured(None, {"KOHA_CONF": "/etc/koha/koha-conf.xml"}, system_wide=file)
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
    assert not is_configured(file, {})
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
