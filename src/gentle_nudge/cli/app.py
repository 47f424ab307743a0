"""The commands and the options that stand before them."""

from __future__ import annotations

import atexit
import gc
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli.boundary import Commands, configure_logging, say

if TYPE_CHECKING:
    from gentle_nudge.jobs.library import Library
    from gentle_nudge.settings import Needs, Settings

# name: (where the click command is, what --help says of it). A module is imported when one of its commands is called.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("gentle_nudge.cli.admin:init", "Create or upgrade our tables; adopt patrons flagged before."),
    "nightly": ("gentle_nudge.cli.cron:nightly", "Every section: submission if due, update, release; then deliver."),
    "sync": ("gentle_nudge.cli.cron:sync", "Report every open case with its balance; change nothing."),
    "deliver": ("gentle_nudge.cli.cron:deliver", "Try every delivery that is due."),
    "history": ("gentle_nudge.cli.inquiry:history", "What was done, run by run; or all that happened to one patron."),
    "regenerate": ("gentle_nudge.cli.upkeep:regenerate", "A past report byte for byte: as a file, or sent again."),
    "outbox": ("gentle_nudge.cli.upkeep:outbox", "Which reports are on their way; try again, or give up."),
    "status": ("gentle_nudge.cli.upkeep:status", "What ran last, what is late, what has not arrived."),
    "release": ("gentle_nudge.cli.staff:release", "Take a patron, or a whole submission, back from collections."),
    "review": ("gentle_nudge.cli.reviewers:review", "Who will be referred, and what to decide about it before."),
    "night": ("gentle_nudge.cli.staff:night", "What a night, or a week, did, and who needs a look."),
    "hold": ("gentle_nudge.cli.staff:hold", "Keep patrons back from collections; or who is kept back."),
    "resume": ("gentle_nudge.cli.staff:resume", "End holds: these patrons are kept back no more."),
    "remind": ("gentle_nudge.cli.reminders:remind", "Remind patrons of debts before collections; what became of it."),
    "passport": (
        "gentle_nudge.cli.passport:passport",
        "Bring patrons of other libraries here; keep them up to date.",
    ),
    "cases": ("gentle_nudge.cli.inquiry:cases", "Every case, open and closed; move open ones to another section."),
    "outcomes": ("gentle_nudge.cli.outcomes:outcomes", "What has become of the cases, to the cent."),
    "forget": ("gentle_nudge.cli.upkeep:forget", "Forget a person's name and card, and name what still holds them."),
    "explain": ("gentle_nudge.cli.inquiry:explain", "Why a patron is, or is not, referred: facts and verdicts."),
    "statement": ("gentle_nudge.cli.staff:statement", "What a patron owes and why, for the patron."),
    "timeline": ("gentle_nudge.cli.timeline:timeline", "What happens to a loan day by day, and why."),
    "koha-report": ("gentle_nudge.cli.inquiry:koha_report", "Print SQL to paste into Koha's own reports."),
    "check": ("gentle_nudge.cli.admin:check", "Is everything as it should be? What is not, and the way out."),
    "grants": ("gentle_nudge.cli.admin:grants", "Print the GRANTs for a database user with only the rights needed."),
    "import-plugin": ("gentle_nudge.cli.admin:import_plugin", "Print a configuration made from Koha's plugin."),
    "demo": ("gentle_nudge.cli.admin:demo", "A night on an invented library, to look at and play with."),
    "config": ("gentle_nudge.cli.admin:config", "Show, check or begin the configuration."),
}

# A night makes tens of thousands of values that live to its end, hardly any in cycles: frequent collections would take
# a twentieth of its time.
NEW_OBJECTS_BETWEEN_COLLECTIONS = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """The options that stand before the command."""

    config: Path | None = None
    if_configured: bool = False
    verbose: bool = False
    debug: bool = False

    @property
    def speaks(self) -> bool:
        """True if progress and success should be shown: stdout is a terminal, or an option asks for it."""
        return self.verbose or self.debug or sys.stdout.isatty()

    def settings(self, needs: Needs = "policy") -> Settings:
        """The settings with everything that the command needs, warnings shown; SettingsError with every problem.

        With `--if-configured` and no configuration the program ends here without a word.
        """
        from gentle_nudge.settings import NotConfigured, load

        try:
            settings = load(self.config, needs=needs)
        except NotConfigured:
            if self.if_configured:
                click.get_current_context().exit(0)
            raise
        said = click.get_current_context().meta.setdefault("gentle_nudge.warnings", set())
        for warning in settings.warnings:
            if warning not in said:
                say(f"Warning: {warning}", "warning")
        said.update(settings.warnings)
        return settings

    def library(self, needs: Needs = "policy") -> Library:
        """The library that the settings lead to."""
        from gentle_nudge.cli.options import now
        from gentle_nudge.jobs.library import Library

        return Library.of(self.settings(needs), now)


@click.command(cls=Commands, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration. Default: $GENTLE_NUDGE_CONFIG, else gentle-nudge.toml beside $KOHA_CONF, else "
    "/etc/gentle-nudge/config.toml.",
)
@click.option("--if-configured", is_flag=True, help="Without a configuration do nothing, quietly (for koha-foreach).")
@click.option("--verbose", is_flag=True, help="Say what is done, also without a terminal: each step with its time.")
@click.option("--debug", is_flag=True, help="As --verbose, with the statements, and where an internal error happened.")
@click.version_option(package_name="koha-gentle-nudge", prog_name="gentle-nudge")
@click.pass_context
def main(context: click.Context, *, config: Path | None, if_configured: bool, verbose: bool, debug: bool) -> None:
    """Refer patrons to a collection agency, and take them back when they have paid."""
    gc.set_threshold(NEW_OBJECTS_BETWEEN_COLLECTIONS, 20, 50)
    atexit.register(gc.freeze)  # nothing is collected at the end: the memory goes with the process
    context.obj = Invocation(config=config, if_configured=if_configured, verbose=verbose, debug=debug)
    configure_logging(verbose=verbose, debug=debug)
