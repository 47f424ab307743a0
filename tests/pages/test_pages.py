"""Every page, with the values that lie beside its template."""

from pathlib import Path

import pytest

from gentle_nudge.demo.play import Story
from gentle_nudge.texts.environment import PACKAGED, Texts, sample_values
from tests.builders.days import SUNDAY
from tests.support.browser import Browser

pytestmark = pytest.mark.browser

PARTS = {"base.html", "macros.html", "statement-sentences.html"}
SAMPLES = [
    (name, number) for name, samples in sample_values().items() for number in range(len(samples)) if "html" in name
]
NAMES = (
    "<script>alert(1)</script>",
    'O\'Brien "Bobby", =HYPERLINK(A1)',
    "علوي, فاطمة",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft, Maximiliana",
)


def test_every_page_has_sample_values() -> None:
    assert {name for name, _ in SAMPLES} == {file.name for file in PACKAGED.glob("*.html")} - PARTS


@pytest.mark.parametrize(("name", "number"), SAMPLES)
def test_a_page_has_no_fault(browser: Browser, tmp_path: Path, name: str, number: int) -> None:
    values = sample_values()[name][number]
    file = tmp_path / name
    file.write_text(Texts().render(name, **values), encoding="utf-8")
    shown = NAMES if values.get("names") else ("24000126",) if values.get("needs_a_person") else ()
    assert browser.faults(file, shown) == []


def test_the_pages_of_the_demo_have_no_fault(browser: Browser, year: Story) -> None:
    folder = year.folder / "staff"
    pages = [folder / f"night-{SUNDAY}-global.html"]
    pages += [page for kind in ("review", "statement", "digest", "outcomes") for page in folder.glob(f"{kind}-*.html")]
    assert len(pages) == 7
    assert [(page.name, faults) for page in pages if (faults := browser.faults(page))] == []
