"""All that cron's `nightly` does, in order: wishes, the night, the copy of outcomes, deliveries, alerts, tidying up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outbox import CancelledSubmission
from gentle_nudge.errors import EXIT_FAILURE, EXIT_TEMPFAIL, GentleNudgeError, worst_exit_code
from gentle_nudge.jobs.desk.list_pages import queue_lists
from gentle_nudge.jobs.desk.staff_pages import queue_pages
from gentle_nudge.jobs.desk.take_files import take
from gentle_nudge.jobs.desk.take_wishes import Taken
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.monitor.alerting import tell_staff
from gentle_nudge.jobs.monitor.retention import apply_retention
from gentle_nudge.jobs.monitor.watch import watched
from gentle_nudge.jobs.night.collect_notices import collect_notices
from gentle_nudge.jobs.night.due import NightOptions
from gentle_nudge.jobs.night.nightly import Night, nightly
from gentle_nudge.jobs.outcomes.month_page import queue_month_page
from gentle_nudge.jobs.outcomes.nightly_copy import copy_outcomes
from gentle_nudge.jobs.sending.deliver import Delivered, deliver
from gentle_nudge.jobs.sending.manage import cancelled_submissions
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.jobs.transaction import read_only

Clock = Callable[[], datetime]
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """A round of deliveries, sentences about alerts that reached nobody, and once a night the untold submissions."""

    delivered: Delivered
    unheard: tuple[str, ...] = ()
    untold: tuple[CancelledSubmission, ...] = ()

    @property
    def exit_code(self) -> int:
        """Failure if something has not arrived or is untold; temporary failure if another run has the rest."""
        failed = 0 if self.delivered.went_well and not self.untold else EXIT_FAILURE
        return worst_exit_code(failed, EXIT_TEMPFAIL if self.delivered.interrupted else 0)


Tell = Callable[[Taken | Night | Round | GentleNudgeError | str], None]


def routine(
    library: Library, moment: Moment, clock: Clock, tell: Tell, *, wanted: Sequence[str], options: NightOptions
) -> int:
    """Call `tell` after each step with the wishes, the night, the round or an error in its place.

    Last come sentences about the rest. A step that fails with a GentleNudgeError does not stop the next. The worst exit
    code of all is returned, and the monitor hears of it.
    """
    not_collected = 0
    with watched(library, moment, clock) as watch:
        sections, outlets = library.ready(wanted, dry_run=False)
        taken = take(library, moment)
        tell(taken)
        try:
            collect_notices(library.engine, sections, moment)
        except GentleNudgeError as failure:
            tell(failure)
            not_collected = failure.exit_code
        night = nightly(library.engine, sections, moment, outlets=outlets, options=options)
        tell(night)
        copied = copy_outcomes(library.engine, (draft.policy for draft in library.settings.drafts), moment)
        if copied:
            tell(copied)
        sent: Round | GentleNudgeError
        try:
            sent = deliver_and_alert(library, clock, night)
        except GentleNudgeError as failure:
            sent = failure
        tell(sent)
        pages = staff_pages(library, outlets, night, moment=moment, clock=clock)
        for each in pages:
            tell(each)
        exit_codes = (taken.exit_code, not_collected, night.exit_code, sent.exit_code)
        later = (step.exit_code for step in (copied, *pages) if step)
        watch.exit_code = worst_exit_code(*exit_codes, *later)
    for note in watch.notes:
        tell(note)
    for trouble in apply_retention(library, moment):
        tell(f"{trouble.sentence}\n  {trouble.hint}".rstrip())
    return watch.exit_code


def staff_pages(
    library: Library, outlets: Outlets, night: Night, *, moment: Moment, clock: Clock
) -> Sequence[Round | GentleNudgeError]:
    """The pages of the night, of lists and of the month were made and sent: why some are not, and that round.

    Nothing if there is none to send. Pages that fail do not stop the others.
    """
    told: list[Round | GentleNudgeError] = []

    @contextmanager
    def keep_going() -> Iterator[None]:
        try:
            yield
        except GentleNudgeError as failure:
            told.append(failure)
        except Exception as error:
            log.debug("the pages", exc_info=error)
            sentence = f"Some pages for staff were not made: internal error ({type(error).__name__})."
            hint = "The night itself is done. Run it again with --debug and report the output."
            told.append(GentleNudgeError(sentence, hint))

    any_page = False
    for queue in (queue_pages, queue_lists, queue_month_page):
        with keep_going():
            any_page |= queue(library, outlets, night.sections, moment)
    with keep_going():
        if any_page:
            told.append(deliver_and_alert(library, clock))
    return told


def deliver_and_alert(library: Library, clock: Clock, night: Night | None = None) -> Round:
    """What is due has been tried, after a night what was given up as well, and staff know of every trouble."""
    failed_too = night is not None
    sections, outlets = library.ready_to_send()
    with closing(outlets):
        families = library.families
        delivered = deliver(library.engine, sections, outlets, clock, families=families, failed_too=failed_too)
        now = clock()
        moment = Moment(day=now.astimezone(library.zone).date(), now=now, zone=library.zone)
        with read_only(library.engine) as conn:
            untold = tuple(each for each in cancelled_submissions(conn) if failed_too and not each.by_person)
        unheard = tuple(tell_staff(library, outlets, moment, night=night))
        return Round(delivered=delivered, unheard=unheard, untold=untold)
