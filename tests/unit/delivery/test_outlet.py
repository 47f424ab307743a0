"""What a server or the system says, in our sentences."""

import errno
import os

import paramiko
import pytest

from gentle_nudge.delivery import ssh
from gentle_nudge.delivery.outlet import LONGEST_ANSWER, DeliveryFailed, one_line, system_reason
from gentle_nudge.settings.keys import Sftp


def test_the_system_s_words_are_told_as_they_are() -> None:
    assert system_reason(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a/path")) == "No space left on device"
    assert system_reason(OSError()) == "OSError"


@pytest.mark.parametrize(
    "words", ["Go\x1b[2J\r\naway", b"Go\x1b[2J\r\naway", "Go\x9b[2J\u202e away", "Go\x00[2J\t\taway"]
)
def test_a_server_s_words_stand_on_one_line_without_control_characters(words: bytes | str) -> None:
    assert one_line(words) == "Go [2J away"


def test_a_long_answer_is_cut() -> None:
    assert one_line("x" * LONGEST_ANSWER) == one_line("x" * (LONGEST_ANSWER + 1)) == "x" * LONGEST_ANSWER


@pytest.mark.parametrize("kind", [OSError, paramiko.SSHException])
def test_so_do_those_of_an_sftp_server(kind: type[Exception]) -> None:
    sftp = Sftp(host="sftp.example")
    with pytest.raises(DeliveryFailed, match=r"Full \[2J now!+\.$") as caught, ssh.troubles(sftp, timeout=1):
        raise kind("Full\x1b[2J\nnow" + "!" * 999)
    assert len(caught.value.sentence) < LONGEST_ANSWER + 100
