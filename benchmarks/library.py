"""Libraries of any shape, made by SQL alone: the same shape and size give the same library, seen yesterday."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from tests.koha_schema import NEWEST, create_statements
from tests.support.mariadb import Server

ZONE = ZoneInfo("America/New_York")
# The night that refers is yesterday's: one before it is measured too, and none further back than six days is allowed.
NIGHT = datetime.now(ZONE).date() - timedelta(days=1)
NIGHT_BEFORE = NIGHT - timedelta(days=1)
USUAL_PATRONS = 300_000
BRANCHES = tuple(f"B{number:02}" for number in range(1, 13))
MEBIBYTES_ANYWAY, BYTES_FOR_A_LINE = 512, 450
A_FEW, A_WHILE = 100, 0.2  # pages, seconds

SEEDS = (
    "INSERT INTO branches (branchcode, branchname) VALUES " + ", ".join(f"('{code}', '{code}')" for code in BRANCHES),
    "INSERT INTO categories (categorycode, category_type) VALUES ('PT', 'A'), ('ST', 'S'), ('J', 'C')",
    "INSERT INTO account_debit_types (code) VALUES ('LOST'), ('OVERDUE'), ('MANUAL')",
    "INSERT INTO account_credit_types (code) VALUES ('PAYMENT')",
    "INSERT INTO restriction_types (code, display_text) VALUES ('MANUAL', 'Manual')",
    """INSERT INTO systempreferences (variable, value) VALUES ('BorrowersLog', '1'), ('FinesLog', '1'),
        ('LibraryName', 'Big Library'), ('KohaAdminEmailAddress', 'koha@library.example')""",
)

# Two in a hundred are in collections. Where one in a hundred owns half of the debts, nine of ten of them are in
# collections: who owes so much was referred long ago.
PATRONS = """
    INSERT INTO borrowers (borrowernumber, cardnumber, surname, firstname, address, city, zipcode, state, phone, email,
        branchcode, categorycode, dateofbirth, sort1)
    SELECT seq, CONCAT('2', LPAD(seq, 9, '0')), CONCAT(ELT(1 + CRC32(seq) MOD 8, 'Adams', 'Brown', 'Çelik', 'Díaz',
        'Evans', 'Fischer', 'García', '山田'), CRC32(CONCAT('s', seq)) MOD 5000), CONCAT('First', seq MOD 997),
        CONCAT(seq MOD 900, ' Main Street'), 'Springfield', LPAD(seq MOD 99999, 5, '0'), 'MA', CONCAT('555-', seq),
        CONCAT('p', seq, '@library.example'), CONCAT('B', LPAD(1 + CRC32(CONCAT('l', seq)) MOD 12, 2, '0')),
        ELT(1 + CRC32(CONCAT('c', seq)) MOD 10, 'PT', 'PT', 'PT', 'PT', 'PT', 'PT', 'PT', 'ST', 'ST', 'J'),
        DATE('{night}') - INTERVAL 18 YEAR - INTERVAL CRC32(CONCAT('b', seq)) MOD 20000 DAY,
        IF(seq <= {patrons} DIV 45 AND seq MOD 10 > 0, 'yes', NULL)
    FROM seq_1_to_{patrons}"""

# Lines of type MANUAL have descriptions of all lengths; one in a hundred is a fee that looks like one of ours.
LINES = """
    INSERT INTO accountlines (borrowernumber, date, amount, amountoutstanding, description, note, debit_type_code,
        interface, branchcode)
    SELECT 1 + CRC32(CONCAT('p', seq)) MOD IF(percent < {crowded}, {patrons} DIV 100, {patrons}),
        TIMESTAMP('{night} 12:00:00') - INTERVAL CRC32(CONCAT('d', seq)) MOD ({years} * 31536000) SECOND,
        amount, IF(percent < {unpaid}, amount, 0),
        CASE WHEN NOT is_manual THEN 'A title that was not brought back in time'
            WHEN luck < 10 THEN 'UMS Processing Fee'
            WHEN luck < 200 THEN LEFT(REPEAT('Staff wrote down what happened at the desk. ', 15), luck * 3)
            ELSE LEFT(REPEAT('Replacement of a card, copies, a reservation. ', 2), luck DIV 12) END,
        '', CASE WHEN is_manual THEN 'MANUAL' WHEN seq MOD 3 = 0 THEN 'LOST' ELSE 'OVERDUE' END, 'intranet',
        CONCAT('B', LPAD(1 + CRC32(CONCAT('l', seq)) MOD 12, 2, '0'))
    FROM (SELECT seq, CRC32(seq * 7919) MOD 100 AS percent, seq * 61 MOD 100 < {manual} AS is_manual,
        CRC32(seq * 7907) MOD 1000 AS luck, 5 + CRC32(CONCAT('a', seq)) MOD 4500 / 100 AS amount
        FROM seq_1_to_{lines}) AS numbers"""

# A case of everybody flagged, of some week of the last year, each with its fee.
FEES = """
    INSERT INTO accountlines (borrowernumber, date, amount, amountoutstanding, description, note, debit_type_code,
        interface)
    SELECT borrowernumber, TIMESTAMP('{night} 08:00:00') - INTERVAL 1 + CRC32(borrowernumber) MOD 52 WEEK, 10, 10,
        'UMS Processing Fee', '', 'MANUAL', 'a case'
    FROM borrowers WHERE sort1 = 'yes'"""
CASES = """
    INSERT INTO gentle_nudge_case (section, patron, number, open_key, referred_on, adopted, owed, balance, fee,
        fee_line, state, last_due, surname, firstname, card, to_report)
    SELECT IF({sections} = 1, 'global', LOWER(p.branchcode)), p.borrowernumber, p.borrowernumber, p.borrowernumber,
        DATE(f.date), 0, 30, 30, 10, f.accountlines_id, 'open', (SELECT ROUND(SUM(amountoutstanding), 2)
            FROM accountlines WHERE accountlines.borrowernumber = p.borrowernumber),
        p.surname, p.firstname, p.cardnumber, 0
    FROM borrowers p JOIN accountlines f ON f.borrowernumber = p.borrowernumber AND f.interface = 'a case'
    WHERE p.sort1 = 'yes'"""


KEYS = """
    SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'accountlines' AND index_name <> 'PRIMARY' GROUP BY index_name"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What distinguishes a library; `manual` and `unpaid` are per cent of the lines.

    `crowded`: per cent of the lines that are unpaid and owned by one patron in a hundred.
    """

    name: str
    what: str
    patrons: int = USUAL_PATRONS
    times: int = 1
    lines_per_patron: int = 12
    years: int = 4
    unpaid: int = 12
    manual: int = 0
    crowded: int = 0
    sections: int = 1

    @property
    def lines(self) -> int:
        """How many account lines there are."""
        return self.patrons * self.lines_per_patron

    @property
    def is_new(self) -> bool:
        """Whether there is so little to scan that a scan is no unit."""
        return not self.times

    def of(self, patrons: int) -> Shape:
        """The same for another size of the usual library; a new library stays small."""
        return self if self.is_new else replace(self, patrons=self.times * patrons)

    def fill_in(self, statement: str) -> str:
        """The statement for this library."""
        values = {name: getattr(self, name) for name in ("patrons", "lines", "years", "unpaid", "manual", "crowded")}
        return statement.format(night=NIGHT, sections=self.sections, **values)


SHAPES = (
    Shape(name="usual", what="12 lines for a patron in four years, 12 % unpaid"),
    Shape(name="third-manual", what="a third of the lines of type MANUAL", manual=33),
    Shape(name="few-manual", what="5 % of the lines of type MANUAL", manual=5),
    Shape(name="crowded", what="half of the unpaid lines owned by 1 % of the patrons", crowded=6),
    Shape(name="old", what="40 lines for a patron in ten years, 2 % unpaid", lines_per_patron=40, years=10, unpaid=2),
    Shape(name="consortium", what="the usual library in twelve sections", sections=12),
    Shape(name="large", what="the usual library, four times as large", times=4),
    Shape(name="new", what="2,000 lines", times=0, patrons=200, lines_per_patron=10),
)


def roomy(lines: int) -> dict[str, str]:
    """Settings of a server that keeps a library with so many lines in memory."""
    pool = MEBIBYTES_ANYWAY + lines * BYTES_FOR_A_LINE // 2**20
    return {
        "innodb_buffer_pool_size": f"{pool}M",
        "loose_innodb_log_file_size": "1G",
        "max_allowed_packet": "64M",
        "userstat": "ON",
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


def build(server: Server, shape: Shape) -> None:
    """A Koha of this shape is there, without our tables."""
    build_empty(server, shape.name)
    engine = server.engine(shape.name)
    with engine.begin() as conn:
        conn.execute(text("SET foreign_key_checks = 0, unique_checks = 0"))
        conn.execute(text(shape.fill_in(PATRONS)))
        keys = conn.execute(text(KEYS)).all()  # made afterwards, which takes less than half of the time
        conn.execute(text(f"ALTER TABLE accountlines {', '.join(f'DROP KEY `{key}`' for key, _ in keys)}"))
        conn.execute(text(shape.fill_in(LINES)))
        conn.execute(text(shape.fill_in(FEES)))
        conn.execute(text(f"ALTER TABLE accountlines {', '.join(f'ADD KEY `{key}` ({of})' for key, of in keys)}"))
        conn.execute(text("ANALYZE TABLE borrowers, accountlines")).all()
    engine.dispose()


def open_cases(server: Server, shape: Shape) -> None:
    """Everybody flagged has an open case; our tables are there."""
    engine = server.engine(shape.name)
    with engine.begin() as conn:
        conn.execute(text(shape.fill_in(CASES)))
    engine.dispose()


def drop(server: Server, shape: Shape) -> None:
    """The library is gone."""
    engine = server.engine()
    with engine.begin() as conn:
        conn.execute(text(f"DROP DATABASE `{shape.name}`"))
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
