"""The files of a list: the one that staff edit, and the one for the shelves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from sqlalchemy import Connection

from gentle_nudge.domain.collections.shown_list import Review
from gentle_nudge.jobs.desk.review_list import shelf
from gentle_nudge.views.review_view import list_file_view, shelf_view
from gentle_nudge.views.structured import as_csv

BOM = "\ufeff"


def files_of(conn: Connection, review: Review, *, names: bool) -> Iterator[tuple[str, Iterable[bytes]]]:
    """The name and the bytes of each file of a list."""
    edited = list_file_view([review], names=names, for_staff=True)
    yield name_of("review", review.for_day, review.section.name, "csv"), [f"{BOM}{as_csv(edited)}".encode()]
    items = as_csv(shelf_view(shelf(conn, [review])))
    yield name_of("shelf", review.for_day, review.section.name, "csv"), [f"{BOM}{items}".encode()]


def name_of(kind: str, day: date, section: str, ending: str) -> str:
    """The name of a file about the list of a day."""
    return f"{kind}-{day}-{section}.{ending}"
