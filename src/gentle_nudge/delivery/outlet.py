"""A delivery that did not succeed this time."""

from __future__ import annotations

from gentle_nudge.errors import GentleNudgeError


class DeliveryFailed(GentleNudgeError):
    """One try failed; the sentence holds no secret and nothing of the report.

    `permanent`: trying again without a change somewhere will hardly help. It informs; the queue tries anyway.
    `lost`: nobody knows whether it arrived all the same.
    """

    def __init__(self, sentence: str, hint: str = "", *, permanent: bool = False, lost: bool = False) -> None:
        super().__init__(sentence, hint)
        self.permanent = permanent
        self.lost = lost


def what_the_system_said(error: OSError) -> str:
    """The reason as the system words it, without paths: `No space left on device`."""
    return error.strerror or str(error) or type(error).__name__
