"""The suite itself: each kind of fault is found, and a page without fault passes."""

from pathlib import Path

import pytest

from tests.support.browser import Browser

pytestmark = pytest.mark.browser

GOOD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<style>:root{color-scheme:light dark} html{background:#fff;color:#000}
@media (prefers-color-scheme:dark){html{background:#000;color:#fff}} /* more */</style></head>
<body><main><h1>A page</h1><p>Text.</p>
<table><thead><tr><th scope="col">Patron</th><th scope="col">Owes</th></tr></thead>
<tbody><tr><td>Name</td><td>1.00</td></tr></tbody></table></main></body></html>
"""


def faults(browser: Browser, folder: Path, page: str, *shows: str) -> str:
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    return "\n".join(browser.faults(file, shows))


def test_a_good_page_has_no_fault(browser: Browser, tmp_path: Path) -> None:
    assert faults(browser, tmp_path, GOOD, "Text.", "1.00") == ""


CHANGES = {
    "active parts, and too much light": [
        ("Text.", "<script>alert(1)</script>", "active: <script>"),
        ("<p>", "<p onclick='x()'>", "active: onclick"),
        ("</p>", "</p><img alt='x' src='other.png'>", "complains: "),
        ("background:#000;color:#fff", "background:#fff", "is as bright in the dark"),
        ("/* more */", "@media print{th:first-child{min-width:800px}}", "A4: cut: Owes"),
        ("1.00", "2.00", "does not show 1.00"),
    ],
    "requests, and what a phone or paper loses": [
        ("default-src 'none'; ", "default-src 'self'; ", "the policy of the page lets something run or load"),
        ("img-src data:", "img-src file:", "asks for file:///"),
        ("</p>", "</p><img alt='x' src='other.png'>", "asks for file:///"),
        (' lang="en"', "", "html-has-lang"),
        ("Text.", "Text. <span style='color:#eee'>faint</span>", "light: color-contrast"),
        ("<p>", "<p style='width:380px'>", "scrolls sideways by 28 px at 360 px"),
        ("/* more */", "@media print{th:last-child{display:none}}", "A4: lost column: Owes"),
    ],
    "what the dark or paper hides": [
        ("Text.", "Text. <span style='color:#333'>faint</span>", "dark: color-contrast"),
        ("/* more */", "table{table-layout:fixed;width:60px} th{overflow:hidden}", "Letter: cut: Patron"),
    ],
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_each_fault_is_found(browser: Browser, tmp_path: Path, changes: list[tuple[str, str, str]]) -> None:
    page = GOOD
    for before, after, _fault in changes:
        page = page.replace(before, after, 1)
    found = faults(browser, tmp_path, page, "1.00")
    assert [fault for *_, fault in changes if fault not in found] == []
