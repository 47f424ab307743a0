"""A library: the settings, its Koha, its database and its outlets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from gentle_nudge.delivery.archive import ArchiveOutlet
from gentle_nudge.domain.collections.policy import Section
from gentle_nudge.domain.outbox import UNDELIVERED, Delivery, Standing
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.identity import refuse_elsewhere
from gentle_nudge.jobs.sections import chosen, codes_of, named, sections_of
from gentle_nudge.jobs.sending.outlets import ANY, Outlets, outlets_of
from gentle_nudge.jobs.sending.restore_mark import journal_of, refuse_restored
from gentle_nudge.jobs.transaction import log_statements, read_only
from gentle_nudge.koha.connect.engine import engine
from gentle_nudge.koha.connect.instance import Instance, instance
from gentle_nudge.koha.inspect.clock import refuse_other_time
from gentle_nudge.koha.inspect.unknown_codes import refuse_misfits
from gentle_nudge.settings import Settings
from gentle_nudge.texts.environment import Texts


@dataclass(frozen=True, kw_only=True)
class Library:
    """One Koha with our settings for it."""

    settings: Settings
    instance: Instance
    clock: Callable[[], datetime]

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], datetime]) -> Library:
        """The library of these settings; nothing is connected yet."""
        return cls(settings=settings, instance=instance(settings), clock=clock)

    @cached_property
    def engine(self) -> Engine:
        """Connections to its database."""
        new_engine = engine(self.instance)
        log_statements(new_engine)
        return new_engine

    @cached_property
    def texts(self) -> Texts:
        """The texts it sends."""
        return Texts(self.settings.templates.directory)

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone."""
        return self.instance.zone

    @property
    def runs_plugins(self) -> bool:
        """True unless koha-conf.xml switches plugins off."""
        return self.instance.conf is None or self.instance.conf.enable_plugins

    @property
    def archive(self) -> ArchiveOutlet | None:
        """The folder of report copies, if the settings name one."""
        directory = self.settings.archive.directory
        return ArchiveOutlet(directory=directory, database=self.instance.database) if directory else None

    def may_act(self) -> None:
        """GentleNudgeError where nothing may be changed: elsewhere, on a restored database, or at another time."""
        self.refuse_other_database()
        self.refuse_other_time()

    def refuse_other_time(self) -> None:
        """GentleNudgeError while the database server's clock and ours are too far apart to write anything."""
        with read_only(self.engine) as conn:
            refuse_other_time(conn, self.clock())

    def refuse_other_database(self) -> None:
        """UserError elsewhere, or on a database restored from a backup.

        The archive's note is read before the database, because it is written after the commit it tells of.
        """
        journal = journal_of(self.archive)
        with read_only(self.engine) as conn:
            if not refuse_elsewhere(conn, self.instance).is_copy:
                refuse_restored(conn, journal)

    def ready(self, wanted: Sequence[str], *, dry_run: bool) -> tuple[tuple[Section, ...], Outlets]:
        """The wanted sections (all, if none is named) and the outlets; GentleNudgeError where we must not act.

        A dry run sends nothing, and needs no outlet.
        """
        if not dry_run:
            self.may_act()
        with read_only(self.engine) as conn:
            outlets = Outlets() if dry_run else self._outlets_to_send(conn)
            sections = named(sections_of(conn, self.settings), wanted)
            refuse_misfits(conn, [codes_of(section) for section in sections])
            return sections, outlets

    def sections(self, wanted: Sequence[str] = (), *, changes: bool) -> tuple[Section, ...]:
        """The wanted sections (all, if none is named); GentleNudgeError if changes are to come and must not."""
        if changes:
            self.may_act()
        with read_only(self.engine) as conn:
            return named(sections_of(conn, self.settings), wanted)

    def names_of(self, wanted: Sequence[str]) -> tuple[str, ...] | None:
        """These names, known or not, each with all names of its section, once; None (all sections) if none is named."""
        families = {family[0].casefold(): family for family in self.families}
        names = (name for each in wanted for name in (each, *families.get(each.casefold(), ())))
        return tuple(dict.fromkeys(names)) or None

    @property
    def families(self) -> tuple[tuple[str, ...], ...]:
        """The names of each section, its former ones included; known even while the settings are incomplete."""
        return tuple((draft.keys.name, *draft.keys.formerly) for draft in self.settings.drafts)

    def families_of(self, wanted: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """The families of the wanted sections (all, if none is named); UserError for an unknown name."""
        return chosen({family[0]: family for family in self.families}, wanted)

    def ready_to_send(self) -> tuple[tuple[Section, ...], Outlets]:
        """All sections (none while the settings are incomplete) and the outlets; an error where we must not act."""
        self.may_act()
        with read_only(self.engine) as conn:
            return self.known_sections(conn), self._outlets_to_send(conn)

    def known_sections(self, conn: Connection) -> tuple[Section, ...]:
        """All sections; none while the settings are incomplete."""
        return () if self.settings.lacks else sections_of(conn, self.settings)

    def outlets(self, conn: Connection, *, patience: int = ANY) -> Outlets:
        """Its outlets, as `outlets_of` says."""
        return outlets_of(conn, self.settings, self.instance, self.texts, patience=patience)

    def _outlets_to_send(self, conn: Connection) -> Outlets:
        """Its outlets; SettingsError if something would be sent to an example, which only the library itself does."""
        outlets = self.outlets(conn)
        if outlets.standing is Standing.LIBRARY:
            self.settings.refuse_examples()
        return outlets

    def held(self, conn: Connection, queued: Iterable[Delivery]) -> dict[int, str]:
        """Why each of these deliveries is held, by number; only those that are undelivered and held."""
        undelivered = [delivery for delivery in queued if delivery.state in UNDELIVERED]
        if not undelivered:
            return {}
        try:
            outlets, sections = self.outlets(conn), self.known_sections(conn)
        except UserError:
            return {}  # with these settings nothing leaves at all, and `deliver` says so
        return outlets.held(undelivered, sections)
