"""The pictures in the documentation: the demo's pages in a browser, as `make screenshots` keeps them."""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from gentle_nudge.demo.play import play
from gentle_nudge.demo.sample_library import ZONE
from tests.builders.days import SUNDAY
from tests.support.browser import Browser, Scheme
from tests.support.command import Command
from tests.support.pages import ROOT

PICTURES = ROOT / "docs" / "images"
# Page, width, height (None: to its end), and light or dark, by the name of the picture.
SHOWN: dict[str, tuple[str, int, int | None, Scheme]] = {
    "list": ("review-2026-11-29-global.html", 840, 900, "light"),
    "night": (f"night-{SUNDAY}-global.html", 840, 900, "light"),
    "night-on-a-phone-in-the-dark": (f"night-{SUNDAY}-global.html", 412, 780, "dark"),
    "digest": ("digest-2026-11-16-global.html", 840, None, "light"),
    "statement": (f"statement-244-{SUNDAY}.html", 840, None, "light"),
    "outcomes": ("outcomes-2026-11.html", 1040, 1150, "light"),
}


def take() -> None:
    """Every picture is there anew."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch, Browser.start() as browser:
        demo = play(Path(scratch) / "demo", SUNDAY).folder
        make_list(demo)
        for name, (page, width, height, scheme) in SHOWN.items():
            browser.picture(demo / "staff" / page, PICTURES / f"{name}.png", width=width, height=height, scheme=scheme)


def make_list(demo: Path) -> None:
    """The library of the demo switches lists on, and the night to Thursday makes one."""
    config = demo / "gentle-nudge.toml"
    lists_on = '[policy]\nreview_days = 3\nreview_ends = "lapse"\n'
    config.write_text(config.read_text(encoding="utf-8").replace("[policy]\n", lists_on), encoding="utf-8")
    night = Command(demo.parent).run("--config", str(config), "nightly", at=datetime(2026, 11, 26, 0, 30, tzinfo=ZONE))
    assert night.returncode == 0, night.stderr


if __name__ == "__main__":
    take()
