"""Whose turn it is: physics of a shared bus, with the time as an argument."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman_drivers.modbus_turns import SILENT_PAUSE, WRITES_IN_A_ROW_MAX, Turns


def answering(turns, *numbers):
    for number in numbers:
        turns.unit(number).answering = True


def served(turns, now_s=0.0):
    turn = turns.next(now_s)
    assert isinstance(turn, tuple)
    return turn[0].number, turn[1]


def test_units_take_turns_however_much_one_of_them_wants():
    turns = Turns()
    answering(turns, 1, 2, 3)
    turns.unit(1).polls.extend(["a1", "a2", "a3"])
    turns.unit(2).polls.append("b1")
    turns.unit(3).polls.append("c1")
    assert [served(turns)[1] for _ in range(5)] == ["a1", "b1", "c1", "a2", "a3"]


def test_a_write_goes_before_every_poll():
    turns = Turns()
    answering(turns, 1, 2)
    turns.unit(1).polls.append("poll")
    turns.unit(2).writes.append("write")
    assert [served(turns)[1] for _ in range(2)] == ["write", "poll"]


def test_writers_without_end_do_not_stop_the_polling():
    turns = Turns()
    answering(turns, 1, 2)
    turns.unit(2).polls.extend(["poll"] * 3)
    order = []
    for _ in range(3 * (WRITES_IN_A_ROW_MAX + 1)):
        turns.unit(1).writes.append("write")
        order.append(served(turns)[1])
    assert order.count("poll") == 3
    assert order.index("poll") == WRITES_IN_A_ROW_MAX


def test_nobody_waiting_is_nobodys_turn():
    turns = Turns()
    turns.unit(1)
    assert turns.next(0.0) is None


def test_a_held_unit_waits_and_says_until_when():
    turns = Turns()
    answering(turns, 1)
    turns.unit(1).polls.append("poll")
    turns.unit(1).held_until_s = 2.5
    assert turns.next(1.0) == 2.5
    assert served(turns, 2.5) == (1, "poll")


def test_after_a_wait_in_vain_no_silent_unit_is_polled_for_four_times_as_long():
    turns = Turns()
    answering(turns, 1)
    turns.unit(2).polls.append("silent")
    turns.unit(3).polls.append("silent, too")
    assert served(turns, 0.0)[0] == 2
    turns.missed(turns.unit(2), 0.3, 0.3)
    assert turns.next(0.3) == pytest.approx(0.3 + 0.3 * SILENT_PAUSE)
    turns.unit(1).polls.append("poll")
    assert served(turns, 0.3)[0] == 1
    assert served(turns, 1.6)[0] == 3


def test_writes_to_a_silent_unit_are_not_held_back():
    turns = Turns()
    answering(turns, 1)
    turns.missed(turns.unit(2), 0.3, 0.3)
    turns.unit(2).writes.append("safe")
    assert served(turns, 0.3) == (2, "safe")


def test_where_no_unit_answers_each_is_asked_at_once():
    turns = Turns()
    turns.missed(turns.unit(1), 0.3, 0.3)
    turns.unit(2).polls.append("poll")
    assert served(turns, 0.3)[0] == 2


@settings(max_examples=25)
@given(silent=st.integers(1, 30), timeout_s=st.floats(0.05, 1.0))
def test_silent_units_together_take_at_most_a_fifth_of_the_time(silent, timeout_s):
    turns = Turns()
    answering(turns, 1)
    spent = Counter()
    now_s = 0.0
    while now_s < 20.0:
        for number in range(1, silent + 2):
            if not turns.unit(number).polls:
                turns.unit(number).polls.append("poll")
        number, _ = served(turns, now_s)
        took_s = 0.05 if number == 1 else timeout_s
        now_s += took_s
        spent[number == 1] += took_s
        if number != 1:
            turns.missed(turns.unit(number), took_s, now_s)
    assert spent[False] <= 0.2 * now_s + timeout_s


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=60))
def test_everything_that_waits_has_its_turn_once_and_in_its_units_order(jobs):
    turns = Turns()
    for place, (number, urgent) in enumerate(jobs):
        unit = turns.unit(number)
        (unit.writes if urgent else unit.polls).append((place, urgent))
    order = []
    while (turn := turns.next(0.0)) is not None:
        order.append((turn[0].number, turn[1]))
    assert sorted(order) == sorted((n, (p, u)) for p, (n, u) in enumerate(jobs))
    for number in range(1, 6):
        for urgent in (True, False):
            own = [job[0] for unit, job in order if unit == number and job[1] == urgent]
            assert own == sorted(own)


def test_what_is_dropped_is_what_was_chosen_and_the_rest_stays():
    turns = Turns()
    unit = turns.unit(1)
    unit.writes.extend(["a", "b"])
    unit.polls.extend(["a", "c"])
    assert unit.drop(lambda job: job == "a") == ["a", "a"]
    assert (list(unit.writes), list(unit.polls)) == (["b"], ["c"])
