"""Patrons on hold: bankrupt, in dispute, paying by instalments; by a command, and by a field of Koha."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library, dues
from tests.builders.days import LAST_SUNDAY, SUNDAY
from tests.builders.koha import (
    a_patron,
    an_attribute_type,
    balance,
    delete_patron,
    has_attribute,
    merge,
    owes,
    pays,
    void,
)
from tests.support.koha import KohaDatabase

COLLHOLD = 'hold = "attribute:COLLHOLD"\nhold_until = "attribute:HOLDUNTIL"'
BANKRUPT = ("--reason", "bankruptcy")
PLAN = ("--reason", "plan", "--until", "2026-12-31")
CAST = {"A": ("40.00", "09-10"), "B": ("30.00", "09-12"), "C": ("26.00", "09-14"), "E": ("50.00", "09-23")}
CAST |= {"G": ("45.00", "08-24")}


def november(day: int) -> date:
    """A day of November 2026."""
    return date(2026, 11, 1) + timedelta(days=day - 1)


def the_cast(koha: KohaDatabase) -> dict[str, int]:
    """Five adults, each with a lost charge; their cards are their letters."""
    patrons = {}
    for card, (amount, day) in CAST.items():
        patrons[card] = a_patron(koha, card=card, surname=card)
        owes(koha, patrons[card], amount, day=date.fromisoformat(f"2026-{day}"))
    return patrons


def sets(koha: KohaDatabase, patron: int, code: str, value: str | None) -> None:
    """Staff write this into the patron's attribute, or empty it."""
    of_patron = {"patron": patron, "code": code}
    koha.execute("DELETE FROM borrower_attributes WHERE borrowernumber = :patron AND code = :code", **of_patron)
    if value:
        has_attribute(koha, patron, code, value)


def with_fields(koha: KohaDatabase) -> None:
    an_attribute_type(koha, "COLLHOLD")
    an_attribute_type(koha, "HOLDUNTIL", is_date=1)


def submission(evenings: Evenings, day: date) -> dict[int, Decimal]:
    """Who was referred in the submission of that day, with the balance."""
    rows = evenings.stored(f"ums-new-submissions-{day}.csv").decode().splitlines()
    header = rows[0].split(",")
    if "borrowernumber" not in header:
        return {}
    place = header.index("Total_Due")
    return {int(row.split(",")[0]): Decimal(row.split(",")[place]) for row in rows[1:]}


def update(evenings: Evenings, day: int) -> dict[int, Decimal]:
    """What the night of that day of November says, made now if it is not yet."""
    evenings.does("nightly", on=november(day))
    return evenings.update(november(day))


def holds(koha: KohaDatabase) -> list[tuple[Any, ...]]:
    rows = koha.query("SELECT patron, source, reason, ended_by FROM gentle_nudge_hold ORDER BY id")
    return [tuple(row.values()) for row in rows]


def paused_on(koha: KohaDatabase, patron: int) -> date | None:
    day: date | None = koha.value("SELECT paused_on FROM gentle_nudge_case WHERE patron = :n", n=patron)
    return day


def in_the_sync(evenings: Evenings, koha: KohaDatabase) -> dict[int, Decimal]:
    """What a sync says now."""
    evenings.does("sync")
    latest = koha.value("SELECT file_name FROM gentle_nudge_report ORDER BY id DESC LIMIT 1")
    return dues(evenings.stored(latest))


# Before the referral


def test_a_patron_on_hold_is_not_referred(library: Library, koha: KohaDatabase) -> None:  # O1
    evenings, cast = library(), the_cast(koha)
    evenings.does("hold", "A", "--reason", "dispute", "--until", "2026-12-31", on=november(20))
    (night,) = json.loads(evenings.does("nightly", "--dry-run", "--format", "json", on=SUNDAY))
    assert night["left_out"] == {"ON_HOLD": 1}
    evenings.does("nightly", on=SUNDAY)
    referred = submission(evenings, SUNDAY)
    assert referred.keys() == {cast[card] for card in "BCEG"}
    assert sum(referred.values()) == Decimal("151.00")
    explained = json.loads(evenings.does("explain", "A", "--format", "json"))[0]
    assert (explained["reason"], explained["verdicts"]["ON_HOLD"]) == ("ON_HOLD", True)


