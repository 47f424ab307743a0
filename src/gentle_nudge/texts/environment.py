"""The one Jinja2 environment: the library's own template if it has one, else ours."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gentle_nudge.domain.money import format_amount
from gentle_nudge.settings.key_pages import toml
from gentle_nudge.texts.page_filters import FILTERS, FUNCTIONS

PACKAGED = Path(__file__).parent
SAMPLES, PAGE_SAMPLES = PACKAGED / "samples.toml", PACKAGED / "samples.json"


class Texts:
    """The texts of a library: its own templates from its directory, if it has one, else the packaged templates.

    If a template of the library's own fails, the packaged one is used; `failures` has a sentence for each.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.failures: list[str] = []
        self._directory = directory

    def render(self, name: str, /, **values: object) -> str:
        """The text that the template of this name makes of the values."""
        if self._directory:
            try:
                text = _environment(self._directory, PACKAGED).get_template(name).render(values)
                text.encode()  # half a surrogate pair can be neither stored nor sent
            except Exception as error:  # noqa: BLE001 - no error in a library's template may stop the mail
                # The error's text may quote a value, so it is left out. `check` shows it, with sample values.
                failure = f"{self._directory / name} failed ({type(error).__name__}): the packaged text was used."
                if failure not in self.failures:
                    self.failures.append(failure)
            else:
                return text
        return _environment(PACKAGED).get_template(name).render(values)

    def failing(self) -> Iterator[tuple[Path, str]]:
        """The templates of the library's own that fail with sample values, each with the reason."""
        if self._directory is None:
            return
        if not self._directory.is_dir():
            yield self._directory, "there is no such directory"
        environment = _environment(self._directory, PACKAGED)
        for name, samples in sample_values().items():
            try:
                for values in samples:
                    environment.get_template(name).render(values).encode()
            except Exception as error:  # noqa: BLE001 - any error; the values are samples
                yield self._directory / name, f"{type(error).__name__}: {error}"


def sample_values() -> dict[str, list[dict[str, object]]]:
    """Values to try each template with, by its name; those of pages are as in the JSON of the commands.

    What a second or later example leaves out is as in the first.
    """
    examples = tomllib.loads(SAMPLES.read_text(encoding="utf-8"), parse_float=Decimal)
    examples |= json.loads(PAGE_SAMPLES.read_text(encoding="utf-8"))
    examples["statement.txt"] = examples["statement.html"]
    return {name: [{**first, **each} for each in (first, *others)] for name, (first, *others) in examples.items()}


@cache
def _environment(*directories: Path) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(directories, encoding="utf-8-sig"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"amount": format_amount, "toml": toml, **FILTERS}
    environment.globals |= FUNCTIONS
    return environment
