"""The outlets of a library, from its settings and its Koha."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.delivery.maildir import MaildirOutlet
from gentle_nudge.delivery.message import Letterhead
from gentle_nudge.delivery.outlet import DeliveryFailed, Item, Outlet
from gentle_nudge.delivery.sftp import SftpOutlet
from gentle_nudge.delivery.smtp import SmtpOutlet
from gentle_nudge.delivery.staff_folder import StaffFolder
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.outbox import BY_ADDRESS, MAY_LEAVE, Address, Channel, Delivery, Standing
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.sections import section_for
from gentle_nudge.koha.connect.instance import Instance
from gentle_nudge.koha.read.administration import addresses, default_server, preferences
from gentle_nudge.settings import Settings
from gentle_nudge.store import meta
from gentle_nudge.texts.environment import Texts

NOBODY = "koha@localhost"
SECURITY: dict[str, Literal["none", "starttls", "tls"]] = {"disabled": "none", "starttls": "starttls", "ssl": "tls"}
MAIL_TIMEOUT, UPLOAD_TIMEOUT, ANY = 60, 30, 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlets:
    """The ways out of this database; `library` is Koha's LibraryName, `outcomes_to` who gets the page of outcomes."""

    standing: Standing = Standing.LIBRARY
    library: str = ""
    outcomes_to: tuple[str, ...] = ()
    texts: Texts = field(default_factory=Texts)
    by_channel: Mapping[Channel, Outlet] = field(default_factory=dict)

    @property
    def archive(self) -> ArchiveOutlet | None:
        """The folder of report copies, if the settings name one."""
        return next((outlet for outlet in self.by_channel.values() if isinstance(outlet, ArchiveOutlet)), None)

    @property
    def staff_folder(self) -> StaffFolder | None:
        """The folder of staff, if the settings name one."""
        return next((outlet for outlet in self.by_channel.values() if isinstance(outlet, StaffFolder)), None)

    @property
    def mail_arrives(self) -> bool:
        """Whether mail reaches those to whom it is addressed: it goes neither into a Maildir nor to a tester."""
        return self.standing is Standing.LIBRARY and isinstance(self.by_channel.get(Channel.EMAIL), SmtpOutlet)

    def name_for(self, section: Section) -> str:
        """The name in subjects: the library's, or the section's."""
        return self.library if section.is_global else section.name

    def addresses(self, section: Section, kind: ReportKind) -> tuple[Address, ...]:
        """Everybody who gets reports of this kind about the section."""
        return tuple(
            Address(channel=channel, recipient=recipient, tells=not kind.is_page and outlet.tells(section, recipient))
            for channel, outlet in self.by_channel.items()
            for recipient in self._recipients(channel, section, kind)
        )

    def _recipients(self, channel: Channel, section: Section, kind: ReportKind) -> tuple[str, ...]:
        """The page of outcomes is about no section, so that its readers stand in no policy."""
        if kind is ReportKind.OUTCOMES and channel in BY_ADDRESS:
            return self.outcomes_to
        return self.by_channel[channel].recipients(section, kind)

    def why_held(self, delivery: Delivery, sections: Sequence[Section]) -> str:
        """Why the settings do not let this delivery go to its recipient any more; empty if they do.

        Without `sections` nobody can say which addresses have left. A recipient named by a person may be any address.
        """
        address, outlet = delivery.address, self.by_channel.get(delivery.address.channel)
        if not delivery.may_leave(self.standing):
            return ""
        if outlet is None:
            return f"the settings say nothing of {address.channel} deliveries any more"
        if address.named or not sections:
            return ""
        section = section_for(delivery.section, sections)
        recipients = map(str.casefold, self._recipients(address.channel, section, delivery.kind))
        if outlet.destination(address.recipient).casefold() in recipients:
            return ""
        return f"section {section.name} has the address in neither send_to nor copy_to any more"

    def held(self, undelivered: Iterable[Delivery], sections: Sequence[Section]) -> dict[int, str]:
        """Why each of these deliveries is held, by number; those that may go are left out."""
        reasons = {delivery.id: self.why_held(delivery, sections) for delivery in undelivered}
        return {number: why for number, why in reasons.items() if why}

    def deliver(self, item: Item, channel: Channel = Channel.EMAIL) -> tuple[str, ...]:
        """The item has arrived; notes for staff. DeliveryFailed says why not."""
        outlet = self.by_channel.get(channel)
        if outlet is None:
            raise DeliveryFailed(
                f"The settings say nothing of {channel} deliveries any more.",
                "Put it back, or end this delivery with gentle-nudge outbox cancel.",
            )
        return outlet.deliver(item)

    def close(self) -> None:
        """Every connection is closed."""
        for outlet in self.by_channel.values():
            outlet.close()


