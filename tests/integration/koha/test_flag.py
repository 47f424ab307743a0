"""Flags: a sort field or the rows of an attribute."""

import pytest
from sqlalchemy import Connection

from gentle_nudge.domain.actions import ClearFlag, SetFlag
from gentle_nudge.domain.patron import Flag
from gentle_nudge.koha.write import flag
from tests.builders.koha import a_patron, has_attribute
from tests.integration.koha.koha_changes import COLLECT, SECOND, SORT1, Kind, Row, a_flag, changed, remember
from tests.integration.koha.line_views import NOW
from tests.support.koha import KohaDatabase


@pytest.mark.every_koha
@pytest.mark.parametrize("column", ["sort1", "sort2"])
def test_a_sort_field_becomes_yes_or_no_and_nothing_else_changes(
    koha: KohaDatabase, conn: Connection, column: str
) -> None:
    field = Flag.parse(column)
    columns: list[Row] = [{column: value} for value in (None, "no", " YES ", "yes")]
    patrons = [a_patron(koha, **it) for it in columns]
    before = [remember(koha, patron) for patron in patrons]
    kinds: tuple[Kind, ...] = (SetFlag, SetFlag, ClearFlag, SetFlag)
    flag.write_flags(conn, [a_flag(kind, it, field) for kind, it in zip(kinds, patrons, strict=True)], NOW)
    conn.commit()
    differences = [changed(koha, it) for it in before]
    times = [it.pop("updated_on", None) for it in differences]
    assert differences == [{column: "yes"}, {column: "yes"}, {column: "no"}, {}]
    assert [time is not None for time in times] == [True, True, True, False]


@pytest.mark.every_koha
def test_an_attribute_row_is_changed_in_place_or_inserted(koha: KohaDatabase, conn: Connection) -> None:
    has, twice, none, bystander = (a_patron(koha) for _ in range(4))
    first = has_attribute(koha, has, "COLLECT", "0")
    ones = [has_attribute(koha, twice, "COLLECT", value) for value in ("1", "other", "yes")]
    theirs = has_attribute(koha, bystander, "COLLECT", "0")
    elsewhere = has_attribute(koha, has, "OTHER", "0")
    before = {number: remember(koha, number) for number in (has, twice, none, bystander)}
    actions = [
        a_flag(SetFlag, has, COLLECT, first),
        a_flag(ClearFlag, twice, COLLECT, ones[0]),
        a_flag(ClearFlag, twice, COLLECT, ones[2]),
        a_flag(SetFlag, none, COLLECT),
    ]
    flag.write_flags(conn, actions, NOW)
    conn.commit()
    shown = koha.query("SELECT id, borrowernumber AS it, code, attribute FROM borrower_attributes ORDER BY id")
    values = {at["id"]: at["attribute"] for at in shown}
    new = shown[-1]
    assert values == {first: "1", **dict(zip(ones, ("0", "other", "0"), strict=True)), theirs: "0", elsewhere: "0"} | {
        new["id"]: "1"
    }
    assert (new["it"], new["code"]) == (none, "COLLECT")
    touched = {number: changed(koha, it) for number, it in before.items()}
    assert touched == {number: {"updated_on": SECOND} for number in (has, twice, none)} | {bystander: {}}


def test_flags_of_several_fields_are_written_each_in_its_own(koha: KohaDatabase, conn: Connection) -> None:
    one, two = a_patron(koha), a_patron(koha, sort2="yes")
    row_ = has_attribute(koha, one, "COLLECT", "0")
    actions = [
        a_flag(SetFlag, one, SORT1),
        a_flag(SetFlag, one, COLLECT, row_),
        a_flag(ClearFlag, two, Flag.parse("sort2")),
    ]
    flag.write_flags(conn, actions, NOW)
    conn.commit()
    assert koha.query("SELECT sort1, sort2 FROM borrowers ORDER BY borrowernumber") == [
        {"sort1": "yes", "sort2": None},
        {"sort1": None, "sort2": "no"},
    ]
    assert koha.value("SELECT attribute FROM borrower_attributes") == "1"
