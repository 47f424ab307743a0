"""A directory on an SFTP server: what can be asked and done there, with a refusal told from a lost connection."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from gentle_nudge.delivery.outlet import DeliveryFailed, system_reason

if TYPE_CHECKING:
    from paramiko import SFTPClient


AT_ONCE = 1 << 15


class Refused(Exception):
    """The server, still there, said no; `missing`: because there is no such file or directory."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.missing = error.errno == errno.ENOENT
        self.forbidden = error.errno == errno.EACCES
        self.reason = system_reason(error)


class RemoteFolder:
    """The directory of a session on the `server`, which is named for sentences.

    Every request ends in an answer, Refused, or a lost connection's exception.
    """

    def __init__(self, session: SFTPClient, directory: str, server: str) -> None:
        self._session = session
        self._directory = directory
        self._server = server

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be asked any more."""
        channel = self._session.get_channel()
        return channel is None or channel.closed or not channel.get_transport().is_active()

    def hang_up(self) -> None:
        """The connection is closed."""
        channel = self._session.get_channel()
        if channel:
            channel.get_transport().close()

    def look_around(self) -> None:
        """The directory is there, else DeliveryFailed."""
        with self._directory_is_there(), self._answering():
            self._session.stat(self._directory or ".")

    def size(self, name: str) -> int | None:
        """The size of the file; None if the server does not tell; Refused only if there is no such file."""
        try:
            with self._answering():
                return self._session.stat(self._path(name)).st_size
        except Refused as refusal:
            if refusal.missing:
                raise
        return None

    def digest(self, name: str) -> str:
        """The SHA-256 of the file's bytes, in hexadecimal digits."""
        digest = sha256()
        with self._answering(), self._session.open(self._path(name), "rb") as file:
            while piece := file.read(AT_ONCE):
                digest.update(piece)
        return digest.hexdigest()

    def write(self, name: str, mode: Literal["wb", "wbx"], chunks: Iterable[bytes]) -> None:
        """Every byte is acknowledged; Refused if the file is not opened, DeliveryFailed if it is not taken whole.

        Mode `wbx` is refused if the name is held already.
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

    def sweep(self, name: str) -> None:
        """The file is gone, where the server lets us."""
        with suppress(Exception):
            self._session.remove(self._path(name))

    @contextmanager
    def swept_on_failure(self, name: str) -> Iterator[None]:
        """After a failure the file is gone, where the server answers and lets us."""
        try:
            yield
        except TimeoutError:
            raise
        except BaseException:
            self.sweep(name)
            raise

    def _path(self, name: str) -> str:
        return str(PurePosixPath(self._directory) / name)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, ConnectionError):
            raise
        except OSError as error:
            if self.is_closed:
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
