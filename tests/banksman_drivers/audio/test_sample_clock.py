"""Sample times from counts and late looks: laws that hold for any crystal and any late box."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman_drivers.audio.sample_clock import SampleClock

NOMINAL_HZ = 48_000.0
PERIOD = 960
BEGAN_NS = 5_000_000_000


class Crystal:
    """A card that samples at a rate of its own and is looked at each period, more or less late."""

    def __init__(self, rate_hz, seed=1, late_ms=2.0):
        self.rate_hz = rate_hz
        self.made = 0
        self.clock = SampleClock(NOMINAL_HZ)
        self._chance = random.Random(seed)
        self._late_ms = late_ms
        self._looked_ns = 0

    def true_ns(self):
        return BEGAN_NS + self.made * 1e9 / self.rate_hz

    def look(self, late_ms=None, overrun=False):
        self.made += PERIOD
        late = self._chance.random() * self._late_ms if late_ms is None else late_ms
        self._looked_ns = max(self._looked_ns, round(self.true_ns() + late * 1e6))
        return self.clock.take(PERIOD, self._looked_ns, overrun)

    def run(self, seconds):
        return [self.look() for _ in range(round(seconds * self.rate_hz / PERIOD))]


@pytest.mark.parametrize("ppm", [-300, -20, 0, 20, 300])
def test_a_crystals_drift_is_known_within_20_ppm_after_a_minute(ppm):
    crystal = Crystal(NOMINAL_HZ * (1 + ppm / 1e6))
    crystal.run(60)
    assert crystal.clock.drift_ppm == pytest.approx(ppm, abs=20)
    assert not crystal.clock.off


def test_the_time_of_the_newest_sample_is_true_within_a_millisecond_once_settled():
    crystal = Crystal(NOMINAL_HZ * 1.0002, late_ms=15)
    crystal.run(20)
    for _ in range(200):
        taken = crystal.look()
        assert abs(taken.last_ns - crystal.true_ns()) < 1_000_000


@settings(deadline=None, max_examples=30)
@given(
    ppm=st.floats(-5000, 5000),
    lates_ms=st.lists(st.floats(0, 200), min_size=20, max_size=200),
)
def test_times_strictly_increase_and_never_lie_after_the_look(ppm, lates_ms):
    crystal = Crystal(NOMINAL_HZ * (1 + ppm / 1e6))
    before_ns = 0
    for late_ms in lates_ms:
        taken = crystal.look(late_ms)
        assert before_ns < taken.last_ns <= max(before_ns + 1, crystal._looked_ns)
        before_ns = taken.last_ns


def test_seconds_of_a_starved_box_do_not_move_the_rate():
    crystal = Crystal(NOMINAL_HZ)
    crystal.run(30)
    for _ in range(25):  # half a second, very late
        crystal.look(late_ms=400)
    crystal.run(10)
    assert crystal.clock.drift_ppm == pytest.approx(0, abs=20)
    assert crystal.clock.lost == 0


def test_an_overrun_is_a_gap_and_its_length_is_told_by_the_time_that_passed():
    crystal = Crystal(NOMINAL_HZ, late_ms=0.1)
    crystal.run(10)
    crystal.made += 24_000
    taken = crystal.look(overrun=True)
    assert taken.gap
    assert taken.lost == pytest.approx(24_000, abs=10)
    assert crystal.clock.overruns == 1


def test_what_a_card_loses_without_a_word_shows_within_two_seconds():
    crystal = Crystal(NOMINAL_HZ, late_ms=0.1)
    crystal.run(10)
    crystal.made += 4_800  # 0.1 s
    gaps = [taken for taken in crystal.run(2.5) if taken.gap]
    assert len(gaps) == 1
    assert gaps[0].lost == pytest.approx(4_800, abs=20)
    assert crystal.clock.drift_ppm == pytest.approx(0, abs=20)


def test_a_card_that_keeps_its_time_never_shows_a_gap():
    assert not any(taken.gap for taken in Crystal(NOMINAL_HZ * 1.003, late_ms=8).run(120))


def test_a_rate_that_no_card_has_is_told():
    crystal = Crystal(NOMINAL_HZ * 0.9)
    crystal.run(10)
    assert crystal.clock.off


def test_samples_that_outrun_time_are_no_cards():
    clock = SampleClock(NOMINAL_HZ)
    at_ns = BEGAN_NS
    for _ in range(500):
        at_ns += 1_000_000
        clock.take(PERIOD, at_ns)
    assert clock.racing(at_ns)


def test_a_full_ring_at_the_start_is_no_race():
    clock = SampleClock(NOMINAL_HZ)
    for _ in range(250):  # 5 s, the longest
        clock.take(PERIOD, BEGAN_NS)
    assert not clock.racing(BEGAN_NS)


def test_the_rate_outlives_a_restart():
    crystal = Crystal(NOMINAL_HZ * 1.0003)
    crystal.run(60)
    known = crystal.clock.rate_hz
    crystal.clock.restart()
    assert crystal.clock.rate_hz == known
    assert crystal.clock.settled
