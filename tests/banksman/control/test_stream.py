"""The stream step: what a reading does to a sensor's ring and features."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.control.stream import (
    RING_READINGS,
    WARM_UP_READINGS,
    Stream,
    StreamTable,
    WatchedStream,
)
from banksman.control.view import sensor_view
from banksman_drivers.ports import Burst, Quality, Reading

SECOND_NS = 1_000_000_000
finite = st.floats(-1e9, 1e9)


def filled(values, step_ns=SECOND_NS, stale_ms=1000.0):
    stream = Stream("plc.x", "degC", stale_ms)
    for number, value in enumerate(values, start=1):
        stream.update(value, Quality.GOOD, number * step_ns)
    return stream


def test_a_stream_that_was_never_read_says_so():
    assert Stream("plc.x", "", 1000).fault(5 * SECOND_NS) == "never read"


def test_a_bad_reading_makes_the_value_unusable_and_leaves_the_baseline_alone():
    stream = filled([20.0, 20.0, 20.0])
    stream.update(math.nan, Quality.BAD, 4 * SECOND_NS)
    assert stream.fault(4 * SECOND_NS) == "bad quality"
    assert stream.mean == 20.0
    assert stream.count == 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_bad_even_if_its_device_calls_it_good(value):
    stream = filled([1.0])
    stream.update(value, Quality.GOOD, 2 * SECOND_NS)
    assert stream.quality is Quality.BAD
    assert math.isnan(stream.value)


def test_a_silent_sensor_goes_stale_after_its_limit_and_not_before():
    stream = filled([1.0], stale_ms=500)
    assert stream.fault(SECOND_NS + 500_000_000) == ""
    assert stream.fault(SECOND_NS + 500_000_001).startswith("stale for 0.5 s")


def test_the_rate_of_a_ramp_is_its_slope():
    stream = filled([2.0 * n for n in range(60)])
    assert stream.getter("rate")(0) == pytest.approx(2.0, rel=1e-3)


def test_a_clock_that_stands_still_or_goes_back_gives_no_rate():
    stream = filled([1.0])
    stream.update(5.0, Quality.GOOD, SECOND_NS)
    stream.update(9.0, Quality.GOOD, SECOND_NS // 2)
    assert stream.getter("rate")(0) == 0.0
    assert stream.value == 9.0


def test_a_step_far_from_the_baseline_scores_high_and_the_usual_scores_low():
    rng = np.random.default_rng(1)
    stream = filled(rng.normal(50, 1, 200))
    stream.update(50.5, Quality.GOOD, 300 * SECOND_NS)
    usual = stream.score
    stream.update(70.0, Quality.GOOD, 301 * SECOND_NS)
    assert usual < 0.1
    assert stream.score > 0.99


def test_a_young_baseline_scores_nothing():
    stream = filled([1.0] * (WARM_UP_READINGS - 1))
    stream.update(1000.0, Quality.GOOD, 100 * SECOND_NS)
    assert stream.score == 0.0


def test_the_ring_keeps_the_newest_readings_only():
    stream = filled(range(RING_READINGS + 5), step_ns=1000)
    window = stream.window(RING_READINGS)
    assert window.size == RING_READINGS
    assert window[-1] == RING_READINGS + 4
    assert window[0] == 5


def test_a_burst_gives_rms_peak_crest_and_kurtosis_of_a_sine():
    stream = Stream("vib.x", "g", 1000)
    angle = np.linspace(0, 40 * math.pi, 8000, endpoint=False)
    burst = Burst(
        "vib.x", (3 * np.sin(angle)).astype(np.float32), 8000, "g", Quality.GOOD, SECOND_NS
    )
    stream.update_burst(burst)
    assert stream.value == pytest.approx(3 / math.sqrt(2), rel=1e-3)
    assert stream.getter("peak")(0) == pytest.approx(3, rel=1e-3)
    assert stream.getter("crest")(0) == pytest.approx(math.sqrt(2), rel=1e-3)
    assert stream.getter("kurtosis")(0) == pytest.approx(1.5, rel=1e-3)


@pytest.mark.parametrize("samples", [[], [1.0], [1.0, math.nan, 2.0]])
def test_a_burst_that_cannot_be_used_is_bad(samples):
    stream = Stream("vib.x", "g", 1000)
    stream.update_burst(
        Burst("vib.x", np.array(samples, np.float32), 8000, "g", Quality.GOOD, SECOND_NS)
    )
    assert stream.fault(SECOND_NS) == "bad quality"


def test_readings_of_a_sensor_nobody_declared_are_counted():
    table = StreamTable([Stream("plc.x", "", 1000)])
    table.update([Reading("plc.ghost", 1.0, "", Quality.GOOD, 1)])
    assert table.unknown == 1


def test_the_age_of_a_silent_sensor_can_be_asked_for_without_being_a_fault():
    table = StreamTable([filled([1.0], stale_ms=100)])
    inputs = table.inputs(["plc.x.age"])
    assert inputs.faults(6 * SECOND_NS) is None
    assert inputs.values(6 * SECOND_NS) == [5.0]


def test_faults_name_the_input_that_has_one():
    table = StreamTable([filled([1.0]), Stream("plc.y", "", 1000)])
    inputs = table.inputs(["plc.x", "plc.y"])
    assert inputs.faults(SECOND_NS) == ["", "never read"]


@given(st.lists(finite, min_size=1, max_size=300))
def test_mean_stays_within_the_values_and_spread_is_never_negative(values):
    stream = filled(values)
    slack = 1e-6 * (1 + max(abs(v) for v in values))
    assert min(values) - slack <= stream.mean <= max(values) + slack
    assert stream.getter("std")(0) >= 0
    assert 0 <= stream.score <= 1


@given(st.lists(finite, min_size=30, max_size=60), st.floats(-1e3, 1e3))
def test_a_shift_of_all_values_shifts_the_mean_by_as_much(values, shift):
    plain, shifted = filled(values), filled([value + shift for value in values])
    assert shifted.mean == pytest.approx(plain.mean + shift, abs=1e-4)


def test_the_newest_words_that_came_with_a_reading_stay_with_the_sensor():
    table = StreamTable([Stream("scanner.scanned", "", 1000)])
    stream = table.streams["scanner.scanned"]
    for number, text in enumerate(["A", "", "B", ""], start=1):
        table.update([Reading("scanner.scanned", number, "", Quality.GOOD, number, text)])
    assert (stream.value, stream.text) == (4, "B")


def test_words_of_an_earlier_reading_are_not_shown_beside_a_bad_one():
    stream = Stream("scanner.batch", "", 1000)
    table = StreamTable([stream])
    table.update([Reading("scanner.batch", 1, "", Quality.GOOD, 1, "AB-123")])
    assert sensor_view(stream, "", 2).text == "AB-123"
    table.update([Reading("scanner.batch", math.nan, "", Quality.BAD, 3)])
    assert sensor_view(stream, "", 4).text == ""


def test_readings_in_doubt_are_of_that_quality_until_they_are_believed_again():
    stream = WatchedStream("acc.x", "g", 1000)
    table = StreamTable([stream, Stream("plc.heat", "degC", 1000)])
    table.update([Reading("acc.x", 1.0, "g", Quality.GOOD, 1)])
    assert stream.doubt(Quality.UNCERTAIN, "clipped")
    assert (stream.quality, stream.text, stream.value) == (Quality.UNCERTAIN, "clipped", 1.0)
    assert not stream.doubt(Quality.UNCERTAIN, "clipped")
    batch = [
        Reading("acc.x", 2.0, "g", Quality.GOOD, 2),
        Reading("plc.heat", 20.0, "degC", Quality.GOOD, 2),
    ]
    table.update(batch)
    assert stream.quality is Quality.UNCERTAIN
    assert [each.quality for each in table.as_believed(batch)] == [Quality.UNCERTAIN, Quality.GOOD]
    assert stream.doubt(Quality.BAD, "stuck")
    assert stream.value != stream.value
    stream.believe()
    table.update([Reading("acc.x", 3.0, "g", Quality.GOOD, 3)])
    assert (stream.quality, stream.text, stream.value) == (Quality.GOOD, "", 3.0)
    assert table.as_believed(batch) is batch


def test_a_doubt_raises_no_quality():
    stream = WatchedStream("acc.x", "g", 1000)
    stream.doubt(Quality.UNCERTAIN, "clipped")
    stream.update(1.0, Quality.BAD, 1)
    assert stream.quality is Quality.BAD
