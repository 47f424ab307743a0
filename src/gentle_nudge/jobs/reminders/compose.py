"""Letters composed: which row of Koha's notices, to whom, with which text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sqlalchemy import Connection

from gentle_nudge.domain.ledger import OwedLine
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.reminders.addressee import (
    Addressee,
    Columns,
    Correspondence,
    Envelope,
    addressee,
    envelopes,
    is_minor,
)
from gentle_nudge.domain.reminders.content import LetterFacts, text_of
from gentle_nudge.domain.reminders.letter import BadLetter, LetterRow, bad_letters, chosen
from gentle_nudge.domain.reminders.levels import Level
from gentle_nudge.domain.reminders.plan import LetterError, PlannedLetter, Reprint, next_on
from gentle_nudge.domain.reminders.series import Debtor, Message, Reason, Reminder, Verdict
from gentle_nudge.jobs.reminders.reminded_sections import Reminding
from gentle_nudge.koha.read import account_offsets, borrowers, letters
from gentle_nudge.koha.write.queue_letter import QueuedLetter

NO_ROW = "Koha has no notice of this code by a transport that reaches the patron"
COLUMNS = (
    *("cardnumber", "title", "surname", "firstname", "address", "address2", "city", "state", "zipcode", "country"),
    *("email", "emailpro", "B_email", "lang", "gonenoaddress"),
)


@dataclass(frozen=True, kw_only=True)
class Stationery:
    """What letters of a section are made of: the rows of its notices, preferences, branches and the names of types."""

    reminding: Reminding
    moment: Moment
    correspondence: Correspondence
    rows: dict[str, tuple[LetterRow, ...]]
    branches: dict[str, Columns] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def rows_of(self, step: Level) -> tuple[LetterRow, ...]:
        """The rows that this level could choose in this section."""
        languages = {row.language for row in self.rows.get(step.letter.casefold(), ())}
        spoken = languages if self.correspondence.translates else {"default"}
        return tuple(
            row
            for row in self.rows.get(step.letter.casefold(), ())
            if row.transport in (step.transports or ()) and row.language in spoken
            if not row.branch or self.reminding.section.scope.holds(row.branch)
        )

    @cached_property
    def bad(self) -> dict[int, tuple[BadLetter, ...]]:
        """The rows of each level that cannot be used."""
        return {level: bad_letters(self.rows_of(step)) for level, step in self.reminding.remind.steps.items()}

    def branch_of(self, debtor: Debtor) -> str:
        """The branch whose letter is sent: the patron's, if it is the section's, else that of the oldest charge."""
        patron = debtor.patron.branch if debtor.patron else ""
        oldest = next((line.branch for line in debtor.debt.open if line.branch), patron)
        return patron if self.reminding.section.scope.holds(patron) else oldest


def stationery(conn: Connection, reminding: Reminding, moment: Moment) -> Stationery:
    """What the letters of this section are made of."""
    return Stationery(
        reminding=reminding,
        moment=moment,
        correspondence=letters.correspondence(conn),
        rows=letters.letter_rows(conn, reminding.remind.letters),
        branches=letters.branch_columns(conn),
        types=letters.type_names(conn),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Readers:
    """The patron of a letter and the guarantors."""

    patron: Addressee
    guarantors: tuple[Addressee, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Composed:
    """The letters, those who get none though one is due, and the bad or missing letters behind that."""

    letters: tuple[PlannedLetter, ...] = ()
    held: dict[int, Reason] = field(default_factory=dict)
    errors: tuple[LetterError, ...] = ()


def compose(conn: Connection, paper: Stationery, due: Sequence[tuple[Debtor, Verdict]]) -> Composed:
    """The letter of the level in each verdict, whether or not it is due."""
    made: list[PlannedLetter] = []
    held: dict[int, Reason] = {}
    lacking: Counter[tuple[str, str]] = Counter()
    kept_from: Counter[BadLetter] = Counter()
    readers, titles = _readers(conn, paper, due), _titles(conn, due)
    for debtor, verdict in due:
        level, number = verdict.level or 0, debtor.number
        step = paper.reminding.remind.steps[level]
        if bad := paper.bad[level]:
            held[number] = Reason.BAD_LETTER
            kept_from.update(bad)
            continue
        envelopes_or_reason = _envelopes(paper, debtor, step, readers[number])
        if isinstance(envelopes_or_reason, Reason):
            held[number] = envelopes_or_reason
            if envelopes_or_reason is Reason.NO_LETTER:
                lacking[step.letter, paper.branch_of(debtor)] += 1
            continue
        facts = _facts(paper, debtor, verdict, step=step, patron=readers[number].patron, titles=titles)
        made.append(
            PlannedLetter(
                debtor=debtor,
                verdict=verdict,
                step=step,
                branch=paper.branch_of(debtor),
                facts=facts,
                envelopes=envelopes_or_reason,
            )
        )
    return Composed(letters=tuple(made), held=held, errors=(*_bad(kept_from), *_lacking(lacking)))


def reprinted(
    conn: Connection, paper: Stationery, failed: Sequence[tuple[Debtor, Verdict, Message]]
) -> Iterator[Reprint]:
    """The failed e-mails as print, of those addressees whom print reaches, if there is a letter."""
    readers, titles = _readers(conn, paper, [each[:2] for each in failed]), _titles(conn, [each[:2] for each in failed])
    for debtor, verdict, message in failed:
        last = debtor.series.last if debtor.series else None
        if last is None or paper.bad[last.level]:
            continue
        step = replace(paper.reminding.remind.steps[last.level], transports=("print",), notify="patron", fee=ZERO)
        people = readers[debtor.number]
        reader = next((each for each in (people.patron, *people.guarantors) if each.number == message.addressee), None)
        row = chosen(paper.rows_of(step), last.branch, "print", reader.language) if reader else None
        if reader is None or row is None or not reader.has_post:
            continue
        is_patron = reader.number == debtor.number
        envelope = Envelope(addressee=reader, transport="print", row=row, names_titles=is_patron)
        facts = _facts_again(paper, debtor, last, patron=people.patron, titles=titles)
        letter = PlannedLetter(
            debtor=debtor,
            verdict=replace(verdict, level=last.level),
            step=replace(step, block=False),
            branch=last.branch,
            facts=facts,
            envelopes=(envelope,),
        )
        yield Reprint(letter=letter, replaces=message)


def queued(paper: Stationery, letter: PlannedLetter) -> list[QueuedLetter]:
    """The messages of a letter as they go into Koha's queue."""
    messages = []
    for envelope in letter.envelopes:
        subject, content = text_of(letter.facts, envelope, paper.correspondence)
        row = envelope.row
        messages.append(
            QueuedLetter(
                patron=letter.number,
                letter_id=row.id,
                code=row.code,
                transport=envelope.transport,
                subject=subject,
                content=content,
                is_html=row.is_html,
                to_address=envelope.to_address,
            )
        )
    return messages


