"""How things stand, at a glance and for programs."""

import json
from datetime import timedelta

from tests.acceptance.evenings import AGENCY, Evenings, Library
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


def findings(evenings: Evenings) -> list[dict[str, str]]:
    """What check says of nights that do not come."""
    found: list[dict[str, str]] = json.loads(evenings.run("check", "--format", "json").stdout)
    return [finding for finding in found if finding["name"] == "last-success-old"]


def test_nights_that_have_stopped_are_noticed_after_two_days_in_the_words_of_check(library: Library) -> None:
    evenings = library()
    evenings.does("nightly", on=SUNDAY)
    evenings.does("status", on=SUNDAY + timedelta(days=2))
    assert findings(evenings) == []
    stopped = evenings.run("status", on=SUNDAY + timedelta(days=3))
    assert (stopped.returncode, stopped.stderr) == (1, "")
    (finding,) = findings(evenings)
    assert finding["what"] == f"Section global: the last night was that of {SUNDAY}."
    said = " ".join(stopped.stdout.split())
    assert f"{finding['what']} {finding['why']} {finding['way_out']}" in said
    assert json.loads(evenings.run("status", "--format", "json").stdout)["stopped"] == [finding]
    evenings.does("nightly")
    evenings.does("status")


def test_a_night_that_never_came_is_said_at_once_and_fails_after_two_days(library: Library) -> None:
    evenings = library()  # init was run on the Sunday
    for day in (SUNDAY, MONDAY):
        assert f"Section global: the first night has not come since init on {SUNDAY}." in evenings.does(
            "status", on=day
        )
        assert findings(evenings) == []
    stopped = evenings.run("status", on=SUNDAY + timedelta(days=2))
    assert stopped.returncode == 1
    (finding,) = findings(evenings)
    assert finding["what"] == f"Section global: the first night has not come since init on {SUNDAY}."
    assert finding["what"] in stopped.stdout


def test_of_several_sections_the_one_without_nights_is_named_by_whatever_name_it_had(library: Library) -> None:
    evenings = library(tables='[[library]]\nname = "north"\nbranches = ["CPL"]\n')
    evenings.does("nightly", on=SUNDAY)
    evenings.does("nightly", "--library", "global", on=MONDAY)
    text = evenings.config.read_text(encoding="utf-8")
    evenings.config.write_text(text.replace('name = "north"', 'name = "upper"\nformerly = ["north"]'), encoding="utf-8")
    stopped = evenings.run("status", on=SUNDAY + timedelta(days=3))
    assert stopped.returncode == 1
    assert f"Section upper: the last night was that of {SUNDAY}." in stopped.stdout
    assert "Section global" not in stopped.stdout


def test_nights_that_stopped_because_a_key_is_gone_are_noticed_too(library: Library) -> None:
    evenings = library()
    evenings.does("nightly", on=SUNDAY)
    evenings.config.write_text(
        evenings.config.read_text(encoding="utf-8").replace("minors", "# minors"), encoding="utf-8"
    )
    assert evenings.run("status", on=SUNDAY + timedelta(days=3)).returncode == 1
    assert findings(evenings)
