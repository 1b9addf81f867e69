"""Bosch's compensation: the published example, and the fixed-point formulas beside ours."""

import math
import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from banksman_drivers.fake.i2c_chips import FakeBme280
from banksman_drivers.i2c.bme280 import Bme280, decode
from banksman_drivers.i2c.bme280_compensation import (
    fine_temperature,
    humidity_pct,
    pressure_pa,
    temperature_degc,
    trimming,
)
from banksman_drivers.i2c.chip import ChipReset, WrongChip
from banksman_drivers.ports import DeviceLost

# BST-BMP280-DS001, 3.12: the worked example, the same formulas for temperature and pressure.
EXAMPLE = struct.pack("<HhhHhhhhhhhh", *FakeBme280.TRIM_LOW)
H1, HIGH = 75, bytes((0x63, 0x01, 0x00, 0x15, 0x25, 0x03, 0x1E))
TRIM = trimming(EXAMPLE, H1, HIGH)


def divide(dividend, divisor):
    """C's division: towards zero."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def fixed_point(trim, raw_pressure, raw_temperature, raw_humidity):
    """The data sheet's 4.2.3, with 64-bit pressure: degC, Pa, % from integers alone."""
    t1, t2, t3 = trim.t
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = trim.p
    h1, h2, h3, h4, h5, h6 = trim.h
    a = (((raw_temperature >> 3) - (t1 << 1)) * t2) >> 11
    b = (((((raw_temperature >> 4) - t1) * ((raw_temperature >> 4) - t1)) >> 12) * t3) >> 14
    fine = a + b
    degc = ((fine * 5 + 128) >> 8) / 100

    v1 = fine - 128000
    v2 = v1 * v1 * p6 + ((v1 * p5) << 17) + (p4 << 35)
    v1 = ((v1 * v1 * p3) >> 8) + ((v1 * p2) << 12)
    v1 = (((1 << 47) + v1) * p1) >> 33
    p = divide((((1048576 - raw_pressure) << 31) - v2) * 3125, v1)
    v1 = (p9 * (p >> 13) * (p >> 13)) >> 25
    v2 = (p8 * p) >> 19
    pascal = (((p + v1 + v2) >> 8) + (p7 << 4)) / 256

    x = fine - 76800
    x = ((((raw_humidity << 14) - (h4 << 20) - h5 * x) + 16384) >> 15) * (
        ((((((x * h6) >> 10) * (((x * h3) >> 11) + 32768)) >> 10) + 2097152) * h2 + 8192) >> 14
    )
    x -= ((((x >> 15) * (x >> 15)) >> 7) * h1) >> 4
    percent = (max(0, min(419430400, x)) >> 12) / 1024
    return degc, pascal, percent


def test_the_published_example_gives_the_published_values():
    fine = fine_temperature(TRIM, 519888)
    assert fine == pytest.approx(128422, abs=1)
    assert temperature_degc(fine) == pytest.approx(25.08, abs=0.005)
    assert pressure_pa(TRIM, fine, 415148) == pytest.approx(100653.27, abs=0.05)


def test_the_packed_humidity_trimming_is_taken_apart():
    assert TRIM.h == (75, 355, 0, 341, 50, 30)


def test_negative_packed_trimming_keeps_its_sign():
    trim = trimming(EXAMPLE, H1, bytes((0x63, 0x01, 0x00, 0xFF, 0x0F, 0xFF, 0x1E)))
    assert trim.h[3:5] == (-1, -16)


@given(st.integers(300_000, 500_000), st.integers(400_000, 620_000), st.integers(15_000, 45_000))
def test_double_precision_agrees_with_the_fixed_point_formulas(pressure, temperature, humidity):
    degc, pascal, percent = fixed_point(TRIM, pressure, temperature, humidity)
    fine = fine_temperature(TRIM, temperature)
    assert temperature_degc(fine) == pytest.approx(degc, abs=0.011)
    assert pressure_pa(TRIM, fine, pressure) == pytest.approx(pascal, abs=2)
    assert humidity_pct(TRIM, fine, humidity) == pytest.approx(percent, abs=0.05)


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=24, max_size=24))
def test_any_bytes_give_plausible_values_or_none(data, low):
    assume(len(set(low)) > 1)
    try:
        values = decode(data, trimming(low, H1, HIGH)).values
    except ChipReset:
        return
    limits = {"temperature": (-40, 85), "pressure": (30_000, 110_000), "humidity": (0, 100)}
    for channel, (least, most) in limits.items():
        assert math.isnan(values[channel]) or least <= values[channel] <= most
    if math.isnan(values["temperature"]):
        assert all(math.isnan(value) for value in values.values())


def test_a_forced_measurement_is_read_from_the_chip(bench):
    bench.put(FakeBme280())
    chip = Bme280()
    bench.run(chip.start())
    values = bench.run(chip.poll()).values
    assert values["temperature"] == pytest.approx(25.08, abs=0.005)
    assert values["pressure"] == pytest.approx(100653.27, abs=0.05)
    assert 0 < values["humidity"] < 100


def test_a_bmp280_is_told_from_a_bme280_and_left_alone(bench):
    bench.put(FakeBme280(chip_id=0x58))
    with pytest.raises(WrongChip, match="BMP280, which has no humidity"):
        bench.run(Bme280().start())
    assert not bench.bus.writes


def test_a_reset_between_two_transfers_is_noticed_by_the_skipped_humidity(bench):
    model = FakeBme280()
    bench.put(model)
    chip = Bme280()
    bench.run(chip.start())
    steps = chip.poll()
    next(steps)  # humidity would be switched on by this write, which the reset undoes
    with pytest.raises(ChipReset, match="check its supply"):
        bench.run(_after_first(steps))


def _after_first(steps):
    ask = steps.send(None)
    while True:
        ask = steps.send((yield ask))


def test_a_chip_that_never_ends_its_measurement_is_lost(bench):
    model = FakeBme280()
    bench.put(model)
    chip = Bme280()
    bench.run(chip.start())
    model.registers[0xF3] = 0x08
    with pytest.raises(DeviceLost, match="has not measured"):
        bench.run(chip.poll())


def test_blank_trimming_is_refused(bench):
    model = FakeBme280()
    model.registers[0x88:0xA0] = b"\xff" * 24
    bench.put(model)
    with pytest.raises(DeviceLost, match="trimming"):
        bench.run(Bme280().start())