def test_the_last_day_of_a_hold_is_included(library: Library, koha: KohaDatabase) -> None:
    evenings, cast = library(), the_cast(koha)
    evenings.does("hold", "A", "--reason", "dispute", "--until", str(SUNDAY), on=november(20))
    evenings.does("hold", "B", "--reason", "dispute", "--until", str(november(21)), on=november(20))
    evenings.does("nightly", on=SUNDAY)
    assert cast["A"] not in submission(evenings, SUNDAY)
    assert cast["B"] in submission(evenings, SUNDAY)
    assert [each[3] for each in holds(koha)] == [None, "date"]


def test_a_field_of_koha_keeps_back_until_staff_empty_it(library: Library, koha: KohaDatabase) -> None:  # O5
    with_fields(koha)
    evenings, cast = library(policy=COLLHOLD), the_cast(koha)
    sets(koha, cast["A"], "COLLHOLD", "PLAN")
    evenings.does("nightly", on=november(20))
    assert holds(koha) == [(cast["A"], "koha", "PLAN", None)]
    evenings.does("nightly", on=SUNDAY)
    assert submission(evenings, SUNDAY).keys() == {cast[card] for card in "BCEG"}
    evenings.does("nightly", on=november(28))
    sets(koha, cast["A"], "COLLHOLD", None)
    assert [each[3] for each in holds(koha)] == [None]
    evenings.does("nightly", on=november(29))
    assert holds(koha) == [(cast["A"], "koha", "PLAN", "field")]
    assert submission(evenings, november(29)).keys() == {cast["A"]}
    assert koha.query("SELECT * FROM borrower_attributes") == []


@pytest.mark.parametrize("value", ["1", "yes", "PLAN", "no", "0"])
@pytest.mark.parametrize("field", ["sort2", "attribute:COLLHOLD"])
def test_what_keeps_back_is_everything_but_a_no(library: Library, koha: KohaDatabase, field: str, value: str) -> None:
    with_fields(koha)
    evenings, cast = library(policy=f'hold = "{field}"'), the_cast(koha)
    if field == "sort2":
        koha.execute("UPDATE borrowers SET sort2 = :value WHERE cardnumber = 'A'", value=value)
    else:
        sets(koha, cast["A"], "COLLHOLD", value)
    evenings.does("nightly", on=SUNDAY)
    kept = value not in {"no", "0"}
    assert (cast["A"] not in submission(evenings, SUNDAY)) == kept
    assert holds(koha) == [(cast["A"], "koha", value, None)] * kept


def test_the_last_day_in_koha_is_included_and_one_that_is_no_day_keeps_back_for_good(  # O6
    library: Library, koha: KohaDatabase
) -> None:
    with_fields(koha)
    evenings, cast = library(policy=COLLHOLD), the_cast(koha)
    for card, until in (("A", "2026-11-22"), ("B", "2026-11-21"), ("C", "soon"), ("E", "20261122")):
        sets(koha, cast[card], "COLLHOLD", "PLAN")
        sets(koha, cast[card], "HOLDUNTIL", until)
    evenings.does("nightly", on=november(21))
    evenings.does("nightly", on=SUNDAY)
    assert submission(evenings, SUNDAY).keys() == {cast["B"], cast["G"]}
    evenings.does("nightly", on=november(23))
    ended = {row[0]: row[3] for row in holds(koha)}
    assert ended == {cast["A"]: "date", cast["B"]: "date", cast["C"]: None, cast["E"]: None}
    findings = json.loads(evenings.run("check", "--format", "json").stdout)
    (unreadable,) = [each for each in findings if each["name"] == "hold-until-unreadable"]
    assert unreadable["severity"] == "problem"
    assert "2 patrons" in unreadable["what"]


# A case on hold


