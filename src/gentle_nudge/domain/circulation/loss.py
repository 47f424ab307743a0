"""When an item counts as lost, and whether its loss is charged."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal, NoReturn, Self

from gentle_nudge.domain.circulation.event import Why
from gentle_nudge.domain.circulation.notices import has_loss_by_triggers
from gentle_nudge.domain.circulation.precedence import LoanRules
from gentle_nudge.domain.circulation.snapshot import Snapshot

MAXDAYS = 366
# The options of longoverdue.pl that take a value, by every name they have, and those that take none.
WITH_VALUE = {
    "--lost": "lost",
    "-l": "lost",
    "--charge": "charge",
    "-c": "charge",
    "--maxdays": "maxdays",
    "--category": "categories",
    "--skip-category": "skip_categories",
    "--library": "libraries",
    "--skip-library": "skip_libraries",
    "--itemtype": "itemtypes",
    "--skip-itemtype": "skip_itemtypes",
    "--skip-lost-value": "skip_lost_values",
}
SWITCHES = {"--mark-returned": "mark_returned", "--confirm": "confirm", "--verbose": "", "-v": "", "--quiet": ""}
PAIRS = (("categories", "skip_categories"), ("libraries", "skip_libraries"), ("itemtypes", "skip_itemtypes"))
LISTS = frozenset((*(name for pair in PAIRS for name in pair), "skip_lost_values"))


@dataclass(frozen=True, kw_only=True, slots=True)
class LongOverdueJob:
    """How the crontab runs longoverdue.pl: its options, and whether it runs `first` in the night.

    `runs` is preferences (no option given), options, or off. None and () stand for options that are not given.
    """

    runs: Literal["preferences", "options", "off"] = "preferences"
    first: bool = False
    days: int | None = None
    lost: str | None = None
    charge: str | None = None
    categories: tuple[str, ...] = ()
    skip_categories: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    skip_libraries: tuple[str, ...] = ()
    itemtypes: tuple[str, ...] = ()
    skip_itemtypes: tuple[str, ...] = ()
    skip_lost_values: tuple[str, ...] = ()
    mark_returned: bool = False
    maxdays: int = MAXDAYS
    confirm: bool = True

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the setting `longoverdue`; ValueError says what is needed instead. `first` is set by `replace`."""
        if not text.strip():
            return cls()
        if text.strip() == "off":
            return cls(runs="off")
        given = _given(shlex.split(text))
        for one, other in PAIRS:
            if given[one] and given[other]:
                names = {value: name for name, value in WITH_VALUE.items()}
                raise ValueError(f"{names[one]} and {names[other]} exclude each other")
        if len(given["lost"]) > 1:
            raise ValueError("--lost may be given once: Koha itself calls several unreliable")
        days, equals, lost = (given["lost"] or [""])[0].partition("=")
        if given["lost"] and not (days.isdecimal() and equals and lost):
            raise ValueError("--lost is written DAYS=VALUE, such as --lost 30=2")
        maxdays = (given["maxdays"] or [str(MAXDAYS)])[-1]
        if not maxdays.isdecimal():
            raise ValueError("--maxdays needs a number of days, such as --maxdays 366")
        return cls(
            runs="options",
            days=int(days) if days else None,
            lost=lost or None,
            charge=(given["charge"] or [None])[-1],
            maxdays=int(maxdays),
            mark_returned=bool(given["mark_returned"]),
            confirm=bool(given["confirm"]),
            **{name: tuple(given[name]) for name in LISTS},
        )


def _given(words: list[str]) -> dict[str, list[str]]:
    """The values of every option in a command line; a switch that is given has one empty value."""
    given: dict[str, list[str]] = {name: [] for name in (*WITH_VALUE.values(), *SWITCHES.values())}
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if word in SWITCHES:
            given[SWITCHES[word]].append("")
        elif option in WITH_VALUE:
            given[WITH_VALUE[option]].append(value if equals else next(rest, None) or _lacks_value(option))
        else:
            raise ValueError(f"longoverdue.pl has no option {word}")
    return given


def _lacks_value(option: str) -> NoReturn:
    raise ValueError(f"{option} needs a value")


@dataclass(frozen=True, kw_only=True, slots=True)
class LossTerms:
    """When one loan is lost, and what is done then; `day` is None if never, and `never` says why.

    `settled`: charges and forgiveness follow, as the charge value is the lost value. `closes`: the loan is closed.
    `never_everywhere`: the reason holds for all of Koha. `days`: the delay, if the job has one at all.
    """

    days: int | None = None
    day: date | None = None
    never: str = ""
    never_everywhere: bool = False
    computed: bool = True
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lists:
    """The codes that restrict the job: of options, else of preferences."""

    categories: tuple[str, ...]
    skip_categories: tuple[str, ...]
    job: LongOverdueJob
    unknown: tuple[str, ...] = field(default=())


