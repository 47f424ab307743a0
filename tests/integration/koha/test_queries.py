"""Each query reads Koha's tables by the indexes that its docstring names, as MariaDB plans it on a library's tables."""

import re
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, update

from gentle_nudge.domain.case import CaseState
from gentle_nudge.jobs.setup.grants import OLDER
from gentle_nudge.koha.read.plugin_data import LOG_MODULE, SINGLE
from gentle_nudge.store.tables import (
    attempt,
    case,
    case_line,
    case_pause,
    delivery,
    hold,
    notice,
    passport,
    report,
    report_row,
    review_list,
    review_list_row,
    run,
)
from gentle_nudge.texts.koha_reports import REPORTS, sql_of
from tests.builders.koha import an_item
from tests.builders.ours import DAY, NOW
from tests.integration.store.conftest import with_our_tables
from tests.koha_schema import VERSIONS, create_statements
from tests.support.koha import CATEGORIES, KohaDatabase, explained
from tests.support.queries import SAMPLES, every_query

PATRONS = range(1, 3001)
QUERIES = every_query()
# The reports for Koha (`koha-report`): table by its letter -> the index by which it is read; only ours are read whole.
PERSON = {"b": "PRIMARY", "d": "borrowernumber"}
TOLD = {"t": "gentle_nudge_report_row_case", "p": "PRIMARY", "r": "PRIMARY"}
REPORTS_READ = {
    "open-cases": {"c": "none", **PERSON, "h": "gentle_nudge_hold_patron", "a": "acctsborridx"},
    "card": {"c": "none", **PERSON, **TOLD, "h": "gentle_nudge_case_pause_case"},
    "still-blocked": {"c": "none", "d": "PRIMARY", "b": "PRIMARY", "o": "gentle_nudge_case_patron"},
    "holds": {"h": "none", "b": "PRIMARY", "c": "gentle_nudge_case_patron"},
    "list": {"l": "none", "r": "PRIMARY", "b": "PRIMARY"},
    "invoice": {"c": "none", **PERSON},
    "undelivered": {"d": "gentle_nudge_delivery_next", "p": "PRIMARY", "a": "PRIMARY", "t": "delivery_id"},
}


@pytest.mark.own_server  # each version plans in its own way
def test_every_query_reads_by_the_indexes_that_its_docstring_names(a_library: Engine) -> None:
    with a_library.connect() as conn:
        used = {query.name: indexes_used(conn, query.statement) for query in QUERIES}
    assert used == {query.name: query.indexes for query in QUERIES}


@pytest.mark.own_server  # each version plans in its own way
def test_every_report_for_koha_reads_large_tables_by_an_index(a_library: Engine) -> None:
    on_hold = {"reason": "plan", "source": "command", "since": NOW}
    on_list = {"owed": 1, "balance": 1, "marks": "", "outcome": "listed"}
    a_list = {"for_day": DAY, "made": DAY, "state": "used"}
    pairs = [(number, case_number) for number in PATRONS for case_number in (number, 3001 - number)]
    with a_library.begin() as conn:
        conn.execute(insert(hold), [on_hold | {"patron": number} for number in range(1, 1001)])
        conn.execute(
            insert(review_list), [a_list | {"id": number, "section": f"s{number}"} for number in range(1, 101)]
        )
        conn.execute(insert(review_list_row), [on_list | {"list_id": 1 + n % 100, "patron": n} for n in PATRONS])
        conn.execute(insert(report_row), [{"report_id": n, "case_id": m, "due": 1} for n, m in pairs])
        conn.execute(insert(case_pause), [{"case_id": n, "since": DAY} for n in PATRONS])
        conn.execute(insert(attempt), [{"delivery_id": n, "at": NOW, "outcome": "failed"} for n in PATRONS])
        for table in conn.exec_driver_sql("SHOW TABLES LIKE 'gentle%%'").scalars().all():
            conn.exec_driver_sql(f"ANALYZE TABLE {table}").all()
    with a_library.connect() as conn:
        used = {name: indexes_used(conn, re.sub("<<[^>]+>>", "'2026-11'", sql_of(name))) for name in REPORTS}
    assert used == REPORTS_READ


