import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.vision.choice import choices, choose

GOOD = [each / 100 for each in range(100)]


def test_a_new_part_lies_over_the_threshold_as_often_as_was_wanted():
    choice = choose(GOOD, [0.5, 2.0], 0.05)
    assert choice.threshold == 0.95
    assert (choice.false_stops.count, choice.false_stops.of) == (4, 100)
    assert (choice.caught.count, choice.caught.of) == (1, 2)


@pytest.mark.parametrize("rate", [0.01, 0.02, 0.05, 0.2])
@pytest.mark.parametrize("parts", [100, 238])
def test_the_share_of_new_parts_that_is_stopped_is_on_average_the_wanted_one(parts, rate):
    random = np.random.default_rng(0)
    scores = random.exponential(1 / np.log(10), (4000, parts))
    stopped = [10 ** -choose(list(each), [], rate).threshold for each in scores]
    assert np.mean(stopped) <= 1.05 * rate
    assert np.mean(stopped) >= 0.6 * rate


def test_a_rate_beyond_what_was_seen_takes_the_rarity_that_stands_for_it():
    assert choose(GOOD, [], 0.001).threshold == pytest.approx(3.0)
    assert choose([*GOOD, 4.0], [], 0.001).threshold == 4.0


@pytest.mark.parametrize(("rate", "proven"), [(0.05, True), (0.03, True), (0.02, False)])
def test_a_hundred_parts_prove_no_less_than_three_in_a_hundred(rate, proven):
    assert choose(GOOD, [], rate).proven is proven


@pytest.mark.parametrize(("good", "rate"), [([], 0.1), (GOOD, 0.0), (GOOD, 1.0)])
def test_what_cannot_be_chosen_is_refused(good, rate):
    with pytest.raises(ValueError, match="cannot be chosen"):
        choose(good, [], rate)


@given(st.lists(st.floats(0, 12), min_size=1, max_size=200), st.floats(0.0005, 0.5))
def test_no_more_good_parts_are_stopped_than_were_wanted(good, rate):
    choice = choose(good, [], rate)
    assert choice.false_stops.count <= rate * len(good)


@given(st.lists(st.floats(0, 12), min_size=1, max_size=100))
def test_a_smaller_rate_never_has_a_lower_threshold(good):
    thresholds = [each.threshold for each in choices(good, [])]
    assert thresholds == sorted(thresholds)
