"""Commands that are imported when called, and the boundary where every error becomes a sentence and an exit code."""

from __future__ import annotations

import errno
import logging
import traceback
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from gentle_nudge.errors import EXIT_FAILURE, GentleNudgeError

INTERRUPTED = 130


# Their words name code or files. Those of all others may repeat what was in a database row.
SPEAK_OF_CODE = (AttributeError, ImportError, NameError, OSError, GentleNudgeError)


class WithoutValues(logging.Formatter):
    """Formats a traceback without anything that may come from a row of the database."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """The traceback with its causes."""
        return "".join(trail(ei[1])).rstrip()


def configure_logging(*, verbose: bool, debug: bool) -> None:
    """What is done is logged on stderr: with `verbose` each step, with `debug` all that may be shown.

    Of other libraries only paramiko may speak, and only with `debug`: SQLAlchemy would log patrons' rows.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(WithoutValues("%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    if debug:
        logging.getLogger("paramiko").setLevel(logging.DEBUG)
    level = logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING
    logging.getLogger("gentle_nudge").setLevel(level)


class Commands(click.Group):
    """A group that knows its commands from a table: name, `module:attribute`, short help."""

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The names in the table, in its order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command, imported now; None for a name that is not in the table."""
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(self.table[cmd_name][0])
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The list of commands in the help, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in self.table.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command and what is left for it; for an unknown word a usage error with a suggestion."""
        if args[0] not in self.table and not args[0].startswith("-"):
            near = get_close_matches(args[0], self.table, n=1)
            suggestion = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"There is no command {args[0]}.{suggestion}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """What the command returns; an error leaves as a sentence on stderr and its exit code."""
        try:
            return super().invoke(ctx)
        except GentleNudgeError as trouble:
            _say(trouble.sentence, trouble.hint)
            say_where(ctx, trouble)
            ctx.exit(trouble.exit_code)
        except (KeyboardInterrupt, click.Abort) as trouble:
            if not isinstance(trouble, KeyboardInterrupt) and not isinstance(trouble.__context__, KeyboardInterrupt):
                raise
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as trouble:
            if isinstance(trouble, OSError) and trouble.errno == errno.EPIPE:
                raise
            hint = "Report the output." if ctx.obj.debug else "Run it again with --debug and report the output."
            _say(f"Internal error ({type(trouble).__name__}). {hint}", "")
            say_where(ctx, trouble)
            ctx.exit(EXIT_FAILURE)


def _say(sentence: str, hint: str) -> None:
    click.echo("\n".join(text for text in (sentence, hint) if text), err=True)


def say_where(ctx: click.Context, trouble: BaseException) -> None:
    """With --debug stderr shows where in the program the trouble arose."""
    if ctx.obj is not None and ctx.obj.debug:
        click.echo("".join(trail(trouble)).rstrip(), err=True)


def trail(trouble: BaseException) -> Iterator[str]:
    """The traceback with its causes, first cause first, in which nothing is repeated that a database row may hold."""
    earlier = trouble.__cause__ or (None if trouble.__suppress_context__ else trouble.__context__)
    if earlier is not None:
        yield from trail(earlier)
        yield "which led to:\n"
    yield "".join(traceback.format_tb(trouble.__traceback__))
    words = f": {trouble}" if isinstance(trouble, SPEAK_OF_CODE) else ""
    yield f"{type(trouble).__name__}{words}\n"
