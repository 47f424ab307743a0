"""The library's rules as values: the policy, and the section it holds for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Literal

from annotated_types import Interval, MaxLen

from gentle_nudge.domain.ledger import Window
from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.money import MOST, ZERO
from gentle_nudge.domain.patron import Flag, PatronFields
from gentle_nudge.domain.setting import Addresses, Amount, Codes, Days, Key, Number, Parsed, Text, parse_comment

GLOBAL = "global"
PLUGIN_COMMENT = "Patron sent to collections on {date}"
NOTICES_KEPT = 400  # days, beyond the window
A_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
# Koha's column borrower_attributes.code, the longest of all versions.
LONGEST_ATTRIBUTE_CODE = 64


def parse_flag(text: str) -> Flag:
    """A flag whose attribute code fits Koha's column."""
    flag = Flag.parse(text)
    if len(flag.code) > LONGEST_ATTRIBUTE_CODE:
        raise ValueError(f"an attribute code has at most {LONGEST_ATTRIBUTE_CODE} characters")
    return flag


def parse_category_type(text: str) -> str:
    """One of Koha's category types."""
    if text.upper() not in {"A", "C", "I", "P", "S", "X"}:
        raise ValueError("the category types are A, C, I, P, S and X")
    return text.upper()


def parse_fee_branch(text: str) -> str:
    """`none`, `patron`, or a branch code."""
    return text.lower() if text.lower() in {"none", "patron"} else text


def parse_most(text: str) -> int | str:
    """`usual`, or the most of something in one night."""
    if text == "usual":
        return text
    if not re.fullmatch("[0-9]{1,10}", text) or int(text) > MOST:
        raise ValueError('write "usual", a whole number, or 0 for no limit')
    return int(text)


