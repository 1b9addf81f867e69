"""Which passes a person is asked to look at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.vision.passes import DAY_NS, PassDraw


def drawn(draw, frames, apart_ns):
    return [frame for frame in frames if draw.draws(frame, frame * apart_ns)]


def test_one_in_so_many_is_drawn_and_the_same_ones_each_time():
    found = drawn(PassDraw("caps", 200, 10_000), range(20_000), DAY_NS // 20_000)
    assert 70 < len(found) < 130
    assert found == drawn(PassDraw("caps", 200, 10_000), range(20_000), DAY_NS // 20_000)


def test_a_rhythm_of_the_line_is_drawn_like_everything_else():
    """A cavity that comes every tenth part has its share."""
    found = drawn(PassDraw("caps", 50, 10_000), range(50_000), DAY_NS // 50_000)
    of_cavity = sum(frame % 10 == 3 for frame in found)
    assert 60 < of_cavity < 140


def test_stations_draw_by_themselves():
    first, second = (
        drawn(PassDraw(name, 100, 10_000), range(10_000), DAY_NS // 10_000)
        for name in ("caps", "lids")
    )
    assert first != second


def test_none_is_drawn_where_none_is_wanted():
    draw = PassDraw("caps", 0, 100)
    assert drawn(draw, range(1000), 1) == []
    assert (draw.drawn, draw.let_go) == (0, 0)


def test_the_days_number_is_spread_over_the_day_and_the_rest_is_counted():
    draw = PassDraw("caps", 1, 100)
    found = drawn(draw, range(86_400), DAY_NS // 86_400)
    assert 100 <= len(found) <= 110
    assert draw.let_go == 86_400 - len(found)
    by_half = [sum(frame < 43_200 for frame in found), sum(frame >= 43_200 for frame in found)]
    assert min(by_half) >= 45


def test_a_clock_that_goes_back_gives_nothing():
    draw = PassDraw("caps", 1, 10)
    assert draw.draws(1, DAY_NS)
    assert not draw.draws(2, 0)


@pytest.mark.parametrize("a_day", [1, 7])
def test_the_first_pass_may_be_drawn_at_once(a_day):
    assert PassDraw("caps", 1, a_day).draws(1, 0)


@given(st.lists(st.integers(0, DAY_NS), max_size=200), st.integers(1, 50))
def test_whatever_the_times_a_day_never_has_more_than_its_number_and_a_tenth(times, a_day):
    draw = PassDraw("caps", 1, a_day)
    found = sum(draw.draws(number, at_ns) for number, at_ns in enumerate(sorted(times)))
    assert found <= a_day + max(1.0, a_day / 10) + 1
