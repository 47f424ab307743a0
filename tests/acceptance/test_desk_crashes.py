"""The work of the desk may be killed: no wish is lost or taken twice, no list used twice, no fee charged twice."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.acceptance.evenings import Evenings, Library
from tests.builders.koha import a_patron, owes
from tests.support import backup
from tests.support.crashes import killed
from tests.support.koha import KohaDatabase

TABLES = """
[[library]]
name = "lapsing"
branches = ["FPL"]
review_ends = "lapse"
[[library]]
name = "making"
branches = ["MPL"]
submit_on = "wednesday"
[staff]
folder = "{folder}/staff"
"""
EDITED = "review-2026-11-22-global-approved.csv"
NOBODY = 99_999


def nov(day: int) -> date:
    """That day of November 2026; the 22nd is a Sunday."""
    return date(2026, 11, day)


class Desk:
    """A Sunday with everything: a list to be used, one that lapses, one to be made, wishes by all doors, and a hold."""

    def __init__(self, evenings: Evenings, koha: KohaDatabase) -> None:
        self.evenings, self.koha, self.folder = evenings, koha, evenings.folder
        self.bankrupt = self._owing(15)
        evenings.does("nightly", on=nov(12))
        evenings.does("nightly", on=nov(15))
        self.used = [self._owing(22) for _ in range(4)]
        self.lapsed, self.made = self._owing(22, "FPL"), self._owing(25, "MPL")
        evenings.does("nightly", on=nov(19))
        self._wish("leave_out", self.used[0], reason="found")
        self._wish("hold", self.bankrupt, reason="bankruptcy")
        self._wish("hold", NOBODY, reason="bankruptcy")
        self._wish("sync", None)
        text = (self.folder / "staff" / "review-2026-11-22-global.csv").read_text(encoding="utf-8-sig")
        decided = [
            f"{line[:-3]},leave out,asked," if f",{self.used[1]}," in line else line for line in text.splitlines()
        ]
        (self.folder / "staff" / "in" / EDITED).write_text("\n".join(decided), encoding="utf-8")
        noon = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
        os.utime(self.folder / "staff" / "in" / EDITED, (noon, noon))
        self._whole, self._files = backup.take(koha), self.folder.with_name(f"{self.folder.name}-before")
        shutil.copytree(self.folder, self._files)

    def _owing(self, day: int, branch: str = "CPL") -> int:
        patron = a_patron(self.koha, branch=branch)
        owes(self.koha, patron, "30.00", day=date.fromordinal(nov(day).toordinal() - 75), branch=branch)
        return patron

    def _wish(self, what: str, patron: int | None, **columns: Any) -> None:
        row = {"door": "koha", "origin": os.urandom(32).hex(), "who": "koha:51", "at": "2026-11-20 12:00:00"}
        self.koha.put("gentle_nudge_wish", what=what, patron=patron, **row, **columns)

    def as_it_was(self) -> None:
        """The evening before anything was done."""
        backup.restore(self.koha, self._whole)
        shutil.rmtree(self.folder)
        shutil.copytree(self._files, self.folder)

    def killed(self, at: int, *args: str, on: date) -> bool:
        """Whether the command was killed after so many statements, commits and renamed files."""

        def begin(count: Callable[[], None]) -> None:
            rename = Path.rename

            def counted(path: Path, target: Path) -> Path:
                count()
                return rename(path, target)

            Path.rename = counted  # type: ignore[method-assign,assignment]
            event.listen(Engine, "before_cursor_execute", lambda *_: count())
            event.listen(Engine, "commit", lambda *_: count())
            self.evenings.run(*args, on=on)

        return killed(at, begin) != 0

    def runs_on(self) -> None:
        """Cron starts the night once more, and then the next."""
        self.evenings.run("nightly", on=nov(22))
        self.evenings.run("nightly", on=nov(23))

    def promises(self) -> None:
        """What is promised wherever the night was killed."""
        self._every_wish_is_answered_once()
        self._every_list_ends_once()
        self._nobody_is_charged_twice_and_the_paused_case_is_told_once()
        states = self.koha.query("SELECT DISTINCT state FROM gentle_nudge_delivery")
        assert {row["state"] for row in states} <= {"sent", "superseded"}  # a sync by the update of the same night

    def _every_wish_is_answered_once(self) -> None:
        wishes = self.koha.query("SELECT door, what, done, taken_at, answer FROM gentle_nudge_wish ORDER BY id")
        by_door = [(wish["door"], wish["what"], bool(wish["done"])) for wish in wishes]
        in_koha = [("leave_out", True), ("hold", True), ("hold", False), ("sync", True)]
        in_file = [("leave_out", True), ("approve", True)]
        assert by_door == [*(("koha", *each) for each in in_koha), *(("file", *each) for each in in_file)]
        assert all(wish["taken_at"] and wish["answer"] for wish in wishes)
        assert self.koha.query("SELECT patron FROM gentle_nudge_hold") == [{"patron": self.bankrupt}]
        below = self.folder / "staff" / "in"
        assert [str(path.relative_to(below)) for path in below.rglob("*.csv")] == [f"read/{EDITED}"]

    def _every_list_ends_once(self) -> None:
        lists = self.koha.query(
            "SELECT section, state, for_day FROM gentle_nudge_list WHERE for_day > '2026-11-20' ORDER BY section"
        )
        assert [tuple(row.values()) for row in lists] == [
            ("global", "used", nov(22)),
            ("lapsing", "lapsed", nov(22)),
            ("making", "open", nov(25)),
        ]
        rows = self.koha.query("SELECT patron, outcome FROM gentle_nudge_list_row WHERE patron > :n", n=self.bankrupt)
        first, second, *others = self.used
        assert {row["patron"]: row["outcome"] for row in rows} == {
            **dict.fromkeys((first, second), "left_out"),
            **dict.fromkeys(others, "referred"),
            **dict.fromkeys((self.lapsed, self.made), "listed"),
        }
        made = "SELECT section, report, COUNT(*) AS n FROM gentle_nudge_run WHERE day = '2026-11-22' GROUP BY 1, 2"
        runs = {(row["section"], row["report"]): row["n"] for row in self.koha.query(made)}
        sections = ("global", "lapsing", "making")
        assert {key: n for key, n in runs.items() if key[1] in {"sync", "update", "submission"}} == {
            **{(section, report): 1 for section in sections for report in ("sync", "update")},
            **{(section, "submission"): 1 for section in sections[:2]},
        }

    def _nobody_is_charged_twice_and_the_paused_case_is_told_once(self) -> None:
        cases = self.koha.query("SELECT patron, paused_on, fee_line FROM gentle_nudge_case ORDER BY patron")
        assert [(case["patron"], case["paused_on"]) for case in cases] == [
            (self.bankrupt, nov(22)),
            *((patron, None) for patron in self.used[2:]),
        ]
        fees = self.koha.query("SELECT accountlines_id AS n FROM accountlines WHERE description LIKE 'UMS%' ORDER BY 1")
        assert [row["n"] for row in fees] == sorted(case["fee_line"] for case in cases)
        assert self.evenings.update(nov(22)) == {self.bankrupt: 0, **dict.fromkeys(self.used[2:], 40)}
        if self.bankrupt in self.evenings.update(nov(23)):  # the update of the 22nd had not arrived
            assert self.evenings.update(nov(23))[self.bankrupt] == 0
            self.evenings.does("nightly", on=nov(24))
            assert self.bankrupt not in self.evenings.update(nov(24))


@pytest.fixture
def desk(library: Library, koha: KohaDatabase, tmp_path: Path) -> Desk:
    evenings = library(policy="review_days = 3\nreview_ends = 'refer'", tables=TABLES.format(folder=tmp_path))
    return Desk(evenings, koha)


def nights_are_killed(desk: Desk, first: int, step: int) -> int:
    """The night is killed after every so many statements, until one comes to its end; how many were."""
    for at in range(first, 10_000, step):
        desk.as_it_was()
        was_killed = desk.killed(at, "nightly", on=nov(22))
        desk.runs_on()
        desk.promises()
        if not was_killed:
            return at
    raise AssertionError("a night has no end")


@pytest.mark.process
def test_a_night_of_the_desk_that_is_killed_anywhere_keeps_every_promise(desk: Desk) -> None:
    assert nights_are_killed(desk, first=7, step=151) > 300


@pytest.mark.process
@pytest.mark.soak
@pytest.mark.parametrize("first", range(4))
def test_a_night_of_the_desk_killed_at_every_statement_keeps_every_promise(desk: Desk, first: int) -> None:
    nights_are_killed(desk, first=first, step=4)


@pytest.mark.process
def test_a_command_that_is_killed_did_all_it_was_asked_for_or_nothing(desk: Desk) -> None:
    cards = [f"number:{patron}" for patron in desk.used]
    asked = ("review", "leave-out", *cards[2:], "--reason", "found", "--until", "2026-12-31")
    before, at, was_killed = backup.take(desk.koha), 0, True
    while was_killed:
        was_killed = desk.killed(at, *asked, on=nov(21))
        at += 7
        after = backup.take(desk.koha)
        if after == before:
            continue
        new = {name: len(rows) - len(before[name]) for name, rows in after.items() if rows != before[name]}
        del new["gentle_nudge_meta"]
        assert new == {"gentle_nudge_wish": 2, "gentle_nudge_list_row": 0, "gentle_nudge_hold": 2}
        desk.as_it_was()
    assert after != before
    assert at > 20
