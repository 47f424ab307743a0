"""Every how-to page is followed word for word on a look-alike of a Koha host, by root and by the instance's user."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.acceptance.test_import_plugin import SETTINGS, SINGLE
from tests.builders.koha import owing
from tests.koha_schema import NEWEST
from tests.support import scratch
from tests.support.koha import KohaDatabase
from tests.support.look_alike import BLOCK, INSTANCES, Step, Who, follow, steps
from tests.support.mariadb import Server
from tests.support.pages import ROOT
from tests.support.smtp import SmtpServer

PAGES = sorted((ROOT / "docs/how-to").glob("*.md"))
CARDS = ("24000049", "24000081", "24000034", "24000090")

pytestmark = [pytest.mark.process, pytest.mark.soak]


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server of these tests alone: the names of the databases are those of the pages."""
    with Server.start_in_memory() as own:
        yield own


@pytest.fixture
def databases(
    own_server: Server, smtp_server: Callable[..., SmtpServer], page: Path
) -> Iterator[dict[str, KohaDatabase]]:
    """The Koha of each instance, with a mail server and patrons who are to be referred on three Sundays."""
    built = {name: KohaDatabase.build(own_server, NEWEST, f"koha_{name}") for name in INSTANCES}
    mail = smtp_server()
    for koha in built.values():
        koha.put("smtp_servers", name="mail", host="localhost", port=mail.port, ssl_mode="disabled", is_default=1)
        for sunday in (date(2026, 11, 15), date(2026, 11, 22), date(2026, 11, 29)):
            for card in CARDS:
                number = f"{card}{sunday:%d}" if sunday.day != 15 else card
                owing(koha, day=sunday - timedelta(days=62), card=number, surname="Example")
    if page.stem == "moving-from-the-plugin":
        for key, value in {**SETTINGS, "__INSTALLED__": "1", "__ENABLED__": "1"}.items():
            built["LIB"].put("plugin_data", plugin_class=SINGLE, plugin_key=key, plugin_value=value)
    yield built
    for koha in built.values():
        koha.execute("DROP USER IF EXISTS 'gentle_nudge_LIB'@'localhost'")
        koha.execute("DROP USER IF EXISTS 'gentle_nudge_look'@'localhost'")
        koha.close()


@pytest.mark.parametrize("who", ["root", "LIB-koha"])
@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=lambda page: page.stem)
def test_a_page_works_when_it_is_followed_word_for_word(
    page: Path, who: Who, databases: dict[str, KohaDatabase], tmp_path: Path
) -> None:
    if reason := scratch.missing(tmp_path):
        pytest.skip(reason)
    follow(page, tmp_path, databases, who)


def test_steps_are_found_with_their_marks() -> None:
    text = (
        "<!-- host: it-is 2026-11-22 -->\n```sh\none\n```\n<!-- not run: there is no systemd -->\n```sh\ntwo\n```\n"
        "- a list\n\n  <!-- exit 1 -->\n  ```sh\n  koha-gentle-nudge LIB status\n  ```\n```toml\n[policy]\n```\n"
    )
    hidden, one, status, policy = steps(text)
    assert hidden == Step(kind="sh", text="it-is 2026-11-22", line=1, is_hidden=True)
    assert (one.text, one.may_be_run_by_the_instance()) == ("one\n", False)
    assert (status.text, status.exit_code) == ("koha-gentle-nudge LIB status\n", 1)
    assert status.may_be_run_by_the_instance()
    assert policy.kind == "toml"
