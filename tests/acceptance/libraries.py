"""A library in good health, its configuration, and the command run on it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from gentle_nudge.jobs.setup.initialise import initialise
from gentle_nudge.koha.connect.engine import engine
from gentle_nudge.koha.connect.instance import Instance
from gentle_nudge.koha.connect.zone import machine
from gentle_nudge.settings.keys import Koha
from tests.builders.days import ZONE
from tests.builders.koha import owing
from tests.support.command import Command, Finished
from tests.support.koha import KohaDatabase

Tables = dict[str, dict[str, str]]


def today() -> date:
    """The day it is where the library is."""
    return datetime.now(UTC).astimezone(ZONE).date()


@dataclass
class Library:
    """One Koha with a configuration beside its koha-conf.xml; values of `tables` are TOML."""

    koha: KohaDatabase
    folder: Path
    command: Command
    tables: Tables = field(default_factory=dict)
    sections: str = ""
    elements: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tables = {
            "policy": {
                "submit_on": f'"{today():%A}"',
                "threshold": "25.00",
                "processing_fee": "10.00",
                "flag": '"sort1"',
                "minors": '"exclude"',
                "clear_paid": "true",
                "send_to": '["reports@agency.example.org"]',
            },
            "mail": {"maildir": '"mail"'},
            **self.tables,
        }

    def set(self, table: str, **values: str) -> None:
        """These keys have these values."""
        self.tables.setdefault(table, {}).update(values)

    def leave_out(self, table: str, key: str) -> None:
        """The key is not given."""
        del self.tables[table][key]

    def write(self) -> Path:
        """The configuration is there; its path."""
        lines = [line for name, values in self.tables.items() for line in _table(name, values)]
        path = self.folder / "gentle-nudge.toml"
        path.write_text("\n".join([*lines, self.sections]), encoding="utf-8")
        return path

    def run(self, *arguments: str, **env: str) -> Finished:
        """The command in this library's shell, on its configuration as it is now."""
        return self.command.run(*arguments, env=self._shell(env))

    def run_process(self, *arguments: str) -> Finished:
        """The same by the installed command, in a process of its own."""
        return self.command.run_process(*arguments, env=self._shell({}))

    def _shell(self, env: dict[str, str]) -> dict[str, str]:
        self.write()
        conf = self.koha.conf_file(self.folder, **self.elements)
        return {"KOHA_CONF": str(conf), **self.env, **env}

    def initialise(self) -> None:
        """Our tables are there and belong here."""
        url = self.koha.engine.url
        found = Instance(url=url, zone=ZONE, machine=machine(Koha()))
        made = engine(found)
        with made.begin() as conn:
            initialise(conn, found, datetime.now(UTC))
        made.dispose()

    def check(self) -> list[dict[str, Any]]:
        """What the command finds; its exit code fits."""
        done = self.run("check", "--format", "json")
        assert done.stdout, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        assert done.returncode == int(any(it["severity"] == "problem" for it in found)), done.stderr
        return found

    def owing(self, amount: str = "30.00", *, days_ago: int = 75, **patron: Any) -> int:
        """A patron with one lost charge, in the window unless told otherwise."""
        return owing(self.koha, amount, day=today() - timedelta(days=days_ago), **patron)


def _table(name: str, values: dict[str, str]) -> list[str]:
    return [f"[{name}]", *(f"{key} = {value}" for key, value in values.items()), ""]
