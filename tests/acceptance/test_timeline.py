"""The road of a loan, by the command: each case with its days and amounts (T1 to T12)."""

import csv
import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.acceptance.lending import ANY, POLICY, Answer, Lending, days, events, names, of
from tests.builders.koha import a_patron, an_item, owes

T1 = ("FPL/PT/BK", "--checkout", "2026-03-02", "--price", "25")
pytestmark = pytest.mark.before_init
DUE = ("--due", "2026-03-16")
EASTER = ("CPL/PT/BK", "--due", "2026-03-27", "--price", "25")


def amounts(road: Answer, *kinds: str) -> list[str]:
    return [event["amount"] for event in events(road, *kinds)]


def balance_on(day: str, road: Answer) -> str:
    """What is owed at the end of that day."""
    balances: list[str] = [event["balance"] for event in road["events"] if event["day"] <= day]
    return balances[-1]


# T1: the whole road


@pytest.mark.every_koha
def test_a_loan_goes_from_the_courtesy_notice_to_the_agency(lending: Lending) -> None:
    lending.first_library()
    road = lending.road(*T1)
    assert (road["checkout"], road["due"], road["lost"]) == ("2026-03-02", "2026-03-16", "2026-04-15")
    assert days(road, "courtesy") == ["03-14"]
    fines = events(road, "fine")
    assert len(fines) == 20
    assert (fines[0]["day"], fines[0]["balance"]) == ("2026-03-17", "0.50")
    assert (fines[-1]["day"], fines[-1]["balance"]) == ("2026-04-05", "10.00")
    assert days(road, "notice") == ["03-23", "03-30", "04-13"]
    assert [event["letter"] for event in events(road, "notice")] == ["ODUE", "ODUE2", "ODUE3"]
    assert days(road, "restriction") == ["03-30"]
    assert [(event["day"], event["balance"]) for event in events(road, "blocked")] == [("2026-03-27", "5.50")]
    on_the_day = [(each["kind"], each["amount"]) for each in road["events"] if each["day"] == "2026-04-15"]
    assert on_the_day == [
        ("lost", None),
        ("forgiven", "-10.00"),
        *([("unblocked", None)] if ("unblocked", None) in on_the_day else []),
        ("processing", "5.00"),
        ("replacement", "25.00"),
        ("loan_closed", None),
    ]
    assert road["submission"] == {
        "day": "2026-06-15",
        "owed": "30.00",
        "balance": "30.00",
        "fee": "10.00",
        "balance_after": "40.00",
    }
    assert (road["balance"], road["section"], road["never"]) == ("40.00", "global", None)
    assert road["findings"] == []
    assert road["triggers"] == ("overduerules" if lending.has_tables else "circulation_rules")
    assert road["events"][-1]["kind"] == "submission"
    assert all(event["why"] for event in road["events"])


def test_every_key_of_the_answer_is_always_there(lending: Lending) -> None:
    lending.rule("issuelength", "14")
    road = lending.road("FPL/PT/BK")
    assert list(road) == [
        *("library", "item_library", "patron_library", "category", "itemtype", "patron", "triggers", "checkout", "due"),
        *("lost", "returned", "price", "balance", "section", "never", "submission", "events", "findings"),
    ]
    assert [event["kind"] for event in road["events"]] == ["checkout", "due"]
    assert names(road) == ["never-lost"]
    event = road["events"][0]
    assert list(event) == [
        *("day", "late", "open_late", "kind", "level", "letter", "transports", "amount", "balance", "text", "why")
    ]
    assert list(event["why"][0]) == ["source", "name", "value", "id", "scope"]
    assert road["never"]


def test_the_table_draws_fines_together_and_says_what_was_assumed(lending: Lending) -> None:
    lending.first_library()
    said = lending.says(*of("FPL/PT/BK"), *T1[1:])
    assert "2026-03-17 – 03-23" in said
    assert "fine 0.50 … 3.50 (7 nights)" in said
    assert "Lost on 2026-04-15, earliest to the agency on 2026-06-15 with 30.00." in said
    assert "fines.pl, overdue_notices.pl -t and advance_notices.pl -c, in this order" in said


