"""`statement`: what a patron owes and why. The rows add up, whatever was done at the desk since the referral."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import IN_THE_WINDOW, MONDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import (
    a_guarantor,
    a_patron,
    an_item,
    apply,
    balance,
    delete_patron,
    has_credit,
    merge,
    owes,
    pays,
    void,
)
from tests.support.command import Command
from tests.support.koha import KohaDatabase
from tests.support.sample_library import cast_alone

OTHER = "Other changes"
FEE = "Fee for handing the account to the agency"


def told(evenings: Evenings, patron: int, *options: str, on: date = WEDNESDAY) -> dict[str, Any]:
    """The statement as JSON."""
    said = evenings.does("statement", f"number:{patron}", "--format", "json", *options, on=on)
    values: dict[str, Any] = json.loads(said)
    assert sum(Decimal(row["amount"]) for row in values["rows"]) == Decimal(values["owing"])
    return values


def rows(values: dict[str, Any]) -> list[tuple[str | None, str, str]]:
    return [(row["day"], row["what"], row["amount"]) for row in values["rows"]]


def text(evenings: Evenings, patron: int, on: date = WEDNESDAY) -> str:
    """The statement as a letter, on one line."""
    return " ".join(evenings.does("statement", f"number:{patron}", on=on).split())


def takes_off(koha: KohaDatabase, patron: int, amount: str, *, debit: int, kind: str) -> int:
    """A credit of that kind, used up for that debit."""
    credit = has_credit(koha, patron, amount, day=TUESDAY, type=kind)
    apply(koha, credit, debit, amount)
    return credit


# The demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Command:
    command = Command(tmp_path_factory.mktemp("demo"))
    cast_alone(command)
    return command


def test_the_demos_statement_is_that_of_its_page(demo: Command) -> None:
    config = ("--config", "gentle-nudge-demo/gentle-nudge.toml")
    evening = datetime(2026, 11, 22, 23, tzinfo=UTC)
    done = demo.run(*config, "statement", "24000141", "--format", "json", at=evening)
    assert (done.returncode, done.stderr) == (0, "")
    values = json.loads(done.stdout)
    assert rows(values) == [
        ("2026-09-06", "Replacement of a lost item", "80.00"),
        ("2026-11-08", FEE, "10.00"),
        ("2026-11-13", "You paid", "-60.00"),
    ]
    facts = ("library", "day", "card", "number", "case", "section", "state", "referred_on", "closed_on", "owing")
    assert [values[fact] for fact in facts] == [
        *("Fernwood Public Library", "2026-11-22", "24000141", 140, 7, "global", "open", "2026-11-08", None, "30.00")
    ]
    assert (values["owed_in_window"], values["older_than_days"]) == ("80.00", 60)
    assert values["given"] == ["name", "card", "address", "telephone", "email", "date_of_birth", "amount"]
    assert values["told"] == [{"day": "2026-11-08", "due": "90.00"}, {"day": "2026-11-15", "due": "30.00"}]
    said = " ".join(demo.run(*config, "statement", "24000141", at=evening).stdout.split())
    for sentence in (
        "Fernwood Public Library: statement of 22 November 2026",
        "Card 24000141. You still owe 30.00.",
        "On Sunday 8 November 2026 we asked a collection agency to remind you, because 80.00 had been open on",
        "on your account for more than 60 days.",
        "We gave the agency your name, card number, address, telephone number, e-mail address, date of birth and",
        "and the amount; never what you borrowed.",
        "13 November 2026 \N{MINUS SIGN}60.00 You paid",
    ):
        assert sentence in said
    page = demo.run(*config, "statement", "24000141", "--format", "html", at=evening).stdout
    words = " ".join(re.sub("<[^>]*>", " ", page.partition("<main")[2].partition(">")[2]).split())
    for piece in (
        "What the amount is made of Date What Amount 6 Sep 2026 Replacement of a lost item 80.00 8 Nov 2026 Fee for",
        "Fee for handing the account to the agency 10.00 13 Nov 2026 You paid \N{MINUS SIGN}60.00 You still owe 30.00",
        "What you can do Pay at any desk or online. The agency hears of it the next morning and stops. It takes no",
        "Amounts as our books show them on 22 November 2026. Ask at the desk to see everything we hold about this.",
    ):
        assert piece in words


# What was done at the desk


def test_what_koha_has_purged_is_one_row_of_other_changes(library: Library) -> None:
    evenings = library()
    patron = evenings.referred("80.00")
    paid = pays(evenings.koha, patron, "60.00", day=TUESDAY)
    before = told(evenings, patron)
    assert rows(before)[-1] == (str(TUESDAY), "You paid", "-60.00")
    evenings.koha.execute("DELETE FROM account_offsets")
    evenings.koha.execute("DELETE FROM accountlines WHERE accountlines_id = :n", n=paid)
    after = told(evenings, patron)
    assert rows(after) == [*rows(before)[:-1], (None, OTHER, "-60.00")]
    assert (after["owing"], balance(evenings.koha, patron)) == ("30.00", Decimal("30.00"))


def test_a_payment_that_was_voided_is_not_there_and_neither_is_its_void(library: Library) -> None:
    evenings = library()
    patron = evenings.referred("80.00")
    before = told(evenings, patron)
    void(evenings.koha, pays(evenings.koha, patron, "60.00", day=TUESDAY))
    assert rows(told(evenings, patron)) == rows(before)


def test_credits_are_called_by_what_they_were_for(library: Library) -> None:
    evenings = library()
    koha = evenings.koha
    patron = evenings.owing("40.00")
    processing = owes(koha, patron, "6.00", day=IN_THE_WINDOW, type="PROCESSING")
    fine = owes(koha, patron, "4.00", day=IN_THE_WINDOW - timedelta(days=1), type="OVERDUE")
    koha.execute("UPDATE account_debit_types SET description = 'Book sale' WHERE code = 'RENT'")
    evenings.does("nightly", on=SUNDAY)
    lost = koha.value("SELECT MIN(accountlines_id) FROM accountlines WHERE borrowernumber = :n", n=patron)
    takes_off(koha, patron, "40.00", debit=lost, kind="LOST_FOUND")
    takes_off(koha, patron, "6.00", debit=processing, kind="PROCESSING_FOUND")
    takes_off(koha, patron, "4.00", debit=fine, kind="WRITEOFF")
    owes(koha, patron, "1234.50", day=TUESDAY, type="RENT")
    values = told(evenings, patron)
    assert rows(values) == [
        (str(IN_THE_WINDOW - timedelta(days=1)), "Overdue charge", "4.00"),
        (str(IN_THE_WINDOW), "Replacement of a lost item", "40.00"),
        (str(IN_THE_WINDOW), "Processing of a lost item", "6.00"),
        (str(SUNDAY), FEE, "10.00"),
        (str(TUESDAY), "Item returned", "-40.00"),
        (str(TUESDAY), "Item returned", "-6.00"),
        (str(TUESDAY), "Taken off", "-4.00"),
        (str(TUESDAY), "Book sale", "1234.50"),
    ]
    assert "1,234.50 Book sale" in text(evenings, patron)


def test_a_credit_that_was_unused_at_the_referral_is_taken_off_once(library: Library) -> None:
    evenings = library()
    patron = evenings.owing("40.00")
    credit = has_credit(evenings.koha, patron, "5.00", day=IN_THE_WINDOW - timedelta(days=30))
    evenings.does("nightly", on=SUNDAY)
    expected = [
        (str(IN_THE_WINDOW - timedelta(days=30)), "You paid", "-5.00"),
        (str(IN_THE_WINDOW), "Replacement of a lost item", "40.00"),
        (str(SUNDAY), FEE, "10.00"),
    ]
    assert rows(told(evenings, patron)) == expected
    apply(evenings.koha, credit, credit - 1, "5.00")
    assert rows(told(evenings, patron)) == expected


def test_a_line_changed_by_hand_is_one_row_of_other_changes(library: Library) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    evenings.koha.execute("UPDATE accountlines SET amountoutstanding = 33.333333 WHERE debit_type_code = 'LOST'")
    values = told(evenings, patron)
    assert (rows(values)[-1], values["owing"]) == ((None, OTHER, "-6.67"), "43.33")


def test_without_a_fee_lines_since_the_referral_are_told_by_their_time(library: Library) -> None:
    evenings = library()
    evenings.config.write_text(evenings.config.read_text().replace("processing_fee = 10.00", "processing_fee = 0"))
    patron = evenings.owing("40.00")
    pays(evenings.koha, patron, "10.00", day=SUNDAY - timedelta(days=1))
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, patron, "5.00", day=MONDAY)
    assert [amount for _, _, amount in rows(told(evenings, patron))] == ["30.00", "-5.00"]


def test_charges_of_another_section_stand_with_what_they_owed_at_the_referral(library: Library) -> None:
    tables = '[libraries]\ncharges_by = "charge"\n[[library]]\nname = "north"\nbranches = ["FPL"]\nenabled = false\n'
    evenings = library(tables=tables)
    patron = a_patron(evenings.koha)
    owes(evenings.koha, patron, "7.00", day=IN_THE_WINDOW - timedelta(days=20), type="RENT", branch="FPL")
    owes(evenings.koha, patron, "40.00", day=IN_THE_WINDOW, branch="CPL")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, patron, "9.00", day=TUESDAY)
    assert [(what, amount) for _, what, amount in rows(told(evenings, patron))] == [
        ("RENT", "7.00"),
        ("Replacement of a lost item", "40.00"),
        (FEE, "10.00"),
        ("You paid", "-9.00"),
    ]


STEPS = ("pay", "overpay", "void", "return", "waive", "charge", "fine", "purge", "by hand", "void an old payment")
spoiling = {"purge", "by hand", "void an old payment"}


def test_the_rows_always_add_up(library: Library) -> None:
    evenings = library()
    koha = evenings.koha
    patron = evenings.owing("40.00")
    owes(koha, patron, "7.50", day=IN_THE_WINDOW - timedelta(days=9), type="OVERDUE")
    old = pays(koha, patron, "2.50", day=IN_THE_WINDOW - timedelta(days=3))
    has_credit(koha, patron, "3.00", day=IN_THE_WINDOW - timedelta(days=2), type="CREDIT")
    evenings.does("nightly", on=SUNDAY)
    saved = {table: koha.query(f"SELECT * FROM {table}") for table in ("accountlines", "account_offsets")}
    seen: set[str] = set()

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 5000)), max_size=8))
    @example([("charge", 1234), ("pay", 5000), ("void", 1), ("return", 1), ("overpay", 999)])
    @example([("pay", 1700), ("waive", 1), ("void", 1), ("fine", 500), ("purge", 1), ("by hand", 77)])
    @example([("void an old payment", 1), ("pay", 300), ("purge", 1)])
    def holds(steps: list[tuple[str, int]]) -> None:
        for table in reversed(saved):
            koha.execute(f"DELETE FROM {table}")
        for table, kept in saved.items():
            koha.put_many(table, kept)
        for step, cents in steps:
            take(koha, patron, step, Decimal(cents) / 100, old=old)
        values = told(evenings, patron)
        assert Decimal(values["owing"]) == balance(koha, patron)
        if not spoiling & {step for step, _ in steps}:
            assert OTHER not in {what for _, what, _ in rows(values)}
        seen.update(what for _, what, _ in rows(values))

    holds()
    assert seen >= {
        OTHER,
        FEE,
        "You paid",
        "Item returned",
        "Taken off",
        "Overdue charge",
        "Replacement of a lost item",
    }


def take(koha: KohaDatabase, patron: int, step: str, amount: Decimal, *, old: int) -> None:
    """One thing that is done at the desk, or to the tables; nothing if there is nothing to do it to."""
    owing = koha.query(
        "SELECT accountlines_id AS id, amountoutstanding AS owed, debit_type_code AS type FROM accountlines "
        "WHERE borrowernumber = :n AND amountoutstanding > 0 ORDER BY accountlines_id",
        n=patron,
    )
    lost = [debit for debit in owing if debit["type"] == "LOST"]
    paid = koha.query(
        "SELECT MAX(accountlines_id) AS id FROM accountlines WHERE borrowernumber = :n "
        "AND credit_type_code = 'PAYMENT' AND COALESCE(status, '') <> 'VOID' AND accountlines_id > :old",
        n=patron,
        old=old,
    )[0]["id"]
    is_new = "SELECT COUNT(*) FROM accountlines WHERE accountlines_id = :n AND COALESCE(status, '') <> 'VOID'"
    match step:
        case "pay" if owing:
            pays(koha, patron, min(amount, sum(debit["owed"] for debit in owing)), day=TUESDAY)
        case "overpay":
            pays(koha, patron, sum((debit["owed"] for debit in owing), amount), day=TUESDAY)
        case "void" if paid:
            void(koha, paid)
        case "return" if lost:
            takes_off(koha, patron, lost[0]["owed"], debit=lost[0]["id"], kind="LOST_FOUND")
        case "waive" if owing:
            takes_off(koha, patron, owing[0]["owed"], debit=owing[0]["id"], kind="FORGIVEN")
        case "charge" | "fine":
            owes(koha, patron, amount, day=TUESDAY, type="OVERDUE" if step == "fine" else "LOST")
        case "purge":
            koha.execute("DELETE FROM account_offsets")
            koha.execute("DELETE FROM accountlines WHERE amountoutstanding = 0")
        case "by hand" if owing:
            koha.execute(
                "UPDATE accountlines SET amountoutstanding = :amount WHERE accountlines_id = :n",
                n=owing[-1]["id"],
                amount=amount,
            )
        case "void an old payment" if koha.value(is_new, n=old):
            void(koha, old)


# Whose statement, and what it says


def test_a_closed_case_says_since_when_the_agency_does_nothing_more(library: Library) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    pays(evenings.koha, patron, day=MONDAY)
    assert "the agency no longer acts" not in text(evenings, patron, on=MONDAY)
    evenings.does("nightly", on=TUESDAY)
    said = text(evenings, patron)
    assert "Since 24 November 2026 the agency no longer acts for us." in said
    assert "You owe nothing any more." in said
    assert "What you can do" not in said
    values = told(evenings, patron)
    assert (values["state"], values["closed_on"], values["owing"]) == ("released", str(TUESDAY), "0.00")


def test_a_paused_case_says_since_when_and_until_when(library: Library) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    hold = {"patron": patron, "reason": "plan", "source": "command", "since": "2026-11-23 20:00:00"}
    evenings.koha.put("gentle_nudge_hold", **hold, until=date(2026, 12, 31), open_key="1")
    evenings.koha.put("gentle_nudge_hold", **hold, until=date(2027, 6, 30), section="north", open_key="2")
    evenings.koha.put("gentle_nudge_hold", **hold, until=date(2027, 7, 31), ended="2026-11-24 20:00:00")
    assert "paused" not in text(evenings, patron).replace("We can pause", "")
    evenings.koha.execute("UPDATE gentle_nudge_case SET paused_on = '2026-11-24'")
    sentence = "Since 24 November 2026 this is paused, until 31 December 2026: meanwhile the agency leaves you alone."
    assert sentence in text(evenings, patron)
    assert (told(evenings, patron)["paused_on"], told(evenings, patron)["paused_until"]) == ("2026-11-24", "2026-12-31")
    evenings.koha.put("gentle_nudge_hold", **(hold | {"source": "koha"}), open_key="3")
    assert "this is paused, until we tell you otherwise: meanwhile" in text(evenings, patron)


def test_the_guardian_in_the_submission_is_named_as_passed_on(library: Library) -> None:
    evenings = library()
    config = evenings.config.read_text().replace('minors = "exclude"', 'minors = "guardian"')
    evenings.config.write_text(config)
    child = evenings.owing("40.00", born=date(2012, 1, 1))
    a_guarantor(evenings.koha, of=child, surname="Parent")
    adult = evenings.referred("40.00")
    sentence = "Your guardian's name and address (telephone, e-mail) and card number were passed on too."
    assert sentence in text(evenings, child)
    assert sentence not in text(evenings, adult)
    assert "Parent" not in text(evenings, child)
    assert ("guardian" in told(evenings, child)["given"], "guardian" in told(evenings, adult)["given"]) == (True, False)
    evenings.koha.execute("DELETE FROM gentle_nudge_report_part")
    assert sentence in text(evenings, child)
    assert sentence not in text(evenings, adult)


def test_what_the_agency_was_given_are_the_fields_that_were_filled(library: Library) -> None:
    evenings = library()
    patron = evenings.referred("40.00", phone="555-1", email="", address="", city="")
    assert told(evenings, patron)["given"] == ["name", "card", "telephone", "date_of_birth", "amount"]
    assert "your name, card number, telephone number, date of birth and the amount; never" in text(evenings, patron)


def test_an_adopted_case_says_only_what_is_known(library: Library) -> None:
    evenings = library()
    patron = evenings.owing("40.00", sort1="yes")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, patron, "5.00", day=MONDAY)
    values = told(evenings, patron)
    assert [amount for _, _, amount in rows(values)] == ["40.00", "-5.00"]
    assert (values["referred_on"], values["owed_in_window"], values["given"]) == (
        None,
        None,
        ["name", "card", "amount"],
    )
    assert (
        "A collection agency knows of your account. We gave the agency your name, card number and the amount"
        in text(evenings, patron)
    )


def test_the_latest_open_case_is_told_or_the_one_that_is_named(library: Library) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    pays(evenings.koha, patron, day=MONDAY)
    evenings.does("nightly", on=TUESDAY)
    assert told(evenings, patron)["case"] == 1
    owes(evenings.koha, patron, "60.00", day=SUNDAY - timedelta(days=55))
    next_sunday = SUNDAY + timedelta(days=7)
    evenings.does("nightly", on=next_sunday)
    assert told(evenings, patron, on=next_sunday)["case"] == 2
    assert told(evenings, patron, "--case", "1", on=next_sunday)["state"] == "released"
    done = evenings.run("statement", f"number:{patron}", "--case", "7")
    assert (done.returncode, done.stdout) == (2, "")
    assert "This patron has no case 7." in done.stderr


def test_whoever_has_no_case_has_no_statement(library: Library) -> None:
    evenings = library()
    for card in (f"number:{evenings.owing()}", "nobody"):
        done = evenings.run("statement", card)
        assert (done.returncode, done.stdout) == (2, "")


def test_titles_stand_there_only_on_request_and_where_the_item_is_known(library: Library) -> None:
    evenings = library()
    patron = a_patron(evenings.koha)
    for title in ("A Room of One's Own", "Gone"):
        item = an_item(evenings.koha, title=title)
        owes(evenings.koha, patron, "20.00", day=IN_THE_WINDOW, item=item)
    evenings.does("nightly", on=SUNDAY)
    evenings.koha.execute("UPDATE accountlines SET itemnumber = NULL WHERE itemnumber = :n", n=item)
    assert {row["title"] for row in told(evenings, patron)["rows"]} == {None}
    titles = [row["title"] for row in told(evenings, patron, "--titles")["rows"]]
    assert titles == ["A Room of One's Own", None, None]
    assert "Replacement of a lost item: A Room" in evenings.does("statement", f"number:{patron}", "--titles")


def test_a_merged_card_has_the_whole_account_of_the_patron_who_was_kept(library: Library) -> None:
    evenings = library()
    kept = evenings.owing("9.00", day=date(2026, 1, 5))
    gone = evenings.referred("40.00")
    merge(evenings.koha, kept, [gone])
    evenings.does("nightly", on=TUESDAY)
    values = told(evenings, kept)
    assert [amount for _, _, amount in rows(values)] == ["9.00", "40.00", "10.00"]


def test_whoever_got_the_number_of_somebody_gone_gets_no_line_of_theirs_told(library: Library) -> None:
    evenings = library()
    gone = evenings.referred("40.00", card="4711")
    delete_patron(evenings.koha, gone)
    newcomer = a_patron(evenings.koha, card="4712")
    evenings.koha.execute("UPDATE borrowers SET borrowernumber = :old WHERE borrowernumber = :n", old=gone, n=newcomer)
    owes(evenings.koha, gone, "3.00", day=MONDAY)
    values = json.loads(evenings.does("statement", "4711", "--format", "json", on=WEDNESDAY))
    assert (values["card"], values["owing"]) == ("4711", "0.00")
    assert rows(values)[-1] == (None, OTHER, "-50.00")


def test_a_statement_is_written_into_a_folder_and_changes_nothing(library: Library) -> None:
    evenings = library()
    patron = evenings.referred("40.00")
    folder = evenings.folder / "letters"
    kinds = {"text": "txt", "html": "html", "json": "json"}
    before = everything(evenings.koha)
    for form, ending in kinds.items():
        said = evenings.does("statement", f"number:{patron}", "--format", form, "--output", folder)
        file = folder / f"statement-1-{SUNDAY}.{ending}"
        assert said == f"Written: {file}\n"
        assert file.read_text(encoding="utf-8") == evenings.does("statement", f"number:{patron}", "--format", form)
        assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"statement-1-{SUNDAY}.{each}" for each in kinds.values()
    )
    (folder / f"statement-1-{SUNDAY}.html").unlink()
    assert evenings.does("statement", f"number:{patron}", "--output", folder).endswith(".html\n")  # the usual letter
    assert everything(evenings.koha) == before


def everything(koha: KohaDatabase) -> list[object]:
    """What stands in the tables that a statement reads."""
    tables: Iterable[str] = ("accountlines", "account_offsets", "borrowers", "gentle_nudge_case", "gentle_nudge_meta")
    return [koha.query(f"SELECT * FROM {table}") for table in tables]


def test_a_librarys_own_letter_replaces_ours(library: Library, tmp_path: Path) -> None:
    evenings = library(tables=f'[templates]\ndirectory = "{tmp_path}"\n')
    patron = evenings.referred("40.00")
    (tmp_path / "statement.txt").write_text("{{ library_name }}: {{ owing | money }}\n")
    assert evenings.does("statement", f"number:{patron}") == "Springfield Public Library: 50.00\n"
    (tmp_path / "statement.txt").write_text("{{ nothing_of_ours }}\n")
    done = evenings.run("statement", f"number:{patron}")
    assert "Your library account" in done.stdout
    assert "statement.txt failed" in done.stderr
