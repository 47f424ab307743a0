"""What the agency holds in the end: the newest balance or last word of everybody of whom it was ever told."""

import csv
import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.acceptance.evenings import AGENCY, Evenings, Library, dues
from tests.acceptance.test_identity import sftp_table
from tests.builders.days import MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import has_credit, owes, pays, void
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer

DUES = {"updates": "Due", "sync": "Due", "new-submissions": "Total_Plus_Fee"}
THURSDAY = WEDNESDAY + timedelta(days=1)
both_lists = pytest.mark.parametrize("lists", ["all", "changed"])
CHANGED = 'update_lists = "changed"\nfull_update_on = ""'


def policy(lists: str) -> str:
    return CHANGED if lists == "changed" else ""


def figures(name: str, content: bytes) -> dict[int, Decimal]:
    """Number -> due, of any report."""
    due = next(column for kind, column in DUES.items() if kind in name)
    rows = csv.DictReader(content.decode().splitlines())
    return {int(row["borrowernumber"]): Decimal(row[due]) for row in rows if row.get(due)}


def holds(smtp: SmtpServer, recipient: str = AGENCY) -> dict[int, Decimal]:
    """Number -> the last due that this recipient has heard."""
    heard: dict[int, Decimal] = {}
    for received in smtp.sent_to(recipient):
        if received.message["Subject"].startswith("UMS"):
            heard |= figures(received.file_name, received.file)
    return heard


def night_without_mail(evenings: Evenings, smtp: SmtpServer, day: date) -> None:
    smtp.answer("rcpt", "451 come back later")
    assert evenings.run("nightly", on=day).returncode == 1
    smtp.behave()


def cancel_what_waits(evenings: Evenings) -> None:
    waiting = evenings.koha.query("SELECT id FROM gentle_nudge_delivery WHERE state IN ('due', 'failed')")
    evenings.does("outbox", "cancel", *(str(row["id"]) for row in waiting), "--reason", "not now")


# A report that was cancelled has told nothing


@both_lists
def test_a_last_word_and_a_balance_in_a_cancelled_update_are_told_by_the_next(
    library: Library, smtp: SmtpServer, lists: str
) -> None:
    evenings = library(policy=policy(lists), port=smtp.port)
    paid, more, same = evenings.owing("50.00"), evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, paid)
    owes(evenings.koha, more, "5.00", day=MONDAY)
    night_without_mail(evenings, smtp, MONDAY)
    cancel_what_waits(evenings)
    assert holds(smtp) == {paid: 60, more: 60, same: 60}
    evenings.does("nightly", on=TUESDAY)
    assert holds(smtp) == {paid: 0, more: 65, same: 60}
    smtp.messages.clear()
    evenings.does("nightly", on=WEDNESDAY)
    assert holds(smtp) == ({more: 65, same: 60} if lists == "all" else {}), "what has arrived is told once"


@both_lists
def test_what_was_told_on_a_night_as_a_test_copy_is_told_again_when_it_is_over(
    library: Library, smtp: SmtpServer, lists: str
) -> None:
    evenings = library(policy=policy(lists), port=smtp.port)
    paid, more, gone = evenings.owing("50.00"), evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    evenings.koha.prefer("SendAllEmailsTo", "me@library.example")
    pays(evenings.koha, paid)
    owes(evenings.koha, more, "5.00", day=MONDAY)
    evenings.koha.execute("UPDATE borrowers SET sort1 = NULL WHERE borrowernumber = :n", n=gone)
    evenings.run("nightly", on=MONDAY)
    evenings.does("nightly", on=TUESDAY)
    assert holds(smtp) == {paid: 60, more: 60, gone: 60}
    evenings.koha.prefer("SendAllEmailsTo", "")
    evenings.does("nightly", on=WEDNESDAY)
    assert holds(smtp) == {paid: 0, more: 65, gone: 0}


@both_lists
def test_what_was_told_while_the_database_was_a_copy_is_told_again_by_the_library(
    library: Library, smtp: SmtpServer, lists: str
) -> None:
    evenings = library(policy=policy(lists), port=smtp.port)
    first, second, third = evenings.owing("50.00"), evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, first)
    night_without_mail(evenings, smtp, MONDAY)
    evenings.does("init", "--copy", "--yes")
    pays(evenings.koha, second)
    owes(evenings.koha, third, "5.00", day=MONDAY)
    evenings.does("nightly", on=TUESDAY)
    assert holds(smtp) == {first: 60, second: 60, third: 60}
    evenings.does("init", "--moved", "--yes")
    evenings.does("nightly", on=WEDNESDAY)
    assert holds(smtp) == {first: 0, second: 0, third: 65}


