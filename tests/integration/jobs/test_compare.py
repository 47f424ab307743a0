"""A question to a dry run is answered for one moment, whatever happens meanwhile."""

from typing import Any

import pytest
from sqlalchemy import event

from gentle_nudge.jobs.night.compare import compare
from gentle_nudge.jobs.night.due import NightOptions
from tests.builders.days import SUNDAY
from tests.builders.koha import owing, pays
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights


@pytest.mark.mariadb
@pytest.mark.parametrize("assumed", ["threshold=20.00", "count_fees_older_than=30"])
@pytest.mark.parametrize("scan", [1, 2])
def test_who_pays_between_the_readings_is_in_both_or_in_neither(koha: KohaDatabase, assumed: str, scan: int) -> None:
    patron = owing(koha, "30.00")
    nights, scans = Nights(koha), []

    def pay_before_that_scan(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "USE INDEX ()" in statement:
            scans.append(statement)
            if len(scans) == scan:
                pays(koha, patron)

    event.listen(nights.engine, "before_cursor_execute", pay_before_that_scan)
    options = NightOptions(dry_run=True)
    comparison = compare(nights.engine, nights.sections, nights.at(SUNDAY), assignments=[assumed], options=options)
    assert comparison.night.went_well, comparison.night.failures
    (what_if,) = comparison.what_ifs
    assert [figures.referred for figures in what_if.figures] == [1, 1, 0]
    assert (what_if.only_now, what_if.only_then) == ([], [])
