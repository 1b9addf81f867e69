"""The one way from a thread that may block to the control loop: bounded, and polite at its end.

Rules of this file
- A driver whose library blocks (I2C, ALSA, a camera) does its blocking on one thread of its own,
  named after the room it serves (``bus-1``, ``audio-press``, ``camera-line``).
- The thread runs a function that gets the `Bridge`, asks ``stopping`` or ``wait`` often, and
  hands over with ``put``. What the control loop cannot take in time is dropped, oldest first,
  and counted: a thread never waits for the loop, and the loop never for a thread.
- The loop is woken once for all that lies there, not once an item.
- At the end the thread is told, and then waited for without holding the loop; one that does not
  end is named.

    thread    put put   put            ->  [ a b c ]  bounded
    loop            take(a) take(b) take(c)             one wake-up
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from banksman_drivers.ports import DriverError

T = TypeVar("T")

STOP_S = 5.0


class ThreadStuck(DriverError, RuntimeError):
    """A driver's thread did not end when told; its name says whose it is."""


class Bridge(Generic[T]):
    """Between one thread and the loop it was made on. ``dropped`` counts what came to nothing.

    ``take`` is called on the loop with each item, in order; it must not raise. ``depth`` 1 keeps
    only the newest.
    """

    def __init__(self, take: Callable[[T], None], depth: int) -> None:
        self.dropped = 0
        self._take = take
        self._depth = depth
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._woken = False
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()

    @property
    def stopping(self) -> bool:
        """Whether the thread shall end now."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Pause the thread; True, at once, when it shall end."""
        return self._stop.wait(seconds)

    def put(self, item: T) -> None:
        """Hand over from the thread. Nothing is taken once the thread was told to end."""
        with self._lock:
            if self._stop.is_set():
                return
            if len(self._items) >= self._depth:
                with contextlib.suppress(IndexError):  # the loop has taken it just now
                    self._items.popleft()
                    self.dropped += 1
            self._items.append(item)
            if self._woken:
                return
            self._woken = True
            # Inside the lock: `run` takes it before the loop may close. `_drain` does not: the loop
            # is woken in here, and would wait for this thread to get the interpreter back.
            self._loop.call_soon_threadsafe(self._drain)

    async def run(self, work: Callable[[Bridge[T]], None], name: str) -> None:
        """Run ``work`` on a thread called ``name`` until it ends or this is cancelled.

        Raises what ``work`` raised; ThreadStuck if it did not end within 5 s of being told.
        """
        ended: asyncio.Future[None] = self._loop.create_future()

        def tell(problem: BaseException | None) -> None:
            if ended.done():
                return
            if problem is None:
                ended.set_result(None)
            else:
                ended.set_exception(problem)

        def body() -> None:
            problem: BaseException | None = None
            try:
                work(self)
            except BaseException as error:  # noqa: BLE001  `run` raises it where it can be handled
                problem = error
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is left to tell
                self._loop.call_soon_threadsafe(tell, problem)

        thread = threading.Thread(target=body, name=name, daemon=True)
        thread.start()
        try:
            await asyncio.shield(ended)
        finally:
            with self._lock:
                self._stop.set()
            if not ended.done():
                # Woken by `tell`, so that no worker of the loop's pool is held by a join.
                await asyncio.wait([ended], timeout=STOP_S)
            if ended.done():
                ended.exception()
            else:
                raise ThreadStuck(f"the thread {name} does not end; its device holds it in a call")

    def _drain(self) -> None:
        # First: whatever is put from now on wakes the loop again, or is among what is taken here.
        self._woken = False
        for _ in range(len(self._items)):
            if self._stop.is_set():
                return
            try:
                item = self._items.popleft()
            except IndexError:  # `put` has dropped it for a newer one
                return
            self._take(item)