def test_the_spreadsheet_has_every_event(lending: Lending) -> None:
    lending.first_library()
    road = lending.road(*T1)
    text = lending.says(*of("FPL/PT/BK"), *T1[1:], "--format", "csv")
    assert text.splitlines()[0] == "day,late,open_late,kind,level,letter,transports,amount,balance,text"
    rows = list(csv.DictReader(text.splitlines()))
    assert [(row["day"], row["kind"], row["amount"]) for row in rows] == [
        (event["day"], event["kind"], event["amount"] or "") for event in road["events"]
    ]
    assert {row["transports"] for row in rows if row["kind"] == "notice"} == {"email"}


# T3: the last notice after the loss


@pytest.mark.every_koha
def test_a_notice_that_counts_open_days_comes_after_the_loss(lending: Lending) -> None:
    lending.closed_as_cpl()
    lending.first_library()
    lending.koha.execute("DELETE FROM circulation_rules WHERE rule_name LIKE 'overdue%'")
    if lending.has_tables:
        lending.koha.execute("DELETE FROM overduerules")
    lending.triggers("", "PT", 7, 14, 30)
    lending.koha.prefer("DefaultLongOverdueDays", "30")
    lending.koha.prefer("OverdueNoticeCalendar", "1")
    road = lending.road(*EASTER)
    assert [(event["day"], event["late"]) for event in events(road, "notice")] == [
        ("2026-04-07", 11),
        ("2026-04-15", 19),
    ]
    assert road["lost"] == "2026-04-27"
    (finding,) = (each for each in road["findings"] if each["name"] == "lost-before-notice")
    assert finding["severity"] == "warning"
    assert "37" in finding["way_out"]
    assert "24" in finding["way_out"]
    lending.configure(tables="[timeline]\nlongoverdue_first = true\n")
    (finding,) = (each for each in lending.road(*EASTER)["findings"] if each["name"] == "lost-before-notice")
    assert "38" in finding["way_out"]
    assert "23" in finding["way_out"]
    lending.koha.prefer("OverdueNoticeCalendar", "0")
    lending.configure()
    road = lending.road(*EASTER)
    assert days(road, "notice") == ["04-03", "04-10", "04-26"]
    assert "lost-before-notice" not in names(road)


# T5: which rule wins


def many_rules(lending: Lending) -> None:
    lending.rule("fine", "0.10", ANY)
    lending.rule("fine", "0.20", ("CPL", None, None))
    lending.rule("fine", "0.30", ("CPL", "PT", None))
    lending.rule("fine", "1.00", (None, "PT", "DVD"))
    lending.rule("fine", "0.50", ("CPL", None, "DVD"))
    lending.rule("chargeperiod", "1")
    lending.rule("firstremind", "3")
    lending.rule("firstremind", "", ("CPL", "PT", None))


@pytest.mark.every_koha
def test_each_rule_name_is_won_by_its_most_specific_row(lending: Lending) -> None:
    many_rules(lending)
    rules = lending.ruled("CPL/PT/DVD")
    assert rules["fine"]["value"] == rules["fine"]["row"]["value"] == "0.30"
    assert [row["value"] for row in rules["fine"]["beaten"]] == ["0.50", "0.20", "1.00", "0.10"]
    assert rules["firstremind"]["value"] == ""
    first = {
        "CPL/PT/DVD": ("03-17", "0.30"),
        "CPL/ST/DVD": ("03-20", "2.00"),
        "MPL/PT/DVD": ("03-20", "4.00"),
        "MPL/ST/BK": ("03-20", "0.40"),
    }
    for combination, (day, amount) in first.items():
        fine = events(lending.road(combination, *DUE), "fine")[0]
        assert (fine["day"][5:], fine["amount"]) == (day, amount), combination
    assert "blank-hides-rule" in names(lending.road("CPL/PT/DVD", *DUE))
    assert "blank-hides-rule" not in names(lending.road("CPL/ST/DVD", *DUE))


def test_the_rules_are_shown_as_a_table_and_as_a_spreadsheet(lending: Lending) -> None:
    many_rules(lending)
    said = lending.says("rules", *of("CPL/PT/DVD"))
    assert "CPL / PT / *" in said
    assert "0.50 (CPL / * / DVD); 0.20 (CPL / * / *); 1.00 (* / PT / DVD); 0.10 (* / * / *)" in said
    assert "as installed" in said
    text = lending.says("rules", *of("CPL/PT/DVD"), "--format", "csv")
    rows = {row["name"]: row for row in csv.DictReader(text.splitlines())}
    assert text.splitlines()[0] == "name,value,library,category,itemtype,id,beaten"
    assert (rows["fine"]["value"], rows["fine"]["library"], len(rows["fine"]["beaten"].split())) == ("0.30", "CPL", 4)


