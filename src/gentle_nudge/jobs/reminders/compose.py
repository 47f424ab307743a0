"""Letters composed: which row of Koha's notices, to whom, with which text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy import Connection

from gentle_nudge.domain.ledger import OwedLine
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.reminders.addressee import (
    Addressee,
    Correspondence,
    Envelope,
    addressee,
    envelopes,
    is_minor,
)
from gentle_nudge.domain.reminders.letter import DEFAULT, BadLetter, LetterRow, bad_letters, chosen
from gentle_nudge.domain.reminders.levels import Level
from gentle_nudge.domain.reminders.plan import PlannedLetter, SectionPlan
from gentle_nudge.domain.reminders.series import Debtor, Reason, Verdict, failed_emails
from gentle_nudge.jobs.reminders.reminded_sections import Reminding
from gentle_nudge.koha.read import account_offsets, borrowers, letters

NO_ROW = "Koha has no notice of this code by a transport that reaches the patron"
COLUMNS = (
    *("cardnumber", "title", "surname", "firstname", "address", "address2", "city", "state", "zipcode", "country"),
    *("email", "emailpro", "B_email", "lang", "gonenoaddress"),
)


@dataclass(frozen=True, kw_only=True)
class Stationery:
    """What letters of a section are made of: the rows of its notices, and what Koha says of all letters."""

    reminding: Reminding
    moment: Moment
    correspondence: Correspondence
    rows: Mapping[str, tuple[LetterRow, ...]]

    def rows_of(self, step: Level) -> tuple[LetterRow, ...]:
        """The rows that this level could choose in this section."""
        return tuple(
            row
            for row in self.rows.get(step.letter.casefold(), ())
            if row.transport in (step.transports or ())
            if self.correspondence.translates or row.language == DEFAULT
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
    rows = letters.letter_rows(conn, reminding.remind.letters)
    return Stationery(reminding=reminding, moment=moment, correspondence=letters.correspondence(conn), rows=rows)


@dataclass(frozen=True, kw_only=True)
class Readers:
    """The patrons of letters and their guarantors by number, and the titles of their charges by line."""

    people: Mapping[int, Addressee]
    guarantors: Mapping[int, tuple[int, ...]]
    titles: Mapping[int, str]


def compose(conn: Connection, paper: Stationery, due: Sequence[Verdict]) -> SectionPlan:
    """The letter of the level in each verdict, whether or not it is due.

    `kept` are those for whom none can be made, `errors` the bad or missing letters behind that.
    """
    made: list[PlannedLetter] = []
    held: dict[int, Reason] = {}
    errors: Counter[BadLetter] = Counter()
    readers = _readers(conn, paper, due)
    for verdict in due:
        debtor, step = verdict.debtor, paper.reminding.remind.steps[verdict.level or 0]
        bad = paper.bad[verdict.level or 0]
        found = Reason.BAD_LETTER if bad else _envelopes(paper, readers, debtor, step)
        if not isinstance(found, Reason):
            made.append(_letter(paper, readers, verdict, step, to=found))
            continue
        held[debtor.number] = found
        if found is Reason.NO_LETTER:
            bad = (BadLetter(letter=step.letter, branch=paper.branch_of(debtor), problem=NO_ROW),)
        errors.update(bad)
    counted, section = (replace(bad, patrons=patrons) for bad, patrons in errors.items()), paper.reminding.section.name
    return SectionPlan(section=section, day=paper.moment.day, letters=tuple(made), kept=held, errors=tuple(counted))


def reprinted(conn: Connection, paper: Stationery, judged: Sequence[Verdict]) -> Iterator[PlannedLetter]:
    """The failed e-mails as print, of those addressees whom print reaches, if there is a letter.

    The fee is charged already.
    """
    remind = paper.reminding.remind
    failing = [verdict for verdict in judged if failed_emails(verdict.debtor, remind)]
    readers = _readers(conn, paper, failing)
    for verdict in failing:
        debtor, last = verdict.debtor, verdict.debtor.last
        if last is None or paper.bad[last.level]:
            continue
        step = replace(remind.steps[last.level], transports=("print",), block=False)
        own = next((line for line in debtor.debt.fees if line.id == last.fee_line), None)
        debt = replace(debtor.debt, fees=tuple(line for line in debtor.debt.fees if line is not own))
        again = replace(verdict, level=last.level, debtor=replace(debtor, debt=debt))
        for message in failed_emails(debtor, remind):
            reader = readers.people.get(message.addressee)
            row = chosen(paper.rows_of(step), last.branch, "print", reader.language) if reader else None
            if reader and row and reader.has_post:
                envelope = Envelope(addressee=reader, row=row, names_titles=reader.number == debtor.number)
                letter = _letter(paper, readers, again, step, to=(envelope,))
                next_on = remind.next_on(last.level, last.day)
                yield replace(letter, branch=last.branch, next_on=next_on, fee=own, replaces=message)


def _envelopes(paper: Stationery, readers: Readers, debtor: Debtor, step: Level) -> tuple[Envelope, ...] | Reason:
    adult_age, patron = paper.reminding.section.policy.adult_age, debtor.patron
    rows, branch = paper.rows_of(step), paper.branch_of(debtor)
    return envelopes(
        readers.people[debtor.number],
        [readers.people[each] for each in readers.guarantors.get(debtor.number, ())],
        step,
        lambda transport, language: chosen(rows, branch, transport, language),
        minor=patron is not None and is_minor(patron, adult_age, paper.moment.day),
        copies=paper.correspondence.copies_to_guarantors,
    )


def _letter(
    paper: Stationery, readers: Readers, verdict: Verdict, step: Level, *, to: tuple[Envelope, ...]
) -> PlannedLetter:
    """The letter with what is read of its patron."""
    day, remind = paper.moment.day, paper.reminding.remind
    fee = OwedLine(id=0, day=day, type=remind.fee_debit_type, outstanding=step.fee, is_fee=True)
    return PlannedLetter(
        verdict=verdict,
        step=step,
        branch=paper.branch_of(verdict.debtor),
        day=day,
        next_on=remind.next_on(verdict.level or 0, day),
        patron=readers.people[verdict.debtor.number],
        envelopes=to,
        fee=fee if step.fee else None,
        titles=readers.titles,
    )


def _readers(conn: Connection, paper: Stationery, about: Sequence[Verdict]) -> Readers:
    """Whoever may read letters to these patrons."""
    numbers = {verdict.debtor.number for verdict in about}
    guarantors = letters.guarantors(conn, numbers)
    everybody = numbers.union(*guarantors.values())
    columns = borrowers.contacts(conn, everybody, COLUMNS)
    people = {number: addressee(number, columns.get(number, {}), paper.correspondence) for number in everybody}
    charges = [line.id for verdict in about for line in verdict.debtor.debt.open]
    return Readers(people=people, guarantors=guarantors, titles=account_offsets.titles(conn, charges))
