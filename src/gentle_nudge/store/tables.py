"""Our tables; names of tables and columns are part of the contract. Joined to Koha's by number only."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Constraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql

from gentle_nudge.sqltypes import Instant, Money

OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in {
        "engine": "InnoDB",
        "charset": "utf8mb4",
        "collate": "utf8mb4_unicode_ci",
        "row_format": "DYNAMIC",
    }.items()
}
SCHEMA_VERSION = 8  # a change of the tables needs a step in `upgrade.py`, and the next number here
NAME = 16_000  # characters: four bytes each fit into a TEXT

metadata = MetaData()
T = TypeVar("T")


def _table(name: str, *items: Column[Any] | Constraint | Index) -> Table:
    return Table(f"gentle_nudge_{name}", metadata, *items, **OPTIONS)


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


# Older and newer programs read this table: a column is never renamed or dropped. The last copy of outcomes was made at
# `outcomes_copied`. It has copied all offsets up to `outcomes_offset` of the cases that were open, or closed since
# `outcomes_since`; both are NULL if the next one has to look at all of them.
meta = _table(
    "meta",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema_version", Integer, nullable=False),
    Column("machine", String(255), nullable=False),
    Column("host", String(255), nullable=False),
    Column("port", Integer, nullable=False),
    Column("database_name", String(255), nullable=False),
    Column("is_copy", Boolean, nullable=False),
    Column("note", Integer, key="revision", nullable=False),
    Column("initialised", Instant(), nullable=False),
    Column("server_uid", String(255)),
    Column("outcomes_copied", Instant()),
    Column("outcomes_offset", Integer),
    Column("outcomes_since", Date),
)

run = _table(
    "run",
    _id(),
    Column("section", String(100), nullable=False),
    Column("report", String(20), nullable=False),
    Column("day", Date, nullable=False),
    Column("number", Integer, nullable=False),
    Column("started", Instant(), nullable=False),
    Column("finished", Instant()),
    Column("late", Boolean, nullable=False),
    Column("amount", Money(), nullable=False, server_default="0"),
    Column("fees", Money(), nullable=False, server_default="0"),
    Column("who", String(80)),
    UniqueConstraint("section", "report", "day", "number", name="gentle_nudge_run_once"),
)

run_count = _table(
    "run_count",
    Column("run", Integer, ForeignKey("gentle_nudge_run.id", ondelete="CASCADE"), primary_key=True),
    Column("what", String(80), primary_key=True),
    Column("number", Integer, nullable=False),
)

# `told_in` is the report with the latest row of the case that was news. `closed_owing` is the sum that its recorded
# lines owed when it was closed; NULL if an older program closed it. `last_word` is the last due of a case that was
# closed while nobody might be told of it. `paused_on`: since when the agency hears no more of an open case on hold.
# `branch`, `category` and `age` are the patron's at the referral.
case = _table(
    "case",
    _id(),
    Column("section", String(100), nullable=False),
    Column("patron", Integer),
    Column("number", Integer),
    Column("referred_on", Date),
    Column("adopted", Boolean, nullable=False),
    Column("owed", Money()),
    Column("balance", Money()),
    Column("fee", Money()),
    Column("fee_line", Integer),
    Column("flag", String(80)),
    Column("restriction", Integer),
    Column("restriction_type", String(50)),
    Column("restriction_comment", String(255)),
    Column("state", String(20), nullable=False),
    Column("closed_on", Date),
    Column("why", String(1000)),
    Column("last_due", Money()),
    Column("surname", Text),
    Column("firstname", Text),
    Column("card", String(80)),
    Column("to_report", Boolean, nullable=False),
    Column("told_in", Integer, ForeignKey("gentle_nudge_report.id")),
    Column("opened_run", Integer, ForeignKey("gentle_nudge_run.id")),
    Column("closed_run", Integer, ForeignKey("gentle_nudge_run.id")),
    Column("closed_at", Instant()),
    Column("closed_owing", Money()),
    Column("last_word", Money()),
    Column("forgotten", Instant()),
    Column("used_before", Integer, nullable=False, server_default="0"),
    Column("paused_on", Date),
    Column("branch", String(10)),
    Column("category", String(10)),
    Column("age", Integer),
    Column("open_key", Integer),
    UniqueConstraint("section", "open_key", name="gentle_nudge_case_one_open"),
    CheckConstraint(
        "(state = 'open' AND patron IS NOT NULL AND open_key IS NOT NULL AND open_key = patron)"
        " OR (state <> 'open' AND open_key IS NULL)",
        name="gentle_nudge_case_open_key",
    ),
    Index("gentle_nudge_case_state", "section", "state"),
    Index("gentle_nudge_case_patron", "patron"),
    Index("gentle_nudge_case_number", "number"),
    Index("gentle_nudge_case_card", "card"),
    Index("gentle_nudge_case_fee", "fee_line"),
    Index("gentle_nudge_case_to_report", "to_report"),
)

# `last_offset`: the highest id of Koha's offsets of the line when it was recorded; 0 for none, NULL until `init` has
# brought it along. `due_on`: when its checkout was due.
case_line = _table(
    "case_line",
    Column("case_id", Integer, ForeignKey("gentle_nudge_case.id", ondelete="CASCADE"), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("day", Date),
    Column("type", String(80)),
    Column("outstanding", Money(), nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("last_offset", Integer),
    Column("due_on", Date),
    Index("gentle_nudge_case_line_line", "line"),
)

# When the agency heard no more of a case; `until` is the day of the report that told of it again, NULL if none did.
case_pause = _table(
    "case_pause",
    _id(),
    Column("case_id", Integer, ForeignKey("gentle_nudge_case.id", ondelete="CASCADE"), nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),
    Index("gentle_nudge_case_pause_case", "case_id"),
)

# Koha's offsets of recorded lines and fees, kept when Koha purges them; never changed while a case has the line.
outcome = _table(
    "outcome",
    Column("offset_id", Integer, primary_key=True, autoincrement=False),
    Column("line", Integer, nullable=False),
    Column("at", Instant(), nullable=False),
    Column("type", String(20), nullable=False),
    Column("amount", Money(), nullable=False),
    Column("credit", Integer),
    Column("credit_type", String(80)),
    Column("credit_amount", Money()),
    Column("same_item", Boolean, nullable=False),
    Index("gentle_nudge_outcome_of_line", "line"),
)

# `seen_on` is the night that saw the last change, `found_on` and `gone_on` that which first saw it FOUND or missing.
outcome_line = _table(
    "outcome_line",
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("owing", Money(), nullable=False),
    Column("seen_on", Date, nullable=False),
    Column("found_on", Date),
    Column("gone_on", Date),
)

# The agency's invoices compared with what was sent, as numbers; `month` is YYYY-MM.
invoice = _table(
    "invoice",
    _id(),
    Column("month", String(7), nullable=False),
    Column("library", String(100), nullable=False),
    Column("sent", Integer, nullable=False),
    Column("billed", Integer, nullable=False),
    Column("billed_twice", Integer, nullable=False),
    Column("never_sent", Integer, nullable=False),
    Column("other_month", Integer, nullable=False),
    Column("not_billed", Integer, nullable=False),
    Column("read_at", Instant(), nullable=False),
    Column("who", String(80)),
    UniqueConstraint("month", "library", name="gentle_nudge_invoice_once"),
)

report = _table(
    "report",
    _id(),
    Column("run_id", Integer, ForeignKey("gentle_nudge_run.id"), nullable=False),
    Column("file_name", String(255), nullable=False),
    Column("size", Integer, nullable=False),
    Column("rows", Integer, nullable=False, quote=True),
    Column("sha256", String(64), nullable=False),
    Column("subject", String(500), nullable=False),
    Column("body", Text, nullable=False),
    Column("pruned_on", Date),
)

report_part = _table(
    "report_part",
    Column("report_id", Integer, ForeignKey("gentle_nudge_report.id", ondelete="CASCADE"), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("bytes", LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb"), nullable=False),
)

report_row = _table(
    "report_row",
    _id(),
    Column("case_id", Integer, ForeignKey("gentle_nudge_case.id", ondelete="CASCADE"), nullable=False),
    Column("report_id", Integer, ForeignKey("gentle_nudge_report.id", ondelete="CASCADE"), nullable=False),
    Column("due", Money(), nullable=False),
    UniqueConstraint("report_id", "case_id", name="gentle_nudge_report_row_once"),
    Index("gentle_nudge_report_row_case", "case_id"),
)

# `strict`: it leaves only after every older one of its stream. `tells`: whoever gets it is the agency, not only a
# reader of copies. `first_queued`: when it was queued by a clock that was wrong; the message's id holds it. `named`: a
# person named the recipient. `went_to` is where it really went.
delivery = _table(
    "delivery",
    _id(),
    Column("report_id", Integer, ForeignKey("gentle_nudge_report.id", ondelete="CASCADE"), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("recipient", String(255), nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt", Instant(), nullable=False),
    Column("since", Instant(), nullable=False),
    Column("queued", Instant(), nullable=False),
    Column("first_queued", Instant()),
    Column("reason", String(255)),
    Column("who", String(80)),
    Column("is_repeat", Boolean, nullable=False),
    Column("strict", Boolean, nullable=False, server_default="0"),
    Column("tells", Boolean, nullable=False, server_default="1"),
    Column("named", Boolean, nullable=False, server_default="0"),
    Column("went_to", String(255)),
    Index("gentle_nudge_delivery_next", "state", "next_attempt"),
    Index("gentle_nudge_delivery_stream", "channel", "recipient", "report_id"),
)

attempt = _table(
    "attempt",
    _id(),
    Column("delivery_id", Integer, ForeignKey("gentle_nudge_delivery.id", ondelete="CASCADE"), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("reason", String(1000)),
)

alert = _table(
    "alert",
    _id(),
    Column("kind", String(200), nullable=False),
    Column("day", Date, nullable=False),
    Column("at", Instant(), nullable=False),
    UniqueConstraint("kind", "day", name="gentle_nudge_alert_once"),
)

# What a person wants done, taken by the next run. Programs outside insert rows here: see `grants --outside-writer`.
wish = _table(
    "wish",
    _id(),
    Column("door", String(20), nullable=False),
    Column("origin", String(64), nullable=False),
    Column("what", String(20), nullable=False),
    Column("section", String(100)),
    Column("list_day", Date),
    Column("patron", Integer),
    Column("reason", String(255)),
    Column("until", Date),
    Column("note", Text),
    Column("who", String(80), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("taken_at", Instant()),
    Column("done", Boolean),
    Column("answer", String(1000)),
    UniqueConstraint("door", "origin", name="gentle_nudge_wish_once"),
    Index("gentle_nudge_wish_taken", "taken_at"),
    Index("gentle_nudge_wish_patron", "patron"),
)

# `section` is NULL for all. `open_key` names patron, source and section while the hold is open, so that one is.
hold = _table(
    "hold",
    _id(),
    Column("patron", Integer, nullable=False),
    Column("section", String(100)),
    Column("reason", String(255), nullable=False),
    Column("note", Text),
    Column("until", Date),
    Column("source", String(20), nullable=False),
    Column("who", String(80)),
    Column("since", Instant(), nullable=False),
    Column("ended", Instant()),
    Column("ended_by", String(20)),
    Column("open_key", String(130)),
    UniqueConstraint("open_key", name="gentle_nudge_hold_one_open"),
    Index("gentle_nudge_hold_patron", "patron"),
)

review_list = _table(
    "list",
    _id(),
    Column("section", String(100), nullable=False),
    Column("for_day", Date, nullable=False),
    Column("made", Date, nullable=False),
    Column("state", String(20), nullable=False),
    Column("who", String(80)),
    Column("at", Instant()),
    Column("reason", String(255)),
    UniqueConstraint("section", "for_day", name="gentle_nudge_list_once"),
)

review_list_row = _table(
    "list_row",
    Column("list_id", Integer, ForeignKey("gentle_nudge_list.id", ondelete="CASCADE"), primary_key=True),
    Column("patron", Integer, primary_key=True, autoincrement=False),
    Column("owed", Money(), nullable=False),
    Column("balance", Money(), nullable=False),
    Column("marks", String(255), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("why", String(255)),
    Column("who", String(80)),
    Column("at", Instant()),
    Index("gentle_nudge_list_row_patron", "patron"),
)

# Notices that Koha has sent, copied before Koha's clean-up drops them.
notice = _table(
    "notice",
    Column("message_id", Integer, primary_key=True, autoincrement=False),
    Column("patron", Integer, nullable=False),
    Column("letter", String(20), nullable=False),
    Column("sent_on", Date, nullable=False),
    Index("gentle_nudge_notice_patron", "patron", "letter", "sent_on"),
)

# The values of a night's page, as JSON without cards, names and deliveries.
night = _table(
    "night",
    _id(),
    Column("section", String(100), nullable=False),
    Column("day", Date, nullable=False),
    Column("made", Instant(), nullable=False),
    Column("content", Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb"), nullable=False),
    UniqueConstraint("section", "day", name="gentle_nudge_night_once"),
)

# Reminders of one patron in one section, one after the other. `open_key` is the patron while it is open, so that one
# is. `used_before`: how many patrons with this number Koha had deleted when it began. `restriction` is the one it made.
series = _table(
    "series",
    _id(),
    Column("section", String(100), nullable=False),
    Column("patron", Integer, nullable=False),
    Column("since", Date, nullable=False),
    Column("opened_on", Date, nullable=False),
    Column("state", String(20), nullable=False),
    Column("closed_on", Date),
    Column("why", String(1000)),
    Column("who", String(80)),
    Column("used_before", Integer, nullable=False, server_default="0"),
    Column("restriction", Integer),
    Column("restriction_type", String(50)),
    Column("restriction_comment", String(255)),
    Column("lifted_on", Date),
    Column("open_key", Integer),
    UniqueConstraint("section", "open_key", name="gentle_nudge_series_one_open"),
    Index("gentle_nudge_series_patron", "patron"),
)

# One level of a series: a letter and its fee, which are there together or not at all. Periods run from its `day`.
reminder = _table(
    "reminder",
    _id(),
    Column("series_id", Integer, ForeignKey("gentle_nudge_series.id", ondelete="CASCADE"), nullable=False),
    Column("level", Integer, nullable=False),
    Column("day", Date, nullable=False),
    Column("at", Instant(), nullable=False),
    Column("letter", String(20), nullable=False),
    Column("branch", String(10), nullable=False),
    Column("charges", Money(), nullable=False),
    Column("fee", Money(), nullable=False),
    Column("fee_line", Integer),
    Column("total", Money(), nullable=False),
    Column("run_id", Integer, ForeignKey("gentle_nudge_run.id"), nullable=False),
    UniqueConstraint("series_id", "level", name="gentle_nudge_reminder_once"),
    Index("gentle_nudge_reminder_fee", "fee_line"),
)

# What became of a letter in Koha's queue, whose number is `message`. `replaces` is the number of the failed e-mail.
reminder_message = _table(
    "reminder_message",
    _id(),
    Column("reminder_id", Integer, ForeignKey("gentle_nudge_reminder.id", ondelete="CASCADE"), nullable=False),
    Column("message", Integer, nullable=False),
    Column("addressee", Integer, nullable=False),
    Column("transport", String(20), nullable=False),
    Column("language", String(25), nullable=False),
    Column("state", String(20), nullable=False),
    Column("failure", String(255)),
    Column("replaces", Integer),
    UniqueConstraint("message", name="gentle_nudge_reminder_message_once"),
    Index("gentle_nudge_reminder_message_state", "state"),
)

# Patrons of other libraries: what their home said when it was last asked, as JSON: a hash for each unit.
passport = _table(
    "passport",
    Column("patron", Integer, primary_key=True, autoincrement=False),
    Column("server", String(60), nullable=False),
    Column("first_seen", Date, nullable=False),
    Column("last_seen", Date, nullable=False),
    Column("not_found_since", Date),
    Column("home", Text, nullable=False),
)

# What changed here because of it; `columns` are names, never values.
passport_log = _table(
    "passport_log",
    _id(),
    Column("at", Instant(), nullable=False),
    Column("who", String(80)),
    Column("what", String(20), nullable=False),
    Column("server", String(60), nullable=False),
    Column("patron", Integer, nullable=False),
    Column("columns", String(1000)),
    Index("gentle_nudge_passport_log_patron", "patron"),
    Index("gentle_nudge_passport_log_at", "at"),
)


def fitted(value: T, column: Column[Any]) -> T | str:
    """A text is cut to what the column holds; every other value stays as it is."""
    return value[: getattr(column.type, "length", None) or NAME] if isinstance(value, str) else value