# T8: triggers in both layouts


@pytest.mark.every_koha
def test_a_row_of_a_library_hides_the_default_where_triggers_are_tables(lending: Lending) -> None:
    lending.rule("issuelength", "14")
    lending.triggers("", "PT", 7, 14, 28)
    lending.triggers("CPL", "ST", 5, 10, 20)
    road = lending.road("CPL/PT/BK", *DUE)
    hidden = lending.has_tables
    assert days(road, "notice") == ([] if hidden else ["03-23", "03-30", "04-13"])
    assert ("triggers-hide-default" in names(road)) is hidden
    assert days(lending.road("FPL/PT/BK", *DUE), "notice") == ["03-23", "03-30", "04-13"]
    assert days(lending.road("CPL/ST/BK", *DUE), "notice") == ["03-21", "03-26", "04-05"]


@pytest.mark.every_koha
def test_a_category_without_notices_has_none_and_no_restriction(lending: Lending) -> None:
    lending.rule("issuelength", "14")
    lending.triggers("", "PT", 7, 14, 28, restricts=(2,))
    lending.koha.execute("UPDATE categories SET overduenoticerequired = 0 WHERE categorycode = 'PT'")
    road = lending.road("FPL/PT/BK", *DUE)
    assert events(road, "notice", "restriction") == []
    assert "category-without-notices" in names(road)


# T9: found again

BACK = ("--returned", "2026-05-02")
PAID = (*BACK, "--paid", "10.00")


@pytest.mark.parametrize(
    ("lost", "processing", "balances"),
    [
        ("refund", "refund", ("-10.00", "0.00")),
        ("refund_unpaid", "refund_unpaid", ("0.00", "0.00")),
        ("0", "0", ("20.00", "30.00")),
        ("restore", "refund", ("0.00", "10.00")),
        ("charge", "refund", ("0.00", "10.00")),
    ],
)
def test_what_is_owed_when_the_item_is_found_again(
    lending: Lending, lost: str, processing: str, balances: tuple[str, str]
) -> None:
    lending.first_library()
    lending.rules(lostreturn=lost, processingreturn=processing)
    road = lending.road(*T1, *PAID)
    payments = events(road, "payment")
    assert [(event["day"], event["amount"], event["balance"]) for event in payments] == [
        ("2026-05-02", "-10.00", "20.00")
    ]
    assert road["returned"] == "2026-05-02"
    assert (balance_on("2026-05-02", road), balance_on("2026-05-02", lending.road(*T1, *BACK))) == balances


def test_a_refund_is_given_for_so_many_days_only(lending: Lending) -> None:
    lending.first_library()
    lending.koha.prefer("NoRefundOnLostReturnedItemsAge", "180")
    refunded = lending.road(*T1, "--returned", "2026-10-11")
    assert len(events(refunded, "refund_lost")) == 1
    assert events(lending.road(*T1, "--returned", "2026-10-12"), "refund_lost") == []


# Whether and when it is referred (T10)


def test_the_threshold_says_whether_a_fine_that_is_not_forgiven_leads_to_the_agency(lending: Lending) -> None:
    lending.first_library()
    lending.koha.prefer("WhenLostForgiveFine", "0")
    lending.configure(threshold="35.00")
    submission = lending.road(*T1)["submission"]
    assert (submission["day"], submission["owed"]) == ("2026-06-15", "40.00")
    lending.configure(threshold="40.01")
    road = lending.road(*T1)
    assert (road["submission"], "never-referred" in names(road)) == (None, False)
    assert road["never"]
    lending.koha.prefer("DefaultLongOverdueChargeValue", "")
    road = lending.road(*T1)
    assert (road["lost"], road["balance"], "lost-not-charged" in names(road)) == ("2026-04-15", "10.00", True)


def test_charges_that_are_in_the_window_one_after_the_other_never_reach_the_threshold(lending: Lending) -> None:
    lending.first_library()
    lending.koha.prefer("WhenLostForgiveFine", "0")
    lending.koha.prefer("DefaultLongOverdueDays", "60")
    lending.koha.execute("UPDATE circulation_rules SET rule_value = '1.00' WHERE rule_name = 'fine'")
    lending.configure(threshold="38.00")
    road = lending.road(*T1)
    assert (days(road, "fine")[-1], road["submission"]) == ("03-26", None)
    assert "never-referred" in names(road)
    lending.configure(threshold="30.00")
    submission = lending.road(*T1)["submission"]
    assert (submission["day"], submission["owed"], submission["balance"]) == ("2026-07-20", "30.00", "40.00")


