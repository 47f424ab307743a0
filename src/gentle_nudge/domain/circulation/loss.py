"""When an item counts as lost, and whether its loss is charged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from gentle_nudge.domain.circulation.loan import Why
from gentle_nudge.domain.circulation.long_overdue import LongOverdueJob
from gentle_nudge.domain.circulation.notices import has_loss_by_triggers
from gentle_nudge.domain.circulation.precedence import LoanRules
from gentle_nudge.domain.circulation.snapshot import Snapshot

LEFT_OUT = "the lists of longoverdue.pl leave this loan out"


@dataclass(frozen=True, kw_only=True, slots=True)
class LossTerms:
    """When one loan is lost, and what is done then; `day` is None if never, and `never` says why.

    `settled`: charges and forgiveness follow, as the charge value is the lost value. `closes`: the loan is closed.
    `days`: the delay, if the job has one at all. `stops`: codes at which the job stops.
    """

    days: int | None = None
    day: date | None = None
    never: str = ""
    stops: tuple[str, ...] = ()
    both_lists: bool = False
    exceeds_maxdays: bool = False
    settled: bool = False
    charges: bool = False
    forgives: bool = False
    closes: bool = False
    why: tuple[Why, ...] = ()
    closes_why: tuple[Why, ...] = ()
    charge_value: str = ""
    lost_value: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether the item becomes lost if it is not brought back."""
        return self.day is not None


def _codes(snapshot: Snapshot, preference: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, snapshot.preference(preference).split(","))))


def _passes(code: str, only: tuple[str, ...], never: tuple[str, ...], *, upper: bool = True) -> bool:
    """Whether a code is worked on: the list of exceptions wins, and small letters in a stored code match nothing."""
    asked = code.upper() if upper else code
    excluded, included = ([each.upper() if upper else each for each in codes] for codes in (never, only))
    if excluded:
        return asked == code and asked not in excluded
    return not included or asked in included


def loss_terms(rules: LoanRules, job: LongOverdueJob, due: date) -> LossTerms:
    """The loss of this loan, if it is not brought back."""
    snapshot = rules.snapshot
    days, lost = _delay_and_value(snapshot, job)
    why_not = {
        "the triggers decide it, which is not computed": has_loss_by_triggers(snapshot),
        "longoverdue.pl is not run": job.runs == "off",
        "the options of longoverdue.pl lack --confirm": not job.confirm,
        "DefaultLongOverdueDays or DefaultLongOverdueLostValue is not set": days is None or lost in {"", "0"},
    }
    never = next((reason for reason, holds in why_not.items() if holds), None)
    if never or days is None:
        return LossTerms(never=never or "")
    only = job.categories or _codes(snapshot, "DefaultLongOverduePatronCategories")
    skipped = job.skip_categories or _codes(snapshot, "DefaultLongOverdueSkipPatronCategories")
    unknown = (
        *(code for code in (*only, *skipped) if code.upper() not in snapshot.categories),
        *(code for code in (*job.itemtypes, *job.skip_itemtypes) if code.upper() not in snapshot.itemtypes),
        *(code for code in (*job.libraries, *job.skip_libraries) if code not in snapshot.branches),
    )
    terms = LossTerms(days=days, lost_value=lost, stops=unknown, both_lists=bool(only and skipped))
    if unknown:
        return replace(terms, never="longoverdue.pl stops at a code that it does not know")
    is_worked_on = (
        _passes(rules.loan.category, only, skipped)
        and _passes(rules.loan.itemtype, job.itemtypes, job.skip_itemtypes)
        and _passes(rules.libraries.loss, job.libraries, job.skip_libraries, upper=False)
        and "0" not in (job.skip_lost_values or _codes(snapshot, "DefaultLongOverdueSkipLostStatuses"))
    )
    if not is_worked_on:  # an item that is not lost has the value 0
        return replace(terms, never=LEFT_OUT)
    if days >= job.maxdays:
        return replace(
            terms, never=f"longoverdue.pl passes over loans older than {job.maxdays} days", exceeds_maxdays=True
        )
    return _becomes_lost(rules, job, replace(terms, day=due + timedelta(days=days + 1)))


def _delay_and_value(snapshot: Snapshot, job: LongOverdueJob) -> tuple[int | None, str]:
    """After how many days, and to which value: of --lost, else of the preferences."""
    if job.days is not None:
        return job.days, job.lost or ""
    days = snapshot.preference("DefaultLongOverdueDays")
    return (int(days) if days.isdecimal() else None), snapshot.preference("DefaultLongOverdueLostValue")


def _becomes_lost(rules: LoanRules, job: LongOverdueJob, terms: LossTerms) -> LossTerms:
    snapshot = rules.snapshot
    charge = job.charge if job.charge is not None else snapshot.preference("DefaultLongOverdueChargeValue")
    settled = charge == terms.lost_value
    words = map(str.strip, snapshot.preference("MarkLostItemsAsReturned").split(","))
    by_preference = settled and "cronjob" in words
    option = Why(source="setting", name="longoverdue", value=f"--lost {terms.days}={terms.lost_value}")
    days = (rules.preference("DefaultLongOverdueDays"), rules.preference("DefaultLongOverdueLostValue"))
    marked = Why(source="setting", name="longoverdue", value="--mark-returned")
    return replace(
        terms,
        settled=settled,
        charges=settled and snapshot.is_on("WhenLostChargeReplacementFee"),
        forgives=settled and snapshot.is_on("WhenLostForgiveFine"),
        closes=by_preference or job.mark_returned,
        why=(option,) if job.days is not None else days,
        closes_why=(rules.preference("MarkLostItemsAsReturned"),) if by_preference else (marked,),
        charge_value=charge,
    )
