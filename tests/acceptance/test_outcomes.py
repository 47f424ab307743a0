"""What has become of the cases: `outcomes`, by what the nights have copied of Koha's offsets."""

import csv
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import IN_THE_WINDOW, MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import a_patron, an_item, apply, delete_patron, has_credit, merge, owes, owing, pays, void
from tests.support.command import Command
from tests.support.koha import KohaDatabase
from tests.support.sample_library import cast_alone

Answer = dict[str, Any]
NORTH = '[[library]]\nname = "north"\nbranches = ["FPL"]\n'


def outcomes(evenings: Evenings, *args: str, on: date | None = None) -> Answer:
    """What `outcomes --format json` says."""
    answer: Answer = json.loads(evenings.does("outcomes", *args, "--format", "json", on=on))
    return answer


def total(answer: Answer, *names: str) -> list[Any]:
    return [answer["total"][name] for name in names]


def told(answer: Answer) -> dict[str, str]:
    """The amounts of the total that are not zero."""
    amounts = ("recorded", "grown", "paid", "returned", "waived", "other", "referred_again", "owing", "difference")
    return {name: answer["total"][name] for name in amounts if answer["total"][name] != "0.00"}


def adds_up(figures: Answer) -> bool:
    """Whether the identities hold for these figures."""
    value = {name: Decimal(each) for name, each in figures.items() if isinstance(each, str) and "." in each}
    lines = sum(value[name] for name in ("paid", "returned", "waived", "other", "referred_again", "owing"))
    fees = sum(value[f"fees_{name}"] for name in ("paid", "waived", "other", "owing", "difference"))
    return value["recorded"] + value["grown"] == lines + value["difference"] and value["fees"] == fees


def lines_of(koha: KohaDatabase, patron: int) -> list[int]:
    """The recorded lines of the patron's latest case."""
    rows = koha.query(
        "SELECT line FROM gentle_nudge_case_line WHERE case_id = "
        "(SELECT MAX(id) FROM gentle_nudge_case WHERE number = :n) ORDER BY line",
        n=patron,
    )
    return [row["line"] for row in rows]


def finds(koha: KohaDatabase, patron: int, line: int, amount: str, *, applied: str, item: int) -> int:
    """The lost item is found: a credit of that amount, of which so much is applied to the line."""
    credit = has_credit(koha, patron, amount, type="LOST_FOUND", itemnumber=item)
    apply(koha, credit, line, applied)
    koha.execute("UPDATE accountlines SET status = 'FOUND' WHERE accountlines_id = :n", n=line)
    return credit


def waives(koha: KohaDatabase, patron: int, line: int, amount: str, *, kind: str) -> None:
    """So much of the line is given up, by a credit of this type."""
    apply(koha, has_credit(koha, patron, amount, type=kind), line, amount)


def purge(koha: KohaDatabase) -> None:
    """Paid lines are deleted with their offsets, as `cleanup_database.pl --fees` does."""
    koha.execute("DELETE FROM accountlines WHERE COALESCE(amountoutstanding, 0) = 0")


@pytest.fixture
def demo(command: Command) -> Command:
    """The three Sundays of the demo's cast."""
    cast_alone(command)
    return command


def in_the_demo(demo: Command, *args: str) -> str:
    config = demo.cwd / "gentle-nudge-demo" / "gentle-nudge.toml"
    done = demo.run("--config", config, *args, at=datetime(2026, 11, 25, 15, tzinfo=UTC))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


# U1 to U3: the demo


def test_the_figures_of_the_demo_s_three_sundays(demo: Command) -> None:
    answer = json.loads(in_the_demo(demo, "outcomes", "--format", "json"))
    assert total(answer, "cases", "open", "recorded", "paid", "returned", "waived", "owing") == [
        31, 19, "2491.77", "342.89", "0.00", "0.00", "2148.88",
    ]  # fmt: skip
    assert total(answer, "fees", "fees_paid", "fees_owing") == ["310.00", "76.00", "234.00"]
    assert total(answer, "items", "items_back", "settled", "median_days") == [48, 0, 7, 4]
    assert adds_up(answer["total"])
    assert (answer["does_not_add_up"], answer["unseen"]) == ([], {"lines": 0, "amount": "0.00"})
    assert [row["group"] for row in answer["rows"]] == [
        "2025-12", *(f"2026-{month:02}" for month in range(1, 12)),
    ]  # fmt: skip
    assert answer["rows"][-1] == {**answer["total"], "group": "2026-11", "running": True}
    assert (answer["over"], answer["thresholds"][0]["threshold"]) == (0, "25.00")
    assert [each["days"] for each in answer["how_soon"]] == [30, 60, 90, 130]