def test_a_letter_of_the_road_is_the_prior_notice(lending: Lending) -> None:
    lending.first_library()
    lending.configure(policy=f'{POLICY}\nprior_notice = ["ODUE3"]')
    road = lending.road(*T1)
    assert road["submission"] is None  # the last notice came before the lost charge
    assert road["never"]


def test_without_a_whole_policy_nobody_is_referred(lending: Lending) -> None:
    lending.first_library()
    text = lending.evenings.config.read_text(encoding="utf-8")
    lending.evenings.config.write_text(text.replace("threshold = 25.00", ""), encoding="utf-8")
    road = lending.road(*T1)
    assert (road["section"], road["submission"], road["balance"]) == (None, None, "30.00")
    assert "[policy]" in road["never"]


def test_the_section_of_the_patron_decides_or_that_of_the_item(lending: Lending) -> None:
    lending.first_library()
    section = '[libraries]\ncharges_by = "{by}"\n[[library]]\nname = "north"\nbranches = ["MPL"]\nflag = "sort2"\n'
    for by, expected in (("patron", "global"), ("charge", "global"), ("item", "north")):
        lending.configure(tables=section.format(by=by))
        road = lending.road(*T1, "--item-branch", "MPL", "--patron-branch", "FPL")
        assert road["section"] == expected


def test_reminders_go_out_until_the_submission(lending: Lending) -> None:
    lending.first_library()
    lending.configure(
        tables='[remind]\nminimum = 10\n[[remind.level]]\nafter_days = 30\nletter = "ODUE"\nfee = 2\n'
        '[[remind.level]]\nafter_days = 14\nletter = "NONE"\n'
    )
    road = lending.road(*T1)
    (reminder,) = events(road, "reminder")
    assert (reminder["day"], reminder["level"], reminder["amount"]) == ("2026-05-15", 1, "2.00")
    assert (reminder["letter"], reminder["transports"]) == ("ODUE", ["email"])
    assert road["submission"]["owed"] == "30.00"  # our own fee is in the balance alone
    assert road["submission"]["balance_after"] == "42.00"


# T11: three libraries


@pytest.mark.every_koha
def test_three_libraries_rule_one_loan(lending: Lending) -> None:
    lending.koha.prefer("CircControl", "PatronLibrary")
    lending.koha.prefer("OverdueNoticeFrom", "item-homebranch")
    lending.rules(issuelength="14", daysmode="Calendar", fine="0.10", chargeperiod="1")
    lending.rules(("MPL", None, None), issuelength="7", fine="0.70")
    lending.closed("MPL", weekday=1)
    lending.triggers("", "PT", 7)
    lending.triggers("FPL", "PT", 3)
    where = ("--item-branch", "FPL", "--patron-branch", "MPL")
    road = lending.road("CPL/PT/BK", "--checkout", "2026-03-02", *where)
    assert road["due"] == "2026-03-10"  # seven open days of MPL, which is closed on Mondays
    assert amounts(road, "fine")[0] == "0.70"
    assert days(road, "notice") == ["03-13"]
    assert (road["item_library"], road["patron_library"]) == ("FPL", "MPL")
    rules = lending.ruled("CPL/PT/BK", *where)
    assert (rules["fine"]["asked"]["library"], rules["issuelength"]["asked"]["library"]) == ("MPL", "MPL")
    if not lending.has_tables:
        assert rules["overdue_1_delay"]["asked"]["library"] == "FPL"
        assert rules["overdue_1_delay"]["value"] == "3"


# A patron


def test_a_patron_brings_category_library_and_courtesy_notice_along(lending: Lending) -> None:
    lending.first_library()
    lending.triggers("", "ST", 3)
    patron = a_patron(lending.koha, card="1001", branch="MPL", category="ST", surname="Quibbleworth")
    lending.courtesy(5, patron=patron)
    owes(lending.koha, patron, "3.00", type="OVERDUE")
    asked = ("--branch", "FPL", "--itemtype", "BK", "--patron", "1001", *DUE)
    lending.koha.prefer("MaxFine", "5.00")
    said = lending.says(*asked, "--format", "json")
    road = json.loads(said)
    assert (road["patron"], road["category"], road["patron_library"]) == (patron, "ST", "MPL")
    assert days(road, "courtesy") == ["03-11"]
    assert days(road, "notice") == ["03-19"]
    assert sum(map(Decimal, amounts(road, "fine"))) == Decimal("2.00")
    everything = said + "".join(lending.says(*asked, "--format", form) for form in ("table", "csv", "html"))
    assert "1001" not in everything
    assert "Quibbleworth" not in everything


