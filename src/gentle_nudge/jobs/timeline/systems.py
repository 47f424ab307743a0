"""What the other systems say on a road: whether its section would refer it, and which reminder would go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial

from sqlalchemy import Connection

from gentle_nudge.domain.circulation.account import RoadLine
from gentle_nudge.domain.circulation.loan import (
    RemindersOfRoad,
    ReminderVerdict,
    SoFar,
    SubmissionRules,
    SubmissionVerdict,
    Why,
)
from gentle_nudge.domain.circulation.notices import transports_of_letter
from gentle_nudge.domain.circulation.snapshot import Snapshot
from gentle_nudge.domain.collections.policy import Policy, Section
from gentle_nudge.domain.collections.referral import RULES, Candidate, PatronRecords, Reason
from gentle_nudge.domain.ledger import LOST, Account, Line, OwedLine
from gentle_nudge.domain.money import ZERO, format_amount, round_to_cent
from gentle_nudge.domain.patron import Patron, SentNotice
from gentle_nudge.domain.reminders.debt import debt_of
from gentle_nudge.domain.reminders.levels import BILL, Remind
from gentle_nudge.domain.reminders.series import Debtor, Message, Reminder, Series, judge
from gentle_nudge.errors import SettingsError
from gentle_nudge.jobs.library import Library
from gentle_nudge.koha.read.administration import branches_of_groups
from gentle_nudge.koha.read.borrowers import category_types

# The rules of a submission that ask nothing about a person.
ASKED = (
    Reason.CATEGORY,
    Reason.NO_LOST_CHARGE,
    Reason.NO_NOTICE,
    Reason.BELOW_THRESHOLD,
    Reason.BALANCE_BELOW_THRESHOLD,
)
NOBODY = 0  # the patron of a road has no number


@dataclass(frozen=True, kw_only=True, slots=True)
class Borrower:
    """Whose loan it is, as far as rules of ours ask, and the library of the item."""

    patron: Patron
    item_library: str


@dataclass(frozen=True, kw_only=True)
class OtherSystems:
    """The sections of the settings; `lacking` says why there is none, or why none refers."""

    sections: tuple[Section, ...] = ()
    lacking: str = ""
    reminds: Mapping[str, Remind] = field(default_factory=dict)
    category_types: Mapping[str, str] = field(default_factory=dict)
    snapshot: Snapshot = field(default_factory=Snapshot)

    def borrower(self, category: str, patron_library: str, item_library: str) -> Borrower:
        """Somebody of this category, with a loan of an item of that library."""
        kind = self.category_types.get(category.casefold(), "")
        patron = Patron(number=NOBODY, branch=patron_library, category=category, category_type=kind)
        return Borrower(patron=patron, item_library=item_library)

    def submissions(self, borrower: Borrower) -> SubmissionRules:
        """How the section that speaks for the charge refers; Koha's night writes no library on charges before 26.05."""
        section = self.section_of(borrower)
        if self.lacking or section is None:
            return SubmissionRules(none_because=self.lacking or "no section of the settings speaks for this library")
        policy = section.policy
        if not section.enabled:
            return SubmissionRules(none_because=f"submissions of section {section.name} are off")
        return SubmissionRules(
            section=section.name,
            judge=partial(judge_submission, section, borrower),
            submit_on=policy.submit_on,
            threshold=policy.threshold,
            count_fees_newer_than=max(policy.count_fees_newer_than, policy.count_fees_older_than),
            count_fees_older_than=min(policy.count_fees_newer_than, policy.count_fees_older_than),
        )

    def reminders(self, borrower: Borrower) -> RemindersOfRoad | None:
        """Which reminder of the section goes out; None if it has none."""
        section = self.section_of(borrower)
        remind = self.reminds.get(section.name) if section else None
        if section is None or remind is None or not remind.enabled:
            return None
        return partial(judge_reminder, remind, borrower, self.snapshot)

    def section_of(self, borrower: Borrower) -> Section | None:
        """The section that speaks for a charge of the borrower's."""
        item, patron = borrower.item_library, borrower.patron.branch
        libraries = ((each, item if each.charges_by == "item" else patron) for each in self.sections)
        return next((each for each, library in libraries if each.scope.holds(library)), None)


def other_systems(conn: Connection, library: Library, snapshot: Snapshot) -> OtherSystems:
    """The sections with their rules; our tables are not asked."""
    settings = library.settings
    try:
        sections = settings.with_groups(branches_of_groups(conn, settings.groups), whole=False)
    except SettingsError as trouble:
        return OtherSystems(lacking=trouble.problems[0])
    return OtherSystems(
        sections=sections,
        lacking="[policy] lacks a key that it needs: gentle-nudge check names it" if settings.lacks else "",
        reminds={draft.keys.name: draft.remind for draft in settings.drafts if draft.remind},
        category_types=category_types(conn),
        snapshot=snapshot,
    )


