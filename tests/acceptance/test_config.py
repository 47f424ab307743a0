"""The configuration as a librarian meets it on the command line."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from gentle_nudge.settings.key_pages import sample
from tests.unit.settings.given import toml

Run = Callable[..., subprocess.CompletedProcess[str]]


def configured(folder: Path, text: str = "") -> Path:
    file = folder / "gentle-nudge.toml"
    file.write_text(text or toml(send_to='["reports@agency.org"]'), encoding="utf-8")
    return file


def test_without_a_configuration_the_command_says_where_it_looked(run: Run) -> None:
    done = run("config", "show")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "KOHA_CONF is not set" in done.stderr


def test_an_instance_without_a_configuration_is_passed_over_in_silence(run: Run, tmp_path: Path) -> None:
    for options, env in (
        ((), {"KOHA_CONF": str(tmp_path / "koha-conf.xml")}),
        (("--config", str(tmp_path / "gone.toml")), {}),
    ):
        done = run(*options, "--if-configured", "config", "show", env=env)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_broken_configuration_is_not_passed_over(run: Run, tmp_path: Path) -> None:
    done = run("--if-configured", "--config", configured(tmp_path, "[koha\n"), "config", "show")
    assert done.returncode == 2
    assert done.stderr.startswith("gentle-nudge.toml: this is not valid TOML")


def test_show_prints_what_is_in_force(run: Run, tmp_path: Path) -> None:
    done = run("--config", configured(tmp_path), "config", "show", env={"GENTLE_NUDGE_POLICY__THRESHOLD": "30"})
    assert done.returncode == 0
    assert "threshold = 30.00" in done.stdout
    assert done.stderr == ""


def test_validate_tells_what_is_still_missing_for_a_night(run: Run, tmp_path: Path) -> None:
    right = run("--config", configured(tmp_path), "config", "validate")
    assert (right.returncode, right.stderr) == (0, "")
    assert right.stdout.count("\n") == 1
    lacking = run("--config", configured(tmp_path, toml(leave_out="flag minors")), "config", "validate")
    assert (lacking.returncode, lacking.stdout) == (2, "")
    assert "policy.flag: needed" in lacking.stderr
    assert "policy.minors: needed" in lacking.stderr


def test_validate_refuses_the_addresses_of_the_documentation(run: Run, tmp_path: Path) -> None:
    done = run("--config", configured(tmp_path, toml(send_to='["reports@agency.example"]')), "config", "validate")
    assert (done.returncode, done.stdout) == (2, "")
    assert "policy.send_to: reports@agency.example is an example" in done.stderr


def test_the_example_as_it_is_refers_nobody(run: Run, tmp_path: Path) -> None:
    conf = tmp_path / "koha-conf.xml"
    conf.write_text("<yazgfs><config><database>koha_lib</database></config></yazgfs>", encoding="utf-8")
    done = run("--config", configured(tmp_path, sample()), "config", "validate", env={"KOHA_CONF": str(conf)})
    assert done.returncode == 2
    for key in ("threshold", "processing_fee", "flag", "minors", "send_to"):
        assert f"policy.{key}: needed" in done.stderr


def test_validate_refuses_a_koha_conf_that_leads_elsewhere(run: Run, tmp_path: Path) -> None:
    conf = tmp_path / "koha-conf.xml"
    conf.write_text("<yazgfs><config><database>koha_other</database></config></yazgfs>", encoding="utf-8")
    done = run("--config", configured(tmp_path), "config", "validate", env={"KOHA_CONF": str(conf)})
    assert done.returncode == 2
    assert "$KOHA_CONF leads to the database" in done.stderr


def test_the_example_is_a_configuration_to_begin_with(run: Run) -> None:
    done = run("config", "example")
    assert (done.returncode, done.stdout) == (0, sample())


def test_an_unknown_command_comes_with_a_suggestion(run: Run) -> None:
    done = run("confg")
    assert done.returncode == 2
    assert "Did you mean config?" in done.stderr
