"""The demo, told to the reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from shlex import quote
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from gentle_nudge.demo.founding import LIBRARY
from gentle_nudge.demo.people import FIRST_CARD
from gentle_nudge.demo.roles import Role
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.plan import Adoption, Decision, Ending, Referral
from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.views import changes, name

if TYPE_CHECKING:
    from rich.console import Console

    from gentle_nudge.demo.play import Story, StoryStep
    from gentle_nudge.domain.collections.policy import Policy


A_WEEK = timedelta(days=7)


def tell(console: Console, story: Story, environ: Mapping[str, str], *, program: str) -> None:
    """The whole story is on the console; `program` is how the reader calls it."""
    teller = Teller(console=console, story=story)
    teller.library()
    teller.rules()
    teller.before()
    teller.referred()
    teller.left_out()
    teller.cases()
    teller.files()
    teller.play_on(environ, program)


@dataclass(frozen=True, kw_only=True, slots=True)
class Teller:
    """Tells a story, a chapter for each question a librarian asks."""

    console: Console
    story: Story

    def library(self) -> None:
        """Where we are."""
        owing, balance = self.story.founded
        folder = self.story.folder
        if self.story.was_there:
            self._say(f"The demo that was in {folder.path} has been replaced.")
        self._head(f"{LIBRARY}, an invented library")
        self._say(
            f"It has {len(self.story.samples)} patrons; {owing} of them owe {format_amount(balance)} in all. "
            "Its database, "
            f"its configuration and all that follows are in the folder {folder.path}; nothing else was read, changed "
            "or sent."
        )

    def rules(self) -> None:
        """By which rules it refers and releases."""
        self._head(f"Its rules ({self.story.folder.config.name})")
        self._list(_rules(self.story.section.policy, self.story.tonight))

    def before(self) -> None:
        """What happened on the two Sundays before, and between the Sundays."""
        first, second, _ = self.story.chapters
        self._head("The two weeks before")
        self._list([_evening(first), self._week(IN_THE_FIRST_WEEK), _evening(second), self._week(IN_THE_SECOND_WEEK)])

    def _week(self, parts: Mapping[Role, str]) -> str:
        counted = "; ".join(f"{len(self.story.those_who(role))} {what}" for role, what in parts.items())
        return f"In the week after: {counted}."

    def referred(self) -> None:
        """Who was referred on the Sunday shown, and for what."""
        plan = self.story.tonight.plan
        rows = plan.submission()
        balances, fees = sum((row.balance for row in rows), ZERO), sum((row.fee for row in rows), ZERO)
        self._head(f"The night of {plan.day:%A}, {plan.day}: {len(rows)} patrons are referred")
        table = _table("card", "name", "in window", "balance", "with fee", right=3)
        for row in rows:
            who, account = row.patron, row.account
            amounts = map(format_amount, (account.owed, account.balance, row.total))
            table.add_row(*map(Text, (who.card or "", name(who.surname, who.firstname), *amounts)))
        self.console.print(table)
        self._say(
            f"They owe {format_amount(balances)}, with the fees {format_amount(balances + fees)}. "
            "Each now has the flag, the fee, "
            "the restriction, and a case that remembers which charges it was for."
        )

    def left_out(self) -> None:
        """How many were not, and by which rule."""
        plan = self.story.tonight.plan
        too_little = plan.left_out.get(Reason.BELOW_THRESHOLD, 0) + plan.owing_less
        counts = {**plan.left_out, Reason.BELOW_THRESHOLD: too_little}
        self._head("Who owes something in the window and is left out, by the first rule that applies")
        table = _table("patrons", "because")
        for reason in Reason:
            if counts.get(reason):
                table.add_row(Text(str(counts[reason]), justify="right"), Text(reason))
        self.console.print(table)

    def cases(self) -> None:
        """What became of those who were in collections already."""
        plan = self.story.tonight.plan
        self._head("Who was in collections already")
        self._list([*self._changes(), f"The other {len(plan.kept)} cases go on; the agency is told each balance."])

    def _changes(self) -> Iterator[str]:
        plan = self.story.tonight.plan
        decided = changes(plan)
        for word, (heading, sentence) in CHANGES.items():
            if decisions := decided[word]:
                yield f"{heading} ({len(decisions)}): {'; '.join(map(_who, decisions))}. {sentence}"
        for number in self.story.those_who(Role.PAYS_WITH_EDITED_RESTRICTION):
            yield f"{self._name(number)} keeps the restriction: staff had rewritten it, so it is not ours any more."
        for number in self.story.those_who(Role.FLAG_OVERWRITTEN):
            yield f"{self._name(number)} has something else in the flag field: the case goes on, and staff should look."

    def _name(self, number: int) -> str:
        sample = self.story.samples[number]
        return name(sample.name.surname, sample.name.firstname)

    def files(self) -> None:
        """Which files and messages there are."""
        tonight, folder = self.story.tonight, self.story.folder
        mails = [sum(d.address.tells_agency for d in chapter.delivered) for chapter in self.story.chapters]
        recipients = " and ".join(self.story.section.policy.recipients())
        self._head("Files and messages")
        for delivery in tonight.delivered:
            if delivery.address.is_archive:
                rows = tonight.plan.submission() if delivery.kind is ReportKind.SUBMISSION else tonight.plan.update()
                self._line(f"{folder.archive / delivery.file_name}  ({len(rows)} patrons)")
        self._line(f"{folder.mail / 'new'}  ({mails[-1]} messages of tonight, {sum(mails[:-1])} of earlier Sundays)")
        self._say(f"The messages are for {recipients}: the demo puts them into a folder instead of sending them.")

    def play_on(self, environ: Mapping[str, str], program: str) -> None:
        """What to try next."""
        endings = self.story.tonight.plan.of(Ending)
        released = next(ending.case for ending in endings if ending.state is CaseState.RELEASED)
        (minor,) = self.story.those_who(Role.TURNS_EIGHTEEN)
        sunday, following = self.story.tonight.day, self.story.tonight.day + A_WEEK
        call = f"{quote(program)} --config {quote(str(self.story.folder.config))}"
        self._head("Play on")
        for arguments, purpose in (
            ("history", "every run, with counts and sums"),
            (f"history {released.card}", f"all that happened to {name(released.surname, released.firstname)}"),
            (f"explain {FIRST_CARD + minor} --day {sunday}", f"why {self._name(minor)} was not referred"),
            (f"nightly --dry-run --day {following}", "the Sunday after, without writing anything"),
            ("sync", "a report of every open case, now"),
            ("deliver", "try what could not be sent (here: nothing)"),
        ):
            self._line(f"{call} {arguments}")
            self.console.print(Text(f"    {purpose}", style="dim"))
        self._say(f"Change a rule in {self.story.folder.config} and look at the Sunday after once more.")
        if environ.get("KOHA_CONF"):
            self._say("KOHA_CONF is set here and leads to a real library: put env -u KOHA_CONF before each command.")

    def _head(self, text: str) -> None:
        self.console.print()
        self.console.print(Text(text, style="bold"))

    def _say(self, text: str) -> None:
        self.console.print(Text(text))

    def _list(self, texts: Iterable[str]) -> None:
        table = Table.grid(padding=(0, 1))
        for text in texts:
            table.add_row("-", Text(text))
        self.console.print(table)

    def _line(self, text: str) -> None:
        """A line to be copied: never wrapped."""
        self.console.print(Text(f"  {text}"), soft_wrap=True)


PAID, FLAG_OFF = "paid in full", "had the flag taken off by staff"


IN_THE_FIRST_WEEK = {
    Role.PAYS_IN_THE_FIRST_WEEK: PAID,
    Role.PAYS_A_PART: "paid a part",
    Role.FLAG_OFF_IN_THE_FIRST_WEEK: FLAG_OFF,
}


IN_THE_SECOND_WEEK = {
    Role.PAYS: PAID,
    Role.PAYS_NEARLY: "paid all but a little",
    Role.PAYS_WITH_EDITED_RESTRICTION: "paid in full, after staff had rewritten the restriction",
    Role.PAYS_AND_FLAG_OFF: "paid in full and had the flag taken off by staff",
    Role.FLAG_OFF: FLAG_OFF,
    Role.FLAG_OVERWRITTEN: "had something else written into the flag field by staff",
    Role.FLAGGED_BY_HAND: "were flagged by staff, by hand",
    Role.TWO_CARDS: "had a second card, into which the first was merged",
    Role.TWO_CASES: "had two cards, both in collections, which were merged",
    Role.LEAVES: "was deleted from Koha",
}


CHANGES = {
    "released": ("Released", "They owe nothing any more: the flag says no, our restriction is gone."),
    "paid": ("Ended by staff, paid", "The flag is off and nothing is owing."),
    "withdrawn": (
        "Withdrawn by staff",
        "They still owe something: the agency is told a last 0.00, and charges made until then are not referred again.",
    ),
    "followed": ("Merged cards", "The case goes on with the patron who has the charges now."),
    "merged": ("Merged cards, both with a case", "One case goes on, this one ends with a last 0.00."),
    "deleted": ("Gone from Koha", "The case ends with a last 0.00."),
    "adopted": (
        "Adopted, flagged by hand",
        "From now on they are reported like all others; who owes nothing is released at once.",
    ),
}


def _rules(policy: Policy, tonight: StoryStep) -> Iterator[str]:
    window = policy.window(tonight.day)
    days = f"{policy.count_fees_older_than} to {policy.count_fees_newer_than} days old"
    yield (
        f"Every {policy.submit_on.name.capitalize()} those patrons are referred who owe "
        f"{format_amount(policy.threshold)} or "
        f"more for charges that are {days} ({window.first} to {window.last}), owe no less in all, and lost something."
    )
    yield (
        f"Not referred: minors, patrons without a date of birth, the category {', '.join(policy.excluded_categories)}, "
        f"institutions, and whoever has an entry in {policy.exemption}. Rental fees do not count."
    )
    yield (
        f"Whoever is referred gets a yes in {policy.flag}, "
        f"a processing fee of {format_amount(policy.processing_fee)}, and a "
        "restriction: no borrowing."
    )
    yield "Whoever has paid everything is released the next night: no in the flag field, and no restriction of ours."


def _evening(chapter: StoryStep) -> str:
    plan = chapter.plan
    decided, adopted = changes(plan), plan.of(Adoption)
    at_once = sum(adoption.released for adoption in adopted)
    parts = [f"{len(decided[word])} {word}" for word in ("referred", "released", "withdrawn") if decided[word]]
    if adopted:
        parts.append(
            f"{len(adopted)} adopted, because they were flagged before there were cases "
            f"({at_once} of them, who owed nothing, was released at once)"
        )
    return f"{plan.day:%A}, {plan.day}: {', '.join(parts)}."


def _who(decision: Decision) -> str:
    person = decision.patron if isinstance(decision, Referral | Adoption) else decision.case
    return name(person.surname, person.firstname)


def _table(*headers: str, right: int = 0) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, header in enumerate(headers):
        table.add_column(header, justify="right" if place >= len(headers) - right else "left", overflow="fold")
    return table
