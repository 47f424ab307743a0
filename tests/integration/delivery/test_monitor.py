"""Pings to a real web server, and figures in a real file."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gentle_nudge.delivery.metrics_file import Figures, write_metrics
from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.delivery.ping import ping
from tests.support.monitor import Monitor
from tests.support.programs import free_port

FIGURES = Figures(night=datetime(2026, 11, 22, 5, tzinfo=UTC), well=True)


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with Monitor() as server:
        yield server


def test_the_monitor_hears_of_start_success_and_failure(monitor: Monitor) -> None:
    assert ping(monitor.url, "start")
    assert ping(monitor.url, "")
    assert ping(monitor.url + "/", "fail")
    assert monitor.asked == ["/ping/abc/start", "/ping/abc", "/ping/abc/fail"]


def test_what_follows_the_question_mark_stays_where_it_was(monitor: Monitor) -> None:
    assert ping(f"{monitor.url}?key=1", "start")
    assert monitor.asked == ["/ping/abc/start?key=1"]


def test_a_monitor_in_trouble_is_no_trouble_of_ours(monitor: Monitor) -> None:
    monitor.status = 500
    assert not ping(monitor.url, "")


@pytest.mark.parametrize("url", ["", "nonsense", "file:///etc/passwd", "http://", "http://[", "http://127.0.0.1:x/"])
def test_an_address_that_is_none_is_no_trouble_either(url: str) -> None:
    assert not ping(url, "start")


def test_a_dead_monitor_is_no_trouble_either() -> None:
    assert not ping(f"http://127.0.0.1:{free_port()}/", "fail")


def test_the_metrics_file_is_replaced_whole_and_readable_by_all(tmp_path: Path) -> None:
    path = tmp_path / "gentle_nudge.prom"
    path.write_text("old")
    write_metrics(path, FIGURES)
    assert path.read_text().startswith("# HELP gentle_nudge_night_success")
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_metrics_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeliveryFailed, match="No such file or directory"):
        write_metrics(tmp_path / "none" / "gentle_nudge.prom", FIGURES)
