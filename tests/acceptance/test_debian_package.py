"""The Debian package, built from the locked wheels, then installed, upgraded and removed in a copy of this machine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import scratch
from tests.support.pages import ROOT
from tests.support.programs import find

HOME = "/opt/koha-gentle-nudge"
# Where packages leave something, but what dpkg itself notes; others may be at work elsewhere on the machine.
BESIDES = "/var/lib/dpkg /var/log /var/cache /var/tmp"
EVERYTHING = " ".join(
    ["find /etc /opt /usr /var", *(f"-path {path} -prune -o" for path in BESIDES.split()), "-print | sort"]
)
# What systemd was told.
SYSTEMCTL = """
mkdir -p /run/systemd/system
printf '#!/bin/sh\\necho "$@" >> %s/systemctl\\n' "$PWD" > /usr/local/bin/systemctl
chmod 0755 /usr/local/bin/systemctl
"""
LIBRARY = """
mkdir -p /etc/koha/sites/LIB /var/lib/gentle-nudge/LIB /etc/systemd/system/timers.target.wants
touch /etc/koha/sites/LIB/gentle-nudge.toml /var/lib/gentle-nudge/LIB/report.csv
ln -s /usr/lib/systemd/system/gentle-nudge-nightly@.timer \
    /etc/systemd/system/timers.target.wants/gentle-nudge-nightly@LIB.timer
