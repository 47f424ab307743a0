"""How things stand, on a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from gentle_nudge.domain.run import RecordedRun
from gentle_nudge.jobs.monitor.standing import Status
from gentle_nudge.store.deliveries import LateDelivery
from gentle_nudge.views.terminal import table

RUN_HEADERS = ("section", "report", "day", "finished", "rows")


WAITING_HEADERS = ("id", "state", "file", "to", "by", "waiting since", "tries")


def status_lines(found: Status, zone: ZoneInfo) -> Iterator[str]:
    """What ran last, then whatever is not as it should be."""
    yield "Last successful runs:"
    yield from table(RUN_HEADERS, (_run_row(run, zone) for run in found.runs), money=1)
    if not found.runs:
        yield "  none yet"
    yield from (f"Late: {late.section} owes the submission of {late.due}." for late in found.late)
    if found.undelivered:
        yield "Undelivered:"
        yield from table(WAITING_HEADERS, (_waiting_row(one, zone) for one in found.undelivered), money=1)
    else:
        yield "Every report was delivered."
    yield from _peculiar(found)


def _peculiar(found: Status) -> Iterator[str]:
    if found.is_copy:
        yield "This database is a copy: its mail goes into a Maildir, nothing is uploaded."
    if found.is_test_copy:
        held = f" ({found.held} wait)" if found.held else ""
        yield f"A test copy: SendAllEmailsTo takes all mail, nothing is uploaded{held}."
    if not found.here:
        yield "Not initialised for this machine and database: no night runs here (gentle-nudge init --moved or --copy)."
    if found.restored:
        yield "Restored from a backup: no night runs until gentle-nudge init --restored."


def _run_row(run: RecordedRun, zone: ZoneInfo) -> tuple[str, ...]:
    return (run.section, run.report, run.day.isoformat(), _shown(run.finished, zone), str(run.counts["patrons"]))


def _waiting_row(one: LateDelivery, zone: ZoneInfo) -> tuple[str, ...]:
    delivery = one.delivery
    where = (delivery.file_name, delivery.address.recipient, delivery.address.channel)
    return (str(delivery.id), delivery.state, *where, _shown(one.since, zone), str(delivery.attempts))


def _shown(instant: datetime | None, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}" if instant else ""


def status_json(found: Status) -> dict[str, object]:
    """The same as plain values; instants in UTC."""
    return {
        "well": found.well,
        "runs": [
            {
                "section": run.section,
                "report": run.report,
                "day": run.day,
                "number": run.number,
                "finished": run.finished,
                "rows": run.counts["patrons"],
            }
            for run in found.runs
        ],
        "late": [{"section": late.section, "due": late.due} for late in found.late],
        "undelivered": [_waiting_json(one) for one in found.undelivered],
        "held_uploads": found.held,
        "test_copy": found.is_test_copy,
        "copy": found.is_copy,
        "here": found.here,
        "restored": found.restored,
    }


def _waiting_json(one: LateDelivery) -> dict[str, object]:
    delivery = one.delivery
    return {
        "id": delivery.id,
        "state": delivery.state,
        "section": delivery.section,
        "report": delivery.kind,
        "day": delivery.day,
        "file": delivery.file_name,
        "channel": delivery.address.channel,
        "recipient": delivery.address.recipient,
        "since": one.since,
        "attempts": delivery.attempts,
    }
