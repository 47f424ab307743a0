"""Koha's system preferences, read as Koha reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, String, column, func, select, table

systempreferences = table("systempreferences", column("variable", String), column("value", String))
OVERRIDE = "OVERRIDE_SYSPREF_"


def preferences(
    connection: Connection, names: Iterable[str], *, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The value of each of these preferences by the name asked for; a missing one is empty.

    C4::Context->preference: the environment's OVERRIDE_SYSPREF_… wins, letter case means nothing, a missing row and
    NULL look alike.
    """
    asked = list(names)
    variable = func.lower(systempreferences.c.variable)
    rows = connection.execute(
        select(variable, systempreferences.c.value).where(variable.in_([name.lower() for name in asked]))
    )
    stored = {name: value or "" for name, value in rows.all()}
    return {name: environ.get(OVERRIDE + name, stored.get(name.lower(), "")) for name in asked}
