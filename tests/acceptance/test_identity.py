"""On another machine, in a copy, in a test copy, after a backup came back."""

import mailbox
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.evenings import AGENCY, Evenings, Library
from tests.builders.days import MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY
from tests.support import backup
from tests.support.koha import KohaDatabase
from tests.support.monitor import Monitor
from tests.support.nights import snapshot
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer


def archive(folder: Path) -> str:
    return f'\n[archive]\ndirectory = "{folder}/archive"\n'


def elsewhere(evenings: Evenings) -> None:
    """The same database, on another machine."""
    evenings.config.write_text(evenings.config.read_text().replace('machine = "here"', 'machine = "there"'))


def logged(koha: KohaDatabase) -> list[dict[str, Any]]:
    return koha.query("SELECT info, interface FROM action_logs WHERE module = 'GENTLENUDGE' AND action = 'INIT'")


# The wrong machine


def test_on_another_machine_nothing_is_done_and_everything_may_be_looked_at(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    evenings.referred(card="1001")
    elsewhere(evenings)
    before = snapshot(koha)
    for command in ("nightly", "sync", "deliver", "init --yes"):
        refused = evenings.run(*command.split(), on=MONDAY)
        assert refused.returncode == 2
        assert "--moved" in refused.stderr
        assert "--copy" in refused.stderr
    for command in ("nightly --dry-run", "sync --dry-run", "explain 1001", "history", "history 1001"):
        evenings.does(*command.split())
    assert "Not initialised for this machine" in evenings.run("status").stdout
    assert snapshot(koha) == before


def test_the_library_has_moved(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    evenings.does("nightly", on=SUNDAY)
    elsewhere(evenings)
    before = snapshot(koha)
    unasked = evenings.run("init", "--moved")
    assert (unasked.returncode, snapshot(koha)) == (2, before)
    evenings.does("init", "--moved", "--yes")
    assert '"who": "tester"' in logged(koha)[0]["info"].replace('" :', '":')
    assert logged(koha)[0]["interface"] == "commandline"
    note = koha.value("SELECT note FROM gentle_nudge_meta")
    evenings.does("nightly", on=MONDAY)
    assert koha.value("SELECT note FROM gentle_nudge_meta") > note > 0


def test_two_things_at_once_are_refused(library: Library) -> None:
    assert library().run("init", "--moved", "--copy", "--yes").returncode == 2


# A copy


def test_of_a_copy_nothing_leaves(library: Library, smtp: SmtpServer, sftp: SftpServer, tmp_path: Path) -> None:
    with Monitor() as monitor:
        tables = archive(tmp_path) + f'\n[monitoring]\nping_url = "{monitor.url}"\n' + sftp_table(sftp, tmp_path)
        evenings = library(port=smtp.port, tables=tables)
        evenings.owing()
        smtp.answer("mail", "451 later")
        assert evenings.run("nightly", on=SUNDAY).returncode == 1
        uploaded, heard = sftp.files(), list(monitor.asked)
        smtp.behave()
        elsewhere(evenings)
        said = evenings.does("init", "--copy", "--yes", on=MONDAY)
        assert "2 deliveries cancelled" in said
        open_ones = evenings.koha.query("SELECT reason, who FROM gentle_nudge_delivery WHERE state = 'cancelled'")
        assert open_ones == [{"reason": "this database is a copy", "who": "tester"}] * 2
        assert evenings.does("nightly", on=MONDAY) == ""
        assert evenings.does("sync", on=TUESDAY) == ""
        assert (smtp.messages, sftp.files(), monitor.asked) == ([], uploaded, heard)
    messages = mailbox.Maildir(tmp_path / "archive-copy", create=False)
    assert sorted(message["Subject"] for message in messages) == [
        "UMS Sync for Springfield Public Library",
        "UMS Updates for Springfield Public Library",
    ]
    assert not (tmp_path / "archive" / f"ums-updates-{MONDAY}.csv").exists()
    assert "is a copy" in evenings.does("status")


def test_a_copy_may_become_the_library(library: Library, koha: KohaDatabase, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.does("init", "--copy", "--yes")
    evenings.does("nightly", on=SUNDAY)
    assert smtp.messages == []
    evenings.does("init", "--moved", "--yes")
    evenings.does("nightly", on=MONDAY)
    assert len(smtp.messages) == 1
    assert koha.value("SELECT is_copy FROM gentle_nudge_meta") == 0


# A test copy


def sftp_table(sftp: SftpServer, folder: Path) -> str:
    password = folder / "sftp-password"
    password.write_text(str(sftp.password))
    password.chmod(0o600)
    return (
        f'\n[sftp]\nhost = "{sftp.host}"\nport = {sftp.port}\nuser = "{sftp.user}"\n'
        f'password_file = "{password}"\nhost_key = "{sftp.host_key}"\n'
    )


def test_a_test_copy_sends_to_send_all_emails_to_and_uploads_and_pings_nothing(
    library: Library, smtp: SmtpServer, sftp: SftpServer, tmp_path: Path
) -> None:
    with Monitor() as monitor:
        tables = f'\n[monitoring]\nping_url = "{monitor.url}"\n' + sftp_table(sftp, tmp_path)
        evenings = library(port=smtp.port, tables=tables)
        koha = evenings.koha
        evenings.owing()
        koha.prefer("SendAllEmailsTo", "me@library.example")
        assert evenings.does("nightly", on=SUNDAY) == ""
        assert [message.recipients for message in smtp.messages] == [["me@library.example"]] * 2
        assert smtp.messages[0].message["Subject"] == "TEST UMS New Submissions for Springfield Public Library"
        found = koha.query("SELECT channel, state, reason FROM gentle_nudge_delivery ORDER BY channel, id")
        assert [tuple(row.values()) for row in found] == [
            ("email", "cancelled", "test copy"),
            ("email", "cancelled", "test copy"),
            ("sftp", "due", None),
            ("sftp", "due", None),
        ]
        evenings.does("status", on=TUESDAY)
        assert evenings.does("deliver", on=TUESDAY) == ""
        assert koha.query("SELECT * FROM gentle_nudge_alert") == []
        assert (monitor.asked, sftp.files()) == ([], {})
        koha.prefer("SendAllEmailsTo", "")
        ids = koha.query("SELECT id FROM gentle_nudge_delivery WHERE channel = 'email' ORDER BY id")
        evenings.does("outbox", "retry", *(str(row["id"]) for row in ids))
        evenings.does("deliver")
    assert len(smtp.sent_to(AGENCY)) == 2
    assert len(sftp.files()) == 2


# A backup came back


def test_after_a_backup_came_back_nights_wait_for_a_person(
    library: Library, koha: KohaDatabase, smtp: SmtpServer, tmp_path: Path
) -> None:
    evenings = library(port=smtp.port, tables=archive(tmp_path))
    first = evenings.referred()
    saved = backup.take(koha)
    second = evenings.owing()
    evenings.does("nightly", on=MONDAY)
    evenings.does("nightly", on=NEXT_SUNDAY)
    assert evenings.flag(second) == "yes"
    backup.restore(koha, saved)
    second = evenings.owing(borrowernumber=second)
    before = snapshot(koha)
    for command in ("nightly", "sync", "deliver"):
        refused = evenings.run(command, on=NEXT_SUNDAY + timedelta(days=1))
        assert refused.returncode == 2
        assert "init --restored" in refused.stderr
    for command in ("nightly --dry-run", "explain number:1", "history"):
        assert evenings.run(*command.split()).returncode == 0 or command.startswith("explain")
    assert evenings.run("status").returncode == 1
    unasked = evenings.run("init", "--restored")
    assert unasked.returncode == 2
    assert f"ums-new-submissions-{NEXT_SUNDAY}.csv to {AGENCY} (email)" in unasked.stdout
    assert snapshot(koha) == before

    said = evenings.does("init", "--restored", "--yes")
    assert "No longer in Koha: 1 processing fee, 10.00 in all, and the restrictions" in said
    assert "1 patron is in collections again" in said
    assert '"option": "restored"' in logged(koha)[0]["info"].replace('" :', '":')
    by_hand = koha.query("SELECT interface FROM action_logs WHERE object = :n AND action = 'MODIFY'", n=second)
    assert [logged(koha)[0]["interface"], *(row["interface"] for row in by_hand)] == ["commandline"] * 2
    assert evenings.flag(second) == "yes"
    adopted = koha.query("SELECT referred_on, adopted, fee FROM gentle_nudge_case WHERE patron = :n", n=second)
    assert adopted == [{"referred_on": NEXT_SUNDAY, "adopted": 1, "fee": None}]
    assert koha.value("SELECT COUNT(*) FROM accountlines WHERE description = 'UMS Processing Fee'") == 1

    smtp.messages.clear()
    evenings.does("nightly")
    assert evenings.update(evenings.today) == {first: Decimal(40), second: Decimal(30)}
    assert [message.message["Subject"] for message in smtp.messages] == ["UMS Updates for Springfield Public Library"]
    assert "nothing to do" in evenings.does("init", "--restored", "--yes")
    evenings.does("nightly", on=NEXT_SUNDAY + timedelta(days=7))
    submitted = evenings.stored(f"ums-new-submissions-{NEXT_SUNDAY + timedelta(days=7)}.csv")
    assert submitted == b"No qualifying records\n"


def test_what_was_sent_between_the_backup_and_its_return_is_not_sent_again(
    library: Library, koha: KohaDatabase, smtp: SmtpServer, tmp_path: Path
) -> None:
    evenings = library(port=smtp.port, tables=archive(tmp_path), policy='copy_to = ["copy@library.example.org"]')
    evenings.owing()
    smtp.answer_recipient(AGENCY, "451 later")
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    saved = backup.take(koha)
    smtp.behave()
    evenings.does("deliver", on=MONDAY)
    assert len(smtp.sent_to(AGENCY)) == 2
    backup.restore(koha, saved)
    assert evenings.run("deliver", on=TUESDAY).returncode == 2
    assert "2 deliveries marked as sent, 1 open case to be reported" in evenings.does("init", "--restored", "--yes")
    evenings.does("nightly", on=TUESDAY)
    assert len(smtp.sent_to(AGENCY)) == 3
    assert set(evenings.states()) == {"sent"}


def test_an_update_of_before_the_backup_is_not_sent_after_a_newer_one(
    library: Library, koha: KohaDatabase, smtp: SmtpServer, tmp_path: Path
) -> None:
    evenings = library(port=smtp.port, tables=archive(tmp_path), policy='update_lists = "changed"')
    evenings.owing()
    smtp.answer("mail", "451 later")
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    saved = backup.take(koha)
    smtp.behave()
    evenings.does("nightly", on=MONDAY)
    backup.restore(koha, saved)
    smtp.messages.clear()
    evenings.does("init", "--restored", "--yes", on=TUESDAY)
    evenings.does("nightly", on=TUESDAY)
    files = [message.file_name for message in smtp.messages]
    assert files == [f"ums-updates-{TUESDAY}.csv"]
    assert len(evenings.update(TUESDAY)) == 1


def test_a_submission_that_reached_nobody_is_made_anew(
    library: Library, koha: KohaDatabase, smtp: SmtpServer, tmp_path: Path
) -> None:
    evenings = library(port=smtp.port, tables=archive(tmp_path))
    saved = backup.take(koha)
    patron = evenings.owing()
    smtp.answer("mail", "451 later")
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    backup.restore(koha, saved)
    evenings.owing(borrowernumber=patron)
    smtp.behave()
    assert "0 processing" not in evenings.does("init", "--restored", "--yes")
    assert evenings.cases() == []
    evenings.does("nightly")
    assert [case["adopted"] for case in evenings.cases()] == [0]
    assert len(smtp.messages) == 2


def test_a_new_delivery_never_bears_the_message_id_of_a_lost_one(
    library: Library, koha: KohaDatabase, smtp: SmtpServer, tmp_path: Path
) -> None:
    evenings = library(port=smtp.port, tables=archive(tmp_path))
    saved = backup.take(koha)
    evenings.does("nightly", on=SUNDAY)
    backup.restore(koha, saved)
    evenings.does("init", "--restored", "--yes", on=MONDAY)
    evenings.does("nightly", on=MONDAY)
    ids = [message.message["Message-ID"] for message in smtp.messages]
    assert len(ids) == len(set(ids)) == 3


def test_without_an_archive_nothing_is_known_of_a_backup(library: Library) -> None:
    refused = library().run("init", "--restored", "--yes")
    assert refused.returncode == 2
    assert "there is no archive" in refused.stderr


@pytest.mark.parametrize("damage", ["{", '{"database": "other", "note": "{}"}'])
def test_an_archive_that_cannot_be_read_stops_no_night(library: Library, tmp_path: Path, damage: str) -> None:
    evenings = library(tables=archive(tmp_path))
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / ".gentle-nudge").write_text(damage)
    night = evenings.run("nightly", on=SUNDAY)
    assert night.returncode == 1
    assert "archive" in night.stderr
    assert sorted(set(evenings.states())) == ["due", "sent"]
