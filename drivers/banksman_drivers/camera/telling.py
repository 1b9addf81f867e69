"""What the control loop is told of a camera: readings when they are due, news at once, silence.

Rules of this file
- Control loop's thread only. What the camera's thread saw is taken from `Filming.seen`.
- A batch holds every sensor. Of a frozen picture brightness and sharpness say nothing, and of a
  black one sharpness: they are BAD, so that no rule builds on them.
- A camera without a frame for `lost_after_ms` is lost, whatever its thread waits for. It is back
  with its next frame.
"""

from __future__ import annotations

import math

from banksman_drivers.camera.filming import Filming, Seen
from banksman_drivers.camera.newest import NewestFrame
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.ports import Quality, Reading, Sink, Ticks
from banksman_drivers.settings.camera import CAMERA_POINTS, CameraSettings

FROZEN = "the picture is frozen: nothing new in it for {0:g} s; restart the camera"
DARK = "the picture is black; look at the light, the lens cap and the exposure"


class Teller:
    """Tells of one session. ``missing`` counts the frames that were missing in those before."""

    def __init__(
        self,
        settings: CameraSettings,
        ticks: Ticks,
        filming: Filming,
        newest: NewestFrame,
        condition: Condition,
        beat: BadBeat,
        sink: Sink,
        missing: int,
    ) -> None:
        self._settings = settings
        self._ticks = ticks
        self._filming = filming
        self._newest = newest
        self._condition = condition
        self._beat = beat
        self._sink = sink
        self._missing = missing
        self._began_ns = ticks.mono_ns()
        self._due_ns = 0
        self._silent = False
        self._counted = (filming.number, 0)

    def news(self, seen: Seen) -> None:
        """The first frame, or a flag that turned: told at once."""
        if not self._silent:
            self._tell(seen)

    def look(self) -> None:
        """Tell what is due, and notice silence. Called ten times a second."""
        now_ns = self._ticks.mono_ns()
        seen = self._filming.seen
        last_ns = self._began_ns if seen is None else seen.arrival_ns
        self._silent = now_ns - last_ns > self._settings.lost_after_ms * 1e6
        if self._silent:
            self._say_silent((now_ns - last_ns) / 1e9)
        elif seen is not None and now_ns >= self._due_ns:
            self._tell(seen)

    def _say_silent(self, silent_s: float) -> None:
        self._condition.fault = ""
        was_lost = self._condition.lost
        self._condition.say("lost", f"{self._settings.id}: no frame for {silent_s:.0f} s")
        if not was_lost:
            self._condition.errors += 1
            self._newest.clear()
            self._beat.start()
            self._due_ns = 0

    def _tell(self, seen: Seen) -> None:
        now_ns = self._ticks.mono_ns()
        self._due_ns = now_ns + round(self._settings.report_ms * 1e6)
        self._beat.stop()
        number, broken = self._counted
        self._condition.requests += seen.number - number
        self._condition.errors += seen.broken - broken
        self._counted = (seen.number, seen.broken)
        self._condition.fault = self._fault(seen)
        self._condition.say("connected", self._condition.fault or self._words(seen))
        self._sink.readings(self._batch(seen, now_ns))

    def _fault(self, seen: Seen) -> str:
        if seen.frozen:
            return f"{self._settings.id}: {FROZEN.format(self._settings.frozen_s or 0)}"
        return f"{self._settings.id}: {DARK}" if seen.dark else ""

    def _words(self, seen: Seen) -> str:
        return "; ".join(("filming", f"{seen.width} x {seen.height}", *seen.remarks))

    def _batch(self, seen: Seen, now_ns: int) -> list[Reading]:
        """In the order of `CAMERA_POINTS`."""
        values = (
            self._filming.rate(now_ns),
            (now_ns - seen.exposed_ns) / 1e6,
            math.nan if seen.frozen else seen.brightness_pct,
            math.nan if seen.frozen or seen.dark else seen.sharpness,
            float(seen.frozen),
            float(seen.dark),
            float(self._missing + seen.missing),
        )
        return [
            Reading(
                f"{self._settings.id}.{point.name}",
                value,
                point.unit,
                Quality.BAD if math.isnan(value) else Quality.GOOD,
                now_ns,
            )
            for point, value in zip(CAMERA_POINTS, values, strict=True)
        ]
