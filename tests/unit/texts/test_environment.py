"""A library's own templates: taken instead of ours, and never the reason that a mail is lost."""

from pathlib import Path

import pytest

from gentle_nudge.jobs.check import templates
from gentle_nudge.jobs.monitor.alerting import AlertKind, alert
from gentle_nudge.texts.environment import PACKAGED, Texts, sample_values
from tests.builders.days import SUNDAY

SAMPLES = [(name, values) for name, samples in sample_values().items() for values in samples]
REPEAT = sample_values()["mail-repeat.txt"][0]


def test_every_mail_has_sample_values() -> None:
    assert {name for name, _ in SAMPLES} >= {file.name for file in PACKAGED.glob("mail-*.txt")}


def test_every_alert_has_sample_values() -> None:
    assert {values["kind"] for name, values in SAMPLES if name == "mail-alert.txt"} == set(AlertKind)


@pytest.mark.parametrize(("name", "values"), SAMPLES)
def test_our_own_templates_take_the_sample_values(name: str, values: dict[str, object]) -> None:
    assert Texts().render(name, **values)


def test_nothing_fails_without_templates_of_a_librarys_own(tmp_path: Path) -> None:
    assert list(Texts().failing()) == []
    assert list(Texts(tmp_path).failing()) == []


def test_a_directory_that_is_not_there_is_named_and_loses_no_mail(tmp_path: Path) -> None:
    texts = Texts(tmp_path / "templates")
    assert texts.render("mail-repeat.txt", **REPEAT) == Texts().render("mail-repeat.txt", **REPEAT)
    assert list(texts.failing()) == [(tmp_path / "templates", "there is no such directory")]


def test_a_librarys_own_template_is_taken_and_ours_for_the_rest(tmp_path: Path) -> None:
    (tmp_path / "mail-repeat.txt").write_text("\ufeff{% include 'greeting.txt' %}\r\nAgain: {{ title }}\r\n")
    (tmp_path / "greeting.txt").write_text("Good day,\n")
    texts = Texts(tmp_path)
    assert texts.render("mail-repeat.txt", **REPEAT) == f"Good day,\nAgain: {REPEAT['title']}\n"
    alert_values = sample_values()["mail-alert.txt"][0]
    assert texts.render("mail-alert.txt", **alert_values) == Texts().render("mail-alert.txt", **alert_values)
    assert texts.failures == []


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (b"{{ librry }}", "UndefinedError: 'librry' is undefined"),
        (b"{% if %}", "TemplateSyntaxError: Expected an expression, got 'end of statement block'"),
        (b"{% include 'missing.txt' %}", "TemplateNotFound"),
        (b"{{ title + 1 }}", "TypeError"),
        (b"{{ title.__class__.__mro__ }}", "SecurityError"),
        (b"{{ range(1000000) | list }}", "OverflowError"),
        (b"caf\xe9", "UnicodeDecodeError"),
    ],
)
def test_a_template_that_fails_loses_no_mail_and_is_named(tmp_path: Path, template: bytes, why: str) -> None:
    (tmp_path / "mail-repeat.txt").write_bytes(template)
    texts = Texts(tmp_path)
    assert texts.render("mail-repeat.txt", **REPEAT) == Texts().render("mail-repeat.txt", **REPEAT)
    texts.render("mail-repeat.txt", **REPEAT)
    (failure,) = texts.failures
    assert failure.startswith(f"{tmp_path / 'mail-repeat.txt'} failed (")
    ((template_file, reason),) = texts.failing()
    assert template_file == tmp_path / "mail-repeat.txt"
    assert reason.startswith(why)


def test_what_a_failure_says_at_night_quotes_no_value(tmp_path: Path) -> None:
    (tmp_path / "mail-repeat.txt").write_text("{{ {}[title] }}")
    texts = Texts(tmp_path)
    texts.render("mail-repeat.txt", **(REPEAT | {"title": "Smith"}))
    assert "UndefinedError" in texts.failures[0]
    assert "Smith" not in texts.failures[0]


def test_an_alert_of_a_librarys_own_words_needs_no_subject_line(tmp_path: Path) -> None:
    (tmp_path / "mail-alert.txt").write_text("Trouble at {{ library }}\n\n{{ kind }}\n")
    told = alert(Texts(tmp_path), AlertKind.LATE, SUNDAY, (), library="Springfield")
    assert told == ("Trouble at Springfield", "late\n")


def test_names_are_escaped_in_pages_alone(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<b>{{ name }}</b>")
    (tmp_path / "page.txt").write_text("<b>{{ name }}</b>")
    assert Texts(tmp_path).render("page.html", name="<Bo>") == "<b>&lt;Bo&gt;</b>"
    assert Texts(tmp_path).render("page.txt", name="<Bo>") == "<b><Bo></b>"


def test_check_names_a_template_that_fails(tmp_path: Path) -> None:
    (tmp_path / "mail-alert.txt").write_text("{{ library }} {{ who }}")
    (finding,) = templates(Texts(tmp_path))
    assert finding.what == f"The template {tmp_path / 'mail-alert.txt'} fails: UndefinedError: 'who' is undefined."
