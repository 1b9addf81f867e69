"""A line that may run, ports, a broker, and waiting for a condition."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from banksman_drivers.fake.plant.line import Line
from banksman_drivers.fake.plant.service import Plant, PlantOptions
from tcp_ports import free_tcp_port

STEP_S = 0.01


class Hall:
    """A line with its appliance and guard played by hand: they feed watchdog and permit."""

    def __init__(self, seed: int = 7) -> None:
        self.line = Line(seed, begins_shift=False)
        self.feeds_watchdog = True
        self.toggles_permit = True
        self._beats = 0

    def pass_time(self, seconds: float) -> None:
        """Step the model, toggling and feeding as told."""
        for _ in range(round(seconds / STEP_S)):
            self._beats += 1
            if self.feeds_watchdog:
                self.line.write("watchdog", self._beats)
            if self.toggles_permit and self._beats % 5 == 0:
                self.line.permit.level(self._beats % 10 == 0)
            self.line.step(STEP_S)

    def run_everything(self) -> None:
        """Close the chain and command every run output."""
        self.pass_time(1.0)
        for name in ("conveyor_run", "press_run", "oven_heater"):
            self.line.write(name, 1)


@pytest.fixture
def hall() -> Hall:
    return Hall()


@pytest.fixture
def free_port() -> Callable[[], int]:
    return free_tcp_port


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Wait until a condition holds; fails by name after forty seconds."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(40):
            while not condition():
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
async def plant(
    tmp_path: Path, free_port: Callable[[], int]
) -> AsyncIterator[tuple[Plant, PlantOptions]]:
    """The whole plant in this process, its permit bridged."""
    options = PlantOptions(
        folder=tmp_path,
        modbus_port=free_port(),
        mqtt_port=0,
        cloud_port=free_port(),
        bridged=True,
    )
    plant = Plant(options)
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(plant.run(stop, ready))
    async with asyncio.timeout(40):
        await ready.wait()
    yield plant, options
    stop.set()
    await running


class Broker:
    """A real mosquitto on one port that can be ended and started again."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        self._process = subprocess.Popen(
            [program, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@pytest.fixture
def broker(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Broker]:
    """Not started yet."""
    if shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    broker = Broker(free_port(), tmp_path)
    yield broker
    broker.stop()