def test_the_figures_of_single_cases_of_the_demo(demo: Command) -> None:
    cases = {each["case"]: each for each in json.loads(in_the_demo(demo, "cases", "--format", "json"))["cases"]}
    part, all_but = cases[7], cases[22]
    assert [part[name] for name in ("paid", "owing", "fee_owing", "first_credit", "settled_on")] == [
        "60.00", "20.00", "10.00", "2026-11-13", None,
    ]  # fmt: skip
    assert [all_but[name] for name in ("paid", "owing", "fee_paid", "fee_owing", "settled_on")] == [
        "39.00", "0.00", "6.00", "4.00", None,
    ]  # fmt: skip


def test_the_demo_s_table_and_its_csv_have_the_same_sums(demo: Command) -> None:
    rows = list(csv.DictReader(in_the_demo(demo, "outcomes", "--format", "csv").splitlines()))
    answer = json.loads(in_the_demo(demo, "outcomes", "--format", "json"))
    assert [*rows[0]] == ["group", *answer["total"]]
    last = {name: "" if value is None else str(value) for name, value in answer["total"].items()}
    assert rows[-1] == {**last, "group": "all", "running": "no"}
    screen = in_the_demo(demo, "outcomes")
    for text in ("2491.77", "2148.88", "0 of 48", "2026-11 (not over yet)", "Of every 100.00 referred, 13.76 has come"):
        assert text in screen
    assert "difference" not in screen


# U4 to U16: what happens to lines


