"""What no run of reminders may ever do: one small function for each, asked after every run, of the database alone."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from tests.support.holdings import ZERO, Row
from tests.support.reminded import LADDERS, Key, Level, Reminded

FEE = "Debt reminder fee"
BLOCK = re.compile(r"Debt reminder of [\d/.-]+")
TEXT = "<<debt.total>> <<debt.charges>> <<debt.fees>> <<debt.fee>>\n<debt><<line.outstanding>></debt>"


@dataclass(frozen=True, kw_only=True)
class Evening:
    """Koha and our tables before and after a run, which ended with this exit code."""

    before: Reminded
    after: Reminded
    code: int

    @property
    def letters(self) -> list[Row]:
        """The levels sent in this run."""
        return [row for n, row in self.after.reminders.items() if n not in self.before.reminders]

    @property
    def messages(self) -> list[Row]:
        """The messages of this run."""
        return [row for n, row in self.after.messages.items() if n not in self.before.messages]

    @property
    def blocked(self) -> list[Row]:
        """The series that have their restriction from this run."""
        blocked = [row for row in self.after.series.values() if row["restriction"]]
        return [row for row in blocked if not self.before.series.get(row["id"], {}).get("restriction")]

    def level(self, letter: Row) -> Level:
        """The level of a letter."""
        return LADDERS[letter["section"]].levels[letter["level"]]


def key_of(row: Row) -> Key:
    """Section and patron."""
    return row["section"], row["patron"]


def is_ours(block: Row) -> bool:
    """Whether a restriction is of a series, and nobody has changed it."""
    return bool(BLOCK.fullmatch(block["comment"] or ""))


def it_reminds_exactly_whom_it_must(evening: Evening) -> Iterator[str]:
    """Nobody in collections or on hold, no level before its time or out of order, and nobody else is left out."""
    before, after = evening.before, evening.after
    prints = {key_of(after.reminders[row["reminder_id"]]) for row in evening.messages if row["replaces"]}
    sent = Counter((key_of(row), row["level"]) for row in evening.letters) + Counter((key, "print") for key in prints)
    due = Counter[tuple[Key, int | str]]()
    for key in {
        (section, n) for section in before.scopes.agencies for n in before.seen.people
    } | before.open_series.keys():
        if key[0] not in before.scopes.agencies:  # a section that is gone: its series rest
            continue
        state, what = before.verdict(key)
        due.update([(key, what)] if what else [])
        series = before.open_series.get(key)
        if series and (now := after.series[series["id"]]["state"]) != state:
            yield f"the series {series} is {now}, not {state}; {before.debt(key)}"
    for (key, what), n in ((sent - due) | (due - sent)).items():
        was = f"{before.debt(key)}, {before.letters_of(before.open_series.get(key))}, {before.verdict(key)}"
        yield f"{key} {'gets' if (key, what) in sent else 'does not get'} {what}: {n} more or less; {was}"
    rest = [row for n, row in after.series.items() if row["section"] not in before.scopes.agencies]
    yield from (f"{row} does not rest" for row in rest if row != before.series.get(row["id"]))


def no_letter_is_without_its_fee(evening: Evening) -> Iterator[str]:
    lines = evening.after.seen.lines
    charged = {n: line for n, line in lines.items() if n not in evening.before.seen.lines}
    for letter in evening.letters:
        line = charged.pop(letter["fee_line"], None)
        fee = (line["patron"], line["owed"], line["description"], line["day"]) if line else None
        level = evening.level(letter)
        if fee != ((letter["patron"], level.fee, FEE, evening.after.day) if level.fee else None):
            yield f"{letter} has the fee {line}"
        if not [row for row in evening.messages if row["reminder_id"] == letter["id"]]:
            yield f"{letter} has no message"
    yield from (f"{line} is no letter's" for line in charged.values())
    queued = {n: row["borrowernumber"] for n, row in evening.after.queue.items() if n not in evening.before.queue}
    known = {row["message"]: evening.after.reminders[row["reminder_id"]]["patron"] for row in evening.messages}
    if queued != known:
        yield f"queued {queued.items() - known.items()}, recorded {known.items() - queued.items()}"


def no_level_comes_twice(evening: Evening) -> Iterator[str]:
    after = evening.after
    by_series = sorted(after.reminders.values(), key=lambda row: (row["series_id"], row["id"]))
    for was, now in pairwise(by_series):
        if was["series_id"] == now["series_id"] and (was["level"] >= now["level"] or was["day"] > now["day"]):
            yield f"{was}, then {now}"
    for row in evening.messages:
        letter = after.reminders[row["reminder_id"]]
        same = [each for each in after.messages_of(letter) if each["replaces"] == row["replaces"]]
        if [each["addressee"] for each in same].count(row["addressee"]) > 1 and not row["replaces"]:
            yield f"{letter} was sent twice to {row['addressee']}"
        if row["addressee"] not in after.readers(letter["patron"]) and not row["replaces"]:
            yield f"{letter} was sent to {row['addressee']}"
        if row["replaces"] and (row["transport"] != "print" or len(same) > 1):
            yield f"{row['replaces']} was printed {same}"


def nobody_has_two_open_series(evening: Evening) -> Iterator[str]:
    is_open = Counter(key_of(row) for row in evening.after.series.values() if row["state"] == "open")
    yield from (f"{key}: {n} series" for key, n in is_open.items() if n > 1)


def a_letter_asks_for_what_is_owed(evening: Evening) -> Iterator[str]:
    for row in evening.messages:
        letter = evening.after.reminders[row["reminder_id"]]
        debt, fee = evening.before.debt(key_of(letter)), ZERO if row["replaces"] else evening.level(letter).fee
        asked, *lines = evening.after.queue[row["message"]]["content"].splitlines()
        total, charges, fees, own = map(Decimal, asked.split())
        told = (total, charges, fees + own, sum(map(Decimal, lines)))
        if told != (owed := debt.charges + debt.fees + fee, debt.charges, debt.fees + fee, owed):
            yield f"{letter} says {told}, but there is {debt}"
        if letter in evening.letters and (letter["total"], letter["charges"]) != (owed, debt.charges):
            yield f"{letter} is recorded, but there is {debt}"


def a_series_blocks_once_and_until_the_debt_is_gone(evening: Evening) -> Iterator[str]:
    before, after = evening.before, evening.after
    must = {row["series_id"] for row in evening.letters if evening.level(row).block}
    must -= {n for n, row in before.series.items() if row["restriction"]}
    if must != {row["id"] for row in evening.blocked}:
        yield f"to block {must}, blocked {evening.blocked}"
    for row in evening.blocked:
        made = after.blocks.get(row["restriction"], {})
        if made.get("borrowernumber") != row["patron"] or not is_ours(made):
            yield f"{row} has the restriction {made}"
    for n, row in after.series.items():
        if not row["restriction"] or row["section"] not in after.scopes.agencies:
            continue
        was, block = before.series.get(n, row), after.blocks.get(row["restriction"])
        key = row["section"], block["borrowernumber"] if block else row["patron"]  # who was merged is the heir
        has_ground = before.debt(key).any_age >= LADDERS[row["section"]].minimum or before.in_collections(key)
        is_theirs = block is not None and not is_ours(block)
        if row["lifted_on"] is None and not has_ground:
            yield f"{row} still blocks; {before.debt(key)}"
        if row["lifted_on"] and block and not is_theirs:
            yield f"{row} was lifted, but there is {block}"
        if row["lifted_on"] and not was["lifted_on"] and has_ground and row["patron"] in before.seen.people:
            yield f"{row} was lifted; {before.debt(key)}"
    standing = {row["restriction"] for row in after.series.values() if not row["lifted_on"]}
    ours = {n: row for n, row in after.blocks.items() if is_ours(row)}
    yield from (f"{row} is nobody's" for n, row in ours.items() if n not in standing)
    restricted = {row["borrowernumber"] for row in after.blocks.values()}
    yield from (
        f"{n} is {row['debarred']}"
        for n, row in after.seen.people.items()
        if (n in restricted) != bool(row["debarred"])
    )


def it_says_what_is_wrong(evening: Evening) -> Iterator[str]:
    if evening.code and not evening.before.broken:
        yield f"exit code {evening.code}"


Rule = Callable[[Evening], Iterator[str]]
RULES: tuple[Rule, ...] = (
    it_reminds_exactly_whom_it_must,
    no_letter_is_without_its_fee,
    no_level_comes_twice,
    nobody_has_two_open_series,
    a_letter_asks_for_what_is_owed,
    a_series_blocks_once_and_until_the_debt_is_gone,
    it_says_what_is_wrong,
)


def broken(evening: Evening) -> list[str]:
    """Every rule that this run breaks, in words."""
    return [f"{rule.__name__.replace('_', ' ')}: {what}" for rule in RULES for what in rule(evening)]
