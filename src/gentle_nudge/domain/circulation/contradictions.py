"""Settings that contradict each other, for every combination that occurs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from gentle_nudge.domain.circulation.calendar import next_open_day
from gentle_nudge.domain.circulation.findings import WARNING, findings_of, no_price
from gentle_nudge.domain.circulation.loan import (
    Combination,
    Loan,
    NotComputed,
    RemindersOfRoad,
    SubmissionRules,
)
from gentle_nudge.domain.circulation.long_overdue import LongOverdueJob
from gentle_nudge.domain.circulation.loss import LEFT_OUT
from gentle_nudge.domain.circulation.precedence import LoanRules
from gentle_nudge.domain.circulation.snapshot import OpenLoan, Snapshot
from gentle_nudge.domain.circulation.terms import RoadTerms
from gentle_nudge.domain.circulation.walk import walk_on
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Narrowing:
    """The options of `timeline check`; all three given make just that combination, occurring or not."""

    library: str | None = None
    category: str | None = None
    itemtype: str | None = None

    @property
    def only(self) -> Combination | None:
        """The one combination that is asked about; None: those that occur."""
        if self.library is None or self.category is None or self.itemtype is None:
            return None
        return Combination(library=self.library, category=self.category, itemtype=self.itemtype)

    def holds(self, combination: Combination) -> bool:
        """Whether a combination is asked about."""
        return (
            self.library in {None, combination.library}
            and self.category in {None, combination.category}
            and self.itemtype in {None, combination.itemtype}
        )


def contradictions(
    snapshot: Snapshot,
    day: date,
    job: LongOverdueJob,
    submissions: Callable[[Combination], SubmissionRules],
    *,
    reminders: Callable[[Combination], RemindersOfRoad | None] = lambda _: None,
    narrowing: Narrowing | None = None,
) -> Contradictions:
    """What contradicts on the roads of loans due on the first open day from this one; nothing without any rules.

    A library that its calendar never opens is left out, as nothing can be due there.
    """
    if not snapshot.has_rules:
        return Contradictions(combinations=0, hourly=0, found=())
    found: defaultdict[Finding, list[Combination]] = defaultdict(list)
    prices, judged, hourly = PricesOfTypes.of(snapshot.open_loans), 0, 0
    old = _too_old(snapshot.open_loans, day, job)
    aged: dict[Combination, int] = {}
    for combination in _occurring(snapshot, narrowing or Narrowing()):
        loan = loan_of(combination, prices.median(combination.itemtype))
        if LoanRules(snapshot=snapshot, loan=loan).value("lengthunit") == "hours":
            hourly += 1
            continue
        try:
            rules = LoanRules(snapshot=snapshot, loan=loan)
            loan = replace(loan, due=next_open_day(rules.closures, day))
            terms = RoadTerms.of(snapshot, loan, job)
            walked = walk_on(terms, submissions(combination), reminders(combination))
        except NotComputed:
            continue
        judged += 1
        if terms.loss.is_lost and combination in old:
            aged[combination] = old[combination]
        for finding in findings_of(replace(walked.facts, due_dates=A_YEAR)):
            if finding.name != "no-price":
                found[finding].append(combination)
        if terms.loss.is_lost and terms.loss.charges and (told := prices.lacking(terms)):
            found[no_price(terms, told)].append(combination)
    if aged:
        found[_aged(sum(aged.values()), job)].extend(sorted(aged))
    everywhere = {finding for finding in found if _is_everywhere(finding)}
    every = (
        Contradiction(finding=finding, combinations=() if finding in everywhere else tuple(combinations))
        for finding, combinations in found.items()
    )
    return Contradictions(
        combinations=judged,
        hourly=hourly,
        found=tuple(sorted(every, key=lambda each: (each.finding.name, each.combinations, each.finding.what))),
    )


def loan_of(combination: Combination, price: Decimal) -> Loan:
    """A loan of this combination, all of whose libraries are that one."""
    library = combination.library
    return Loan(
        library=library,
        item_library=library,
        patron_library=library,
        category=combination.category,
        itemtype=combination.itemtype,
        price=price,
    )


def _is_everywhere(finding: Finding) -> bool:
    """Whether it concerns all of Koha: settings without a scope."""
    return finding.name in EVERYWHERE or (finding.name == "never-lost" and LEFT_OUT not in finding.what)


def _occurring(snapshot: Snapshot, narrowing: Narrowing) -> Iterator[Combination]:
    """The combinations of open loans and of rules with all three scopes, in order."""
    if narrowing.only:
        yield narrowing.only
        return
    spelled = {
        **{("library", code.casefold()): code for code in snapshot.branches},
        **{("category", code.casefold()): code for code in snapshot.categories},
        **{("itemtype", code.casefold()): code for code in snapshot.itemtypes},
    }

    def combination(library: str, category: str, itemtype: str) -> Combination:
        return Combination(
            library=spelled.get(("library", library.casefold()), library),
            category=spelled.get(("category", category.casefold()), category),
            itemtype=spelled.get(("itemtype", itemtype.casefold()), itemtype),
        )

    scopes = {(loan.library, loan.category, loan.itemtype) for loan in snapshot.open_loans}
    for by_scope in snapshot.rules_by_name.values():
        scopes.update(
            (row.library, row.category, row.itemtype)
            for row in by_scope.values()
            if row.library is not None and row.category is not None and row.itemtype is not None
        )
    yield from sorted(filter(narrowing.holds, {combination(*scope) for scope in scopes}))


@dataclass(frozen=True, kw_only=True, slots=True)
class PricesOfTypes:
    """Item type -> the prices of its open loans, each with how many loans have it."""

    prices: dict[str, dict[Decimal, int]]

    @classmethod
    def of(cls, loans: Iterable[OpenLoan]) -> PricesOfTypes:
        """The prices of these loans; NULL is 0.00."""
        prices: defaultdict[str, defaultdict[Decimal, int]] = defaultdict(lambda: defaultdict(int))
        for loan in loans:
            prices[loan.itemtype.casefold()][round_to_cent(loan.price)] += loan.count
        return cls(prices={itemtype: dict(counts) for itemtype, counts in prices.items()})

    def median(self, itemtype: str) -> Decimal:
        """The median price, of two the lower one; 0.00 without loans."""
        counts = self.prices.get(itemtype.casefold(), {})
        half, passed = (sum(counts.values()) + 1) // 2, 0
        for price in sorted(counts):
            passed += counts[price]
            if passed >= half:
                return price
        return ZERO

    def lacking(self, terms: RoadTerms) -> str:
        """How many of the type's open loans would get no LOST charge, in words; empty if none."""
        counts = self.prices.get(terms.loan.itemtype.casefold(), {})
        without, loans = counts.get(ZERO, 0), sum(counts.values())
        if not without or _has_default(terms):
            return ""
        return (
            f"{without:,} of {counted(loans, 'open loan')} of item type {terms.loan.itemtype} have no replacement "
            "price, and no default is used"
        )


def _has_default(terms: RoadTerms) -> bool:
    itemtype = terms.snapshot.itemtypes.get(terms.loan.itemtype)
    has_default = itemtype is not None and bool(itemtype.default_price)
    return has_default and terms.snapshot.preference("useDefaultReplacementCost") == "1"


def _too_old(loans: Iterable[OpenLoan], day: date, job: LongOverdueJob) -> dict[Combination, int]:
    """How many open loans are not lost, and so old that longoverdue.pl no longer looks at them."""
    first, old = day - timedelta(days=job.maxdays), defaultdict[Combination, int](int)
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
