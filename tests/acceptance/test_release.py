"""Referrals taken back by staff, one patron's or a whole submission's."""

import os
import pty
import subprocess
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.acceptance.evenings import AGENCY, Library, dues
from tests.acceptance.libraries import today
from tests.builders.days import MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY
from tests.builders.koha import a_patron, balance, is_restricted, merge, owes, owing, pays
from tests.support.command import COMMAND
from tests.support.koha import KohaDatabase
from tests.support.smtp import SmtpServer

REASON = ("--reason", "referred by mistake")


def test_a_patron_is_taken_back(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron, other = evenings.owing(card="1001"), evenings.owing()
    own = is_restricted(koha, patron, "Lost a book of another library")
    evenings.does("nightly", on=SUNDAY)
    assert evenings.flag(patron) == "yes"
    said = evenings.does("--verbose", "release", "1001", *REASON, on=MONDAY)
    assert "1 withdrawn" in said
    assert evenings.flag(patron) == "no"
    assert evenings.flag(other) == "yes"
    left = koha.query("SELECT borrower_debarment_id AS id FROM borrower_debarments WHERE borrowernumber = :n", n=patron)
    assert [row["id"] for row in left] == [own]
    case = next(case for case in evenings.cases() if case["patron"] == patron)
    assert (case["state"], case["closed_on"]) == ("withdrawn", MONDAY)
    assert case["why"] == "referred by mistake (released by tester)"
    assert balance(koha, patron) == Decimal(40)
    assert evenings.does("nightly", on=MONDAY) == ""
    assert evenings.update(MONDAY) == {patron: Decimal(0), other: Decimal(40)}
    evenings.does("nightly", on=TUESDAY)
    assert evenings.update(TUESDAY) == {other: Decimal(40)}


def test_old_charges_refer_nobody_again_and_nobody_is_charged_twice(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred(card="1001")
    evenings.does("release", "1001", *REASON, on=MONDAY)
    owes(koha, patron, "5.00", day=MONDAY - timedelta(days=1))
    evenings.does("nightly", on=NEXT_SUNDAY)
    assert evenings.flag(patron) == "no"
    assert len(evenings.cases()) == 1
    assert koha.value("SELECT COUNT(*) FROM accountlines WHERE description = 'UMS Processing Fee'") == 1


@pytest.mark.parametrize(("withdrawn_due", "told"), [("zero", Decimal(0)), ("balance", Decimal(40)), ("none", None)])
def test_the_agency_is_told_as_withdrawn_due_says(library: Library, withdrawn_due: str, told: Decimal | None) -> None:
    evenings = library(policy=f'withdrawn_due = "{withdrawn_due}"')
    patron = evenings.referred(card="1001")
    evenings.does("release", "1001", *REASON, on=MONDAY)
    evenings.does("nightly", on=MONDAY)
    assert evenings.update(MONDAY).get(patron) == told


def test_a_second_release_finds_nothing_left_to_do(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred(card="1001")
    evenings.does("release", "1001", *REASON, "--waive-fee", on=MONDAY)
    before = snapshot(koha)
    said = evenings.does("--verbose", "release", "1001", *REASON, on=TUESDAY)
    assert said == "Nothing to take back: no case is open.\n"
    evenings.does("release", "1001", *REASON, "--waive-fee")
    evenings.does("release", "--submission", str(SUNDAY), *REASON, "--waive-fee")
    assert snapshot(koha) == before
    assert balance(koha, patron) == Decimal(30)


def test_a_dry_run_shows_everything_and_changes_nothing(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    evenings.referred(card="1001")
    before = snapshot(koha)
    for what in (("1001",), ("--submission", str(SUNDAY))):
        said = evenings.does("release", *what, *REASON, "--waive-fee", "--dry-run", on=MONDAY)
        assert "Dry run" in said
        assert "1 withdrawn" in said
        assert "10.00" in said
    assert snapshot(koha) == before


@pytest.mark.process
@pytest.mark.parametrize("what", [("1001",), ("--submission", f"{today()}")])
def test_a_dry_run_names_the_patrons_on_a_terminal_alone(library: Library, what: tuple[str, ...]) -> None:
    evenings = library(policy=f'submit_on = "{today():%A}"'.lower())
    owing(evenings.koha, day=today() - timedelta(days=75), card="1001", surname="Quux", firstname="Ada")
    evenings.does("nightly", on=today())
    env = {"GENTLE_NUDGE_KOHA__PASSWORD": evenings.koha.server.password, "TERM": "xterm", "COLUMNS": "100"}
    words = ("--config", str(evenings.config), "release", *what, *REASON, "--dry-run")
    assert "Quux" not in evenings.command.run_process(*words, env=env).stdout
    there, here = pty.openpty()
    subprocess.run([COMMAND, *words], env=evenings.command.environment(env), stdout=here, check=True)
    os.close(here)
    shown = os.read(there, 100_000).decode()
    os.close(there)
    (row,) = (line for line in shown.splitlines() if "Quux, Ada" in line)
    assert "1001" in row.split()


@pytest.mark.every_koha
def test_the_fee_is_waived_as_koha_waives_one(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred(card="1001")
    fee = evenings.fee(patron)
    logged = koha.value("SELECT MAX(action_id) FROM action_logs")
    evenings.does("release", "1001", *REASON, "--waive-fee", on=MONDAY)
    assert balance(koha, patron) == Decimal(30)
    credit = koha.query("SELECT * FROM accountlines WHERE credit_type_code IS NOT NULL")[0]
    assert (credit["amount"], credit["amountoutstanding"], credit["credit_type_code"]) == (-10, 0, "FORGIVEN")
    assert (credit["description"], credit["note"], credit["interface"]) == ("", "", "commandline")
    for column in ("branchcode", "manager_id", "credit_number", "debit_type_code", "status", "payment_type"):
        assert credit[column] is None
    offsets = koha.query(
        "SELECT credit_id, debit_id, type, amount FROM account_offsets WHERE credit_id = :id ORDER BY id",
        id=credit["accountlines_id"],
    )
    assert [tuple(offset.values()) for offset in offsets] == [
        (credit["accountlines_id"], None, "CREATE", Decimal(10)),
        (credit["accountlines_id"], fee, "APPLY", Decimal(-10)),
    ]
    assert koha.value("SELECT COUNT(*) FROM statistics") == 0
    logs = koha.query("SELECT * FROM action_logs WHERE action_id > :id AND object = :n", id=logged, n=patron)
    assert {(row["user"], row["interface"], row.get("script", "gentle-nudge")) for row in logs} == {
        (0, "commandline", "gentle-nudge")
    }
    assert [(row["module"], row["action"]) for row in logs] == [
        ("MEMBERS", "DELETE_RESTRICTION"),
        ("MEMBERS", "MODIFY"),
        ("FINES", "CREATE"),
    ]
    for said in ("'action' => 'create_FORGIVEN'", "'amount' => -10", "'branchcode' => undef", "credit_type_code"):
        assert said in logs[-1]["info"]
    assert evenings.cases()[0]["why"] == "referred by mistake (released by tester; 10.00 of the fee waived)"


def test_koha_s_log_tells_what_a_person_typed_from_what_cron_did(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    evenings.referred(card="1001")
    assert interfaces(koha) == {"cron"}
    assert koha.value("SELECT interface FROM accountlines WHERE description = 'UMS Processing Fee'") == "cron"
    by_cron = koha.value("SELECT MAX(action_id) FROM action_logs")
    evenings.does("release", "--submission", str(SUNDAY), *REASON, on=MONDAY)
    assert interfaces(koha, by_cron) == {"commandline"}
    by_hand = koha.value("SELECT MAX(action_id) FROM action_logs")
    evenings.does("nightly", "--most-referrals", "1", on=MONDAY)
    evenings.does("sync")
    assert interfaces(koha, by_hand) == {"cron"}


def interfaces(koha: KohaDatabase, after: int = 0) -> set[str]:
    """The interfaces of the log's rows after this one."""
    return {row["interface"] for row in koha.query("SELECT interface FROM action_logs WHERE action_id > :it", it=after)}


def test_only_what_is_still_owing_of_the_fee_is_waived(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred(card="1001")
    pays(koha, patron, "32.50")
    assert "7.50" in evenings.does("--verbose", "release", "1001", *REASON, "--waive-fee", on=MONDAY)
    assert balance(koha, patron) == Decimal(0)
    waived = koha.query("SELECT amount FROM accountlines WHERE credit_type_code = 'FORGIVEN'")
    assert [row["amount"] for row in waived] == [Decimal("-7.50")]
    assert "'amount' => '-7.5'" in koha.value("SELECT info FROM action_logs WHERE info LIKE '%create_FORGIVEN%'")


def test_a_fee_that_was_paid_is_not_waived(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred(card="1001")
    pays(koha, patron)
    evenings.does("release", "1001", *REASON, "--waive-fee", on=MONDAY)
    assert koha.value("SELECT COUNT(*) FROM accountlines WHERE credit_type_code = 'FORGIVEN'") == 0
    assert evenings.cases()[0]["state"] == "withdrawn"


def test_a_fee_can_be_waived_after_the_release(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred(card="1001")
    evenings.does("release", "1001", *REASON, on=MONDAY)
    evenings.does("release", "1001", *REASON, "--waive-fee", on=TUESDAY)
    assert balance(koha, patron) == Decimal(30)
    (case,) = evenings.cases()
    assert case["closed_on"] == MONDAY
    assert case["why"] == "referred by mistake (released by tester); 10.00 of the fee waived, by tester"


@pytest.mark.parametrize(("limit", "lifted"), [("30.00", True), ("29.99", False), (None, False)])
def test_a_waiver_lifts_what_koha_lifts_after_a_payment(
    library: Library, koha: KohaDatabase, limit: str | None, *, lifted: bool
) -> None:
    evenings = library()
    koha.put("restriction_types", code="FINES", display_text="Fines", lift_after_payment=1, fee_limit=limit)
    patron = evenings.owing(card="1001")
    is_restricted(koha, patron, "owes too much", type="FINES")
    evenings.does("nightly", on=SUNDAY)
    evenings.does("release", "1001", *REASON, "--waive-fee", on=MONDAY)
    assert koha.value("SELECT COUNT(*) FROM borrower_debarments") == (not lifted)
    comment = koha.value("SELECT debarredcomment FROM borrowers WHERE borrowernumber = :n", n=patron)
    assert comment == (None if lifted else "owes too much")


def test_an_undelivered_submission_is_cancelled_and_nobody_hears_of_its_patrons(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    patrons = [evenings.owing(), evenings.owing()]
    smtp.answer("rcpt", "451 come back later")
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    assert evenings.states() == ["due", "due"]
    said = evenings.does("--verbose", "release", "--submission", str(SUNDAY), *REASON, on=MONDAY)
    assert "2 withdrawn" in said
    assert f"Cancelled: ums-new-submissions-{SUNDAY}.csv to {AGENCY} (email)" in said
    assert evenings.states() == ["cancelled", "superseded"]
    smtp.behave()
    evenings.does("deliver")
    assert smtp.messages == []
    evenings.does("nightly", on=MONDAY)
    assert [evenings.flag(patron) for patron in patrons] == ["no", "no"]
    assert evenings.update(MONDAY) == {}
    assert len(smtp.sent_to(AGENCY)) == 1
    cancelled = evenings.koha.query("SELECT reason, who FROM gentle_nudge_delivery WHERE state = 'cancelled'")
    assert cancelled == [{"reason": "referred by mistake", "who": "tester"}]


def test_a_submission_delivered_to_one_recipient_is_cancelled_for_the_other_and_taken_back_in_the_update(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(policy='copy_to = ["other@agency.example.org"]', port=smtp.port)
    patron = evenings.owing()
    smtp.answer_recipient("other@agency.example.org", "451 come back later")
    evenings.run("nightly", on=SUNDAY)
    evenings.does("release", "--submission", str(SUNDAY), *REASON, on=MONDAY)
    assert evenings.states() == ["sent", "cancelled", "sent", "due"]
    smtp.behave()
    evenings.does("nightly", on=MONDAY)
    for recipient in (AGENCY, "other@agency.example.org"):
        assert dues(smtp.sent_to(recipient)[-1].file) == {patron: Decimal(0)}


def test_a_delivered_submission_is_taken_back_in_the_next_update(library: Library) -> None:
    evenings = library()
    patrons = [evenings.owing(), evenings.owing()]
    evenings.does("nightly", on=SUNDAY)
    evenings.does("release", "--submission", str(SUNDAY), *REASON, "--waive-fee", on=MONDAY)
    assert evenings.states() == ["sent", "sent"]
    evenings.does("nightly", on=MONDAY)
    assert evenings.update(MONDAY) == dict.fromkeys(patrons, Decimal(0))
    assert [balance(evenings.koha, patron) for patron in patrons] == [Decimal(30), Decimal(30)]


def test_an_undelivered_submission_goes_on_for_those_who_stay_until_the_last_is_taken_back(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    evenings.owing(card="1001")
    evenings.owing(card="1002")
    smtp.answer("rcpt", "451 come back later")
    evenings.run("nightly", on=SUNDAY)
    evenings.does("release", "1001", *REASON, on=MONDAY)
    assert evenings.states() == ["due", "due"]
    evenings.does("release", "1002", *REASON)
    assert evenings.states() == ["cancelled", "superseded"]
    smtp.behave()
    evenings.does("nightly")
    assert evenings.update(MONDAY) == {}


def test_where_updates_leave_in_order_a_waiting_one_is_followed_by_the_last_row(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(policy='update_lists = "changed"', port=smtp.port)
    patron = evenings.owing()
    smtp.answer("rcpt", "451 come back later")
    evenings.run("nightly", on=SUNDAY)
    evenings.does("release", "--submission", str(SUNDAY), *REASON, on=MONDAY)
    assert evenings.states() == ["cancelled", "due"]
    evenings.run("nightly", on=MONDAY)
    assert evenings.update(MONDAY) == {patron: Decimal(0)}


def test_of_merged_cards_the_one_that_stays_is_taken_back(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    merged, heir = evenings.owing(card="1001"), a_patron(koha, card="1002")
    evenings.does("nightly", on=SUNDAY)
    merge(koha, heir, [merged])
    koha.execute("UPDATE borrowers SET sort1 = 'yes' WHERE borrowernumber = :n", n=heir)
    evenings.does("release", f"number:{merged}", *REASON, "--waive-fee", on=MONDAY)
    assert evenings.flag(heir) == "no"
    assert balance(koha, heir) == Decimal(30)
    evenings.does("nightly", on=NEXT_SUNDAY)
    (case,) = evenings.cases()
    assert (case["patron"], case["number"], case["state"]) == (heir, merged, "withdrawn")
    assert evenings.flag(heir) == "no"


def test_a_submission_that_may_have_arrived_is_taken_back_in_the_update(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    patron = evenings.owing()
    smtp.close_after_data()
    evenings.run("nightly", on=SUNDAY)
    evenings.does("release", "--submission", str(SUNDAY), *REASON, on=MONDAY)
    smtp.behave()
    evenings.does("nightly", on=MONDAY)
    assert evenings.update(MONDAY) == {patron: Decimal(0)}


def test_what_cannot_be_meant_is_refused(library: Library) -> None:
    evenings = library()
    evenings.referred(card="1001")
    for what, says in (
        ((), "Name patrons, or a submission"),
        (("1001", "--submission", str(SUNDAY)), "Name patrons, or a submission"),
        (("9999",), "We know nothing of this patron"),
        (("--submission", str(MONDAY)), f"There is no submission of {MONDAY}"),
        (("1001", "--library", "north"), "There is no section north"),
    ):
        done = evenings.run("release", *what, *REASON, on=MONDAY)
        assert done.returncode == 2
        assert says in done.stderr
    assert evenings.cases()[0]["state"] == "open"


def snapshot(koha: KohaDatabase) -> dict[str, list[dict[str, object]]]:
    """Every row of the tables that a release writes."""
    tables = ("borrowers", "accountlines", "account_offsets", "borrower_debarments", "action_logs")
    ours = ("gentle_nudge_case", "gentle_nudge_delivery")
    return {table: koha.query(f"SELECT * FROM {table}") for table in (*tables, *ours)}
