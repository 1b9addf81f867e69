"""One thread of low priority for work that takes minutes: it gives way to everything else here."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

LOW_NICE = 10

T = TypeVar("T")


class LowThread:
    """Runs one piece of work after the other; asked from a loop."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, name, _be_low)

    async def run(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Take no more; what runs goes on."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _be_low() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_NICE)
