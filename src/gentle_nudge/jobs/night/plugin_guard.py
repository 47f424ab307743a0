"""The guard against two programs at work on one library: ours and the Perl plugin it takes over from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gentle_nudge.domain.collections.plan import Refusal
from gentle_nudge.domain.moment import Moment
from gentle_nudge.koha.read import plugin_data

if TYPE_CHECKING:
    from sqlalchemy import Connection


def beside_plugin(conn: Connection, moment: Moment) -> Refusal | None:
    """The refusal of a submission while a plugin of the same purpose is enabled and was at work within 8 days."""
    worked = plugin_data.at_work(conn, moment.now)
    if worked is None:
        return None
    day = worked.astimezone(moment.zone).date()
    return Refusal(
        kind="plugin",
        sentence=f"Koha's Gentle Nudge plugin is enabled and was at work on {day}: no submission is made beside it, "
        "or patrons could be referred and charged by both",
        hint="disable the plugin in Koha (Administration, Manage plugins); if both are to work, add --beside-plugin",
    )
