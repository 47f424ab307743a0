"""Passwords that stand in files of their own."""

from pathlib import Path

from tests.unit.settings.given import KOHA, loaded, problems, toml

TEXT = toml(koha=f'{KOHA}\npassword_file = "pw"')


def test_a_password_is_what_the_file_holds_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(" s3cret \n", encoding="utf-8")
    password = loaded(tmp_path, TEXT).koha.password
    assert password is not None
    assert password.get_secret_value() == " s3cret "


def test_the_environment_s_password_goes_before_the_file_s(tmp_path: Path) -> None:
    password = loaded(tmp_path, TEXT, {"GENTLE_NUDGE_KOHA__PASSWORD": "other"}).koha.password
    assert password is not None
    assert password.get_secret_value() == "other"


def test_a_file_that_everybody_can_read_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_text("s3cret", encoding="utf-8")
    file.chmod(0o640)
    assert loaded(tmp_path, TEXT).warnings == ()
    file.chmod(0o644)
    (warning,) = loaded(tmp_path, TEXT).warnings
    assert warning.startswith("gentle-nudge.toml: koha.password_file: ")


def test_a_file_that_holds_no_password_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, TEXT, needs="koha")
    assert problem == "gentle-nudge.toml: koha.password_file: the file cannot be read: No such file or directory"
    (tmp_path / "pw").write_text("\n", encoding="utf-8")
    (problem,) = problems(tmp_path, TEXT, needs="koha")
    assert problem == "gentle-nudge.toml: koha.password_file: the file is empty"
