"""What Koha's tables tell of the Perl plugins: their settings, whether they are at work, whom they would refer."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from gentle_nudge.koha.read.plugin_data import MULTI, SINGLE, at_work, enabled, last_logged, settings_of
from tests.integration.koha.line_views import NOW
from tests.support.koha import KohaDatabase

THEIRS = '{\n   "count" : 3,\n   "filename" : "ums-updates-2026-11-21.csv"\n}\n'


def stores(koha: KohaDatabase, plugin: str = SINGLE, **values: str | None) -> None:
    for key, value in values.items():
        koha.put("plugin_data", plugin_class=plugin, plugin_key=key, plugin_value=value)


def logs(koha: KohaDatabase, at: datetime = NOW, info: str | None = THEIRS, **columns: object) -> None:
    known: dict[str, object] = {"module": "GENTLENUDGE", "action": "UPDATES", "script": "plugins_nightly.pl"}
    koha.put("action_logs", timestamp=at.replace(tzinfo=None, microsecond=0), info=info, **(known | columns))


def test_without_a_plugin_there_are_no_settings(conn: Connection) -> None:
    assert settings_of(conn) is None


def test_the_settings_are_those_of_the_plugin_without_kohas_own_keys(koha: KohaDatabase, conn: Connection) -> None:
    stores(koha, __INSTALLED__="1", fees_threshold="25", cc_email=None)
    stores(koha, MULTI, fees_threshold="99")
    assert settings_of(conn) == {"fees_threshold": "25", "cc_email": ""}


def test_a_plugin_that_was_never_configured_is_installed_all_the_same(koha: KohaDatabase, conn: Connection) -> None:
    koha.put("plugin_methods", plugin_class=SINGLE, plugin_method="cronjob_nightly")
    assert settings_of(conn) == {}


@pytest.mark.parametrize(
    ("stored", "has_methods", "is_enabled"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"__INSTALLED__": "1"}, False, True),
        ({"__INSTALLED__": "1", "__ENABLED__": "1"}, True, True),
        ({"__INSTALLED__": "1", "__ENABLED__": "0"}, True, False),
        ({"__INSTALLED__": "1", "__ENABLED__": None}, True, False),
        ({"fees_threshold": "25"}, False, False),
    ],
)
def test_a_plugin_is_enabled_as_koha_keeps_it(
    koha: KohaDatabase, conn: Connection, stored: dict[str, str | None], *, has_methods: bool, is_enabled: bool
) -> None:
    stores(koha, MULTI, **stored)
    if has_methods:
        koha.put("plugin_methods", plugin_class=MULTI, plugin_method="cronjob_nightly")
    assert enabled(conn) == ((MULTI,) if is_enabled else ())


@pytest.mark.parametrize(
    ("ago", "is_at_work"),
    [(timedelta(0), True), (timedelta(days=8, seconds=-1), True), (timedelta(days=8, seconds=1), False)],
)
def test_a_plugin_is_at_work_if_it_logged_within_eight_days(
    koha: KohaDatabase, conn: Connection, ago: timedelta, *, is_at_work: bool
) -> None:
    stores(koha, __ENABLED__="1")
    logs(koha, NOW - ago)
    assert (at_work(conn, NOW) is not None) == is_at_work


def test_a_plugin_that_was_disabled_is_not_at_work(koha: KohaDatabase, conn: Connection) -> None:
    stores(koha, __ENABLED__="0")
    logs(koha)
    assert at_work(conn, NOW) is None


@pytest.mark.parametrize("info", ['{"run": 1, "file": "x"}', '{"section": "global", "error": "x"}', "{}", None])
def test_what_we_log_ourselves_is_known_by_its_script(koha: KohaDatabase, conn: Connection, info: str | None) -> None:
    logs(koha, info=info, script="gentle-nudge")
    assert last_logged(conn, NOW - timedelta(days=8)) is None


@pytest.mark.parametrize(
    ("info", "is_theirs"),
    [
        (THEIRS, True),
        ('{"error": "Mail not sent"}', True),
        ("not JSON", True),
        (None, True),
        ('{"run": 1, "file": "ums-updates.csv", "rows": 3, "sha256": "0"}', False),
        ('{"run": 1, "file": "u.csv", "rows": 3, "sha256": "0", "filename": "u.csv", "count": 3}', False),
        ('{"filename": "u.csv", "count": 3, "file_path": "/tmp/u.csv"}', True),
        ('{"option": "moved", "who": "tester", "cancelled": 0}', False),
        ('{"section": "global", "error": "x"}', False),
    ],
)
def test_where_koha_keeps_no_script_our_rows_are_known_by_their_keys(
    koha: KohaDatabase, conn: Connection, info: str | None, *, is_theirs: bool
) -> None:
    koha.spoil("ALTER TABLE action_logs DROP COLUMN script")
    koha.put("action_logs", timestamp=NOW.replace(tzinfo=None, microsecond=0), module="GENTLENUDGE", info=info)
    assert (last_logged(conn, NOW - timedelta(days=8)) is not None) == is_theirs


def test_the_latest_row_of_the_plugin_counts(koha: KohaDatabase, conn: Connection) -> None:
    for days in (3, 1, 2):
        logs(koha, NOW - timedelta(days=days))
    logs(koha, NOW, module="CRONJOBS")
    assert last_logged(conn, NOW - timedelta(days=8)) == (NOW - timedelta(days=1)).replace(microsecond=0)
