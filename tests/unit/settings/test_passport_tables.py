"""The keys of the passport: servers, passwords, and every problem at its place."""

from pathlib import Path

import pytest

from gentle_nudge.domain.passport.terms import Passport
from gentle_nudge.errors import UserError
from gentle_nudge.settings import Settings
from gentle_nudge.settings.key_pages import effective, reference, sample
from gentle_nudge.settings.passport_tables import password_of
from tests.unit.settings.given import loaded, problems, toml

TABLE = '[passport]\ncategory = "PASS"\nbranch = "CPL"\n'
SERVER = '[[passport.server]]\nname = "LIBB"\nkind = "api"\nurl = "https://libb.example.org/koha/"\nuser = "passport"\n'
PASSWORD = 'password_env = "LIBB_PASSWORD"\n'
WHOLE = TABLE + SERVER + PASSWORD


def passport(folder: Path, text: str, environ: dict[str, str] | None = None) -> Passport:
    found = loaded(folder, toml(text), environ).passport
    assert found is not None
    return found


def settings(folder: Path) -> Settings:
    return loaded(folder, toml(WHOLE))


def test_without_the_table_there_are_no_passports(tmp_path: Path) -> None:
    assert loaded(tmp_path, toml()).passport is None


def test_a_server_has_what_the_table_says_unless_it_says_otherwise(tmp_path: Path) -> None:
    found = passport(tmp_path, f'{WHOLE}category = "P2"\nflag = ""\n')
    (server,) = found.server
    assert (found.category_for(server), found.branch_for(server), server.flag) == ("P2", "CPL", None)
    assert (server.url, found.timeout, found.most_changes, found.mirrors) == (
        *("https://libb.example.org/koha", 10, 100),
        False,
    )
    assert found.named(" libb") is server
    assert found.named("LIBC") is None


def test_a_key_of_the_table_may_come_from_the_environment(tmp_path: Path) -> None:
    found = passport(tmp_path, WHOLE, {"GENTLE_NUDGE_PASSPORT__TIMEOUT": "5", "GENTLE_NUDGE_PASSPORT__COPY": "[]"})
    assert (found.timeout, found.copy) == (5, ())
    (problem,) = problems(tmp_path, toml(WHOLE), {"GENTLE_NUDGE_PASSPORT__SERVER": "x"})
    assert problem.startswith("GENTLE_NUDGE_PASSPORT__SERVER: there is no such key")


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        (TABLE, "passport.server", "a server is needed"),
        (f"{TABLE}server = 3\n", "passport.server", "servers are written under"),
        (SERVER + PASSWORD, "passport.category", "needed: The category"),
        (WHOLE.replace("CPL", ""), "passport.branch", "not blank"),
        (WHOLE.replace('"api"', '"soap"'), "passport.server[1].kind", "'api' or 'plugin'"),
        (TABLE + SERVER, "passport.server[1].password_file", "one of them"),
        (f'{WHOLE}password_file = "/x"\n', "passport.server[1].password_file", "one of them"),
        (f'{WHOLE}password = "x"\n', "passport.server[1].password", "there is no such key"),
        (WHOLE + SERVER.replace("LIBB", "libb") + PASSWORD, "passport.server[1].name", "differ in more than case"),
        (WHOLE.replace("LIBB", "x" * 61, 1), "passport.server[1].name", "at most 60"),
        (WHOLE.replace('"LIBB"', '"LI\\tBB"'), "passport.server[1].name", "without control characters"),
        (WHOLE.replace('passport"\np', 'a:b"\np'), "passport.server[1].user", "no colon"),
        (f"{WHOLE}timeout = 1\n", "passport.server[1].timeout", "it belongs under [passport]"),
        (
            WHOLE.replace('branch = "CPL"', 'branch = "CPL"\ntimeout = 61'),
            "passport.timeout",
            "less than or equal to 60",
        ),
        (
            WHOLE.replace('branch = "CPL"', 'branch = "CPL"\ntimeout = 0'),
            "passport.timeout",
            "greater than or equal to 1",
        ),
        (WHOLE.replace("api", "plugin") + 'flag = "attribute:X"\n', "passport.server[1].flag", "tells no attributes"),
    ],
)
def test_a_problem_is_told_at_its_place(tmp_path: Path, text: str, place: str, sentence: str) -> None:
    told = problems(tmp_path, toml(text))
    assert any(place in each and sentence in each for each in told), told


@pytest.mark.parametrize(
    "url",
    [
        *("http://libb.example.org", "ftp://x.example", "https://", "https://u:p@x.example", "https://x.example/?a=1"),
        *(
            "https://x.example/#a",
            "https://x.example:0",
            "http://127.0.0.1.example.org",
            "http://128.0.0.1",
            "libb.org",
        ),
    ],
)
def test_an_address_is_encrypted_and_bare(tmp_path: Path, url: str) -> None:
    (told,) = problems(tmp_path, toml(WHOLE.replace("https://libb.example.org/koha/", url)))
    assert told.startswith("gentle-nudge.toml: passport.server[1].url: an address is needed")


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "127.9.9.9", "[::1]:80"])
def test_this_machine_may_be_asked_without_encryption(tmp_path: Path, host: str) -> None:
    found = passport(tmp_path, WHOLE.replace("https://libb.example.org/koha/", f"http://{host}/"))
    assert found.server[0].url == f"http://{host}"


def test_a_password_is_the_first_line_of_its_file_or_a_variable(tmp_path: Path) -> None:
    (server,) = passport(tmp_path, WHOLE).server
    assert password_of(server, {"LIBB_PASSWORD": " a b "}) == " a b "
    with pytest.raises(UserError, match="variable LIBB_PASSWORD is empty or missing"):
        password_of(server, {})
    file = tmp_path / "secret"
    (server,) = passport(tmp_path, f'{TABLE}{SERVER}password_file = "secret"\n').server
    for text in (None, "", "\n", "\nsecond"):
        if text is not None:
            file.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match="password of LIBB"):
            password_of(server, {})
    file.write_text("s3cret\r\nsecond\n", encoding="utf-8")
    assert password_of(server, {}) == "s3cret"
    file.chmod(0o604)
    (warning,) = loaded(tmp_path, toml(f'{TABLE}{SERVER}password_file = "secret"\n')).warnings
    assert warning.startswith("gentle-nudge.toml: passport.server[1].password_file: everybody on this machine")


def test_pages_show_every_key_and_no_password(tmp_path: Path) -> None:
    shown = effective(loaded(tmp_path, toml(WHOLE), {"LIBB_PASSWORD": "s3cret"}))
    assert '[[passport.server]]\nname = "LIBB"' in shown
    assert "s3cret" not in shown
    assert "# [[passport.server]]" in sample()
    assert "## `[[passport.server]]`" in reference()
