"""Reports to the agency's SFTP server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import partial

from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from gentle_nudge.delivery.remote_folder import Refused, RemoteFolder
from gentle_nudge.delivery.whole_files import numbered
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import GentleNudgeError
from gentle_nudge.settings.keys import Sftp

RENAME_REFUSED = 'The SFTP server does not rename files: set sftp.upload = "direct".'
TAKEN_AT_ONCE = 'The SFTP server takes files away before they are renamed: set sftp.upload = "direct".'
STAT_REFUSED = 'The SFTP server does not tell sizes: set sftp.verify = "none".'
READING_REFUSED = 'The SFTP server does not let us read files: set sftp.verify = "size".'


class RemoteFile(Enum):
    """What the server says of a name."""

    FREE = "free"
    OURS = "holds our bytes"
    TAKEN = "holds other bytes"
    HIDDEN = "the server does not tell"


class SftpOutlet:
    """Uploads to an SFTP server; `timeout` is in seconds and holds for login and every single operation."""

    def __init__(self, sftp: Sftp, timeout: int = 30) -> None:
        self._sftp = sftp
        self._timeout = timeout
        self._server = f"SFTP server {sftp.host}:{sftp.port}"
        self._folder: RemoteFolder | None = None

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:  # noqa: ARG002 - it gets everything
        """The server with its folder."""
        return (f"{self._sftp.user}@{self._sftp.host}:{self._sftp.port}/{self._sftp.directory or ''}",)

    def deliver(self, item: Item) -> tuple[str, ...]:
        """The report is on the server, whole, or was taken from there after that; else DeliveryFailed.

        Never over a file with other bytes: a number comes before .csv; with the same bytes it is done already.
        """
        with self._connected() as folder:
            if self._is_there(folder, item):
                return ()
            return self._by_renaming(folder, item) if self._sftp.upload == "rename" else self._directly(folder, item)

    def probe(self) -> Iterator[Finding]:
        """Whether the server lets us in and has the directory."""
        try:
            with self._connected() as folder:
                folder.look_around()
        except GentleNudgeError as trouble:
            why, way_out = "No report could be uploaded.", trouble.hint or "Mend [sftp], or ask the agency."
            yield Finding(name="sftp-server", what=trouble.sentence, why=why, way_out=way_out)

    def close(self) -> None:
        """Hang up, whatever happened."""
        if self._folder:
            self._folder.hang_up()
        self._folder = None

    def _is_there(self, folder: RemoteFolder, item: Item) -> bool:
        """Whether the report is there already, under its name or a numbered one."""
        for name in numbered(item.file_name):
            seen = _look(folder, name, item)
            if seen is not RemoteFile.TAKEN:
                return seen is RemoteFile.OURS
        return False

    def _by_renaming(self, folder: RemoteFolder, item: Item) -> tuple[str, ...]:
        """Upload under a temporary name, so that no name of a report ever holds half of one."""
        aside = f".{item.file_name}.{item.sha256[:8]}.part"
        with folder.swept_on_failure(aside):
            folder.write(aside, "wb", item.content())
            if not self._is_as_sent(folder, aside, item):
                return (TAKEN_AT_ONCE,)
            try:
                self._claim(folder, item, partial(folder.rename, aside))
            except Refused as refusal:
                if refusal.missing:
                    return (TAKEN_AT_ONCE,)
                raise DeliveryFailed(RENAME_REFUSED) from refusal
        return ()

    def _directly(self, folder: RemoteFolder, item: Item) -> tuple[str, ...]:
        """Upload under the proper name; what fails is taken away, where the server still answers."""

        def upload(name: str) -> None:
            folder.write(name, "wbx", item.content())
            with folder.swept_on_failure(name):
                self._is_as_sent(folder, name, item)

        self._claim(folder, item, upload)
        return ()

    def _claim(self, folder: RemoteFolder, item: Item, place: Callable[[str], None]) -> None:
        """The report has the first name that is not taken; Refused if that is not why the server refuses."""
        for name in numbered(item.file_name):
            if _look(folder, name, item) is not RemoteFile.TAKEN:
                try:
                    return place(name)
                except Refused as refusal:
                    if refusal.missing or refusal.forbidden or _look(folder, name, item) is RemoteFile.FREE:
                        raise
        raise DeliveryFailed(f"The {self._server} holds too many files named like {item.file_name}.")

    def _is_as_sent(self, folder: RemoteFolder, name: str, item: Item) -> bool:
        """Whether the file is there as it was sent; False if it is gone, DeliveryFailed if it is another."""
        if self._sftp.verify == "none":
            return True
        try:
            size = folder.size(name)
            if size is None:
                raise DeliveryFailed(STAT_REFUSED)
            as_sent = size == item.size
            if as_sent and self._sftp.verify == "content":
                as_sent = folder.digest(name) == item.sha256
        except Refused as refusal:
            if refusal.missing:
                return False
            raise DeliveryFailed(READING_REFUSED) from refusal
        if not as_sent:
            raise DeliveryFailed(f"The {self._server} did not keep {item.file_name} as it was sent.")
        return True

    @contextmanager
    def _connected(self) -> Iterator[RemoteFolder]:
        """A folder that can be asked; after a failure the next report gets a connection of its own."""
        from gentle_nudge.delivery import ssh  # noqa: PLC0415 - paramiko takes long to import

        try:
            with ssh.troubles(self._sftp, self._timeout):
                if self._folder is None or self._folder.is_closed:
                    self.close()
                    session = ssh.log_in(self._sftp, self._timeout)
                    self._folder = RemoteFolder(session, self._sftp.directory or "", self._server)
                yield self._folder
        except Refused as refusal:
            self.close()
            raise DeliveryFailed(
                f"The {self._server} refuses: {refusal.reason}.",
                "See that the login may write in sftp.directory, and that there is room.",
            ) from refusal
        except BaseException:
            self.close()
            raise


def _look(folder: RemoteFolder, name: str, item: Item) -> RemoteFile:
    """What stands under the name."""
    size = None
    try:
        size = folder.size(name)
        if size not in {None, item.size}:
            return RemoteFile.TAKEN
        return RemoteFile.OURS if folder.digest(name) == item.sha256 else RemoteFile.TAKEN
    except Refused as refusal:
        if refusal.missing:
            return RemoteFile.FREE
    return RemoteFile.HIDDEN if size is None else RemoteFile.TAKEN
