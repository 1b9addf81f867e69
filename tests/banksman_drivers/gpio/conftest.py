"""A GPIO driver on the shipped chip, and one on the real lgpio over a stand-in for the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from banksman_drivers.fake.gpio_chip import FakeGpioChip
from banksman_drivers.gpio.driver import GpioDriver
from banksman_drivers.ports import Command
from banksman_drivers.settings.gpio import GpioSettings
from batch_sink import Ticks
from driver_rigs.base import Sink
from simulated.kernel_gpio import CHIP, KernelGpio, build

PATIENCE_S = 60.0
CHILD = Path(__file__).parents[2] / "support" / "gpio_child.py"


class Bench:
    """A running driver between a sink and a fake chip."""

    def __init__(self, board: FakeGpioChip, settings: dict[str, Any], driving: bool) -> None:
        self.board = board
        self.sink = Sink()
        self._seen = 0
        base = {"driver": "gpio", "id": "io", "poll_ms": 20, "back_off_max_ms": 50}
        self.driver = GpioDriver(
            GpioSettings.model_validate(base | settings), Ticks(), board.open, driving
        )
        self.task = asyncio.create_task(self.driver.run(self.sink))

    async def end(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def ready(self) -> None:
        await self.sink.until(lambda batch: all(reading.quality > 0 for reading in batch))

    async def reads(self, sensor: str, value: float) -> float:
        """Await a batch, after the last one awaited so, in which the sensor has this value.

        Gives its time.
        """
        while True:
            for batch in self.sink.batches[self._seen :]:
                self._seen += 1
                if self.of(batch, sensor).value == value:
                    return self.of(batch, sensor).mono_ns
            await self.sink.until(lambda _: True)

    def of(self, batch: Any, sensor: str) -> Any:
        return next(reading for reading in batch if reading.sensor == f"io.{sensor}")

    @property
    def newest(self) -> Any:
        """The batch that was found last."""
        return self.sink.batches[self._seen - 1]

    def values(self, sensor: str) -> list[float]:
        """Each value that was told, repeats left out."""
        told: list[float] = []
        for batch in self.sink.batches:
            value = self.of(batch, sensor).value
            if not told or told[-1] != value:
                told.append(value)
        return told

    async def apply(self, output: str, value: Any, within_ns: int = 60_000_000_000) -> None:
        now_ns = Ticks().mono_ns()
        await self.driver.apply(Command("c1", f"io.{output}", value, now_ns + within_ns, "test"))


@pytest.fixture
def board() -> FakeGpioChip:
    return FakeGpioChip()


@pytest.fixture
async def start(board: FakeGpioChip) -> AsyncIterator[Callable[..., Any]]:
    """``await start(point=[…])``: a bench whose first readings have come."""
    benches: list[Bench] = []

    async def make(driving: bool = True, wait: bool = True, **settings: Any) -> Bench:
        benches.append(Bench(board, settings, driving))
        if wait:
            await benches[-1].ready()
        return benches[-1]

    yield make
    for bench in benches:
        await bench.end()


@pytest.fixture(scope="session")
def kernel_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("kernel_gpio"))


@pytest.fixture
def kernel(kernel_library: Path, tmp_path: Path) -> KernelGpio:
    """The kernel's side of /dev/gpiochip7."""
    return KernelGpio(kernel_library, tmp_path)


class Child:
    """The driver in a process of its own; see gpio_child.py."""

    def __init__(self, kernel: KernelGpio, settings: dict[str, Any]) -> None:
        base = {"driver": "gpio", "id": "io", "chip": CHIP, "poll_ms": 20, "back_off_max_ms": 50}
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), json.dumps(base | settings)],
            env=kernel.environment,
            cwd=kernel.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(kernel.folder / "errors").open("w"),
            text=True,
        )
        self.errors = kernel.folder / "errors"
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._batches: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # What lgpio writes of its own to the standard output is none of ours.
            if line.startswith("{"):
                told = json.loads(line)
                (self._answers if "answer" in told else self._batches).put(told)

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def ask(self, line: str) -> dict[str, Any]:
        self.tell(line)
        return self._get(self._answers)

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next batch of readings for which it holds."""
        while True:
            batch = self._get(self._batches)
            if holds(batch):
                return batch

    def _get(self, source: queue.Queue[dict[str, Any]]) -> dict[str, Any]:
        try:
            return source.get(timeout=PATIENCE_S)
        except queue.Empty:
            pytest.fail(f"the child says no more: {self.errors.read_text()[-2000:]}")

    def end(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._get(self._answers)

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()


@pytest.fixture
def start_child(kernel: KernelGpio) -> Iterator[Callable[..., Child]]:
    """``start_child(point=[…])``: a driver on lgpio, running once told "run"."""
    children: list[Child] = []

    def start(**settings: Any) -> Child:
        children.append(Child(kernel, settings))
        return children[-1]

    yield start
    for child in children:
        child.close()
