"""What is done meanwhile, on a connection of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from gentle_nudge.jobs.transaction import alongside, read_only
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

    def work(conn: Connection) -> int:
        begun.set()
        assert may_end.wait(10)
        return int(conn.execute(text("SELECT COUNT(*) FROM borrowers")).scalar_one())

    a_patron(koha)
    with read(koha) as conn, alongside(conn, work) as result:
        assert begun.wait(10)
        assert conn.execute(text("SELECT COUNT(*) FROM borrowers")).scalar() == 1
        may_end.set()
        assert result() == 1


def test_it_cannot_write(koha: KohaDatabase) -> None:
    def work(conn: Connection) -> None:
        conn.execute(text("UPDATE borrowers SET sort1 = 'yes'"))

    patron = a_patron(koha)
    with read(koha) as conn, alongside(conn, work) as result, pytest.raises(DBAPIError, match="READ ONLY"):
        result()
    assert koha.value("SELECT sort1 FROM borrowers WHERE borrowernumber = :n", n=patron) is None


def test_it_has_ended_when_the_block_fails(koha: KohaDatabase) -> None:
    ended: list[bool] = []
    with pytest.raises(KeyError), read(koha) as conn, alongside(conn, lambda _: ended.append(True)):
        raise KeyError
    assert ended == [True]
