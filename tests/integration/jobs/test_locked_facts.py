"""Whatever a rule may ask about a patron is read again under lock: each fact, changed between plan and lock."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from typing import Any

import pytest

from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.policy import Scope, Section
from gentle_nudge.domain.collections.referral import Candidate, PatronRecords
from gentle_nudge.domain.ledger import Account
from gentle_nudge.domain.patron import Flag, Patron
from gentle_nudge.domain.report_row import ReportKind
from tests.builders.days import IN_THE_WINDOW, LAST_SUNDAY, SUNDAY
from tests.builders.koha import (
    a_guarantor,
    a_patron,
    an_item,
    claims_returned,
    delete_patron,
    has_attribute,
    is_sent,
    owes,
    pays,
)
from tests.integration.jobs.test_races import Race
from tests.support.koha import KohaDatabase
from tests.support.nights import a_policy

MINOR, ADULT = date(2015, 1, 1), date(1980, 5, 5)
CPL = Scope(branches=frozenset({"CPL"}), all_but=False)


def sets(table: str, what: str) -> Callable[[KohaDatabase, int], object]:
    """The patron's rows in this table are changed."""
    statement = f"UPDATE {table} SET {what} WHERE borrowernumber = :n"
    return lambda koha, patron: koha.execute(statement, n=patron)


def a_case_elsewhere(koha: KohaDatabase, patron: int) -> None:
    """Another section has opened a case for the patron."""
    koha.execute(
        "INSERT INTO gentle_nudge_case (section, patron, number, open_key, adopted, state, to_report) "
        "VALUES ('north', :n, :n, :n, 0, 'open', 0)",
        n=patron,
    )
    koha.execute("UPDATE gentle_nudge_meta SET note = note + 1")


def a_hold(koha: KohaDatabase, patron: int) -> None:
    """Somebody has put the patron on hold."""
    koha.execute(
        "INSERT INTO gentle_nudge_hold (patron, reason, source, since, open_key) "
        "VALUES (:n, 'bankruptcy', 'command', '2026-11-22', CONCAT(:n, ' command'))",
        n=patron,
    )
    koha.execute("UPDATE gentle_nudge_meta SET note = note + 1")


def is_listed(koha: KohaDatabase, patron: int) -> None:
    """The patron stands on the list for the Sunday."""
    listed = koha.put("gentle_nudge_list", section="global", for_day=SUNDAY, made=LAST_SUNDAY, state="open")
    koha.execute(
        "INSERT INTO gentle_nudge_list_row (list_id, patron, owed, balance, marks, outcome) "
        "VALUES (:listed, :patron, 30, 30, '', 'listed')",
        listed=listed,
        patron=patron,
    )


