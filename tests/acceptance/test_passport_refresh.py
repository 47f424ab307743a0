"""Patrons of other libraries are kept as fresh as at home; what the desk here corrects stays."""

import csv
import json
from datetime import date, timedelta
from typing import Any

import pytest

from tests.acceptance.passports import FRIDAY, LEE, PERSON, Begin, Neighbours, of_api
from tests.builders.days import SUNDAY
from tests.builders.koha import a_patron, an_attribute_type, has_attribute, is_restricted, owes
from tests.support.homes import Sent

TOMORROW = FRIDAY + timedelta(days=1)
NOTHING = {"asked": 0, "unchanged": 0, "changed": [], "not_found": [], "failed": [], "skipped": [], "held": None}


def numbers(rows: list[dict[str, Any]]) -> list[int]:
    """Whom these rows are about."""
    return [row["number"] for row in rows]


@pytest.mark.every_koha
def test_a_changed_address_arrives_as_a_whole_and_nothing_else_does(neighbours: Begin) -> None:  # P8
    library = neighbours()
    library.libb.knows(LEE, address2="Apt 3")
    number = library.copied()
    before = library.patron(number)
    library.libb.knows(LEE, address="7 Elm St", address2="", surname="Lee-Poe", dateofbirth="1991-01-01", title="Dr")
    done = library.refreshed(on=TOMORROW)
    assert (done["asked"], done["unchanged"]) == (1, 0)
    (changed,) = done["changed"]
    assert changed == {
        "number": number,
        "card": LEE,
        "server": "LIBB",
        "changes": {
            "address": {"before": "12 Oak St", "after": "7 Elm St"},
            "address2": {"before": "Apt 3", "after": None},
        },
        "restriction": None,
    }
    after = library.patron(number)
    assert {name for name in after if after[name] != before[name]} == {"address", "address2", "updated_on"}
    (log,) = library.koha.query("SELECT * FROM action_logs WHERE interface = 'cron' AND module = 'MEMBERS'")
    assert (log["action"], log["object"], log["user"], json.loads(log["info"])) == (
        *("MODIFY", number, 0),
        changed["changes"],
    )
    assert library.noted()[1:] == [("refreshed", "address,address2")]
    rows = library.everything()
    assert library.refreshed(on=TOMORROW) == NOTHING | {"dry_run": False, "asked": 1, "unchanged": 1}
    still = {"gentle_nudge_meta"}  # its revision counts runs
    assert {table for table, sum_ in library.everything().items() if sum_ != rows[table]} <= still


def test_what_the_desk_corrects_stays_until_the_home_changes_it(neighbours: Begin) -> None:  # P9
    library = neighbours()
    library.libb.knows(LEE, email="ann@mail.example")
    number = library.copied()
    library.koha.execute("UPDATE borrowers SET phone = '555-0200' WHERE borrowernumber = :n", n=number)
    assert library.refreshed()["unchanged"] == 1
    assert library.patron(number)["phone"] == "555-0200"
    library.libb.knows(LEE, phone="555-0300", email=" ")
    assert library.refreshed(on=TOMORROW)["changed"][0]["changes"] == {
        "phone": {"before": "555-0200", "after": "555-0300"}
    }
    row = library.patron(number)
    assert (row["phone"], row["email"]) == ("555-0300", "ann@mail.example")


def test_of_a_patron_of_the_plugin_the_home_wins_once(neighbours: Begin) -> None:
    library = neighbours()
    number = library.is_here("libb ", card=LEE, phone="555-7777", city="Shelbyville", mobile="1")
    assert library.refreshed()["changed"][0]["changes"].keys() == {"address", "city", "zipcode", "phone"}
    assert library.patron(number)["mobile"] == "1"
    library.koha.execute("UPDATE borrowers SET phone = '555-7777' WHERE borrowernumber = :n", n=number)
    assert library.refreshed()["unchanged"] == 1