"""
THEIRS = (
    "ls /etc/koha/sites/LIB/gentle-nudge.toml /var/lib/gentle-nudge/LIB/report.csv"
    " /etc/systemd/system/timers.target.wants/gentle-nudge-nightly@LIB.timer || true"
)

pytestmark = [pytest.mark.package, pytest.mark.process]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built as `make deb` builds it."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not on this machine, so that no Debian package can be built")
    folder = tmp_path_factory.mktemp("deb")
    env = os.environ | {"TMPDIR": str(folder)}
    done = subprocess.run([ROOT / "tools/deb", folder], env=env, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


@pytest.fixture
def machine(package: Path, tmp_path: Path) -> Path:
    """A folder with the package; scripts run in it by `on`, each in a fresh copy of this machine."""
    if reason := scratch.missing(tmp_path):
        pytest.skip(f"{reason}, so that the package was built and not installed")
    shutil.copy(package, tmp_path / "package.deb")
    return tmp_path


def on(machine: Path, script: str) -> str:
    """What the script printed; it succeeded."""
    done = scratch.run(script, machine)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def field(package: Path, name: str) -> str:
    return subprocess.run(
        [find("dpkg-deb"), "--field", package, name], capture_output=True, encoding="utf-8", check=True
    ).stdout.strip()


def listing(package: Path) -> list[list[str]]:
    """Mode, owner and path of every file."""
    done = subprocess.run([find("dpkg-deb"), "--contents", package], capture_output=True, encoding="utf-8", check=True)
    return [
        [mode, owner, path.removeprefix(".")]
        for mode, owner, _, _, _, path, *_ in map(str.split, done.stdout.splitlines())
    ]


def newer(package: Path) -> Path:
    """The package once more with a higher version, a file less and a file more."""
    folder = package.parent / "newer"
    subprocess.run([find("dpkg-deb"), "--raw-extract", package, folder], check=True)
    control = folder / "DEBIAN/control"
    text = control.read_text(encoding="utf-8")
    control.write_text(text.replace(f"Version: {field(package, 'Version')}", "Version: 99"), encoding="utf-8")
    (folder / "usr/share/doc/koha-gentle-nudge/CHANGELOG.md").unlink()
    (folder / f"opt/{Path(HOME).name}/new").touch()
    subprocess.run(
        [find("dpkg-deb"), "--root-owner-group", "-Znone", "--build", folder, package.parent / "newer.deb"], check=True
    )
    return package.parent / "newer.deb"


def test_it_is_named_by_its_version_and_the_architecture_of_what_is_in_it(package: Path) -> None:
    compiled = any(path.endswith(".so") for _, _, path in listing(package))
    here = subprocess.run(
        [find("dpkg"), "--print-architecture"], capture_output=True, encoding="utf-8", check=True
    ).stdout
    architecture = here.strip() if compiled else "all"
    assert field(package, "Architecture") == architecture
    assert package.name == f"koha-gentle-nudge_{field(package, 'Version')}_{architecture}.deb"


def test_it_depends_on_the_python_for_which_it_was_built(package: Path) -> None:
    script = "import sys; print(*sys.version_info[:2])"
    said = subprocess.run(["/usr/bin/python3", "-c", script], capture_output=True, encoding="utf-8", check=True).stdout
    major, minor = map(int, said.split())
    assert field(package, "Depends") == f"python3 (>= {major}.{minor}), python3 (<< {major}.{minor + 1})"


def test_it_holds_what_belongs_to_the_system_and_everything_belongs_to_root(package: Path) -> None:
    there = {path for _, _, path in listing(package)}
    units = {f"/usr/lib/systemd/system/{unit.name}" for unit in (ROOT / "cron").glob("*.*") if unit.suffix != ".cron"}
    docs = "/usr/share/doc/koha-gentle-nudge"
    assert there >= units | {
        "/usr/bin/gentle-nudge",
        "/usr/bin/koha-gentle-nudge",
        "/usr/share/man/man1/gentle-nudge.1.gz",
        "/usr/share/man/man8/koha-gentle-nudge.8.gz",
        "/usr/share/bash-completion/completions/gentle-nudge",
        "/usr/share/zsh/vendor-completions/_gentle-nudge",
        "/usr/share/fish/vendor_completions.d/gentle-nudge.fish",
        f"{docs}/copyright",
        f"{docs}/cron/gentle-nudge.cron",
        f"{docs}/docs/how-to/grants.sql",
        f"{docs}/config.example.toml",
    }
    assert {path.split("/")[1] for path in there} == {"", "opt", "usr"}, "no configuration, no enabled service"
    assert {owner for _, owner, _ in listing(package)} == {"root/root"}
    assert [path for mode, _, path in listing(package) if mode[8] == "w" and mode[0] != "l"] == []


def test_nothing_in_it_knows_where_it_was_built(package: Path, tmp_path: Path) -> None:
    subprocess.run([find("dpkg-deb"), "--extract", package, tmp_path], check=True)
    done = subprocess.run(
        [find("grep"), "-rlE", f"{ROOT}|{package.parent}", tmp_path / "opt"], capture_output=True, check=False
    )
    assert done.stdout.decode() == ""


def test_the_installed_program_plays_the_demo_and_leaves_nothing_of_its_own_in_its_folder(machine: Path) -> None:
    said = on(
        machine,
        f"dpkg -i package.deb >&2; cd /var/tmp; gentle-nudge --version; gentle-nudge demo | grep -m 1 ."
        f"; {HOME}/bin/python -c 'import sys; print(sys.base_prefix)'; dpkg -V koha-gentle-nudge"
        f"; find {HOME} | sort > after; (dpkg -L koha-gentle-nudge | grep ^{HOME}) | sort | diff - after"
        f"; koha-gentle-nudge LIB check 2>&1 || echo $?",
    ).splitlines()
    version, headline, prefix, *rest = said
    assert version.startswith("gentle-nudge, version ")
    assert headline
    assert prefix == "/usr"
    assert rest == [
        "There is no Koha instance LIB here (/etc/koha/sites/LIB/koha-conf.xml is missing). koha-list shows the names.",
        "2",
    ]


def test_an_upgrade_replaces_every_file_and_names_the_next_step(machine: Path) -> None:
    newer(machine / "package.deb")
    said = on(
        machine,
        f"{SYSTEMCTL}{LIBRARY}dpkg -i package.deb >first 2>&1; dpkg -i newer.deb; ls {HOME}/new"
        f"; ls /usr/share/doc/koha-gentle-nudge; {THEIRS}",
    )
    assert "koha-gentle-nudge INSTANCE init" in said
    assert "init" not in (machine / "first").read_text(encoding="utf-8"), "there is nothing to upgrade at first"
    assert f"{HOME}/new\n" in said
    assert "CHANGELOG.md" not in said
    assert "gentle-nudge-nightly@LIB.timer\n" in said
    assert "stop" not in (machine / "systemctl").read_text(encoding="utf-8"), "timers go on over an upgrade"


def test_removal_stops_the_timers_and_keeps_what_is_the_library_s(machine: Path) -> None:
    said = on(machine, f"{SYSTEMCTL}{LIBRARY}dpkg -i package.deb >&2; dpkg -r koha-gentle-nudge >&2; {THEIRS}; ls /opt")
    assert said.splitlines()[:3] == [
        "/etc/koha/sites/LIB/gentle-nudge.toml",
        "/etc/systemd/system/timers.target.wants/gentle-nudge-nightly@LIB.timer",
        "/var/lib/gentle-nudge/LIB/report.csv",
    ]
    assert Path(HOME).name not in said
    told = (machine / "systemctl").read_text(encoding="utf-8").splitlines()
    assert told == ["daemon-reload", "stop gentle-nudge-*@*.timer gentle-nudge-*@*.service", "daemon-reload"]


def test_a_purge_leaves_no_trace_but_what_is_the_library_s(machine: Path) -> None:
    on(
        machine,
        f"{SYSTEMCTL}mkdir -p /etc/systemd/system/timers.target.wants; {EVERYTHING} > before; {LIBRARY}"
        f"dpkg -i package.deb >&2; gentle-nudge --version; dpkg -r koha-gentle-nudge >&2; dpkg -P koha-gentle-nudge >&2"
        f"; {EVERYTHING} > after; dpkg -l koha-gentle-nudge > known 2>&1 || true",
    )
    before, after = ((machine / name).read_text(encoding="utf-8").splitlines() for name in ("before", "after"))
    assert set(before) - set(after) == set()
    assert {path for path in set(after) - set(before) if "gentle" in path or not path.startswith("/etc/koha")} == {
        "/etc/koha/sites/LIB/gentle-nudge.toml",
        "/var/lib/gentle-nudge",
        "/var/lib/gentle-nudge/LIB",
        "/var/lib/gentle-nudge/LIB/report.csv",
    }
    assert "no packages found" in (machine / "known").read_text(encoding="utf-8")
