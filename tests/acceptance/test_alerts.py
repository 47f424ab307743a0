"""Staff and monitors hear of trouble; a quiet night says nothing."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gentle_nudge.store import meta
from tests.acceptance.evenings import AGENCY, Library
from tests.builders.days import MONDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import delete_patron
from tests.support.koha import KohaDatabase
from tests.support.monitor import Monitor
from tests.support.programs import free_port
from tests.support.smtp import SmtpServer

ADMIN = "admin@library.example"


def told(smtp: SmtpServer, address: str = ADMIN) -> list[str]:
    """The subjects of the alerts for this address since the last look, without the library's name."""
    found = [message.message["Subject"] for message in smtp.sent_to(address)]
    smtp.messages.clear()
    return sorted(subject.strip().removeprefix("Gentle Nudge at Springfield Public Library: ") for subject in found)


# What staff are told


def test_a_quiet_night_tells_nobody(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.owing()
    evenings.does("nightly", on=SUNDAY)
    assert told(smtp) == []


def test_the_fuse_is_told_once_a_day_and_then_that_the_submission_is_late(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port, policy="most_referrals = 1")
    evenings.owing()
    evenings.owing()
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    (alert,) = smtp.sent_to(ADMIN)
    text = alert.message.get_content()
    assert "* global: 2 patrons qualify, more than the 1" in text
    assert alert.message["From"] == ADMIN
    assert told(smtp) == ["too many referrals"]
    assert evenings.run("nightly").returncode == 1
    assert told(smtp) == []
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    assert told(smtp) == ["a submission is late", "too many referrals"]
    evenings.does("nightly", "--most-referrals", "2", on=TUESDAY)
    assert told(smtp) == ["a submission is late"]


def test_flags_that_vanish_in_great_number_are_told(library: Library, koha: KohaDatabase, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    for _ in range(4):
        evenings.owing()
    evenings.does("nightly", on=SUNDAY)
    koha.execute("UPDATE borrowers SET sort1 = NULL")
    refused = evenings.run("nightly", on=MONDAY)
    assert refused.returncode == 1
    assert "global: 4 open cases would end (4 withdrawn), more than the 3 that" in refused.stderr
    assert "--most-endings 4" in refused.stderr
    assert told(smtp) == ["an unlikely change stopped part of the night"]
    assert evenings.run("nightly", "--most-endings", "3", on=TUESDAY).returncode == 1
    let_through = evenings.run("nightly", "--most-endings", "4", on=WEDNESDAY)
    assert let_through.returncode == 0
    assert let_through.stderr.splitlines() == ["global: cases ended, for their flag was taken off: 4 withdrawn"]


def test_any_withdrawal_is_a_line_on_stderr_and_no_alert(
    library: Library, koha: KohaDatabase, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    patron = evenings.referred()
    koha.execute("UPDATE borrowers SET sort1 = 'no' WHERE borrowernumber = :n", n=patron)
    night = evenings.run("nightly", on=MONDAY)
    assert (night.returncode, night.stdout) == (0, "")
    assert night.stderr.splitlines() == ["global: cases ended, for their flag was taken off: 1 withdrawn"]
    assert told(smtp) == []


def test_a_failed_section_is_told(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.does("nightly", on=TUESDAY)
    assert evenings.run("nightly", "--day", str(MONDAY)).returncode == 2
    assert told(smtp) == ["a section failed"]


def test_deleted_patrons_are_told_by_number_only(library: Library, koha: KohaDatabase, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    patron = evenings.referred(surname="Verschwunden", card="987654")
    delete_patron(koha, patron)
    evenings.does("nightly", on=MONDAY)
    (alert,) = smtp.sent_to(ADMIN)
    assert "* global: 1 case ended, for the patron was deleted" in alert.message.get_content()
    assert b"Verschwunden" not in alert.content
    assert b"987654" not in alert.content
    assert told(smtp) == ["cases were merged or have vanished"]


def test_what_cannot_be_delivered_is_told_after_a_day_and_after_three(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.owing()
    smtp.answer_recipient(AGENCY, "451 later")
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    assert told(smtp) == []
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    (alert,) = smtp.sent_to(ADMIN)
    text = alert.message.get_content()
    assert f"* ums-new-submissions-{SUNDAY}.csv to {AGENCY} (email)" in text
    assert f"* ums-updates-{MONDAY}.csv to {AGENCY} (email)" in text
    assert told(smtp) == ["a report is undelivered for a day"]
    assert evenings.run("deliver").returncode == 0
    assert told(smtp) == []
    assert evenings.run("deliver", on=TUESDAY).returncode == 1
    assert told(smtp) == ["a report is undelivered for a day"]
    assert evenings.run("nightly", on=WEDNESDAY).returncode == 1
    assert told(smtp) == ["a delivery failed", "a report is undelivered for a day"]
    smtp.behave()
    evenings.does("nightly", on=WEDNESDAY + timedelta(days=1))
    assert told(smtp) == []


def test_others_may_be_told_instead_and_a_test_copy_tells_its_own_people(
    library: Library, koha: KohaDatabase, smtp: SmtpServer
) -> None:
    to = '\n[alerts]\nto = ["it@library.example.org", "desk@library.example.org"]\n'
    evenings = library(port=smtp.port, policy="most_referrals = 1", tables=to)
    evenings.owing()
    evenings.owing()
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    assert (len(smtp.sent_to("it@library.example.org")), len(smtp.sent_to("desk@library.example.org"))) == (1, 1)
    assert told(smtp) == []
    koha.prefer("SendAllEmailsTo", "me@library.example")
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    assert {recipient for message in smtp.messages for recipient in message.recipients} == {"me@library.example"}
    assert all(message.message["Subject"].startswith("TEST ") for message in smtp.messages)


def test_of_several_administrators_the_first_sends_and_all_are_told(
    library: Library, koha: KohaDatabase, smtp: SmtpServer
) -> None:
    koha.prefer("KohaAdminEmailAddress", f" {ADMIN}, it@library.example.org;desk@library.example.org,, {ADMIN}")
    evenings = library(port=smtp.port, policy="most_referrals = 1")
    evenings.owing()
    evenings.owing()
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    assert {message.message["From"] for message in smtp.messages} == {ADMIN}
    assert len(smtp.sent_to(AGENCY)) == 1
    assert [len(smtp.sent_to(name)) for name in (ADMIN, "it@library.example.org", "desk@library.example.org")] == [
        1,
        1,
        1,
    ]


def test_an_alert_that_cannot_be_sent_fails_no_night_but_is_said(
    library: Library, koha: KohaDatabase, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    patron = evenings.referred()
    delete_patron(koha, patron)
    smtp.answer_recipient(ADMIN, "550 who?")
    night = evenings.run("nightly", on=MONDAY)
    assert night.returncode == 0
    assert f"{ADMIN} could not be told" in night.stderr
    assert "550 who?" in night.stderr


# Who watches the nights


def watched(monitor: str, figures: Path) -> str:
    return f'\n[monitoring]\nping_url = "{monitor}"\nmetrics_file = "{figures}"\n'


def test_the_monitor_hears_of_nights_and_of_nothing_else(
    library: Library, smtp: SmtpServer, monitor: Monitor, tmp_path: Path
) -> None:
    evenings = library(port=smtp.port, tables=watched(monitor.url, tmp_path / "gn.prom"))
    evenings.owing()
    for command in ("nightly --dry-run", "sync", "deliver", "history", "status"):
        evenings.does(*command.split(), on=SUNDAY)
    assert monitor.asked == []
    evenings.does("nightly")
    assert monitor.heard == ["start", ""]
    smtp.answer("mail", "451 later")
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    assert monitor.heard == ["start", "", "start", "fail"]


def test_a_night_that_cannot_begin_is_a_failure_too(library: Library, koha: KohaDatabase, monitor: Monitor) -> None:
    evenings = library(tables=f'\n[monitoring]\nping_url = "{monitor.url}"\n')
    evenings.config.write_text(evenings.config.read_text().replace(f":{koha.server.port}/", f":{free_port()}/"))
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    assert monitor.heard == ["start", "fail"]


def test_neither_a_dead_monitor_nor_a_metrics_file_without_a_folder_fails_a_night(
    library: Library, tmp_path: Path
) -> None:
    evenings = library(tables=watched(f"http://127.0.0.1:{free_port()}/", tmp_path / "none" / "gn.prom"))
    night = evenings.run("nightly", on=SUNDAY)
    assert night.returncode == 0
    assert "metrics file" in night.stderr


@pytest.mark.parametrize(("answer", "times"), [(404, 1), (400, 1), (399, 0), (500, 0)])
def test_a_night_names_a_ping_that_is_refused_for_good_and_does_not_fail(
    library: Library, monitor: Monitor, answer: int, times: int
) -> None:
    monitor.status = answer
    night = library(tables=f'[monitoring]\nping_url = "{monitor.url}"\n').run("nightly")
    sentence = (
        f"The monitor 127.0.0.1:{monitor.server_port} refuses the ping ({answer}): see ping_url in [monitoring].\n"
    )
    assert (night.returncode, night.stderr) == (0, sentence * times)


def test_the_metrics_tell_how_things_stand(library: Library, monitor: Monitor, tmp_path: Path) -> None:
    figures = tmp_path / "gn.prom"
    evenings = library(policy="most_referrals = 1", tables=watched(monitor.url, figures))
    evenings.referred()
    assert {
        "gentle_nudge_night_success 1",
        'gentle_nudge_run_rows{section="global",report="submission"} 1',
        'gentle_nudge_open_cases{section="global"} 1',
        'gentle_nudge_submission_late{section="global"} 0',
        'gentle_nudge_deliveries{state="due"} 0',
    } <= set(figures.read_text().splitlines())
    evenings.owing()
    evenings.owing()
    week = timedelta(days=7)
    assert evenings.run("nightly", on=SUNDAY + week).returncode == 1
    assert evenings.run("nightly", on=MONDAY + week).returncode == 1
    assert {"gentle_nudge_night_success 0", 'gentle_nudge_submission_late{section="global"} 1'} <= set(
        figures.read_text().splitlines()
    )


# While another run is at work


def holding_our_row(koha: KohaDatabase) -> Any:
    connection = koha.engine.connect()
    connection.exec_driver_sql("SELECT id FROM gentle_nudge_meta FOR UPDATE")
    return connection


def test_deliver_is_silent_while_another_run_is_at_work(
    library: Library, koha: KohaDatabase, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    evenings = library(tables=f'\n[monitoring]\nping_url = "{monitor.url}"\n')
    evenings.does("nightly", on=SUNDAY)
    koha.execute("UPDATE gentle_nudge_delivery SET state = 'due'")
    monkeypatch.setattr(meta, "OTHERS_SECONDS", 1)
    with holding_our_row(koha):
        delivered = evenings.run("--verbose", "deliver", on=MONDAY)
        night = evenings.run("nightly", on=MONDAY)
    assert (delivered.returncode, delivered.stdout, delivered.stderr) == (0, "", "")
    assert night.returncode == 75
    assert monitor.heard == ["start", "", "start"]
