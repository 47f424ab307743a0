"""The demo touches its own folder only."""

from pathlib import Path

import pytest

from gentle_nudge.demo.demo_folder import CONFIG, MAIL, MARKER, begin
from gentle_nudge.errors import UserError


def files(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*")}


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    assert begin(tmp_path / "a" / "demo") is False
    assert files(tmp_path / "a" / "demo") == {MARKER, "gentle-nudge.toml", "koha.sqlite"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert begin(tmp_path) is False


def test_a_folder_with_anything_else_in_it_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "koha.sqlite").write_text("mine")
    with pytest.raises(UserError, match="nothing in it was touched"):
        begin(tmp_path)
    assert files(tmp_path) == {"koha.sqlite"}
    assert (tmp_path / "koha.sqlite").read_text() == "mine"


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").touch()
    with pytest.raises(UserError, match="already exists"):
        begin(tmp_path / "demo")


def test_below_a_file_no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be used"):
        begin(tmp_path / "file" / "demo")


def test_an_earlier_demo_is_replaced_and_what_is_not_of_the_demo_stays(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    begin(folder)
    (folder / CONFIG).write_text("changed")
    (folder / "notes.txt").write_text("mine")
    (folder / MAIL / "new").mkdir(parents=True)
    (folder / MAIL / "new" / "message").touch()
    assert begin(folder) is True
    assert files(folder) == {MARKER, "gentle-nudge.toml", "koha.sqlite", "notes.txt"}
    assert (folder / CONFIG).read_text() != "changed"


def test_where_a_link_leads_nothing_is_deleted(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "letter").touch()
    folder = tmp_path / "demo"
    begin(folder)
    (folder / MAIL).symlink_to(elsewhere)
    begin(folder)
    assert files(elsewhere) == {"letter"}
    assert not (folder / MAIL).exists()