# What is refused


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (of("FPX/PT/BK"), "Koha has no library FPX; did you mean FPL?"),
        (of("FPL/PTT/BK"), "Koha has no patron category PTT; did you mean PT?"),
        (of("FPL/PT/DVDS"), "Koha has no item type DVDS; did you mean DVD?"),
        ((*of("FPL/PT/BK"), "--item-branch", "ZZZZ"), "Koha has no library ZZZZ."),
        ((*of("FPL/PT/BK"), "--checkout", "2026-03-02", *DUE), "--checkout and --due exclude each other."),
        ((*of("FPL/PT/BK"), "--due", "2026-02-30"), "is no date"),
        ((*of("FPL/PT/BK"), "--price", "-1"), "--price -1"),
        ((*of("FPL/PT/BK"), "--price", "1.005"), "at most two decimals"),
        ((*of("FPL/PT/BK"), "--price", "1e3"), "written in digits"),
        ((*of("FPL/PT/BK"), "--patron", "1"), "--patron brings category and library along."),
        (("--branch", "FPL", "--itemtype", "BK", "--patron", "99"), "Koha has no patron with this card."),
        (("--branch", "FPL"), "--category and --itemtype are needed"),
        ((*of("FPL/PT/BK"), *DUE, "--paid", "5"), "A payment needs the day of the return."),
        (
            (*of("FPL/PT/BK"), *T1[1:], "--returned", "2026-04-14", "--paid", "5"),
            "There is no charge for the lost item that 5.00 could be paid on.",
        ),
        (
            (*of("FPL/PT/BK"), *T1[1:], "--returned", "2026-05-02", "--paid", "25.01"),
            "At most 25.00 can be paid on it.",
        ),
        ((*of("FPL/PT/BK"), *DUE, "--returned", "2028-06-01"), "800 days"),
        ((*of("FPL/PT/BK"), "--checkout", "2026-03-02", "--returned", "2026-03-01"), "before the check-out"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(lending: Lending, args: tuple[str, ...], sentence: str) -> None:
    lending.first_library()
    assert sentence in lending.refuses(*args)


def test_what_cannot_be_computed_is_refused(lending: Lending) -> None:
    assert "no circulation rules" in lending.refuses(*of("FPL/PT/BK"))
    lending.rule("issuelength", "14")
    lending.rule("lengthunit", "hours", (None, None, "DVD"))
    assert "by the hour" in lending.refuses(*of("FPL/PT/DVD"))
    for weekday in range(7):
        lending.closed("MPL", weekday=weekday)
    assert "5,000 days" in lending.refuses(*of("MPL/PT/BK"))


def test_wrong_options_of_longoverdue_are_a_wrong_setting(lending: Lending) -> None:
    lending.first_library()
    lending.configure(tables='[timeline]\nlongoverdue = "--confirm --lots 90=2"\n')
    assert "timeline.longoverdue: longoverdue.pl has no such option as number 2" in lending.refuses(*of("FPL/PT/BK"))
    lending.configure(tables='[timeline]\nlongoverdue = "--lost 90"\n')
    assert "timeline.longoverdue" in lending.refuses(*of("FPL/PT/BK"))
    lending.configure(tables='[timeline]\nlongoverdue = "--lost 9=2 --charge 2 --confirm"\n')
    assert lending.road(*T1)["lost"] == "2026-03-26"
    lending.configure(tables='[timeline]\nlongoverdue = "off"\n')
    road = lending.road(*T1)
    assert road["lost"] is None
    assert "never-lost" in names(road)


def test_the_database_away_is_exit_1(lending: Lending) -> None:
    lending.first_library()
    url = lending.koha.engine.url.set(port=1)
    text = lending.evenings.config.read_text(encoding="utf-8")
    lending.evenings.config.write_text(
        text.replace(f":{lending.koha.engine.url.port}", f":{url.port}"), encoding="utf-8"
    )
    done = lending.evenings.run("timeline", *of("FPL/PT/BK"))
    assert (done.returncode, done.stdout) == (1, "")


# What contradicts


def a_loan(lending: Lending, combination: str, *, price: str | None = "25.00", due: date = date(2026, 3, 9)) -> None:
    """A loan that is open now."""
    library, category, itemtype = combination.split("/")
    patron = a_patron(lending.koha, category=category)
    item = an_item(lending.koha, itype=itemtype, replacementprice=price and Decimal(price))
    lending.koha.put("issues", borrowernumber=patron, itemnumber=item, branchcode=library, date_due=f"{due} 23:59:00")


@pytest.mark.every_koha
def test_every_combination_that_occurs_is_judged(lending: Lending) -> None:
    lending.closed_as_cpl()
    lending.first_library()
    lending.koha.prefer("OverdueNoticeCalendar", "1")
    a_loan(lending, "CPL/PT/BK")
    a_loan(lending, "FPL/PT/BK")
    a_loan(lending, "FPL/PT/DVD", price=None)
    lending.rule("fine", "2.00", ("MPL", "PT", "BK"))
    lending.rule("lengthunit", "hours", ("MPL", "PT", "DVD"))
    answer = lending.contradictions()
    assert (answer["combinations"], answer["hourly"]) == (4, 1)
    by_name = {finding["name"]: finding for finding in answer["findings"]}
    concerned = [tuple(each.values()) for each in by_name["lost-before-notice"]["combinations"]]
    assert concerned == [("CPL", "PT", "BK")]
    assert ("FPL", "PT", "DVD") in [tuple(each.values()) for each in by_name["no-price"]["combinations"]]
    assert "1 of 1" in by_name["no-price"]["what"]
    one = lending.contradictions(*of("CPL/PT/BK"))
    assert (one["combinations"], "lost-before-notice" in names(one)) == (1, True)
    text = lending.says("check", "--format", "csv")
    assert text.splitlines()[0] == "name,severity,library,category,itemtype,what"
    assert "lost-before-notice,warning,CPL,PT,BK," in text
    assert "4 combinations judged, 1 lent by the hour left out" in lending.says("check")


def test_strict_is_exit_1_if_there_is_a_warning(lending: Lending) -> None:
    lending.first_library()
    a_loan(lending, "FPL/PT/BK")
    assert lending.contradictions()["findings"] == []
    assert lending.run("check", "--strict").returncode == 0
    lending.koha.prefer("DefaultLongOverdueDays", "20")
    assert lending.run("check").returncode == 0
    assert lending.run("check", "--strict").returncode == 1


def test_check_has_the_same_findings_and_does_not_fail_for_them(lending: Lending) -> None:
    lending.evenings.does("init", "--yes")
    found = json.loads(lending.evenings.run("check", "--format", "json").stdout)
    before = {finding["name"] for finding in found}
    assert "never-lost" not in before
    lending.first_library()
    a_loan(lending, "FPL/PT/BK")
    lending.koha.prefer("DefaultLongOverdueDays", "20")
    done = lending.evenings.run("check", "--format", "json")
    added = [finding for finding in json.loads(done.stdout) if finding["name"] not in before]
    assert [(finding["name"], finding["severity"]) for finding in added] == [("lost-before-notice", "warning")]
    assert "FPL/PT/BK" in added[0]["what"]


def test_open_loans_older_than_the_job_looks_back_are_counted(lending: Lending) -> None:
    lending.first_library()
    a_loan(lending, "FPL/PT/BK", due=date(2026, 3, 2) - timedelta(days=366))
    assert "older-than-maxdays" not in names(lending.contradictions())
    a_loan(lending, "FPL/PT/BK", due=date(2026, 3, 2) - timedelta(days=367))
    (finding,) = (each for each in lending.contradictions()["findings"] if each["name"] == "older-than-maxdays")
    assert "1 " in finding["what"]


# The page


def test_the_page_is_made_of_the_same_figures(lending: Lending) -> None:
    lending.first_library()
    page = lending.says(*of("FPL/PT/BK"), *T1[1:], "--format", "html")
    for shown in (
        '<time datetime="2026-03-16">Mon 16 Mar</time>',
        "lost on 15 April, earliest to the agency on 15 June</strong> with 30.00",
        "Nothing: on this road no setting contradicts another.",
        "gentle-nudge timeline --branch FPL --category PT --itemtype BK --checkout 2026-03-02 --price 25.00",
        "<desc",
    ):
        assert shown in page
