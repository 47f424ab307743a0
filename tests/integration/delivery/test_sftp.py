"""Uploads to real SFTP servers: one that misbehaves as agencies' do, and OpenSSH's."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from gentle_nudge.delivery.sftp import RENAME_REFUSED, STAT_REFUSED, SftpOutlet
from gentle_nudge.settings.keys import Sftp
from tests.integration.delivery.items import NAME, REPORT, an_item, pieces
from tests.support import sftp as asyncssh_server
from tests.support.memory import memory_of
from tests.support.programs import find, free_port
from tests.support.sshd import Sshd

Agency = asyncssh_server.SftpServer
Agencies = Callable[..., Agency]
SECOND, THIRD = "ums-updates-2026-11-22-2.csv", "ums-updates-2026-11-22-3.csv"
SECRET = "let me in"


def settings(agency: Agency | Sshd, **other: Any) -> Sftp:
    given: dict[str, Any] = {"host_key": agency.host_key}
    given |= {"key_file": agency.key_file} if isinstance(agency, Sshd) else {"password": agency.password}
    given |= {"directory": str(agency.root)} if isinstance(agency, Sshd) else {}
    return Sftp(host=agency.host, port=agency.port, user=agency.user, **(given | other))


def upload(server: Sftp, item: Item | None = None, timeout: int = 10) -> tuple[str, ...]:
    with closing(SftpOutlet(server, timeout)) as outlet:
        return outlet.deliver(item or an_item())


def cut_every_connection(agency: Agency) -> None:
    async def cut() -> None:
        for connection in agency.connections:
            connection.abort()

    assert agency._background is not None
    agency._background.do(cut())


def failure(server: Sftp, item: Item | None = None, timeout: int = 10) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        upload(server, item, timeout)
    return caught.value


@pytest.mark.parametrize("way", ["rename", "direct"])
@pytest.mark.parametrize("verify", ["size", "content", "none"])
def test_a_report_arrives_byte_for_byte(sftp: Agency, way: str, verify: str) -> None:
    assert upload(settings(sftp, upload=way, verify=verify)) == ()
    assert sftp.files() == {NAME: REPORT}


@pytest.mark.parametrize("way", ["rename", "direct"])
def test_openssh_receives_a_report(sshd: Sshd, way: str) -> None:
    assert upload(settings(sshd, upload=way, verify="content")) == ()
    assert {path.name: path.read_bytes() for path in sshd.root.iterdir()} == {NAME: REPORT}


@pytest.mark.parametrize("way", ["rename", "direct"])
def test_openssh_keeps_another_file_of_that_name(sshd: Sshd, way: str) -> None:
    (sshd.root / NAME).write_bytes(b"other")
    upload(settings(sshd, upload=way))
    upload(settings(sshd, upload=way))
    assert {path.name: path.read_bytes() for path in sshd.root.iterdir()} == {NAME: b"other", SECOND: REPORT}


def test_several_reports_go_over_one_connection(sftp: Agency) -> None:
    with closing(SftpOutlet(settings(sftp))) as outlet:
        assert list(outlet.probe()) == []
        for number in range(3):
            outlet.deliver(an_item(name=f"ums-{number}.csv"))
    assert len(sftp.files()) == 3
    assert len(sftp.connections) == 1


def test_a_connection_that_was_closed_meanwhile_is_made_anew(sftp: Agency) -> None:
    with closing(SftpOutlet(settings(sftp))) as outlet:
        outlet.deliver(an_item())
        cut_every_connection(sftp)
        until = time.monotonic() + 10
        while not (outlet._folder and outlet._folder.is_closed) and time.monotonic() < until:
            time.sleep(0.01)
        outlet.deliver(an_item(name="ums-2.csv"))
    assert len(sftp.files()) == 2


# Who it is


def test_a_key_opens_as_well_as_a_password(sftp: Agency) -> None:
    upload(settings(sftp, password="", key_file=sftp.key_file))
    assert sftp.files() == {NAME: REPORT}


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_every_kind_of_key_that_ssh_keygen_makes_is_understood(sshd: Sshd, tmp_path: Path, kind: str) -> None:
    key = tmp_path / "key"
    subprocess.run([find("ssh-keygen"), "-q", "-t", kind, "-N", "", "-f", key], check=True)
    with sshd.key_file.with_suffix(".pub").open("a") as allowed:
        allowed.write(key.with_suffix(".pub").read_text())
    upload(settings(sshd, key_file=key))
    assert (sshd.root / NAME).read_bytes() == REPORT


def test_a_wrong_password_is_named_but_not_shown(sftp: Agency) -> None:
    failed = failure(settings(sftp, password="wrong-pass"))
    assert "does not let library in with this password" in failed.sentence
    assert "wrong-pass" not in failed.sentence + failed.hint


def test_a_wrong_key_is_named(sshd: Sshd, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run([find("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    assert "in with this key" in failure(settings(sshd, key_file=key)).sentence


def test_a_key_that_is_none_or_needs_a_passphrase_is_named(sftp: Agency, tmp_path: Path) -> None:
    locked, nonsense = tmp_path / "locked", tmp_path / "nonsense"
    subprocess.run([find("ssh-keygen"), "-q", "-t", "ed25519", "-N", "secret", "-f", locked], check=True)
    nonsense.write_text("this is no key")
    for file in (locked, nonsense, tmp_path / "missing"):
        assert f"The SSH key {file} cannot be used" in failure(settings(sftp, key_file=file)).sentence


def test_settings_never_show_the_password() -> None:
    assert SECRET not in repr(Sftp(host="x", user="y", password=SECRET))


def test_known_hosts_pins_the_key(sftp: Agency) -> None:
    upload(settings(sftp, host_key="", known_hosts=sftp.known_hosts))
    assert sftp.files() == {NAME: REPORT}


def test_hashed_names_in_known_hosts_are_understood(sftp: Agency) -> None:
    subprocess.run([find("ssh-keygen"), "-q", "-H", "-f", sftp.known_hosts], check=True, capture_output=True)
    upload(settings(sftp, host_key="", known_hosts=sftp.known_hosts))
    assert sftp.files() == {NAME: REPORT}


def test_known_hosts_may_hold_a_key_of_another_kind_too(sftp: Agency, tmp_path: Path) -> None:
    subprocess.run([find("ssh-keygen"), "-q", "-t", "rsa", "-N", "", "-f", tmp_path / "rsa"], check=True)
    known = tmp_path / "known"
    rsa_line = f"[{sftp.host}]:{sftp.port} {(tmp_path / 'rsa.pub').read_text()}"
    known.write_text(rsa_line + sftp.known_hosts.read_text())
    upload(settings(sftp, host_key="", known_hosts=known))
    assert sftp.files() == {NAME: REPORT}
    known.write_text(rsa_line)
    assert "is not the pinned one" in failure(settings(sftp, host_key="", known_hosts=known)).sentence


@pytest.mark.parametrize("missing", [True, False])
def test_an_unknown_key_is_refused_with_the_line_to_pin(
    sftp: Agency,
    tmp_path: Path,
    missing: bool,  # noqa: FBT001 - a fact to compare
) -> None:
    known = tmp_path / "known"
    if not missing:
        known.write_text("# nobody\n")
    failed = failure(settings(sftp, host_key="", known_hosts=known))
    assert "is pinned; nothing was sent" in failed.sentence
    assert f"add this line to {known}: [{sftp.host}]:{sftp.port} {sftp.host_key}" in failed.sentence
    assert not sftp.files()
    known.write_text(failed.sentence.partition(f"{known}: ")[2])
    upload(settings(sftp, host_key="", known_hosts=known))


def test_a_changed_key_is_refused_before_the_password_is_sent(sftp: Agency, sftp_server: Agencies) -> None:
    other = sftp_server()
    failed = failure(settings(sftp, host_key=other.host_key))
    assert "is not the pinned one; nothing was sent" in failed.sentence
    assert f'write into [sftp]: host_key = "{sftp.host_key}"' in failed.sentence
    assert not sftp.files()


def test_openssh_with_a_changed_key_is_refused(sshd: Sshd, sftp: Agency) -> None:
    assert "is not the pinned one" in failure(settings(sshd, host_key=sftp.host_key)).sentence
    assert not list(sshd.root.iterdir())


def test_a_key_of_another_kind_than_the_pinned_is_refused_with_its_line(sshd: Sshd, tmp_path: Path) -> None:
    subprocess.run([find("ssh-keygen"), "-q", "-t", "rsa", "-N", "", "-f", tmp_path / "rsa"], check=True)
    pinned = " ".join((tmp_path / "rsa.pub").read_text().split()[:2])
    failed = failure(settings(sshd, host_key=pinned))
    assert "is not the pinned one" in failed.sentence
    assert sshd.host_key in failed.sentence


@pytest.mark.parametrize("text", ["ssh-ed25519", "nonsense", "ssh-ed25519 AAA!"])
def test_a_pin_that_cannot_be_read_is_named(sftp: Agency, text: str) -> None:
    assert "pinned host key cannot be read" in failure(settings(sftp, host_key=text)).sentence


# Where it goes


def test_the_directory_is_for_every_report(sftp: Agency) -> None:
    (sftp.root / "incoming").mkdir()
    upload(settings(sftp, directory="incoming"))
    upload(settings(sftp, directory="/incoming/"), an_item(name="ums-2.csv"))
    assert set(sftp.files()) == {f"incoming/{NAME}", "incoming/ums-2.csv"}


@pytest.mark.parametrize("way", ["rename", "direct"])
def test_a_directory_that_is_not_there_is_named(sftp: Agency, way: str) -> None:
    failed = failure(settings(sftp, directory="incoming", upload=way))
    assert "There is no directory 'incoming'" in failed.sentence
    with closing(SftpOutlet(settings(sftp, directory="incoming"))) as outlet:
        assert [finding.name for finding in outlet.probe()] == ["sftp-server"]


@pytest.mark.parametrize("way", ["rename", "direct"])
def test_another_file_is_never_overwritten(sftp: Agency, way: str) -> None:
    (sftp.root / NAME).write_bytes(b"x" * len(REPORT))
    upload(settings(sftp, upload=way))
    assert sftp.files() == {NAME: b"x" * len(REPORT), SECOND: REPORT}


@pytest.mark.parametrize("way", ["rename", "direct"])
def test_a_file_that_we_may_not_see_is_not_overwritten_either(sftp_server: Agencies, way: str) -> None:
    agency = sftp_server(refuse={"stat"})
    (agency.root / NAME).write_bytes(b"other")
    upload(settings(agency, upload=way, verify="none"))
    assert agency.files() == {NAME: b"other", SECOND: REPORT}


@pytest.mark.parametrize("way", ["rename", "direct"])
def test_the_same_file_counts_as_delivered_and_is_not_sent_again(sftp: Agency, way: str) -> None:
    upload(settings(sftp, upload=way))
    sftp.calls.clear()
    assert upload(settings(sftp, upload=way)) == ()
    assert "write" not in sftp.calls
    assert sftp.files() == {NAME: REPORT}


# What a broken upload left behind

ROWS = b"9,O'Brien,Pat,20000009,1240.55\n" * 70_000
WITHIN_A_LINE = [REPORT[:1], REPORT[:30], REPORT[:-1]]
NO_BEGINNING = [REPORT[:30] + b"x", b"x" * 30, REPORT + b"x", b"\xef\xbb\xbf" + REPORT[:30]]
WHOLE_LINES = [b"", REPORT[: REPORT.index(b"\n") + 1], REPORT[: REPORT.index(b"1.00\n") + 5]]


def files_at(sshd: Sshd) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sshd.root.iterdir()}


def test_an_openssh_killed_in_the_middle_leaves_a_beginning_that_the_next_try_makes_whole(sshd: Sshd) -> None:
    def chunks() -> Any:
        for number, piece in enumerate(pieces(ROWS)):
            if number == 3:
                for process in children_of(sshd):
                    os.kill(process, signal.SIGKILL)
            yield piece

    server = settings(sshd, upload="direct")
    assert "SFTP server" in failure(server, an_item(ROWS, chunks=chunks)).sentence
    (left,) = files_at(sshd).values()
    assert 0 < len(left) < len(ROWS)
    assert ROWS.startswith(left)
    upload(server, an_item(ROWS, tried=True))
    assert files_at(sshd) == {NAME: ROWS}


@pytest.mark.parametrize("way", ["rename", "direct"])
@pytest.mark.parametrize("left", WITHIN_A_LINE)
def test_a_beginning_of_ours_that_ends_within_a_line_is_overwritten(
    sftp: Agency, sshd: Sshd, way: str, left: bytes
) -> None:
    for agency in (sftp, sshd):
        (agency.root / NAME).write_bytes(left)
        upload(settings(agency, upload=way))
        upload(settings(agency, upload=way))
    assert sftp.files() == files_at(sshd) == {NAME: REPORT}


@pytest.mark.parametrize("way", ["rename", "direct"])
@pytest.mark.parametrize("tried", [False, True])
@pytest.mark.parametrize("other", NO_BEGINNING)
def test_what_is_no_beginning_of_ours_is_never_overwritten(
    sftp: Agency, sshd: Sshd, way: str, other: bytes, *, tried: bool
) -> None:
    for agency in (sftp, sshd):
        (agency.root / NAME).write_bytes(other)
        upload(settings(agency, upload=way), an_item(tried=tried))
    assert sftp.files() == files_at(sshd) == {NAME: other, SECOND: REPORT}


@pytest.mark.parametrize("way", ["rename", "direct"])
@pytest.mark.parametrize("left", WHOLE_LINES)
def test_whole_lines_or_nothing_may_be_another_report_until_we_have_tried(
    sftp: Agency, sshd: Sshd, way: str, left: bytes
) -> None:
    for agency in (sftp, sshd):
        for name in (NAME, "ums-retried.csv"):
            (agency.root / name).write_bytes(left)
        upload(settings(agency, upload=way))
        upload(settings(agency, upload=way), an_item(name="ums-retried.csv", tried=True))
    assert sftp.files() == files_at(sshd) == {NAME: left, SECOND: REPORT, "ums-retried.csv": REPORT}


@pytest.mark.parametrize(("left", "then"), [(REPORT[:30], {SECOND: REPORT}), (b"", {SECOND: b"", THIRD: REPORT})])
def test_under_a_number_only_what_ends_within_a_line_is_overwritten(
    sftp: Agency, left: bytes, then: dict[str, bytes]
) -> None:
    (sftp.root / NAME).write_bytes(b"other")
    (sftp.root / SECOND).write_bytes(left)
    upload(settings(sftp, upload="direct"), an_item(tried=True))
    assert sftp.files() == {NAME: b"other"} | then


def test_a_long_beginning_is_compared_to_its_end(sshd: Sshd) -> None:
    left = ROWS[:1_500_000]
    (sshd.root / NAME).write_bytes(left)
    upload(settings(sshd, upload="direct"), an_item(ROWS))
    assert files_at(sshd) == {NAME: ROWS}
    (sshd.root / NAME).write_bytes(left[:-1] + b"!")
    upload(settings(sshd, upload="direct"), an_item(ROWS))
    assert files_at(sshd) == {NAME: left[:-1] + b"!", SECOND: ROWS}


def test_if_the_whole_report_stands_under_a_number_nothing_is_sent_again(sftp: Agency) -> None:
    (sftp.root / NAME).write_bytes(REPORT[:30])
    (sftp.root / SECOND).write_bytes(REPORT)
    upload(settings(sftp, upload="direct"), an_item(tried=True))
    assert "write" not in sftp.calls
    assert sftp.files() == {NAME: REPORT[:30], SECOND: REPORT}


@pytest.mark.parametrize(
    ("way", "refused"), [("direct", "overwrite"), ("direct", "read"), ("rename", "remove"), ("rename", "read")]
)
def test_a_server_that_lets_us_not_overwrite_or_read_gets_the_next_name(
    sftp_server: Agencies, way: str, refused: str
) -> None:
    agency = sftp_server(refuse={refused})
    (agency.root / NAME).write_bytes(REPORT[:30])
    for _ in range(2):
        upload(settings(agency, upload=way), an_item(tried=True))
        agency.behave()
    assert agency.files() == {NAME: REPORT[:30], SECOND: REPORT}


def test_a_server_that_tells_no_sizes_has_its_broken_upload_overwritten_too(sftp_server: Agencies) -> None:
    agency = sftp_server(refuse={"stat"})
    (agency.root / NAME).write_bytes(REPORT[:30])
    upload(settings(agency, upload="direct", verify="none"), an_item(tried=True))
    assert agency.files() == {NAME: REPORT}


# What servers refuse


def test_of_a_server_that_does_not_rename_we_say_which_setting_suits_it(sftp_server: Agencies) -> None:
    agency = sftp_server(refuse={"rename"})
    assert failure(settings(agency)).sentence == RENAME_REFUSED
    assert agency.files() == {}
    upload(settings(agency, upload="direct"))
    assert agency.files() == {NAME: REPORT}


@pytest.mark.parametrize("way", ["rename", "direct"])
def test_of_a_server_that_does_not_tell_sizes_we_say_which_setting_suits_it(sftp_server: Agencies, way: str) -> None:
    agency = sftp_server(refuse={"stat"})
    assert failure(settings(agency, upload=way)).sentence == STAT_REFUSED
    assert agency.files() == {}
    upload(settings(agency, upload=way, verify="none"))
    assert agency.files() == {NAME: REPORT}


def test_a_server_that_refuses_both_gets_the_file_once_both_are_set(sftp_server: Agencies) -> None:
    agency = sftp_server(refuse={"stat", "rename"})
    upload(settings(agency, upload="direct", verify="none"))
    assert agency.files() == {NAME: REPORT}


def test_a_server_that_lets_nobody_write_fails(sftp_server: Agencies) -> None:
    for refused in ({"open"}, {"write"}):
        agency = sftp_server(refuse=refused)
        assert "refuses" in failure(settings(agency)).sentence
        assert not agency.files()


@pytest.mark.parametrize("way", ["rename", "direct"])
@pytest.mark.parametrize("verify", ["size", "content"])
def test_a_truncated_file_fails_and_is_taken_away(sftp_server: Agencies, way: str, verify: str) -> None:
    agency = sftp_server(truncate_at=10)
    assert "did not keep" in failure(settings(agency, upload=way, verify=verify)).sentence
    assert not agency.files()
    agency.behave()
    upload(settings(agency, upload=way, verify=verify))
    assert agency.files() == {NAME: REPORT}


@pytest.mark.parametrize("way", ["rename", "direct"])
@pytest.mark.parametrize("verify", ["size", "content", "none"])
def test_a_file_taken_away_after_its_transfer_counts_as_delivered(sftp_server: Agencies, way: str, verify: str) -> None:
    agency = sftp_server(sweep="ums-*.csv")
    assert upload(settings(agency, upload=way, verify=verify)) == ()
    assert agency.swept == {NAME: REPORT}
    assert not agency.files()


def test_a_server_that_takes_even_unfinished_names_has_the_report(sftp_server: Agencies) -> None:
    agency = sftp_server(sweep="*")
    assert upload(settings(agency))[0].endswith('set sftp.upload = "direct".')
    assert list(agency.swept.values()) == [REPORT]


# What the world does


@pytest.mark.parametrize("way", ["rename", "direct"])
def test_a_server_that_hangs_fails_after_the_timeout(sftp: Agency, way: str) -> None:
    sftp.hang()
    assert "did not answer within 1 second" in failure(settings(sftp, upload=way), timeout=1).sentence


def test_a_server_that_only_greets_fails_after_the_timeout_and_leaves_no_thread(sftp: Agency) -> None:
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            connection.sendall(b"SSH-2.0-Slow\r\n")
            connections.append(connection)

        connections: list[socket.socket] = []
        threading.Thread(target=greet).start()
        failure(Sftp(host="127.0.0.1", port=server.getsockname()[1], user="x", host_key=sftp.host_key), timeout=1)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert set(threading.enumerate()) <= before
    connections[0].close()


def test_a_server_that_hangs_in_the_middle_fails_and_a_later_try_succeeds(sftp: Agency) -> None:
    item = an_item(bytes(2_000_000))

    def hanging() -> Any:
        for number, piece in enumerate(pieces(bytes(2_000_000))):
            if number == 3:
                sftp.hang()
            yield piece

    half = an_item(bytes(2_000_000), chunks=hanging)
    assert "did not answer" in failure(settings(sftp), half, timeout=1).sentence
    sftp.behave()
    upload(settings(sftp), item)
    assert sftp.files()[NAME] == bytes(2_000_000)


def test_an_openssh_that_stops_reading_fails_after_the_timeout(sshd: Sshd) -> None:
    """Its process is stopped in the middle, so that not even the kernel's buffers are emptied."""
    stopped: list[int] = []

    def chunks() -> Any:
        for number in range(400):
            if number == 2:
                stopped.extend(children_of(sshd))
                for process in stopped:
                    os.kill(process, signal.SIGSTOP)
            yield bytes(100_000)

    item = an_item(size=40_000_000, sha256="0" * 64, chunks=chunks)
    try:
        assert "SFTP server" in failure(settings(sshd), item, timeout=2).sentence
    finally:
        for process in stopped:
            os.kill(process, signal.SIGCONT)
    assert not (sshd.root / NAME).exists()


