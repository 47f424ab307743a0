"""What is kept, how long, and how a person is forgotten."""

from datetime import timedelta
from pathlib import Path

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import MONDAY, SUNDAY, TUESDAY
from tests.builders.koha import a_patron, delete_patron, merge, pays
from tests.support.smtp import SmtpServer

ARCHIVE = '[archive]\ndirectory = "{folder}/archive"\n'
SUBMISSION, UPDATE = f"ums-new-submissions-{SUNDAY}.csv", f"ums-updates-{SUNDAY}.csv"


def kept(evenings: Evenings) -> list[str]:
    rows = evenings.koha.query(
        "SELECT DISTINCT file_name FROM gentle_nudge_report r JOIN gentle_nudge_report_part p ON p.report_id = r.id"
    )
    return sorted(row["file_name"] for row in rows)


def archived(evenings: Evenings) -> list[str]:
    return sorted(path.name for path in (evenings.folder / "archive").glob("*.csv"))


def test_reports_are_kept_for_keep_days_and_longer_while_undelivered(library: Library) -> None:
    evenings = library()
    evenings.configure(tables=ARCHIVE.format(folder=evenings.folder))
    evenings.referred()
    asked = ("--day", str(SUNDAY), "--report", "submission", "--send", "--reason", "the agency lost it")
    evenings.does("regenerate", *asked)
    evenings.configure(tables=ARCHIVE.format(folder=evenings.folder), port=1)
    last = SUNDAY + timedelta(days=180)
    evenings.run("nightly", on=last)
    assert {SUBMISSION, UPDATE} <= set(kept(evenings))
    assert {SUBMISSION, UPDATE} <= set(archived(evenings))
    evenings.run("nightly", on=last + timedelta(days=1))
    assert SUBMISSION in kept(evenings)
    assert SUBMISSION in archived(evenings)
    assert UPDATE not in kept(evenings)
    assert UPDATE not in archived(evenings)
    done = evenings.run("regenerate", "--day", str(SUNDAY), "--report", "update")
    assert done.returncode == 2
    assert f"was deleted on {last + timedelta(days=1)} (keep_days)" in done.stderr


def test_an_anonymized_patron_is_forgotten_the_next_night_and_told_without_a_name(library: Library) -> None:
    evenings = library()
    patron, other = evenings.owing(surname="Gone", card="C-1"), evenings.owing(surname="Still")
    evenings.does("nightly", on=SUNDAY)
    evenings.koha.execute("UPDATE borrowers SET anonymized = 1 WHERE borrowernumber = :n", n=patron)
    evenings.does("nightly", on=MONDAY)
    assert f"{patron},,,,0.00" in evenings.stored(f"ums-updates-{MONDAY}.csv").decode().splitlines()
    first, second = evenings.cases()
    assert (first["state"], first["surname"], first["firstname"], first["card"]) == ("anonymized", None, None, None)
    assert (second["state"], second["surname"]) == ("open", "Still")
    shown = evenings.does("cases", "--state", "anonymized", "--format", "csv")
    assert str(patron) in shown
    assert f",{other}," not in shown
    evenings.does("nightly", on=TUESDAY)
    assert [case["state"] for case in evenings.cases()] == ["anonymized", "open"]


def test_closed_cases_lose_the_person_after_keep_cases_days(library: Library) -> None:
    evenings = library(tables="[archive]\nkeep_cases_days = 30\nkeep_days = 3\n")
    gone, still = evenings.owing(surname="Gone"), evenings.owing(surname="Still")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, gone)
    evenings.does("nightly", on=MONDAY)
    evenings.does("nightly", on=MONDAY + timedelta(days=30))
    assert [case["surname"] for case in evenings.cases()] == ["Gone", "Still"]
    evenings.does("nightly", on=MONDAY + timedelta(days=31))
    first, second = evenings.cases()
    for column in ("patron", "number", "surname", "firstname", "card", "fee_line", "restriction", "why"):
        assert first[column] is None
    assert (first["state"], first["balance"], first["fee"], first["closed_on"]) == ("released", 30, 10, MONDAY)
    assert (second["number"], second["surname"], second["state"]) == (still, "Still", "open")
    lines = evenings.koha.query("SELECT DISTINCT case_id FROM gentle_nudge_case_line")
    assert [row["case_id"] for row in lines] == [second["id"]]
    assert UPDATE not in kept(evenings)


