"""A Sunday night as a user runs it."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_patron, owes
from tests.support.koha import KohaDatabase

CHARGED = date(2026, 9, 8)
SUNDAY = "2026-11-22"
CONFIG = """
[koha]
url = "{url}"
timezone = "America/New_York"
[policy]
threshold = 25.00
processing_fee = 10.00
flag = "sort1"
minors = "exclude"
add_restriction = true
clear_paid = true
remove_restriction = true
send_to = ["reports@agency.example"]
[mail]
maildir = "{folder}/mail"
[archive]
directory = "{folder}/archive"
"""


@pytest.mark.every_koha
def test_a_night_refers_charges_flags_restricts_and_reports(
    koha: KohaDatabase, run: Callable[..., Any], tmp_path: Path
) -> None:
    patron = a_patron(koha, surname="Owing", card="1001")
    owes(koha, patron, "30.00", day=CHARGED)
    config = tmp_path / "gentle-nudge.toml"
    config.write_text(CONFIG.format(url=koha.url, folder=tmp_path))
    first = run("--config", str(config), "init", "--yes")
    assert first.returncode == 0, first.stderr
    dry = run("--config", str(config), "nightly", "--dry-run", "--day", SUNDAY, "--output", str(tmp_path / "dry"))
    assert dry.returncode == 0, dry.stderr
    night = run("--config", str(config), "nightly", "--day", SUNDAY)
    assert (night.returncode, night.stdout, night.stderr) == (0, "", "")
    archived = tmp_path / "archive" / f"ums-new-submissions-{SUNDAY}.csv"
    assert archived.read_bytes() == (tmp_path / "dry" / archived.name).read_bytes()
    rows = list(csv.DictReader(archived.read_text().splitlines()))
    assert [row["Total_Plus_Fee"] for row in rows] == ["40.00"]
    assert koha.value("SELECT sort1 FROM borrowers WHERE borrowernumber = :n", n=patron) == "yes"