def referred_and_held(evenings: Evenings, koha: KohaDatabase, *how: str) -> int:
    """A was referred on the 15th (40.00 and the fee) and is on hold since the evening of the 17th."""
    patron = a_patron(koha, card="A")
    owes(koha, patron, "40.00", day=date(2026, 9, 10))
    evenings.does("nightly", on=LAST_SUNDAY)
    for day in (16, 17):
        evenings.does("nightly", on=november(day))
    evenings.does("hold", "A", *(how or BANKRUPT), on=november(17))
    return patron


def test_a_case_on_hold_is_told_once_and_then_no_more_until_it_is_resumed(  # O2
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron = referred_and_held(evenings, koha)
    before = koha.query("SELECT accountlines_id, amountoutstanding FROM accountlines ORDER BY accountlines_id")
    assert in_the_sync(evenings, koha) == {}
    assert update(evenings, 18) == {patron: Decimal(0)}
    assert paused_on(koha, patron) == november(18)
    ((changed,),) = (night["changed"] for night in json.loads(evenings.does("night", "--format", "json")))
    case = koha.value("SELECT id FROM gentle_nudge_case WHERE patron = :n", n=patron)
    assert (changed["outcome"], changed["case"], changed["due"]) == ("paused", case, "0.00")
    assert in_the_sync(evenings, koha) == {}
    assert update(evenings, 19) == {}
    assert evenings.flag(patron) == "yes"
    assert len(koha.query("SELECT * FROM borrower_debarments")) == 1
    assert koha.query("SELECT accountlines_id, amountoutstanding FROM accountlines ORDER BY accountlines_id") == before
    assert len(before) == 2
    for day in range(20, 26):
        assert update(evenings, day) == {}
    evenings.does("resume", "A", on=november(25))
    assert in_the_sync(evenings, koha) == {patron: Decimal(50)}
    assert update(evenings, 26) == {patron: Decimal(50)}
    assert paused_on(koha, patron) is None
    assert update(evenings, 27) == {patron: Decimal(50)}
    assert koha.value("SELECT COUNT(*) FROM accountlines WHERE description LIKE 'UMS%'") == 1
    assert [case["state"] for case in evenings.cases()] == ["open"]
    assert holds(koha) == [(patron, "command", "bankruptcy", "resume")]


def test_a_hold_ends_with_its_last_day(library: Library, koha: KohaDatabase) -> None:  # O3
    evenings = library()
    patron = referred_and_held(evenings, koha, "--reason", "plan", "--until", "2026-11-30")
    update(evenings, 18)
    assert update(evenings, 30) == {}
    night = json.loads(evenings.does("nightly", "--dry-run", "--format", "json", on=date(2026, 12, 1)))[0]
    assert [each["number"] for each in night["resumed"]] == [patron]
    evenings.does("nightly", on=date(2026, 12, 1))
    assert evenings.update(date(2026, 12, 1)) == {patron: Decimal(50)}
    assert holds(koha) == [(patron, "command", "plan", "date")]


def test_who_pays_while_on_hold_is_released_and_the_agency_hears_the_last_word(  # O4
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron = referred_and_held(evenings, koha)
    update(evenings, 18)
    pays(koha, patron, "50.00")
    assert update(evenings, 19) == {patron: Decimal(0)}
    assert [case["state"] for case in evenings.cases()] == ["released"]
    assert holds(koha) == [(patron, "command", "bankruptcy", "released")]
    assert paused_on(koha, patron) is None


@pytest.mark.parametrize("listed", ["all", "changed"])
def test_hold_due_says_what_the_agency_is_told(library: Library, koha: KohaDatabase, listed: str) -> None:  # O7
    evenings = library(policy=f'hold_due = "balance"\nupdate_lists = "{listed}"')
    patron = referred_and_held(evenings, koha)
    assert update(evenings, 18) == {patron: Decimal(50)}
    assert update(evenings, 19) == {}
    evenings.does("resume", "A")
    assert update(evenings, 20) == {patron: Decimal(50)}


def test_hold_due_may_say_that_the_agency_is_told_nothing(library: Library, koha: KohaDatabase) -> None:  # O7
    evenings = library(policy='hold_due = "none"')
    patron = referred_and_held(evenings, koha)
    assert update(evenings, 18) == {}
    assert paused_on(koha, patron) == november(18)
    assert update(evenings, 19) == {}
    evenings.does("resume", "A")
    assert update(evenings, 20) == {patron: Decimal(50)}


def test_what_is_told_again_of_a_paused_case_is_told_by_hold_due(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = referred_and_held(evenings, koha)
    assert update(evenings, 18) == {patron: Decimal(0)}
    koha.execute(
        "UPDATE gentle_nudge_delivery SET state = 'cancelled' WHERE report_id = "
        "(SELECT MAX(id) FROM gentle_nudge_report)"
    )
    assert update(evenings, 19) == {patron: Decimal(0)}
    assert update(evenings, 20) == {}
    of_that_day = ("--day", "2026-11-17", "--report", "update")
    evenings.does("regenerate", *of_that_day, "--send", "--reason", "lost", on=november(20))
    evenings.does("deliver")
    assert update(evenings, 21) == {patron: Decimal(0)}
    assert update(evenings, 22) == {}


def test_a_submission_that_waits_is_delivered_and_the_update_after_it_tells_hold_due(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron = a_patron(koha, card="A")
    owes(koha, patron, "40.00", day=date(2026, 9, 10))
    evenings.does("nightly", on=LAST_SUNDAY)
    koha.execute("UPDATE gentle_nudge_delivery SET state = 'due', next_attempt = '2026-12-31'")
    evenings.does("hold", "A", *BANKRUPT)
    assert evenings.states() == ["due", "due"]
    assert update(evenings, 16) == {patron: Decimal(0)}
    assert evenings.states() == ["sent", "superseded", "sent"]


@pytest.mark.parametrize("ends", ["flag", "release", "deleted"])
def test_every_other_end_of_a_case_ends_the_hold_too_and_is_told(
    library: Library, koha: KohaDatabase, ends: str
) -> None:
    evenings = library()
    patron = referred_and_held(evenings, koha)
    update(evenings, 18)
    if ends == "flag":
        koha.execute("UPDATE borrowers SET sort1 = 'no'")
    elif ends == "release":
        evenings.does("release", "A", "--reason", "discharged", "--waive-fee")
    else:
        koha.execute("DELETE FROM accountlines")
        delete_patron(koha, patron)
    evenings.run("nightly", on=november(19))
    assert evenings.update(november(19)) == {patron: Decimal(0)}
    assert [each[3] for each in holds(koha)] == ["closed"]


def test_a_hold_goes_to_the_patron_who_was_kept(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = referred_and_held(evenings, koha)
    update(evenings, 18)
    kept = a_patron(koha, card="K")
    merge(koha, kept, [patron])
    assert update(evenings, 19) == {}
    assert holds(koha) == [(kept, "command", "bankruptcy", None)]
    assert update(evenings, 20) == {}
    evenings.does("resume", "K")
    assert update(evenings, 21) == {patron: Decimal(50)}


def test_a_hold_goes_over_whatever_becomes_of_the_case_and_the_longer_one_stays(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron = referred_and_held(evenings, koha, *PLAN)
    kept = a_patron(koha, card="K")
    owes(koha, kept, "30.00", day=date(2026, 9, 12))
    update(evenings, 22)
    evenings.does("hold", "K", "--reason", "dispute", "--until", "2026-12-01")
    update(evenings, 23)
    merge(koha, kept, [patron])
    assert update(evenings, 24) == {patron: Decimal(0)}
    assert holds(koha) == [(kept, "command", "plan", None), (kept, "command", "dispute", "replaced")]
    assert {case["state"] for case in evenings.cases()} == {"merged", "open"}


def test_a_patron_on_hold_who_is_gone_without_a_case_is_named_once(library: Library, koha: KohaDatabase) -> None:
    evenings, cast = library(), the_cast(koha)
    evenings.does("hold", "A", *PLAN, on=november(20))
    merge(koha, cast["B"], [cast["A"]])
    night = evenings.run("nightly", on=november(20))
    assert night.returncode == 0
    assert f"patron number {cast['A']} was on hold and is gone from Koha" in night.stderr
    assert [each[3] for each in holds(koha)] == ["closed"]
    evenings.does("nightly", on=november(21))


def test_no_case_is_reopened_while_its_patron_is_on_hold(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = referred_and_held(evenings, koha)
    payment = pays(koha, patron, "50.00")
    update(evenings, 18)
    evenings.does("hold", "A", *BANKRUPT)
    void(koha, payment)
    assert update(evenings, 19) == {}
    evenings.does("resume", "A")
    assert update(evenings, 20) == {patron: Decimal(50)}


def test_a_second_hold_replaces_reason_and_day_and_both_stay_in_the_history(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron = referred_and_held(evenings, koha)
    assert "replaces" in evenings.does("hold", "A", *PLAN)
    assert holds(koha) == [(patron, "command", "bankruptcy", "replaced"), (patron, "command", "plan", None)]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (("--reason", "plan"), "needs a last day"),
        (("--reason", "plan", "--until", "2026-11-16"), "before today"),
        (("--reason", "holiday", "--until", "2026-12-31"), "holiday"),
    ],
)
def test_a_hold_that_cannot_be_made_is_refused(
    library: Library, koha: KohaDatabase, how: tuple[str, ...], why: str
) -> None:
    evenings = library()
    a_patron(koha, card="A")
    refused = evenings.run("hold", "A", *how, on=november(17))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert why in refused.stderr
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_wish") == 0
    evenings.does("hold", "A", "--reason", "plan", "--until", "2026-11-17")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--ended",), "--ended belongs"),
        (("--library", "global"), "--library belongs"),
        (("--format", "table"), "--format belongs"),
        (("--ended", "--format", "json"), "--ended and --format belong"),
    ],
)
def test_what_chooses_among_holds_is_refused_beside_a_card(
    library: Library, koha: KohaDatabase, options: tuple[str, ...], named: str
) -> None:
    evenings, how = library(), ("--reason", "deceased")
    a_patron(koha, card="A")
    refused = evenings.run("hold", "A", *how, *options)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"{named} to the list of holds, not to a card." in refused.stderr
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_hold") == 0
    evenings.does("hold", "A", *how)
    evenings.does("hold", *options)


def test_a_hold_that_stands_in_koha_is_ended_there(library: Library, koha: KohaDatabase) -> None:
    with_fields(koha)
    evenings, cast = library(policy=COLLHOLD), the_cast(koha)
    sets(koha, cast["A"], "COLLHOLD", "PLAN")
    evenings.does("nightly", on=november(20))
    refused = evenings.run("resume", "A")
    assert refused.returncode == 2
    assert "empty the field" in refused.stderr
    evenings.does("hold", "A", *PLAN)
    assert "Another one goes on" in evenings.does("resume", "A")


# The fuse on pauses


def a_hundred_cases(evenings: Evenings, koha: KohaDatabase) -> list[int]:
    patrons = []
    for _ in range(100):
        patrons.append(a_patron(koha))
        owes(koha, patrons[-1], "40.00", day=date(2026, 9, 10))
    evenings.does("nightly", on=LAST_SUNDAY)
    return patrons


def test_an_import_into_kohas_field_pauses_nobody(library: Library, koha: KohaDatabase) -> None:  # O12
    with_fields(koha)
    evenings = library(policy=COLLHOLD)
    patrons = a_hundred_cases(evenings, koha)
    for patron in patrons[:21]:
        sets(koha, patron, "COLLHOLD", "1")
    refused = evenings.run("nightly", on=november(16))
    assert refused.returncode == 1
    assert "--most-endings 21" in refused.stderr
    assert evenings.update(november(16)) == dict.fromkeys(patrons, Decimal(50))
    assert len(in_the_sync(evenings, koha)) == 100
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_case WHERE paused_on IS NOT NULL") == 0
    evenings.does("nightly", "--most-endings", "21", on=november(17))
    assert sorted(evenings.update(november(17)).values()) == [Decimal(0)] * 21 + [Decimal(50)] * 79
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_case WHERE paused_on IS NOT NULL") == 21


def test_twenty_pauses_are_made_and_holds_by_command_do_not_count(library: Library, koha: KohaDatabase) -> None:
    with_fields(koha)
    evenings = library(policy=COLLHOLD)
    patrons = a_hundred_cases(evenings, koha)
    for patron in patrons[:20]:
        sets(koha, patron, "COLLHOLD", "1")
    evenings.does("hold", *(f"number:{patron}" for patron in patrons[20:50]), *BANKRUPT)
    assert sorted(update(evenings, 16).values()) == [Decimal(0)] * 50 + [Decimal(50)] * 50


def test_cases_ended_by_staff_count_with_the_pauses_and_end_by_their_own_number(
    library: Library, koha: KohaDatabase
) -> None:
    with_fields(koha)
    evenings = library(policy=COLLHOLD)
    patrons = a_hundred_cases(evenings, koha)
    for patron in patrons[:11]:
        sets(koha, patron, "COLLHOLD", "1")
    for patron in patrons[90:]:
        koha.execute("UPDATE borrowers SET sort1 = 'no' WHERE borrowernumber = :n", n=patron)
    refused = evenings.run("nightly", on=november(16))
    assert refused.returncode == 1
    assert "21 open cases would be paused" in refused.stderr
    told = evenings.update(november(16))
    assert [told[patron] for patron in patrons[:11]] == [Decimal(50)] * 11
    assert [told[patron] for patron in patrons[90:]] == [Decimal(0)] * 10


# Without holds


def test_without_holds_a_balance_is_told_every_night(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    cast = the_cast(koha)
    evenings.does("nightly", on=SUNDAY)
    assert update(evenings, 23) == {cast[card]: Decimal(amount) + 10 for card, (amount, _) in CAST.items()}
    assert balance(koha, cast["A"]) == Decimal(50)
    assert koha.query("SELECT * FROM gentle_nudge_hold") == []


# Asking, forgetting, keeping


def test_all_holds_are_listed(library: Library, koha: KohaDatabase) -> None:
    with_fields(koha)
    evenings = library(policy=COLLHOLD)
    patron = referred_and_held(evenings, koha, *PLAN, "--note", "pays 10.00 a month")
    other = a_patron(koha, card="F")
    sets(koha, other, "COLLHOLD", "1")
    update(evenings, 18)
    first, second = json.loads(evenings.does("hold", "--format", "json", on=november(18)))
    assert list(first) == [
        *("hold", "number", "card", "section", "reason", "note", "until", "source", "who", "since", "ended"),
        *("ended_by", "case", "paused_on", "balance"),
    ]
    told = {"number": patron, "card": "A", "section": None, "reason": "plan", "note": "pays 10.00 a month"}
    told |= {"until": "2026-12-31", "source": "command", "who": "tester", "ended": None, "ended_by": None}
    told |= {"case": 1, "paused_on": "2026-11-18", "balance": "50.00"}
    assert first.items() >= told.items()
    told = {"number": other, "section": "global", "source": "koha", "who": None, "case": None, "balance": "0.00"}
    assert second.items() >= told.items()
    assert "2 holds" in evenings.does("hold")
    evenings.does("resume", "A")
    assert [each["number"] for each in json.loads(evenings.does("hold", "--format", "json"))] == [other]
    both = json.loads(evenings.does("hold", "--ended", "--format", "json"))
    assert [each["ended_by"] for each in both] == ["resume", None]
    assert json.loads(evenings.does("hold", "--library", "north", "--format", "json")) == []
    assert evenings.does("hold", "--format", "csv").startswith("hold,number,card,")


def test_explain_tells_of_the_hold_and_not_of_its_note(library: Library, koha: KohaDatabase) -> None:
    with_fields(koha)
    evenings = library(policy=COLLHOLD)
    referred_and_held(evenings, koha, *PLAN, "--note", "secret")
    (explained,) = json.loads(evenings.does("explain", "A", "--format", "json", on=november(18)))
    (hold,) = explained["holds"]
    assert hold.items() >= {"reason": "plan", "until": "2026-12-31", "who": "tester", "case": 1}.items()
    assert "note" not in hold
    said = evenings.does("explain", "A")
    assert "on hold until 2026-12-31: plan, by tester, since 2026-11-17" in said
    assert "secret" not in said
    update(evenings, 18)
    (explained,) = json.loads(evenings.does("explain", "A", "--format", "json"))
    assert explained["in_collections"]["paused_on"] == "2026-11-18"
    assert "that day, paused since 2026-11-18." in evenings.does("explain", "A")


def test_the_note_leaves_the_library_nowhere(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    referred_and_held(evenings, koha, *PLAN, "--note", "secret")
    night = evenings.does("nightly", "--dry-run", "--format", "json", on=november(18))
    update(evenings, 18)
    mails = "".join(path.read_text("utf-8") for path in (evenings.folder / "mail").rglob("*") if path.is_file())
    everything = night + mails + str(koha.query("SELECT * FROM action_logs")) + str(evenings.cases())
    assert "secret" not in everything


def test_forget_drops_notes_and_reasons_also_of_a_patron_without_a_case(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    a_patron(koha, card="A")
    assert evenings.run("forget", "A", on=november(17)).returncode == 2
    evenings.does("hold", "A", *PLAN, "--note", "secret")
    evenings.does("resume", "A", "--reason", "Mr. Secret paid")
    evenings.does("forget", "A")
    kept = str(koha.query("SELECT * FROM gentle_nudge_wish")) + str(koha.query("SELECT * FROM gentle_nudge_hold"))
    assert "ecret" not in kept
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_wish") == 2


def test_holds_and_wishes_are_kept_keep_cases_days_after_their_end(library: Library, koha: KohaDatabase) -> None:
    evenings = library(tables="[archive]\nkeep_cases_days = 400\n")
    a_patron(koha, card="A")
    a_patron(koha, card="K")
    evenings.does("hold", "A", *PLAN, on=november(17))
    evenings.does("hold", "K", *BANKRUPT)
    evenings.does("resume", "A", on=november(18))
    evenings.run("nightly", on=november(18) + timedelta(days=400))
    assert len(holds(koha)) == 2
    evenings.run("nightly", on=november(18) + timedelta(days=401))
    assert [each[2] for each in holds(koha)] == ["bankruptcy"]
    assert koha.query("SELECT * FROM gentle_nudge_wish") == []


def test_a_dry_run_shows_who_would_be_paused_and_writes_nothing(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = referred_and_held(evenings, koha)
    (night,) = json.loads(evenings.does("nightly", "--dry-run", "--format", "json", on=november(18)))
    assert [each["number"] for each in night["paused"]] == [patron]
    assert night["resumed"] == []
    assert paused_on(koha, patron) is None
    assert "On hold" in evenings.does("nightly", "--dry-run")


@pytest.mark.parametrize("charges_by", ["patron", "charge"])
def test_a_field_of_koha_is_that_of_the_section(library: Library, koha: KohaDatabase, charges_by: str) -> None:
    with_fields(koha)
    north = '[[library]]\nname = "north"\nbranches = ["FPL"]\nhold = "attribute:COLLHOLD"\nflag = "sort2"\n'
    evenings = library(tables=f'{north}[libraries]\ncharges_by = "{charges_by}"\n')
    for branch in ("CPL", "FPL"):
        patron = a_patron(koha, card=branch, branch=branch)
        owes(koha, patron, "40.00", day=date(2026, 9, 10), branch=branch)
        sets(koha, patron, "COLLHOLD", "PLAN")
    evenings.does("nightly", on=SUNDAY)
    assert [(case["section"], case["card"]) for case in evenings.cases()] == [("global", "CPL")]
    recorded = {row["section"] for row in koha.query("SELECT section FROM gentle_nudge_hold WHERE ended IS NULL")}
    assert recorded == {"north"}


def test_a_field_that_koha_does_not_have_stops_the_night(library: Library, koha: KohaDatabase) -> None:
    evenings, _ = library(policy=COLLHOLD), the_cast(koha)
    refused = evenings.run("nightly", on=SUNDAY)
    assert refused.returncode == 2
    assert "COLLHOLD" in refused.stderr
    assert evenings.cases() == []
