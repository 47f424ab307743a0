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

from gentle_nudge.delivery.outlet import DeliveryFailed, what_the_system_said

if TYPE_CHECKING:
    from gentle_nudge.delivery.sftp import Sftp

SSH = 22
RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
WORDS_OF_A_LINE = 2

# paramiko writes tracebacks of its own into the log; what matters reaches us as exceptions.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


def log_in(server: Sftp) -> paramiko.SFTPClient:
    """An SFTP session with the server that holds the pinned key; DeliveryFailed otherwise."""
    with troubles(server):
        line = _call(server)
    try:
        with troubles(server):
            transport = paramiko.Transport(line)
            _meet(transport, server)
            _authenticate(transport, server)
            return _session(transport, server)
    except BaseException:
        # The thread that reads from it ends by this.
        line.close()
        raise


@contextmanager
def troubles(server: Sftp) -> Iterator[None]:
    """Whatever goes wrong between us and the server is DeliveryFailed."""
    try:
        yield
    except TimeoutError:
        raise DeliveryFailed(f"The SFTP server {server} did not answer within {server.timeout} seconds.") from None
    except paramiko.AuthenticationException:
        raise DeliveryFailed(
            f"The SFTP server {server} does not let {server.user} in with this {_means(server)}.", permanent=True
        ) from None
    except EOFError:
        raise DeliveryFailed(f"The SFTP server {server} closed the connection.") from None
    except OSError as error:
        raise DeliveryFailed(
            f"The SFTP server {server} cannot be reached or refuses: {what_the_system_said(error)}."
        ) from None
    except (paramiko.SSHException, paramiko.SFTPError) as error:
        raise DeliveryFailed(f"SSH protocol error with the SFTP server {server}: {error}.") from None


def _call(server: Sftp) -> socket.socket:
    line = socket.create_connection((server.host, server.port), timeout=server.timeout)
    # Each request waits for its answer: it must not wait to be sent as well.
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A server that stops reading would otherwise hold a full line for ever.
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, server.timeout * 1000)
    return line


def _meet(transport: paramiko.Transport, server: Sftp) -> None:
    transport.banner_timeout = transport.handshake_timeout = server.timeout
    transport.auth_timeout = transport.channel_timeout = server.timeout
    pins = _pins(server)
    _prefer(transport, tuple(pins))
    transport.start_client(timeout=server.timeout)
    key = transport.get_remote_server_key()
    if pins.get(key.get_name()) != key.asbytes():
        raise _refusal(server, key, known=bool(pins))


def _prefer(transport: paramiko.Transport, kinds: tuple[str, ...]) -> None:
    """The server is asked first for a key of a kind that we know."""
    options = transport.get_security_options()
    wanted = [name for kind in kinds for name in (RSA if kind == "ssh-rsa" else (kind,))]
    options.key_types = sorted(options.key_types, key=lambda name: name not in wanted)


def _pins(server: Sftp) -> dict[str, bytes]:
    """The host keys we trust, by kind."""
    pins = dict([_line(server.host_key)]) if server.host_key else {}
    if server.known_hosts:
        pins |= _known(server.known_hosts, _name_in_known_hosts(server))
    return pins


def _line(text: str) -> tuple[str, bytes]:
    try:
        kind, blob = text.split()[:WORDS_OF_A_LINE]
        return kind, b64decode(blob, validate=True)
    except (ValueError, NotBase64):
        raise DeliveryFailed(
            "The pinned host key cannot be read; nothing was sent.",
            'Write it as in a .pub file: host_key = "ssh-ed25519 AAAA…".',
            permanent=True,
        ) from None


def _known(file: Path, name: str) -> dict[str, bytes]:
    if not file.exists():
        return {}
    keys = paramiko.HostKeys(str(file)).lookup(name)
    return {kind: key.asbytes() for kind, key in keys.items()} if keys else {}


def _name_in_known_hosts(server: Sftp) -> str:
    return server.host if server.port == SSH else f"[{server.host}]:{server.port}"


def _refusal(server: Sftp, key: paramiko.PKey, *, known: bool) -> DeliveryFailed:
    line = f"{key.get_name()} {key.get_base64()}"
    if server.known_hosts:
        place = f"add to {server.known_hosts}: {_name_in_known_hosts(server)} {line}"
    else:
        place = f'set sftp.host_key = "{line}"'
    what = "is not the pinned one" if known else "is not known"
    return DeliveryFailed(
        f"The host key of the SFTP server {server} {what}; nothing was sent. If the agency confirms the fingerprint"
        f" {key.fingerprint}, {place}",
        "Ask the agency by another way than e-mail whether this key is theirs.",
        permanent=True,
    )


def _authenticate(transport: paramiko.Transport, server: Sftp) -> None:
    if server.key_file:
        transport.auth_publickey(server.user, _key(server.key_file))
    else:
        transport.auth_password(server.user, server.password)


def _key(file: Path) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(file)
    except OSError as error:
        raise _useless_key(file, what_the_system_said(error)) from None
    except (paramiko.SSHException, UnknownKeyType, ValueError, TypeError):
        raise _useless_key(file, "it is not a key, or it has a passphrase") from None


def _useless_key(file: Path, why: str) -> DeliveryFailed:
    return DeliveryFailed(
        f"The SSH key {file} cannot be used: {why}.",
        "Make one with ssh-keygen -t ed25519 -N '' and give the agency its .pub file.",
        permanent=True,
    )


def _session(transport: paramiko.Transport, server: Sftp) -> paramiko.SFTPClient:
    session = paramiko.SFTPClient.from_transport(transport)
    if session is None:
        raise EOFError
    channel = session.get_channel()
    if channel:
        channel.settimeout(server.timeout)
    return session


def _means(server: Sftp) -> str:
    return "key" if server.key_file else "password"
