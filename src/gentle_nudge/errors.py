"""Errors: a sentence, a hint and an exit code."""

from __future__ import annotations

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_TEMPFAIL = 75


def worst_exit_code(*codes: int) -> int:
    """The first of failure, usage and temporary failure that is among these codes; 0 if none is."""
    return next((code for code in (EXIT_FAILURE, EXIT_USAGE, EXIT_TEMPFAIL) if code in codes), 0)


class GentleNudgeError(Exception):
    """What is wrong in a `sentence`, and the way out in a `hint`, for the command boundary to show."""

    exit_code = EXIT_FAILURE

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    @property
    def text(self) -> str:
        """The sentence and, on the next line, the hint."""
        return "\n".join(filter(None, (self.sentence, self.hint)))


class UserError(GentleNudgeError):
    """Settings, options or tables must be mended first (exit 2)."""

    exit_code = EXIT_USAGE


class SettingsError(UserError):
    """Every problem with the settings, each with its place, one a line."""

    def __init__(self, problems: tuple[str, ...], hint: str = "") -> None:
        super().__init__("\n".join(problems), hint)
        self.problems = problems


class AnotherRunInProgress(GentleNudgeError):
    """Another run has our lock (exit 75)."""

    exit_code = EXIT_TEMPFAIL
