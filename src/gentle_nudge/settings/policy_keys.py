"""Every key of [policy] and [[library]]: its kind, its default and what it means.

The sample file and the reference are made from here. The texts of `examples` are TOML, for keys that have no
default; a key marked `REQUIRED` has none on purpose: nobody is charged by a key left out.
"""

from __future__ import annotations

from pydantic import Field

from gentle_nudge.domain.collections.policy import PLUGIN_COMMENT
from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.money import ZERO
from gentle_nudge.settings.fields import (
    REQUIRED,
    Addresses,
    Age,
    Amount,
    CategoryTypes,
    Codes,
    Comment,
    DateOrNone,
    Day,
    DayOrNever,
    Days,
    DebitType,
    EmptyReport,
    FeeBranch,
    FlagField,
    FlagOrNone,
    Fuse,
    Group,
    InOrOut,
    Minors,
    Names,
    NegativeDue,
    Number,
    ReleasedDue,
    RestrictionType,
    SectionName,
    Table,
    Text,
    UpdateLists,
    WithdrawnDue,
    YesNo,
)


class PolicyTable(Table):
    """The rules; they hold for every section unless a [[library]] says otherwise."""

    submit_on: Day = Field(Weekday.SUNDAY, description="The day of the week on which patrons are referred.")
    threshold: Amount | None = Field(
        None,
        description="The least amount, owed in the window, that refers a patron (this amount included).",
        examples=["25.00"],
        json_schema_extra=REQUIRED,
    )
    processing_fee: Amount | None = Field(
        None,
        description="The fee charged to a patron who is referred; 0 for none.",
        examples=["10.00"],
        json_schema_extra=REQUIRED,
    )
    flag: FlagField | None = Field(
        None,
        description="The field that marks a referred patron: sort1, sort2 or attribute:CODE.",
        examples=['"sort1"'],
        json_schema_extra=REQUIRED,
    )
    minors: Minors | None = Field(
        None,
        description="Patrons younger than adult_age: include, exclude, or guardian (only those with a linked "
        "guarantor).",
        examples=['"exclude"'],
        json_schema_extra=REQUIRED,
    )
    send_to: Addresses = Field(
        (),
        description="Who receives the reports by e-mail, each in a message of their own. May be left out with [sftp].",
        examples=['["reports@agency.example"]'],
        json_schema_extra=REQUIRED,
    )
    copy_to: Addresses = Field((), description="Who receives a copy of every report, also in a message of their own.")
    count_fees_newer_than: Days = Field(
        90, description="The window: charges count that are at most so many days old (this day included)."
    )
    count_fees_older_than: Days = Field(
        60, description="The window: charges count that are at least so many days old (this day included)."
    )
    ignore_fees_before: DateOrNone = Field(
        None, description='Charges before this day never count. Default: "", none is ignored.', examples=["2020-01-01"]
    )
    count_processing_fees: YesNo = Field(
        default=False, description="Whether our own processing fees count towards the threshold."
    )
    refer_withdrawn_charges: YesNo = Field(
        default=False, description="Whether charges count again from which staff have withdrawn the patron."
    )
    categories: Codes = Field(frozenset(), description="Only patrons of these categories are referred; empty: all.")
    excluded_categories: Codes = Field(frozenset(), description="Patrons of these categories are never referred.")
    excluded_category_types: CategoryTypes = Field(
        frozenset(), description="Patrons of these category types are never referred: any of A, C, I, P, S, X."
    )
    debit_types: Codes = Field(
        frozenset(), description="Only charges of these debit types count (credits do not, then); empty: all."
    )
    excluded_debit_types: Codes = Field(
        frozenset(), description="Charges of these debit types do not count. Not together with debit_types."
    )
    require_lost_fee: YesNo = Field(
        default=False, description="Whether only patrons are referred who owe something for a lost item."
    )
    adult_age: Age = Field(18, description="The age, in full years, from which a patron is no minor.")
    unknown_birthdate: InOrOut = Field(
        "exclude", description="Patrons without a date of birth: include or exclude; asked unless minors are included."
    )
    exemption: FlagOrNone = Field(
        None,
        description="A field that keeps a patron from being referred, unless it is empty or says no; not the flag's. "
        'Default: "", none.',
        examples=['"attribute:EXEMPT"'],
    )
    fee_debit_type: DebitType = Field("MANUAL", description="The debit type of the processing fee.")
    fee_description: Text = Field("UMS Processing Fee", description="The description of the processing fee.")
    fee_branch: FeeBranch = Field(
        "none", description="The library of the processing fee: none, patron (the patron's own) or a branch code."
    )
    add_restriction: YesNo = Field(default=False, description="Whether a referred patron is restricted from borrowing.")
    restriction_type: RestrictionType = Field("MANUAL", description="The type of that restriction.")
    restriction_comment: Comment = Field(
        PLUGIN_COMMENT, description="The comment of that restriction; {date} has to be in it."
    )
    clear_paid: YesNo = Field(default=False, description="Whether patrons who have paid are released.")
    clear_at_or_below: Amount = Field(
        ZERO, description="The balance at or below which a patron has paid; below the threshold."
    )
    remove_restriction: YesNo = Field(default=False, description="Whether a release removes our restriction.")
    released_due: ReleasedDue = Field(
        "balance", description="What the agency is told at last of a released patron: balance or zero."
    )
    negative_due: NegativeDue = Field(
        "as_is", description="How a balance in the patron's favour is told: as_is or zero."
    )
    withdrawn_due: WithdrawnDue = Field(
        "zero", description="What the agency is told at last of a withdrawn patron: zero, balance or none (nothing)."
    )
    most_referrals: Fuse = Field(
        "usual",
        description="The most referrals of one night; more, and none is made. A number, 0 for no limit, or usual: four "
        "times the largest of the last 8 submissions, at least 50 and at most 500; 100 without history.",
    )
    most_adoptions: Number = Field(20, description="The most adoptions of one night; more, and none is made.")
    most_withdrawals: Number = Field(20, description="The most withdrawals of one night; more, and none is made.")
    update_lists: UpdateLists = Field("all", description="Which cases the nightly update lists: all or changed.")
    full_update_on: DayOrNever = Field(
        Weekday.SUNDAY, description='With update_lists = "changed": the day on which all are listed; "" for never.'
    )
    empty_report: EmptyReport = Field(
        "sentence",
        description='A report without rows: sentence ("No qualifying records"), header (that alone) or none.',
    )
    spreadsheet_guard: YesNo = Field(
        default=True, description="Whether texts that a spreadsheet would take for formulas begin with a '."
    )


class LibraryTable(PolicyTable):
    """A section: branches of the library that have rules of their own. Besides these, any key of [policy]."""

    name: SectionName = Field(
        "",
        description="Letters, digits and -; begins with a letter; stands in file names.",
        examples=['"north"'],
        json_schema_extra=REQUIRED,
    )
    formerly: Names = Field((), description="Earlier names of the section; their open cases are its own.")
    branches: Codes = Field(frozenset(), description="The codes of its branches.", examples=['["CPL"]'])
    group: Group | None = Field(
        None,
        description="Instead of branches: the title or id of a Koha library group, subgroups included.",
        examples=['"North"'],
    )
    enabled: YesNo = Field(
        default=True, description="With false nobody is referred; open cases go on being updated and released."
    )
