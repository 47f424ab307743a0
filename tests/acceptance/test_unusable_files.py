"""A file or an output that cannot be read or written is one sentence with its path, a way out, and exit code 2."""

import os
import resource
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings
from tests.acceptance.evenings import Library as Begin
from tests.acceptance.libraries import Library
from tests.builders.days import SUNDAY
from tests.support.command import COMMAND, Command, Finished
from tests.support.koha import KohaDatabase
from tests.support.sample_library import cast_alone
from tests.support.sftp import SftpServer

DEMO = "gentle-nudge-demo/gentle-nudge.toml"
NOBODY_WRITES = Path("/sys")  # not even root


def refused(done: Finished, path: object) -> None:
    """One sentence with the path, one way out, and nothing else."""
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 2, done.stderr
    sentence, way_out = done.stderr.splitlines()
    assert str(path) in sentence
    assert "rror" not in done.stderr
    assert "/" in way_out or "PYTHONIOENCODING=utf-8 before" in way_out


@pytest.fixture
def referring(library: Begin) -> Evenings:
    """A library that has referred somebody."""
    evenings = library()
    evenings.referred()
    return evenings


@pytest.mark.parametrize("place", ["/sys/reports", "/dev/null/reports", "/proc/reports"])
@pytest.mark.parametrize(
    "words",
    [
        ("nightly", "--dry-run", "--output"),
        ("sync", "--dry-run", "--output"),
        ("regenerate", "--day", str(SUNDAY), "--report", "submission", "--output"),
        ("demo",),
    ],
)
def test_a_folder_that_cannot_be_made(referring: Evenings, words: tuple[str, ...], place: str) -> None:
    refused(referring.run(*words, place), place)


def test_a_past_report_in_a_folder_of_somebody_else_s(referring: Evenings) -> None:
    referring.command.cwd = NOBODY_WRITES
    done = referring.run("regenerate", "--day", str(SUNDAY), "--report", "submission")
    refused(done, f"/sys/ums-new-submissions-{SUNDAY}.csv")
    assert str(referring.command.home) in done.stderr


@pytest.mark.parametrize("words", [("demo",), ("demo", "here")])
def test_a_demo_in_a_folder_of_somebody_else_s(command: Command, words: tuple[str, ...]) -> None:
    command.cwd = NOBODY_WRITES
    done = command.run(*words)
    refused(done, NOBODY_WRITES)
    assert f"gentle-nudge demo {command.home}/" in done.stderr


def test_a_file_of_a_dry_run_that_is_a_folder_now(referring: Evenings, tmp_path: Path) -> None:
    name = f"ums-updates-{SUNDAY.replace(day=23)}.csv"
    (tmp_path / "out" / name / "in the way").mkdir(parents=True)
    done = referring.run("nightly", "--dry-run", "--output", tmp_path / "out", on=SUNDAY.replace(day=23))
    refused(done, tmp_path / "out" / name)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


@pytest.mark.parametrize("config", ["/sys", "/proc/self/mem", "/dev/null/config.toml"])
def test_a_configuration_that_cannot_be_read(command: Command, config: str) -> None:
    refused_or_missing = command.run("--config", config, "status")
    assert refused_or_missing.returncode == 2
    assert config in refused_or_missing.stderr
    assert "Internal" not in refused_or_missing.stderr


