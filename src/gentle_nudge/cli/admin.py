"""The administrator's commands: init, check, config, import-plugin, demo."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.options import format_option, moment_of, now, show
from gentle_nudge.domain.money import ZERO, format_amount
from gentle_nudge.errors import EXIT_FAILURE, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gentle_nudge.jobs.library import Library
    from gentle_nudge.jobs.setup.plugin_import import Imported
    from gentle_nudge.jobs.setup.restore import LostDeliveries
    from gentle_nudge.settings import Settings


SHOWN = 20


KOHA_CONF, OUR_CONF = "KOHA_CONF", "GENTLE_NUDGE_KOHA__CONF"


@click.command()
@format_option
@click.pass_obj
def check(invocation: Invocation, form: str) -> None:
    """Is everything as it should be? Each finding with why it matters and the way out; changes nothing."""
    from gentle_nudge.domain.finding import Severity
    from gentle_nudge.jobs.check import check as run
    from gentle_nudge.views.finding_view import finding_view

    library = invocation.library("koha")
    findings = run(library, moment_of(library, None, dry_run=True))
    show(finding_view(findings), form)
    sys.exit(EXIT_FAILURE if any(finding.severity is Severity.PROBLEM for finding in findings) else 0)


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
    from gentle_nudge.jobs.library import Library
    from gentle_nudge.jobs.setup.plugin_import import import_plugin as run
    from gentle_nudge.jobs.setup.plugin_import import write_password
    from gentle_nudge.jobs.transaction import read_only

    library = Library.of(_settings(invocation))
    moment = moment_of(library, None, dry_run=True)
    with read_only(library.engine) as conn:
        imported = run(conn, moment, password_file)
    if password_file and imported.password:
        write_password(password_file, imported.password)
    click.echo(imported.text, nl=False)
    click.echo("\n".join(_told(imported)), err=True)


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


def _told(imported: Imported) -> Iterator[str]:
    """What was found, and what changing over would mean tonight."""
    yield from imported.findings
    comparison = imported.comparison
    if comparison is None:
        yield "Who would be referred cannot be compared before threshold and flag are known."
        return
    yield (
        f"Flagged already, to be adopted (gentle-nudge init --adopt): {comparison.to_adopt} patrons; of them "
        f"{comparison.paid} at or below the limit for clearing, and {comparison.silent} without any account line, of "
        "whom the plugin told nothing any more."
    )
    for title, patrons in (
        ("Referred tonight by the plugin's rules and not by ours", comparison.theirs),
        ("Referred tonight by our rules and not by the plugin's", comparison.ours),
    ):
        yield f"{title}: {len(patrons)} patrons"
        yield from (f"  number {number}: {why}" for number, why in sorted(patrons.items())[:SHOWN])
        if len(patrons) > SHOWN:
            yield f"  and {len(patrons) - SHOWN} more"


@click.group()
def config() -> None:
    """Show, check or begin the configuration."""


@config.command("show")
@click.pass_obj
def show_settings(invocation: Invocation) -> None:
    """Print every setting in force and where it comes from; never a password."""
    from gentle_nudge.settings.key_pages import effective

    click.echo(effective(invocation.settings("koha")), nl=False)


@config.command()
@click.pass_obj
def validate(invocation: Invocation) -> None:
    """Tell every problem with the settings at once; the database is not asked (see check)."""
    from gentle_nudge.errors import SettingsError
    from gentle_nudge.koha.connect.instance import instance

    try:
        settings = invocation.settings("koha")
    except SettingsError:
        invocation.settings("policy")  # says the same and which keys are missing besides
        raise
    koha = instance(settings)
    click.echo(f"{settings.places.file} is right; it leads to the database {koha.shown}, zone {koha.zone.key}.")
    if settings.lacks:
        click.echo("\n".join(["Before nightly and sync can run:", *settings.lacks]))


@config.command()
def example() -> None:
    """Print a configuration to begin with: every key, its meaning, its default."""
    from gentle_nudge.settings.key_pages import sample

    click.echo(sample(), nl=False)


WIDTH = 100


NAME = "gentle-nudge"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="gentle-nudge-demo", metavar="[DIR]")
@click.option(
    "--day",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="Show the latest Sunday not after this day. Default: today.",
)
def demo(folder: Path, day: datetime | None) -> None:
    """A Sunday night on an invented library, to look at and play with.

    Everything is made in DIR (default: gentle-nudge-demo); nothing else is read, changed or sent. An earlier demo
    in DIR is replaced; a folder with anything else in it is left alone.
    """
    from gentle_nudge.demo.play import ZONE, play
    from gentle_nudge.demo.story import story_view
    from gentle_nudge.views.terminal import draw, screen

    shown = day.date() if day else now().astimezone(ZONE).date()
    draw(story_view(play(folder, shown), os.environ, program=_program()), screen(width=WIDTH))


def _program() -> str:
    """How this program can be called again: by its name, or by the path it was called with if the name is not found."""
    called = Path(sys.argv[0])
    found = which(NAME)
    if called.name != NAME or (found and called.exists() and called.samefile(found)):
        return NAME
    return str(called)


def settle(library: Library, *, is_copy: bool, yes: bool) -> None:
    """This machine and database are the library's from now on, or those of a copy."""
    from gentle_nudge.jobs.identity import settle as run

    where = library.instance.shown
    if is_copy:
        confirm(
            f"Make {where} a copy? Its open deliveries are cancelled, later mail goes into {library.mail_of_a_copy}.",
            yes=yes,
        )
    else:
        confirm(f"Has the library moved to {where} on this machine? The old place must not go on.", yes=yes)
    with library.engine.begin() as conn:
        moment = moment_of(library, None, dry_run=False, person=True)
        cancelled = run(conn, library.instance, moment, is_copy=is_copy)
    click.echo(f"{where} on this machine is {'a copy' if is_copy else 'the library'} from now on.")
    if is_copy:
        click.echo(f"{cancelled} deliveries cancelled; mail goes into {library.mail_of_a_copy}, nothing is uploaded.")


