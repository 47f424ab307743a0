"""Take wishes: do what people want, whether they used a command, a file or Koha."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection

from gentle_nudge.domain.collections.review import ListState
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.wish import Door, Wish
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError, UserError, worst_exit_code
from gentle_nudge.jobs.desk import decide_list, keep_back
from gentle_nudge.jobs.desk.deeds import Deed, Desk, Kind
from gentle_nudge.jobs.desk.find_patron import for_each_card, number_in_koha
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.night.sync_report import sync
from gentle_nudge.jobs.sections import named
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.store import meta, wishes


def sync_now(_conn: Connection, wish: Wish, desk: Desk) -> Deed:
    """Queue a sync of the section named, or else of all."""
    sections = named(desk.sections, [wish.section] if wish.section else [])

    def do(conn: Connection) -> None:
        for section in sections:
            sync(conn, section, desk.moment, desk.outlets)

    names = ", ".join(section.name for section in sections)
    return Deed(answer=f"A sync is queued ({names}).", do=do)


KINDS: Mapping[str, Kind] = {
    "hold": Kind(plan=keep_back.hold, needs=("patron", "reason")),
    "resume": Kind(plan=keep_back.resume, needs=("patron",)),
    "leave_out": Kind(plan=decide_list.leave_out, needs=("patron", "reason")),
    "put_back": Kind(plan=decide_list.put_back, needs=("patron",)),
    "approve": Kind(plan=partial(decide_list.decide, state=ListState.APPROVED), needs=("list_day",)),
    "reject": Kind(plan=partial(decide_list.decide, state=ListState.REJECTED), needs=("list_day", "reason")),
    "sync": Kind(plan=sync_now, needs_policy=True),
}


@dataclass(kw_only=True)
class Taken:
    """The wishes that were taken, each with its answer, and what went wrong with those that wait on.

    `files` are the edited lists that were read, each with the answers to its wishes. `is_left`: another run takes the
    rest.
    """

    wishes: list[Wish] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)
    failures: list[GentleNudgeError] = field(default_factory=list)
    is_left: bool = False

    @contextmanager
    def keep_going(self, what: str) -> Iterator[None]:
        """One failure stops neither the next wish nor the night; if another run is at work, the rest is left to it."""
        try:
            yield
        except AnotherRunInProgress:
            self.is_left = True
        except GentleNudgeError as failure:
            self.failures.append(failure)
        except Exception as error:  # noqa: BLE001 - the next wish, and the night, have their own right
            sentence = f"internal error ({type(error).__name__}) while {what}: it waits"
            self.failures.append(GentleNudgeError(sentence, "run it again with --debug and report the output"))
            self.failures[-1].__cause__ = error

    @property
    def exit_code(self) -> int:
        """The exit code of the worst failure; a wish that could not be done is none."""
        return worst_exit_code(*(failure.exit_code for failure in self.failures))


def take_wishes(library: Library, moment: Moment) -> Taken:
    """Every wish is taken, in order of its number, each in a transaction of its own.

    If none waits, nothing is locked. One that needs a policy waits while there is none, and one that fails for another
    reason than its own waits for the next run. If another run has the lock, the rest is left to that run.
    """
    taken = Taken()
    with read_only(library.engine) as conn:
        waiting = wishes.waiting(conn)
    if not waiting:
        return taken
    sections, outlets = library.ready_to_send()
    with closing(outlets):
        desk = Desk(moment=replace(moment, day=moment.today), sections=sections, outlets=outlets)
        for wish in waiting:
            kind = KINDS.get(wish.what)
            if taken.is_left or (kind and kind.needs_policy and not sections):
                continue
            with taken.keep_going(f"wish {wish.id} was taken"):
                answered = writing(library.engine, partial(take, wish=wish, desk=desk))
                taken.wishes += [answered] if answered else []
    return taken


def take(conn: Connection, wish: Wish, desk: Desk) -> Wish | None:
    """The wish with its answer, done if it can be; None if another has taken it meanwhile."""
    meta.lock(conn)
    if wish.id is None or not wishes.take(conn, wish.id, desk.moment.now):
        return None
    try:
        deed = plan_of(conn, wish, desk)
    except UserError as refusal:
        answer, done = refusal.text, False
    else:
        deed.do(conn)
        answer, done = deed.answer, True
    wishes.answer(conn, wish.id, answer, done=done)
    return replace(wish, done=done, answer=answer)


def ask_for(
    conn: Connection, *, cards: Sequence[str], desk: Desk, what: str, columns: Mapping[str, Any], dry_run: bool
) -> list[str]:
    """The answers to the wish of a command about each of these cards, written, taken and done in this transaction.

    UserError if one cannot be done, which undoes the transaction: nothing is written, no wish either. The columns are
    those of the wish.
    """
    if not dry_run:
        meta.lock(conn)
    wish = partial(Wish, door=Door.COMMAND, what=what, who=desk.moment.who or "nobody", at=desk.moment.now, **columns)

    def answer_to(card: str) -> str:
        return ask(conn, wish(origin=token_hex(32), patron=number_in_koha(conn, card)), desk, dry_run=dry_run)

    return for_each_card(cards, answer_to)


def ask_all(conn: Connection, asked: Iterable[Wish], desk: Desk, *, dry_run: bool = False) -> list[str]:
    """The answers to these wishes, which are written, taken and done in this transaction.

    UserError if one cannot be done, which undoes the transaction.
    """
    if not dry_run:
        meta.lock(conn)
    return [ask(conn, wish, desk, dry_run=dry_run) for wish in asked]


def ask(conn: Connection, wish: Wish, desk: Desk, *, dry_run: bool = False) -> str:
    """The answer to the wish of a command, which is written, taken and done; our row is locked.

    UserError if it cannot be done. A dry run only says the answer.
    """
    deed = plan_of(conn, wish, desk)
    if not dry_run and (number := wishes.add(conn, wish)):
        wishes.take(conn, number, desk.moment.now)
        deed.do(conn)
        wishes.answer(conn, number, deed.answer, done=True)
    return deed.answer


def plan_of(conn: Connection, wish: Wish, desk: Desk) -> Deed:
    """How the wish will be done; UserError with the reason if it cannot be."""
    kind = KINDS.get(wish.what)
    if kind is None:
        raise UserError("There is no such kind of wish.", f"The kinds are: {', '.join(KINDS)}.")
    if missing := wish.lacks(kind.needs):
        raise UserError(f"A wish of the kind {wish.what} needs {' and '.join(missing)}.")
    return kind.plan(conn, wish, replace(desk, moment=replace(desk.moment, who=wish.who)))
