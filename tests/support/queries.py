"""The statements with which a night reads Koha's tables and ours, as a page for whoever looks after the database.

Every function of ours that ends in `_query` stands on it: its docstring says what is found, and in its last line by
which indexes. `python -m tests.support.queries` writes the page. A new parameter needs a sample below; nothing else is
needed for a new query.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect

import gentle_nudge.koha
import gentle_nudge.store
from gentle_nudge.domain.ledger import LineRules, Majority, OurFee, Ownership, Window
from gentle_nudge.domain.outbox import Channel
from gentle_nudge.domain.patron import Flag
from gentle_nudge.koha.koha_tables import categories
from gentle_nudge.koha.read.borrowers import CONTACT as CONTACT_COLUMNS
from gentle_nudge.koha.read.plugin_data import SINGLE, PluginRules
from gentle_nudge.reports.columns import CONTACT
from gentle_nudge.store.outcome_copy import Watched
from gentle_nudge.store.tables import outcome, outcome_line, reminder
from tests.builders.days import ZONE

PAGE = Path(__file__).parents[2] / "docs/reference/queries.md"
TOP = """# Queries on Koha's tables and ours

Every statement with which the program reads Koha's tables, and those with which a night reads the cases in ours, as
MariaDB gets them, with sample values in place of a night's. Numbers travel a thousand at a time. The tests compare the
indexes named here with what MariaDB says it would use; *none* means that the whole table is read. Made from the program
by `tools/pages`: do not edit.
"""
WIDTH = 110
INDEX = re.compile(r"^Index: ([^.]+)\.$", re.MULTILINE)  # may be continued
CLAUSE = re.compile(r" (GROUP BY|HAVING|ORDER BY) ")
INDEX_OF_TABLE = re.compile(r"(\w+) (\S+?)(?:,\s|$)")
WORD = re.compile(r"(?:'[^']*'|[^\s'])+")

WINDOW = Window(first=date(2026, 8, 24), last=date(2026, 9, 23))
FEE = OurFee(debit_type="MANUAL", description="UMS Processing Fee")
SAMPLES: dict[str, Any] = {
    # by class
    "Column[str]": categories.c.categorycode,
    "Flag": Flag(column="attribute", code="COLLECT"),
    "LineRules": LineRules(
        window=WINDOW,
        zone=ZONE,
        first_day=date(2020, 1, 1),
        excluded_debit_types=frozenset({"RENT"}),
        excluded_fee=FEE,
        withdrawn={102: date(2026, 9, 1)},
        majority=Majority(age=18, day=date(2026, 11, 22)),
        of_age={103: date(2026, 9, 8)},
        leaves_out_claimed=True,
        claimed={101: (7003,)},
    ),
    "Ownership": Ownership(
        charges_by="item",
        branches=frozenset({"CPL", "FPL"}),
        all_but=False,
        own={101: (7001,)},
        others={102: (7002,)},
        fees={101: (7001,)},
    ),
    "PluginRules": PluginRules(
        threshold=Decimal(25), flag=Flag(column="attribute", code="COLLECT"), newer_than=90, older_than=60
    ),
    "Channel": Channel.EMAIL,
    "Window": WINDOW,
    "ZoneInfo": ZONE,
    "date": date(2026, 11, 22),
    "datetime": datetime(2026, 11, 14, 8, 30, tzinfo=UTC),
    # by name
    "after": 0,
    "born": date(1990, 4, 3),
    "card": "23529000035676",
    "category": "Bsort1",
    "categorycode": "PT",
    "code": "COLLECT",
    "columns": CONTACT,
    "description": FEE.description,
    "fee_line": reminder.c.fee_line,
    "grouped_by": "branchcode",
    "item_ids": [6001, 6002],
    "contact": CONTACT_COLUMNS,
    "codes": ["BILL"],
    "copied": outcome.c.offset_id,
    "letters": ["BILL"],
    "line_ids": [7001, 7002],
    "list_id": 3,
    "login": "selfcheck",
    "messages": [801],
    "minimum": Decimal("10.00"),
    "more_than": 20,
    "names": ["BorrowersLog", "FinesLog"],
    "number": 101,
    "numbers": [101, 102, 103],
    "plugin": SINGLE,
    "seen": outcome_line,
    "surname": "Lee",
    "sections": ["global", "north"],
    "recorded": Watched(since=date(2026, 5, 26), new_since=date(2026, 11, 15)).recorded(),
    "present": {"protected", "anonymized", "script", "is_date"},
    "title_ids": [5001, 5002],
    "text": "sson, A",
    "unpaid": {101: [7001, 7003], 102: [7002]},
    "untold": [301],
    "up_to": 8500,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A query as the page shows it; `indexes`: table -> the index by which it is read, or none."""

    name: str
    module: str
    purpose: str
    parameters: tuple[str, ...]
    indexes: dict[str, str]
    statement: str

    def __str__(self) -> str:
        """The query's part of the page."""
        parameters = ", ".join(f"`{name}`" for name in self.parameters) or "none"
        indexes = "; ".join(f"`{table}` by {self._by(key)}" for table, key in self.indexes.items())
        return (
            f"### {self.name}\n\n{self.purpose}\n\n- Parameters: {parameters}\n- Index: {indexes}\n\n"
            f"```sql\n{laid_out(self.statement)}\n```\n"
        )

    @staticmethod
    def _by(key: str) -> str:
        return "none (the whole table)" if key == "none" else f"`{key}`"


def every_query() -> list[Query]:
    """The queries of the program, in the order of its modules."""
    return [described(function) for function in functions()]


def functions() -> Iterator[Callable[..., Any]]:
    """Every function of ours that makes a query, in the order of its modules."""
    for room in (gentle_nudge.koha, gentle_nudge.store):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            module = importlib.import_module(found.name)
            for name, function in vars(module).items():
                if name.endswith("_query") and function.__module__ == module.__name__:
                    yield function


def described(function: Callable[..., Any]) -> Query:
    """What the page says of a query."""
    text = inspect.getdoc(function) or ""
    named = INDEX.search(text)
    if not named:
        raise AssertionError(f"{function.__name__}: the docstring ends with no line like “Index: borrowers PRIMARY.”")
    parameters = inspect.signature(function).parameters
    dialect = MariaDBDialect(paramstyle="named")
    query = function(*(sample(function, parameter) for parameter in parameters.values()))
    compiled = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True, "render_postcompile": True})
    return Query(
        name=function.__name__.removesuffix("_query").replace("_", " "),
        module=function.__module__.removeprefix("gentle_nudge.").replace(".", "/"),
        purpose=INDEX.sub("", text).strip(),
        parameters=tuple(parameters),
        indexes=dict(INDEX_OF_TABLE.findall(named[1])),
        statement=str(compiled),
    )


def sample(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """A value for this parameter."""
    for key in (parameter.annotation, parameter.name):
        if key in SAMPLES:
            return SAMPLES[key]
    raise AssertionError(f"{function.__name__}: no sample for {parameter}; tests/support/queries.py needs one")


def laid_out(statement: str) -> str:
    """The statement in lines that fit a page; texts in quotes stay whole."""
    lines: list[str] = []
    for line in CLAUSE.sub(r"\n\1 ", statement).splitlines():
        lines.append("")
        for word in WORD.findall(line):
            if len(lines[-1]) + len(word) >= WIDTH:
                lines.append("   ")
            lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)


def page() -> str:
    """The page of the documentation."""
    parts, module = [TOP], ""
    for query in every_query():
        if query.module != module:
            module = query.module
            parts.append(f"## {module}\n")
        parts.append(str(query))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
