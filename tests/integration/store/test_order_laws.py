"""The law of the order: what arrives at one recipient never goes back to an older report, and nothing is lost."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from gentle_nudge.delivery.outlet import DeliveryFailed, Item
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.finding import Finding
from gentle_nudge.domain.outbox import Channel, DeliveryState
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.sending.deliver import deliver
from gentle_nudge.jobs.sending.outlets import Outlets
from gentle_nudge.store import deliveries
from gentle_nudge.store.tables import report, run
from tests.builders.ours import NOW, a_report
from tests.builders.values import a_policy

AGENCY, OTHER = "reports@agency.example", "other@agency.example"
STEPS = (
    *("night", "night", "night", "sync", "deliver", "deliver_at_once", "a_week"),
    *("agency_down", "other_down", "server_down", "answers_get_lost", "all_up"),
    *("folder_moves", "lists_change", "section_renamed", "policy_incomplete", "policy_complete"),
    *("other_leaves", "other_returns", "uploads_leave", "uploads_return"),
)
by_steps = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(kw_only=True)
class World:
    """The agency's mailboxes and server: what has arrived there, and what they take now."""

    arrived: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    down: set[str] = field(default_factory=set)
    loses_answers: bool = False
    folder: str = "in"


@dataclass(frozen=True, kw_only=True)
class Mailboxes:
    """An outlet for mail into this world."""

    world: World

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:  # noqa: ARG002
        return section.policy.recipients()

    def tells(self, section: Section, recipient: str) -> bool:  # noqa: ARG002
        return True

    def destination(self, recipient: str) -> str:
        return recipient

    def deliver(self, item: Item) -> tuple[str, ...]:
        place = self.place(item.recipient)
        if place in self.world.down:
            raise DeliveryFailed("451")
        self.world.arrived[place].append(int(item.subject))
        if self.world.loses_answers:
            raise DeliveryFailed("lost", lost=True)
        return ()

    def place(self, recipient: str) -> str:
        return recipient

    def probe(self) -> tuple[Finding, ...]:
        return ()

    def close(self) -> None:
        pass


class Server(Mailboxes):
    """An outlet for uploads into this world: one server, whatever its folder."""

    def recipients(self, section: Section, kind: ReportKind) -> tuple[str, ...]:  # noqa: ARG002
        return (self.destination(""),)

    def destination(self, recipient: str) -> str:  # noqa: ARG002
        return f"server/{self.world.folder}"

    def place(self, recipient: str) -> str:  # noqa: ARG002
        return "server"


