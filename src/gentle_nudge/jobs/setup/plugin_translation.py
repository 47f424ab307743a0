"""The plugin's settings as keys of [policy], each with a remark where it means something else here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.money import ZERO, parse_amount
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.setting import ADDRESS
from gentle_nudge.jobs.setup.plugin_settings import AGES, SORT_FIELDS, PluginSettings, ages, cut_off

BETWEEN_ADDRESSES = re.compile(r"[\s,;<>]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class KohaCodes:
    """The codes that this Koha has."""

    categories: frozenset[str] = frozenset()
    debit_types: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class TranslatedKey:
    """One key of [policy], left out if `value` is None. The file shows `remarks` and `troubles`, stderr `troubles`."""

    key: str
    value: object
    remarks: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


def _translated(key: str, value: object, *troubles: str, remark: str = "") -> TranslatedKey:
    """The key; empty texts are no remark and no trouble."""
    return TranslatedKey(
        key=key, value=value, remarks=(remark,) if remark else (), troubles=tuple(filter(None, troubles))
    )


def entries(plugin: PluginSettings, codes: KohaCodes) -> Iterator[TranslatedKey]:
    """Every key of [policy] for which the plugin has a setting or a fixed value, in the order of the file."""
    yield _weekday(plugin)
    yield from _amounts(plugin)
    yield _flag(plugin, codes)
    adults_only = plugin.says_yes("age_limitation")
    remark = "Like the plugin, this leaves out everybody without a date of birth too (see unknown_birthdate)."
    yield _translated("minors", "exclude" if adults_only else "include", remark=remark if adults_only else "")
    yield from _recipients(plugin)
    yield from _window(plugin)
    yield _cut_off(plugin)
    yield _codes("categories", plugin.raw("categorycodes"), codes.categories, "patron category")
    yield _codes("debit_types", plugin.raw("debit_type_codes"), codes.debit_types, "debit type")
    yield _translated("require_lost_fee", plugin.says_yes("require_lost_fee"))
    remark = "The plugin charged this type, and booked it to no library."
    yield _translated("fee_debit_type", "MANUAL", remark=remark)
    remark = "The plugin let its own fee count towards the next referral."
    yield _translated("count_processing_fees", value=False, remark=remark)
    remark = "The plugin stacked restrictions; here a patron has one active restriction of ours."
    yield _translated("add_restriction", plugin.says_yes("add_restriction"), remark=remark)
    yield _translated("restriction_type", "MANUAL")
    remark = "The plugin's sync cleared flags too; here sync changes nothing."
    yield _translated("clear_paid", plugin.says_yes("auto_clear_paid"), remark=remark)
    yield _clear_limit(plugin)
    lifts = plugin.says_yes("remove_restriction")
    remark = "The plugin says no, but lifted the restrictions all the same; write true to go on like that."
    says_no = bool(plugin.raw("remove_restriction")) and not lifts
    yield _translated("remove_restriction", lifts, remark=remark if says_no else "")


def _weekday(plugin: PluginSettings) -> TranslatedKey:
    text = plugin.text("run_on_dow")
    if re.fullmatch(r"[0-6]", text):
        return _translated("submit_on", Weekday((int(text) - 1) % 7))
    remark = "The plugin has no day of the week, which it takes for Sunday."
    return _translated("submit_on", Weekday.SUNDAY, remark=remark)


def _amounts(plugin: PluginSettings) -> Iterator[TranslatedKey]:
    threshold = plugin.parsed("fees_threshold", parse_amount)
    trouble = (
        f"The plugin's threshold is {plugin.quoted('fees_threshold')}: write the least amount that refers a patron."
    )
    remark = (
        "The plugin asked for this amount in the window only; here the patron's whole balance must reach it as well, "
        "so that unused credits help."
    )
    yield _translated("threshold", threshold or None, "" if threshold else trouble, remark=remark)
    fee = plugin.parsed("processing_fee", parse_amount)
    trouble = f"The plugin's processing fee is {plugin.quoted('processing_fee')}: write the amount, or 0 for none."
    yield _translated("processing_fee", fee, trouble if fee is None else "")


def _flag(plugin: PluginSettings, codes: KohaCodes) -> TranslatedKey:
    text = plugin.text("collections_flag")
    if not text:
        return _translated("flag", None, "The plugin names no collections flag: write sort1, sort2 or attribute:CODE.")
    if text in SORT_FIELDS:
        return _translated("flag", Flag.parse(text), remark="Here 1 and 0 are understood as well as yes and no.")
    code = _spelled(text, codes.attributes)
    trouble = "" if code else f"Koha has no patron attribute type {text}, the plugin's collections flag."
    remark = "Here yes, no and an empty value are understood as well as 1 and 0; several rows do not multiply the sums."
    return _translated("flag", Flag.parse(f"attribute:{code or text}"), trouble, remark=remark)


def _recipients(plugin: PluginSettings) -> Iterator[TranslatedKey]:
    to, bad_to = _addresses(plugin.text("unique_email"))
    copy, bad_copy = _addresses(plugin.text("cc_email"))
    troubles = [f"This is no e-mail address and was left out: {word}" for word in (*bad_to, *bad_copy)]
    if not to and copy:
        remark = "The plugin names no agency address; this is its additional one."
        yield _translated("send_to", copy, *troubles, remark=remark)
        return
    nobody = "" if to or plugin.text("host") else "The plugin names nobody who receives the reports."
    yield _translated("send_to", to or None, *troubles, nobody)
    yield _translated("copy_to", copy, remark="Each recipient gets a message of their own." if copy else "")


def _addresses(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The addresses in the text, each once, and the words that are none."""
    words = [word for word in BETWEEN_ADDRESSES.split(text) if word]
    good = dict.fromkeys(word for word in words if ADDRESS.fullmatch(word))
    return tuple(good), tuple(word for word in words if word not in good)


