"""What no command may ever do, whatever happens at a library: one small function for each, asked after every command.

Each sees Koha and the cases before and after the command, what the command said, and what arrived at the agencies.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from tests.support.command import Finished
from tests.support.holdings import NO_DESK, OURS, Arrived, Row, Scopes, Seen

THRESHOLD, REOPEN_DAYS = Decimal("25.00"), 60
SUNDAY = 6
REMINDED = re.compile(r"'Debt reminder of [\d/.-]+'")  # a restriction of a series, which nobody has changed
PRIVATE = re.compile(r"Quist\d|PRIVY|CARD\d|CANARY")  # each patron's name, address and card, each line's note
SECRET = b"CANARY"  # the part of it that no agency may read either
TAKES_WISHES = {"nightly", "sync", "deliver"}
UNPAID = {"paid", "withdrawn", "deleted", "anonymized"}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command on a day, Koha before and after it, and what arrived meanwhile; `lifted`: a fuse, by a person."""

    day: date
    args: tuple[str, ...]
    done: Finished
    before: Seen
    after: Seen
    scopes: Scopes
    arrived: tuple[Arrived, ...]
    strangers: set[str] = field(default_factory=set)
    last_place: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def reminds(self) -> bool:
        """Whether the command is about reminders."""
        return self.args[0] == "remind"

    @property
    def opened(self) -> list[Row]:
        """The cases that are new."""
        return [case for n, case in self.after.cases.items() if n not in self.before.cases]

    @property
    def changed(self) -> list[tuple[Row, Row]]:
        """The cases whose state has changed: before and after."""
        both = ((self.before.cases[n], case) for n, case in self.after.cases.items() if n in self.before.cases)
        return [(was, case) for was, case in both if was["state"] != case["state"]]

    @property
    def answered(self) -> list[Row]:
        """The wishes that this command has taken, in the order of their numbers."""
        waited = self.before.decided.wishes
        return [
            wish
            for n, wish in self.after.decided.wishes.items()
            if wish["taken_at"] and not (n in waited and waited[n]["taken_at"])
        ]

    def of_tonight(self, kind: str) -> Iterator[tuple[str, int, Decimal]]:
        """The file, the number and the due of what the reports of this kind and day say."""
        for report in self.arrived:
            if report.file_name.startswith(f"ums-{kind}-{self.day}") and not report.is_repeat:
                yield from ((report.file_name, number, due) for number, due in report.dues())


def it_never_writes_to_a_patron_but_to_remind(step: Step) -> Iterator[str]:
    if (step.before.letters != step.after.letters and not step.reminds) or step.strangers:
        yield f"letters: {step.after.letters}, mail to {step.strangers}"


def it_never_tells_an_agency_what_is_none_of_its_business(step: Step) -> Iterator[str]:
    yield from (report.file_name for report in step.arrived if SECRET in report.file)


def it_never_sends_an_older_balance_after_a_newer_one(step: Step) -> Iterator[str]:
    last = dict(step.last_place)
    for report in step.arrived:
        if "submissions" not in report.file_name and not report.is_repeat:
            if report.place < last.get(report.stream, 0):
                yield f"{report.file_name} to {report.to}"
            last[report.stream] = report.place


def it_never_reports_who_is_not_in_collections(step: Step) -> Iterator[str]:
    known = {case["number"] for case in step.after.cases.values()}
    is_open = {case["number"] for case in step.after.open()}
    for report in step.arrived:
        was_made_tonight = step.args[0] == "nightly" and not report.is_repeat and "sync" not in report.file_name
        of_tonight = was_made_tonight and f"-{step.day}" in report.file_name
        for number, due in report.dues():
            if number not in known or (of_tonight and due > 0 and number not in is_open):
                yield f"{number} with {due} in {report.file_name}"


def it_never_changes_a_flag_in_other_use(step: Step) -> Iterator[str]:
    ours = {"", "yes", "no", "1", "0"}
    for (patron, name), before in step.before.flags.items():
        kept = [value for value in before if value.strip().lower() not in ours]
        still = [value for value in step.after.flags.get((patron, name), ()) if value.strip().lower() not in ours]
        if kept != still:
            yield f"{name} of {patron}: {before}"