def test_an_item_that_is_found_comes_back_and_its_fee_is_waived(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron, item = a_patron(koha), an_item(koha)
    line = owes(koha, patron, "40.00", day=IN_THE_WINDOW, item=item)
    evenings.does("nightly", on=SUNDAY)
    finds(koha, patron, line, "40.00", applied="40.00", item=item)
    waives(koha, patron, evenings.fee(patron), "10.00", kind="FORGIVEN")
    koha.execute("UPDATE account_offsets SET created_on = '2026-11-25 02:00:00'")  # the 24th in New York
    evenings.does("nightly", on=TUESDAY)
    answer = outcomes(evenings)
    assert told(answer) == {"recorded": "40.00", "returned": "40.00"}
    assert total(answer, "items", "items_back", "fees_waived", "settled", "median_days") == [1, 1, "10.00", 1, 2]
    (case,) = json.loads(evenings.does("cases", "--format", "json"))["cases"]
    assert (case["settled_on"], case["items"], case["items_back"]) == ("2026-11-24", 1, 1)


def test_a_payment_that_is_voided_was_never_paid(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred("30.00")
    payment = pays(koha, patron, "30.00")
    evenings.does("nightly", on=MONDAY)
    assert told(outcomes(evenings)) == {"recorded": "30.00", "paid": "30.00"}
    void(koha, payment)
    for day in (TUESDAY, WEDNESDAY):
        evenings.does("nightly", on=day)
        assert told(outcomes(evenings)) == {"recorded": "30.00", "owing": "30.00"}
    (line,) = lines_of(koha, patron)
    kept = koha.query("SELECT amount FROM gentle_nudge_outcome WHERE line = :n ORDER BY offset_id", n=line)
    assert [row["amount"] for row in kept] == [-30, 30]


def test_what_koha_purges_after_a_night_saw_it_changes_no_figure(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron, other = evenings.owing("40.00"), evenings.owing("55.00")
    evenings.does("nightly", on=SUNDAY)
    pays(koha, patron)
    pays(koha, other, "20.00")
    evenings.does("nightly", on=MONDAY)
    groups = ("month", "submission", "section", "branch", "category", "age")
    before = [outcomes(evenings, "--by", by, on=MONDAY) for by in groups]
    cases = evenings.does("cases", "--format", "csv")
    purge(koha)
    assert koha.value("SELECT COUNT(*) FROM account_offsets WHERE type = 'APPLY'") == 0
    evenings.does("nightly", on=TUESDAY)
    after = [outcomes(evenings, "--by", by, on=TUESDAY) for by in groups]
    for answer in (*before, *after):
        del answer["as_of"]
    assert after == before
    assert evenings.does("cases", "--format", "csv") == cases
    assert told(before[0]) == {"recorded": "95.00", "paid": "60.00", "owing": "35.00"}


def test_what_koha_purges_before_a_night_saw_it_is_other(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    pays(koha, patron)
    purge(koha)
    evenings.does("nightly", on=MONDAY)
    answer = outcomes(evenings)
    assert told(answer) == {"recorded": "40.00", "other": "40.00"}
    assert answer["unseen"] == {"lines": 1, "amount": "40.00"}
    assert "1 line with 40.00 left Koha" in found(evenings, "purged-unseen")
    assert found(evenings, "purged-unseen", on=date(2027, 2, 21))
    assert found(evenings, "purged-unseen", on=date(2027, 2, 22)) == ""


def found(evenings: Evenings, name: str, on: date | None = None) -> str:
    """What `check` says under this name."""
    findings = json.loads(evenings.run("check", "--format", "json", on=on).stdout)
    return "".join(each["what"] for each in findings if each["name"] == name)


def test_what_deleted_patrons_owe_is_owing_and_merged_cases_keep_their_lines(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    gone, first, second = evenings.owing("55.00"), evenings.owing("30.00"), evenings.owing("41.00")
    evenings.does("nightly", on=SUNDAY)
    delete_patron(koha, gone)
    merge(koha, first, [second])
    pays(koha, first, "50.00")
    evenings.does("nightly", on=MONDAY)
    answer = outcomes(evenings)
    assert total(answer, "cases", "owing_gone", "paid", "owing") == [3, "55.00", "50.00", "76.00"]
    cases = json.loads(evenings.does("cases", "--format", "json"))["cases"]
    assert [(case["recorded"], case["paid"], case["owing"]) for case in cases] == [
        ("55.00", "0.00", "55.00"), ("30.00", "30.00", "0.00"), ("41.00", "20.00", "21.00"),
    ]  # fmt: skip


def test_a_credit_of_the_library_s_own_type_is_other(library: Library, koha: KohaDatabase) -> None:
    koha.put("account_credit_types", code="GOODWILL", description="Goodwill")
    evenings = library()
    patron = evenings.referred("45.00")
    waives(koha, patron, lines_of(koha, patron)[0], "5.00", kind="GOODWILL")
    evenings.does("nightly", on=MONDAY)
    assert told(outcomes(evenings)) == {"recorded": "45.00", "other": "5.00", "owing": "40.00"}


def test_paid_then_found_counts_as_returned_and_its_rest_is_other_elsewhere(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron, item = a_patron(koha), an_item(koha)
    line = owes(koha, patron, "60.00", day=IN_THE_WINDOW, item=item)
    pays(koha, patron, "20.00")
    another = owes(koha, patron, "35.00", day=IN_THE_WINDOW, item=an_item(koha))
    evenings.does("nightly", on=SUNDAY)
    apply(koha, has_credit(koha, patron, "40.00"), line, "40.00")
    credit = finds(koha, patron, line, "60.00", applied="0.00", item=item)
    evenings.does("nightly", on=MONDAY)
    assert told(outcomes(evenings)) == {"recorded": "75.00", "returned": "40.00", "owing": "35.00"}
    assert total(outcomes(evenings), "items", "items_back") == [2, 1]
    apply(koha, credit, another, "35.00")
    evenings.does("nightly", on=TUESDAY)
    assert told(outcomes(evenings)) == {"recorded": "75.00", "returned": "40.00", "other": "35.00"}


def test_a_payment_of_before_the_referral_that_is_voided_makes_the_case_grow(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron = evenings.owing("60.00")
    payment = pays(koha, patron, "20.00")
    evenings.does("nightly", on=SUNDAY)
    void(koha, payment)
    evenings.does("nightly", on=MONDAY)
    assert told(outcomes(evenings)) == {"recorded": "40.00", "grown": "20.00", "owing": "60.00"}


def test_a_fine_that_grows_is_paid_and_then_corrected(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = a_patron(koha)
    line = owes(koha, patron, "10.00", day=IN_THE_WINDOW, type="OVERDUE")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW)
    evenings.does("nightly", on=SUNDAY)

    def changes(amount: str, kind: str, owing: str) -> None:
        koha.put("account_offsets", debit_id=line, type=kind, amount=Decimal(amount))
        koha.execute("UPDATE accountlines SET amountoutstanding = :o WHERE accountlines_id = :n", o=owing, n=line)

    changes("2.00", "OVERDUE_INCREASE", "12.00")
    apply(koha, has_credit(koha, patron, "9.00"), line, "9.00")
    changes("-6.00", "OVERDUE_DECREASE", "0.00")
    has_credit(koha, patron, "3.00", type="OVERPAYMENT")
    evenings.does("nightly", on=MONDAY)
    assert told(outcomes(evenings)) == {"recorded": "40.00", "grown": "-1.00", "paid": "9.00", "owing": "30.00"}


def test_what_the_library_gives_up_is_waived(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = a_patron(koha)
    charges = [owes(koha, patron, amount, day=IN_THE_WINDOW) for amount in ("18.00", "25.00", "22.00")]
    evenings.does("nightly", on=SUNDAY)
    for line, amount, kind in zip(
        charges, ("18.00", "5.00", "22.00"), ("CANCELLATION", "DISCOUNT", "WRITEOFF"), strict=True
    ):
        waives(koha, patron, line, amount, kind=kind)
    evenings.does("nightly", on=MONDAY)
    assert told(outcomes(evenings)) == {"recorded": "65.00", "waived": "45.00", "owing": "20.00"}


def test_a_rest_that_is_referred_again_counts_in_the_later_case_only(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy="clear_at_or_below = 5.00")
    patron = evenings.referred("40.00")
    (line,) = lines_of(koha, patron)
    apply(koha, has_credit(koha, patron, "37.00"), line, "37.00")
    apply(koha, has_credit(koha, patron, "10.00"), evenings.fee(patron), "10.00")
    evenings.does("nightly", on=MONDAY)
    assert [case["state"] for case in evenings.cases()] == ["released"]
    owes(koha, patron, "50.00", day=IN_THE_WINDOW)
    evenings.does("nightly", on=NEXT_SUNDAY)
    apply(koha, has_credit(koha, patron, "3.00"), line, "3.00")
    evenings.does("nightly", on=date(2026, 11, 30))
    first, second = json.loads(evenings.does("cases", "--format", "json"))["cases"]
    names = ("recorded", "paid", "referred_again", "owing", "difference")
    assert [first[name] for name in names] == ["40.00", "37.00", "3.00", "0.00", "0.00"]
    assert [second[name] for name in names] == ["53.00", "3.00", "0.00", "50.00", "0.00"]
    assert adds_up(outcomes(evenings)["total"])


def test_a_line_changed_by_hand_is_named_and_counted(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron, _ = evenings.owing("40.00"), evenings.owing("70.00")
    evenings.does("nightly", on=SUNDAY)
    (line,) = lines_of(koha, patron)
    koha.execute("UPDATE accountlines SET amountoutstanding = 35 WHERE accountlines_id = :n", n=line)
    evenings.does("nightly", on=MONDAY)
    answer = outcomes(evenings)
    assert told(answer) == {"recorded": "110.00", "owing": "105.00", "difference": "5.00"}
    case = koha.value("SELECT id FROM gentle_nudge_case WHERE number = :n", n=patron)
    assert answer["does_not_add_up"] == [{"case": case, "line": line, "difference": "5.00"}]
    assert found(evenings, "does-not-add-up") == f"The figures of 1 case do not add up: {case}."
    assert f"line {line} of case {case}" in evenings.does("outcomes")


# U18, U19, U21 to U23: the question


def test_a_threshold_below_the_one_in_force_is_refused(library: Library) -> None:
    evenings = library()
    evenings.referred("40.00")
    refused = evenings.run("outcomes", "--if-threshold", "20")
    assert refused.returncode == 2
    assert "Nobody who owed less than 25.00 was recorded." in refused.stderr
    assert "nightly --dry-run --set threshold=20" in refused.stderr


def test_a_higher_threshold_looks_back_on_the_cases_that_are_over(library: Library, koha: KohaDatabase) -> None:
    evenings = library(tables="[outcomes]\nprice_per_case = 8.95\n")
    small, large = evenings.owing("30.00"), evenings.owing("70.00")
    evenings.does("nightly", on=SUNDAY)
    pays(koha, small, "30.00")
    pays(koha, large, "70.00")
    evenings.does("nightly", on=MONDAY)
    asked = ("--from", "2026-11", "--if-threshold", "30.00", "--if-threshold", "30.01")
    assert outcomes(evenings, *asked, on=date(2027, 3, 31))["over"] == 0
    answer = outcomes(evenings, *asked, on=date(2027, 4, 1))
    assert answer["over"] == 2
    names = ("threshold", "cases", "came_back", "of_100", "price")
    assert [[each[name] for name in names] for each in answer["thresholds"]] == [
        ["25.00", 2, "100.00", "100.00", "17.90"],
        ["30.00", 2, "100.00", "100.00", "17.90"],
        ["30.01", 1, "70.00", "70.00", "8.95"],
    ]
    assert "Some of the others would have been referred later." in evenings.does("outcomes", *asked)


def test_small_branches_are_put_together(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    branches = [row["branchcode"] for row in koha.query("SELECT branchcode FROM branches ORDER BY branchcode LIMIT 3")]
    for branch, count in zip(branches, (7, 6, 4), strict=True):
        for _ in range(count):
            owing(koha, "30.00", branch=branch)
    evenings.does("nightly", "--most-referrals", "99", on=SUNDAY)
    answer = outcomes(evenings, "--by", "branch")
    name = koha.value("SELECT branchname FROM branches WHERE branchcode = :c", c=branches[0])
    assert [(row["group"], row["cases"]) for row in answer["rows"]] == [(name, 7), ("smaller groups", 10)]
    assert [row["per_1000"] for row in answer["rows"]] == ["1000.00", "1000.00"]
    assert answer["total"]["recorded"] == "510.00"
    assert answer["total"]["per_1000"] is None


def test_each_section_is_a_row_and_one_alone_is_the_total(library: Library, koha: KohaDatabase) -> None:
    evenings = library(tables=NORTH)
    owing(koha, "30.00", branch="FPL")
    pays(koha, owing(koha, "50.00", branch="CPL"), "8.00")
    evenings.does("nightly", on=SUNDAY)
    answer = outcomes(evenings, "--by", "section")
    assert (answer["sections"], [row["group"] for row in answer["rows"]]) == (["global", "north"], ["global", "north"])
    sums = sum(Decimal(row["recorded"]) for row in answer["rows"])
    assert (answer["total"]["recorded"], sums) == ("72.00", Decimal("72.00"))
    alone = outcomes(evenings, "--by", "section", "--library", "North")
    assert alone["sections"] == ["north"]
    assert alone["total"] == {name: value for name, value in answer["rows"][1].items() if name != "group"}
    assert "The sections are: global, north." in evenings.run("outcomes", "--library", "south").stderr


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--from", "2026-13"], "--from 2026-13: no month."),
        (["--to", "2026"], "--to 2026: no month."),
        (["--from", "2026-12", "--to", "2026-11"], "--from 2026-12 is after --to 2026-11."),
        (["--if-threshold", "much"], "--if-threshold much:"),
        (["--library", "south"], "There is no section south."),
    ],
)
def test_a_question_that_means_nothing_is_refused(library: Library, args: list[str], sentence: str) -> None:
    refused = library().run("outcomes", *args)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert sentence in refused.stderr


@pytest.mark.parametrize(
    ("args", "first", "last"),
    [
        ([], "2025-12", "2026-11"),
        (["--to", "2026-03"], "2025-04", "2026-03"),
        (["--from", "2026-10"], "2026-10", "2026-11"),
    ],
)
def test_the_months_asked_for(library: Library, args: list[str], first: str, last: str) -> None:
    answer = outcomes(library(), *args, on=SUNDAY)
    assert (answer["from"], answer["to"]) == (first, last)
    assert (answer["rows"][0]["group"], answer["rows"][-1]["group"]) == (first, last)


def test_adopted_cases_are_one_row_of_their_own(library: Library, koha: KohaDatabase) -> None:
    patron = a_patron(koha, sort1="yes")
    owes(koha, patron, "80.00", day=IN_THE_WINDOW)
    evenings = library()
    evenings.does("init", "--adopt", "--yes", on=SUNDAY)
    evenings.does("nightly", on=SUNDAY)
    pays(koha, patron, "30.00")
    evenings.does("nightly", on=MONDAY)
    answer = outcomes(evenings)
    assert answer["total"]["cases"] == 0
    before = answer["before_us"]
    assert [before[name] for name in ("cases", "recorded", "paid", "owing")] == [1, "80.00", "30.00", "50.00"]
    (case,) = json.loads(evenings.does("cases", "--format", "json"))["cases"]
    assert (case["paid"], case["price"]) == ("30.00", None)
