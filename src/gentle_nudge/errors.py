"""What went wrong, in a sentence, and what to do about it."""

from __future__ import annotations

EXIT_FAILURE = 1


EXIT_USAGE = 2


EXIT_TEMPFAIL = 75


def worst_exit_code(*codes: int) -> int:
    """The exit code that tells most of what went wrong."""
    return next((code for code in (EXIT_FAILURE, EXIT_USAGE, EXIT_TEMPFAIL) if code in codes), 0)


class GentleNudgeError(Exception):
    """A trouble the command boundary turns into one sentence, a hint and an exit code."""

    exit_code = EXIT_FAILURE

    def __init__(self, sentence: str, hint: str = "") -> None:
        """Keep the sentence (what is wrong) and the hint (the way out)."""
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


class UserError(GentleNudgeError):
    """Settings, options or tables have to be mended before anything can run (exit 2)."""

    exit_code = EXIT_USAGE


class SettingsError(UserError):
    """Every problem with the settings, each with its place."""

    def __init__(self, problems: tuple[str, ...], hint: str = "") -> None:
        """Join the problems, one a line."""
        super().__init__("\n".join(problems), hint)
        self.problems = problems


class AnotherRunInProgress(GentleNudgeError):
    """Our lock is held by another run (exit 75)."""

    exit_code = EXIT_TEMPFAIL
