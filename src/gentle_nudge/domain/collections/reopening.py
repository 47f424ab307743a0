"""A case is opened again: a cheque bounced or a payment was voided, and its charges owe again."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import attrgetter

from gentle_nudge.domain.case import Case, CaseState
from gentle_nudge.domain.collections.case_outcome import shown
from gentle_nudge.domain.collections.plan import Reopening
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import RULES, Candidate, Reason
from gentle_nudge.domain.money import ZERO, format_amount, round_to_cent

MAY_BE_REOPENED = (CaseState.RELEASED, CaseState.PAID)
SPEAK_AGAINST = (Reason.FLAG_IN_OTHER_USE, Reason.PROTECTED, Reason.EXEMPT, Reason.ON_HOLD)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedCase:
    """A closed case and the patron who has its `lines` now; these are the recorded ones, the fee included.

    `withdrawn_on` is the latest day on which staff withdrew another case of the patron.
    """

    case: Case
    lines: frozenset[int]
    candidate: Candidate
    withdrawn_on: date | None = None

    @property
    def owing(self) -> Decimal:
        """The sum that its lines owe now, in the patron's account."""
        lines = self.candidate.account.lines
        return round_to_cent(sum((line.outstanding for line in lines if line.id in self.lines), ZERO))


def is_reopened(closed: ClosedCase, section: Section, day: date) -> bool:
    """Whether the case is opened again on this day.

    What staff withdrew later, they withdrew with all charges up to that day, also with those of this case.
    """
    case, candidate, since = closed.case, closed.candidate, section.policy.reopens_since(day)
    if since is None or case.closed_on is None or case.closed_on < since or case.closed_owing is None:
        return False
    return (
        section.enabled
        and case.state in MAY_BE_REOPENED
        and closed.owing > case.closed_owing
        and candidate.account.balance > section.policy.clear_at_or_below
        and not (closed.withdrawn_on and closed.withdrawn_on >= case.closed_on)
        and not candidate.records.has_case(section)
        and not any(RULES[reason](candidate, section, day) for reason in SPEAK_AGAINST)
    )


def reopenings(
    section: Section, day: date, cases: Iterable[ClosedCase], heirs: AbstractSet[int]
) -> tuple[Reopening, ...]:
    """The cases to open again, of each patron the latest; none of an heir, whom another case follows tonight."""
    by_age = sorted(cases, key=attrgetter("case.id"))
    latest = {each.candidate.patron.number: each for each in by_age if is_reopened(each, section, day)}
    return tuple(reopen(section, latest[number], day) for number in sorted(latest.keys() - heirs))


def reopen(section: Section, closed: ClosedCase, day: date) -> Reopening:
    """The decision to open it again; its reason tells of the ending, too."""
    case, balance = closed.case, closed.candidate.account.balance
    owing, before = format_amount(closed.owing), format_amount(case.closed_owing or ZERO)
    return Reopening(
        candidate=closed.candidate,
        case=case,
        lines=closed.lines,
        day=day,
        due=shown(balance, section.policy),
        why=f"{case.state} on {case.closed_on}: {case.why}; "
        f"reopened on {day}: its charges owe {owing} again, {before} when it was closed",
    )