def judge_submission(section: Section, borrower: Borrower, so_far: SoFar) -> SubmissionVerdict:
    """Whether the section would refer the patron of this road, with nothing known but the road."""
    policy = section.policy
    account = _account(policy, so_far)
    letters = {code.casefold() for code in policy.prior_notice}
    notices = tuple(
        SentNotice(message=0, patron=NOBODY, letter=sent.letter, sent_on=sent.day)
        for sent in so_far.sent
        if sent.letter and sent.letter.casefold() in letters
    )
    candidate = Candidate(patron=borrower.patron, account=account, records=PatronRecords(notices=notices))
    kept_by = next((reason for reason in ASKED if RULES[reason](candidate, section, so_far.day)), None)
    in_words = f"the patron {kept_by}" if kept_by is Reason.BELOW_THRESHOLD else kept_by and str(kept_by)
    ages = sorted((policy.count_fees_newer_than, policy.count_fees_older_than))
    return SubmissionVerdict(
        owed=account.owed,
        fee=policy.processing_fee,
        fee_type=policy.fee_debit_type,
        reason=in_words,
        why=(
            _setting("threshold", format_amount(policy.threshold)),
            _setting("count_fees_older_than", str(ages[0])),
            _setting("count_fees_newer_than", str(ages[1])),
        ),
    )


def _account(policy: Policy, so_far: SoFar) -> Account:
    counted = {line.number: _counts(line, policy, so_far.day) for line in so_far.lines}
    lines = tuple(
        Line(id=each.number, day=each.day, type=each.type, outstanding=each.outstanding, counted=counted[each.number])
        for each in so_far.lines
    )
    balance = round_to_cent(so_far.balance)
    return Account(
        owed=round_to_cent(sum((line.outstanding for line in lines if line.counted), Decimal(0))),
        balance=balance,
        whole_balance=balance,
        lost_charge=any(line.type == LOST and line.outstanding > 0 for line in lines),
        lines=lines,
    )


def _counts(line: RoadLine, policy: Policy, day: date) -> bool:
    """Whether a line is a counted one; types are asked of debits alone, and a credit is of no type that counts."""
    window, first = policy.window(day), policy.ignore_fees_before
    if not window.first <= line.day <= window.last or (first and line.day < first):
        return False
    type_ = line.type.casefold() if line.outstanding > 0 else ""
    only, never = ({code.casefold() for code in of} for of in (policy.debit_types, policy.excluded_debit_types))
    is_out_by_type = type_ in never or (only and type_ not in only)
    return not is_out_by_type and (policy.count_processing_fees or not line.is_our_fee)


def judge_reminder(remind: Remind, borrower: Borrower, snapshot: Snapshot, so_far: SoFar) -> ReminderVerdict:
    """The reminder of the night to the patron of this road; one without a letter goes out to nobody."""
    sent = {each.level or 0: each.day for each in so_far.sent if each.kind == "reminder"}
    lines = (_owed(line, remind) for line in so_far.lines)
    debtor = Debtor(
        number=NOBODY,
        patron=borrower.patron,
        debt=debt_of(lines, remind, so_far.day),
        series=_series(sent) if sent else None,
    )
    verdict = judge(debtor, remind, so_far.day)
    if verdict.reason or verdict.level is None:
        is_later = verdict.due_on is not None and verdict.due_on > so_far.day
        return ReminderVerdict(ask_on=verdict.due_on if is_later else None)
    step = remind.steps[verdict.level]
    there = transports_of_letter(snapshot, step.letter, borrower.patron.branch)
    transports = [transport for transport in step.transports or () if transport in there]
    if not transports:
        return ReminderVerdict()
    name = "remind.bill" if verdict.level == BILL else f"remind.level[{verdict.level}]"
    return ReminderVerdict(
        level=verdict.level,
        letter=step.letter,
        transports=(transports[0],),
        fee=step.fee,
        fee_type=remind.fee_debit_type,
        why=(
            _setting(f"{name}.after_days", str(step.after_days)),
            _setting("remind.minimum", format_amount(remind.minimum)),
        ),
    )


def _owed(line: RoadLine, remind: Remind) -> OwedLine:
    excluded = {code.casefold() for code in remind.excluded_debit_types}
    grows = line.type == "OVERDUE" and line.status == "UNRETURNED"
    return OwedLine(
        id=line.number,
        day=line.day,
        type=line.type,
        outstanding=line.outstanding,
        is_fee=line.is_our_fee,
        out=grows or line.type.casefold() in excluded,
    )


def _series(days: Mapping[int, date]) -> Series:
    """The series of the reminders sent so far: level -> day."""
    since, message = min(days.values()), Message(message=0, addressee=NOBODY, transport="", language="", state="sent")
    sent = Reminder(
        level=0, day=since, letter="", branch="", charges=ZERO, fee=ZERO, fee_line=None, total=ZERO, messages=(message,)
    )
    reminders = tuple(replace(sent, level=level, day=day) for level, day in sorted(days.items()))
    return Series(id=0, section="", patron=NOBODY, since=since, opened_on=since, reminders=reminders)


def _setting(name: str, value: str) -> Why:
    return Why(source="setting", name=name, value=value)
