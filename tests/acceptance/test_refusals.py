"""Before anything is written a night refuses what this Koha does not have, and to work beside the plugin."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gentle_nudge.koha.read.plugin_data import SINGLE
from tests.acceptance.libraries import Library, today
from tests.acceptance.test_check import (
    ANOTHER_KEY,
    Plant,
    a_debit_type_that_koha_does_not_have,
    a_fee_for_a_branch_that_koha_does_not_have,
    a_fee_of_a_type_that_koha_does_not_have,
    a_fee_of_an_archived_type,
    a_flag_that_koha_does_not_have,
    a_patron_category_that_koha_does_not_have,
    a_restriction_that_koha_does_not_have,
    an_exemption_that_koha_does_not_have,
    the_plugin_is_at_work,
)
from tests.support.command import Command
from tests.support.koha import KohaDatabase
from tests.support.nights import snapshot


@pytest.fixture
def library(koha: KohaDatabase, tmp_path: Path, command: Command) -> Library:
    """A library with somebody to refer, on the day of its submission."""
    library = Library(koha=koha, folder=tmp_path, command=command)
    library.initialise()
    library.owing()
    return library


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (a_flag_that_koha_does_not_have, "no patron attribute type COLLECT"),
        (an_exemption_that_koha_does_not_have, "no patron attribute type EXMEPT"),
        (a_patron_category_that_koha_does_not_have, "no patron category STAF"),
        (a_debit_type_that_koha_does_not_have, "no debit type COPIES"),
        (a_fee_of_a_type_that_koha_does_not_have, "the debit type COLLECTION"),
        (a_fee_of_an_archived_type, "is archived"),
        (a_restriction_that_koha_does_not_have, "no restriction type COLLECTIONS"),
        (a_fee_for_a_branch_that_koha_does_not_have, "no branch CLOSED"),
    ],
)
def test_a_night_refuses_what_this_koha_does_not_have(library: Library, fault: Plant, says: str) -> None:
    fault(library)
    before = snapshot(library.koha)
    done = library.run("nightly")
    assert (done.returncode, done.stdout) == (2, "")
    sentence, hint = done.stderr.splitlines()
    assert says in sentence
    assert "in the settings" in hint
    assert snapshot(library.koha) == before


def test_a_sync_refuses_the_same_and_says_all_of_it_at_once(library: Library) -> None:
    a_flag_that_koha_does_not_have(library)
    a_fee_of_an_archived_type(library)
    done = library.run("sync")
    assert done.returncode == 2
    first, second, hint = done.stderr.splitlines()
    assert "attribute type COLLECT" in first
    assert "is archived" in second
    assert "gentle-nudge check" in hint


def test_no_submission_is_made_while_the_plugin_is_at_work(library: Library) -> None:
    the_plugin_is_at_work(library)
    done = library.run("nightly")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--beside-plugin" in done.stderr
    runs = library.koha.query("SELECT report FROM gentle_nudge_run")
    assert [run["report"] for run in runs] == ["update"]
    assert library.koha.value("SELECT COUNT(*) FROM borrowers WHERE sort1 = 'yes'") == 0
    assert library.koha.value("SELECT COUNT(*) FROM accountlines") == 1


def test_who_knows_may_submit_beside_the_plugin(library: Library) -> None:
    the_plugin_is_at_work(library)
    held = json.loads(library.run("nightly", "--dry-run", "--format", "json").stdout)[0]
    assert (len(held["held"]), [refusal["kind"] for refusal in held["refusals"]]) == (1, ["plugin"])
    done = library.run("nightly", "--beside-plugin")
    assert (done.returncode, done.stderr) == (0, "")
    assert library.koha.value("SELECT day FROM gentle_nudge_run WHERE report = 'submission'") == today()
    assert library.run("nightly").returncode == 0


def test_our_own_rows_are_not_taken_for_the_plugins_where_koha_keeps_no_script(library: Library) -> None:
    library.koha.put("plugin_data", plugin_class=SINGLE, plugin_key="__ENABLED__", plugin_value="1")
    library.koha.spoil("ALTER TABLE action_logs DROP COLUMN script")
    assert [library.run(command).returncode for command in ("nightly", "sync")] == [0, 0]
    logged = library.koha.query("SELECT info FROM action_logs WHERE module = 'GENTLENUDGE'")
    assert [{"filename", "count"} - json.loads(row["info"]).keys() for row in logged] == [set()] * 3
    next_week = ("nightly", "--dry-run", "--format", "json", "--day", str(today() + timedelta(days=7)))
    assert json.loads(library.run(*next_week).stdout)[0]["refusals"] == []
    info, now = '{\n   "count" : 3,\n   "filename" : "ums-updates.csv"\n}\n', f"{today()} 12:00:00"
    library.koha.put("action_logs", timestamp=now, module="GENTLENUDGE", action="UPDATES", info=info)
    refusals = json.loads(library.run(*next_week).stdout)[0]["refusals"]
    assert [refusal["kind"] for refusal in refusals] == ["plugin"]


def test_a_koha_that_runs_no_plugins_is_not_guarded(library: Library) -> None:
    the_plugin_is_at_work(library)
    library.elements["enable_plugins"] = "0"
    done = library.run("nightly")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("run", ["nightly", "sync"])
def test_files_are_written_by_a_dry_run_alone(library: Library, run: str) -> None:
    folder, before = library.folder / "look", snapshot(library.koha)
    done = library.run(run, "--output", str(folder))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--output belongs to --dry-run" in done.stderr
    assert not folder.exists()
    assert snapshot(library.koha) == before
    assert library.run(run, "--dry-run", "--output", str(folder)).returncode == 0
    assert list(folder.iterdir())


@pytest.mark.parametrize("run", ["nightly", "sync", "deliver"])
@pytest.mark.parametrize(
    ("place", "value", "example"),
    [
        ("policy.send_to", '["reports@agency.example"]', "reports@agency.example"),
        ("policy.copy_to", '["reports@agency.org", "a@b.invalid"]', "a@b.invalid"),
        ("outcomes.send_to", '["director@library.example"]', "director@library.example"),
        ("alerts.to", '["it@Library.TEST"]', "it@Library.TEST"),
        ("sftp.host", '"sftp.agency.example"', "sftp.agency.example"),
        ("monitoring.ping_url", '"https://hc.example/ping/UUID"', "hc.example"),
    ],
)
def test_nothing_begins_while_something_would_be_sent_to_an_example(
    library: Library, run: str, *, place: str, value: str, example: str
) -> None:
    sends(library)
    table, key = place.split(".")
    if table == "sftp":
        (library.folder / "key").touch()
        library.set("sftp", user='"u"', key_file='"key"', host_key=f'"{ANOTHER_KEY}"')
    library.set(table, **{key: value})
    before = snapshot(library.koha)
    done = library.run(run)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{place}: {example} is an example" in done.stderr
    assert snapshot(library.koha) == before


def test_an_address_that_only_looks_like_an_example_is_sent_to(library: Library) -> None:
    sends(library, send_to='["reports@example.org", "a@test.agency.org", "b@myexample"]')
    library.run("nightly")
    assert library.koha.value("SELECT COUNT(*) FROM gentle_nudge_case") == 1


@pytest.mark.parametrize("kept", ["maildir", "test copy", "copy"])
def test_where_nothing_is_sent_an_example_does_no_harm(library: Library, kept: str) -> None:
    if kept != "maildir":
        sends(library)
    if kept == "test copy":
        library.koha.prefer("SendAllEmailsTo", "me@agency.org")
    if kept == "copy":
        assert library.run("init", "--copy", "--yes").returncode == 0
    library.set("policy", send_to='["reports@agency.example"]')
    library.set("alerts", to='["it@library.example"]')
    library.run("nightly")
    assert library.koha.value("SELECT COUNT(*) FROM gentle_nudge_case") == 1


def sends(library: Library, send_to: str = '["reports@agency.org"]') -> None:
    """Mail goes to a server (that does not listen), not into a Maildir."""
    library.tables["mail"] = {"host": '"127.0.0.1"', "port": "9"}
    library.set("policy", send_to=send_to)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("outbox --failed retry 1", "--failed belongs to gentle-nudge outbox alone."),
        ("cases --state open move A B", "--state belongs to gentle-nudge cases alone."),
        ("outcomes --by age invoice FILE --month 2026-11", "--by belongs to gentle-nudge outcomes alone."),
        ("timeline --branch CPL rules", "--branch belongs to gentle-nudge timeline alone."),
        ("night --format json --output DIR", "--format belongs to what is printed"),
        ("review --format csv --output DIR", "--format belongs to what is printed"),
        ("review --shelf --output DIR", "--shelf belongs to what is printed"),
        ("review --shelf --names", "--names belongs to the list of patrons"),
        ("review --shelf --format html", "The lost items are no page."),
    ],
)
def test_an_option_that_would_have_no_effect_is_refused(library: Library, words: str, says: str) -> None:
    (library.folder / "FILE").write_text("1\n", encoding="utf-8")
    named = [str(library.folder / word) if word in {"FILE", "DIR"} else word for word in words.split()]
    done = library.run(*named)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


@pytest.mark.parametrize("words", ["outbox --failed", "cases --state open", "outcomes --by age", "review --names"])
def test_the_same_option_has_its_effect_where_it_belongs(library: Library, words: str) -> None:
    assert library.run(*words.split()).returncode == 0
