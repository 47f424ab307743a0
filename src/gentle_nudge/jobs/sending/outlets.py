"""The post: one delivery leaves by its channel, as the settings and this Koha say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

from gentle_nudge.delivery import maildir
from gentle_nudge.delivery.archive import Archive
from gentle_nudge.delivery.message import Attachment, Letter, letter, message_id
from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.delivery.sftp import Parcel, Sftp, SftpServer
from gentle_nudge.delivery.smtp import MailServer, Smtp
from gentle_nudge.domain.outbox import Channel, Delivery, Stored

TEST_MARK = "TEST "


@dataclass(frozen=True, kw_only=True, slots=True)
class Routes:
    """Where each channel leads: a mail server or a Maildir, an SFTP server, the archive.

    `instance` tells the Kohas of one sender apart; `redirect` is Koha's SendAllEmailsTo (a test copy). Of a database
    that is a copy (`is_copy`) nothing leaves but mail, and that into a Maildir.
    """

    sender: str
    instance: str
    smtp: Smtp | None = None
    maildir: Path | None = None
    sftp: Sftp | None = None
    archive: Archive | None = None
    redirect: str = ""
    is_copy: bool = False

    @property
    def is_test_copy(self) -> bool:
        """Whether nothing may reach the agency."""
        return bool(self.redirect)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A delivery with its report; `content` gives the bytes from the start each time it is called."""

    delivery: Delivery
    stored: Stored
    body: str
    content: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """A message to one recipient; of all that this Koha sends, `name` tells it apart."""

    name: str
    recipient: str
    subject: str
    text: str


class Mailer(Protocol):
    """Takes letters."""

    def send(self, letter: Letter) -> None:
        """The letter is taken, else DeliveryFailed."""


class IntoMaildir:
    """Takes letters into a Maildir."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, letter: Letter) -> None:
        """The letter is there as a file."""
        maildir.put(self._folder, letter)


class Post:
    """Takes deliveries by their channel; connections are made when first needed and closed at the end."""

    def __init__(self, routes: Routes) -> None:
        self.routes = routes
        self._open = ExitStack()
        self._mailer: Mailer | None = None
        self._uploader: SftpServer | None = None

    def __enter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Say goodbye to every server."""
        self._open.close()

    def takes(self, delivery: Delivery) -> bool:
        """Whether this delivery may leave from here: a test copy uploads nothing, a copy keeps no archive either."""
        if self.routes.is_copy:
            return delivery.address.channel is Channel.EMAIL
        return not (self.routes.is_test_copy and delivery.address.channel is Channel.SFTP)

    def send(self, item: Item, now: datetime) -> tuple[str, ...]:
        """The report has left; notes about settings that suit the server better. DeliveryFailed says why not."""
        match item.delivery.address.channel:
            case Channel.EMAIL:
                self._mail().send(self.letter(item, now))
            case Channel.SFTP:
                return self._upload(item)
            case Channel.FILE:
                self._archive().store(item.stored.file_name, item.content())
        return ()

    def tell(self, words: Words, now: datetime) -> None:
        """A message of our own has left, else GentleNudgeError."""
        self._mail().send(self._letter(words, now))

    def letter(self, item: Item, now: datetime) -> Letter:
        """The message of a delivery: the same at every try but for its date.

        Its id holds the instant of queueing: a restored database gives the numbers of deliveries a second time.
        """
        delivery, stored = item.delivery, item.stored
        words = Words(
            name=f"{delivery.id}.{delivery.queued:%Y%m%d%H%M%S}",
            recipient=delivery.address.recipient,
            subject=stored.subject,
            text=item.body,
        )
        return self._letter(words, now, Attachment(name=stored.file_name, content=b"".join(item.content())))

    def _letter(self, words: Words, now: datetime, attachment: Attachment | None = None) -> Letter:
        routes, subject, recipient = self.routes, words.subject, words.recipient
        if routes.is_test_copy:
            subject, recipient = TEST_MARK + subject, routes.redirect
        return letter(
            id=message_id(words.name, routes.instance, routes.sender),
            sender=routes.sender,
            recipient=recipient,
            subject=subject,
            body=words.text,
            now=now,
            attachment=attachment,
        )

    def _mail(self) -> Mailer:
        if self._mailer is None:
            routes = self.routes
            if routes.maildir:
                self._mailer = IntoMaildir(routes.maildir)
            elif routes.smtp:
                self._mailer = self._open.enter_context(MailServer(routes.smtp))
            else:
                raise DeliveryFailed("No mail server or Maildir is configured.", "Name one in [mail].")
        return self._mailer

    def _upload(self, item: Item) -> tuple[str, ...]:
        if self.routes.sftp is None:
            raise DeliveryFailed(
                "There is no [sftp] server in the settings any more.",
                "Put it back, or end this delivery with gentle-nudge outbox cancel.",
            )
        if self._uploader is None:
            self._uploader = self._open.enter_context(SftpServer(self.routes.sftp))
        stored = item.stored
        parcel = Parcel(name=stored.file_name, size=stored.size, sha256=stored.sha256, chunks=item.content)
        return self._uploader.upload(parcel).notes

    def _archive(self) -> Archive:
        if self.routes.archive is None:
            raise DeliveryFailed(
                "There is no archive directory in the settings any more.",
                "Put it back, or end this delivery with gentle-nudge outbox cancel.",
            )
        return self.routes.archive
