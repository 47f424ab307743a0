"""The commands before a first night: check, import-plugin."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli import Invocation
from gentle_nudge.cli.nightly import format_option, moment_of
from gentle_nudge.errors import WORLD

if TYPE_CHECKING:
    from gentle_nudge.jobs.import_plugin import Comparison, Imported
    from gentle_nudge.settings import Settings

SHOWN = 20
KOHA_CONF, OUR_CONF = "KOHA_CONF", "GENTLE_NUDGE_KOHA__CONF"


@click.command()
@format_option
@click.pass_obj
def check(invocation: Invocation, form: str) -> None:
    """Is everything as it should be? Each finding with why it matters and the way out; changes nothing."""
    from dataclasses import asdict

    from gentle_nudge.console import as_json
    from gentle_nudge.console.findings import finding_lines
    from gentle_nudge.domain.finding import Severity
    from gentle_nudge.jobs.check import check as run
    from gentle_nudge.jobs.opening import Library

    library = Library.of(invocation.settings("koha"))
    findings = run(library, moment_of(library, None, dry_run=True))
    if form == "json":
        click.echo(as_json([asdict(finding) for finding in findings]))
    else:
        click.echo("\n".join(finding_lines(findings)))
    sys.exit(WORLD if any(finding.severity is Severity.PROBLEM for finding in findings) else 0)


@click.command("import-plugin")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the plugin's SFTP password is written to; readable by its owner only.",
)
@click.pass_obj
def import_plugin(invocation: Invocation, password_file: Path | None) -> None:
    """Print a configuration made from the settings of Koha's Gentle Nudge plugin; findings go to stderr."""
    from gentle_nudge.jobs.import_plugin import import_plugin as run
    from gentle_nudge.jobs.import_plugin import write_password
    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.transaction import reading

    library = Library.of(_settings(invocation))
    moment = moment_of(library, None, dry_run=True)
    with reading(library.engine) as conn:
        imported = run(conn, moment, password_file)
    if password_file and imported.password:
        write_password(password_file, imported.password)
    click.echo(imported.text, nl=False)
    _tell(imported)


def _settings(invocation: Invocation) -> Settings:
    """The settings; while there are none, those that KOHA_CONF alone makes: whoever imports has none yet."""
    from gentle_nudge.settings import NotConfigured, load

    try:
        return invocation.settings("koha")
    except NotConfigured:
        if invocation.config or not os.environ.get(KOHA_CONF):
            raise
        environ = {**os.environ, OUR_CONF: os.environ[KOHA_CONF]}
        return load(environ=environ, needs="koha")


def _tell(imported: Imported) -> None:
    for finding in imported.findings:
        click.echo(finding, err=True)
    if imported.comparison:
        _compare(imported.comparison)
    else:
        click.echo("Who would be referred cannot be compared before threshold and flag are known.", err=True)


def _compare(found: Comparison) -> None:
    click.echo(
        f"Flagged already, to be adopted (gentle-nudge init --adopt): {found.to_adopt} patrons; of them {found.paid} "
        f"at or below the limit for clearing, and {found.silent} without any account line, of whom the plugin told "
        "nothing any more.",
        err=True,
    )
    _list("Referred tonight by the plugin's rules and not by ours", found.theirs)
    _list("Referred tonight by our rules and not by the plugin's", found.ours)


def _list(title: str, patrons: Mapping[int, str]) -> None:
    click.echo(f"{title}: {len(patrons)} patrons", err=True)
    for number, why in sorted(patrons.items())[:SHOWN]:
        click.echo(f"  number {number}: {why}", err=True)
    if len(patrons) > SHOWN:
        click.echo(f"  and {len(patrons) - SHOWN} more", err=True)
