"""Past reports, byte for byte."""

import json
from pathlib import Path

from tests.acceptance.evenings import AGENCY, Library
from tests.builders.days import MONDAY, SUNDAY
from tests.builders.koha import owes
from tests.support.smtp import Received, SmtpServer

SUBMISSION = f"ums-new-submissions-{SUNDAY}.csv"


def text(received: Received) -> str:
    body = received.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_a_past_report_comes_back_as_it_was_whatever_has_changed_since(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    patron = evenings.referred(surname='Ångström, J. "Jo"')
    first = {it.message["Subject"]: it.file for it in smtp.messages}
    evenings.koha.execute("UPDATE borrowers SET surname = 'Other'")
    owes(evenings.koha, patron, "5.00")
    folder = evenings.folder / "again"
    said = evenings.does("regenerate", "--day", str(SUNDAY), "--report", "submission", "--output", folder, on=MONDAY)
    assert said == f"Written: {folder / SUBMISSION}\n"
    assert (folder / SUBMISSION).read_bytes() == first["UMS New Submissions for Springfield Public Library"]
    assert (folder / SUBMISSION).stat().st_mode & 0o777 == 0o600
    evenings.does("regenerate", "--day", str(SUNDAY), "--report", "update")
    here = evenings.command.cwd / f"ums-updates-{SUNDAY}.csv"
    assert here.read_bytes() == first["UMS Updates for Springfield Public Library"]


def test_every_sync_of_a_day_comes_back(library: Library) -> None:
    evenings = library()
    patron = evenings.referred()
    evenings.does("sync", on=MONDAY)
    owes(evenings.koha, patron, "5.00", day=MONDAY)
    evenings.does("sync")
    evenings.does("regenerate", "--day", str(MONDAY), "--report", "sync", "--library", "global")
    first, second = (evenings.command.cwd / f"ums-sync-{MONDAY}{number}.csv" for number in ("", "-2"))
    assert first.read_bytes() == evenings.stored(first.name)
    assert second.read_bytes() == evenings.stored(second.name)
    assert b"40.00" in first.read_bytes()
    assert b"45.00" in second.read_bytes()


def test_a_section_named_twice_in_other_letters_has_one_sync(library: Library) -> None:
    evenings = library()
    evenings.does("sync", "--library", "global", "--library", "GLOBAL", on=MONDAY)
    evenings.does("regenerate", "--day", str(MONDAY), "--report", "sync")
    assert [path.name for path in evenings.command.cwd.glob("ums-sync-*")] == [f"ums-sync-{MONDAY}.csv"]


def test_another_file_is_never_overwritten(library: Library) -> None:
    evenings = library()
    evenings.referred()
    file = evenings.command.cwd / SUBMISSION
    asked = ("regenerate", "--day", str(SUNDAY), "--report", "submission")
    for content in (b"mine", b""):
        file.write_bytes(content)
        done = evenings.run(*asked)
        assert done.returncode == 2
        assert "already exists with other contents" in done.stderr
        assert file.read_bytes() == content
        assert list(evenings.command.cwd.iterdir()) == [file]
    file.unlink()
    evenings.does(*asked)
    evenings.does(*asked)
    assert list(evenings.command.cwd.iterdir()) == [file]


def test_a_report_is_sent_again_marked_as_a_repeat(library: Library, smtp: SmtpServer) -> None:
    evenings = library(policy='copy_to = ["copy@library.example.org"]', port=smtp.port)
    evenings.referred(card="1001")
    (first,) = (it for it in smtp.sent_to(AGENCY) if "Submissions" in it.message["Subject"])
    smtp.messages.clear()
    asked = ("regenerate", "--day", str(SUNDAY), "--report", "submission", "--send", "--reason", "the agency lost it")
    said = evenings.does(*asked, on=MONDAY)
    assert said.count("Queued: ") == 2
    assert smtp.messages == []
    evenings.does("deliver")
    assert [it.recipients for it in smtp.messages] == [[AGENCY], ["copy@library.example.org"]]
    again = smtp.messages[0]
    assert again.file == first.file
    assert again.message["Subject"] == first.message["Subject"]
    assert again.file_name == SUBMISSION
    assert f"THIS IS A REPEAT, sent on {MONDAY}" in text(again)
    assert "REPEAT" not in text(first)
    assert again.message["Message-ID"] != first.message["Message-ID"]
    smtp.messages.clear()
    evenings.does(*asked, "--to", "copy@library.example.org")
    evenings.does("deliver")
    assert [it.recipients for it in smtp.messages] == [["copy@library.example.org"]]
    sent = json.loads(evenings.does("outbox", "--state", "sent", "--format", "json"))["deliveries"]
    assert [(one["repeat"], one["reason"], one["who"]) for one in sent[-3:]] == [
        (True, "the agency lost it", "tester")
    ] * 3
    assert "repeat by tester: the agency lost it" in evenings.does("history", "1001")


def test_a_pruned_report_is_refused_with_the_day_it_was_pruned(library: Library) -> None:
    evenings = library()
    evenings.referred()
    evenings.koha.execute("DELETE FROM gentle_nudge_report_part")
    evenings.koha.execute("UPDATE gentle_nudge_report SET pruned_on = '2027-05-22'")
    for more in ((), ("--send", "--reason", "lost")):
        done = evenings.run("regenerate", "--day", str(SUNDAY), "--report", "update", *more)
        assert done.returncode == 2
        assert "was deleted on 2027-05-22 (keep_days)" in done.stderr
        assert "cases --referred 2026-11 --format csv" in done.stderr
    assert not list(evenings.command.cwd.iterdir())


def test_what_cannot_be_meant_is_refused(library: Library) -> None:
    evenings = library()
    evenings.referred()
    day = ("--day", str(SUNDAY), "--report", "update")
    for what, says in (
        (("--day", str(MONDAY), "--report", "update"), f"There is no update of {MONDAY}"),
        ((*day, "--library", "north"), "in section north"),
        ((*day, "--send"), "A reason is needed"),
        ((*day, "--to", AGENCY), "belong to --send"),
        ((*day, "--send", "--reason", "lost", "--to", "nobody"), "nobody is not an address"),
        ((*day, "--send", "--reason", "lost", "--output", Path()), "--send sends"),
    ):
        done = evenings.run("regenerate", *what)
        assert done.returncode == 2
        assert says in done.stderr


def test_an_address_that_never_had_a_report_gets_one_only_if_it_is_said_to_be_new(
    library: Library, smtp: SmtpServer
) -> None:
    evenings = library(port=smtp.port)
    evenings.referred()
    asked = ("regenerate", "--day", str(SUNDAY), "--report", "submission", "--send", "--reason", "lost", "--to")
    smtp.messages.clear()
    done = evenings.run(*asked, "report@agency.example.org")
    assert (done.returncode, done.stdout) == (2, "")
    assert "report@agency.example.org never had a report of section global" in done.stderr
    assert "--new-recipient" in done.stderr
    assert evenings.states().count("due") == 0
    evenings.does(*asked, "lawyer@library.example.org", "--new-recipient")
    assert evenings.run(*asked, "lawyer@library.example.org").returncode == 2, "queued is not had"
    evenings.does("deliver")
    evenings.does(*asked, "Lawyer@library.example.org")
    evenings.does(*asked, AGENCY)
    evenings.does("deliver")
    lawyer = ["lawyer@library.example.org"], ["Lawyer@library.example.org"]
    assert [received.recipients for received in smtp.messages] == [*lawyer, [AGENCY]]


def test_an_address_that_left_the_settings_has_had_reports(library: Library) -> None:
    evenings = library()
    evenings.referred()
    asked = ("regenerate", "--day", str(SUNDAY), "--report", "submission", "--send", "--reason", "lost", "--to")
    text = evenings.config.read_text(encoding="utf-8")
    evenings.config.write_text(text.replace(AGENCY, "new@agency.example.org"), encoding="utf-8")
    evenings.does(*asked, AGENCY)
    evenings.does(*asked, "new@agency.example.org")


def test_what_another_section_had_does_not_make_an_address_a_recipient_of_this_one(library: Library) -> None:
    north = '[[library]]\nname = "north"\nbranches = ["FPL"]\nsend_to = ["reports@north.example.org"]\n'
    evenings = library(tables=north)
    evenings.referred()
    asked = ("regenerate", "--day", str(SUNDAY), "--report", "update", "--send", "--reason", "lost", "--to")
    done = evenings.run(*asked, "reports@north.example.org", "--library", "global")
    assert done.returncode == 2
    assert "never had a report of section global" in done.stderr
    evenings.does(*asked, "reports@north.example.org", "--library", "north")


def test_new_recipient_belongs_to_an_address(library: Library) -> None:
    evenings = library()
    evenings.referred()
    day = ("--day", str(SUNDAY), "--report", "update")
    for more in (("--send", "--reason", "lost"), ()):
        done = evenings.run("regenerate", *day, *more, "--new-recipient")
        assert done.returncode == 2
        assert "--new-recipient belongs to --to" in done.stderr