def outlets_of(
    conn: Connection, settings: Settings, instance: Instance, texts: Texts, *, patience: int = ANY
) -> Outlets:
    """The outlets of this database, none of them connected; UserError if no sender of mail is configured.

    `patience` is the longest time-out, in seconds. A copy has no outlet for a channel that may not leave it, so nothing
    is queued there; a test copy has every outlet, and its deliveries wait.
    """
    standing, database = standing_of(conn), instance.database
    directory, staff = settings.archive.directory, settings.staff
    configured: dict[Channel, Outlet | None] = {
        Channel.EMAIL: _mail_outlet(conn, settings, instance, standing=standing, patience=patience),
        Channel.SFTP: SftpOutlet(settings.sftp, min(UPLOAD_TIMEOUT, patience)) if settings.sftp else None,
        Channel.FILE: ArchiveOutlet(directory=directory, database=database) if directory else None,
        Channel.FOLDER: StaffFolder(directory=staff.folder, database=database, group=staff.group)
        if staff.folder
        else None,
    }
    used = MAY_LEAVE[standing] if standing is Standing.COPY else frozenset(configured)
    return Outlets(
        standing=standing,
        library=preferences(conn, ["LibraryName"])["LibraryName"],
        outcomes_to=settings.outcomes.send_to,
        texts=texts,
        by_channel={channel: outlet for channel, outlet in configured.items() if outlet and channel in used},
    )


def standing_of(conn: Connection) -> Standing:
    """Whether this database is the library's own, a declared copy, or that of a test copy of Koha."""
    our_row = meta.read_meta(conn)
    if our_row and our_row.is_copy:
        return Standing.COPY
    redirected = preferences(conn, ["SendAllEmailsTo"])["SendAllEmailsTo"].strip()
    return Standing.TEST_COPY if redirected else Standing.LIBRARY


def maildir_of_a_copy(settings: Settings) -> Path:
    """The Maildir for the mail of a copy: that of the settings, else one beside the archive or the settings file."""
    beside = settings.archive.directory or settings.file
    if settings.mail.maildir:
        return settings.mail.maildir
    if beside is None:
        raise UserError("A copy puts its mail into a Maildir, and none is configured.", "Set mail.maildir.")
    return beside.with_name(f"{beside.stem}-copy")


def _mail_outlet(
    conn: Connection, settings: Settings, instance: Instance, *, standing: Standing, patience: int
) -> Outlet:
    """A Maildir, else the server of the settings, else Koha's own."""
    values, table = preferences(conn, ["KohaAdminEmailAddress", "SendAllEmailsTo"]), settings.mail
    maildir = maildir_of_a_copy(settings) if standing is Standing.COPY else table.maildir
    administrator = next(iter(addresses(values["KohaAdminEmailAddress"])), "")
    sender = table.sender or administrator
    redirect = values["SendAllEmailsTo"].strip() if standing is Standing.TEST_COPY else ""
    letterhead = Letterhead(sender=sender or NOBODY, instance=instance.url.database or "", redirect=redirect)
    if maildir:
        return MaildirOutlet(folder=maildir, letterhead=letterhead)
    if not sender:
        raise UserError(
            "No sender address is configured.", "Fill Koha's preference KohaAdminEmailAddress, or set sender in [mail]."
        )
    if table.names_a_server:
        return SmtpOutlet(table, letterhead, min(MAIL_TIMEOUT, patience))
    koha = default_server(conn, instance.conf)
    security, password = SECURITY.get(koha.ssl_mode, "none"), koha.password or ""
    table = replace(table, host=koha.host, port=koha.port, security=security, user=koha.user, password=password)
    return SmtpOutlet(table, letterhead, min(koha.timeout, patience))
