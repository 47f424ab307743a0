"""Whether the database and we agree what time it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.moment import CLOCKS_MAY_DIFFER
from gentle_nudge.domain.wording import utc_offset
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.koha.connect.instance import Instance

APART = 60
ZERO = timedelta(0)

CLOCK = (
    "SELECT UTC_TIMESTAMP(), TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), "
    "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', @@GLOBAL.time_zone))"
)


def refuse_other_time(conn: Connection, now: datetime) -> None:
    """GentleNudgeError if the server's clock differs from ours by more than ten minutes; SQLite has no clock."""
    if conn.dialect.name == "sqlite":
        return
    server_time = conn.exec_driver_sql("SELECT UTC_TIMESTAMP(6)").scalar_one().replace(tzinfo=UTC)
    if abs(server_time - now) > CLOCKS_MAY_DIFFER:
        server, ours = (f"{each:%Y-%m-%d %H:%M} UTC" for each in (server_time, now.astimezone(UTC)))
        raise GentleNudgeError(
            f"The database server's clock says {server}, ours {ours}: nothing is written while they are more than ten "
            "minutes apart.",
            "Set the clock that is wrong, let both keep time by NTP, and run it again.",
        )


def clock(conn: Connection, instance: Instance, now: datetime, named_zone: str | None) -> Iterator[Finding]:
    """What is wrong with clock and zone; `named_zone` is the one in our settings."""
    if conn.dialect.name == "sqlite":
        return
    server_time, from_utc = conn.exec_driver_sql(CLOCK).one()
    apart = round(abs(server_time.replace(tzinfo=UTC) - now).total_seconds())
    if apart > APART:
        yield Finding(
            name="clock-differs",
            what=f"The clocks of the database server and of this machine are {apart} seconds apart.",
            why="Charges would count, and deliveries be tried, on the wrong day; after ten minutes nothing is written.",
            way_out="Let both keep time by NTP.",
        )
    yield from _zone(instance, now, named_zone, None if from_utc is None else timedelta(seconds=int(from_utc)))


def _zone(instance: Instance, now: datetime, named: str | None, server: timedelta | None) -> Iterator[Finding]:
    """Koha lives in the zone of koha-conf.xml, else in that of its server."""
    conf = instance.conf
    ours = now.astimezone(instance.zone).utcoffset()
    if conf and conf.timezone:
        differs, koha_is = conf.timezone != instance.zone.key, f"koha-conf.xml says {conf.timezone}"
    else:
        differs = server is not None and server != ours and (conf is not None or named is None)
        koha_is = f"the database server is at {utc_offset(server or ZERO)}, we are at {utc_offset(ours or ZERO)}"
    if differs:
        yield Finding(
            name="zone-differs",
            severity=Severity.WARNING,
            what=f"Koha and we live in different time zones: {koha_is}, and we take {instance.zone.key}.",
            why="The window, ages and weekdays follow our zone, what staff see follows Koha's.",
            way_out="Name Koha's zone as timezone in [koha], or leave it out there and set it in koha-conf.xml.",
        )
