"""What must hold between keys."""

from pathlib import Path

import pytest

from gentle_nudge.errors import SettingsError
from tests.unit.settings.given import loaded, policy_of, problems, toml


def all_problems(folder: Path, text: str) -> list[str]:
    try:
        loaded(folder, text)
    except SettingsError as trouble:
        return list(trouble.problems)
    return []


def libraries(*tables: str, others: str = "true", charges_by: str = "patron") -> str:
    head = f'[libraries]\nothers = {others}\ncharges_by = "{charges_by}"'
    return "\n".join([head, *(f"[[library]]\n{table}" for table in tables)])


def test_who_is_released_would_not_be_referred_again(tmp_path: Path) -> None:
    loaded(tmp_path, toml(threshold="25", clear_at_or_below="24.99"))
    (problem,) = problems(tmp_path, toml(threshold="25", clear_at_or_below="25"))
    assert problem.startswith("gentle-nudge.toml: policy.clear_at_or_below: ")


def test_the_exemption_is_another_field_than_the_flag(tmp_path: Path) -> None:
    loaded(tmp_path, toml(flag='"attribute:COLL"', exemption='"attribute:EXEMPT"'))
    (problem,) = problems(tmp_path, toml(flag='"attribute:COLL"', exemption='"attribute:coll"'))
    assert problem.startswith("gentle-nudge.toml: policy.exemption: ")


@pytest.mark.parametrize("key", ["hold", "hold_until"])
@pytest.mark.parametrize("taken", ["flag", "exemption"])
def test_so_are_the_fields_of_a_hold(tmp_path: Path, key: str, taken: str) -> None:
    fields = {"flag": '"attribute:COLL"', "exemption": '"attribute:EXEMPT"', "hold": '"attribute:HOLD"'}
    loaded(tmp_path, toml(**{**fields, key: '"attribute:OTHER"'}))
    (problem,) = problems(tmp_path, toml(**{**fields, key: fields[taken].lower()}))
    assert problem.startswith(f"gentle-nudge.toml: policy.{key}: ")


def test_a_hold_and_its_end_are_two_fields_and_the_end_alone_is_none(tmp_path: Path) -> None:
    loaded(tmp_path, toml(hold='"sort2"', hold_until='"attribute:UNTIL"'))
    for wrong in ({"hold": '"sort2"', "hold_until": '"sort2"'}, {"hold_until": '"sort2"'}):
        (problem,) = problems(tmp_path, toml(**wrong))
        assert problem.startswith("gentle-nudge.toml: policy.hold_until: ")


@pytest.mark.parametrize(("days", "fits"), [(0, True), (6, True), (7, False), (-1, False)])
def test_a_list_is_made_at_most_six_days_before(tmp_path: Path, days: int, *, fits: bool) -> None:
    if fits:
        loaded(tmp_path, toml(review_days=str(days)))
    else:
        (problem,) = problems(tmp_path, toml(review_days=str(days)))
        assert problem.startswith("gentle-nudge.toml: policy.review_days: ")


def test_a_group_of_staff_exists_on_this_machine_and_a_weekday_in_the_week(tmp_path: Path) -> None:
    loaded(tmp_path, toml('[staff]\ngroup = "root"\ndigest_on = ""'))
    for wrong in ('group = "no-such-group"', 'digest_on = "someday"'):
        (problem,) = all_problems(tmp_path, toml(f"[staff]\n{wrong}"))
        assert problem.startswith("gentle-nudge.toml: staff.")


def test_debit_types_are_chosen_or_left_out_not_both(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, toml(debit_types='["LOST"]', excluded_debit_types='["MANUAL"]'))
    assert problem.startswith("gentle-nudge.toml: policy.excluded_debit_types: ")


@pytest.mark.parametrize("name", ["2nd", "north-2", "nörth", "a b", "Global", "", "a/b"])
def test_some_names_are_none_for_a_section(tmp_path: Path, name: str) -> None:
    (problem,) = all_problems(tmp_path, toml(libraries(f'name = "{name}"\nbranches = ["CPL"]')))
    assert problem.startswith("gentle-nudge.toml: library[1].name: ")


def test_names_differ_not_by_letter_case_alone(tmp_path: Path) -> None:
    north, south = 'name = "north"\nbranches = ["CPL"]', 'name = "NORTH"\nbranches = ["FPL"]'
    (problem,) = all_problems(tmp_path, toml(libraries(north, south)))
    assert problem.startswith("gentle-nudge.toml: library[2].name: ")
    south = 'name = "south"\nformerly = ["North"]\nbranches = ["FPL"]'
    (problem,) = all_problems(tmp_path, toml(libraries(north, south)))
    assert problem.startswith("gentle-nudge.toml: library[2].formerly: ")


def test_a_section_has_branches_or_a_group(tmp_path: Path) -> None:
    for rest in ("", 'branches = ["CPL"]\ngroup = "North"'):
        (problem,) = all_problems(tmp_path, toml(libraries(f'name = "north"\n{rest}')))
        assert problem.endswith("a section has branches or a group, one of the two")


