"""The judgement of a night: from everything gathered about one section to its plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from gentle_nudge.domain.case import State
from gentle_nudge.domain.money import ZERO, written
from gentle_nudge.domain.patron import Account, Patron, says
from gentle_nudge.domain.plan import Decision, Outcome, Plan, Refusal, SubmissionRow, UpdateRow, new_row
from gentle_nudge.domain.policy import Policy, Reading, Section
from gentle_nudge.domain.referral import Candidate, Reason, is_minor, why_not
from gentle_nudge.domain.release import (
    CaseTonight,
    as_before,
    is_news,
    judge,
    last_word,
    lists_everybody,
    row,
    seems_withdrawn,
    shown,
    was_flagged_elsewhere,
)
from gentle_nudge.domain.schedule import is_lifted_for


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoptee:
    """A patron whose flag says yes without a case; `referred_on` as far as Koha tells."""

    candidate: Candidate
    referred_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything gathered about one section; `last_words` are closed cases the agency is still to be told of."""

    candidates: tuple[Candidate, ...] = ()
    owing_less: int = 0
    cases: tuple[CaseTonight, ...] = ()
    last_words: tuple[CaseTonight, ...] = ()
    adoptees: tuple[Adoptee, ...] = ()
    order: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What this night may do; None: no limit. `lifted_to` is the fuse as lifted by hand."""

    submission_due: bool = False
    late: bool = False
    update_due: bool = True
    most_referrals: int | None = None
    lifted_to: int | None = None
    most_adoptions: int | None = None
    most_withdrawals: int | None = None
    beside_plugin: Refusal | None = None


def judge_night(section: Section, day: date, evidence: Evidence, limits: Limits) -> Plan:
    """The plan of the section's night: what becomes of every case, who is adopted, who is referred."""
    endings, kept, too_many_withdrawn = _cases(section, day, evidence, limits)
    adopted, too_many_adopted = _adoptions(section, evidence, endings, limits)
    followed = frozenset(decision.follows for decision in endings if decision.follows)
    referred, left_out = _referrals(section, day, evidence, followed)
    owing_less = sum(ZERO < found.account.owed < section.policy.threshold for found in evidence.candidates)
    refusals = [limits.beside_plugin, too_many_withdrawn, too_many_adopted, _fuse(len(referred), limits)]
    plan = Plan(
        section=section.name,
        day=day,
        submission_due=limits.submission_due,
        update_due=limits.update_due,
        late=limits.late,
        decisions=(*endings, *adopted),
        kept=kept,
        left_out=left_out,
        owing_less=evidence.owing_less + owing_less,
        refusals=tuple(refusal for refusal in refusals if refusal),
        named=_named(section, evidence),
        order=evidence.order,
    )
    return replace(plan, decisions=(*plan.decisions, *referred)) if plan.submits else replace(plan, held=referred)


def _cases(
    section: Section, day: date, evidence: Evidence, limits: Limits
) -> tuple[tuple[Decision, ...], tuple[UpdateRow, ...], Refusal | None]:
    decisions = _one_case_each(section, evidence.cases)
    withdrawn = [d for d in decisions if d.outcome in {Outcome.WITHDRAWN, Outcome.PAID}]
    refusal = _too_many_withdrawn(len(withdrawn), limits)
    going_on = [d for d in decisions if d.outcome is Outcome.KEPT]
    if refusal:
        going_on += [as_before(tonight, section) for tonight in evidence.cases if seems_withdrawn(tonight, section)]
    stay = frozenset(d.case.id for d in going_on if d.case)
    endings = tuple(d for d in decisions if d.case and d.case.id not in stay)
    rows = [(d.row, d.case) for d in going_on if d.row and d.case]
    if not lists_everybody(section.policy, day):
        rows = [(kept, case) for kept, case in rows if is_news(kept, case)]
    last_words = _last_words(section, evidence)
    return endings, (*(kept for kept, _ in rows), *last_words), refusal


def _one_case_each(section: Section, cases: tuple[CaseTonight, ...]) -> list[Decision]:
    """Judge every case, in order of id; of several that lead to one heir only the first goes on."""
    decisions: list[Decision] = []
    heirs: set[int] = set()
    for tonight in sorted(cases, key=lambda tonight: tonight.case.id):
        taken = tonight.heir is not None and tonight.heir.number in heirs
        decision = judge(replace(tonight, heir_has_case=True) if taken else tonight, section)
        decisions.append(decision)
        if decision.follows:
            heirs.add(decision.follows)
    return decisions


def _last_words(section: Section, evidence: Evidence) -> Iterator[UpdateRow]:
    """The last rows still owed to the agency: of each patron the latest, of nobody who is in collections again."""
    again = {tonight.case.number for tonight in evidence.cases}
    latest = {tonight.case.number: tonight for tonight in sorted(evidence.last_words, key=lambda word: word.case.id)}
    for tonight in latest.values():
        word = _last_word(section, tonight)
        if word and tonight.case.number not in again:
            yield word


def _last_word(section: Section, tonight: CaseTonight) -> UpdateRow | None:
    match tonight.case.state:
        case State.WITHDRAWN | State.PAID:
            due = last_word(tonight.balance if tonight.patron else ZERO, section.policy)
        case State.OPEN | State.RELEASED | State.MERGED | State.DELETED:
            due = tonight.case.last_due
    return None if due is None else row(tonight.case, tonight.patron, due)


