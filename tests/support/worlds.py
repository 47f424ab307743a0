"""Consortia of three sections: which agencies they have, and the configuration as it is at the moment."""

from dataclasses import dataclass, field

from tests.support.holdings import GLOBAL, Scopes
from tests.support.koha import KohaDatabase
from tests.support.post import UPLOADED, Post

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

    @property
    def is_together(self) -> bool:
        """Whether one agency works for all."""
        return len(set(self.agencies.values())) == 1


EACH_ITS_OWN = {name: f"{name}@agency.example.org" for name in BRANCHES.values()}
WORLDS = {
    "together": World(agencies=dict.fromkeys(BRANCHES.values(), "one@agency.example.org")),
    "rivals": World(agencies=EACH_ITS_OWN),
    "apart": World(
        agencies=EACH_ITS_OWN,
        flags={"north": "sort1", "south": "sort2", GLOBAL: "attribute:COLL"},
        charges_by=("charge", "patron"),
    ),
}


@dataclass(kw_only=True)
class Setup:
    """The settings that a person changes in the course of a year."""

    world: World
    lists: str
    gone: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)
    charges_by: str = ""

    def scopes(self) -> Scopes:
        """What they mean."""
        return Scopes(
            branches={branch: name for branch, name in BRANCHES.items() if name not in self.gone},
            agencies={name: to for name, to in self.world.agencies.items() if name not in self.gone},
            flags=self.world.flags,
            charges_by=self.charges_by,
            everybody=(UPLOADED,) if self.world.is_together else (),
        )

    def text(self, koha: KohaDatabase, post: Post) -> str:
        """The configuration."""
        tables = ""
        for branch, name in BRANCHES.items():
            if name != GLOBAL and name not in self.gone:
                enabled = str(name not in self.disabled).lower()
                tables += f'\n[[library]]\nname = "{name}"\nbranches = ["{branch}"]\nenabled = {enabled}\n'
                tables += self._keys(name)
        if self.world.is_together:
            of_server = ("host", "port", "user", "key_file", "host_key")
            tables += SFTP.format(**{name: getattr(post.sftp, name) for name in of_server})
        return CONFIG.format(
            url=koha.url_without_password,
            lists=self.lists,
            policy=self._keys(GLOBAL),
            charges_by=self.charges_by,
            port=post.smtp.port,
            tables=tables,
        )

    def _keys(self, name: str) -> str:
        return f'send_to = ["{self.world.agencies[name]}"]\nflag = "{self.world.flags[name]}"\n'
