"""Actions carried out in Koha, with the rows that Koha's own log would have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from gentle_nudge.domain.actions import ChargeFee, ClearFlag, LiftRestriction, Restrict, SetFlag
from gentle_nudge.domain.collections.changes import Action
from gentle_nudge.domain.moment import Moment
from gentle_nudge.koha.write import action_logs, charge, flag, restrict
from gentle_nudge.koha.write.action_logs import Logs
from gentle_nudge.koha.write.new_rows import NewRows

if TYPE_CHECKING:
    from sqlalchemy import Connection


A = TypeVar("A")


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """The rows that were made in Koha: the restrictions, the fees; None where there was none to make."""

    restriction: NewRows | None
    fee: NewRows | None


def carry_out(
    conn: Connection,
    actions: Sequence[Action],
    moment: Moment,
    logs: Logs | None = None,
    *,
    logged: Collection[int] = (),
) -> Carried:
    """The actions are done in Koha, with its own log rows.

    `logs` says which it keeps, if that is known already; it holds the flags and fees of those `logged` already.
    """
    made, gone = of(actions, Restrict), of(actions, LiftRestriction)
    changed, fees = flag_changes(actions), of(actions, ChargeFee)
    restricted = restrict.restrict(conn, made, moment.now)
    restrict.lift(conn, gone)
    restricted_now = {action.patron for action in made} | {action.patron for action in gone}
    restrict.refresh_debarred(conn, restricted_now, moment.today)
    flag.write_flags(conn, changed, moment.now)
    charged = charge.charge(conn, fees, moment.now)
    wanted = logs or action_logs.wanted(conn)
    if wanted.borrowers:
        created = moment.now.astimezone(moment.zone).strftime("%Y-%m-%d %H:%M:%S")
        if restricted:
            action_logs.write_restricted(conn, made, restricted, created=created, now=moment.now)
        action_logs.write(conn, map(action_logs.lifted, gone), moment.now)
    log_changes(conn, [action for action in (*changed, *fees) if action.patron not in logged], moment, wanted)
    return Carried(restriction=restricted, fee=charged)


def log_changes(conn: Connection, actions: Sequence[Action], moment: Moment, logs: Logs) -> None:
    """Koha's logs, those that it keeps, have a row for every flag changed and every fee charged."""
    if logs.borrowers:
        action_logs.write_alike(conn, action_logs.flag_changed, flag_changes(actions), moment.now)
    if logs.fines:
        action_logs.write_alike(conn, action_logs.fee_charged, of(actions, ChargeFee), moment.now)


def flag_changes(actions: Sequence[Action]) -> list[SetFlag | ClearFlag]:
    """The flags set, then those cleared, each in order."""
    return [*of(actions, SetFlag), *of(actions, ClearFlag)]


def of(actions: Sequence[Action], kind: type[A]) -> list[A]:
    """The actions of one kind, in order."""
    return [action for action in actions if isinstance(action, kind)]
