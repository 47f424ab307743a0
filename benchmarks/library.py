"""A library of any size, made by SQL alone: the same size gives the same library, seen on the latest Sunday."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from tests.koha_schema import NEWEST, create_statements
from tests.support.mariadb import Server

ZONE = ZoneInfo("America/New_York")


def latest_sunday(today: date) -> date:
    """The Sunday on or before this day: a night further back than six days is refused."""
    return today - timedelta(days=(today.weekday() + 1) % 7)


SUNDAY = latest_sunday(datetime.now(ZONE).date())
LINES_PER_PATRON = 12
AT_A_TIME = 200_000
MEBIBYTES_ANYWAY, KIBIBYTES_FOR_A_PATRON = 512, 5
A_FEW, A_WHILE = 100, 0.2  # pages, seconds

SEEDS = (
    "INSERT INTO branches (branchcode, branchname) VALUES ('CPL', 'Center'), ('FPL', 'Fairview'), ('MPL', 'Midway')",
    "INSERT INTO categories (categorycode, category_type) VALUES ('PT', 'A'), ('ST', 'S'), ('J', 'C')",
    "INSERT INTO account_debit_types (code) VALUES ('LOST'), ('OVERDUE'), ('MANUAL')",
    "INSERT INTO account_credit_types (code) VALUES ('PAYMENT')",
    "INSERT INTO restriction_types (code, display_text) VALUES ('MANUAL', 'Manual')",
    """INSERT INTO systempreferences (variable, value) VALUES ('BorrowersLog', '1'), ('FinesLog', '1'),
        ('LibraryName', 'Big Library'), ('KohaAdminEmailAddress', 'koha@library.example')""",
)

PATRONS = """
    INSERT INTO borrowers (borrowernumber, cardnumber, surname, firstname, address, city, zipcode, state, phone, email,
        branchcode, categorycode, dateofbirth, sort1)
    SELECT seq, CONCAT('2', LPAD(seq, 9, '0')), CONCAT(ELT(1 + CRC32(seq) MOD 8, 'Adams', 'Brown', 'Çelik', 'Díaz',
        'Evans', 'Fischer', 'García', '山田'), CRC32(CONCAT('s', seq)) MOD 5000), CONCAT('First', seq MOD 997),
        CONCAT(seq MOD 900, ' Main Street'), 'Springfield', LPAD(seq MOD 99999, 5, '0'), 'MA', CONCAT('555-', seq),
        CONCAT('p', seq, '@library.example'), ELT(1 + seq MOD 3, 'CPL', 'FPL', 'MPL'),
        ELT(1 + CRC32(CONCAT('c', seq)) MOD 10, 'PT', 'PT', 'PT', 'PT', 'PT', 'PT', 'PT', 'ST', 'ST', 'J'),
        DATE('{sunday}') - INTERVAL 18 YEAR - INTERVAL CRC32(CONCAT('b', seq)) MOD 20000 DAY,
        IF(seq MOD 50 = 0, 'yes', NULL)
    FROM seq_{first}_to_{last}"""

# Of the charges 12 % are unpaid, spread evenly over four years; what is unpaid in the window refers about 1.6 %.
LINES = """
    INSERT INTO accountlines (borrowernumber, date, amount, amountoutstanding, description, note, debit_type_code,
        interface, branchcode)
    SELECT 1 + CRC32(CONCAT('p', seq)) MOD {patrons},
        TIMESTAMP('{sunday} 12:00:00') - INTERVAL CRC32(CONCAT('d', seq)) MOD 126144000 SECOND,
        5 + CRC32(CONCAT('a', seq)) MOD 4500 / 100,
        IF(CRC32(CONCAT('o', seq)) MOD 100 < 12, 5 + CRC32(CONCAT('a', seq)) MOD 4500 / 100, 0),
        'A title that was not brought back in time', '', IF(seq MOD 3 = 0, 'LOST', 'OVERDUE'), 'intranet',
        ELT(1 + seq MOD 3, 'CPL', 'FPL', 'MPL')
    FROM seq_{first}_to_{last}"""

CASES = """
    INSERT INTO gentle_nudge_case (section, patron, number, open_key, referred_on, adopted, owed, balance, fee, state,
        last_due, surname, firstname, card, to_report)
    SELECT 'global', borrowernumber, borrowernumber, borrowernumber, '{sunday}' - INTERVAL 24 WEEK, 0, 30, 30, 10,
        'open', (SELECT COALESCE(ROUND(SUM(amountoutstanding), 2), 0) FROM accountlines
            WHERE accountlines.borrowernumber = borrowers.borrowernumber),
        surname, firstname, cardnumber, 0
    FROM borrowers WHERE sort1 = 'yes'"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How many patrons a library has."""

    patrons: int

    @property
    def name(self) -> str:
        """The name of its database."""
        return f"bench_{self.patrons}"

    @property
    def lines(self) -> int:
        """How many account lines they have."""
        return self.patrons * LINES_PER_PATRON


