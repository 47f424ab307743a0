"""The pages that staff get: each night's, and each week's digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial

from dateutil.relativedelta import relativedelta
from dateutil.rrule import weekdays
from sqlalchemy import Connection

from gentle_nudge.domain.collections.for_a_person import Need, in_order, news
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import FOLDERS, TELLS_NOBODY, Delivery, DeliveryState
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.wish import Door
from gentle_nudge.jobs.desk.night_page import WantedNight, look, page_head, page_of
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.sections import section_for
from gentle_nudge.jobs.sending.enqueue import Page, Run, queue_page
from gentle_nudge.jobs.sending.manage import cancelled_submissions
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.reports.render import page_name
from gentle_nudge.store import deliveries, meta, night_values, report_files, runs, wishes
from gentle_nudge.store.night_values import NightValues
from gentle_nudge.views.night_summary import Values, kept, read

A_DAY, A_WEEK = timedelta(hours=24), timedelta(days=7)
# The kinds of needs that are looked up when the page is made; all others are kept with the night.
LOOKED_UP = frozenset({"address_gone", "submission_untold", "report_undelivered", "wish_refused", "file_refused"})


def queue_pages(library: Library, outlets: Outlets, sections: Sequence[Section], moment: Moment) -> bool:
    """The last night of each section knows what became of its reports, and its pages are queued.

    Returns whether there are any. A page that is there is made again only if its night has changed since.
    """
    any_page = False
    for section in sections:
        run = Run(section=section, moment=moment, outlets=outlets)
        with read_only(library.engine) as conn:
            night = night_values.last(conn, section.names)
            if night is None:
                continue
            needs = list(_needs(conn, library, run, night))
            gets_pages = bool(outlets.addresses(section, ReportKind.NIGHT))
            weekday = library.settings.staff.digest_on if gets_pages else None
            digest = digest_due(conn, section, weekday, moment.today)
            is_made = not gets_pages or _is_made(conn, night)
        if needs != night.content["needs_a_person"] or digest or not is_made:
            write = partial(_write, library=library, run=run, needs=needs, digest=digest)
            any_page |= writing(library.engine, write)
    return any_page


def _write(conn: Connection, library: Library, run: Run, *, needs: list[Values], digest: date | None) -> bool:
    """The night has these needs, and its page and the digest of that day are queued; whether there are any."""
    meta.lock(conn)
    section, outlets, names = run.section, run.outlets, library.settings.staff.names
    night = night_values.last(conn, section.names)
    if night is None:
        return False
    is_made = needs == night.content["needs_a_person"] and _is_made(conn, night)
    told = night.content.get("told", [])
    before = read(night_values.needs_before(conn, section.names, night.day))
    untold = [need.identity for need in news(read(needs), before) if list(need.identity) not in told]
    to = [each for each in outlets.addresses(section, ReportKind.NIGHT) if untold or each.channel in FOLDERS]
    content = night.content | {"needs_a_person": needs, "told": [*told, *untold]}
    if content != night.content:
        night_values.keep(conn, night.section, night.day, content, now=run.moment.now)
    pages = {}
    if to and not is_made:
        pages[ReportKind.NIGHT] = WantedNight(sections=section.names, day=night.day, names=names), to
    if digest:
        wanted = WantedNight(sections=section.names, day=digest, week=True, names=names)
        pages[ReportKind.DIGEST] = wanted, list(outlets.addresses(section, ReportKind.DIGEST))
    for kind, (wanted, addresses) in pages.items():
        page = _page(conn, library, run, kind=kind, wanted=wanted)
        queue_page(conn, run, page, addresses, made_on=run.moment.today)
    return bool(pages)


def _page(conn: Connection, library: Library, run: Run, *, kind: ReportKind, wanted: WantedNight) -> Page:
    values = look(conn, wanted, library.zone)
    html = page_of(library, page_head(conn), values, run.moment.now, names=wanted.names)
    things = len(values["needs_a_person"])
    facts = {key: values[key] for key in ("day", "from", "well", "figures", "reports")}
    body = library.texts.render(f"mail-{kind}.txt", library=run.outlets.name_for(run.section), things=things, **facts)
    day = date.fromisoformat(values["day"])
    name = page_name(kind, day, run.section.name)
    return Page(kind=kind, day=day, file_name=name, content=html.encode(), body=body)


def _is_made(conn: Connection, night: NightValues) -> bool:
    """Whether the page of this night was made since its values changed last."""
    made = report_files.last_made(conn, page_name(ReportKind.NIGHT, night.day, night.section))
    return made is not None and made >= night.made


def digest_due(conn: Connection, section: Section, weekday: int | None, today: date) -> date | None:
    """The day up to which a digest is due today; None if it was made since, or no night of that week is known."""
    if weekday is None:
        return None
    day: date = today + relativedelta(weekday=weekdays[weekday](-1))
    if any(day <= made <= today for made in runs.days(conn, section.names, ReportKind.DIGEST)):
        return None
    return day if night_values.between(conn, section.names, day - A_WEEK + timedelta(days=1), day) else None


def _needs(conn: Connection, library: Library, run: Run, night: NightValues) -> Iterator[Values]:
    """What the night leaves to a person, with what became of its deliveries."""
    others = [need for need in read(night.content["needs_a_person"]) if need.kind not in LOOKED_UP]
    before = [*read(night_values.needs_before(conn, run.section.names, night.day)), *others]
    sections = library.known_sections(conn)
    of_deliveries = (*_waiting(conn, run, sections), *_cancelled(conn, run, sections, night))
    for need in in_order([*others, *of_deliveries, *_refused(conn, run, sections, night)], before, night.day):
        yield kept(need)


def _waiting(conn: Connection, run: Run, sections: Sequence[Section]) -> Iterator[Need]:
    """The reports that have not reached the agency, and the addresses that have left the settings."""
    held: dict[str, str] = {}
    for late in deliveries.late_deliveries(conn):
        delivery, waited = late.delivery, run.moment.now - late.since
        if section_for(delivery.section, sections).name != run.section.name or not delivery.may_leave(
            run.outlets.standing
        ):
            continue
        if why := run.outlets.why_held(delivery, sections):
            held[delivery.address.recipient] = why
        elif delivery.address.tells and (delivery.state is DeliveryState.FAILED or waited >= A_DAY):
            since = late.since.astimezone(run.moment.zone).date()
            yield _undelivered(delivery, f"has waited since {since}. See why with gentle-nudge outbox")
    for recipient, why in held.items():
        way_out = "Put it back into the settings, or end what waits for it with gentle-nudge outbox cancel."
        yield Need(kind="address_gone", about=recipient, sentence=f"Reports wait for {recipient}: {why}. {way_out}")


def _cancelled(conn: Connection, run: Run, sections: Sequence[Section], night: NightValues) -> Iterator[Need]:
    """The submissions that were cancelled and told to nobody, and the night's own update if it was cancelled."""
    for each in cancelled_submissions(conn):
        if section_for(each.section, sections).name == run.section.name:
            sentence = f"{each.sentence} {each.way_out}"
            yield Need(kind="submission_untold", about=each.day.isoformat(), sentence=sentence)
    names = [report["file_name"] for report in night.content["reports"] if report["report"] == ReportKind.UPDATE]
    for stored in report_files.named(conn, names, run.section.names).values():
        for delivery in deliveries.of_report(conn, stored.id):
            unsent = delivery.state is DeliveryState.CANCELLED and delivery.reason not in TELLS_NOBODY.values()
            if unsent and delivery.address.tells and not delivery.is_repeat:
                yield _undelivered(delivery, "was cancelled unsent; the next update tells of everybody in it")


def _refused(conn: Connection, run: Run, sections: Sequence[Section], night: NightValues) -> Iterator[Need]:
    """The wishes and edited lists that could not be done since the night before; without a section every one's."""
    others = {name.casefold() for section in sections for name in section.names if section.name != run.section.name}
    for wish in wishes.refused(conn, after=night_values.made_before(conn, run.section.names, night.day)):
        if (wish.section or "").casefold() in others:
            continue
        answer = " ".join((wish.answer or "").split())
        if wish.door == Door.FILE:
            yield Need(kind="file_refused", about=str(wish.id), sentence=answer)
        else:
            sentence = f"{wish.who} wanted “{wish.what.replace('_', ' ')}”: {answer}"
            yield Need(kind="wish_refused", number=wish.patron, about=str(wish.id), sentence=sentence)


def _undelivered(delivery: Delivery, what: str) -> Need:
    recipient = delivery.address.recipient
    sentence = f"{delivery.file_name} to {recipient} {what}."
    return Need(kind="report_undelivered", about=f"{delivery.file_name} {recipient}", sentence=sentence)
