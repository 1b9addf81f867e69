"""What every rig of the driver contract has: a device, and hands that lose and restore it."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from banksman_drivers.ports import Burst, Driver, Quality, Reading, Value
from batch_sink import BatchSink


class Sink(BatchSink):
    def burst(self, burst: Burst) -> None:
        self.news.set()


class Rig(abc.ABC):
    """A device with two sensors, ``level`` in kg and ``door``, and perhaps an output.

    A driver whose sensors are fixed tells its own in ``expected``, with None for a value that
    nobody can foretell. ``known_when_lost``: sensors that tell of the loss itself, which stay GOOD.
    """

    driver: Driver
    expected: Mapping[str, tuple[float | None, str]] = {
        "device.level": (12.0, "kg"),
        "device.door": (1.0, "flag"),
    }
    known_when_lost: frozenset[str] = frozenset()
    output = "device.lamp"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sink = Sink()
        self.task: asyncio.Task[None] | None = None

    @abc.abstractmethod
    async def begin(self) -> None:
        """Bring the device up and make the driver."""

    @abc.abstractmethod
    async def lose(self) -> None: ...

    @abc.abstractmethod
    async def restore(self) -> None: ...

    async def end(self) -> None:
        return

    def refuse_commands(self) -> None:
        raise NotImplementedError

    def written(self) -> list[Value]:
        """What the device was told to do and has done, oldest first."""
        raise NotImplementedError

    def safe_writes(self) -> list[Value]:
        """What ``written`` tells after ``to_safe``."""
        return [output.safe for output in self.driver.outputs()]

    async def closed(self) -> None:
        """Return when the device sees no connection of ours."""
        assert self.task is None

    def all_bad(self, batch: Sequence[Reading]) -> bool:
        """Whether nothing of the device is claimed any more."""
        return all(
            reading.quality is Quality.BAD and math.isnan(reading.value)
            for reading in batch
            if reading.sensor not in self.known_when_lost
        )

    def start(self) -> None:
        self.task = asyncio.create_task(self.driver.run(self.sink))

    async def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
            self.task = None
