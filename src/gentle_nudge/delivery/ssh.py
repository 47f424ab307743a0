"""The way to an SFTP server: the pinned host key, the login. Imports paramiko, hence slow to import."""

from __future__ import annotations

import logging
import socket
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from paramiko.pkey import UnknownKeyType

from gentle_nudge.delivery.outlet import DeliveryFailed, system_reason

if TYPE_CHECKING:
    from gentle_nudge.settings.keys import Sftp

SSH = 22
RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
WORDS_OF_A_LINE = 2

# paramiko logs tracebacks of its own; what matters reaches us as exceptions. With --debug it may.
if not logging.getLogger("paramiko").level:
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


def log_in(sftp: Sftp, timeout: int) -> paramiko.SFTPClient:
    """An SFTP session with the server that holds the pinned key; the exceptions are those that `troubles` knows."""
    line = socket.create_connection((sftp.host, sftp.port), timeout=timeout)
    try:
        # Each request waits for its answer: it must not wait to be sent as well.
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A server that stops reading would otherwise hold a full line for ever.
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout * 1000)
        transport = paramiko.Transport(line)
        transport.banner_timeout = transport.handshake_timeout = timeout
        transport.auth_timeout = transport.channel_timeout = timeout
        _meet(transport, sftp, timeout)
        if sftp.key_file:
            transport.auth_publickey(sftp.user, _key(sftp.key_file))
        else:
            transport.auth_password(sftp.user, sftp.password)
        return _session(transport, timeout)
    except BaseException:
        # The thread that reads from it ends by this.
        line.close()
        raise


@contextmanager
def troubles(sftp: Sftp, timeout: int) -> Iterator[None]:
    """Whatever goes wrong between us and the server is DeliveryFailed."""
    name = f"SFTP server {sftp.host}:{sftp.port}"
    try:
        yield
    except TimeoutError as error:
        raise DeliveryFailed(f"The {name} did not answer within {timeout} seconds.") from error
    except paramiko.AuthenticationException as error:
        raise DeliveryFailed(
            f"The {name} does not let {sftp.user} in with this {'key' if sftp.key_file else 'password'}."
        ) from error
    except EOFError as error:
        raise DeliveryFailed(f"The {name} closed the connection.") from error
    except OSError as error:
        raise DeliveryFailed(f"The {name} cannot be reached or refuses: {system_reason(error)}.") from error
    except (paramiko.SSHException, paramiko.SFTPError) as error:
        raise DeliveryFailed(f"SSH protocol error of the {name}: {error}.") from error


def _meet(transport: paramiko.Transport, sftp: Sftp, timeout: int) -> None:
    """The server has shown the pinned key; it is asked first for a key of a kind that we know."""
    pins = _pins(sftp)
    options = transport.get_security_options()
    wanted = [name for kind in pins for name in (RSA if kind == "ssh-rsa" else (kind,))]
    options.key_types = sorted(options.key_types, key=lambda name: name not in wanted)
    transport.start_client(timeout=timeout)
    key = transport.get_remote_server_key()
    if pins.get(key.get_name()) != key.asbytes():
        raise _refusal(sftp, key, known=bool(pins))


def _pins(sftp: Sftp) -> dict[str, bytes]:
    """The host keys we trust, by kind."""
    pins = dict([_line(sftp.host_key)]) if sftp.host_key else {}
    if sftp.known_hosts and sftp.known_hosts.exists():
        keys = paramiko.HostKeys(str(sftp.known_hosts)).lookup(_name_in_known_hosts(sftp))
        pins |= {kind: key.asbytes() for kind, key in keys.items()} if keys else {}
    return pins


def _line(text: str) -> tuple[str, bytes]:
    try:
        kind, blob = text.split()[:WORDS_OF_A_LINE]
        return kind, b64decode(blob, validate=True)
    except (ValueError, NotBase64) as error:
        raise DeliveryFailed(
            "The pinned host key cannot be read; nothing was sent.",
            'Write it as in a .pub file: host_key = "ssh-ed25519 AAAA…".',
        ) from error


def _name_in_known_hosts(sftp: Sftp) -> str:
    return sftp.host if sftp.port == SSH else f"[{sftp.host}]:{sftp.port}"


def _refusal(sftp: Sftp, key: paramiko.PKey, *, known: bool) -> DeliveryFailed:
    line = f"{key.get_name()} {key.get_base64()}"
    if sftp.known_hosts:
        place = f"add to {sftp.known_hosts}: {_name_in_known_hosts(sftp)} {line}"
    else:
        place = f'set sftp.host_key = "{line}"'
    return DeliveryFailed(
        f"The host key of the SFTP server {sftp.host}:{sftp.port} is not {'the pinned one' if known else 'known'};"
        f" nothing was sent. If the agency confirms the fingerprint {key.fingerprint}, {place}",
        "Ask the agency by another way than e-mail whether this key is theirs.",
    )


def _key(file: Path) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(file)
    except OSError as error:
        raise _useless_key(file, system_reason(error)) from error
    except (paramiko.SSHException, UnknownKeyType, ValueError, TypeError) as error:
        raise _useless_key(file, "it is not a key, or it has a passphrase") from error


def _useless_key(file: Path, why: str) -> DeliveryFailed:
    return DeliveryFailed(
        f"The SSH key {file} cannot be used: {why}.",
        "Make one with ssh-keygen -t ed25519 -N '' and give the agency its .pub file.",
    )


def _session(transport: paramiko.Transport, timeout: int) -> paramiko.SFTPClient:
    session = paramiko.SFTPClient.from_transport(transport)
    if session is None:
        raise EOFError
    channel = session.get_channel()
    if channel:
        channel.settimeout(timeout)
    return session