def it_never_changes_a_restriction_it_did_not_make(step: Step) -> Iterator[str]:
    before, after = (
        {row for row in seen.blocks.values() if not (step.reminds and REMINDED.search(str(row)))}
        for seen in (step.before, step.after)
    )
    if before != after:
        yield f"{before ^ after}"


def it_never_deletes_or_changes_an_account_line(step: Step) -> Iterator[str]:
    may_change = step.before.reminder_fees if "--waive-fee" in step.args else {}
    lines = step.before.lines.items()
    yield from (str(line) for n, line in lines if step.after.lines.get(n) != line and n not in may_change)


def it_never_charges_without_a_case_or_twice_for_one(step: Step) -> Iterator[str]:
    fees = [(case["fee_line"], n) for n, case in step.after.cases.items() if case["fee_line"]]
    recorded = Counter(line for line, n in fees if line in step.before.lines or n not in step.before.cases)  # or purged
    charged = Counter(n for n, line in step.after.lines.items() if line["description"] == OURS)
    new = [line for n, line in step.after.lines.items() if n not in step.before.lines]
    if recorded != charged:
        yield f"recorded {recorded - charged}, charged {charged - recorded}"
    if step.reminds:
        new = [line for line in new if line["description"] == OURS]  # of the others see never_reminded.py
    if Counter(line["patron"] for line in new) != Counter(c["patron"] for c in step.opened if not c["adopted"]):
        yield f"new lines: {new}"


def it_never_says_who_somebody_is(step: Step) -> Iterator[str]:
    logged = step.after.logged[len(step.before.logged) :]
    names = [name for report in step.arrived for name in (report.subject, report.file_name)]
    yield from (text for text in (step.done.stdout, step.done.stderr, *logged, *names) if PRIVATE.search(text))


def it_never_refers_or_closes_without_a_recorded_reason(step: Step) -> Iterator[str]:
    for _, case in step.changed:
        if case["state"] != "open" and not (case["why"] and case["closed_on"]):
            yield f"case {case['id']}: {case['state']}"
    yield from (f"case {case['id']}" for case in step.opened if not case["adopted"] and case["owed"] is None)


def it_never_refers_whom_the_rules_keep_out(step: Step) -> Iterator[str]:
    seen, scopes = step.before, step.scopes
    after_withdrawals = replace(seen, cases=step.after.cases, recorded=step.after.recorded)
    for case in step.opened:
        patron, section = case["patron"], case["section"]
        if case["adopted"] or patron not in seen.people:
            continue
        window_of = after_withdrawals if step.scopes.charges_by == "patron" else seen
        owed = window_of.owed_in_window(patron, section, scopes, step.day)
        least = min(owed, seen.balance(patron, section, scopes))
        others = [  # whose number was used again is somebody else
            c
            for c in seen.open()
            if c["patron"] == patron and (scopes.charges_by == "patron" or c["section"] == section)
            if step.after.cases[c["id"]]["state"] != "deleted"
        ]
        flag = seen.reading(patron, scopes.flags[section])
        if least < THRESHOLD or others or flag != "no" or seen.people[patron]["anonymized"]:
            facts = f"owed {owed}, at least {least}, flag {flag}, {len(others)} open"
            yield f"patron {patron} in {section}: {facts}; {step.after.story(case['number'], scopes)}"


def it_never_opens_two_cases_for_one_patron(step: Step) -> Iterator[str]:
    patrons = Counter(
        (c["patron"], "" if step.scopes.charges_by == "patron" else c["section"]) for c in step.after.open()
    )
    before = {case["id"] for case in step.before.open()}
    new = {case["patron"] for case in step.after.open() if case["id"] not in before}
    yield from (f"patron {patron} {section}" for (patron, section), n in patrons.items() if n > 1 and patron in new)


def it_never_reopens_but_what_was_paid(step: Step) -> Iterator[str]:
    for was, case in step.changed:
        if case["state"] == "open":
            days = (step.day - was["closed_on"]).days
            if was["state"] not in {"released", "paid"} or days > REOPEN_DAYS:
                yield f"case {case['id']} was {was['state']} {days} days ago"


