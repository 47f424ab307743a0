"""A throwaway copy of this machine: a process in it may add users and install packages, and nothing of it stays."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

WITHIN = """
set -e
copy=$1 folder=$2 script=$3
mount -t tmpfs tmpfs "$copy"
mkdir "$copy/changes" "$copy/work" "$copy/root"
mount -t overlay -o "lowerdir=/,upperdir=$copy/changes,workdir=$copy/work" overlay "$copy/root"
mkdir -p "$copy/root$folder"
mount --bind "$folder" "$copy/root$folder"
mount --rbind /dev "$copy/root/dev"
mount -t proc proc "$copy/root/proc"
exec chroot "$copy/root" /bin/sh -ec "cd '$folder'; $script"
"""


def run(
    script: str, folder: Path, *, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """The shell script has run as root in a copy of this machine, in this folder, which it shares with us."""
    copy = folder / "copy"
    copy.mkdir(exist_ok=True)
    return subprocess.run(
        [*_namespace(), "sh", "-c", WITHIN, "sh", str(copy), str(folder), script],
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


def missing(folder: Path) -> str | None:
    """Why this machine cannot be copied; None: it can."""
    if os.geteuid() != 0:
        return "only root can make a throwaway copy of this machine"
    if shutil.which("unshare") is None or run("true", folder).returncode != 0:
        return "this machine does not let root mount an overlay in a namespace of its own"
    return None


def _namespace() -> list[str]:
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
