"""Each chip: recognised, read in its unit, found out when it is another one, reset or raving."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman_drivers.fake.i2c_chips import (
    FakeAds1115,
    FakeBme280,
    FakeIna219,
    FakeLm75,
    FakeMcp23017,
    FakeTmp117,
)
from banksman_drivers.fake.i2c_fifo import FakeAdxl345, FakeLis3dh
from banksman_drivers.i2c import ina219, lm75, tmp117
from banksman_drivers.i2c.ads1115 import Ads1115
from banksman_drivers.i2c.adxl345 import Adxl345
from banksman_drivers.i2c.asks import Answer, Pause, ReadBlock, ReadByte, ReadEach, ReadWord
from banksman_drivers.i2c.bme280 import Bme280
from banksman_drivers.i2c.chip import ChipReset, WrongChip
from banksman_drivers.i2c.ina219 import Ina219
from banksman_drivers.i2c.lis3dh import Lis3dh
from banksman_drivers.i2c.lm75 import Lm75
from banksman_drivers.i2c.mcp23017 import Mcp23017, Pin
from banksman_drivers.i2c.tmp117 import Tmp117
from banksman_drivers.ports import DeviceLost, DriverError
from banksman_drivers.settings.i2c_chips import ADS_CHANNELS, FULL_SCALES_V

ADS_ALL = set(ADS_CHANNELS)


def started(bench, chip, model):
    bench.put(model)
    bench.run(chip.start())
    return chip


# --- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize("full_scale_v", FULL_SCALES_V)
def test_ads1115_reads_every_input_in_volts_at_every_gain(bench, full_scale_v):
    volts = [0.2 * full_scale_v, -0.5 * full_scale_v, 0.0, 0.4 * full_scale_v]
    chip = started(bench, Ads1115(860, full_scale_v, ADS_ALL), FakeAds1115(bench.ticks, volts))
    values = bench.run(chip.poll()).values
    step = full_scale_v / 2**15
    for place, wanted in enumerate(volts):
        assert values[f"a{place}"] == pytest.approx(wanted, abs=step)
    assert values["a0_a1"] == pytest.approx(volts[0] - volts[1], abs=step)
    assert values["a0_a3"] == pytest.approx(volts[0] - volts[3], abs=step)
    assert values["a1_a3"] == pytest.approx(volts[1] - volts[3], abs=step)
    assert values["a2_a3"] == pytest.approx(volts[2] - volts[3], abs=step)


def test_ads1115_doubts_a_voltage_at_the_end_of_its_range(bench):
    chip = started(bench, Ads1115(860, 2.048, {"a0", "a1"}), FakeAds1115(bench.ticks, [9, 1, 0, 0]))
    assert bench.run(chip.poll()).doubtful == {"a0"}


def test_ads1115_waits_for_each_conversion(bench):
    chip = started(bench, Ads1115(8, 2.048, {"a0", "a1"}), FakeAds1115(bench.ticks, [1, 2, 0, 0]))
    before_ns = bench.ticks.now_ns
    values = bench.run(chip.poll()).values
    assert bench.ticks.now_ns - before_ns >= 2 * 125_000_000
    assert values == pytest.approx({"a0": 1.0, "a1": 2.0}, abs=1e-4)


def test_ina219_tells_voltage_current_and_power_of_its_shunt(bench):
    chip = started(bench, Ina219(0.1), FakeIna219(volts=24.0, shunt_v=0.05))
    values = bench.run(chip.poll()).values
    assert values == pytest.approx(
        {"bus_voltage": 24.0, "shunt_voltage": 0.05, "current": 0.5, "power": 12.0}
    )


def test_ina219_tells_a_current_that_flows_back(bench):
    chip = started(bench, Ina219(0.1), FakeIna219(volts=12.0, shunt_v=-0.01))
    assert bench.run(chip.poll()).values["current"] == pytest.approx(-0.1)


def test_ina219_doubts_a_clipped_shunt(bench):
    chip = started(bench, Ina219(0.1), FakeIna219(volts=12.0, shunt_v=9.0))
    assert bench.run(chip.poll()).doubtful == {"shunt_voltage", "current", "power"}


# SNOS966, table 7-1 (data format).
@pytest.mark.parametrize(
    ("raw", "degc"),
    [(0x8000, math.nan), (0xF380, -25.0), (0xFFFF, -0.0078125), (0, 0.0), (0x0C80, 25.0),
     (0x4B00, 150.0), (0x7FFF, math.nan)],
)  # fmt: skip
def test_tmp117_tells_the_temperatures_of_its_data_sheet(raw, degc):
    signed = raw - 65536 if raw & 0x8000 else raw
    assert tmp117.decode(signed) == pytest.approx(degc, nan_ok=True)


# LM75A, table 9 (temperature data), the first nine bits.
@pytest.mark.parametrize(
    ("raw", "degc"),
    [(0x7D00, 125.0), (0x1900, 25.0), (0x0080, 0.5), (0, 0.0), (0xFF80, -0.5), (0xE700, -25.0),
     (0xC900, -55.0), (0x7F80, math.nan), (0x1970, 25.0)],
)  # fmt: skip
def test_lm75_tells_the_temperatures_of_its_data_sheet(raw, degc):
    assert lm75.decode(raw) == pytest.approx(degc, nan_ok=True)


@pytest.mark.parametrize(("make", "fake"), [(Tmp117, FakeTmp117), (Lm75, FakeLm75)])
def test_a_thermometer_is_read_in_degrees(bench, make, fake):
    chip = started(bench, make(), fake(degc=-12.5))
    assert bench.run(chip.poll()).values == {"temperature": -12.5}


@given(st.integers(-(2**15), 2**15 - 1), st.integers(0, 2**13 - 1))
def test_ina219_counts_are_plausible_or_refused(shunt, bus):
    try:
        values = ina219.decode(shunt, bus, 0.1).values
    except DeviceLost:
        assert abs(shunt) > 32_000 or bus == 8191
    else:
        assert abs(values["shunt_voltage"]) <= 0.32
        assert 0 <= values["bus_voltage"] < 32.8


# --- accelerometers ------------------------------------------------------------------------------

ADXL = (lambda: Adxl345(800, 16), FakeAdxl345, 800, 1 / 256)
LIS = (lambda: Lis3dh(400, 2), FakeLis3dh, 400, 1e-3)


def wave(number):
    return (math.sin(number), -1.0 + number % 7 / 10, 1.5 - number % 3)


@pytest.mark.parametrize(("make", "fake", "rate_hz", "step"), [ADXL, LIS])
def test_an_accelerometers_fifo_is_emptied_in_order_and_in_gn(bench, make, fake, rate_hz, step):
    chip = started(bench, make(), fake(bench.ticks, rate_hz, wave))
    got = []
    for _ in range(20):
        bench.ticks.advance(16 / rate_hz)
        samples = bench.run(chip.poll())
        assert not samples.overrun
        got.append(samples.axes)
    got = np.concatenate(got)
    assert len(got) >= 300
    wanted = np.array([wave(number) for number in range(len(got))])
    assert np.abs(got - wanted).max() <= step


@pytest.mark.parametrize("full", [ADXL, LIS])
def test_a_fifo_that_ran_over_says_so_and_keeps_the_newest(bench, full):
    make, fake, rate_hz, _ = full
    model = fake(bench.ticks, rate_hz, lambda number: (number / 100, 0, 0))
    chip = started(bench, make(), model)
    bench.run(chip.poll())
    bench.ticks.advance(100 / rate_hz)
    samples = bench.run(chip.poll())
    assert samples.overrun
    assert len(samples.axes) == 32
    assert model.lost > 60


@pytest.mark.parametrize("range_gn", [2, 4, 8, 16])
@pytest.mark.parametrize(("make", "fake"), [(Adxl345, FakeAdxl345), (Lis3dh, FakeLis3dh)])
def test_every_range_tells_the_same_gravity(bench, make, fake, range_gn):
    model = fake(bench.ticks, 400, lambda _: (1.0, -1.0, 0.0))
    chip = started(bench, make(400, range_gn), model)
    bench.ticks.advance(0.02)
    axes = bench.run(chip.poll()).axes
    assert axes[-1] == pytest.approx([1.0, -1.0, 0.0], abs=0.012)


def test_a_level_that_no_fifo_has_is_refused(bench):
    model = FakeAdxl345(bench.ticks)
    chip = started(bench, Adxl345(800, 16), model)
    steps = chip.poll()
    next(steps)
    with pytest.raises(DeviceLost, match="63 entries"):
        steps.send(Answer(b"\x3f", 0, 1))


@pytest.mark.parametrize("full", [ADXL, LIS])
def test_what_ran_over_between_the_level_and_the_reading_is_thrown_away(bench, full):
    make, fake, rate_hz, _ = full
    chip = started(bench, make(), fake(bench.ticks, rate_hz, lambda number: (number / 500, 0, 0)))
    bench.ticks.advance(16 / rate_hz)
    steps, standstill = chip.poll(), 0
    ask, entries = next(steps), []
    while True:
        if isinstance(ask, ReadEach):
            entries.append(ask.count)
            if not standstill:
                standstill = 60
                bench.ticks.advance(standstill / rate_hz)
        answer = bench.transfer(ask)
        try:
            ask = steps.send(answer)
        except StopIteration as end:
            samples = end.value
            break
    assert len(entries) == 2
    assert samples.overrun
    # The newest is the one that was newest when the level was read the second time.
    number = round(float(samples.axes[-1, 0]) * 500)
    began = 16 + standstill
    assert abs(number - began) <= 2


def test_a_fifo_is_read_by_blocks_where_the_adapter_knows_only_smbus(smbus_bench):
    chip = started(smbus_bench, Adxl345(800, 16), FakeAdxl345(smbus_bench.ticks, 800, wave))
    smbus_bench.ticks.advance(0.02)
    axes = smbus_bench.run(chip.poll()).axes
    assert len(axes) >= 16
    assert axes[5] == pytest.approx(wave(5), abs=1 / 256)


# --- who is there ---------------------------------------------------------------------------------

MAKE = {
    "adxl345": lambda: Adxl345(800, 16),
    "lis3dh": lambda: Lis3dh(400, 16),
    "bme280": Bme280,
    "ads1115": lambda: Ads1115(860, 4.096, {"a0"}),
    "ina219": lambda: Ina219(0.1),
    "tmp117": Tmp117,
    "lm75": Lm75,
    "mcp23017": lambda: Mcp23017({"gpa0": Pin(False)}),
}
FAKES = {
    "adxl345": FakeAdxl345,
    "lis3dh": FakeLis3dh,
    "bme280": lambda _: FakeBme280(),
    "ads1115": FakeAds1115,
    "ina219": lambda _: FakeIna219(12.0, 0.01),
    "tmp117": lambda _: FakeTmp117(),
    "lm75": lambda _: FakeLm75(),
    "mcp23017": lambda _: FakeMcp23017(),
}


class Open:
    """Nothing drives the line: every byte reads the same."""

    def __init__(self, byte):
        self._byte = byte

    def read(self, register, size):
        return bytes((self._byte,)) * size

    def write(self, register, data):
        return


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_an_open_or_held_line_is_no_chip(bench, name, byte):
    bench.put(Open(byte))
    with pytest.raises(DriverError):
        bench.run(MAKE[name]().start())


@pytest.mark.parametrize("name", ["adxl345", "lis3dh", "bme280", "tmp117", "lm75"])
@pytest.mark.parametrize("other", ["adxl345", "lis3dh", "bme280", "tmp117", "ina219"])
def test_another_chip_is_recognised_and_left_unwritten(bench, name, other):
    if name == other:
        return
    bench.put(FAKES[other](bench.ticks))
    with pytest.raises(DeviceLost, match=f"is no {name.upper()}"):
        bench.run(MAKE[name]().start())
    assert not bench.bus.writes


@pytest.mark.parametrize("name", ["adxl345", "lis3dh", "ina219", "tmp117", "mcp23017"])
def test_a_reset_chip_is_noticed_at_the_next_poll(bench, name):
    model = FAKES[name](bench.ticks)
    chip = started(bench, MAKE[name](), model)
    bench.run(chip.poll())
    model.power_cycle()
    with pytest.raises(ChipReset):
        bench.run(chip.poll())


@pytest.mark.parametrize("name", MAKE)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_answers_give_values_or_a_lost_device_and_nothing_else(name, data):
    chip = MAKE[name]()
    for steps in (chip.start(), chip.poll()):
        try:
            ask = next(steps)
            for turn in range(200):
                ask = steps.send(Answer(data.draw(_bytes(ask)), turn, turn + 1))
        except StopIteration:
            continue
        except DriverError:
            return


def _bytes(ask):
    match ask:
        case ReadByte():
            size = 1
        case ReadWord():
            size = 2
        case ReadBlock():
            size = ask.size
        case ReadEach():
            size = ask.size * ask.count
        case _:
            size = 0
    assert not isinstance(ask, Pause) or ask.seconds < 1
    return st.binary(min_size=size, max_size=size)


def test_an_lm75_whose_limits_are_all_zero_is_a_line_held_low(bench):
    bench.put(Open(0))
    with pytest.raises(WrongChip, match="LM75"):
        bench.run(Lm75().start())
