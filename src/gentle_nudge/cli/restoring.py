"""What `init` does when the library moved, was copied, or came from a backup."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from gentle_nudge.cli.nightly import moment_of
from gentle_nudge.cli.setup import confirm
from gentle_nudge.domain.money import ZERO, written
from gentle_nudge.errors import ToBeMended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gentle_nudge.jobs.opening import Library
    from gentle_nudge.jobs.restored import Lost


def settle(library: Library, *, is_copy: bool, yes: bool) -> None:
    """This machine and database are the library's from now on, or those of a copy."""
    from gentle_nudge.jobs.whereabouts import settle as run

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
    from gentle_nudge.jobs.progress import journal_of, tell_archive
    from gentle_nudge.jobs.restored import look, mend
    from gentle_nudge.jobs.transaction import reading, writing
    from gentle_nudge.jobs.whereabouts import refuse_elsewhere

    archive = library.archive
    if archive is None:
        raise ToBeMended(
            "Nothing remembers what was delivered since the backup: there is no archive.",
            "Look at what the agency got before the next night; with [archive] directory set, it is known next time.",
        )
    journal = journal_of(archive)
    with reading(library.engine) as conn:
        refuse_elsewhere(conn, library.instance)
        sections = library.known_sections(conn)
        lost = look(conn, archive, journal, sections)
    if lost is None:
        click.echo("This database is not older than the archive's last note of it: there is nothing to do.")
        return
    if lost.submissions and not sections:
        raise ToBeMended("The policy is needed to put patrons back into collections.", "gentle-nudge config validate")
    click.echo("\n".join(_lines(lost)))
    confirm("Go on from here? The next update tells every recipient how every open case stands.", yes=yes)
    moment = moment_of(library, None, dry_run=False, person=True)
    mended = writing(library.engine, partial(mend, lost=lost, sections=sections, moment=moment))
    tell_archive(library.engine, archive, moment.now)
    click.echo(f"{mended.sent} deliveries marked as sent, {mended.reported} open cases to be reported.")
    if lost.submissions:
        gone = f"; {mended.gone} are not in Koha any more" if mended.gone else ""
        click.echo(f"{mended.adopted} patrons are in collections again{gone}.")


def _lines(lost: Lost) -> Iterator[str]:
    """What was lost, without a word about any patron."""
    yield f"Delivered since the backup: {len(lost.delivered)}"
    for entry in lost.delivered:
        yield f"  {entry.at:%Y-%m-%d %H:%M} UTC  {entry.file_name} to {entry.recipient} ({entry.channel})"
    yield f"Submissions that this database does not know: {len(lost.submissions)}"
    for submission in lost.submissions:
        yield f"  {submission.day}, {submission.section}: {len(submission.rows)} patrons"
    if lost.fees:
        total = written(sum(lost.fees, ZERO))
        yield f"{len(lost.fees)} processing fees, {total} in all, are in Koha no more, nor are their restrictions."
        yield "  Neither is made again; charge by hand what shall stand."
