"""What became of the cases: the nightly copy among millions of offsets, and `outcomes` over ten thousand cases."""

from __future__ import annotations

import subprocess
import time
import tracemalloc
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, event, make_url, text

from benchmarks.library import NIGHT, ZONE, build_empty, written_out
from benchmarks.measure import COMMAND, MEGABYTE, best, most_memory, timed
from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.outcomes.nightly_copy import copy_outcomes
from gentle_nudge.koha.connect.engine import engine
from gentle_nudge.koha.connect.instance import Instance
from tests.support.mariadb import Server

NAME = "outcomes"
WHAT = "20,000 watched cases with 60,000 lines among 3,000,000 offsets"
SCAN = "SELECT COUNT(*) FROM account_offsets WHERE amount <> 0"
PATRONS, CASES, LINES = 100_000, 20_000, 2_000_000  # half of the lines are payments, one for each charge
EACH, A_NIGHT = 3, 2_000  # recorded lines of a case; payments of a night
APART = 16  # a recorded charge among so many
LISTED = 10_000
LONG_AGO = f"TIMESTAMP('{NIGHT}') - INTERVAL 400 DAY"
COPY, COPY_MEMORY, OUTCOMES, OUTCOMES_MEMORY = 1.0, 20, 3.0, 150

FILLED = (
    f"""INSERT INTO borrowers (borrowernumber, cardnumber, surname, branchcode, categorycode, dateofbirth, sort1)
        SELECT seq, seq, 'Adams', CONCAT('B', LPAD(1 + seq MOD 12, 2, '0')), 'PT',
            '1980-01-01' + INTERVAL seq MOD 9000 DAY, IF(seq <= {CASES}, 'yes', NULL) FROM seq_1_to_{PATRONS}""",
    f"""INSERT INTO accountlines (accountlines_id, borrowernumber, date, amount, amountoutstanding, debit_type_code,
            interface, description, note)
        SELECT seq, IF(seq MOD {APART} = 0 AND seq <= {CASES * EACH * APART}, 1 + (seq - 1) DIV {APART * EACH},
            {CASES} + 1 + CRC32(seq) MOD {PATRONS - CASES}), '{NIGHT}' - INTERVAL 400 + seq MOD 700 DAY,
            20, IF(seq MOD {APART} = 0, 19, 0), 'LOST', 'intranet', 'A title', '' FROM seq_1_to_{LINES // 2}""",
    f"""INSERT INTO accountlines (accountlines_id, borrowernumber, date, amount, amountoutstanding, credit_type_code,
            interface, description, note)
        SELECT {LINES // 2} + seq, 1 + seq MOD {PATRONS}, '{NIGHT}' - INTERVAL 400 DAY,
            IF(seq MOD {APART} = 0, -1, -20), 0, 'PAYMENT', 'intranet', '', '' FROM seq_1_to_{LINES // 2}""",
    f"""INSERT INTO account_offsets (debit_id, type, amount, created_on)
        SELECT accountlines_id, 'CREATE', amount, {LONG_AGO} FROM accountlines WHERE accountlines_id <= {LINES // 2}""",
    f"""INSERT INTO account_offsets (credit_id, type, amount, created_on)
        SELECT accountlines_id, 'CREATE', -amount, {LONG_AGO} FROM accountlines WHERE accountlines_id > {LINES // 2}""",
    f"""INSERT INTO account_offsets (credit_id, debit_id, type, amount, created_on)
        SELECT accountlines_id, accountlines_id - {LINES // 2}, 'APPLY', amount, {LONG_AGO} FROM accountlines
        WHERE accountlines_id > {LINES // 2}""",
    "ANALYZE TABLE borrowers, accountlines, account_offsets",
)
REFERRED = (
    f"""INSERT INTO gentle_nudge_case (id, section, patron, number, open_key, referred_on, adopted, owed, balance,
            state, last_due, surname, card, to_report, branch, category, age)
        SELECT borrowernumber, 'global', borrowernumber, borrowernumber, borrowernumber,
            '{NIGHT}' - INTERVAL 1 + borrowernumber MOD 47 WEEK, 0, 57, 57, 'open', 57, surname, cardnumber, 0,
            branchcode, categorycode, 40 FROM borrowers WHERE borrowernumber <= {CASES}""",
    f"""INSERT INTO gentle_nudge_case_line (case_id, line, day, type, outstanding, counted, last_offset)
        SELECT borrowernumber, accountlines_id, DATE(date), 'LOST', amountoutstanding, 1,
            (SELECT MAX(id) FROM account_offsets WHERE debit_id = accountlines_id)
        FROM accountlines WHERE borrowernumber <= {CASES} AND debit_type_code IS NOT NULL""",
)
# Each new payment says which line it is for; those of the nights before are a day older.
PAYMENTS = (
    f"UPDATE account_offsets SET created_on = created_on - INTERVAL 1 DAY WHERE id > {LINES * 3 // 2}",
    f"""CREATE OR REPLACE TEMPORARY TABLE paid (line INT PRIMARY KEY)
        SELECT line FROM gentle_nudge_case_line ORDER BY MD5(CONCAT(line, '{{night}}')) LIMIT {A_NIGHT}""",
    """INSERT INTO accountlines (borrowernumber, date, amount, amountoutstanding, credit_type_code, interface,
            description, note)
        SELECT borrowernumber, NOW(), -1, 0, 'PAYMENT', '{night}', accountlines_id, ''
        FROM accountlines JOIN paid ON line = accountlines_id""",
    """INSERT INTO account_offsets (credit_id, debit_id, type, amount)
        SELECT accountlines_id, description, 'APPLY', -1 FROM accountlines WHERE interface = '{night}'""",
    "UPDATE accountlines JOIN paid ON line = accountlines_id SET amountoutstanding = amountoutstanding - 1",
)
NO_MORE = "UPDATE gentle_nudge_case SET state = 'paid', open_key = NULL, closed_on = '{night}' - INTERVAL 2 YEAR"
HALF = (
    f"DELETE FROM gentle_nudge_case_line WHERE case_id > {LISTED}",
    f"DELETE FROM gentle_nudge_case WHERE id > {LISTED}",
    f"DELETE FROM gentle_nudge_outcome WHERE line > {LISTED * EACH * APART}",
    f"DELETE FROM gentle_nudge_outcome_line WHERE line > {LISTED * EACH * APART}",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcomes:
    """The copy of an ordinary night as a multiple of a scan, and its memory; of `outcomes` seconds and memory (MB).

    `touched` is how many statements of a copy without a watched case touched the offsets.
    """

    copy: float
    copy_memory: float
    touched: int
    seconds: float
    memory: float


def build(server: Server) -> None:
    """A Koha with payments of years is there, without our tables."""
    build_empty(server, NAME)
    _do(server, FILLED)


def measured(server: Server, config: Path) -> Outcomes:
    """Five nights of copying, and one question; our tables are there."""
    _do(server, REFERRED)
    made = engine(Instance(url=make_url(server.url(NAME).render_as_string(hide_password=False)), zone=ZONE, machine=""))
    _copy(made)
    scans, copies = [], []
    for night in ("first", "second", "third"):
        _do(server, [each.format(night=night) for each in PAYMENTS])
        written_out(server)
        scans.append(best(partial(_do, server, [SCAN])))
        copies.append(timed(partial(_copy, made)))
    _do(server, [each.format(night="fourth") for each in PAYMENTS])
    memory = _memory_of_a_copy(made)
    seconds, listed = _asked(server, config)
    touched = _touched(server, made)
    made.dispose()
    return Outcomes(copy=min(copies) / min(scans), copy_memory=memory, touched=touched, seconds=seconds, memory=listed)


def _copy(made: Engine) -> None:
    if failure := copy_outcomes(made, [], Moment(day=NIGHT, now=datetime.now(UTC), zone=ZONE)):
        raise failure


def _memory_of_a_copy(made: Engine) -> float:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    _copy(made)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak - before) / MEGABYTE


def _touched(server: Server, made: Engine) -> int:
    _do(server, [NO_MORE.format(night=NIGHT)])
    heard: list[str] = []
    event.listen(made, "before_cursor_execute", lambda *args: heard.append(args[2]))
    _copy(made)
    return sum("account_offsets" in statement for statement in heard)


def _asked(server: Server, config: Path) -> tuple[float, float]:
    """How long `outcomes` over ten thousand cases takes, and the most memory that it has."""
    _do(server, HALF)
    began = time.perf_counter()
    command = [str(COMMAND), "--config", str(config), "outcomes", "--by", "branch"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    memory = most_memory(process)
    if process.returncode:
        raise RuntimeError("outcomes went wrong")
    return time.perf_counter() - began, memory


def _do(server: Server, statements: tuple[str, ...] | list[str]) -> None:
    plain = server.engine(NAME)
    with plain.begin() as conn:
        conn.execute(text("SET foreign_key_checks = 0, unique_checks = 0"))
        for statement in statements:
            conn.exec_driver_sql(statement).close()
    plain.dispose()
