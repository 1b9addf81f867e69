"""Rows decide by priority; what cannot be told takes the safe action."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

NAN = math.nan


@pytest.fixture
def evaluate(book_of):
    def run(text, values=(), faults=None):
        return book_of(text).for_point("press").evaluate(list(values), faults)

    return run


def test_the_highest_priority_that_holds_decides(evaluate, row_of):
    text = row_of("low", "n.n0 > 1", "warn", priority=1) + row_of(
        "high", "n.n0 > 2", "stop", priority=2
    )
    assert evaluate(text, [3.0]).rule == "high"
    assert evaluate(text, [1.5]).rule == "low"
    assert evaluate(text, [0.5]) is None


def test_equal_priorities_decide_in_file_order(evaluate, row_of):
    text = row_of("first", "n.n0 > 1") + row_of("second", "n.n0 > 0")
    assert evaluate(text, [2.0]).rule == "first"


def test_a_definitive_row_beats_one_of_higher_priority_that_is_not(evaluate, row_of):
    text = row_of("maybe", "n.n0 > 1", priority=9, definitive=False) + row_of(
        "sure", "n.n0 > 0", "stop"
    )
    assert evaluate(text, [2.0]).rule == "sure"


def test_without_a_definitive_row_the_highest_priority_that_holds_is_the_hit(evaluate, row_of):
    text = row_of("a", "n.n0 > 5", definitive=False, priority=3)
    text += row_of("b", "n.n0 > 1", definitive=False, priority=2, confidence=0.7)
    text += row_of("c", "n.n0 > 0", definitive=False, priority=1)
    hit = evaluate(text, [2.0])
    assert (hit.rule, hit.definitive, hit.confidence) == ("b", False, 0.7)


def test_a_row_with_a_stale_input_takes_its_own_safe_action_and_names_the_input(evaluate, row_of):
    hit = evaluate(
        row_of("hot", "n.n0 > 1", "warn", safe_action="slow"), [3.0], ["stale for 2.1 s"]
    )
    assert (hit.action, hit.safe, hit.definitive, hit.confidence) == ("slow", True, True, 0.0)
    assert "n.n0: stale for 2.1 s" in hit.reason


def test_the_safe_action_is_the_decision_points_unless_the_row_has_its_own(evaluate, row_of):
    assert evaluate(row_of("hot", "n.n0 > 1"), [3.0], ["bad quality"]).action == "stop"


@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_a_fault_even_if_nobody_said_so(evaluate, row_of, value):
    hit = evaluate(row_of("hot", "n.n0 > 1"), [value])
    assert hit.safe
    assert "n.n0: not a number" in hit.reason


def test_a_division_by_zero_takes_the_safe_action(evaluate, row_of):
    hit = evaluate(row_of("ratio", "n.n0 / n.n1 > 1"), [1.0, 0.0])
    assert hit.safe
    assert "cannot be calculated" in hit.reason


def test_an_overflow_takes_the_safe_action(evaluate, row_of):
    assert evaluate(row_of("product", "n.n0 * n.n0 < 1"), [1e200]).safe


def test_a_faulty_input_of_a_row_that_is_not_reached_changes_nothing(evaluate, row_of):
    text = row_of("sure", "n.n0 > 0", priority=2) + row_of("blind", "n.n1 > 0", priority=1)
    assert evaluate(text, [1.0, NAN], ["", "bad quality"]).rule == "sure"
    assert evaluate(text, [-1.0, NAN], ["", "bad quality"]).rule == "blind"


def test_a_faulty_input_counts_even_where_and_would_have_hidden_it(evaluate, row_of):
    hit = evaluate(row_of("both", "n.n0 > 0 and n.n1 > 0"), [-1.0, NAN], ["", "never read"])
    assert hit.safe


def test_a_doubtful_row_that_cannot_matter_any_more_is_not_reached(evaluate, row_of):
    text = row_of("maybe", "n.n0 > 0", definitive=False, priority=2)
    text += row_of("blind", "n.n1 > 0", definitive=False, priority=1)
    hit = evaluate(text, [1.0, NAN], ["", "bad quality"])
    assert (hit.rule, hit.safe) == ("maybe", False)


def test_a_point_without_rows_never_hits(book_of, row_of):
    rules = book_of(row_of("a", "n.n0 > 1")).for_point("elsewhere")
    assert rules.inputs == ()
    assert rules.evaluate([], None) is None


def test_each_point_has_its_own_rows(book_of, row_of):
    text = row_of("a", "n.n0 > 1") + row_of("b", "n.n1 > 1", point="oven")
    book = book_of(text, {"press": "stop", "oven": "slow"})
    assert book.for_point("press").inputs == ("n.n0",)
    assert book.for_point("oven").inputs == ("n.n1",)
    assert book.for_point("oven").rows[0].row.safe_action == "slow"


def test_the_reason_shows_the_values_with_their_units(evaluate, row_of):
    text = row_of(
        "hot", "press.temperature > '80 degC'", reason="the press is at {press.temperature}"
    )
    assert evaluate(text, [85.25]).reason == "the press is at 85.25 degC"


def test_without_a_reason_the_name_and_the_inputs_are_told(evaluate, row_of):
    text = row_of("hot", "press.temperature > '80 degC' and door.closed")
    assert evaluate(text, [85.0, 1.0]).reason == (
        "rule hot: press.temperature is 85 degC, door.closed is 1"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (12345678.0, "12345678"),
        (1.23456, "1.235"),
        (123456.7, "123457"),
        (1e20, "1e+20"),
    ],
)
def test_numbers_in_reasons_are_short(evaluate, row_of, value, shown):
    assert evaluate(row_of("r", "n.n0 > -1", reason="{n.n0}!"), [value]).reason == f"{shown}!"


# -- the compiled function and a reading of the rules agree on everything ------------------------

ROW = st.fixed_dictionaries(
    {
        "slot": st.integers(0, 2),
        "limit": st.integers(-2, 2),
        "divide": st.booleans(),
        "priority": st.integers(0, 2),
        "definitive": st.booleans(),
    }
)
VALUE = st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0, NAN])


def expected(rows, values, faults):
    """The semantics of the top of rules.py, read literally."""
    found = None
    for index, row in sorted(enumerate(rows), key=lambda item: -item[1]["priority"]):
        if found is not None and not row["definitive"]:
            continue
        value = values[row["slot"]]
        if faults[row["slot"]] or value != value or (row["divide"] and value == 0):
            return index, True
        matches = (1.0 / value if row["divide"] else value) > row["limit"]
        if matches and row["definitive"]:
            return index, False
        if matches and found is None:
            found = index
    return (found, False) if found is not None else None


@settings(max_examples=300, deadline=None)
@given(
    st.lists(ROW, min_size=1, max_size=6),
    st.lists(VALUE, min_size=3, max_size=3),
    st.lists(st.sampled_from(["", "", "", "stale"]), min_size=3, max_size=3),
)
def test_the_compiled_rows_do_what_the_rules_say(book_of, row_of, rows, values, faults):
    text = ""
    for index, row in enumerate(rows):
        name = f"n.n{row['slot']}"
        when = f"1 / {name} > {row['limit']}" if row["divide"] else f"{name} > {row['limit']}"
        options = {"priority": row["priority"], "definitive": row["definitive"]}
        text += row_of(f"r{index}", when, **options)
    rules = book_of(text).for_point("press")
    slots = [int(name[-1]) for name in rules.inputs]
    own_faults = [faults[slot] for slot in slots]
    hit = rules.evaluate([values[slot] for slot in slots], own_faults if any(own_faults) else None)
    wanted = expected(rows, values, faults)
    assert (hit and (hit.rule, hit.safe)) == (wanted and (f"r{wanted[0]}", wanted[1]))
