"""Every key of the tables that are no system's, each with its type, bounds, default, meaning and example."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Interval, MaxLen
from pydantic import AfterValidator, BeforeValidator, PlainValidator
from sqlalchemy.engine import URL

from gentle_nudge.domain.circulation.long_overdue import Timeline
from gentle_nudge.domain.collections.policy import Day, Policy
from gentle_nudge.domain.moment import Weekday
from gentle_nudge.domain.outcomes.terms import Outcomes
from gentle_nudge.domain.passport.terms import Passport
from gentle_nudge.domain.reminders.levels import Remind
from gentle_nudge.domain.setting import LONGEST_AGE, Address, Addresses, Codes, Key, Parsed, Text
from gentle_nudge.settings import values

FilePath = Annotated[Path, AfterValidator(values.existing)]
FolderPath = Annotated[Path, AfterValidator(values.existing_folder)]
Password = Annotated[str, PlainValidator(values.secret), Key("The password, in the environment only.")]
Database = Annotated[URL, BeforeValidator(values.database)]
WebAddress = Annotated[str, Parsed(values.web_address)]
TimeZone = Annotated[str, Parsed(values.time_zone)]
UnixGroup = Annotated[str, Parsed(values.unix_group)]
HostKey = Annotated[str, Parsed(values.host_key)]
SectionName = Annotated[str, MaxLen(60), Parsed(values.section_name)]
GroupName = Annotated[str, MaxLen(255), BeforeValidator(values.text_or_number)]
Port = Annotated[int, Interval(ge=1, le=65_535), Key("Its port.")]
PasswordFile = Annotated[
    Path | None, Key("A file that holds this password and nothing else.", example='"/etc/gentle-nudge/password"')
]
KeptDays = Annotated[int, Interval(ge=1, le=LONGEST_AGE)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Koha:
    """Where Koha's database is. Without a password here, the one of koha-conf.xml is used."""

    conf: Annotated[
        Path | None, Key("Path of koha-conf.xml. Default: $KOHA_CONF.", example='"/etc/koha/sites/LIB/koha-conf.xml"')
    ] = None
    url: Annotated[
        Database | None,
        Key("Instead of conf: the URL of a MariaDB, MySQL or SQLite database.", example='"mysql://user@host/koha_lib"'),
    ] = field(default=None, repr=False)
    password: Password = field(default="", repr=False)
    password_file: PasswordFile = None
    timezone: Annotated[
        TimeZone | None,
        Key("The library's time zone. Default: koha-conf.xml's, else the machine's.", example='"America/New_York"'),
    ] = None
    machine: Annotated[
        Text | None,
        Key(
            "The name of this machine. With it only this name and the database's tell a copy from the library, "
            "so that the machines of a cluster can share it. Default: /etc/machine-id, else the host name; then the "
            "database server's host name, port and id count too.",
            example='"library-server"',
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SectionKeys:
    """A section: branches of the library that have rules of their own. Besides these, any key of [policy]."""

    name: Annotated[
        SectionName, Key("Letters, digits and -, a letter first; part of file names.", example='"north"', needed=True)
    ] = ""
    formerly: Annotated[tuple[SectionName, ...], Key("Earlier names of the section, to keep its open cases.")] = ()
    branches: Annotated[Codes, Key("The codes of its branches.", example='["CPL"]')] = frozenset()
    group: Annotated[
        GroupName | None,
        Key("Instead of branches: the title or id of a Koha library group, subgroups included.", example='"North"'),
    ] = None
    enabled: Annotated[bool, Key("With false nobody is referred; open cases go on being updated and released.")] = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Libraries:
    """How sections share the patrons."""

    charges_by: Annotated[
        Literal["patron", "charge", "item"],
        Key("Whose branch decides which section a charge belongs to: patron, charge or item."),
    ] = "patron"
    others: Annotated[
        bool, Key("Whether [policy] holds for branches that no section names; else they are left alone.")
    ] = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """How mail leaves. Without a server or folder here: Koha's default SMTP server.

    `names_a_server` is no key: true if the settings name a server of their own, so that Koha's is not asked.
    """

    host: Annotated[Text, Key("The mail server.")] = "localhost"
    port: Port = 25
    security: Annotated[
        Literal["none", "starttls", "tls"], Key("none, starttls (unencrypted at first) or tls (from the start).")
    ] = "none"
    allow_cleartext: Annotated[
        bool, Key('Whether security = "none" may reach another machine, even Koha\'s server.')
    ] = False
    ca_file: Annotated[
        FilePath | None, Key("The certificate authority of the server.", example='"/etc/ssl/certs/our-ca.pem"')
    ] = None
    user: Annotated[Text | None, Key("The login name at the server.", example='"koha"')] = None
    password: Password = field(default="", repr=False)
    password_file: PasswordFile = None
    sender: Annotated[
        Address | None,
        Key("Who sends. Default: the first in Koha's KohaAdminEmailAddress.", example='"koha@library.example"'),
    ] = None
    maildir: Annotated[
        Path | None, Key("Put messages into this Maildir instead of sending them.", example='"/var/spool/gn"')
    ] = None
    names_a_server: bool = False

    @property
    def goes_unencrypted(self) -> bool:
        """True if mail goes unencrypted to another machine."""
        return self.security == "none" and not values.this_machine(self.host)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sftp:
    """When present, every report is also uploaded."""

    host: Annotated[Text, Key("The SFTP server.", example='"sftp.agency.example"', needed=True)] = ""
    port: Port = 22
    user: Annotated[Text, Key("The login name at the server.", example='"library"', needed=True)] = ""
    password: Password = field(default="", repr=False)
    password_file: PasswordFile = None
    key_file: Annotated[
        FilePath | None, Key("A private key, instead of password_file.", example='"/etc/gentle-nudge/sftp-key"')
    ] = None
    known_hosts: Annotated[
        Path | None,
        Key(
            "A file of ssh with the server's public key. Until the key is in it, uploads wait; `check` shows the line.",
            example='"/etc/ssh/ssh_known_hosts"',
        ),
    ] = None
    host_key: Annotated[
        HostKey | None, Key("The server's public key, instead of known_hosts.", example='"ssh-ed25519 AAAA…"')
    ] = None
    directory: Annotated[
        Text | None, Key("The folder at the server. Default: where the login leads.", example='"incoming"')
    ] = None
    upload: Annotated[Literal["rename", "direct"], Key("rename (under a temporary name first) or direct.")] = "rename"
    verify: Annotated[Literal["size", "content", "none"], Key("Compared after upload: size, content or none.")] = "size"


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """Copies of the reports, and how long things are kept."""

    directory: Annotated[
        Path | None, Key("A folder for a copy of every report. Default: none.", example='"/var/lib/gentle-nudge/LIB"')
    ] = None
    keep_days: Annotated[KeptDays, Key("Days for which delivered reports are kept, also in the database.")] = 180
    keep_cases_days: Annotated[KeptDays, Key("Days for which closed cases are kept.")] = 1095


@dataclass(frozen=True, kw_only=True, slots=True)
class Alerts:
    """Who receives alerts."""

    to: Annotated[Addresses, Key("The recipients. Default, when empty: all in Koha's KohaAdminEmailAddress.")] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Monitoring:
    """Programs that watch the nights."""

    ping_url: Annotated[
        WebAddress | None,
        Key("Called when a night starts (/start), ends or fails (/fail).", example='"https://hc.example/ping/UUID"'),
    ] = field(default=None, repr=False)
    metrics_file: Annotated[
        Path | None, Key("Figures for Prometheus' node_exporter.", example='"/var/lib/node_exporter/nudge.prom"')
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Templates:
    """The library's own wording."""

    directory: Annotated[
        FolderPath | None, Key("Templates that replace ours of that name.", example='"/etc/gentle-nudge/templates"')
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Staff:
    """Pages and lists for the library's staff."""

    folder: Annotated[
        Path | None,
        Key(
            "A folder for pages and lists; edited lists are read from its in/. Default: none.",
            example='"/var/lib/gentle-nudge/LIB/staff"',
        ),
    ] = None
    group: Annotated[
        UnixGroup | None,
        Key("The group of this machine that may read the folder and write into in/. Default: none.", example='"desk"'),
    ] = None
    names: Annotated[
        bool, Key("Whether the pages and lists in the folder and in mails hold names; else they hold card numbers.")
    ] = False
    keep_days: Annotated[KeptDays, Key("Days for which pages are kept, in the folder and in the database.")] = 60
    digest_on: Annotated[
        Day | None,
        Key('The day of the week on which staff get the weekly digest; "" for never.', or_empty=True),
    ] = Weekday.MONDAY


# Every table but [[library]] (with the keys of `Policy` and `SectionKeys`), in the order of the pages.
TABLES: dict[str, type] = {
    table.__name__.lower(): table
    for table in (
        *(Koha, Policy, Remind, Libraries, Mail, Sftp, Archive, Staff, Outcomes, Timeline),
        *(Alerts, Monitoring, Templates, Passport),
    )
}
