"""Reports to the agency's SFTP server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.delivery.remote_folder import Refused, Remote
from gentle_nudge.delivery.whole_files import numbered

RENAME_REFUSED = 'The SFTP server does not rename files: set sftp.upload = "direct".'


TAKEN_AT_ONCE = 'The SFTP server takes files away before they are renamed: set sftp.upload = "direct".'


STAT_REFUSED = 'The SFTP server does not tell sizes: set sftp.verify = "none".'


READING_REFUSED = 'The SFTP server does not let us read files: set sftp.verify = "size".'


@dataclass(frozen=True, kw_only=True, slots=True)
class Sftp:
    """An SFTP server; `timeout` is in seconds and holds for connecting, logging in and every single operation.

    The host key is pinned by `host_key` (`ssh-ed25519 AAAA…`) or a `known_hosts` file; `key_file` goes before
    `password`.
    """

    host: str
    port: int = 22
    user: str
    password: str = field(default="", repr=False)
    key_file: Path | None = None
    known_hosts: Path | None = None
    host_key: str = ""
    directory: str = ""
    upload: Literal["rename", "direct"] = "rename"
    verify: Literal["size", "content", "none"] = "size"
    timeout: int = 30

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """A report to upload: `chunks` gives its bytes from the start each time it is called."""

    name: str
    size: int
    sha256: str
    chunks: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Uploaded:
    """The name under which the report is there now; `notes` say which setting suits the server better."""

    name: str
    notes: tuple[str, ...] = ()


class RemoteFile(Enum):
    """What the server says of a name."""

    FREE = "free"
    OURS = "holds our bytes"
    TAKEN = "holds other bytes"
    HIDDEN = "the server does not tell"


class SftpServer:
    """An SFTP server to which several reports go over one connection, made when the first is uploaded.

    What the server refused once is not asked again, and noted once.
    """

    def __init__(self, server: Sftp) -> None:
        self._server = server
        self._remote: Remote | None = None
        self._renames = server.upload == "rename"
        self._verify = server.verify
        self._notes: list[str] = []

    def __enter__(self) -> Self:
        """Make ready; nothing is sent yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up, whatever happened."""
        self._hang_up()

    def greet(self) -> None:
        """Log in and look at the directory (for `check`); DeliveryFailed says what is in the way."""
        with self._failing() as remote:
            remote.look_around()

    def upload(self, parcel: Parcel) -> Uploaded:
        """The report is on the server, whole, or was taken from there after that; else DeliveryFailed.

        Never over a file with other bytes: a number comes before .csv; with the same bytes it is done already.
        """
        with self._failing() as remote:
            name = self._upload(remote, parcel)
        notes, self._notes = tuple(self._notes), []
        return Uploaded(name=name, notes=notes)

    def _upload(self, remote: Remote, parcel: Parcel) -> str:
        for name in numbered(parcel.name):
            seen = _look(remote, name, parcel)
            if seen is RemoteFile.OURS or (seen is not RemoteFile.TAKEN and self._place(remote, name, parcel)):
                return name
        raise DeliveryFailed(f"The SFTP server {self._server} holds too many files named like {parcel.name}.")

    def _place(self, remote: Remote, name: str, parcel: Parcel) -> bool:
        """Whether our bytes have the name now; False: another file took it meanwhile."""
        if not self._renames:
            return self._directly(remote, name, parcel)
        placed = self._by_renaming(remote, name, parcel)
        if placed is None:
            placed = self._directly(remote, name, parcel)
            self._renames = False
            self._notes.append(RENAME_REFUSED)
        return placed

    def _by_renaming(self, remote: Remote, name: str, parcel: Parcel) -> bool | None:
        """As `_place`; None if the server does not let us write under a temporary name and rename."""
        aside = f".{parcel.name}.{parcel.sha256[:8]}.part"
        with remote.swept_on_failure(aside):
            try:
                remote.write(aside, "wb", parcel.chunks())
                if self._is_there(remote, aside, parcel):
                    remote.rename(aside, name)
                    return True
            except Refused as refusal:
                if not refusal.missing:
                    remote.sweep(aside)
                    seen = _look(remote, name, parcel)
                    return None if seen in {RemoteFile.FREE, RemoteFile.HIDDEN} else seen is RemoteFile.OURS
        self._notes.append(TAKEN_AT_ONCE)
        return True

    def _directly(self, remote: Remote, name: str, parcel: Parcel) -> bool:
        """As `_place`."""
        try:
            remote.write(name, "wbx", parcel.chunks())
        except Refused as refusal:
            seen = _look(remote, name, parcel)
            if seen is RemoteFile.FREE or refusal.forbidden:
                raise
            return seen is RemoteFile.OURS
        with remote.swept_on_failure(name):
            self._is_there(remote, name, parcel)
        return True

    def _is_there(self, remote: Remote, name: str, parcel: Parcel) -> bool:
        """Whether the file is still there after its transfer; DeliveryFailed if it is not as it was sent."""
        if self._verify == "none":
            return True
        try:
            size = remote.size(name)
            as_sent = size in {None, parcel.size} and self._reads_back(remote, name, parcel)
        except Refused:
            return False
        if size is None and self._verify == "size":
            self._verify = "none"
            self._notes.append(STAT_REFUSED)
        if not as_sent:
            raise DeliveryFailed(f"The SFTP server {self._server} did not keep {parcel.name} as it was sent.")
        return True

    def _reads_back(self, remote: Remote, name: str, parcel: Parcel) -> bool:
        """Whether what is there has our bytes, as far as we are to verify; Refused only if it is gone."""
        if self._verify != "content":
            return True
        try:
            return remote.digest(name) == parcel.sha256
        except Refused as refusal:
            if refusal.missing:
                raise
        self._verify = "size"
        self._notes.append(READING_REFUSED)
        return True

    @contextmanager
    def _failing(self) -> Iterator[Remote]:
        """A directory that can be asked; after a failure the next report gets a connection of its own."""
        from gentle_nudge.delivery import ssh  # noqa: PLC0415 - paramiko takes long to import

        try:
            if self._remote is None or self._remote.is_closed:
                self._hang_up()
                self._remote = Remote(ssh.log_in(self._server), self._server.directory, str(self._server))
            with ssh.troubles(self._server):
                yield self._remote
        except Refused as refusal:
            self._hang_up()
            raise DeliveryFailed(
                f"The SFTP server {self._server} refuses: {refusal.reason}.",
                "See that the login may write in sftp.directory, and that there is room.",
            ) from None
        except BaseException:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._remote:
            self._remote.hang_up()
        self._remote = None


def _look(remote: Remote, name: str, parcel: Parcel) -> RemoteFile:
    """What stands under the name."""
    size = None
    try:
        size = remote.size(name)
        if size not in {None, parcel.size}:
            return RemoteFile.TAKEN
        return RemoteFile.OURS if remote.digest(name) == parcel.sha256 else RemoteFile.TAKEN
    except Refused as refusal:
        if refusal.missing:
            return RemoteFile.FREE
    return RemoteFile.HIDDEN if size is None else RemoteFile.TAKEN
