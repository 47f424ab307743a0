"""The reports for Koha's own *Reports*: what each answers, and its SQL."""

from __future__ import annotations

from difflib import get_close_matches

from gentle_nudge.errors import UserError
from gentle_nudge.texts.environment import Texts

REPORTS = {
    "open-cases": "Everybody in collections: what they owed then and owe now, the agency's last amount, a hold's end.",
    "card": "What happened to the cases of one card: referred, each amount told, paused, closed.",
    "still-blocked": "Who has paid or was released, and is still blocked by the restriction of the case.",
    "holds": "Who is kept back now: why, until when, since when, by whom, and whether they are in collections.",
    "list": "The lists that are open or approved: who will be referred, with marks, and who is left out.",
    "invoice": "Everybody who was referred in one month, to compare with the agency's invoice.",
    "undelivered": "Which reports have not arrived, where, since when, and why.",
}


def sql_of(name: str) -> str:
    """The SQL of this report; UserError, with a suggestion, if there is none of the name."""
    if name not in REPORTS:
        near = get_close_matches(name, REPORTS, n=1)
        suggestion = f" Did you mean {near[0]}?" if near else ""
        raise UserError(f"There is no report {name}.{suggestion}", f"There are: {', '.join(REPORTS)}")
    return Texts().render(f"koha-reports/{name}.sql")
