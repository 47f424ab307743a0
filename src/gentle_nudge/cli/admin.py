"""The administrator's commands: check, config, grants, import-plugin, demo, init."""

from __future__ import annotations

import os
import sys
from datetime import date
from functools import partial
from pathlib import Path
from shutil import which

import click

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import HelpfulGroup
from gentle_nudge.cli.options import date_option, format_option, moment_of, now, progress, show
from gentle_nudge.demo.play import play
from gentle_nudge.demo.sample_library import ZONE
from gentle_nudge.demo.story import story_view
from gentle_nudge.domain.finding import Severity
from gentle_nudge.domain.wording import counted
from gentle_nudge.errors import EXIT_FAILURE, UserError
from gentle_nudge.jobs import check as checks
from gentle_nudge.jobs.identity import refuse_elsewhere, settle
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.sending.outlets import maildir_of_a_copy
from gentle_nudge.jobs.sending.restore_mark import journal_of, tell_archive
from gentle_nudge.jobs.setup import plugin_import
from gentle_nudge.jobs.setup.adopt import adopt_all
from gentle_nudge.jobs.setup.grants import DatabaseUser, default_user, grants_outside
from gentle_nudge.jobs.setup.grants import grants as grants_for
from gentle_nudge.jobs.setup.initialise import initialise, mend_clock, waiting_for_adoption
from gentle_nudge.jobs.setup.restore import look, mend
from gentle_nudge.jobs.transaction import read_only, writing
from gentle_nudge.koha.connect.instance import instance
from gentle_nudge.settings import NotConfigured, Settings, load
from gentle_nudge.settings.key_pages import effective, sample
from gentle_nudge.store.dates_ahead import dates_ahead
from gentle_nudge.views.finding_view import finding_view
from gentle_nudge.views.setup_view import ahead_view, import_view, lost_view
from gentle_nudge.views.terminal import draw, screen

KOHA_CONF, OUR_CONF = "KOHA_CONF", "GENTLE_NUDGE_KOHA__CONF"
NAME = "gentle-nudge"
WIDTH = 100


@click.command()
@format_option
@click.pass_obj
def check(invocation: Invocation, form: str) -> None:
    """Is everything as it should be? Each finding with why it matters and the way out; changes nothing."""
    library = invocation.library("koha")
    with progress():
        findings = checks.check(library, moment_of(library))
    show(finding_view(findings), form)
    sys.exit(EXIT_FAILURE if any(finding.severity is Severity.PROBLEM for finding in findings) else 0)


@click.command()
@click.option("--user", metavar="NAME@HOST", help="The user. Default: gentle_nudge_INSTANCE@localhost.")
@click.option("--read-only", "dry_runs", is_flag=True, help="Only what a dry run needs.")
@click.option(
    "--outside-writer", "writer", metavar="NAME@HOST", help="Instead: a user who may only write down what staff want."
)
@click.pass_obj
def grants(invocation: Invocation, user: str | None, *, dry_runs: bool, writer: str | None) -> None:
    """Print the SQL for a database user with only the rights that this configuration needs.

    Nothing is changed. An administrator of the database runs what is printed. No password is in it: a new user is
    locked until it gets one.
    """
    if writer and (user or dry_runs):
        raise UserError("--outside-writer is for a user of its own.", "Leave out --user and --read-only.")
    library = invocation.library("koha")
    if writer:
        click.echo(grants_outside(library, DatabaseUser.parse(writer)), nl=False)
        return
    whom = DatabaseUser.parse(user) if user else default_user(library)
    click.echo(grants_for(library, whom, for_dry_runs=dry_runs), nl=False)


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
    library = Library.of(_settings(invocation), now)
    with progress(), read_only(library.engine) as conn:
        imported = plugin_import.import_plugin(conn, moment_of(library), password_file)
    if password_file and imported.password:
        plugin_import.write_password(password_file, imported.password)
    click.echo(imported.text, nl=False)
    show(import_view(imported.findings, imported.comparison), stderr=True)


def _settings(invocation: Invocation) -> Settings:
    """The settings; before there is a configuration, those that follow from KOHA_CONF alone."""
    try:
        return invocation.settings("koha")
    except NotConfigured:
        if invocation.config or not os.environ.get(KOHA_CONF):
            raise
        return load(environ={**os.environ, OUR_CONF: os.environ[KOHA_CONF]}, needs="koha")


