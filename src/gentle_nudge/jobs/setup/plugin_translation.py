"""The plugin's settings in our words: every key with its value, and a remark where it means something else here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.setting import ADDRESS
from gentle_nudge.jobs.setup.plugin_settings import (
    ENDING,
    SORT_FIELDS,
    STARTING,
    PluginSettings,
    ages,
    amount_of,
    cut_off,
    given_ages,
)

BETWEEN_ADDRESSES = re.compile(r"[\s,;<>]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The codes that this Koha has."""

    categories: frozenset[str] = frozenset()
    debit_types: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class TranslatedKey:
    """One key of [policy]; a `value` of None leaves it out. `remarks` stand in the file, `troubles` are also told."""

    key: str
    value: object
    remarks: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


def entries(given: PluginSettings, known: Known) -> Iterator[TranslatedKey]:
    """Every key of [policy] that the plugin has a setting, or a fixed value, for."""
    yield _weekday(given)
    yield _threshold(given)
    yield _fee(given)
    yield _flag(given, known)
    yield _minors(given)
    yield from _recipients(given)
    yield from _window(given)
    yield _cut_off(given)
    yield _categories(given, known)
    yield _debit_types(given, known)
    yield TranslatedKey(key="require_lost_fee", value=given.says_yes("require_lost_fee"))
    yield TranslatedKey(
        key="fee_debit_type", value="MANUAL", remarks=("The plugin charged this type, and booked it to no library.",)
    )
    yield TranslatedKey(
        key="count_processing_fees",
        value=False,
        remarks=("The plugin let its own fee count towards the next referral.",),
    )
    yield from _restriction(given)
    yield from _release(given)


def _weekday(given: PluginSettings) -> TranslatedKey:
    said = given.text("run_on_dow")
    if re.fullmatch(r"[0-6]", said):
        return TranslatedKey(key="submit_on", value=Weekday((int(said) - 1) % 7))
    remark = "The plugin has no day of the week, which it takes for Sunday."
    return TranslatedKey(key="submit_on", value=Weekday.SUNDAY, remarks=(remark,))


def _threshold(given: PluginSettings) -> TranslatedKey:
    remark = (
        "The plugin asked for this amount in the window only; here the patron's whole balance must reach it as well, "
        "so that unused credits help."
    )
    value = amount_of(given, "fees_threshold")
    if value:
        return TranslatedKey(key="threshold", value=value, remarks=(remark,))
    said = given.text("fees_threshold")
    trouble = f"The plugin's threshold is {_quoted(said)}: write the least amount that refers a patron."
    return TranslatedKey(key="threshold", value=None, remarks=(remark,), troubles=(trouble,))


def _fee(given: PluginSettings) -> TranslatedKey:
    value = amount_of(given, "processing_fee")
    if value is not None:
        return TranslatedKey(key="processing_fee", value=value)
    said = given.text("processing_fee")
    trouble = f"The plugin's processing fee is {_quoted(said)}: write the amount, or 0 for none."
    return TranslatedKey(key="processing_fee", value=None, troubles=(trouble,))


def _quoted(text: str) -> str:
    return f'"{text}"' if text else "empty"


def _flag(given: PluginSettings, known: Known) -> TranslatedKey:
    said = given.text("collections_flag")
    if not said:
        trouble = "The plugin names no collections flag: write sort1, sort2 or attribute:CODE."
        return TranslatedKey(key="flag", value=None, troubles=(trouble,))
    if said in SORT_FIELDS:
        return TranslatedKey(
            key="flag", value=Flag.parse(said), remarks=("Here 1 and 0 are understood as well as yes and no.",)
        )
    code = _spelled(said, known.attributes)
    troubles = () if code else (f"Koha has no patron attribute type {said}, the plugin's collections flag.",)
    remark = "Here yes, no and an empty value are understood as well as 1 and 0; several rows do not multiply the sums."
    return TranslatedKey(
        key="flag", value=Flag.parse(f"attribute:{code or said}"), remarks=(remark,), troubles=troubles
    )


def _minors(given: PluginSettings) -> TranslatedKey:
    if given.says_yes("age_limitation"):
        remark = "Like the plugin, this leaves out everybody without a date of birth too (see unknown_birthdate)."
        return TranslatedKey(key="minors", value="exclude", remarks=(remark,))
    return TranslatedKey(key="minors", value="include")


def _recipients(given: PluginSettings) -> Iterator[TranslatedKey]:
    to, bad_to = _addresses(given.text("unique_email"))
    copy, bad_copy = _addresses(given.text("cc_email"))
    troubles = tuple(f"This is no e-mail address and was left out: {word}" for word in (*bad_to, *bad_copy))
    if not to and copy:
        remark = "The plugin names no agency address; this is its additional one."
        yield TranslatedKey(key="send_to", value=copy, remarks=(remark,), troubles=troubles)
        return
    if not to and not given.text("host"):
        troubles += ("The plugin names nobody who receives the reports.",)
    yield TranslatedKey(key="send_to", value=to or None, troubles=troubles)
    yield TranslatedKey(
        key="copy_to", value=copy, remarks=("Each recipient gets a message of their own.",) if copy else ()
    )


