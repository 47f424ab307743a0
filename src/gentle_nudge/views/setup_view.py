"""What `init --restored` and `import-plugin` show before anybody decides to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.outbox import Delivery
from gentle_nudge.domain.restore_journal import SentDelivery
from gentle_nudge.domain.run import RecordedRun
from gentle_nudge.domain.wording import counted
from gentle_nudge.views.plain import View, notes
from gentle_nudge.views.queue_view import recipient

MOST_PATRONS = 20


def lost_view(
    delivered: Sequence[SentDelivery], submissions: Sequence[tuple[date, str, int]], fees: Sequence[Decimal]
) -> View:
    """What a restored database has lost, without a word about any patron.

    `submissions` are the day, the section and the number of patrons of each.
    """
    parts = notes(f"Delivered since the backup: {len(delivered)}")
    for sent in delivered:
        file = f"{sent.file_name} to {sent.recipient} ({sent.channel})"
        parts += notes(f"{sent.at:%Y-%m-%d %H:%M} UTC  {file}", level=1)
    parts += notes(f"Submissions that this database does not know: {len(submissions)}")
    parts += notes(*(f"{day}, {section}: {counted(number, 'patron')}" for day, section, number in submissions), level=1)
    if fees:
        total = format_amount(sum(fees, ZERO))
        parts += notes(
            f"No longer in Koha: {counted(len(fees), 'processing fee')}, {total} in all, and the restrictions."
        )
        parts += notes("They are not made again; charge by hand each fee that should stand.", level=1)
    return View(parts=parts)


def ahead_view(runs: Sequence[RecordedRun], claims: Sequence[Delivery], others: int) -> View:
    """What is dated ahead: each run, each delivery being sent, and the number of other dates."""
    parts = notes(f"Runs dated ahead: {len(runs)}")
    parts += notes(*(f"{run.section} {run.report} {run.day}, number {run.number}" for run in runs), level=1)
    parts += notes(f"Deliveries being sent since an instant ahead: {len(claims)}")
    for claim in claims:
        parts += notes(f"{claim.since:%Y-%m-%d %H:%M} UTC  {claim.file_name} to {recipient(claim)}", level=1)
    parts += notes(f"Other dates ahead, of cases, reports, deliveries, attempts and alerts: {others}")
    return View(parts=parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What changing over would mean tonight.

    `to_adopt` counts flagged patrons: `paid` of them owe no more than the limit for clearing; `silent` of them have no
    account line, so the plugin told the agency nothing. `theirs` and `ours` are patrons that only the plugin, or only
    we, would refer tonight, with the reason.
    """

    to_adopt: int
    paid: int
    silent: int
    theirs: Mapping[int, str]
    ours: Mapping[int, str]


def import_view(findings: Sequence[str], comparison: Comparison | None) -> View:
    """What was found in the plugin's settings, and what changing over would mean tonight."""
    parts = notes(*findings)
    if comparison is None:
        parts += notes("Who would be referred cannot be compared before threshold and flag are known.")
        return View(parts=parts)
    parts += notes(
        f"Flagged already, to be adopted (gentle-nudge init --adopt): {counted(comparison.to_adopt, 'patron')}; "
        f"of them {comparison.paid} at or below the limit for clearing, and {comparison.silent} without any account "
        "line, whom the plugin no longer reported."
    )
    for title, patrons in (
        ("Referred tonight by the plugin's rules and not by ours", comparison.theirs),
        ("Referred tonight by our rules and not by the plugin's", comparison.ours),
    ):
        parts += notes(f"{title}: {counted(len(patrons), 'patron')}")
        reasons = [f"number {number}: {why}" for number, why in sorted(patrons.items())]
        parts += notes(*reasons[:MOST_PATRONS], level=1)
        if len(patrons) > MOST_PATRONS:
            parts += notes(f"and {len(patrons) - MOST_PATRONS} more", level=1)
    return View(parts=parts)
