"""Restrictions: the rows that Koha's own Perl writes, and the patron's columns that say what they say."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from gentle_nudge.domain.actions import LiftRestriction
from gentle_nudge.domain.patron import Restriction
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.koha.write import restrict
from tests.builders.koha import a_patron, is_restricted
from tests.integration.koha.koha_changes import (
    LONG_AGO,
    ODD,
    SECOND,
    a_restriction,
    all_null_but,
    changed,
    remember,
    restrict_patrons,
    row,
)
from tests.integration.koha.line_views import DAY, NOW
from tests.support.koha import KohaDatabase


@pytest.mark.every_koha
def test_a_restriction_is_the_row_that_koha_writes(koha: KohaDatabase, conn: Connection) -> None:
    patron, other = a_patron(koha), a_patron(koha)
    is_restricted(koha, patron, "before", created=LONG_AGO, expires=date(2030, 1, 1))
    made = restrict_patrons(conn, [a_restriction(patron, ODD), a_restriction(other)], NOW)
    conn.commit()
    assert made.keys() == {patron, other}
    assert row(koha, "borrower_debarments", made[patron]) == all_null_but(
        koha,
        "borrower_debarments",
        borrower_debarment_id=made[patron],
        borrowernumber=patron,
        type="MANUAL",
        comment=ODD,
        created=SECOND,
    )
    assert row(koha, "borrower_debarments", made[other])["comment"] == "Patron sent to collections on 2026-11-22"


@pytest.mark.every_koha
def test_a_lifted_restriction_is_gone_and_the_others_are_as_they_were(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    gone = is_restricted(koha, patron, "ours", created=LONG_AGO)
    stays = is_restricted(koha, patron, "theirs", created=LONG_AGO)
    before = row(koha, "borrower_debarments", stays)
    never = Restriction(id=999_999, type="MANUAL", comment=None, expires=None)
    lifted = [LiftRestriction(patron=patron, restriction=replace(never, id=it)) for it in (gone, never.id)]
    restrict.lift(conn, lifted)
    restrict.refresh_debarred(conn, [patron], DAY)
    conn.commit()
    assert koha.value("SELECT GROUP_CONCAT(borrower_debarment_id) FROM borrower_debarments") == str(stays)
    assert row(koha, "borrower_debarments", stays) == before
    assert row(koha, "borrowers", patron)["debarredcomment"] == "theirs"


@pytest.mark.every_koha
def test_the_columns_of_the_patron_say_what_the_active_restrictions_say(koha: KohaDatabase, conn: Connection) -> None:
    tomorrow, later = DAY + timedelta(days=1), DAY + timedelta(days=9)
    cases: dict[tuple[tuple[str | None, date | None], ...], tuple[date | None, str | None]] = {
        (): (None, None),
        (("over", DAY),): (None, None),
        (("tomorrow", tomorrow),): (tomorrow, "tomorrow"),
        (("over", DAY), ("b", later), ("a", tomorrow)): (later, "b\na"),
        (("b", later), (None, tomorrow), ("a", None)): (restrict.FOR_EVER, "b\na"),
        ((None, later), (None, tomorrow)): (later, None),
        (("", later), ("x", later)): (later, "\nx"),
        (("", None),): (restrict.FOR_EVER, ""),
        ((ODD, None),): (restrict.FOR_EVER, ODD),
        (("z" * 254, None), ("本🙂", None)): (restrict.FOR_EVER, "z" * 254 + "\n"),
        (("🙂" * 300, None),): (restrict.FOR_EVER, "🙂" * 255),
        (("本" * 253, None), ("🙂é", None)): (restrict.FOR_EVER, "本" * 253 + "\n🙂"),
    }
    patrons = [a_patron(koha) for _ in cases]
    for patron, held in zip(patrons, cases, strict=True):
        for comment, expires in held:
            koha.put("borrower_debarments", borrowernumber=patron, type="MANUAL", comment=comment, expiration=expires)
        koha.execute("UPDATE borrowers SET debarred = '2001-01-01', debarredcomment = 'phantom'")
    restrict.refresh_debarred(conn, reversed(patrons), DAY)
    conn.commit()
    shown = [row(koha, "borrowers", patron) for patron in patrons]
    assert [(it["debarred"], it["debarredcomment"]) for it in shown] == list(cases.values())


@pytest.mark.every_koha
def test_koha_itself_would_compute_the_same_columns(koha: KohaDatabase, conn: Connection) -> None:
    """The statement of Koha's UpdateBorrowerDebarmentFlags, restated."""
    patron = a_patron(koha)
    for comment, expires in (("a", None), (None, None), ("b", DAY), ("c", DAY + timedelta(days=1))):
        is_restricted(koha, patron, comment, expires=expires)
    restrict.refresh_debarred(conn, [patron], DAY)
    conn.commit()
    shown = row(koha, "borrowers", patron)
    computed = koha.query(
        "SELECT IF(SUM(expiration IS NULL), DATE '9999-12-31', MAX(expiration)) AS debarred, "
        "GROUP_CONCAT(comment ORDER BY borrower_debarment_id SEPARATOR '\n') AS debarredcomment "
        "FROM borrower_debarments WHERE borrowernumber = :it AND (expiration IS NULL OR expiration > :today)",
        it=patron,
        today=DAY,
    )
    assert [{name: shown[name] for name in ("debarred", "debarredcomment")}] == computed


def test_a_restriction_until_the_zero_date_is_over(koha: KohaDatabase, conn: Connection) -> None:
    patron = a_patron(koha)
    zero, _ = is_restricted(koha, patron, "zero"), is_restricted(koha, patron, "b", expires=DAY + timedelta(days=1))
    koha.execute_lax(
        "UPDATE borrower_debarments SET expiration = '0000-00-00' WHERE borrower_debarment_id = :zero",
        zero=zero,
    )
    restrict.refresh_debarred(conn, [patron], DAY)
    conn.commit()
    shown = row(koha, "borrowers", patron)
    assert (shown["debarred"], shown["debarredcomment"]) == (DAY + timedelta(days=1), "b")


@pytest.mark.every_koha
def test_nothing_else_of_a_patron_changes_and_when_it_changed_only_if_it_did(
    koha: KohaDatabase, conn: Connection
) -> None:
    patron, same, none = (a_patron(koha) for _ in range(3))
    for number in (patron, same):
        held = is_restricted(koha, number, "held", created=LONG_AGO)
    koha.execute("UPDATE borrowers SET debarred = NULL, debarredcomment = NULL WHERE borrowernumber = :it", it=patron)
    before = {number: remember(koha, number) for number in (patron, same, none)}
    restrict.refresh_debarred(conn, before, DAY)
    conn.commit()
    assert changed(koha, before[same]) == changed(koha, before[none]) == {}
    difference = changed(koha, before[patron])
    assert difference.pop("updated_on") > LONG_AGO
    assert difference == {"debarred": date(9999, 12, 31), "debarredcomment": "held"}
    assert row(koha, "borrower_debarments", held)["created"] == LONG_AGO


def test_a_restriction_of_a_type_that_koha_has_not_is_an_error(koha: KohaDatabase, conn: Connection) -> None:
    made = replace(a_restriction(a_patron(koha)), type="NONE")
    with pytest.raises((IntegrityError, GentleNudgeError)):
        restrict.restrict(conn, [made], NOW)
