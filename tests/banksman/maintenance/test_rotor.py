"""Imbalance, misalignment, looseness: suspected from lines, named only with phase."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vibrations import shaft

from banksman.maintenance.iso20816 import Severity
from banksman.maintenance.rotor import Excess, excess_of, name_rotor_fault, shaft_lines

RATE_HZ, SHAFT_HZ = 6_400.0, 25.0
CASES = {
    "imbalance": {1.0: 5.0, 2.0: 0.6, 3.0: 0.2},
    "misalignment": {1.0: 3.0, 2.0: 3.5, 3.0: 1.0},
    "looseness": {0.5: 1.0, 1.0: 3.0, 1.5: 1.2, 2.0: 1.5, 3.0: 1.5, 4.0: 1.2, 5.0: 1.0},
}


def lines_of(orders, shaft_hz=SHAFT_HZ, scale=1.0):
    random = np.random.default_rng(1)
    samples = shaft(orders, rate_hz=RATE_HZ, seconds=2.0, shaft_hz=shaft_hz)
    samples = (samples + 0.02 * random.standard_normal(len(samples))) * scale
    return shaft_lines(samples, RATE_HZ, shaft_hz, integrate=False)


@pytest.mark.parametrize("fault", CASES)
def test_a_pattern_is_suspected_and_named_only_with_phase(fault):
    lines = lines_of(CASES[fault])
    suspected = name_rotor_fault(lines, Excess("zone C"), phase_known=False)
    assert (suspected.fault, suspected.certainty) == (fault, "suspected")
    assert "suspected" in suspected.words
    assert "phase" in suspected.reason
    named = name_rotor_fault(lines, Excess("zone C"), phase_known=True)
    assert (named.fault, named.certainty) == (fault, "named")
    assert named.peaks[0].label.endswith("x shaft")


@pytest.mark.parametrize("fault", CASES)
def test_a_machine_that_shakes_no_more_than_it_should_has_no_rotor_fault(fault):
    assert name_rotor_fault(lines_of(CASES[fault]), Excess(""), phase_known=True).fault == "none"


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("fault", CASES)
def test_the_gain_of_a_sensor_changes_no_name(fault, scale):
    lines = lines_of(CASES[fault], scale=scale)
    assert name_rotor_fault(lines, Excess("zone D"), phase_known=False).fault == fault


def unclassed(velocity_mm_s):
    return excess_of(Severity("unknown", velocity_mm_s, "no group"), SHAFT_HZ)


def test_a_machine_without_a_group_shakes_too_much_where_it_would_in_every_group():
    assert unclassed(7.2) == Excess("7.2 mm/s, zone C or D in every machine group")
    assert "zone D in every machine group" in unclassed(11.5).words


def test_a_machine_without_a_group_shakes_no_more_than_it_should_where_no_group_forbids_it():
    assert unclassed(2.8) == Excess("")


def test_between_them_it_depends_on_the_group_and_is_not_sure():
    between = unclassed(5.0)
    assert not between.sure
    assert "was not given" in between.words


@pytest.mark.parametrize(
    ("velocity_mm_s", "shaft_hz"), [(float("nan"), 25.0), (12.0, 5.0), (12.0, 600.0)]
)
def test_without_a_velocity_or_a_speed_the_limits_hold_for_nothing_is_said(velocity_mm_s, shaft_hz):
    assert excess_of(Severity("unknown", velocity_mm_s, "why"), shaft_hz) is None


def test_the_zone_that_is_known_decides_alone():
    assert excess_of(Severity("B", 4.4, ""), SHAFT_HZ) == Excess("")
    assert excess_of(Severity("C", 1.6, ""), SHAFT_HZ) == Excess("zone C")


def test_in_doubt_only_a_strong_pattern_is_told_and_never_named():
    doubt = Excess("5.0 mm/s", sure=False)
    weak = lines_of({1.0: 3.0, 2.0: 1.8})
    assert name_rotor_fault(weak, Excess("zone C"), phase_known=True).fault == "misalignment"
    assert name_rotor_fault(weak, doubt, phase_known=True).fault == "none"
    for fault, orders in CASES.items():
        if fault == "looseness":
            orders = {**orders, 0.5: 1.5}
        finding = name_rotor_fault(lines_of(orders), doubt, phase_known=True)
        assert (finding.fault, finding.certainty) == (fault, "suspected")
        assert finding.confidence < 0.5


def test_noise_has_no_shaft_lines():
    samples = np.random.default_rng(2).standard_normal(12_800)
    lines = shaft_lines(samples, RATE_HZ, SHAFT_HZ, integrate=False)
    assert name_rotor_fault(lines, Excess("zone C"), phase_known=False).fault == "none"


def test_amplitudes_are_those_of_the_lines():
    lines = lines_of({1.0: 2.0, 4.0: 0.5})
    assert lines.at(1) == pytest.approx(2.0 / np.sqrt(2), rel=0.02)
    assert lines.at(4) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)
    assert lines.at(7) == 0.0


def test_acceleration_becomes_velocity_line_by_line():
    samples = shaft({1.0: 2.0, 4.0: 2.0}, rate_hz=RATE_HZ, seconds=2.0, shaft_hz=SHAFT_HZ)
    samples = samples + 1e-3 * np.random.default_rng(3).standard_normal(len(samples))
    lines = shaft_lines(samples, RATE_HZ, SHAFT_HZ, integrate=True)
    assert lines.at(1) / lines.at(4) == pytest.approx(4.0, rel=0.02)


@pytest.mark.parametrize("shaft_hz", [0.0, -1.0, 4.0, float("nan")])
def test_a_record_of_too_few_turns_is_refused(shaft_hz):
    with pytest.raises(ValueError, match="revolutions"):
        shaft_lines(np.zeros(12_800), RATE_HZ, shaft_hz, integrate=True)


@given(
    faster=st.floats(0.2, 5.0),
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-10, 10),
    fault=st.sampled_from(list(CASES)),
)
@settings(deadline=None, max_examples=25)
def test_gain_offset_and_a_machine_sped_up_with_its_sampling_change_no_pattern(
    faster, scale, shift, fault
):
    samples = shaft(CASES[fault], rate_hz=RATE_HZ, seconds=2.0, shaft_hz=SHAFT_HZ)
    samples = samples + 0.02 * np.random.default_rng(4).standard_normal(len(samples))
    lines = shaft_lines(
        (samples + shift) * scale, RATE_HZ * faster, SHAFT_HZ * faster, integrate=False
    )
    assert name_rotor_fault(lines, Excess("zone C"), phase_known=False).fault == fault