def restore(library: Library, *, yes: bool) -> None:
    """What was delivered since the backup is shown and, once confirmed, known; the nights may go on."""
    from gentle_nudge.jobs.identity import refuse_elsewhere
    from gentle_nudge.jobs.sending.restore_mark import journal_of, tell_archive
    from gentle_nudge.jobs.setup.restore import look, mend
    from gentle_nudge.jobs.transaction import read_only, writing

    archive = library.archive
    if archive is None:
        raise UserError(
            "Nothing remembers what was delivered since the backup: there is no archive.",
            "Look at what the agency got before the next night; with [archive] directory set, it is known next time.",
        )
    journal = journal_of(archive)
    with read_only(library.engine) as conn:
        refuse_elsewhere(conn, library.instance)
        sections = library.known_sections(conn)
        lost = look(conn, archive, journal, sections)
    if lost is None:
        click.echo("This database is not older than the archive's last note of it: there is nothing to do.")
        return
    if lost.submissions and not sections:
        raise UserError("The policy is needed to put patrons back into collections.", "gentle-nudge config validate")
    click.echo("\n".join(_lines(lost)))
    confirm("Go on from here? The next update tells every recipient how every open case stands.", yes=yes)
    moment = moment_of(library, None, dry_run=False, person=True)
    mended = writing(library.engine, partial(mend, lost=lost, sections=sections, moment=moment))
    tell_archive(library.engine, archive, moment.now)
    click.echo(f"{mended.sent} deliveries marked as sent, {mended.reported} open cases to be reported.")
    if lost.submissions:
        gone = f"; {mended.gone} are not in Koha any more" if mended.gone else ""
        click.echo(f"{mended.adopted} patrons are in collections again{gone}.")


def _lines(lost: LostDeliveries) -> Iterator[str]:
    """What was lost, without a word about any patron."""
    yield f"Delivered since the backup: {len(lost.delivered)}"
    for entry in lost.delivered:
        yield f"  {entry.at:%Y-%m-%d %H:%M} UTC  {entry.file_name} to {entry.recipient} ({entry.channel})"
    yield f"Submissions that this database does not know: {len(lost.submissions)}"
    for submission in lost.submissions:
        yield f"  {submission.day}, {submission.section}: {len(submission.rows)} patrons"
    if lost.fees:
        total = format_amount(sum(lost.fees, ZERO))
        yield f"{len(lost.fees)} processing fees, {total} in all, are in Koha no more, nor are their restrictions."
        yield "  Neither is made again; charge by hand what shall stand."


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(question: str, *, yes: bool) -> None:
    """Go on if a person says so, or has said so; UserError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("There is no terminal to ask on, so nothing was done.", "Add --yes to run without a terminal.")
    click.confirm(question, abort=True)


@click.command()
@click.option("--adopt", is_flag=True, help="Open a case for every patron whose flag says yes without one.")
@click.option("--moved", is_flag=True, help="The library is on this machine, in this database, from now on.")
@click.option(
    "--copy", "is_copy", is_flag=True, help="This database is a copy: nothing leaves it, not even old reports."
)
@click.option("--restored", is_flag=True, help="Show what was delivered since the backup, and go on from there.")
@yes_option
@click.pass_obj
def init(invocation: Invocation, adopt: bool, moved: bool, is_copy: bool, restored: bool, yes: bool) -> None:
    """Create or upgrade our tables, and note which machine and database this is."""
    from gentle_nudge.jobs.setup.initialise import initialise

    if adopt + moved + is_copy + restored > 1:
        raise UserError("Use only one of --adopt, --moved, --copy and --restored.")
    library = invocation.library("policy" if adopt else "koha")
    if moved or is_copy:
        return settle(library, is_copy=is_copy, yes=yes)
    if restored:
        return restore(library, yes=yes)
    confirm(f"Create or upgrade the tables gentle_nudge_* in {library.instance.shown}?", yes=yes)
    with library.engine.begin() as conn:
        is_new = initialise(conn, library.instance, moment_of(library, None, dry_run=False).now)
    click.echo(f"Our tables are {'new' if is_new else 'up to date'} in {library.instance.shown}.")
    return _adopt(library, yes=yes) if adopt else None


def _adopt(library: Library, *, yes: bool) -> None:
    from gentle_nudge.jobs.setup.adopt import adopt_all
    from gentle_nudge.jobs.setup.initialise import waiting_for_adoption
    from gentle_nudge.jobs.transaction import read_only, writing

    moment = moment_of(library, None, dry_run=False, person=True)
    sections, _ = library.ready((), dry_run=False)
    with read_only(library.engine) as conn:
        waiting = waiting_for_adoption(conn, sections, moment)
    for unadopted in waiting:
        section = unadopted.section
        click.echo(f"{section.name}: {len(unadopted.adoptees)} patrons whose flag says yes without a case")
        for value, number in sorted(unadopted.by_value().items()):
            click.echo(f"  {number} with {value!r} in {section.policy.flag}")
        no_lines, marked = unadopted.without_lines, unadopted.with_our_mark
        click.echo(f"  {no_lines} without an outstanding line, {marked} with a fee or mark of ours")
    if any(unadopted.adoptees for unadopted in waiting):
        confirm("Adopt them all? The agency is told their balances from the next update on.", yes=yes)
    for unadopted in waiting:
        work = partial(adopt_all, section=unadopted.section, wanted=unadopted.numbers, moment=moment)
        click.echo(f"{unadopted.section.name}: {len(writing(library.engine, work))} adopted")