def _window(plugin: PluginSettings) -> Iterator[TranslatedKey]:
    newer, older = ages(plugin)
    defaults = " and ".join(map(str, AGES.values()))
    trouble = f"The plugin's ages of fees are not both numbers; its form shows {defaults} then, but its night fails."
    are_numbers = all(plugin.text(key).isdecimal() for key in AGES)
    remark = "Both days are included, as the plugin has them."
    yield _translated("count_fees_newer_than", newer, "" if are_numbers else trouble, remark=remark)
    yield _translated("count_fees_older_than", older)


def _cut_off(plugin: PluginSettings) -> TranslatedKey:
    text, instant = plugin.text("fees_created_before_date_filter"), cut_off(plugin)
    if instant:
        remark = "The plugin ignores charges of exactly midnight of that day; here the whole day counts."
        return _translated("ignore_fees_before", instant.date(), remark=remark)
    trouble = f"The plugin's cut-off date is not a date: {text}; without one, charges of any day count."
    return _translated("ignore_fees_before", "", trouble if text else "")


def _codes(key: str, text: str, in_koha: Collection[str], kind: str) -> TranslatedKey:
    """The codes trimmed and spelled as Koha does; unknown ones left out, unless none would be left."""
    words = [word for word in text.split(",") if word.strip()]
    spelled = {word.strip(): _spelled(word.strip(), in_koha) for word in words}
    unknown = [word for word, code in spelled.items() if code is None]
    codes = frozenset(code for code in spelled.values() if code) or frozenset(unknown)
    troubles = (f"Koha has no {kind} {' '.join(word.split())}, which the plugin names." for word in unknown)
    blank = any(word != word.lstrip() for word in words)
    remark = "The plugin never matched a code with a blank before it; here the blanks are taken off."
    return _translated(key, codes, *troubles, remark=remark if blank else "")


def _spelled(word: str, in_koha: Collection[str]) -> str | None:
    """The code as Koha spells it; letter case means nothing."""
    return next((code for code in sorted(in_koha) if code.casefold() == word.casefold()), None)


def _clear_limit(plugin: PluginSettings) -> TranslatedKey:
    text = plugin.text("auto_clear_paid_threshold")
    limit = plugin.parsed("auto_clear_paid_threshold", parse_amount)
    threshold = plugin.parsed("fees_threshold", parse_amount)
    trouble = ""
    if limit is None and text:
        trouble = f"The plugin's limit for clearing is not an amount: {text}; 0.00 is written."
    elif limit and threshold and limit >= threshold:
        trouble = f"The plugin's limit for clearing, {limit}, is not below its threshold; 0.00 is written."
    return _translated("clear_at_or_below", ZERO if trouble else limit or ZERO, trouble)
