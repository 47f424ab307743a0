"""Files that are there whole or not at all, under names that take no other's place."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from gentle_nudge.delivery.whole_files import MOST_NAMES, numbered, write_once, write_over


def test_a_file_is_whole_its_owner_s_alone_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    for _ in range(2):
        write_once(file, [b"one,", b"two\n"])
        assert file.read_bytes() == b"one,two\n"
        assert file.stat().st_mode & 0o777 == 0o600
        assert list(tmp_path.iterdir()) == [file]


def test_a_file_with_other_bytes_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    file.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_once(file, [b"theirs"])
    assert file.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [file]


def test_what_fails_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        write_once(tmp_path / "report.csv", broken())
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ValueError

    file = tmp_path / "marker"
    write_over(file, [b"old"])
    with pytest.raises(ValueError, match=r"^$"):
        write_over(file, broken())
    assert file.read_bytes() == b"old"
    write_over(file, [b"new"])
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_in_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"theirs")
    (tmp_path / ".marker.part").symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        write_over(tmp_path / "marker", [b"ours"])
    assert other.read_bytes() == b"theirs"


def test_a_number_comes_before_the_ending() -> None:
    assert list(islice(numbered("ums-sync-2026-11-22-north.csv"), 3)) == [
        "ums-sync-2026-11-22-north.csv",
        "ums-sync-2026-11-22-north-2.csv",
        "ums-sync-2026-11-22-north-3.csv",
    ]


def test_there_is_an_end_to_it() -> None:
    assert len(list(numbered("ums.csv"))) == MOST_NAMES
