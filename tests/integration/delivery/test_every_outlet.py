"""What every outlet promises, whatever it leads to; a new one joins by an entry in PLACES."""

import mailbox
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import pytest

from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.delivery.maildir import MaildirOutlet
from gentle_nudge.delivery.outlet import DeliveryFailed, Outlet
from gentle_nudge.delivery.sftp import SftpOutlet
from gentle_nudge.delivery.smtp import SmtpOutlet
from gentle_nudge.delivery.staff_folder import StaffFolder
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.report_row import PAGES, TO_AGENCY, ReportKind
from gentle_nudge.settings.keys import Mail, Sftp
from tests.integration.delivery.items import LETTERHEAD, REPORT, an_item
from tests.support.nights import a_policy
from tests.support.programs import free_port
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer

SECRET = "s3cret-password"


@dataclass(frozen=True, kw_only=True)
class Place:
    """An outlet, the files that have arrived there (a repeat of a message counts once), and one that leads nowhere."""

    outlet: Outlet
    arrived: Callable[[], list[bytes]]
    nowhere: Outlet
    replaces: bool = False
    kinds: tuple[ReportKind, ...] = TO_AGENCY


def a_mail_server(request: pytest.FixtureRequest) -> Place:
    server: SmtpServer = request.getfixturevalue("smtp")
    return Place(
        outlet=SmtpOutlet(Mail(port=server.port), LETTERHEAD, timeout=10),
        arrived=lambda: attached_to(received.message for received in server.messages),
        nowhere=SmtpOutlet(Mail(port=free_port(), user="koha", password=SECRET), LETTERHEAD, timeout=2),
        kinds=(*TO_AGENCY, *PAGES),
    )


def a_maildir(request: pytest.FixtureRequest) -> Place:
    folder: Path = request.getfixturevalue("tmp_path")
    return Place(
        outlet=MaildirOutlet(folder=folder / "mail", letterhead=LETTERHEAD),
        arrived=lambda: attached_to(mailbox.Maildir(folder / "mail")) if (folder / "mail").exists() else [],
        nowhere=MaildirOutlet(folder=folder / "none" / "mail", letterhead=LETTERHEAD),
        kinds=(*TO_AGENCY, *PAGES),
    )


def an_sftp_server(request: pytest.FixtureRequest) -> Place:
    server: SftpServer = request.getfixturevalue("sftp")
    given = Sftp(
        host=server.host, port=server.port, user=server.user, password=server.password or "", host_key=server.host_key
    )
    nowhere = Sftp(host="127.0.0.1", port=free_port(), user="x", password=SECRET, host_key="ssh-ed25519 AAAA")
    return Place(
        outlet=SftpOutlet(given, timeout=10),
        arrived=lambda: list(server.files().values()),
        nowhere=SftpOutlet(nowhere, timeout=2),
    )


def an_archive(request: pytest.FixtureRequest) -> Place:
    folder: Path = request.getfixturevalue("tmp_path") / "archive"
    return Place(
        outlet=ArchiveOutlet(directory=folder, database="koha_lib"),
        arrived=lambda: [path.read_bytes() for path in folder.glob("*.csv")],
        nowhere=ArchiveOutlet(directory=folder / "none" / "archive", database="koha_lib"),
    )


def a_staff_folder(request: pytest.FixtureRequest) -> Place:
    folder: Path = request.getfixturevalue("tmp_path") / "staff"
    return Place(
        outlet=StaffFolder(directory=folder, database="koha_lib"),
        arrived=lambda: [path.read_bytes() for path in folder.glob("*.csv")],
        nowhere=StaffFolder(directory=folder / "none" / "staff", database="koha_lib"),
        replaces=True,
        kinds=PAGES,
    )


PLACES = (a_mail_server, a_maildir, an_sftp_server, an_archive, a_staff_folder)


def attached_to(messages: Iterator[Message] | mailbox.Maildir) -> list[bytes]:
    """The files of the messages, those with one Message-ID counted once."""
    by_id = {message["Message-ID"]: message.get_payload(1).get_payload(decode=True) for message in messages}  # type: ignore[union-attr] # multipart
    return [content for content in by_id.values() if isinstance(content, bytes)]


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    made: Place = request.param(request)
    with closing(made.outlet), closing(made.nowhere):
        yield made


class TestEveryOutlet:
    def test_a_report_arrives_byte_for_byte_and_staff_need_not_know(self, place: Place) -> None:
        assert place.outlet.deliver(an_item()) == ()
        assert place.arrived() == [REPORT]

    def test_a_second_try_delivers_nothing_a_second_time(self, place: Place) -> None:
        place.outlet.deliver(an_item())
        place.outlet.deliver(an_item())
        assert place.arrived() == [REPORT]

    def test_another_report_of_the_same_name_takes_the_place_of_none_but_a_page_does(self, place: Place) -> None:
        place.outlet.deliver(an_item())
        place.outlet.deliver(an_item(b"other", delivery=8))
        assert Counter(place.arrived()) == Counter([b"other"] if place.replaces else [REPORT, b"other"])

    def test_several_reports_go_one_after_the_other_and_again_after_closing(self, place: Place) -> None:
        for number in range(3):
            place.outlet.deliver(an_item(b"%d" % number, delivery=number, name=f"ums-{number}.csv"))
        place.outlet.close()
        place.outlet.deliver(an_item(b"3", delivery=3, name="ums-3.csv"))
        assert sorted(place.arrived()) == [b"0", b"1", b"2", b"3"]

    def test_a_report_that_breaks_off_while_it_is_read_does_not_arrive_and_the_next_does(self, place: Place) -> None:
        def broken() -> Iterator[bytes]:
            yield REPORT
            raise KeyError

        with pytest.raises(KeyError):
            place.outlet.deliver(an_item(chunks=broken))
        assert place.arrived() == []
        place.outlet.deliver(an_item())
        assert place.arrived() == [REPORT]

    def test_what_does_not_arrive_says_why_and_nothing_of_the_report_or_a_password(self, place: Place) -> None:
        with pytest.raises(DeliveryFailed) as caught:
            place.nowhere.deliver(an_item())
        assert caught.value.sentence
        assert not caught.value.lost
        assert not {"Brien", SECRET} & set(f"{caught.value.sentence} {caught.value.hint}".replace("'", " ").split())

    def test_a_probe_finds_nothing_where_all_is_well_and_leaves_nothing_behind(self, place: Place) -> None:
        assert list(place.outlet.probe()) == []
        assert place.arrived() == []

    def test_a_probe_of_what_is_not_there_says_what_why_and_the_way_out(self, place: Place) -> None:
        (finding,) = place.nowhere.probe()
        assert all((finding.name, finding.what, finding.why, finding.way_out))
        assert SECRET not in f"{finding.what} {finding.way_out}"

    def test_reports_go_to_the_agency_and_pages_to_staff(self, place: Place) -> None:
        section = Section(policy=a_policy(staff_to=("clerk@library.example",)))
        gets = {kind: place.outlet.recipients(section, kind) for kind in (*TO_AGENCY, *PAGES)}
        assert tuple(kind for kind, recipients in gets.items() if recipients) == place.kinds
        assert set(gets[ReportKind.UPDATE]).isdisjoint(gets[ReportKind.NIGHT])

    def test_what_was_never_opened_can_be_closed_and_more_than_once(self, place: Place) -> None:
        place.outlet.close()
        place.outlet.close()

    def test_a_large_report_arrives(self, place: Place) -> None:
        content = b"9,O'Brien,Pat,20000009,1240.55\n" * 100_000
        place.outlet.deliver(an_item(content))
        assert place.arrived() == [content]