class Library:
    """A library whose settings and fortune change from step to step; only its reports count, not what is in them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.world = World()
        self.now = NOW
        self.reports = 0
        self.channels: dict[Channel, Mailboxes] = {}
        self.uploads_return()
        self.section = Section(name="north", policy=a_policy(send_to=(AGENCY, OTHER)))
        self.complete = True

    def queue(self, kind: ReportKind) -> None:
        self.reports += 1
        strict = self.section.policy.update_lists == "changed"
        with self.engine.begin() as conn:
            stored = a_report(conn, report=kind, section=self.section.name, subject=str(self.reports))
            to = Outlets(by_channel=self.channels).addresses(self.section, kind)
            deliveries.enqueue(conn, report=stored.id, to=to, now=self.now, strict=strict)

    def send(self, *, failed_too: bool = False) -> None:
        sections = (self.section,) if self.complete else ()
        names = (self.section.names,)
        outlets = Outlets(by_channel=self.channels)
        deliver(self.engine, sections, outlets, lambda: self.now, families=names, failed_too=failed_too)

    def night(self) -> None:
        if self.complete:
            self.queue(ReportKind.UPDATE)
            self.send(failed_too=True)

    def sync(self) -> None:
        if self.complete:
            self.queue(ReportKind.SYNC)

    def deliver(self) -> None:
        self.now += timedelta(hours=7)  # longer than any pause
        self.send()

    def deliver_at_once(self) -> None:
        """What has just failed pauses, and what is newer may go."""
        self.send()

    def a_week(self) -> None:
        self.now += timedelta(days=7)

    def agency_down(self) -> None:
        self.world.down.add(AGENCY)

    def other_down(self) -> None:
        self.world.down.add(OTHER)

    def server_down(self) -> None:
        self.world.down.add("server")

    def answers_get_lost(self) -> None:
        self.world.loses_answers = True

    def all_up(self) -> None:
        self.world.down, self.world.loses_answers = set(), False

    def folder_moves(self) -> None:
        self.world.folder = {"in": "incoming", "incoming": "in"}[self.world.folder]

    def lists_change(self) -> None:
        before = self.section.policy
        changes = replace(before, update_lists="changed")
        after = changes if before.update_lists == "all" else replace(before, update_lists="all")
        self.section = replace(self.section, policy=after)

    def section_renamed(self) -> None:
        old = self.section
        name = f"{old.name}-x"
        self.section = replace(old, name=name, formerly=old.names)

    def policy_incomplete(self) -> None:
        self.complete = False

    def policy_complete(self) -> None:
        self.complete = True

    def other_leaves(self) -> None:
        self.section = replace(self.section, policy=replace(self.section.policy, send_to=(AGENCY,)))

    def other_returns(self) -> None:
        self.section = replace(self.section, policy=replace(self.section.policy, send_to=(AGENCY, OTHER)))

    def uploads_leave(self) -> None:
        self.channels.pop(Channel.SFTP, None)

    def uploads_return(self) -> None:
        self.channels = {Channel.EMAIL: Mailboxes(world=self.world), Channel.SFTP: Server(world=self.world)}

    def in_the_end(self) -> None:
        """Everything works again, and everybody is back; no further report is made."""
        for step in (self.all_up, self.policy_complete, self.other_returns, self.uploads_return):
            step()
        for _ in range(self.reports + 2):
            self.now += timedelta(hours=7)
            self.send(failed_too=True)


def lost(engine: Engine) -> Iterator[tuple[int, DeliveryState]]:
    """Deliveries that neither arrived nor are made up for by a newer one that lists as much."""
    with engine.connect() as conn:
        queued = deliveries.by_state(conn, *DeliveryState)
    for each in queued:
        newer = [
            later
            for later in queued
            if later.report > each.report
            and later.address.channel is each.address.channel
            and (later.address == each.address or later.address.channel is Channel.SFTP)
            and later.state is DeliveryState.SENT
            and not later.strict
            and (not each.strict or later.kind is ReportKind.UPDATE)
        ]
        if not (each.state is DeliveryState.SENT or (each.state is DeliveryState.SUPERSEDED and newer)):
            yield each.id, each.state


def test_nothing_goes_back_and_nothing_is_lost_whatever_happens(engine: Engine) -> None:
    @by_steps
    @given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=25))
    @example(["server_down", "night", "folder_moves", "all_up", "night", "deliver"])
    @example(["lists_change", "agency_down", "night", "all_up", "night", "deliver"])
    @example(["agency_down", "night", "lists_change", "all_up", "night"])
    @example(["lists_change", "agency_down", "night", "lists_change", "sync", "all_up", "deliver_at_once"])
    @example(["lists_change", "agency_down", "night", "sync", "policy_incomplete", "all_up", "deliver_at_once"])
    @example(["agency_down", "night", "section_renamed", "sync", "policy_incomplete", "all_up", "deliver_at_once"])
    def holds(steps: Sequence[str]) -> None:
        with engine.begin() as conn:
            conn.execute(delete(report))
            conn.execute(delete(run))
        library = Library(engine)
        for step in steps:
            getattr(library, step)()
        library.in_the_end()
        for reports in library.world.arrived.values():
            assert reports == sorted(reports)
        assert list(lost(engine)) == []

    holds()
