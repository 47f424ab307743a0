"""The browser for all pages."""

from collections.abc import Iterator

import pytest

from tests.support.browser import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the module: while one is open, no other test of the process could begin an event loop."""
    with Browser.start() as running:
        yield running