def _addresses(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    words = [word for word in BETWEEN_ADDRESSES.split(text) if word]
    good = dict.fromkeys(word for word in words if ADDRESS.fullmatch(word))
    return tuple(good), tuple(word for word in words if word not in good)


def _window(given: PluginSettings) -> Iterator[TranslatedKey]:
    newer, older = ages(given)
    remarks = ("Both days are included, as the plugin has them.",)
    are_numbers = all(map(str.isdecimal, given_ages(given)))
    trouble = (
        f"The plugin's ages of fees are not both numbers; its form shows {STARTING} and {ENDING} then, but its night "
        "fails."
    )
    troubles = () if are_numbers else (trouble,)
    yield TranslatedKey(key="count_fees_newer_than", value=newer, remarks=remarks, troubles=troubles)
    yield TranslatedKey(key="count_fees_older_than", value=older)


def _cut_off(given: PluginSettings) -> TranslatedKey:
    said, found = given.text("fees_created_before_date_filter"), cut_off(given)
    if found:
        remark = "The plugin ignores charges of exactly midnight of that day; here the whole day counts."
        return TranslatedKey(key="ignore_fees_before", value=found.date(), remarks=(remark,))
    troubles = (f"The plugin's cut-off date is not a date: {said}; without one, charges of any day count.",)
    return TranslatedKey(key="ignore_fees_before", value="", troubles=troubles if said else ())


def _categories(given: PluginSettings, known: Known) -> TranslatedKey:
    return _codes("categories", given.raw("categorycodes"), known.categories, "patron category")


def _debit_types(given: PluginSettings, known: Known) -> TranslatedKey:
    return _codes("debit_types", given.raw("debit_type_codes"), known.debit_types, "debit type")


def _codes(key: str, text: str, known: Collection[str], kind: str) -> TranslatedKey:
    """The codes trimmed and spelled as Koha does; unknown ones left out, unless none would be left."""
    words = [word for word in text.split(",") if word.strip()]
    found = {word.strip(): _spelled(word.strip(), known) for word in words}
    unknown = [word for word, code in found.items() if code is None]
    codes = frozenset(code for code in found.values() if code) or frozenset(unknown)
    troubles = tuple(f"Koha has no {kind} {' '.join(word.split())}, which the plugin names." for word in unknown)
    blank = any(word != word.lstrip() for word in words)
    remark = "The plugin never matched a code with a blank before it; here the blanks are taken off."
    return TranslatedKey(key=key, value=codes, remarks=(remark,) if blank else (), troubles=troubles)


def _spelled(word: str, known: Collection[str]) -> str | None:
    """The code as Koha spells it; letter case means nothing."""
    return next((code for code in sorted(known) if code.casefold() == word.casefold()), None)


def _restriction(given: PluginSettings) -> Iterator[TranslatedKey]:
    yield TranslatedKey(
        key="add_restriction",
        value=given.says_yes("add_restriction"),
        remarks=("The plugin stacked restrictions; here a patron has one active restriction of ours.",),
    )
    yield TranslatedKey(key="restriction_type", value="MANUAL")


def _release(given: PluginSettings) -> Iterator[TranslatedKey]:
    yield TranslatedKey(
        key="clear_paid",
        value=given.says_yes("auto_clear_paid"),
        remarks=("The plugin's sync cleared flags too; here sync changes nothing.",),
    )
    yield _clear_limit(given)
    lifts = given.says_yes("remove_restriction")
    remark = "The plugin says no, but lifted the restrictions all the same; write true to go on like that."
    kept = bool(given.raw("remove_restriction")) and not lifts
    yield TranslatedKey(key="remove_restriction", value=lifts, remarks=(remark,) if kept else ())


def _clear_limit(given: PluginSettings) -> TranslatedKey:
    key, said = "clear_at_or_below", given.text("auto_clear_paid_threshold")
    limit, threshold = amount_of(given, "auto_clear_paid_threshold"), amount_of(given, "fees_threshold")
    if limit is None:
        troubles = (f"The plugin's limit for clearing is not an amount: {said}; 0.00 is written.",) if said else ()
        return TranslatedKey(key=key, value=ZERO, troubles=troubles)
    if threshold and limit >= threshold:
        trouble = f"The plugin's limit for clearing, {limit}, is not below its threshold; 0.00 is written."
        return TranslatedKey(key=key, value=ZERO, troubles=(trouble,))
    return TranslatedKey(key=key, value=limit)
