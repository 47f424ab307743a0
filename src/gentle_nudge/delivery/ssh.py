"""The way to an SFTP server: the pinned host key, the login. Imports paramiko, hence slow to import."""

from __future__ import annotations

import logging
import socket
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.hostkeys import InvalidHostKey
from paramiko.pkey import UnknownKeyType

from gentle_nudge.delivery.outlet import DeliveryFailed, one_line, system_reason
from gentle_nudge.delivery.remote_folder import NotPinned, Refused
from gentle_nudge.domain.wording import counted

if TYPE_CHECKING:
    from gentle_nudge.settings.keys import Sftp

# paramiko logs tracebacks; we get every failure as an exception. With --debug it may log.
if not logging.getLogger("paramiko").level:
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


def log_in(sftp: Sftp, timeout: int) -> paramiko.SFTPClient:
    """An SFTP session with the server that holds the pinned key; its exceptions are for `troubles`."""
    line = socket.create_connection((sftp.host, sftp.port), timeout=timeout)
    try:
        # Each request waits for its answer, so it has to be sent at once.
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Otherwise a server that stops reading would block us for ever.
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout * 1000)
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(_Refuse(sftp))
        _pin(client.get_host_keys(), sftp)
        client.connect(
            sftp.host,
            sftp.port,
            sftp.user,
            sftp.password or None,
            pkey=_key(sftp.key_file) if sftp.key_file else None,
            sock=line,
            allow_agent=False,
            look_for_keys=False,
            timeout=timeout,
            transport_factory=partial(_transport, timeout),
        )
        session = client.open_sftp()
        if channel := session.get_channel():
            channel.settimeout(timeout)
    except BaseException:
        # This ends paramiko's thread.
        line.close()
        raise
    return session


@contextmanager
def troubles(sftp: Sftp, timeout: int) -> Iterator[None]:
    """Every failure of the connection and every refusal becomes DeliveryFailed."""
    server = f"SFTP server {sftp.host}:{sftp.port}"
    try:
        yield
    except Refused as refusal:
        raise DeliveryFailed(
            f"The {server} refuses: {refusal.reason}.",
            "See that the login may write in sftp.directory, and that there is room.",
        ) from refusal
    except paramiko.BadHostKeyException as error:
        place, line = _pin_for(sftp, error.key)
        raise DeliveryFailed(
            f"The host key of the {server} is not the pinned one; nothing was sent."
            f" If the agency confirms the fingerprint {error.key.fingerprint}, {place}: {line}",
            "Ask the agency by another way than e-mail whether this key is theirs.",
        ) from error
    except (OSError, EOFError, paramiko.SSHException, paramiko.SFTPError) as error:
        match error:
            case TimeoutError():
                problem = f"did not answer within {counted(timeout, 'second')}"
            case paramiko.AuthenticationException():
                problem = f"does not let {sftp.user} in with this {'key' if sftp.key_file else 'password'}"
            case EOFError():
                problem = "closed the connection"
            case OSError():
                problem = f"cannot be reached or refuses: {system_reason(error)}"
            case _:
                problem = f"had an SSH protocol error: {one_line(str(error))}"
        raise DeliveryFailed(f"The {server} {problem}.") from error


class _Refuse(paramiko.MissingHostKeyPolicy):
    """Trusts no server for which no key is pinned."""

    def __init__(self, sftp: Sftp) -> None:
        self._sftp = sftp

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        place, line = _pin_for(self._sftp, key)
        server = f"SFTP server {self._sftp.host}:{self._sftp.port}"
        raise NotPinned(server, fingerprint=key.fingerprint, line=line, place=place)


def _transport(timeout: int, sock: Any, **options: Any) -> paramiko.Transport:
    transport = paramiko.Transport(sock, **options)
    transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = timeout
    # The timer of the handshake outlives a connection that fails, and the program waits for it.
    transport.handshake_timeout = timeout
    return transport


def _pin(keys: paramiko.HostKeys, sftp: Sftp) -> None:
    """The keys are those that the settings trust."""
    if sftp.known_hosts:
        try:
            with suppress(FileNotFoundError):
                keys.load(str(sftp.known_hosts))
        except (OSError, UnicodeDecodeError, InvalidHostKey) as error:
            why = system_reason(error) if isinstance(error, OSError) else "it is not in the form of ssh"
            raise DeliveryFailed(
                f"The file of host keys {sftp.known_hosts} cannot be read: {why}; nothing was sent.",
                "Let this user read it, and see that each line is like one of ssh-keyscan.",
            ) from error
    if sftp.host_key:
        try:
            kind, blob, *_ = sftp.host_key.split()
            keys.add(_host(sftp), kind, paramiko.PKey.from_type_string(kind, b64decode(blob, validate=True)))
        except (paramiko.SSHException, UnknownKeyType, ValueError) as error:
            raise DeliveryFailed(
                "The pinned host key cannot be read; nothing was sent.",
                'Write it as in a .pub file: host_key = "ssh-ed25519 AAAA…".',
            ) from error


def _host(sftp: Sftp) -> str:
    """The server as known_hosts names it."""
    return sftp.host if sftp.port == paramiko.config.SSH_PORT else f"[{sftp.host}]:{sftp.port}"


def _pin_for(sftp: Sftp, key: paramiko.PKey) -> tuple[str, str]:
    """Where to pin the key, and the line to write there."""
    line = f"{key.get_name()} {key.get_base64()}"
    if sftp.known_hosts:
        return f"add this line to {sftp.known_hosts}", f"{_host(sftp)} {line}"
    return "write into [sftp]", f'host_key = "{line}"'


def _key(file: Path) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(file)
    except (OSError, paramiko.SSHException, UnknownKeyType, ValueError, TypeError) as error:
        why = system_reason(error) if isinstance(error, OSError) else "it is not a key, or it has a passphrase"
        raise DeliveryFailed(
            f"The SSH key {file} cannot be used: {why}.",
            "Make one with ssh-keygen -t ed25519 -N '' and give the agency its .pub file.",
        ) from error
