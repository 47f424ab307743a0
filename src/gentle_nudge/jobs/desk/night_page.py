"""The page of a night or of a week: the values that were kept, with cards, names and deliveries as they are now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gentle_nudge.domain.collections.for_a_person import TITLES, TROUBLES
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.outbox import Stored
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.koha.read import borrowers
from gentle_nudge.koha.read.administration import debit_type_names, preferences
from gentle_nudge.reports.render import page_name
from gentle_nudge.store import cases, deliveries, holds, meta, night_values, report_files
from gentle_nudge.views.html import as_page
from gentle_nudge.views.night_page_view import night_page_view
from gentle_nudge.views.night_summary import Values, week_of
from gentle_nudge.views.plain import name

A_WEEK = timedelta(days=7)
WHO = ("cardnumber", "surname", "firstname")


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedNight:
    """Which night, or week up to that day (None: the last night), of a section with these names; with names or not."""

    sections: tuple[str, ...]
    day: date | None = None
    week: bool = False
    names: bool = False


def look(conn: Connection, wanted: WantedNight, zone: ZoneInfo) -> Values:
    """The values of a night or of a week; UserError if none are kept."""
    meta.ready(conn)
    last = night_values.last(conn, wanted.sections)
    day = wanted.day or (last.day if last else None)
    first = day - A_WEEK + timedelta(days=1) if day and wanted.week else day
    nights = night_values.between(conn, wanted.sections, first, day) if first and day else []
    if not nights or not first or not day:
        what = f"The night of {day} is not known" if day else "No night is known"
        raise UserError(f"{what} (section {wanted.sections[0]}).", "gentle-nudge history shows every run.")
    values = week_of([night.content for night in nights]) if wanted.week else nights[0].content
    ending = list(_holds_ending(conn, wanted, day, zone)) if wanted.week else []
    values = values | {"day": day.isoformat(), "from": first.isoformat(), "holds_ending": ending}
    return looked_up(conn, values, wanted.sections, zone=zone, names=wanted.names)


def _holds_ending(conn: Connection, wanted: WantedNight, day: date, zone: ZoneInfo) -> Iterator[Values]:
    """The holds open at the end of that day whose last day is among the seven that begin with it, by that day."""
    ending = [
        hold
        for hold in holds.all_holds(conn)
        if hold.until and day <= hold.until < day + A_WEEK and hold.section in {None, *wanted.sections}
        if hold.since and hold.since.astimezone(zone).date() <= day
        if hold.ended is None or hold.ended.astimezone(zone).date() > day
    ]
    people = borrowers.contacts(conn, {hold.patron for hold in ending}, WHO)
    for hold in sorted(ending, key=lambda hold: (hold.until, hold.patron)):
        shown = {"number": hold.patron, "section": hold.section, "reason": hold.reason, "source": hold.source.value}
        row = shown | {"until": hold.until.isoformat() if hold.until else None}
        yield _with_person(row, people.get(hold.patron, {}), names=wanted.names)


def looked_up(conn: Connection, values: Values, sections: Collection[str], *, zone: ZoneInfo, names: bool) -> Values:
    """The values with cards, names and deliveries as our tables have them now."""
    people = ("needs_a_person", "referred", "changed")
    rows = [row for key in people for row in values[key]]
    known = cases.get(conn, {row["case"] for row in rows if row["case"]})
    in_koha = borrowers.contacts(conn, {row["number"] for row in rows if row["number"] and not row["case"]}, WHO)
    stored = report_files.named(conn, [report["file_name"] for report in values["reports"]], sections)

    def person_of(row: Values) -> Mapping[str, str | None]:
        if row["case"] is None:
            return in_koha.get(row["number"], {})
        case = known.get(row["case"])
        return {"cardnumber": case.card, "surname": case.surname, "firstname": case.firstname} if case else {}

    with_people = {key: [_with_person(row, person_of(row), names=names) for row in values[key]] for key in people}
    reports = [
        report | {"deliveries": list(_deliveries(conn, stored.get(report["file_name"]), zone))}
        for report in values["reports"]
    ]
    well = not any(need["kind"] in TROUBLES for need in values["needs_a_person"])
    return values | with_people | {"reports": reports, "well": well}


def _with_person(row: Values, person: Mapping[str, str | None], *, names: bool) -> Values:
    shown = name(person.get("surname"), person.get("firstname")) or None if names else None
    return row | {"card": person.get("cardnumber"), "name": shown}


def _deliveries(conn: Connection, stored: Stored | None, zone: ZoneInfo) -> Iterable[Values]:
    for each in deliveries.of_report(conn, stored.id) if stored else ():
        if not each.is_repeat:
            yield {
                "channel": each.address.channel.value,
                "recipient": each.address.recipient,
                "state": each.state.value,
                "at": each.since.astimezone(zone).isoformat(),
                "tells": each.address.tells,
            }


@dataclass(frozen=True, kw_only=True, slots=True)
class PageHead:
    """What stands around a page: the library's name, its Koha for staff, what it calls its debits."""

    library_name: str
    staff_url: str
    debit_types: dict[str, str]


def page_head(conn: Connection) -> PageHead:
    """As Koha has it."""
    values = preferences(conn, ["LibraryName", "staffClientBaseURL"])
    return PageHead(
        library_name=" ".join(values["LibraryName"].split()) or "Koha",
        staff_url=values["staffClientBaseURL"].strip(),
        debit_types=debit_type_names(conn),
    )


def page_of(library: Library, head: PageHead, values: Values, made: datetime, *, names: bool) -> str:
    """The page of a night or of a week, made at this instant."""
    figures = values["figures"]
    told = Decimal(figures["balance"]) + Decimal(figures["fees"])
    return as_page(
        library.texts.render,
        "night.html",
        night_page_view({**values, "lists": values.get("lists", [values["list"]] if values["list"] else [])}),
        **asdict(head),
        made=made.astimezone(library.zone),
        names=names,
        titles=TITLES,
        referred_told=format_amount(told),
        keep_days=library.settings.archive.keep_days,
    )


def file_name_of(values: Values) -> str:
    """The name of the page's file."""
    kind = ReportKind.NIGHT if values["from"] == values["day"] else ReportKind.DIGEST
    return page_name(kind, date.fromisoformat(values["day"]), values["section"])
