"""How values stand on pages."""

import pytest

from gentle_nudge.texts import page_filters as pages
from gentle_nudge.texts.environment import PACKAGED, _environment


def rendered(template: str, **values: object) -> str:
    return _environment(PACKAGED).from_string("{% autoescape true %}" + template + "{% endautoescape %}").render(values)


@pytest.mark.parametrize(
    ("amount", "shown"), [("0.00", "0.00"), ("999.995", "1,000.00"), ("1602.48", "1,602.48"), ("-60", "−60.00")]
)
def test_an_amount_has_commas_at_the_thousands_and_a_true_minus(amount: str, shown: str) -> None:
    assert pages.money(amount) == shown


def test_a_day_is_written_out() -> None:
    assert rendered("{{ day | weekday }} {{ day | day }}", day="2026-11-02") == "Monday 2 November 2026"


def test_the_days_of_a_sentence_are_written_out() -> None:
    sentence = "Turned 18 on 2026-11-23 & was referred on 2026-01-02, paid on 2026-02-03."
    shown = "Turned 18 on 23 November 2026 &amp; was referred on 2 January 2026, paid on 3 February 2026."
    assert rendered("{{ sentence | days_written_out }}", sentence=sentence) == shown


def test_an_instant_shows_the_clock_it_was_given_with() -> None:
    assert rendered("{{ at | time }}", at="2026-11-22T00:30:00-05:00") == "00:30"


def test_a_name_is_set_apart_so_that_it_moves_nothing_beside_it() -> None:
    assert rendered("{{ text | name }}", text="<b>") == "<bdi>&lt;b&gt;</bdi>"


def test_a_patron_is_a_link_into_koha() -> None:
    link = rendered('{{ 5 | patron_link("A & B") }}', staff_url="https://staff.example/")
    address = "https://staff.example/cgi-bin/koha/members/moremember.pl?borrowernumber=5"
    assert link == f'<a href="{address}"><bdi>A &amp; B</bdi></a>'


@pytest.mark.parametrize("address", ["", "javascript:alert(1)//"])
def test_without_kohas_address_a_patron_is_a_number(address: str) -> None:
    assert rendered("{{ 5 | patron_link }}", staff_url=address) == "number 5"
    assert rendered('{{ 5 | patron_link("A") }}', staff_url=address).startswith("<bdi>A</bdi> <span")


def test_commands_in_a_sentence_are_code() -> None:
    sentence = "1 < 2: gentle-nudge nightly --most-referrals 600. Or gentle-nudge cases move a b, now."
    assert rendered("{{ sentence | code }}", sentence=sentence) == (
        "1 &lt; 2: <code>gentle-nudge nightly --most-referrals 600</code>. "
        "Or <code>gentle-nudge cases move a b</code>, now."
    )


def test_debits_are_counted_by_type_in_kohas_words_or_ours() -> None:
    lines = [
        {"type": "LOST", "count": 2, "outstanding": "40.00"},
        {"type": "RENT", "count": 1, "outstanding": "1.5"},
        {"type": None, "count": 1, "outstanding": "1"},
    ]
    shown = rendered("{{ lines | what_for }}", lines=lines, debit_types={"RENT": "Rental"})
    assert shown == "2 lost items, 40.00; 1 × Rental, 1.50; 1 × other, 1.00"
    assert rendered("{{ lines | what_for }}", lines=lines[1:2]) == "1 × RENT, 1.50"


def test_a_month_is_written_out_or_short() -> None:
    assert rendered('{{ "2025-12" | month }}, {{ "2026-01" | short_month }}') == "December 2025, Jan 2026"


@pytest.mark.parametrize(
    ("most", "marks"),
    [
        (0, [0, 1]),
        (5, [0, 1, 2, 3, 4, 5]),
        (5.01, [0, 2, 4, 6]),
        (52.2, [0, 20, 40, 60]),
        (2944.45, [0, 1000, 2000, 3000]),
        (10_000, [0, 2000, 4000, 6000, 8000, 10_000]),
        (10_000.01, [0, 5000, 10_000, 15_000]),
    ],
)
def test_a_picture_is_measured_by_round_numbers(most: float, marks: list[int]) -> None:
    assert rendered("{{ most | marks }}", most=most) == str(marks)


def test_a_negative_part_of_a_bar_is_not_drawn() -> None:
    made = "{% import 'macros.html' as made_of with context %}"
    bars = "{{ made_of.stacked('m', 'Title', 'Words', [('paid', 'paid'), ('owed', 'owed')], bars, 1, 'open') }}"
    drawn = rendered(made + bars, bars=[("Jan", ["-5.00", "10.00"])])
    assert (drawn.count("<rect"), "-5" in drawn, "Jan: owed 10.00" in drawn) == (1, False, True)
