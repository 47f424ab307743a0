"""The demo touches its own folder only."""

from pathlib import Path

import pytest

from gentle_nudge.demo.demo_folder import MARKER, Folder
from gentle_nudge.errors import UserError


def files(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*")}


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    assert Folder(path=tmp_path / "a" / "demo").begin() is False
    assert files(tmp_path / "a" / "demo") == {MARKER, "gentle-nudge.toml", "koha.sqlite"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert Folder(path=tmp_path).begin() is False


def test_a_folder_with_anything_else_in_it_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "koha.sqlite").write_text("mine")
    with pytest.raises(UserError, match="nothing in it was touched"):
        Folder(path=tmp_path).begin()
    assert files(tmp_path) == {"koha.sqlite"}
    assert (tmp_path / "koha.sqlite").read_text() == "mine"


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").touch()
    with pytest.raises(UserError, match="already exists"):
        Folder(path=tmp_path / "demo").begin()


def test_below_a_file_no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be used"):
        Folder(path=tmp_path / "file" / "demo").begin()


def test_an_earlier_demo_is_replaced_and_what_is_not_of_the_demo_stays(tmp_path: Path) -> None:
    folder = Folder(path=tmp_path / "demo")
    folder.begin()
    folder.config.write_text("changed")
    (folder.path / "notes.txt").write_text("mine")
    (folder.mail / "new").mkdir(parents=True)
    (folder.mail / "new" / "message").touch()
    assert folder.begin() is True
    assert files(folder.path) == {MARKER, "gentle-nudge.toml", "koha.sqlite", "notes.txt"}
    assert folder.config.read_text() != "changed"


def test_where_a_link_leads_nothing_is_deleted(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "letter").touch()
    folder = Folder(path=tmp_path / "demo")
    folder.begin()
    folder.mail.symlink_to(elsewhere)
    folder.begin()
    assert files(elsewhere) == {"letter"}
    assert not folder.mail.exists()
