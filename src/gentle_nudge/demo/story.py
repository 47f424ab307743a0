"""The demo, told to the reader: a view with a chapter for each question that a librarian asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from shlex import quote

from gentle_nudge.demo.founding import LIBRARY
from gentle_nudge.demo.people import FIRST_CARD
from gentle_nudge.demo.play import Story, StoryStep
from gentle_nudge.demo.roles import Role
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.plan import Adoption, Ending, Referral
from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.views.night_view import LEFT_OUT, changes, person
from gentle_nudge.views.plain import Column, Note, Part, View, column, name, table

A_WEEK = timedelta(days=7)


REFERRED: tuple[Column[Referral], ...] = (
    column("card", lambda row: row.patron.card),
    column("name", lambda row: name(row.patron.surname, row.patron.firstname)),
    column("in window", lambda row: row.account.owed, "money"),
    column("balance", lambda row: row.account.balance, "money"),
    column("with fee", lambda row: row.total, "money"),
)


def story_view(story: Story, environ: Mapping[str, str], *, program: str) -> View:
    """The whole story; `program` is how the reader calls it."""
    replaced = [Note(text=f"The demo that was in {story.folder.path} has been replaced.")] if story.was_there else []
    return View(
        parts=[
            *replaced,
            *_library(story),
            _heading(f"Its rules ({story.folder.config.name})"),
            *map(_item, _rules(story.section.policy, story.tonight)),
            _heading("The two weeks before"),
            *map(_item, _weeks(story)),
            *_referred(story),
            *_left_out(story),
            _heading("Who was in collections already"),
            *map(_item, _changes(story)),
            *_files(story),
            *_play_on(story, environ, program),
        ]
    )


def _heading(text: str) -> Note:
    return Note(text=text, style="heading")


def _item(text: str) -> Note:
    return Note(text=text, style="item")


def _library(story: Story) -> Iterator[Part]:
    owing, balance = story.founded
    yield _heading(f"{LIBRARY}, an invented library")
    yield Note(
        text=f"It has {len(story.samples)} patrons; {owing} of them owe {format_amount(balance)} in all. Its database, "
        f"its configuration and all that follows are in the folder {story.folder.path}; nothing else was read, "
        "changed or sent."
    )


def _weeks(story: Story) -> Iterator[str]:
    """What happened on the two Sundays before, and between the Sundays."""
    for chapter, parts in zip(story.chapters, (IN_THE_FIRST_WEEK, IN_THE_SECOND_WEEK), strict=False):
        yield _evening(chapter)
        counted = "; ".join(f"{len(story.those_who(role))} {what}" for role, what in parts.items())
        yield f"In the week after: {counted}."


def _referred(story: Story) -> Iterator[Part]:
    """Who was referred on the Sunday shown, and for what."""
    plan = story.tonight.plan
    rows = plan.submission()
    balances, fees = sum((row.account.balance for row in rows), ZERO), sum((row.fee for row in rows), ZERO)
    yield _heading(f"The night of {plan.day:%A}, {plan.day}: {len(rows)} patrons are referred")
    yield table(REFERRED, rows)
    yield Note(
        text=f"They owe {format_amount(balances)}, with the fees {format_amount(balances + fees)}. Each now has the "
        "flag, the fee, the restriction, and a case that remembers which charges it was for."
    )


def _left_out(story: Story) -> Iterator[Part]:
    """How many were not, and by which rule."""
    plan = story.tonight.plan
    too_little = plan.left_out.get(Reason.BELOW_THRESHOLD, 0) + plan.owing_less
    counts = {**plan.left_out, Reason.BELOW_THRESHOLD: too_little}
    yield _heading("Who owes something in the window and is left out, by the first rule that applies")
    yield table(LEFT_OUT, [(reason, counts[reason]) for reason in Reason if counts.get(reason)])


def _changes(story: Story) -> Iterator[str]:
    """What became of those who were in collections already."""
    plan = story.tonight.plan
    decided = changes(plan)
    for word, (heading, sentence) in CHANGES.items():
        if decisions := decided[word]:
            yield f"{heading} ({len(decisions)}): {'; '.join(map(person, decisions))}. {sentence}"
    for number in story.those_who(Role.PAYS_WITH_EDITED_RESTRICTION):
        yield f"{_name(story, number)} keeps the restriction: staff had rewritten it, so it is not ours any more."
    for number in story.those_who(Role.FLAG_OVERWRITTEN):
        yield f"{_name(story, number)} has something else in the flag field: the case goes on, and staff should look."
    yield f"The other {len(plan.kept)} cases go on; the agency is told each balance."


def _name(story: Story, number: int) -> str:
    sample = story.samples[number]
    return name(sample.name.surname, sample.name.firstname)


def _files(story: Story) -> Iterator[Part]:
    """Which files and messages there are."""
    tonight, folder = story.tonight, story.folder
    mails = [sum(d.address.tells_agency for d in chapter.delivered) for chapter in story.chapters]
    yield _heading("Files and messages")
    for delivery in tonight.delivered:
        if delivery.address.is_archive:
            rows = tonight.plan.submission() if delivery.kind is ReportKind.SUBMISSION else tonight.plan.update()
            yield _line(f"{folder.archive / delivery.file_name}  ({len(rows)} patrons)")
    yield _line(f"{folder.mail / 'new'}  ({mails[-1]} messages of tonight, {sum(mails[:-1])} of earlier Sundays)")
    recipients = " and ".join(story.section.policy.recipients())
    yield Note(text=f"The messages are for {recipients}: the demo puts them into a folder instead of sending them.")


def _line(text: str) -> Note:
    return Note(text=text, level=1, style="copy")


def _play_on(story: Story, environ: Mapping[str, str], program: str) -> Iterator[Part]:
    """What to try next."""
    endings = story.tonight.plan.of(Ending)
    released = next(ending.case for ending in endings if ending.state is CaseState.RELEASED)
    (minor,) = story.those_who(Role.TURNS_EIGHTEEN)
    sunday, config = story.tonight.day, story.folder.config
    yield _heading("Play on")
    for arguments, purpose in (
        ("history", "every run, with counts and sums"),
        (f"history {released.card}", f"all that happened to {name(released.surname, released.firstname)}"),
        (f"explain {FIRST_CARD + minor} --day {sunday}", f"why {_name(story, minor)} was not referred"),
        (f"nightly --dry-run --day {sunday + A_WEEK}", "the Sunday after, without writing anything"),
        ("sync", "a report of every open case, now"),
        ("deliver", "try what could not be sent (here: nothing)"),
    ):
        yield _line(f"{quote(program)} --config {quote(str(config))} {arguments}")
        yield Note(text=purpose, level=2, style="aside")
    yield Note(text=f"Change a rule in {config} and look at the Sunday after once more.")
    if environ.get("KOHA_CONF"):
        yield Note(text="KOHA_CONF is set here and leads to a real library: put env -u KOHA_CONF before each command.")


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
    CaseState.RELEASED: ("Released", "They owe nothing any more: the flag says no, our restriction is gone."),
    CaseState.PAID: ("Ended by staff, paid", "The flag is off and nothing is owing."),
    CaseState.WITHDRAWN: (
        "Withdrawn by staff",
        "They still owe something: the agency is told a last 0.00, and charges made until then are not referred again.",
    ),
    "followed": ("Merged cards", "The case goes on with the patron who has the charges now."),
    CaseState.MERGED: ("Merged cards, both with a case", "One case goes on, this one ends with a last 0.00."),
    CaseState.DELETED: ("Gone from Koha", "The case ends with a last 0.00."),
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
