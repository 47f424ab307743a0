"""Pings to a real web server."""

import pytest

from gentle_nudge.delivery.ping import ping
from tests.support.monitor import Monitor
from tests.support.programs import free_port


def test_the_monitor_hears_of_start_success_and_failure(monitor: Monitor) -> None:
    assert [ping(monitor.url, "start"), ping(monitor.url, ""), ping(monitor.url + "/", "fail")] == ["", "", ""]
    assert monitor.asked == ["/ping/abc/start", "/ping/abc", "/ping/abc/fail"]


def test_what_follows_the_question_mark_stays_where_it_was(monitor: Monitor) -> None:
    assert ping(f"{monitor.url}?key=1", "start") == ""
    assert monitor.asked == ["/ping/abc/start?key=1"]


def test_a_monitor_in_trouble_is_no_trouble_of_ours(monitor: Monitor) -> None:
    monitor.status = 500
    assert ping(monitor.url, "") == ""


def test_an_address_that_the_monitor_does_not_know_is_named(monitor: Monitor) -> None:
    monitor.status = 404
    assert "refuses the ping (404)" in ping(monitor.url, "")
    assert "/ping/abc" not in ping(monitor.url, "")


@pytest.mark.parametrize("url", ["", "nonsense", "file:///etc/passwd", "http://", "http://[", "http://127.0.0.1:x/"])
def test_an_address_that_is_none_is_no_trouble_either(url: str) -> None:
    assert ping(url, "start") == ""


def test_a_dead_monitor_is_no_trouble_either() -> None:
    assert ping(f"http://127.0.0.1:{free_port()}/", "fail") == ""
