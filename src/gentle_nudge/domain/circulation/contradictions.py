"""Settings that contradict each other, for every combination that occurs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from gentle_nudge.domain.circulation.calendar import next_open_day
from gentle_nudge.domain.circulation.findings import findings_of
from gentle_nudge.domain.circulation.loan import (
    Combination,
    Loan,
    NotComputed,
    RemindersOfRoad,
    SubmissionRules,
)
from gentle_nudge.domain.circulation.long_overdue import LongOverdueJob
from gentle_nudge.domain.circulation.loss import LEFT_OUT
from gentle_nudge.domain.circulation.loss_findings import WARNING, no_price
from gentle_nudge.domain.circulation.precedence import LoanRules
from gentle_nudge.domain.circulation.snapshot import OpenLoan, Scope, Snapshot
from gentle_nudge.domain.circulation.terms import RoadTerms
from gentle_nudge.domain.circulation.walk import walk
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.money import ZERO, round_to_cent
from gentle_nudge.domain.wording import counted

A_YEAR = 366  # due dates that are looked at
NAMED = 5  # combinations that a finding of `check` names
EVERYWHERE = frozenset({"fines-off", "fines-by-plugin", "both-category-lists", "longoverdue-stops", "loss-by-triggers"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Contradiction:
    """A finding with the combinations that it concerns, in order; none: all of Koha."""

    finding: Finding
    combinations: tuple[Combination, ...]

    @property
    def as_finding(self) -> Finding:
        """The finding for `check`, which names the first five combinations and how many there are."""
        if not self.combinations:
            return self.finding
        some, count = ", ".join(map(str, self.combinations[:NAMED])), len(self.combinations)
        more = " and others" if count > NAMED else ""
        return replace(self.finding, what=f"{self.finding.what} {counted(count, 'combination')}: {some}{more}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Contradictions:
    """How many combinations were judged, how many are lent by the hour and left out, and what was found."""

    combinations: int
    hourly: int
    found: tuple[Contradiction, ...]


EVERY = Combination(library="", category="", itemtype="")


def contradictions(
    snapshot: Snapshot,
    day: date,
    job: LongOverdueJob,
    submissions: Callable[[Combination], SubmissionRules],
    *,
    reminders: Callable[[Combination], RemindersOfRoad | None] = lambda _: None,
    wanted: Combination = EVERY,
) -> Contradictions:
    """What contradicts on the roads of loans due on the first open day from this one.

    In `wanted` an empty code stands for every one; all three given make just that combination, occurring or not.
    A library that its calendar never opens is left out, as nothing can be due there.
    """
    found: defaultdict[Finding, list[Combination]] = defaultdict(list)
    prices, old = _prices_by_type(snapshot.open_loans), _too_old(snapshot.open_loans, day, job)
    judged: list[Combination] = []
    hourly = 0
    for combination in _occurring(snapshot, wanted):
        of_type = prices[combination.itemtype.casefold()]
        rules = LoanRules(snapshot=snapshot, loan=_loan_of(combination, of_type))
        if rules.value("lengthunit") == "hours":
            hourly += 1
            continue
        try:
            loan = replace(rules.loan, due=next_open_day(rules.closures, day))
            terms = RoadTerms.of(snapshot, loan, job)
            road = walk(terms, submissions(combination), reminders(combination))
        except NotComputed:
            continue
        judged.append(combination)
        if not terms.loss.is_lost:
            old.pop(combination, None)
        for finding in findings_of(road, due_dates=A_YEAR):
            if finding.name != "no-price":
                found[finding].append(combination)
        if terms.loss.is_lost and terms.loss.charges and (told := _without_price(terms, of_type)):
            found[no_price(terms, told)].append(combination)
    if aged := sorted(old.keys() & set(judged)):
        found[_aged(sum(old[each] for each in aged), job)].extend(aged)
    every = (
        Contradiction(finding=finding, combinations=() if _is_everywhere(finding) else tuple(combinations))
        for finding, combinations in found.items()
    )
    return Contradictions(
        combinations=len(judged),
        hourly=hourly,
        found=tuple(sorted(every, key=lambda each: (each.finding.name, each.combinations, each.finding.what))),
    )


def _is_everywhere(finding: Finding) -> bool:
    """Whether it concerns all of Koha: settings without a scope."""
    return finding.name in EVERYWHERE or (finding.name == "never-lost" and LEFT_OUT not in finding.what)


def _loan_of(combination: Combination, prices: Counter[Decimal]) -> Loan:
    """A loan of this combination, all of whose libraries are that one, at the median price, of two the lower one."""
    library, half, median = combination.library, (prices.total() + 1) // 2, ZERO
    for price in sorted(prices):
        if half > 0:
            half, median = half - prices[price], price
    return Loan(
        library=library,
        item_library=library,
        patron_library=library,
        category=combination.category,
        itemtype=combination.itemtype,
        price=median,
    )


def _occurring(snapshot: Snapshot, wanted: Combination) -> list[Combination]:
    """The wanted combinations of open loans and of rules with all three scopes, in order."""
    if all(astuple(wanted)):
        return [wanted]
    libraries, categories, itemtypes = (
        {code.casefold(): code for code in codes}
        for codes in (snapshot.branches, snapshot.categories, snapshot.itemtypes)
    )
    scopes: set[Scope] = {(loan.library, loan.category, loan.itemtype) for loan in snapshot.open_loans}
    for by_scope in snapshot.rules_by_name.values():
        scopes.update((row.library, row.category, row.itemtype) for row in by_scope.values())
    occurring = {
        Combination(
            library=libraries.get(library.casefold(), library),
            category=categories.get(category.casefold(), category),
            itemtype=itemtypes.get(itemtype.casefold(), itemtype),
        )
        for library, category, itemtype in scopes
        if library is not None and category is not None and itemtype is not None
    }
    pairs = ((each, zip(astuple(wanted), astuple(each), strict=True)) for each in occurring)
    return sorted(each for each, codes in pairs if all(code in {"", own} for code, own in codes))


def _prices_by_type(loans: Iterable[OpenLoan]) -> defaultdict[str, Counter[Decimal]]:
    """How many open loans have each price, by item type in small letters; NULL is 0.00."""
    prices: defaultdict[str, Counter[Decimal]] = defaultdict(Counter)
    for loan in loans:
        prices[loan.itemtype.casefold()][round_to_cent(loan.price)] += loan.count
    return prices


def _without_price(terms: RoadTerms, prices: Counter[Decimal]) -> str:
    """How many of the type's open loans would get no LOST charge, in words; empty if none."""
    itemtype = terms.snapshot.itemtypes.get(terms.loan.itemtype)
    has_default = itemtype and itemtype.default_price and terms.snapshot.preference("useDefaultReplacementCost") == "1"
    if not prices[ZERO] or has_default:
        return ""
    return (
        f"{prices[ZERO]:,} of {counted(prices.total(), 'open loan')} of item type {terms.loan.itemtype} have no "
        "replacement price, and no default is used"
    )


def _too_old(loans: Iterable[OpenLoan], day: date, job: LongOverdueJob) -> Counter[Combination]:
    """How many open loans are not lost, and so old that longoverdue.pl no longer looks at them."""
    old, first = Counter[Combination](), day - timedelta(days=job.maxdays)
    for loan in loans:
        if not loan.lost and loan.due < first:
            old[Combination(library=loan.library, category=loan.category, itemtype=loan.itemtype)] += loan.count
    return old


def _aged(count: int, job: LongOverdueJob) -> Finding:
    return Finding(
        name="older-than-maxdays",
        severity=WARNING,
        what=f"{counted(count, 'open loan')} {'is' if count == 1 else 'are'} more than {job.maxdays} days late and not "
        "lost.",
        why="longoverdue.pl no longer looks at them: they stay open for ever.",
        way_out=f"Run longoverdue.pl once with a larger --maxdays than {job.maxdays}.",
    )
