"""What happens between reading and writing, and when two want the same at once."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from gentle_nudge.domain.collections.plan import Plan
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.patron import Flag
from gentle_nudge.errors import EXIT_TEMPFAIL
from gentle_nudge.jobs import transaction
from gentle_nudge.jobs.desk.withdraw import WithdrawalRequest, withdraw_cases
from gentle_nudge.jobs.night.nightly import Night
from gentle_nudge.jobs.transaction import TRIES, writing
from gentle_nudge.koha.connect import locks
from gentle_nudge.store import meta
from tests.builders.days import LAST_SUNDAY, MONDAY, SUNDAY
from tests.builders.koha import a_patron, delete_patron, has_attribute, is_restricted, merge, owes, owing, pays
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights, a_policy, snapshot

DID_THE_WORK, FOUND_IT_DONE, SOMETHING_ELSE = 0, 3, 4
A_FEW, MANY = range(3), range(50)


class Race(Nights):
    """Nights in which something happens between reading and writing."""

    def session(self, **variables: str | int) -> None:
        """From now on our sessions have these variables."""

        def set_them(connection: Any, _record: object) -> None:
            with connection.cursor() as cursor:
                for name, value in variables.items():
                    cursor.execute(f"SET SESSION {name} = {value}")

        event.listen(self.engine, "connect", set_them)
        self.engine.dispose()  # a session that is open already does not have them

    def night_in_which(
        self, happens: Callable[[], object], at: str = "gentle_nudge_meta", day: date = SUNDAY
    ) -> Plan | None:
        """A night; all is read and decided, and this happens before the table is locked. None: nothing was left."""
        left = [happens]
        before_locking(self, at, lambda: left.pop()() if left else None)
        night = self.night(day)
        assert night.went_well, night.failures
        assert not left
        return next(iter(night.plans.values()), None)

    def fees(self) -> Counter[int]:
        """How many fees each patron was charged."""
        found = self.koha.query("SELECT borrowernumber AS n FROM accountlines WHERE description LIKE 'UMS%'")
        return Counter(row["n"] for row in found)

    def flag(self, patron: int) -> str | None:
        """What stands in the patron's sort1."""
        said: str | None = self.koha.value("SELECT sort1 FROM borrowers WHERE borrowernumber = :n", n=patron)
        return said

    def nothing_was_done_to(self, patron: int) -> bool:
        """Whether the patron was neither charged nor restricted, and neither Koha's log nor a case knows of it."""
        mine = "FROM {} WHERE {} = :n"
        restricted = self.koha.value(
            f"SELECT COUNT(*) {mine.format('borrower_debarments', 'borrowernumber')}", n=patron
        )
        known = self.koha.value(f"SELECT COUNT(*) {mine.format('gentle_nudge_case', 'patron')}", n=patron)
        return not (self.fees()[patron] or restricted or known or self.logged(patron))

    def logged(self, patron: int) -> int:
        """How many rows Koha's log has of us about the patron."""
        logged: int = self.koha.value(
            "SELECT COUNT(*) FROM action_logs WHERE object = :n AND interface = 'cron'", n=patron
        )
        return logged


Races = Callable[..., Race]
Settled = tuple[Race, int]


@pytest.fixture(params=["OFF", "ON"], ids=["as-before-MariaDB-11.6.2", "innodb_snapshot_isolation"])
def race(request: pytest.FixtureRequest, koha: KohaDatabase) -> Races:
    """`race(clear_paid=True)`: nights on sessions of the kind that MariaDB has by default, before 11.6.2 and since."""

    def begin(**rules: Any) -> Race:
        nights = Race(koha, add_restriction=True, **rules)
        if koha.query("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'"):
            nights.session(innodb_snapshot_isolation=request.param)
        elif request.param == "ON":
            pytest.skip("this server does not know innodb_snapshot_isolation")
        return nights

    return begin


def only_another_run_was_in_the_way(night: Night) -> bool:
    """Whether our lock, held by another run, is all that failed."""
    return {failure.exit_code for failure in night.failures.values()} == {EXIT_TEMPFAIL}


def sort1(koha: KohaDatabase, patron: int, value: str | None) -> None:
    koha.execute("UPDATE borrowers SET sort1 = :value WHERE borrowernumber = :n", value=value, n=patron)


# ---- something happens between reading and writing


