"""From the settings to a library one can work with: its database, its zone, its post."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from gentle_nudge.delivery.archive import Archive
from gentle_nudge.delivery.sftp import Sftp
from gentle_nudge.delivery.smtp import Smtp
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.identity import refuse_elsewhere
from gentle_nudge.jobs.sections import codes_of, named, sections_of
from gentle_nudge.jobs.sending.enqueue import Office
from gentle_nudge.jobs.sending.outlets import Post, Routes
from gentle_nudge.jobs.sending.restore_mark import journal_of, refuse_restored
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.connect.conf import SmtpServer
from gentle_nudge.koha.connect.engine import engine
from gentle_nudge.koha.connect.instance import Instance, instance
from gentle_nudge.koha.inspect.unknown_codes import refuse_misfits
from gentle_nudge.koha.read.administration import default_server, preferences
from gentle_nudge.settings import MailTable, Settings, SftpTable
from gentle_nudge.store import meta
from gentle_nudge.texts.environment import Texts

if TYPE_CHECKING:
    from pydantic import SecretStr
    from sqlalchemy import Connection, Engine


NOBODY = "koha@localhost"


SECURITY: dict[str, Literal["none", "starttls", "tls"]] = {"disabled": "none", "starttls": "starttls", "ssl": "tls"}


@dataclass(frozen=True, kw_only=True)
class Library:
    """One Koha with our settings for it."""

    settings: Settings
    instance: Instance

    @classmethod
    def of(cls, settings: Settings) -> Library:
        """The library these settings are for; nothing is connected yet."""
        return cls(settings=settings, instance=instance(settings))

    @cached_property
    def engine(self) -> Engine:
        """The way to its database."""
        return engine(self.instance)

    @cached_property
    def texts(self) -> Texts:
        """The texts it sends."""
        return Texts(None)  # settings.templates.directory, as soon as there is that key

    @property
    def zone(self) -> ZoneInfo:
        """The zone it lives in."""
        return self.instance.zone

    @property
    def runs_plugins(self) -> bool:
        """Whether its Koha runs plugins, as far as koha-conf.xml tells."""
        return self.instance.conf is None or self.instance.conf.enable_plugins

    @property
    def archive(self) -> Archive | None:
        """The folder of copies, if one is kept."""
        directory = self.settings.archive.directory
        return Archive(directory=directory, database=self.instance.database) if directory else None

    def may_act(self) -> None:
        """UserError where nothing may be changed: elsewhere, or on a database restored from a backup.

        The archive's note is read before the database: who writes it has committed first.
        """
        journal = journal_of(self.archive)
        with read_only(self.engine) as conn:
            if not refuse_elsewhere(conn, self.instance).is_copy:
                refuse_restored(conn, journal)

    def ready(self, wanted: Sequence[str], *, dry_run: bool) -> tuple[tuple[Section, ...], Office]:
        """The wanted sections (all, if none is named) and the office; UserError where we must not act."""
        if not dry_run:
            self.may_act()
        with read_only(self.engine) as conn:
            if not dry_run:
                self.routes(conn)
            sections = named(sections_of(conn, self.settings), wanted)
            refuse_misfits(conn, [codes_of(section) for section in sections])
            return sections, self.office(conn)

    def sections(self, wanted: Sequence[str] = (), *, changes: bool) -> tuple[Section, ...]:
        """The wanted sections (all, if none is named); UserError where nothing may be changed, if `changes` are."""
        if changes:
            self.may_act()
        with read_only(self.engine) as conn:
            return named(sections_of(conn, self.settings), wanted)

    def names_of(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """These names, and those that the sections so called had before: a section may be gone."""
        former = {library.name.casefold(): library.formerly for library in self.settings.tables.library}
        return tuple(each for name in wanted for each in (name, *former.get(name.casefold(), ())))

    def at_the_post(self) -> tuple[tuple[Section, ...], Post]:
        """All sections, as far as the settings know them, and the post."""
        self.may_act()
        with read_only(self.engine) as conn:
            return self.known_sections(conn), Post(self.routes(conn))

    def known_sections(self, conn: Connection) -> tuple[Section, ...]:
        """All sections; none while the settings lack what a policy needs."""
        return () if self.settings.lacks else sections_of(conn, self.settings)

    def office(self, conn: Connection) -> Office:
        """Who speaks and who listens; of a copy those who get mail alone."""
        library = preferences(conn, ["LibraryName"])["LibraryName"]
        if is_copy(conn):
            return Office(library=library, texts=self.texts)
        archive = self.settings.archive.directory
        return Office(
            library=library,
            sftp=_shown(self.settings.sftp) if self.settings.sftp else None,
            archive=str(archive) if archive else None,
            texts=self.texts,
        )

    def routes(self, conn: Connection) -> Routes:
        """Where each channel leads."""
        said = preferences(conn, ["KohaAdminEmailAddress", "SendAllEmailsTo"])
        mail = self.settings.mail
        sender = mail.sender or said["KohaAdminEmailAddress"].strip()
        if is_copy(conn):
            return Routes(
                sender=sender or NOBODY,
                instance=self.instance.url.database or "",
                maildir=self.mail_of_a_copy,
                is_copy=True,
            )
        if not sender and not mail.maildir:
            raise UserError(
                "Nobody is named who sends the reports.",
                "Fill Koha's preference KohaAdminEmailAddress, or set sender in [mail].",
            )
        return Routes(
            sender=sender or NOBODY,
            instance=self.instance.url.database or "",
            smtp=None if mail.maildir else _smtp(mail, default_server(conn, self.instance.conf)),
            maildir=mail.maildir,
            sftp=_sftp(self.settings.sftp) if self.settings.sftp else None,
            archive=self.archive,
            redirect=said["SendAllEmailsTo"].strip(),
        )

    @property
    def mail_of_a_copy(self) -> Path:
        """The Maildir that a copy of the database sends to: the one of the settings, else a folder beside ours."""
        beside = self.settings.archive.directory or self.settings.file
        if self.settings.mail.maildir:
            return self.settings.mail.maildir
        if beside is None:
            raise UserError("A copy puts its mail into a Maildir, and none is named.", "Set mail.maildir.")
        return beside.with_name(f"{beside.stem}-copy")


def is_copy(conn: Connection) -> bool:
    """Whether this database is a copy of the library's, of which nothing leaves."""
    our_row = meta.read_meta(conn)
    return our_row is not None and our_row.is_copy


