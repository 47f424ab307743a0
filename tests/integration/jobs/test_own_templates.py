"""A library's own template for its mails: used, and never the reason that a night or a report is lost."""

from dataclasses import replace
from pathlib import Path

from gentle_nudge.texts.environment import Texts
from tests.builders.days import IN_THE_WINDOW
from tests.builders.koha import a_patron, owes
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights


def bodies(koha: KohaDatabase, texts: Texts) -> list[str]:
    """The texts of the mails that a night with one referral queues."""
    owes(koha, a_patron(koha), "30.00", day=IN_THE_WINDOW)
    nights = Nights(koha)
    nights.outlets = replace(nights.outlets, texts=texts)
    nights.good_night()
    return [row["body"] for row in koha.query("SELECT body FROM gentle_nudge_report ORDER BY id")]


def test_mails_are_in_the_librarys_own_words(koha: KohaDatabase, tmp_path: Path) -> None:
    (tmp_path / "mail-report.txt").write_text("{{ report }}: {{ rows }} patrons, {{ balances | amount }}\n")
    assert bodies(koha, Texts(tmp_path)) == ["submission: 1 patrons, 30.00\n", "update: 1 patrons, 40.00\n"]


def test_a_template_that_fails_stops_no_night(koha: KohaDatabase, tmp_path: Path) -> None:
    (tmp_path / "mail-report.txt").write_text("{{ patrons }}")
    texts = Texts(tmp_path)
    submission, update = bodies(koha, texts)
    assert submission.startswith("New submissions of Springfield Public Library, 2026-11-22\n")
    assert update.startswith("Update of Springfield Public Library, 2026-11-22\n")
    assert texts.failures == [f"{tmp_path / 'mail-report.txt'} failed (UndefinedError): the packaged text was used."]


def test_a_template_that_makes_no_proper_text_stops_no_night(koha: KohaDatabase, tmp_path: Path) -> None:
    (tmp_path / "mail-report.txt").write_text(r"{{ '\ud83d' }} a report")
    texts = Texts(tmp_path)
    submission, _ = bodies(koha, texts)
    assert submission.startswith("New submissions of Springfield Public Library, 2026-11-22\n")
    assert len(texts.failures) == 1
