"""The clerks of several libraries: whom they leave out or put on hold, by which door, and what they do wrong."""

import csv
import io
import os
from abc import abstractmethod
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import ClassVar

from tests.builders.koha import has_attribute
from tests.support.command import Finished
from tests.support.desks import Desks
from tests.support.holdings import Row

NOBODY = 999_999
TO_COME = ("open", "approved")
WORDS = ("dispute", "plan", "hardship", "error", "other", "bankruptcy", "deceased")
FAULTS: dict[str, Callable[[list[Row]], object]] = {
    "no decision": lambda rows: rows[0].update(decision="keep back", reason="found"),
    "no reason": lambda rows: rows[0].update(decision="leave out", reason=""),
    "no patron": lambda rows: rows.append({**rows[0], "number": str(NOBODY), "card": "NOBODY"}),
    "another's card": lambda rows: rows[0].update(card="NOBODY"),
    "no day": lambda rows: rows[0].update(decision="leave out", reason="found", until="31.12.2026"),
    "twice": lambda rows: rows.append(rows[0]),
    "no column": lambda rows: [row.pop("decision") for row in rows],
    "one too few": lambda rows: rows.pop(),
}


class Clerks(Desks):
    """What clerks decide; the lists that they edit come out of the staff folder and go into its `in`."""

    folder: Path
    origins = 0
    doors: ClassVar[tuple[str, ...]] = ("hold", "resume", "leave_out", "put_back", "approve", "reject", "sync", "dance")

    @abstractmethod
    def asks(self, *args: str, on: date | None = None, first: bool = False) -> Finished:
        """The finished command, on this day unless told another."""

    @abstractmethod
    def complains(self, complaints: Iterable[str]) -> None:
        """Something happened that may never happen, unless there are none."""

    def leaves_out(self) -> None:
        """Patrons who are on a list are not to be referred, perhaps for a while."""
        if row := self._on_a_list("listed"):
            until = ("--until", self._soon()) if self.chance.random() < 0.2 else ()
            of_day = ("--list", str(row["for_day"])) if self.chance.random() < 0.5 else ()
            self.asks("review", "leave-out", f"number:{row['patron']}", "--reason", "on the shelf", *of_day, *until)

    def puts_back(self) -> None:
        """Somebody who was left out is to be referred after all."""
        if row := self._on_a_list("left_out"):
            self.asks("review", "put-back", f"number:{row['patron']}")

    def approves(self) -> None:
        """A list may go out."""
        if chosen := self._a_list(*TO_COME, "rejected"):
            self.asks("review", "approve", str(chosen["for_day"]), "--library", chosen["section"])

    def rejects(self) -> None:
        """A list may not go out; or it is too late for that."""
        if chosen := self._a_list(*TO_COME, "used", "lapsed"):
            reason = ("--library", chosen["section"], "--reason", "closed for repairs")
            self.asks("review", "reject", str(chosen["for_day"]), *reason)

    def holds(self) -> None:
        """Somebody is kept back, in collections or before that."""
        row = self._on_a_list("listed")
        patrons = [self.in_collections(), self.in_collections(), self.anybody(), *([row["patron"]] if row else [])]
        cards = {f"number:{self.chance.choice(patrons)}" for _ in range(self.chance.choice([1, 1, 1, 2]))}
        word = self.chance.choice(WORDS)
        until = () if word in {"bankruptcy", "deceased"} else ("--until", self._soon())
        self.asks("hold", *sorted(cards), "--reason", word, *until)

    def resumes(self) -> None:
        """A hold is ended, or none was."""
        held = self.koha.query("SELECT patron FROM gentle_nudge_hold WHERE ended IS NULL ORDER BY id")
        patrons = [row["patron"] for row in held] or [self.anybody()]
        self.asks("resume", f"number:{self.chance.choice(patrons)}")

    def fills_field(self) -> None:
        """Koha's field keeps somebody back; the last day may be none, past, or missing."""
        self._keeps_back(self.chance.choice([self.in_collections(), self.anybody()]))

    def imports_holds(self) -> None:
        """An import fills the field of many."""
        for case in self.cases():
            if self.chance.random() < 0.5:
                self._keeps_back(case["patron"])

    def _keeps_back(self, patron: int) -> None:
        self._empties(patron)
        has_attribute(self.koha, patron, "HOLD", self.chance.choice(["PLAN", "yes", "asked", "no"]))
        if until := self.chance.choice([None, self._soon(), self._soon(), "soon", str(self.day - timedelta(days=1))]):
            has_attribute(self.koha, patron, "HOLDUNTIL", until)

    def empties_field(self) -> None:
        """Koha's field keeps somebody back no more."""
        filled = "SELECT DISTINCT borrowernumber AS n FROM borrower_attributes WHERE code = 'HOLD' ORDER BY 1"
        if patrons := [row["n"] for row in self.koha.query(filled)]:
            self._empties(self.chance.choice(patrons))

    def _empties(self, patron: int) -> None:
        codes = "code IN ('HOLD', 'HOLDUNTIL')"
        self.koha.execute(f"DELETE FROM borrower_attributes WHERE borrowernumber = :n AND {codes}", n=patron)

    def writes_into_koha(self) -> None:
        """A plugin inside Koha writes down what somebody wants, who may want what cannot be."""
        row, chosen = self._on_a_list("listed", "left_out"), self._a_list(*TO_COME)
        patrons = [self.in_collections(), self.anybody(), NOBODY, *([row["patron"]] * 5 if row else [])]
        what = self.chance.choice(self.doors)
        wish: Row = {"door": "koha", "what": what, "patron": self.chance.choice(patrons), "who": "koha:51"}
        self.origins += 1
        wish |= {"origin": f"{self.origins:064}", "at": datetime.combine(self.day, time(12))}
        wish["reason"] = self.chance.choice([*WORDS, None])
        if what == "hold" and self.chance.random() < 0.8:
            wish["until"] = self._soon()
        if what in {"approve", "reject", "sync"}:
            wish |= {"patron": None, "section": chosen["section"] if chosen else None}
            wish["list_day"] = chosen["for_day"] if chosen else self.day
        self.koha.put("gentle_nudge_wish", **wish)

    def delivers(self) -> None:
        """The run between two nights."""
        self.asks("deliver")

    def saves_a_list(self) -> None:
        """A list comes back with decisions, and perhaps approved; it is taken whole, or refused if it is too late."""
        if read := self._opened():
            name, rows = read
            for row in rows:
                if self.chance.random() < 0.3:
                    row |= {"decision": self.chance.choice(["leave out", "LEAVE_OUT"]), "reason": "für später"}
                    row["until"] = self._soon() if self.chance.random() < 0.2 else ""
            self._saves(name, rows, approved=self.chance.random() < 0.5)

    def saves_a_broken_list(self) -> None:
        """A list comes back with a fault: nothing of it is done."""
        if read := self._opened():
            fault = self.chance.choice([each for each in FAULTS if each != "one too few" or len(read[1]) > 1])
            FAULTS[fault](read[1])
            self._saves(*read, approved=fault == "one too few" or self.chance.random() < 0.5, fault=fault)

    def _opened(self) -> tuple[str, list[Row]] | None:
        """The section and day of a list in the folder, as its name has them, and its rows."""
        chosen = self._a_list(*TO_COME)
        name = f"review-{chosen['for_day']}-{chosen['section']}" if chosen else ""
        file = self.folder / f"{name}.csv"
        rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines())) if file.is_file() else []
        return (name, rows) if rows else None

    def _saves(self, name: str, rows: list[Row], *, approved: bool, fault: str = "") -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), delimiter=self.chance.choice(",;\t"))
        writer.writeheader()
        writer.writerows(rows)
        file = self.folder / "in" / f"{name}{'-approved' * approved}.csv"
        file.write_bytes(text.getvalue().encode(self.chance.choice(["utf-8", "utf-8-sig", "cp1252"])))
        noon = datetime.combine(self.day, time(12), UTC).timestamp()
        os.utime(file, (noon, noon))  # nobody writes it any more
        if self.chance.random() < 0.3:
            return  # it waits for the night
        before, refused_before = self._by_file(), self._refused()
        is_alone = len(list((self.folder / "in").glob("*.csv"))) == 1  # of one that has waited all may be done
        self.asks("deliver")
        refused = self._refused() - refused_before
        reasons = [self.folder / "in" / "refused" / f"{name}.txt" for name in refused]
        self.complains([f"{reason.stem} was refused without a word" for reason in reasons if not reason.is_file()])
        if is_alone and self._by_file() != before and (refused or fault):
            self.complains([f"{file.name} ({fault}) was refused, and yet something of it was done"])
        if fault and not refused and not file.exists():
            self.complains([f"{file.name} was read though there is a fault: {fault}"])
        if file.exists() or refused:
            return
        left_out = {int(row["number"]) for row in rows if row["decision"]}
        still = self.koha.query(
            "SELECT patron FROM gentle_nudge_list_row JOIN gentle_nudge_list ON id = list_id"
            " WHERE outcome = 'left_out' AND CONCAT('review-', for_day, '-', section) = :name",
            name=name,
        )
        if missing := left_out - {row["patron"] for row in still}:
            self.complains([f"{file.name} left out {missing} and was read, but they are listed"])

    def _by_file(self) -> int:
        """How many wishes edited lists have brought; one that is refused leaves a row that says so."""
        return int(self.koha.value("SELECT COUNT(*) FROM gentle_nudge_wish WHERE door = 'file' AND what <> 'read'"))

    def _refused(self) -> set[str]:
        """The files that were refused."""
        return {path.name for path in (self.folder / "in" / "refused").glob("*.csv")}

    def _soon(self) -> str:
        return str(self.day + timedelta(days=self.chance.choice([0, 1, 3, 10, 30])))

    def _a_list(self, *states: str) -> Row | None:
        """A list in one of these states, if there is any."""
        found = "SELECT * FROM gentle_nudge_list WHERE state IN :states ORDER BY id DESC LIMIT 6"
        lists = self.koha.query(found, states=list(states))
        return self.chance.choice(lists) if lists else None

    def _on_a_list(self, *outcomes: str) -> Row | None:
        """A patron on a list that is still to come."""
        rows = self.koha.query(
            "SELECT patron, for_day FROM gentle_nudge_list_row JOIN gentle_nudge_list ON id = list_id"
            " WHERE outcome IN :outcomes AND state IN :states ORDER BY list_id, patron",
            outcomes=list(outcomes),
            states=list(TO_COME),
        )
        return self.chance.choice(rows) if rows else None


AT_THE_LISTS: dict[str, tuple[int, Callable[[Clerks], object]]] = {
    "left out": (5, Clerks.leaves_out),
    "put back": (2, Clerks.puts_back),
    "list approved": (6, Clerks.approves),
    "list rejected": (1, Clerks.rejects),
    "hold": (4, Clerks.holds),
    "resumed": (3, Clerks.resumes),
    "hold field filled": (3, Clerks.fills_field),
    "hold field emptied": (2, Clerks.empties_field),
    "wish written into Koha": (5, Clerks.writes_into_koha),
    "delivered": (1, Clerks.delivers),
    "list edited": (4, Clerks.saves_a_list),
    "list broken": (2, Clerks.saves_a_broken_list),
}
