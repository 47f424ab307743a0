"""The judgement of a night: from everything gathered about one section to its plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date
from operator import attrgetter, itemgetter

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.anomalies import Anomalies
from gentle_nudge.domain.collections.case_outcome import (
    CaseFacts,
    as_before,
    is_released,
    judge,
    last_word,
    lists_everybody,
    released_due,
    shown,
)
from gentle_nudge.domain.collections.plan import Adoption, Ending, Plan, Referral, Refusal, Succession, heir_of
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import (
    Candidate,
    PatronRecords,
    Reason,
    SectionRecords,
    is_minor,
    why_not,
)
from gentle_nudge.domain.collections.submission_day import is_lifted_for
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.patron import Patron
from gentle_nudge.domain.report_row import UpdateRow, case_row


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoptee:
    """A patron whose flag says yes without a case; `referred_on` as far as Koha tells."""

    candidate: Candidate
    referred_on: date | None = None


def is_adoptee(patron: Patron, records: PatronRecords, section: Section) -> bool:
    """Whether the patron is the section's, the flag says yes, and no case is open in a section with this flag."""
    ours = section.scope.holds(patron.branch) or (section.charges_by != "patron" and section.enabled)
    return ours and patron.is_flagged and not records.has_flag_of(section)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything gathered about one section; `last_words` are closed cases the agency is still to be told of.

    `cases` and then `candidates` are gone through once, in whatever order, so that they may be read while they are
    judged and need never be in memory all at once. `owing_less` is asked last: how many patrons who are no candidates
    owe something in the window.
    """

    candidates: Iterable[Candidate] = ()
    owing_less: Callable[[], int] = int  # which is 0
    cases: Iterable[CaseFacts] = ()
    last_words: tuple[CaseFacts, ...] = ()
    adoptees: tuple[Adoptee, ...] = ()
    order: Mapping[int, int] = field(default_factory=dict)
    records: SectionRecords = field(default_factory=SectionRecords)


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """What this night may do; None: no limit. `lifted_to` is the fuse as lifted by hand."""

    submission_due: bool = False
    late: bool = False
    update_due: bool = True
    most_referrals: int | None = None
    lifted_to: int | None = None
    most_adoptions: int | None = None
    most_withdrawals: int | None = None
    beside_plugin: Refusal | None = None

    @property
    def is_anything(self) -> bool:
        """Whether a report of the day is still to be made."""
        return self.submission_due or self.update_due


@dataclass(kw_only=True)
class _Cases:
    """What was seen while the open cases passed by.

    `ended_by_staff` are those whose flag has gone, as they end if that is no accident; `heirs` took over the lines of
    a merged patron; `again`: numbers with an open case of which a last word was still to be told.
    """

    endings: list[Ending | Succession] = field(default_factory=list)
    ended_by_staff: list[Ending] = field(default_factory=list)
    kept: list[UpdateRow] = field(default_factory=list)
    heirs: set[int] = field(default_factory=set)
    again: set[int | None] = field(default_factory=set)
    noticed: Anomalies = field(default_factory=Anomalies)


def plan_night(section: Section, day: date, evidence: Evidence, limits: Due) -> Plan:
    """The plan of the section's night: what becomes of every case, who is adopted, who is referred."""
    cases = _pass_by(section, day, evidence, limits)
    endings, kept, too_many_withdrawn = _endings(section, day, cases, limits)
    adopted, too_many_adopted = _adoptions(section, evidence, endings, limits)
    referred, left_out, owing_less = _referrals(section, day, evidence, cases.heirs)
    refusals = [limits.beside_plugin, too_many_withdrawn, too_many_adopted, _fuse(len(referred), limits)]
    plan = Plan(
        section=section.name,
        day=day,
        submission_due=limits.submission_due,
        update_due=limits.update_due,
        late=limits.late,
        decisions=(*endings, *adopted),
        kept=(*kept, *_last_words(section, evidence, cases.again)),
        left_out=left_out,
        owing_less=evidence.owing_less() + owing_less,
        refusals=tuple(refusal for refusal in refusals if refusal),
        named=tuple(cases.noticed.in_words(section)),
        order=evidence.order,
        records=evidence.records,
    )
    return replace(plan, decisions=(*plan.decisions, *referred)) if plan.submits else replace(plan, held=referred)


