"""The daemon: start in order of need, stop in reverse, and the thread table in one place.

    start   logs, store, page, control (drivers, guard, five steps), telemetry, READY
    stop    STOPPING, telemetry, page, control (outputs safe), store, logs

READY is said after the self-test: the control loop ticks, the store keeps records and the page
answers. SIGTERM and SIGINT stop; SIGHUP reads the rules file anew.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Protocol

import msgspec

from banksman.clock import Clock
from banksman.control.ports import AlarmSignal
from banksman.control.view import View
from banksman.control_thread import ControlThread
from banksman.desk import Desk
from banksman.errors import Problem
from banksman.store.store import Store
from banksman.wire.messages import Priority
from banksman_watchdog.keeper import Keeper, period_s
from banksman_watchdog.ports import Notify
from banksman_watchdog.supervisor import Stall, Supervisor

log = logging.getLogger(__name__)

# Shorter turns of the interpreter lock keep a busy model or page from holding the control loop.
SWITCH_INTERVAL_S = 0.0005
SELF_TEST_S = 10.0
SELF_TEST_POLL_S = 0.01
STOP_S = 5.0
# How long each part may go without progress before the watchdog is no longer petted.
LIMITS_S: Mapping[str, float] = {"control": 2.0, "main": 5.0, "store": 30.0}


class Service(Protocol):
    """Something of the main loop that is started before READY and stopped in reverse order."""

    async def start(self) -> None:
        """Be ready to serve; raises OSError with the remedy if that cannot be."""

    async def stop(self) -> None:
        """Stop politely."""


class Parts(msgspec.Struct, frozen=True):
    """What assembly built. ``jobs`` run on the main loop until the end; ``name`` is for the log."""

    node: str
    clock: Clock
    store: Store
    thread: ControlThread
    view: View
    desk: Desk
    alarms: AlarmSignal
    notify: Notify
    watchdog_s: float | None
    services: Sequence[Service]
    jobs: Mapping[str, Callable[[], Coroutine[None, None, None]]]


class Daemon:
    """Runs the parts until a signal."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stop = asyncio.Event()
        self._reload_task: asyncio.Task[Sequence[Problem]] | None = None

    async def run(self) -> int:
        """Start, serve, stop. Returns the exit code: 0 after a signal, 1 after a fatal error."""
        parts = self._parts
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        parts.store.start()
        started: list[Service] = []
        jobs: list[asyncio.Task[None]] = []
        try:
            for service in parts.services:
                await service.start()
                started.append(service)
            # Only now: a second daemon that finds the page's port taken must not touch the plant.
            parts.thread.start()
            jobs = [asyncio.create_task(self._job(name, job)) for name, job in parts.jobs.items()]
            jobs.append(asyncio.create_task(parts.desk.run()))
            await self._self_test()
            # What was built by now lives as long as the daemon: the collector need not walk it.
            gc.collect()
            gc.freeze()
            parts.notify.ready(self._summary())
            log.info("ready: %s", self._summary())
            jobs.append(asyncio.create_task(self._keeper().run()))
            await self._until_stopped()
        finally:
            parts.notify.stopping("stopping")
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            for service in reversed(started):
                await service.stop()
            if not await asyncio.to_thread(parts.thread.stop, STOP_S):
                log.error("the control thread did not end within %g s", STOP_S)
            if not await asyncio.to_thread(parts.store.stop, STOP_S):
                log.error("the store did not finish within %g s; see its folder", STOP_S)
        return 1 if parts.thread.error else 0

    async def _until_stopped(self) -> None:
        """Wait for a signal, or for a control thread that died."""
        while not self._stop.is_set() and self._parts.thread.error is None:
            try:
                async with asyncio.timeout(1.0):
                    await self._stop.wait()
            except TimeoutError:
                continue

    async def _self_test(self) -> None:
        """Wait until the loop ticks and the store answers. Says what is missing and goes on."""
        try:
            async with asyncio.timeout(SELF_TEST_S):
                while not (  # noqa: ASYNC110  the state is another thread's: nothing of this loop sets it
                    self._parts.view.newest.heartbeat and self._parts.store.status().heartbeat
                ):
                    await asyncio.sleep(SELF_TEST_POLL_S)
        except TimeoutError:
            log.error("self-test: not ready after %g s: %s", SELF_TEST_S, self._summary())

    async def _job(self, name: str, job: Callable[[], Coroutine[None, None, None]]) -> None:
        """Keep one job of the main loop going: if it breaks, say so and begin it anew."""
        while True:
            try:
                await job()
            except Exception as error:
                log.exception("%s broke and is begun anew", name)
                self._parts.alarms.raise_alarm(
                    f"job.{name}", f"{name} broke: {error!r}. Report this", Priority.IMPORTANT, name
                )
            else:
                return
            await asyncio.sleep(STOP_S)

    def _keeper(self) -> Keeper:
        parts = self._parts
        period = period_s(parts.watchdog_s)
        return Keeper(
            Supervisor(LIMITS_S, period, parts.clock.mono_ns()),
            parts.notify,
            parts.clock,
            beats=lambda: {
                "control": parts.view.newest.heartbeat,
                "main": parts.desk.beats,
                "store": parts.store.status().heartbeat,
            },
            summary=self._summary,
            blame=self._blame,
        )

    def _blame(self, stalls: Sequence[Stall]) -> None:
        for stall in stalls:
            log.error("%s", stall)
        if stalls:
            text = "; ".join(map(str, stalls))
            self._parts.alarms.raise_alarm("watchdog", text, Priority.CRITICAL, "watchdog")
        else:
            self._parts.alarms.clear_alarm("watchdog")

    def _summary(self) -> str:
        snapshot = self._parts.view.newest
        readiness = self._parts.desk.readiness()
        latched = [trip.name for trip in snapshot.trips if trip.latched]
        words = [snapshot.mode, f"{len(snapshot.sensors)} sensors"]
        if latched:
            words.append(f"TRIPPED: {', '.join(latched)}")
        words.append("ready" if readiness.ready else "; ".join(readiness.reasons))
        return ", ".join(words)

    def _reload(self) -> None:
        reload = self._parts.desk.reload_rules("SIGHUP")
        self._reload_task = asyncio.get_running_loop().create_task(reload)
