"""Commands that are imported when called, and the boundary where every error becomes a sentence and an exit code."""

from __future__ import annotations

import errno
import logging
import smtplib
import traceback
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pkgutil import resolve_name
from typing import Any

import click

from gentle_nudge.errors import EXIT_FAILURE, GentleNudgeError
from gentle_nudge.jobs.interruption import Interrupted, interruptible

# The words of these errors name code or files. The words of others may repeat what was in a database row.
SPEAK_OF_CODE = (AttributeError, ImportError, NameError, OSError, GentleNudgeError)


class WithoutValues(logging.Formatter):
    """Formats a traceback without anything that may come from a row of the database."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """The traceback with its causes."""
        return "".join(trail(ei[1])).rstrip()


def configure_logging(*, verbose: bool, debug: bool) -> None:
    """Log on stderr: with `verbose` each step, with `debug` everything that may be shown.

    Of other libraries only paramiko logs, and only with `debug`: SQLAlchemy would log patrons' rows.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(WithoutValues("%(message)s"))
    handler.setLevel(logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING)
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    if debug:
        logging.getLogger("paramiko").setLevel(logging.DEBUG)
    logging.getLogger("gentle_nudge").setLevel(logging.DEBUG if debug else logging.INFO)


class HelpfulGroup(click.Group):
    """A group that shows its help if it is called alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The words that are left for a command; the program ends here if there is no word at all."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)


class Commands(HelpfulGroup):
    """A group that knows its commands from a table: name, `module:attribute`, short help."""

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The names in the table, in its order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for an option. A usage error with a suggestion for an unknown word."""
        if cmd_name in self.table:
            command: click.Command = resolve_name(self.table[cmd_name][0])
            return command
        if not cmd_name.startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(cmd_name, self.table, n=1)
            suggestion = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"There is no command {cmd_name}.{suggestion}")
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The list of commands in the help, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in self.table.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """What the command returns; an error leaves as a sentence on stderr and its exit code."""
        try:
            with interruptible():
                return super().invoke(ctx)
        except Interrupted as interrupt:
            click.echo(interrupt.sentence, err=True)
            say_where(ctx, interrupt)
            ctx.exit(interrupt.exit_code)
        except GentleNudgeError as trouble:
            click.echo("\n".join(filter(None, (trouble.sentence, trouble.hint))), err=True)
            say_where(ctx, trouble)
            ctx.exit(trouble.exit_code)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as trouble:
            if isinstance(trouble, OSError) and trouble.errno == errno.EPIPE:
                raise
            hint = "Report the output." if _debugs(ctx) else "Run it again with --debug and report the output."
            click.echo(f"Internal error ({type(trouble).__name__}). {hint}", err=True)
            say_where(ctx, trouble)
            ctx.exit(EXIT_FAILURE)


def say_where(ctx: click.Context, trouble: BaseException) -> None:
    """With --debug show on stderr where in the program the trouble arose."""
    if _debugs(ctx):
        click.echo("".join(trail(trouble)).rstrip(), err=True)


def _debugs(ctx: click.Context) -> bool:
    """True with --debug; a module that cannot be imported fails before there is an Invocation."""
    return bool(ctx.obj.debug if ctx.obj else ctx.params.get("debug"))


def trail(trouble: BaseException) -> Iterator[str]:
    """The traceback with its causes, first cause first, without words that may come from a database row."""
    earlier = trouble.__cause__ or (None if trouble.__suppress_context__ else trouble.__context__)
    if earlier is not None:
        yield from trail(earlier)
        yield "which led to:\n"
    yield "".join(traceback.format_tb(trouble.__traceback__))
    # Of OSErrors those of smtplib quote the mail server, which may quote a password or the message.
    speaks = isinstance(trouble, SPEAK_OF_CODE) and not isinstance(trouble, smtplib.SMTPException)
    words = f": {trouble}" if speaks else ""
    yield f"{type(trouble).__name__}{words}\n"
