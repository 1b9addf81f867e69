"""Bearing faults that are made up, named; and what must not be named."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vibrations import shaft, struck_bearing

from banksman.maintenance.bearings import bearing_orders
from banksman.maintenance.naming import name_fault

RATE_HZ = 12_000.0
SHAFT_HZ = 29.0
ORDERS = bearing_orders("6205")
FAULTS = ("inner_race", "outer_race", "ball", "cage")
DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "cwru"


def fault_of(samples, rate_hz=RATE_HZ, shaft_hz=SHAFT_HZ, orders=ORDERS):
    return name_fault(samples, rate_hz, shaft_hz, orders).finding


@pytest.mark.parametrize("fault", FAULTS)
def test_a_clear_fault_is_named_with_its_lines(fault):
    finding = fault_of(struck_bearing(np.random.default_rng(1), fault, ORDERS))
    assert (finding.fault, finding.certainty) == (fault, "named")
    order = {
        "inner_race": ORDERS.bpfi,
        "outer_race": ORDERS.bpfo,
        "ball": 2 * ORDERS.bsf,
        "cage": ORDERS.ftf,
    }[fault]
    assert any(peak.order / order % 1.0 < 0.02 for peak in finding.peaks)
    assert all(
        peak.frequency_hz == pytest.approx(peak.order * SHAFT_HZ, abs=0.6) for peak in finding.peaks
    )
    assert finding.confidence > 0.9


@pytest.mark.parametrize("bearing", ["6203", "6206", "6308", "UER204", "ZA-2115", "6804"])
@pytest.mark.parametrize("fault", ["inner_race", "outer_race"])
def test_other_bearings_at_other_speeds_and_rates_are_named_by_the_same_constants(bearing, fault):
    orders = bearing_orders(bearing)
    samples = struck_bearing(
        np.random.default_rng(2),
        fault,
        orders,
        rate_hz=25_600.0,
        shaft_hz=21.5,
        resonance_hz=6_100.0,
        strength=2.0,
    )
    assert fault_of(samples, 25_600.0, 21.5, orders).fault == fault


def test_slip_of_two_in_a_hundred_is_no_hiding_place():
    for slip in (-0.018, 0.018):
        samples = struck_bearing(np.random.default_rng(3), "outer_race", ORDERS, slip=slip)
        assert fault_of(samples).fault == "outer_race"


@pytest.mark.parametrize("seed", range(12))
def test_noise_has_no_fault(seed):
    samples = np.random.default_rng(seed).standard_normal(12_000)
    assert fault_of(samples).fault in ("none", "bearing")  # at odds of 100 to 1, not never


def test_noise_is_told_to_be_noise_nearly_always():
    random = np.random.default_rng(4)
    odd = sum(fault_of(random.standard_normal(12_000)).fault != "none" for _ in range(40))
    assert odd <= 2


def test_a_shaft_and_its_mains_have_no_bearing_fault():
    random = np.random.default_rng(5)
    t = np.arange(12_000) / RATE_HZ
    wobble = shaft(
        {k: 5.0 / k for k in range(1, 12)}, rate_hz=RATE_HZ, seconds=1.0, shaft_hz=SHAFT_HZ
    )
    samples = random.standard_normal(12_000) * (1 + 0.5 * np.sin(2 * np.pi * SHAFT_HZ * t))
    samples = samples + wobble + 2 * np.sin(2 * np.pi * 100.0 * t)
    assert fault_of(samples).fault == "none"


def test_a_gear_mesh_does_not_drown_a_strike():
    t = np.arange(12_000) / RATE_HZ
    samples = struck_bearing(np.random.default_rng(6), "outer_race", ORDERS)
    for tooth in range(1, 8):
        samples = samples + 30.0 * np.sin(2 * np.pi * tooth * 23 * SHAFT_HZ * t + tooth)
    assert fault_of(samples).fault == "outer_race"


def test_one_knock_is_no_fault():
    samples = np.random.default_rng(7).standard_normal(12_000)
    samples[5_000:5_020] += 200.0
    assert fault_of(samples).certainty != "named"


@given(scale=st.floats(1e-5, 1e5), shift=st.floats(-100, 100), fault=st.sampled_from(FAULTS))
@settings(deadline=None, max_examples=12)
def test_gain_and_offset_of_a_sensor_change_no_name(scale, shift, fault):
    samples = struck_bearing(np.random.default_rng(8), fault, ORDERS)
    assert fault_of((samples + shift) * scale).fault == fault_of(samples).fault == fault


@given(faster=st.floats(0.1, 8.0), fault=st.sampled_from(FAULTS))
@settings(deadline=None, max_examples=12)
def test_a_machine_and_its_sampling_sped_up_together_keep_their_name(faster, fault):
    samples = struck_bearing(np.random.default_rng(9), fault, ORDERS)
    assert fault_of(samples, RATE_HZ * faster, SHAFT_HZ * faster).fault == fault


def test_the_fault_of_another_bearing_is_not_named_here():
    samples = struck_bearing(np.random.default_rng(10), "outer_race", bearing_orders("6308"))
    assert fault_of(samples).certainty != "named"


@pytest.mark.parametrize(
    ("samples", "rate_hz", "shaft_hz", "why"),
    [
        (np.zeros(12_000), 12_000.0, float("nan"), "speed is unknown"),
        (np.zeros(12_000), 12_000.0, 0.0, "speed is unknown"),
        (np.zeros(6_000), 12_000.0, 29.0, "revolutions"),
        (np.zeros(1_800), 1_800.0, 29.0, "needs at least"),
        (np.full(12_000, np.nan), 12_000.0, 29.0, "no numbers"),
    ],
)
def test_what_cannot_be_concluded_says_why(samples, rate_hz, shaft_hz, why):
    finding = fault_of(samples, rate_hz, shaft_hz)
    assert finding.fault == "blocked"
    assert why in finding.reason


@pytest.mark.parametrize(("bearing", "shaft_hz"), [("6203", 55.9), ("6204", 46.2), ("6306", 16.1)])
def test_sidebands_without_their_lines_are_no_race(bearing, shaft_hz):
    # Twice these balls' spin is nearly four times the shaft's, where inner race sidebands lie, too.
    orders = bearing_orders(bearing)
    seconds = max(1.0, 26 / shaft_hz)
    for seed in range(4):
        random = np.random.default_rng(seed)
        samples = struck_bearing(
            random,
            "ball",
            orders,
            rate_hz=25_600.0,
            seconds=seconds,
            shaft_hz=shaft_hz,
            slip=-0.004,
        )
        assert fault_of(samples, 25_600.0, shaft_hz, orders).fault in ("ball", "bearing", "none")


def test_a_speed_that_is_half_a_per_cent_wrong_changes_no_name():
    for wrong in (0.995, 1.005):
        samples = struck_bearing(np.random.default_rng(11), "outer_race", ORDERS, slip=0.0)
        assert fault_of(samples, shaft_hz=SHAFT_HZ * wrong).fault == "outer_race"


def test_a_comb_too_faint_to_be_damage_is_not_named_however_long_one_listens():
    samples = struck_bearing(
        np.random.default_rng(12), "outer_race", ORDERS, seconds=12.0, strength=0.3, jitter=0.0
    )
    finding = fault_of(samples)
    assert finding.fault == "bearing"
    assert "outer race" in finding.reason


def ridden(random, orders, *, shaft_hz, rate_hz, seconds, begin=0.0, end=1.0):
    """A ball's spot that rides through a narrow load and is in its track for part of the time."""
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    every_s = 1 / (2 * orders.bsf * shaft_hz * 1.004)
    strikes = np.cumsum(every_s * (1 + 0.005 * random.standard_normal(round(seconds / every_s))))
    load = np.maximum(0.05, np.cos(2 * np.pi * orders.ftf * shaft_hz * strikes)) ** 2
    load *= (strikes >= begin * seconds) & (strikes < end * seconds)
    train = np.zeros(len(t))
    np.add.at(train, np.minimum((strikes * rate_hz).astype(int), len(t) - 1), load)
    ring = np.exp(-900.0 * t[:400]) * np.sin(2 * np.pi * 0.27 * np.arange(400))
    rung = np.convolve(train, ring)[: len(t)]
    return 1.5 * rung / rung.std() + random.standard_normal(len(t))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bearing", ["6205", "6208", "6304", "6804", "ER16K"])
