"""What is outside: who is written to, the mail server, the SFTP server, the folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gentle_nudge.delivery.archive import Archive
from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.delivery.sftp import Sftp, SftpServer
from gentle_nudge.delivery.smtp import MailServer, Smtp
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.setting import ADDRESS
from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.jobs.library import Library, is_copy
from gentle_nudge.jobs.sending.outlets import Routes
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.read.administration import preferences

if TYPE_CHECKING:
    from sqlalchemy import Connection


PATIENCE = 10


SENDER_WAY_OUT = "Fill Koha's preference KohaAdminEmailAddress, or set sender in [mail]."


def people(conn: Connection, library: Library, sections: Sequence[Section]) -> Iterator[Finding]:
    """Who sends, who receives, who is told of trouble."""
    said = preferences(conn, ["KohaAdminEmailAddress", "SendAllEmailsTo"])
    admin = said["KohaAdminEmailAddress"].strip()
    yield from _sender(library, admin)
    if not admin and not library.settings.alerts.to:
        yield Finding(
            name="alerts-go-nowhere",
            severity=Severity.WARNING,
            what="Nobody is told when a night goes wrong: alerts.to and KohaAdminEmailAddress are empty.",
            why="Trouble would show in exit codes and on stderr alone, which koha-foreach and cron easily swallow.",
            way_out="Fill Koha's preference KohaAdminEmailAddress, or set to in [alerts].",
        )
    if said["SendAllEmailsTo"].strip() or is_copy(conn):
        yield Finding(
            name="test-copy",
            severity=Severity.WARNING,
            what="This Koha is a test copy (SendAllEmailsTo is set, or init --copy was said).",
            why="Nothing reaches the agency.",
            way_out="If it is the library itself, empty the preference SendAllEmailsTo, or run init --moved.",
        )
    sender = (library.settings.mail.sender or admin).casefold()
    yield from (_talks_to_itself(section) for section in sections if _recipients(section) == {sender})


def _sender(library: Library, admin: str) -> Iterator[Finding]:
    mail = library.settings.mail
    if mail.maildir or mail.sender:
        return
    if not admin:
        why = "No mail server takes a message without a sender: nightly and sync refuse."
        yield Finding(name="no-sender", what="Nobody is named who sends the reports.", why=why, way_out=SENDER_WAY_OUT)
    elif not ADDRESS.fullmatch(admin):
        why = "Mail servers refuse a sender that is not one plain e-mail address."
        what = "Koha's preference KohaAdminEmailAddress, which sends the reports, is not one plain e-mail address."
        yield Finding(name="sender-implausible", what=what, why=why, way_out=SENDER_WAY_OUT)


def _recipients(section: Section) -> set[str]:
    return {address.casefold() for address in section.policy.recipients()} if section.enabled else set()


def _talks_to_itself(section: Section) -> Finding:
    return Finding(
        name="recipient-is-sender",
        severity=Severity.WARNING,
        what=f"The reports of section {section.name} go to the address alone that sends them.",
        why="The agency gets no report by e-mail.",
        way_out="Name the agency's address in send_to.",
    )


def answers(library: Library) -> list[Finding]:
    """Whether the servers and folders do what will be asked of them."""
    try:
        with read_only(library.engine) as conn:
            routes = library.routes(conn)
    except UserError:
        return []  # without a sender, which is a finding already
    found = [*_folders(routes)]
    if not routes.is_copy:
        found += [*_mail(routes.smtp), *_sftp(routes.sftp)]
    return found


def _mail(smtp: Smtp | None) -> Iterator[Finding]:
    if smtp is None:
        return
    try:
        with MailServer(replace(smtp, timeout=min(smtp.timeout, PATIENCE))) as server:
            server.greet()
    except GentleNudgeError as trouble:
        why = "Reports would wait, and reach the agency late or never."
        way_out = trouble.hint or "Mend [mail], or Koha's default SMTP server (Administration, SMTP servers)."
        yield Finding(name="mail-server", what=trouble.sentence, why=why, way_out=way_out)
    if smtp.security == "none" and not smtp.is_this_machine and smtp.allow_cleartext:
        yield Finding(
            name="mail-in-cleartext",
            severity=Severity.WARNING,
            what=f"The reports go to the mail server {smtp}, another machine, unencrypted.",
            why="Names, addresses and debts can be read on the way.",
            way_out='Set mail.security = "starttls" or "tls", unless the way there is safe.',
        )


def _sftp(server: Sftp | None) -> Iterator[Finding]:
    if server is None:
        return
    try:
        with SftpServer(replace(server, timeout=min(server.timeout, PATIENCE))) as greeted:
            greeted.greet()
    except GentleNudgeError as trouble:
        why = "No report could be uploaded."
        way_out = trouble.hint or "Mend [sftp], or ask the agency."
        yield Finding(name="sftp-server", what=trouble.sentence, why=why, way_out=way_out)


def _folders(routes: Routes) -> Iterator[Finding]:
    if routes.maildir and not _takes_files(routes.maildir):
        yield _not_writable("maildir", routes.maildir)
    if routes.archive and not _takes_files(routes.archive.directory):
        yield _not_writable("archive", routes.archive.directory)
    elif routes.archive:
        yield from _archive(routes.archive)


def _archive(archive: Archive) -> Iterator[Finding]:
    try:
        marker = archive.marker()
    except DeliveryFailed as trouble:
        why, way_out = "No copy could be kept.", trouble.hint
        yield Finding(name="archive-not-ours", what=trouble.sentence, why=why, way_out=way_out)
        return
    if marker and marker.database != archive.database:
        yield Finding(
            name="archive-not-ours",
            what=f"The archive {archive.directory} belongs to the database {marker.database}.",
            why="Copies of two libraries would mix, so none is kept.",
            way_out="Give each database a folder of its own.",
        )


def _takes_files(folder: Path) -> bool:
    """Whether files can be put there; one that is not there yet must be possible to make."""
    place = folder if folder.exists() else folder.parent
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def _not_writable(kind: str, folder: Path) -> Finding:
    return Finding(
        name=f"{kind}-not-writable",
        what=f"Nothing can be written into {folder}.",
        why="Reports would not get there.",
        way_out="Make the folder above it, and let the user that runs gentle-nudge write in it.",
    )
