"""A consortium that reminds beside its collections; after every run of reminders all that may never be.

    python -m tests.support.reminding_consortium rivals --seed 3 --days 365

lives one such year again and says which day broke what.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from sqlalchemy import Engine, event

from tests.acceptance.reminding import WATCHED
from tests.builders.koha import vouches_for
from tests.support.command import Finished
from tests.support.consortium import Consortium, main
from tests.support.crashes import killed
from tests.support.holdings import GLOBAL, Row
from tests.support.never_reminded import TEXT, Evening, broken
from tests.support.reminded import LADDERS, OLDEST, Reminded, by, code_of, read

KEYS = f'max_age_days = {OLDEST}\nnotify = "both"\n'
STATEMENTS = 450  # a little more than a run sends


class RemindingConsortium(Consortium):
    """The libraries; every night they remind after their collections."""

    module: ClassVar[str] = "reminding_consortium"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.days, self.rare = {**self.days, **DAYS_OF_DEBTORS}, {**self.rare, **RARE_FOR_DEBTORS}
        self.koha.prefer("RedirectGuaranteeEmail", self.chance.choice(["0", "1"]))
        for transport in ("email", "print"):
            self.koha.put("message_transport_types", message_transport_type=transport)
            for code in sorted({code_of(level) for ladder in LADDERS.values() for level in ladder.levels}):
                text = {"module": "circulation", "title": "<<today>>", "content": TEXT}
                self.koha.put("letter", code=code, message_transport_type=transport, **text)

    def _configure(self) -> None:
        tables = {name: LADDERS[name].toml("library.remind") for name in ("south",)}
        self.setup.reminders = {**tables, GLOBAL: LADDERS[GLOBAL].toml("remind", KEYS)}
        super()._configure()

    # Evenings

    def _night(self, *args: str) -> bool:
        is_good = super()._night(*args)
        if self.chance.random() < 0.07:
            self._note("reminders missed")
        else:
            self._reminds()
        self._koha_sends()
        return is_good

    def _reminds(self) -> None:
        """A run, perhaps killed and begun again, perhaps once more; it did what it must."""
        before = self._reminded()
        if self.chance.random() < 0.1 and killed(self.chance.randrange(STATEMENTS), self._begins):
            self._note("reminders killed")
        code = self.asks("remind").returncode
        after = self._reminded()
        evening = Evening(before=before, after=after, code=code)
        for letter in evening.letters:
            self._note(f"level {letter['level']}", counted=True)
            if letter["fee"]:
                self.accounts.ledger.charged(letter["fee_line"], "MANUAL", letter["fee"])
        ended = (row["state"] for n, row in after.series.items() if row != before.series.get(n))
        self.happened.update(f"series {state}" for state in ended)
        self.happened["printed"] += sum(bool(row["replaces"]) for row in evening.messages)
        self.happened["blocked"] += len(evening.blocked)
        self.complains(broken(evening))
        if self.chance.random() < 0.3:
            self._note("reminded twice")
            once = self._everything()
            self.asks("remind")
            self.complains(
                f"a second run changes {name}" for name, rows in self._everything().items() if rows != once[name]
            )

    def _begins(self, count: Callable[[], None]) -> None:
        event.listen(Engine, "before_cursor_execute", lambda *_: count())
        event.listen(Engine, "commit", lambda *_: count())
        self.evenings.run("remind", on=self.day)

    def _reminded(self) -> Reminded:
        return read(self.koha, self.setup.scopes(), self.day)

    def _everything(self) -> dict[str, list[Row]]:
        return {name: self.koha.query(f"SELECT * FROM {name}") for name in (*WATCHED, *self.koha.own_tables())}

    def _koha_sends(self) -> None:
        """Koha sends what waits, e-mails in vain now and then; it prints every few days; old messages go."""
        for n, row in by(self.koha, "message_queue", "message_id").items():
            is_email = row["message_transport_type"] == "email"
            if row["status"] == "pending" and self.chance.random() < (0.95 if is_email else 0.4):
                status = "failed" if is_email and self.chance.random() < 0.15 else "sent"
                self.koha.execute("UPDATE message_queue SET status = :s WHERE message_id = :n", s=status, n=n)
        month = self.day - timedelta(days=30)
        self.koha.execute("DELETE FROM message_queue WHERE time_queued < :month", month=month)

    # Days

    def newcomer(self, **columns: Any) -> None:
        """A new patron, perhaps without an e-mail address, perhaps without any."""
        known = {"email": self.chance.choice(["quist@mail.example", "other@mail.example", "Quist@mail.example", None])}
        super().newcomer(**known, **columns)
        if self.chance.random() < 0.1:
            self.koha.execute("UPDATE borrowers SET address = '' ORDER BY borrowernumber DESC LIMIT 1")

    def in_collections(self) -> int:
        """Somebody in collections; or somebody who is reminded, to whom the same may happen."""
        rows = self._debtors()
        return (
            int(self.chance.choice(rows)["patron"]) if rows and self.chance.random() < 0.4 else super().in_collections()
        )

    def _debtors(self) -> list[Row]:
        there = "SELECT s.* FROM gentle_nudge_series s JOIN borrowers ON borrowernumber = patron"
        return self.koha.query(f"{there} WHERE s.state = 'open' ORDER BY s.id")

    def _stops(self) -> None:
        """Staff stop a series, and may waive its fees."""
        if rows := self._debtors():
            row, waive = self.chance.choice(rows), self.chance.choice([(), ("--waive-fee",)])
            last = self.koha.value("SELECT MAX(id) FROM account_offsets")
            done = self.asks(
                "remind", "stop", f"number:{row['patron']}", "--library", row["section"], "--reason", "found", *waive
            )
            used = "SELECT * FROM account_offsets WHERE id > :last AND type = 'APPLY'"
            for each in self.koha.query(used, last=last):
                self.accounts.ledger.used(
                    each["credit_id"], each["debit_id"], -each["amount"], kind="waived", day=self.day
                )
            self.complains(self._not_stopped(done, row, is_waived=bool(waive)))

    def _not_stopped(self, done: Finished, was: Row, *, is_waived: bool) -> list[str]:
        now = self._reminded()
        if was["section"] not in self.setup.scopes().agencies and done.returncode == 2:
            return []
        series, block = now.series[was["id"]], now.blocks.get(was["restriction"])
        lines = [now.seen.lines.get(row["fee_line"], {"owed": 0}) for row in now.letters_of(series)]
        owed = [line for line in lines if line["owed"]]
        is_ours = block is not None and block["comment"] == was["restriction_comment"]
        is_right = (done.returncode, series["state"]) == (0, "stopped") and not is_ours and not (is_waived and owed)
        return [] if is_right else [f"{series} is stopped, with {block} and {owed}: {done.stderr}"]

    def _vouches(self) -> None:
        """A child has a guarantor."""
        child, guarantor = self.in_collections(), self.anybody()
        born = "UPDATE borrowers SET dateofbirth = :day WHERE borrowernumber = :n"
        self.koha.execute(born, day=self.day - timedelta(days=3600), n=child)
        linked = "SELECT 1 FROM borrower_relationships WHERE guarantee_id = :c AND guarantor_id = :g"
        if child != guarantor and not self.koha.query(linked, c=child, g=guarantor):
            vouches_for(self.koha, guarantor, child)

    def _edits_block(self) -> None:
        """Staff make the restriction of a series theirs."""
        edited = (
            "UPDATE borrower_debarments SET comment = CONCAT(comment, ' (see Ann)') WHERE comment LIKE :ours LIMIT 1"
        )
        self.koha.execute(edited, ours="Debt reminder of __________")

    def _membership(self) -> None:
        """A membership fee, which is in no sum of a reminder."""
        columns = {"branch": self.chance.choice(self.branches), "note": "CANARY", "description": "CANARY"}
        self.accounts.charge(self.in_collections(), self.amount(5, 30), day=self.day, type_="ACCOUNT", **columns)

    def _is_out_again(self) -> None:
        """An overdue item is not back yet, or is."""
        if line := self.charge("debit_type_code = 'OVERDUE'"):
            status = "UPDATE accountlines SET status = IF(status = 'UNRETURNED', NULL, 'UNRETURNED')"
            self.koha.execute(f"{status} WHERE accountlines_id = :n", n=line["id"])

    def _letter_edited(self) -> None:
        """Somebody breaks a letter, or mends it."""
        content = "IF(LOCATE('[%', content), :text, CONCAT(content, '[% x %]'))"
        code = code_of(self.chance.choice([1, 2, 3]))
        self.koha.execute(f"UPDATE letter SET content = {content} WHERE code = :code", code=code, text=TEXT)

    def _reminded_ahead(self) -> None:
        """The clock is wrong when reminders go out; then somebody mends it."""
        today, self.day = self.day, self.day + timedelta(days=self.chance.choice([1, 8]))
        self._reminds()
        self.day = today
        if self.asks("remind").returncode != 2 or self.asks("init", "--clock-mended", "--yes").returncode:
            self.complains(["a run before one that was made is refused until the clock is mended"])


Events = dict[str, tuple[int, Callable[[Any], object]]]
DAYS_OF_DEBTORS: Events = {
    "series stopped": (3, RemindingConsortium._stops),
    "guarantor": (3, RemindingConsortium._vouches),
    "block edited": (1, RemindingConsortium._edits_block),
    "membership fee": (3, RemindingConsortium._membership),
    "item out or back": (2, RemindingConsortium._is_out_again),
}
RARE_FOR_DEBTORS: Events = {
    "letter broken or mended": (3, RemindingConsortium._letter_edited),
    "reminded alone": (5, RemindingConsortium._reminds),
    "reminded ahead": (2, RemindingConsortium._reminded_ahead),
}

if __name__ == "__main__":
    main(RemindingConsortium)
