"""Views as pages."""

from __future__ import annotations

import json
from collections.abc import Callable

from gentle_nudge.views.plain import View
from gentle_nudge.views.structured import as_json


def as_page(render: Callable[..., str], template: str, shown: View, **beside: object) -> str:
    """The page that this template makes of the view, whose values it has as in JSON, and of the values beside it."""
    return render(template, **json.loads(as_json(shown)), **beside)
