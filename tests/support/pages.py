"""Pages of the documentation whose examples are run: what stands there is what the command says.

    <!-- run: gentle-nudge demo -->
    ```text
    the output, nothing else
    ```

`python -m tests.support.pages` writes the true output into every page; see tests/README.md.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.command import COMMAND, Finished, run_here

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 25, 15, tzinfo=UTC)  # a Wednesday
FOLDER = "/home/you"
COLUMNS = "100"
BESIDES = {"cat", "head", "ls"}
LEFT_OUT = "[…]"
begun: dict[Path, Finished] = {}
EXAMPLE = re.compile(
    r"^<!-- run(?: \(exit (?P<exit>\d+)\))?: (?P<command>[^\n]+?) -->\n"
    r"(?:(?P<open>```(?P<kind>text|console|csv|toml)\n)(?P<shown>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A command on a page with what the page shows of it; `shown` is None where it is run and not shown."""

    command: str
    exit_code: int
    kind: str
    shown: str | None
    span: tuple[int, int]

    def text_of(self, output: str) -> str:
        """The block's text for this output: under `console` the command comes first."""
        return f"$ {self.command}\n{output}" if self.kind == "console" else output

    def is_true_of(self, output: str) -> bool:
        """Whether the page shows this output; a line `[…]` stands for any lines."""
        if self.shown is None:
            return True
        parts = re.split(rf"^{re.escape(LEFT_OUT)}\n", self.shown, flags=re.MULTILINE)
        return re.fullmatch("(?:.*\n)*?".join(map(re.escape, parts)), self.text_of(output)) is not None


def pages() -> list[Path]:
    """The pages with examples."""
    every = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in every if page.is_file() and EXAMPLE.search(page.read_text(encoding="utf-8"))]


def examples(text: str) -> Iterator[Example]:
    """The examples of a page, in order."""
    for found in EXAMPLE.finditer(text):
        yield Example(
            command=found["command"],
            exit_code=int(found["exit"] or 0),
            kind=found["kind"] or "",
            shown=found["shown"],
            span=found.span("shown"),
        )


def played(text: str, folder: Path) -> Iterator[tuple[Example, str]]:
    """Each example with its true output; all are run in this folder, one after the other.

    What a command makes of the empty folder is kept beside it for the next page that begins with this command.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for example in examples(text):
        done = _run(example.command, folder) if any(folder.iterdir()) else _begin(example.command, folder)
        output = (done.stdout + done.stderr).replace(str(folder), FOLDER)
        if done.returncode != example.exit_code:
            raise AssertionError(f"{example.command}: exit {done.returncode}, not {example.exit_code}\n{output}")
        yield example, "".join(f"{line.rstrip()}\n" for line in output.splitlines())


def _begin(command: str, folder: Path) -> Finished:
    kept = folder.with_name(f"{folder.name}-{command.replace('/', ' ')}")
    if kept in begun:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        return begun[kept]
    done = _run(command, folder)
    shutil.copytree(folder, kept)
    begun[kept] = done
    return done


def _run(command: str, folder: Path) -> Finished:
    program, *arguments = shlex.split(command)
    path = f"{COMMAND.parent}:{os.defpath}"
    env = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "LOGNAME": "you", "COLUMNS": COLUMNS}
    if program == COMMAND.name:
        return run_here(*arguments, cwd=folder, env=env, at=NOW)
    if program not in BESIDES:
        raise ValueError(f"a page may run {COMMAND.name} and {', '.join(sorted(BESIDES))}, not {program}")
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def rewritten(text: str, folder: Path) -> str:
    """The page with the true output of every example that is not true; one with `[…]` has to be mended by hand."""
    outcomes = list(played(text, folder))
    for example, output in reversed(outcomes):
        if not example.is_true_of(output):
            if LEFT_OUT in (example.shown or ""):
                raise ValueError(f"{example.command}: mend what stands around {LEFT_OUT}\n{output}")
            text = text[: example.span[0]] + example.text_of(output) + text[example.span[1] :]
    return text


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        for page in pages():
            text = rewritten(page.read_text(encoding="utf-8"), Path(scratch).resolve() / "page")
            page.write_text(text, encoding="utf-8")
