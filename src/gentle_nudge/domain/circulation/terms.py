"""Everything that decides about one loan, worked out before it is walked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Self

from gentle_nudge.domain.circulation.due_date import due_date
from gentle_nudge.domain.circulation.fine import FineTerms, Price, price_of
from gentle_nudge.domain.circulation.loan import Loan, NotComputed, Why
from gentle_nudge.domain.circulation.long_overdue import LongOverdueJob
from gentle_nudge.domain.circulation.loss import LossTerms, loss_terms
from gentle_nudge.domain.circulation.notices import NoticeLevel, counts_open_days, day_of_notice, notice_levels
from gentle_nudge.domain.circulation.precedence import LoanRules, as_number
from gentle_nudge.domain.circulation.snapshot import PatronCategory, Snapshot

LONGEST = 800  # days after the due date that a road is followed


@dataclass(frozen=True, kw_only=True)
class RoadTerms:
    """The rules of one loan, its due date, fine, notices and loss."""

    rules: LoanRules
    job: LongOverdueJob
    due: date
    due_why: tuple[Why, ...]
    price: Price
    fine: FineTerms
    levels: tuple[NoticeLevel, ...]
    loss: LossTerms

    @classmethod
    def of(cls, snapshot: Snapshot, loan: Loan, job: LongOverdueJob) -> Self:
        """The terms of this loan; NotComputed says why there are none."""
        rules = LoanRules(snapshot=snapshot, loan=loan)
        why: tuple[Why, ...]
        if loan.due:
            due, why = loan.due, (Why(source="option", name="--due", value=str(loan.due)),)
        elif loan.checkout:
            due, why = due_date(rules, loan.checkout, loan.expires)
        else:
            raise NotComputed("a loan has a day of its check-out or a due date", "give --checkout or --due")
        _check_return(loan, due)
        price = price_of(rules)
        return cls(
            rules=rules,
            job=job,
            due=due,
            due_why=why,
            price=price,
            fine=FineTerms.of(rules, due, price),
            levels=notice_levels(rules),
            loss=loss_terms(rules, job, due),
        )

    @property
    def loan(self) -> Loan:
        """The loan that is asked about."""
        return self.rules.loan

    @property
    def snapshot(self) -> Snapshot:
        """Koha's configuration."""
        return self.rules.snapshot

    @cached_property
    def category(self) -> PatronCategory:
        """The patron category."""
        return self.snapshot.categories.get(self.loan.category, PatronCategory(code=self.loan.category))

    @property
    def is_back_in_time(self) -> bool:
        """Whether the loan is brought back by its due date."""
        return self.loan.returned is not None and self.loan.returned <= self.due

    @cached_property
    def lost(self) -> date | None:
        """The day of the loss; on the day of the return the night's jobs have still run."""
        returned, day = self.loan.returned, self.loss.day
        return day if day and (returned is None or (returned > self.due and returned >= day)) else None

    @cached_property
    def notice_days(self) -> dict[int, date]:
        """Every configured level with the day on which its notice would go out if the loan just stayed."""
        closures, open_only = self.rules.notice_closures, counts_open_days(self.snapshot)
        return {each.level: day_of_notice(closures, self.due, each.delay, open_only=open_only) for each in self.levels}

    @cached_property
    def notices(self) -> dict[date, list[NoticeLevel]]:
        """The levels that go out or restrict, by day; none after the loss or the return."""
        by_day: dict[date, list[NoticeLevel]] = {}
        last = self.lost - timedelta(days=int(self.job.first)) if self.lost else self.loan.returned
        for each in self.levels if self.category.gets_notices else ():
            day = self.notice_days[each.level]
            if (each.with_letter or each.restricts_now) and (last is None or day <= last):
                by_day.setdefault(day, []).append(each)
        return by_day

    @cached_property
    def debt_limit(self) -> tuple[Decimal | None, Why]:
        """More than this blocks check-outs, and why; None: nothing does."""
        own = self.category.debt_limit
        if own is not None:
            return own, Why(source="category", name="noissuescharge", value=f"{own:.2f}")
        return as_number(self.snapshot.preference("noissuescharge")), self.rules.preference("noissuescharge")

    @cached_property
    def processing_fee(self) -> tuple[Decimal, tuple[Why, ...]]:
        """Koha's own processing fee for a lost item, and why."""
        itemtype = self.snapshot.itemtypes.get(self.loan.itemtype)
        if itemtype and itemtype.processing_fee is not None:
            fee = itemtype.processing_fee
            return fee, (Why(source="itemtype", name="processfee", value=f"{fee:.2f}"),)
        name = "lost_item_processing_fee"
        return self.rules.number(name) or Decimal(0), self.rules.whys(name)

    @property
    def lifts_restrictions(self) -> bool:
        """Whether Koha lifts the restriction of a notice once the loan is closed."""
        return self.snapshot.preference("AutoRemoveOverduesRestrictions") not in {"", "0", "no"}


def _check_return(loan: Loan, due: date) -> None:
    returned = loan.returned
    if returned and (returned - due).days > LONGEST:
        raise NotComputed(
            f"the day of the return is more than {LONGEST} days after the due date {due}",
            f"give a day up to {due + timedelta(days=LONGEST)}",
        )
    if returned and loan.checkout and returned < loan.checkout:
        raise NotComputed("the day of the return is before the check-out", f"give a day from {loan.checkout}")
    if loan.paid and not returned:
        raise NotComputed("a payment needs the day of the return", "give --returned besides --paid")
