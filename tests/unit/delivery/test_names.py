"""Names for a file that must not take another's place."""

from itertools import islice

from gentle_nudge.delivery.whole_files import MOST_NAMES, numbered


def test_a_number_comes_before_the_ending() -> None:
    assert list(islice(numbered("ums-sync-2026-11-22-north.csv"), 3)) == [
        "ums-sync-2026-11-22-north.csv",
        "ums-sync-2026-11-22-north-2.csv",
        "ums-sync-2026-11-22-north-3.csv",
    ]


def test_there_is_an_end_to_it() -> None:
    assert len(list(numbered("ums.csv"))) == MOST_NAMES
