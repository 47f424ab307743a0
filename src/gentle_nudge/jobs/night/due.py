"""What is due on a day, how much of it may happen, whether the Perl plugin is in the way, and whether nights come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from gentle_nudge.domain.collections.list_days import ends_as, list_day
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import SectionRecords
from gentle_nudge.domain.collections.submission_day import Due, Refusal, is_late, most_referrals
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import UserError
from gentle_nudge.koha.read import plugin_data
from gentle_nudge.store import meta, runs
from gentle_nudge.store.dates_ahead import last_closed

WAY_BACK = "If the clock is right now and was wrong then: gentle-nudge init --clock-mended."

NIGHTS_MISSED = timedelta(days=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class NightOptions:
    """What the person who starts a night may ask for: limits lifted for this one night, or nothing written at all.

    `beside_plugin`: a submission is made even while the Perl plugin of the same purpose is at work. `left_out`: also
    tell who is left out.
    """

    dry_run: bool = False
    most_referrals: int | None = None
    most_endings: int | None = None
    beside_plugin: bool = False
    left_out: bool = False


def what_is_due(
    conn: Connection, section: Section, moment: Moment, *, records: SectionRecords, options: NightOptions
) -> Due:
    """What is due on this day, and how much of it may happen.

    UserError for a day before that of the last update, or if a case was closed after today, unless nothing is written.
    """
    policy, day = section.policy, moment.day
    if not options.dry_run:
        _refuse_earlier_day(conn, moment, records.last_update)
    lists = list_day(policy, day, records.lists, records.past, today=moment.today)
    under = lists.under if section.enabled else None
    return Due(
        submission_due=section.enabled and lists.submission_due,
        under=under,
        list_ends=ends_as(policy, under) if under else None,
        list_for=lists.make_for if section.enabled else None,
        late=is_late(policy, day),
        update_due=records.last_update != day,
        most_referrals=most_referrals(policy, records.past.sizes),
        lifted_to=options.most_referrals,
        most_adoptions=policy.most_adoptions,
        most_endings=policy.most_endings or None,
        endings_lifted_to=options.most_endings,
        beside_plugin=None if options.beside_plugin else beside_plugin(conn, moment),
        names_left_out=options.left_out,
    )


def _refuse_earlier_day(conn: Connection, moment: Moment, last_update: date | None) -> None:
    if last_update is not None and moment.day < last_update:
        hint = WAY_BACK if last_update > moment.today else ""
        raise UserError(
            f"{moment.day} is too long ago: an update for a later day already exists ({last_update}).", hint
        )
    closed = last_closed(conn)
    if closed is not None and closed > moment.today:
        raise UserError(f"A case was closed on {closed}, which is after today ({moment.today}).", WAY_BACK)


def beside_plugin(conn: Connection, moment: Moment) -> Refusal | None:
    """The refusal of a submission while a plugin of the same purpose is enabled and was at work within 8 days."""
    worked = plugin_data.at_work(conn, moment.now)
    if worked is None:
        return None
    day = worked.astimezone(moment.zone).date()
    return Refusal(
        kind="plugin",
        sentence=f"Koha's Gentle Nudge plugin is enabled and was at work on {day}: no submission is made beside it, "
        "or patrons could be referred and charged by both",
        hint="disable the plugin in Koha (Administration, Manage plugins); if both are to work, add --beside-plugin",
    )


def stopped(conn: Connection, families: Iterable[tuple[str, ...]], moment: Moment) -> Iterator[Finding]:
    """The sections, each by all its names, whose last night is more than two days back; none yet is a note at first.

    Nobody expects nights of a copy, or of a library in a file, which is a demo.
    """
    our_row = meta.read_meta(conn)
    if our_row is None or our_row.is_copy or conn.dialect.name == "sqlite":
        return
    initialised = our_row.initialised.astimezone(moment.zone).date()
    for names in families:
        last = runs.last_day(conn, names, ReportKind.UPDATE)
        missed = moment.today - last > NIGHTS_MISSED if last else moment.today - initialised >= NIGHTS_MISSED
        what = f"last night was that of {last}" if last else f"first night has not come since init on {initialised}"
        if missed or last is None:
            yield Finding(
                name="last-success-old",
                severity=Severity.PROBLEM if missed else Severity.NOTE,
                what=f"Section {names[0]}: the {what}.",
                why="The agency is not told who has paid, and nobody is released.",
                way_out="See whether cron or systemd starts gentle-nudge nightly, and what it said.",
            )