def test_a_branch_has_one_section(tmp_path: Path) -> None:
    both = libraries('name = "north"\nbranches = ["CPL"]', 'name = "south"\nbranches = ["FPL", "cpl"]')
    (problem,) = all_problems(tmp_path, toml(both))
    assert problem == "gentle-nudge.toml: library[2].branches: branch cpl belongs to section north"


def test_a_section_is_judged_by_what_it_inherits(tmp_path: Path) -> None:
    text = toml(libraries('name = "north"\nbranches = ["CPL"]\nthreshold = 5'), threshold="25", clear_at_or_below="10")
    (problem,) = all_problems(tmp_path, text)
    assert problem.startswith("gentle-nudge.toml: library[1].threshold: ")


def test_what_every_section_gives_need_not_stand_in_policy(tmp_path: Path) -> None:
    north = 'name = "north"\nbranches = ["CPL"]\nthreshold = 5'
    assert all_problems(tmp_path, toml(libraries(north, others="false"), leave_out="threshold")) == []
    (problem,) = all_problems(tmp_path, toml(libraries(north), leave_out="threshold"))
    assert problem.startswith("gentle-nudge.toml: policy.threshold: needed")


def test_a_disabled_section_needs_no_rules_of_referral(tmp_path: Path) -> None:
    north = 'name = "north"\nbranches = ["CPL"]\nenabled = false'
    text = toml(libraries(north, others="false"), leave_out="threshold processing_fee minors send_to")
    assert all_problems(tmp_path, text) == []


def test_sections_that_share_patrons_have_a_flag_each(tmp_path: Path) -> None:
    north = 'name = "north"\nbranches = ["CPL"]'
    (problem,) = all_problems(tmp_path, toml(libraries(north, charges_by="charge")))
    assert "one flag field" in problem
    assert all_problems(tmp_path, toml(libraries(north + '\nflag = "sort2"', charges_by="charge"))) == []
    assert all_problems(tmp_path, toml(libraries(north + "\nenabled = false", charges_by="charge"))) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_mail_to_this_machine_needs_no_encryption(tmp_path: Path, host: str) -> None:
    assert loaded(tmp_path, toml(f"[mail]\nhost = '{host}'")).mail.names_a_server


def test_mail_to_another_machine_is_encrypted_or_allowed(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, toml("[mail]\nhost = '127.mail.example'"))
    assert problem.startswith("gentle-nudge.toml: mail.security: ")
    loaded(tmp_path, toml("[mail]\nhost = 'mail.example'\nsecurity = 'starttls'"))
    loaded(tmp_path, toml("[mail]\nhost = 'mail.example'\nallow_cleartext = true"))


def test_mail_settings_without_a_server_leave_koha_s(tmp_path: Path) -> None:
    assert not loaded(tmp_path, toml("[mail]\nallow_cleartext = true")).mail.names_a_server
    assert not loaded(tmp_path, toml()).mail.names_a_server


def test_a_mail_login_is_user_and_password(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, toml("[mail]\nuser = 'koha'"))
    assert problem.startswith("gentle-nudge.toml: mail.password_file: ")
    (problem,) = problems(tmp_path, toml(), {"GENTLE_NUDGE_MAIL__PASSWORD": "p"})
    assert problem.startswith("gentle-nudge.toml: mail.user: ")


SFTP = "[sftp]\nhost = 'sftp.agency.example'\nuser = 'library'\n"
HOST_KEY = "host_key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0='\n"


def test_an_upload_knows_the_server_and_logs_in_one_way(tmp_path: Path) -> None:
    for name in ("key", "pw", "hosts"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    assert all_problems(tmp_path, toml(SFTP + HOST_KEY + "key_file = 'key'")) == []
    assert all_problems(tmp_path, toml(SFTP + "known_hosts = 'hosts'\npassword_file = 'pw'")) == []
    both = "known_hosts = 'hosts'\npassword_file = 'pw'\nkey_file = 'key'"
    assert [p.split(": ")[1] for p in all_problems(tmp_path, toml(SFTP + HOST_KEY + both))] == [
        "sftp.known_hosts",
        "sftp.password_file",
    ]
    assert [p.split(": ")[1] for p in all_problems(tmp_path, toml("[sftp]"))] == [
        "sftp.host",
        "sftp.user",
        "sftp.password_file",
    ]


def test_uploads_wait_for_a_pinned_key_and_the_settings_are_right_without_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x", encoding="utf-8")
    assert all_problems(tmp_path, toml(SFTP + "key_file = 'key'")) == []
    assert all_problems(tmp_path, toml(SFTP + "key_file = 'key'\nknown_hosts = 'not there yet'")) == []


def test_with_uploads_nobody_needs_to_receive_mail(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x", encoding="utf-8")
    settings = loaded(tmp_path, toml(SFTP + HOST_KEY + "key_file = 'key'", leave_out="send_to"))
    assert policy_of(settings).recipients() == ()