def test_a_password_file_is_named_by_its_key_for_its_path_may_be_a_password(
    referring: Evenings, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    referring.configure(tables=f'[sftp]\nhost = "localhost"\nuser = "u"\npassword_file = "{secret}"\n')
    done = referring.run("status")
    assert done.returncode == 2
    assert "sftp.password_file: the file cannot be read: Is a directory" in done.stderr
    assert str(secret) not in done.stderr


@pytest.mark.parametrize("known_hosts", ["folder", "binary"])
def test_a_file_of_host_keys_is_named_by_its_path(
    referring: Evenings, sftp: SftpServer, tmp_path: Path, known_hosts: str
) -> None:
    place = tmp_path / known_hosts
    place.mkdir() if known_hosts == "folder" else place.write_bytes(b"\xff\xfe\x00 ssh-rsa \xff\n")
    (tmp_path / "word").write_text("w", encoding="utf-8")
    (tmp_path / "word").chmod(0o600)
    referring.configure(
        tables=f'[sftp]\nhost = "{sftp.host}"\nport = {sftp.port}\nuser = "u"\n'
        f'password_file = "{tmp_path}/word"\nknown_hosts = "{place}"\n'
    )
    done = referring.run("nightly", on=SUNDAY.replace(day=23))
    assert done.returncode == 1
    assert f"host keys {place} cannot be read" in done.stderr
    assert "Internal" not in done.stderr


@pytest.mark.parametrize(
    "content", [b'<?xml version="1.0" encoding="nowhere"?><a/>', b'<?xml version="1.0" encoding="cp932"?><a/>']
)
def test_a_koha_conf_in_no_encoding(command: Command, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "koha-conf.xml").write_bytes(content)
    done = command.run(
        "check",
        env={"KOHA_CONF": str(tmp_path / "koha-conf.xml"), "GENTLE_NUDGE_KOHA__CONF": str(tmp_path / "koha-conf.xml")},
    )
    assert done.returncode == 2, done.stderr
    assert f"{tmp_path}/koha-conf.xml" in done.stderr


@pytest.mark.parametrize("words", [("explain",), ("history",), ("forget",), ("release", "--reason", "x")])
def test_an_argument_that_is_no_text(referring: Evenings, words: tuple[str, ...]) -> None:
    done = referring.run(*words, os.fsdecode(b"\xff\xfe"))
    assert done.returncode == 2
    assert "not UTF-8" in done.stderr


def test_a_person_without_a_login_name_is_a_number(referring: Evenings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 54321)
    environment = referring.command.environment
    monkeypatch.setattr(referring.command, "environment", lambda more=None: environment(more) | {"LOGNAME": ""})
    number = referring.cases()[0]["patron"]
    referring.does("release", f"number:{number}", "--reason", "x")
    assert referring.koha.value("SELECT COUNT(*) FROM gentle_nudge_case WHERE why LIKE '%uid 54321%'")


# What only a process has: its streams, its limits


@pytest.fixture
def process(command: Command) -> Callable[..., Finished]:
    """`process("config", "example", stdout=...)` is the command, finished; `after` are more words of a shell."""

    def run(*words: str, env: Mapping[str, str] | None = None, after: str = "", **more: Any) -> Finished:
        line = [f'exec "$0" "$@" {after}', str(COMMAND), *words]
        return subprocess.run(
            ["/bin/sh", "-c", *line],
            env=command.environment(env),
            cwd=command.cwd,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
            **more,
        )

    return run


ON_STDOUT = [("--help",), ("--version",), ("check", "--help"), ("config", "example"), ("--config", DEMO, "history")]


@pytest.mark.process
@pytest.mark.parametrize("words", ON_STDOUT)
@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
def test_an_output_that_takes_nothing(
    command: Command, process: Callable[..., Finished], words: tuple[str, ...], stdout: str
) -> None:
    if DEMO in words:
        cast_alone(command)
    refused(process(*words, after=stdout), "/dev/stdout")


@pytest.mark.process
def test_a_demo_on_an_output_that_takes_nothing(process: Callable[..., Finished]) -> None:
    refused(process("demo", "a-demo", after=">/dev/full"), "/dev/stdout")


@pytest.mark.process
@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
def test_trouble_that_cannot_be_told_keeps_its_exit_code(process: Callable[..., Finished], stderr: str) -> None:
    for words in (["status"], ["nonsense"], ["init", "--yes"]):
        done = process("--config", "/nowhere", *words, after=stderr)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


@pytest.mark.process
def test_with_closed_streams_a_good_night_is_a_good_night(
    koha: KohaDatabase, command: Command, tmp_path: Path, process: Callable[..., Finished]
) -> None:
    library = Library(koha=koha, folder=tmp_path, command=command)
    library.initialise()
    library.owing()
    library.write()
    env = {"KOHA_CONF": str(koha.conf_file(tmp_path))}
    done = process("nightly", env=env, after="<&- >&- 2>&-")
    assert done.returncode == 0
    assert koha.value("SELECT COUNT(*) FROM borrowers WHERE sort1 = 'yes'") == 1
    assert process("outbox", env=env, after="<&-").returncode == 0


@pytest.mark.process
@pytest.mark.parametrize("encoding", ["iso8859-1", "cp1252"])
@pytest.mark.parametrize("form", ["table"])
def test_a_terminal_without_the_letters_of_a_name(
    koha: KohaDatabase,
    command: Command,
    tmp_path: Path,
    process: Callable[..., Finished],
    *,
    encoding: str,
    form: str,
) -> None:
    library = Library(koha=koha, folder=tmp_path, command=command)
    library.initialise()
    library.owing(surname="山田", firstname="太郎")
    assert library.run("nightly").returncode == 0
    env = {"KOHA_CONF": str(koha.conf_file(tmp_path))}
    words = ("cases", "--format", form)
    done = process(*words, env=env | {"PYTHONIOENCODING": encoding})
    refused(done, encoding)
    assert "PYTHONIOENCODING=utf-8" in done.stderr
    for locale in ("C", "POSIX", "C.UTF-8"):
        done = process(*words, env=env | {"LANG": locale, "LC_ALL": locale})
        assert (done.returncode, done.stderr) == (0, "")
        assert "山田" in done.stdout


@pytest.mark.process
@pytest.mark.parametrize("room", [0, 1_000, 50_000, 200_000])
def test_a_demo_on_a_full_disk(process: Callable[..., Finished], room: int) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    done = process("demo", "a-demo", preexec_fn=full)
    assert done.returncode in {1, 2}
    assert "Internal" not in done.stderr
    assert len(done.stderr.splitlines()) == 2, done.stderr
