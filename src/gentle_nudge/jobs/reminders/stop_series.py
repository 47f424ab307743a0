"""A series stopped by staff: its restriction is lifted, its fees may be waived."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from gentle_nudge.domain.actions import ForgiveFee
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.money import format_amount
from gentle_nudge.domain.patron import Flag, PatronFields
from gentle_nudge.domain.reminders.plan import Lift
from gentle_nudge.domain.reminders.series import Debtor, Series, SeriesState, as_made
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.patrons.carry_out import carry_out_and_log
from gentle_nudge.jobs.reminders.send import lift
from gentle_nudge.koha.read import accountlines, borrowers, debarments
from gentle_nudge.koha.write import action_logs, charge
from gentle_nudge.store import meta, reminder_series

NO_FIELDS = PatronFields(flag=Flag(column="sort1"))


def stop_series(
    conn: Connection,
    moment: Moment,
    *,
    patron: int,
    reason: str,
    waive_fee: bool,
    sections: Collection[str] | None,
    known: Collection[str],
) -> str:
    """The series of the patron is closed as `stopped`; what was done, in a sentence.

    It is one of these `sections` (None: of any); `known` are those in the settings.
    A closed one of a section that is gone from the settings loses the restriction that nobody else lifts. UserError if
    there is none, or if there are several.
    """
    meta.lock(conn)
    series = _the_series(reminder_series.of_patrons(conn, [patron], sections), known)
    borrowers.patrons(conn, NO_FIELDS, [series.patron], lock=True)
    accountlines.lock_lines(conn, [series.patron])
    done = [f"The series of section {series.section} is stopped"]
    reminder_series.close(conn, series.id, SeriesState.STOPPED, day=moment.day, why=reason, who=moment.who)
    if series.has_restriction:
        present = debarments.restrictions(conn, [series.patron]).get(series.patron, ())
        restriction = as_made(series, present)
        debtor = Debtor(number=series.patron, patron=None)
        lift(conn, [Lift(debtor=debtor, series=series, restriction=restriction)], moment)
        done.append("the restriction is lifted" if restriction else "its restriction was gone, or changed by staff")
    if waive_fee and (waiver := _waiver(conn, series)):
        charge.forgive(conn, [waiver], moment)
        if action_logs.wanted(conn).fines:
            action_logs.write(conn, [action_logs.fee_forgiven(waiver)], moment)
        carry_out_and_log(conn, charge.lifted_by_payment(conn, [waiver.patron]), moment)
        done.append(f"{format_amount(waiver.amount)} of its fees is waived")
    return "; ".join(done) + "."


def _the_series(of_patron: Collection[Series], known: Collection[str]) -> Series:
    """The one series that is meant."""
    found = [each for each in of_patron if each.is_open]
    found = found or [each for each in of_patron if each.has_restriction and each.section not in known]
    if not found:
        raise UserError(
            "This patron has no open series of reminders.", "gentle-nudge remind status CARD shows the closed ones."
        )
    if len(found) > 1:
        names = ", ".join(sorted({each.section for each in found}))
        raise UserError(f"This patron has series in several sections: {names}.", "Name one of them with --library.")
    return found[0]


def _waiver(conn: Connection, series: Series) -> ForgiveFee | None:
    """What is still owing of the series' fees, by whoever has them now."""
    owing = charge.owing(conn, [each.fee_line for each in series.reminders if each.fee_line])
    fees = tuple(fee for fee in owing.values() if fee.patron == series.patron)
    return ForgiveFee(patron=series.patron, fees=fees) if fees else None
