"""What Koha makes of a row in its queue: who gets the letter, by which way, in which words.

Restated from C4::Letters (_send_message_by_email, GetPrintMessages) and Koha::Patron->notice_email_address. It reads
the row and Koha's tables alone, and knows nothing of the program.
"""

from dataclasses import dataclass
from typing import Any

from tests.support.koha import KohaDatabase

PLAIN = 'text/plain; charset="UTF-8"'
PRECEDENCE = "email|emailpro|B_email"


@dataclass(frozen=True, kw_only=True)
class Posted:
    """One letter as it leaves: by e-mail, or on paper; `failed` is Koha's code if it does not leave."""

    to: str = ""
    cc: tuple[str, ...] = ()
    printed_for: int | None = None
    content_type: str = ""
    subject: str = ""
    body: str = ""
    failed: str = ""


def posted(koha: KohaDatabase) -> list[Posted]:
    """What `process_message_queue.pl` and `gather_print_notices.pl` do with everything that is pending, in order."""
    rows = koha.query("SELECT * FROM message_queue WHERE status = 'pending' ORDER BY message_id")
    return [_mailed(koha, row) if row["message_transport_type"] == "email" else _printed(row) for row in rows]


def _printed(row: dict[str, Any]) -> Posted:
    """Print goes into the file of its patron, whatever address is in the row."""
    return Posted(printed_for=row["borrowernumber"], subject=row["subject"], body=row["content"])


def _mailed(koha: KohaDatabase, row: dict[str, Any]) -> Posted:
    """To the row's address, else the patron's; with RedirectGuaranteeEmail a copy to every guarantor who has one."""
    to = row["to_address"] or _notice_address(koha, row["borrowernumber"])
    guarantors: list[str] = []
    if _preference(koha, "RedirectGuaranteeEmail") == "1":
        links = koha.query(
            "SELECT guarantor_id FROM borrower_relationships WHERE guarantee_id = :n ORDER BY id",
            n=row["borrowernumber"],
        )
        guarantors = [address for link in links if (address := _notice_address(koha, link["guarantor_id"]))]
    if not to and guarantors:
        to, *guarantors = guarantors
    if not to:
        return Posted(failed="NO_EMAIL")
    return Posted(
        to=to,
        cc=tuple(guarantors),
        content_type=row["content_type"] or PLAIN,
        subject=row["subject"],
        body=row["content"],
    )


def _notice_address(koha: KohaDatabase, number: int) -> str:
    (patron,) = koha.query("SELECT * FROM borrowers WHERE borrowernumber = :n", n=number)
    primary = _preference(koha, "EmailFieldPrimary")
    if primary and primary not in {"OFF", "MULTI"}:
        return patron[primary] or ""
    if primary == "MULTI":
        fields = _preference(koha, "EmailFieldSelection").split(",")
        return ",".join(patron[field] for field in fields if patron[field])
    fields = (_preference(koha, "EmailFieldPrecedence") or PRECEDENCE).split("|")
    return next((patron[field] for field in fields if patron[field]), "")


def _preference(koha: KohaDatabase, name: str) -> str:
    return koha.value("SELECT value FROM systempreferences WHERE variable = :name", name=name) or ""