@both_lists
def test_what_one_recipient_has_not_heard_is_told_again_whoever_else_has(
    library: Library, smtp: SmtpServer, sftp: SftpServer, lists: str
) -> None:
    rules = f'{policy(lists)}\ncopy_to = ["copy@library.example.org"]'
    evenings = library(policy=rules, port=smtp.port)
    evenings.configure(policy=rules, port=smtp.port, tables=sftp_table(sftp, evenings.folder))
    paid, more = evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, paid)
    owes(evenings.koha, more, "5.00", day=MONDAY)
    smtp.answer_recipient(AGENCY, "451 come back later")
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    smtp.behave()
    cancel_what_waits(evenings)
    assert [state for state in evenings.states() if state == "cancelled"] == ["cancelled"]
    evenings.does("nightly", on=TUESDAY)
    uploaded = figures("updates", sftp.files()[f"ums-updates-{TUESDAY}.csv"])
    assert uploaded == holds(smtp) == {paid: 0, more: 65}


@both_lists
def test_what_a_copy_has_not_heard_is_no_news_to_the_agency(library: Library, smtp: SmtpServer, lists: str) -> None:
    evenings = library(policy=f'{policy(lists)}\ncopy_to = ["copy@library.example.org"]', port=smtp.port)
    paid, open_still = evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, paid)
    owes(evenings.koha, open_still, "5.00", day=MONDAY)
    smtp.answer_recipient("copy@library.example.org", "451 come back later")
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    smtp.behave()
    cancel_what_waits(evenings)
    evenings.does("nightly", on=TUESDAY)
    assert evenings.update(TUESDAY) == ({open_still: 65} if lists == "all" else {})


def test_a_balance_that_a_sync_told_is_followed_by_the_one_of_the_update(library: Library, smtp: SmtpServer) -> None:
    evenings = library(policy=CHANGED, port=smtp.port)
    patron = evenings.referred("50.00")
    credit = has_credit(evenings.koha, patron, "20.00", day=MONDAY)
    evenings.does("sync", on=MONDAY)
    assert holds(smtp) == {patron: 40}
    evenings.koha.execute("UPDATE accountlines SET amountoutstanding = 0 WHERE accountlines_id = :n", n=credit)
    evenings.does("nightly")
    assert holds(smtp) == {patron: 60}


def test_of_two_cases_of_a_patron_only_the_newer_has_the_last_word(library: Library, smtp: SmtpServer) -> None:
    evenings = library(policy='withdrawn_due = "balance"', port=smtp.port)
    patron = evenings.referred("50.00")
    evenings.does("release", f"number:{patron}", "--reason", "asked to", on=MONDAY)
    night_without_mail(evenings, smtp, MONDAY)
    cancel_what_waits(evenings)
    owes(evenings.koha, patron, "30.00", day=TUESDAY)
    again = SUNDAY + timedelta(days=70)
    for day in (again, again + timedelta(days=1)):
        evenings.does("nightly", on=day)
    assert holds(smtp) == {patron: 100}
    pays(evenings.koha, patron)
    for days in (2, 3, 4):
        evenings.does("nightly", on=again + timedelta(days=days))
    assert holds(smtp) == {patron: 0}
    assert evenings.update(again + timedelta(days=3)) == {}


