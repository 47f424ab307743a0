"""Lock the patrons that a plan would change, and judge again everybody who has changed since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from gentle_nudge.domain.collections.ending_fuse import EndingsThatCount
from gentle_nudge.domain.collections.judgement import plan_night
from gentle_nudge.domain.collections.plan import Adoption, Ending, NewCase, Plan, Referral, Reopening
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate
from gentle_nudge.domain.collections.section_facts import Adoptee, Evidence, is_adoptee
from gentle_nudge.domain.collections.submission_day import Due
from gentle_nudge.domain.ledger import LineRules, Ownership
from gentle_nudge.errors import AnotherRunInProgress
from gentle_nudge.jobs.patrons.accounts import with_accounts
from gentle_nudge.jobs.patrons.closed_cases import with_candidates
from gentle_nudge.jobs.patrons.evidence import case_facts
from gentle_nudge.jobs.patrons.recorded_lines import RecordedCase, owing_again
from gentle_nudge.koha.read import borrowers


class PlanOutdated(AnotherRunInProgress):
    """The facts behind the plan have changed: a sync reported newer balances, or staff closed a case."""

    def __init__(self) -> None:
        super().__init__("The facts behind the plan changed during the run.", "Nothing was done; run it again.")


def judge_under_lock(
    conn: Connection,
    section: Section,
    plan: Plan,
    *,
    rules: LineRules,
    ownership: Ownership,
    closed: Iterable[RecordedCase],
) -> Plan:
    """The plan as it holds now: its patrons and then their lines are locked, and everything about them is read again.

    A referral stands if its candidate reads as before; everybody else is judged again. PlanOutdated if a card was
    merged meanwhile: its heir may not be locked. PlanOutdated too if more cases end than planned: the fuse on endings
    has not seen them. `ownership` is from before the run changed any case: lines recorded with cases decide whose a
    charge is, so cases of this run must not change the comparison. `closed` are the closed cases of before, too; those
    that owe again are looked for anew, because a payment may have been voided meanwhile.
    """
    referred = {referral.number: referral for referral in plan.of(Referral)}
    now = locked_candidates(conn, section, plan, rules=rules, ownership=ownership)
    unchanged = {number: referral for number, referral in referred.items() if now.get(number) is referral.candidate}
    changed = referred.keys() & now.keys() - unchanged.keys()
    evidence = Evidence(
        candidates=[now[number] for number in sorted(changed)],
        cases=case_facts(conn, section, plan.records, plan.cases, candidates=now),
        adoptees=tuple(
            Adoptee(candidate=candidate, referred_on=adoption.referred_on)
            for adoption in plan.of(Adoption)
            if (candidate := now.get(adoption.number)) and is_adoptee(candidate.patron, candidate.records, section)
        ),
        closed=with_candidates(owing_again(conn, closed), now, plan.records),
    )
    due = Due(submission_due=plan.submits, late=plan.late, update_due=plan.update_due)
    again = plan_night(section, plan.day, evidence, due)
    others = [decision for decision in again.decisions if not isinstance(decision, Referral)]
    for reopening in again.of(Reopening):
        unchanged.pop(reopening.number, None)
    judged = replace(
        plan,
        decisions=(*others, *unchanged.values(), *again.of(Referral)),
        kept=(*plan.kept, *again.kept),
        named=tuple(dict.fromkeys((*plan.named, *again.named))),
        needs=(*plan.needs, *again.needs),
    )
    planned, now_ending = (EndingsThatCount.among(each.of(Ending), section.policy) for each in (plan, judged))
    if judged.heirs != plan.heirs or now_ending.exceed(planned):
        raise PlanOutdated
    return judged


def locked_candidates(
    conn: Connection, section: Section, plan: Plan, *, rules: LineRules, ownership: Ownership
) -> dict[int, Candidate]:
    """The patrons of a plan as they are now, locked in order of number, and then their lines.

    Whoever is unchanged is the plan's own value, so that nothing is in memory twice.
    """
    planned = {each.number: each.candidate for each in plan.decisions if isinstance(each, NewCase)}
    patrons = []
    for patron in borrowers.one_by_one(conn, section.policy.patron_fields, plan.concerned, lock=True):
        before = planned[patron.number].patron if patron.number in planned else None
        patrons.append(before if before == patron else patron)
    candidates: dict[int, Candidate] = {}
    for candidate in with_accounts(conn, section, plan.records, patrons, rules=rules, ownership=ownership, lock=True):
        number = candidate.patron.number
        candidates[number] = planned[number] if candidate == planned.get(number) else candidate
    return candidates