Day = Annotated[Weekday, Parsed(Weekday.parse)]
FlagField = Annotated[Flag, Parsed(parse_flag)]
CategoryType = Annotated[str, Parsed(parse_category_type)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The rules; they hold for every section unless a [[library]] says otherwise.

    Four have no default on purpose: nobody is charged by a key left out. Amounts are in the library's currency.
    """

    submit_on: Annotated[Day, Key("The day of the week on which patrons are referred.")] = Weekday.SUNDAY
    threshold: Annotated[
        Amount,
        Key("The least amount, owed in the window, that refers a patron (this amount included).", example="25.00"),
    ]
    processing_fee: Annotated[Amount, Key("The fee charged to a patron who is referred; 0 for none.", example="10.00")]
    flag: Annotated[
        FlagField, Key("The field that marks a referred patron: sort1, sort2 or attribute:CODE.", example='"sort1"')
    ]
    minors: Annotated[
        Literal["include", "exclude", "guardian"],
        Key(
            "Patrons younger than adult_age: include, exclude, or guardian (only those with a linked guarantor).",
            example='"exclude"',
        ),
    ]
    send_to: Annotated[
        Addresses,
        Key(
            "Who receives the reports by e-mail, each in a message of their own. May be left out with [sftp].",
            example='["reports@agency.example"]',
            needed=True,
        ),
    ] = ()
    copy_to: Annotated[Addresses, Key("Who receives a copy of every report, also in a message of their own.")] = ()
    count_fees_newer_than: Annotated[
        Days, Key("The window: charges count that are at most so many days old (this day included).")
    ] = 90
    count_fees_older_than: Annotated[
        Days, Key("The window: charges count that are at least so many days old (this day included).")
    ] = 60
    ignore_fees_before: Annotated[
        date | None,
        Key('Charges before this day never count. Default: "", none is ignored.', example="2020-01-01", or_empty=True),
    ] = None
    count_processing_fees: Annotated[bool, Key("Whether our own processing fees count towards the threshold.")] = False
    refer_withdrawn_charges: Annotated[
        bool, Key("Whether charges count again from which staff have withdrawn the patron.")
    ] = False
    categories: Annotated[Codes, Key("Only patrons of these categories are referred; empty: all.")] = frozenset()
    excluded_categories: Annotated[Codes, Key("Patrons of these categories are never referred.")] = frozenset()
    excluded_category_types: Annotated[
        frozenset[CategoryType], Key("Patrons of these category types are never referred: any of A, C, I, P, S, X.")
    ] = frozenset()
    debit_types: Annotated[
        Codes, Key("Only charges of these debit types count (credits do not, then); empty: all.")
    ] = frozenset()
    excluded_debit_types: Annotated[
        Codes, Key("Charges of these debit types do not count. Not together with debit_types.")
    ] = frozenset()
    require_lost_fee: Annotated[bool, Key("Whether only patrons are referred who owe something for a lost item.")] = (
        False
    )
    adult_age: Annotated[
        int, Interval(ge=0, le=150), Key("The age, in full years, from which a patron is no minor.")
    ] = 18
    unknown_birthdate: Annotated[
        Literal["include", "exclude"],
        Key(
            "Patrons without a date of birth, or with one that is more than 110 years ago: include or exclude; "
            "asked unless minors are included."
        ),
    ] = "exclude"
    charged_as_minor: Annotated[
        Literal["count", "leave_out"],
        Key("Charges from before the patron was adult_age: count or leave_out; of unknown age all count."),
    ] = "count"
    exemption: Annotated[
        FlagField | None,
        Key(
            "A field that keeps a patron from being referred, unless it is empty or says no; not the flag's. "
            'Default: "", none.',
            example='"attribute:EXEMPT"',
            or_empty=True,
        ),
    ] = None
    staff_to: Annotated[Addresses, Key("Who receives this section's pages by mail.")] = ()
    review_days: Annotated[
        int,
        Interval(ge=0, le=6),
        Key("So many days before submit_on staff see the list of those who will be referred; 0: there is no list."),
    ] = 0
    review_ends: Annotated[
        Literal["refer", "lapse"],
        Key("A list that nobody approved: refer (it goes out) or lapse (nobody is referred that week)."),
    ] = "refer"
    hold: Annotated[
        FlagField | None,
        Key(
            "A field in which staff keep a patron back, unless it is empty or says no; its value is the reason. "
            "Not the flag's or the exemption's. Default: \"\", none.",
            example='"attribute:COLLHOLD"',
            or_empty=True,
        ),
    ] = None
    hold_until: Annotated[
        FlagField | None,
        Key(
            "A field with the last day on which the patron is kept back; only with hold. "
            'Default: "", as long as hold says so.',
            example='"attribute:HOLDUNTIL"',
            or_empty=True,
        ),
    ] = None
    hold_due: Annotated[
        Literal["zero", "balance", "none"],
        Key("What the agency is told, once, of an open case on hold: zero, balance or none (nothing)."),
    ] = "zero"
    defer_after_payment: Annotated[
        Days, Key("Nobody is referred who has paid something fewer than so many days ago; 0: that does not matter.")
    ] = 0
    prior_notice: Annotated[
        tuple[Text, ...],
        Key("Codes of Koha's letters: one of them must have been sent before a referral; empty: none is needed."),
    ] = ()
    prior_notice_days: Annotated[Days, Key("… at least so many days before the submission.")] = 14
    claims_returned: Annotated[
        Literal["count", "leave_out"],
        Key(
            "Charges for an item that the patron claims to have returned, while nobody has decided: count or leave_out."
        ),
    ] = "count"
    unreachable: Annotated[
        Literal["include", "exclude"],
        Key("Patrons without address, telephone and e-mail, or marked as gone: include or exclude."),
    ] = "include"
    fee_debit_type: Annotated[str, MaxLen(80), Key("The debit type of the processing fee.")] = "MANUAL"
    fee_description: Annotated[Text, Key("The description of the processing fee.")] = "UMS Processing Fee"
    fee_branch: Annotated[
        str,
        MaxLen(10),
        Parsed(parse_fee_branch),
        Key("The library of the processing fee: none, patron (the patron's own) or a branch code."),
    ] = "none"
    add_restriction: Annotated[bool, Key("Whether a referred patron is restricted from borrowing.")] = False
    restriction_type: Annotated[str, MaxLen(50), Key("The type of that restriction.")] = "MANUAL"
    restriction_comment: Annotated[
        str, Parsed(parse_comment), Key("The comment of that restriction; {date} has to be in it, and words.")
    ] = PLUGIN_COMMENT
    clear_paid: Annotated[bool, Key("Whether patrons who have paid are released.")] = False
    clear_at_or_below: Annotated[
        Amount, Key("The balance at or below which a patron has paid; below the threshold.")
    ] = ZERO
    remove_restriction: Annotated[bool, Key("Whether a release removes our restriction.")] = False
    released_due: Annotated[
        Literal["balance", "zero"], Key("What the agency is told at last of a released patron: balance or zero.")
    ] = "balance"
    negative_due: Annotated[
        Literal["as_is", "zero"], Key("How a balance in the patron's favour is told: as_is or zero.")
    ] = "as_is"
    withdrawn_due: Annotated[
        Literal["zero", "balance", "none"],
        Key("What the agency is told at last of a withdrawn patron: zero, balance or none (nothing)."),
    ] = "zero"
    most_referrals: Annotated[
        int | Literal["usual"],
        Parsed(parse_most),
        Key(
            "The most referrals of one night; more, and none is made. A number, 0 for no limit, or usual: "
            "four times the largest of the last 8 submissions, at least 50 and at most 500; 100 without "
            "history."
        ),
    ] = "usual"
    most_adoptions: Annotated[Number, Key("The most adoptions of one night; more, and none is made.")] = 20
    most_endings: Annotated[
        int | Literal["usual"],
        Parsed(parse_most),
        Key(
            "The most cases that may end in one night; more, and none of them ends or is listed. A number, 0 for no "
            "limit, or usual: without a payment seen 20 and a quarter of the open cases, but 3 in any case; endings of "
            "all kinds half of them, but 5 in any case.",
            replaces="most_withdrawals",
        ),
    ] = "usual"
    reopen_days: Annotated[
        Days,
        Key(
            "For so many days after its end, a case of a patron who had paid is opened again, without a second fee, if "
            "its charges owe more than at the end (a payment was voided); 0: never."
        ),
    ] = 60
    update_lists: Annotated[Literal["all", "changed"], Key("Which cases the nightly update lists: all or changed.")] = (
        "all"
    )
    full_update_on: Annotated[
        Day | None, Key('With update_lists = "changed": the day on which all are listed; "" for never.', or_empty=True)
    ] = Weekday.SUNDAY
    empty_report: Annotated[
        Literal["sentence", "header", "none"],
        Key('A report without rows: sentence ("No qualifying records"), header (that alone) or none.'),
    ] = "sentence"
    spreadsheet_guard: Annotated[
        bool, Key("Whether texts that a spreadsheet would take for formulas begin with a '.")
    ] = True

    def window(self, day: date) -> Window:
        """The window of a run on this day; ages given the wrong way round are swapped."""
        newer, older = self.count_fees_newer_than, self.count_fees_older_than
        return Window(first=day - timedelta(days=max(newer, older)), last=day - timedelta(days=min(newer, older)))

    def kept_notices_since(self, day: date) -> date:
        """The first day of the notices that are still kept on this day."""
        return self.window(day).first - timedelta(days=NOTICES_KEPT)

    def reopens_since(self, day: date) -> date | None:
        """The first day of an ending that may be taken back on this day; None: endings are final."""
        return day - timedelta(days=self.reopen_days) if self.reopen_days else None

    @property
    def patron_fields(self) -> PatronFields:
        """The fields of a patron that these rules ask for."""
        return PatronFields(
            flag=self.flag,
            exemption=self.exemption,
            hold=self.hold,
            hold_until=self.hold_until,
            guardians=self.minors == "guardian",
            contact=self.unreachable == "exclude",
        )

    def recipients(self) -> tuple[str, ...]:
        """Everybody who gets the reports by e-mail, each once."""
        return tuple(dict.fromkeys((*self.send_to, *self.copy_to)))

    def comment(self, day: date) -> str:
        """The comment of a restriction made on this day."""
        return self.restriction_comment.replace("{date}", day.isoformat())

    def made_this_comment(self, comment: str | None) -> bool:
        """Whether the whole comment is ours, or the plugin's, with any date."""
        return bool(comment) and any(
            re.fullmatch(re.escape(sentence.strip()).replace(r"\{date\}", A_DATE), (comment or "").strip())
            for sentence in (self.restriction_comment, PLUGIN_COMMENT)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The branches a section speaks for: those named, or all but those named."""

    branches: frozenset[str] = frozenset()
    all_but: bool = True

    def holds(self, branch: str | None) -> bool:
        """Whether the section speaks for this branch, whatever the letter case (as Koha's collation has it)."""
        named = (branch or "").casefold() in {each.casefold() for each in self.branches}
        return named != self.all_but


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A scope with its own policy: a `[[library]]`, or `global`, which is `[policy]` itself.

    `formerly` are its earlier names. It goes on with the open cases of the sections `keeps_up`, which are gone, and
    has the same flag field as the sections `sharing`. Of the sections `held`, which are gone too, nobody may be told:
    they had other recipients. It `frees` who has paid there, if that is for this section to do. `others` are the other
    sections of the settings.
    """

    name: str = GLOBAL
    policy: Policy
    scope: Scope = field(default_factory=Scope)
    charges_by: Literal["patron", "charge", "item"] = "patron"
    enabled: bool = True
    formerly: tuple[str, ...] = ()
    keeps_up: tuple[str, ...] = ()
    sharing: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    frees: tuple[str, ...] = ()
    others: tuple[Section, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which it made its runs."""
        return (self.name, *self.formerly)

    @property
    def cases_of(self) -> tuple[str, ...]:
        """The names of the sections whose cases are its own."""
        return (*self.names, *self.keeps_up)

    @property
    def may_end(self) -> tuple[str, ...]:
        """The names of the sections whose cases it may end: its own and those it frees."""
        return (*self.cases_of, *self.frees)

    @property
    def heard(self) -> dict[tuple[str, ...], frozenset[str]]:
        """Its own names -> all sections whose cases everybody hears of who is told of its own."""
        told = {recipient.casefold() for recipient in self.policy.send_to}
        with_them = (each for each in self.others if told <= {to.casefold() for to in each.policy.send_to})
        return {self.cases_of: frozenset(self.cases_of).union(*(each.cases_of for each in with_them))}

    @property
    def is_global(self) -> bool:
        """Whether this is `[policy]` itself."""
        return self.name == GLOBAL
