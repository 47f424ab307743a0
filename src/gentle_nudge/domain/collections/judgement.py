"""The judgement of a night: from everything gathered about one section to its plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sized
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date
from operator import attrgetter

from gentle_nudge.domain.collections.anomalies import Anomalies
from gentle_nudge.domain.collections.case_outcome import (
    CaseFacts,
    Outcome,
    as_before,
    is_released,
    last_row,
    lists_everybody,
    outcome_of,
    released_due,
    shown,
)
from gentle_nudge.domain.collections.ending_fuse import EndingsThatCount, refused, refused_pauses
from gentle_nudge.domain.collections.for_a_person import Need, of_open_case
from gentle_nudge.domain.collections.plan import Adoption, CaseDecision, Ending, Pause, Plan, Referral, heir_of
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate, LeftOut, PatronRecords, Reason, is_minor, why_not
from gentle_nudge.domain.collections.reopening import reopenings
from gentle_nudge.domain.collections.section_facts import Adoptee, Evidence, passed_over, passing_over
from gentle_nudge.domain.collections.submission_day import Due, Limit, Refusal, is_lifted_for, too_many
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.report_row import UpdateRow


def plan_night(section: Section, day: date, evidence: Evidence, due: Due) -> Plan:
    """The plan of the section's night: what becomes of every case, who is adopted, who is referred.

    Whose case is to be reopened is neither adopted nor referred, even if the reopening has to wait.
    """
    too_large: set[int] = set()
    last_words, evidence = evidence.last_words, passing_over(section, evidence, too_large)
    plan = Plan(
        section=section.name,
        day=day,
        submission_due=due.submission_due,
        update_due=due.update_due,
        late=due.late,
        holds=evidence.holds,
        under=due.under,
        list_ends=due.list_ends,
        untold=frozenset(facts.case.id for facts in last_words) - {facts.case.id for facts in evidence.last_words},
    )
    anomalies = Anomalies()
    for facts in last_words:
        if facts.case.section in section.frees:
            anomalies.look_at(facts, section)
    plan, heirs = _with_cases(plan, section, evidence, due, anomalies=anomalies)
    reopened = reopenings(section, day, evidence.closed, heirs)
    in_cases = heirs | {reopening.number for reopening in reopened} | evidence.elsewhere
    adoptees = [adoptee for adoptee in evidence.adoptees if adoptee.candidate.patron.number not in in_cases]
    too_many_adopted = too_many("adoptions", len(adoptees), due.most_adoptions)
    adopted = [] if too_many_adopted else [adopt(section, adoptee) for adoptee in adoptees]
    left_out_patrons: list[LeftOut] | None = [] if due.names_left_out else None
    referred, left_out, owing_less = _referrals(section, day, evidence, in_cases, named=left_out_patrons)
    too_many_reopened = _fused("reopenings", reopened, due) if due.update_due else None
    too_many_referred = None if due.is_approved else _fused("fuse", referred, due)
    limits = (too_many_reopened, too_many_adopted, too_many_referred)
    refusals = (due.beside_plugin, *plan.refusals, *anomalies.refusals(section), *limits)
    plan = replace(
        plan,
        decisions=(*plan.decisions, *(reopened if due.update_due and not too_many_reopened else ()), *adopted),
        left_out=left_out + Counter(evidence.left_out()),
        left_out_patrons=tuple(left_out_patrons or ()),
        owing_less=evidence.owing_less() + owing_less,
        refusals=tuple(refusal for refusal in refusals if refusal),
        named=(*plan.named, *passed_over(too_large), *evidence.holds.named),
    )
    return replace(plan, decisions=(*plan.decisions, *referred)) if plan.submits else replace(plan, held=referred)


def _fused(limit: Limit, decisions: Sized, due: Due) -> Refusal | None:
    """The refusal if these are more than one night may refer, or reopen, and nobody has lifted the fuse for so many."""
    count = len(decisions)
    return None if is_lifted_for(count, due.lifted_to) else too_many(limit, count, due.most_referrals)


def _with_cases(
    plan: Plan, section: Section, evidence: Evidence, due: Due, *, anomalies: Anomalies
) -> tuple[Plan, set[int]]:
    """The plan with what becomes of the cases, and all heirs. Without an update due they stay as they are.

    Cases whose ending is refused are in no report: whatever is told of them now may be wrong.
    """
    changes: list[CaseDecision] = []
    rows: list[UpdateRow] = []
    needs: list[Need] = []
    heirs: set[int] = set()
    everybody, open_cases = lists_everybody(section.policy, plan.day), 0
    # Each patron's latest, unless the patron is in collections again.
    last_words = {facts.case.number: facts for facts in sorted(evidence.last_words, key=attrgetter("case.id"))}
    for facts, outcome in _one_case_each(section, evidence.cases, plan.day):
        if facts.heir:
            heirs.add(facts.heir.number)
        if not due.update_due:
            continue
        open_cases += 1
        anomalies.look_at(facts, section)
        may_be_told = facts.case.section not in section.frees
        if may_be_told:
            last_words.pop(facts.case.number, None)
        if isinstance(outcome, CaseDecision):
            changes.append(outcome)
            continue
        needs += of_open_case(facts, section)
        if outcome and may_be_told and (everybody or outcome.is_news):
            rows.append(outcome)
    endings = EndingsThatCount.among((each for each in changes if isinstance(each, Ending)), section.policy)
    accidents, refusal = refused(endings, due, open_cases=open_cases)
    pauses = (each for each in changes if isinstance(each, Pause))
    not_paused, too_many_paused = refused_pauses(pauses, endings, due, open_cases=open_cases)
    as_unpaused = (as_before(pause.facts, section.policy) for pause in not_paused)
    rows += [row for row in as_unpaused if everybody or row.is_news]
    untouched = {each.case.id for each in (*accidents, *not_paused)}
    last_rows = [row for facts in last_words.values() if (row := last_row(section, facts))]
    plan = replace(
        plan,
        decisions=tuple(sorted((c for c in changes if c.case.id not in untouched), key=attrgetter("case.id"))),
        kept=(*sorted(rows, key=attrgetter("case")), *last_rows),
        refusals=tuple(each for each in (refusal, too_many_paused) if each),
        named=tuple(anomalies.in_words(section)),
        needs=tuple(needs),
    )
    return plan, heirs


def _one_case_each(section: Section, cases: Iterable[CaseFacts], day: date) -> Iterator[tuple[CaseFacts, Outcome]]:
    """Every case with what becomes of it; of several that lead to one heir only the oldest goes on.

    Those of which nobody may be told come last: whoever has another case is told of it there.
    """
    merged = []
    for facts in cases:
        if facts.heir:
            merged.append(facts)
        else:
            yield facts, outcome_of(facts, section, day)
    heirs: set[int | None] = set()
    for facts in sorted(merged, key=lambda facts: (facts.case.section in section.frees, facts.case.id)):
        goes_on_already = facts.heir and facts.heir.number in heirs
        outcome = outcome_of(replace(facts, records=_with_case(section)) if goes_on_already else facts, section, day)
        if isinstance(outcome, CaseDecision):
            heirs.add(heir_of(outcome))
        yield facts, outcome


def _with_case(section: Section) -> PatronRecords:
    """The records of somebody who has a case of the section, if only since tonight."""
    return PatronRecords(open_cases=frozenset({section.name}))


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
    section: Section, day: date, evidence: Evidence, in_cases: AbstractSet[int], *, named: list[LeftOut] | None
) -> tuple[tuple[Referral, ...], Counter[Reason], int]:
    """The referrals, how many others owe enough in the window by first reason, and how many owe less there.

    Heirs and patrons whose case is reopened are in collections, even before the case is theirs. Whoever is left out is
    added to `named`, if it is given.
    """
    left_out: Counter[Reason] = Counter()
    referred, owing_less = [], 0
    for each in evidence.candidates:
        candidate = replace(each, records=_with_case(section)) if each.patron.number in in_cases else each
        reason = why_not(candidate, section, day)
        if reason is None:
            referred.append(refer(section, candidate, day))
        elif candidate.account.owed >= section.policy.threshold:
            left_out[reason] += 1
            if named is not None:
                named.append(LeftOut(candidate=each, reason=reason))
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
