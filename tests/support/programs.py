"""Programs that the tests start: found, on a free port, and ended with us."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 60.0


def start(command: Sequence[str | Path], *, log: Path) -> subprocess.Popen[bytes]:
    """The program runs, writes to the log, and ends when we do, however that happens."""
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - it only asks the kernel for a signal
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """The process is gone: asked first, killed if it does not listen."""
    process.terminate()
    try:
        process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def find(name: str) -> str:
    """The full path of a program, also of those that only root has in the PATH."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
    if found is None:
        message = f"{name} is not here: make test says what to install"
        raise RuntimeError(message)
    return found


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    """A disk in memory of this size (`64k`) lies over the folder; the test is skipped where nobody may mount."""
    mount = [find("mount"), "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run([find("umount"), str(folder)], check=True)


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