def test_the_night_reports_today_s_address_whatever_a_home_says(neighbours: Begin) -> None:  # P10
    library = neighbours()
    evenings = library.evenings
    others = [evenings.owing() for _ in range(3)]
    moved, gone = (
        evenings.owing(category="PASS", card=card, address="1 Old St", city="Ogdenville") for card in (LEE, "2100002")
    )
    for patron in (moved, gone):
        has_attribute(library.koha, patron, "PASSPORTED", "LIBB")
    done = library.refreshed(on=SUNDAY)
    assert numbers(done["changed"]) == [moved]
    assert done["not_found"] == [{"number": gone, "card": "2100002", "server": "LIBB", "since": str(SUNDAY)}]
    assert len(library.libb.requests) == 2
    evenings.does("nightly", on=SUNDAY)
    rows = list(csv.DictReader(evenings.stored(f"ums-new-submissions-{SUNDAY}.csv").decode().splitlines()))
    streets = {int(row["borrowernumber"]): row["address"] for row in rows}
    assert streets.keys() == {*others, moved, gone}
    assert (streets[moved], streets[gone]) == ("12 Oak St", "1 Old St")
    later = library.refreshed("--open-cases", on=SUNDAY + timedelta(days=2))
    assert (later["asked"], later["not_found"][0]["since"]) == (2, str(SUNDAY))
    library.libb.knows("2100002", surname="Poe")
    assert library.refreshed(on=SUNDAY + timedelta(days=3))["not_found"] == []
    assert [what for what, _ in library.noted()] == ["refreshed", "not_found", "found_again"]


def test_a_good_refresh_is_silent_and_a_bad_one_names_nobody(neighbours: Begin) -> None:  # P11
    library = neighbours()
    patrons = [library.is_here(card=card) for card in ("2100011", "2100012", "2100013")]
    for card in ("2100011", "2100012", "2100013"):
        library.libb.knows(card, surname="Poe", city="Ogdenville", address="1 St")
    library.libb.of_cards["2100012"] = Sent(body=b"nonsense")
    done = library.run("refresh", "--all")
    assert (done.returncode, done.stdout) == (1, "")
    assert "LIBB sent what cannot be used: no JSON.\n" in done.stderr
    assert f"1 patron not heard of: number {patrons[1]}." in done.stderr
    assert "2100012" not in done.stderr
    said = library.refreshed("2100012", "2100013", code=1)
    assert (said["asked"], said["unchanged"], numbers(said["failed"])) == (2, 1, [patrons[1]])
    assert said["failed"][0]["outcome"] == "unusable"
    assert [what for what, _ in library.noted()] == ["refreshed", "refreshed"]
    library.libb.of_cards.clear()
    quiet = library.evenings.run("passport", "refresh", "--all", on=TOMORROW)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_hostile_home_does_not_keep_others_patrons_from_being_refreshed(neighbours: Begin) -> None:
    library = neighbours()
    library.is_here("LIBB", card=LEE)
    library.libb.answers(Sent(status=302, headers={"Location": "//xn--"}), for_ever=True)
    here = library.is_here("LIBC", card="2100200")
    library.libc.knows("2100200", surname="Poe", mobile="0")
    said = library.refreshed(code=1)
    assert (numbers(said["changed"]), said["failed"][0]["outcome"]) == ([here], "no_answer")


@pytest.mark.parametrize("status", [401, 500])
def test_a_server_that_refuses_or_is_silent_is_left_in_peace(neighbours: Begin, status: int) -> None:
    library = neighbours()
    for number in range(9):
        library.is_here(card=f"21001{number}")
    here = library.is_here("LIBC", card="2100200")
    library.libc.knows("2100200", surname="Poe", mobile="0")
    library.libb.answers(Sent(status=status), for_ever=True)
    said = library.refreshed(code=1)
    assert (said["asked"], len(said["failed"]), numbers(said["changed"])) == (10, 9, [here])
    assert len(library.libb.requests) == 1 if status == 401 else 3 <= len(library.libb.requests) <= 6
    assert any("was not asked" in each["reason"] for each in said["failed"])


