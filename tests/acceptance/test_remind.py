"""Reminders before collections: which letters, fees and restrictions a debt leads to."""

from decimal import Decimal

import pytest

from tests.acceptance.reminding import Begin, day
from tests.builders.koha import balance, has_credit, is_restricted, pays

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
