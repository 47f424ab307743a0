"""The library's settings as typed, frozen values; every problem with them in one message."""

from gentle_nudge.settings.keys import (
    AlertsTable,
    ArchiveTable,
    KohaTable,
    LibrariesTable,
    MailTable,
    MonitoringTable,
    SftpTable,
)
from gentle_nudge.settings.loading import Settings, load
from gentle_nudge.settings.needs import Needs
from gentle_nudge.settings.reading import NotConfigured, is_configured

__all__ = [
    "AlertsTable",
    "ArchiveTable",
    "KohaTable",
    "LibrariesTable",
    "MailTable",
    "MonitoringTable",
    "Needs",
    "NotConfigured",
    "Settings",
    "SftpTable",
    "is_configured",
    "load",
]