def _pass_by(section: Section, day: date, evidence: Evidence, limits: Due) -> _Cases:
    """Every open case judged; where no update is due, nothing becomes of them, but their heirs are known."""
    cases = _Cases()
    waiting = {word.case.number for word in evidence.last_words}
    everybody = lists_everybody(section.policy, day)
    for tonight, outcome in _one_case_each(section, evidence.cases):
        if tonight.heir:
            cases.heirs.add(tonight.heir.number)
        if not limits.update_due:
            continue
        cases.noticed.look_at(tonight, section)
        if tonight.case.number in waiting:
            cases.again.add(tonight.case.number)
        match outcome:
            case UpdateRow():
                if everybody or outcome.is_news:
                    cases.kept.append(outcome)
            case Ending(state=CaseState.WITHDRAWN | CaseState.PAID):
                cases.ended_by_staff.append(outcome)
            case Ending() | Succession():
                cases.endings.append(outcome)
    return cases


def _one_case_each(
    section: Section, cases: Iterable[CaseFacts]
) -> Iterator[tuple[CaseFacts, UpdateRow | Succession | Ending]]:
    """Every case with what becomes of it; of several that lead to one heir only the oldest goes on."""
    merged = []
    for tonight in cases:
        if tonight.heir:
            merged.append((tonight.case.id, tonight.heir.number, tonight))
        else:
            yield tonight, judge(tonight, section)
    heirs: set[int] = set()
    for _, heir, tonight in sorted(merged, key=itemgetter(0)):
        with_case = PatronRecords(open_cases=tonight.records.open_cases | {section.name})
        outcome = judge(replace(tonight, records=with_case) if heir in heirs else tonight, section)
        if not isinstance(outcome, UpdateRow) and heir_of(outcome):
            heirs.add(heir)
        yield tonight, outcome


def _endings(
    section: Section, day: date, cases: _Cases, limits: Due
) -> tuple[tuple[Ending | Succession, ...], tuple[UpdateRow, ...], Refusal | None]:
    """Ended cases, the update rows of those that go on, and a refusal if staff ended more than one night may.

    The cases that staff ended then go on as well.
    """
    refusal = _too_many_withdrawn(len(cases.ended_by_staff), limits)
    endings, rows = cases.endings, cases.kept
    if refusal:
        everybody = lists_everybody(section.policy, day)
        told = (as_before(ending.facts, section.policy) for ending in cases.ended_by_staff)
        rows += [row for row in told if everybody or row.is_news]
    else:
        endings += cases.ended_by_staff
    return tuple(sorted(endings, key=attrgetter("case.id"))), tuple(sorted(rows, key=attrgetter("case"))), refusal


def _last_words(section: Section, evidence: Evidence, again: AbstractSet[int | None]) -> Iterator[UpdateRow]:
    """The last rows still owed to the agency: of each patron the latest, of nobody who is in collections again."""
    latest = {tonight.case.number: tonight for tonight in sorted(evidence.last_words, key=lambda word: word.case.id)}
    for tonight in latest.values():
        word = _last_word(section, tonight)
        if word and tonight.case.number not in again:
            yield word


def _last_word(section: Section, tonight: CaseFacts) -> UpdateRow | None:
    match tonight.case.state:
        case CaseState.WITHDRAWN | CaseState.PAID:
            due = last_word(tonight.balance if tonight.patron else ZERO, section.policy)
        case CaseState.OPEN | CaseState.RELEASED | CaseState.MERGED | CaseState.DELETED:
            due = tonight.case.last_due
    return None if due is None else case_row(tonight.case, tonight.patron, due)


