"""The archive on a real disk."""

import errno
import hashlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.delivery.outlet import DeliveryFailed
from tests.integration.delivery.items import NAME, REPORT, files_of_at_most, pieces
from tests.support.memory import memory_of
from tests.support.programs import mounted

OTHER = b"other bytes\n"


@pytest.fixture
def archive(tmp_path: Path) -> ArchiveOutlet:
    return ArchiveOutlet(directory=tmp_path / "archive", database="koha_lib")


def names(archive: ArchiveOutlet) -> set[str]:
    return {path.name for path in archive.directory.iterdir()}


def test_a_report_is_stored_whole_for_its_owner_alone(archive: ArchiveOutlet) -> None:
    stored = archive.store(NAME, pieces(REPORT, 7))
    assert stored == archive.directory / NAME
    assert stored.read_bytes() == REPORT
    assert stored.stat().st_mode & 0o777 == 0o600
    assert archive.directory.stat().st_mode & 0o777 == 0o700
    assert names(archive) == {NAME, ".gentle-nudge"}


def test_an_open_folder_is_closed_to_others(archive: ArchiveOutlet) -> None:
    archive.directory.mkdir(mode=0o755)
    archive.store(NAME, [REPORT])
    assert archive.directory.stat().st_mode & 0o777 == 0o700


def test_the_same_bytes_are_stored_once(archive: ArchiveOutlet) -> None:
    assert archive.store(NAME, [REPORT]) == archive.store(NAME, [REPORT])
    assert names(archive) == {NAME, ".gentle-nudge"}


def test_another_file_is_never_overwritten(archive: ArchiveOutlet) -> None:
    first, second, third = (archive.store(NAME, [content]) for content in (OTHER, REPORT, b"third"))
    assert [path.name for path in (first, second, third)] == [
        NAME,
        "ums-updates-2026-11-22-2.csv",
        "ums-updates-2026-11-22-3.csv",
    ]
    assert first.read_bytes() == OTHER
    assert archive.store(NAME, [REPORT]) == second


@pytest.mark.parametrize("other", [OTHER, b"", REPORT[:30]])
def test_a_file_that_was_there_before_the_first_night_is_kept(archive: ArchiveOutlet, other: bytes) -> None:
    archive.directory.mkdir()
    (archive.directory / NAME).write_bytes(other)
    assert archive.store(NAME, [REPORT]).name == "ums-updates-2026-11-22-2.csv"
    assert (archive.directory / NAME).read_bytes() == other


def test_two_databases_never_share_a_folder(archive: ArchiveOutlet) -> None:
    archive.store(NAME, [REPORT])
    assert json.loads((archive.directory / ".gentle-nudge").read_text())["database"] == "koha_lib"
    other = ArchiveOutlet(directory=archive.directory, database="koha_other")
    with pytest.raises(DeliveryFailed, match="belongs to the database koha_lib, not to koha_other"):
        other.store("ums-sync-2026-11-22.csv", [OTHER])
    with pytest.raises(DeliveryFailed, match="belongs to the database koha_lib, not to koha_other"):
        other.read_note()
    assert names(archive) == {NAME, ".gentle-nudge"}


def test_a_folder_full_of_other_things_is_left_alone(archive: ArchiveOutlet) -> None:
    archive.directory.mkdir(mode=0o755)
    (archive.directory / "passwd").touch()
    with pytest.raises(DeliveryFailed, match="holds other files"):
        archive.store(NAME, [REPORT])
    assert names(archive) == {"passwd"}
    assert archive.directory.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"owner": "x"}', "\x00"])
def test_a_marker_that_is_none_of_ours_is_refused(archive: ArchiveOutlet, text: str) -> None:
    archive.directory.mkdir()
    (archive.directory / ".gentle-nudge").write_text(text)
    with pytest.raises(DeliveryFailed, match="cannot be read"):
        archive.store(NAME, [REPORT])