def test_who_pays_in_between_is_not_referred(koha: KohaDatabase, race: Races) -> None:
    paying, other = owing(koha), owing(koha)
    nights = race()
    nights.night_in_which(lambda: pays(koha, paying, "5.01"))
    assert nights.referred() == {other}
    assert nights.logged(other) == 3  # the restriction, the flag, the fee
    assert nights.dues() == {other: "40.00"}
    assert nights.flag(paying) is None
    assert nights.nothing_was_done_to(paying)


def test_of_what_was_prepared_for_somebody_who_pays_in_between_nothing_is_left(koha: KohaDatabase, race: Races) -> None:
    paying, other = owing(koha), owing(koha)
    nights = race()
    nights.night_in_which(lambda: pays(koha, paying), at="borrowers")
    assert nights.dues() == {other: "40.00"}
    assert nights.nothing_was_done_to(paying)
    assert nights.logged(other) == 3
    for table, rows in {"case": 1, "case_line": 1, "report": 2, "report_row": 1, "run": 2, "delivery": 2}.items():
        assert koha.value(f"SELECT COUNT(*) FROM gentle_nudge_{table}") == rows, table
    logged = koha.query("SELECT action FROM action_logs WHERE module = 'GENTLENUDGE' ORDER BY action_id")
    assert [row["action"] for row in logged] == ["NEW_SUBMISSIONS", "UPDATES"]


def test_who_pays_a_part_in_between_is_referred_with_what_is_left(koha: KohaDatabase, race: Races) -> None:
    patron = owing(koha)
    nights = race()
    nights.night_in_which(lambda: pays(koha, patron, "5.00"))
    assert nights.dues() == {patron: "35.00"}
    (case,) = koha.query("SELECT owed, balance, last_due FROM gentle_nudge_case")
    assert list(case.values()) == [25, 25, 35]


@pytest.mark.parametrize("flag", ["yes", "1", "Book club"])
def test_who_is_flagged_in_between_is_left_alone(koha: KohaDatabase, race: Races, flag: str) -> None:
    patron = owing(koha)
    nights = race()
    nights.night_in_which(lambda: sort1(koha, patron, flag))
    assert nights.referred() == set()
    assert nights.flag(patron) == flag
    assert nights.nothing_was_done_to(patron)


def test_who_gets_a_flag_attribute_in_between_is_left_alone(koha: KohaDatabase, race: Races) -> None:
    patron = owing(koha)
    nights = race(flag=Flag.parse("attribute:COLL"))
    nights.night_in_which(lambda: has_attribute(koha, patron, "COLL", "1"))
    assert nights.referred() == set()
    assert koha.value("SELECT COUNT(*) FROM borrower_attributes") == 1
    assert nights.nothing_was_done_to(patron)


def test_who_is_deleted_in_between_is_not_referred(koha: KohaDatabase, race: Races) -> None:
    patron, other = owing(koha), owing(koha)
    nights = race()
    nights.night_in_which(lambda: delete_patron(koha, patron))
    assert nights.referred() == {other}
    assert nights.nothing_was_done_to(patron)


def test_a_card_merged_in_between_refers_nobody_twice(koha: KohaDatabase, race: Races) -> None:
    patron, keeper = owing(koha), owing(koha)
    nights = race()
    nights.night_in_which(lambda: merge(koha, keeper, [patron]))
    assert nights.dues() == {keeper: "70.00"}
    assert nights.fees() == {keeper: 1}


def test_a_restriction_of_ours_made_in_between_is_recorded_and_not_made_again(koha: KohaDatabase, race: Races) -> None:
    patron = owing(koha)
    nights = race()
    nights.night_in_which(lambda: is_restricted(koha, patron, "Patron sent to collections on 2026-01-04"))
    (there,) = koha.query("SELECT borrower_debarment_id AS id FROM borrower_debarments")
    assert koha.value("SELECT restriction FROM gentle_nudge_case") == there["id"]


@pytest.fixture
def settled(koha: KohaDatabase, race: Races) -> Settled:
    """Nights of which the first, a week ago, referred the only patron."""
    patron = a_patron(koha)
    owes(koha, patron, "30.00", day=LAST_SUNDAY - timedelta(days=75))
    nights = race(clear_paid=True, remove_restriction=True)
    nights.good_night(LAST_SUNDAY)
    return nights, patron


def test_who_was_about_to_be_released_and_is_charged_in_between_stays(koha: KohaDatabase, settled: Settled) -> None:
    nights, patron = settled
    pays(koha, patron)
    nights.night_in_which(lambda: owes(koha, patron, "3.00"))
    assert nights.open_patrons() == {patron}
    assert nights.dues() == {patron: "3.00"}
    assert nights.flag(patron) == "yes"


