"""Reports to the agency's SFTP server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from gentle_nudge.delivery.remote_folder import NotPinned, Refused, RemoteFolder
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

# Whether a name at the server is free, holds our bytes, what a broken upload left (cut), or other bytes (taken); hidden
# if the server does not show it.
RemoteFile = Literal["free", "ours", "cut", "taken", "hidden"]


class SftpOutlet:
    """Uploads to an SFTP server; `timeout` is in seconds, for the login and for each request."""

    def __init__(self, sftp: Sftp, timeout: int = 30) -> None:
        self._sftp = sftp
        self._timeout = timeout
        self._server = f"SFTP server {sftp.host}:{sftp.port}"
        self._folder: RemoteFolder | None = None

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:  # noqa: ARG002 - of all sections
        """The server with its folder, for reports to the agency."""
        return () if kind.is_page else (self.destination(""),)

    def destination(self, recipient: str) -> str:  # noqa: ARG002 - it has one place
        """The server of the settings with its folder, whatever it was when the report was queued."""
        return f"{self._sftp.user}@{self._sftp.host}:{self._sftp.port}/{self._sftp.directory or ''}"

    def tells(self, section: Section, recipient: str) -> bool:  # noqa: ARG002 - the server is the agency's
        """True: the agency fetches what is there."""
        return True

    def deliver(self, item: Item) -> tuple[str, ...]:
        """The whole report is on the server, or was there and has been fetched; else DeliveryFailed.

        A file with other bytes is never overwritten: the report gets a number before .csv. A file with the same
        bytes is the report. What a broken upload left is overwritten.
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
        except NotPinned as trouble:
            yield Finding(
                name="sftp-key-unpinned",
                what=f"No key of the {self._server} is pinned. It shows a key with the fingerprint "
                f"{trouble.fingerprint}.",
                why="Reports must reach no other server, so every upload waits. All else goes on.",
                way_out="Ask the agency, but not by e-mail, whether the fingerprint is theirs. If it is, "
                f"{trouble.place}:",
                line=trouble.line,
            )
        except GentleNudgeError as trouble:
            why, way_out = "No report could be uploaded.", trouble.hint or "Correct [sftp], or ask the agency."
            yield Finding(name="sftp-server", what=trouble.sentence, why=why, way_out=way_out)

    def close(self) -> None:
        """The connection is closed, if there is one."""
        if self._folder:
            self._folder.hang_up()
        self._folder = None

    def _is_there(self, folder: RemoteFolder, item: Item) -> bool:
        """Whether the report is there already, under its name or a numbered one."""
        looks = (_look(folder, name, item) for name in numbered(item.file_name))
        return next((look for look in looks if look not in {"taken", "cut"}), "taken") == "ours"

    def _by_renaming(self, folder: RemoteFolder, item: Item) -> tuple[str, ...]:
        """Upload under a temporary name, so that no file with a report's name is ever half a report."""
        aside = f".{item.file_name}.{item.sha256[:8]}.part"

        def rename(name: str, look: RemoteFile) -> None:
            if look == "cut":
                folder.remove(name)
            folder.rename(aside, name)

        with folder.swept_on_failure(aside):
            folder.write(aside, "wb", item.content())
            if not self._is_as_sent(folder, aside, item):
                return (TAKEN_AT_ONCE,)
            try:
                self._claim(folder, item, rename)
            except Refused as refusal:
                if refusal.missing:
                    return (TAKEN_AT_ONCE,)
                raise DeliveryFailed(RENAME_REFUSED) from refusal
        return ()

    def _directly(self, folder: RemoteFolder, item: Item) -> tuple[str, ...]:
        """Upload under the report's own name; after a failure the file is removed if the server still answers."""

        def upload(name: str, look: RemoteFile) -> None:
            folder.write(name, "wb" if look == "cut" else "wbx", item.content())
            with folder.swept_on_failure(name):
                self._is_as_sent(folder, name, item)

        self._claim(folder, item, upload)
        return ()

    def _claim(self, folder: RemoteFolder, item: Item, place: Callable[[str, RemoteFile], None]) -> None:
        """The report has the first free name; Refused if the server refuses for another reason than a taken name.

        A server that does not let us overwrite what a broken upload left keeps it, and the report gets the next name.
        """
        for name in numbered(item.file_name):
            look = _look(folder, name, item)
            if look != "taken":
                try:
                    return place(name, look)
                except Refused as refusal:
                    forbidden = refusal.forbidden and look != "cut"
                    if refusal.missing or forbidden or _look(folder, name, item) == "free":
                        raise
        raise DeliveryFailed(f"The {self._server} holds too many files named like {item.file_name}.")

    def _is_as_sent(self, folder: RemoteFolder, name: str, item: Item) -> bool:
        """True if the file is there as it was sent, False if it is gone; DeliveryFailed if it differs."""
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
        """The folder over an open connection; after a failure the connection is closed."""
        from gentle_nudge.delivery import ssh  # noqa: PLC0415 - paramiko takes long to import

        try:
            with ssh.troubles(self._sftp, self._timeout):
                if self._folder is None or self._folder.is_closed:
                    self.close()
                    session = ssh.log_in(self._sftp, self._timeout)
                    self._folder = RemoteFolder(session, self._sftp.directory or "", self._server)
                yield self._folder
        except BaseException:
            self.close()
            raise


def _look(folder: RemoteFolder, name: str, item: Item) -> RemoteFile:
    """What the name holds.

    A beginning of our bytes that ends within a line is nobody's whole report, so it is what a broken upload left. If it
    ends with a line or is empty, it may be another report: it counts as left by us only under the report's own name
    and after an earlier try.
    """
    size = None
    try:
        size = folder.size(name)
        if size is not None and size > item.size:
            return "taken"
        likeness = folder.compare(name, item.content())
    except Refused as refusal:
        if refusal.missing:
            return "free"
        return "hidden" if size is None else "taken"
    if likeness == "same":
        return "ours"
    left_by_us = likeness == "cut" or (likeness == "lines" and item.tried and name == item.file_name)
    return "cut" if left_by_us else "taken"
