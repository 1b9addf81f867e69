"""A machine's watch as a device: what it is told, and what it tells."""

import asyncio
import contextlib
import math

import msgspec
import numpy as np
import pytest

from banksman.clock import SystemClock
from banksman.config.schema_maintenance import MACHINE_POINTS, MachineSettings
from banksman.control.stream import WatchedStream
from banksman.maintenance.attending import Kept
from banksman.maintenance.intake import BURSTS_WAITING
from banksman.maintenance.normals import NormalBook
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.turns import Turns
from banksman.maintenance.watch import Watch
from banksman.wire.messages import Priority
from banksman_drivers.ports import Burst, Command, Quality, Unsupported
from driver_rigs.base import Sink

LEARN = 20


class Alarms:
    def __init__(self):
        self.active = {}

    def raise_alarm(self, key, text, priority, cause):
        self.active[key] = (text, priority)

    def reword_alarm(self, key, text):
        self.active[key] = (text, self.active[key][1])

    def clear_alarm(self, key):
        self.active.pop(key, None)


class Bench:
    """A watch with windows of 0.1 s; the test is the plant."""

    def __init__(self, saved=None, runs=None, **options):
        table = {
            "id": "pump",
            "label": "Cooling pump",
            "window_s": 0.1,
            "learn_windows": LEARN,
            "settle_windows": 2,
            "slow": [{"sensor": "plc.heat", "floor": 0.5}],
            **options,
        }
        self.clock, self.alarms, self.sink = SystemClock(), Alarms(), Sink()
        self.kept, self.runs = [], []
        self.shelf = RunShelf("pumps", self.runs.append, runs)
        self.watch = Watch(
            *(MachineSettings.model_validate(table), self.clock, self.alarms),
            *(self.kept.append, saved, self.shelf, Turns(), NormalBook(lambda _: None, None)),
        )
        self.heat = 50.0
        self.stream = WatchedStream("plc.heat", "degC", 1e3, watch=self.watch.on_reading)
        self.tasks = []

    def start(self):
        self.tasks = [
            asyncio.create_task(self.watch.run(self.sink)),
            asyncio.create_task(self.feed()),
        ]

    async def feed(self):
        while True:
            if self.heat is not None:
                self.stream.update(self.heat, Quality.GOOD, self.clock.mono_ns())
            await asyncio.sleep(0.01)

    async def stop(self):
        for task in self.tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.tasks = []

    async def told(self, sensor, holds):
        def found(batch):
            return any(r.sensor == f"pump.{sensor}" and holds(r.value) for r in batch)

        async with asyncio.timeout(60):
            batch = await self.sink.until(found)
        return {r.sensor.removeprefix("pump."): r for r in batch}


@pytest.fixture
async def make_bench():
    made = []

    def make(**options):
        made.append(Bench(**options))
        return made[-1]

    yield make
    for bench in made:
        await bench.stop()


async def test_until_its_first_window_every_reading_is_bad(make_bench):
    bench = make_bench()
    bench.start()
    batch = await bench.sink.until(lambda batch: True)
    assert [r.sensor for r in batch] == [f"pump.{name}" for name, _, _ in MACHINE_POINTS]
    assert {r.quality for r in batch} == {Quality.BAD}


async def test_it_learns_then_tells_normal_then_alarm_and_clears_it(make_bench):
    bench = make_bench()
    bench.start()
    told = await bench.told("verdict", lambda verdict: verdict == 0)
    assert told["verdict"].text.startswith("normal is ")
    await bench.told("verdict", lambda verdict: verdict == 1)
    bench.heat = 60.0
    told = await bench.told("verdict", lambda verdict: verdict == 3)
    assert told["deviation"].value > 2.5
    assert "plc.heat is +" in told["deviation"].text
    text, priority = bench.alarms.active["machine.pump"]
    assert text.startswith("Cooling pump: plc.heat is +")
    assert priority is Priority.CRITICAL
    bench.heat = 50.0
    await bench.told("verdict", lambda verdict: verdict == 1)
    assert bench.alarms.active == {}


async def test_hours_that_nobody_knows_are_bad_and_say_why(make_bench):
    bench = make_bench()
    bench.start()
    told = await bench.told("verdict", lambda verdict: verdict == 0)
    assert math.isnan(told["remaining"].value)
    assert told["remaining"].quality is Quality.BAD
    assert told["remaining"].text == "no limit is configured"


async def test_sensors_that_fall_silent_are_no_health(make_bench):
    bench = make_bench()
    bench.start()
    await bench.told("verdict", lambda verdict: verdict == 0)
    bench.heat = None
    await bench.told("verdict", math.isnan)
    assert bench.watch.health().state == "lost"
    assert "none of its sensors" in bench.watch.health().message