@click.group(cls=HelpfulGroup)
def config() -> None:
    """Show, check or begin the configuration."""


@config.command("show")
@click.pass_obj
def show_settings(invocation: Invocation) -> None:
    """Print every setting in force and where it comes from; never a password."""
    click.echo(effective(invocation.settings("koha")), nl=False)


@config.command()
@click.pass_obj
def validate(invocation: Invocation) -> None:
    """Tell every problem with the settings at once; the database is not asked (see check)."""
    settings = invocation.settings("policy")
    settings.refuse_examples()
    koha = instance(settings)
    click.echo(f"{settings.places.file} is right; it leads to the database {koha.shown}, zone {koha.zone.key}.")


@config.command()
def example() -> None:
    """Print a configuration to begin with: every key, its meaning, its default."""
    click.echo(sample(), nl=False)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="gentle-nudge-demo", metavar="[DIR]")
@date_option("--day", zone=ZONE, help="Show the latest Sunday not after this day. Default: today.")
def demo(folder: Path, day: date | None) -> None:
    """A Sunday night on an invented library, to look at and play with.

    Everything is made in DIR (default: gentle-nudge-demo); nothing else is read, changed or sent. An earlier demo
    in DIR is replaced; a folder with anything else in it is left alone.
    """
    with progress():
        story = play(folder, day or now(ZONE).date())
    draw(story_view(story, os.environ, program=_program()), screen(width=WIDTH))


def _program() -> str:
    """How to call this program again: by its name, or by the path it was called with if the name is not found."""
    called = Path(sys.argv[0])
    found = which(NAME)
    if called.name != NAME or (found and called.exists() and called.samefile(found)):
        return NAME
    return str(called)


@click.command()
@click.option("--adopt", is_flag=True, help="Open a case for every patron whose flag says yes without one.")
@click.option("--moved", is_flag=True, help="The library is on this machine, in this database, from now on.")
@click.option(
    "--copy", "is_copy", is_flag=True, help="This database is a copy: nothing leaves it, not even old reports."
)
@click.option("--restored", is_flag=True, help="Show what was delivered since the backup, and go on from there.")
@click.option("--clock-mended", is_flag=True, help="Show what was dated ahead by a wrong clock, and date it today.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def init(
    invocation: Invocation, *, adopt: bool, moved: bool, is_copy: bool, restored: bool, clock_mended: bool, yes: bool
) -> None:
    """Create or upgrade our tables, and note which machine and database this is."""
    if adopt + moved + is_copy + restored + clock_mended > 1:
        raise UserError("Use only one of --adopt, --moved, --copy, --restored and --clock-mended.")
    library = invocation.library("policy" if adopt else "koha")
    library.refuse_other_time()
    if moved or is_copy:
        return _settle(library, is_copy=is_copy, yes=yes)
    if restored:
        return _restore(library, yes=yes)
    if clock_mended:
        return _mend_clock(library, yes=yes)
    _confirm(f"Create or upgrade the tables gentle_nudge_* in {library.instance.shown}?", yes=yes)
    with progress():
        is_new = writing(library.engine, partial(initialise, instance=library.instance, now=now()))
    click.echo(f"Our tables are {'new' if is_new else 'up to date'} in {library.instance.shown}.")
    return _adopt(library, yes=yes) if adopt else None


def _confirm(question: str, *, yes: bool) -> None:
    """Go on if a person says yes now, or said `--yes`; UserError if there is no terminal to ask on."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("There is no terminal to ask on, so nothing was done.", "Add --yes to run without a terminal.")
    click.confirm(question, abort=True)


def _settle(library: Library, *, is_copy: bool, yes: bool) -> None:
    """Note that this machine and database are the library's from now on, or those of a copy."""
    where, mail = library.instance.shown, maildir_of_a_copy(library.settings) if is_copy else None
    if is_copy:
        _confirm(f"Make {where} a copy? Its open deliveries are cancelled, later mail goes into {mail}.", yes=yes)
    else:
        _confirm(f"Has the library moved to {where} on this machine? The old place must not go on.", yes=yes)
    work = partial(settle, instance=library.instance, moment=moment_of(library, person=True), is_copy=is_copy)
    cancelled = writing(library.engine, work)
    click.echo(f"{where} on this machine is {'a copy' if is_copy else 'the library'} from now on.")
    if is_copy:
        click.echo(
            f"{counted(cancelled, 'delivery', 'deliveries')} cancelled; mail goes into {mail}, nothing is uploaded."
        )


