"""Notices a wall clock that was set: the records around it need to be read with care.

Rules of this file
- Nothing of ours depends on the wall clock's going forward: order comes from ids, durations from
  the monotonic clock. So a jump stops nothing; it is written down where people and auditors look.
- Slewing (NTP's slow correction, at most 0.5 ms a second) is no jump. Neither is a second's error.

    wall - mono  ______________
                               |_______________     a jump of -1 h, once
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from banksman.clock import Clock

LOOK_S = 1.0
JUMP_NS = 2_000_000_000

log = logging.getLogger(__name__)


class ClockWatch:
    """Pure: two times in, the seconds by which the wall clock was set out, or None."""

    def __init__(self, mono_ns: int, wall_ns: int) -> None:
        self.jumps = 0
        self._offset_ns = wall_ns - mono_ns

    def look(self, mono_ns: int, wall_ns: int) -> float | None:
        """The jump since the last look, in seconds, positive when it was set forward."""
        offset_ns = wall_ns - mono_ns
        jump_ns = offset_ns - self._offset_ns
        self._offset_ns = offset_ns  # slewing adds up to no jump
        if abs(jump_ns) < JUMP_NS:
            return None
        self.jumps += 1
        return jump_ns / 1e9


async def watch_clock(clock: Clock, note: Callable[[str, str, dict[str, str]], None]) -> None:
    """Look each second for ever; ``note(event, by, details)`` puts a jump into the audit trail."""
    watch = ClockWatch(clock.mono_ns(), clock.wall_ns())
    while True:
        await asyncio.sleep(LOOK_S)
        jump_s = watch.look(clock.mono_ns(), clock.wall_ns())
        if jump_s is None:
            continue
        log.warning(
            "the wall clock was set by %+.0f s (clock quality: %s); decisions go on, records keep"
            " their order by id and monotonic time. If nobody set it, check NTP and the clock's"
            " battery",
            jump_s,
            clock.quality(),
        )
        details = {"seconds": f"{jump_s:+.3f}", "quality": clock.quality()}
        note("clock set", "system", details)