def is_left_out(koha: KohaDatabase, patron: int) -> None:
    """Staff leave the patron out."""
    koha.execute("UPDATE gentle_nudge_list_row SET outcome = 'left_out' WHERE patron = :patron", patron=patron)
    koha.execute("UPDATE gentle_nudge_meta SET note = note + 1")


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happens between plan and lock, and under which rules; `before` prepares the patron.

    `shown` says how the submission follows, without it nobody is in the submission. `at` is the table whose lock the
    change comes before.
    """

    happens: Callable[[KohaDatabase, int], object]
    shown: dict[str, str] = field(default_factory=dict)
    recorded: str = ""
    rules: dict[str, Any] = field(default_factory=dict)
    section: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    before: Callable[[KohaDatabase, int], object] = lambda _koha, _patron: None
    at: str = "borrowers"


CHANGES: dict[type, dict[str, Change]] = {
    Patron: {
        "number": Change(happens=delete_patron),
        "card": Change(happens=sets("borrowers", "cardnumber = 'N-1'"), shown={"cardnumber": "N-1"}),
        "surname": Change(happens=sets("borrowers", "surname = 'New'"), shown={"surname": "New"}),
        "firstname": Change(happens=sets("borrowers", "firstname = 'New'"), shown={"firstname": "New"}),
        "branch": Change(happens=sets("borrowers", "branchcode = 'FPL'"), section={"scope": CPL}),
        "category": Change(
            happens=sets("borrowers", "categorycode = 'J'"), rules={"excluded_categories": frozenset({"J"})}
        ),
        "category_type": Change(
            happens=lambda koha, _patron: koha.execute("UPDATE categories SET category_type = 'X'"),
            shown={"Adult or Child": "X"},
            at="gentle_nudge_meta",
        ),
        "born": Change(happens=sets("borrowers", f"dateofbirth = '{MINOR}'"), rules={"minors": "exclude"}),
        "protected": Change(happens=sets("borrowers", "protected = 1")),
        "anonymized": Change(happens=sets("borrowers", "anonymized = 1")),
        "used_before": Change(
            happens=lambda koha, patron: koha.put("deletedborrowers", borrowernumber=patron),
            shown={"Total_Due": "30.00"},
            recorded="SELECT used_before FROM gentle_nudge_case",
        ),
        "flag": Change(happens=sets("borrowers", "sort1 = 'yes'")),
        "exemption": Change(happens=sets("borrowers", "sort2 = 'yes'"), rules={"exemption": Flag.parse("sort2")}),
        "hold": Change(happens=sets("borrowers", "sort2 = 'PLAN'"), rules={"hold": Flag.parse("sort2")}),
        "hold_until": Change(
            happens=sets("borrower_attributes", "attribute = '2026-12-31'"),
            before=lambda koha, patron: has_attribute(koha, patron, "HOLDUNTIL", "2026-11-21"),
            rules={"hold": Flag.parse("sort2"), "hold_until": Flag.parse("attribute:HOLDUNTIL")},
            columns={"sort2": "PLAN"},
        ),
        "guardian": Change(
            happens=lambda koha, _patron: koha.execute("DELETE FROM borrower_relationships"),
            before=lambda koha, patron: a_guarantor(koha, of=patron),
            rules={"minors": "guardian"},
            columns={"born": MINOR},
        ),
        "is_gone": Change(
            happens=sets("borrowers", "gonenoaddress = 1"),
            rules={"unreachable": "exclude"},
            columns={"email": "p@example.org"},
        ),
        "has_contact": Change(
            happens=sets("borrowers", "email = ' '"),
            rules={"unreachable": "exclude"},
            columns={"email": "p@example.org"},
        ),
    },
    Account: {
        "owed": Change(happens=sets("accountlines", "date = '2026-11-20'")),
        "balance": Change(happens=lambda koha, patron: pays(koha, patron, "3.00"), shown={"Total_Due": "27.00"}),
        "whole_balance": Change(
            happens=lambda koha, patron: owes(koha, patron, "-10.00", branch="FPL"),
            section={"scope": CPL, "charges_by": "charge"},
        ),
        "lost_charge": Change(
            happens=sets("accountlines", "debit_type_code = 'OVERDUE'"), rules={"require_lost_fee": True}
        ),
        "latest_charge": Change(
            happens=sets("accountlines", f"date = '{IN_THE_WINDOW} 21:00:00'"),
            shown={"Most recent charge": f"{IN_THE_WINDOW} 17:00:00"},
        ),
        "has_lines_here": Change(
            happens=sets("accountlines", "branchcode = 'FPL'"), section={"scope": CPL, "charges_by": "charge"}
        ),
        "lines": Change(
            happens=sets("accountlines", "debit_type_code = 'OVERDUE'"),
            shown={"Total_Due": "30.00"},
            recorded="SELECT GROUP_CONCAT(type) FROM gentle_nudge_case_line WHERE type = 'OVERDUE'",
        ),
        "last_payment": Change(
            happens=lambda koha, patron: pays(koha, patron, "1.00"), rules={"defer_after_payment": 60}
        ),
    },
    PatronRecords: {
        "open_cases": Change(happens=a_case_elsewhere, at="gentle_nudge_meta"),
        "holds": Change(happens=a_hold, at="gentle_nudge_meta"),
        "place": Change(before=is_listed, happens=is_left_out, at="gentle_nudge_meta"),
        "notices": Change(
            before=lambda koha, patron: is_sent(koha, patron, "BILL", day=SUNDAY - timedelta(days=14)),
            happens=lambda koha, _patron: koha.execute("UPDATE message_queue SET status = 'failed'"),
            rules={"prior_notice": ("BILL",)},
        ),
    },
}
CASES = [
    pytest.param(change, id=f"{kind.__name__}.{name}")
    for kind, changes in CHANGES.items()
    for name, change in changes.items()
]


@pytest.mark.parametrize("kind", CHANGES)
def test_every_fact_about_a_patron_has_its_change_here(kind: type) -> None:
    assert {each.name for each in fields(kind)} == CHANGES[kind].keys()


def test_a_candidate_is_nothing_but_patron_account_and_records() -> None:
    assert {each.name for each in fields(Candidate)} == {"patron", "account", "records"}


@pytest.mark.parametrize("change", CASES)
def test_what_changes_between_plan_and_lock_is_judged_again(koha: KohaDatabase, change: Change) -> None:
    patron = a_patron(koha, **({"born": ADULT} | change.columns))
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, branch="CPL")
    nights = Race(koha, Section(policy=a_policy(**change.rules), **change.section))
    change.before(koha, patron)
    foreseen = nights.dry_run()
    assert foreseen is not None
    assert [referral.number for referral in foreseen.of(Referral)] == [patron]
    nights.night_in_which(lambda: change.happens(koha, patron), at=change.at)
    rows = nights.rows(ReportKind.SUBMISSION)
    if not change.shown:
        assert rows == []
        assert nights.fees()[patron] == 0
    else:
        assert [{header: row[header] for header in change.shown} for row in rows] == [change.shown]
        assert nights.fees()[patron] == 1
    if change.recorded:
        assert koha.value(change.recorded)


def test_a_date_of_birth_mended_between_plan_and_lock_says_anew_which_charges_count(koha: KohaDatabase) -> None:
    patron = a_patron(koha, born=ADULT)
    owes(koha, patron, "30.00", day=IN_THE_WINDOW)
    nights = Race(koha, Section(policy=a_policy(charged_as_minor="leave_out")))
    assert nights.dry_run() is not None
    nights.night_in_which(lambda: koha.execute("UPDATE borrowers SET dateofbirth = '2009-01-01'"), at="borrowers")
    assert nights.rows(ReportKind.SUBMISSION) == []
    assert nights.fees()[patron] == 0


def test_a_claim_made_between_plan_and_lock_says_anew_which_charges_count(koha: KohaDatabase) -> None:
    patron, item = a_patron(koha, born=ADULT), an_item(koha)
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, item=item)
    nights = Race(koha, Section(policy=a_policy(claims_returned="leave_out")))
    assert nights.dry_run() is not None
    nights.night_in_which(lambda: claims_returned(koha, patron, item), at="borrowers")
    assert nights.rows(ReportKind.SUBMISSION) == []
    assert nights.fees()[patron] == 0
