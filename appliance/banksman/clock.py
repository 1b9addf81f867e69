"""The one place that reads clocks. Everything else takes time as an argument.

Most Raspberry Pis have no battery-backed clock: after a power cut the wall clock is wrong
until NTP has set it. So every record carries monotonic time and the boot id besides wall
time, and says how far the wall clock could be trusted.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal, Protocol

ClockQuality = Literal["synchronised", "unsynchronised", "unknown"]

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# systemd-timesyncd touches this file at each successful synchronisation (systemd-timesyncd(8)).
TIMESYNC_STAMP = Path("/run/systemd/timesync/synchronized")


class Clock(Protocol):
    """The time that a component is given."""

    boot_id: str

    def mono_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC: never jumps, starts anew at boot."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970 UTC: may jump."""

    def quality(self) -> ClockQuality:
        """How far wall time may be trusted now."""


class SystemClock:
    """The machine's clocks."""

    def __init__(self, boot_id_file: Path = BOOT_ID, stamp: Path = TIMESYNC_STAMP) -> None:
        self.boot_id = boot_id_file.read_text().strip() if boot_id_file.exists() else "unknown"
        self._stamp = stamp

    def mono_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        return time.time_ns()

    def quality(self) -> ClockQuality:
        """``synchronised`` when timesyncd says so, ``unknown`` where no timesyncd runs."""
        if self._stamp.exists():
            return "synchronised"
        return "unsynchronised" if self._stamp.parent.exists() else "unknown"


class ManualClock:
    """A clock that moves when told: for tests, simulations and the demo hour in fast time."""

    def __init__(
        self,
        mono_ns: int = 1_000_000_000,
        wall_ns: int = 1_700_000_000_000_000_000,
        quality: ClockQuality = "synchronised",
    ) -> None:
        self.boot_id = "00000000-0000-0000-0000-000000000000"
        self._mono_ns = mono_ns
        self._wall_ns = wall_ns
        self._quality: ClockQuality = quality

    def mono_ns(self) -> int:
        """The monotonic time set last."""
        return self._mono_ns

    def wall_ns(self) -> int:
        """The wall time set last."""
        return self._wall_ns

    def quality(self) -> ClockQuality:
        """The quality set last."""
        return self._quality

    def advance(self, seconds: float) -> None:
        """Let both clocks go on by ``seconds``."""
        step_ns = round(seconds * 1e9)
        self._mono_ns += step_ns
        self._wall_ns += step_ns

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as NTP does after a boot without a battery."""
        self._wall_ns += round(seconds * 1e9)
