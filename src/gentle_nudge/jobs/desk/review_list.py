"""Review: the list of a submission day as it stands now, or what it would be, and its files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Connection

from gentle_nudge.domain.collections.list_days import next_submission_day
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.collections.review import ListInForce, ListRow, Outcome, ReviewList
from gentle_nudge.domain.collections.shown_list import Review, ShownRow, as_stored
from gentle_nudge.domain.collections.submission_day import submits_on
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.report_row import ReportKind, ShelfItem
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.night.foresee import foresee
from gentle_nudge.jobs.night.lists import dropped
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.patrons.shared_reads import SharedReads
from gentle_nudge.koha.read import borrowers, lost_items
from gentle_nudge.reports.render import page_name
from gentle_nudge.store import review_lists
from gentle_nudge.views.review_view import list_file_view, shelf_view
from gentle_nudge.views.structured import as_csv

A_DAY = timedelta(days=1)
BOM = "\ufeff"
SHELF = "shelf"


def reviews(conn: Connection, sections: Sequence[Section], moment: Moment, day: date | None) -> list[Review]:
    """The list of each section for that day (the coming one, if none is named).

    Sections without a submission on that day are left out; UserError that names the nearest if all are.
    """
    chosen: list[Review] = []
    nearest: set[date] = set()
    shared = SharedReads(sections, moment)
    for section in sections:
        if not section.enabled:
            continue
        records = read_records(conn, section)
        for_day = day or coming_day(section, records, moment.today)
        of = next((each for each in records.lists if each.for_day == for_day), None)
        if of is None and submits_on(section.policy, for_day) != for_day:
            nearest |= {submits_on(section.policy, for_day), next_submission_day(section.policy, for_day)}
        else:
            chosen.append(review(conn, section, shared.ahead(for_day), records=records, of=of))
    if not chosen:
        if not nearest:
            raise UserError("Submissions of every section are off.", "See enabled in the settings.")
        days = " and ".join(map(str, sorted(nearest)))
        raise UserError(f"{day} is no day of a submission.", f"The nearest are {days}.")
    return chosen


def coming_day(section: Section, records: SectionRecords, today: date) -> date:
    """The day of the submission that comes next: of a list that can still be used, else by the settings."""
    last = records.past.last_submission
    usable = [each.for_day for each in records.lists if each.may_be_used(last)]
    since = today - A_DAY if last is None or last < today else today
    return min([*usable, next_submission_day(section.policy, since)])


def review(
    conn: Connection, section: Section, shared: SharedReads, *, records: SectionRecords, of: ReviewList | None
) -> Review:
    """The section's list for the day of the `shared` reads; the rows of one that can still be used are judged anew."""
    ahead = shared.moment
    if of is None:
        return foresee(conn, section, shared, records=records)
    rows = review_lists.rows(conn, of.id)
    if not of.may_be_used(records.past.last_submission):
        return Review(section=section, for_day=ahead.day, of=of, rows=_stored(conn, section, ahead.day, rows.values()))
    under = replace(records, in_force=ListInForce(of=of, rows=rows))
    judged = foresee(conn, section, shared, records=records, under=under.in_force)
    current = {each.number: each for each in judged.rows}
    gone = [patron for patron, row in rows.items() if row.outcome is Outcome.LISTED and patron not in current]
    reasons = dropped(conn, section, ahead, gone, records=under)
    left = [row for row in rows.values() if row.outcome is not Outcome.LISTED]
    left += [replace(rows[patron], outcome=Outcome.DROPPED, why=reasons[patron]) for patron in gone]
    kept = (rows[number] for number in current)
    said = (replace(each, why=row.why, who=row.who, at=row.at) for each, row in zip(judged.rows, kept, strict=True))
    return replace(judged, of=of, rows=(*said, *_stored(conn, section, ahead.day, left)))


def _stored(conn: Connection, section: Section, day: date, rows: Iterable[ListRow]) -> tuple[ShownRow, ...]:
    """These rows with the amounts of when they left, by what became of them, in the order of surnames."""
    by_patron = {row.patron: row for row in rows}
    patrons = borrowers.patrons(conn, section.policy.patron_fields, by_patron)
    ranks = borrowers.order(conn, by_patron.keys())
    kinds = list(Outcome)
    ordered = sorted(
        by_patron.values(), key=lambda row: (kinds.index(row.outcome), ranks.get(row.patron, len(ranks)), row.patron)
    )
    fee = section.policy.processing_fee
    return tuple(as_stored(row, patrons.get(row.patron), day, fee) for row in ordered)


def shelf(conn: Connection, shown_reviews: Iterable[Review]) -> list[ShelfItem]:
    """The lost items of all who are to be referred, in the order of a walk along the shelves."""
    lines = [line for each in shown_reviews for row in each.going for line in row.lost_lines]
    items = lost_items.charged_items(conn, lines)
    return lost_items.on_shelves(conn, [item.item for item in items.values()])


def files_of(conn: Connection, shown_review: Review, *, names: bool) -> Iterator[tuple[str, list[bytes]]]:
    """The name and the bytes of each file of a list: the one that staff edit, and the one for the shelves."""
    views = {
        ReportKind.REVIEW: list_file_view([shown_review], names=names, for_staff=True),
        SHELF: shelf_view(shelf(conn, [shown_review])),
    }
    for kind, view in views.items():
        name = page_name(kind, shown_review.for_day, shown_review.section.name, "csv")
        yield name, [f"{BOM}{as_csv(view)}".encode()]
