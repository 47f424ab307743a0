"""What we read of koha-conf.xml, and the sentence for one that cannot be used."""

from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from gentle_nudge.errors import UserError
from gentle_nudge.koha.connect.conf import read

BASIC = {"db_scheme": "mysql", "database": "koha_lib", "hostname": "db.library.example", "user": "koha_lib"}


def conf_file(folder: Path, more: str = "", **elements: str) -> Path:
    lines = "".join(f"<{name}>{escape(value)}</{name}>\n" for name, value in {**BASIC, **elements}.items())
    file = folder / "koha-conf.xml"
    file.write_text(f"<yazgfs>\n<listen/>\n<config>\n{lines}{more}</config>\n</yazgfs>\n", encoding="utf-8")
    return file


def test_the_database_is_where_koha_looks_for_it(tmp_path: Path) -> None:
    conf = read(conf_file(tmp_path, port="3307", **{"pass": " a<b&c "}))
    assert (conf.host, conf.port, conf.database, conf.user) == ("db.library.example", 3307, "koha_lib", "koha_lib")
    assert conf.password == " a<b&c "
    assert "a<b&c" not in repr(conf)


@pytest.mark.parametrize("unset", ["", "  ", "__TIMEZONE__"])
def test_blanks_and_placeholders_are_unset(tmp_path: Path, unset: str) -> None:
    conf = read(conf_file(tmp_path, timezone=unset, port=unset, hostname=unset, tls=unset))
    assert (conf.timezone, conf.port, conf.host, conf.tls) == (None, None, None, None)


def test_tls_is_on_with_yes_and_nothing_else(tmp_path: Path) -> None:
    assert read(conf_file(tmp_path, tls="1", ca="/ca.pem")).tls is None
    tls = read(conf_file(tmp_path, tls="yes", ca="/ca.pem", cert="", key="__DB_TLS_CLIENT_KEY__")).tls
    assert tls is not None
    assert (tls.ca, tls.cert, tls.key) == ("/ca.pem", None, None)


def test_the_local_zone_is_no_zone(tmp_path: Path) -> None:
    assert read(conf_file(tmp_path, timezone="Europe/Berlin")).timezone == "Europe/Berlin"
    assert read(conf_file(tmp_path, timezone="local")).timezone is None


def test_a_mail_server_has_koha_s_defaults(tmp_path: Path) -> None:
    assert read(conf_file(tmp_path)).smtp is None
    assert read(conf_file(tmp_path, "<smtp_server/>")).smtp is None
    smtp = read(
        conf_file(tmp_path, "<smtp_server><host>mail.example</host><password>s3cret</password></smtp_server>")
    ).smtp
    assert smtp is not None
    assert (smtp.host, smtp.port, smtp.timeout, smtp.ssl_mode, smtp.user) == ("mail.example", 25, 120, "disabled", None)
    assert smtp.password == "s3cret"
    assert "s3cret" not in repr(smtp)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<yazgfs><config>", "not well-formed XML"),
        ("", "not well-formed XML"),
        ("<yazgfs/>", "no <config>"),
        ("<yazgfs><config/></yazgfs>", "no <database>"),
        ("<config><db_scheme>Pg</db_scheme><database>k</database></config>", "<db_scheme>"),
        ("<config><database>k</database><port>many</port></config>", "<port>"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><config><database>&x;</database></config>', "entities"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "koha-conf.xml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read(file)
    assert why in caught.value.sentence
    assert str(file) in caught.value.sentence
    assert caught.value.hint


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read(tmp_path / "koha-conf.xml")
