"""Actions carried out in Koha, with the rows that Koha's own log would have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from gentle_nudge.domain.actions import ChargeFee, LiftRestriction, Restrict
from gentle_nudge.domain.collections.changes import Action, flag_changes, of
from gentle_nudge.domain.moment import Moment
from gentle_nudge.koha.write import action_logs, charge, flag, restrict
from gentle_nudge.koha.write.action_logs import Logs
from gentle_nudge.koha.write.new_rows import NewRows


@dataclass(frozen=True, kw_only=True, slots=True)
class RowsMade:
    """The new restrictions and fees in Koha; None if there are none."""

    restriction: NewRows | None
    fee: NewRows | None


def carry_out(conn: Connection, actions: Sequence[Action], moment: Moment, logs: Logs) -> RowsMade:
    """Carry out the actions in Koha and log the restrictions; `action_logs.log_changes` logs the rest."""
    made, gone = of(actions, Restrict), of(actions, LiftRestriction)
    restricted = restrict.restrict(conn, made, moment.now)
    restrict.lift(conn, gone)
    restricted_now = {action.patron for action in made} | {action.patron for action in gone}
    restrict.refresh_debarred(conn, restricted_now, moment.today)
    flag.write_flags(conn, flag_changes(actions), moment.now)
    charged = charge.charge(conn, of(actions, ChargeFee), moment)
    if logs.borrowers:
        if restricted:
            action_logs.write_restricted(conn, made, restricted, moment)
        action_logs.write(conn, map(action_logs.lifted, gone), moment)
    return RowsMade(restriction=restricted, fee=charged)


def carry_out_and_log(conn: Connection, actions: Sequence[Action], moment: Moment) -> None:
    """Carry out the actions in Koha and log all of them."""
    logs = action_logs.wanted(conn)
    carry_out(conn, actions, moment, logs)
    action_logs.log_changes(conn, flag_changes(actions), of(actions, ChargeFee), logs=logs, moment=moment)
