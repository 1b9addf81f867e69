"""When a frame was exposed, and how many are missing before it. Pure.

Rules of this file
- Times are nanoseconds of the box's monotonic clock, and never go back.
- What the stamps of a source mean decides what is made of them:

    | stamps | from | the frame's time |
    |---|---|---|
    | monotonic | V4L2 buffers (uvcvideo: start of exposure), our own pace | the stamp |
    | stream | RTP time of a stream, zero anywhere | stamp + smallest delay seen |
    | none | | its arrival |

- The network's constant delay cannot be known; its jitter is taken out: the frame that came
  quickest shows how far the two clocks lie apart.

    stamp     |     |     |     |          delay = arrival - stamp
    arrival     |      |    |        |     2 3 1 5   -> the clocks lie 1 apart
    time       |     |     |     |         never after the arrival

- The camera's quartz drifts against ours: the smallest delay is forgotten by 100 us a second
  (100 ppm, twice the worst of both quartzes together).
- Missing frames are those that the stamps leave room for, by the median interval of late: an
  estimate, as long as the camera changes its pace slowly.
"""

from __future__ import annotations

import statistics
from collections import deque

from banksman_drivers.camera.source import Stamps

DRIFT = 1e-4
# A stamp that jumps by more than this began a new count.
JUMP_NS = 2_000_000_000
# A V4L2 stamp older than this is of another clock (some old drivers stamp with wall time).
OLD_NS = 10_000_000_000
INTERVALS_KEPT = 15
INTERVALS_NEEDED = 5


class FrameClock:
    """The times of one open camera. ``missing`` counts frames that it took and we did not get."""

    def __init__(self, stamps: Stamps) -> None:
        self.missing = 0
        self._stamps = stamps
        self._last_ns: int | None = None
        self._delay_ns: float | None = None
        self._delay_at_ns = 0
        self._stamp_ns: int | None = None
        self._intervals_ns: deque[int] = deque(maxlen=INTERVALS_KEPT)

    def exposed_ns(self, stamp_ns: int | None, arrival_ns: int) -> int:
        """The time of the frame with ``stamp_ns`` that arrived at ``arrival_ns``."""
        exposed_ns = arrival_ns
        if stamp_ns is not None and self._stamps != "none":
            if self._stamps == "stream":
                exposed_ns = self._of_stream(stamp_ns, arrival_ns)
            elif arrival_ns - OLD_NS <= stamp_ns <= arrival_ns:
                exposed_ns = stamp_ns
            self._count(stamp_ns)
        if self._last_ns is not None:
            exposed_ns = max(exposed_ns, self._last_ns)
        self._last_ns = exposed_ns
        return exposed_ns

    def _of_stream(self, stamp_ns: int, arrival_ns: int) -> int:
        delay_ns = float(arrival_ns - stamp_ns)
        if self._delay_ns is None or abs(delay_ns - self._delay_ns) > JUMP_NS:
            self._delay_ns = delay_ns
        else:
            forgotten_ns = (arrival_ns - self._delay_at_ns) * DRIFT
            self._delay_ns = min(delay_ns, self._delay_ns + forgotten_ns)
        self._delay_at_ns = arrival_ns
        return min(arrival_ns, stamp_ns + round(self._delay_ns))

    def _count(self, stamp_ns: int) -> None:
        before_ns, self._stamp_ns = self._stamp_ns, stamp_ns
        interval_ns = 0 if before_ns is None else stamp_ns - before_ns
        if not 0 < interval_ns <= JUMP_NS:
            return
        if len(self._intervals_ns) >= INTERVALS_NEEDED:
            usual_ns = statistics.median(self._intervals_ns)
            self.missing += max(0, round(interval_ns / usual_ns) - 1)
        self._intervals_ns.append(interval_ns)
