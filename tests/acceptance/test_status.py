"""How things stand, at a glance and for programs."""

import json
from datetime import timedelta

from tests.acceptance.evenings import AGENCY, Library
from tests.builders.days import MONDAY, SUNDAY
from tests.support.smtp import SmtpServer


def test_where_all_is_well_it_says_what_ran_last(library: Library) -> None:
    evenings = library()
    evenings.owing()
    assert "none yet" in evenings.does("status", on=SUNDAY)
    evenings.does("nightly")
    said = evenings.does("status").split("\n")
    assert [line.split() for line in said[1:4]] == [
        ["report", "day", "finished", "rows"],
        ["submission", str(SUNDAY), str(SUNDAY), "23:00", "1"],
        ["update", str(SUNDAY), str(SUNDAY), "23:00", "1"],
    ]
    assert "Every report was delivered." in said


def test_what_is_undelivered_is_listed_and_exits_1(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    smtp.answer_recipient(AGENCY, "451 later")
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    found = evenings.run("status")
    assert (found.returncode, found.stderr) == (1, "")
    assert f"ums-updates-{MONDAY}.csv" in found.stdout
    machine = json.loads(evenings.run("status", "--format", "json").stdout)
    assert machine["well"] is False
    waiting = {each["file"]: each for each in machine["undelivered"]}
    assert set(waiting) == {f"ums-new-submissions-{SUNDAY}.csv", f"ums-updates-{MONDAY}.csv"}
    update = waiting[f"ums-updates-{MONDAY}.csv"]
    assert (update["state"], update["recipient"], update["channel"]) == ("due", AGENCY, "email")
    assert update["since"] == "2026-11-23T04:00:00+00:00", "since Sunday's update, which nobody got either"
    smtp.behave()
    evenings.does("deliver", on=MONDAY + timedelta(days=1))
    assert json.loads(evenings.does("status", "--format", "json"))["undelivered"] == []


def test_a_late_submission_exits_1_until_it_is_made(library: Library) -> None:
    evenings = library(policy="most_referrals = 1")
    evenings.owing()
    evenings.owing()
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    assert evenings.run("status").returncode == 0
    late = evenings.run("status", on=MONDAY)
    assert late.returncode == 1
    assert f"Late: global owes the submission of {SUNDAY}." in late.stdout
    assert json.loads(evenings.run("status", "--format", "json").stdout)["late"] == [
        {"section": "global", "due": str(SUNDAY)}
    ]
    evenings.does("nightly", "--most-referrals", "2")
    evenings.does("status")


def test_without_a_policy_it_works_and_without_our_tables_it_says_so(library: Library) -> None:
    evenings = library()
    evenings.does("nightly", on=SUNDAY)
    text = evenings.config.read_text()
    evenings.config.write_text(text[: text.index("[policy]")])
    assert "Every report was delivered." in evenings.does("status")
    evenings.koha.execute("DROP TABLE gentle_nudge_meta")
    missing = evenings.run("status")
    assert missing.returncode == 2
    assert "gentle-nudge init" in missing.stderr
