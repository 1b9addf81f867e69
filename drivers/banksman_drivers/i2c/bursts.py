"""FIFO takes become bursts of a fixed length, equally spaced, one for each axis. Pure.

Rules of this file
- A burst never spans a gap. What had been collected before one goes out shorter, as UNCERTAIN: its
  samples are right, but what is computed of so few is not what its reader is used to. Under 16
  samples it does not go out at all; it is counted.
- The time of a burst is that of its last sample, its rate the one learned so far.
- Bounded: at most a burst and a FIFO's worth of samples are held.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_drivers.i2c.chip import Samples
from banksman_drivers.i2c.fifo_clock import FifoClock
from banksman_drivers.ports import DeviceLost

LEAST_SAMPLES = 16
IDLE_PERIODS = 96.0  # three FIFOs' worth of nothing: the chip has stopped
IDLE_LEAST_NS = 250_000_000  # below that a box under load is the likelier cause


class Block(msgspec.Struct, frozen=True):
    """Samples of all axes, shape (n, 3), in gn. ``whole``: as many as were asked for."""

    axes: npt.NDArray[np.float32]
    rate_hz: float
    last_ns: int
    whole: bool


class Collector:
    """Collects one chip's samples. ``discarded`` counts those that a gap cut off too short."""

    def __init__(self, clock: FifoClock, burst_samples: int) -> None:
        self.discarded = 0
        self.clock = clock
        self._size = burst_samples
        self._held: list[npt.NDArray[np.float32]] = []
        self._count = 0
        self._last_ns = 0
        self._quiet_since_ns = 0

    def restart(self, now_ns: int) -> None:
        """The chip was started anew."""
        self.clock.restart()
        self.discarded += self._count
        self._held, self._count = [], 0
        self._quiet_since_ns = now_ns

    def take(self, samples: Samples) -> list[Block]:
        """The bursts that these samples complete. Raises DeviceLost after a long silence."""
        count = len(samples.axes)
        if not count:
            self._mind_silence(samples.after_ns)
            return []
        self._quiet_since_ns = samples.after_ns
        taken = self.clock.take(count, samples.before_ns, samples.after_ns, samples.overrun)
        done = self._cut() if taken.gap else []
        self._held.append(samples.axes)
        self._count += count
        self._last_ns = taken.last_ns
        while self._count >= self._size:
            together = np.concatenate(self._held)
            rest = together[self._size :]
            later_ns = round(len(rest) * taken.period_ns)
            done.append(self._block(together[: self._size], taken.last_ns - later_ns, whole=True))
            self._held, self._count = [rest] if len(rest) else [], len(rest)
        return done

    def message(self) -> str:
        """How the sampling goes, for people."""
        clock = self.clock
        told = "connected"
        if clock.settled:
            told += f", {clock.rate_hz:.1f} samples/s ({clock.drift_ppm / 1e4:+.2f} % of nominal)"
        if clock.off:
            told += "; that is no healthy chip's rate, check chip and rate_hz"
        if clock.overruns or clock.lost:
            told += f"; {clock.overruns} overruns, {clock.lost} samples lost since the start"
        return told

    def _cut(self) -> list[Block]:
        """What was held before a gap."""
        held, count = self._held, self._count
        self._held, self._count = [], 0
        if count < LEAST_SAMPLES:
            self.discarded += count
            return []
        return [self._block(np.concatenate(held), self._last_ns, whole=False)]

    def _block(self, axes: npt.NDArray[np.float32], last_ns: int, whole: bool) -> Block:
        axes.flags.writeable = False
        return Block(axes, self.clock.rate_hz, last_ns, whole)

    def _mind_silence(self, now_ns: int) -> None:
        quiet_ns = now_ns - self._quiet_since_ns
        if quiet_ns * self.clock.rate_hz / 1e9 > IDLE_PERIODS and quiet_ns > IDLE_LEAST_NS:
            raise DeviceLost(f"has sampled nothing for {quiet_ns / 1e6:.0f} ms; check its supply")
