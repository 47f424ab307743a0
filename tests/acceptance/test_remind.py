"""Reminders before collections: which letters, fees and restrictions a debt leads to."""

import json
from decimal import Decimal
from typing import Any

import pytest

from gentle_nudge.jobs.reminders import remind as reminder_runs
from tests.acceptance.reminding import Begin, Reminding, day
from tests.builders.koha import a_guarantor, balance, has_credit, is_restricted, pays

pytestmark = pytest.mark.every_koha

UNTIL_BILL = [("02-09", 1, "25.00"), ("02-23", 2, "27.00"), ("03-09", 3, "29.00"), ("03-23", 4, "34.00")]
UNTIL_BILL += [("04-13", 5, "44.00")]


def test_r1_the_first_reminder_after_30_days_without_membership_fees(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing()
    library.owes(patron, "15.00", "01-01", type="ACCOUNT")
    before = library.koha.query("SELECT * FROM accountlines")
    section = library.run("02-08")["north"]
    assert (section["letters"], section["counts"], section["due"]) == ([], {"NOT_YET": 1}, 0)
    (letter,) = library.run("02-09", sends=False)["north"]["letters"]
    assert (letter["level"], letter["total"], letter["since"], letter["due_on"]) == (
        1,
        "25.00",
        "2026-01-10",
        "2026-02-09",
    )
    (message,) = library.queue()
    assert (message["letter_code"], message["message_transport_type"], message["status"]) == (
        "DEBTREM1",
        "email",
        "pending",
    )
    assert (message["borrowernumber"], message["to_address"], message["failure_code"]) == (patron, None, "")
    assert message["subject"] == "DEBTREM1 02/09/2026"
    assert message["content"] == "Pat owes 25.00.\n01/10/2026 LOST 25.00"
    assert library.koha.query("SELECT * FROM accountlines") == before


def test_r2_four_reminders_and_a_bill(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing()
    for on, level, total in UNTIL_BILL:
        assert library.letters(day(on).replace(day=day(on).day - 1).isoformat()) == []
        assert library.letters(on) == [(level, total)], on
        assert bool(library.restrictions()) == (level >= 3)
    assert library.fees() == [Decimal(2), Decimal(2), Decimal(5), Decimal(10)]
    assert [message["letter_code"] for message in library.queue()] == [
        "DEBTREM1",
        "DEBTREM2",
        "DEBTREM3",
        "DEBTREM4",
        "DEBTBILL",
    ]
    assert library.restrictions() == ["Debt reminder of 2026-03-09"]
    assert balance(library.koha, patron) == Decimal("44.00")
    assert library.run("06-01")["north"]["counts"] == {"FINISHED": 1}
    offsets = "SELECT COUNT(*) FROM account_offsets WHERE type = 'CREATE'"
    assert library.koha.value(offsets) == 5
    logged = library.koha.query("SELECT module, action FROM action_logs WHERE object = :n", n=patron)
    assert [(row["module"], row["action"]) for row in logged].count(("FINES", "CREATE")) == 4
    assert ("MEMBERS", "CREATE_RESTRICTION") in [(row["module"], row["action"]) for row in logged]


def test_r3_and_r4_a_payment_ends_the_series_and_new_charges_begin_another(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing()
    library.run("02-09")
    library.run("02-23")
    library.koha.execute(
        "UPDATE accountlines SET amountoutstanding = 7 WHERE borrowernumber = :n AND debit_type_code = 'LOST'", n=patron
    )
    section = library.run("03-01")["north"]
    assert [(each["state"], each["charges"]) for each in section["closed"]] == [("below_minimum", "7.00")]
    assert library.letters("03-09") == []
    assert library.restrictions() == []
    library.owes(patron, "6.00", "03-25", type="MANUAL")
    assert library.letters("04-23") == []
    (letter,) = library.run("04-24")["north"]["letters"]
    assert (letter["level"], letter["since"], letter["charges"], letter["total"]) == (1, "2026-03-25", "13.00", "15.00")
    assert library.series() == [("north", "below_minimum"), ("north", "open")]


def test_r5_each_section_has_its_own_series_and_levels(reminders: Begin) -> None:
    south = """
        [library.remind]
        [[library.remind.level]]
        after_days = 30
        letter = "DEBTREM1"
        [[library.remind.level]]
        after_days = 14
        letter = "DEBTREM2"
        fee = 3.50
    """
    library = reminders(south=south)
    patron = library.owing()
    library.owes(patron, "12.00", "01-10", branch="FPL")
    other = library.owing("6.00", branch_of_charge="MPL")
    library.owes(other, "6.00", "01-10")
    split = library.owing("6.00")
    library.owes(split, "6.00", "01-10", branch="FPL")
    library.run("02-09")
    done = library.run("02-23")
    totals = {
        name: sorted((letter["patron"], letter["total"]) for letter in section["letters"])
        for name, section in done.items()
    }
    assert totals == {"north": [(patron, "27.00"), (other, "14.00")], "south": [(patron, "15.50")]}
    assert sorted(library.series()) == [("north", "open"), ("north", "open"), ("south", "open")]


@pytest.mark.parametrize(("on", "reason"), [("2024-02-10", None), ("2024-02-09", "TOO_OLD"), ("2024-01-15", "TOO_OLD")])
def test_r6_charges_of_730_days_count_and_older_ones_do_not(reminders: Begin, on: str, reason: str | None) -> None:
    library = reminders()
    library.owing(on=on)
    section = library.run("02-09")["north"]
    assert [letter["level"] for letter in section["letters"]] == ([] if reason else [1])
    assert section["counts"] == ({reason: 1} if reason else {})


def test_r7_after_missed_runs_the_next_level_only(reminders: Begin) -> None:
    library = reminders()
    library.owing()
    library.run("02-09", sends=False)
    library.koha.execute("DELETE FROM message_queue")
    assert library.letters("03-20") == [(2, "27.00")]
    before = library.everything()
    assert library.letters("03-20") == []
    # Koha's sending of the message is no doing of ours: only that is news.
    library.run("03-20")
    settled = library.everything()
    assert library.letters("03-20") == []
    assert library.everything() == settled
    assert before["accountlines"] == settled["accountlines"]
    assert library.letters("04-02") == []
    assert library.letters("04-03") == [(3, "29.00")]


def test_r8_since_is_the_charge_that_reaches_the_minimum(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing("4.00", "01-05")
    library.owes(patron, "3.50", "01-20")
    library.owes(patron, "5.00", "02-01")
    assert library.letters("03-02") == []
    (letter,) = library.run("03-03", "--dry-run")["north"]["letters"]
    assert (letter["since"], letter["total"]) == ("2026-02-01", "12.50")
    has_credit(library.koha, patron, "3.00", day=day("02-02"), branchcode="CPL")
    section = library.run("03-03")["north"]
    assert (section["letters"], section["counts"]) == ([], {"BELOW_MINIMUM": 1})


def test_r14_whoever_has_paid_is_unblocked_and_other_restrictions_stay(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing()
    library.until_bill()
    pays(library.koha, patron, day=day("04-20"))
    section = library.run("04-20")["north"]
    assert [each["state"] for each in section["closed"]] == ["paid"]
    assert [each["patron"] for each in section["lifted"]] == [patron]
    assert library.restrictions() == []
    assert library.koha.value("SELECT debarred FROM borrowers WHERE borrowernumber = :n", n=patron) is None
    other = library.owing()
    library.until_bill(("06-01", "06-15", "06-29"))
    is_restricted(library.koha, other, "noisy")
    pays(library.koha, other, day=day("07-01"))
    library.run("07-01")
    assert library.restrictions() == ["noisy"]


def test_r18_a_fine_that_still_grows_does_not_count(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing("50.00", type="OVERDUE", branch_of_charge="CPL")
    library.koha.execute("UPDATE accountlines SET status = 'UNRETURNED' WHERE borrowernumber = :n", n=patron)
    assert library.run("02-09")["north"]["counts"] == {"BELOW_MINIMUM": 1}
    library.koha.execute(
        "UPDATE accountlines SET status = 'RETURNED', date = '2026-03-01 17:00:00' WHERE borrowernumber = :n", n=patron
    )
    assert library.letters("03-30") == []
    assert library.letters("03-31") == [(1, "50.00")]


def test_r9_the_language_the_branch_and_print(reminders: Begin) -> None:
    library = reminders(letters=False)
    library.koha.execute("INSERT INTO systempreferences (variable, value) VALUES ('TranslateNotices', '1')")
    patron = library.owing(email=None, lang="fr-CA")
    lacking = library.run("02-09", code=1)["north"]
    assert (lacking["errors"][0]["letter"], lacking["errors"][0]["transport"]) == ("DEBTREM1", None)
    assert (lacking["counts"], lacking["due"], library.series()) == ({"NO_LETTER": 1}, 1, [])
    found = []
    for place in ({}, {"lang": "fr-CA"}, {"lang": "fr-CA", "branchcode": "CPL"}):
        library.has_letters("DEBTREM1", transports="print", content=f"{place}", **place)
        (letter,) = library.run("02-09", "--dry-run")["north"]["letters"]
        found.append(letter["messages"])
    print_to = {"addressee": patron, "transport": "print"}
    assert found == [[{**print_to, "language": each}] for each in ("default", "fr-CA", "fr-CA")]
    library.run("02-09", sends=False)
    (message,) = library.queue()
    assert (message["message_transport_type"], message["status"]) == ("print", "pending")
    assert message["content"] == "{'lang': 'fr-CA', 'branchcode': 'CPL'}"


@pytest.mark.parametrize(
    ("redirects", "addresses"), [("0", [None, "mum@mail.example", "dad@mail.example"]), ("1", [None])]
)
def test_r9b_a_childs_letters_go_to_both_and_cost_once(
    reminders: Begin, redirects: str, addresses: list[str | None]
) -> None:
    library = reminders('notify = "both"')
    library.koha.execute(
        "INSERT INTO systempreferences (variable, value) VALUES ('RedirectGuaranteeEmail', :v)", v=redirects
    )
    child = library.owing(born=day("2014-01-01"))
    for email in ("mum@mail.example", "dad@mail.example"):
        a_guarantor(library.koha, of=child, email=email)
    library.run("02-09")
    library.run("02-23")
    second = [message for message in library.queue() if message["letter_code"] == "DEBTREM2"]
    assert [message["to_address"] for message in second] == addresses
    assert {message["borrowernumber"] for message in second} == {child}
    assert library.fees() == [Decimal(2)]


def test_r10_whoever_pays_meanwhile_or_is_flagged_gets_no_letter(
    reminders: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = reminders()
    patron, flagged = library.owing(), library.owing()
    library.run("02-09")
    library.koha.execute("UPDATE borrowers SET sort1 = 'yes' WHERE borrowernumber = :n", n=flagged)
    real = reminder_runs.apply

    def pays_first(*args: Any, **kwargs: Any) -> Any:
        if not paid:
            paid.append(pays(library.koha, patron, day=day("02-23")))
        return real(*args, **kwargs)

    paid: list[int] = []
    monkeypatch.setattr(reminder_runs, "apply", pays_first)
    section = library.run("02-23")["north"]
    assert section["letters"] == []
    assert sorted((each["patron"], each["state"]) for each in section["closed"]) == [
        (patron, "paid"),
        (flagged, "referred"),
    ]
    assert (library.fees(), len(library.queue())) == ([], 2)


def test_r12_who_is_referred_gets_no_letter_and_is_unblocked_after_the_case(reminders: Begin) -> None:
    library = reminders(policy="count_fees_newer_than = 120")
    patron = library.owing()
    library.until_bill(("02-09", "02-23", "03-09"))
    assert library.restrictions() == ["Debt reminder of 2026-03-09"]
    sunday = "03-22"
    library.evenings.does("nightly", on=day(sunday))
    section = library.run(sunday)["north"]
    assert (section["letters"], [each["state"] for each in section["closed"]]) == ([], ["referred"])
    assert "Debt reminder of 2026-03-09" in library.restrictions()
    pays(library.koha, patron, day=day("03-23"))
    assert library.run("03-23")["north"]["lifted"] == []
    library.evenings.does("nightly", on=day("03-24"))
    assert [each["patron"] for each in library.run("03-24")["north"]["lifted"]] == [patron]
    assert library.restrictions() == []


def test_r11_nobody_is_referred_before_the_bill(reminders: Begin) -> None:
    policy = (
        'prior_notice = ["DEBTBILL"]\nprior_notice_days = 14\ncount_fees_newer_than = {}\ncount_fees_older_than = 0'
    )
    library = reminders(policy=policy.format(120))
    patron = library.owing()
    library.until_bill()
    library.koha.execute("UPDATE message_queue SET updated_on = '2026-04-13 16:00:00'")
    library.evenings.does("nightly", on=day("04-26"))
    assert library.evenings.cases() == []
    library.evenings.does("nightly", on=day("05-03"))
    (case,) = library.evenings.cases()
    assert (case["patron"], case["owed"], case["balance"]) == (patron, Decimal("25.00"), Decimal("44.00"))
    assert not any(found["name"] == "remind-window" for found in findings(library))
    library.configure(policy=policy.format(90))
    (window,) = [found for found in findings(library) if found["name"] == "remind-window" and "north" in found["what"]]
    assert "113" in window["what"]


def findings(library: Reminding) -> list[dict[str, Any]]:
    """What `check` finds."""
    done = library.evenings.run("check", "--format", "json", on=day("05-04"))
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_r13_the_fuse_holds_all_letters_of_a_section(reminders: Begin) -> None:
    library = reminders("most_letters = 10")
    for _ in range(11):
        library.owing()
    other = library.owing(branch="FPL", branch_of_charge="FPL")
    done = library.run("02-09", code=1)
    assert (done["north"]["due"], done["north"]["letters"]) == (11, [])
    assert "most_letters (10)" in done["north"]["refused"]
    assert [letter["patron"] for letter in done["south"]["letters"]] == [other]
    assert library.run("02-09", "--most-letters", "10", code=1)["north"]["letters"] == []
    assert library.run("02-09", "--most-letters", "13", code=1)["north"]["letters"] == []
    assert len(library.run("02-09", "--most-letters", "12")["north"]["letters"]) == 11
    for _ in range(9):
        library.owing(branch="FPL", branch_of_charge="FPL")
    assert len(library.run("02-23", "--library", "south")["south"]["letters"]) == 10


def test_the_fuse_holds_whoever_comes_to_owe_again_meanwhile(reminders: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    library = reminders("most_letters = 1")
    patron = library.owing()
    library.run("02-09")
    pays(library.koha, patron, day=day("02-10"))
    for _ in range(2):
        library.owing()
    real = reminder_runs.apply

    def owes_first(*args: Any, **kwargs: Any) -> Any:
        library.owes(patron, "25.00", "01-10")
        return real(*args, **kwargs)

    monkeypatch.setattr(reminder_runs, "apply", owes_first)
    section = library.run("02-23", code=1)["north"]
    assert (section["letters"], library.fees(), len(library.queue())) == ([], [], 1)


def test_r15_a_bad_letter_holds_the_level_in_its_section_alone(reminders: Begin) -> None:
    library = reminders()
    north, south = library.owing(), library.owing(branch="FPL", branch_of_charge="FPL")
    library.run("02-09")
    library.has_letters("DEBTREM2", transports="email", branchcode="FPL", content="[% borrower.surname %]")
    done = library.evenings.run("remind", "--format", "json", on=day("02-23"))
    assert done.returncode == 1
    assert "letter DEBTREM2 (branch FPL, email, default): it is written in Template Toolkit" in done.stderr
    sections = {each["section"]: each for each in json.loads(done.stdout)["sections"]}
    assert [letter["patron"] for letter in sections["north"]["letters"]] == [north]
    assert (sections["south"]["letters"], sections["south"]["counts"]) == ([], {"BAD_LETTER": 1})
    assert (sections["south"]["errors"][0]["patrons"], sections["south"]["due"]) == (1, 1)
    assert library.fees() == [Decimal(2)]
    assert south


def test_r16_a_failed_email_is_printed_once_without_a_fee(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing()
    library.run("02-09", sends=False)
    library.koha.execute("UPDATE message_queue SET status = 'failed', failure_code = 'NO_EMAIL'")
    assert [each["patron"] for each in library.run("02-10", sends=False)["north"]["reprinted"]] == [patron]
    printed = [message["message_transport_type"] for message in library.queue()]
    assert (printed, library.fees()) == (["email", "print"], [])
    assert library.run("02-11")["north"]["reprinted"] == []
    assert library.letters("02-23") == [(2, "27.00")]


def test_r16_a_failed_message_of_somebody_else_with_the_number_of_ours_is_not_printed(reminders: Begin) -> None:
    library = reminders()
    patron, other = library.owing(), library.owing(on="02-08")
    library.run("02-09", sends=False)
    library.koha.execute("UPDATE message_queue SET borrowernumber = :n, status = 'failed'", n=other)
    assert library.run("02-10", sends=False)["north"]["reprinted"] == []
    assert library.koha.value("SELECT state FROM gentle_nudge_reminder_message") == "gone"
    assert [each["patron"] for each in library.run("02-23")["north"]["letters"]] == [patron]


def test_where_koha_s_queue_was_emptied_and_counts_anew_reminders_go_on(reminders: Begin) -> None:
    library = reminders()
    library.owing()
    library.run("02-09", sends=False)
    library.koha.execute("UPDATE message_queue SET status = 'failed', failure_code = 'NO_EMAIL'")
    library.run("02-10")
    numbers = [message["message_id"] for message in library.queue()]
    library.koha.execute("DELETE FROM message_queue")
    library.koha.execute(f"ALTER TABLE message_queue AUTO_INCREMENT = {numbers[0]}")
    assert library.letters("02-23") == [(2, "27.00")]
    assert ([message["message_id"] for message in library.queue()], library.fees()) == (numbers[:1], [Decimal(2)])
    assert library.letters("03-09") == [(3, "29.00")]
    section = library.run("03-10")["north"]
    assert (section["letters"], section["reprinted"]) == ([], [])


def test_r16_without_a_print_letter_nobody_pays_for_what_never_left(reminders: Begin) -> None:
    library = reminders(letters=False)
    library.has_letters(transports="email")
    library.owing()
    library.run("02-09", sends=False)
    library.koha.execute("UPDATE message_queue SET status = 'failed', failure_code = 'NO_EMAIL'")
    section = library.run("02-23")["north"]
    assert (section["letters"], section["reprinted"], section["counts"]) == ([], [], {"NOT_SENT": 1})
    assert library.fees() == []


def test_an_email_that_staff_send_again_in_koha_is_followed(reminders: Begin) -> None:
    library = reminders(letters=False)
    library.has_letters(transports="email")
    patron = library.owing()
    library.run("02-09", sends=False)

    for on, state in (("02-10", "failed"), ("02-11", "failed"), ("02-12", "pending"), ("02-13", "sent")):
        library.koha.execute("UPDATE message_queue SET status = :state", state=state)
        library.run(on, sends=False)
        assert library.koha.value("SELECT state FROM gentle_nudge_reminder_message") == state, on
    assert [each["patron"] for each in library.run("02-23")["north"]["letters"]] == [patron]


def test_a_failed_email_that_koha_has_cleaned_up_stays_failed(reminders: Begin) -> None:
    library = reminders(letters=False)
    library.has_letters(transports="email")
    library.owing()
    library.run("02-09", sends=False)
    library.koha.execute("UPDATE message_queue SET status = 'failed'")
    library.run("02-10", sends=False)
    library.koha.execute("DELETE FROM message_queue")
    assert library.run("02-23")["north"]["counts"] == {"NOT_SENT": 1}


def test_r17_staff_stop_a_series_and_waive_its_fees(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing(card="20000012")
    library.until_bill(("02-09", "02-23", "03-09"))
    said = library.evenings.does("remind", "stop", "20000012", "--reason", "found", "--waive-fee", on=day("03-10"))
    assert said == "The series of section north is stopped; the restriction is lifted; 4.00 of its fees is waived.\n"
    assert (library.series(), library.restrictions()) == ([("north", "stopped")], [])
    forgiven = "SELECT amount FROM accountlines WHERE credit_type_code = 'FORGIVEN'"
    assert library.koha.value(forgiven) == Decimal("-4.00")
    assert library.run("06-01")["north"]["counts"] == {"BELOW_MINIMUM": 1}
    library.owes(patron, "12.00", "03-11")
    assert [letter[0] for letter in library.letters("06-02")] == [1]
    again = library.evenings.run("remind", "stop", "20000012", "--reason", "x", "--library", "south")
    assert (again.returncode, again.stderr.splitlines()[0]) == (2, "This patron has no open series of reminders.")