def test_a_flag_put_back_in_between_keeps_the_case(koha: KohaDatabase, settled: Settled) -> None:
    nights, patron = settled
    sort1(koha, patron, "no")
    nights.night_in_which(lambda: sort1(koha, patron, "yes"))
    assert nights.open_patrons() == {patron}
    assert nights.dues() == {patron: "40.00"}


def test_who_was_about_to_be_released_and_is_deleted_in_between_is_deleted(
    koha: KohaDatabase, settled: Settled
) -> None:
    nights, patron = settled
    pays(koha, patron)
    nights.night_in_which(lambda: delete_patron(koha, patron))
    assert nights.states() == {patron: "deleted"}
    assert nights.dues() == {patron: "0.00"}


def test_an_accident_in_between_does_not_evade_the_fuse_on_endings(koha: KohaDatabase, race: Races) -> None:
    patrons = {owing(koha) for _ in range(20)}
    nights = race(clear_paid=True, most_referrals=0)
    nights.good_night()
    paying = sorted(patrons)[:10]
    for patron in paying:
        pays(koha, patron)
    left = [lambda: koha.execute("UPDATE borrowers SET sort1 = ''")]
    before_locking(nights, "borrowers", lambda: left.pop()() if left else None)
    night = nights.night(MONDAY)
    assert (left, night.exit_code) == ([], 1)
    assert [refusal.kind for refusal in night.plans["global"].refusals] == ["endings"]
    assert nights.open_patrons() == patrons
    assert nights.dues(MONDAY) == {}


def test_the_second_judgement_sees_few_cases_and_does_not_blow_the_fuse(koha: KohaDatabase, race: Races) -> None:
    patrons = sorted(owing(koha) for _ in range(20))
    nights = race(clear_paid=True, most_referrals=0)
    nights.good_night()
    for patron in patrons[:10]:
        pays(koha, patron)
    nights.sections = tuple(replace(section, enabled=False) for section in nights.sections)
    left = [lambda: owes(koha, patrons[0], "3.00")]
    before_locking(nights, "borrowers", lambda: left.pop()() if left else None)
    nights.good_night(MONDAY)
    assert left == []
    assert nights.open_patrons() == {patrons[0], *patrons[10:]}


def test_a_case_whose_patron_is_merged_while_it_is_withdrawn_follows(koha: KohaDatabase, settled: Settled) -> None:
    nights, patron = settled
    sort1(koha, patron, "no")
    keeper = a_patron(koha)
    nights.night_in_which(lambda: merge(koha, keeper, [patron]))
    nights.good_night(MONDAY)
    assert nights.open_patrons() == {keeper}
    assert nights.flag(keeper) == "yes"
    assert nights.dues(MONDAY) == {patron: "40.00"}
    assert nights.fees() == {keeper: 1}


def test_who_was_about_to_be_adopted_and_loses_the_flag_in_between_has_no_case(koha: KohaDatabase, race: Races) -> None:
    patron = a_patron(koha, sort1="yes")
    nights = race()
    nights.night_in_which(lambda: sort1(koha, patron, ""))
    assert nights.dues() == {}
    assert nights.nothing_was_done_to(patron)


