"""Two channels of an incremental encoder: counts, direction, speed, and what was missed. Pure.

Rules of this file
- Every edge of both channels counts (four to a cycle, "x4"). A leads B is forward.
- An edge that tells a level which its channel has already means that an edge between was missed:
  it is counted and moves nothing. So is a level that a look found and no edge had told.
- The first level of a channel is no edge; nor is an edge from before a look that says what the look
  had seen, since both tell of the same change.
- Speed is taken over the last eight edges, two whole cycles, so that unequal phases cancel. It
  never exceeds what the silence since the last edge allows, and is nought after ``standstill_ns``.

    forward    A __|‾‾‾|___|‾‾‾|__        backward   A ____|‾‾‾|___|‾‾‾|
               B ____|‾‾‾|___|‾‾‾|                   B __|‾‾‾|___|‾‾‾|__
    count         1 2 3 4 5 6 7 8                       -1-2-3-4-5-6-7-8
"""

from __future__ import annotations

from collections import deque

EDGES_FOR_SPEED = 8
STANDSTILL_NS = 1_000_000_000


class Quadrature:
    """One encoder. ``count`` is relative: it starts at 0, wherever the belt stands."""

    def __init__(self, standstill_ns: int = STANDSTILL_NS) -> None:
        self.count = 0
        self.missed = 0
        self._standstill_ns = standstill_ns
        self._levels: list[bool | None] = [None, None]
        self._seen_ns: list[int | None] = [None, None]  # the level is from a look of this time
        self._doubted: list[bool | None] = [None, None]  # a look saw this, which no edge has told
        self._edges: deque[tuple[int, int]] = deque(maxlen=EDGES_FOR_SPEED + 1)  # time, count
        self._step = 0

    def edge(self, channel: int, level: bool, at_ns: int) -> bool:
        """Take an edge of channel 0 (A) or 1 (B); True if it counted."""
        before, other = self._levels[channel], self._levels[1 - channel]
        seen_ns = self._seen_ns[channel]
        self._levels[channel] = level
        self._seen_ns[channel] = None
        self._doubted[channel] = None
        if before is None or other is None:
            return False
        if before == level:
            self.missed += seen_ns is None or at_ns > seen_ns
            return False
        # Gray code: forward makes A differ from B, then B follow A.
        step = 1 if (level != other) == (channel == 0) else -1
        if step != self._step:
            self._edges.clear()
            self._step = step
        self.count += step
        self._edges.append((at_ns, self.count))
        return True

    def look(self, levels: tuple[bool, bool], now_ns: int) -> bool:
        """Take levels that were read; True if they show that an edge was missed.

        Believed on the second look only: the edge may be on its way.
        """
        found = False
        for channel, level in enumerate(levels):
            known = self._levels[channel]
            if known is not None and level != known and self._doubted[channel] is not level:
                self._doubted[channel] = level
                continue
            self._doubted[channel] = None
            if level == known:
                continue
            if known is not None:
                self.missed += 1
                found = True
            self._levels[channel] = level
            self._seen_ns[channel] = now_ns
        return found

    def forget(self) -> None:
        """The channels are known no more; the count stays."""
        self._levels = [None, None]
        self._seen_ns = [None, None]
        self._doubted = [None, None]
        self._edges.clear()
        self._step = 0

    def counts_per_s(self, now_ns: int) -> float:
        """The speed, negative backwards."""
        if not self._edges:
            return 0.0
        last_ns, last = self._edges[-1]
        silence_ns = now_ns - last_ns
        if silence_ns >= self._standstill_ns:
            return 0.0
        first_ns, first = self._edges[0]
        if last_ns <= first_ns:
            return 0.0  # one edge, or several of one moment, tell no speed
        speed = (last - first) / (last_ns - first_ns) * 1e9
        most = 1e9 / silence_ns if silence_ns > 0 else abs(speed)
        return max(-most, min(most, speed))

    def direction(self, now_ns: int) -> int:
        """1 forward, -1 backward, 0 when no edge came lately."""
        if not self._edges or now_ns - self._edges[-1][0] >= self._standstill_ns:
            return 0
        return self._step
