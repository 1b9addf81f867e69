"""An accelerometer on the fake bus in real time: whatever the machine does, bursts are whole."""

import math

import numpy as np

from banksman_drivers.fake.i2c_chips import FakeLm75
from banksman_drivers.fake.i2c_fifo import FakeAdxl345, FakeLis3dh
from banksman_drivers.ports import Quality

AXES = [{"name": axis, "channel": axis, "unit": "gn"} for axis in "xyz"]


def numbers(burst):
    """The numbers of the samples, as the fake's signal tells them on x."""
    return np.round(burst.samples * 256).astype(int)


def continuous(burst):
    return bool((np.diff(numbers(burst)) % 1000 == 1).all())


def accelerometer(floor, **options):
    return floor.make(
        "adxl345", 0x53, **{"poll_ms": 20, "burst_samples": 64, "point": AXES, **options}
    )


async def test_bursts_of_all_axes_arrive_in_the_units_of_their_points(floor):
    floor.put(0x53, FakeAdxl345(floor.ticks))
    ear = floor.start(accelerometer(floor))
    await ear.wait(lambda: len(ear.bursts) >= 6)
    x, y, z = ear.bursts[:3]
    assert [burst.sensor for burst in (x, y, z)] == [f"adxl345_53.{axis}" for axis in "xyz"]
    assert {burst.unit for burst in ear.bursts} == {"gn"}
    assert (float(y.samples[0]), float(z.samples[0])) == (0.0, 1.0)
    assert x.samples.dtype == np.float32
    assert x.samples.flags.c_contiguous


async def test_a_burst_never_spans_a_loss_however_late_the_box_was(floor):
    chip = FakeAdxl345(floor.ticks)
    floor.put(0x53, chip)
    # 30 ms of a FIFO that is full after 40: a busy machine loses some, an idle one none.
    driver = accelerometer(floor, poll_ms=30)
    ear = floor.start(driver)
    await ear.wait(lambda: len(ear.bursts) >= 24)
    bursts = [burst for burst in ear.bursts if burst.sensor.endswith(".x")]
    assert all(continuous(burst) for burst in bursts)
    assert all((len(burst.samples) == 64) is (burst.quality is Quality.GOOD) for burst in bursts)
    if not chip.lost:
        got = np.concatenate([numbers(burst) for burst in bursts])
        assert (np.diff(got) % 1000 == 1).all()


async def test_the_times_of_bursts_go_forward_and_never_lie_ahead(floor):
    floor.put(0x53, FakeAdxl345(floor.ticks))
    ear = floor.start(accelerometer(floor))
    await ear.wait(lambda: len(ear.bursts) >= 15)
    times = [burst.mono_ns for burst in ear.bursts if burst.sensor.endswith(".x")]
    assert times == sorted(times)
    assert times[-1] <= floor.ticks.mono_ns()


async def test_a_chip_that_hangs_is_lost_and_comes_back(floor):
    chip = FakeAdxl345(floor.ticks)
    floor.put(0x53, chip)
    driver = accelerometer(floor)
    ear = floor.start(driver)
    await ear.wait(lambda: ear.bursts)
    chip.stopped = True
    (reading, *_) = await ear.bad()
    assert math.isnan(reading.value)
    await ear.wait(lambda: "sampled nothing" in driver.health().message)
    chip.stopped = False
    seen = len(ear.bursts)
    await ear.wait(lambda: len(ear.bursts) > seen)
    assert driver.health().state == "connected"
    assert all(continuous(burst) for burst in ear.bursts if burst.sensor.endswith(".x"))


async def test_a_supply_that_fails_is_noticed_and_the_chip_configured_anew(floor):
    chip = FakeAdxl345(floor.ticks)
    floor.put(0x53, chip)
    driver = accelerometer(floor)
    ear = floor.start(driver)
    await ear.wait(lambda: ear.bursts)
    chip.power_cycle()
    await ear.bad()
    seen = len(ear.bursts)
    await ear.wait(lambda: len(ear.bursts) > seen)
    assert driver.health().reconnects == 1


async def test_two_accelerometers_and_a_thermometer_share_a_bus(floor):
    floor.put(0x53, FakeAdxl345(floor.ticks))
    floor.put(0x18, FakeLis3dh(floor.ticks))
    floor.put(0x48, FakeLm75(22.0))
    lis = floor.make("lis3dh", 0x18, poll_ms=40, burst_samples=32, point=AXES)
    warm = floor.make("lm75", 0x48, point=[{"name": "t", "channel": "temperature", "unit": "degC"}])
    ears = [floor.start(accelerometer(floor)), floor.start(lis), floor.start(warm)]
    for ear in ears[:2]:
        await ear.wait(lambda ear=ear: len(ear.bursts) >= 6)
    assert (await ears[2].good())[0].value == 22.0


async def test_a_scaled_axis_is_told_in_the_points_own_unit(floor):
    floor.put(0x53, FakeAdxl345(floor.ticks, signal=lambda _: (0.0, 0.0, 1.0)))
    point = {"name": "z", "channel": "z", "unit": "m/s2", "scale": 9.80665}
    ear = floor.start(accelerometer(floor, point=[point]))
    await ear.wait(lambda: ear.bursts)
    assert np.allclose(ear.bursts[0].samples, 9.80665)
