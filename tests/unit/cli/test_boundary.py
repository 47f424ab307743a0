"""Every error leaves the command as a sentence and an exit code, and nothing of a patron leaves with it."""

import smtplib
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from gentle_nudge.cli.app import Invocation
from gentle_nudge.cli.boundary import Commands
from gentle_nudge.errors import AnotherRunInProgress, GentleNudgeError, SettingsError, UserError
from gentle_nudge.jobs.interruption import Interrupted

PATRON = "Zuleika Quux"


def ending_with(trouble: Callable[[], BaseException], *, debug: bool = False) -> Result:
    """What comes of a command that ends so."""

    @click.command()
    def fail() -> None:
        raise trouble()

    class OneCommand(Commands):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
            return fail if cmd_name in self.table else None

    group = OneCommand(name="gentle-nudge", table={"fail": ("", "")})
    return CliRunner().invoke(group, ["fail"], obj=Invocation(debug=debug))


def nested() -> Exception:
    trouble = ValueError(f"not a number: {PATRON}")
    trouble.__cause__ = KeyError(PATRON)
    return trouble


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (GentleNudgeError("The server is away.", "Wait."), 1),
        (UserError("The tables are missing.", "Run init."), 2),
        (SettingsError(("a: wrong", "b: wrong")), 2),
        (AnotherRunInProgress("Another run is at work."), 75),
    ],
)
def test_a_known_trouble_is_told_with_its_hint_and_its_code(trouble: GentleNudgeError, code: int) -> None:
    done = ending_with(lambda: trouble)
    assert done.exit_code == code
    assert done.stdout == ""
    assert done.stderr.split("\n") == [*trouble.sentence.split("\n"), *([trouble.hint] if trouble.hint else []), ""]


def test_an_unexpected_error_is_one_sentence_without_its_words() -> None:
    done = ending_with(nested)
    assert done.exit_code == 1
    assert "ValueError" in done.stderr
    assert "--debug" in done.stderr
    assert "Traceback" not in done.stderr
    assert PATRON not in done.stderr


def test_with_debug_it_says_where_and_still_nothing_of_a_patron() -> None:
    done = ending_with(nested, debug=True)
    assert done.exit_code == 1
    assert "KeyError\nwhich led to:\n" in done.stderr
    assert "in fail" in done.stderr
    assert PATRON not in done.stderr


@pytest.mark.parametrize("debug", [False, True])
def test_a_command_that_cannot_be_imported_is_an_internal_error(*, debug: bool) -> None:
    group = Commands(
        name="gentle-nudge",
        params=[click.Option(["--debug"], is_flag=True)],
        table={"fail": ("gentle_nudge.no_such_module:fail", "")},
    )
    done = CliRunner().invoke(group, [*["--debug"] * debug, "fail"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Internal error (ModuleNotFoundError).")
    assert ("no_such_module" in done.stderr) == debug


def test_an_interrupt_ends_with_130_and_a_sentence() -> None:
    done = ending_with(Interrupted)
    assert (done.exit_code, done.stdout) == (130, "")
    assert done.stderr == "Interrupted: what was not finished was undone; run it again.\n"


def test_a_question_answered_with_no_is_no_interrupt() -> None:
    assert ending_with(click.Abort).exit_code == 1


def test_wrong_use_ends_with_2() -> None:
    assert ending_with(lambda: click.UsageError("No such day.")).exit_code == 2


def test_what_a_mail_server_says_is_not_shown_with_debug_either() -> None:
    def refused() -> Exception:
        trouble = GentleNudgeError("The mail server does not accept user and password (535).")
        trouble.__cause__ = smtplib.SMTPAuthenticationError(535, f"no such user: {PATRON}".encode())
        return trouble

    done = ending_with(refused, debug=True)
    assert "SMTPAuthenticationError" in done.stderr
    assert PATRON not in done.stderr
