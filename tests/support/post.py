"""The post of a consortium: what arrives at its agencies by mail and by upload."""

import re
from collections.abc import Iterator

from tests.support.holdings import Arrived
from tests.support.sftp import SftpServer
from tests.support.smtp import Received, SmtpServer

STAFF = ("me@library.example", "admin@library.example", "clerks@library.example")
UPLOADED = "uploaded"


class Post:
    """The servers, and what has been read of what they took."""

    def __init__(self, smtp: SmtpServer, sftp: SftpServer) -> None:
        self.smtp, self.sftp = smtp, sftp
        self._read, self._uploaded = 0, set[str]()

    def new(self) -> tuple[Arrived, ...]:
        """The reports that have arrived since they were last asked for; what staff get is no report."""
        mailed, self._read = self.smtp.messages[self._read :], len(self.smtp.messages)
        return (*(_arrived(message) for message in mailed if message.recipients[0] not in STAFF), *self._uploads())

    def recipients(self) -> set[str]:
        """Everybody who ever had mail."""
        return {to for message in self.smtp.messages for to in message.recipients}

    def _uploads(self) -> Iterator[Arrived]:
        new = [self.sftp.root / name for name in self.sftp.files().keys() - self._uploaded]
        for path in sorted(new, key=lambda path: path.stat().st_mtime_ns):
            self._uploaded.add(str(path.relative_to(self.sftp.root)))
            yield Arrived(to=UPLOADED, subject="", file_name=path.name, file=path.read_bytes())


def _arrived(message: Received) -> Arrived:
    """A message with a report; its place is the number of its delivery."""
    place = re.search(r"gentle-nudge\.(\d+)\.", str(message.message["Message-ID"]))
    body = message.message.get_body()
    return Arrived(
        to=message.recipients[0],
        subject=str(message.message["Subject"]),
        file_name=message.file_name,
        file=message.file,
        place=int(place[1]) if place else 0,
        is_repeat=body is not None and "THIS IS A REPEAT" in body.get_content(),
    )
