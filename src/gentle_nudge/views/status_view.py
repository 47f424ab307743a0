"""How things stand: the last runs, then everything that needs attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from gentle_nudge.domain.collections.policy import GLOBAL
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.outbox import CancelledSubmission, LateDelivery
from gentle_nudge.domain.run import RecordedRun
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.plain import Column, Note, View, clock, column, figures, notes, table, unseen


@dataclass(frozen=True, kw_only=True, slots=True)
class Late:
    """A section whose submission should have been made on the day `due`, and was not."""

    section: str
    due: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """How the library's work stands.

    `held_uploads` counts those that a test copy keeps back: they are due, and nobody waits for them. `held` tells of
    undelivered reports why the settings do not let them go any more, by number of the delivery. `held_cases` counts, by
    section, the cases of sections that are gone and of which nobody may be told. `here`: whether
    nights may run on this machine and database; `restored`: whether it was restored from a backup since.
    """

    runs: tuple[RecordedRun, ...] = ()
    stopped: tuple[Finding, ...] = ()
    late: tuple[Late, ...] = ()
    undelivered: tuple[LateDelivery, ...] = ()
    cancelled: tuple[CancelledSubmission, ...] = ()
    held_uploads: int = 0
    held: Mapping[int, str] = field(default_factory=dict)
    held_cases: Mapping[str, int] = field(default_factory=dict)
    is_test_copy: bool = False
    is_copy: bool = False
    here: bool = True
    restored: bool = False

    @property
    def well(self) -> bool:
        """True if nobody has to do anything."""
        troubles = [each for each in self.cancelled if not each.by_person]
        troubles_of_nights = [each for each in self.stopped if each.severity is Severity.PROBLEM]
        waiting = troubles_of_nights or self.late or self.undelivered or troubles or self.held_cases
        return self.here and not (self.restored or waiting)


def status_view(status: Status, zone: ZoneInfo) -> View:
    """How things stand; in JSON instants are in UTC."""
    all_well = "" if status.cancelled else "Every report was delivered."
    undelivered = "Undelivered:" if status.undelivered else all_well
    return View(
        parts=[
            *figures(well=status.well),
            table(_runs(zone), status.runs, "runs", caption="Last successful runs:", empty="none yet"),
            *figures(stopped=[asdict(finding) for finding in status.stopped]),
            *notes(*_stopped(status)),
            *figures(late=[asdict(late) for late in status.late]),
            *notes(
                *(f"Late: {late.section} owes the submission of {late.due}." for late in status.late), style="problem"
            ),
            *figures(held_cases=dict(status.held_cases)),
            *notes(
                *(
                    f"Held: section {name} is gone from the settings, nobody is told of its {counted(count, 'case')} "
                    f"(gentle-nudge check tells the ways out)."
                    for name, count in status.held_cases.items()
                ),
                style="problem",
            ),
            table(_deliveries(status, zone), status.undelivered, "undelivered", caption=undelivered),
            *notes(*_held(status), style="problem"),
            *figures(cancelled_submissions=[asdict(each) for each in status.cancelled]),
            *(
                Note(text=f"{each.sentence} {each.way_out}", style="warning" if each.by_person else "problem")
                for each in status.cancelled
            ),
            *figures(held_uploads=status.held_uploads, test_copy=status.is_test_copy, copy=status.is_copy),
            *figures(here=status.here, restored=status.restored),
            *notes(*_peculiar(status), style="plain" if status.here and not status.restored else "problem"),
        ]
    )


def _stopped(status: Status) -> Iterator[str]:
    for finding in status.stopped:
        yield finding.what if finding.severity is Severity.NOTE else f"{finding.what} {finding.why} {finding.way_out}"


def _peculiar(status: Status) -> Iterator[str]:
    if status.is_copy:
        yield "This database is a copy: its mail goes into a Maildir, nothing is uploaded."
    if status.is_test_copy:
        held = f" ({status.held_uploads})" if status.held_uploads else ""
        yield f"A test copy: SendAllEmailsTo takes all mail, uploads are held back{held}."
    if not status.here:
        yield "Not initialised for this machine and database: no night will run (gentle-nudge init --moved or --copy)."
    if status.restored:
        yield "Restored from a backup: no night will run until gentle-nudge init --restored."


def _held(status: Status) -> Iterator[str]:
    for number, why in status.held.items():
        yield f"Delivery {number} is held: {why}. Put it back, or: gentle-nudge outbox cancel {number} --reason TEXT"


def _runs(zone: ZoneInfo) -> tuple[Column[RecordedRun], ...]:
    return (
        column("section", lambda run: run.section, "word", nothing=GLOBAL),
        column("report", lambda run: run.report, "word"),
        column("day", lambda run: run.day, "day"),
        *unseen(number="number", finished="finished"),
        column("finished", lambda run: clock(run.finished, zone), "time", key=None),
        column("rows", lambda run: run.counts["patrons"], "number"),
    )


def _deliveries(status: Status, zone: ZoneInfo) -> tuple[Column[LateDelivery], ...]:
    return (
        column("id", lambda late: late.delivery.id, "number"),
        column("state", lambda late: late.delivery.state, "word"),
        *unseen(section="delivery.section", report="delivery.kind", day="delivery.day"),
        column("file", lambda late: late.delivery.file_name),
        column("to", lambda late: late.delivery.address.recipient, key="recipient"),
        column("by", lambda late: late.delivery.address.channel, key="channel"),
        *unseen(since="since"),
        column("waiting since", lambda late: clock(late.since, zone), "time", key=None),
        column("tries", lambda late: late.delivery.attempts, "number", key="attempts"),
        column(None, lambda late: status.held.get(late.delivery.id), key="held"),
    )