def it_never_takes_an_accident_for_a_decision(step: Step) -> Iterator[str]:
    if step.args[0] != "nightly" or "--most-endings" in step.args:
        return
    for section in step.scopes.agencies:
        open_cases = len(step.before.open(step.scopes, section))
        ended = [(was, case) for was, case in step.changed if step.scopes.keeper(case["section"]) == section]
        unpaid = sum(case["state"] in UNPAID for _, case in ended)
        paid = sum(
            case["state"] == "merged" or (case["state"] == "released" and was["last_due"] > 0) for was, case in ended
        )
        if unpaid > max(3, min(20, open_cases // 4)) or unpaid + paid > max(5, open_cases // 2):
            yield f"{section}: {unpaid} unpaid and {paid} paid of {open_cases}"


def it_never_acts_when_it_refuses(step: Step) -> Iterator[str]:
    if step.done.returncode != 2:
        return
    before, after = (replace(seen, logged=[]) for seen in (step.before, step.after))
    if step.args[0] in TAKES_WISHES:  # a wish is taken also where no report can be made
        after = replace(after, decided=before.decided)
    if before != after:
        yield step.done.stderr


def it_never_loses_its_way(step: Step) -> Iterator[str]:
    said = step.done.stdout + step.done.stderr
    if step.done.returncode not in {0, 1, 2} or "nternal error" in said or "Traceback" in said:
        yield f"{step.done.returncode}: {said}"
    if step.done.returncode and not said:
        yield "failed without a word"


def it_leaves_nobody_restricted_who_has_paid(step: Step) -> Iterator[str]:
    in_collections = {case["patron"] for case in step.after.open()}
    for was, case in step.changed:
        patron, ended = case["patron"], case["state"] in {"released", "paid"}
        if (
            ended
            and patron not in in_collections
            and step.after.ours[patron]
            and was["section"] in step.scopes.agencies
        ):
            yield f"patron {case['patron']}: case {case['id']} {case['state']}"


def it_never_refers_whom_staff_keep_back(step: Step) -> Iterator[str]:
    decided, day = step.after.decided, step.day
    for case in step.opened:
        section, rules = case["section"], step.scopes.desks.get(case["section"], NO_DESK)
        if case["adopted"]:
            continue
        if decided.keeps_back(case["patron"], section, day, rules):
            yield f"patron {case['patron']} is on hold"
        if not rules.review_days:
            continue
        under = decided.in_force(section, day)
        is_usual = (
            under is not None and under["for_day"].weekday() == SUNDAY
        )  # its list may be made a day before, at last
        seen_for = 1 if is_usual else rules.review_days
        if under is None or under["state"] != "used" or (day - under["made"]).days < seen_for:
            yield f"patron {case['patron']} is referred by the list {under}"
            continue
        was, row = (seen.decided.rows.get((under["id"], case["patron"])) for seen in (step.before, step.after))
        if was is None or _last_word(step, under, was) != "listed" or row is None or row["outcome"] != "referred":
            yield f"patron {case['patron']} is referred, but the list for {under['for_day']} says {was} and then {row}"


def _last_word(step: Step, of: Row, row: Row) -> str:
    """Whether the patron is listed or left out after the wishes that this command has taken."""
    word: str = row["outcome"]
    for wish in step.answered:
        is_meant = wish["patron"] == row["patron"] and wish["section"] in {None, of["section"]}
        if wish["done"] and is_meant and wish["list_day"] in {None, of["for_day"]}:
            word = {"leave_out": "left_out", "put_back": "listed"}.get(wish["what"], word)
    return word


def it_never_lets_a_list_out_that_nobody_approved(step: Step) -> Iterator[str]:
    before, after = step.before.decided.lists, step.after.decided.lists
    for n, now in after.items():
        was = before.get(n)
        if was is None or was["state"] == now["state"]:
            continue
        ended = {"used", "lapsed"}
        wishes = [w for w in step.answered if w["done"] and w["list_day"] == now["for_day"]]
        words = [was["state"]] + [w["what"] for w in wishes if w["section"] in {None, now["section"]}]
        last = next(
            word for word in reversed(words) if word in {"open", "approve", "approved", "reject", "rejected", *ended}
        )
        must_lapse = step.scopes.desks.get(now["section"], NO_DESK).review_ends == "lapse" and last == "open"
        if was["state"] in ended or (now["state"] == "used" and (must_lapse or last.startswith("reject"))):
            yield f"the list {was} is {now}"


def it_never_loses_a_wish_or_takes_one_twice(step: Step) -> Iterator[str]:
    before, after = step.before.decided.wishes, step.after.decided.wishes
    for n, was in before.items():
        now = after.get(n, {})
        if was["taken_at"] and any(
            now.get(name) != was[name] for name in was.keys() - {"at", "taken_at"}
        ):  # mended clocks
            yield f"{was} became {now}"
    for wish in after.values():
        if (wish["done"] is None) != (wish["taken_at"] is None) or bool(wish["taken_at"]) != bool(wish["answer"]):
            yield f"half an answer: {wish}"
        if wish["taken_at"] is None and step.args[0] in TAKES_WISHES and step.done.returncode == 0:
            yield f"not taken: {wish}"
    held_before = step.before.decided.holds
    begun = Counter(
        (hold["until"], hold["who"])
        for n, hold in step.after.decided.holds.items()
        if n not in held_before and hold["source"] != "koha"
    )
    asked = [
        w for w in step.answered if w["done"] and (w["what"] == "hold" or (w["what"] == "leave_out" and w["until"]))
    ]
    if begun != Counter((wish["until"], wish["who"]) for wish in asked):
        yield f"holds {begun}, wished {asked}"


def it_never_tells_of_a_case_on_hold_but_once(step: Step) -> Iterator[str]:
    """A case is paused by the update that tells of it as `hold_due` says, and heard of again when it goes on."""
    cases = {case["number"]: case for case in step.after.open() if case["section"] in step.scopes.agencies}
    for file, number, due in (*step.of_tonight("updates"), *step.of_tonight("sync")):
        case = cases.get(number)
        was = step.before.cases.get(case["id"]) if case else None
        if case is None or case["paused_on"] is None or not _is_told_in(file, case["section"]):
            continue
        was_heard = was is not None and not was["to_report"] and was["told_in"] not in step.before.unheard
        again = was is not None and was["paused_on"] is not None and was_heard
        rules = step.scopes.desks.get(case["section"], NO_DESK)
        is_held = step.after.decided.keeps_back(case["patron"], case["section"], step.day, rules)
        if "sync" in file and not (is_held and was and was["paused_on"] and due):
            continue  # made before the update that pauses the case, or that tells of it again, or that it has ended
        if rules.hold_due == "none" or again or (rules.hold_due == "zero" and due):
            yield f"{file} says {due} of case {case['id']}, which is paused since {case['paused_on']}"


def _is_told_in(file: str, section: str) -> bool:
    return bool(re.search(r"\d\d-" + section, file)) or (
        section == "global" and bool(re.search(r"-\d\d(-\d+)?\.csv", file))
    )


def it_pauses_who_is_on_hold_and_nobody_else(step: Step) -> Iterator[str]:
    for section, day in step.after.updates - step.before.updates:
        rules = step.scopes.desks.get(section, NO_DESK)
        for case in step.after.open():
            was = step.before.cases.get(case["id"])
            is_done = step.args[0] == "nightly" and step.done.returncode == 0
            if case["section"] != section or not is_done or was is None or was["state"] != "open":
                continue
            has_inherited = any(
                hold["patron"] == case["patron"] != step.before.decided.holds.get(n, hold)["patron"]
                for n, hold in step.after.decided.holds.items()
            )
            if was["patron"] != case["patron"] or has_inherited:
                continue  # cards were merged: what follows from the hold of another card comes with the next night
            if step.after.decided.keeps_back(case["patron"], section, day, rules) != bool(case["paused_on"]):
                yield f"{step.after.decided.why(case['patron'])}; {case}"


Invariant = Callable[[Step], Iterator[str]]
NEVER: tuple[Invariant, ...] = tuple(
    function for name, function in list(globals().items()) if name.startswith(("it_never_", "it_leaves_", "it_pauses_"))
)


def broken(step: Step) -> list[str]:
    """Every invariant that this step breaks, in words."""
    return [f"{rule.__name__.replace('_', ' ')}: {what}" for rule in NEVER for what in rule(step)]
