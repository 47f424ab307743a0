"""Lock the patrons a plan would change, and judge again whoever is no longer as the plan saw them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.judgement import Adoptee, Due, Evidence, is_adoptee, plan_night
from gentle_nudge.domain.collections.plan import Adoption, Plan, Referral
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate
from gentle_nudge.domain.moment import Moment
from gentle_nudge.errors import AnotherRunInProgress
from gentle_nudge.jobs.patrons.evidence import case_facts, knowing_fees, view_of, with_accounts
from gentle_nudge.koha.read import borrowers
from gentle_nudge.koha.read.line_conditions import View

if TYPE_CHECKING:
    from sqlalchemy import Connection


class PlanOutdated(AnotherRunInProgress):
    """What the plan was made from has changed since: a sync told newer balances, staff closed a case."""

    def __init__(self) -> None:
        super().__init__("What the night was decided from has changed meanwhile.", "Nothing was done; start it again.")


def view_before(conn: Connection, section: Section, moment: Moment, plan: Plan) -> View:
    """The view of the affected patrons as it was before this run changes any case.

    What is recorded with cases decides whose a charge is: a case that the plan opens, closes or lets follow must not
    change what the plan is measured by.
    """
    view = view_of(section, moment, plan.records)
    return replace(knowing_fees(conn, view, plan.records, sorted(plan.concerned)), is_complete=True)


def judge_under_lock(conn: Connection, plan: Plan, view: View) -> Plan:
    """The plan as it holds now: its patrons are locked, then their lines, and everything about them is read again.

    Who is referred and reads as before stays referred as decided; everybody else is judged again. PlanOutdated when a
    card was merged meanwhile: its heir may be somebody else than those locked. `view` is the one from before.
    """
    section = view.section
    referred = {referral.number: referral for referral in plan.of(Referral)}
    now = locked_candidates(conn, plan, view)
    same = [referral for number, referral in referred.items() if now.get(number) is referral.candidate]
    changed = referred.keys() & now.keys() - {referral.number for referral in same}
    evidence = Evidence(
        candidates=[now[number] for number in sorted(changed)],
        cases=case_facts(conn, view, plan.records, plan.cases, known=now),
        adoptees=tuple(
            Adoptee(candidate=candidate, referred_on=adoption.referred_on)
            for adoption in plan.of(Adoption)
            if (candidate := now.get(adoption.number)) and is_adoptee(candidate.patron, candidate.records, section)
        ),
    )
    due = Due(submission_due=plan.submits, late=plan.late, update_due=plan.update_due)
    again = plan_night(section, plan.day, evidence, due)
    others = [decision for decision in again.decisions if not isinstance(decision, Referral)]
    judged = replace(
        plan,
        decisions=(*others, *same, *again.of(Referral)),
        kept=(*plan.kept, *again.kept),
        named=tuple(dict.fromkeys((*plan.named, *again.named))),
    )
    if judged.heirs != plan.heirs:
        raise PlanOutdated
    return judged


def locked_candidates(conn: Connection, plan: Plan, view: View) -> dict[int, Candidate]:
    """The patrons of a plan as they are now, locked in order of number, and then their lines.

    Who is as the plan saw them is the plan's own value, so that nothing is in memory twice.
    """
    known = {each.number: each.candidate for each in plan.decisions if isinstance(each, Referral | Adoption)}
    patrons = []
    for patron in borrowers.one_by_one(conn, view.section.policy, plan.concerned, lock=True):
        before = known[patron.number].patron if patron.number in known else None
        patrons.append(before if before and before == patron else patron)
    candidates: dict[int, Candidate] = {}
    for candidate in with_accounts(conn, view, plan.records, patrons, lock=True):
        number = candidate.patron.number
        candidates[number] = known[number] if candidate == known.get(number) else candidate
    return candidates