def test_a_case_taken_back_before_anybody_had_heard_of_it_stays_untold(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.owing("50.00")
    night_without_mail(evenings, smtp, SUNDAY)
    evenings.does("release", "--submission", str(SUNDAY), "--reason", "a mistake", on=MONDAY)
    for day in (MONDAY, TUESDAY):
        evenings.does("nightly", on=day)
    assert holds(smtp) == {}


def test_a_last_word_that_has_not_arrived_outlives_the_days_that_closed_cases_are_kept(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(tables="[archive]\nkeep_cases_days = 1\n", port=smtp.port)
    patron = evenings.referred("50.00")
    pays(evenings.koha, patron)
    for days in range(1, 6):
        night_without_mail(evenings, smtp, SUNDAY + timedelta(days=days))
    for days in (6, 7):
        evenings.run("nightly", on=SUNDAY + timedelta(days=days))
    assert holds(smtp) == {patron: 0}
    assert [case["number"] for case in evenings.cases()] == [None], "once it has arrived the case is forgotten"


def test_a_cancelled_update_that_is_sent_after_all_is_followed_by_the_last_word_of_who_was_taken_back(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    patron = evenings.owing("50.00")
    night_without_mail(evenings, smtp, SUNDAY)
    cancel_what_waits(evenings)
    evenings.does("release", "--submission", str(SUNDAY), "--reason", "a mistake", on=MONDAY)
    evenings.does("outbox", "retry", "2")
    evenings.does("deliver")
    assert holds(smtp) == {patron: 60}
    evenings.does("nightly")
    assert holds(smtp) == {patron: 0}


def test_a_late_last_word_of_one_section_is_followed_by_the_balance_of_a_newer_case_of_another(
    library: Library, smtp: SmtpServer
) -> None:
    sections = ('name = "south"\nbranches = ["CPL"]', 'name = "north"\nbranches = ["FPL"]')
    tables = "".join(f"[[library]]\n{section}\n" for section in sections)
    evenings = library(policy=CHANGED, tables=tables, port=smtp.port)
    patron = evenings.referred("50.00", branch="FPL")
    pays(evenings.koha, patron)
    night_without_mail(evenings, smtp, NEXT_SUNDAY - timedelta(days=1))
    evenings.koha.execute("UPDATE borrowers SET branchcode = 'CPL'")
    owes(evenings.koha, patron, "77.00", day=NEXT_SUNDAY - timedelta(days=70))
    for days in (0, 1):
        evenings.does("nightly", on=NEXT_SUNDAY + timedelta(days=days))
    assert holds(smtp) == {patron: 87}


NORTH = '[[library]]\nname = "north"\nbranches = ["FPL"]\nsend_to = ["{to}"]\n'
ITS_OWN = "reports@others.org"


@both_lists
@pytest.mark.parametrize("to", [AGENCY, ITS_OWN])
def test_a_late_last_word_is_told_only_to_an_agency_that_hears_of_no_newer_case_in_any_section(
    library: Library, smtp: SmtpServer, lists: str, to: str
) -> None:
    evenings = library(policy=policy(lists), tables=NORTH.format(to=to), port=smtp.port)
    patron = evenings.referred("50.00", branch="FPL")
    pays(evenings.koha, patron)
    night_without_mail(evenings, smtp, NEXT_SUNDAY - timedelta(days=1))
    cancel_what_waits(evenings)
    evenings.koha.execute("UPDATE borrowers SET branchcode = 'CPL'")
    owes(evenings.koha, patron, "77.00", day=NEXT_SUNDAY - timedelta(days=70))
    evenings.does("nightly", "--library", "global", on=NEXT_SUNDAY)
    evenings.does("nightly", "--library", "north")
    last_word = {} if to == AGENCY else {patron: 0}
    assert dues(evenings.stored(f"ums-updates-{NEXT_SUNDAY}-north.csv")) == last_word
    assert holds(smtp) == {patron: 87}
    assert to == AGENCY or holds(smtp, to) == {patron: 0}


@both_lists
@pytest.mark.parametrize("to", [AGENCY, ITS_OWN])
def test_a_sync_of_a_newer_case_calls_up_no_last_word_of_a_section_that_comes_back(
    library: Library, smtp: SmtpServer, lists: str, to: str
) -> None:
    evenings = library(policy=policy(lists), tables=NORTH.format(to=to), port=smtp.port)
    patron = evenings.referred("50.00", branch="FPL")
    pays(evenings.koha, patron)
    evenings.does("nightly", on=MONDAY)
    evenings.configure(policy=policy(lists), port=smtp.port)
    evenings.koha.execute("UPDATE borrowers SET branchcode = 'CPL'")
    owes(evenings.koha, patron, "77.00", day=NEXT_SUNDAY - timedelta(days=70))
    evenings.does("nightly", on=NEXT_SUNDAY)
    evenings.does("sync")
    evenings.configure(policy=policy(lists), tables=NORTH.format(to=to), port=smtp.port)
    for days in (1, 2):
        evenings.does("nightly", on=NEXT_SUNDAY + timedelta(days=days))
        assert dues(evenings.stored(f"ums-updates-{NEXT_SUNDAY + timedelta(days=days)}-north.csv")) == {}
    assert holds(smtp) == {patron: 87}
    assert "the next update tells of it" not in evenings.does("history", f"number:{patron}")


def test_the_last_word_of_a_case_opened_again_is_not_overtaken_by_a_case_that_ended_before(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    patron = evenings.referred("50.00")
    payment = pays(evenings.koha, patron)
    evenings.does("nightly", on=MONDAY)
    owes(evenings.koha, patron, "77.00", day=NEXT_SUNDAY - timedelta(days=70))
    evenings.does("nightly", on=NEXT_SUNDAY)
    pays(evenings.koha, patron)
    evenings.does("nightly", on=NEXT_SUNDAY + timedelta(days=1))
    void(evenings.koha, payment)
    evenings.does("nightly", on=NEXT_SUNDAY + timedelta(days=2))
    assert [case["state"] for case in evenings.cases()] == ["open", "released"]
    pays(evenings.koha, patron)
    night_without_mail(evenings, smtp, NEXT_SUNDAY + timedelta(days=3))
    cancel_what_waits(evenings)
    assert holds(smtp) == {patron: 60}
    evenings.does("nightly", on=NEXT_SUNDAY + timedelta(days=4))
    assert holds(smtp) == {patron: 0}


# A repeat says once more what was true once


@both_lists
@pytest.mark.parametrize("report", ["update", "sync"])
def test_a_repeat_puts_all_its_cases_into_the_next_update(
    library: Library, smtp: SmtpServer, lists: str, report: str
) -> None:
    evenings = library(policy=policy(lists), port=smtp.port)
    paid, open_still = evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    owes(evenings.koha, paid, "5.00", day=MONDAY)
    owes(evenings.koha, open_still, "5.00", day=MONDAY)
    evenings.does("sync", on=MONDAY)
    evenings.does("nightly")
    pays(evenings.koha, paid)
    pays(evenings.koha, open_still, "20.00")
    evenings.does("nightly", on=TUESDAY)
    assert holds(smtp) == {paid: 0, open_still: 45}
    why = ("--send", "--reason", "the agency lost it")
    evenings.does("regenerate", "--day", str(MONDAY), "--report", report, *why, on=WEDNESDAY)
    evenings.does("deliver")
    assert holds(smtp) == {paid: 65, open_still: 65}
    evenings.does("nightly", on=WEDNESDAY)
    assert holds(smtp) == {paid: 0, open_still: 45}
    evenings.does("nightly", on=THURSDAY)
    assert evenings.update(THURSDAY) == ({open_still: 45} if lists == "all" else {})


def test_a_repeat_that_arrives_after_an_update_is_followed_by_one_more(library: Library, smtp: SmtpServer) -> None:
    evenings = library(policy=CHANGED, port=smtp.port)
    paid = evenings.referred("50.00")
    pays(evenings.koha, paid, "10.00")
    evenings.does("nightly", on=MONDAY)
    pays(evenings.koha, paid)
    evenings.does("nightly", on=TUESDAY)
    evenings.does("regenerate", "--day", str(MONDAY), "--report", "update", "--send", "--reason", "lost")
    night_without_mail(evenings, smtp, WEDNESDAY)
    evenings.does("deliver", on=THURSDAY)
    evenings.does("nightly")
    assert holds(smtp) == {paid: 0}


@both_lists
def test_a_referral_whose_submission_and_update_were_cancelled_is_told_by_the_next_update(
    library: Library, smtp: SmtpServer, lists: str
) -> None:
    evenings = library(policy=policy(lists), port=smtp.port)
    patron = evenings.owing("50.00")
    night_without_mail(evenings, smtp, SUNDAY)
    cancel_what_waits(evenings)
    evenings.run("nightly", on=MONDAY)
    assert holds(smtp) == {patron: 60}
    evenings.run("nightly", on=TUESDAY)
    assert evenings.update(TUESDAY) == ({patron: 60} if lists == "all" else {})


@both_lists
def test_a_repeated_submission_is_followed_by_the_balance_of_a_case_opened_since(
    library: Library, smtp: SmtpServer, lists: str
) -> None:
    evenings = library(policy=policy(lists), port=smtp.port)
    patron = evenings.referred("50.00")
    pays(evenings.koha, patron)
    evenings.does("nightly", on=MONDAY)
    owes(evenings.koha, patron, "15.00", day=TUESDAY)
    evenings.koha.execute("UPDATE borrowers SET sort1 = 'yes'")
    evenings.does("nightly", on=TUESDAY)
    assert [case["state"] for case in evenings.cases()] == ["released", "open"]
    why = ("--send", "--reason", "the agency lost it")
    evenings.does("regenerate", "--day", str(SUNDAY), "--report", "submission", *why, on=WEDNESDAY)
    evenings.does("deliver")
    assert holds(smtp) == {patron: 60}
    evenings.does("nightly", on=WEDNESDAY)
    assert holds(smtp) == {patron: 15}


# A submission that nobody was sent


def test_a_submission_made_as_a_test_copy_is_a_trouble_of_every_night_until_it_is_sent(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    evenings.koha.prefer("SendAllEmailsTo", "me@library.example")
    patron = evenings.referred("50.00")
    assert evenings.run("status").returncode == 0, "while it is a test copy"
    assert evenings.run("nightly", on=MONDAY).returncode == 0
    evenings.koha.prefer("SendAllEmailsTo", "")
    for day in (TUESDAY, WEDNESDAY):
        night, status = evenings.run("nightly", on=day), evenings.run("status")
        assert (night.returncode, status.returncode) == (1, 1)
        for said in (night.stderr, status.stdout):
            assert f"submission of {SUNDAY}" in said
            assert "1 patron was charged" in said
            assert "outbox retry 1" in said
        assert evenings.run("deliver").returncode == 0, "once a night is enough"
    assert "submission-cancelled" in evenings.run("check").stdout
    assert sum("was cancelled" in it.message["Subject"] for it in smtp.messages) == 2
    evenings.does("outbox", "retry", "1")
    evenings.does("deliver")
    assert holds(smtp) == {patron: 60}
    evenings.does("nightly", on=THURSDAY)
    evenings.does("status")


def test_if_its_report_was_deleted_nobody_is_told_to_send_it(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.koha.prefer("SendAllEmailsTo", "me@library.example")
    evenings.referred("50.00")
    evenings.koha.prefer("SendAllEmailsTo", "")
    evenings.koha.execute("UPDATE gentle_nudge_report SET pruned_on = :day", day=SUNDAY)
    night = evenings.run("nightly", on=MONDAY)
    assert night.returncode == 1
    assert "outbox retry" not in night.stderr
    assert "outbox cancel 1" in night.stderr


def test_or_until_a_person_ends_it_with_a_reason(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.koha.prefer("SendAllEmailsTo", "me@library.example")
    evenings.referred("50.00")
    evenings.koha.prefer("SendAllEmailsTo", "")
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    evenings.does("outbox", "cancel", "1", "--reason", "told by telephone")
    evenings.does("nightly", on=TUESDAY)
    assert "told by telephone" in evenings.does("status")


def test_or_until_its_patrons_are_taken_back_or_it_was_sent_as_a_repeat(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.koha.prefer("SendAllEmailsTo", "me@library.example")
    evenings.referred("50.00")
    evenings.koha.prefer("SendAllEmailsTo", "")
    assert evenings.run("status", on=MONDAY).returncode == 1
    evenings.does("release", "--submission", str(SUNDAY), "--reason", "a test")
    evenings.does("status")
    evenings.koha.prefer("SendAllEmailsTo", "me@library.example")
    day = SUNDAY + timedelta(days=7)
    evenings.owing("50.00", card="1002")
    evenings.does("nightly", on=day)
    evenings.koha.prefer("SendAllEmailsTo", "")
    assert evenings.run("status").returncode == 1
    evenings.does("regenerate", "--day", str(day), "--report", "submission", "--send", "--reason", "not sent")
    evenings.does("deliver")
    evenings.does("status")


def test_a_submission_without_patrons_made_as_a_test_copy_is_no_trouble(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.koha.prefer("SendAllEmailsTo", "me@library.example")
    evenings.does("nightly", on=SUNDAY)
    evenings.koha.prefer("SendAllEmailsTo", "")
    evenings.does("nightly", on=MONDAY)
    evenings.does("status")


def test_a_submission_cancelled_by_a_person_is_named_with_the_way_to_take_its_patrons_back(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    evenings.owing("50.00")
    paid = evenings.owing("50.00", card="1002")
    night_without_mail(evenings, smtp, SUNDAY)
    cancel_what_waits(evenings)
    pays(evenings.koha, paid)
    evenings.does("nightly", on=MONDAY)
    said, checked = evenings.does("status"), evenings.run("check").stdout
    for text in (said, checked):
        assert "1 patron was charged" in " ".join(text.split())
        assert f"release --submission {SUNDAY}" in " ".join(text.split())
    machine = json.loads(evenings.does("status", "--format", "json"))
    assert [each["by_person"] for each in machine["cancelled_submissions"]] == [True]
    evenings.does("release", "--submission", str(SUNDAY), "--reason", "a mistake")
    assert "release --submission" not in evenings.does("status")


def test_of_a_submission_that_somebody_got_nothing_is_said(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    several = evenings.config.read_text().replace(f'["{AGENCY}"]', f'["{AGENCY}", "b@agency.example.org"]')
    evenings.config.write_text(several)
    evenings.owing("50.00")
    smtp.answer_recipient("b@agency.example.org", "451 come back later")
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    cancel_what_waits(evenings)
    assert "release --submission" not in evenings.does("status")
