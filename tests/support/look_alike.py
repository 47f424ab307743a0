"""A look-alike of a Koha host, on which the blocks of a how-to page are followed word for word; see tests/README.md.

It is a throwaway copy of this machine with two instances, LIB and OTHER. Their databases are on the tests' server.
Run as a program, it follows the steps on the host itself.
"""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import tomli_w

from tests.support import scratch
from tests.support.koha import KohaDatabase
from tests.support.pages import ROOT

Who = Literal["root", "LIB-koha"]
INSTANCES = ("LIB", "OTHER")
CONFIGURATION = Path("/etc/koha/sites/LIB/gentle-nudge.toml")
WRAPPER = "koha-gentle-nudge LIB "
MARK = re.compile(r"^ *<!-- (?P<word>host|not run|exit)[: ] *(?P<said>.+?) -->$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^(?P<indent> *)```(?P<kind>sh|toml)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)

# What the host has besides this machine: Koha's own commands with the options that the pages use, and sudo.
HOST = """
export HOME=/root
printf '[client]\\nuser=root\\nsocket=/run/mysqld/mysqld.sock\\n' > /root/.my.cnf
mkdir -p /run/mysqld /etc/cron.d /etc/systemd/system
touch /run/mysqld/mysqld.sock
mount --bind {socket} /run/mysqld/mysqld.sock
for folder in {ancestors}; do chmod o+x "$folder"; done
for name in {instances}; do
    useradd --system --user-group --no-create-home --home-dir /var/lib/koha/$name $name-koha
    install -d -m 0755 /etc/koha/sites/$name
    install -d -o $name-koha -g $name-koha /var/lib/koha/$name
    install -m 0640 -g $name-koha {folder}/$name.xml /etc/koha/sites/$name/koha-conf.xml
done
install -d /opt/koha-gentle-nudge/bin
ln -s /opt/koha-gentle-nudge/bin/gentle-nudge /usr/bin/
install -D -m 0644 -t /usr/share/doc/koha-gentle-nudge/cron {root}/cron/*
install -m 0755 {folder}/gentle-nudge /opt/koha-gentle-nudge/bin/
install -m 0755 {root}/package/koha-gentle-nudge /usr/bin/
install -m 0755 {folder}/bin/* /usr/local/bin/
"""

COMMANDS = {
    "it-is": 'echo "$1" > /run/today; chmod a+r /run/today',
    "koha-list": """
for site in /etc/koha/sites/*/koha-conf.xml; do
    name=$(basename "$(dirname "$site")")
    [ "$1" = --enabled ] && [ -e "/var/lib/koha/$name/disabled" ] || echo "$name"
done""",
    "koha-shell": """
name=$1
[ "$2" = -c ] || exit 1
exec env -i PATH="$PATH" HOME=/var/lib/koha/$name LOGNAME=$name-koha KOHA_CONF=/etc/koha/sites/$name/koha-conf.xml \\
    setpriv --reuid $name-koha --regid $name-koha --init-groups sh -c "$3" """,
    # As Koha's: every instance in turn, whatever the exit code of the one before; always 0.
    "koha-foreach": """
enabled= chdir=
while [ "${1#--}" != "$1" ]; do
    case $1 in --enabled) enabled=--enabled ;; --chdir) chdir=1 ;; *) exit 1 ;; esac
    shift
done
for name in $(koha-list $enabled); do
    ( [ -z "$chdir" ] || cd "/var/lib/koha/$name"; koha-shell "$name" -c "$*" ) || true
done
exit 0""",
    "sudo": """
user=root
[ "$1" = -u ] && { user=$2; shift 2; }
SUDO_USER=anna exec setpriv --reuid "$user" --regid "$user" --init-groups "$@" """,
}

POLICY = """
threshold = 25.00
processing_fee = 10.00
flag = "sort1"
minors = "exclude"
send_to = ["reports@agency.org"]
"""

# What a reader has done before the page begins, what happens at the library meanwhile, and what is looked at.
COMMANDS |= {
    "installed": f"""
file=/etc/koha/sites/LIB/gentle-nudge.toml
install -m 0640 -g LIB-koha /dev/null $file
printf '%s' '[policy]{POLICY}' > $file
koha-gentle-nudge LIB init --yes""",
    "nights": """
for day in "$@"; do it-is $day; koha-gentle-nudge LIB nightly; done
it-is 2026-11-25""",
    "sql": 'mysql koha_LIB -e "$1"',
    "backlog": """
sql "INSERT INTO borrowers (cardnumber, surname, dateofbirth, branchcode, categorycode, sort1)
        SELECT CONCAT('backlog', seq), 'Backlog', '1980-05-05', 'CPL', 'PT', '' FROM seq_1_to_$1;
    INSERT INTO accountlines (borrowernumber, date, amount, amountoutstanding, debit_type_code, interface)
        SELECT borrowernumber, '2026-09-20 12:00', 30, 30, 'LOST', 'intranet' FROM borrowers
        WHERE surname = 'Backlog'" """,
    "undelivered": """
for id in "$@"; do
    sql "SET foreign_key_checks = 0; UPDATE gentle_nudge_delivery SET id = $id, state = 'failed'
        WHERE id = $id OR id < 17 ORDER BY id = $id DESC, id DESC LIMIT 1"
done""",
    "consortium": """
sql "INSERT INTO branches (branchcode, branchname) VALUES ('HBR', 'Harbor'), ('COL', 'College');
    INSERT INTO library_groups (id, title) VALUES (1, 'North');
    INSERT INTO library_groups (parent_id, branchcode) VALUES (1, 'CPL');
    INSERT INTO borrower_attribute_types (code, description)
        VALUES ('COLLNORTH', 'North'), ('COLLHARBOR', 'Harbor')" """,
    "case-of-college": """
nights 2026-11-22
sql "UPDATE gentle_nudge_case SET section = 'college' ORDER BY id LIMIT 1" """,
    "backup-comes-back": """
printf '[archive]\ndirectory = "/var/lib/koha/LIB/archive"\n' >> /etc/koha/sites/LIB/gentle-nudge.toml
nights 2026-11-23
mariadb-dump koha_LIB > /run/backup.sql
nights 2026-11-24
mariadb koha_LIB < /run/backup.sql
it-is 2026-11-25
! koha-gentle-nudge LIB nightly""",
    "complete-the-policy": """
sed -i -e 's/[.]example/.org/' /etc/koha/sites/LIB/gentle-nudge.toml""",
    "disable-the-plugin": """
sql "UPDATE plugin_data SET plugin_value = '0' WHERE plugin_key = '__ENABLED__'" """,
    "pin-the-line-of-check": r"""
koha-gentle-nudge LIB check --format json > /run/findings || true
grep -o '[^ "]*sftp.agency.org[^ "]* ssh-ed25519 [A-Za-z0-9+/=]*' /run/findings | head -n 1 | tee -a \
    /etc/koha/sites/LIB/known_hosts
chgrp LIB-koha /etc/koha/sites/LIB/known_hosts""",
    "agency": """
useradd --create-home --password '*' library
install -d /run/sshd
install -d -o library /home/library/incoming
ssh-keygen -q -t ed25519 -N '' -f /run/agency-key
port=$(python3 -c 'import socket; probe = socket.socket(); probe.bind(("", 0)); print(probe.getsockname()[1])')
printf '%s\n' "Port $port" 'ListenAddress 127.0.0.1' 'HostKey /run/agency-key' 'UsePAM no' 'StrictModes no' \
    'AuthorizedKeysFile /var/lib/koha/LIB/sftp-key.pub' 'Subsystem sftp internal-sftp' > /run/sshd_config
/usr/sbin/sshd -f /run/sshd_config
echo '127.0.0.1 sftp.agency.org' >> /etc/hosts
sed -i "/^.sftp.$/a port = $port" /etc/koha/sites/LIB/gentle-nudge.toml""",
    "second-instance": """
sed -e 's/LIB/OTHER/g' /etc/koha/sites/LIB/gentle-nudge.toml > /etc/koha/sites/OTHER/gentle-nudge.toml
koha-gentle-nudge OTHER init --yes""",
    # What the desk does with a spreadsheet: the patron with this card stays, the others of that day's list may go.
    "desk-approves": """
cd /var/lib/koha/LIB/staff
python3 - "$@" <<'END'
import csv, sys
day, card = sys.argv[1:]
with open(f"review-{day}-global.csv", encoding="utf-8-sig", newline="") as file:
    rows = list(csv.DictReader(file))
for row in rows:
    if row["card"] == card:
        row |= {"decision": "leave out", "reason": "found on the shelf"}
with open(f"in/review-{day}-global-approved.csv", "w", encoding="utf-8", newline="") as file:
    edited = csv.DictWriter(file, rows[0])
    edited.writeheader()
    edited.writerows(rows)
END
chown LIB-koha in/*.csv""",
    "run-crontab": """
sed -n 's/^[0-9*].* root  *//p' /etc/cron.d/gentle-nudge > /run/crontab
sh -e /run/crontab > /run/said 2>&1
[ ! -s /run/said ] || { cat /run/said; exit 1; }""",
    "both-went-well": """
for name in LIB OTHER; do koha-gentle-nudge $name status; koha-gentle-nudge $name outbox --state sent; done""",
}

PROGRAM = """#!{python}
import sys
sys.path.insert(0, "{root}")
from tests.support.look_alike import gentle_nudge
gentle_nudge()
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A block of a page, or what a reader does besides the blocks (`is_hidden`); `line` is where it stands."""

    kind: str
    text: str
    exit_code: int = 0
    line: int
    is_hidden: bool = False

    def may_be_run_by_the_instance(self) -> bool:
        """True if each command of the block is one of the program for the instance, and nothing else."""
        commands = self.text.replace("\\\n", " ").strip().splitlines()
        return not self.is_hidden and all(line.startswith(WRAPPER) and not set(line) & set("|<>&") for line in commands)


def steps(text: str) -> Iterator[Step]:
    """The steps of a page, in order; a block under `<!-- not run: REASON -->` is none."""
    marks: dict[str, str] = {}
    for each in sorted((*MARK.finditer(text), *BLOCK.finditer(text)), key=lambda match: match.start()):
        line = text.count("\n", 0, each.start()) + 1
        if each.re is BLOCK:
            block = re.sub(f"(?m)^{each['indent']}", "", each["text"])
            if "not run" not in marks:
                yield Step(kind=each["kind"], text=block, exit_code=int(marks.get("exit", 0)), line=line)
            marks = {}
        elif each["word"] == "host":
            yield Step(kind="sh", text=each["said"], line=line, is_hidden=True)
        else:
            marks[each["word"]] = each["said"]


def follow(page: Path, folder: Path, databases: Mapping[str, KohaDatabase], who: Who) -> str:
    """Everything that was said while the page was followed on a fresh host; AssertionError at the first wrong step."""
    (folder / "steps.json").write_text(json.dumps([asdict(step) for step in steps(page.read_text(encoding="utf-8"))]))
    socket = next(iter(databases.values())).server.socket
    for name, koha in databases.items():
        koha.conf_file(folder, hostname="localhost", port="").rename(folder / f"{name}.xml")
    (folder / "gentle-nudge").write_text(PROGRAM.format(python=sys.executable, root=ROOT))
    (folder / "bin").mkdir()
    for name, script in COMMANDS.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh -e\n{script.strip()}\n")
    places = [Path(sys.executable), Path(sys.executable).resolve(), ROOT / "src"]
    ancestors = sorted({str(parent) for place in places for parent in place.parents})
    host = HOST.format(
        socket=socket, ancestors=shlex.join(ancestors), instances=" ".join(INSTANCES), folder=folder, root=ROOT
    )
    program = f"cd {ROOT}; {sys.executable} -m tests.support.look_alike {folder}/steps.json {who}"
    done = scratch.run(f"{host}\n{program}", folder, env={"HOME": "/root"}, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def main() -> None:
    """Follow the steps of the file as this user, on the host."""
    file, who = sys.argv[1:]
    for values in json.loads(Path(file).read_text(encoding="utf-8")):
        step = Step(**values)
        if step.kind == "toml":
            configure(step.text)
            continue
        code, said = run(step, who)
        sys.stdout.write(f"--- line {step.line}: {step.text.strip()}\n{said}")
        sys.stdout.flush()
        if code != step.exit_code:
            sys.exit(f"line {step.line} as {who}: exit {code}, not {step.exit_code}")


def run(step: Step, who: str) -> tuple[int, str]:
    """Exit code and output of a step on a terminal at which somebody says yes to everything."""
    by_instance = ["setpriv", "--reuid", who, "--regid", who, "--init-groups", "--"]
    as_who = by_instance if who != "root" and step.may_be_run_by_the_instance() else []
    ours, theirs = pty.openpty()
    os.write(ours, b"y\n" * 9)
    done = subprocess.run(
        [*as_who, "bash", "-euo", "pipefail", "-c", own(step.text)],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    return done.returncode, done.stdout


def configure(block: str) -> None:
    """The configuration of LIB has the keys of the block: what a reader does with an editor."""
    given = tomllib.loads(own(block))
    there = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))
    for name, table in given.items():
        there[name] = {**there.get(name, {}), **table} if isinstance(table, dict) else table
    CONFIGURATION.write_text(tomli_w.dumps(there), encoding="utf-8")


def own(text: str) -> str:
    """The text with the reader's own addresses and hosts instead of the examples."""
    return text.replace(".example", ".org")


def gentle_nudge() -> None:
    """The program on the day that `it-is` has told, or else on that of the other examples."""
    from freezegun import freeze_time  # noqa: PLC0415 - only the program on the host needs these

    from gentle_nudge.cli.app import main as program  # noqa: PLC0415
    from tests.support.command import REAL_TIME, sessions_with  # noqa: PLC0415
    from tests.support.pages import NOW  # noqa: PLC0415

    told, now = Path("/run/today"), NOW
    if told.exists():
        year, month, day = map(int, told.read_text(encoding="ascii").split("-"))
        now = now.replace(year=year, month=month, day=day)
    with sessions_with({"timestamp": now.timestamp()}), freeze_time(now, ignore=REAL_TIME):
        program(prog_name="gentle-nudge")


if __name__ == "__main__":
    main()
