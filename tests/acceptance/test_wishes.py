"""What staff want done: written down by a command or by somebody outside, and taken by the next run."""

import os
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import pymysql
import pytest
from sqlalchemy import Connection, event

from gentle_nudge.domain.moment import Moment
from gentle_nudge.jobs.desk.take_wishes import take_wishes
from gentle_nudge.jobs.library import Library as OurLibrary
from gentle_nudge.settings import load
from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import LAST_SUNDAY, MONDAY, SUNDAY, ZONE
from tests.support.crashes import killed
from tests.support.grants import PASSWORD, execute
from tests.support.koha import KohaDatabase

UNTIL = date(2026, 12, 31)
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC).replace(tzinfo=None)
HERE: dict[str, Any] = {"reason": "dispute", "until": UNTIL}


def wishes(koha: KohaDatabase, patron: int | None, what: str = "hold", **columns: Any) -> int:
    """A wish as somebody outside writes it."""
    row: dict[str, Any] = {"door": "koha", "origin": os.urandom(32).hex(), "who": "koha:51", "at": NOON}
    return koha.put("gentle_nudge_wish", **(row | {"what": what, "patron": patron} | columns))


def answers(koha: KohaDatabase) -> list[tuple[bool | None, str | None]]:
    """What became of the wishes, in the order in which they were written."""
    rows = koha.query("SELECT done, answer, taken_at FROM gentle_nudge_wish ORDER BY id")
    assert all((row["done"] is None) == (row["taken_at"] is None) for row in rows)
    return [(None if row["done"] is None else bool(row["done"]), row["answer"]) for row in rows]


def holds(koha: KohaDatabase) -> list[dict[str, Any]]:
    """The holds that are open."""
    return koha.query(
        "SELECT patron, section, reason, until, source, who, note FROM gentle_nudge_hold "
        "WHERE ended IS NULL ORDER BY id"
    )


def test_what_somebody_outside_has_written_down_is_done_and_what_cannot_be_is_answered(
    library: Library, koha: KohaDatabase
) -> None:
    evenings = library()
    patron = evenings.owing(card="1001")
    wishes(koha, patron, **HERE)
    wishes(koha, 99_999, **HERE)
    done = evenings.run("deliver", on=LAST_SUNDAY)
    assert done.returncode == 0
    assert [each[0] for each in answers(koha)] == [True, False]
    assert holds(koha) == [
        {"patron": patron, "section": None, "source": "command", "who": "koha:51", "note": None} | HERE
    ]
    assert "Warning" not in done.stdout
    assert done.stderr.count("wish ") == 1
    assert "Koha has no patron with the number 99999" in done.stderr
    assert evenings.does("deliver") == ""


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"what": "dance"}, "no such kind"),
        ({"reason": None}, "needs reason"),
        ({"reason": " \u00a0"}, "needs reason"),
        ({"what": "leave_out", "reason": " "}, "needs reason"),
        ({"patron": None}, "needs patron"),
        ({"reason": "He said so"}, "no reason for a hold"),
        ({"until": None}, "needs a last day"),
        ({"until": SUNDAY}, "before today"),
        ({"what": "resume"}, "is not on hold"),
        ({"what": "sync", "section": "nowhere"}, "There is no section"),
    ],
)
def test_a_wish_that_cannot_be_done_changes_nothing_but_its_answer(
    library: Library, koha: KohaDatabase, columns: dict[str, Any], why: str
) -> None:
    evenings = library()
    patron = evenings.owing()
    wishes(koha, **({"patron": patron} | HERE | columns))
    wishes(koha, patron, **HERE)
    assert evenings.run("deliver", on=MONDAY).returncode == 0
    (refused, sentence), (followed, _) = answers(koha)
    assert (refused, followed) == (False, True)
    assert sentence is not None
    assert why in sentence
    assert "He said so" not in sentence
    assert len(holds(koha)) == 1


@pytest.mark.parametrize("word", ["nightly", "sync", "deliver"])
def test_night_sync_and_deliver_take_wishes_first(library: Library, koha: KohaDatabase, word: str) -> None:
    evenings = library()
    patron = evenings.owing()
    wishes(koha, patron, **HERE)
    evenings.does(word, on=SUNDAY)
    assert [done for done, _ in answers(koha)] == [True]
    assert [row["patron"] for row in holds(koha)] == [patron]


