"""Why a patron is, or is not, referred: facts, lines, sums, the verdict of every rule, cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from gentle_nudge.domain.case import Case
from gentle_nudge.domain.collections.explanation import Explanation
from gentle_nudge.domain.collections.list_days import next_submission_day
from gentle_nudge.domain.collections.referral import Reason, deferred_until
from gentle_nudge.domain.collections.review import ListRow, Place
from gentle_nudge.domain.ledger import JudgedLine, Line
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.patron import OLDEST, FlagRow, known_birth
from gentle_nudge.views.hold_view import HOLDS, ListedHold, on_list, until_when
from gentle_nudge.views.plain import Column, Note, Part, View, column, figures, notes, table, unseen

LINES: tuple[Column[JudgedLine], ...] = (
    column("line", lambda line: line.id, "number"),
    *unseen(at="at"),
    column("date", lambda line: f"{line.at:%Y-%m-%d %H:%M}" if line.at else "none", "day", key=None),
    column("type", lambda line: line.type),
    column("counts", lambda line: f"no: {'; '.join(line.why_not)}" if line.why_not else "yes", key=None),
    column("outstanding", lambda line: line.outstanding, "money"),
    *unseen(why_not="why_not"),
)

VERDICTS: tuple[Column[tuple[Reason, bool]], ...] = (
    column("verdict", lambda verdict: "keeps out" if verdict[1] else "-", "word"),
    column("rule", lambda verdict: verdict[0]),
    column("code", lambda verdict: verdict[0].name, "word"),
)

RECORDED: tuple[Column[Line], ...] = (
    column("line", lambda line: line.id, "number"),
    column("date", lambda line: line.day or "none", "day", key=None),
    *unseen(day="day"),
    column("type", lambda line: line.type),
    column("outstanding", lambda line: line.outstanding, "money"),
    column("counts", lambda line: "yes" if line.counted else "no", key=None),
    *unseen(counted="counted"),
)

HOLDS_OF_PATRON = [replace(column, title=None) for column in HOLDS if column.key != "note"]
CASES = unseen(case="id", state="state", referred_on="referred_on", why="why")


def explanation_view(explanation: Explanation) -> View:
    """The patron as one section sees them; in JSON without a name or an address.

    Who is in collections already is judged for people as if there were no case, and for programs as they are.
    """
    patron, account = explanation.candidate.patron, explanation.candidate.account
    section, reason, judged = explanation.section, explanation.reason, explanation.without_case
    sums = {"owed in window": account.owed, "balance": account.balance, "whole balance": account.whole_balance}
    amounts = {**sums, "threshold": section.policy.threshold}
    return View(
        parts=[
            *_in_collections(explanation),
            *notes(f"Patron number {patron.number}, section {section.name}, {explanation.day:%A} {explanation.day}"),
            *figures(section=section.name, day=explanation.day, number=patron.number, card=patron.card),
            *figures(reason=reason.name if reason else None if account.can_be_kept else "SUMS_TOO_LARGE"),
            *figures(reopens_case=explanation.reopening.case.id if explanation.reopening else None),
            *figures(verdicts={rule.name: keeps_out for rule, keeps_out in explanation.verdicts.items()}),
            *figures(
                notices=[
                    {"letter": each.letter, "sent_on": each.sent_on} for each in explanation.candidate.records.notices
                ]
            ),
            *figures(list=_list(explanation.place)),
            *figures(**{what.replace(" ", "_"): amount for what, amount in sums.items()}),
            *notes(*_facts(explanation), level=1),
            table(LINES, explanation.lines, "lines", level=1),
            *notes(", ".join(f"{what} {format_amount(amount)}" for what, amount in amounts.items()), level=1),
            table(VERDICTS, judged.verdicts.items(), level=1),
            *notes(_verdict(judged), level=1),
            table(CASES, explanation.cases, "cases"),
            table(HOLDS_OF_PATRON, _listed(explanation), "holds"),
            *notes(*(_case(case) for case in explanation.cases if case is not explanation.open_case), level=1),
        ]
    )


def _in_collections(explanation: Explanation) -> Iterator[Part]:
    """Since when the patron is in collections, and what the lines owed then."""
    case = explanation.open_case
    if case is None:
        yield from figures(in_collections=None)
        return
    verdicts = None if case.adopted else {reason.name: False for reason in Reason}  # who is referred, no rule keeps out
    recorded = table(RECORDED, explanation.recorded, level=1)
    facts: dict[str, object] = {"case": case.id, "since": case.referred_on, "adopted": case.adopted}
    facts |= {"owed_in_window": case.owed, "balance": case.balance, "fee": case.fee, "paused_on": case.paused_on}
    yield from figures(in_collections={**facts, "verdicts": verdicts, "lines": recorded})
    judged = "flagged before this program knew of it; what was judged then is not known"
    if not case.adopted:
        owed, balance, fee = (format_amount(amount or ZERO) for amount in (case.owed, case.balance, case.fee))
        judged = f"owed {owed} in the window and {balance} in all, fee {fee}; no rule kept the patron out that day"
    link, paused = ", " if case.adopted else ": ", f", paused since {case.paused_on}" if case.paused_on else ""
    yield Note(text=f"In collections since {_since(case)} (case {case.id}){link}{judged}{paused}.")
    yield recorded
    yield from notes(case.why or "", level=1) if case.why else ()
    yield Note(text=f"Without the case, {'today' if explanation.day == explanation.today else explanation.day}:")


def _facts(explanation: Explanation) -> Iterator[str]:
    patron, policy, window = explanation.candidate.patron, explanation.section.policy, explanation.window
    category = f"category {patron.category} ({patron.category_type})"
    born = str(patron.born or "unknown")
    if patron.born and not known_birth(patron.born, explanation.day):
        born += f" (more than {OLDEST} years ago, so unknown)"
    yield f"branch {patron.branch}, {category}, born {born}"
    yield f"flag {policy.flag}: {_values(patron.flag)}"
    if policy.exemption:
        yield f"exemption {policy.exemption}: {_values(patron.exemption)}"
    for hold in explanation.holds:
        by = f"by {hold.who}" if hold.who else f"in {policy.hold}"
        since = f", since {hold.since:%Y-%m-%d}" if hold.since else ""
        yield f"on hold {until_when(hold)}: {hold.reason}, {by}{since}"
    if explanation.place and explanation.place.row:
        yield on_list(explanation.place.for_day, explanation.place.row)
    yield from _staff_rules(explanation)
    yield f"window {window.first} to {window.last}, both days included"


def _list(place: Place | None) -> dict[str, object] | None:
    """What a list says of the patron; None if no list does."""
    if place is None or place.row is None:
        return None
    row = place.row
    return {"for_day": place.for_day, "outcome": row.outcome, "why": row.why, "who": row.who, "at": row.at}


def _listed(explanation: Explanation) -> list[ListedHold]:
    patron, balance = explanation.candidate.patron, explanation.candidate.account.whole_balance
    case = explanation.open_case
    return [ListedHold(hold=hold, card=patron.card, case=case, balance=balance) for hold in explanation.holds]


def _staff_rules(explanation: Explanation) -> Iterator[str]:
    """The facts of the rules that only some libraries have."""
    candidate, policy = explanation.candidate, explanation.section.policy
    if policy.prior_notice:
        notices = [f"{notice.letter} {notice.sent_on}" for notice in candidate.records.notices]
        oldest, latest = candidate.account.oldest_charge, explanation.day - timedelta(days=policy.prior_notice_days)
        needed = f"one from {oldest} to {latest} is needed" if oldest else "no charge counts"
        yield f"letters sent ({' or '.join(policy.prior_notice)}): {', '.join(notices) or 'none known'}; {needed}"
    if policy.defer_after_payment:
        paid, until = candidate.account.last_payment, deferred_until(candidate.account, policy)
        yield f"last payment {paid}, may be referred from {until} on" if paid else "last payment: none"
    if policy.unreachable == "exclude":
        yield f"can be reached: {'no, ' + candidate.patron.lacks if candidate.patron.lacks else 'yes'}"


def _verdict(explanation: Explanation) -> str:
    if explanation.reopening:
        case = explanation.reopening.case
        return f"Case {case.id} would be reopened, without a second fee: its charges owe again."
    if explanation.reason:
        reason = explanation.reason
        return f"Not referred: {reason}{_about_the_list(explanation)} ({reason.name})."
    if not explanation.candidate.account.can_be_kept:
        return "Not referred: passed over, because the sums are too large to be kept."
    return "Would be referred."


def _about_the_list(explanation: Explanation) -> str:
    """What the list says, if it is the reason."""
    place = explanation.candidate.records.place
    match explanation.reason, place:
        case Reason.LEFT_OUT, Place(row=ListRow(why=why, who=who, at=at)):
            when = f" on {at.astimezone(explanation.zone).date()}" if at else ""
            return f" for {place.for_day} ({who}{when}: {why})"
        case Reason.NOT_ON_THE_LIST, Place():
            return f": {next_submission_day(explanation.section.policy, explanation.day)}"
        case _:
            return ""


def _values(rows: tuple[FlagRow, ...]) -> str:
    return ", ".join("nothing" if row.value is None else repr(row.value) for row in rows) or "nothing"


def _since(case: Case) -> date | str:
    return case.referred_on or "an unknown day"


def _case(case: Case) -> str:
    ended = f" on {case.closed_on}: {case.why}" if case.closed_on else ""
    return f"case {case.id}: referred on {_since(case)}, {case.state}{ended}"
