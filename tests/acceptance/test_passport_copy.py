"""Patrons of other libraries: looked up, copied, and why nobody is."""

import json
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.acceptance.passports import FRIDAY, LEE, PERSON, Begin, of_api
from tests.builders.koha import a_patron
from tests.support.homes import HomeServer, Sent, card_of

HTML = Sent(status=404, body=b"<html>no such page</html>", headers={"Content-Type": "text/html"})


def outcomes(said: Any) -> dict[str, str]:
    """What each server said."""
    return {each["server"]: each["outcome"] for each in said["answers"]}


def new_rows(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """How many rows there are more."""
    return {table: count - before[table] for table, count in after.items() if count != before[table]}


@pytest.mark.every_koha
def test_a_copy_makes_what_koha_makes_and_nothing_else(neighbours: Begin) -> None:  # P1
    library = neighbours()
    before = library.rows()
    done = library.asked("copy", LEE, "--from", "libb")
    assert (done["outcome"], done["server"], done["messages"], done["fee"]) == ("made", "LIBB", 2, "0.00")
    assert new_rows(before, library.rows()) == {
        "borrowers": 1,
        "borrower_attributes": 1,
        "borrower_message_preferences": 2,
        "borrower_message_transport_preferences": 1,
        "action_logs": 2,
        "gentle_nudge_passport": 1,
        "gentle_nudge_passport_log": 1,
    }
    row = library.patron(done["number"])
    assert {name: str(row[name]) for name in PERSON} == PERSON
    expected = {
        "cardnumber": LEE,
        "userid": LEE,
        "categorycode": "PASS",
        "branchcode": "CPL",
        "dateenrolled": FRIDAY,
        "dateexpiry": date(2027, 11, 27),
        "privacy": 1,
        "lang": "default",
        "password": "!",
    }
    assert {name: row[name] for name in expected} == expected
    empty = {"secret", "flags", "borrowernotes", "opacnote", "sort1", "sort2", "debarred", "contactname", "othernames"}
    assert {row[name] for name in empty} == {None}
    if library.koha.has("borrowers", "preferred_name"):
        assert row["preferred_name"] == "Ann"
    shown = {name: str(row[name]) for name in row if row[name] is not None and name in done["columns"]}
    assert {name: str(value) for name, value in done["columns"].items()} == shown
    assert "password" not in done["columns"]
    wishes = library.koha.query(
        "SELECT categorycode, days_in_advance, wants_digest FROM borrower_message_preferences "
        "WHERE borrowernumber = :n",
        n=done["number"],
    )
    assert wishes == [{"categorycode": None, "days_in_advance": 3, "wants_digest": 1}] * 2
    created, given = library.koha.query(
        "SELECT * FROM action_logs WHERE object = :n ORDER BY action_id", n=done["number"]
    )
    assert (created["module"], created["action"], created["info"], created["interface"], created["user"]) == (
        *("MEMBERS", "CREATE", "", "commandline"),
        0,
    )
    assert json.loads(given["info"]) == {"attribute.PASSPORTED": {"before": [], "after": ["LIBB"]}}
    assert library.noted()[0][0] == "made"


def test_who_is_here_already_is_not_copied_and_nobody_is_asked(neighbours: Begin) -> None:  # P2
    library = neighbours()
    number = library.copied()
    other = a_patron(library.koha, card="X", userid="2100009")
    asked, before = len(library.libb.requests), library.everything()
    for card, who in ((LEE, number), ("2100009", other)):
        done = library.asked("copy", card)
        assert (done["outcome"], done["number"], done["columns"], done["answers"]) == ("exists", who, {}, [])
    assert (len(library.libb.requests), library.everything()) == (asked, before)
    assert library.asked("look-up", LEE, code=0)["here"] == {"number": number, "by": "card", "home": "LIBB"}
    assert library.asked("look-up", "2100009")["here"] == {"number": other, "by": "userid", "home": None}


def test_a_clone_is_no_home(neighbours: Begin) -> None:  # P3
    library = neighbours()
    library.libb.patrons.clear()
    mark = {"type": "passported", "value": "LIBB"}
    library.libc.knows(LEE, **of_api(**PERSON), extended_attributes=[mark])
    said = library.asked("look-up", LEE)
    assert (outcomes(said), said["verdict"]) == ({"LIBB": "not_found", "LIBC": "clone"}, "nowhere")
    before = library.rows()
    assert library.asked("copy", LEE, code=1)["outcome"] == "not_found"
    assert library.rows() == before
    library.libc.knows(LEE, extended_attributes=[{"type": "PASSPORTED", "value": " "}])
    assert outcomes(library.asked("look-up", LEE))["LIBC"] == "found"


def test_of_two_homes_a_person_names_one(neighbours: Begin) -> None:  # P4
    library = neighbours()
    library.libc.knows(LEE, **of_api(**PERSON | {"phone": "555-9999"}), library_id="CMAIN", category_id="C1")
    before = library.rows()
    done = library.run("copy", LEE, "--format", "json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["outcome"], said["reason"]) == (1, "refused", "two_homes")
    assert outcomes(said) == {"LIBB": "found", "LIBC": "found"}
    assert done.stderr == "Several libraries know this card: LIBB, LIBC.\nName the home with --from.\n"
    assert library.rows() == before
    said = library.asked("look-up", LEE)
    assert said["verdict"] == "two_homes"
    assert [(each["home_branch"], each["home_category"]) for each in said["answers"]] == [
        ("BMAIN", "AD"),
        ("CMAIN", "C1"),
    ]
    made = library.asked("copy", LEE, "--from", "LIBC")
    assert (made["server"], library.patron(made["number"])["phone"]) == ("LIBC", "555-9999")
    assert library.koha.value("SELECT attribute FROM borrower_attributes") == "LIBC"


def test_a_home_that_does_not_answer_keeps_the_verdict_open(neighbours: Begin) -> None:  # P5
    library = neighbours("timeout = 1")
    library.libb.seconds = 30
    library.libc.knows(LEE, **of_api(**PERSON))
    before = library.rows()
    said = library.asked("look-up", LEE, code=1)
    assert (outcomes(said), said["verdict"]) == ({"LIBB": "no_answer", "LIBC": "found"}, "unknown")
    assert said["answers"][0]["reason"] == "LIBB did not answer within 1 s."
    assert library.asked("copy", LEE, code=1)["reason"] == "unknown"
    assert library.asked("copy", LEE, "--from", "LIBB", code=1)["reason"] == "unknown"
    assert library.rows() == before
    assert library.asked("copy", LEE, "--from", "LIBC")["outcome"] == "made"


@pytest.mark.parametrize(
    ("told_by", "sent", "outcome"),
    [
        ("LIBB", Sent(status=401), "refused"),
        ("LIBC", Sent(status=403, content={"error": "Authorization failure"}), "refused"),
        ("LIBC", Sent(status=500), "no_answer"),
        ("LIBC", Sent(status=429), "no_answer"),
        ("LIBB", HTML, "no_service"),
        ("LIBB", Sent(status=404, content={"errors": [{"message": "Not Found."}]}), "no_service"),
        ("LIBC", Sent(status=404, content={"error": "Patron not found"}), "no_service"),
        ("LIBC", Sent(status=400, content={"errors": []}), "no_service"),
        ("LIBB", Sent(content=[PERSON]), "unusable"),
        ("LIBC", Sent(content=PERSON), "unusable"),
        ("LIBC", Sent(content=[{}, {}]), "unusable"),
        ("LIBC", Sent(content=["Lee"]), "unusable"),
        ("LIBC", Sent(content=[None]), "unusable"),
        ("LIBC", Sent(status=302, headers={"Location": "//xn--"}), "no_answer"),
        ("LIBC", Sent(body=b"[" * 500_000), "unusable"),
        ("LIBC", Sent(body=b"[" + b" " * 2**21 + b"]"), "unusable"),
        ("LIBC", Sent(body=b"\xff\xfe"), "unusable"),
        ("LIBC", Sent(content=[], headers={"Content-Encoding": "gzip"}), "unusable"),
        ("LIBB", Sent(content={}), "unusable"),
        ("LIBB", Sent(content={"cardnumber": LEE, "surname": " \n"}), "unusable"),
        ("LIBB", Sent(content={"cardnumber": "2100002", "surname": "Lee"}), "unusable"),
        ("LIBB", Sent(content={"cardnumber": LEE, "surname": "Lee", "city": {"a": 1}}), "unusable"),
        ("LIBB", Sent(content={"cardnumber": LEE, "surname": True}), "unusable"),
        ("LIBB", Sent(content={"cardnumber": f" {LEE} ", "surname": "Lee", "zipcode": 1101}), "found"),
    ],
)
def test_what_a_home_sends_is_told_apart(neighbours: Begin, told_by: str, sent: Sent, outcome: str) -> None:  # P6
    library = neighbours()
    home = library.libb if told_by == "LIBB" else library.libc
    home.answers(sent, for_ever=True)
    said = library.asked("look-up", LEE, "--from", told_by, code=0 if outcome == "found" else 1)
    (answer,) = said["answers"]
    assert (answer["outcome"], bool(answer["reason"])) == (outcome, outcome != "found"), answer
    assert len(home.requests) == 1
    if outcome != "found":
        before = library.rows()
        assert library.asked("copy", LEE, "--from", told_by, code=1)["reason"] == "unknown"
        assert library.rows() == before
    else:
        assert answer["patron"] == {"surname": "Lee", "zipcode": "1101"}


@pytest.mark.parametrize("how", ["drips", "is_cut", "is_gone"])
def test_a_home_that_breaks_off_or_drips_has_not_answered(neighbours: Begin, tmp_path: Path, how: str) -> None:
    library = neighbours("timeout = 1")
    with HomeServer(tmp_path, "LIBD", "api") as libd:
        library.configure("timeout = 1", more=libd.settings)
        if how != "is_gone":
            libd.answers(Sent(content=[PERSON], drips=how == "drips", is_cut=how == "is_cut"), for_ever=True)
            (answer,) = library.asked("look-up", LEE, "--from", "LIBD", code=1)["answers"]
            assert len(libd.requests) == 1
    if how == "is_gone":
        (answer,) = library.asked("look-up", LEE, "--from", "LIBD", code=1)["answers"]
    assert answer["outcome"] == "no_answer"


def test_a_redirect_is_not_followed_and_nothing_is_carried_along(neighbours: Begin) -> None:  # P6
    library = neighbours()
    library.libb.answers(Sent(status=302, headers={"Location": f"{library.libc.url}/api/v1/patrons"}))
    assert outcomes(library.asked("look-up", LEE, "--from", "LIBB", code=1)) == {"LIBB": "no_service"}
    assert library.libc.requests == []
    for _, headers in library.libb.requests:
        assert not {"Cookie", "Referer", "Proxy-Authorization"} & headers.keys()
        assert headers["Accept-Encoding"] == "identity"


def test_a_home_that_sends_a_megabyte_of_blanks_is_read_at_once_and_cut(neighbours: Begin) -> None:
    library = neighbours("timeout = 1")
    library.libb.knows(LEE, firstname=f"A{' ' * 600_000}B", address="\u00e9" * 60_000, city="\x07 " * 5_000)
    begun = time.monotonic()
    row = library.patron(library.copied())
    assert time.monotonic() - begun < 30
    assert (row["firstname"], row["address"], row["city"]) == ("A", "\u00e9" * 1000, None)


def test_a_home_that_says_not_yet_is_asked_again(neighbours: Begin) -> None:  # P7
    library = neighbours()
    library.libb.answers(Sent(status=503), Sent(status=503))
    assert outcomes(library.asked("look-up", LEE, "--from", "LIBB")) == {"LIBB": "found"}
    assert len(library.libb.requests) == 3


def test_a_card_is_asked_for_as_it_is(neighbours: Begin) -> None:  # P12
    library = neighbours()
    said = library.asked("look-up", " A/1 %2 ")
    assert (said["card"], said["verdict"]) == ("A/1 %2", "nowhere")
    assert library.libb.paths[0].endswith("/check/A%2F1%20%252")
    assert card_of(library.libc.paths[0], "api") == "A/1 %2"
    asked = len(library.libb.requests)
    for card in ("..", ".", " ", "x" * 33, "a\tb"):
        done = library.run("look-up", card)
        assert (done.returncode, done.stdout) == (2, ""), card
        assert done.stderr.startswith("This cannot be a card: ")
    assert library.run("copy", "..").returncode == 2
    assert library.run("refresh", "..").returncode == 2
    assert len(library.libb.requests) == asked


@pytest.mark.every_koha
def test_an_enrolment_fee_is_charged_if_it_is_allowed(neighbours: Begin) -> None:  # P14
    library = neighbours()
    library.koha.execute("UPDATE categories SET enrolmentfee = 5.00 WHERE categorycode = 'PASS'")
    before = library.rows()
    done = library.run("copy", LEE, "--from", "LIBB")
    assert (done.returncode, library.rows()) == (1, before)
    assert done.stderr == "Category PASS has an enrolment fee of 5.00.\nTo charge it: --allow-fee.\n"
    said = library.asked("copy", LEE, "--from", "LIBB", "--allow-fee")
    assert said["fee"] == "5.00"
    (line,) = library.koha.query("SELECT * FROM accountlines")
    assert (line["borrowernumber"], line["debit_type_code"], line["amount"], line["amountoutstanding"]) == (
        *(said["number"], "ACCOUNT"),
        *(Decimal(5), Decimal(5)),
    )
    assert (line["interface"], line["branchcode"], line["description"]) == ("commandline", None, "")
    (offset,) = library.koha.query("SELECT * FROM account_offsets")
    assert (offset["debit_id"], offset["type"], offset["amount"]) == (line["accountlines_id"], "CREATE", Decimal(5))
    assert library.count("action_logs", "module = 'FINES' AND action = 'CREATE'") == 1


def test_category_and_branch_are_decided_here_and_must_exist(neighbours: Begin) -> None:  # P15
    library = neighbours()
    library.libb.knows(LEE, branchcode="BNEW", categorycode="ZZ")
    assert library.patron(library.copied())["branchcode"] == "CPL"
    asked, before = len(library.libb.requests), library.everything()
    for server, sentence in (
        ('branch = "NOPE"', "Koha has no library NOPE, which the passport of patrons needs."),
        ('category = "NOPE"', "Koha has no patron category NOPE, which the passport of patrons needs."),
    ):
        library.configure(libb=server)
        done = library.run("copy", "2100002")
        assert (done.returncode, done.stderr.splitlines()[0]) == (2, sentence)
    library.configure('attribute = "NONE"\nrestrictions = "mirror"')
    done = library.run("refresh", "--all")
    assert done.returncode == 2
    assert "attribute NONE" in done.stderr
    assert "restriction type PASSPORTED" in done.stderr
    assert (len(library.libb.requests), library.everything()) == (asked, before)
    library.configure(libb='branch = "MPL"\ncategory = "PT"')
    library.libb.knows("2100002", surname="Poe")
    made = library.asked("copy", "2100002", "--from", "LIBB")
    assert (made["columns"]["branchcode"], made["columns"]["categorycode"]) == ("MPL", "PT")
    assert "dateexpiry" not in made["columns"]


def test_a_certificate_of_another_authority_is_not_trusted(neighbours: Begin, tmp_path: Path) -> None:  # P17
    library = neighbours()
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    library.libb.ca_file = other
    library.configure()
    (answer,) = library.asked("look-up", LEE, "--from", "LIBB", code=1)["answers"]
    assert answer["outcome"] == "no_answer"
    assert answer["reason"] == "The certificate of LIBB is not by an authority that is trusted for it."
    assert library.libb.requests == []
    text = library.evenings.config.read_text(encoding="utf-8")
    library.evenings.config.write_text(text.replace(library.libb.url, "http://libb.example.org"), encoding="utf-8")
    assert library.run("look-up", LEE).returncode == 2


def test_without_encryption_only_this_machine_is_asked(tmp_path: Path, neighbours: Begin) -> None:
    library = neighbours()
    with HomeServer(tmp_path, "LIBD", "api", tls=False) as libd:
        libd.knows(LEE, **of_api(**PERSON))
        library.configure(more=libd.settings)
        assert outcomes(library.asked("look-up", LEE, "--from", "LIBD")) == {"LIBD": "found"}


@pytest.mark.parametrize(
    ("preparation", "reason"),
    [
        ("duplicate", "likely_duplicate"),
        ("mandatory", "missing_fields"),
        ("birth", "missing_fields"),
        ("guarantor", "needs_guarantor"),
    ],
)
def test_why_a_copy_is_refused(neighbours: Begin, preparation: str, reason: str) -> None:
    library = neighbours()
    match preparation:
        case "duplicate":
            a_patron(library.koha, surname="LEE", firstname="ann", born=date(1990, 4, 3))
        case "mandatory":
            library.koha.prefer("BorrowerMandatoryField", "surname|city,email|sex")
        case "birth":
            library.koha.execute("UPDATE categories SET dateofbirthrequired = 1 WHERE categorycode = 'PASS'")
            library.libb.knows(LEE, dateofbirth="1990-02-31")
        case _:
            library.koha.prefer("ChildNeedsGuarantor", "1")
            library.koha.execute("UPDATE categories SET can_be_guarantee = 1 WHERE categorycode = 'PASS'")
    before = library.rows()
    said = library.asked("copy", LEE, "--from", "LIBB", code=1)
    assert (said["outcome"], said["reason"], said["server"], said["number"]) == ("refused", reason, "LIBB", None)
    assert (said["columns"], said["messages"], said["attribute"]) == ({}, 0, None)
    assert library.rows() == before
    if preparation == "duplicate":
        assert library.asked("copy", LEE, "--from", "LIBB", "--not-duplicate")["outcome"] == "made"
    if preparation == "mandatory":
        library.libb.knows(LEE, email="ann@mail.example")
        assert library.asked("copy", LEE, "--from", "LIBB")["outcome"] == "made"


@pytest.mark.every_koha
def test_koha_s_own_rules_for_new_patrons_hold(neighbours: Begin) -> None:
    library = neighbours('copy = ["alternative", "language"]')
    library.koha.prefer("uppercasesurnames", "1")
    library.koha.prefer("EnhancedMessagingPreferences", "0")
    library.koha.execute(
        "UPDATE categories SET enrolmentperiod = 0, enrolmentperioddate = '2029-01-31', default_privacy = 'never' "
        "WHERE categorycode = 'PASS'"
    )
    library.libb.knows(LEE, B_streettype="é" * 200, B_city="Ogden\x07\n ville", lang="de-DE", title="Dr")
    made = library.asked("copy", LEE, "--from", "LIBB")
    row = library.patron(made["number"])
    assert (row["surname"], row["B_streettype"], row["B_city"]) == ("LEE", "é" * 127, "Ogden ville")
    assert (row["lang"], row["dateexpiry"], row["privacy"], made["messages"]) == ("de-DE", date(2029, 1, 31), 2, 0)
    assert (row["dateofbirth"], row["address"], row["phone"], row["title"]) == (None, None, None, "Dr")


def test_the_last_day_of_a_month_stays_in_its_month(neighbours: Begin) -> None:
    library = neighbours()
    library.koha.execute("UPDATE categories SET enrolmentperiod = 6 WHERE categorycode = 'PASS'")
    assert library.patron(library.copied(on=date(2026, 8, 31)))["dateexpiry"] == date(2027, 2, 28)


def test_without_a_server_named_the_one_home_is_found(neighbours: Begin) -> None:
    library = neighbours()
    done = library.run("copy", LEE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Made, from LIBB, patron number ")
    assert library.run("copy", LEE, "--from", "NOPE").returncode == 2


def test_without_passports_commands_say_so(neighbours: Begin) -> None:
    library = neighbours()
    library.evenings.configure()
    quiet = library.run("refresh", "--all")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    for args in (("look-up", LEE), ("copy", LEE), ("refresh", LEE), ("refresh", "--open-cases"), ("check",)):
        done = library.run(*args)
        assert (done.returncode, done.stderr.splitlines()[0]) == (2, "There is no table [passport] in the settings.")
    assert library.run("duplicates").returncode == 2


@pytest.mark.parametrize("password", ["", "gone", "wrong"])
def test_a_password_is_needed_and_never_shown(neighbours: Begin, password: str) -> None:
    library = neighbours()
    match password:
        case "gone":
            library.libb.password_file.unlink()
        case _:
            library.libb.password_file.write_text(password, encoding="utf-8")
    done = library.run("look-up", LEE, "--from", "LIBB")
    assert done.returncode == (1 if password == "wrong" else 2)
    assert len(library.libb.requests) == (password == "wrong")
    assert "wrong" not in done.stdout + done.stderr
