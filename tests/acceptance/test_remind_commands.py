"""The commands about reminders: dry run, status, letters, preview, stop; and where a run refuses to begin."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.acceptance.reminding import Begin, Reminding, day
from tests.builders.koha import delete_patron, merge, pays


def asked(library: Reminding, *args: str, on: str = "02-24") -> Any:
    """What a command says as JSON."""
    return json.loads(library.evenings.does("remind", *args, "--format", "json", on=day(on)))


def test_a_dry_run_shows_the_very_letters_and_writes_nothing(reminders: Begin) -> None:
    library = reminders()
    library.owing()
    before = library.everything()
    shown = library.run("02-09", "--dry-run", sends=False)
    assert library.everything() == before
    assert library.run("02-09", sends=False) == shown
    told = library.evenings.does("remind", "--dry-run", "--day", "2026-02-23")
    assert told.startswith("Dry run: nothing is written, nothing is sent.\n")


def test_a_good_run_is_silent_and_notes_its_day(reminders: Begin) -> None:
    library = reminders()
    library.owing()
    assert library.evenings.does("remind", on=day("02-09")) == ""
    runs = library.koha.query("SELECT report, day, number FROM gentle_nudge_run ORDER BY id")
    assert {(row["report"], row["day"], row["number"]) for row in runs} == {("remind", day("02-09"), 1)}
    (log, _) = library.koha.query("SELECT info FROM action_logs WHERE module = 'GENTLENUDGE' AND action = 'REMINDERS'")
    assert json.loads(log["info"])["letters"] == 1
    earlier = library.evenings.run("remind", "--day", "2026-02-08", on=day("02-10"))
    assert (earlier.returncode, earlier.stderr.splitlines()[0]) == (
        2,
        "Section north was reminded for 2026-02-09 already, which is after 2026-02-08.",
    )


def test_csv_has_a_row_for_each_letter(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing(card="20000012")
    rows = library.evenings.does("remind", "--dry-run", "--format", "csv", on=day("02-09")).splitlines()
    assert rows[0] == "patron,card,level,letter,branch,since,due_on,charges,fees,fee,total,block"
    assert rows[1] == f"{patron},20000012,1,DEBTREM1,CPL,2026-01-10,2026-02-09,25.00,0.00,0.00,25.00,no"


def test_status_tells_of_series_letters_and_today(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing(card="20000012")
    library.run("02-09", sends=False)
    library.koha.execute("UPDATE message_queue SET status = 'failed', failure_code = 'NO_EMAIL'")
    shown = asked(library, "status", on="02-10")
    (series,) = shown["series"]
    assert (series["patron"], series["card"], series["state"], series["level"]) == (patron, "20000012", "open", 1)
    assert (series["next_level"], series["next_on"], series["charges"]) == (2, "2026-02-23", "25.00")
    (message,) = series["reminders"][0]["messages"]
    assert (message["transport"], message["state"], message["failure"]) == ("email", "failed", "NO_EMAIL")
    assert shown["today"] == []
    (today, south) = asked(library, "status", "20000012", on="02-10")["today"]
    assert (south["section"], south["reason"]) == ("south", "BELOW_MINIMUM")
    assert (today["section"], today["reason"], today["level"], today["due_on"]) == ("north", "NOT_YET", 2, "2026-02-23")
    unknown = library.evenings.run("remind", "status", "999", on=day("02-10"))
    assert (unknown.returncode, unknown.stderr.splitlines()[0]) == (2, "Koha has no patron with this card.")
    assert "20000012" in library.evenings.does("remind", "status", "20000012")
    assert asked(library, "status", "--state", "stopped")["series"] == []
    assert len(asked(library, "status", "--state", "all")["series"]) == 1


def test_letters_are_listed_by_what_is_asked(reminders: Begin) -> None:
    library = reminders()
    library.owing()
    library.owing(branch="MPL", branch_of_charge="MPL", email=None)
    library.run("02-09")
    library.run("02-23", sends=False)

    def listed(*args: str) -> list[tuple[int, str, str]]:
        found = asked(library, "letters", *args)["letters"]
        return [(each["level"], each["transport"], each["state"]) for each in found]

    everything = [(1, "email", "sent"), (1, "print", "sent"), (2, "email", "pending"), (2, "print", "pending")]
    assert listed() == everything
    assert listed("--level", "2") == everything[2:]
    assert listed("--transport", "print") == everything[1::2]
    assert listed("--state", "sent") == everything[:2]
    assert listed("--branch", "mpl") == everything[1::2]
    assert listed("--library", "south") == []
    assert listed("--from", "2026-02-10") == everything[2:]
    assert listed("--to", "2026-02-09") == everything[:2]


def test_a_preview_is_the_letter_that_will_be_sent(reminders: Begin) -> None:
    library = reminders()
    library.owing(card="20000012")
    before = library.everything()
    (first,) = asked(library, "preview", "20000012", on="01-20")["letters"]
    assert (first["level"], first["total"], first["subject"]) == (1, "25.00", "DEBTREM1 01/20/2026")
    (bill,) = asked(library, "preview", "20000012", "--level", "5", on="01-20")["letters"]
    assert (bill["letter"], bill["total"]) == ("DEBTBILL", "35.00")
    assert library.everything() == before
    (now,) = asked(library, "preview", "20000012", on="02-09")["letters"]
    library.run("02-09", sends=False)
    (message,) = library.queue()
    assert (now["subject"], now["content"]) == (message["subject"], message["content"])
    assert "Pat owes 27.00." in library.evenings.does("remind", "preview", "20000012", on=day("02-10"))


def test_without_reminders_the_command_says_so(reminders: Begin) -> None:
    library = reminders()
    library.evenings.configure()
    done = library.evenings.run("remind")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "There are no reminders in the settings.")
    config = library.evenings.config
    quiet = library.evenings.command.run("--config", config, "--if-configured", "remind")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_copy_reminds_nobody_and_shows_what_it_would(reminders: Begin) -> None:
    library = reminders()
    library.owing()
    library.evenings.does("init", "--copy", "--yes", on=day("02-09"))
    before = library.everything()
    done = library.evenings.run("remind", on=day("02-09"))
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "This database is a copy of the library's (init --copy): nobody is reminded from it.",
    )
    assert library.everything() == before
    assert len(library.run("02-09", "--dry-run", sends=False)["north"]["letters"]) == 1


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ('fee_debit_type = "NONE"', "Koha has no debit type NONE, which the reminders of section north name."),
        ('restriction_type = "NONE"', "Koha has no restriction type NONE, which the reminders of section north name."),
    ],
)
def test_unknown_codes_are_refused_before_anything_is_written(reminders: Begin, keys: str, sentence: str) -> None:
    library = reminders(keys)
    library.owing()
    done = library.evenings.run("remind", on=day("02-09"))
    assert (done.returncode, done.stderr.splitlines()[0], library.series()) == (2, sentence, [])


def test_switched_off_nothing_is_sent_or_closed_and_blocks_are_lifted(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing()
    library.until_bill(("02-09", "02-23", "03-09"))
    library.configure("enabled = false")
    assert library.run("04-30")["north"]["letters"] == []
    library.koha.execute("UPDATE accountlines SET amountoutstanding = 0 WHERE borrowernumber = :n", n=patron)
    section = library.run("05-01")["north"]
    assert ([each["patron"] for each in section["lifted"]], section["closed"]) == ([patron], [])
    assert (library.series(), library.restrictions()) == ([("north", "open")], [])
    library.configure()
    assert [each["state"] for each in library.run("05-02")["north"]["closed"]] == ["paid"]


def test_a_restriction_that_staff_have_changed_is_theirs(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing()
    library.until_bill(("02-09", "02-23", "03-09"))
    library.koha.execute("UPDATE borrower_debarments SET comment = 'never again'")
    library.koha.execute("UPDATE accountlines SET amountoutstanding = 0 WHERE borrowernumber = :n", n=patron)
    library.run("03-10")
    assert library.restrictions() == ["never again"]
    settled = library.everything()
    library.run("03-10")
    assert library.everything() == settled


def test_who_is_gone_has_no_series_and_the_fees_of_a_merged_card_are_no_charges(reminders: Begin) -> None:
    library = reminders()
    gone, merged, heir = library.owing(), library.owing(), library.owing("1.00")
    library.run("02-09")
    library.run("02-23")
    delete_patron(library.koha, gone)
    merge(library.koha, heir, [merged])
    section = library.run("02-24")["north"]
    assert [each["state"] for each in section["closed"]] == ["gone", "gone"]
    (letter,) = library.run("03-25")["north"]["letters"]
    assert (letter["patron"], letter["charges"], letter["fees"]) == (heir, "26.00", "2.00")


def test_the_restriction_of_a_merged_card_goes_once_the_heir_has_paid(reminders: Begin) -> None:
    library = reminders()
    merged, heir = library.owing(), library.owing("1.00", on="03-01")
    for each in ("02-09", "02-23", "03-09"):
        library.run(each)
    merge(library.koha, heir, [merged])
    assert library.run("03-10")["north"]["lifted"] == []
    assert library.restrictions() == ["Debt reminder of 2026-03-09"]
    pays(library.koha, heir, "20.00", day=day("03-11"))
    assert [each["patron"] for each in library.run("03-11")["north"]["lifted"]] == [heir]
    assert library.restrictions() == []
    assert library.koha.value("SELECT debarred FROM borrowers WHERE borrowernumber = :n", n=heir) is None


def test_a_run_under_a_wrong_clock_is_of_today_once_that_is_mended(reminders: Begin) -> None:
    library = reminders()
    library.owing()
    library.run("02-10")
    assert library.evenings.run("remind", on=day("02-09")).returncode == 2
    library.evenings.does("init", "--clock-mended", "--yes", on=day("02-09"))
    assert library.run("02-09")["north"]["counts"] == {"NOT_YET": 1}
    assert library.letters("02-23") == [(2, "27.00")]


def test_an_owner_of_all_charges_who_moves_begins_anew_elsewhere(reminders: Begin) -> None:
    library = reminders()
    text = library.evenings.config.read_text(encoding="utf-8")
    library.evenings.config.write_text(text.replace('charges_by = "charge"', 'charges_by = "patron"'), encoding="utf-8")
    patron = library.owing()
    library.run("02-09")
    library.koha.execute("UPDATE borrowers SET branchcode = 'FPL' WHERE borrowernumber = :n", n=patron)
    done = library.run("02-23")
    assert [each["state"] for each in done["north"]["closed"]] == ["moved"]
    assert [letter["level"] for letter in done["south"]["letters"]] == [1]
    assert library.series() == [("north", "moved"), ("south", "open")]


def test_a_renamed_section_goes_on_with_its_series(reminders: Begin) -> None:
    library = reminders()
    library.owing()
    library.run("02-09")
    text = library.evenings.config.read_text(encoding="utf-8")
    renamed = text.replace('name = "north"', 'name = "upper"\nformerly = ["north"]')
    library.evenings.config.write_text(renamed, encoding="utf-8")
    assert library.letters("02-23", "upper") == [(2, "27.00")]


def test_a_hold_rests_the_series_and_it_goes_on_where_it_was(reminders: Begin) -> None:
    library = reminders()
    library.owing(card="20000012")
    library.run("02-09")
    hold = ("hold", "20000012", "--reason", "dispute", "--until", "2026-03-01")
    library.evenings.does(*hold, on=day("02-10"))
    assert library.run("03-01")["north"]["counts"] == {"ON_HOLD": 1}
    assert library.letters("03-02") == [(2, "27.00")]


def test_a_reminder_fee_does_not_count_toward_a_referral(reminders: Begin) -> None:
    library = reminders(policy="count_fees_older_than = 0")
    patron = library.owing("24.00")
    library.run("02-09")
    library.run("02-23")
    library.evenings.does("nightly", on=day("03-15"))
    assert library.evenings.cases() == []
    assert library.fees() == [Decimal(2)]
    library.owes(patron, "1.00", "02-01")
    library.evenings.does("nightly", on=day("03-22"))
    (case,) = library.evenings.cases()
    assert (case["owed"], case["balance"]) == (Decimal("25.00"), Decimal("27.00"))


def findings(library: Reminding, on: str = "02-24") -> dict[str, list[str]]:
    """The names of what `check` finds about reminders, each with its sentences."""
    done = library.evenings.run("check", "--format", "json", on=day(on))
    found: dict[str, list[str]] = {}
    for finding in json.loads(done.stdout):
        if finding["name"].startswith("remind-"):
            found.setdefault(finding["name"], []).append(finding["what"])
    return found


def test_check_finds_nothing_where_all_letters_are_there(reminders: Begin) -> None:
    assert findings(reminders()) == {}


def test_check_names_excluded_codes_that_koha_does_not_have_and_a_run_goes_on(reminders: Begin) -> None:
    library = reminders('excluded_categories = ["pt", "NOBODY"]\nexcluded_debit_types = ["lost", "NOTHING"]')
    assert findings(library)["remind-exclusion-unknown"] == [
        "Koha has no debit type NOTHING, which the reminders of section north name.",
        "Koha has no patron category NOBODY, which the reminders of section north name.",
        "Koha has no debit type NOTHING, which the reminders of section south name.",
        "Koha has no patron category NOBODY, which the reminders of section south name.",
    ]
    library.run("02-09")


def test_check_looks_at_every_letter(reminders: Begin) -> None:
    library = reminders(letters=False)
    library.has_letters(transports="email")
    library.has_letters("DEBTREM1", transports="print", branchcode="CPL")
    library.has_letters("DEBTREM2", transports="print", branchcode="FPL", content="<<items.title>>")
    found = findings(library)
    assert "Koha has no notice DEBTREM1 by print for MPL." in found["remind-letter-missing"]
    assert "Koha has no notice DEBTREM1 by print for FPL." in found["remind-letter-missing"]
    assert found["remind-letter-bad"] == [
        "Section south: letter DEBTREM2 (branch FPL, print, default): <<items.title>> is not known."
    ]


def test_check_names_messages_that_koha_does_not_send(reminders: Begin) -> None:
    library = reminders()
    library.owing()
    library.run("02-09", sends=False)
    assert findings(library, "02-12") == {}
    (waiting,) = findings(library, "02-13")["remind-messages-wait"]
    assert waiting == "1 reminder waited in Koha's queue for more than 3 days."


def test_check_names_restrictions_of_sections_that_are_gone_and_stop_lifts_them(reminders: Begin) -> None:
    library = reminders()
    library.owing(card="20000012")
    library.until_bill(("02-09", "02-23", "03-09"))
    text = library.evenings.config.read_text(encoding="utf-8")
    library.evenings.config.write_text(text.replace('name = "north"', 'name = "upper"'), encoding="utf-8")
    assert len(findings(library, "03-10")["remind-restrictions-left"]) == 1
    library.evenings.does("remind", "stop", "20000012", "--reason", "the section is gone", on=day("03-10"))
    assert (findings(library, "03-10"), library.restrictions()) == ({}, [])


def test_history_status_and_forget_know_of_reminders(reminders: Begin) -> None:
    library = reminders()
    patron = library.owing(card="20000012")
    library.run("02-09")
    library.evenings.does("remind", "stop", "20000012", "--reason", "Pat Example called", on=day("02-10"))
    (told,) = json.loads(library.evenings.does("history", "20000012", "--format", "json"))
    assert [(each["state"], each["why"], each["level"]) for each in told["reminders"]] == [
        ("stopped", "Pat Example called", 1)
    ]
    status = json.loads(library.evenings.run("status", "--format", "json").stdout)
    assert {(each["section"], each["report"], each["rows"]) for each in status["runs"]} >= {("north", "remind", 1)}
    library.evenings.does("forget", f"number:{patron}")
    assert library.koha.value("SELECT why FROM gentle_nudge_series") is None


def test_closed_series_are_kept_for_the_days_of_cases(reminders: Begin) -> None:
    library = reminders()
    library.owing(card="20000012")
    library.run("02-09")
    library.evenings.does("remind", "stop", "20000012", "--reason", "x", on=day("02-10"))
    library.evenings.run("nightly", on=day("2029-02-09"))
    assert library.series() == [("north", "stopped")]
    library.evenings.run("nightly", on=day("2029-02-10"))
    assert library.series() == []
