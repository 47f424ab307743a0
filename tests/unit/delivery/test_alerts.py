"""What staff are told."""

from datetime import date

import pytest

from gentle_nudge.delivery.alerts import WORDS, Alert, Kind

SUNDAY = date(2026, 11, 22)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_trouble_says_what_it_means_and_what_to_do(kind: Kind) -> None:
    alert = Alert(kind=kind, day=SUNDAY, library="Springfield", facts=("section north: 312 found, 100 allowed",))
    assert alert.subject == f"Gentle Nudge at Springfield: {WORDS[kind].title}"
    assert alert.text == (
        f"2026-11-22: {WORDS[kind].title}.\n"
        "\n"
        f"{WORDS[kind].meaning}\n"
        "\n"
        "* section north: 312 found, 100 allowed\n"
        "\n"
        f"What to do: {WORDS[kind].remedy}\n"
    )


def test_a_subject_is_one_line_whatever_the_library_is_called() -> None:
    assert Alert(kind=Kind.FUSE, day=SUNDAY, library=" A\r\nB ").subject.startswith("Gentle Nudge at A B: ")
    assert Alert(kind=Kind.FUSE, day=SUNDAY, library=" ").subject.startswith("Gentle Nudge at Koha: ")