@pytest.mark.parametrize("restrictions", ["mirror", "ignore"])
@pytest.mark.every_koha
def test_a_restriction_follows_the_one_at_home(neighbours: Begin, restrictions: str) -> None:  # P13
    library = neighbours(f'restrictions = "{restrictions}"')
    mirrors = restrictions == "mirror"
    library.koha.put("restriction_types", code="PASSPORTED", display_text="Passported")
    made = library.asked("copy", LEE, "--from", "LIBB")
    number = made["number"]
    assert made["restricted_until"] == ("2026-12-31" if mirrors else None)
    blocks = library.koha.query("SELECT * FROM borrower_debarments")
    assert [(row["type"], row["comment"], row["expiration"]) for row in blocks] == (
        [("PASSPORTED", "Restricted at LIBB", date(2026, 12, 31))] * mirrors
    )
    assert library.patron(number)["debarred"] == (date(2026, 12, 31) if mirrors else None)
    assert library.count("action_logs", "action = 'CREATE_RESTRICTION'") == mirrors
    library.libb.knows(LEE, debarred="9999-12-31")
    assert [row["restriction"] for row in library.refreshed()["changed"]] == ["moved"] * mirrors
    (moved, created) = (
        library.koha.query("SELECT * FROM borrower_debarments"),
        [row["created"] for row in blocks],
    )
    assert [row["expiration"] for row in moved] == [None] * mirrors
    assert [row["created"] for row in moved] == created
    assert library.patron(number)["debarred"] == (date(9999, 12, 31) if mirrors else None)
    assert library.count("action_logs", "action = 'MODIFY_RESTRICTION'") == mirrors
    library.libb.knows(LEE, debarred=None)
    assert [row["restriction"] for row in library.refreshed(on=TOMORROW)["changed"]] == ["lifted"] * mirrors
    assert (library.count("borrower_debarments"), library.patron(number)["debarred"]) == (0, None)
    assert [what for what, _ in library.noted()] == ["made", *["restricted", "lifted"] * mirrors]


def test_a_home_that_does_not_say_whether_somebody_is_restricted_lifts_nothing(neighbours: Begin) -> None:
    library = neighbours('restrictions = "mirror"')
    library.koha.put("restriction_types", code="PASSPORTED", display_text="Restricted at home")
    library.copied()
    del library.libb.patrons[LEE]["debarred"]
    assert (library.refreshed(on=TOMORROW)["changed"], library.count("borrower_debarments")) == ([], 1)


def test_a_restriction_of_the_plugin_is_enough_and_left_alone(neighbours: Begin) -> None:
    library = neighbours('restrictions = "mirror"')
    library.koha.put("restriction_types", code="PASSPORTED", display_text="Passported")
    number = library.is_here("LIBC", card="2100002")
    library.libc.knows("2100002", surname="Poe", restricted=True)
    own = is_restricted(library.koha, number, "Debarred by home", type="PASSPORTED", expires=date(2026, 12, 1))
    assert library.refreshed()["unchanged"] == 1
    assert library.count("borrower_debarments") == 1
    december = date(2026, 12, 2)
    assert library.refreshed(on=december)["changed"][0]["restriction"] == "made"
    library.libc.knows("2100002", restricted=False)
    assert library.refreshed(on=december)["changed"][0]["restriction"] == "lifted"
    assert library.koha.value("SELECT borrower_debarment_id FROM borrower_debarments") == own


