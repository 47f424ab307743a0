"""The pages of lists: each is queued for staff once, and lies in their folder with its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from gentle_nudge.domain.collections.list_days import next_submission_day
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Reason, SectionRecords
from gentle_nudge.domain.collections.review import TO_COME
from gentle_nudge.domain.collections.shown_list import Review
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.desk.night_page import PageHead, page_head
from gentle_nudge.jobs.desk.review_list import SHELF, files_of, review
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.patrons.records import read_records
from gentle_nudge.jobs.patrons.shared_reads import SharedReads
from gentle_nudge.jobs.sending.enqueue import Page, Run, queue_page
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.reports.render import page_name
from gentle_nudge.store import meta, report_files, review_lists
from gentle_nudge.views.html import as_page
from gentle_nudge.views.review_view import review_view

A_DAY = timedelta(days=1)


def queue_lists(library: Library, outlets: Outlets, sections: Sequence[Section], moment: Moment) -> bool:
    """Every list that has no page yet has one queued, and its files are in the folder; whether there is any.

    The files for the shelves of lists that have ended are gone.
    """
    any_page, folder, shared = False, outlets.staff_folder, SharedReads(sections, moment)
    for section in sections:
        to, run = outlets.addresses(section, ReportKind.REVIEW), Run(section=section, moment=moment, outlets=outlets)
        with read_only(library.engine) as conn:
            lists = review_lists.latest(conn, section.names) if to else ()
            to_show = [each for each in lists if each.state in TO_COME and not is_made(conn, section, each.for_day)]
            records = read_records(conn, section) if to_show else SectionRecords()
            new = [review(conn, section, shared.ahead(each.for_day), records=records, of=each) for each in to_show]
            files = [file for each in new for file in files_of(conn, each, names=library.settings.staff.names)]
            head = page_head(conn)
        if folder:
            for name, chunks in files:
                folder.put(name, chunks)
            for each in lists:
                if each.state not in TO_COME:
                    (folder.directory / page_name(SHELF, each.for_day, section.name, "csv")).unlink(missing_ok=True)
        for shown in new:
            writing(library.engine, partial(_queue, library=library, run=run, shown=shown, head=head))
            any_page = True
    return any_page


def is_made(conn: Connection, section: Section, for_day: date) -> bool:
    """Whether the page of the section's list of that day was queued."""
    return report_files.last_made(conn, page_name(ReportKind.REVIEW, for_day, section.name)) is not None


def _queue(conn: Connection, library: Library, run: Run, *, shown: Review, head: PageHead) -> None:
    meta.lock(conn)
    if is_made(conn, run.section, shown.for_day):
        return
    html = list_page(library, head, shown, run.moment.now, names=library.settings.staff.names)
    body = library.texts.render(
        "mail-review.txt",
        library=run.outlets.name_for(run.section),
        for_day=shown.for_day.isoformat(),
        state=shown.of.state.value if shown.of else None,
        ends=run.section.policy.review_ends,
        patrons=len(shown.going),
        marked=sum(bool(row.marks) for row in shown.going),
        balance=shown.balance,
        fees=shown.fees,
    )
    name = page_name(ReportKind.REVIEW, shown.for_day, run.section.name)
    page = Page(kind=ReportKind.REVIEW, day=shown.for_day, file_name=name, content=html.encode(), body=body)
    queue_page(conn, run, page, run.outlets.addresses(run.section, ReportKind.REVIEW), made_on=run.moment.today)


def list_page(library: Library, head: PageHead, shown: Review, now: datetime, *, names: bool) -> str:
    """The page of a list, as things stood at this instant."""
    policy = shown.section.policy
    return as_page(
        library.texts.render,
        "review.html",
        review_view(shown, names=names),
        **asdict(head),
        now=now.astimezone(library.zone),
        names=names,
        until=shown.for_day - A_DAY,
        next=next_submission_day(policy, shown.for_day),
        threshold=policy.threshold,
        days_old=[(shown.for_day - day).days for day in (shown.window.last, shown.window.first)],
        lost_only=policy.require_lost_fee,
        minors=policy.minors,
        review_days=policy.review_days,
        total=shown.balance + shown.fees,
        hold=str(policy.hold or ""),
        has_folder=library.settings.staff.folder is not None,
        reasons={reason.name: reason.value for reason in Reason},
    )
