"""The outlets of a library, taken together."""

import re
from pathlib import Path

import pytest

import gentle_nudge
from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.delivery.maildir import MaildirOutlet
from gentle_nudge.delivery.message import Letterhead
from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.delivery.sftp import SftpOutlet
from gentle_nudge.delivery.smtp import SmtpOutlet
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.outbox import Address, Channel
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.settings.keys import Mail, Sftp
from tests.integration.delivery.items import an_item
from tests.support.nights import a_policy

LETTERHEAD = Letterhead(sender="koha@library.example", instance="koha_lib")
COMPARED = re.compile(r"(?:\bis|\bis not|==|!=|\bcase) Channel\.|channel (?:is|==|!=|in)\b.*Channel\.")


def test_everybody_who_gets_a_report_is_addressed_by_the_channels_there_are(tmp_path: Path) -> None:
    archive = ArchiveOutlet(directory=tmp_path / "archive", database="koha_lib")
    mail = MaildirOutlet(folder=tmp_path / "mail", letterhead=LETTERHEAD)
    outlets = Outlets(by_channel={Channel.EMAIL: mail, Channel.FILE: archive})
    section = Section(policy=a_policy(copy_to=("copy@library.example",)))
    assert outlets.addresses(section, ReportKind.UPDATE) == (
        Address(channel=Channel.EMAIL, recipient="reports@agency.example"),
        Address(channel=Channel.EMAIL, recipient="copy@library.example"),
        Address(channel=Channel.FILE, recipient=str(tmp_path / "archive")),
    )
    assert outlets.archive is archive


def test_the_agency_is_told_by_what_is_sent_or_uploaded_to_it_and_not_by_copies(tmp_path: Path) -> None:
    sftp = Sftp(host="sftp.agency.example", user="library", password="p", host_key="ssh-ed25519 AAAA")
    outlets = Outlets(
        by_channel={
            Channel.EMAIL: SmtpOutlet(Mail(), LETTERHEAD, timeout=1),
            Channel.SFTP: SftpOutlet(sftp, timeout=1),
            Channel.FILE: ArchiveOutlet(directory=tmp_path / "archive", database="koha_lib"),
        }
    )
    section = Section(policy=a_policy(copy_to=("copy@library.example",)))
    assert [address.tells for address in outlets.addresses(section, ReportKind.UPDATE)] == [True, False, True, False]


def test_a_delivery_whose_server_was_taken_out_of_the_settings_fails_with_the_way_out() -> None:
    with pytest.raises(DeliveryFailed, match="nothing of sftp deliveries") as caught:
        Outlets().deliver(an_item(), Channel.SFTP)
    assert "outbox cancel" in caught.value.hint


def test_channels_are_compared_in_the_domain_alone() -> None:
    source = Path(gentle_nudge.__file__).parent
    files = [file for file in source.rglob("*.py") if file.parent != source / "domain"]
    assert [file.name for file in files if COMPARED.search(file.read_text(encoding="utf-8"))] == []
