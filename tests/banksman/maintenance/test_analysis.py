"""A whole record, analysed; its report, its words, its JSON."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vibrations import shaft, struck_bearing

from banksman.maintenance.analysis import Machine, analyse
from banksman.maintenance.bearings import bearing_orders
from banksman.maintenance.chart import Chart, Mark, draw, ticks
from banksman.maintenance.report import report
from banksman.maintenance.telling import as_json, lines

RATE_HZ = 12_000.0
ORDERS = bearing_orders("6205")
KNOWN = Machine(unit="g", speed_rpm=1740.0, orders=ORDERS, group=2, foundation="rigid")


@pytest.fixture(scope="module")
def struck():
    random = np.random.default_rng(1)
    return 0.1 * struck_bearing(random, "outer_race", ORDERS, seconds=4.0)


@pytest.fixture(scope="module")
def outer(struck):
    return analyse(struck, RATE_HZ, KNOWN)


def test_a_record_is_judged_window_by_window_and_as_a_whole(outer):
    assert outer.bearing.fault == "outer_race"
    assert [finding.fault for finding in outer.windows] == ["outer_race"] * 4
    assert outer.severity.zone in "ABCD"
    assert outer.flaws == ()
    assert outer.features is not None
    assert len(outer.features.rms) == 4


def test_the_shown_envelope_holds_the_lines_of_the_finding(outer):
    for peak in outer.bearing.peaks:
        at = round(peak.frequency_hz / outer.shown.step_hz)
        assert outer.shown.over_floor[at] == pytest.approx(peak.times_floor)


def spoilt(samples, how):
    samples = samples.copy()
    if how == "numbers":
        samples[100] = np.nan
    elif how == "stuck":
        samples[:] = 0.3
    elif how == "clipped":
        np.clip(samples, -0.15, 0.15, out=samples)
    elif how == "dropped":
        for start in range(6_000, len(samples), 12_000):
            samples[start : start + 300] = samples[start]
    elif how == "aliased":
        samples += 3.0 * np.cos(np.pi * np.arange(len(samples)) * 0.995)
        samples += 0.1 * np.sin(2 * np.pi * 100.0 * np.arange(len(samples)) / RATE_HZ)
    elif how == "unit":
        samples += 9.81
    return samples


@pytest.mark.parametrize(
    ("how", "blocked"),
    [
        ("numbers", {"bearing", "rotor", "zone"}),
        ("stuck", {"bearing", "rotor", "zone"}),
        ("clipped", {"bearing", "zone", "rotor"}),
        ("dropped", {"bearing", "rotor"}),
        ("aliased", {"rotor"}),
        ("unit", {"zone", "rotor"}),
    ],
)
def test_a_flaw_of_the_samples_blocks_what_rests_on_them(struck, how, blocked):
    found = analyse(spoilt(struck, how), RATE_HZ, KNOWN)
    assert how in [flaw.kind for flaw in found.flaws]
    told = {
        "bearing": found.bearing.fault == "blocked",
        "rotor": found.rotor.fault == "blocked",
        "zone": found.severity.zone == "unknown",
    }
    assert {name for name, is_so in told.items() if is_so} == blocked


def test_imbalance_is_suspected_without_a_machine_group_where_every_group_would_forbid_it():
    t = np.arange(round(4 * RATE_HZ)) / RATE_HZ
    noise = 0.01 * np.random.default_rng(9).standard_normal(len(t))
    for velocity_mm_s, fault in ((14.0, "imbalance"), (1.0, "none")):
        wobble = velocity_mm_s * np.sqrt(2) * np.sin(2 * np.pi * 29.0 * t)
        found = analyse(wobble + noise, RATE_HZ, Machine(unit="mm/s", speed_rpm=1740.0))
        assert found.severity.zone == "unknown"
        assert found.rotor.fault == fault
    assert found.rotor.certainty == "none"


def test_without_a_bearing_or_a_speed_nothing_is_named(struck):
    for machine, why in (
        (Machine(speed_rpm=1740.0), "bearing is not known"),
        (Machine(orders=ORDERS), "speed is unknown"),
    ):
        found = analyse(struck, RATE_HZ, machine)
        assert found.bearing.fault == "blocked"
        assert why in found.bearing.reason
        assert found.severity.zone == "unknown"
        assert found.rotor.fault == ("blocked" if machine.speed_rpm is None else "none")


def test_clipped_samples_forbid_bearing_and_severity(struck):
    found = analyse(np.clip(struck, -0.2, 0.2), RATE_HZ, KNOWN)
    assert [flaw.kind for flaw in found.flaws] == ["clipped"]
    assert found.bearing.fault == "blocked"
    assert found.severity.zone == "unknown"
    assert "clipped" in found.bearing.reason


def test_a_record_with_holes_of_no_numbers_is_not_described(struck):
    broken = struck.copy()
    broken[100] = np.nan
    found = analyse(broken, RATE_HZ, KNOWN)
    assert found.features is None
    assert found.bearing.fault == "blocked"
    assert json.loads(as_json("f", "c", "g", found))["features"] is None
    assert "numbers" in "\n".join(lines("f", "c", "g", found))


def test_an_unbalanced_machine_is_suspected_and_with_a_tacho_named():
    t = {1.0: 4.0, 2.0: 0.1}
    samples = shaft(t, rate_hz=RATE_HZ, seconds=3.0, shaft_hz=29.0)
    samples = samples + 0.02 * np.random.default_rng(2).standard_normal(len(samples))
    found = analyse(samples, RATE_HZ, KNOWN)
    assert found.severity.zone == "D"
    assert (found.rotor.fault, found.rotor.certainty) == ("imbalance", "suspected")
    known = Machine(unit="g", speed_rpm=1740.0, group=2, foundation="rigid", phase_known=True)
    assert analyse(samples, RATE_HZ, known).rotor.certainty == "named"


def test_the_plates_speed_is_replaced_by_that_of_the_lines():
    samples = shaft({1.0: 1.0, 2.0: 0.7, 3.0: 0.5}, rate_hz=RATE_HZ, seconds=3.0, shaft_hz=28.2)
    samples = samples + np.random.default_rng(3).standard_normal(len(samples))
    machine = Machine(unit="g", speed_rpm=1740.0, speed_nominal=True)
    found = analyse(samples, RATE_HZ, machine)
    assert found.shaft_hz == pytest.approx(28.2, abs=0.1)
    noise = np.random.default_rng(4).standard_normal(36_000)
    assert analyse(noise, RATE_HZ, machine).shaft_hz is None


def test_windows_do_not_cross_the_seams_of_bursts():
    random = np.random.default_rng(5)
    bursts = np.concatenate([random.standard_normal(2560) * (k + 1) for k in range(6)])
    found = analyse(bursts, 25_600.0, Machine(), seam_samples=2560)
    assert np.round(found.features.rms).tolist() == [1, 2, 3, 4, 5, 6]
    assert "lasts 0.10 s" in found.severity.reason


def test_a_record_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="too few"):
        analyse(np.zeros(100), RATE_HZ, KNOWN)


def test_the_report_is_one_page_without_anything_from_elsewhere(outer):
    page = report("motor.wav", "1", "g", outer, ORDERS)
    assert "bearing, outer race" in page
    assert "BPFO" in page
    for outside in ("http:", "https:", "src=", "<script", "@import", "url("):
        assert outside not in page


def test_names_from_outside_are_escaped_in_the_report(outer):
    page = report("<script>alert(1)</script>.wav", '"><img>', "<b>g", outer, ORDERS)
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>g" not in page


def test_json_holds_no_nan_and_tells_the_same(outer):
    told = json.loads(as_json("motor.wav", "1", "g", outer))
    assert told["bearing"]["fault"] == "outer_race"
    assert told["windows"] == ["outer_race"] * 4
    assert len(told["features"]["first_rms"]) == 50
    assert "NaN" not in json.dumps(told)
    silent = analyse(np.zeros(12_000), RATE_HZ, KNOWN)
    assert json.loads(as_json("f", "c", "g", silent))["features"]["kurtosis"] is None


@given(
    y=st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=60),
    log_y=st.booleans(),
    label=st.text(max_size=10),
)
@settings(deadline=None, max_examples=100)
def test_any_numbers_make_a_chart_that_parses(y, log_y, label):
    label = "".join(c for c in label if c.isprintable())
    chart = Chart(
        label, "x", "y", np.array(y, dtype=np.float64), 0.5, log_y=log_y, marks=(Mark(1.0, label),)
    )
    text = draw(chart)
    ElementTree.fromstring(text)
    assert "nan" not in text.replace(label, "")
    assert "inf" not in text.replace(label, "")


def test_a_long_chart_has_as_many_points_as_pixels_and_keeps_its_peak():
    y = np.zeros(1_000_000)
    y[123_456] = 5.0
    text = draw(Chart("long", "x", "y", y, 1.0))
    assert len(text) < 60_000
    assert text.count("L") < 3000
    tallest = min(
        float(pair.split()[1])
        for pair in text.split('class="line" d="M')[1].split('"')[0].split("L")
    )
    assert tallest < 60


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-2, 1e6))
@settings(deadline=None)
def test_ticks_are_few_and_within(low, span):
    found = ticks(low, low + span)
    assert 1 <= len(found) <= 8
    assert all(low - 1e-5 * span <= tick <= low + 1.00001 * span for tick in found)


def test_a_mark_has_its_line_its_name_its_dot_on_the_peak_and_a_word_in_the_legend():
    y = np.zeros(200)
    y[51] = 8.0
    chart = Chart("c", "Hz", "times floor", y, 1.0, marks=(Mark(50.0, "1 x BPFI"),), level=1.0)
    drawn = ElementTree.fromstring(draw(chart))
    dots = [part for part in drawn.iter() if part.tag.endswith("circle")]
    assert len(dots) == 1
    peak = min(
        float(pair.split(" ")[1])
        for part in drawn.iter()
        if part.get("class") == "line"
        for pair in part.get("d")[1:].split("L")
    )
    assert float(dots[0].get("cy")) == pytest.approx(peak, abs=0.2)
    words = [part.text for part in drawn.iter() if part.tag.endswith("text")]
    for word in ("1 x BPFI", "line of the fault", "level", "Hz", "times floor"):
        assert word in words


def test_where_nothing_was_found_the_places_of_the_lines_are_marked_as_such():
    noise = np.random.default_rng(12).standard_normal(24_000)
    page = report("n", "1", "gn", analyse(noise, RATE_HZ, KNOWN), ORDERS)
    assert "where a fault&#x27;s first line would be" in page
    assert "BPFO" in page