async def test_what_was_learned_is_kept_at_the_end_and_known_at_once_after_a_restart(make_bench):
    bench = make_bench()
    bench.start()
    await bench.told("verdict", lambda verdict: verdict == 1)
    await bench.stop()
    assert (
        msgspec.msgpack.decode(bench.kept[-1], type=Kept).judge.normal.baselines[0].windows
        >= LEARN - 2
    )
    again = make_bench(saved=bench.kept[-1])
    again.start()
    told = await again.told("verdict", lambda verdict: verdict >= 0)
    assert told["verdict"].value == 0  # too few windows yet to say anything
    await again.told("verdict", lambda verdict: verdict == 1)
    assert again.watch.newest.learned == 1.0


@pytest.mark.parametrize(
    "saved", [b"", b"\xff", msgspec.msgpack.encode({"baselines": [{"sensor": 1}]})]
)
async def test_a_damaged_memory_is_learned_anew(make_bench, saved):
    bench = make_bench(saved=saved)
    bench.start()
    told = await bench.told("verdict", lambda verdict: verdict == 0)
    assert told["verdict"].text.startswith("normal is ")


async def test_a_person_may_call_the_present_normal(make_bench):
    bench = make_bench()
    bench.start()
    await bench.told("verdict", lambda verdict: verdict == 1)
    bench.heat = 60.0
    await bench.told("verdict", lambda verdict: verdict == 3)
    bench.watch.say("renew")
    await bench.told("verdict", lambda verdict: verdict == 0)
    await bench.told("verdict", lambda verdict: verdict == 1)
    assert bench.alarms.active == {}


async def test_bursts_wait_bounded_and_the_newest_win(make_bench):
    bench = make_bench(vibration=[{"sensor": "acc.x"}])
    samples = np.random.default_rng(1).normal(0, 1, 1024).astype(np.float32)
    start_ns = bench.clock.mono_ns() - (BURSTS_WAITING + 3) * 20_000_000_000
    for number in range(BURSTS_WAITING + 3):
        mono_ns = start_ns + (number + 1) * 20_000_000_000
        bench.watch.on_burst(Burst("acc.x", samples, 1e4, "g", Quality.GOOD, mono_ns))
    assert bench.watch.bursts_dropped == 3
    bench.start()
    told = await bench.told("fault", lambda fault: fault == 0)
    assert told["zone"].value == 0
    assert bench.watch.newest.heard[0].first_rms


async def test_it_has_no_outputs(make_bench):
    bench = make_bench()
    assert bench.watch.outputs() == ()
    with pytest.raises(Unsupported, match=r"pump\.run"):
        await bench.watch.apply(Command("c", "pump.run", True, 0, "test"))


async def test_a_flaw_lowers_the_quality_of_its_sensor_and_tells_the_reading_anew(make_bench):
    bench = make_bench(vibration=[{"sensor": "acc.x"}])
    heard = WatchedStream(
        "acc.x", "g", 1e6, watch=bench.watch.on_reading, watch_burst=bench.watch.on_burst
    )
    noise = np.random.default_rng(1).normal(0, 1, 1024).astype(np.float32)
    samples = noise.clip(-1, 1)
    qualities = []

    async def shake():
        while True:
            mono_ns = bench.clock.mono_ns()
            heard.update_burst(Burst("acc.x", samples, 1e5, "g", Quality.GOOD, mono_ns))
            qualities.append(heard.quality)
            await asyncio.sleep(0.05)

    bench.start()
    bench.tasks.append(asyncio.create_task(shake()))
    async with asyncio.timeout(60):
        (told,) = await bench.sink.until(lambda batch: batch[0].sensor == "acc.x")
        assert (told.quality, told.value) == (Quality.UNCERTAIN, pytest.approx(heard.value))
        assert "clipped" in told.text
        await bench.sink.until(
            lambda batch: any(r.sensor == "pump.fault" and "clipped" in r.text for r in batch)
        )
        assert qualities[0] is Quality.GOOD  # samples are looked at on a thread of their own
        samples = noise
        await bench.told("fault", lambda fault: fault == 0)
        while qualities[-1] is not Quality.GOOD:
            await asyncio.sleep(0.01)
    assert Quality.UNCERTAIN in qualities
    assert heard.text == ""


async def test_at_its_end_a_watch_doubts_nothing(make_bench):
    bench = make_bench(vibration=[{"sensor": "acc.x"}])
    heard = WatchedStream("acc.x", "g", 1e6, watch=bench.watch.on_reading)
    bench.watch.on_reading(heard)
    flat = np.full(1024, 0.5, dtype=np.float32)
    bench.watch.on_burst(Burst("acc.x", flat, 1e4, "g", Quality.GOOD, bench.clock.mono_ns()))
    bench.start()
    async with asyncio.timeout(60):
        await bench.sink.until(lambda batch: batch[0].sensor == "acc.x")
    assert heard.doubts == {"acc.x": Quality.BAD}
    await bench.stop()
    assert heard.doubts == {}
