"""What the doing of a wish needs, and what it is: a module of its own, so that each kind of wish can have its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.wish import Wish
from gentle_nudge.jobs.sending.outlets import Outlets


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What the doing of a wish may need: the moment, of today and of whoever wishes it; all sections; the outlets.

    There are no sections while the settings lack a policy, and no outlets for the wishes of a command.
    """

    moment: Moment
    sections: tuple[Section, ...] = ()
    outlets: Outlets = field(default_factory=Outlets)


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """A wish that can be done: the sentence that answers it, and the work, which writes."""

    answer: str
    do: Callable[[Connection], object]


# Reads whether a wish can be done, and writes nothing; UserError with the sentence if it cannot.
Plan = Callable[[Connection, Wish, Desk], Deed]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """How wishes of one kind are done; they lack none of the columns in `needs`.

    One that needs a policy waits while the settings lack one.
    """

    plan: Plan
    needs: tuple[str, ...] = ()
    needs_policy: bool = False
