"""Whether a section's rules can refer anybody, and whether Koha's columns can hold the words in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import Column, Connection

from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.wording import counted
from gentle_nudge.koha.inspect.missing_columns import character_set_lacking
from gentle_nudge.koha.koha_tables import accountlines, borrower_debarments, borrowers
from gentle_nudge.koha.read import message_queue
from gentle_nudge.store import meta, notices_sent

A_WEEK = 7

# The words of the policy, and Koha's columns that they are written into or compared with.
COLUMNS: Mapping[str, tuple[Column[str], ...]] = {
    "fee_description": (accountlines.c.description,),
    "fee_debit_type": (accountlines.c.debit_type_code,),
    "fee_branch": (accountlines.c.branchcode,),
    "debit_types": (accountlines.c.debit_type_code,),
    "excluded_debit_types": (accountlines.c.debit_type_code,),
    "categories": (borrowers.c.categorycode,),
    "excluded_categories": (borrowers.c.categorycode,),
    "restriction_type": (borrower_debarments.c.type,),
    "restriction_comment": (borrower_debarments.c.comment, borrowers.c.debarredcomment),
}


def words(conn: Connection, section: Section) -> Iterator[Finding]:
    """The words that the character set of a column of Koha's lacks."""
    for key, column in ((key, column) for key, columns in COLUMNS.items() for column in columns):
        given = getattr(section.policy, key)
        for word in (given,) if isinstance(given, str) else given:
            if character_set := character_set_lacking(conn, column, word):
                yield Finding(
                    name="word-not-storable",
                    what=f"{key} of section {section.name} has characters that Koha's column {column} "
                    f"({character_set}) cannot hold: {word}",
                    why="The night of this section stops with error 1267 or 1366 and changes nothing.",
                    way_out=f"Use other characters in {key}, or convert the table to utf8mb4.",
                )


def window(section: Section, day: date) -> Iterator[Finding]:
    """A window that charges can pass unseen, or that lies before the cut-off day."""
    policy = section.policy
    span = policy.window(day)
    if span.days < A_WEEK:
        yield Finding(
            name="window-narrow",
            what=f"The window of section {section.name} is {counted(span.days, 'day')} wide, and submissions are made "
            "once a week.",
            why="A charge can pass through the window between two submissions and is never seen by one.",
            way_out="Let count_fees_newer_than be at least 6 more than count_fees_older_than.",
        )
    first = policy.ignore_fees_before
    if first and first > span.last:
        opens = first + (day - span.last)
        yield Finding(
            name="nothing-can-count",
            severity=Severity.WARNING,
            what=f"Section {section.name} ignores charges before {first}, and none since then is in the window before "
            f"{opens}.",
            why="Until then nobody is referred.",
            way_out=f"If that is not meant, set ignore_fees_before to an earlier day than {first - timedelta(days=1)}.",
        )


def lists(section: Section, day: date, *, has_folder: bool) -> Iterator[Finding]:
    """Lists that nobody gets, or that keep a patron back for so long that the charges leave the window."""
    policy = section.policy
    if policy.review_days and not has_folder and not policy.staff_to:
        yield Finding(
            name="review-reaches-nobody",
            what=f"Section {section.name} makes lists (review_days), and nobody gets them.",
            why="Staff who do not see who will be referred cannot decide about it.",
            way_out="Name staff_to, or a folder in [staff].",
        )
    days, needed = policy.window(day).days, 2 * A_WEEK + policy.review_days
    if policy.review_days and days < needed:
        yield Finding(
            name="window-too-short-for-review",
            severity=Severity.WARNING,
            what=f"The window of section {section.name} is {counted(days, 'day')} wide, and lists are made "
            f"{counted(policy.review_days, 'day')} before a submission.",
            why="The charges of somebody left out for a week can leave the window before the next list.",
            way_out=f"Let the window be at least {needed} days wide (count_fees_newer_than, count_fees_older_than).",
        )


def notices(conn: Connection, section: Section, day: date) -> Iterator[Finding]:
    """Letters that Koha does not have, since when they are kept, and a notice that is longer than the window."""
    policy = section.policy
    if not policy.prior_notice:
        return
    for code in message_queue.unknown_letters(conn, policy.prior_notice):
        yield Finding(
            name="notice-letter-unknown",
            what=f"Koha has no letter {code}, which prior_notice of section {section.name} names.",
            why="It is never sent. Whoever is sent no other letter of prior_notice is never referred.",
            way_out="Make it in Koha (Tools, Notices & slips), or mend prior_notice in the settings.",
        )
    days = policy.window(day).days
    if policy.prior_notice_days > days:
        yield Finding(
            name="notice-outlasts-window",
            severity=Severity.WARNING,
            what=f"Section {section.name} waits {policy.prior_notice_days} days after a letter, and its window is "
            f"{counted(days, 'day')} wide.",
            why="A charge can leave the window before the days after the letter are over: then it refers nobody.",
            way_out=f"Let prior_notice_days be {days} at most, or count_fees_newer_than greater.",
        )
    if meta.missing_or_old(conn):
        return
    first = notices_sent.first_day(conn, policy.prior_notice)
    if first is None:
        begin = "No letter has been collected yet; every night collects those that Koha has sent."
    else:
        able = first + timedelta(days=policy.prior_notice_days)
        submission = able + timedelta(days=(policy.submit_on - able.weekday()) % A_WEEK)
        begin = f"The oldest letter that is known was sent on {first}: from the submission of {submission} on patrons "
        begin += "can qualify."
    yield Finding(
        name="notice-begins",
        severity=Severity.NOTE,
        what=f"Section {section.name} refers only who was sent a letter ({', '.join(policy.prior_notice)}). {begin}",
        why="Koha deletes its messages after a month, and letters from before the first night may be gone: nobody is "
        "excused for that time.",
        way_out="If that is meant, nothing is to be done.",
    )


def paid_patrons(sections: Sequence[Section]) -> Iterator[Finding]:
    """Patrons who have paid, but stay in collections or stay blocked."""
    if staying := [section.name for section in sections if not section.policy.clear_paid]:
        yield Finding(
            name="paid-stay",
            severity=Severity.WARNING,
            what=f"Paid patrons stay in collections: clear_paid is false ({', '.join(staying)}).",
            why="They keep the flag, and every update lists them, until staff take them out.",
            way_out="Set clear_paid = true. If staff take out each of them, all is as it should be.",
        )
    blocking = [section for section in sections if section.policy.add_restriction]
    if blocked := [section.name for section in blocking if not section.policy.remove_restriction]:
        yield Finding(
            name="restriction-stays",
            severity=Severity.WARNING,
            what="Paid patrons stay blocked: add_restriction is true, remove_restriction is false "
            f"({', '.join(blocked)}).",
            why="They cannot borrow until staff lift the restriction.",
            way_out="Set remove_restriction = true. If staff lift each of them, all is as it should be.",
        )
