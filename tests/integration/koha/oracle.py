"""Who owes what in the window, slowly and from the rules alone: line by line, in whole millionths, without SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.integration.koha.line_views import LineView
from tests.support.koha import KohaDatabase

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What the rules say of one patron."""

    owed: Decimal
    balance: Decimal
    whole_balance: Decimal
    lost_charge: bool
    latest_charge: datetime | None


def all_lines(koha: KohaDatabase) -> list[Row]:
    """Every line with the branches of its patron and of its item."""
    return list(
        koha.query(
            "SELECT a.*, b.branchcode AS patrons_branch, "
            "b.dateofbirth AS patrons_birth, i.homebranch AS items_branch FROM accountlines AS a "
            "LEFT JOIN borrowers AS b USING (borrowernumber) LEFT JOIN items AS i USING (itemnumber)"
        )
    )


def sums(lines: list[Row], view: LineView, patron: int) -> Sums:
    """The sums of this patron."""
    theirs = [line for line in lines if line["borrowernumber"] == patron]
    here = [line for line in theirs if is_here(line, view)]
    counting = [line for line in here if counts(line, view)]
    dates = [line["date"].replace(tzinfo=UTC) for line in counting if millionths(line) > 0]
    return Sums(
        owed=rounded(counting),
        balance=rounded(here),
        whole_balance=rounded(theirs),
        lost_charge=any(line["debit_type_code"] == "LOST" and millionths(line) > 0 for line in here),
        latest_charge=max(dates, default=None),
    )


def counts(line: Row, view: LineView) -> bool:
    """Whether it is a counted line."""
    rules, patron = view.section.policy, line["borrowernumber"]
    day = day_of(line, view)
    if day is None:
        return False
    ages = sorted((rules.count_fees_newer_than, rules.count_fees_older_than))
    age = (view.day - day) // timedelta(days=1)
    kind, is_debit = line["debit_type_code"], line["credit_type_code"] is None
    fees = (*view.own_fees.get(patron, ()), *view.other_fees.get(patron, ()))
    described = kind == rules.fee_debit_type and line["description"] == rules.fee_description
    withdrawn, taken_back = view.withdrawn.get(patron), view.taken_back.get(patron, ())
    is_withdrawn = (withdrawn and day <= withdrawn) or line["accountlines_id"] in taken_back
    return not (
        (age < ages[0] or age > ages[1])
        or (rules.debit_types and kind not in rules.debit_types)
        or kind in rules.excluded_debit_types
        or (rules.ignore_fees_before and day < rules.ignore_fees_before)
        or (not rules.count_processing_fees and (described or line["accountlines_id"] in fees))
        or (not rules.refer_withdrawn_charges and is_debit and is_withdrawn)
        or (rules.charged_as_minor == "leave_out" and is_debit and is_minor(line["patrons_birth"], day, view))
    )


def is_minor(born: date | None, day: date, view: LineView) -> bool:
    """Whether a patron born then was a minor on that day; nobody is who would be older than 110 now."""
    if born is None or years(born, view.day) > 110:
        return False
    return years(born, day) < view.section.policy.adult_age


def years(born: date, day: date) -> int:
    """The birthdays a patron has had."""
    return day.year - born.year - (f"{day:%m%d}" < f"{born:%m%d}")


def is_here(line: Row, view: LineView) -> bool:
    """Whether the line is the section's."""
    section, patron = view.section, line["borrowernumber"]
    if section.charges_by == "patron":
        return True
    if line["accountlines_id"] in view.own_fees.get(patron, ()):
        return True
    if line["accountlines_id"] in view.other_fees.get(patron, ()):
        return False
    home = line["branchcode"] if section.charges_by == "charge" else line["items_branch"]
    branch = line["patrons_branch"] if home is None else home
    named = branch in section.scope.branches
    return not named if section.scope.all_but else named


def day_of(line: Row, view: LineView) -> date | None:
    """The calendar day on the library's wall."""
    at: datetime | None = line["date"]
    return None if at is None else at.replace(tzinfo=UTC).astimezone(view.zone).date()


def millionths(line: Row) -> int:
    """What is left of the line."""
    return int((line["amountoutstanding"] or 0) * 1_000_000)


def rounded(lines: list[Row]) -> Decimal:
    """Their sum to the cent; half a cent is one."""
    total = sum(map(millionths, lines))
    whole = (abs(total) + 5_000) // 10_000
    return Decimal(whole if total > 0 else -whole).scaleb(-2)
