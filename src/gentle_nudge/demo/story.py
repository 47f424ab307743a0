"""The demo, told to the reader: a view with a chapter for each question that a librarian asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from shlex import quote

from gentle_nudge.demo.demo_folder import ARCHIVE, CONFIG, MAIL, STAFF
from gentle_nudge.demo.founding import LIBRARY
from gentle_nudge.demo.people import FIRST_CARD
from gentle_nudge.demo.play import Story
from gentle_nudge.demo.roles import Role
from gentle_nudge.demo.weeks import those_of
from gentle_nudge.demo.year import Year
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.plan import Adoption, Ending, Plan, Referral
from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.domain.outbox import FOLDERS
from gentle_nudge.domain.reminders.levels import BILL
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.wording import counted
from gentle_nudge.reports.render import page_name
from gentle_nudge.views.night_view import LEFT_OUT, changes, person
from gentle_nudge.views.plain import Column, Note, Part, View, column, name, table

REFERRED: tuple[Column[Referral], ...] = (
    column("card", lambda referral: referral.patron.card),
    column("name", person),
    column("in window", lambda referral: referral.account.owed, "money"),
    column("balance", lambda referral: referral.balance, "money"),
    column("with fee", lambda referral: referral.total, "money"),
)

CHANGES = {
    CaseState.RELEASED: ("Released", "They owe nothing any more: the flag says no, our restriction is gone."),
    CaseState.PAID: ("Ended by staff, paid", "The flag is off and nothing is owing."),
    CaseState.WITHDRAWN: (
        "Withdrawn by staff",
        "They still owe something: the agency is told a last 0.00, and charges made until then are not referred again.",
    ),
    "reopened": ("Reopened", "Their charges owe again. They are told once more, and there is no second fee."),
    "followed": ("Merged cards", "The case goes on with the patron who has the charges now."),
    CaseState.MERGED: ("Merged cards, both with a case", "One case goes on, this one ends with a last 0.00."),
    CaseState.DELETED: ("Gone from Koha", "The case ends with a last 0.00."),
    "adopted": (
        "Adopted, flagged by hand",
        "From now on they are reported like all others; who owes nothing is released at once.",
    ),
}


def story_view(story: Story, environ: Mapping[str, str], *, program: str) -> View:
    """The whole story; `program` is how the reader calls it."""
    replaced = [Note(text=f"The demo that was in {story.folder} has been replaced.")] if story.was_there else []
    return View(
        parts=[
            *replaced,
            *_library(story),
            *_items(f"Its rules ({CONFIG})", _rules(story.section.policy, story.tonight.plan)),
            *(_items("The year before", _year(story.year)) if story.year else ()),
            *_items("The two weeks before", _weeks(story)),
            *_referred(story),
            *_left_out(story),
            *_items("Who was in collections already", _changes(story)),
            *_items("The reminders after that night", _reminders(story)),
            *_files(story),
            *_play_on(story, environ, program),
            *_to_open(story),
        ]
    )


def _heading(text: str) -> Note:
    return Note(text=text, style="heading")


def _line(text: str) -> Note:
    return Note(text=text, level=1, style="copy")


def _items(heading: str, texts: Iterable[str]) -> Iterator[Note]:
    yield _heading(heading)
    yield from (Note(text=text, style="item") for text in texts)


def _library(story: Story) -> Iterator[Part]:
    patrons, owing, balance = story.founded
    yield _heading(f"{LIBRARY}, an invented library")
    yield Note(
        text=f"It has {patrons} patrons; {owing} of them owe {format_amount(balance)} in all. Its database, "
        f"its configuration and all that follows are in the folder {story.folder}; nothing else was read, "
        "changed or sent."
    )


def _rules(policy: Policy, tonight: Plan) -> Iterator[str]:
    window = policy.window(tonight.day)
    yield (
        f"Every {policy.submit_on.name.capitalize()} those patrons are referred who owe "
        f"{format_amount(policy.threshold)} or more for charges that are {policy.count_fees_older_than} to "
        f"{policy.count_fees_newer_than} days old ({window.first} to {window.last}), owe no less in all, and lost "
        "something."
    )
    yield (
        f"Not referred: minors, patrons without a date of birth, the category {', '.join(policy.excluded_categories)}, "
        f"institutions, and whoever has an entry in {policy.exemption}. Rental fees do not count."
    )
    yield (
        f"Whoever is referred gets a yes in {policy.flag}, a processing fee of {format_amount(policy.processing_fee)}, "
        "and a restriction: no borrowing."
    )
    yield "Whoever has paid everything is released the next night: no in the flag field, and no restriction of ours."


def _year(year: Year) -> Iterator[str]:
    """How many were referred in the year before, and what the desk has noted of them since."""
    sundays = year.sundays
    recorded = sum((debtor.recorded for debtor in year.debtors), ZERO)
    yield (
        f"On {len(sundays)} Sundays from {sundays[0]} to {sundays[-1]} {len(year.debtors)} patrons were referred, "
        f"who owed {format_amount(recorded)}."
    )
    items = {entry.line for entry in year.ledger if entry.what == "returned" and entry.type == "LOST"}
    paid, returned, waived = (format_amount(year.noted(what)) for what in ("paid", "returned", "waived"))
    yield (
        f"Since then the desk has taken in {paid} and written off {waived}, fees included; {len(items)} lost items "
        f"have come back, for which {returned} was charged."
    )


def _weeks(story: Story) -> Iterator[str]:
    """What happened on the two Sundays before, and in the weeks after them."""
    for step, week in zip(story.chapters, (1, 0), strict=False):
        yield _evening(step.plan)
        counts = Counter(sample.role for sample in those_of(story.samples, week).values())
        yield f"In the week after: {'; '.join(f'{counts[role]} {role}' for role in Role if counts[role])}."


def _evening(plan: Plan) -> str:
    decided, adopted = changes(plan), plan.of(Adoption)
    parts = [f"{len(decided[word])} {word}" for word in ("referred", "released", "withdrawn") if decided[word]]
    if adopted:
        parts.append(
            f"{len(adopted)} adopted, because they were flagged and had no case "
            f"({sum(adoption.released for adoption in adopted)} of them, who owed nothing, was released at once)"
        )
    return f"{plan.day:%A}, {plan.day}: {', '.join(parts)}."


def _referred(story: Story) -> Iterator[Part]:
    """Who was referred on the Sunday shown, and for what."""
    plan = story.tonight.plan
    referrals = plan.submission
    balance, total = sum((row.balance for row in referrals), ZERO), sum((row.total for row in referrals), ZERO)
    yield _heading(f"The night of {plan.day:%A}, {plan.day}: {len(referrals)} patrons are referred")
    yield table(REFERRED, referrals)
    yield Note(
        text=f"They owe {format_amount(balance)}, with the fees {format_amount(total)}. Each now has the flag, the "
        "fee, the restriction, and a case that remembers which charges it was for."
    )


def _left_out(story: Story) -> Iterator[Part]:
    """How many were not, and by which rule."""
    plan = story.tonight.plan
    counts = Counter(plan.left_out) + Counter({Reason.BELOW_THRESHOLD: plan.owing_less})
    yield _heading("Who owes something in the window and is left out, by the first rule that applies")
    yield table(LEFT_OUT, [(reason, counts[reason]) for reason in Reason if counts[reason]])


def _changes(story: Story) -> Iterator[str]:
    """What became of patrons who were in collections already."""
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


def _reminders(story: Story) -> Iterator[str]:
    """Who got which letter before the agency hears of anybody."""
    remind = story.remind
    yield (
        f"Who owes {format_amount(remind.minimum)} or more for charges of the last {remind.max_age_days} days is "
        "reminded. Koha sends the letters, in the words of its own notices."
    )
    counts = Counter(letter.level for letter in story.tonight.letters)
    for level, step in remind.steps.items():
        what = "the bill" if level == BILL else f"reminder {level}"
        fee = f", with a fee of {format_amount(step.fee)}" if step.fee else ""
        yield f"{counted(counts[level], 'patron gets', 'patrons get')} {what} ({step.letter}){fee}."


def _name(story: Story, number: int) -> str:
    return name(story.samples[number].surname, story.samples[number].firstname)


def _files(story: Story) -> Iterator[Part]:
    """Which files and messages there are."""
    tonight, folder = story.tonight, story.folder
    mails = [sum(delivery.address.tells_agency for delivery in step.delivered) for step in story.chapters]
    yield _heading("Files and messages")
    for delivery in tonight.delivered:
        if delivery.address.channel in FOLDERS:
            rows = tonight.plan.submission if delivery.kind is ReportKind.SUBMISSION else tonight.plan.update
            yield _line(f"{folder / ARCHIVE / delivery.file_name}  ({len(rows)} patrons)")
    yield _line(f"{folder / MAIL / 'new'}  ({mails[-1]} messages of tonight, {sum(mails[:-1])} of earlier Sundays)")
    recipients = " and ".join(story.section.policy.recipients())
    yield Note(text=f"The messages are for {recipients}: the demo puts them into a folder instead of sending them.")


def _play_on(story: Story, environ: Mapping[str, str], program: str) -> Iterator[Part]:
    """What to try next."""
    endings = story.tonight.plan.of(Ending)
    released = next(ending.case for ending in endings if ending.state is CaseState.RELEASED)
    (minor,) = story.those_who(Role.TURNS_EIGHTEEN)
    reminded = next(letter.number for letter in story.tonight.letters if letter.level == 1)
    sunday, config = story.tonight.plan.day, story.folder / CONFIG
    yield _heading("Play on")
    for arguments, purpose in (
        (f"history --since {story.chapters[0].plan.day}", "the last runs, with counts and sums"),
        ("outcomes", "what has become of the cases of twelve months: paid, returned, waived, still owed"),
        (f"history {released.card}", f"all that happened to {name(released.surname, released.firstname)}"),
        (f"explain {FIRST_CARD + minor} --day {sunday}", f"why {_name(story, minor)} was not referred"),
        ("remind status", "who is being reminded, what was sent, what comes next"),
        (
            f"remind preview {FIRST_CARD + reminded}",
            f"the next letter to {_name(story, reminded)}, as of today",
        ),
        (f"nightly --dry-run --day {sunday + timedelta(weeks=1)}", "the Sunday after, without writing anything"),
        ("sync", "a report of every open case, now"),
        ("deliver", "try what could not be sent (here: nothing)"),
    ):
        yield _line(f"{quote(program)} --config {quote(str(config))} {arguments}")
        yield Note(text=purpose, level=2, style="aside")
    yield Note(text=f"Change a rule in {config} and look at the Sunday after once more.")
    if environ.get("KOHA_CONF"):
        yield Note(text="KOHA_CONF is set here and leads to a real library: put env -u KOHA_CONF before each command.")


def _to_open(story: Story) -> Iterator[Part]:
    """Which pages to look at in a browser."""
    day = story.tonight.plan.day
    (payer,) = story.those_who(Role.PAYS_A_PART)
    the_list, statement, outcomes = story.to_look_at
    yield _heading("Open with a browser")
    for page, purpose in (
        (page_name(ReportKind.NIGHT, day, story.section.name), "the night for staff: first what needs a person"),
        (
            the_list,
            f"who will be referred on {day + timedelta(weeks=1):%A}, {day + timedelta(weeks=1)}, and why to look twice",
        ),
        (statement, f"for {_name(story, payer)}, who asks at the desk what is owed and why"),
        (outcomes, "what has come back of the cases of twelve months"),
    ):
        yield _line(str(story.folder / STAFF / page))
        yield Note(text=purpose, level=2, style="aside")
