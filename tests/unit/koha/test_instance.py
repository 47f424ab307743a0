"""Which database a configuration leads to, and the refusal of any other."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from gentle_nudge.errors import UserError
from gentle_nudge.koha.connect.conf import read
from gentle_nudge.koha.connect.instance import Instance, instance, same_database, url_of
from gentle_nudge.settings import load
from tests.unit.koha.test_conf import conf_file


@contextmanager
def a_socket(path: Path) -> Iterator[Path]:
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(path))
        yield path


def found(folder: Path, koha: str, **environ: str) -> Instance:
    file = folder / "gentle-nudge.toml"
    file.write_text(f"[koha]\n{koha}\n", encoding="utf-8")
    return instance(load(file, environ=environ, needs="koha"), environ=environ)


def test_another_host_is_asked_at_its_port(tmp_path: Path) -> None:
    url = url_of(read(conf_file(tmp_path, port="3307", **{"pass": "p:/@"})), {})
    assert (
        url.render_as_string(hide_password=False)
        == "mysql+pymysql://koha_lib:p%3A%2F%40@db.library.example:3307/koha_lib"
    )


@pytest.mark.parametrize("host", ["localhost", ""])
def test_localhost_means_the_socket_if_there_is_one(tmp_path: Path, host: str) -> None:
    conf = read(conf_file(tmp_path, hostname=host))
    with a_socket(tmp_path / "s") as path:
        assert url_of(conf, {}, [tmp_path / "none", path]).query == {"unix_socket": str(path)}
        assert url_of(conf, {"MYSQL_UNIX_PORT": str(path)}, []).query == {"unix_socket": str(path)}
    without = url_of(conf, {}, [tmp_path / "none"])
    assert (without.host, without.port, without.query) == ("127.0.0.1", 3306, {})


def test_of_url_and_conf_url_wins(tmp_path: Path) -> None:
    conf = conf_file(tmp_path, timezone="Europe/Berlin")
    here = found(tmp_path, f'conf = "{conf}"\nurl = "mysql+pymysql://u@other/koha_x"')
    assert here.url.database == "koha_x"
    assert here.zone.key == "Europe/Berlin"


def test_the_password_of_the_settings_goes_before_koha_s(tmp_path: Path) -> None:
    conf = conf_file(tmp_path, **{"pass": "koha's"})
    assert found(tmp_path, f'conf = "{conf}"').url.password == "koha's"
    ours = found(tmp_path, f'conf = "{conf}"', GENTLE_NUDGE_KOHA__PASSWORD="ours")
    assert ours.url.password == "ours"
    assert "ours" not in repr(ours) + ours.shown


def test_koha_conf_of_another_database_is_refused(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    for folder, database in ((ours, "koha_ours"), (other, "koha_other")):
        folder.mkdir()
        conf_file(folder, database=database, **{"pass": "s3cret"})
    with pytest.raises(UserError) as caught:
        found(tmp_path, f'conf = "{ours}/koha-conf.xml"', KOHA_CONF=f"{other}/koha-conf.xml")
    assert "koha_other" in caught.value.sentence
    assert "koha_ours" in caught.value.sentence
    assert "s3cret" not in caught.value.sentence
    found(tmp_path, f'conf = "{ours}/koha-conf.xml"', KOHA_CONF=f"{ours}/koha-conf.xml")


def test_koha_conf_and_a_url_may_lead_to_one_database(tmp_path: Path) -> None:
    conf = conf_file(tmp_path, port="3306")
    found(tmp_path, 'url = "mariadb+pymysql://gn@DB.library.example/koha_lib"', KOHA_CONF=str(conf))
    with pytest.raises(UserError):
        found(tmp_path, 'url = "mysql+pymysql://gn@db.library.example:3307/koha_lib"', KOHA_CONF=str(conf))
    with pytest.raises(UserError):
        found(tmp_path, 'url = "sqlite:///koha_lib"', KOHA_CONF=str(conf))


def test_koha_conf_that_cannot_be_read_stops_everything(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        found(tmp_path, 'url = "mysql+pymysql://gn@db/koha_lib"', KOHA_CONF=str(tmp_path / "gone.xml"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("mysql+pymysql://a@localhost/k", "mariadb+pymysql://b@127.0.0.1:3306/k", True),
        ("mysql+pymysql://a@h/k?unix_socket=/run/s", "mysql+pymysql://a@h/k?unix_socket=/run/../run/s", True),
        ("mysql+pymysql://a@h/k?unix_socket=/run/s", "mysql+pymysql://a@h/k?unix_socket=/run/t", False),
        ("mysql+pymysql://a@localhost/k?unix_socket=/run/s", "mysql+pymysql://a@localhost/k", True),
        ("mysql+pymysql://a@h/k", "mysql+pymysql://a@h/K", False),
        ("sqlite:////tmp/k", "sqlite:////tmp/../tmp/k", True),
    ],
)
def test_one_database_is_known_by_server_and_name(one: str, other: str, same: bool) -> None:  # noqa: FBT001 - a column
    assert same_database(make_url(one), make_url(other)) is same


def test_another_user_or_another_name_of_the_server_makes_no_other_database(tmp_path: Path) -> None:
    """The archive belongs to a database, and goes on doing so when it gets a user of its own."""
    by_koha = found(tmp_path, f'conf = "{conf_file(tmp_path, hostname="localhost", port="3306")}"')
    by_url = found(tmp_path, 'url = "mysql+pymysql://gentle_nudge:secret@localhost/koha_lib"')
    other = found(tmp_path, 'url = "mysql+pymysql://gentle_nudge:secret@localhost/koha_other"')
    assert by_koha.database == by_url.database == "koha_lib at localhost:3306"
    assert other.database != by_url.database
