"""Cases, listed and moved."""

import csv
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY
from tests.builders.koha import a_patron, delete_patron, merge, owes, owing, pays

NORTH = """
[[library]]
name = "north"
branches = ["MPL"]
flag = "{flag}"
"""


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_cases_are_listed_by_state_and_month(library: Library) -> None:
    evenings = library()
    paying, owing = evenings.owing(card="1001"), evenings.owing(card="1002", surname="=1+1")
    assert evenings.does("cases") == "No such case.\n"
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, paying)
    evenings.does("nightly", on=MONDAY)
    everybody = rows(evenings.does("cases", "--format", "csv"))
    assert [(row["number"], row["state"], row["balance"], row["fee"]) for row in everybody] == [
        (str(paying), "released", "30.00", "10.00"),
        (str(owing), "open", "30.00", "10.00"),
    ]
    assert everybody[1]["surname"] == "'=1+1"
    (still,) = json.loads(evenings.does("cases", "--state", "open", "--format", "json"))["cases"]
    assert (still["number"], still["card"], still["last_due"], still["referred_on"]) == (
        owing,
        "1002",
        "40.00",
        str(SUNDAY),
    )
    assert len(rows(evenings.does("cases", "--referred", "2026-11", "--format", "csv"))) == 2
    assert rows(evenings.does("cases", "--referred", "2026-10", "--format", "csv")) == []
    assert rows(evenings.does("cases", "--library", "north", "--format", "csv")) == []
    table = evenings.does("cases", "--library", "global", "--state", "released")
    assert table.splitlines()[1].split()[:4] == ["1", "1001", "Example,", "Pat"]
    assert table.splitlines()[2:] == ["1 case (1 released): then 30.00, now 0.00, told 0.00, fees 10.00"]


def test_another_section_takes_over_open_cases(library: Library) -> None:
    evenings = library(tables=NORTH.format(flag="sort1"))
    here, there = evenings.owing(), evenings.owing(branch="MPL")
    evenings.does("nightly", on=SUNDAY)
    said = evenings.does("--verbose", "cases", "move", "north", "Global", on=MONDAY)
    assert said == "1 open case moved from north to Global\n"
    evenings.does("nightly")
    assert set(evenings.update(MONDAY)) == {here, there}
    for what, says in (
        (("north", "global"), "Section north has no open case"),
        (("global", "south"), "The sections are: global, north"),
    ):
        done = evenings.run("cases", "move", *what)
        assert done.returncode == 2
        assert says in done.stderr


@pytest.mark.parametrize("lists", ["all", "changed"])
def test_whoever_takes_over_cases_is_told_of_each_by_the_next_update(library: Library, lists: str) -> None:
    other = NORTH.format(flag="sort1") + 'send_to = ["other@agency.example"]\n'
    evenings = library(tables=other, policy=f'update_lists = "{lists}"')
    there = evenings.referred(branch="MPL")
    evenings.does("cases", "move", "north", "global", on=MONDAY)
    evenings.does("nightly")
    assert evenings.update(MONDAY) == {there: Decimal("40.00")}
    evenings.does("nightly", on=TUESDAY)
    assert evenings.update(TUESDAY) == ({there: Decimal("40.00")} if lists == "all" else {})


def test_cases_do_not_move_to_a_section_that_would_withdraw_them(library: Library) -> None:
    evenings = library(tables=NORTH.format(flag="sort2"))
    evenings.referred(branch="MPL")
    done = evenings.run("cases", "move", "north", "global", on=MONDAY)
    assert done.returncode == 2
    assert "no flag in sort1" in done.stderr
    assert evenings.cases()[0]["section"] == "north"


# What the cases owe today


def listed(evenings: Evenings, *options: str) -> dict[str, Any]:
    """The list of cases as programs have it."""
    answer: dict[str, Any] = json.loads(evenings.does("cases", "--format", "json", *options))
    return answer


