"""A dry run lists patrons in the order of the files that it would make."""

import json

from tests.acceptance.evenings import Library
from tests.builders.days import MONDAY, SUNDAY
from tests.builders.koha import pays

SURNAMES = ("Zola", "ärger", "Adams", "Ångström", "Ärger", "adams", "王")


def test_the_dry_run_is_sorted_as_the_submission_is(library: Library) -> None:
    evenings = library()
    patrons = [evenings.owing(surname=surname) for surname in SURNAMES]
    shown = evenings.does("nightly", "--dry-run", "--output", "look", on=SUNDAY).splitlines()
    (plan,) = json.loads(evenings.does("nightly", "--dry-run", "--format", "json"))
    file = (evenings.command.cwd / "look" / f"ums-new-submissions-{SUNDAY}.csv").read_text(encoding="utf-8")
    in_file = [int(line.split(",")[0]) for line in file.splitlines()[1:]]
    assert sorted(in_file) == patrons != in_file
    assert [row["number"] for row in plan["referred"]] == in_file
    assert [int(line.split()[0]) for line in shown if line.split()[:1] and line.split()[0].isdigit()][:7] == in_file


def test_so_are_patrons_held_back_and_those_who_are_released(library: Library) -> None:
    evenings = library(policy="most_referrals = 2\nmost_endings = 0")
    patrons = [evenings.owing(surname=surname) for surname in SURNAMES]
    (plan,) = json.loads(evenings.run("nightly", "--dry-run", "--format", "json", on=SUNDAY).stdout)
    in_order = [row["number"] for row in plan["held"]]
    evenings.does("nightly", "--most-referrals", "7")
    stored = evenings.stored(f"ums-new-submissions-{SUNDAY}.csv").decode().splitlines()[1:]
    assert in_order == [int(line.split(",")[0]) for line in stored]
    for patron in patrons:
        pays(evenings.koha, patron)
    (plan,) = json.loads(evenings.does("nightly", "--dry-run", "--format", "json", on=MONDAY))
    assert {row["number"] for row in plan["released"]} == set(patrons)
    assert [row["number"] for row in plan["released"]] == in_order
