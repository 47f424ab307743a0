"""What each key takes, and the sentence for what it does not take."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gentle_nudge.domain.collections.policy import Policy
from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.patron import Flag
from tests.unit.settings.given import loaded, policy_of, problems, toml


def policy(folder: Path, **keys: str) -> Policy:
    return policy_of(loaded(folder, toml("", **keys)))


def test_a_small_configuration_has_the_defaults_of_the_contract(tmp_path: Path) -> None:
    found = policy(tmp_path)
    expected = Policy(
        threshold=Decimal("25.00"),
        processing_fee=Decimal("10.00"),
        flag=Flag(column="sort1"),
        minors="exclude",
        send_to=("reports@agency.example",),
    )
    assert found == expected


def test_amounts_are_exact(tmp_path: Path) -> None:
    assert policy(tmp_path, threshold="0.3").threshold == Decimal("0.30")
    assert policy(tmp_path, threshold="25").threshold == Decimal("25.00")
    assert policy(tmp_path, processing_fee="0").processing_fee == 0


def test_a_day_may_be_written_with_quotes_or_without(tmp_path: Path) -> None:
    assert policy(tmp_path, ignore_fees_before="2020-01-01").ignore_fees_before == date(2020, 1, 1)
    assert policy(tmp_path, ignore_fees_before='"2020-01-01"').ignore_fees_before == date(2020, 1, 1)
    assert policy(tmp_path, ignore_fees_before='""').ignore_fees_before is None


def test_the_full_update_may_be_never(tmp_path: Path) -> None:
    assert policy(tmp_path, full_update_on='""').full_update_on is None
    assert policy(tmp_path, full_update_on='"Friday"').full_update_on is Weekday.FRIDAY


def test_the_fuse_is_usual_or_a_number_and_zero_is_no_limit(tmp_path: Path) -> None:
    assert policy(tmp_path, most_referrals='"usual"').most_referrals == "usual"
    assert policy(tmp_path, most_referrals="0").most_referrals == 0


def test_each_of_a_list_counts_once_and_keeps_its_place(tmp_path: Path) -> None:
    assert policy(tmp_path, copy_to='["b@x.example", "a@x.example", "b@x.example"]').copy_to == (
        "b@x.example",
        "a@x.example",
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", "-0.01"),
        ("threshold", "25.005"),
        ("threshold", "nan"),
        ("threshold", "inf"),
        ("threshold", "1e400"),
        ("threshold", "true"),
        ("threshold", '"25,00"'),
        ("processing_fee", '"$10"'),
        ("flag", '"sort3"'),
        ("flag", '"attribute:"'),
        ("minors", '"some"'),
        ("submit_on", '"weekly"'),
        ("submit_on", "6"),
        ("send_to", '"reports@agency.example"'),
        ("send_to", '["reports.agency.example"]'),
        ("send_to", '["Reports <reports@agency.example>"]'),
        ("send_to", r'["a@agency.example\nBcc: b@agency.example"]'),
        ("count_fees_newer_than", "-1"),
        ("count_fees_newer_than", "9999999999"),
        ("count_fees_older_than", "60.5"),
        ("ignore_fees_before", '"01/02/2020"'),
        ("ignore_fees_before", "2020-01-01T00:00:00"),
        ("count_processing_fees", '"sometimes"'),
        ("categories", '"ST"'),
        ("categories", '["ST", ""]'),
        ("excluded_category_types", '["Q"]'),
        ("adult_age", "-1"),
        ("fee_description", '" "'),
        ("fee_branch", '"TOOLONGACODE"'),
        ("restriction_comment", '"Sent to collections"'),
        ("restriction_comment", '"{date}"'),
        ("restriction_comment", '" ({date}) - {date} 1."'),
        ("restriction_comment", f'"{"x" * 246}{{date}}"'),
        ("most_referrals", "-1"),
        ("most_referrals", '"unusual"'),
        ("most_adoptions", "-1"),
        ("full_update_on", '"never"'),
        ("spreadsheet_guard", "1"),
    ],
)
def test_what_a_key_does_not_take_is_told_with_its_place(tmp_path: Path, key: str, value: str) -> None:
    (problem,) = problems(tmp_path, toml("", **{key: value}))
    assert problem.startswith(f"gentle-nudge.toml: policy.{key}: ")


@pytest.mark.parametrize("comment", ["UMS {date}", "{date}: 催収", "é{date}"])
def test_a_comment_needs_a_word_besides_the_date(tmp_path: Path, comment: str) -> None:
    assert policy(tmp_path, restriction_comment=f'"{comment}"').restriction_comment == comment


def test_a_comment_fits_the_column_once_the_date_is_in(tmp_path: Path) -> None:
    longest = "x" * 245 + "{date}"
    assert policy(tmp_path, restriction_comment=f'"{longest}"').restriction_comment == longest


@pytest.mark.parametrize(
    "rest",
    [
        "[mail]\nport = 0",
        "[mail]\nca_file = '/nowhere/ca.pem'",
        "[mail]\nsender = 'Library'",
        "[archive]\nkeep_days = 0",
        "[monitoring]\nping_url = 'hc.library.example'",
        "[alerts]\nto = 'admin@library.example'",
    ],
)
def test_other_tables_are_judged_too(tmp_path: Path, rest: str) -> None:
    table, key = rest.split(maxsplit=1)[0].strip("[]"), rest.split()[1]
    (problem,) = problems(tmp_path, toml(rest))
    assert problem.startswith(f"gentle-nudge.toml: {table}.{key}: ")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://koha@db/koha_lib",
        "mysql+mysqldb://koha@db/koha_lib",
        "mysql+pymysql://koha@db",
        "koha_lib",
    ],
)
def test_a_database_is_one_that_we_can_use(tmp_path: Path, url: str) -> None:
    (problem,) = problems(tmp_path, toml(koha=f'url = "{url}"'))
    assert problem.startswith("gentle-nudge.toml: koha.url: ")


def test_a_time_zone_exists(tmp_path: Path) -> None:
    assert loaded(tmp_path, toml(koha='conf = "/k.xml"\ntimezone = "Europe/Berlin"')).koha.timezone == "Europe/Berlin"
    for zone in ("Europe/Berlim", "../etc/passwd", "America"):
        (problem,) = problems(tmp_path, toml(koha=f'conf = "/k.xml"\ntimezone = "{zone}"'))
        assert problem.startswith("gentle-nudge.toml: koha.timezone: ")


def test_templates_stand_in_a_folder_that_is_there(tmp_path: Path) -> None:
    assert loaded(tmp_path, toml()).templates.directory is None
    (tmp_path / "ours").mkdir()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert loaded(tmp_path, toml("[templates]\ndirectory = 'ours'")).templates.directory == tmp_path / "ours"
    for directory in ("theirs", "file"):
        (problem,) = problems(tmp_path, toml(f"[templates]\ndirectory = '{directory}'"))
        assert problem.startswith("gentle-nudge.toml: templates.directory: ")
