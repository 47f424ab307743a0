"""Lock the patrons a plan would change, and judge again whoever is no longer as the plan saw them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.judgement import Due, Evidence, plan_night
from gentle_nudge.domain.collections.plan import Outcome, Plan
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.collections.referral import Candidate
from gentle_nudge.domain.ledger import Account, LineRules, Ownership
from gentle_nudge.domain.patron import Patron
from gentle_nudge.errors import AnotherRunInProgress
from gentle_nudge.jobs.patrons.evidence import adoptees, as_candidates, case_facts, ownership_of
from gentle_nudge.jobs.patrons.records import SectionRecords
from gentle_nudge.koha.read import accountlines, borrowers
from gentle_nudge.sqltypes import a_thousand_at_a_time

if TYPE_CHECKING:
    from sqlalchemy import Connection


Known = Mapping[int, Candidate]


class PlanOutdated(AnotherRunInProgress):
    """What the plan was made from has changed since: a sync told newer balances, staff closed a case."""

    def __init__(self) -> None:
        super().__init__("The facts behind the plan changed during the run.", "Nothing was done; run it again.")


@dataclass(frozen=True, kw_only=True)
class Locked:
    """The plan as it holds now, and the patrons it changes, whose rows and lines are locked."""

    plan: Plan
    people: Mapping[int, Patron]


def ownership_before(conn: Connection, section: Section, plan: Plan, memory: SectionRecords) -> Ownership:
    """Whose the charges of the affected patrons were before this run changed any case.

    What is recorded with cases decides whose a charge is: a case that the plan opens, closes or lets follow must not
    change what the plan is measured by.
    """
    return ownership_of(conn, section, memory, sorted(_concerned(plan)))


def lock_and_judge(
    conn: Connection, section: Section, plan: Plan, *, memory: SectionRecords, rules: LineRules, ownership: Ownership
) -> Locked:
    """The patrons a plan would change are locked, then their lines; everything about them is read again.

    Who is referred and reads as before stays referred as decided; everybody else is judged again. PlanOutdated when a
    card was merged meanwhile: its heir may be somebody else than those locked. `ownership` is the one from before.
    """
    known = {d.patron: d.candidate for d in plan.of(Outcome.REFERRED) if d.candidate}
    people = _locked_people(conn, section, plan, known)
    sums = _locked_accounts(conn, people, known=known, rules=rules, ownership=ownership)
    as_before = {n for n, it in known.items() if people.get(n) is it.patron and sums[n] is it.account}
    changed = {number: people[number] for number in known if number in people and number not in as_before}
    endings = [decision.case for decision in plan.decisions if decision.case]
    balances = {number: account.balance for number, account in sums.items() if number not in as_before}
    days = {decision.patron: decision.referred_on for decision in plan.of(Outcome.ADOPTED)}
    flagged = [number for number in days if number in people and people[number].is_flagged]
    still_flagged = adoptees(conn, section, memory, flagged, rules=rules, ownership=ownership)
    evidence = Evidence(
        candidates=as_candidates(section, memory, changed, sums),
        cases=case_facts(conn, section, memory, endings, people=people, sums=balances, ownership=ownership),
        adoptees=tuple(replace(each, referred_on=days[each.candidate.patron.number]) for each in still_flagged),
        order=plan.order,
    )
    limits = Due(submission_due=plan.submits, late=plan.late, update_due=plan.update_due)
    again = judge_again(plan, plan_night(section, plan.day, evidence, limits), as_before)
    if _heirs(again) != _heirs(plan):
        raise PlanOutdated
    return Locked(plan=again, people=people)


def judge_again(plan: Plan, again: Plan, as_before: Collection[int]) -> Plan:
    """The plan with the second judgement of all but those referred who are as before."""
    referred = [d for d in plan.decisions if d.outcome is Outcome.REFERRED and d.patron in as_before]
    others = [d for d in again.decisions if d.outcome is not Outcome.REFERRED]
    return replace(
        plan,
        decisions=(*others, *referred, *again.of(Outcome.REFERRED)),
        kept=(*plan.kept, *again.kept),
        named=tuple(dict.fromkeys((*plan.named, *again.named))),
    )


def _heirs(plan: Plan) -> set[int]:
    return {decision.follows for decision in plan.decisions if decision.follows}


def _concerned(plan: Plan) -> set[int]:
    return {decision.patron for decision in plan.decisions} | _heirs(plan)


def _locked_people(conn: Connection, section: Section, plan: Plan, known: Known) -> dict[int, Patron]:
    """The patrons, locked in order of number; who is as the plan knows them is the plan's own value."""
    people: dict[int, Patron] = {}
    for person in borrowers.one_by_one(conn, section.policy.patron_fields, _concerned(plan), lock=True):
        before = known[person.number].patron if person.number in known else None
        people[person.number] = before if before and before == person else person
    return people


def _locked_accounts(
    conn: Connection, people: Collection[int], *, known: Known, rules: LineRules, ownership: Ownership
) -> dict[int, Account]:
    """The accounts of these patrons, their lines locked; one as the plan knows it is the plan's own value."""
    sums: dict[int, Account] = {}
    for some in a_thousand_at_a_time(sorted(people)):
        for number, account in accountlines.accounts(conn, rules, ownership, some, lock=True).items():
            before = known[number].account if number in known else None
            sums[number] = before if before and before == account else account
    return sums