def _smtp(mail: MailTable, koha: SmtpServer) -> Smtp:
    """The server of the settings, else Koha's own; what the settings say of cleartext holds for both."""
    if mail.names_a_server:
        return Smtp(
            host=mail.host,
            port=mail.port,
            security=mail.security,
            user=mail.user or "",
            password=_secret(mail.password),
            ca_file=mail.ca_file,
            allow_cleartext=mail.allow_cleartext,
        )
    return Smtp(
        host=koha.host,
        port=koha.port,
        security=SECURITY.get(koha.ssl_mode, "none"),
        user=koha.user or "",
        password=koha.password or "",
        ca_file=mail.ca_file,
        allow_cleartext=mail.allow_cleartext,
        timeout=koha.timeout,
    )


def _sftp(given: SftpTable) -> Sftp:
    return Sftp(
        host=given.host or "",
        port=given.port,
        user=given.user or "",
        password=_secret(given.password),
        key_file=given.key_file,
        known_hosts=given.known_hosts,
        host_key=given.host_key or "",
        directory=given.directory or "",
        upload=given.upload,
        verify=given.verify,
    )


def _shown(given: SftpTable) -> str:
    return f"{given.user}@{given.host}:{given.port}/{given.directory or ''}"


def _secret(given: SecretStr | None) -> str:
    return given.get_secret_value() if given else ""
