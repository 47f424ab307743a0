"""The folder of staff: whose it is, who may read it, what is removed from it."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.delivery.staff_folder import StaffFolder
from tests.support.programs import mounted

PAGE = "night-2026-11-22-global.html"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> StaffFolder:
    return StaffFolder(directory=tmp_path / "staff", database="koha_lib")


def names(folder: StaffFolder) -> set[str]:
    files = folder.directory.rglob("*")
    return {
        str(file.relative_to(folder.directory)) for file in files if file.is_file() and file.name != ".gentle-nudge"
    }


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o7777)


def test_it_is_marked_with_its_database(folder: StaffFolder) -> None:
    folder.put(PAGE, [b"page"])
    assert json.loads((folder.directory / ".gentle-nudge").read_text())["database"] == "koha_lib"
    other = StaffFolder(directory=folder.directory, database="koha_other")
    with pytest.raises(DeliveryFailed, match="belongs to the database koha_lib, not to koha_other"):
        other.put("night-2026-11-22-north.html", [b"other"])
    with pytest.raises(DeliveryFailed, match="belongs to the database"):
        other.tidy(date(2027, 1, 1), NOON)
    assert names(folder) == {PAGE}
    (finding,) = other.probe()
    assert finding.name == "staff-folder"


def test_one_that_is_made_beforehand_may_hold_only_what_is_ours(folder: StaffFolder) -> None:
    (folder.directory / "in").mkdir(parents=True)
    folder.put(PAGE, [b"page"])
    other = StaffFolder(directory=folder.directory.parent / "other", database="koha_lib")
    other.directory.mkdir()
    (other.directory / "passwd").touch()
    with pytest.raises(DeliveryFailed, match="holds other files; it is not made a staff folder"):
        other.put(PAGE, [b"page"])


def test_what_was_opened_to_others_is_found_and_closed_again(folder: StaffFolder) -> None:
    folder.put(PAGE, [b"page"])
    folder.directory.chmod(0o755)
    (folder.directory / "in").chmod(0o777)
    (finding,) = folder.probe()
    assert "Others may read or write" in finding.what
    folder.put(PAGE, [b"page"])
    assert (mode(folder.directory), mode(folder.directory / "in")) == ("0o700", "0o700")
    assert list(folder.probe()) == []


def test_a_group_may_read_and_hand_in(folder: StaffFolder) -> None:
    shared = StaffFolder(directory=folder.directory, database="koha_lib", group="nogroup")
    shared.put(PAGE, [b"page"])
    for place in ("", "in", "in/read", "in/refused"):
        found = (shared.directory / place).stat()
        assert (mode(shared.directory / place), found.st_gid) == ("0o2770", 65534)
    assert (mode(shared.directory / PAGE), (shared.directory / PAGE).stat().st_gid) == ("0o640", 65534)
    assert list(shared.probe()) == []
    (finding,) = folder.probe()
    assert "Others may" in finding.what, "the settings name no group any more"


def test_a_symbolic_link_is_not_followed(folder: StaffFolder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder.directory.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeliveryFailed, match="is a symbolic link"):
        folder.put(PAGE, [b"page"])
    folder.directory.unlink()
    folder.directory.mkdir()
    (folder.directory / "in").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeliveryFailed, match="in is a symbolic link"):
        folder.put(PAGE, [b"page"])
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_full_disk_leaves_no_half_page(folder: StaffFolder) -> None:
    folder.directory.mkdir()
    with mounted(folder.directory, "64k"):
        folder.put(PAGE, [b"page"])
        with pytest.raises(DeliveryFailed, match="No space left on device"):
            folder.put("digest-2026-11-23-global.html", [b"x" * 100_000])
        assert names(folder) == {PAGE}


def test_the_pages_of_earlier_days_go_and_nothing_that_is_not_ours(folder: StaffFolder) -> None:
    for name in (PAGE, "digest-2026-11-23-global.html", "review-2026-11-21-north.csv", "shelf-2026-11-20-a-b.csv"):
        folder.put(name, [b"page"])
    for name in ("night-notes.html", "in/review-2026-11-01-global.csv"):
        (folder.directory / name).write_text("x")
    folder.tidy(date(2026, 11, 22), NOON)
    assert names(folder) == {
        PAGE,
        "digest-2026-11-23-global.html",
        "night-notes.html",
        "in/review-2026-11-01-global.csv",
    }


def test_the_page_of_a_month_is_of_the_day_on_which_it_was_made(folder: StaffFolder) -> None:
    pages = {"outcomes-2026-10.html", "outcomes-2026-11-north.html"}
    for name in (*pages, "outcomes.html", "outcomes-2026-10.csv"):
        folder.put(name, [b"page"])
    folder.tidy(date(2026, 11, 1), NOON)
    assert pages <= names(folder)
    folder.tidy(date(2026, 12, 1), NOON)
    assert pages & names(folder) == {"outcomes-2026-11-north.html"}
    folder.tidy(date(2026, 12, 2), NOON)
    assert names(folder) == {"outcomes.html", "outcomes-2026-10.csv"}


def test_a_name_with_a_day_that_does_not_exist_stops_no_tidying(folder: StaffFolder) -> None:
    folder.put(PAGE, [b"page"])
    for name in ("night-2026-13-40-global.html", "night-2026-11-01-global.html"):
        (folder.directory / name).touch()
    folder.tidy(date(2026, 11, 22), NOON)
    assert names(folder) == {PAGE, "night-2026-13-40-global.html"}


def test_what_was_read_or_refused_goes_once_it_is_old(folder: StaffFolder) -> None:
    folder.put(PAGE, [b"page"])
    for name, hour in (("in/read/a.csv", 11), ("in/read/b.csv", 12), ("in/refused/a.txt", 11), ("in/c.csv", 11)):
        (folder.directory / name).write_text("x")
        at = NOON.replace(hour=hour).timestamp()
        os.utime(folder.directory / name, (at, at))
    folder.tidy(date(2026, 1, 1), NOON)
    assert names(folder) == {PAGE, "in/read/b.csv", "in/c.csv"}


def test_where_there_is_no_folder_or_it_is_not_marked_nothing_is_removed(folder: StaffFolder) -> None:
    folder.tidy(date(2027, 1, 1), NOON)
    folder.directory.mkdir()
    (folder.directory / PAGE).touch()
    folder.tidy(date(2027, 1, 1), NOON)
    assert names(folder) == {PAGE}