def test_what_somebody_is_charged_at_the_desk_meanwhile_is_never_taken_for_our_fee(
    koha: KohaDatabase, settled: Settled
) -> None:
    nights, patron = settled
    fee = koha.value("SELECT fee_line FROM gentle_nudge_case")
    new = owing(koha)
    left = [lambda: owes(koha, patron, "3.00")]

    def while_ours_are_noted(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE gentle_nudge_case") and "accountlines" in statement and left:
            left.pop()()

    event.listen(nights.engine, "before_cursor_execute", while_ours_are_noted)
    nights.good_night()
    assert not left
    known = koha.query("SELECT patron, fee_line FROM gentle_nudge_case ORDER BY id")
    ours = koha.value("SELECT accountlines_id FROM accountlines WHERE borrowernumber = :n AND amount = 10", n=new)
    assert [(row["patron"], row["fee_line"]) for row in known] == [(patron, fee), (new, ours)]


def test_an_update_never_tells_less_than_a_sync_that_came_in_between(koha: KohaDatabase, settled: Settled) -> None:
    nights, patron = settled

    def somebody_pays_and_a_sync_tells_it() -> None:
        pays(koha, patron, "15.00")
        nights.sync()

    nights.night_in_which(somebody_pays_and_a_sync_tells_it)
    assert nights.dues() == {patron: "25.00"}


@pytest.mark.parametrize("lists", ["all", "changed"])
def test_a_case_released_by_hand_in_between_has_its_last_row(settled: Settled, lists: str) -> None:
    nights, patron = settled
    nights.change(update_lists=lists)
    nights.night_in_which(lambda: by_hand(nights, patron))
    assert nights.dues() == {patron: "0.00"}
    nights.good_night(MONDAY)
    assert nights.dues(MONDAY) == {}


def by_hand(nights: Race, patron: int) -> None:
    """Somebody takes the patron back."""
    wanted = WithdrawalRequest(cards=(f"number:{patron}",), reason="a mistake", sections=("global",))
    moment = nights.at(SUNDAY)
    writing(nights.engine, lambda conn: withdraw_cases(conn, nights.sections[:1], wanted, moment=moment))


def test_a_night_whose_work_was_done_in_between_changes_nothing(koha: KohaDatabase, race: Races) -> None:
    patron = owing(koha)
    nights = race()
    seen = []

    def another_is_faster() -> None:
        nights.good_night()
        seen.append(snapshot(koha))

    assert nights.night_in_which(another_is_faster) is None
    after = snapshot(koha)
    assert {name for name in after if after[name] != seen[0][name]} <= {"gentle_nudge_meta"}  # its note alone
    assert nights.fees() == {patron: 1}


def test_a_night_that_is_outdated_each_time_gives_way_and_changes_nothing(koha: KohaDatabase, race: Races) -> None:
    owing(koha)
    nights = race()
    changes = "UPDATE gentle_nudge_meta SET note = note + 1"
    tries = before_locking(nights, "gentle_nudge_meta", lambda: koha.execute(changes))
    night = nights.night()
    assert len(tries) == TRIES
    assert only_another_run_was_in_the_way(night)
    assert nights.fees() == {}
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_run") == 0


# ---- locks


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for half a second, and the next try comes at once."""
    monkeypatch.setattr(locks, "SECONDS", 0.5)
    monkeypatch.setattr(meta, "OTHERS_SECONDS", 1)
    monkeypatch.setattr(transaction, "PAUSES", (0,) * len(transaction.PAUSES))


@contextmanager
def somebody_holds(koha: KohaDatabase, rows: str) -> Iterator[Callable[[], None]]:
    """A desk, or another run, has these rows locked, until what is yielded is called or the block ends."""
    with koha.engine.connect() as connection:
        connection.execute(text(f"SELECT 1 FROM {rows} FOR UPDATE"))
        yield connection.rollback


def before_locking(nights: Race, of: str, act: Callable[[], object]) -> list[str]:
    """Just before every locking statement on that table, `act` is called; the statements so far."""
    seen: list[str] = []

    def look(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if of in statement and "FOR UPDATE" in statement:
            seen.append(statement)
            act()

    event.listen(nights.engine, "before_cursor_execute", look)
    return seen


@pytest.mark.usefixtures("in_a_hurry")
def test_a_night_is_tried_five_times_and_then_fails_in_a_sentence(koha: KohaDatabase, race: Races) -> None:
    patron = owing(koha)
    nights = race()
    tries = before_locking(nights, "gentle_nudge_meta", lambda: None)
    before = snapshot(koha)
    with somebody_holds(koha, f"borrowers WHERE borrowernumber = {patron}"):
        night = nights.night(delivered=False)
    failure = night.failures["global"]
    assert f"{TRIES} times because of locks" in failure.sentence
    assert failure.exit_code == 1
    assert not only_another_run_was_in_the_way(night)
    after = snapshot(koha)
    assert len(tries) == TRIES == 5
    assert {name for name in after if after[name] != before[name]} == {"action_logs"}
    nights.good_night()
    assert nights.fees() == {patron: 1}


@pytest.mark.usefixtures("in_a_hurry")
def test_a_lock_that_is_let_go_in_time_is_no_trouble(koha: KohaDatabase, race: Races) -> None:
    patron = owing(koha)
    nights = race()
    tries: list[str] = []
    with somebody_holds(koha, f"accountlines WHERE borrowernumber = {patron}") as lets_go:
        before_locking(nights, "gentle_nudge_meta", lambda: lets_go() if tries else tries.append("first"))
        nights.good_night()
    assert nights.fees() == {patron: 1}
    assert nights.referred() == {patron}


def test_the_pause_between_two_tries_grows(koha: KohaDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    patron = owing(koha)
    nights = Race(koha)
    waited: list[float] = []
    monkeypatch.setattr(locks, "SECONDS", locks.PAUSE)
    monkeypatch.setattr(transaction, "sleep", waited.append)
    with somebody_holds(koha, f"borrowers WHERE borrowernumber = {patron}"):
        nights.night(delivered=False)
    assert waited == [1, 2, 4, 8]


@pytest.mark.parametrize("rows", ["borrowers", "accountlines"])
def test_a_lock_of_patrons_or_lines_is_waited_for_two_seconds(
    koha: KohaDatabase, monkeypatch: pytest.MonkeyPatch, rows: str
) -> None:
    patron = owing(koha)
    nights = Race(koha)
    waited: list[float] = []
    monkeypatch.setattr(locks, "sleep", waited.append)
    monkeypatch.setattr(transaction, "PAUSES", ())
    with somebody_holds(koha, f"{rows} WHERE borrowernumber = {patron}"):
        night = nights.night(delivered=False)
    assert not night.went_well
    assert sum(waited) == pytest.approx(2, abs=0.05)


def test_a_patron_let_go_within_two_seconds_is_referred_at_the_first_try(
    koha: KohaDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    patron = owing(koha)
    nights = Race(koha)
    tries = before_locking(nights, "gentle_nudge_meta", lambda: None)
    with somebody_holds(koha, f"borrowers WHERE borrowernumber = {patron}") as lets_go:
        waited: list[float] = []
        monkeypatch.setattr(
            locks,
            "sleep",
            lambda pause: lets_go() if len(waited) * locks.PAUSE > locks.SECONDS - 0.1 else waited.append(pause),
        )
        nights.good_night()
    assert len(tries) == 1
    assert nights.referred() == {patron}


@pytest.mark.parametrize("charges_by", ["patron", "charge", "item"])
def test_new_lines_of_others_do_not_hold_a_night_up(
    koha: KohaDatabase, monkeypatch: pytest.MonkeyPatch, charges_by: Any
) -> None:
    """On small tables MariaDB would read every line, those that are being written at the desk included."""
    patrons = {owing(koha) for _ in range(20)}
    other = a_patron(koha)
    koha.execute("ANALYZE TABLE accountlines")
    nights = Race(koha, Section(policy=a_policy(), charges_by=charges_by))
    monkeypatch.setattr(locks, "SECONDS", locks.PAUSE)
    monkeypatch.setattr(transaction, "PAUSES", ())
    with koha.engine.connect() as desk:
        desk.execute(
            text(
                "INSERT INTO accountlines (borrowernumber, amount, amountoutstanding, debit_type_code, interface) "
                f"VALUES ({other}, 5, 5, 'LOST', 'intranet')"
            )
        )
        nights.good_night()
    assert nights.referred() == patrons


class Crossing:
    """A desk that locks lines and then wants their patron, the other way round, as a merge of cards does.

    It has written less than the night, so that in a deadlock the server would undo the desk's work.
    """

    def __init__(self, koha: KohaDatabase, patron: int) -> None:
        self.koha = koha
        self.patron = patron
        self.threads: list[threading.Thread] = []
        self.failures: list[BaseException] = []

    def begin(self) -> None:
        """The lines are locked; then the patron is wanted, whom the night has locked."""
        connection = self.koha.engine.connect()
        connection.execute(text(f"SELECT 1 FROM accountlines WHERE borrowernumber = {self.patron} FOR UPDATE"))
        thread = threading.Thread(target=self._want_the_patron, args=[connection])
        thread.start()
        self.threads.append(thread)

    def _want_the_patron(self, connection: Connection) -> None:
        try:
            connection.execute(text(f"SELECT 1 FROM borrowers WHERE borrowernumber = {self.patron} FOR UPDATE"))
        except BaseException as failure:  # noqa: BLE001 - it is shown by the test
            self.failures.append(failure)
        connection.rollback()
        connection.close()

    def end(self) -> None:
        """Nobody is at the desk any more, and nobody's work there was undone."""
        for thread in self.threads:
            thread.join()
        assert self.failures == []


@pytest.mark.usefixtures("in_a_hurry")
@pytest.mark.parametrize(("crossings", "done"), [(1, True), (4, True), (5, False)])
def test_where_locks_cross_the_night_gives_way_and_begins_anew_five_times_at_most(
    koha: KohaDatabase, race: Races, *, crossings: int, done: bool
) -> None:
    patron = owing(koha)
    nights = race()
    desk = Crossing(koha, patron)
    coming: list[Callable[[], None]] = []
    begun = before_locking(nights, "gentle_nudge_meta", lambda: coming.extend([desk.begin] * (len(begun) <= crossings)))
    before_locking(nights, "accountlines", lambda: coming.pop()() if coming else None)
    night = nights.night()
    desk.end()
    assert len(begun) == min(crossings + 1, TRIES)
    assert night.went_well is done
    assert nights.fees() == ({patron: 1} if done else {})
    if not done:
        assert "because of locks" in night.failures["global"].sentence
        nights.good_night()
    assert nights.referred() == {patron}


@pytest.mark.usefixtures("in_a_hurry")
def test_while_another_run_holds_our_row_the_night_gives_way_with_75(koha: KohaDatabase, race: Races) -> None:
    owing(koha)
    nights = race()
    before = snapshot(koha)
    with somebody_holds(koha, "gentle_nudge_meta"):
        night = nights.night(delivered=False)
    assert only_another_run_was_in_the_way(night)
    assert night.failures["global"].exit_code == EXIT_TEMPFAIL
    after = snapshot(koha)
    assert {name for name in after if after[name] != before[name]} <= {"action_logs"}
    nights.good_night()


# ---- several nights at the same instant


def at_once(nights: Race, many: int) -> Counter[int]:
    """So many nights are begun by processes of their own at the same instant: how each ended."""
    waiting, starting = os.pipe()
    children = [_a_night_of_its_own(nights, waiting, starting) for _ in range(many)]
    os.close(waiting)
    os.close(starting)  # the shot: nobody can write any more, so that everybody's read returns
    return Counter(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


def _a_night_of_its_own(nights: Race, waiting: int, starting: int) -> int:
    child = os.fork()
    if child:
        return child
    code = SOMETHING_ELSE
    try:
        os.close(starting)
        nights.renew_engine()
        os.read(waiting, 1)
        code = _ending(nights)
    finally:
        os._exit(code)


def _ending(nights: Race) -> int:
    night = nights.night(delivered=False)
    if only_another_run_was_in_the_way(night):
        return EXIT_TEMPFAIL
    if night.done_before:
        return FOUND_IT_DONE
    return DID_THE_WORK if night.went_well else SOMETHING_ELSE


def one_night_alone_does_the_work(koha: KohaDatabase, many: int) -> None:
    """However many begin, everybody is charged once and told of once."""
    patrons = [owing(koha) for _ in range(5)]
    nights = Race(koha, add_restriction=True, send_to=("reports@agency.example",), copy_to=("copy@library.example",))
    ended = at_once(nights, many)
    assert ended[DID_THE_WORK] == 1
    assert ended[DID_THE_WORK] + ended[FOUND_IT_DONE] + ended[EXIT_TEMPFAIL] == many, ended
    assert nights.fees() == dict.fromkeys(patrons, 1)
    assert nights.referred() == set(patrons)
    counted = "SELECT COUNT(*) FROM {}"
    tables = {"gentle_nudge_run": 2, "gentle_nudge_case": 5, "gentle_nudge_delivery": 4, "borrower_debarments": 5}
    assert {name: koha.value(counted.format(name)) for name in tables} == tables


@pytest.mark.process
@pytest.mark.parametrize("many", [2, 5])
@pytest.mark.parametrize("_time", A_FEW)
def test_of_nights_begun_at_the_same_instant_one_does_the_work(koha: KohaDatabase, many: int, _time: int) -> None:
    one_night_alone_does_the_work(koha, many)


@pytest.mark.process
@pytest.mark.soak
@pytest.mark.parametrize("many", [2, 5])
@pytest.mark.parametrize("_time", MANY)
def test_of_nights_begun_at_the_same_instant_one_does_the_work_fifty_times(
    koha: KohaDatabase, many: int, _time: int
) -> None:
    one_night_alone_does_the_work(koha, many)


@pytest.mark.own_server
@pytest.mark.process
def test_with_snapshot_isolation_of_the_whole_server_one_of_five_does_the_work(
    koha: KohaDatabase, set_global: Callable[[str, str | int], None]
) -> None:
    if not koha.query("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'"):
        pytest.skip("this server does not know innodb_snapshot_isolation")
    set_global("innodb_snapshot_isolation", 1)
    one_night_alone_does_the_work(koha, 5)
