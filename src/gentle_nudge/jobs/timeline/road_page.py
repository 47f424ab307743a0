"""The page of a road, and what was assumed on the way."""

from __future__ import annotations

from datetime import date, timedelta
from shlex import quote

from sqlalchemy import Connection

from gentle_nudge.domain.circulation.calendar import closed_days
from gentle_nudge.domain.circulation.loan import Loan
from gentle_nudge.domain.circulation.walk import Road
from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.money import format_amount
from gentle_nudge.jobs.library import Library
from gentle_nudge.koha.read.administration import preferences
from gentle_nudge.reports.render import NAMELESS, one_line
from gentle_nudge.views.html import as_page
from gentle_nudge.views.timeline_view import road_page_view


def road_page(conn: Connection, library: Library, road: Road) -> str:
    """The page of this road."""
    first = min((event.day for event in road.events), default=road.terms.due)
    closed = closed_days(road.terms.rules.closures, first, road.steps.day)
    view = road_page_view(road, assumed(road), closed=closed, band=window_of_lost_charge(road))
    return as_page(
        library.texts.render,
        "timeline.html",
        view,
        library_name=one_line(preferences(conn, ["LibraryName"])["LibraryName"]) or NAMELESS,
        command=command_line(road.terms.loan),
    )


def assumed(road: Road) -> list[str]:
    """What was assumed, in sentences, first which jobs run in which order."""
    terms, rules = road.terms, road.submissions
    night = "fines.pl, overdue_notices.pl -t and advance_notices.pl -c, in this order"
    job = {"off": "no longoverdue.pl", "preferences": "longoverdue.pl as its preferences say"}.get(
        terms.job.runs, "longoverdue.pl with the options of [timeline]"
    )
    order = f"{job}, then {night}" if terms.job.first and terms.job.runs != "off" else f"{night}, then {job}"
    nothing = "" if terms.loan.paid else ", and nothing is paid"
    alone = "Only this loan is looked at: other debts of the patron are not in the balance."
    sentences = [
        f"Every night before opening Koha runs {order}; Gentle Nudge runs after them.",
        f"The loan is not renewed{nothing}. {alone}",
    ]
    if rules.section:
        sentences.append(
            "Age, flag, exemption, holds and fuses are not judged. Submissions are made on "
            f"{Weekday(rules.submit_on).name.capitalize()}s, of charges {rules.count_fees_older_than} to "
            f"{rules.count_fees_newer_than} days old."
        )
    return sentences


def window_of_lost_charge(road: Road) -> dict[str, date] | None:
    """The first and the last day on which the lost charge is in the window of a submission; None: it never is."""
    charge, rules = road.steps.account.latest("LOST"), road.submissions
    if charge is None or rules.section is None:
        return None
    first, last = (
        charge.day + timedelta(days=age) for age in (rules.count_fees_older_than, rules.count_fees_newer_than)
    )
    return {"first": first, "last": last}


def command_line(loan: Loan) -> str:
    """The command that makes this page again; without a patron's card."""
    options = {
        "branch": loan.library,
        "category": loan.category if loan.patron is None else None,
        "patron": None if loan.patron is None else f"number:{loan.patron}",
        "itemtype": loan.itemtype,
        "item-branch": loan.item_library if loan.item_library != loan.library else None,
        "patron-branch": loan.patron_library if loan.patron is None and loan.patron_library != loan.library else None,
        "checkout": loan.checkout,
        "due": None if loan.checkout else loan.due,
        "price": format_amount(loan.price) if loan.price else None,
        "returned": loan.returned,
        "paid": None if loan.paid is None else format_amount(loan.paid),
        "other-overdue": format_amount(loan.other_overdue) if loan.other_overdue else None,
    }
    words = (f"--{name} {quote(str(value))}" for name, value in options.items() if value is not None)
    return f"gentle-nudge timeline {' '.join(words)}"
