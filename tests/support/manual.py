"""The man page and the completions, made from the commands; `python -m tests.support.manual` writes them.

They stand under `share/` as they are installed: the wheel and the Debian package take the whole folder.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gentle_nudge.cli.app import main
from tests.support.pages import ROOT
from tests.support.spoken import commands

NAME = "gentle-nudge"
SHARE = ROOT / "share"
COMPLETIONS: dict[str, type[ShellComplete]] = {
    f"bash-completion/completions/{NAME}": BashComplete,
    f"zsh/site-functions/_{NAME}": ZshComplete,
    f"fish/vendor_completions.d/{NAME}.fish": FishComplete,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Manual:
    """What the man page says of a command."""

    usage: str
    help: str
    options: list[tuple[str, str]]


def files() -> dict[Path, str]:
    """Every file under `share/` with its text."""
    variable = f"_{NAME}_COMPLETE".replace("-", "_").upper()
    scripts = {SHARE / path: kind(main, {}, NAME, variable).source() for path, kind in COMPLETIONS.items()}
    return {SHARE / f"man/man1/{NAME}.1": page(), **scripts}


def page() -> str:
    """The man page in roff."""
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined)  # noqa: S701 - roff
    templates.filters["roff"] = roff
    return templates.get_template("manual.1").render(options=options(context_of(())), commands=list(manuals())) + "\n"


def manuals() -> Iterator[Manual]:
    """Every command in the order of the help."""
    for words in commands():
        context = context_of(words)
        usage = " ".join((*words, *context.command.collect_usage_pieces(context)))
        yield Manual(usage=usage, help=paragraphs(context.command.help or ""), options=options(context))


def context_of(words: tuple[str, ...]) -> click.Context:
    """The context in which the command of these words is called."""
    context = click.Context(main, info_name=NAME, **main.context_settings)
    for word in words:
        assert isinstance(context.command, click.Group)
        found = context.command.get_command(context, word)
        assert found is not None
        context = click.Context(found, parent=context, info_name=word)
    return context


def options(context: click.Context) -> list[tuple[str, str]]:
    """The names of each option with its help; `--help` is told of the program alone."""
    shown = (param for param in context.command.get_params(context) if isinstance(param, click.Option))
    records = (param.get_help_record(context) for param in shown if "--help" not in param.opts or not context.parent)
    return [record for record in records if record]


def paragraphs(help_: str) -> str:
    """The text without the line breaks of its source; an empty line stays."""
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", help_.replace("\b", "")))


def roff(text: str) -> str:
    """The text so that roff shows it as it stands."""
    shown = text.replace("\\", "\\e").replace("-", "\\-").replace("\n\n", "\n.PP\n")
    return re.sub(r"^(?=['.](?!PP$))", r"\\&", shown, flags=re.MULTILINE)


if __name__ == "__main__":
    for file, text in files().items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
