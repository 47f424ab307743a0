"""What has become of the cases of a period, by what the nightly copies have kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from sqlalchemy import Connection

from gentle_nudge.domain.moment import Moment
from gentle_nudge.domain.outcomes.answer import PeriodOutcomes, Question
from gentle_nudge.domain.outcomes.figures import CaseFigures, LineFigures, line_figures
from gentle_nudge.domain.outcomes.road import road
from gentle_nudge.domain.outcomes.terms import Outcomes
from gentle_nudge.domain.outcomes.threshold_study import ThresholdStudy, how_soon, threshold_studies
from gentle_nudge.domain.outcomes.totals import PERSONAL, UNKNOWN, By, Figures, age_group, grouped, over
from gentle_nudge.domain.patron import age, known_birth
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.library import Library
from gentle_nudge.jobs.sections import chosen
from gentle_nudge.koha.read import patron_counts
from gentle_nudge.store import meta, notices_sent, outcome_copy, outcome_log, runs


def outcomes_of(conn: Connection, library: Library, question: Question, moment: Moment) -> PeriodOutcomes:
    """What has become of the cases that the question asks for; UserError for an unknown section or a low threshold."""
    meta.ready(conn)
    terms, today = library.settings.outcomes, moment.today
    followed = read_figures(conn, moment.zone)
    sections = sections_asked(library, question.sections, {each.case.section for each in followed})
    of_sections = [each for each in followed if each.case.section in sections]
    cases = tuple(each for each in of_sections if not each.case.adopted and _is_asked(each, question))
    adopted = tuple(each for each in of_sections if each.case.adopted)
    finished = over(cases, today, terms)
    return PeriodOutcomes(
        question=question,
        sections=sections,
        as_of=outcome_copy.last_copied(conn),
        complete_from=_complete_from(today - timedelta(days=library.settings.archive.keep_cases_days)),
        began=runs.first_day(conn, sections or [name for family in library.families for name in family]),
        rows=tuple(rows_of(conn, cases, question, terms=terms, today=today)),
        total=Figures.of(cases, terms),
        before_us=Figures.of(adopted, terms),
        thresholds=tuple(_studies(library, sections, question, finished)),
        finished=tuple(finished),
        how_soon=tuple(how_soon(finished, terms)),
        road=tuple(road(cases, _notices(conn, library, cases))),
        invoices=tuple(outcome_log.invoices(conn, (question.first, question.last), {"all", *sections})),
        cases=cases,
        adopted=adopted,
    )


def read_figures(conn: Connection, zone: ZoneInfo) -> list[CaseFigures]:
    """What has become of every case that is not forgotten, in order of id."""
    of_cases = defaultdict[int, list[LineFigures]](list)
    for line, offsets in outcome_log.followed_lines(conn, zone):
        for figures in line_figures(line, offsets):
            of_cases[figures.share.case].append(figures)
    return [CaseFigures.of(case, of_cases[case.id]) for case in outcome_log.followed_cases(conn)]


def rows_of(
    conn: Connection, cases: Sequence[CaseFigures], question: Question, *, terms: Outcomes, today: date
) -> Iterable[tuple[str, Figures]]:
    """The figures of each group, with its name."""
    by = question.by
    patrons = patrons_of(conn, by, today) if by in PERSONAL and not question.sections else {}
    groups = grouped(
        cases,
        by,
        period=(question.first, question.last),
        smallest=terms.smallest_group,
        names=patron_counts.branch_names(conn) if by == "branch" else None,
    )
    for group in groups:
        number = sum(patrons.get(key, 0) for key in group.keys)
        running = group.is_running(today, terms)
        yield group.name, Figures.of(group.cases, terms, patrons=number, running=running)


def patrons_of(conn: Connection, by: By, today: date) -> dict[Hashable, int]:
    """How many patrons Koha has now in each group."""
    if by != "age":
        codes = patron_counts.patrons_by(conn, "branchcode" if by == "branch" else "categorycode")
        return {code or UNKNOWN: number for code, number in codes.items()}
    counts = Counter[Hashable]()
    for day, number in patron_counts.patrons_by_birth(conn).items():
        born = known_birth(day, today)
        counts[age_group(age(born, today) if born else None)] += number
    return counts


def _is_asked(case: CaseFigures, question: Question) -> bool:
    referred = case.case.referred_on
    return referred is not None and question.first <= referred <= question.last + relativedelta(day=31)


def sections_asked(library: Library, wanted: Sequence[str], with_cases: AbstractSet[str]) -> tuple[str, ...]:
    """The names of the wanted sections, former ones included; without any all that have cases."""
    names = {family[0] for family in library.families} | set(with_cases)
    with_former = with_cases & set(library.names_of(wanted) or ())
    asked = {*chosen({name: name for name in sorted(names)}, wanted), *with_former}
    return tuple(sorted(asked if wanted else with_cases))


def one_of(names: Iterable[str], wanted: Sequence[str]) -> str | None:
    """The one wanted section as the settings write it; None if all are wanted, or several."""
    return next((name for name in names if [name.casefold()] == [each.casefold() for each in wanted]), None)


def _complete_from(kept_since: date) -> date:
    """The first month of which no case can have been removed yet."""
    return kept_since if kept_since.day == 1 else kept_since + relativedelta(months=1, day=1)


def _studies(
    library: Library, sections: Collection[str], question: Question, finished: Sequence[CaseFigures]
) -> Iterable[ThresholdStudy]:
    """The study of the highest threshold in force and of those asked for; UserError if one of these is lower."""
    in_force = [
        draft.policy.threshold
        for draft, family in zip(library.settings.drafts, library.families, strict=True)
        if "threshold" not in draft.missing and (not question.sections or set(family) & set(sections))
    ]
    if not in_force:
        return []
    highest = max(in_force)
    if low := [threshold for threshold in question.thresholds if threshold < highest]:
        raise UserError(
            f"Nobody who owed less than {highest:.2f} was recorded.",
            f"To look ahead: gentle-nudge nightly --dry-run --set threshold={low[0]}; of one section: --library",
        )
    return threshold_studies(finished, highest, question.thresholds, library.settings.outcomes)


def _notices(conn: Connection, library: Library, cases: Iterable[CaseFigures]) -> dict[int, list[date]]:
    """Patron -> the days on which a letter of `prior_notice` was sent."""
    letters = {letter for draft in library.settings.drafts for letter in draft.policy.prior_notice}
    days = defaultdict[int, list[date]](list)
    if letters:
        for notice in notices_sent.kept_of(conn, letters, {each.case.number or 0 for each in cases}):
            days[notice.patron].append(notice.sent_on)
    return days