def _adoptions(
    section: Section, evidence: Evidence, endings: tuple[Decision, ...], limits: Limits
) -> tuple[tuple[Decision, ...], Refusal | None]:
    taken = frozenset(decision.follows for decision in endings)
    adoptees = [a for a in evidence.adoptees if a.candidate.patron.number not in taken]
    refusal = _too_many_adopted(len(adoptees), limits)
    return () if refusal else tuple(adopt(section, adoptee) for adoptee in adoptees), refusal


def adopt(section: Section, adoptee: Adoptee) -> Decision:
    """A case for a patron whose flag says yes already; released at once if they owe no more than the limit."""
    policy, candidate = section.policy, adoptee.candidate
    patron, balance = candidate.patron, candidate.account.balance
    released = policy.clear_paid and balance <= policy.clear_at_or_below
    due = ZERO if released and policy.released_due == "zero" else shown(balance, policy)
    return Decision(
        patron=patron.number,
        outcome=Outcome.ADOPTED,
        why="the flag says yes without a case",
        amount=balance,
        candidate=candidate,
        referred_on=adoptee.referred_on,
        ends=State.RELEASED if released else None,
        row=new_row(patron, due),
    )


def _referrals(
    section: Section, day: date, evidence: Evidence, followed: frozenset[int]
) -> tuple[tuple[Decision, ...], Counter[Reason]]:
    left_out: Counter[Reason] = Counter()
    referred = []
    for found in evidence.candidates:
        candidate = replace(found, has_case=True) if found.patron.number in followed else found
        reason = why_not(candidate, section, day)
        if reason is None:
            referred.append(refer(section, candidate, day))
        elif candidate.account.owed >= section.policy.threshold:
            left_out[reason] += 1
    return tuple(referred), left_out


def refer(section: Section, candidate: Candidate, day: date) -> Decision:
    """The referral of a patron whom no rule keeps out."""
    patron, account, fee = candidate.patron, candidate.account, section.policy.processing_fee
    why = f"owes {written(account.owed)} in the window, {written(account.balance)} in all"
    return Decision(
        patron=patron.number,
        outcome=Outcome.REFERRED,
        why=why,
        amount=account.balance,
        fee=fee,
        candidate=candidate,
        referred_on=day,
        row=new_row(patron, account.balance + fee),
        submission=submission_row(patron, account, section.policy, day),
    )


def submission_row(patron: Patron, account: Account, policy: Policy, day: date) -> SubmissionRow:
    """The patron's row in the submission; only a minor's names a guardian."""
    shown_as = patron if patron.guardian is None or is_minor(patron, policy, day) else replace(patron, guardian=None)
    return SubmissionRow(patron=shown_as, account=account, fee=policy.processing_fee)


def _named(section: Section, evidence: Evidence) -> tuple[str, ...]:
    overwritten = (
        tonight.case.patron
        for tonight in evidence.cases
        if tonight.patron and says(tonight.patron.flag) is Reading.OTHER
    )
    flags = (f"patron number {number}: the flag ({section.policy.flag}) was overwritten" for number in overwritten)
    return (*flags, *_flagged_elsewhere(section, evidence), *_orphans(section, evidence))


def _flagged_elsewhere(section: Section, evidence: Evidence) -> Iterator[str]:
    elsewhere = Counter(t.case.flag for t in evidence.cases if was_flagged_elsewhere(t, section))
    for flag, found in elsewhere.items():
        yield (
            f"{found} open cases were flagged in {flag}, the settings say {section.policy.flag}: they go on, but staff "
            f"cannot end them by the flag (set flag back to {flag}, or take them back with gentle-nudge release)"
        )


def _orphans(section: Section, evidence: Evidence) -> Iterator[str]:
    gone = Counter(tonight.case.section for tonight in evidence.cases if tonight.case.section in section.keeps_up)
    for name, found in sorted(gone.items()):
        yield (
            f"section {name} is gone from the settings: its {found} open cases are kept up here "
            f"(gentle-nudge cases move {name} NEW gives them to another section)"
        )


def _too_many_withdrawn(found: int, limits: Limits) -> Refusal | None:
    if limits.most_withdrawals is None or found <= limits.most_withdrawals:
        return None
    return Refusal(
        kind="withdrawals",
        sentence=f"the flag of {found} patrons in collections is gone, more than the {limits.most_withdrawals} "
        "a night may withdraw: none was closed, all are reported as before",
        hint="if staff took these flags off on purpose, run nightly --most-withdrawals "
        f"{found}; if an import or a form did, put the flags back",
    )


def _too_many_adopted(found: int, limits: Limits) -> Refusal | None:
    if limits.most_adoptions is None or found <= limits.most_adoptions:
        return None
    return Refusal(
        kind="adoptions",
        sentence=f"the flag of {found} patrons says yes without a case, more than the {limits.most_adoptions} "
        "a night may adopt: none was adopted and no submission was made",
        hint="see who they are and adopt them with gentle-nudge init --adopt",
    )


def _fuse(found: int, limits: Limits) -> Refusal | None:
    most = limits.most_referrals
    if most is None or found <= most or is_lifted_for(found, limits.lifted_to):
        return None
    return Refusal(
        kind="fuse",
        sentence=f"{found} patrons qualify, more than the {most} one submission may refer: none was referred, "
        "and the submission stays due",
        hint=f"look at them with nightly --dry-run; if they are right, run nightly --most-referrals {found}",
    )
