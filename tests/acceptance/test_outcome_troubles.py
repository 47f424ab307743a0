"""What became of the cases when Koha's rows are changed by hand, restored, or are odd: copied rows stay as they are."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.acceptance.evenings import Evenings, Library
from tests.acceptance.test_outcome_copies import copied
from tests.acceptance.test_outcomes import adds_up, found, lines_of, outcomes, purge, told
from tests.builders.days import MONDAY, SUNDAY, TUESDAY
from tests.builders.koha import apply, has_credit, owes, pays, void
from tests.support.koha import KohaDatabase


def named(evenings: Evenings) -> list[tuple[int, str]]:
    """The lines that do not add up, with their differences."""
    return [(each["line"], each["difference"]) for each in outcomes(evenings)["does_not_add_up"]]


def offsets(koha: KohaDatabase) -> list[dict[str, Any]]:
    return [row for row in copied(koha) if "offset_id" in row]


def test_an_item_found_after_a_write_off_stays_back_when_its_line_is_purged(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    (line,) = lines_of(koha, patron)
    apply(koha, has_credit(koha, patron, "40.00", type="WRITEOFF"), line, "40.00")
    koha.execute("UPDATE accountlines SET status = 'FOUND' WHERE accountlines_id = :n", n=line)
    evenings.does("nightly", on=MONDAY)
    before = outcomes(evenings)["total"]
    purge(koha)
    evenings.does("nightly", on=TUESDAY)
    assert outcomes(evenings)["total"] == before
    assert (before["waived"], before["items_back"]) == ("40.00", 1)


def test_a_credit_purged_on_the_day_of_its_use_leaves_a_line_that_is_named(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    (line,) = lines_of(koha, patron)
    credit = has_credit(koha, patron, "15.00", day=date(2026, 1, 5), type="CREDIT")
    apply(koha, credit, line, "15.00")
    purge(koha)
    evenings.does("nightly", on=MONDAY)
    assert named(evenings) == [(line, "15.00")]
    assert told(outcomes(evenings)) == {"recorded": "40.00", "owing": "25.00", "difference": "15.00"}
    assert found(evenings, "does-not-add-up")


def test_offsets_changed_or_deleted_by_hand_change_no_copied_row(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    (line,) = lines_of(koha, patron)
    apply(koha, has_credit(koha, patron, "30.00"), line, "30.00")
    evenings.does("nightly", on=MONDAY)
    kept = offsets(koha)
    koha.execute("UPDATE account_offsets SET amount = -12 WHERE debit_id = :n AND type = 'APPLY'", n=line)
    evenings.does("nightly", on=TUESDAY)
    koha.execute("DELETE FROM account_offsets WHERE debit_id = :n", n=line)
    evenings.does("nightly", on=TUESDAY)
    assert offsets(koha) == kept
    assert told(outcomes(evenings)) == {"recorded": "40.00", "paid": "30.00", "owing": "10.00"}
    assert named(evenings) == []


def test_a_number_that_koha_gives_twice_changes_no_copied_row_and_its_line_is_named(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron, other = evenings.owing("40.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    pays(koha, patron)
    evenings.does("nightly", on=MONDAY)
    kept = offsets(koha)
    purge(koha)
    koha.execute("ALTER TABLE account_offsets AUTO_INCREMENT = 1")  # as a server before MariaDB 10.2.4 after a restart
    (line,) = lines_of(koha, other)
    again = koha.value("SELECT MIN(offset_id) FROM gentle_nudge_outcome")
    koha.execute("DELETE FROM account_offsets WHERE id = :n", n=again)
    payment = has_credit(koha, other, "20.00")
    koha.execute("UPDATE accountlines SET amountoutstanding = 30 WHERE accountlines_id = :n", n=line)
    koha.put("account_offsets", id=again, credit_id=payment, debit_id=line, type="APPLY", amount=-20)
    evenings.does("nightly", on=TUESDAY)
    assert offsets(koha) == kept
    assert named(evenings) == [(line, "20.00")]


def test_a_line_that_is_restored_after_a_purge_is_followed_again(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    (line,) = lines_of(koha, patron)
    whole = koha.query("SELECT * FROM accountlines WHERE accountlines_id = :n", n=line)[0]
    koha.execute("DELETE FROM accountlines WHERE accountlines_id = :n", n=line)
    evenings.does("nightly", on=MONDAY)
    assert told(outcomes(evenings)) == {"recorded": "40.00", "other": "40.00"}
    koha.put("accountlines", **whole)
    apply(koha, has_credit(koha, patron, "15.00"), line, "15.00")
    evenings.does("nightly", on=TUESDAY)
    answer = outcomes(evenings)
    assert told(answer) == {"recorded": "40.00", "paid": "15.00", "owing": "25.00"}
    assert answer["unseen"]["lines"] == 0


def test_an_offset_without_a_day_is_copied_with_that_of_the_night(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    (line,) = lines_of(koha, patron)
    apply(koha, has_credit(koha, patron, "30.00"), line, "30.00")
    koha.execute_lax("UPDATE account_offsets SET created_on = 0 WHERE debit_id = :n AND type = 'APPLY'", n=line)
    evenings.does("nightly", on=MONDAY)
    assert told(outcomes(evenings)) == {"recorded": "40.00", "paid": "30.00", "owing": "10.00"}
    assert evenings.does("cases", "--format", "csv").count(str(MONDAY)) == 1


def test_amounts_of_any_size_add_up_and_an_empty_balance_is_named(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    (line,) = lines_of(koha, patron)
    most = Decimal("99999999999999999999.99")
    koha.put("account_offsets", debit_id=line, type="OVERDUE_INCREASE", amount=most)
    owing = "UPDATE accountlines SET amountoutstanding = :owing WHERE accountlines_id = :n"
    koha.execute(owing, owing=40 + most, n=line)
    evenings.run("nightly", on=MONDAY)
    assert told(outcomes(evenings)) == {"recorded": "40.00", "grown": f"{most:f}", "owing": f"{40 + most:f}"}
    koha.execute(owing, owing=None, n=line)
    evenings.run("nightly", on=TUESDAY)
    assert named(evenings) == [(line, f"{40 + most:f}")]


def test_parts_of_a_cent_add_up(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred("40.125")
    (line,) = lines_of(koha, patron)
    for _ in range(3):
        apply(koha, has_credit(koha, patron, "13.375"), line, "13.375")
    evenings.does("nightly", on=MONDAY)
    answer = outcomes(evenings)
    assert named(evenings) == []
    assert (answer["total"]["owing"], answer["total"]["difference"]) == ("0.00", "0.00")


def test_a_line_of_three_cases_belongs_to_each_in_turn(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy="clear_at_or_below = 5.00")
    patron = evenings.referred("40.00")
    (line,) = lines_of(koha, patron)
    payment = has_credit(koha, patron, "36.00")
    apply(koha, payment, line, "36.00")
    pay_all_but(koha, patron, line)
    evenings.does("nightly", on=MONDAY)
    for day, paid in ((date(2026, 11, 29), "1.00"), (date(2026, 12, 6), "1.50")):
        owes(koha, patron, "50.00", day=date(2026, 9, 20))
        evenings.does("nightly", on=day)
        apply(koha, has_credit(koha, patron, paid), line, paid)
        pay_all_but(koha, patron, line)
        evenings.does("nightly", on=day + timedelta(days=1))
    void(koha, payment)
    evenings.does("nightly", on=date(2026, 12, 8))
    answer = outcomes(evenings)
    assert adds_up(answer["total"])
    assert named(evenings) == []
    assert [case["state"] for case in evenings.cases()][:2] == ["released", "released"]
    names = ("recorded", "grown", "paid", "referred_again", "owing", "difference")
    cases = json.loads(evenings.does("cases", "--format", "json"))["cases"]
    assert [[case[name] for name in names] for case in cases] == [
        ["40.00", "0.00", "36.00", "4.00", "0.00", "0.00"],
        ["54.00", "0.00", "51.00", "3.00", "0.00", "0.00"],
        ["53.00", "36.00", "51.50", "0.00", "37.50", "0.00"],
    ]


def pay_all_but(koha: KohaDatabase, patron: int, line: int) -> None:
    """The patron pays everything but this line."""
    query = "SELECT accountlines_id AS n, amountoutstanding AS owed FROM accountlines WHERE borrowernumber = :p"
    for each in koha.query(f"{query} AND amountoutstanding > 0 AND accountlines_id <> :n", p=patron, n=line):
        apply(koha, has_credit(koha, patron, each["owed"]), each["n"], each["owed"])