def roomy(sizes: Iterable[Size]) -> dict[str, str]:
    """Settings of a server that keeps libraries of these sizes in memory, one beside the other."""
    pool = MEBIBYTES_ANYWAY + sum(size.patrons for size in sizes) * KIBIBYTES_FOR_A_PATRON // 1024
    return {
        "innodb_buffer_pool_size": f"{pool}M",
        "loose_innodb_log_file_size": "1G",
        "max_allowed_packet": "64M",
    }


def build_empty(server: Server, name: str) -> None:
    """A Koha without patrons is there, without our tables."""
    server.create_database(name)
    engine = server.engine(name)
    with engine.begin() as conn:
        conn.execute(text("SET foreign_key_checks = 0, unique_checks = 0"))
        for statement in (*create_statements(NEWEST), *SEEDS):
            conn.execute(text(statement))
    engine.dispose()


def build(server: Server, size: Size) -> None:
    """A Koha of this size is there, without our tables."""
    build_empty(server, size.name)
    engine = server.engine(size.name)
    _fill(engine.connect(), PATRONS, size, size.patrons)
    _fill(engine.connect(), LINES, size, size.lines)
    with engine.begin() as conn:
        conn.execute(text("ANALYZE TABLE borrowers, accountlines")).all()
    engine.dispose()


def open_cases(server: Server, size: Size) -> None:
    """Everybody flagged has an open case; our tables are there."""
    engine = server.engine(size.name)
    with engine.begin() as conn:
        conn.execute(text(CASES.format(sunday=SUNDAY)))
    engine.dispose()


def written_out(server: Server) -> None:
    """What was built is on the disk: nothing is left for the server to do while a night is measured."""
    engine = server.engine()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET GLOBAL innodb_io_capacity_max = 40000, innodb_io_capacity = 20000"))
        conn.execute(text("SET GLOBAL innodb_max_dirty_pages_pct = 0"))
        while int(conn.execute(text("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")).one()[1]) > A_FEW:
            time.sleep(A_WHILE)
        conn.execute(text("SET GLOBAL innodb_max_dirty_pages_pct = DEFAULT"))
        conn.execute(text("SET GLOBAL innodb_io_capacity = DEFAULT, innodb_io_capacity_max = DEFAULT"))
    engine.dispose()


def _fill(conn: Connection, statement: str, size: Size, rows: int) -> None:
    with conn:
        conn.execute(text("SET foreign_key_checks = 0, unique_checks = 0"))
        for first, last in _spans(rows):
            conn.execute(text(statement.format(first=first, last=last, patrons=size.patrons, sunday=SUNDAY)))
            conn.commit()


def _spans(rows: int) -> Iterator[tuple[int, int]]:
    for first in range(1, rows + 1, AT_A_TIME):
        yield first, min(first + AT_A_TIME - 1, rows)
