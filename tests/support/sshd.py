"""A real OpenSSH server: own port, own keys, own folder; only SFTP, only our key."""

import getpass
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.support.programs import end, find, free_port, start

PATIENCE = 20.0


class Sshd:
    """Listens on 127.0.0.1 while it is entered; the files arrive in `root` (an absolute path for clients)."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, *, kind: str = "ed25519") -> None:
        self.folder = folder
        self.root = folder / "incoming"
        self.root.mkdir(parents=True)
        self.user = getpass.getuser()
        self.key_file = self._keypair("client-key")
        self._host_key_file = self._keypair("host-key", kind)
        self.known_hosts = folder / "known_hosts"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host_key(self) -> str:
        """The public key as a configuration pins it: `ssh-ed25519 AAAA...`."""
        public = self._host_key_file.with_suffix(".pub").read_text(encoding="utf-8")
        return " ".join(public.split()[:2])

    def __enter__(self) -> Self:
        for last in (False, False, True):
            self.port = free_port()
            self._process = self._spawn()
            if self._answers():
                break
            end(self._process)
            if last:
                raise RuntimeError((self.folder / "log").read_text(encoding="utf-8", errors="replace"))
        self.known_hosts.write_text(f"[{self.host}]:{self.port} {self.host_key}\n", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            end(self._process)

    def _spawn(self) -> subprocess.Popen[bytes]:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self.folder / "config"
        config.write_text(self._config(), encoding="utf-8")
        return start([find("sshd"), "-D", "-e", "-f", config], log=self.folder / "log")

    def _config(self) -> str:
        said = {
            "ListenAddress": f"{self.host}:{self.port}",
            "HostKey": self._host_key_file,
            "AuthorizedKeysFile": self.key_file.with_suffix(".pub"),
            "PidFile": "none",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "StrictModes": "no",
            "UsePAM": "no",
            "Subsystem": "sftp internal-sftp",
            "ForceCommand": "internal-sftp",
        }
        return "".join(f"{name} {value}\n" for name, value in said.items())

    def _answers(self) -> bool:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._process is not None and self._process.poll() is None:
            try:
                with socket.create_connection((self.host, self.port), timeout=5) as connection:
                    return connection.recv(4) == b"SSH-"
            except OSError:
                time.sleep(0.05)
        return False

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the host key as ssh-keygen tells it: `SHA256:...`."""
        command: list[str | Path] = [find("ssh-keygen"), "-l", "-f", self._host_key_file]
        shown: str = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return shown.split()[1]

    def _keypair(self, name: str, kind: str = "ed25519") -> Path:
        path = self.folder / name
        command: list[str | Path] = [find("ssh-keygen"), "-q", "-t", kind, "-N", "", "-C", "test", "-f", path]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path