@pytest.mark.own_server  # each version plans in its own way
def test_koha_counts_the_open_cases_and_shows_a_page_without_adding_up_everybody_s_lines(a_library: Engine) -> None:
    sql = sql_of("open-cases").replace("%", "%%")
    read = []
    with a_library.connect() as conn:
        for statement in (f"SELECT COUNT(*) FROM ({sql}) AS results", f"{sql} LIMIT 0, 20", sql):
            conn.exec_driver_sql("FLUSH LOCAL STATUS")
            rows = conn.exec_driver_sql(statement).all()
            read.append(conn.exec_driver_sql("SHOW LOCAL STATUS LIKE 'Handler_read_next'").one()[1])
    count, page, whole = map(int, read)
    assert len(rows) == 1000
    assert whole >= 3000  # three lines of each
    assert count == 0
    assert page <= 3 * 20


def indexes_used(conn: Connection, statement: str) -> dict[str, str]:
    """Table -> the index by which MariaDB would read it, or none; a filter by a second index is left out."""
    plan = explained(conn, statement.replace("%", "%%"))
    tables = (row for row in plan if row["table"] and not row["table"].startswith("<"))
    return {row["table"]: (row["key"] or "none").partition("|")[0] for row in tables}


def that_lends(koha: KohaDatabase) -> None:
    """It has circulation rules, and its patrons want messages."""
    for statement in create_statements(VERSIONS[0]):  # what a newer Koha does not have any more
        if any(f"CREATE TABLE `{table}`" in statement for table in OLDER):
            koha.spoil(statement)
    scopes = ((branch, category) for branch in ("CPL", "FPL", None) for category in ("PT", "ST", None))
    koha.put_many(
        "circulation_rules",
        (
            {"branchcode": branch, "categorycode": category, "rule_name": f"rule{n}", "rule_value": "1"}
            for branch, category in scopes
            for n in range(30)
        ),
    )
    messages_known = enumerate(("Item_Due", "Advance_Notice", "Other"), start=1)
    koha.put_many(
        "message_attributes", ({"message_attribute_id": n, "message_name": name} for n, name in messages_known)
    )
    koha.put_many(
        "borrower_message_preferences",
        (
            {"borrower_message_preference_id": n, "borrowernumber": n, "message_attribute_id": 1 + n % 3}
            for n in PATRONS
        ),
    )
    koha.put_many(
        "borrower_message_transport_preferences",
        ({"borrower_message_preference_id": n, "message_transport_type": "email"} for n in PATRONS),
    )


