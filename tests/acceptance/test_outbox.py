"""The queue of deliveries, as the librarian sees and steers it."""

import json
from datetime import timedelta
from typing import Any

from tests.acceptance.evenings import AGENCY, Evenings, Library
from tests.builders.days import MONDAY, SUNDAY
from tests.support.smtp import SmtpServer


def listed(evenings: Evenings, *options: str) -> list[dict[str, Any]]:
    found = json.loads(evenings.does("outbox", *options, "--format", "json"))
    deliveries: list[dict[str, Any]] = found["deliveries"]
    return deliveries


def test_what_waits_is_shown_with_its_tries_and_why_they_failed(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.owing()
    assert evenings.does("outbox") == "Nothing was queued yet.\n"
    smtp.answer("rcpt", "451 come back later")
    assert evenings.run("nightly", on=SUNDAY).returncode == 1
    said = evenings.does("outbox")
    assert said.splitlines()[0] == "2 due"
    assert f"ums-new-submissions-{SUNDAY}.csv  {AGENCY} (email)      1" in said
    assert "451 come back later" in said
    submission, update = listed(evenings)
    assert (submission["state"], submission["attempts"], submission["report"]) == ("due", 1, "submission")
    assert [(one["outcome"], "451" in one["reason"]) for one in update["tries"]] == [("failed", True)]
    assert listed(evenings, "--failed") == []
    evenings.run("deliver", on=SUNDAY + timedelta(days=4))
    assert [one["state"] for one in listed(evenings, "--failed")] == ["failed", "failed"]
    smtp.behave()
    evenings.does("outbox", "retry", "1", "2")
    evenings.does("deliver")
    assert listed(evenings) == []
    assert [one["state"] for one in listed(evenings, "--state", "sent")] == ["sent", "sent"]
    assert evenings.does("outbox").splitlines() == ["2 sent"]


def test_a_delivery_is_given_up_and_taken_up_again(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.owing()
    smtp.answer("rcpt", "550 no such address")
    evenings.run("nightly", on=SUNDAY)
    said = evenings.does("--verbose", "outbox", "cancel", "1", "--reason", "the address is no more", on=MONDAY)
    assert said == f"1: ums-new-submissions-{SUNDAY}.csv to {AGENCY} is cancelled\n"
    cancelled, _ = listed(evenings)
    assert (cancelled["state"], cancelled["reason"], cancelled["who"]) == (
        "cancelled",
        "the address is no more",
        "tester",
    )
    assert "cancelled by tester: the address is no more" in evenings.does("outbox")
    smtp.behave()
    evenings.does("deliver")
    assert [it.message["Subject"] for it in smtp.messages] == ["UMS Updates for Springfield Public Library"]
    evenings.does("outbox", "retry", "1")
    evenings.does("deliver")
    assert evenings.states() == ["sent", "sent"]


def test_all_or_nothing_is_done_and_every_reason_told(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.referred()
    smtp.answer("rcpt", "451 come back later")
    evenings.run("nightly", on=MONDAY)
    assert evenings.states() == ["sent", "sent", "due"]
    for what, says in (
        (("retry", "3", "7", "9"), ("No delivery has the number 7 or 9.",)),
        (("retry", "1", "2", "3"), ("Delivery 1 ", "Delivery 2 ", "regenerate --send", "Nothing was changed.")),
        (("cancel", "1", "3", "--reason", "x"), ("Delivery 1 ", "is sent: there is nothing to cancel")),
        (("cancel", "3", "--reason", " "), ("A reason is needed",)),
        (("cancel", "3"), ("--reason",)),
        (("retry",), ("ID",)),
    ):
        done = evenings.run("outbox", *what)
        assert done.returncode == 2
        for part in says:
            assert part in done.stderr
    assert evenings.states() == ["sent", "sent", "due"]


def test_an_older_balance_is_not_sent_after_a_newer_one_by_hand_either(library: Library, smtp: SmtpServer) -> None:
    evenings = library(policy='update_lists = "changed"', port=smtp.port)
    evenings.owing()
    smtp.answer("rcpt", "451 come back later")
    evenings.run("nightly", on=SUNDAY)
    evenings.does("outbox", "cancel", "2", "--reason", "not now")
    smtp.behave()
    evenings.does("outbox", "retry", "1")
    evenings.does("nightly", on=MONDAY)
    done = evenings.run("outbox", "retry", "2")
    assert done.returncode == 2
    assert "newer balances went to the same recipient" in done.stderr


def test_a_submission_taken_back_cannot_be_sent_after_all(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.owing()
    smtp.answer("rcpt", "451 come back later")
    evenings.run("nightly", on=SUNDAY)
    evenings.does("release", "--submission", str(SUNDAY), "--reason", "a mistake", on=MONDAY)
    done = evenings.run("outbox", "retry", "1")
    assert done.returncode == 2
    assert "nobody in it is in collections any more" in done.stderr


def test_a_report_that_the_database_no_longer_holds_as_it_was_is_not_sent(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.owing()
    smtp.answer("rcpt", "451 come back later")
    evenings.run("nightly", on=SUNDAY)
    evenings.koha.execute("DELETE FROM gentle_nudge_report_part")
    smtp.behave()
    done = evenings.run("deliver", on=MONDAY)
    assert done.returncode == 1
    assert done.stderr.count("what the database holds is not what was stored") == 2
    assert smtp.sent_to(AGENCY) == []
    assert evenings.states() == ["due", "due"]
