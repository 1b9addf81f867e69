"""Where a driver under test delivers: keeps every batch, and a test awaits the one it wants."""

import asyncio
import time
from collections.abc import Callable, Sequence

from banksman_drivers.ports import Burst, Quality, Reading


class Ticks:
    def mono_ns(self) -> int:
        return time.monotonic_ns()


class BatchSink:
    """Implements ``banksman_drivers.ports.Sink`` for drivers without bursts."""

    def __init__(self) -> None:
        self.batches: list[list[Reading]] = []
        self.on_batch: Callable[[Sequence[Reading]], None] = lambda batch: None
        self.news = asyncio.Event()

    def readings(self, batch: Sequence[Reading]) -> None:
        self.batches.append(list(batch))
        self.on_batch(batch)
        self.news.set()

    def burst(self, burst: Burst) -> None:
        raise AssertionError(f"{burst.sensor}: this driver has no bursts")

    async def until(self, condition: Callable[[list[Reading]], bool]) -> list[Reading]:
        """The next batch from now on for which ``condition`` holds."""
        seen = len(self.batches)
        while True:
            while seen < len(self.batches):
                batch = self.batches[seen]
                seen += 1
                if condition(batch):
                    return batch
            self.news.clear()
            await self.news.wait()

    async def good(self) -> list[Reading]:
        return await self.until(lambda batch: all(r.quality is Quality.GOOD for r in batch))

    async def bad(self) -> list[Reading]:
        return await self.until(lambda batch: all(r.quality is Quality.BAD for r in batch))