def test_the_marker_keeps_a_note(archive: ArchiveOutlet) -> None:
    assert archive.read_note() is None
    archive.store(NAME, [REPORT])
    archive.note("run 17")
    archive.store(NAME, [OTHER])
    assert archive.read_note() == "run 17"
    assert (archive.directory / ".gentle-nudge").read_text() == '{"database": "koha_lib", "note": "run 17"}\n'


def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    archive = ArchiveOutlet(directory=tmp_path / "none" / "archive", database="koha_lib")
    with pytest.raises(DeliveryFailed, match="No such file or directory"):
        archive.store(NAME, [REPORT])


def test_a_file_in_place_of_the_folder_is_named(archive: ArchiveOutlet) -> None:
    archive.directory.touch()
    with pytest.raises(DeliveryFailed, match=r"cannot be read|Not a directory"):
        archive.store(NAME, [REPORT])


def test_a_full_disk_leaves_nothing_half_written(archive: ArchiveOutlet) -> None:
    archive.store(NAME, [OTHER])
    with files_of_at_most(100_000), pytest.raises(DeliveryFailed, match="File too large"):
        archive.store(NAME, pieces(bytes(500_000), 1_000))
    assert names(archive) == {NAME, ".gentle-nudge"}
    assert (archive.directory / NAME).read_bytes() == OTHER


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting is for root")
def test_a_disk_without_a_byte_left_leaves_nothing_half_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "64k"):
        archive = ArchiveOutlet(directory=disk / "archive", database="koha_lib")
        archive.store(NAME, [REPORT])
        with pytest.raises(DeliveryFailed, match="No space left on device"):
            archive.store("ums-sync-2026-11-22.csv", pieces(bytes(500_000), 1_000))
        assert names(archive) == {NAME, ".gentle-nudge"}


@pytest.mark.parametrize("answer", [errno.EPERM, errno.EOPNOTSUPP])
def test_on_a_disk_that_knows_no_links_another_file_is_kept_all_the_same(
    archive: ArchiveOutlet, monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    def refuse(_path: Path, _target: Path) -> None:
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    archive.store(NAME, [OTHER])
    assert archive.store(NAME, [REPORT]).read_bytes() == REPORT
    assert (archive.directory / NAME).read_bytes() == OTHER
    assert names(archive) == {NAME, "ums-updates-2026-11-22-2.csv", ".gentle-nudge"}


def test_a_report_that_breaks_off_while_it_is_read_leaves_nothing(archive: ArchiveOutlet) -> None:
    def broken() -> Iterator[bytes]:
        yield REPORT
        raise KeyError

    with pytest.raises(KeyError):
        archive.store(NAME, broken())
    assert names(archive) == {".gentle-nudge"}


@pytest.mark.process
def test_a_writer_killed_on_the_way_leaves_no_report_and_the_next_one_cleans_up(archive: ArchiveOutlet) -> None:
    def killed() -> Iterator[bytes]:
        yield b"half"
        os.kill(os.getpid(), signal.SIGKILL)

    writer = os.fork()
    if writer == 0:
        try:
            archive.store(NAME, killed())
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(writer, 0)[1]) == -signal.SIGKILL
    assert NAME not in names(archive)
    assert archive.store(NAME, [REPORT]).read_bytes() == REPORT
    assert names(archive) == {NAME, ".gentle-nudge"}


def test_a_big_report_is_stored_without_being_held(archive: ArchiveOutlet) -> None:
    assert memory_of(lambda: archive.store(NAME, (bytes(100_000) for _ in range(200)))) < 1_000_000


def test_an_old_report_is_removed_under_whatever_number_and_nothing_else(archive: ArchiveOutlet) -> None:
    archive.store(NAME, [OTHER])
    numbered = archive.store(NAME, [REPORT])
    digest = hashlib.sha256(REPORT).hexdigest()
    assert archive.remove(NAME, digest)
    assert not numbered.exists()
    assert (archive.directory / NAME).read_bytes() == OTHER
    assert not archive.remove(NAME, digest)
