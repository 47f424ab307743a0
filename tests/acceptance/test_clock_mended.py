"""What was dated ahead while a clock was wrong, and the way out: `init --clock-mended`."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Date, insert, select

from gentle_nudge.sqltypes import Instant
from gentle_nudge.store.tables import alert, metadata
from tests.acceptance.evenings import AGENCY, Evenings, Library
from tests.builders.days import MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY, WEDNESDAY, ZONE
from tests.support import backup
from tests.support.koha import KohaDatabase
from tests.support.nights import snapshot
from tests.support.smtp import SmtpServer

AHEAD = SUNDAY + timedelta(days=98)  # a Sunday, too
# Days of charges and checkouts, and instants of offsets, as Koha says them.
KOHA_S_OWN = {
    "gentle_nudge_series.since",
    "gentle_nudge_case_line.day",
    "gentle_nudge_case_line.due_on",
    "gentle_nudge_outcome.at",
}
TO_COME = {
    "gentle_nudge_wish.list_day",
    "gentle_nudge_wish.until",
    "gentle_nudge_hold.until",
    "gentle_nudge_list.for_day",
}
MEND = ("init", "--clock-mended", "--yes")


def archive(folder: Path) -> str:
    return f'\n[archive]\ndirectory = "{folder}/archive"\n'


def ahead(koha: KohaDatabase, today: date) -> set[str]:
    """The columns of our tables with a day or an instant after that evening."""
    evening = datetime(today.year, today.month, today.day, 23, tzinfo=ZONE)
    found = set()
    with koha.engine.connect() as conn:
        for table in metadata.sorted_tables:
            for column in table.columns:
                limit: object = {Date: today, Instant: evening}.get(type(column.type))
                if limit and conn.scalar(select(column).where(column > limit).limit(1)):
                    found.add(f"{table.name}.{column.name}")
    return found - KOHA_S_OWN


def a_night_ahead(evenings: Evenings, smtp: SmtpServer) -> tuple[int, int]:
    """Two patrons in collections; a night under the wrong clock released the first and could send nothing."""
    first, second = evenings.owing("30.00"), evenings.owing("40.00")
    evenings.does("nightly", on=SUNDAY)
    smtp.messages.clear()
    evenings.koha.execute("UPDATE accountlines SET amountoutstanding = 0 WHERE borrowernumber = :n", n=first)
    smtp.answer("mail", "451 later")
    assert evenings.run("nightly", on=AHEAD).returncode == 1
    smtp.behave()
    return first, second


def runs(koha: KohaDatabase) -> list[tuple[Any, ...]]:
    rows = koha.query("SELECT report, day, number FROM gentle_nudge_run WHERE id > 2 ORDER BY id")
    return [tuple(row.values()) for row in rows]


def test_a_night_after_one_dated_ahead_names_the_way_out(
    library: Library, koha: KohaDatabase, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    a_night_ahead(evenings, smtp)
    before = snapshot(koha)["gentle_nudge_run"]
    refused = evenings.run("nightly", on=MONDAY)
    assert refused.returncode == 2
    assert "an update for a later day already exists" in refused.stderr
    assert "init --clock-mended" in refused.stderr
    assert snapshot(koha)["gentle_nudge_run"] == before
    found = json.loads(evenings.run("check", "--format", "json").stdout)
    (finding,) = (each for each in found if each["name"] == "dated-ahead")
    assert "init --clock-mended" in finding["way_out"]


def test_a_day_that_is_only_too_long_ago_is_no_matter_of_the_clock(library: Library) -> None:
    evenings = library()
    evenings.does("nightly", on=SUNDAY)
    evenings.does("nightly", on=MONDAY)
    refused = evenings.run("nightly", "--day", str(SUNDAY))
    assert refused.returncode == 2
    assert "--clock-mended" not in refused.stderr
    assert "dated-ahead" not in evenings.run("check", "--format", "json").stdout


def test_without_a_terminal_it_lists_and_does_nothing(library: Library, koha: KohaDatabase, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    a_night_ahead(evenings, smtp)
    koha.execute("UPDATE gentle_nudge_delivery SET state = 'sending' WHERE id = 4")
    before = snapshot(koha)
    unasked = evenings.run("init", "--clock-mended", on=MONDAY)
    assert unasked.returncode == 2
    assert f"global submission {AHEAD}" in unasked.stdout
    assert f"global update {AHEAD}" in unasked.stdout
    assert f"ums-updates-{AHEAD}.csv to {AGENCY} (email)" in unasked.stdout
    assert snapshot(koha) == before


def test_everything_dated_ahead_is_of_today_afterwards_and_nights_go_on(
    library: Library, koha: KohaDatabase, smtp: SmtpServer, tmp_path: Path
) -> None:
    evenings = library(port=smtp.port, tables=archive(tmp_path))
    first, second = a_night_ahead(evenings, smtp)
    koha.execute("UPDATE gentle_nudge_delivery SET state = 'sending' WHERE channel = 'email' AND state = 'due' LIMIT 1")
    stored = evenings.stored(f"ums-updates-{AHEAD}.csv")
    assert len(ahead(koha, MONDAY)) >= 9

    assert evenings.does(*MEND, on=MONDAY)
    assert ahead(koha, MONDAY) == {"gentle_nudge_delivery.first_queued"}  # as in the messages' ids
    assert runs(koha) == [("submission", MONDAY, 1), ("update", MONDAY, 1)]
    assert evenings.stored(f"ums-updates-{AHEAD}.csv") == stored
    (said,) = koha.query("SELECT info, interface FROM action_logs WHERE action = 'INIT'")
    assert json.loads(said["info"]) == {"option": "clock-mended", "who": "tester", "runs": 2, "claims": 1}
    assert said["interface"] == "commandline"
    assert "nothing to do" in evenings.does(*MEND, on=MONDAY)

    evenings.does("deliver", on=MONDAY)
    assert {message.file_name for message in smtp.messages} == {
        f"ums-new-submissions-{AHEAD}.csv",
        f"ums-updates-{AHEAD}.csv",
    }
    evenings.does("nightly", on=MONDAY)
    evenings.does("nightly", on=TUESDAY)
    assert evenings.update(TUESDAY) == {second: Decimal(50)}
    assert first
    evenings.does("nightly", on=NEXT_SUNDAY)
    assert runs(koha)[-2:] == [("submission", NEXT_SUNDAY, 1), ("update", NEXT_SUNDAY, 1)]


def test_a_run_dated_ahead_gets_the_next_number_of_the_day(
    library: Library, koha: KohaDatabase, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    a_night_ahead(evenings, smtp)
    evenings.does("sync", on=AHEAD)
    evenings.does("sync", on=AHEAD)
    evenings.does("sync", on=SUNDAY)
    evenings.does(*MEND, on=SUNDAY)
    assert runs(koha) == [
        ("submission", SUNDAY, 2),
        ("update", SUNDAY, 2),
        ("sync", SUNDAY, 2),
        ("sync", SUNDAY, 3),
        ("sync", SUNDAY, 1),
    ]
    written = evenings.does(
        "regenerate", "--day", SUNDAY.isoformat(), "--report", "update", "--output", evenings.folder
    )
    assert f"ums-updates-{AHEAD}.csv" in written
    evenings.does("nightly", on=SUNDAY)
    evenings.does("nightly", on=MONDAY)


def test_the_archive_s_note_is_of_the_right_time_and_no_backup_is_suspected(
    library: Library, koha: KohaDatabase, smtp: SmtpServer, tmp_path: Path
) -> None:
    evenings = library(port=smtp.port, tables=archive(tmp_path))
    a_night_ahead(evenings, smtp)
    evenings.does("deliver", on=AHEAD + timedelta(days=1))
    note = tmp_path / "archive" / ".gentle-nudge"
    of_the_wrong_clock = note.read_text()
    evenings.does(*MEND, on=MONDAY)
    assert str(AHEAD)[:7] not in note.read_text().replace(f"-{AHEAD}.csv", "")
    note.write_text(of_the_wrong_clock)  # as if the program had been killed before it told the archive
    evenings.does("nightly", on=TUESDAY)

    saved = backup.take(koha)
    evenings.does("nightly", on=WEDNESDAY)
    backup.restore(koha, saved)
    said = evenings.does("init", "--restored", "--yes")
    assert "Submissions that this database does not know: 0" in said


def test_a_message_keeps_its_id_when_the_instant_of_queueing_is_mended(
    library: Library, koha: KohaDatabase, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    a_night_ahead(evenings, smtp)
    waiting = koha.query("SELECT id, queued FROM gentle_nudge_delivery WHERE state = 'due' ORDER BY id")
    evenings.does(*MEND, on=MONDAY)
    evenings.does(*MEND, on=MONDAY)
    evenings.does("deliver", on=MONDAY)
    for row, message in zip(waiting, smtp.messages, strict=True):
        assert f"{row['id']}.{row['queued']:%Y%m%d%H%M%S}" in str(message.message["Message-ID"])


def test_a_case_withdrawn_on_a_day_ahead_hides_no_charge_for_months(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy="count_fees_older_than = 0")
    patron = evenings.referred(card="1001")
    evenings.does("release", "1001", "--reason", "mistake", on=AHEAD)
    refused = evenings.run("nightly", on=MONDAY)
    assert refused.returncode == 2
    assert "init --clock-mended" in refused.stderr
    evenings.does("nightly", "--dry-run", on=MONDAY)
    evenings.does(*MEND, on=MONDAY)
    assert evenings.cases()[0]["closed_on"] == MONDAY
    evenings.does("nightly", on=MONDAY)
    charge = {"amount": 60, "amountoutstanding": 60, "debit_type_code": "OVERDUE", "interface": "intranet"}
    koha.put("accountlines", borrowernumber=patron, date=datetime(2026, 11, 24, 12, tzinfo=UTC), **charge)
    evenings.does("nightly", on=NEXT_SUNDAY)
    assert [case["state"] for case in evenings.cases()] == ["withdrawn", "open"]


def test_no_day_and_no_instant_of_our_tables_is_left_ahead(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    evenings.referred(card="1001")
    evenings.does("release", "1001", "--reason", "mistake", on=MONDAY)
    now = "2026-11-23 12:00:00"
    koha.put("gentle_nudge_alert", kind="late", day=MONDAY, at=now)
    koha.put("gentle_nudge_wish", door="koha", origin="1", what="sync", who="koha:51", at=now)
    koha.put("gentle_nudge_hold", patron=1, reason="plan", source="command", since=now)
    koha.put("gentle_nudge_case_pause", case_id=1, since=MONDAY, until=MONDAY)
    koha.put("gentle_nudge_list", id=1, section="global", for_day=MONDAY, made=MONDAY, state="open")
    koha.put("gentle_nudge_list_row", list_id=1, patron=1, owed=1, balance=1, marks="", outcome="listed")
    koha.put("gentle_nudge_notice", message_id=1, patron=1, letter="ODUE", sent_on=MONDAY)
    numbers = dict.fromkeys(("sent", "billed", "billed_twice", "never_sent", "other_month", "not_billed"), 0)
    koha.put("gentle_nudge_invoice", month="2026-11", library="all", read_at=now, **numbers)
    koha.put("gentle_nudge_outcome_line", line=1_000_000, owing=1, seen_on=MONDAY, found_on=MONDAY, gone_on=MONDAY)
    sums = {"charges": 1, "fee": 0, "total": 1}
    koha.put("gentle_nudge_series", id=1, section="global", patron=1, since=MONDAY, opened_on=MONDAY, state="open")
    koha.put(
        "gentle_nudge_reminder", series_id=1, level=1, day=MONDAY, at=now, letter="X", branch="CPL", run_id=1, **sums
    )
    seen = dict.fromkeys(("first_seen", "last_seen", "not_found_since"), MONDAY)
    koha.put("gentle_nudge_passport", patron=1, server="LIBB", home="{}", **seen)
    koha.put("gentle_nudge_passport_log", at=now, what="made", server="LIBB", patron=1)
    later = f"{AHEAD} 12:00:00"
    for table in metadata.sorted_tables:
        names = [column.name for column in table.columns if type(column.type) in {Date, Instant}]
        for name in names:
            koha.execute(f"UPDATE {table.name} SET {name} = :later", later=later)
            assert ahead(koha, MONDAY) >= {f"{table.name}.{name}"} - KOHA_S_OWN
    evenings.does(*MEND, on=MONDAY)
    assert ahead(koha, MONDAY) == {"gentle_nudge_delivery.first_queued", *TO_COME}


def test_an_alert_dated_ahead_silences_nobody_on_its_day(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    with koha.engine.begin() as conn:
        now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        conn.execute(insert(alert).values(kind="late", day=AHEAD, at=now))
        conn.execute(insert(alert).values(kind="late", day=MONDAY, at=now))
    evenings.does(*MEND, on=MONDAY)
    assert [row["day"] for row in koha.query("SELECT day FROM gentle_nudge_alert")] == [MONDAY]


def test_it_goes_with_no_other_option_and_not_before_a_backup_is_dealt_with(
    library: Library, koha: KohaDatabase, smtp: SmtpServer, tmp_path: Path
) -> None:
    evenings = library(port=smtp.port, tables=archive(tmp_path))
    saved = backup.take(koha)
    evenings.referred()
    assert evenings.run("init", "--clock-mended", "--moved", "--yes").returncode == 2
    backup.restore(koha, saved)
    refused = evenings.run(*MEND, on=MONDAY)
    assert (refused.returncode, "--restored" in refused.stderr) == (2, True)
