"""What the camera's thread does: take, look, show. The newest frame always wins.

Rules of this file
- One thread, one open source, from opening to closing. It ends soon after it was told to, or by
  the error that closed the source.
- It hands the control loop only news: the first frame, and a flag that turned. The rest lies in
  `seen`, replaced by one assignment, and is read when a report is due.
- The frame is shown before it is looked at: nobody waits for our arithmetic. What
  is found in it marks the frames from the next one on.

    grab ── unpack ── turn, crop ── show ── look ── news?
     └ over most_fps: let go
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from banksman_drivers.bridge import Bridge
from banksman_drivers.camera.clock import FrameClock
from banksman_drivers.camera.judge import Judge, look, sharpness
from banksman_drivers.camera.newest import NewestFrame
from banksman_drivers.camera.picture import framed
from banksman_drivers.camera.source import Image, Open, Source
from banksman_drivers.camera.thin import Thin
from banksman_drivers.ports import Frame, Quality, Ticks
from banksman_drivers.settings.camera import CameraSettings

RATE_OVER_NS = 2_000_000_000
ARRIVALS_KEPT = 2048


class Seen(msgspec.Struct, frozen=True):
    """What the thread knows after a frame. Brightness in percent; ``missing`` as in clock.py."""

    number: int
    exposed_ns: int
    arrival_ns: int
    brightness_pct: float
    sharpness: float
    frozen: bool
    dark: bool
    missing: int
    broken: int
    width: int
    height: int
    remarks: tuple[str, ...]


class Filming:
    """One session with a source. ``number`` counts every frame taken, on from the session before.

    It is the source's `Pause` too: whatever waits with it shows that it lives.
    """

    def __init__(
        self, settings: CameraSettings, ticks: Ticks, newest: NewestFrame, number: int
    ) -> None:
        self.number = number
        self.seen: Seen | None = None
        self._alive_ns = ticks.mono_ns()
        self._settings = settings
        self._ticks = ticks
        self._newest = newest
        self._thin = Thin(settings.most_fps)
        self._judge = Judge(settings.frozen_s, settings.dark_below_pct)
        self._arrivals_ns: deque[int] = deque(maxlen=ARRIVALS_KEPT)
        self._opened_ns = 0
        self._sharp = 0.0
        self._sharp_due_ns = 0
        self._broken = 0
        self._bridge: Bridge[Seen] | None = None

    @property
    def stopping(self) -> bool:
        """Whether the thread shall end now."""
        self._alive_ns = self._ticks.mono_ns()
        return self._bridge is not None and self._bridge.stopping

    def wait(self, seconds: float) -> bool:
        """Wait; True, at once, when the thread shall end."""
        self._alive_ns = self._ticks.mono_ns() + round(seconds * 1e9)
        return self._bridge is not None and self._bridge.wait(seconds)

    def silent_s(self, now_ns: int) -> float:
        """For how long the thread has been in one call of its source; any thread may ask."""
        return (now_ns - self._alive_ns) / 1e9

    def rate(self, now_ns: int) -> float:
        """Frames shown per second over the last two seconds, or since the source was opened."""
        span_ns = max(1, min(RATE_OVER_NS, now_ns - self._opened_ns))
        # A copy: the loop asks while the thread appends.
        shown = sum(now_ns - each <= span_ns for each in tuple(self._arrivals_ns))
        return shown * 1e9 / span_ns

    def work(self, open_source: Open) -> Callable[[Bridge[Seen]], None]:
        """The thread's function. Raises DeviceLost, Finished."""

        def run(bridge: Bridge[Seen]) -> None:
            self._bridge = bridge
            source = open_source(self._settings)
            try:
                self._film(source, bridge)
            finally:
                source.close()

        return run

    def _film(self, source: Source, bridge: Bridge[Seen]) -> None:
        clock = FrameClock(source.stamps)
        self._opened_ns = self._ticks.mono_ns()
        while source.grab(self):
            arrival_ns = self._ticks.mono_ns()
            self.number += 1
            exposed_ns = clock.exposed_ns(source.stamp_ns, arrival_ns)
            if not self._thin.wants(arrival_ns):
                continue
            image = source.picture()
            if self.stopping:
                return
            if image is None:
                self._broken += 1
                continue
            image = framed(image, self._settings)
            self._show(image, exposed_ns)
            self._arrivals_ns.append(arrival_ns)
            before = self.seen
            self.seen = self._look(image, exposed_ns, arrival_ns, clock.missing, source)
            if before is None or (before.frozen, before.dark) != (self.seen.frozen, self.seen.dark):
                bridge.put(self.seen)

    def _show(self, image: Image, exposed_ns: int) -> None:
        useless = self._judge.frozen or self._judge.dark
        quality = Quality.BAD if useless else Quality.GOOD
        self._newest.put(Frame(self._settings.id, image, self.number, quality, exposed_ns))

    def _look(
        self, image: Image, exposed_ns: int, arrival_ns: int, missing: int, source: Source
    ) -> Seen:
        seen = look(image)
        self._judge.take(seen, arrival_ns)
        if arrival_ns >= self._sharp_due_ns:
            self._sharp_due_ns = arrival_ns + round(self._settings.report_ms * 1e6)
            self._sharp = sharpness(image)
        return Seen(
            number=self.number,
            exposed_ns=exposed_ns,
            arrival_ns=arrival_ns,
            brightness_pct=seen.brightness_pct,
            sharpness=self._sharp,
            frozen=self._judge.frozen,
            dark=self._judge.dark,
            missing=missing,
            broken=self._broken,
            width=image.shape[1],
            height=image.shape[0],
            remarks=tuple(source.remarks),
        )
