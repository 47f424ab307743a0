"""What the documentation shows is what the command says."""

from pathlib import Path

import pytest

from tests.support.pages import ROOT, Example, examples, pages, played


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of every page in turn."""
    return tmp_path_factory.mktemp("pages") / "page"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_what_the_command_says(page: Path, folder: Path) -> None:
    for example, output in played(page.read_text(encoding="utf-8"), folder):
        if not example.is_true_of(output):
            assert example.shown == example.text_of(output), "to mend it: python -m tests.support.pages"


def test_examples_are_found_with_their_output_their_exit_code_and_without() -> None:
    text = (
        "# A page\n\n<!-- run: gentle-nudge demo -->\n\nThen\n\n"
        "<!-- run (exit 2): gentle-nudge demo / -->\n```console\n$ gentle-nudge demo /\nNo.\n```\n"
    )
    hidden, shown = examples(text)
    assert (hidden.command, hidden.exit_code, hidden.shown) == ("gentle-nudge demo", 0, None)
    assert (shown.exit_code, shown.shown) == (2, "$ gentle-nudge demo /\nNo.\n")
    assert text[slice(*shown.span)] == shown.shown
    assert shown.text_of("No.\n") == shown.shown


@pytest.mark.parametrize(
    "shown", ["one\ntwo\nthree\n", "one\n[…]\n", "[…]\nthree\n", "one\n[…]\nthree\n", "one\n[…]\ntwo\nthree\n"]
)
def test_a_mark_stands_for_any_lines(shown: str) -> None:
    assert an_example(shown).is_true_of("one\ntwo\nthree\n")


@pytest.mark.parametrize("shown", ["one\n[…]\nfour\n", "one\ntwo\n", "", "[…]\ntwo\n"])
def test_every_other_line_has_to_be_there(shown: str) -> None:
    assert not an_example(shown).is_true_of("one\ntwo\nthree\n")


def an_example(shown: str) -> Example:
    return Example(command="gentle-nudge", exit_code=0, kind="text", shown=shown, span=(0, 0))
