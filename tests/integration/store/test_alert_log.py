"""One alert of a kind and day."""

from datetime import timedelta

from sqlalchemy import Connection, Engine

from gentle_nudge.store import alert_log
from tests.builders.ours import DAY, NOW


def test_the_first_of_a_kind_and_day_goes_out_the_second_does_not(both: Connection) -> None:
    assert alert_log.first_today(both, kind="fuse", day=DAY, now=NOW)
    assert not alert_log.first_today(both, kind="fuse", day=DAY, now=NOW)
    assert alert_log.first_today(both, kind="late", day=DAY, now=NOW)
    assert alert_log.first_today(both, kind="fuse", day=DAY + timedelta(days=1), now=NOW)


def test_another_process_sees_it_too(engine: Engine) -> None:
    with engine.begin() as first:
        assert alert_log.first_today(first, kind="fuse", day=DAY, now=NOW)
    with engine.begin() as second:
        assert not alert_log.first_today(second, kind="fuse", day=DAY, now=NOW)