def children_of(sshd: Sshd) -> list[int]:
    assert sshd._process is not None
    parents = {
        int(path.name): int(path.joinpath("stat").read_text().rpartition(")")[2].split()[1])
        for path in Path("/proc").glob("[0-9]*")
        if path.joinpath("stat").exists()
    }
    family = {sshd._process.pid}
    for _ in range(4):
        family |= {child for child, parent in parents.items() if parent in family}
    return sorted(family - {sshd._process.pid})


@pytest.mark.parametrize("way", ["rename", "direct"])
def test_a_connection_cut_in_the_middle_fails_and_a_later_try_brings_the_whole(sftp: Agency, way: str) -> None:
    content = bytes(2_000_000)
    item = an_item(content)

    def cut() -> Any:
        for number, piece in enumerate(pieces(content)):
            if number == 3:
                cut_every_connection(sftp)
            yield piece

    half = an_item(content, chunks=cut)
    assert "SFTP server" in failure(settings(sftp, upload=way), half).sentence
    upload(settings(sftp, upload=way), item)
    assert sftp.files() == {NAME: content}


def test_a_server_that_is_not_there_fails() -> None:
    nowhere = Sftp(host="127.0.0.1", port=free_port(), user="x", host_key="ssh-ed25519 AAAA")
    assert "cannot be reached" in failure(nowhere, timeout=2).sentence


def test_a_report_that_breaks_off_while_it_is_read_leaves_nothing(sftp: Agency) -> None:
    def broken() -> Any:
        yield REPORT
        raise KeyError

    with pytest.raises(KeyError):
        upload(settings(sftp), an_item(chunks=broken))
    assert not sftp.files()


def test_a_big_report_is_sent_without_being_held(sshd: Sshd) -> None:
    content = bytes(100_000)
    item = an_item(name="ums-2.csv", size=20_000_000, chunks=lambda: (content for _ in range(200)))
    upload(settings(sshd))
    peak = memory_of(lambda: upload(settings(sshd), item))
    assert (sshd.root / "ums-2.csv").stat().st_size == item.size
    assert peak < 4_000_000


def test_nothing_is_logged_and_no_thread_is_left(
    sftp: Agency, sftp_server: Agencies, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    other_key = sftp_server().host_key
    before = set(threading.enumerate())
    upload(settings(sftp))
    failure(settings(sftp, password="wrong-pass"))
    failure(settings(sftp, host_key=other_key))
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(5)
    assert not [thread for thread in left if thread.is_alive()]
    assert not [record for record in caplog.records if record.name.startswith("paramiko")]
    assert capfd.readouterr().err == ""
