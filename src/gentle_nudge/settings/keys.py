"""Every key of the tables but [policy] and [[library]], and the file as a whole (see `policy_keys`)."""

from __future__ import annotations

from pydantic import Field

from gentle_nudge.settings.fields import (
    REQUIRED,
    Address,
    Addresses,
    ChargesBy,
    Database,
    File,
    HostKey,
    KeptDays,
    MailSecurity,
    Place,
    Port,
    Secret,
    Table,
    Text,
    TimeZone,
    Upload,
    Verify,
    WebAddress,
    YesNo,
)
from gentle_nudge.settings.policy_keys import LibraryTable, PolicyTable


class KohaTable(Table):
    """Where Koha's database is."""

    conf: Place | None = Field(
        None,
        description="The path of Koha's own configuration. Default: $KOHA_CONF, as koha-shell and koha-foreach set it.",
        examples=['"/etc/koha/sites/LIB/koha-conf.xml"'],
    )
    url: Database | None = Field(
        None,
        description="Instead of conf: the SQLAlchemy URL of a MariaDB, MySQL or SQLite database. Of the two, url wins.",
        examples=['"mysql+pymysql://user@host/koha_lib"'],
        repr=False,
    )
    password: Secret | None = Field(None, description="The database password, in the environment only.")
    password_file: Place | None = Field(
        None,
        description="A file that holds the database password and nothing else. Default: the password of koha-conf.xml.",
        examples=['"/etc/gentle-nudge/db-password"'],
    )
    timezone: TimeZone | None = Field(
        None,
        description="The library's time zone. Default: that of koha-conf.xml, else the machine's.",
        examples=['"America/New_York"'],
    )
    machine: Text | None = Field(
        None,
        description="What this machine is called. A copy of the database on another one acts as a copy. "
        "Default: /etc/machine-id, else the host name.",
        examples=['"library-server"'],
    )


class LibrariesTable(Table):
    """How sections share the patrons."""

    charges_by: ChargesBy = Field(
        "patron", description="Whose branch decides which section a charge belongs to: patron, charge or item."
    )
    others: YesNo = Field(
        default=True,
        description="Whether [policy] holds for branches that no section names; with false they are left alone.",
    )


class MailTable(Table):
    """How mail leaves. Without a server or folder here: Koha's default SMTP server."""

    host: Text = Field("localhost", description="The mail server.")
    port: Port = Field(25, description="Its port.")
    security: MailSecurity = Field(
        "none", description="none, starttls (begins in the clear, then TLS) or tls (from the start)."
    )
    allow_cleartext: YesNo = Field(
        default=False,
        description='Whether security = "none" may reach another machine; holds for Koha\'s server too.',
    )
    ca_file: File | None = Field(
        None, description="The certificate authority of the server.", examples=['"/etc/ssl/certs/our-ca.pem"']
    )
    user: Text | None = Field(None, description="The login name at the server.", examples=['"koha"'])
    password: Secret | None = Field(None, description="The password at the server, in the environment only.")
    password_file: Place | None = Field(
        None,
        description="A file that holds the password at the server and nothing else.",
        examples=['"/etc/gentle-nudge/mail-password"'],
    )
    sender: Address | None = Field(
        None, description="Who sends. Default: Koha's KohaAdminEmailAddress.", examples=['"koha@library.example"']
    )
    maildir: Place | None = Field(
        None, description="Put messages into this Maildir instead of sending them.", examples=['"/var/spool/gn"']
    )

    @property
    def names_a_server(self) -> bool:
        """Whether these settings name a server of their own, so that Koha's is not asked."""
        own = {"host", "port", "security", "user", "password", "password_file"}
        return bool(own & self.model_fields_set)


class SftpTable(Table):
    """When present, every report is also uploaded."""

    host: Text | None = Field(
        None, description="The SFTP server.", examples=['"sftp.agency.example"'], json_schema_extra=REQUIRED
    )
    port: Port = Field(22, description="Its port.")
    user: Text | None = Field(
        None, description="The login name at the server.", examples=['"library"'], json_schema_extra=REQUIRED
    )
    password: Secret | None = Field(None, description="The password at the server, in the environment only.")
    password_file: Place | None = Field(
        None,
        description="A file that holds the password at the server and nothing else; or key_file.",
        examples=['"/etc/gentle-nudge/sftp-password"'],
    )
    key_file: File | None = Field(
        None, description="The private key; or password_file.", examples=['"/etc/gentle-nudge/sftp-key"']
    )
    known_hosts: File | None = Field(
        None,
        description="A file with the server's public key, as ssh keeps it; or host_key.",
        examples=['"/etc/gentle-nudge/known_hosts"'],
    )
    host_key: HostKey | None = Field(
        None, description="The server's public key; or known_hosts.", examples=['"ssh-ed25519 AAAA…"']
    )
    directory: Text | None = Field(
        None, description="The folder at the server. Default: where the login leads.", examples=['"incoming"']
    )
    upload: Upload = Field("rename", description="rename (under a temporary name first) or direct.")
    verify: Verify = Field("size", description="What is compared after the upload: size, content or none.")


class ArchiveTable(Table):
    """Copies of the reports, and how long things are kept."""

    directory: Place | None = Field(
        None,
        description="A folder that receives a copy of every report. Default: no copies.",
        examples=['"/var/lib/gentle-nudge/LIB"'],
    )
    keep_days: KeptDays = Field(
        180,
        description="Days for which reports are kept, here and in the database; undelivered ones always are.",
    )
    keep_cases_days: KeptDays = Field(1095, description="Days for which closed cases are kept.")


class AlertsTable(Table):
    """Who is told of trouble."""

    to: Addresses = Field((), description="The recipients. Default, when empty: Koha's KohaAdminEmailAddress.")


class MonitoringTable(Table):
    """What watches over the nights."""

    ping_url: WebAddress | None = Field(
        None,
        description="An address asked at the start (with /start), the end, and failure (with /fail) of a night.",
        examples=['"https://hc.library.example/ping/UUID"'],
        repr=False,
    )
    metrics_file: Place | None = Field(
        None,
        description="A file of figures for Prometheus' node_exporter.",
        examples=['"/var/lib/node_exporter/gentle_nudge.prom"'],
    )


class Tables(Table):
    """The whole file."""

    koha: KohaTable = KohaTable()
    policy: PolicyTable = PolicyTable()
    library: tuple[LibraryTable, ...] = ()
    libraries: LibrariesTable = LibrariesTable()
    mail: MailTable = MailTable()
    sftp: SftpTable | None = None
    archive: ArchiveTable = ArchiveTable()
    alerts: AlertsTable = AlertsTable()
    monitoring: MonitoringTable = MonitoringTable()


TABLES: dict[str, type[Table]] = {
    "koha": KohaTable,
    "policy": PolicyTable,
    "libraries": LibrariesTable,
    "mail": MailTable,
    "sftp": SftpTable,
    "archive": ArchiveTable,
    "alerts": AlertsTable,
    "monitoring": MonitoringTable,
}
