"""Findings about sender and recipients, mail server, SFTP server and folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from sqlalchemy import Connection

from gentle_nudge.delivery.metrics_file import metrics_findings
from gentle_nudge.delivery.ping import monitor_findings
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding, Severity
from gentle_nudge.domain.outbox import UNDELIVERED, Standing
from gentle_nudge.domain.setting import ADDRESS
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.sending.outlets import standing_of
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.koha.read.administration import addresses, preferences
from gentle_nudge.settings.keys import Mail, Monitoring
from gentle_nudge.store import deliveries, meta

PATIENCE = 10
SENDER_WAY_OUT = "Fill Koha's preference KohaAdminEmailAddress, or set sender in [mail]."


def people(conn: Connection, library: Library, sections: Sequence[Section]) -> Iterator[Finding]:
    """Whether there is a sender, a recipient, and somebody who receives alerts."""
    admin = next(iter(addresses(preferences(conn, ["KohaAdminEmailAddress"])["KohaAdminEmailAddress"])), "")
    yield from _sender(library.settings.mail, admin)
    if not admin and not library.settings.alerts.to:
        yield Finding(
            name="alerts-go-nowhere",
            severity=Severity.WARNING,
            what="Nobody is told when a night goes wrong: alerts.to and KohaAdminEmailAddress are empty.",
            why="Trouble would show in exit codes and on stderr alone, which koha-foreach and cron easily swallow.",
            way_out="Fill Koha's preference KohaAdminEmailAddress, or set to in [alerts].",
        )
    if standing_of(conn) is not Standing.LIBRARY:
        yield Finding(
            name="test-copy",
            severity=Severity.WARNING,
            what="This Koha is a test copy (SendAllEmailsTo is set, or init --copy was run).",
            why="Nothing reaches the agency.",
            way_out="If it is the library itself, empty the preference SendAllEmailsTo, or run init --moved.",
        )
    sender = (library.settings.mail.sender or admin).casefold()
    for section in sections:
        if section.enabled and {address.casefold() for address in section.policy.recipients()} == {sender}:
            yield Finding(
                name="recipient-is-sender",
                severity=Severity.WARNING,
                what=f"The reports of section {section.name} go to the address alone that sends them.",
                why="The agency gets no report by e-mail.",
                way_out="Name the agency's address in send_to.",
            )


def held(conn: Connection, library: Library) -> Iterator[Finding]:
    """The deliveries that the settings do not let go any more."""
    if not meta.missing_or_old(conn):
        waiting = deliveries.by_state(conn, *UNDELIVERED)
        reasons = library.held(conn, waiting)
        for delivery in (delivery for delivery in waiting if delivery.id in reasons):
            yield Finding(
                name="delivery-held",
                what=f"{delivery.file_name} for {delivery.address.recipient} is held: {reasons[delivery.id]}.",
                why="It is not sent, and every night fails until somebody decides.",
                way_out=f"Put it back, or: gentle-nudge outbox cancel {delivery.id} --reason TEXT",
            )


def _sender(mail: Mail, admin: str) -> Iterator[Finding]:
    if mail.maildir or mail.sender:
        return
    if not admin:
        why = "No mail server takes a message without a sender: nightly and sync refuse."
        yield Finding(name="no-sender", what="No sender address is configured.", why=why, way_out=SENDER_WAY_OUT)
    elif not ADDRESS.fullmatch(admin):
        why = "Mail servers refuse a sender that is not a plain e-mail address, such as koha@library.example."
        what = "The first address in Koha's preference KohaAdminEmailAddress, which sends the reports, is not plain."
        yield Finding(name="sender-implausible", what=what, why=why, way_out=SENDER_WAY_OUT)


def watchers(monitoring: Monitoring) -> Iterator[Finding]:
    """What is wrong with the monitor and the metrics file."""
    if monitoring.ping_url:
        yield from monitor_findings(monitoring.ping_url)
    if monitoring.metrics_file:
        yield from metrics_findings(monitoring.metrics_file)


def answers(library: Library) -> Iterator[Finding]:
    """What is wrong with the servers and folders, each of them tried."""
    try:
        with read_only(library.engine) as conn:
            outlets = library.outlets(conn, patience=PATIENCE)
    except UserError:
        return  # without a sender, which is a finding already
    with closing(outlets):
        for outlet in outlets.by_channel.values():
            yield from outlet.probe()
