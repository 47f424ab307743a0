"""The road of a loan in a consortium: one road, and the check of all combinations that occur."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.library import NIGHT, build_empty
from benchmarks.measure import COMMAND
from tests.support.mariadb import Server

NAME = "roads"
LIBRARIES, CATEGORIES, ITEM_TYPES, SCOPES, LOANS = 60, 40, 50, 400, 30_000
NAMES = (
    *("issuelength", "renewalperiod", "lengthunit", "daysmode", "fine", "chargeperiod", "chargeperiod_charge_at"),
    *("firstremind", "overduefinescap", "cap_fine_to_replacement_price", "finedays", "maxsuspensiondays"),
    *("renewalsallowed", "norenewalbefore", "auto_renew", "noautorenewalbefore", "maxissueqty", "rentaldiscount"),
    *("reservesallowed", "holds_per_record"),
)
A_LIBRARY = 10  # scopes of library and category
RULES = (SCOPES + LIBRARIES * A_LIBRARY) * len(NAMES)
WHAT = f"{LIBRARIES} libraries, {CATEGORIES} categories, {ITEM_TYPES} item types, {RULES:,} rules"
ROAD, CHECK = 2.0, 30.0
VALUES = {"lengthunit": "'days'", "daysmode": "ELT(1 + {n} MOD 3, 'Days', 'Calendar', 'Datedue')"}
SOME = "1 + {n} MOD 7"
FILLED = (
    f"""INSERT INTO branches (branchcode, branchname, branchemail)
        SELECT CONCAT('L', seq), CONCAT('Library ', seq), 'l@library.example' FROM seq_1_to_{LIBRARIES}""",
    f"""INSERT INTO categories (categorycode, category_type, overduenoticerequired)
        SELECT CONCAT('C', seq), 'A', 1 FROM seq_1_to_{CATEGORIES}""",
    f"INSERT INTO itemtypes (itemtype) SELECT CONCAT('T', seq) FROM seq_1_to_{ITEM_TYPES}",
    "INSERT INTO message_transport_types VALUES ('email')",
    *(
        f"""INSERT INTO circulation_rules (branchcode, categorycode, itemtype, rule_name, rule_value)
            SELECT CONCAT('L', 1 + seq MOD {LIBRARIES}), CONCAT('C', 1 + seq MOD {CATEGORIES}),
                CONCAT('T', 1 + seq MOD {ITEM_TYPES}), '{name}', {VALUES.get(name, SOME).format(n="seq")}
            FROM seq_1_to_{SCOPES} GROUP BY 1, 2, 3"""
        for name in NAMES
    ),
    *(
        f"""INSERT INTO circulation_rules (branchcode, categorycode, rule_name, rule_value)
            SELECT CONCAT('L', l.seq), CONCAT('C', c.seq), '{name}', {VALUES.get(name, SOME).format(n="c.seq")}
            FROM seq_1_to_{LIBRARIES} l JOIN seq_1_to_{A_LIBRARY} c"""
        for name in NAMES
    ),
    *(
        f"INSERT INTO circulation_rules (rule_name, rule_value) VALUES ('overdue_{level}_{cell}', '{value}')"
        for level in (1, 2, 3)
        for cell, value in {"delay": 10 * level, "notice": f"ODUE{level}", "mtt": "email", "restrict": 1}.items()
    ),
    """INSERT INTO letter (module, code, message_transport_type)
        SELECT 'circulation', CONCAT('ODUE', seq), 'email' FROM seq_1_to_3""",
    f"""INSERT INTO library_weekly_closures (library_id, weekday, description)
        SELECT CONCAT('L', seq), 0, '' FROM seq_1_to_{LIBRARIES}""",
    """INSERT INTO systempreferences (variable, value) VALUES ('finesMode', 'production'),
        ('DefaultLongOverdueDays', '30'), ('DefaultLongOverdueLostValue', '2'),
        ('DefaultLongOverdueChargeValue', '2'), ('OverdueNoticeCalendar', '1')""",
    f"""INSERT INTO borrowers (borrowernumber, cardnumber, branchcode, categorycode)
        SELECT seq, seq, CONCAT('L', 1 + seq MOD {LIBRARIES}), CONCAT('C', 1 + seq MOD 6) FROM seq_1_to_{LOANS}""",
    f"""INSERT INTO items (itemnumber, biblionumber, biblioitemnumber, itype, replacementprice)
        SELECT seq, 1, 1, CONCAT('T', 1 + CRC32(seq) MOD 6), seq MOD 40 FROM seq_1_to_{LOANS}""",
    f"""INSERT INTO issues (borrowernumber, itemnumber, branchcode, date_due)
        SELECT seq, seq, CONCAT('L', 1 + seq MOD {LIBRARIES}), '{NIGHT} 23:59:00' - INTERVAL 14 DAY
            + INTERVAL seq MOD 28 DAY
        FROM seq_1_to_{LOANS}""",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Roads:
    """Seconds of the processes `timeline` and `timeline check`, and how many combinations the second one judged."""

    road: float
    check: float
    combinations: int


def build(server: Server) -> None:
    """A consortium that lends is there."""
    build_empty(server, NAME)
    engine = server.engine(NAME)
    with engine.begin() as conn:
        conn.exec_driver_sql("SET foreign_key_checks = 0, unique_checks = 0")
        for statement in FILLED:
            conn.exec_driver_sql(statement).close()
    engine.dispose()


def measured(config: Path) -> Roads:
    """One road, and what contradicts anywhere."""
    road, _ = _asked(config, "--branch", "L1", "--category", "C1", "--itemtype", "T1", "--price", "25")
    check, answer = _asked(config, "check", "--format", "json")
    return Roads(road=road, check=check, combinations=json.loads(answer)["combinations"])


def _asked(config: Path, *args: str) -> tuple[float, str]:
    began = time.perf_counter()
    command = [str(COMMAND), "--config", str(config), "timeline", *args]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    return time.perf_counter() - began, done.stdout
