"""What `check` says of `prior_notice` and `claims_returned`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.libraries import Library, today
from tests.builders.koha import a_patron, is_sent
from tests.support.command import Command
from tests.support.koha import KohaDatabase


@pytest.fixture
def library(koha: KohaDatabase, tmp_path: Path, command: Command) -> Library:
    """A library in good health that asks for the letter BILL, which Koha has."""
    library = Library(koha=koha, folder=tmp_path, command=command)
    library.initialise()
    koha.put("message_transport_types", message_transport_type="email")
    koha.put("letter", module="circulation", code="BILL", message_transport_type="email")
    library.set("policy", prior_notice='["BILL"]')
    return library


def findings(library: Library) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in library.check()}


def test_without_prior_notice_nothing_is_said(library: Library) -> None:
    library.leave_out("policy", "prior_notice")
    assert findings(library) == {}


def test_a_letter_that_koha_does_not_have_is_a_problem(library: Library) -> None:
    library.set("policy", prior_notice='["bill", "BILLL"]')
    found = findings(library)
    assert found.keys() == {"notice-letter-unknown", "notice-begins"}
    assert "no letter BILLL" in found["notice-letter-unknown"]["what"]


def test_before_the_first_letter_it_says_that_none_is_collected(library: Library) -> None:
    (finding,) = library.check()
    assert (finding["name"], finding["severity"]) == ("notice-begins", "note")
    assert "No letter has been collected yet" in finding["what"]


@pytest.mark.parametrize(("sent_before", "weeks"), [(14, 0), (13, 1), (7, 1), (6, 2)])
def test_it_says_from_which_submission_on_anybody_can_qualify(library: Library, sent_before: int, weeks: int) -> None:
    sent = today() - timedelta(days=sent_before)
    is_sent(library.koha, a_patron(library.koha), "BILL", day=sent)
    assert library.run("nightly").returncode == 0
    what = findings(library)["notice-begins"]["what"]
    assert f"was sent on {sent}: from the submission of {today() + timedelta(weeks=weeks)} on" in what


@pytest.mark.parametrize(("days", "found"), [("31", False), ("32", True)])
def test_a_notice_that_is_longer_than_the_window_is_a_warning(library: Library, days: str, *, found: bool) -> None:
    library.set("policy", prior_notice_days=days)
    names = findings(library)
    assert ("notice-outlasts-window" in names) == found
    assert not found or names["notice-outlasts-window"]["severity"] == "warning"


def test_a_koha_without_claims_is_a_problem_where_they_are_left_out(library: Library) -> None:
    library.leave_out("policy", "prior_notice")
    library.koha.spoil("DROP TABLE return_claims")
    assert findings(library) == {}
    library.set("policy", claims_returned='"leave_out"')
    assert findings(library).keys() == {"return-claims-missing"}
