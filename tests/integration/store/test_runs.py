"""A run is claimed once, and what it did is remembered."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.run import RunCounts
from gentle_nudge.store import meta, runs
from gentle_nudge.store.runs import Claim
from tests.builders.ours import A_MINUTE, DAY, HERE, NOW, a_run

SUNDAY = Claim(section=HERE, report=ReportKind.UPDATE, day=DAY)


def test_a_claim_is_ours_once(both: Connection) -> None:
    assert runs.claim(both, SUNDAY, now=NOW) is not None
    assert runs.claim(both, SUNDAY, now=NOW + A_MINUTE) is None
    assert len(runs.runs(both)) == 1


def test_after_a_refused_claim_the_transaction_goes_on(both: Connection) -> None:
    runs.claim(both, SUNDAY, now=NOW)
    runs.claim(both, SUNDAY, now=NOW)
    assert runs.claim(both, replace(SUNDAY, day=DAY + timedelta(days=1)), now=NOW) is not None
    assert len(runs.runs(both)) == 2


@pytest.mark.parametrize(
    "other",
    [
        replace(SUNDAY, section="north"),
        replace(SUNDAY, report=ReportKind.SUBMISSION),
        replace(SUNDAY, day=DAY - timedelta(days=1)),
        replace(SUNDAY, number=2),
    ],
)
def test_another_section_report_day_or_number_is_another_claim(both: Connection, other: Claim) -> None:
    assert runs.claim(both, SUNDAY, now=NOW) is not None
    assert runs.claim(both, other, now=NOW) is not None


def test_what_is_refused_for_another_reason_is_not_taken_for_a_claim(both: Connection) -> None:
    broken = replace(SUNDAY, section=None)  # type: ignore[arg-type]
    with pytest.raises(IntegrityError):
        runs.claim(both, broken, now=NOW)


def test_of_five_at_the_same_instant_one_has_the_claim(engine: Engine) -> None:
    together = Barrier(5)

    def night(_number: int) -> int | None:
        with engine.begin() as conn:
            together.wait()
            meta.lock(conn)
            return runs.claim(conn, SUNDAY, now=NOW)

    with ThreadPoolExecutor(5) as pool:
        claims = list(pool.map(night, range(5)))
    assert sum(claim is not None for claim in claims) == 1


def test_the_unique_key_holds_without_the_lock_too(engine: Engine) -> None:
    with engine.begin() as first:
        runs.claim(first, SUNDAY, now=NOW)
    with engine.begin() as second:
        assert runs.claim(second, SUNDAY, now=NOW) is None


def test_the_syncs_of_a_day_are_numbered(both: Connection) -> None:
    number: Callable[[], int] = lambda: runs.next_number(both, section=HERE, report=ReportKind.SYNC, day=DAY)  # noqa: E731
    assert number() == 1
    a_run(both, report=ReportKind.SYNC)
    assert number() == 2


def test_a_finished_run_has_its_counts_and_the_revision_grows(both: Connection) -> None:
    counts = RunCounts(
        numbers={"patrons": 3, "referred": 2, "letters": 1}, amount=Decimal("1234567.89"), fees=Decimal("20.00")
    )
    claim = replace(SUNDAY, report=ReportKind.SUBMISSION, late=True, who="ann")
    run = runs.claim(both, claim, now=NOW)
    assert run is not None
    runs.finish(both, run, now=NOW + A_MINUTE, counts=counts)
    (found,) = runs.runs(both)
    assert found.counts == counts
    assert (found.counts["letters"], found.counts["adopted"]) == (1, 0)
    assert (found.started, found.finished, found.late, found.who) == (NOW, NOW + A_MINUTE, True, "ann")
    assert meta.ready(both).revision == 1


def test_runs_come_newest_first(both: Connection) -> None:
    here, north, later = a_run(both), a_run(both, section="north"), a_run(both, day=DAY + timedelta(days=1))
    assert [run.id for run in runs.runs(both)] == [later, north, here]
    assert [run.id for run in runs.runs(both, limit=1)] == [later]


def test_the_fuse_sees_the_last_eight_submissions_also_under_a_former_name(both: Connection) -> None:
    for week in range(9):
        section = "old" if week < 4 else "new"
        run = a_run(both, report=ReportKind.SUBMISSION, section=section, day=DAY + timedelta(weeks=week))
        runs.finish(both, run, now=NOW, counts=RunCounts(numbers={"referred": week}))
    assert runs.submission_sizes(both, ["new", "old"]) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert runs.submission_sizes(both, ["new"]) == [8, 7, 6, 5, 4]
    assert runs.submission_sizes(both, ["south"]) == []


def test_first_and_last_days(both: Connection) -> None:
    assert runs.last_day(both, [HERE], ReportKind.UPDATE) is None
    assert runs.first_day(both, [HERE]) is None
    for day in (3, 1, 2):
        a_run(both, day=date(2026, 11, day))
    a_run(both, report=ReportKind.SUBMISSION, day=date(2026, 10, 1))
    a_run(both, section="north", day=date(2026, 9, 1))
    assert runs.last_day(both, [HERE], ReportKind.UPDATE) == date(2026, 11, 3)
    assert runs.first_day(both, [HERE]) == date(2026, 10, 1)
    assert runs.first_day(both, [HERE, "north"]) == date(2026, 9, 1)


def test_the_last_success_is_the_latest_finished_run_of_each_report(both: Connection) -> None:
    for day in (1, 2):
        runs.finish(both, a_run(both, day=date(2026, 11, day)), now=NOW, counts=RunCounts())
    a_run(both, day=date(2026, 11, 3))
    runs.finish(both, a_run(both, report=ReportKind.SYNC), now=NOW, counts=RunCounts())
    assert [(run.report, run.day) for run in runs.last_success(both)] == [
        (ReportKind.UPDATE, date(2026, 11, 2)),
        (ReportKind.SYNC, DAY),
    ]
