"""Belts run forwards, backwards, jitter, stand still, and lose edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.gpio.quadrature import Quadrature

MS = 1_000_000
CYCLE = [(False, False), (True, False), (True, True), (False, True)]  # A leads B: forward


class Shaft:
    """An encoder's disc, which turns by quarters of a cycle."""

    def __init__(self, decoder):
        self.decoder = decoder
        self.place = 0
        self.now_ns = 0
        for _ in range(2):
            decoder.look(CYCLE[0], 0)

    def turn(self, steps, each_ns=MS, silent=False):
        for _ in range(abs(steps)):
            before = CYCLE[self.place % 4]
            self.place += 1 if steps > 0 else -1
            after = CYCLE[self.place % 4]
            self.now_ns += each_ns
            channel = 0 if before[0] != after[0] else 1
            if not silent:
                self.decoder.edge(channel, after[channel], self.now_ns)
        return self

    @property
    def levels(self):
        return CYCLE[self.place % 4]


@pytest.fixture
def shaft():
    return Shaft(Quadrature())


@pytest.mark.parametrize("steps", [1, 4, 7, -1, -4, -9])
def test_each_quarter_of_a_cycle_counts_with_its_sign(shaft, steps):
    shaft.turn(steps)
    assert (shaft.decoder.count, shaft.decoder.missed) == (steps, 0)


@given(st.lists(st.integers(-50, 50), max_size=30))
def test_the_count_is_where_the_shaft_is_whatever_way_it_took(turns):
    shaft = Shaft(Quadrature())
    for steps in turns:
        shaft.turn(steps)
    assert (shaft.decoder.count, shaft.decoder.missed) == (shaft.place, 0)


def test_the_first_level_of_a_channel_is_no_edge():
    decoder = Quadrature()
    assert not decoder.edge(0, True, 0)
    assert not decoder.edge(1, True, 1)
    assert (decoder.count, decoder.missed) == (0, 0)
    assert decoder.edge(0, False, 2)


def test_an_edge_that_tells_a_known_level_means_that_one_was_missed(shaft):
    shaft.turn(4)
    assert not shaft.decoder.edge(0, False, shaft.now_ns)
    assert (shaft.decoder.count, shaft.decoder.missed) == (4, 1)


@given(st.integers(1, 40), st.integers(1, 3))
def test_missed_quarters_never_go_unnoticed(before, lost):
    """Four lost in a row would look like standing still: the count says nothing of those."""
    shaft = Shaft(Quadrature()).turn(before)
    shaft.turn(lost, silent=True).turn(8)
    assert shaft.decoder.missed > 0


def test_a_look_at_another_level_is_not_believed_at_once_for_its_edge_may_be_on_its_way(shaft):
    shaft.turn(1, silent=True)
    assert shaft.decoder.look(shaft.levels, 2 * MS) is False
    assert shaft.decoder.look(shaft.levels, 101 * MS) is False
    shaft.decoder.edge(0, True, MS)
    assert (shaft.decoder.count, shaft.decoder.missed) == (1, 0)
    assert shaft.decoder.look(shaft.levels, 300 * MS) is False


def test_a_level_that_is_read_for_a_tenth_of_a_second_and_told_by_no_edge_is_a_missed_one(shaft):
    shaft.turn(1, silent=True)
    shaft.decoder.look(shaft.levels, 2 * MS)
    assert shaft.decoder.look(shaft.levels, 102 * MS) is True
    assert (shaft.decoder.count, shaft.decoder.missed) == (0, 1)


def test_an_edge_that_comes_long_after_the_look_that_missed_it_was_not_missed(shaft):
    shaft.turn(1, silent=True)
    shaft.decoder.look(shaft.levels, 2 * MS)
    shaft.decoder.look(shaft.levels, 102 * MS)
    assert shaft.decoder.edge(0, True, MS) is True
    assert (shaft.decoder.count, shaft.decoder.missed) == (1, 0)