def test_a_ball_that_swells_and_fades_with_the_cage_is_no_cage(bearing, seed):
    orders = bearing_orders(bearing)
    samples = ridden(
        np.random.default_rng(seed), orders, shaft_hz=24.0, rate_hz=25_600.0, seconds=1.2
    )
    assert fault_of(samples, 25_600.0, 24.0, orders).fault == "ball"


@pytest.mark.parametrize("begin", [0.0, 0.3, 0.65])
def test_a_ball_whose_spot_leaves_its_track_is_named_by_the_part_in_which_it_strikes(begin):
    samples = ridden(
        np.random.default_rng(13),
        ORDERS,
        shaft_hz=SHAFT_HZ,
        rate_hz=RATE_HZ,
        seconds=1.0,
        begin=begin,
        end=begin + 0.35,
    )
    assert fault_of(samples).fault == "ball"


def test_a_fault_in_one_resonance_among_a_hundred_bands_is_found():
    samples = struck_bearing(
        np.random.default_rng(14),
        "outer_race",
        ORDERS,
        rate_hz=51_200.0,
        seconds=2.4,
        shaft_hz=10.0,
        resonance_hz=9_000.0,
        damping=0.01,
        strength=0.5,
    )
    assert fault_of(samples, 51_200.0, 10.0).fault == "outer_race"


