"""The fuse on endings and pauses: staff end and pause cases by ones, accidents by dozens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gentle_nudge.domain.case import CaseState, by_state
from gentle_nudge.domain.collections.plan import Ending, Pause
from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.domain.collections.submission_day import Due, Refusal, is_lifted_for, too_many
from gentle_nudge.domain.money import ZERO

# Every other state tells of no payment: staff, an import or a clean-up ended the case.
PAYMENT_SEEN = (CaseState.RELEASED, CaseState.MERGED)
USUAL_UNPAID, USUAL_UNPAID_LEAST, USUAL_LEAST = 20, 3, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class EndingsThatCount:
    """The endings of one night that an accident may have caused; `unpaid` are those without a payment seen."""

    unpaid: tuple[Ending, ...]
    all: tuple[Ending, ...]

    @classmethod
    def among(cls, endings: Iterable[Ending], policy: Policy) -> EndingsThatCount:
        """All endings, but a release only if the case was last told with more than `clear_at_or_below`."""
        counted = tuple(
            ending
            for ending in endings
            if ending.state is not CaseState.RELEASED or (ending.case.last_due or ZERO) > policy.clear_at_or_below
        )
        return cls(unpaid=tuple(ending for ending in counted if ending.state not in PAYMENT_SEEN), all=counted)

    def exceed(self, others: EndingsThatCount) -> bool:
        """Whether more cases end than by the others, without a payment seen or of all kinds."""
        return len(self.unpaid) > len(others.unpaid) or len(self.all) > len(others.all)


def refused(counted: EndingsThatCount, due: Due, *, open_cases: int) -> tuple[tuple[Ending, ...], Refusal | None]:
    """The endings that must not happen, with the refusal.

    If too many cases of all kinds would end, all of them are refused, else those without a payment seen. So a lower
    limit never lets more cases end.
    """
    most_unpaid, most = most_endings(due, open_cases)
    for endings, limit in ((counted.all, most), (counted.unpaid, most_unpaid)):
        refusal = too_many("endings", len(endings), limit, kinds=by_state(ending.state for ending in endings))
        if refusal:
            lifted = is_lifted_for(len(endings), due.endings_lifted_to)
            return ((), None) if lifted else (endings, refusal)
    return (), None


def refused_pauses(
    pauses: Iterable[Pause], counted: EndingsThatCount, due: Due, *, open_cases: int
) -> tuple[tuple[Pause, ...], Refusal | None]:
    """The pauses that must not happen, with the refusal: those of Koha's field, if they are too many.

    Cases ended by staff count with them, because one import may do both. The endings are judged by themselves.
    """
    by_field = tuple(pause for pause in pauses if not pause.is_by_person)
    count, (most, _) = len(by_field) + len(counted.unpaid), most_endings(due, open_cases)
    refusal = too_many("pauses", count, most) if by_field else None
    return ((), None) if refusal is None or is_lifted_for(count, due.endings_lifted_to) else (by_field, refusal)


def most_endings(due: Due, open_cases: int) -> tuple[int | None, int | None]:
    """How many of so many open cases may end without a payment seen, and how many in all; None: no limit."""
    if due.most_endings != "usual":
        return due.most_endings, due.most_endings
    return max(USUAL_UNPAID_LEAST, min(USUAL_UNPAID, open_cases // 4)), max(USUAL_LEAST, open_cases // 2)
