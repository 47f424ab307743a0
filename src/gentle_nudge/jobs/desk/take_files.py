"""Take the edited lists that staff have saved into the staff folder, and before them all other wishes."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from secrets import token_hex

from sqlalchemy import Connection

from gentle_nudge.delivery.staff_folder import SHARED
from gentle_nudge.delivery.whole_files import write_over
from gentle_nudge.domain.collections.edited_list import FileFault, FileName
from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.wish import Door, Wish
from gentle_nudge.errors import GentleNudgeError, UserError
from gentle_nudge.jobs.desk.deeds import Desk
from gentle_nudge.jobs.desk.read_list import edited_file, login_of, read_list
from gentle_nudge.jobs.desk.take_wishes import Taken, take_wishes
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.transaction import writing
from gentle_nudge.store import wishes

STILL_BEING_WRITTEN = 5  # seconds
A_PART = 2**16  # bytes
IN, READ, REFUSED = "in", "read", "refused"


def take(library: Library, moment: Moment) -> Taken:
    """Every wish that waits is taken, and then the edited lists in the staff folder, each read or refused."""
    taken = take_wishes(library, moment)
    paths = list(_waiting(library, moment))
    if not paths:
        return taken
    sections, outlets = library.ready_to_send()
    outlets.close()
    desk = Desk(moment=moment, sections=sections)
    with taken.keep_going("the folder of staff was looked at"):
        if not sections or outlets.staff_folder is None:
            return taken
        outlets.staff_folder.read_note()  # refuses a folder that is marked with another database
        for path in paths:
            with taken.keep_going(f"{_called(path, desk)} was read"):
                if not taken.is_left:
                    _read_or_refuse(library, path, desk, taken)
    return taken


def _waiting(library: Library, moment: Moment) -> Iterator[Path]:
    """The plain files in the folder that nobody is writing any more, by name; hidden ones aside."""
    folder = library.settings.staff.folder
    if folder is None or not (folder / IN).is_dir() or (folder / IN).is_symlink():
        return
    for path in sorted((folder / IN).iterdir()):
        with suppress(FileNotFoundError):
            status = path.lstat()
            is_whole = abs(moment.now.timestamp() - status.st_mtime) >= STILL_BEING_WRITTEN
            if stat.S_ISREG(status.st_mode) and is_whole and not path.name.startswith((".", "~")):
                yield path


def _read_or_refuse(library: Library, path: Path, desk: Desk, taken: Taken) -> None:
    try:
        seen = _saved(path)
        try:
            file = edited_file(path, may_decide=partial(_may_decide, group=library.settings.staff.group))
            answers = writing(library.engine, partial(read_list, file=file, desk=desk))
        except UserError as fault:
            if _saved(path) != seen:
                return  # somebody has saved it again meanwhile: the next run reads it
            writing(library.engine, partial(_record, path=path, fault=fault, desk=desk))
            target = _move(path, path.parent / REFUSED, desk)
            write_over(target.with_name(f"{target.name}.txt"), [f"{fault.text}\n".encode()])
            raise GentleNudgeError(
                f"{_called(path, desk)} was refused: {fault.sentence}", f"It lies in {target.parent}."
            ) from None
        if _saved(path) == seen:
            _move(path, path.parent / READ, desk)
        taken.files[path.name] = answers
    except FileNotFoundError:
        return  # another run has taken it
    except OSError as trouble:
        sentence = f"{_called(path, desk)} cannot be read or moved: {trouble.strerror}"
        raise GentleNudgeError(sentence, "let this user read it, and write into the folder") from trouble


def _record(conn: Connection, path: Path, fault: UserError, desk: Desk) -> None:
    """The refused file stands among the wishes as one that could not be done, so that the night's page names it."""
    now, who = desk.moment.now, login_of(path.lstat().st_uid)
    number = wishes.add(conn, Wish(door=Door.FILE, origin=token_hex(32), what="read", who=who, at=now)) or 0
    wishes.take(conn, number, now)
    wishes.answer(conn, number, f"{_called(path, desk)} was refused: {fault.text}", done=False)


def _called(path: Path, desk: Desk) -> str:
    """The file's name if it is that of a list; staff may have given it another one, with a person's name in it."""
    sections = {name.casefold() for section in desk.sections for name in section.names}
    with suppress(FileFault):
        if any(section.casefold() in sections for section, _ in FileName.parse(path.name).readings):
            return path.name
    return "An edited list"


def _saved(path: Path) -> tuple[int, int, int]:
    """What changes when the file is saved again."""
    status = path.lstat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _may_decide(uid: int, group: str | None) -> bool:
    """Whether this user is we, or in the group."""
    if uid == os.getuid() or group is None:
        return uid == os.getuid()
    try:
        owner, members = pwd.getpwuid(uid), grp.getgrnam(group)
    except KeyError:
        return False
    return owner.pw_gid == members.gr_gid or owner.pw_name in members.gr_mem


def _move(path: Path, folder: Path, desk: Desk) -> Path:
    """The file is in that folder, beside others of its name, with the time at which it was read: it is kept from then.

    Only its owner may give it another time, so that one of somebody else becomes a copy of ours.
    """
    folder.mkdir(exist_ok=True)
    names = (path.name, *(f"{path.stem}-{number}{path.suffix}" for number in range(2, 1000)))
    target = next(folder / name for name in names if not (folder / name).exists())
    path.rename(target)
    if target.stat().st_uid != os.getuid():
        with suppress(PermissionError), target.open("rb") as file:  # one that we may not read keeps its time
            write_over(target, iter(partial(file.read, A_PART), b""), SHARED)
    with suppress(PermissionError):
        os.utime(target, (desk.moment.now.timestamp(),) * 2)
    return target
