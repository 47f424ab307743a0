"""The pictures in the documentation: the demo's pages in a browser, as `make screenshots` keeps them."""

from pathlib import Path
from tempfile import TemporaryDirectory

from gentle_nudge.demo.play import play
from tests.builders.days import SUNDAY
from tests.support.browser import Browser, Scheme
from tests.support.pages import ROOT

PICTURES = ROOT / "docs" / "images"
# Page, width, height, and light or dark, by the name of the picture.
SHOWN: dict[str, tuple[str, int, int, Scheme]] = {
    "night": (f"night-{SUNDAY}-global.html", 840, 900, "light"),
    "night-on-a-phone-in-the-dark": (f"night-{SUNDAY}-global.html", 412, 780, "dark"),
}


def take() -> None:
    """Every picture is there anew."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch, Browser.start() as browser:
        folder = play(Path(scratch) / "demo", SUNDAY).folder / "staff"
        for name, (page, width, height, scheme) in SHOWN.items():
            browser.picture(folder / page, PICTURES / f"{name}.png", width=width, height=height, scheme=scheme)


if __name__ == "__main__":
    take()
