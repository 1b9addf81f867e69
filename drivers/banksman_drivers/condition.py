"""A device's condition for people, and the BAD readings that say so while it is lost.

Rules of this file
- Every driver keeps its health here, so that "lost" means the same everywhere:

    | condition | when | readings |
    |---|---|---|
    | starting | not running, or no success or failure yet | BAD after 0.5 s of running |
    | connected | it answered the newest whole poll, be it with refusals | its own |
    | lost | no connection, no answer in time, or a wrong one | BAD at once and each 0.5 s |

- The BAD readings of all sensors go out in one batch, NaN, at the time they are said.
- Its words may hold what the device said: they are bounded, on one line and printable.
- Control loop's thread only, but ``health`` may be read from any thread.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Literal

from banksman_drivers.ports import DeviceHealth, Quality, Reading, SensorInfo, Sink, Ticks
from banksman_drivers.words import printable

BEAT_S = 0.5  # the contract says "at least each second"; a busy loop may be late


class Condition:
    """The book of one device: its state with the reason, and its counters."""

    def __init__(self, device: str, driver: str, ticks: Ticks) -> None:
        self.reconnects = 0
        self.requests = 0
        self.errors = 0
        self.round_trip_us = 0.0
        self.polls_skipped = 0
        self.fault = ""  # why it is of no use although it answers
        self._device = device
        self._driver = driver
        self._ticks = ticks
        self._state: Literal["starting", "connected", "lost"] = "starting"
        self._message = "not asked yet"
        self._since_mono_ns = ticks.mono_ns()

    @property
    def lost(self) -> bool:
        """Whether the device is lost now."""
        return self._state == "lost"

    @property
    def connected(self) -> bool:
        """Whether the device did its whole job last time."""
        return self._state == "connected"

    def say(self, state: Literal["starting", "connected", "lost"], message: str) -> None:
        """Take the state; ``since`` moves only when the state changes."""
        if state != self._state:
            if state == "connected" and self._state == "lost":
                self.reconnects += 1
            self._state = state
            self._since_mono_ns = self._ticks.mono_ns()
        self._message = printable(message)

    def lose(self, why: str) -> None:
        """It is lost; ``why`` says what to check, the device's name is put before it."""
        self.errors += 1
        self.say("lost", f"{self._device}: {why}")

    def health(self) -> DeviceHealth:
        """The condition as one value."""
        return DeviceHealth(
            id=self._device,
            driver=self._driver,
            state=self._state,
            message=self._message,
            since_mono_ns=self._since_mono_ns,
            reconnects=self.reconnects,
            requests=self.requests,
            errors=self.errors,
            round_trip_us=self.round_trip_us,
            polls_skipped=self.polls_skipped,
            fault=printable(self.fault),
        )


class BadBeat:
    """Says BAD for every sensor, at once when told and then each 0.5 s until stopped."""

    def __init__(self, sink: Sink, sensors: Sequence[SensorInfo], ticks: Ticks) -> None:
        self._sink = sink
        self._sensors = tuple((sensor.id, sensor.unit) for sensor in sensors)
        self._ticks = ticks
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Say BAD in 0.5 s, unless stopped before."""
        if self._handle is None:
            self._handle = self._loop.call_later(BEAT_S, self._say)

    def start(self) -> None:
        """Say BAD now, whatever was said before, and go on saying it."""
        self.stop()
        self._say()

    def stop(self) -> None:
        """Say no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _say(self) -> None:
        now = self._ticks.mono_ns()
        batch = [
            Reading(sensor, math.nan, unit, Quality.BAD, now) for sensor, unit in self._sensors
        ]
        if batch:
            self._sink.readings(batch)
        self._handle = self._loop.call_later(BEAT_S, self._say)
