"""When the next frame of a recording is due, on the box's clock."""

from __future__ import annotations

import time

from banksman_drivers.camera.source import Pause

LATE_NS = 500_000_000


class Due:
    """The pace of one recording. What is over half a second late goes on from now, unhurried."""

    def __init__(self) -> None:
        self._start_ns: int | None = None

    def wait(self, at_ns: int, pause: Pause) -> int | None:
        """Wait for the recording's time ``at_ns``; the time it was due, None when told to end."""
        now_ns = time.monotonic_ns()
        if self._start_ns is None or now_ns - self._start_ns - at_ns > LATE_NS:
            self._start_ns = now_ns - at_ns
        due_ns = self._start_ns + at_ns
        if pause.wait(max(0.0, (due_ns - now_ns) / 1e9)):
            return None
        return due_ns