def test_the_list_has_the_balance_of_today_beside_that_of_the_referral(library: Library) -> None:
    evenings = library()
    paying, paid = evenings.owing("30.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, paid)
    evenings.does("nightly", on=MONDAY)
    pays(evenings.koha, paying, "12.50")
    answer = listed(evenings)
    amounts = [[case[key] for key in ("balance", "balance_now", "last_due", "fee")] for case in answer["cases"]]
    assert amounts == [["30.00", "27.50", "40.00", "10.00"], ["50.00", None, "0.00", "10.00"]]
    assert answer["totals"] == {
        "cases": 2,
        "balance": "80.00",
        "balance_now": "27.50",
        "last_due": "40.00",
        "fee": "20.00",
    }
    (first, _) = rows(evenings.does("cases", "--format", "csv"))
    assert list(first)[-3:] == ["balance_now", "paused_on", "hold_until"]
    assert (first["last_due"], first["balance_now"]) == ("40.00", "27.50")
    said = evenings.does("cases").splitlines()
    assert said[0].split() == ["case", "card", "name", "referred", "then", "now", "told", "state"]
    assert said[1].split()[-4:] == ["30.00", "27.50", "40.00", "open"]
    assert said[-1] == "2 cases (1 open, 1 released): then 80.00, now 27.50, told 40.00, fees 20.00"
    nobody = listed(evenings, "--state", "merged")
    assert (nobody["cases"], nobody["totals"]["balance_now"]) == ([], "0.00")


@pytest.mark.parametrize("charges_by", ["patron", "charge"])
def test_it_is_the_section_s_balance_where_charges_belong_to_branches(library: Library, charges_by: str) -> None:
    tables = NORTH.format(flag="sort2") + f'[libraries]\ncharges_by = "{charges_by}"\n'
    evenings = library(tables=tables)
    patron = evenings.owing("30.00", branch="CPL")
    owes(evenings.koha, patron, "7.00", day=MONDAY, branch="MPL")
    evenings.does("nightly", on=SUNDAY)
    (case,) = listed(evenings)["cases"]
    assert case["balance_now"] == ("47.00" if charges_by == "patron" else "40.00")


def test_if_cards_were_merged_it_is_the_heir_s_and_if_the_patron_is_gone_nothing(library: Library) -> None:
    evenings = library()
    merged, gone = evenings.owing("30.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    heir = a_patron(evenings.koha)
    owes(evenings.koha, heir, "3.00", day=SUNDAY)
    merge(evenings.koha, heir, [merged])
    delete_patron(evenings.koha, gone)
    assert [case["balance_now"] for case in listed(evenings)["cases"]] == ["43.00", "0.00"]


def test_who_is_paused_is_shown_with_the_last_day_of_the_hold(library: Library) -> None:
    evenings = library()
    planned, bankrupt, twice, free = (evenings.owing(amount) for amount in ("30.00", "40.00", "50.00", "60.00"))
    evenings.does("nightly", on=SUNDAY)
    plan = ("--reason", "plan", "--until")
    evenings.does("hold", f"number:{planned}", f"number:{twice}", *plan, "2026-12-31")
    evenings.does("hold", f"number:{bankrupt}", "--reason", "bankruptcy")
    evenings.does("hold", f"number:{twice}", *plan, "2027-01-31")
    before = {case["patron"]: (case["paused_on"], case["hold_until"]) for case in listed(evenings)["cases"]}
    assert before == {
        planned: (None, "2026-12-31"),
        bankrupt: (None, None),
        twice: (None, "2027-01-31"),
        free: (None, None),
    }
    evenings.does("nightly", on=MONDAY)
    pays(evenings.koha, twice, "60.00")
    evenings.does("nightly", on=TUESDAY)
    cases = {
        case["patron"]: (case["state"], case["paused_on"], case["hold_until"]) for case in listed(evenings)["cases"]
    }
    assert cases == {
        planned: ("open", str(MONDAY), "2026-12-31"),
        bankrupt: ("open", str(MONDAY), None),
        twice: ("released", None, None),
        free: ("open", None, None),
    }
    in_csv = {row["patron"]: row for row in rows(evenings.does("cases", "--format", "csv"))}
    assert in_csv[str(planned)]["hold_until"] == "2026-12-31"
    assert (in_csv[str(bankrupt)]["paused_on"], in_csv[str(bankrupt)]["hold_until"]) == (str(MONDAY), "")
    said = evenings.does("cases").splitlines()
    assert said[0].split() == ["case", "card", "name", "referred", "then", "now", "told", "paused", "state"]


def test_without_a_policy_whole_accounts_are_told_and_no_section_s(library: Library) -> None:
    evenings = library()
    evenings.referred()
    whole = evenings.config.read_text(encoding="utf-8")
    koha_only, _, rest = whole.partition("[policy]")
    mail = rest[rest.index("[mail]") :]
    evenings.config.write_text(koha_only + mail, encoding="utf-8")
    assert listed(evenings)["cases"][0]["balance_now"] == "40.00"
    evenings.config.write_text(koha_only + '[libraries]\ncharges_by = "charge"\n' + mail, encoding="utf-8")
    assert listed(evenings)["cases"][0]["balance_now"] is None
    group = '[[library]]\nname = "north"\ngroup = "No such group"\n'
    evenings.config.write_text(whole.replace("[mail]", f"{group}[mail]"), encoding="utf-8")
    assert listed(evenings)["cases"][0]["balance_now"] == "40.00"


def test_more_cases_take_no_more_statements(library: Library) -> None:
    evenings = library()
    statements = []
    for day, more in ((SUNDAY, 2), (NEXT_SUNDAY, 30)):
        for _ in range(more):
            owing(evenings.koha, "30.00", day=day - timedelta(days=75))
        evenings.does("nightly", on=day)
        logged = evenings.run("--debug", "cases").stderr
        assert logged.count("FROM accountlines") == 1
        statements.append(logged.count("SELECT"))
    assert statements[0] == statements[1]
    assert len(listed(evenings)["cases"]) == 32
