"""What is done meanwhile, on a connection of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from gentle_nudge.jobs.transaction import AHEAD, alongside, read_only
from tests.builders.koha import a_patron
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights


@contextmanager
def read(koha: KohaDatabase) -> Iterator[Connection]:
    """A reading transaction of the product."""
    with read_only(Nights(koha).engine) as conn:
        yield conn


def test_it_goes_on_while_the_block_does(koha: KohaDatabase) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def work(conn: Connection) -> Iterator[int]:
        begun.set()
        assert may_end.wait(10)
        yield int(conn.execute(text("SELECT COUNT(*) FROM borrowers")).scalar_one())
        yield from range(2, 20)

    a_patron(koha)
    with read(koha) as conn, alongside(conn, work) as results:
        assert begun.wait(10)
        assert conn.execute(text("SELECT COUNT(*) FROM borrowers")).scalar() == 1
        may_end.set()
        assert list(results) == list(range(1, 20))


def test_it_waits_for_whoever_takes_its_results(koha: KohaDatabase) -> None:
    made: list[int] = []

    def work(_conn: Connection) -> Iterator[int]:
        for number in range(10 * AHEAD):
            made.append(number)
            yield number

    with read(koha) as conn, alongside(conn, work) as results:
        assert next(results) == 0
    assert len(made) <= AHEAD + 1


def test_it_cannot_write(koha: KohaDatabase) -> None:
    def work(conn: Connection) -> Iterator[int]:
        yield conn.execute(text("UPDATE borrowers SET sort1 = 'yes'")).rowcount

    patron = a_patron(koha)
    with read(koha) as conn, alongside(conn, work) as results, pytest.raises(DBAPIError, match="READ ONLY"):
        next(results)
    assert koha.value("SELECT sort1 FROM borrowers WHERE borrowernumber = :n", n=patron) is None


def test_it_has_ended_when_the_block_fails(koha: KohaDatabase) -> None:
    begun, ended = threading.Event(), threading.Event()

    def work(_conn: Connection) -> Iterator[int]:
        begun.set()
        ended.wait(0.1)
        ended.set()
        yield 1

    def fail() -> None:
        with read(koha) as conn, alongside(conn, work):
            assert begun.wait(10)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert ended.is_set()