def test_too_many_changes_are_none(neighbours: Begin) -> None:  # P16
    library = neighbours()
    for number in range(101):
        library.is_here(card=f"22{number:05}", address="1 Old St")
        library.libb.knows(f"22{number:05}", surname="Poe", address="2 New St")
    before = library.everything()
    done = library.run("refresh", "--all", "--format", "json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["held"], len(said["changed"])) == (1, {"found": 101, "most": 100}, 101)
    assert "If that is right: --most-changes 101" in done.stderr
    changed = {table for table, sum_ in library.everything().items() if sum_ != before[table]}
    assert changed <= {"gentle_nudge_meta"}
    assert library.refreshed("--all", "--most-changes", "100", code=1)["held"] is not None
    assert len(library.refreshed("--all", "--most-changes", "101")["changed"]) == 101
    assert library.count("borrowers", "address = '2 New St'") == 101
    library.configure("most_changes = 1")
    library.libb.knows("2200000", address="3 New St")
    assert len(library.refreshed(on=TOMORROW)["changed"]) == 1


@pytest.mark.parametrize("staff", ["flags", "permission", "protected"])
def test_staff_are_never_refreshed(neighbours: Begin, staff: str) -> None:  # P21
    library = neighbours()
    number = library.copied()
    asked = len(library.libb.requests)
    library.libb.knows(LEE, address="7 Elm St", email="evil@mail.example")
    match staff:
        case "flags":
            library.koha.execute("UPDATE borrowers SET flags = 4 WHERE borrowernumber = :n", n=number)
        case "permission":
            library.koha.put("user_permissions", borrowernumber=number, module_bit=1, code="circulate")
        case _:
            library.koha.execute("UPDATE borrowers SET protected = 1 WHERE borrowernumber = :n", n=number)
    before = library.rows()
    said = library.refreshed()
    assert said["skipped"] == [{"number": number, "card": LEE, "why": "protected"}]
    assert (said["asked"], len(library.libb.requests), library.rows()) == (0, asked, before)
    assert library.patron(number)["address"] == "12 Oak St"


def test_who_cannot_be_asked_about_is_named(neighbours: Begin) -> None:
    library = neighbours()
    an_attribute_type(library.koha, "OTHER", repeatable=1)
    without = library.is_here(card=None)
    elsewhere = library.is_here("LIBX", card="2100003")
    twice = library.is_here(card="2100004")
    has_attribute(library.koha, twice, "PASSPORTED", "LIBC")
    dots = library.is_here(card="..")
    a_patron(library.koha, card="2100005")
    has_attribute(library.koha, a_patron(library.koha, card="2100006"), "OTHER", "LIBB")
    said = library.refreshed()
    assert {row["number"]: row["why"] for row in said["skipped"]} == {
        without: "no_card",
        elsewhere: "unknown_server",
        twice: "two_homes",
        dots: "no_card",
    }
    assert library.libb.requests == []
    for args in (("2100005",), ("nobody",), (LEE, "2100004")):
        done = library.run("refresh", *args)
        assert (done.returncode, done.stdout) == (2, ""), args
        assert "of no patron here who has the attribute PASSPORTED" in done.stderr
    for words in ("refresh", "refresh 2100004 --all", "refresh --all --open-cases"):
        assert library.run(*words.split()).returncode == 2
    assert library.libb.requests == []


def test_four_questions_at_once_go_to_each_home(neighbours: Begin) -> None:
    library = neighbours()
    for number in range(24):
        for home, server in (("LIBB", library.libb), ("LIBC", library.libc)):
            library.is_here(home, card=f"{home}{number}")
            server.knows(f"{home}{number}", surname="Poe")
    library.libb.seconds = library.libc.seconds = 0.05
    assert library.refreshed()["unchanged"] == 48
    for server in (library.libb, library.libc):
        assert (len(server.requests), server.most_at_once, server.connections) == (24, 4, 4)


@pytest.mark.every_koha
def test_a_dry_run_and_whatever_only_asks_writes_nothing(neighbours: Begin) -> None:  # P19
    library = neighbours('restrictions = "mirror"', libb='flag = "sort1"')
    library.koha.put("restriction_types", code="PASSPORTED", display_text="Passported")
    number = library.is_here(card="2100007")
    library.libb.knows("2100007", surname="Poe", address="1 St", debarred="2027-01-01")
    owes(library.koha, number, "30.00", day=SUNDAY - timedelta(days=70))
    library.evenings.does("nightly", on=SUNDAY)
    before = library.everything()
    assert len(library.refreshed("--all", "--dry-run")["changed"]) == 1
    assert library.run("refresh", "--all", "--dry-run").stdout.startswith("Dry run: nothing is written.\n")
    made = library.asked("copy", LEE, "--from", "LIBB", "--dry-run")
    assert (made["outcome"], made["number"], made["dry_run"], made["messages"]) == ("made", None, True, 2)
    library.asked("look-up", LEE)
    library.asked("duplicates")
    library.asked("check", code=0)
    assert library.everything() == before
    assert library.copied()
    assert {name: made["columns"][name] for name in PERSON} == {**PERSON}


def test_patrons_who_are_gone_are_forgotten_by_the_next_refresh(neighbours: Begin) -> None:
    library = neighbours()
    number = library.copied()
    other = library.is_here("LIBC", card="2100002")
    library.libc.knows("2100002", surname="Poe")
    library.refreshed()
    library.koha.execute("DELETE FROM borrowers WHERE borrowernumber = :n", n=number)
    library.refreshed("2100002")
    assert library.count("gentle_nudge_passport") == 2
    library.refreshed()
    assert library.koha.value("SELECT patron FROM gentle_nudge_passport") == other


def test_a_home_of_another_name_is_remembered_anew(neighbours: Begin) -> None:
    library = neighbours()
    number = library.copied()
    library.koha.execute("UPDATE borrower_attributes SET attribute = 'LIBC'")
    library.libc.knows(LEE, **of_api(**PERSON | {"phone": "555-1"}))
    assert library.refreshed()["changed"][0]["changes"] == {"phone": {"before": "555-0101", "after": "555-1"}}
    assert library.koha.value("SELECT server FROM gentle_nudge_passport WHERE patron = :n", n=number) == "LIBC"


def test_forget_leaves_nothing_of_a_patron(neighbours: Begin) -> None:  # P20
    library = neighbours()
    number = library.copied()
    library.libb.knows(LEE, address="7 Elm St")
    library.refreshed()
    assert library.count("gentle_nudge_passport_log", f"patron = {number}") == 2
    library.evenings.does("forget", LEE)
    for table in ("gentle_nudge_passport", "gentle_nudge_passport_log"):
        assert library.count(table, f"patron = {number}") == 0
    assert library.evenings.run("forget", LEE).returncode == 2
    assert library.patron(number)["address"] == "7 Elm St"


def test_our_log_is_kept_for_its_days(neighbours: Begin) -> None:
    library = neighbours("keep_days = 30")
    library.copied()
    library.evenings.does("nightly", on=FRIDAY + timedelta(days=30))
    assert library.count("gentle_nudge_passport_log") == 1
    library.evenings.does("nightly", on=FRIDAY + timedelta(days=31))
    assert library.count("gentle_nudge_passport_log") == 0


def test_many_columns_travel_by_both_kinds(neighbours: Begin) -> None:
    library = neighbours('copy = ["birth", "address", "phones", "emails", "alternative", "language"]')
    columns = {
        **{name: f"{name}!" for name in ("streetnumber", "streettype", "address2", "state", "country")},
        **{name: f"{name}!" for name in ("mobile", "phonepro", "email", "emailpro", "title", "middle_name", "lang")},
        **{
            f"B_{name}": f"B {name}!" for name in ("streetnumber", "streettype", "address", "address2", "city", "state")
        },
        **{f"B_{name}": f"B {name}!" for name in ("zipcode", "country", "phone", "email")},
    }
    library.libb.knows("2100002", **PERSON, **columns)
    names = {
        "streetnumber": "street_number",
        "streettype": "street_type",
        "phonepro": "secondary_phone",
        "emailpro": "secondary_email",
        "B_streetnumber": "altaddress_street_number",
        "B_streettype": "altaddress_street_type",
        "B_zipcode": "altaddress_postal_code",
    }
    told = {names.get(name, name.replace("B_", "altaddress_")): value for name, value in columns.items()}
    library.libc.knows("2100003", **of_api(**PERSON), **told)
    by_plugin = library.asked("copy", "2100002", "--from", "LIBB", "--dry-run")["columns"]
    by_api = library.asked("copy", "2100003", "--from", "LIBC", "--dry-run")["columns"]
    assert by_plugin | {"cardnumber": None, "userid": None} == by_api | {"cardnumber": None, "userid": None}
    assert columns.items() <= by_plugin.items()


def _said(library: Neighbours) -> str:
    """Every row of every table, as text."""
    return json.dumps(
        {table: library.koha.query(f"SELECT * FROM `{table}`") for table in library.everything()},
        default=str,
    )


@pytest.mark.every_koha
def test_nothing_but_the_listed_columns_reaches_us(neighbours: Begin) -> None:
    library = neighbours('restrictions = "mirror"', libb='flag = "sort1"')
    library.koha.put("restriction_types", code="PASSPORTED", display_text="Passported")
    planted = [{"type": "SHOE", "value": "PLANTED-attribute"}]
    secrets = {name: value for name, value in library.libb.patrons[LEE].items() if "PLANTED" in str(value)}
    library.libc.knows(
        "2100002",
        **of_api(**PERSON | {"surname": "Poe"}),
        **secrets,
        extended_attributes=planted,
        statistics_1="PLANTED-statistics",
        staff_notes="PLANTED-staff",
    )
    said = ""
    for args in (
        ("look-up", LEE),
        ("copy", LEE, "--dry-run"),
        ("copy", LEE),
        ("copy", "2100002"),
        ("refresh", "--all"),
        ("refresh", "--all", "--format", "json"),
        ("duplicates",),
        ("check",),
    ):
        done = library.evenings.run("--verbose", "--debug", "passport", *args, on=FRIDAY)
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    library.libb.of_cards[LEE] = Sent(content={**library.libb.patrons[LEE], "city": ["PLANTED-list"]})
    done = library.evenings.run("--debug", "passport", "refresh", "--all", on=FRIDAY)
    assert done.returncode == 1
    files = [path.read_bytes() for path in library.evenings.folder.rglob("*") if path.is_file()]
    everywhere = said + done.stdout + done.stderr + _said(library) + b"".join(files).decode(errors="replace")
    assert "PLANTED" not in everywhere
    assert "777001" not in everywhere
    logged = done.stderr + "".join(line for line in said.splitlines() if "HTTP" in line)
    assert "/check/" not in everywhere
    assert LEE not in logged
