"""A Koha database, reached as the product reaches it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, make_url

from gentle_nudge.koha.connect.engine import engine
from gentle_nudge.koha.connect.instance import Instance
from tests.integration.koha.line_views import NEW_YORK
from tests.support.koha import KohaDatabase


@pytest.fixture
def product(koha: KohaDatabase) -> Iterator[Engine]:
    """The product's own engine for this Koha."""
    made = engine(Instance(url=make_url(koha.url), zone=NEW_YORK, machine="here"))
    yield made
    made.dispose()


@pytest.fixture
def conn(product: Engine) -> Iterator[Connection]:
    """A session of the product in this Koha; what it writes is undone unless the test commits."""
    with product.connect() as connection:
        yield connection
