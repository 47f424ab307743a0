"""Check finds each planted fault by its name, and nothing in a library in good health."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.libraries import Library, today
from tests.builders.koha import (
    a_library_group,
    a_patron,
    an_attribute_type,
    has_attribute,
    has_credit,
    is_restricted,
    owes,
)
from tests.support.command import Command
from tests.support.grants import PASSWORD, apply_grants, forget, url_of_user, user_of
from tests.support.koha import KohaDatabase
from tests.support.monitor import Monitor
from tests.support.nights import snapshot
from tests.support.programs import free_port, mounted
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer, certificate

PLUGIN = "Koha::Plugin::Com::ByWaterSolutions::UniqueCollections"
ANOTHER_KEY = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43}"
Plant = Callable[[Library], None]


@pytest.fixture
def library(koha: KohaDatabase, tmp_path: Path, command: Command) -> Library:
    """A library in good health."""
    library = Library(koha=koha, folder=tmp_path, command=command)
    library.initialise()
    return library


def names(library: Library) -> list[str]:
    return [finding["name"] for finding in library.check()]


# The plants, in alphabetical order of what they make `check` find.

PLANTS: list[tuple[str, Plant]] = []


def plant(name: str) -> Callable[[Plant], Plant]:
    """A fault that `check` has to find under this name, and under no other."""

    def keep(fault: Plant) -> Plant:
        PLANTS.append((name, fault))
        return fault

    return keep


@plant("alerts-go-nowhere")
def nobody_is_told_of_trouble(library: Library) -> None:
    library.set("mail", sender='"koha@library.example"')
    library.koha.prefer("KohaAdminEmailAddress", "")


@plant("archive-not-ours")
def an_archive_of_another_library(library: Library) -> None:
    archive = library.folder / "archive"
    archive.mkdir()
    (archive / ".gentle-nudge").write_text('{"database": "another", "note": ""}', encoding="utf-8")
    library.set("archive", directory='"archive"')


@plant("archive-not-writable")
def an_archive_in_a_folder_that_is_not_there(library: Library) -> None:
    library.set("archive", directory='"not/there"')


@plant("birth-date-shared")
def a_date_of_birth_saved_for_want_of_a_better_one(library: Library) -> None:
    for _ in range(21):
        a_patron(library.koha, born="1970-01-01")


@plant("branch-unknown")
def a_section_of_a_branch_that_koha_does_not_have(library: Library) -> None:
    library.sections = '[[library]]\nname = "north"\nbranches = ["CPL", "CLOSED"]\n'


@plant("category-unknown")
def a_patron_category_that_koha_does_not_have(library: Library) -> None:
    library.set("policy", excluded_categories='["PT", "STAF"]')


@plant("charges-too-old")
def a_backlog_that_is_past_the_window(library: Library) -> None:
    library.owing(days_ago=400)


@plant("charges-by-changed")
def a_patron_with_open_cases_in_two_sections(library: Library) -> None:
    library.sections = '[[library]]\nname = "north"\nbranches = ["CPL"]\n'
    number = a_patron(library.koha, sort1="yes")
    for section in ("global", "north"):
        case = {"section": section, "patron": number, "open_key": number, "number": number}
        library.koha.put("gentle_nudge_case", **case, adopted=0, state="open", to_report=0)


@plant("debit-type-archived")
def an_archived_debit_type_that_counts(library: Library) -> None:
    library.set("policy", debit_types='["LOST", "NEW_CARD"]')
    library.koha.execute("UPDATE account_debit_types SET archived = 1 WHERE code = 'NEW_CARD'")


@plant("debit-type-unknown")
def a_debit_type_that_koha_does_not_have(library: Library) -> None:
    library.set("policy", excluded_debit_types='["COPIES"]')


@plant("exempt-patrons")
def patrons_who_are_exempt(library: Library) -> None:
    an_attribute_type(library.koha, "EXEMPT")
    has_attribute(library.koha, a_patron(library.koha), "EXEMPT", "by the director")
    has_attribute(library.koha, a_patron(library.koha), "EXEMPT", "0")
    library.set("policy", exemption='"attribute:EXEMPT"')


@plant("exemption-attribute-opac-editable")
def patrons_may_exempt_themselves(library: Library) -> None:
    an_attribute_type(library.koha, "EXEMPT", opac_editable=1)
    library.set("policy", exemption='"attribute:EXEMPT"')


@plant("exemption-attribute-unknown")
def an_exemption_that_koha_does_not_have(library: Library) -> None:
    library.set("policy", exemption='"attribute:EXMEPT"')


@plant("fee-branch-unknown")
def a_fee_for_a_branch_that_koha_does_not_have(library: Library) -> None:
    library.set("policy", fee_branch='"CLOSED"')


@plant("fee-debit-type-archived")
def a_fee_of_an_archived_type(library: Library) -> None:
    library.koha.execute("UPDATE account_debit_types SET archived = 1 WHERE code = 'MANUAL'")


@plant("fee-debit-type-unknown")
def a_fee_of_a_type_that_koha_does_not_have(library: Library) -> None:
    library.set("policy", fee_debit_type='"COLLECTION"')


@plant("flag-attribute-opac-editable")
def patrons_may_change_their_flag(library: Library) -> None:
    _attribute(library, opac_editable=1)


@plant("flag-attribute-repeatable")
def a_repeatable_flag(library: Library) -> None:
    _attribute(library, repeatable=1)


@plant("flag-attribute-unique")
def a_flag_that_only_one_patron_can_have(library: Library) -> None:
    _attribute(library, unique_id=1)


@plant("flag-attribute-unknown")
def a_flag_that_koha_does_not_have(library: Library) -> None:
    library.set("policy", flag='"attribute:COLLECT"')


@plant("flag-in-other-use")
def a_flag_field_that_serves_another_purpose(library: Library) -> None:
    for value in ("Rotary Club", "Rotary Club", "no", ""):
        a_patron(library.koha, sort1=value)


@plant("flag-values-not-authorised")
def a_list_for_sort1_without_our_values(library: Library) -> None:
    library.koha.put("authorised_value_categories", category_name="Bsort1")
    library.koha.put("authorised_values", category="Bsort1", authorised_value="yes")


@plant("flag-values-not-authorised")
def a_list_for_the_attribute_without_our_values(library: Library) -> None:
    library.koha.put("authorised_value_categories", category_name="YES_NO")
    for value in ("yes", "no"):
        library.koha.put("authorised_values", category="YES_NO", authorised_value=value)
    _attribute(library, authorised_value_category="YES_NO")


@plant("group-unknown")
def a_library_group_that_koha_does_not_have(library: Library) -> None:
    library.sections = '[[library]]\nname = "north"\ngroup = "Nroth"\n'


@plant("hold-attribute-opac-editable")
def patrons_may_put_themselves_on_hold(library: Library) -> None:
    an_attribute_type(library.koha, "COLLHOLD", opac_editable=1)
    library.set("policy", hold='"attribute:COLLHOLD"')


@plant("hold-field-unknown")
def a_field_of_holds_that_koha_does_not_have(library: Library) -> None:
    library.set("policy", hold='"attribute:COLHOLD"')


@plant("hold-field-unknown")
def a_last_day_that_need_not_be_a_date(library: Library) -> None:
    an_attribute_type(library.koha, "HOLDUNTIL", is_date=0)
    library.set("policy", hold='"sort2"', hold_until='"attribute:HOLDUNTIL"')


@plant("hold-until-unreadable")
def a_last_day_that_is_no_date(library: Library) -> None:
    an_attribute_type(library.koha, "HOLDUNTIL", is_date=1)
    has_attribute(library.koha, a_patron(library.koha), "HOLDUNTIL", "soon")
    has_attribute(library.koha, a_patron(library.koha), "HOLDUNTIL", "2026-12-31")
    library.set("policy", hold='"sort2"', hold_until='"attribute:HOLDUNTIL"')


@plant("koha-column-missing")
def a_column_that_koha_lost(library: Library) -> None:
    library.koha.spoil("ALTER TABLE borrowers DROP COLUMN mobile")


@plant("koha-table-missing")
def a_table_that_koha_lost(library: Library) -> None:
    library.koha.spoil("DROP TABLE authorised_values")


@plant("last-success-old")
def no_night_since_last_week(library: Library) -> None:
    library.koha.execute("UPDATE gentle_nudge_meta SET initialised = initialised - INTERVAL 5 DAY")


@plant("mail-server")
def a_mail_server_that_does_not_listen(library: Library) -> None:
    library.tables["mail"] = {"host": '"127.0.0.1"', "port": "9"}


@plant("maildir-not-writable")
def a_maildir_in_a_folder_that_is_not_there(library: Library) -> None:
    library.set("mail", maildir='"not/there"')


@plant("no-sender")
def nobody_who_sends(library: Library) -> None:
    library.tables["mail"] = {"ca_file": f'"{Path(__file__)}"'}
    library.set("alerts", to='["staff@library.example.org"]')
    library.koha.prefer("KohaAdminEmailAddress", "")


@plant("metrics-not-writable")
def a_metrics_file_in_a_folder_that_is_not_there(library: Library) -> None:
    library.set("monitoring", metrics_file='"not/there/nudge.prom"')


@plant("monitor-unreachable")
def a_monitor_that_does_not_listen(library: Library) -> None:
    library.set("monitoring", ping_url=f'"http://127.0.0.1:{free_port()}/ping"')


@plant("nothing-can-count")
def a_cut_off_day_later_than_the_window(library: Library) -> None:
    library.set("policy", ignore_fees_before=str(today() - timedelta(days=30)))


@plant("own-tables-elsewhere")
def a_database_that_was_initialised_on_another_machine(library: Library) -> None:
    library.koha.execute("UPDATE gentle_nudge_meta SET machine = 'another'")


@plant("own-tables-missing")
def a_database_before_init(library: Library) -> None:
    library.koha.make_pristine()


@plant("own-tables-missing")
def tables_of_a_newer_program(library: Library) -> None:
    library.koha.execute("UPDATE gentle_nudge_meta SET schema_version = 99")


@plant("paid-stay")
def patrons_who_have_paid_are_not_released(library: Library) -> None:
    library.set("policy", clear_paid="false")


@plant("password-file-open")
def a_password_that_everybody_can_read(library: Library) -> None:
    password = library.folder / "password"
    password.write_text(library.koha.server.password, encoding="utf-8")
    password.chmod(0o644)
    library.set("koha", password_file='"password"')


@plant("patrons-to-adopt")
def more_flagged_patrons_than_a_night_adopts(library: Library) -> None:
    library.set("policy", most_adoptions="2")
    for _ in range(3):
        a_patron(library.koha, sort1="yes")


@plant("plugin-at-work")
def the_plugin_is_at_work(library: Library) -> None:
    _plugin(library, __ENABLED__="1")
    _logged_by_the_plugin(library, days_ago=7)


@plant("plugin-enabled")
def the_plugin_is_enabled_though_idle(library: Library) -> None:
    _plugin(library, __INSTALLED__="1")
    _logged_by_the_plugin(library, days_ago=9)


@plant("recipient-is-sender")
def reports_to_the_library_itself(library: Library) -> None:
    library.set("policy", send_to='["Admin@library.example"]')


@plant("restriction-type-unknown")
def a_restriction_that_koha_does_not_have(library: Library) -> None:
    library.set("policy", add_restriction="true", remove_restriction="true", restriction_type='"COLLECTIONS"')


@plant("restriction-stays")
def patrons_who_have_paid_are_still_blocked(library: Library) -> None:
    library.set("policy", add_restriction="true")


@plant("restriction-without-case")
def a_restriction_of_the_plugins_that_was_left_behind(library: Library) -> None:
    is_restricted(library.koha, a_patron(library.koha), "Patron sent to collections on 2020-02-02")


@plant("section-gone")
def open_cases_of_a_section_that_is_gone(library: Library) -> None:
    number = a_patron(library.koha, sort1="yes")
    case = {"section": "south", "patron": number, "open_key": number, "number": number}
    library.koha.put("gentle_nudge_case", **case, adopted=0, state="open", to_report=0)


@plant("section-held")
def open_cases_of_a_section_that_reported_to_another_agency(library: Library) -> None:
    koha, at = library.koha, "2026-11-22 04:00:00"
    number = a_patron(koha, sort1="yes")
    who = {"section": "south", "patron": number, "open_key": number, "number": number}
    case = koha.put("gentle_nudge_case", **who, adopted=0, state="open", to_report=0)
    day = {"section": "south", "report": "submission", "day": "2026-11-22"}
    run = koha.put("gentle_nudge_run", **day, number=1, started=at, late=0)
    file = {"file_name": "south.csv", "size": 0, "rows": 1, "sha256": "", "subject": "", "body": ""}
    report = koha.put("gentle_nudge_report", run_id=run, **file)
    koha.put("gentle_nudge_report_row", case_id=case, report_id=report, due="40.00")
    sent = {"state": "sent", "attempts": 1, "next_attempt": at, "since": at, "queued": at, "is_repeat": 0}
    koha.put("gentle_nudge_delivery", report_id=report, channel="email", recipient="reports@south.example", **sent)


@plant("sections-overlap")
def two_groups_that_share_a_branch(library: Library) -> None:
    a_library_group(library.koha, "North", ["CPL", "FPL"])
    a_library_group(library.koha, "South", ["FPL", "MPL"])
    library.sections = "\n".join(f'[[library]]\nname = "{name}"\ngroup = "{name.title()}"\n' for name in SECTIONS)


@plant("settings-incomplete")
def a_fee_that_nobody_decided(library: Library) -> None:
    library.leave_out("policy", "processing_fee")


@plant("test-copy")
def mail_that_is_caught(library: Library) -> None:
    library.koha.prefer("SendAllEmailsTo", "tests@library.example")


@plant("url-password-open")
def a_password_in_the_url_of_a_file_that_everybody_can_read(library: Library) -> None:
    library.set("koha", url=f'"{library.koha.url}"', timezone='"America/New_York"')
    library.write().chmod(0o644)


@plant("window-narrow")
def a_window_that_charges_pass_unseen(library: Library) -> None:
    library.set("policy", count_fees_newer_than="65", count_fees_older_than="60")


@plant("review-reaches-nobody")
def lists_that_nobody_gets(library: Library) -> None:
    library.set("policy", review_days="1")


@plant("window-too-short-for-review")
def a_window_that_somebody_left_out_for_a_week_falls_out_of(library: Library) -> None:
    library.set(
        "policy",
        review_days="2",
        staff_to='["desk@library.example.org"]',
        count_fees_newer_than="74",
        count_fees_older_than="60",
    )


@plant("zone-differs")
def a_zone_that_is_not_kohas(library: Library) -> None:
    library.set("koha", timezone='"Europe/Berlin"')


SECTIONS = ("north", "south")


def _attribute(library: Library, **columns: object) -> None:
    an_attribute_type(library.koha, "COLLECT", **columns)  # type: ignore[arg-type] # columns of Koha
    library.set("policy", flag='"attribute:COLLECT"')


def _plugin(library: Library, **stored: str) -> None:
    for key, value in stored.items():
        library.koha.put("plugin_data", plugin_class=PLUGIN, plugin_key=key, plugin_value=value)


def _logged_by_the_plugin(library: Library, *, days_ago: int) -> None:
    library.koha.put(
        "action_logs",
        timestamp=f"{today() - timedelta(days=days_ago)} 12:00:00",
        module="GENTLENUDGE",
        action="UPDATES",
        info='{\n   "count" : 3,\n   "filename" : "ums-updates.csv"\n}\n',
        interface="cron",
        script="plugins_nightly.pl",
    )


@pytest.mark.parametrize(("name", "fault"), PLANTS, ids=[fault.__name__ for _, fault in PLANTS])
def test_a_planted_fault_is_found_by_its_name(library: Library, name: str, fault: Plant) -> None:
    fault(library)
    assert set(names(library)) == {name}


def test_a_window_of_two_weeks_and_the_days_of_a_list_is_wide_enough(library: Library) -> None:
    library.set(
        "policy",
        review_days="2",
        staff_to='["desk@library.example.org"]',
        count_fees_newer_than="75",
        count_fees_older_than="60",
    )
    assert library.check() == []


def test_a_birth_date_may_be_that_of_twenty_patrons(library: Library) -> None:
    for _ in range(20):
        a_patron(library.koha, born="1970-01-01")
    for _ in range(30):
        a_patron(library.koha, born=None)
    assert library.check() == []


def test_the_birth_dates_that_most_patrons_share_are_named_with_their_counts(library: Library) -> None:
    for patrons, born in ((21, "1901-01-01"), (23, "0001-01-01"), (22, "1970-01-01")):
        for _ in range(patrons):
            a_patron(library.koha, born=born)
    (finding,) = library.check()
    assert finding["severity"] == "warning"
    assert "0001-01-01 (23 patrons), 1970-01-01 (22 patrons), 1901-01-01 (21 patrons)" in finding["what"]


def test_our_restriction_without_an_open_case_is_named_by_number_until_it_is_lifted_or_made_staffs(
    library: Library,
) -> None:
    koha, ours = library.koha, "Patron sent to collections on 2026-01-04"
    blocked, again, flagged = a_patron(koha, surname="Doe"), a_patron(koha), a_patron(koha, sort1="yes")
    for patron in (blocked, blocked, again, flagged):
        is_restricted(koha, patron, ours)
    is_restricted(koha, a_patron(koha), f"{ours}, by Ann")
    is_restricted(koha, a_patron(koha), ours, expires=today())
    (finding,) = library.check()
    assert (finding["name"], finding["severity"]) == ("restriction-without-case", "warning")
    assert finding["what"].startswith("3 restrictions of ours")
    assert finding["what"].endswith(f"patron number {blocked}, {again}.")
    assert "Doe" not in str(finding)
    koha.execute("UPDATE borrower_debarments SET comment = 'ask Ann' WHERE borrowernumber = :n", n=again)
    koha.execute("DELETE FROM borrower_debarments WHERE borrowernumber = :n", n=blocked)
    assert library.check() == []


def test_a_restriction_recorded_with_a_closed_case_is_ours_whatever_the_settings_say_now(library: Library) -> None:
    koha, sentence = library.koha, "Blocked on 2026-01-04 for the agency"
    patron, in_collections = a_patron(koha), a_patron(koha, sort1="yes")
    for n, state, key in ((patron, "withdrawn", None), (in_collections, "open", in_collections)):
        koha.put(
            "gentle_nudge_case",
            section="global",
            patron=n,
            number=n,
            open_key=key,
            adopted=0,
            state=state,
            restriction=is_restricted(koha, n, sentence),
            restriction_comment=sentence,
            to_report=0,
        )
    koha.execute("UPDATE borrowers SET sort1 = NULL WHERE borrowernumber = :n", n=in_collections)
    (finding,) = library.check()
    assert finding["what"].endswith(f"patron number {patron}.")
    koha.execute("UPDATE borrower_debarments SET comment = 'ask Ann'")
    assert library.check() == []


def test_charges_of_a_minor_are_no_backlog_where_they_are_left_out(library: Library) -> None:
    born = today() - timedelta(days=19 * 366)
    library.owing("30.00", days_ago=800, born=born)
    assert names(library) == ["charges-too-old"]
    library.set("policy", charged_as_minor='"leave_out"')
    assert library.check() == []
    library.owing("24.99", days_ago=400)
    assert library.check() == []
    library.owing("25.00", days_ago=400, born=None)
    (finding,) = library.check()
    assert finding["what"].startswith("1 patron of section global owes")


def test_our_old_fee_is_no_backlog(library: Library) -> None:
    number = a_patron(library.koha)
    day = today() - timedelta(days=400)
    owes(library.koha, number, "30.00", day=day, type="MANUAL", description="UMS Processing Fee")
    owes(library.koha, number, "24.99", day=day)
    assert library.check() == []


def test_a_check_changes_nothing(library: Library) -> None:
    the_plugin_is_at_work(library)
    more_flagged_patrons_than_a_night_adopts(library)
    an_archive_in_a_folder_that_is_not_there(library)
    before = snapshot(library.koha)
    assert set(names(library)) == {"archive-not-writable", "patrons-to-adopt", "plugin-at-work"}
    assert snapshot(library.koha) == before


def test_a_password_in_the_url_may_be_in_a_file_of_its_owner_alone_or_in_the_environment(library: Library) -> None:
    a_password_in_the_url_of_a_file_that_everybody_can_read(library)
    (library.folder / "gentle-nudge.toml").chmod(0o640)
    assert library.check() == []
    library.tables.pop("koha")
    library.write().chmod(0o644)
    library.env = {"GENTLE_NUDGE_KOHA__URL": library.koha.url, "GENTLE_NUDGE_KOHA__TIMEZONE": "America/New_York"}
    assert library.check() == []


def test_nobody_sees_the_password_of_the_url(library: Library) -> None:
    a_password_in_the_url_of_a_file_that_everybody_can_read(library)
    assert library.koha.server.password not in library.run("check").stdout


def test_several_administrators_are_no_finding_and_the_first_has_to_be_a_plain_address(library: Library) -> None:
    library.leave_out("mail", "maildir")
    library.koha.prefer("KohaAdminEmailAddress", "it@library.example; desk@library.example")
    assert "sender-implausible" not in names(library)
    library.koha.prefer("KohaAdminEmailAddress", "it at library.example, desk@library.example")
    assert "sender-implausible" in names(library)


def test_at_least_25_different_faults_are_known() -> None:
    assert len({name for name, _ in PLANTS}) >= 25


@pytest.mark.every_koha
def test_nothing_is_found_in_a_healthy_library(library: Library, smtp: SmtpServer, sftp: SftpServer) -> None:
    koha = library.koha
    staying = library.owing()
    owes(koha, staying, "5.00", day=today())
    has_credit(koha, a_patron(koha), "10.00")
    owes(koha, a_patron(koha, sort1="no"), "20.00", day=today() - timedelta(days=400))
    an_attribute_type(koha, "EXEMPT")
    library.tables["mail"] = {"host": f'"{smtp.host}"', "port": str(smtp.port)}
    library.set("policy", exemption='"attribute:EXEMPT"', fee_branch='"CPL"')
    library.set("policy", add_restriction="true", remove_restriction="true")
    library.set("policy", categories='["pt", "ST"]', excluded_debit_types='["RENT"]')
    library.set("archive", directory='"archive"')
    library.set("sftp", **_sftp(library, sftp))
    a_library_group(koha, "North", ["FPL"])
    library.sections = '[[library]]\nname = "north"\ngroup = "North"\n'
    assert library.check() == []
    assert library.run("nightly").returncode == 0
    assert library.check() == []
    assert library.run("check").stdout == "Nothing found: everything is as it should be.\n"


def _sftp(library: Library, server: SftpServer) -> dict[str, str]:
    password = library.folder / "sftp-password"
    password.write_text(server.password or "", encoding="utf-8")
    password.chmod(0o600)
    return {
        "host": f'"{server.host}"',
        "port": str(server.port),
        "user": f'"{server.user}"',
        "password_file": '"sftp-password"',
        "host_key": f'"{server.host_key}"',
    }


def test_a_mail_server_has_to_talk_tls(library: Library, smtp_server: Callable[..., SmtpServer]) -> None:
    plain = smtp_server()
    library.tables["mail"] = {"host": '"localhost"', "port": str(plain.port), "security": '"starttls"'}
    (finding,) = library.check()
    assert finding["name"] == "mail-server"
    assert "does not offer STARTTLS" in finding["what"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"host_key": '"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"'},
            "host key",
        ),
        ({"user": '"somebody"'}, "does not let somebody in"),
        ({"directory": '"nowhere"'}, "no directory 'nowhere'"),
    ],
)
def test_an_sftp_server_is_asked_for_key_login_and_directory(
    library: Library, sftp: SftpServer, change: dict[str, str], says: str
) -> None:
    library.set("sftp", **(_sftp(library, sftp) | change))
    (finding,) = library.check()
    assert finding["name"] == "sftp-server"
    assert says in finding["what"]


@pytest.fixture
def narrow(library: Library) -> Iterator[Library]:
    """The library reached as a user with the rights that `grants` prints."""
    apply_grants(library)
    library.set("koha", url=f'"{url_of_user(library.koha)}"', timezone='"America/New_York"')
    library.env["GENTLE_NUDGE_KOHA__PASSWORD"] = PASSWORD
    yield library
    forget(library.koha)


@pytest.mark.parametrize(
    ("right", "table"),
    [
        ("INSERT", "accountlines"),
        ("UPDATE (sort1)", "borrowers"),
        ("SELECT (protected)", "borrowers"),
        ("SELECT", "plugin_data"),
        ("DELETE", "borrower_debarments"),
        ("DELETE", "gentle_nudge_delivery"),
    ],
)
def test_a_missing_right_is_named_with_the_grant_to_give(narrow: Library, right: str, table: str) -> None:
    koha = narrow.koha
    koha.execute(f"REVOKE {right} ON `{koha.name}`.`{table}` FROM '{user_of(koha)}'@'%'")
    found = narrow.check()
    assert {finding["name"] for finding in found} == {"grant-missing"}
    assert all(f"on {table}." in finding["what"] for finding in found)
    for finding in found:
        koha.execute(finding["way_out"].partition(";")[0])
    assert narrow.check() == []


def test_a_check_looks_whether_the_monitor_is_there_and_pings_nobody(
    library: Library, monitor: Monitor, monkeypatch: pytest.MonkeyPatch, smtp_server: Callable[..., SmtpServer]
) -> None:
    library.set("monitoring", ping_url=f'"{monitor.url}"')
    assert library.check() == []
    assert monitor.asked == []
    with Monitor(certificate()) as secure:
        library.set("monitoring", ping_url=f'"{secure.url}"')
        (finding,) = library.check()
        assert (finding["name"], finding["severity"]) == ("monitor-unreachable", "problem")
        assert "certificate" in finding["what"]
        assert "/ping/abc" not in str(finding)
        library.env["SSL_CERT_FILE"] = str(smtp_server(security="tls").ca_file)
        monkeypatch.setenv("SSL_CERT_FILE", library.env["SSL_CERT_FILE"])
        assert library.check() == []
        assert secure.asked == []


@pytest.mark.parametrize("spoil", ["file is a folder", "file is a link", "folder is a link", "folder is a file"])
def test_a_metrics_file_that_no_night_could_write_is_found(library: Library, spoil: str) -> None:
    folder = library.folder / "metrics"
    file = folder / "nudge.prom"
    library.set("monitoring", metrics_file=f'"{file}"')
    (library.folder / "real").mkdir()
    if spoil.startswith("file"):
        folder.mkdir()
    match spoil:
        case "file is a folder":
            file.mkdir()
        case "file is a link":
            file.symlink_to(library.folder / "real/nudge.prom")
        case "folder is a link":
            folder.symlink_to(library.folder / "real")
        case _:
            folder.touch()
    (finding,) = library.check()
    assert (finding["name"], finding["severity"]) == ("metrics-not-writable", "problem")
    assert str(file) in finding["what"]
    night = library.run("nightly")
    assert f"The metrics file {file} cannot be written" in night.stderr


def test_a_metrics_file_that_a_night_can_write_is_no_finding(library: Library) -> None:
    (library.folder / "metrics").mkdir()
    library.set("monitoring", metrics_file='"metrics/nudge.prom"')
    assert library.check() == []
    assert list((library.folder / "metrics").iterdir()) == []
    assert library.run("nightly").returncode == 0
    assert library.check() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting is for root")
@pytest.mark.parametrize("kind", ["archive", "maildir"])
def test_a_disk_that_is_full_or_nearly_full_is_found(library: Library, kind: str) -> None:
    table, key = {"archive": ("archive", "directory"), "maildir": ("mail", "maildir")}[kind]
    library.set(table, **{key: '"disk/reports"'})
    disk = library.folder / "disk"
    disk.mkdir()
    sizes = {"9m": "problem", "11m": "warning", "99m": "warning", "101m": ""}
    for size, severity in sizes.items():
        with mounted(disk, size):
            found = [(finding["name"], finding["severity"]) for finding in library.check()]
            assert found == ([(f"{kind}-disk-full", severity)] if severity else [])


@pytest.mark.parametrize(("domain", "is_example"), [("example", 1), ("invalid", 1), ("test", 1), ("example.org", 0)])
def test_examples_are_found_wherever_something_would_be_sent_to_them(
    library: Library, smtp: SmtpServer, domain: str, is_example: int
) -> None:
    library.tables["mail"] = {"host": f'"{smtp.host}"', "port": str(smtp.port)}
    library.set("policy", copy_to=f'["copies@library.{domain}"]')
    library.set("alerts", to=f'["staff@library.{domain}"]')
    found = library.check()
    assert [(finding["name"], finding["severity"]) for finding in found] == [
        ("address-is-example", "problem")
    ] * 2 * is_example
    assert all(f"@library.{domain} is an example" in finding["what"] for finding in found)
    assert library.run("nightly").returncode == 2 * is_example


def test_sections_that_keep_who_has_paid_are_named_once(library: Library) -> None:
    library.sections = '[[library]]\nname = "north"\nbranches = ["CPL"]\nclear_paid = false\n'
    library.sections += '[[library]]\nname = "south"\nbranches = ["FPL"]\nclear_paid = false\n'
    library.set("policy", add_restriction="true", remove_restriction="false")
    paid, stays = library.check()
    assert (paid["name"], paid["severity"], stays["name"], stays["severity"]) == (
        "paid-stay",
        "warning",
        "restriction-stays",
        "warning",
    )
    assert paid["what"].endswith("(north, south).")
    assert stays["what"].endswith("(global, north, south).")


@pytest.mark.parametrize(
    ("ours", "at_server"),
    [(("America/Bogota", "UTC-5"), ("+00:00", "UTC")), (("Asia/Kolkata", "UTC+5:30"), ("-03:30", "UTC-3:30"))],
)
@pytest.mark.own_server
def test_zones_are_shown_as_people_write_them(
    library: Library, set_global: Callable[[str, str], None], ours: tuple[str, str], at_server: tuple[str, str]
) -> None:
    library.elements["timezone"] = ""
    library.set("koha", timezone=f'"{ours[0]}"')
    set_global("time_zone", at_server[0])
    (finding,) = library.check()
    assert finding["name"] == "zone-differs"
    assert f"the database server is at {at_server[1]}, we are at {ours[1]}" in finding["what"]


@pytest.mark.own_server
def test_the_clock_of_the_database_is_compared_with_ours(
    narrow: Library, set_global: Callable[[str, str], None]
) -> None:
    ours = f"CURRENT_USER() LIKE '{user_of(narrow.koha)}@%'"
    set_global("init_connect", f"SET timestamp = IF({ours}, UNIX_TIMESTAMP() - 3600, 0)")
    assert names(narrow) == ["clock-differs"]


def test_what_is_told_on_a_terminal_says_why_and_the_way_out(library: Library) -> None:
    library.koha.prefer("SendAllEmailsTo", "tests@library.example")
    done = library.run("check")
    assert (done.returncode, done.stderr) == (0, "")
    first, what, why, way_out, last = done.stdout.splitlines()
    assert first == "warning: test-copy"
    assert all(line.startswith("  ") for line in (what, why, way_out))
    assert way_out.startswith("  -> ")
    assert last == "Found: 0 problems, 1 warning, 0 notes."


def test_check_needs_no_init_and_no_complete_policy(library: Library) -> None:
    library.koha.make_pristine()
    library.tables = {"koha": {}}
    assert set(names(library)) == {"settings-incomplete", "own-tables-missing", "mail-server"}
