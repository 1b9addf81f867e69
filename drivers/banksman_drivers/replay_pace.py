"""When each item of a recording is due: its true pace, divided by the speed.

Rules of this file
- Pure: the time is an argument, in seconds of the loop's monotonic clock.
- Due times follow from the recording's own gaps, so lateness never adds up.
- A clock that steps back within the recording (summer time, a logger set anew) is no gap.
- Nothing is skipped, a recording is evidence; but when the box itself stood still for over a
  second the rest is moved instead of poured out at once, and that is counted.
"""

from __future__ import annotations

import math

STANDSTILL_S = 1.0
LOOP_GAP_S = 1.0  # where the recording has no gap of its own


class Playback:
    """The due times of one playback. ``standstills`` counts how often the rest was moved."""

    def __init__(self, speed: float, now_s: float) -> None:
        self.standstills = 0
        self._speed = speed
        self._due_s = now_s
        self._stamp_s: float | None = None
        self._gap_s = LOOP_GAP_S

    def due_s(self, stamp_s: float, now_s: float) -> float:
        """When the item recorded at ``stamp_s`` is due; items come in the recording's order."""
        if self._stamp_s is not None:
            gap_s = stamp_s - self._stamp_s
            if gap_s > 0 and math.isfinite(gap_s):
                self._gap_s = gap_s
                self._due_s += gap_s / self._speed
        self._stamp_s = stamp_s
        if now_s - self._due_s > STANDSTILL_S:
            self.standstills += 1
            self._due_s = now_s
        return self._due_s

    def again(self) -> None:
        """The recording begins anew, one of its own gaps after its end."""
        self._due_s += self._gap_s / self._speed
        self._stamp_s = None
