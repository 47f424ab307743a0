"""The keys of [timeline]: how the crontab runs Koha's longoverdue.pl, which Koha itself does not know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from gentle_nudge.domain.circulation.loss import LongOverdueJob
from gentle_nudge.domain.setting import Key, Parsed


def parse_options(text: str) -> str:
    """The options of longoverdue.pl, or `off`; ValueError says what is wrong with them."""
    LongOverdueJob.parse(text)
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """What the crontab says of lost items, for the road of a loan."""

    longoverdue: Annotated[
        Annotated[str, Parsed(parse_options)] | None,
        Key(
            'The options that the crontab gives longoverdue.pl, as one text; off: it is not run. Default: "", none, so '
            "that Koha's preferences decide.",
            example='"--lost 90=2 --charge 2 --confirm"',
            or_empty=True,
        ),
    ] = None
    longoverdue_first: Annotated[
        bool, Key("Whether it runs before fines.pl and overdue_notices.pl of the same night.")
    ] = False

    @property
    def job(self) -> LongOverdueJob:
        """How longoverdue.pl is run."""
        return replace(LongOverdueJob.parse(self.longoverdue or ""), first=self.longoverdue_first)
