"""Pages opened in Debian's Chromium: what is wrong with them, and pictures of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import ConsoleMessage, Error, Page, Request, sync_playwright

from tests.support import programs

AXE = files("axe_playwright_python") / "axe.min.js"
QUIET = (
    "--no-sandbox",  # root may not start it otherwise; the pages are our own
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK, PHONES = 1100, (360, 412)
HEIGHT = 800
PAPER = {"A4": 210, "Letter": 216}  # widths in millimetres
MARGINS, PIXELS = 28, 96 / 25.4

# Scripts of our own: Chromium runs them whatever the page's Content-Security-Policy says.
ACTIVE = """() => [
    ...[...document.querySelectorAll("script, iframe, object, embed, form, link, base")].map(e => e.outerHTML),
    ...[...document.querySelectorAll("*")].flatMap(e => [...e.attributes]
        .filter(a => a.name.startsWith("on") || /^\\s*javascript:/i.test(a.value)).map(a => `${a.name}=${a.value}`)),
]"""
POLICY = """() => document.querySelector("meta[http-equiv='Content-Security-Policy']")?.content ?? "" """
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Cells that reach beyond the paper, or whose text reaches beyond them.
CUT = """() => [...document.querySelectorAll("th, td, dd, svg, p, li")].filter(e => {
    const box = e.getBoundingClientRect();
    return box.right > document.documentElement.clientWidth + 1 || (box.width && e.scrollWidth > e.clientWidth + 1);
}).map(e => e.textContent.trim().slice(0, 40))"""
COLUMNS = """() => [...document.querySelectorAll("thead th")]
    .filter(e => e.getBoundingClientRect().width > 8).map(e => e.textContent.trim())"""
BACKGROUND = "() => getComputedStyle(document.documentElement).backgroundColor"
AXE_RUN = """async () => (await axe.run({resultTypes: ["violations"]})).violations
    .map(v => `${v.id}: ${v.nodes[0].html.slice(0, 150)}`)"""

Scheme = Literal["light", "dark"]


class Browser:
    """One Chromium for all pages."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[Browser]:
        """A Chromium with a new profile, which is gone afterwards."""
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=programs.find("chromium"), args=QUIET)
            try:
                yield cls(chromium)
            finally:
                chromium.close()

    def faults(self, file: Path, shows: Sequence[str] = ()) -> list[str]:
        """Everything that is wrong with the page; `shows` are texts that a reader must find on it."""
        faults: list[str] = []
        with self._opened(file, DESK, faults) as page:
            faults += self._content_faults(page, shows)
            page.evaluate(AXE.read_text(encoding="utf-8"))
            backgrounds = set()
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                backgrounds.add(page.evaluate(BACKGROUND))
                faults += [f"{scheme}: {violation}" for violation in page.evaluate(AXE_RUN)]
            if len(backgrounds) == 1:
                faults.append("is as bright in the dark")
            columns = page.evaluate(COLUMNS)
            for width in PHONES:
                page.set_viewport_size({"width": width, "height": HEIGHT})
                if over := page.evaluate(SIDEWAYS):
                    faults.append(f"scrolls sideways by {over} px at {width} px")
            faults += [f"narrow: {violation}" for violation in page.evaluate(AXE_RUN)]
            page.emulate_media(media="print", color_scheme="light")
            for paper, millimetres in PAPER.items():
                page.set_viewport_size({"width": int((millimetres - MARGINS) * PIXELS), "height": HEIGHT})
                faults += [f"{paper}: cut: {text}" for text in page.evaluate(CUT)]
                faults += [f"{paper}: lost column: {title}" for title in columns if title not in page.evaluate(COLUMNS)]
        return faults

    def picture(self, file: Path, picture: Path, *, width: int, height: int | None, scheme: Scheme = "light") -> None:
        """The page as a PNG: its top of that height, or all of it."""
        with self._opened(file, width, []) as page:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": height or HEIGHT})
            page.screenshot(path=picture, full_page=height is None)

    @staticmethod
    def _content_faults(page: Page, shows: Sequence[str]) -> Iterator[str]:
        policy = page.evaluate(POLICY)
        if "default-src 'none'" not in policy or "script-src" in policy:
            yield "the policy of the page lets something run or load"
        yield from (f"active: {what}" for what in page.evaluate(ACTIVE))
        text = " ".join(page.inner_text("body").split())
        yield from (f"does not show {wanted}" for wanted in shows if wanted not in text)

    @contextmanager
    def _opened(self, file: Path, width: int, faults: list[str]) -> Iterator[Page]:
        """The page, from the disk; a request or an error is a fault."""
        context = self._chromium.new_context(viewport={"width": width, "height": HEIGHT}, service_workers="block")
        page = context.new_page()
        address = file.resolve().as_uri()

        def note_request(request: Request) -> None:
            if request.url != address:
                faults.append(f"asks for {request.url}")

        def note_message(message: ConsoleMessage) -> None:
            """Among others about what the policy of the page has stopped."""
            faults.append(f"complains: {message.text}")

        def note_error(error: Error) -> None:
            faults.append(f"fails: {error}")

        page.on("request", note_request)
        page.on("console", note_message)
        page.on("pageerror", note_error)
        page.goto(address)
        try:
            yield page
        finally:
            context.close()
