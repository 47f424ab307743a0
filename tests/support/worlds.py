"""Consortia of three sections: which agencies they have, and the configuration as it is at the moment."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.holdings import GLOBAL, NO_DESK, DeskRules, Scopes
from tests.support.koha import KohaDatabase
from tests.support.post import STAFF, UPLOADED, Post

BRANCHES = {"CPL": "north", "FPL": "south", "MPL": GLOBAL}
CONFIG = """
[koha]
url = "{url}"
timezone = "America/New_York"
[policy]
threshold = 25.00
processing_fee = 10.00
minors = "include"
add_restriction = true
clear_paid = true
remove_restriction = true
update_lists = "{lists}"
{policy}
[libraries]
charges_by = "{charges_by}"
[mail]
host = "localhost"
port = {port}
{tables}
"""
SFTP = """
[sftp]
host = "{host}"
port = {port}
user = "{user}"
key_file = "{key_file}"
host_key = "{host_key}"
"""


@dataclass(frozen=True, kw_only=True)
class World:
    """How the sections of a consortium stand to each other."""

    agencies: dict[str, str]
    flags: dict[str, str] = field(default_factory=lambda: dict.fromkeys(BRANCHES.values(), "sort1"))
    charges_by: tuple[str, ...] = ("patron",)
    has_clerks: bool = False

    @property
    def is_together(self) -> bool:
        """Whether one agency works for all."""
        return len(set(self.agencies.values())) == 1

    def desks(self, chance: random.Random) -> dict[str, DeskRules]:
        """The rules of its sections' desks, if they have clerks: one lets lists lapse, one may have none."""
        if not self.has_clerks:
            return {}
        names = list(BRANCHES.values())
        chance.shuffle(names)
        ends, dues = ("lapse", "refer", "refer"), ("zero", chance.choice(["balance", "none"]), "zero")
        days = (chance.randrange(1, 7), chance.randrange(1, 7), chance.randrange(7))
        return {
            name: DeskRules(review_days=ahead, review_ends=end, hold_due=due, has_hold_field=True)
            for name, ahead, end, due in zip(names, days, ends, dues, strict=True)
        }


EACH_ITS_OWN = {name: f"{name}@agency.example.org" for name in BRANCHES.values()}
WORLDS = {
    "together": World(agencies=dict.fromkeys(BRANCHES.values(), "one@agency.example.org")),
    "rivals": World(agencies=EACH_ITS_OWN, has_clerks=True),
    "apart": World(
        agencies=EACH_ITS_OWN,
        flags={"north": "sort1", "south": "sort2", GLOBAL: "attribute:COLL"},
        charges_by=("charge", "patron"),
        has_clerks=True,
    ),
}


@dataclass(kw_only=True)
class Setup:
    """The settings that a person changes in the course of a year; `reminders` are tables of settings, by section."""

    world: World
    lists: str
    desks: dict[str, DeskRules]
    folder: Path
    gone: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)
    charges_by: str = ""
    reminders: Mapping[str, str] = field(default_factory=dict)

    def scopes(self) -> Scopes:
        """What they mean."""
        return Scopes(
            branches={branch: name for branch, name in BRANCHES.items() if name not in self.gone},
            agencies={name: to for name, to in self.world.agencies.items() if name not in self.gone},
            flags=self.world.flags,
            charges_by=self.charges_by,
            everybody=(UPLOADED,) if self.world.is_together else (),
            desks=self.desks,
        )

    def text(self, koha: KohaDatabase, post: Post) -> str:
        """The configuration."""
        tables = ""
        for branch, name in BRANCHES.items():
            if name != GLOBAL and name not in self.gone:
                enabled = str(name not in self.disabled).lower()
                tables += f'\n[[library]]\nname = "{name}"\nbranches = ["{branch}"]\nenabled = {enabled}\n'
                tables += self._keys(name) + self.reminders.get(name, "")
        if self.world.is_together:
            of_server = ("host", "port", "user", "key_file", "host_key")
            tables += SFTP.format(**{name: getattr(post.sftp, name) for name in of_server})
        if self.world.has_clerks:
            tables += f'\n[staff]\nfolder = "{self.folder}"\n'
        tables += self.reminders.get(GLOBAL, "")
        return CONFIG.format(
            url=koha.url_without_password,
            lists=self.lists,
            policy=self._keys(GLOBAL),
            charges_by=self.charges_by,
            port=post.smtp.port,
            tables=tables,
        )

    def _keys(self, name: str) -> str:
        keys = f'send_to = ["{self.world.agencies[name]}"]\nflag = "{self.world.flags[name]}"\n'
        rules = self.desks.get(name, NO_DESK)
        if rules.has_hold_field:
            keys += 'hold = "attribute:HOLD"\nhold_until = "attribute:HOLDUNTIL"\n'
            keys += f'hold_due = "{rules.hold_due}"\nreview_days = {rules.review_days}\n'
            keys += f'review_ends = "{rules.review_ends}"\nstaff_to = ["{STAFF[2]}"]\n'
        return keys