def test_a_deleted_patron_is_forgotten_once_the_last_row_has_arrived(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    patron = evenings.referred(surname="Gone", card="1001")
    delete_patron(evenings.koha, patron)
    smtp.answer("rcpt", "451 come back later")
    evenings.run("nightly", on=MONDAY)
    (case,) = evenings.cases()
    assert (case["state"], case["surname"], case["card"]) == ("deleted", "Gone", "1001")
    smtp.behave()
    evenings.does("nightly", on=TUESDAY)
    (case,) = evenings.cases()
    assert (case["surname"], case["firstname"], case["card"], case["number"]) == (None, None, None, patron)


def test_trouble_with_keeping_house_is_told_and_fails_no_night(library: Library) -> None:
    evenings = library(tables="[archive]\nkeep_days = 1\n")
    evenings.configure(tables=ARCHIVE.format(folder=evenings.folder) + "keep_days = 1\n")
    evenings.referred()
    (evenings.folder / "archive" / ".gentle-nudge").write_text('{"database": "another"}', encoding="utf-8")
    evenings.configure(tables="[archive]\nkeep_days = 1\n")
    done = evenings.run("nightly", on=TUESDAY)
    assert done.returncode == 0
    assert "belongs to the database another" in done.stderr
    assert {SUBMISSION, UPDATE} <= set(kept(evenings))


def test_somebody_is_forgotten_at_once_and_the_reports_that_hold_them_are_named(library: Library) -> None:
    evenings = library()
    evenings.configure(tables=ARCHIVE.format(folder=evenings.folder))
    patron, other = evenings.owing(surname="Gone", card="1001"), evenings.owing(surname="Other", card="1002")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, patron)
    evenings.does("nightly", on=MONDAY)
    evenings.does("nightly", on=TUESDAY)
    said = evenings.does("forget", "1001")
    holding = [line.split()[0] for line in said.splitlines() if line.startswith("  ")]
    assert holding == [SUBMISSION, UPDATE, f"ums-updates-{MONDAY}.csv"]
    assert f"copy in {evenings.folder}/archive; kept until {SUNDAY + timedelta(days=180)}" in said
    assert "Gone" not in said
    first, second = evenings.cases()
    assert (first["surname"], first["firstname"], first["card"], first["patron"]) == (None, None, None, patron)
    assert (second["surname"], second["card"], second["patron"]) == ("Other", "1002", other)
    assert evenings.does("forget", f"number:{patron}") == said
    done = evenings.run("forget", "9999")
    assert (done.returncode, done.stdout) == (2, "")
    assert "We know nothing of this patron" in done.stderr


def test_who_is_still_in_collections_is_forgotten_only_if_that_is_said(library: Library) -> None:
    evenings = library()
    evenings.referred(surname="Still", card="1001")
    done = evenings.run("forget", "1001")
    assert (done.returncode, done.stdout) == (2, "")
    assert "gentle-nudge release" in done.stderr
    assert "--anyway" in done.stderr
    assert evenings.cases()[0]["surname"] == "Still"
    assert "A case is open: the next update records them again." in evenings.does("forget", "1001", "--anyway")
    assert evenings.cases()[0]["surname"] is None


def test_whose_case_has_ended_is_forgotten_without_more_words(library: Library) -> None:
    evenings = library()
    evenings.referred(surname="Gone", card="1001")
    evenings.does("release", "1001", "--reason", "by mistake", on=MONDAY)
    assert "A case is open" not in evenings.does("forget", "1001")
    assert evenings.cases()[0]["surname"] is None


def test_a_patron_who_left_is_found_by_the_card_last_reported_and_a_merged_one_by_either_number(
    library: Library,
) -> None:
    evenings = library()
    gone, merged, heir = evenings.owing(card="1001"), evenings.owing(card="1002"), evenings.owing(card="1003")
    evenings.koha.execute("UPDATE accountlines SET amountoutstanding = 0 WHERE borrowernumber = :n", n=heir)
    evenings.does("nightly", on=SUNDAY)
    delete_patron(evenings.koha, gone)
    merge(evenings.koha, heir, [merged])
    evenings.does("forget", "1001", "--anyway")
    evenings.does("nightly", on=MONDAY)
    evenings.does("forget", "1003", "--anyway")
    assert [case["card"] for case in evenings.cases()] == [None, None]
    said = evenings.does("history", f"number:{merged}")
    assert f"patron {heir}, reported as {merged}" in said


def test_who_was_only_on_a_list_is_forgotten_too(library: Library, tmp_path: Path) -> None:
    tables = f'[staff]\nfolder = "{tmp_path}/staff"\n'
    evenings = library(policy="review_days = 3", tables=tables)
    listed, other = evenings.owing(card="1001"), evenings.owing(card="1002")
    stranger = a_patron(evenings.koha, card="1003")
    evenings.does("nightly", on=SUNDAY - timedelta(days=3))
    evenings.does("review", "leave-out", f"number:{listed}", f"number:{other}", "--reason", "Mr. Secret is ill")
    said = evenings.does("forget", "1001")
    assert f"review-{SUNDAY}-global.html" in said
    rows = evenings.koha.query("SELECT patron, outcome, why FROM gentle_nudge_list_row ORDER BY patron")
    assert [tuple(row.values()) for row in rows] == [
        (listed, "left_out", None),
        (other, "left_out", "Mr. Secret is ill"),
    ]
    wishes = evenings.koha.query("SELECT patron, reason FROM gentle_nudge_wish ORDER BY patron")
    assert [row["reason"] for row in wishes] == [None, "Mr. Secret is ill"]
    done = evenings.run("forget", f"number:{stranger}")
    assert (done.returncode, done.stdout) == (2, "")