def test_a_dry_run_takes_no_wish(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    wishes(koha, evenings.owing(), **HERE)
    evenings.does("nightly", "--dry-run", on=SUNDAY)
    evenings.does("sync", "--dry-run", on=SUNDAY)
    assert answers(koha) == [(None, None)]


def test_without_wishes_nothing_is_locked(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    koha.execute("UPDATE gentle_nudge_meta SET note = 7")
    evenings.does("deliver", on=SUNDAY)
    assert koha.value("SELECT note FROM gentle_nudge_meta") == 7
    wishes(koha, evenings.owing(), **HERE)
    evenings.does("deliver", on=SUNDAY)
    assert koha.value("SELECT note FROM gentle_nudge_meta") == 8


def test_while_the_settings_lack_a_policy_a_hold_is_made_and_a_sync_waits(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = evenings.owing()
    whole = evenings.config.read_text(encoding="utf-8")
    evenings.config.write_text(whole.replace("threshold = 25.00", ""), encoding="utf-8")
    wishes(koha, None, "sync")
    wishes(koha, patron, **HERE)
    evenings.does("deliver", on=SUNDAY)
    assert [done for done, _ in answers(koha)] == [None, True]
    evenings.config.write_text(whole, encoding="utf-8")
    evenings.does("deliver", on=SUNDAY)
    assert [done for done, _ in answers(koha)] == [True, True]
    assert koha.query("SELECT report, who FROM gentle_nudge_run") == [{"report": "sync", "who": "koha:51"}]


def test_several_cards_are_done_together_or_none_is(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    first, second = evenings.owing(card="1001"), evenings.owing(card="1002")
    hold = ("--reason", "plan", "--until", str(UNTIL))
    refused = evenings.run("hold", "1001", "9999", "1002", "9998", *hold, on=SUNDAY)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the 2nd card: Koha has no patron with this card." in refused.stderr
    assert "the 4th card: " in refused.stderr
    assert "the 1st" not in refused.stderr
    assert (answers(koha), holds(koha)) == ([], [])
    assert "Dry run" in evenings.does("hold", "1001", "1002", *hold, "--dry-run")
    assert (answers(koha), holds(koha)) == ([], [])
    said = evenings.does("hold", "1001", f"number:{second}", *hold)
    assert said.count(f"is on hold until {UNTIL}") == 2
    assert [row["patron"] for row in holds(koha)] == [first, second]
    assert [done for done, _ in answers(koha)] == [True, True]
    assert koha.query("SELECT DISTINCT door, who FROM gentle_nudge_wish") == [{"door": "command", "who": "tester"}]
    refused = evenings.run("resume", "1001", "1002", "number:77")
    assert (refused.returncode, len(holds(koha)), len(answers(koha))) == (2, 2, 2)
    assert "the 3rd card: Patron number 77 is not on hold." in refused.stderr


def test_the_same_origin_asks_once(library: Library, koha: KohaDatabase) -> None:
    library()
    wishes(koha, 1, origin="a" * 64)
    with pytest.raises(Exception, match="Duplicate"):
        wishes(koha, 1, origin="a" * 64)


def test_an_outside_writer_may_add_wishes_and_read_them_and_nothing_else(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron, name = evenings.owing(), f"w_{koha.name}"
    execute(koha, evenings.does("grants", "--outside-writer", f"{name}@%"))
    try:
        koha.execute(f"ALTER USER '{name}'@'%' IDENTIFIED BY :password ACCOUNT UNLOCK", password=PASSWORD)
        url = koha.server.url(koha.name)
        account: dict[str, Any] = {"host": url.host, "port": url.port, "user": name, "password": PASSWORD}
        with (
            closing(pymysql.connect(**account, database=koha.name, autocommit=True)) as writer,
            writer.cursor() as cursor,
        ):
            cursor.execute(
                "INSERT INTO gentle_nudge_wish (door, origin, what, section, list_day, patron, reason, until, note,"
                " who, at) VALUES ('koha', 'one', 'hold', NULL, NULL, %s, 'dispute', '2026-12-31', 'by letter',"
                " 'koha:51', UTC_TIMESTAMP(6))",
                [patron],
            )
            cursor.execute("SELECT * FROM gentle_nudge_wish")
            assert len(cursor.fetchall()) == 1
            for forbidden in (
                "UPDATE gentle_nudge_wish SET reason = 'plan'",
                "DELETE FROM gentle_nudge_wish",
                "INSERT INTO gentle_nudge_wish (door, origin, what, who, at, done) VALUES ('', '', '', '', NOW(), 1)",
                "SELECT * FROM gentle_nudge_case",
                "SELECT * FROM borrowers",
            ):
                with pytest.raises(pymysql.err.OperationalError, match="denied"):
                    cursor.execute(forbidden)
    finally:
        koha.execute(f"DROP USER IF EXISTS '{name}'@'%'")
    evenings.does("deliver", on=SUNDAY)
    assert [row["note"] for row in holds(koha)] == ["by letter"]


def test_a_run_killed_anywhere_loses_no_wish_and_takes_none_twice(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patrons = [evenings.owing() for _ in range(3)]
    for patron in patrons:
        wishes(koha, patron, **(HERE | {"until": date(2999, 1, 1)}))
    wishes(koha, None, "sync")
    at, survived = 0, False
    while not survived:
        survived = killed(at, lambda count: _take(evenings, count)) == 0
        at += 3
        taken = [done for done, _ in answers(koha)]
        assert [row["patron"] for row in holds(koha)] == patrons[: taken.count(True)][: len(patrons)]
        assert koha.value("SELECT COUNT(*) FROM gentle_nudge_run") == int(taken.count(True) == 4)
    assert taken == [True] * 4
    assert at > 30


def _take(evenings: Evenings, count: Callable[[], None]) -> None:
    """Take the wishes in a process that counts every statement and commit."""
    os.environ["GENTLE_NUDGE_KOHA__PASSWORD"] = evenings.koha.server.password
    now = datetime.now(UTC)
    ours = OurLibrary.of(load(evenings.config), lambda: now)

    def counted(_conn: Connection, *_: Any, **__: Any) -> None:
        count()

    event.listen(ours.engine, "before_cursor_execute", counted)
    event.listen(ours.engine, "commit", counted)
    take_wishes(ours, Moment(day=now.astimezone(ZONE).date(), now=now, zone=ZONE))
