"""The control thread: asyncio loop 1, with the drivers and the five steps on it.

Rules of this file
- It waits on sockets and serial lines only: no disk, no network service.
- From other threads there is one bounded inbox, `call`. Full means refused at once, and counted.
- A driver whose ``run`` ends by an error is a bug: it is said, its readings go stale, it is
  started again after a while, and the others go on.
- At the end every output is put in its safe state before the connections close.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from banksman.control.act import Act
from banksman.control.loop import ControlLoop
from banksman.control.pace import Pace
from banksman.control.ports import AlarmSignal
from banksman.wire.messages import Priority
from banksman_drivers.ports import Driver, DriverError

T = TypeVar("T")
INBOX_CALLS = 256
RESTART_S = 5.0
CONTROL_NICE = -10
SAFE_TIMEOUT_S = 2.0

log = logging.getLogger(__name__)


class InboxFull(RuntimeError):
    """The control loop has not taken what it was sent; nothing was done."""


class ControlThread:
    """Owns the thread and the loop. ``armed``: outputs are put safe at the end."""

    def __init__(
        self,
        loop: ControlLoop,
        act: Act,
        pace: Pace,
        drivers: Sequence[Driver],
        alarms: AlarmSignal,
        *,
        armed: bool,
    ) -> None:
        self._control = loop
        self._act = act
        self._pace = pace
        self._drivers = drivers
        self._alarms = alarms
        self._armed = armed
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._inbox = threading.BoundedSemaphore(INBOX_CALLS)
        self._thread = threading.Thread(target=self._main, name="control")
        self.refused_calls = 0
        self.error: BaseException | None = None

    def start(self) -> None:
        """Start the thread; returns when its loop runs."""
        self._thread.start()
        self._started.wait()

    def stop(self, timeout_s: float) -> bool:
        """Put outputs safe, end the drivers, join. False if the thread did not end in time."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def post(self, function: Callable[[], None]) -> None:
        """Run ``function`` on the control thread soon; for replies that nobody waits for."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    def call(self, function: Callable[[], T]) -> concurrent.futures.Future[T]:
        """Run ``function`` on the control thread; it must return within a millisecond.

        Raises InboxFull.
        """
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        if self._loop is None or not self._inbox.acquire(blocking=False):
            self.refused_calls += 1
            raise InboxFull("the control loop is busy; try again in a moment")

        def run() -> None:
            self._inbox.release()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except Exception as error:  # noqa: BLE001  it belongs to the caller's thread
                    future.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return future

    def _main(self) -> None:
        with contextlib.suppress(OSError):
            # Before the other threads, and before a busy neighbour; the unit's LimitNICE allows it.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), CONTROL_NICE)
        try:
            asyncio.run(self._run())
        except BaseException as error:
            self.error = error
            log.exception("the control loop ended by an error; the watchdog will restart the unit")
        finally:
            self._started.set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        tasks = [asyncio.create_task(self._pace.run(), name="pace")]
        tasks += [
            asyncio.create_task(self._drive(driver), name=driver.id) for driver in self._drivers
        ]
        self._started.set()
        stopping = asyncio.create_task(self._stop.wait())
        # The rate keeper never ends by itself: if it does, the loop is broken and says so.
        done, _ = await asyncio.wait({stopping, tasks[0]}, return_when=asyncio.FIRST_COMPLETED)
        await self._act.close()
        if self._armed:
            await self._outputs_safe()
        for task in [*tasks, stopping]:
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
        self._control.finish()
        for task in done - {stopping}:
            task.result()

    async def _drive(self, driver: Driver) -> None:
        me = asyncio.current_task()
        while True:
            try:
                await driver.run(self._control)
                message = "its driver ended by itself"
            except Exception as error:
                if me is not None and me.cancelling():
                    # It could not end as it should (a thread that a device holds in a call).
                    log.error("stopping: the driver of %s: %s", driver.id, error)
                    return
                message = f"its driver broke: {error!r}"
                log.exception("driver of %s broke", driver.id)
            self._alarms.raise_alarm(
                f"driver.{driver.id}",
                f"{driver.id} is not read: {message}. It is started again; report this",
                Priority.IMPORTANT,
                driver.id,
            )
            await asyncio.sleep(RESTART_S)

    async def _outputs_safe(self) -> None:
        async def one(driver: Driver) -> None:
            try:
                async with asyncio.timeout(SAFE_TIMEOUT_S):
                    await driver.to_safe()
            except TimeoutError:
                log.error(
                    "stopping: outputs of %s did not confirm within %g s", driver.id, SAFE_TIMEOUT_S
                )
            except (DriverError, OSError) as error:
                log.error("stopping: outputs of %s could not be put safe: %s", driver.id, error)

        await asyncio.gather(*(one(driver) for driver in self._drivers if driver.outputs()))
