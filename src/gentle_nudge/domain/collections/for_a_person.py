"""What needs a person: it stands on the page of the night, and what is new there is the reason for a mail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.case_outcome import CaseFacts, shown
from gentle_nudge.domain.collections.plan import Decision, Ending, Pause, Plan, Resumption, heir_of
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.review import ListState
from gentle_nudge.domain.collections.submission_day import Refusal
from gentle_nudge.domain.hold import Hold, HoldEnd
from gentle_nudge.domain.money import ZERO, for_people
from gentle_nudge.domain.patron import Flag, FlagState, flag_state


class Weight(Enum):
    """An event is named once, a state each night as long as it lasts; with a trouble, a state too, no night is well."""

    EVENT = 0
    STATE = 1
    TROUBLE = 2


# The kinds in the order of the page, with the heading of those that are about no patron. Whoever finds a new kind of
# need, adds it here at its place.
KINDS = {
    "referrals_held": (Weight.TROUBLE, "Referrals are held"),
    "reopenings_held": (Weight.TROUBLE, "Reopenings are held"),
    "adoptions_held": (Weight.TROUBLE, "Adoptions are held"),
    "endings_held": (Weight.TROUBLE, "Endings are held"),
    "pauses_held": (Weight.TROUBLE, "Pauses are held"),
    "section_held": (Weight.TROUBLE, "The cases of a section are held"),
    "address_gone": (Weight.TROUBLE, "An address is gone from the settings"),
    "submission_untold": (Weight.TROUBLE, "The agency was not told of a submission"),
    "report_undelivered": (Weight.TROUBLE, "A report did not arrive"),
    "list_unapproved": (Weight.EVENT, "Nobody has approved the list"),
    "list_lapsed": (Weight.EVENT, "The list has lapsed"),
    "list_late": (Weight.EVENT, "The list came too late"),
    "file_refused": (Weight.EVENT, "A file was refused"),
    "wish_refused": (Weight.EVENT, "A wish could not be done"),
    "flag_overwritten": (Weight.STATE, "A flag was overwritten"),
    "still_blocked": (Weight.EVENT, "Released, and still blocked"),
    "withdrawn_rest": (Weight.EVENT, "Withdrawn, and something is owing"),
    "paid_not_released": (Weight.STATE, "Paid, and not released"),
    "hold_over": (Weight.EVENT, "A hold is over"),
    "hold_untold": (Weight.EVENT, "The agency was not told of a hold"),
    "field_still_set": (Weight.STATE, "The field of a hold is still set"),
    "hold_until_unreadable": (Weight.STATE, "The last day of a hold cannot be read"),
    "left_for_good": (Weight.EVENT, "Left out for good"),
}
TITLES = {kind: title for kind, (_, title) in KINDS.items()}
STATES = frozenset(kind for kind, (weight, _) in KINDS.items() if weight is not Weight.EVENT)
TROUBLES = frozenset(kind for kind, (weight, _) in KINDS.items() if weight is Weight.TROUBLE)
KIND_OF_REFUSAL = {
    "plugin": "referrals_held",
    "fuse": "referrals_held",
    "reopenings": "reopenings_held",
    "adoptions": "adoptions_held",
    "endings": "endings_held",
    "pauses": "pauses_held",
    "held": "section_held",
}
LONGEST_VALUE = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Something that needs a person, and what to do.

    `number` and `case` are those of the patron that it is about. `about` tells needs of one kind apart that are about
    no patron. `since` is the first day of a state, or the day of an event.
    """

    kind: str
    sentence: str
    number: int | None = None
    case: int | None = None
    about: str = ""
    since: date | None = None

    @property
    def identity(self) -> tuple[str, int | None, int | None, str]:
        """The same for the same state in the next night."""
        return self.kind, self.number, self.case, self.about


def in_order(needs: Iterable[Need], before: Iterable[Need], day: date) -> list[Need]:
    """The needs of this day in the order of the page; a state begins when it was first seen, by the night `before`."""
    begun = {need.identity: need.since for need in before if need.kind in STATES}
    dated = [replace(need, since=begun.get(need.identity) or day) for need in needs]
    kinds = list(KINDS)
    return sorted(dated, key=lambda need: kinds.index(need.kind))


def news(needs: Iterable[Need], before: Iterable[Need]) -> list[Need]:
    """The events, and the states that were not there the night before."""
    seen = {need.identity for need in before}
    return [need for need in needs if need.kind not in STATES or need.identity not in seen]


def of_plan(plan: Plan, section: Section, blocked: Collection[int]) -> Iterator[Need]:
    """What the night of a section leaves to a person; `blocked` are those whose restriction stays, by number."""
    yield from map(of_refusal, plan.refusals)
    yield from of_lists(plan, section)
    yield from of_holds(plan, section.policy)
    yield from plan.needs
    for decision in plan.decisions:
        if decision.number in blocked:
            yield still_blocked(decision, section.policy)
        if isinstance(decision, Ending) and decision.state is CaseState.WITHDRAWN and decision.balance > ZERO:
            yield withdrawn_rest(decision)