def test_an_edge_from_before_the_first_look_is_none_that_was_missed():
    decoder = Quadrature()
    decoder.look((True, False), 5 * MS)
    decoder.edge(0, True, 4 * MS)
    assert (decoder.count, decoder.missed) == (0, 0)


@pytest.mark.parametrize(("steps", "speed"), [(20, 1000.0), (-20, -1000.0)])
def test_the_speed_is_signed_counts_per_second(shaft, steps, speed):
    shaft.turn(steps)
    assert shaft.decoder.counts_per_s(shaft.now_ns) == pytest.approx(speed)


def test_unequal_phases_cancel(shaft):
    for _ in range(6):
        for each_ns in (MS // 2, MS // 2, 3 * MS // 2, 3 * MS // 2):
            shaft.turn(1, each_ns)
    assert shaft.decoder.counts_per_s(shaft.now_ns) == pytest.approx(1000.0)


def test_the_speed_falls_with_the_silence_and_is_nought_at_a_standstill(shaft):
    shaft.turn(20)
    speeds = [shaft.decoder.counts_per_s(shaft.now_ns + ms * MS) for ms in (1, 10, 100, 999)]
    assert speeds == sorted(speeds, reverse=True)
    assert speeds[1] == pytest.approx(100.0)
    assert shaft.decoder.counts_per_s(shaft.now_ns + 1000 * MS) == 0.0


def test_a_turn_round_forgets_the_speed_of_the_other_way(shaft):
    shaft.turn(20).turn(-1)
    assert shaft.decoder.counts_per_s(shaft.now_ns) == 0.0
    assert shaft.decoder.direction(shaft.now_ns) == -1


def test_the_direction_is_none_at_a_standstill(shaft):
    shaft.turn(3)
    assert shaft.decoder.direction(shaft.now_ns) == 1
    assert shaft.decoder.direction(shaft.now_ns + 1000 * MS) == 0


def test_edges_of_one_moment_tell_no_speed(shaft):
    shaft.turn(5, each_ns=0)
    assert shaft.decoder.counts_per_s(shaft.now_ns) == 0.0


def test_a_lost_chip_keeps_the_count_and_takes_the_next_levels_as_first_ones(shaft):
    shaft.turn(5)
    shaft.decoder.forget()
    assert shaft.decoder.counts_per_s(shaft.now_ns) == 0.0
    shaft.decoder.look((False, True), shaft.now_ns + MS)
    assert (shaft.decoder.count, shaft.decoder.missed) == (5, 0)


def edges_of(turns):
    """The edges of a shaft that turned so: (channel, level, time)."""
    told = []

    class Recorder(Quadrature):
        def edge(self, channel, level, at_ns):
            told.append((channel, level, at_ns))
            return super().edge(channel, level, at_ns)

    shaft = Shaft(Recorder())
    for steps in turns:
        shaft.turn(steps)
    return told, shaft


def test_edges_of_two_lines_that_come_in_the_wrong_order_count_in_that_of_their_times():
    told, _ = edges_of([8])
    decoder = Quadrature()
    for _ in range(2):
        decoder.look(CYCLE[0], 0)
    for edge in sorted(told, key=lambda edge: edge[0]):  # all of A, then all of B
        decoder.edge(*edge)
    assert (decoder.count, decoder.missed) == (8, 0)
    assert decoder.counts_per_s(told[-1][2]) == pytest.approx(1000.0)


@given(
    st.lists(st.integers(-30, 30), max_size=20),
    st.lists(st.integers(1, 20), min_size=1, max_size=20),
)
def test_the_order_of_arrival_makes_no_difference(turns, chunks):
    """Each line's edges come in order; the two lines' come by chunks of any size."""
    told, shaft = edges_of(turns)
    decoder = Quadrature()
    for _ in range(2):
        decoder.look(CYCLE[0], 0)
    start = 0
    for turn in range(len(told)):
        size = chunks[turn % len(chunks)]
        for edge in sorted(told[start : start + size], key=lambda edge: -edge[0]):
            decoder.edge(*edge)
        start += size
    assert (decoder.count, decoder.missed) == (shaft.place, 0)