@pytest.fixture
def a_library(koha: KohaDatabase) -> Engine:
    """A Koha whose tables are large enough that a plan says something."""
    items = [an_item(koha) for _ in range(20)]
    koha.put_many("borrowers", (a_row(number) for number in PATRONS))
    koha.put_many("accountlines", (a_line(number, items) for number in range(1, 9001)))
    applied = ({"credit_id": n, "debit_id": 1 + n % 9000, "type": "APPLY", "amount": -1} for n in range(1, 9001))
    koha.put_many("account_offsets", applied)
    for code in ("COLLECT", "OTHER"):
        koha.put("borrower_attribute_types", code=code, description=code)
    codes = ("COLLECT", *["OTHER"] * 29)
    attributes = ({"borrowernumber": n, "code": codes[n % 30], "attribute": "1" if n % 60 else "no"} for n in PATRONS)
    koha.put_many("borrower_attributes", attributes)
    koha.put_many("borrower_debarments", ({"borrowernumber": n, "type": "MANUAL"} for n in PATRONS))
    vouching = ({"guarantee_id": n, "guarantor_id": 3001 - n, "relationship": "parent"} for n in range(1, 1001))
    koha.put_many("borrower_relationships", vouching)
    modules = (LOG_MODULE, *["FINES"] * 50)
    koha.put_many("action_logs", ({"module": modules[n % 51], "action": "CREATE", "info": str(n)} for n in PATRONS))
    for plugin in (SINGLE, *(f"Koha::Plugin::Other{n}" for n in range(50))):
        koha.put("plugin_data", plugin_class=plugin, plugin_key="__ENABLED__", plugin_value="1")
        koha.put("plugin_methods", plugin_class=plugin, plugin_method="report")
    koha.put_many("authorised_value_categories", [{"category_name": name} for name in ("Bsort1", "CCODE")])
    values = ({"category": "Bsort1" if n < 3 else "CCODE", "authorised_value": str(n)} for n in range(300))
    koha.put_many("authorised_values", values)
    koha.put("message_transport_types", message_transport_type="email")
    message = {"message_transport_type": "email", "status": "sent"}
    letters = ("BILL", *["ODUE"] * 20)
    messages = ({**message, "borrowernumber": n, "letter_code": letters[n % 21]} for n in PATRONS)
    koha.put_many("message_queue", messages)
    koha.put_many(
        "letter", ({"module": "circulation", "code": f"L{n}", "message_transport_type": "email"} for n in range(300))
    )
    that_lends(koha)
    koha.put_many(
        "return_claims", ({"borrowernumber": n, "itemnumber": items[0], "created_by": n} for n in PATRONS[::10])
    )
    patrons_of_elsewhere(koha)
    with_our_tables(koha.engine)
    with koha.engine.begin() as conn:
        seen = {"server": "LIBB", "first_seen": DAY, "last_seen": DAY, "home": "{}"}
        conn.execute(insert(passport), [seen | {"patron": n} for n in PATRONS])
        conn.execute(insert(case), [a_case_row(number) for number in PATRONS])
        lines = [
            {"case_id": n, "line": line, "outstanding": 1, "counted": True} for n in PATRONS for line in (n, n + 1)
        ]
        conn.execute(insert(case_line), lines)
        kept = [{"message_id": n, "patron": n, "letter": letters[n % 21], "sent_on": DAY} for n in PATRONS]
        conn.execute(insert(notice), kept)
        conn.execute(
            insert(run),
            {"id": 1, "section": "x", "report": "update", "day": DAY, "number": 1, "late": False, "started": NOW},
        )
        of_run = {"run_id": 1, "file_name": "x", "size": 0, "rows": 0, "sha256": "", "subject": "", "body": ""}
        conn.execute(insert(report), [of_run | {"id": n} for n in PATRONS])
        queue = [
            {
                "report_id": n,
                "channel": "email",
                "recipient": "x",
                "state": "sent",
                "attempts": 1,
                "is_repeat": False,
                "next_attempt": NOW,
                "since": NOW,
                "queued": NOW,
            }
            for n in PATRONS
        ]
        conn.execute(insert(delivery), queue)
        conn.execute(update(case).values(told_in=1 + case.c.id % 20))
    with koha.engine.connect() as conn:
        for table in {table for query in QUERIES for table in query.indexes}:
            conn.exec_driver_sql(f"ANALYZE TABLE `{table}`").all()
    return koha.engine


def patrons_of_elsewhere(koha: KohaDatabase) -> None:
    """What is read of patrons from other libraries."""
    permitted = ({"borrowernumber": n, "module_bit": n % 20, "code": "circulate"} for n in PATRONS[::10])
    koha.put_many("user_permissions", permitted)
    of_categories = [{"categorycode": code, "message_attribute_id": 1} for code in CATEGORIES for _ in range(2)]
    koha.put_many("borrower_message_preferences", of_categories)


def a_row(number: int) -> dict[str, Any]:
    """A patron; one of them logs in as the samples say."""
    sampled = number == 101
    return {
        "borrowernumber": number,
        "cardnumber": SAMPLES["card"] if sampled else f"card{number}",
        "userid": SAMPLES["login"] if sampled else f"user{number}",
        "surname": f"Patron {number % 700}",
        "branchcode": "CPL",
        "categorycode": "PT",
    }


def a_case_row(number: int) -> dict[str, Any]:
    """A case; every third is open, and a few were withdrawn."""
    state = CaseState.OPEN if number % 3 == 0 else CaseState.WITHDRAWN if number % 100 == 1 else CaseState.PAID
    is_open = state is CaseState.OPEN
    return {
        "id": number,
        "section": "north" if number % 10 else "south",
        "patron": number,
        "open_key": number if is_open else None,
        "adopted": False,
        "fee_line": number,
        "restriction": number,
        "state": state,
        "closed_on": None if is_open else date(2026, 11, 1),
        "to_report": False,
    }


def a_line(number: int, items: list[int]) -> dict[str, Any]:
    """A line, most of them of other types than our fee."""
    return {
        "accountlines_id": number,
        "borrowernumber": PATRONS[number % 3000],
        "itemnumber": items[number % len(items)],
        "debit_type_code": "OVERDUE" if number % 40 else "MANUAL",
        "amountoutstanding": number % 3,
        "date": f"2026-{number % 9 + 1:02}-15 12:00:00",
        "interface": "intranet",
    }
