"""The mails are byte for byte what they have always been, and so is the configuration that import-plugin prints."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.monitor.alerting import AlertKind, alert
from gentle_nudge.jobs.setup.plugin_settings import PluginSettings, server
from gentle_nudge.jobs.setup.plugin_translation import KohaCodes, entries
from gentle_nudge.texts.environment import Texts
from tests.builders.days import SUNDAY

FROZEN = Path(__file__).parent / "frozen"
LIBRARY = "Bücherei <Süd> & {{ Nord }}"
SUNDAY_BEFORE = date(2026, 11, 15)
FACTS = ("north: 312 found, 100 allowed", "<süd> & {{ west }}: too")
SUBMISSION = {
    "report": ReportKind.SUBMISSION,
    "library": LIBRARY,
    "day": SUNDAY,
    "was_due": SUNDAY,
    "rows": 3,
    "balances": Decimal("12345.50"),
    "fees": Decimal("30.00"),
    "file_name": "ums-new-submissions-2026-11-22.csv",
}
UPDATE = {"report": ReportKind.UPDATE, "file_name": "ums-updates-2026-11-22.csv", "balances": Decimal("-4.00")}
SYNC = {"report": ReportKind.SYNC, "file_name": "ums-sync-2026-11-22-2.csv"}
PLUGIN = {
    "run_on_dow": "3",
    "require_lost_fee": "yes",
    "categorycodes": " PT, XX,Y\nY  Z",
    "debit_type_codes": "LOST",
    "fees_threshold": "25",
    "processing_fee": "10",
    "unique_email": "a@agency.example; b@agency.example, nobody",
    "cc_email": "c@agency.example",
    "collections_flag": "ums",
    "fees_starting_age": "60",
    "fees_ending_age": "x",
    "auto_clear_paid": "yes",
    "auto_clear_paid_threshold": "30",
    "add_restriction": "yes",
    "remove_restriction": "no",
    "age_limitation": "yes",
    "fees_created_before_date_filter": "2020-01-31",
    "host": "sftp.agency.example",
    "username": 'lib"rary\\',
    "password": "x",
    "upload_path": "",
}
KNOWN = KohaCodes(categories=frozenset({"PT"}), debit_types=frozenset({"LOST"}), attributes=frozenset({"UMS"}))


def frozen(name: str) -> str:
    return (FROZEN / name).read_bytes().decode()


def report(**changes: object) -> str:
    return Texts().render("mail-report.txt", **(SUBMISSION | changes))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("report-submission.txt", {}),
        ("report-submission-on-its-day.txt", {}),
        ("report-submission-late.txt", {"was_due": SUNDAY_BEFORE}),
        ("report-submission-without-rows.txt", {"rows": 0, "balances": Decimal(0), "fees": Decimal(0)}),
        ("report-update.txt", UPDATE),
        ("report-sync.txt", SYNC),
    ],
)
def test_a_report_is_told_of_as_ever(name: str, changes: dict[str, object]) -> None:
    assert report(**changes) == frozen(name)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("repeat-submission-late.txt", report(was_due=SUNDAY_BEFORE)),
        ("repeat-update.txt", report(report=ReportKind.UPDATE)),
        ("repeat-of-one-paragraph.txt", "Nothing but a line\n"),
    ],
)
def test_a_repeat_says_so_as_ever(name: str, first: str) -> None:
    title, _, rest = first.partition("\n\n")
    repeat = Texts().render("mail-repeat.txt", title=title, rest=rest, day=SUNDAY, repeated_on=date(2026, 12, 1))
    assert repeat == frozen(name)


@pytest.mark.parametrize("kind", AlertKind)
@pytest.mark.parametrize(("name", "facts"), [("alert-{}.txt", ()), ("alert-{}-with-facts.txt", FACTS)])
def test_every_kind_of_trouble_says_what_it_means_and_what_to_do(
    kind: AlertKind, name: str, facts: tuple[str, ...]
) -> None:
    subject, text = alert(Texts(), kind, SUNDAY, facts, library=LIBRARY)
    assert f"Subject: {subject}\n\n{text}" == frozen(name.format(kind))


@pytest.mark.parametrize(("library", "name"), [(" A\r\nB ", "of-two-lines"), (" ", "without-a-name")])
def test_a_subject_is_one_line_whatever_the_library_is_called(library: str, name: str) -> None:
    subject, text = alert(Texts(), AlertKind.FUSE, SUNDAY, (), library=library)
    assert f"Subject: {subject}\n\n{text}" == frozen(f"alert-fuse-library-{name}.txt")


@pytest.mark.parametrize(("name", "stored"), [("import-full.toml", PLUGIN), ("import-empty.toml", {})])
def test_an_imported_configuration_reads_as_ever(name: str, stored: dict[str, str]) -> None:
    plugin = PluginSettings(stored=stored)
    made = Texts().render(
        "imported-configuration.toml",
        entries=tuple(entries(plugin, KNOWN)),
        server=server(plugin),
        password_file=Path("/etc/gentle-nudge/sftp-password"),
    )
    assert made == frozen(name)
