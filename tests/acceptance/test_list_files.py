"""Lists as files: staff write beside a patron what they decide, and save."""

import getpass
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from tests.acceptance.test_lists import ALL, DeskFixture, nov
from tests.acceptance.test_lists import Desk as Library
from tests.acceptance.test_lists import desk as desk  # noqa: PLC0414 - the fixture
from tests.builders.days import ZONE

APPROVED = "review-2026-11-22-global-approved.csv"
PLAIN = "review-2026-11-22-global.csv"


class Folder:
    """The staff folder of a library with a list for Sunday 22 November, which lapses unless approved."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.place = library.folder / "staff"
        (self.place / "in").mkdir(parents=True)
        library.nights(19)
        out = library.folder / "out"
        library.does("review", "2026-11-22", "--output", out, on=nov(20))
        self.text = (out / PLAIN).read_text(encoding="utf-8-sig")

    def edited(self, letter: str, decision: str, reason: str, until: str = "") -> str:
        """The list, with a decision beside that patron."""
        number = self.library.five[letter]
        lines = self.text.splitlines()
        place = next(place for place, line in enumerate(lines) if f",{number}," in line)
        lines[place] = lines[place].removesuffix(",,,") + f",{decision},{reason},{until}"
        return "\n".join(lines) + "\n"

    def save(self, name: str, content: str | bytes) -> Path:
        """The file lies in the folder, and was written a while ago."""
        path = self.place / "in" / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (0, 0))
        return path

    def files(self) -> set[str]:
        """Every file below in/."""
        below = self.place / "in"
        return {str(path.relative_to(below)) for path in below.rglob("*") if path.is_file()}


@pytest.fixture
def folder(desk: DeskFixture, tmp_path: Path) -> Folder:
    tables = f'[staff]\nfolder = "{tmp_path}/staff"\n'
    return Folder(desk('review_ends = "lapse"\n', tables=tables))


def state(folder: Folder) -> dict[str, object]:
    (row,) = folder.library.koha.query("SELECT state, who FROM gentle_nudge_list WHERE for_day = '2026-11-22'")
    return row


def test_the_list_as_a_file_has_a_row_for_each_patron_and_no_name(folder: Folder) -> None:
    header, *rows = folder.text.splitlines()
    assert header == "card,number,library,age,owed,balance,with_fee,marks,decision,reason,until"
    assert len(rows) == 5
    assert "Surname" not in folder.text


def test_v6_an_approved_file_approves_the_list_and_leaves_out_whom_it_says(folder: Folder) -> None:
    folder.save(APPROVED, folder.edited("B", "leave out", "found"))
    folder.library.does("deliver", on=nov(21))
    assert state(folder) == {"state": "approved", "who": getpass.getuser()}
    assert folder.files() == {f"read/{APPROVED}"}
    folder.library.nights(22)
    assert folder.library.submission() == ("ACEG", "161.00", "40.00")


def test_v7_a_card_that_nobody_has_refuses_the_whole_file(folder: Folder) -> None:
    text = folder.edited("B", "leave out", "found")
    folder.save(APPROVED, text + "99999999,,MAIN,46,30.00,30.00,40.00,,leave out,found,\n")
    done = folder.library.run("deliver", on=nov(21))
    assert done.returncode == 1
    assert "was refused: line 7: nobody on the list has this card." in done.stderr
    assert "99999999" not in done.stderr
    assert folder.files() == {f"refused/{APPROVED}", f"refused/{APPROVED}.txt"}
    assert "line 7" in (folder.place / "in/refused" / f"{APPROVED}.txt").read_text()
    assert state(folder)["state"] == "open"
    assert folder.library.rows(22)["B"][0] == "listed"
    assert folder.library.run("deliver").returncode == 0


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_v18_what_a_spreadsheet_saves_is_read(folder: Folder, delimiter: str) -> None:
    content = folder.edited("B", "LEAVE_OUT", "für später").replace(",", delimiter).encode("cp1252")
    folder.save(APPROVED, content)
    folder.library.does("deliver", on=nov(21))
    assert state(folder)["state"] == "approved"
    assert folder.library.rows(22)["B"][:2] == ("left_out", "für später")
    wishes = folder.library.koha.query("SELECT * FROM gentle_nudge_wish")
    assert len(wishes) == 2
    folder.save(APPROVED, content)
    folder.library.does("deliver")
    assert folder.library.koha.query("SELECT * FROM gentle_nudge_wish") == wishes
    assert folder.files() == {f"read/{APPROVED}", f"read/{APPROVED[:-4]}-2.csv"}
    folder.library.nights(22)
    assert folder.library.submission()[0] == "ACEG"


def test_v19_an_approved_file_needs_every_patron(folder: Folder) -> None:
    lines = folder.text.splitlines()
    folder.save(APPROVED, "\n".join(lines[:-1]) + "\n")
    done = folder.library.run("deliver", on=nov(21))
    assert done.returncode == 1
    assert "4 of 5 patrons: write leave out beside whom you keep back." in done.stderr
    assert state(folder)["state"] == "open"


def test_a_plain_file_decides_only_about_whom_it_names(folder: Folder) -> None:
    folder.save(
        PLAIN, f"decision;number;reason;until;of no use\nleave-out;{folder.library.five['C']};asked;2026-12-31;x\n"
    )
    folder.library.does("nightly", on=nov(20))
    assert folder.library.rows(22)["C"][:2] == ("left_out", "asked")
    assert state(folder)["state"] == "open"
    (held,) = folder.library.koha.query("SELECT source, reason, until FROM gentle_nudge_hold")
    assert held == {"source": "file", "reason": "other", "until": date(2026, 12, 31)}


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        (PLAIN, lambda folder: folder.edited("B", "leave out", ""), "needs a reason"),
        (PLAIN, lambda folder: folder.edited("B", "leave out", " \u00a0\u200b"), ": leave out needs a reason."),
        (PLAIN, lambda folder: folder.edited("B", "leave out", "'"), ": leave out needs a reason."),
        (
            PLAIN,
            lambda _folder: "card;decision;reason\n2,4E+13;leave out;found\n",
            "line 2: a spreadsheet has rewritten the card as one with an exponent",
        ),
        (
            PLAIN,
            lambda _folder: "number;decision;reason\n1.2E+03;leave out;found\n",
            "line 2: a spreadsheet has rewritten the number as one with an exponent",
        ),
        (PLAIN, lambda folder: folder.edited("B", "keep back", "found"), "neither empty nor leave out."),
        (APPROVED, lambda folder: folder.edited("B", "", "found"), "without a decision: write leave out beside it"),
        (APPROVED, lambda folder: folder.edited("B", "", "", "2026-12-31"), "without a decision"),
        (
            PLAIN,
            lambda folder: folder.edited("B", "leave out", "found", "31.12.2026"),
            "until is no day. Write it as 2026-12-31.",
        ),
        (PLAIN, lambda folder: folder.edited("B", "leave out", "found", "2026-11-19"), "before today"),
        (PLAIN, lambda folder: folder.text.replace("card,number", "x,y"), "There is no line with the columns"),
        ("review-2026-11-29-global.csv", lambda folder: folder.text, "There is no list for 2026-11-29"),
        ("review-2026-11-22-north.csv", lambda folder: folder.text, "of the section that the name says"),
        ("list.csv", lambda folder: folder.text, "The name is that of no list"),
        (PLAIN, lambda folder: folder.text + folder.text.splitlines()[1] + "\n", "in the file twice"),
        (PLAIN, lambda folder: folder.text + "x" * 2**20, "no plain file of at most 1 MiB"),
    ],
)
def test_any_fault_refuses_the_whole_file(
    folder: Folder, name: str, change: Callable[[Folder], str], fault: str
) -> None:
    folder.save(name, change(folder))
    done = folder.library.run("deliver", on=nov(20))
    assert done.returncode == 1
    assert fault in done.stderr
    assert folder.files() == {f"refused/{name}", f"refused/{name}.txt"}
    (wish,) = folder.library.koha.query("SELECT what, done FROM gentle_nudge_wish")
    assert (wish["what"], wish["done"]) == ("read", 0), "nothing but that the file was refused"


def test_a_file_for_a_list_that_is_decided_is_refused(folder: Folder) -> None:
    folder.library.does("review", "approve", "2026-11-22", on=nov(20))
    folder.save(PLAIN, folder.edited("B", "leave out", "found"))
    done = folder.library.run("deliver")
    assert done.returncode == 1
    assert "The list for 2026-11-22 is approved" in done.stderr


def test_an_old_file_approves_no_list_that_was_rejected_since_or_was_used(folder: Folder) -> None:
    old = folder.edited("B", "leave out", "found")
    folder.save(APPROVED, old)
    folder.library.does("deliver", on=nov(20))
    folder.library.does("review", "reject", "2026-11-22", "--reason", "closed for repairs")
    folder.save(APPROVED, old)
    folder.library.does("deliver")
    assert state(folder)["state"] == "rejected"
    for edited, is_now in ((f"{old}\n", "rejected"), (f"{old}\n\n", "rejected"), (f"{old}\n\n\n", "used")):
        folder.save(APPROVED, edited)
        done = folder.library.run("deliver")
        assert done.returncode == 1
        assert f"The list for 2026-11-22 is {is_now}: nothing can be decided about it in a file." in done.stderr
        assert state(folder)["state"] == is_now
        if edited == f"{old}\n\n":
            folder.library.does("review", "approve", "2026-11-22")
            folder.library.nights(21, 22)
    assert folder.library.submission() == ("ACEG", "161.00", "40.00")


def test_neither_links_nor_hidden_files_nor_fresh_ones_are_read(folder: Folder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text(folder.edited("B", "leave out", "found"))
    (folder.place / "in" / PLAIN).symlink_to(elsewhere)
    folder.save(".~lock.review.csv#", "x")
    fresh = folder.save(APPROVED, folder.text)
    on = nov(20)
    now = datetime(on.year, on.month, on.day, 23, tzinfo=ZONE).timestamp()
    os.utime(fresh, (now - 4, now - 4))
    folder.library.does("deliver", on=on)
    assert state(folder)["state"] == "open"
    os.utime(fresh, (now - 5, now - 5))
    folder.library.does("deliver", on=on)
    assert state(folder)["state"] == "approved"
    assert folder.library.rows(22)["B"][0] == "listed"


def test_a_file_is_read_by_a_command_where_it_lies(folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / PLAIN
    file.write_text(folder.edited("B", "Leave  Out", "found"))
    assert "is left out" in folder.library.does("review", "read", file, "--dry-run", on=nov(20))
    assert folder.library.rows(22)["B"][0] == "listed"
    assert "is left out" in folder.library.does("review", "read", file)
    assert folder.library.rows(22)["B"][:2] == ("left_out", "found")
    assert file.exists()
    assert "Nothing new" in folder.library.does("review", "read", file)


def test_a_card_without_its_leading_zeros_or_as_a_float_is_the_same(folder: Folder) -> None:
    koha, numbers = folder.library.koha, folder.library.five
    koha.execute("UPDATE borrowers SET cardnumber = '00123456' WHERE borrowernumber = :n", n=numbers["B"])
    koha.execute("UPDATE borrowers SET cardnumber = '24000012345678' WHERE borrowernumber = :n", n=numbers["C"])
    rows = [
        "card,number,decision,reason",
        f"123456,{numbers['B']},leave out,one",
        f"2.4E+13,{numbers['C']},leave out,two",
        f"'{koha.value('SELECT cardnumber FROM borrowers WHERE borrowernumber = :n', n=numbers['A'])},,leave out,three",
    ]
    folder.save(PLAIN, "\n".join(rows))
    folder.library.does("deliver", on=nov(20))
    assert {letter for letter, row in folder.library.rows(22).items() if row[0] == "left_out"} == set("ABC")


def test_a_card_that_looks_rewritten_and_is_one_is_taken_and_another_not_even_where_one_patron_is_left(
    folder: Folder,
) -> None:
    koha, number = folder.library.koha, folder.library.five["B"]
    koha.execute("UPDATE borrowers SET cardnumber = '24E11' WHERE borrowernumber = :n", n=number)
    koha.execute("DELETE FROM gentle_nudge_list_row WHERE patron <> :n", n=number)
    refused = folder.save(PLAIN, "card,decision,reason\n2.4E+12,leave out,found\n")
    assert "has rewritten the card" in folder.library.run("review", "read", refused, on=nov(20)).stderr
    taken = folder.save(PLAIN, "card,decision,reason\n24E11,leave out,found\n")
    assert "is left out" in folder.library.does("review", "read", taken, on=nov(20))


@pytest.mark.parametrize("is_ours", [True, False])
def test_what_was_handed_in_is_kept_keep_days_from_the_night_that_read_it(folder: Folder, *, is_ours: bool) -> None:
    file, subfolder = folder.save(PLAIN, folder.edited("B", "leave out", "found")), "read"
    if not is_ours:
        if os.getuid() != 0:
            pytest.skip("needs root: a file of somebody else")
        os.chown(file, 65534, -1)
        subfolder = "refused"
    code = folder.library.run("nightly", on=nov(20)).returncode
    assert code == (0 if is_ours else 1)
    for days, is_there in ((60, True), (61, False)):
        folder.library.run("nightly", on=nov(20) + timedelta(days=days))
        assert (f"{subfolder}/{PLAIN}" in folder.files()) is is_there, days


def test_everything_as_ever_without_an_edited_file(folder: Folder) -> None:
    folder.library.does("review", "approve", "2026-11-22", on=nov(20))
    folder.library.nights(22)
    assert folder.library.submission() == ALL


@pytest.mark.parametrize("name", ["Mrs Smythe 24000126.csv", "review-2026-11-22-global Smythe.csv"])
def test_a_name_that_staff_gave_a_file_is_told_nowhere(folder: Folder, name: str) -> None:
    folder.save(name, folder.text)
    done = folder.library.run("nightly", on=nov(20))
    assert done.returncode == 1
    assert "An edited list was refused: " in done.stderr
    kept = folder.library.koha.query("SELECT answer FROM gentle_nudge_wish")
    kept += folder.library.koha.query("SELECT content FROM gentle_nudge_night")
    assert "An edited list was refused" in str(kept)
    assert "Smythe" not in done.stdout + done.stderr + str(kept)
    assert f"refused/{name}.txt" in folder.files()


@pytest.mark.parametrize("until", ["", "2026-11-19"])
def test_a_file_that_is_saved_again_while_it_is_read_is_read_by_the_next_run(folder: Folder, until: str) -> None:
    folder.save(PLAIN, folder.edited("B", "leave out", "found", until))

    def saved_again(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "gentle_nudge_list_row" in statement:
            folder.save(PLAIN, folder.edited("C", "leave out", "paid at the desk"))

    event.listen(Engine, "before_cursor_execute", saved_again)
    try:
        folder.library.does("deliver", on=nov(20))
    finally:
        event.remove(Engine, "before_cursor_execute", saved_again)
    assert folder.files() == {PLAIN}
    folder.library.does("deliver")
    assert folder.files() == {f"read/{PLAIN}"}
    left_out = {letter for letter, row in folder.library.rows(22).items() if row[0] == "left_out"}
    assert left_out == ({"C"} if until else {"B", "C"})  # the last day of B's hold would be over


def test_a_link_in_the_place_of_the_folder_is_not_followed(folder: Folder, tmp_path: Path) -> None:
    elsewhere = (folder.place / "in").rename(tmp_path / "elsewhere")
    (folder.place / "in").symlink_to(elsewhere)
    folder.save(APPROVED, folder.text)
    folder.library.does("deliver", on=nov(20))
    assert folder.files() == {APPROVED}
    assert state(folder)["state"] == "open"


def test_a_folder_of_another_database_is_not_read(folder: Folder) -> None:
    (folder.place / ".gentle-nudge").write_text('{"database": "another", "note": ""}', encoding="utf-8")
    folder.save(APPROVED, folder.text)
    done = folder.library.run("deliver", on=nov(20))
    assert done.returncode == 1
    assert "belongs to the database another" in done.stderr
    assert folder.files() == {APPROVED}
    assert state(folder)["state"] == "open"
