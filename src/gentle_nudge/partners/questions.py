"""How each kind of server is asked for one card: by Koha's own REST API, or by the endpoint of the plugin."""

from __future__ import annotations

import json
from urllib.parse import quote

from gentle_nudge.domain.passport.terms import PassportServer

EMBEDDED = {"x-koha-embed": "extended_attributes"}


def question(server: PassportServer, card: str) -> tuple[str, dict[str, str]]:
    """Address and headers of the question for this card; nothing in the card is a wildcard, or part of the path."""
    if server.kind == "plugin":
        return f"{server.url}/api/v1/contrib/patron_passport/patron/check/{quote(card, safe='')}", {}
    wanted = json.dumps({"cardnumber": card}, separators=(",", ":"), ensure_ascii=False)
    return f"{server.url}/api/v1/patrons?q={quote(wanted, safe='')}&_per_page=2", EMBEDDED
