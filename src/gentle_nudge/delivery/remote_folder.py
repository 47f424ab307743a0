"""A directory on an SFTP server. A request that is refused raises another error than a connection that is lost."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from gentle_nudge.delivery.outlet import DeliveryFailed, system_reason

if TYPE_CHECKING:
    from paramiko import SFTPClient


# A file compared with a report: the same bytes, a beginning of them (`cut` within a line, or whole `lines`, or empty),
# or other bytes.
Likeness = Literal["same", "cut", "lines", "other"]


class Refused(Exception):
    """The server refused a request; `missing`: there is no such file or directory, `forbidden`: no right to it."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.missing = error.errno == errno.ENOENT
        self.forbidden = error.errno == errno.EACCES
        self.reason = system_reason(error)


class NotPinned(DeliveryFailed):
    """No key of the server is pinned yet; `line` pins the one with this `fingerprint`, at this `place`."""

    def __init__(self, server: str, *, fingerprint: str, line: str, place: str) -> None:
        super().__init__(
            f"No key of the {server} is pinned; nothing was sent."
            f" If the agency confirms the fingerprint {fingerprint}, {place}: {line}",
            "Ask the agency by another way than e-mail whether this key is theirs. gentle-nudge check shows it again.",
        )
        self.fingerprint, self.line, self.place = fingerprint, line, place


class RemoteFolder:
    """The directory of a session; `server` is its name in messages.

    Every request ends with an answer, with Refused, or with the exception of a lost connection.
    """

    def __init__(self, session: SFTPClient, directory: str, server: str) -> None:
        self._session = session
        self._directory = directory
        self._server = server

    @property
    def is_closed(self) -> bool:
        """Whether the connection has ended."""
        channel = self._session.get_channel()
        return channel is None or channel.closed or not channel.get_transport().is_active()

    def hang_up(self) -> None:
        """The connection is closed."""
        if channel := self._session.get_channel():
            channel.get_transport().close()

    def look_around(self) -> None:
        """The directory exists, else DeliveryFailed."""
        with self._directory_is_there(), self._answering():
            self._session.stat(self._directory or ".")

    def size(self, name: str) -> int | None:
        """The size of the file, None if the server does not report it; Refused only if there is no such file."""
        try:
            with self._answering():
                return self._session.stat(self._path(name)).st_size
        except Refused as refusal:
            if refusal.missing:
                raise
        return None

    def digest(self, name: str) -> str:
        """The SHA-256 of the file's bytes, in hexadecimal digits."""
        with self._answering(), self._session.open(self._path(name), "rb") as file:
            return file_digest(file, "sha256").hexdigest()

    def compare(self, name: str, chunks: Iterable[bytes]) -> Likeness:
        """How the file's bytes compare with those of the chunks; no further than the first difference is read."""
        last = b"\n"
        with self._answering(), self._session.open(self._path(name), "rb") as file:
            for chunk in chunks:
                piece = file.read(len(chunk))
                last = piece[-1:] or last
                if piece != chunk:
                    if not chunk.startswith(piece):
                        return "other"
                    return "lines" if last == b"\n" else "cut"
            return "other" if file.read(1) else "same"

    def write(self, name: str, mode: Literal["wb", "wbx"], chunks: Iterable[bytes]) -> None:
        """Every byte is acknowledged; Refused if the file cannot be opened, DeliveryFailed if it is not taken whole.

        Mode `wbx` is refused if there is a file of that name.
        """
        with self._directory_is_there(), self._answering():
            file = self._session.open(self._path(name), mode)
        with self.swept_on_failure(name), file:
            try:
                with self._answering():
                    file.writelines(chunks)
            except Refused as refusal:
                raise DeliveryFailed(f"The {self._server} refuses: {refusal.reason}.") from refusal

    def rename(self, name: str, to: str) -> None:
        """The file has the other name."""
        with self._answering():
            self._session.rename(self._path(name), self._path(to))

    def remove(self, name: str) -> None:
        """The file is gone."""
        try:
            with self._answering():
                self._session.remove(self._path(name))
        except Refused as refusal:
            if not refusal.missing:
                raise

    @contextmanager
    def swept_on_failure(self, name: str) -> Iterator[None]:
        """After a failure the file is gone, if the server still answers and allows it."""
        try:
            yield
        except TimeoutError:
            raise
        except BaseException:
            with suppress(Exception):
                self._session.remove(self._path(name))
            raise

    def _path(self, name: str) -> str:
        return str(PurePosixPath(self._directory) / name)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if isinstance(error, TimeoutError | ConnectionError) or self.is_closed:
                raise
            raise Refused(error) from error

    @contextmanager
    def _directory_is_there(self) -> Iterator[None]:
        try:
            yield
        except Refused as refusal:
            if not refusal.missing:
                raise
            raise DeliveryFailed(
                f"There is no directory {self._directory!r} on the {self._server}.",
                "Ask the agency for its name and give it as sftp.directory.",
            ) from refusal
