"""The pages of the documentation lead somewhere, name only what exists, and keep our machines to themselves."""

import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from gentle_nudge.settings.section_policies import parse_tables
from gentle_nudge.store.tables import metadata
from tests.support import queries
from tests.support.pages import ROOT
from tests.support.spoken import commands, every_option, fault

PAGES = sorted(page for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
PUBLISHED = sorted(
    file
    for folder in ("docs", "cron")
    for file in (ROOT / folder).rglob("*")
    if file.suffix in {".md", ".sql", ".cron", ".service", ".timer"}
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
SPOKEN = re.compile(
    r"(?:^|[\s(]|/bin/)(?:koha-gentle-nudge [A-Za-z_-]+|gentle-nudge) (?![a-z ]*=)([^\n|;&<>#]*)", re.MULTILINE
)
OPTION = re.compile(r"--[a-z][a-z-]*")
# What Koha's own scripts, pip, systemctl and mysql are told.
OF_OTHERS = {"--chdir", "--enabled", "--email", "--confirm", "--require-hashes", "--no-deps", "--no-build-isolation"}
OF_OTHERS |= {"--now", "--failed", "--maxdays"}
MACHINES = re.compile(
    r"pypi\.org|pythonhosted|artifactory|nexus|index-url|extra-index|registry\.|"
    r"/work/|/root/|/Users/|/home/(?!you\b)|/tmp/|localhost:\d|192\.168\.|\b10\.\d+\.\d+\.\d+",
    re.IGNORECASE,
)


def of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_every_relative_link_leads_to_a_page_and_to_a_heading_there(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if not re.match(r"[a-z]+:", target):
            name, _, heading = target.partition("#")
            there = (page.parent / name).resolve() if name else page
            assert there.exists(), f"{of(page)} links to {target}"
            assert not heading or heading in headings(there), f"{of(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    faults = [f"{line}: {wrong}" for line in spoken(page) if (wrong := fault(words(line)))]
    assert not faults


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_every_option_that_a_page_names_exists(page: Path) -> None:
    named = {
        option
        for code in INLINE.findall(FENCED.sub("", text_of(page)))
        if code.startswith("--")
        for option in OPTION.findall(code)
    }
    assert named <= every_option() | OF_OTHERS


@pytest.mark.parametrize("file", sorted({*PAGES, *PUBLISHED}), ids=of)
def test_no_line_names_a_registry_or_a_machine_of_ours(file: Path) -> None:
    found = [line for line in text_of(file).splitlines() if MACHINES.search(line)]
    assert not found


def test_the_reference_shows_the_help_of_every_command() -> None:
    shown = text_of(ROOT / "docs/reference/commands.md")
    asked = set(re.findall(r"^<!-- run: gentle-nudge (?:(.+) )?--help -->$", shown, re.MULTILINE))
    assert asked == {"", *(" ".join(words) for words in commands())}


def test_the_reference_names_every_table_and_column_of_ours() -> None:
    shown = set(INLINE.findall(text_of(ROOT / "docs/reference/our-tables.md")))
    assert shown >= {table.name for table in metadata.sorted_tables}
    assert shown >= {column.name for table in metadata.sorted_tables for column in table.columns}


def test_the_page_that_removes_our_tables_names_every_one_before_those_it_refers_to() -> None:
    (statement,) = re.findall(r"DROP TABLE ([^;]+);", text_of(ROOT / "docs/how-to/uninstall.md"))
    named = re.findall(r"\w+", statement)
    assert sorted(named) == sorted(table.name for table in metadata.sorted_tables)
    for table in metadata.sorted_tables:
        assert all(named.index(table.name) <= named.index(key.column.table.name) for key in table.foreign_keys), (
            table.name
        )


def test_the_reference_names_every_finding() -> None:
    shown = set(INLINE.findall(text_of(ROOT / "docs/reference/findings.md")))
    rooms = ("jobs/check", "koha/inspect", "delivery")
    source = "".join(text_of(file) for room in rooms for file in (ROOT / "src/gentle_nudge" / room).glob("*.py"))
    named = set(re.findall(r'\bname="([a-z-]+)"', source))
    endings = set(re.findall(r'\bname=f"\{\w+\}(-[a-z-]+)"', source))
    assert named <= shown
    assert all(any(name.endswith(ending) for name in shown) for ending in endings)


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_every_setting_that_a_page_sets_exists_and_is_of_its_kind(page: Path) -> None:
    for block in TOML.findall(text_of(page)):
        problems = parse_tables(tomllib.loads(block, parse_float=Decimal), ROOT).problems
        assert [problem for problem in problems if "no such file" not in problem.sentence] == [], block


def test_the_page_of_queries_is_that_of_the_program() -> None:
    assert text_of(queries.PAGE) == queries.page(), "make it anew: tools/pages"


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    index = ROOT / "docs/README.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in LINK.findall(text_of(index))}
    assert {page for page in (ROOT / "docs").rglob("*.md") if page != index} <= linked


def test_every_picture_is_there_and_stands_on_a_page() -> None:
    shown = {(page.parent / target).resolve() for page in PAGES for target in PICTURE.findall(text_of(page))}
    assert shown == set((ROOT / "docs/images").iterdir())


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """The page without its blocks."""
    return FENCED.sub("", text_of(page))


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as a forge makes them."""
    found = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def spoken(page: Path) -> Iterator[str]:
    """Every command line of ours in the page's code."""
    text = text_of(page)
    for code in (*FENCED.findall(text), *INLINE.findall(FENCED.sub("", text))):
        yield from SPOKEN.findall(code.replace("\\\n", " "))


def words(line: str) -> list[str]:
    """The words of a command line; usage marks are none."""
    return [word.strip("'\"`,.:()") for word in line.split() if not word.startswith("[")]
