"""What is meant to be installed for cron and systemd: its lines are whole, and the commands in it exist."""

import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.support.command import COMMAND
from tests.support.pages import ROOT
from tests.support.spoken import fault

CRON = ROOT / "cron"
INSTALLED = "/opt/koha-gentle-nudge/bin/gentle-nudge"
SYSTEMD = shutil.which("systemd-analyze")
UNITS = sorted(CRON.glob("*@.*"))
FAILED = CRON / "gentle-nudge-failed@.service"
FIELD = re.compile(r"\*(/\d+)?|\d+(-\d+)?(,\d+(-\d+)?)*")
LIMITS = (59, 23, 31, 12, 7)


def test_every_line_of_the_crontab_is_a_comment_a_setting_or_a_job_with_a_user() -> None:
    for line in crontab():
        if not re.match(r"[A-Z]+=", line):
            *times, user, command = line.split(maxsplit=6)
            assert all(FIELD.fullmatch(field) for field in times), line
            assert all(int(n) <= most for field, most in zip(times, LIMITS, strict=True) for n in numbers(field)), line
            assert user == "root"
            assert "%" not in command, "cron takes % for a line end"


def test_the_crontab_runs_night_reminders_and_deliveries_for_every_enabled_instance_that_is_configured() -> None:
    jobs = [line.split(maxsplit=6)[6] for line in crontab() if "koha-foreach" in line]
    each = f"koha-foreach --chdir --enabled {INSTALLED} --if-configured "
    # A refresh that fails never stops the night.
    assert jobs == [f"{each}passport refresh --all; {each}nightly", each + "remind", each + "deliver"]
    assert not any(fault(run.partition(INSTALLED)[2].split()) for job in jobs for run in job.split(";"))


def test_the_crontab_ends_with_a_line_end_and_may_lie_in_the_folder_of_cron() -> None:
    assert (CRON / "gentle-nudge.cron").read_text(encoding="utf-8").endswith("\n")
    assert re.fullmatch(r"[A-Za-z0-9_-]+", "gentle-nudge"), "cron passes over names with a dot"


SERVICES = [unit for unit in UNITS if unit.suffix == ".service" and unit != FAILED]


@pytest.mark.parametrize("service", SERVICES, ids=lambda unit: unit.name)
def test_a_service_runs_a_command_that_exists_as_the_instance(service: Path) -> None:
    said = unit(service)["Service"]
    program, *arguments = shlex.split(said["ExecStart"])
    assert program == INSTALLED
    assert said["User"] == said["Group"] == "%i-koha"
    assert said["Environment"] == "KOHA_CONF=/etc/koha/sites/%i/koha-conf.xml"
    assert fault(arguments) is None
    assert service.name.removeprefix("gentle-nudge-").removesuffix("@.service") in arguments


def test_the_night_waits_for_the_refresh_and_does_not_need_it() -> None:
    said = unit(CRON / "gentle-nudge-nightly@.service")["Unit"]
    for key in ("After", "Wants"):
        assert "gentle-nudge-passport@%i.service" in said[key].split()
    assert "Requires" not in said


@pytest.mark.parametrize("timer", [unit for unit in UNITS if unit.suffix == ".timer"], ids=lambda unit: unit.name)
def test_a_timer_has_its_service_and_is_wanted(timer: Path) -> None:
    assert timer.with_suffix(".service") in UNITS
    said = unit(timer)
    assert said["Timer"]["OnCalendar"]
    assert said["Install"]["WantedBy"] == "timers.target"


@pytest.mark.parametrize("timer", [unit for unit in UNITS if unit.suffix == ".timer"], ids=lambda unit: unit.name)
def test_many_instances_begin_at_different_times_each_always_at_its_own(timer: Path) -> None:
    said = unit(timer)["Timer"]
    assert int(said["RandomizedDelaySec"].removesuffix("min")) >= 5
    assert said["FixedRandomDelay"] == "true"


@pytest.mark.parametrize("service", SERVICES, ids=lambda unit: unit.name)
def test_a_service_reaches_nothing_that_it_does_not_need(service: Path) -> None:
    said = unit(service)["Service"]
    assert (said["ProtectSystem"], said["UMask"], said["CapabilityBoundingSet"]) == ("strict", "0077", "")
    assert said["StateDirectory"] == "gentle-nudge/%i"
    if SYSTEMD is None:
        pytest.skip("systemd is not on this machine, so that the exposure of its units cannot be measured")
    command = [SYSTEMD, "security", "--offline=yes", "--threshold=39", str(service)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_of_a_failure_is_named_by_the_night_and_runs_for_nobody_who_does_not_ask() -> None:
    night = (CRON / "gentle-nudge-nightly@.service").read_text(encoding="utf-8")
    assert f"\n#OnFailure={FAILED.name.replace('@.', '@%n.')}\n" in night
    assert "Install" not in unit(FAILED)
    assert not any("OnFailure" in unit(service)["Unit"] for service in SERVICES)


def test_reminders_begin_after_the_night_and_wait_for_its_end() -> None:
    night, remind = (unit(CRON / f"gentle-nudge-{name}@.timer")["Timer"] for name in ("nightly", "remind"))
    hour, minute = map(int, night["OnCalendar"].split()[1].split(":")[:2])
    latest = hour * 60 + minute + int(night["RandomizedDelaySec"].removesuffix("min"))
    hour, minute = map(int, remind["OnCalendar"].split()[1].split(":")[:2])
    assert hour * 60 + minute > latest
    assert "gentle-nudge-nightly@%i.service" in unit(CRON / "gentle-nudge-remind@.service")["Unit"]["After"].split()


@pytest.mark.skipif(SYSTEMD is None, reason="systemd is not on this machine")
def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    for source in UNITS:
        text = source.read_text(encoding="utf-8").replace(INSTALLED, str(COMMAND))
        (tmp_path / source.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [str(SYSTEMD), "verify", "--man=no", *sorted(tmp_path.glob("*@.*"))],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert not [line for line in done.stderr.splitlines() if "gentle-nudge" in line]


def crontab() -> list[str]:
    lines = (CRON / "gentle-nudge.cron").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def numbers(field: str) -> list[str]:
    return re.findall(r"\d+", field)


def unit(file: Path) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(file.read_text(encoding="utf-8"))
    return parser