def _restore(library: Library, *, yes: bool) -> None:
    """Show what was delivered since the backup and, once a person agrees, note it; then nights may run again."""
    if library.archive is None:
        raise UserError(
            "Nothing remembers what was delivered since the backup: there is no archive.",
            "Look at what the agency got before the next night; with [archive] directory set, it is known next time.",
        )
    journal = journal_of(library.archive)
    with progress(), read_only(library.engine) as conn:
        refuse_elsewhere(conn, library.instance)
        sections = library.known_sections(conn)
        lost = look(conn, library.archive, journal, sections)
    if lost is None:
        click.echo("This database is not older than the archive's last note of it: there is nothing to do.")
        return
    if lost.submissions and not sections:
        raise UserError("The policy is needed to put patrons back into collections.", "gentle-nudge config validate")
    patrons = [(submission.day, submission.section, len(submission.rows)) for submission in lost.submissions]
    show(lost_view(lost.delivered, patrons, lost.fees))
    _confirm("Go on from here? The next update tells every recipient how every open case stands.", yes=yes)
    moment = moment_of(library, person=True)
    with progress():
        mended = writing(library.engine, partial(mend, lost=lost, sections=sections, moment=moment))
    tell_archive(library.engine, library.archive, moment.now)
    click.echo(
        f"{counted(mended.sent, 'delivery', 'deliveries')} marked as sent, "
        f"{counted(mended.reported, 'open case')} to be reported."
    )
    if lost.submissions:
        gone = f"; not in Koha any more: {mended.gone}" if mended.gone else ""
        click.echo(f"{counted(mended.adopted, 'patron is', 'patrons are')} in collections again{gone}.")


def _mend_clock(library: Library, *, yes: bool) -> None:
    """Show what is dated ahead and, once a person agrees, date it today; the archive's note follows."""
    library.refuse_other_database()
    moment = moment_of(library, person=True)
    with read_only(library.engine) as conn:
        is_copy = refuse_elsewhere(conn, library.instance).is_copy
        ahead = dates_ahead(conn, moment)
    if not ahead:
        click.echo(f"Nothing of ours is dated after {moment.today}: there is nothing to do.")
        return
    show(ahead_view(ahead.runs, ahead.claims, ahead.others))
    _confirm(f"Is today {moment.today}? All this gets today's date; runs get the next number of the day.", yes=yes)
    mended = writing(library.engine, partial(mend_clock, moment=moment))
    if library.archive and not is_copy:
        tell_archive(library.engine, library.archive, moment.now)
    click.echo(
        f"{counted(len(mended.runs), 'run is', 'runs are')} of {moment.today} now, "
        f"{counted(len(mended.claims), 'delivery is', 'deliveries are')} due again."
    )


def _adopt(library: Library, *, yes: bool) -> None:
    """Show the patrons who are flagged without a case and, once a person agrees, open their cases."""
    moment = moment_of(library, person=True)
    sections, _ = library.ready((), dry_run=False)
    with progress(), read_only(library.engine) as conn:
        waiting = waiting_for_adoption(conn, sections, moment)
    for unadopted in waiting:
        section = unadopted.section
        click.echo(f"{section.name}: {counted(len(unadopted.adoptees), 'patron')} whose flag says yes without a case")
        for value, number in sorted(unadopted.by_value().items()):
            click.echo(f"  {number} with {value!r} in {section.policy.flag}")
        no_lines, marked = unadopted.without_lines, unadopted.with_our_mark
        click.echo(f"  {no_lines} without an outstanding line, {marked} with a fee or mark of ours")
    if any(unadopted.adoptees for unadopted in waiting):
        _confirm("Adopt them all? The agency is told their balances from the next update on.", yes=yes)
    for unadopted in waiting:
        work = partial(adopt_all, section=unadopted.section, wanted=unadopted.numbers, moment=moment)
        with progress():
            adopted = writing(library.engine, work)
        click.echo(f"{unadopted.section.name}: {len(adopted)} adopted")
