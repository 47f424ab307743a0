"""`koha-gentle-nudge INSTANCE`: the command as the instance's own user, for whoever calls it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import scratch
from tests.support.pages import ROOT

WRAPPER = ROOT / "package/koha-gentle-nudge"

# Two instances as koha-create leaves them, one folder without a configuration, and a program that tells what it got.
HOST = """
for name in north east; do
    useradd --system --user-group --no-create-home --home-dir /var/lib/koha/$name $name-koha
    install -d -m 0755 /etc/koha/sites/$name
    install -d -o $name-koha -g $name-koha /var/lib/koha/$name
    install -m 0640 -g $name-koha /dev/null /etc/koha/sites/$name/koha-conf.xml
done
groupadd readers; usermod --append --groups readers north-koha
install -d -m 0755 /etc/koha/sites/empty /etc/koha/sites/orphan /opt/koha-gentle-nudge/bin
touch /etc/koha/sites/orphan/koha-conf.xml
cat > /opt/koha-gentle-nudge/bin/gentle-nudge <<'PROGRAM'
#!/bin/sh
echo "$(id -un) $(id -Gn) in $PWD"
echo "$KOHA_CONF $HOME $USER $LOGNAME for $SUDO_USER"
test -r "$KOHA_CONF" && echo readable
printf '<%s>' "$@"
exit 75
PROGRAM
chmod 0755 /opt/koha-gentle-nudge/bin/gentle-nudge
install -m 0755 koha-gentle-nudge /usr/bin/
"""

pytestmark = pytest.mark.process


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder in which `on_host` runs; skipped, with the reason, where this machine cannot be copied."""
    if reason := scratch.missing(tmp_path):
        pytest.skip(reason)
    (tmp_path / WRAPPER.name).write_bytes(WRAPPER.read_bytes())
    return tmp_path


def on_host(host: Path, script: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return scratch.run(f"({HOST}) >&2; {script}", host, env=env)


def test_the_command_runs_as_the_instance_s_user_in_its_folder_with_its_groups_and_the_exit_code_is_kept(
    host: Path,
) -> None:
    done = on_host(host, "koha-gentle-nudge north release 'A B' --reason '' \"it's\"", {"SUDO_USER": "anna"})
    assert done.stdout.splitlines() == [
        "north-koha north-koha readers in /var/lib/koha/north",
        "/etc/koha/sites/north/koha-conf.xml /var/lib/koha/north north-koha north-koha for anna",
        "readable",
        "<release><A B><--reason><><it's>",
    ]
    assert done.returncode == 75


def test_root_without_sudo_is_recorded_as_root(host: Path) -> None:
    assert "east-koha for root\n" in on_host(host, "koha-gentle-nudge east status").stdout


def test_the_instance_s_own_user_may_call_it(host: Path) -> None:
    done = on_host(host, "setpriv --reuid north-koha --regid north-koha --clear-groups koha-gentle-nudge north status")
    assert done.stdout.startswith("north-koha north-koha in /var/lib/koha/north\n")
    assert "for north-koha\nreadable\n<status>" in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("south check", "There is no Koha instance south here (/etc/koha/sites/south/koha-conf.xml is missing)."),
        ("empty check", "There is no Koha instance empty here"),
        ("../sites/north check", "../sites/north is not the name of a Koha instance."),
        (".. check", ".. is not the name"),
        ("orphan check", "Koha instance orphan has no user orphan-koha."),
        ("''", "Usage: koha-gentle-nudge INSTANCE"),
        ("", "Usage: koha-gentle-nudge INSTANCE"),
        ("--verbose north nightly", "Usage: koha-gentle-nudge INSTANCE"),
    ],
)
def test_what_is_no_instance_is_refused_with_a_sentence(host: Path, words: str, sentence: str) -> None:
    done = on_host(host, f"koha-gentle-nudge {words} 2>said")
    assert (done.returncode, done.stdout) == (2, "")
    said = (host / "said").read_text(encoding="utf-8")
    assert said.startswith(sentence)
    assert said.count("\n") == 1


def test_another_user_is_told_who_may(host: Path) -> None:
    done = on_host(host, "setpriv --reuid east-koha --regid east-koha --clear-groups koha-gentle-nudge north status")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("Only root and north-koha may do this: sudo koha-gentle-nudge north ...\n")


def test_help_is_asked_for(host: Path) -> None:
    done = on_host(host, "koha-gentle-nudge --help")
    assert (done.returncode, done.stdout.startswith("Usage: koha-gentle-nudge INSTANCE")) == (0, True)
