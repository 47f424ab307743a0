"""What is installed: wheel and source archive hold what belongs there; a Python that is too old gets one sentence."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.manual import SHARE, files
from tests.support.pages import ROOT
from tests.support.programs import find

BUILT = {str(file.relative_to(SHARE)) for file in files()}
BIN = Path(sys.executable).parent
PACKAGED = {".py", ".sql", ".toml", ".txt", ".typed", ".html", ".json"}
SOURCE = {"src", "share", "package", "cron", "docs", "tools", "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"}
SOURCE |= {".gitignore", "PKG-INFO", "config.example.toml", "requirements.txt", "requirements-build.txt"}

pytestmark = pytest.mark.process


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    done = run(BIN / "hatchling", "build", "--directory", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


def of_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def of_tree(folder: Path) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_the_wheel_holds_the_program_the_man_page_the_completions_and_nothing_else(wheel: Path) -> None:
    names = of_wheel(wheel)
    program = {name.removeprefix("src/") for name in of_tree(ROOT / "src/gentle_nudge")}
    assert {name for name in names if name.startswith("gentle_nudge/")} == program
    assert {Path(name).suffix for name in program} <= PACKAGED
    assert {name.partition(".data/data/share/")[2] for name in names if ".data/" in name} == BUILT
    assert all(".dist-info/" in name or ".data/" in name or name.startswith("gentle_nudge/") for name in names)


def test_the_source_archive_holds_what_is_needed_to_build_and_install_and_makes_the_same_wheel(
    dist: Path, wheel: Path, tmp_path: Path
) -> None:
    (source,) = dist.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    top = {name.partition("/")[0] for name in names}
    assert top <= SOURCE
    assert names >= of_tree(ROOT / "share") | of_tree(ROOT / "package") | of_tree(ROOT / "cron") | of_tree(
        ROOT / "docs"
    )
    assert not any("__pycache__" in name for name in names)
    (unpacked,) = tmp_path.iterdir()
    done = run(BIN / "hatchling", "build", "--target", "wheel", "--directory", tmp_path, cwd=unpacked)
    assert done.returncode == 0, done.stderr
    assert of_wheel(tmp_path / wheel.name) == of_wheel(wheel)


def test_an_environment_of_its_own_has_the_command_and_its_man_page_as_pipx_looks_for_them(
    wheel: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    (packages,) = environment.glob("lib/python3.*/site-packages")
    (packages / "libraries.pth").write_text(next(path for path in sys.path if path.endswith("site-packages")))
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", environment / "bin/python"]
    done = run(*pip, "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", wheel)
    assert done.returncode == 0, done.stderr
    assert run(environment / "bin/gentle-nudge", "--version").stdout.startswith("gentle-nudge, version ")
    there = {
        str(path.relative_to(environment / "share")) for path in (environment / "share").rglob("*") if path.is_file()
    }
    assert there == BUILT


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_the_man_page_and_the_completions_are_those_of_the_program(file: Path) -> None:
    assert file.read_text(encoding="utf-8") == files()[file], "make them anew: make pages"


@pytest.mark.parametrize("page", ["share/man/man1/gentle-nudge.1", "package/koha-gentle-nudge.8"])
def test_a_man_page_is_without_a_fault_and_fits_eighty_columns(page: str) -> None:
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MANWIDTH": "80"}
    done = run(find("man"), "--warnings", "-E", "UTF-8", "-l", page, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_bash_completes_commands_and_options() -> None:
    script = f"""
        source {SHARE}/bash-completion/completions/gentle-nudge
        complete_words() {{
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _gentle_nudge_completion "$1"
            echo "${{COMPREPLY[@]}}"
        }}
        complete_words gentle-nudge nightl
        complete_words gentle-nudge outbox re
        complete_words gentle-nudge nightly --dr
    """
    done = run(find("bash"), "-c", script, env={"PATH": f"{BIN}:/usr/bin:/bin"})
    assert done.stdout.splitlines() == ["nightly", "retry", "--dry-run"], done.stderr


def test_an_older_python_gets_one_sentence() -> None:
    script = "import sys; sys.version_info = (3, 10, 12, 'final', 0); import gentle_nudge.cli.entry"
    done = run(sys.executable, "-c", script)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gentle-nudge needs Python 3.11 or newer, and this is 3.10.\n"


@pytest.mark.parametrize("tool", ["tools/venv", "tools/deb"])
def test_building_with_an_older_python_gets_one_sentence(tool: str, tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    for name in ("bash", "dirname", "realpath", "dpkg-deb"):
        (tmp_path / name).symlink_to(find(name))
    done = run(ROOT / tool, tmp_path / "made", env={"PATH": str(tmp_path), "SYSTEM_PYTHON": str(old)})
    assert (done.returncode, done.stdout) == (1, "")
    assert "3.11" in done.stderr
    assert done.stderr.count("\n") == 1
