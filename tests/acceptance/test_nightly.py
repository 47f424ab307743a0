"""A Sunday night as a user runs it: the dry run, the night, the mail, the archive, the night once more."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.evenings import Evenings
from tests.acceptance.libraries import Library
from tests.builders.days import SUNDAY
from tests.builders.koha import owing
from tests.support.command import Command
from tests.support.koha import KohaDatabase
from tests.support.smtp import SmtpServer

SUBMISSION = f"ums-new-submissions-{SUNDAY}.csv"
UPDATE = f"ums-updates-{SUNDAY}.csv"


@pytest.mark.every_koha
def test_a_night_refers_and_every_copy_of_its_report_is_the_same(
    koha: KohaDatabase, library: Callable[..., Evenings], smtp: SmtpServer, tmp_path: Path
) -> None:
    patron = owing(koha, surname="Owing", card="1001")
    archive = tmp_path / "archive"
    evenings = library(port=smtp.port, tables=f'[archive]\ndirectory = "{archive}"\n')
    evenings.does("nightly", "--dry-run", "--output", tmp_path / "dry", on=SUNDAY)
    assert smtp.messages == []
    assert evenings.does("nightly") == ""
    dry = (tmp_path / "dry" / SUBMISSION).read_bytes()
    assert (archive / SUBMISSION).read_bytes() == dry
    assert _mailed(smtp, SUBMISSION) == [dry]
    (row,) = csv.DictReader(dry.decode().splitlines())
    assert (row["cardnumber"], row["Total_Plus_Fee"]) == ("1001", "40.00")
    assert koha.value("SELECT sort1 FROM borrowers WHERE borrowernumber = :n", n=patron) == "yes"
    assert evenings.does("nightly") == ""
    assert len(smtp.messages) == 2  # the submission and the update, once


def test_what_strangers_typed_into_koha_harms_neither_the_reports_nor_a_terminal(
    koha: KohaDatabase, library: Callable[..., Evenings], tmp_path: Path
) -> None:
    evenings = library(tables=f'[archive]\ndirectory = "{tmp_path / "archive"}"\n')
    owing(koha, surname="\x00\r\n=HYPERLINK(A1)\x1b[2J\x9b2J", firstname="Pat\rty", phone="＋cmd", mobile="+1 555-0100")
    dry = evenings.does("nightly", "--dry-run", on=SUNDAY)
    as_json = evenings.does("nightly", "--dry-run", "--format", "json")
    evenings.does("nightly")
    content = evenings.stored(SUBMISSION)
    (row,) = csv.DictReader(io.StringIO(content.decode(), newline=""))
    assert (row["surname"], row["firstname"]) == ("'\n=HYPERLINK(A1)[2J2J", "Pat\nty")
    assert (row["phone"], row["mobile"]) == ("'＋cmd", "+1 555-0100")
    listed = (
        evenings.does("cases"),
        evenings.does("cases", "--format", "csv"),
        evenings.does("cases", "--format", "json"),
    )
    for text in (content.decode(), evenings.stored(UPDATE).decode(), dry, as_json, *listed):
        assert all(sign.isprintable() or sign == "\n" for sign in text)


@pytest.mark.own_server
@pytest.mark.process
def test_a_night_says_goodbye_to_the_database_server(koha: KohaDatabase, command: Command, tmp_path: Path) -> None:
    """Whoever just ends is a warning in the server's log, every night."""
    library = Library(koha=koha, folder=tmp_path, command=command)
    library.initialise()
    library.owing()
    before = koha.value("SELECT CONNECTION_ID()")
    night = library.run_process("nightly")
    assert (night.returncode, night.stderr) == (0, "")
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_case") == 1
    log = koha.server.log.read_text(encoding="utf-8")
    aborted = re.findall(rf"Aborted connection (\d+) to db: '{koha.name}'", log)
    assert [number for number in aborted if int(number) > before] == []


def _mailed(smtp: SmtpServer, name: str) -> list[bytes]:
    return [received.file for received in smtp.messages if received.file_name == name]