def test_both_races_struck_faintly_are_a_ball():
    faint = [
        struck_bearing(
            np.random.default_rng(seed),
            race,
            ORDERS,
            seconds=2.0,
            strength=0.45,
            resonance_hz=hz,
        )
        for seed, race, hz in ((15, "inner_race", 3_900.0), (16, "outer_race", 2_300.0))
    ]
    finding = fault_of(faint[0] + faint[1])
    assert (finding.fault, "both races" in finding.reason) == ("ball", True)
    for each, other in zip(faint, (17, 18), strict=True):
        noise = np.random.default_rng(other).standard_normal(len(each))
        assert fault_of(each + noise).fault in ("bearing", "none")


def test_silence_has_no_fault():
    assert fault_of(np.zeros(12_000)).fault == "none"


@pytest.mark.skipif(not DATA.exists(), reason="the Case Western records lie aside")
def test_recorded_races_are_named_and_the_healthy_record_is_not():
    truth = {"IR": "inner_race", "OR": "outer_race"}
    for entry in json.loads((DATA / "manifest.json").read_text()):
        with np.load(DATA / entry["file"]) as archive:
            samples = archive["DE"].reshape(-1)[24_000:36_000]
        finding = fault_of(samples, RATE_HZ, entry["rpm"] / 60)
        if entry["label"] in truth:
            assert finding.fault == truth[entry["label"]], entry["file"]
        elif entry["label"] == "N":
            assert finding.fault == "none"
        else:
            assert finding.fault in ("ball", "bearing", "none"), entry["file"]


@pytest.mark.skipif(not DATA.exists(), reason="the Case Western records lie aside")
@pytest.mark.parametrize(
    ("record", "begin_s"), [("119_DE12k_B007_1hp", 3.0), ("222_DE12k_B021_0hp", 1.25)]
)
def test_beside_a_decided_comb_a_ball_is_named_at_odds_of_20_to_1(record, begin_s):
    with np.load(DATA / f"{record}.npz") as archive:
        samples = archive["DE"].reshape(-1)[round(begin_s * RATE_HZ) :][: round(RATE_HZ)]
    rpm = {"119": 1772.0, "222": 1796.0}[record[:3]]
    finding = fault_of(samples, RATE_HZ, rpm / 60)
    assert (finding.fault, finding.certainty) == ("ball", "named")
    assert math.log(20) < finding.lead < math.log(100)