def _envelopes(paper: Stationery, debtor: Debtor, step: Level, people: Readers) -> tuple[Envelope, ...] | Reason:
    adult_age, patron = paper.reminding.section.policy.adult_age, debtor.patron
    rows, branch = paper.rows_of(step), paper.branch_of(debtor)
    return envelopes(
        people.patron,
        people.guarantors,
        step,
        lambda transport, language: chosen(rows, branch, transport, language),
        minor=patron is not None and is_minor(patron, adult_age, paper.moment.day),
        copies=paper.correspondence.copies_to_guarantors,
    )


def _facts(
    paper: Stationery, debtor: Debtor, verdict: Verdict, *, step: Level, patron: Addressee, titles: dict[int, str]
) -> LetterFacts:
    level, day = verdict.level or 0, paper.moment.day
    branch = paper.branches.get(paper.branch_of(debtor).casefold(), {})
    return LetterFacts(
        patron=patron,
        branch=branch,
        debt=debtor.debt,
        level=level,
        day=day,
        since=verdict.since or (debtor.series.since if debtor.series else None),
        next_on=next_on(paper.reminding.remind, level, day),
        fee=step.fee,
        fee_type=paper.reminding.remind.fee_debit_type,
        types=paper.types,
        titles=titles,
    )


def _facts_again(
    paper: Stationery, debtor: Debtor, last: Reminder, *, patron: Addressee, titles: dict[int, str]
) -> LetterFacts:
    """What a letter says that is printed after its e-mail has failed: its fee is charged already."""

    def is_its_own(line: OwedLine) -> bool:
        return last.fee_line is not None and line.id == last.fee_line

    own = next((line for line in debtor.debt.fees if is_its_own(line)), None)
    others = tuple(line for line in debtor.debt.fees if not is_its_own(line))
    remind = paper.reminding.remind
    return LetterFacts(
        patron=patron,
        branch=paper.branches.get(last.branch.casefold(), {}),
        debt=replace(debtor.debt, fees=others),
        level=last.level,
        day=paper.moment.day,
        since=debtor.debt.since(remind.minimum),
        next_on=next_on(remind, last.level, last.day),
        fee=own.outstanding if own else ZERO,
        fee_type=own.type if own else "",
        types=paper.types,
        titles=titles,
    )


def _readers(conn: Connection, paper: Stationery, about: Sequence[tuple[Debtor, Verdict]]) -> dict[int, Readers]:
    """The patrons as addressees, with their guarantors."""
    numbers = {debtor.number for debtor, _ in about}
    guarantors = letters.guarantors(conn, numbers)
    everybody = numbers.union(*guarantors.values())
    columns = borrowers.contacts(conn, everybody, COLUMNS)
    people = {number: addressee(number, values, paper.correspondence) for number, values in columns.items()}
    return {
        number: Readers(
            patron=people.get(number, Addressee(number=number)),
            guarantors=tuple(people[each] for each in guarantors.get(number, ()) if each in people),
        )
        for number in numbers
    }


def _titles(conn: Connection, about: Sequence[tuple[Debtor, Verdict]]) -> dict[int, str]:
    return account_offsets.titles(conn, [line.id for debtor, _ in about for line in debtor.debt.open])


def _bad(kept_from: Counter[BadLetter]) -> Iterator[LetterError]:
    for bad, patrons in kept_from.items():
        row = bad.row
        place = {"letter": row.code, "branch": row.branch, "transport": row.transport, "language": row.language}
        yield LetterError(**place, problem=bad.problem, patrons=patrons)


def _lacking(lacking: Counter[tuple[str, str]]) -> Iterator[LetterError]:
    for (code, branch), patrons in lacking.items():
        yield LetterError(letter=code, branch=branch, transport=None, language=None, problem=NO_ROW, patrons=patrons)