def of_lists(plan: Plan, section: Section) -> Iterator[Need]:
    """What a list leaves to a person: it lapses tomorrow, has lapsed, or came too late."""
    tomorrow = plan.day + timedelta(days=1)
    for each in plan.records.lists:
        if each.for_day == tomorrow and each.state is ListState.OPEN and section.policy.review_ends == "lapse":
            sentence = f"The list for {tomorrow} lapses tomorrow: gentle-nudge review approve {tomorrow}."
            yield Need(kind="list_unapproved", about=tomorrow.isoformat(), sentence=sentence)
    if plan.submits and plan.list_ends is ListState.LAPSED:
        sentence = "Nobody had approved the list, so nobody was referred or charged. The next one is made as ever."
        yield Need(kind="list_lapsed", about=plan.day.isoformat(), sentence=sentence)
    if plan.list_made and plan.list_made.late:
        day = plan.list_made.for_day
        sentence = f"No list was made in time, so nobody was referred. The submission follows on {day}, late."
        yield Need(kind="list_late", about=day.isoformat(), sentence=sentence)


def of_holds(plan: Plan, policy: Policy) -> Iterator[Need]:
    """What holds leave to a person: they are over, nobody was told of them, or the field in Koha is to be mended."""
    ended = {hold.id for hold in plan.holds.ended}
    before = (*plan.records.in_field, *(hold for holds in plan.records.holds.values() for hold in holds))
    goes_on = (*plan.holds.begun, *(hold for hold in before if hold.id not in ended))
    not_over = {hold.patron for hold in goes_on} | {ending.number for ending in plan.of(Ending)}
    for hold in plan.holds.ended:
        if hold.ended_by is HoldEnd.DATE and hold.patron not in not_over:
            yield hold_over(hold, plan)
    for pause in plan.of(Pause):
        if pause.row is None:
            sentence = "Paused, and hold_due is “none”: the agency was told nothing. Tell it yourselves."
            yield Need(kind="hold_untold", number=pause.number, case=pause.case.id, sentence=sentence)
    if policy.hold:
        sentence = f"{in_words(policy.hold)} is still set although the hold is over. Empty it, or give it a later day."
        yield from (Need(kind="field_still_set", number=each, sentence=sentence) for each in plan.holds.still_set)
    if policy.hold_until:
        sentence = f"{in_words(policy.hold_until)} is no day, so the hold has no end. Write it as 2026-12-31."
        yield from (
            Need(kind="hold_until_unreadable", number=each, sentence=sentence) for each in plan.holds.unreadable
        )


def hold_over(hold: Hold, plan: Plan) -> Need:
    """The last day of a hold is over; a reason that staff wrote into Koha's field stays there."""
    reason = f" ({hold.reason})" if hold.is_by_person else ""
    case, goes_on = None, "The charges count again for the next submission."
    if hold.patron in plan.records.open_cases:
        goes_on = "The case goes on, and the agency hears of it as before."
    for resumption in plan.of(Resumption):
        if resumption.number == hold.patron:
            case, goes_on = resumption.case.id, f"The agency is told {for_people(resumption.row.due)} again."
    sentence = f"The hold{reason} ended with {hold.until}. {goes_on}"
    return Need(kind="hold_over", number=hold.patron, case=case, about=str(hold.id), sentence=sentence)


def of_refusal(refusal: Refusal) -> Need:
    """A part of the night that was refused, with the way out."""
    about = refusal.hint if refusal.kind == "held" else ""
    sentences = (f"{text[0].upper()}{text[1:].rstrip('.')}." for text in (refusal.sentence, refusal.hint) if text)
    return Need(kind=KIND_OF_REFUSAL[refusal.kind], sentence=" ".join(sentences), about=about)


def of_open_case(facts: CaseFacts, section: Section) -> Iterator[Need]:
    """What a case that goes on leaves to a person."""
    policy, case = section.policy, facts.case
    due = for_people(shown(facts.balance, policy))
    rows = facts.patron.flag if facts.patron else ()
    if flag_state(rows) is FlagState.OTHER:
        value = next(row.value or "" for row in rows if flag_state((row,)) is FlagState.OTHER)
        yield Need(
            kind="flag_overwritten",
            number=case.patron,
            case=case.id,
            sentence=f"{in_words(policy.flag)} now reads “{value.strip()[:LONGEST_VALUE]}”. The case goes on and {due} "
            f"is still reported. Write “{policy.flag.yes}” back, or take the patron back with gentle-nudge release.",
        )
    if facts.balance <= policy.clear_at_or_below and not policy.clear_paid:
        yield Need(
            kind="paid_not_released",
            number=case.patron,
            case=case.id,
            sentence=f"Owes {due} and stays in collections, because clear_paid is false. Take the flag off, or take "
            "the patron back with gentle-nudge release.",
        )


def in_words(flag: Flag) -> str:
    """The field as Koha's screens name it."""
    return {"sort1": "Sort 1", "sort2": "Sort 2"}.get(flag.column, f"The attribute {flag.code}")


def still_blocked(decision: Decision, policy: Policy) -> Need:
    """A restriction of ours stays although the patron has paid."""
    why = "staff had rewritten the restriction, so we left it"
    if not policy.remove_restriction:
        why = "the settings leave restrictions in place (remove_restriction is false)"
    ending = decision if isinstance(decision, Ending) else None
    ended = "the case is ended" if ending and ending.state is CaseState.PAID else "is released"
    return Need(
        kind="still_blocked",
        number=heir_of(decision) or decision.number,
        case=ending.case.id if ending else None,
        sentence=f"Has paid and {ended}, but is still blocked: {why}. Lift it by hand if that is right.",
    )


def withdrawn_rest(ending: Ending) -> Need:
    """Staff ended a case, and something is still owing."""
    told = f"was told {for_people(ending.row.due)} and stops" if ending.row else "is told nothing of it"
    return Need(
        kind="withdrawn_rest",
        number=ending.number,
        case=ending.case.id,
        sentence=f"Staff took the flag off. {for_people(ending.balance)} stays on the account; the agency {told}. "
        "Waive it, or leave it as it is.",
    )
