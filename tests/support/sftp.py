"""A real SFTP server (asyncssh, in a thread) that can be told to misbehave as agencies' servers do."""

import asyncio
import os
from collections.abc import Awaitable, Collection
from pathlib import Path
from typing import Any, Literal, Self

import asyncssh

from tests.support.background import Background, stop_listening

Known = os.stat_result | asyncssh.SFTPAttrs
Refusable = Literal["login", "open", "read", "overwrite", "rename", "stat", "write", "mkdir", "list", "remove"]


class SftpServer:
    """Listens on 127.0.0.1 while it is entered; `root` is what clients see as `/`.

    Files whose name fits the pattern `sweep` are taken away (into `swept`) once they are written or renamed.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        *,
        user: str = "library",
        password: str | None = "let me in",
        refuse: Collection[Refusable] = (),
        truncate_at: int | None = None,
        sweep: str | None = None,
    ) -> None:
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        self.user = user
        self.password = password
        self.refused = set(refuse)
        self.truncate_at = truncate_at
        self.sweeps = sweep
        self.hangs = False
        self.swept: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.opened: list[Any] = []
        self.key_file = folder / "client-key"
        self._client_key = asyncssh.generate_private_key("ssh-ed25519")
        self._client_key.write_private_key(self.key_file)
        self.key_file.chmod(0o600)
        self.known_hosts = folder / "known_hosts"
        self.change_host_key()
        self._background: Background | None = None
        self._acceptor: asyncssh.SSHAcceptor | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._acceptor is None:
            raise RuntimeError
        return self._acceptor.get_port()

    @property
    def host_key(self) -> str:
        """The public key as a configuration pins it: `ssh-ed25519 AAAA...`."""
        kind, key = self._host_key.export_public_key().decode().split()[:2]
        return f"{kind} {key}"

    def files(self) -> dict[str, bytes]:
        """Every file that is there, by its path."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in found}

    def write_known_hosts(self) -> Path:
        """The file pins this server's present key and port."""
        self.known_hosts.write_text(f"[{self.host}]:{self.port} {self.host_key}\n", encoding="utf-8")
        return self.known_hosts

    def change_host_key(self) -> None:
        """The server has a new key, for those that connect after it is entered (again)."""
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")

    def hang(self) -> None:
        """From now on nothing that concerns files is answered."""
        self.hangs = True

    def behave(self) -> None:
        """From now on everything is answered, and as it should be."""
        self.hangs = False
        self.sweeps = None
        self.refused.clear()
        self.truncate_at = None

    def knows(self, user: str, password: str) -> bool:
        """Whether somebody may come in with this password."""
        return "login" not in self.refused and (user, password) == (self.user, self.password)

    def knows_key(self, user: str, key: asyncssh.SSHKey) -> bool:
        """Whether somebody may come in with this key."""
        ours = self._client_key.public_data
        return "login" not in self.refused and user == self.user and key.public_data == ours

    def __enter__(self) -> Self:
        self._background = Background()
        self._acceptor = self._background.do(self._listen())
        self.write_known_hosts()
        return self

    def __exit__(self, *_: object) -> None:
        if self._background is not None:
            self._background.do(self._close())
            self._background.close()
            self._background = None
        for file in self.opened:
            file.close()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            self.host,
            0,
            server_factory=lambda: Door(self),
            server_host_keys=[self._host_key],
            sftp_factory=lambda channel: Files(channel, self),
        )

    async def _close(self) -> None:
        if self._acceptor is not None:
            await stop_listening(self._acceptor._server)
            self._acceptor = None


class Door(asyncssh.SSHServer):
    """Who may come in."""

    def __init__(self, server: SftpServer) -> None:
        self.server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Somebody knocks."""
        self.server.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        """Nobody comes in without a password or a key."""
        return username is not None

    def password_auth_supported(self) -> bool:
        """Passwords are asked for if the server has one."""
        return self.server.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        """Whether they fit."""
        return self.server.knows(username, password)

    def public_key_auth_supported(self) -> bool:
        """Keys are good."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether they fit."""
        return self.server.knows_key(username, key)


class Files(asyncssh.SFTPServer):
    """What may be done with files."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], server: SftpServer) -> None:
        super().__init__(channel, chroot=str(server.root).encode())
        self.server = server

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """A file to read or write."""
        await self._ask("open", path)
        over = pflags & asyncssh.FXF_TRUNC and self._is_there(path)
        wants = {"read": pflags & asyncssh.FXF_READ, "overwrite": over}
        if any(wants[what] for what in self.server.refused & wants.keys()):
            raise asyncssh.SFTPPermissionDenied("open")
        opened = super().open(path, pflags, attrs)
        self.server.opened.append(opened)
        return opened

    def _is_there(self, path: bytes) -> bool:
        return Path(self.map_path(path).decode()).exists()

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """The bytes are written, but for those beyond the point where the server truncates."""
        await self._ask("write", b"")
        limit = self.server.truncate_at
        kept = data if limit is None else data[: max(0, limit - offset)]
        super().write(file_obj, offset, kept)
        return len(data)

    async def close(self, file_obj: object) -> None:
        """The file is whole."""
        super().close(file_obj)
        self._sweep(getattr(file_obj, "name", b""))

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """The file has another name."""
        await self._ask("rename", oldpath)
        super().rename(oldpath, newpath)
        self._sweep(self.map_path(newpath))

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """The same, over an existing file too."""
        await self._ask("rename", oldpath)
        super().posix_rename(oldpath, newpath)
        self._sweep(self.map_path(newpath))

    async def stat(self, path: bytes) -> Known:
        """What is known of a file."""
        await self._ask("stat", path)
        return _at_once(super().stat(path))

    async def lstat(self, path: bytes) -> Known:
        """What is known of a file."""
        await self._ask("stat", path)
        return _at_once(super().lstat(path))

    async def fstat(self, file_obj: object) -> Known:
        """What is known of an open file."""
        await self._ask("stat", b"")
        return _at_once(super().fstat(file_obj))

    async def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """A folder is there."""
        await self._ask("mkdir", path)
        super().mkdir(path, attrs)

    async def remove(self, path: bytes) -> None:
        """The file is gone."""
        await self._ask("remove", path)
        super().remove(path)

    async def _ask(self, what: Refusable, path: bytes) -> None:
        self.server.calls.append(f"{what} {path.decode()}".strip())
        while self.server.hangs:  # noqa: ASYNC110 - told from another thread
            await asyncio.sleep(0.05)
        if what in self.server.refused:
            raise asyncssh.SFTPPermissionDenied(what)

    def _sweep(self, name: bytes) -> None:
        path = Path(name.decode())
        if self.server.sweeps is not None and path.match(self.server.sweeps) and path.is_file():
            self.server.swept[path.name] = path.read_bytes()
            path.unlink()


def _at_once(found: Known | Awaitable[Known]) -> Known:
    if isinstance(found, Awaitable):
        raise TypeError
    return found
