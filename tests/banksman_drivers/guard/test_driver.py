"""The guard on the control loop: readings, commands, the lease, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import math
import os
import time

import pytest

from banksman_drivers.guard.driver import GuardDriver
from banksman_drivers.ports import Command, CommandExpired, CommandFailed, Quality, Unsupported
from banksman_drivers.settings.guard import GuardSettings

FAR_NS = 2**62


class Ticks:
    def mono_ns(self):
        return time.monotonic_ns()


class Sink:
    """Keeps the newest reading of each sensor and lets a test await one."""

    def __init__(self):
        self.newest = {}
        self.batches = 0
        self.news = asyncio.Event()

    def readings(self, batch):
        self.batches += 1
        for reading in batch:
            self.newest[reading.sensor] = reading
        self.news.set()

    def burst(self, burst):
        raise AssertionError("the guard has no bursts")

    async def until(self, holds):
        async with asyncio.timeout(30):
            while not (self.newest and holds(self.newest)):
                self.news.clear()
                await self.news.wait()


class Plant:
    """A driver that runs on FIFOs in ``folder``, and the far ends of them."""

    def __init__(self, folder, lease_ms=2000, **driver):
        self.folder = folder
        self.settings = GuardSettings.model_validate(
            {
                "lease_ms": lease_ms,
                "input": [
                    {"name": "estop", "kind": "estop", "source": f"fifo:{folder}/estop",
                     "debounce_ms": 0},
                    {"name": "reset", "kind": "reset", "source": f"fifo:{folder}/reset",
                     "debounce_ms": 0},
                ],
                "output": [
                    {"name": "permit", "label": "Run permit", "target": f"fifo:{folder}/permit"}
                ],
            }
        )  # fmt: skip
        self.events = []
        self.sink = Sink()
        self.driver = GuardDriver(self.settings, Ticks(), self.events.append, **driver)
        self.task = None
        self.ends = {}

    async def start(self):
        for name in ("estop", "reset", "permit"):
            os.mkfifo(self.folder / name)
            self.ends[name] = os.open(self.folder / name, os.O_RDWR | os.O_NONBLOCK)
        self.tell("estop", b"1")
        self.tell("reset", b"0")
        self.task = asyncio.create_task(self.driver.run(self.sink))
        await self.sink.until(lambda newest: "guard.latched" in newest)

    def tell(self, name, levels):
        os.write(self.ends[name], levels)

    async def command(self, value, output="guard.permit", expires_ns=FAR_NS):
        await self.driver.apply(Command("c", output, value, expires_ns, "test"))

    async def stop(self):
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.task = None

    def out(self):
        """Everything that the permit line has carried and nobody has read."""
        return os.read(self.ends["permit"], 4096)

    def out_or_nothing(self):
        """The same, where nothing is right too."""
        try:
            return self.out()
        except BlockingIOError:
            return b""


@pytest.fixture
async def make_plant(tmp_path):
    made = []

    def make(**options):
        made.append(Plant(tmp_path, **options))
        return made[-1]

    yield make
    for plant in made:
        await plant.stop()
        for end in plant.ends.values():
            os.close(end)


@pytest.fixture
async def plant(make_plant):
    """A running driver with its circuit closed and its button released."""
    made = make_plant()
    await made.start()
    return made


def test_it_tells_its_sensors_and_outputs_before_it_runs(make_plant):
    driver = make_plant().driver
    assert [(info.id, info.unit) for info in driver.sensors()] == [
        ("guard.estop", "flag"),
        ("guard.reset", "flag"),
        ("guard.latched", "flag"),
    ]
    (output,) = driver.outputs()
    assert (output.id, output.safe, output.supervision) == ("guard.permit", False, "guard")
    assert output.run_permit
    assert driver.health().state == "starting"


async def test_a_closed_circuit_reads_one_and_good(plant):
    reading = plant.sink.newest["guard.estop"]
    assert (reading.value, reading.unit, reading.quality) == (1.0, "flag", Quality.GOOD)
    assert plant.sink.newest["guard.latched"].value == 0.0
    assert plant.driver.health().state == "connected"


async def test_an_open_circuit_is_told_at_once_to_sink_and_listener(plant):
    plant.tell("estop", b"0")
    await plant.sink.until(lambda newest: newest["guard.latched"].value == 1.0)
    assert plant.sink.newest["guard.estop"].value == 0.0
    assert "tripped" in [event.kind for event in plant.events]
    assert plant.driver.health().message == "estop is open"


async def test_a_circuit_that_cannot_be_read_is_bad_and_no_number(plant):
    plant.tell("estop", b"?")
    await plant.sink.until(lambda newest: newest["guard.estop"].quality is Quality.BAD)
    assert math.isnan(plant.sink.newest["guard.estop"].value)


async def test_readings_go_on_when_nothing_happens(plant):
    before = plant.sink.batches
    async with asyncio.timeout(30):
        while plant.sink.batches < before + 3:
            plant.sink.news.clear()
            await plant.sink.news.wait()
    assert [event.kind for event in plant.events] == ["lease_renewed"]


async def test_a_command_is_out_when_it_is_confirmed(plant):
    await plant.command(True)
    assert plant.out() == b"01"
    await plant.command(False)
    assert plant.out() == b"0"


async def test_a_number_is_taken_as_a_level(plant):
    await plant.command(1.0)
    assert plant.out() == b"01"


@pytest.mark.parametrize("value", ["on", 0.5, 2.0, math.nan])
async def test_a_value_that_is_no_level_is_refused(plant, value):
    with pytest.raises(CommandFailed, match="true or false"):
        await plant.command(value)


async def test_a_command_while_latched_is_refused_with_the_way_out(plant):
    plant.tell("estop", b"0")
    await plant.sink.until(lambda newest: newest["guard.latched"].value == 1.0)
    with pytest.raises(CommandFailed, match="reset it at the machine"):
        await plant.command(True)
    await plant.command(False)


async def test_a_command_that_came_too_late_writes_nothing(plant):
    with pytest.raises(CommandExpired):
        await plant.command(True, expires_ns=time.monotonic_ns())
    await plant.command(False)
    assert plant.out() == b"0"


async def test_an_unknown_output_is_unsupported(plant):
    with pytest.raises(Unsupported, match="siren"):
        await plant.command(True, output="guard.siren")


async def test_commands_before_the_start_fail_with_a_reason(make_plant):
    with pytest.raises(CommandFailed, match="does not run"):
        await make_plant().command(True)


async def test_a_loop_that_blocks_loses_its_outputs_and_its_next_command_restores_them(make_plant):
    plant = make_plant(lease_ms=300)
    await plant.start()
    await plant.command(True)
    deadline_s = time.monotonic() + 30
    while not plant.driver.state().counters["leases_expired"]:  # the loop is ours: nobody renews
        assert time.monotonic() < deadline_s
    assert plant.out() == b"010"
    async with asyncio.timeout(30):
        while [event.kind for event in plant.events].count("lease_renewed") < 2:
            await asyncio.sleep(0)
    assert plant.out_or_nothing() == b""  # a renewal alone energises nothing
    await plant.command(True)
    assert plant.out() == b"1"


async def test_a_reset_at_the_machine_is_told_and_restarts_nothing(plant):
    await plant.command(True)
    plant.tell("estop", b"01")
    await plant.sink.until(lambda newest: newest["guard.latched"].value == 1.0)
    plant.tell("reset", b"1")
    await plant.sink.until(lambda newest: newest["guard.reset"].value == 1.0)
    plant.tell("reset", b"0")
    await plant.sink.until(lambda newest: newest["guard.latched"].value == 0.0)
    assert plant.out() == b"010"


async def test_a_trip_by_the_interlock_latches(plant):
    await plant.command(True)
    plant.driver.trip("oven too hot")
    await plant.sink.until(lambda newest: newest["guard.latched"].value == 1.0)
    assert plant.driver.state().cause == "oven too hot"
    assert plant.out() == b"010"


async def test_a_latch_from_before_the_restart_is_restored(make_plant):
    plant = make_plant(latched=True, cause="e-stop at gate 3")
    await plant.start()
    assert plant.sink.newest["guard.latched"].value == 1.0
    assert plant.driver.state().cause == "e-stop at gate 3"


async def test_cancellation_leaves_outputs_safe(plant):
    await plant.command(True)
    await plant.stop()
    assert plant.out() == b"010"
    assert plant.driver.state() is None


async def test_to_safe_goes_through_a_running_guard(plant):
    await plant.command(True)
    await plant.driver.to_safe()
    assert plant.out() == b"010"
    assert not plant.driver.state().latched


async def test_to_safe_works_in_a_process_without_a_guard(make_plant):
    plant = make_plant()
    os.mkfifo(plant.folder / "permit")
    plant.ends["permit"] = os.open(plant.folder / "permit", os.O_RDWR | os.O_NONBLOCK)
    await plant.driver.to_safe()
    assert plant.out() == b"0"


async def test_a_line_that_cannot_be_opened_is_bad_readings_until_it_can(make_plant, tmp_path):
    (tmp_path / "estop").write_text("in the way")
    plant = make_plant()
    plant.task = asyncio.create_task(plant.driver.run(plant.sink))
    await plant.sink.until(lambda newest: newest["guard.estop"].quality is Quality.BAD)
    assert plant.sink.newest["guard.latched"].quality is Quality.BAD
    assert plant.driver.health().state == "lost"
    assert "not a FIFO" in plant.driver.health().message
    (tmp_path / "estop").unlink()
    await plant.sink.until(lambda newest: newest["guard.latched"].quality is Quality.GOOD)
    assert plant.driver.health().state == "connected"


async def test_without_the_native_part_it_says_what_to_install(make_plant, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "banksman_drivers.guard._native", None)
    plant = make_plant()
    plant.task = asyncio.create_task(plant.driver.run(plant.sink))
    await plant.sink.until(lambda newest: newest["guard.estop"].quality is Quality.BAD)
    assert "apt install gcc" in plant.driver.health().message
    with pytest.raises(CommandFailed, match="apt install gcc"):
        await plant.command(True)
