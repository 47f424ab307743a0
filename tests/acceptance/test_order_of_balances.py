"""No recipient hears an older balance after a newer one, whatever happens to the settings meanwhile."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.evenings import AGENCY, Evenings, Library, dues
from tests.builders.days import MONDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import pays
from tests.support.smtp import SmtpServer
from tests.support.sshd import Sshd

DESK = "desk@library.example.org"
CHANGED = 'update_lists = "changed"'


def update_of(day: date) -> str:
    return f"ums-updates-{day}.csv"


def arrived(smtp: SmtpServer) -> list[str]:
    """The reports that the mail server took, each with its recipient."""
    mails = (mail.message for mail in smtp.messages)
    return [f"{part.get_filename()} {mail['To']}" for mail in mails for part in mail.iter_attachments()]


def make_due(evenings: Evenings) -> None:
    """Every pause is over."""
    evenings.koha.execute("UPDATE gentle_nudge_delivery SET next_attempt = queued")


def outbox(evenings: Evenings, *options: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(evenings.does("outbox", *options, "--format", "json"))["deliveries"]
    return rows


# ---- uploads


def uploading_to(sshd: Sshd, folder: str) -> str:
    return (
        f'[sftp]\nhost = "{sshd.host}"\nport = {sshd.port}\nuser = "{sshd.user}"\nknown_hosts = "{sshd.known_hosts}"\n'
        f'key_file = "{sshd.key_file}"\ndirectory = "{sshd.folder / folder}"\n'
    )


@pytest.mark.parametrize("lists", ["all", "changed"])
def test_a_moved_upload_folder_opens_no_second_stream(library: Library, sshd: Sshd, lists: str) -> None:
    policy = f'update_lists = "{lists}"'
    evenings = library(policy=policy, tables=uploading_to(sshd, "not-made-yet"))
    patron = evenings.owing()
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    pays(evenings.koha, patron, "5.00")
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    evenings.configure(policy=policy, tables=uploading_to(sshd, "incoming"))
    pays(evenings.koha, patron, "5.00")
    make_due(evenings)
    evenings.does("nightly", on=TUESDAY)
    uploads = evenings.koha.query(
        "SELECT r.file_name, d.state, d.went_to FROM gentle_nudge_delivery d JOIN gentle_nudge_report r "
        "ON r.id = d.report_id WHERE d.channel = 'sftp' AND r.file_name LIKE 'ums-updates%' ORDER BY d.id"
    )
    there = sorted(path.name for path in sshd.root.iterdir() if "updates" in path.name)
    if lists == "all":
        assert [row["state"] for row in uploads] == ["superseded", "superseded", "sent"]
        assert there == [update_of(TUESDAY)]
    else:
        assert [row["state"] for row in uploads] == ["sent", "sent", "sent"]
        assert there == [update_of(day) for day in (SUNDAY, MONDAY, TUESDAY)]


def test_outbox_and_history_say_where_a_report_really_went(library: Library, sshd: Sshd) -> None:
    evenings = library(tables=uploading_to(sshd, "not-made-yet"))
    patron = evenings.owing()
    evenings.run("nightly", on=SUNDAY)
    evenings.configure(tables=uploading_to(sshd, "incoming"))
    make_due(evenings)
    evenings.does("deliver")
    evenings.does("nightly", on=MONDAY)
    place = f"{sshd.user}@{sshd.host}:{sshd.port}/{sshd.root}"
    moved = [row for row in outbox(evenings, "--state", "sent") if row["went_to"] != row["recipient"]]
    assert {(row["channel"], row["went_to"], row["day"]) for row in moved} == {("sftp", place, str(SUNDAY))}
    assert len(moved) == 2
    assert f"went to {place}" in " ".join(evenings.does("outbox", "--state", "sent").split())
    assert evenings.does("history", f"number:{patron}").count(f"went to {place}") == 1  # the submission


# ---- updates that list changes


def test_the_order_outlives_the_policy(library: Library, smtp: SmtpServer) -> None:
    evenings = library(policy=CHANGED, port=smtp.port)
    patron = evenings.referred()
    smtp.answer("rcpt", "451 come back later")
    for day in (MONDAY, TUESDAY):
        pays(evenings.koha, patron, "5.00")
        evenings.run("nightly", on=day)
    smtp.messages.clear()
    smtp.behave()
    without_threshold = evenings.config.read_text().replace("threshold = 25.00\n", "")
    evenings.config.write_text(without_threshold)
    evenings.koha.execute("UPDATE gentle_nudge_delivery SET next_attempt = '2000-01-01' WHERE id = 4")  # Tuesday's
    evenings.does("deliver")
    assert arrived(smtp) == []
    make_due(evenings)
    evenings.does("deliver")
    assert arrived(smtp) == [f"{update_of(day)} {AGENCY}" for day in (MONDAY, TUESDAY)]


@pytest.mark.parametrize(("before", "after"), [("changed", "all"), ("all", "changed")])
def test_nothing_is_lost_and_nothing_goes_back_when_the_setting_is_changed(
    library: Library, smtp: SmtpServer, before: str, after: str
) -> None:
    evenings = library(policy=f'update_lists = "{before}"', port=smtp.port)
    first, second = evenings.owing(), evenings.owing()
    evenings.does("nightly", on=SUNDAY)
    smtp.answer("rcpt", "451 come back later")
    pays(evenings.koha, first, "5.00")
    evenings.run("nightly", on=MONDAY)
    smtp.messages.clear()
    evenings.configure(policy=f'update_lists = "{after}"', port=smtp.port)
    smtp.behave()
    make_due(evenings)
    pays(evenings.koha, second, "5.00")
    evenings.does("nightly", on=TUESDAY)
    days = [TUESDAY] if after == "all" else [MONDAY, TUESDAY]
    assert arrived(smtp) == [f"{update_of(day)} {AGENCY}" for day in days]
    told = {patron: due for day in days for patron, due in evenings.update(day).items()}
    assert {str(due) for due in told.values()} == {"35.00"}
    assert set(told) == {first, second}


# ---- addresses that have left the settings


@pytest.fixture
def held(library: Library, smtp: SmtpServer) -> Evenings:
    """A library whose Sunday reports did not reach an address that has left the settings since."""
    evenings = library(policy=f'copy_to = ["{DESK}"]', port=smtp.port)
    evenings.owing()
    smtp.answer_recipient(DESK, "451 later")
    evenings.run("nightly", on=SUNDAY)
    assert evenings.states() == ["sent", "due", "sent", "due"]
    smtp.messages.clear()
    smtp.behave()
    evenings.configure(port=smtp.port)
    make_due(evenings)
    return evenings


def test_what_is_due_to_an_address_that_has_left_is_held_and_named_each_night(held: Evenings, smtp: SmtpServer) -> None:
    metrics = held.folder / "nudge.prom"
    held.configure(port=smtp.port, tables=f'[monitoring]\nmetrics_file = "{metrics}"\n')
    held.does("deliver", on=MONDAY)
    for day in (MONDAY, TUESDAY):
        night = held.run("nightly", on=day)
        assert night.returncode == 1
        assert night.stderr.count(f"to {DESK} (email): held") == 2
        assert "outbox cancel 2 4" in night.stderr
    assert arrived(smtp) == [f"{update_of(day)} {AGENCY}" for day in (MONDAY, TUESDAY)]
    assert 'gentle_nudge_deliveries{state="held"} 2' in metrics.read_text()
    assert 'gentle_nudge_deliveries{state="due"} 0' in metrics.read_text()
    alerts = [mail.message.get_content() for mail in smtp.messages if not mail.message.is_multipart()]
    assert "held, section global has the address in neither" in " ".join(alerts[0].split())
    status = held.run("status")
    assert status.returncode == 1
    assert "held" in status.stdout
    assert "delivery-held" in held.run("check", "--format", "json").stdout
    assert [(row["id"], row["held"]) for row in outbox(held)] == [(2, True), (4, True)]
    assert "held: " in held.does("outbox")


def test_a_person_ends_it_by_cancelling(held: Evenings, smtp: SmtpServer) -> None:
    held.does("outbox", "cancel", "2", "4", "--reason", "she has left", on=MONDAY)
    held.does("nightly", on=MONDAY)
    assert arrived(smtp) == [f"{update_of(MONDAY)} {AGENCY}"]
    assert held.run("status").returncode == 0
    assert "delivery-held" not in held.run("check", "--format", "json").stdout


@pytest.mark.parametrize("where", ["send_to", "copy_to"])
def test_putting_the_address_back_lets_it_go_on(held: Evenings, smtp: SmtpServer, where: str) -> None:
    held.does("deliver", on=MONDAY)
    held.configure(policy=f'copy_to = ["{DESK.upper()}"]', port=smtp.port)
    if where == "send_to":
        text = held.config.read_text().replace("copy_to", "send_to").replace(f'send_to = ["{AGENCY}"]\n', "", 1)
        held.config.write_text(text)
    held.does("deliver", on=MONDAY)
    assert arrived(smtp) == [f"ums-new-submissions-{SUNDAY}.csv {DESK}", f"{update_of(SUNDAY)} {DESK}"]


def test_while_nobody_can_say_who_has_left_it_is_delivered(held: Evenings, smtp: SmtpServer) -> None:
    held.config.write_text(held.config.read_text().replace("threshold = 25.00\n", ""))
    held.does("deliver", on=MONDAY)
    assert len(arrived(smtp)) == 2


def test_a_recipient_named_by_a_person_is_not_held(held: Evenings, smtp: SmtpServer) -> None:
    held.does("outbox", "cancel", "2", "4", "--reason", "she has left", on=MONDAY)
    again = ("regenerate", "--day", str(SUNDAY), "--report", "submission", "--send", "--reason", "lost")
    held.does(*again, "--to", DESK, "--new-recipient")
    held.does("deliver")
    assert arrived(smtp) == [f"ums-new-submissions-{SUNDAY}.csv {DESK}"]


@pytest.mark.parametrize("channel", ["sftp", "archive"])
def test_a_channel_that_has_left_the_settings_is_held_likewise(
    library: Library, sshd: Sshd, smtp: SmtpServer, channel: str
) -> None:
    missing = {"sftp": uploading_to(sshd, "missing"), "archive": '[archive]\ndirectory = "/proc/none/here"\n'}[channel]
    evenings = library(tables=missing, port=smtp.port)
    evenings.owing()
    evenings.run("nightly", on=SUNDAY)
    evenings.configure(port=smtp.port)
    make_due(evenings)
    evenings.does("deliver")
    night = evenings.run("nightly", on=MONDAY)
    assert night.returncode == 1
    assert night.stderr.count("): held") == 2
    waiting = [row["id"] for row in outbox(evenings)]
    assert [row["attempts"] for row in outbox(evenings)] == [1, 1]
    evenings.does("outbox", "cancel", *map(str, waiting), "--reason", "no more")
    evenings.does("nightly", on=TUESDAY)


def test_a_section_that_has_left_sends_nothing_where_nobody_else_would(library: Library, smtp: SmtpServer) -> None:
    north = '[[library]]\nname = "north"\nbranches = ["CPL"]\nsend_to = ["{}"]\n'
    evenings = library(tables=north.format(DESK), port=smtp.port)
    smtp.answer_recipient(DESK, "451 later")
    evenings.run("nightly", on=SUNDAY)
    smtp.behave()
    smtp.messages.clear()
    evenings.configure(port=smtp.port)
    make_due(evenings)
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    assert all(AGENCY in each for each in arrived(smtp))
    evenings.configure(tables=north.format(DESK) + "enabled = false\n", port=smtp.port)
    evenings.does("deliver", on=TUESDAY)
    assert any(DESK in each for each in arrived(smtp))


def test_a_copy_goes_to_the_archive_of_the_settings_and_is_deleted_there(library: Library) -> None:
    def archive(folder: Path) -> str:
        return f'[archive]\ndirectory = "{folder}"\nkeep_days = 30\n'

    evenings = library(tables=archive(Path("/proc/none/here")))
    evenings.owing()
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    place = evenings.folder / "archive"
    evenings.configure(tables=archive(place))
    make_due(evenings)
    evenings.does("deliver", on=MONDAY)
    of_sunday = f"*{SUNDAY}.csv"
    assert len(list(place.glob(of_sunday))) == 2
    assert {row["went_to"] for row in outbox(evenings, "--state", "sent") if row["channel"] == "file"} == {str(place)}
    evenings.run("nightly", on=SUNDAY + timedelta(days=40))
    assert list(place.glob(of_sunday)) == []


# ---- cases that move to another section


def test_after_a_move_what_the_old_section_had_queued_is_not_sent_any_more(library: Library, smtp: SmtpServer) -> None:
    both = '[[library]]\nname = "north"\nbranches = ["CPL"]\n[[library]]\nname = "south"\nbranches = ["MPL"]\n'
    evenings = library(policy=CHANGED, tables=both, port=smtp.port)
    patron = evenings.referred()
    pays(evenings.koha, patron, "5.00")
    smtp.answer("rcpt", "451 come back later")
    evenings.run("nightly", on=MONDAY)
    evenings.does("cases", "move", "north", "south")
    smtp.behave()
    smtp.messages.clear()
    pays(evenings.koha, patron, "5.00")
    pause = (
        "UPDATE gentle_nudge_delivery d JOIN gentle_nudge_report r ON r.id = d.report_id SET d.next_attempt = :until"
    )
    evenings.koha.execute(f"{pause} WHERE r.file_name LIKE '%-north.csv'", until="2026-11-25 15:00")
    evenings.does("nightly", on=TUESDAY)
    assert evenings.koha.value("SELECT section FROM gentle_nudge_case WHERE patron = :n", n=patron) == "south"
    evenings.does("deliver", on=WEDNESDAY)
    told = [dues(evenings.stored(each.split()[0])).get(patron) for each in arrived(smtp)]
    assert [str(due) for due in told if due is not None] == ["30.00"]


def test_cases_do_not_move_while_a_report_of_theirs_is_being_sent(library: Library) -> None:
    north = '[[library]]\nname = "north"\nbranches = ["CPL"]\n'
    evenings = library(tables=north)
    evenings.referred()
    sending = "UPDATE gentle_nudge_delivery SET state = 'sending' WHERE id = (SELECT MAX(d.id) FROM (SELECT d.id FROM "
    of_north = "gentle_nudge_delivery d JOIN gentle_nudge_report r ON r.id = d.report_id WHERE r.file_name LIKE :n) d)"
    evenings.koha.execute(sending + of_north, n=f"ums-updates-{SUNDAY}-north.csv")
    refused = evenings.run("cases", "move", "north", "global")
    assert refused.returncode == 2
    assert "is being sent" in refused.stderr
    assert {case["section"] for case in evenings.cases()} == {"north"}
