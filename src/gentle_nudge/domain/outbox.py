"""The queue: reports, their deliveries, and when a delivery is tried again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from gentle_nudge.domain.moment import CLOCKS_MAY_DIFFER
from gentle_nudge.domain.report_row import BALANCES, ReportKind
from gentle_nudge.domain.wording import counted

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
PATIENCE = timedelta(days=3)
FALLS_BACK_AFTER = timedelta(minutes=30)
CLOCKS_APART = 2 * CLOCKS_MAY_DIFFER  # the clocks of two programs, one before and one after the server's


class Channel(StrEnum):
    """How a report travels; `file` is the archive, `folder` that of staff."""

    EMAIL = "email"
    SFTP = "sftp"
    FILE = "file"
    FOLDER = "folder"


class Standing(StrEnum):
    """What this database is: the library's own, one of a test copy (SendAllEmailsTo is set), or a declared copy."""

    LIBRARY = "library"
    TEST_COPY = "test copy"
    COPY = "copy"


# A channel that is not listed stays: its deliveries remain due.
MAY_LEAVE = {
    Standing.LIBRARY: frozenset({Channel.EMAIL, Channel.SFTP, Channel.FILE, Channel.FOLDER}),
    Standing.TEST_COPY: frozenset({Channel.EMAIL, Channel.FILE, Channel.FOLDER}),
    Standing.COPY: frozenset({Channel.EMAIL}),
}
# On these channels each address is a recipient of its own; on the others the settings name one place for everything.
BY_ADDRESS = frozenset({Channel.EMAIL})
# These are folders of the library's own: the archive, and that of staff, which has the page of every night.
FOLDERS = frozenset({Channel.FILE, Channel.FOLDER})
# Why a delivery of a database that is not the library's own is cancelled: whatever it sends tells nobody.
TELLS_NOBODY = {Standing.TEST_COPY: "test copy", Standing.COPY: "this database is a copy"}
# The channels by which the agency hears of a patron; a copy in the archive tells nobody.
TELLS_AGENCY = frozenset({Channel.EMAIL, Channel.SFTP})


class DeliveryState(StrEnum):
    """The states of a delivery."""

    DUE = "due"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


WAITING = (DeliveryState.DUE, DeliveryState.FAILED)
UNDELIVERED = (*WAITING, DeliveryState.SENDING)
GOING_OR_GONE = (DeliveryState.SENDING, DeliveryState.SENT)


class AttemptOutcome(StrEnum):
    """The outcome of one try; `lost`: it may have arrived, but the process or the connection ended too soon."""

    SENT = "sent"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """One recipient on one channel: a mail address, a server with its folder, or a folder.

    `tells`: whoever gets it is the agency, not only a reader of copies. `named`: a person named it.
    """

    channel: Channel
    recipient: str
    tells: bool = field(default=True, compare=False)
    named: bool = field(default=False, compare=False)

    @property
    def tells_agency(self) -> bool:
        """Whether it reaches the agency."""
        return self.channel in TELLS_AGENCY


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A queued report without its bytes, which were deleted on the day `pruned_on`."""

    id: int
    run: int
    section: str
    report: ReportKind
    day: date
    number: int
    file_name: str
    subject: str
    body: str
    size: int
    rows: int
    sha256: str
    pruned_on: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One report to one recipient.

    `report` is the id of the stored report. `attempts` are the tries begun so far. The state began at `since`. `reason`
    is why it was cancelled or repeated. `first_queued` is the instant of queueing by a clock that was wrong, if it was
    mended since. `strict`: it leaves only after every older one of its stream. `went_to` is where it really went.
    """

    id: int
    report: int
    section: str
    kind: ReportKind
    day: date
    file_name: str
    address: Address
    state: DeliveryState
    attempts: int
    next_attempt: datetime
    since: datetime
    queued: datetime
    first_queued: datetime | None = None
    reason: str | None = None
    who: str | None = None
    is_repeat: bool = False
    strict: bool = False
    went_to: str | None = None

    def may_leave(self, standing: Standing) -> bool:
        """Whether a database of this standing may send it."""
        return self.address.channel in MAY_LEAVE[standing]

    @property
    def keeps_order(self) -> bool:
        """Whether it belongs to a stream, in which older balances must never arrive after newer ones.

        Updates and syncs of one section to one address are one stream, and so are all its uploads, wherever the
        settings point now. A submission says nothing that a later one could make untrue, a copy in the archive
        overtakes nobody, and a repeat is marked as one.
        """
        return self.kind in BALANCES and self.address.tells_agency and not self.is_repeat


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try of a delivery."""

    delivery: int
    at: datetime
    outcome: AttemptOutcome
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryAttempts:
    """A delivery with its tries, oldest first."""

    delivery: Delivery
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LateDelivery:
    """An undelivered delivery; the oldest report that its recipient still waits for was queued at `since`."""

    delivery: Delivery
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelledSubmission:
    """A submission that was cancelled, and so many `patrons` were charged of whom the agency was not told.

    `ids` are its cancelled deliveries. `by_person`: somebody ended it for this reason; else it was made on a copy.
    `is_pruned`: the report was deleted, so that it cannot be sent any more.
    """

    section: str
    day: date
    patrons: int
    ids: tuple[int, ...]
    by_person: bool
    reason: str
    is_pruned: bool = False

    @property
    def sentence(self) -> str:
        """What happened."""
        return (
            f"{self.section}: the submission of {self.day} was cancelled ({self.reason}): "
            f"{counted(self.patrons, 'patron was', 'patrons were')} charged, and the agency was not told of them."
        )

    @property
    def way_out(self) -> str:
        """What a person can do about it."""
        numbers = " ".join(map(str, self.ids))
        send = "" if self.is_pruned else f"To send it: gentle-nudge outbox retry {numbers}. "
        end = "" if self.by_person else f"To end it: gentle-nudge outbox cancel {numbers} --reason TEXT. "
        return f"{send}{end}To take its patrons back: gentle-nudge release --submission {self.day} --reason TEXT."


def went_to_others(deliveries: Iterable[Delivery], *, to_tell: Iterable[str], to_get: Iterable[str]) -> bool:
    """Whether somebody in `to_tell` did not get this report by mail, or somebody told by it is not in `to_get`.

    False if it went to nobody. Uploads make no difference: there is one [sftp] for all sections, and whoever changes it
    changes it for all.
    """
    sent = [each for each in deliveries if each.address.tells_agency and not each.is_repeat]
    by_mail = [each for each in sent if each.address.channel is Channel.EMAIL]
    got = {each.address.recipient.casefold() for each in by_mail}
    told = {each.address.recipient.casefold() for each in by_mail if each.address.tells}
    ours, readers = ({recipient.casefold() for recipient in some} for some in (to_tell, to_get))
    return bool(sent) and not (ours <= got and told <= readers)


def next_attempt(attempts: int) -> timedelta:
    """The pause after this many failed tries: a minute, doubling with each, six hours at most."""
    doublings = min(max(attempts, 1) - 1, (LONGEST_PAUSE // FIRST_PAUSE).bit_length())
    pause: timedelta = FIRST_PAUSE * 2**doublings
    return min(pause, LONGEST_PAUSE)


def is_given_up(queued: datetime, now: datetime) -> bool:
    """Whether a delivery queued at this instant has failed: three days have passed."""
    return now - queued >= PATIENCE
