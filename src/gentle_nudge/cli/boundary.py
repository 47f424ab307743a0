"""Commands that are imported when called, and the boundary where every error becomes a sentence and an exit code."""

from __future__ import annotations

import errno
import logging
import os
import smtplib
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import click

from gentle_nudge.cli.entry import naming_the_instance
from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.jobs.interruption import Interrupted, interruptible
from gentle_nudge.views.plain import Note, Style, View

# The words of these errors name code or files. The words of others may repeat what was in a database row.
SPEAK_OF_CODE = (AttributeError, ImportError, NameError, OSError, GentleNudgeError)
OUTPUT_FAILS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


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

    def main(self, *args: Any, **options: Any) -> Any:
        """As click's; lines on stderr name the instance, and help that cannot be written is an error like others."""
        with naming_the_instance():
            try:
                return super().main(*args, **options)
            except (OSError, UnicodeEncodeError) as trouble:
                error = _about_a_file(trouble)
                if error is None:
                    raise
                say(error.text)
                sys.exit(error.exit_code)

    def parse_args(self, ctx: click.Context, args: Sequence[str]) -> list[str]:
        """What click leaves of the arguments; a usage error if they are not text, which nothing could hold or show."""
        try:
            "".join(args).encode()
        except UnicodeEncodeError:
            ctx.fail("An argument is not UTF-8 text. Type it in a UTF-8 terminal; a patron can be named as number:123.")
        return super().parse_args(ctx, list(args))

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
            say(interrupt.sentence)
            say_where(ctx, interrupt)
            ctx.exit(interrupt.exit_code)
        except GentleNudgeError as trouble:
            say(trouble.text)
            say_where(ctx, trouble)
            ctx.exit(trouble.exit_code)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as trouble:
            if isinstance(trouble, OSError) and trouble.errno == errno.EPIPE:
                raise
            hint = "Report the output." if _debugs(ctx) else "Run it again with --debug and report the output."
            internal = GentleNudgeError(f"Internal error ({type(trouble).__name__}). {hint}")
            error = _about_a_file(trouble) or internal
            say(error.text)
            say_where(ctx, trouble)
            ctx.exit(error.exit_code)


def say(trouble: str, style: Style = "problem") -> None:
    """Say on stderr what the trouble is and, on the lines after it, the way out; a terminal wraps it between words.

    What stdout or stderr did not take is dropped: Python would try again when it ends, and fail with 120.
    """
    with suppress(OSError):
        if sys.stderr.isatty():
            _draw(trouble, style)
        else:
            click.echo(trouble, err=True)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _draw(trouble: str, style: Style) -> None:
    from gentle_nudge.views.terminal import draw, screen  # noqa: PLC0415 - rich takes 3 MB, cron sees nothing of it

    first, *others = trouble.splitlines()
    way_out = [Note(text=line.strip(), level=(len(line) - len(line.lstrip())) // 2) for line in others]
    draw(View(parts=[Note(text=first, style=style), *way_out]), screen(stderr=True))


def _about_a_file(trouble: BaseException) -> UserError | None:
    """The error of a file, or of stdout, that cannot be read or written; None if it is no such error."""
    if isinstance(trouble, UnicodeEncodeError):
        return UserError(
            f"The output has characters that cannot be written in {sys.stdout.encoding}.",
            "Use a UTF-8 terminal, or put PYTHONIOENCODING=utf-8 before the command.",
        )
    if not isinstance(trouble, OSError) or isinstance(trouble.filename, int):
        return None
    elsewhere = Path(os.path.expanduser("~"), "gentle-nudge")  # noqa: PTH111 - Path's own fails without a home
    if trouble.filename:
        place = Path(os.fsdecode(trouble.filename)).absolute()
        return UserError(
            f"{place} cannot be read or written: {trouble.strerror}.",
            f"Let this user read and write there, or name another place by its full path, such as {elsewhere}.",
        )
    if trouble.errno in OUTPUT_FAILS:
        return UserError(
            f"The output cannot be written to /dev/stdout: {trouble.strerror}.",
            f"Send it to a place that takes it, such as > {elsewhere}.txt",
        )
    return None


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
