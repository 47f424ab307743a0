"""A run of reminders may be killed anywhere, or meet the desk: no letter without its fee, no fee without its letter."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gentle_nudge.jobs.reminders.send import write_letters
from tests.acceptance.reminding import Begin, Reminding, day
from tests.builders.koha import balance
from tests.support import backup
from tests.support.crashes import killed

NIGHT = "03-09"


@pytest.fixture
def busy(reminders: Begin) -> Reminding:
    """A library in whose next run letters of levels 1 and 3, a print, an end and a lifted restriction are due."""
    library = reminders()
    blocked = library.owing(on="2025-12-27")
    third = library.owing()
    for on in ("01-26", "02-09", "02-23"):
        library.run(on)
    failing = library.owing(on="02-07")
    library.owing(on="02-07", email=None)
    library.run("03-08")
    library.koha.execute(
        "UPDATE message_queue SET status = 'failed', failure_code = 'NO_EMAIL' "
        "WHERE borrowernumber = :n AND letter_code = 'DEBTREM1'",
        n=failing,
    )
    library.owing(on="02-07")
    library.koha.execute("UPDATE accountlines SET amountoutstanding = 0 WHERE borrowernumber = :n", n=blocked)
    assert third
    return library


def promises(library: Reminding) -> list[tuple[Any, ...]]:
    """Each letter with its fee line and what Koha has of both; the fees and messages are exactly those recorded."""
    rows = library.koha.query(
        "SELECT s.patron, r.level, r.fee, l.amount, s.restriction IS NOT NULL AS blocked, s.state "
        "FROM gentle_nudge_reminder r JOIN gentle_nudge_series s ON s.id = r.series_id "
        "LEFT JOIN accountlines l ON l.accountlines_id = r.fee_line ORDER BY s.patron, r.level"
    )
    for row in rows:
        assert (row["amount"] or 0) == row["fee"], row
    charged = library.koha.value("SELECT COUNT(*) FROM accountlines WHERE description = 'Debt reminder fee'")
    assert charged == sum(row["fee"] > 0 for row in rows)
    queued = library.koha.value("SELECT COUNT(*) FROM message_queue")
    assert queued == library.koha.value(
        "SELECT COUNT(*) FROM gentle_nudge_reminder_message m JOIN message_queue q ON q.message_id = m.message"
    )
    blocks = library.koha.value("SELECT COUNT(*) FROM borrower_debarments")
    assert blocks == library.koha.value(
        "SELECT COUNT(*) FROM gentle_nudge_series WHERE restriction IS NOT NULL AND lifted_on IS NULL"
    )
    return [tuple(row.values()) for row in rows]


@pytest.mark.process
def test_a_run_killed_anywhere_does_what_is_missing_once(busy: Reminding) -> None:
    whole = backup.take(busy.koha)
    busy.run(NIGHT, sends=False)
    expected, queue = promises(busy), len(busy.queue())
    assert {row[1] for row in expected} == {1, 2, 3}

    def begin(count: Callable[[], None]) -> None:
        event.listen(Engine, "before_cursor_execute", lambda *_: count())
        event.listen(Engine, "commit", lambda *_: count())
        busy.evenings.run("remind", on=day(NIGHT))

    for at in range(25, 10_000, 9):
        backup.restore(busy.koha, whole)
        code = killed(at, begin)
        promises(busy)
        busy.run(NIGHT, sends=False)
        assert (promises(busy), len(busy.queue())) == (expected, queue), at
        if code == 0:
            assert at > 100
            return


def test_the_desk_can_work_on_while_letters_are_written(busy: Reminding, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment that begins while rows are locked waits at most for the commit, and then stands beside the fee."""
    (patron,) = {
        row["patron"]
        for row in busy.koha.query(
            "SELECT patron FROM gentle_nudge_series WHERE state = 'open' AND restriction IS NULL"
        )
        if balance(busy.koha, row["patron"]) == Decimal("27.00")
    }
    desks: list[threading.Thread] = []

    def pays() -> None:
        busy.koha.execute(
            "UPDATE accountlines SET amountoutstanding = amountoutstanding - 1 "
            "WHERE borrowernumber = :n AND debit_type_code = 'LOST'",
            n=patron,
        )

    def meets_the_desk(*args: Any, **kwargs: Any) -> None:
        desks.append(threading.Thread(target=pays))
        desks[0].start()
        write_letters(*args, **kwargs)

    monkeypatch.setattr("gentle_nudge.jobs.reminders.remind.write_letters", meets_the_desk)
    busy.run(NIGHT, "--library", "north", sends=False)
    for desk in desks:
        desk.join()
    assert balance(busy.koha, patron) == Decimal("28.00")
    promises(busy)
