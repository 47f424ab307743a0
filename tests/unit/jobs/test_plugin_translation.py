"""The plugin's settings in our words."""

from datetime import date
from decimal import Decimal

import pytest

from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.patron import Flag
from gentle_nudge.jobs.setup.plugin_settings import PluginSettings, rules, server
from gentle_nudge.jobs.setup.plugin_translation import KohaCodes, TranslatedKey, entries

KNOWN = KohaCodes(
    categories=frozenset({"PT", "ST"}), debit_types=frozenset({"LOST", "OVERDUE"}), attributes=frozenset({"COLLECT"})
)


def entry(key: str, **stored: str) -> TranslatedKey:
    return next(each for each in entries(PluginSettings(stored=stored), KNOWN) if each.key == key)


@pytest.mark.parametrize(
    ("stored", "day"),
    [("0", Weekday.SUNDAY), ("1", Weekday.MONDAY), ("6", Weekday.SATURDAY), ("", Weekday.SUNDAY)],
)
def test_the_week_begins_with_sunday(stored: str, day: Weekday) -> None:
    assert entry("submit_on", run_on_dow=stored).value == day


@pytest.mark.parametrize(("key", "stored_as"), [("threshold", "fees_threshold"), ("processing_fee", "processing_fee")])
@pytest.mark.parametrize("stored", ["", " ", "$25", "25,00", "ten", "-1", "25.005"])
def test_an_amount_that_is_none_is_left_out_and_told(key: str, stored_as: str, stored: str) -> None:
    found = entry(key, **{stored_as: stored})
    assert found.value is None
    assert len(found.troubles) == 1


def test_a_threshold_of_zero_is_left_out_but_a_fee_of_zero_is_one() -> None:
    assert entry("threshold", fees_threshold="0").value is None
    assert entry("processing_fee", processing_fee="0").value == Decimal("0.00")


@pytest.mark.parametrize(
    ("stored", "flag", "is_told"),
    [
        ("sort2", Flag(column="sort2"), False),
        ("collect", Flag(column="attribute", code="COLLECT"), False),
        ("OTHER", Flag(column="attribute", code="OTHER"), True),
        ("", None, True),
    ],
)
def test_the_flag_is_a_sort_field_or_an_attribute(stored: str, flag: Flag | None, *, is_told: bool) -> None:
    found = entry("flag", collections_flag=stored)
    assert (found.value, bool(found.troubles)) == (flag, is_told)


@pytest.mark.parametrize(("stored", "minors"), [("yes", "exclude"), ("no", "include"), ("", "include")])
def test_minors_are_left_out_if_the_plugin_says_yes(stored: str, minors: str) -> None:
    assert entry("minors", age_limitation=stored).value == minors


def test_several_addresses_in_one_field_are_split() -> None:
    stored = {"unique_email": "a@agency.example; b@agency.example,a@agency.example", "cc_email": "<c@x.example> no"}
    assert entry("send_to", **stored).value == ("a@agency.example", "b@agency.example")
    assert entry("copy_to", **stored).value == ("c@x.example",)
    assert entry("send_to", **stored).troubles == ("This is no e-mail address and was left out: no",)


def test_the_additional_address_stands_in_for_a_missing_one() -> None:
    assert entry("send_to", cc_email="c@x.example").value == ("c@x.example",)


def test_nobody_to_write_to_is_told_unless_reports_are_uploaded() -> None:
    assert entry("send_to").troubles
    assert not entry("send_to", host="sftp.agency.example").troubles


@pytest.mark.parametrize(
    ("starting", "ending", "newer", "older"),
    [("60", "90", 90, 60), ("90", "60", 90, 60), ("", "", 90, 60), ("120", "", 120, 90), ("x", "30", 60, 30)],
)
def test_the_ages_of_the_window_are_swapped_if_need_be(starting: str, ending: str, newer: int, older: int) -> None:
    stored = {"fees_starting_age": starting, "fees_ending_age": ending}
    assert entry("count_fees_newer_than", **stored).value == newer
    assert entry("count_fees_older_than", **stored).value == older
    assert bool(entry("count_fees_newer_than", **stored).troubles) == (
        not (starting + ending).isdecimal() or not ending
    )


def test_a_cut_off_date_comes_with_the_remark_about_its_midnight() -> None:
    found = entry("ignore_fees_before", fees_created_before_date_filter="2020-01-31")
    assert found.value == date(2020, 1, 31)
    assert "midnight" in found.remarks[0]
    told = entry("ignore_fees_before", fees_created_before_date_filter="31.01.2020")
    assert (told.value, len(told.troubles)) == ("", 1)


def test_codes_are_trimmed_and_spelled_as_koha_does_and_unknown_ones_named() -> None:
    found = entry("categories", categorycodes="pt, ST ,XX")
    assert found.value == frozenset({"PT", "ST"})
    assert found.troubles == ("Koha has no patron category XX, which the plugin names.",)
    assert "blank" in found.remarks[0]
    assert entry("debit_types", debit_type_codes="LOST").value == frozenset({"LOST"})


def test_unknown_codes_alone_are_kept_so_that_the_night_refuses_instead_of_taking_everybody() -> None:
    assert entry("categories", categorycodes="XX,YY").value == frozenset({"XX", "YY"})
    assert entry("categories", categorycodes="").value == frozenset()


@pytest.mark.parametrize(("stored", "value", "remarks"), [("yes", True, 0), ("no", False, 1), ("", False, 0)])
def test_no_means_no_with_the_remark_that_the_plugin_lifted_restrictions_all_the_same(
    stored: str, *, value: bool, remarks: int
) -> None:
    found = entry("remove_restriction", remove_restriction=stored)
    assert (found.value, len(found.remarks)) == (value, remarks)


@pytest.mark.parametrize(
    ("limit", "value", "is_told"),
    [("", "0.00", False), ("5", "5.00", False), ("25", "0.00", True), ("x", "0.00", True)],
)
def test_the_limit_for_clearing_is_below_the_threshold(limit: str, value: str, *, is_told: bool) -> None:
    found = entry("clear_at_or_below", fees_threshold="25", auto_clear_paid_threshold=limit)
    assert (found.value, bool(found.troubles)) == (Decimal(value), is_told)


def test_texts_cannot_break_out_of_their_line() -> None:
    found = entry("flag", collections_flag='x"\n[policy]\nthreshold = 0')
    assert "\n" not in str(found.value)
    assert "\n" not in found.troubles[0]


def test_the_password_is_kept_as_it_is_and_never_shown() -> None:
    uploads = server(
        PluginSettings(stored={"host": "sftp.agency.example", "username": "lib", "password": " p\u00e4ss "})
    )
    assert uploads
    assert uploads.password == " p\u00e4ss "
    assert "p\u00e4ss" not in repr(uploads)
    assert uploads.directory == "incoming"


def test_the_plugins_own_rules_keep_the_blanks_before_codes() -> None:
    found = rules(
        PluginSettings(stored={"fees_threshold": "25", "collections_flag": "sort1", "categorycodes": "PT, ST"})
    )
    assert found
    assert found.categories == ("PT", " ST")
    assert rules(PluginSettings(stored={"collections_flag": "sort1"})) is None
