"""A camera: its pictures for threads that look at them, its health as ordinary readings.

Rules of this file
- Frames go from the camera's thread to whoever waits in `newest`; none passes the control loop.
- The thread's side is filming.py, what the loop is told is telling.py; here is who begins and ends.
- Every call of a source is bounded. A library that holds its thread all the same is left behind
  and the camera opened anew on another thread: three times, then a person is called.

    | what the camera does | what becomes of it |
    |---|---|
    | cannot be opened, ends, gives no frame in `lost_after_ms` | lost: all BAD, opened anew |
    | gives the same picture for `frozen_after_ms` | fault, frozen = 1, frames BAD |
    | gives black pictures for a second | fault, dark = 1, frames BAD |
    | gives broken pictures | let go and counted as errors; lost when there is nothing else |
    | refuses exposure, gain, size | told in the message |
    | a recording is finished | lost, and stays so |
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from banksman_drivers.back_off import BackOff
from banksman_drivers.bridge import Bridge, ThreadStuck
from banksman_drivers.camera import opening
from banksman_drivers.camera.filming import Filming, Seen
from banksman_drivers.camera.newest import NewestFrame
from banksman_drivers.camera.source import Finished, Open
from banksman_drivers.camera.telling import Teller
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.ports import (
    Camera,
    Command,
    DeviceHealth,
    DeviceLost,
    Frame,
    OutputInfo,
    SensorInfo,
    Sink,
    Ticks,
    Unsupported,
)
from banksman_drivers.settings.camera import CALL_MAX_MS, CAMERA_POINTS, CameraSettings

BACK_OFF_FIRST_S = 0.1
BACK_OFF_MOST_S = 10.0
LOOK_S = 0.1
STALE_REPORTS = 3
LEFT_BEHIND_MAX = 3
# Over the longest call of any source, with room for a slow card to load the library.
HUNG_S = CALL_MAX_MS / 1e3 + 3.0


class CameraDriver(Camera):
    """One camera. Raises Unsupported when its pictures could never be had on this box.

    ``open_source`` opens another source than the settings name: a fake in a test's hands.
    """

    def __init__(
        self, settings: CameraSettings, ticks: Ticks, open_source: Open | None = None
    ) -> None:
        if open_source is None:
            opening.check(settings)
        self.id = settings.id
        self.back_off = BackOff(BACK_OFF_FIRST_S, BACK_OFF_MOST_S)
        self._settings = settings
        self._ticks = ticks
        self._open_source = open_source or opening.open_source
        self._condition = Condition(settings.id, "camera", ticks)
        self._newest = NewestFrame()
        self._number = 0
        self._missing = 0
        self._left_behind = 0

    def newest(self, after: int, timeout_s: float) -> Frame | None:
        """The newest frame over ``after``; see the port."""
        return self._newest.wait(after, timeout_s)

    def sensors(self) -> Sequence[SensorInfo]:
        """The fixed points of every camera."""
        stale_ms = max(STALE_REPORTS * self._settings.report_ms, 1000.0)
        return [
            SensorInfo(f"{self.id}.{point.name}", point.unit, point.label, stale_ms)
            for point in CAMERA_POINTS
        ]

    def outputs(self) -> Sequence[OutputInfo]:
        """A camera has none."""
        return []

    def health(self) -> DeviceHealth:
        """The camera's condition now."""
        return self._condition.health()

    async def apply(self, command: Command) -> None:
        """Raises Unsupported: a camera takes no commands."""
        raise Unsupported(f"{self.id} is a camera and has no output {command.output}")

    async def run(self, sink: Sink) -> None:
        """Film, and film again; see the port."""
        beat = BadBeat(sink, self.sensors(), self._ticks)
        beat.arm()
        try:
            while True:
                try:
                    await self._session(sink, beat)
                except DeviceLost as error:
                    self._lose(error, beat)
                    if isinstance(error, Finished) or self._left_behind >= LEFT_BEHIND_MAX:
                        await asyncio.get_running_loop().create_future()
                await asyncio.sleep(self.back_off.next_s())
        finally:
            beat.stop()
            self._newest.clear()
            self._condition.fault = ""
            self._condition.say("starting", "not running")

    def _lose(self, error: DeviceLost, beat: BadBeat) -> None:
        if not isinstance(error, Finished):  # the last picture of a recording is still its own
            self._newest.clear()
        self._condition.errors += 1
        self._condition.fault = ""
        told = f"{self.id}: {error}"
        if self._left_behind >= LEFT_BEHIND_MAX:
            told += "; it is not tried again: restart the daemon"
        self._condition.say("lost", told)
        beat.start()

    async def _session(self, sink: Sink, beat: BadBeat) -> None:
        """From opening to closing. Raises DeviceLost when it ends by itself."""
        filming = Filming(self._settings, self._ticks, self._newest, self._number)
        teller = Teller(
            self._settings,
            self._ticks,
            filming,
            self._newest,
            self._condition,
            beat,
            sink,
            self._missing,
        )
        bridge: Bridge[Seen] = Bridge(teller.news, depth=4)
        work = filming.work(self._open_source)
        task = asyncio.create_task(bridge.run(work, f"camera-{self.id}"))
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=LOOK_S)
                if not task.done():
                    teller.look()
                if filming.silent_s(self._ticks.mono_ns()) > HUNG_S:
                    raise DeviceLost("the camera's library does not come back; plug it anew")
        finally:
            await self._end(task, filming)
        task.result()
        raise DeviceLost("the camera's thread ended by itself")

    async def _end(self, task: asyncio.Task[None], filming: Filming) -> None:
        """End the thread; one that its library holds is left behind and counted."""
        if not task.done():
            task.cancel()
            await asyncio.wait({task})  # the bridge bounds it
        if not task.cancelled() and isinstance(task.exception(), ThreadStuck):
            self._left_behind += 1
        self._number = filming.number
        if filming.seen is not None:
            self._missing += filming.seen.missing
            self.back_off.reset()
