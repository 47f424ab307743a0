"""Which section speaks for a branch, and by which policy."""

from decimal import Decimal

from gentle_nudge.domain.collections.policy import GLOBAL, Section
from gentle_nudge.domain.patron import Flag
from gentle_nudge.settings.section_policies import Tables, group_problems, parse_tables, sections_of

POLICY: dict[str, object] = {
    "threshold": 25,
    "processing_fee": 10,
    "flag": "sort1",
    "minors": "exclude",
    "send_to": ["a@agency.example"],
}


def a_library(name: str, **keys: object) -> dict[str, object]:
    return {"name": name, **keys}


def tables(*libraries: dict[str, object], others: bool = True, policy: dict[str, object] = POLICY) -> Tables:
    given = {"policy": policy, "library": list(libraries), "libraries": {"others": others}}
    found = parse_tables(given, None)
    assert not found.problems
    return found


def speaker(sections: tuple[Section, ...], branch: str) -> str | None:
    found = [section.name for section in sections if section.scope.holds(branch)]
    assert len(found) < 2
    return found[0] if found else None


def test_without_sections_policy_holds_for_every_branch() -> None:
    (section,) = sections_of(tables(), {})
    assert section.is_global
    assert section.scope.holds("CPL")
    assert section.scope.holds(None)


def test_a_branch_belongs_to_who_names_it_else_to_whose_group_holds_it_else_to_global() -> None:
    found = sections_of(
        tables(a_library("north", group="North"), a_library("centre", branches=["CPL"])),
        {"North": frozenset({"CPL", "FPL"})},
    )
    assert speaker(found, "CPL") == "centre"
    assert speaker(found, "FPL") == "north"
    assert speaker(found, "MPL") == GLOBAL


def test_a_disabled_section_takes_its_branches_from_global() -> None:
    found = sections_of(tables(a_library("north", branches=["CPL"], enabled=False)), {})
    assert speaker(found, "CPL") == "north"
    assert not found[1].enabled


def test_without_others_policy_is_only_what_sections_inherit() -> None:
    found = sections_of(tables(a_library("north", branches=["CPL"]), others=False), {})
    assert [section.name for section in found] == ["north"]
    assert speaker(found, "MPL") is None


def test_a_section_inherits_what_it_does_not_say() -> None:
    found = sections_of(tables(a_library("north", branches=["CPL"], threshold=50)), {})
    assert [section.policy.threshold for section in found] == [Decimal(25), Decimal(50)]
    assert found[1].policy.flag == Flag(column="sort1")


def test_a_disabled_section_comes_out_without_rules_of_referral() -> None:
    (section,) = sections_of(
        tables(
            a_library("north", branches=["CPL"], enabled=False),
            others=False,
            policy={"flag": "sort1"},
        ),
        {},
    )
    assert section.policy.processing_fee == 0
    assert section.policy.recipients() == ()


def test_a_group_that_koha_does_not_know_is_a_problem() -> None:
    found = tables(a_library("north", group=7))
    assert found.groups == {"7"}
    (problem,) = group_problems(found, {})
    assert problem.about == (("library", 0, "group"),)


def test_a_branch_in_two_groups_is_a_problem_with_both_places() -> None:
    found = tables(a_library("north", group="North"), a_library("all", group="All"))
    groups = {"North": frozenset({"CPL"}), "All": frozenset({"CPL", "FPL"})}
    (problem,) = group_problems(found, groups)
    assert problem.about == (("library", 1, "group"),)
    assert "library[1], section north" in problem.sentence