def _adoptions(
    section: Section, evidence: Evidence, endings: tuple[Ending | Succession, ...], limits: Due
) -> tuple[tuple[Adoption, ...], Refusal | None]:
    taken = {heir_of(ending) for ending in endings}
    adoptees = [adoptee for adoptee in evidence.adoptees if adoptee.candidate.patron.number not in taken]
    refusal = _too_many_adopted(len(adoptees), limits)
    return () if refusal else tuple(adopt(section, adoptee) for adoptee in adoptees), refusal


def adopt(section: Section, adoptee: Adoptee) -> Adoption:
    """A case for a patron whose flag says yes already; released at once if they owe no more than the limit."""
    balance = adoptee.candidate.account.balance
    released = is_released(balance, section.policy)
    return Adoption(
        candidate=adoptee.candidate,
        referred_on=adoptee.referred_on,
        due=released_due(balance, section.policy) if released else shown(balance, section.policy),
        released=released,
        why="the flag says yes without a case",
    )


def _referrals(
    section: Section, day: date, evidence: Evidence, heirs: AbstractSet[int]
) -> tuple[tuple[Referral, ...], Counter[Reason], int]:
    """Who is referred; the others who owe enough in the window, by first reason; how many owe less there.

    Who took over the lines of a case is in collections, even before the case has followed.
    """
    left_out: Counter[Reason] = Counter()
    referred, owing_less = [], 0
    with_case = PatronRecords(open_cases=frozenset({section.name}))
    for each in evidence.candidates:
        candidate = replace(each, records=with_case) if each.patron.number in heirs else each
        reason = why_not(candidate, section, day)
        if reason is None:
            referred.append(refer(section, candidate, day))
        elif candidate.account.owed >= section.policy.threshold:
            left_out[reason] += 1
        elif candidate.account.owed > ZERO:
            owing_less += 1
    return tuple(referred), left_out, owing_less


def refer(section: Section, candidate: Candidate, day: date) -> Referral:
    """The referral of a patron whom no rule keeps out."""
    patron, account = candidate.patron, candidate.account
    return Referral(
        candidate=candidate,
        day=day,
        fee=section.policy.processing_fee,
        why=f"owes {format_amount(account.owed)} in the window, {format_amount(account.balance)} in all",
        guardian=patron.guardian if is_minor(patron, section.policy, day) else None,
    )


def _too_many_withdrawn(found: int, limits: Due) -> Refusal | None:
    if limits.most_withdrawals is None or found <= limits.most_withdrawals:
        return None
    return Refusal(
        kind="withdrawals",
        sentence=f"the flag of {found} patrons in collections is gone, more than the {limits.most_withdrawals} "
        "a night may withdraw: none was closed, all are reported as before",
        hint="if staff took these flags off on purpose, run nightly --most-withdrawals "
        f"{found}; if an import or a form did, put the flags back",
    )


def _too_many_adopted(found: int, limits: Due) -> Refusal | None:
    if limits.most_adoptions is None or found <= limits.most_adoptions:
        return None
    return Refusal(
        kind="adoptions",
        sentence=f"the flag of {found} patrons says yes without a case, more than the {limits.most_adoptions} "
        "a night may adopt: none was adopted and no submission was made",
        hint="see who they are and adopt them with gentle-nudge init --adopt",
    )


def _fuse(found: int, limits: Due) -> Refusal | None:
    most = limits.most_referrals
    if most is None or found <= most or is_lifted_for(found, limits.lifted_to):
        return None
    return Refusal(
        kind="fuse",
        sentence=f"{found} patrons qualify, more than the {most} one submission may refer: none was referred, "
        "and the submission will be tried again tomorrow",
        hint=f"look at them with nightly --dry-run; if they are right, run nightly --most-referrals {found}",
    )