def effective_lists(snapshot: Snapshot, job: LongOverdueJob) -> _Lists:
    """The lists of codes as the job takes them, with those at which it stops."""

    def either(given: tuple[str, ...], preference: str) -> tuple[str, ...]:
        return given or tuple(filter(None, map(str.strip, snapshot.preference(preference).split(","))))

    only = either(job.categories, "DefaultLongOverduePatronCategories")
    never = either(job.skip_categories, "DefaultLongOverdueSkipPatronCategories")
    itemtypes, libraries = (*job.itemtypes, *job.skip_itemtypes), (*job.libraries, *job.skip_libraries)
    unknown = (
        *(code for code in (*only, *never) if code.upper() not in snapshot.categories),
        *(code for code in itemtypes if code.upper() not in snapshot.itemtypes),
        *(code for code in libraries if code not in snapshot.branches),
    )
    return _Lists(categories=only, skip_categories=never, job=job, unknown=unknown)


def _passes(code: str, only: tuple[str, ...], never: tuple[str, ...], *, upper: bool = True) -> bool:
    """Whether a code is worked on: the list of exceptions wins, and small letters in a stored code match nothing."""
    asked = code.upper() if upper else code
    excluded, included = ([each.upper() if upper else each for each in codes] for codes in (never, only))
    if excluded:
        return asked == code and asked not in excluded
    return not included or asked in included


def loss_terms(rules: LoanRules, job: LongOverdueJob, due: date) -> LossTerms:
    """The loss of this loan, if it is not brought back."""
    snapshot, loan = rules.snapshot, rules.loan
    if has_loss_by_triggers(snapshot):
        return LossTerms(computed=False, never="the triggers decide it, which is not computed")
    if job.runs == "off":
        return LossTerms(never="longoverdue.pl is not run", never_everywhere=True)
    if not job.confirm:
        return LossTerms(never="the options of longoverdue.pl lack --confirm", never_everywhere=True)
    stored_days = snapshot.preference("DefaultLongOverdueDays")
    stored_lost = snapshot.preference("DefaultLongOverdueLostValue")
    days = job.days if job.days is not None else (int(stored_days) if stored_days.isdecimal() else None)
    lost = job.lost if job.days is not None else stored_lost
    if days is None or lost in {None, "", "0"}:
        unset = "DefaultLongOverdueDays or DefaultLongOverdueLostValue is not set"
        return LossTerms(never=unset, never_everywhere=True)
    lists = effective_lists(snapshot, job)
    common = LossTerms(days=days, stops=lists.unknown, both_lists=bool(lists.categories and lists.skip_categories))
    passes = (
        _passes(loan.category, lists.categories, lists.skip_categories)
        and _passes(loan.itemtype, job.itemtypes, job.skip_itemtypes)
        and _passes(rules.libraries.loss, job.libraries, job.skip_libraries, upper=False)
        and "0" not in _skipped_values(snapshot, job)
    )
    if lists.unknown:
        return _with(common, never="longoverdue.pl stops at a code that it does not know")
    if not passes:
        return _with(common, never="the lists of longoverdue.pl leave this loan out")
    if days + 1 > job.maxdays:
        return _with(common, never=f"longoverdue.pl passes over loans older than {job.maxdays} days", exceeds=True)
    return _becomes_lost(rules, job, common, due + timedelta(days=days + 1), lost or "")


def _skipped_values(snapshot: Snapshot, job: LongOverdueJob) -> tuple[str, ...]:
    stored = snapshot.preference("DefaultLongOverdueSkipLostStatuses")
    return job.skip_lost_values or tuple(map(str.strip, stored.split(",")))


def _with(terms: LossTerms, *, never: str, exceeds: bool = False) -> LossTerms:
    return LossTerms(
        days=terms.days, stops=terms.stops, both_lists=terms.both_lists, never=never, exceeds_maxdays=exceeds
    )


def _becomes_lost(rules: LoanRules, job: LongOverdueJob, common: LossTerms, day: date, lost: str) -> LossTerms:
    snapshot = rules.snapshot
    charge = job.charge if job.charge is not None else snapshot.preference("DefaultLongOverdueChargeValue")
    settled = charge == lost
    words = snapshot.preference("MarkLostItemsAsReturned").split(",")
    by_preference = settled and "cronjob" in map(str.strip, words)
    option = Why(source="setting", name="longoverdue", value=f"--lost {common.days}={lost}")
    days = (rules.preference("DefaultLongOverdueDays"), rules.preference("DefaultLongOverdueLostValue"))
    marked = Why(source="setting", name="longoverdue", value="--mark-returned")
    return LossTerms(
        days=common.days,
        day=day,
        both_lists=common.both_lists,
        settled=settled,
        charges=settled and snapshot.is_on("WhenLostChargeReplacementFee"),
        forgives=settled and snapshot.is_on("WhenLostForgiveFine"),
        closes=by_preference or job.mark_returned,
        why=(option,) if job.days is not None else days,
        closes_why=(rules.preference("MarkLostItemsAsReturned"),) if by_preference else (marked,),
        charge_value=charge,
        lost_value=lost,
    )
