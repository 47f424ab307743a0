"""Letters into a Maildir."""

import mailbox
import resource
from pathlib import Path

import pytest

from gentle_nudge.delivery.maildir import MaildirOutlet
from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from tests.integration.delivery.items import LETTERHEAD, REPORT, an_item, files_of_at_most


def put(folder: Path, item: Item) -> list[Path]:
    """The files that are there once the item was delivered."""
    MaildirOutlet(folder=folder, letterhead=LETTERHEAD).deliver(item)
    return sorted((folder / "new").iterdir())


def test_a_letter_arrives_as_any_mail_program_reads_it(tmp_path: Path) -> None:
    put(tmp_path / "mail", an_item())
    (message,) = mailbox.Maildir(tmp_path / "mail", create=False)
    assert message["To"] == "reports@agency.example"
    assert message.get_payload()[1].get_payload(decode=True) == REPORT  # type: ignore[union-attr,index] # multipart


def test_a_letter_put_twice_is_there_once(tmp_path: Path) -> None:
    assert put(tmp_path / "mail", an_item()) == put(tmp_path / "mail", an_item())
    put(tmp_path / "mail", an_item(delivery=8))
    assert len(mailbox.Maildir(tmp_path / "mail")) == 2


def test_only_its_owner_reads_an_item(tmp_path: Path) -> None:
    (arrived,) = put(tmp_path / "mail", an_item())
    assert arrived.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o500, None])
def test_the_maildir_is_its_owner_s_alone(tmp_path: Path, mode: int | None) -> None:
    folder = tmp_path / "mail"
    if mode is not None:
        folder.mkdir()
        (folder / "new").mkdir(mode=0o755)
        folder.chmod(mode)
    put(folder, an_item())
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())} == {0o700}


@pytest.mark.parametrize("name", [".", "tmp", "new", "cur"])
def test_nothing_is_written_through_a_link_in_place_of_a_folder(tmp_path: Path, name: str) -> None:
    folder, elsewhere = tmp_path / "mail", tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    link = folder / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    outlet = MaildirOutlet(folder=folder, letterhead=LETTERHEAD)
    with pytest.raises(DeliveryFailed, match=f"{link.name} is a symbolic link"):
        outlet.deliver(an_item())
    assert list(elsewhere.iterdir()) == []
    assert elsewhere.stat().st_mode & 0o777 == 0o755
    (finding,) = outlet.probe()
    assert (finding.name, str(link) in finding.what) == ("maildir-not-writable", True)


def test_without_the_folder_above_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(DeliveryFailed, match="No such file or directory"):
        put(tmp_path / "none" / "mail", an_item())


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    put(tmp_path / "mail", an_item(delivery=8))
    with files_of_at_most(100_000), pytest.raises(DeliveryFailed, match="File too large"):
        put(tmp_path / "mail", an_item(bytes(500_000)))
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 100_000
    assert len([path for path in (tmp_path / "mail").rglob("*") if path.is_file()]) == 1
