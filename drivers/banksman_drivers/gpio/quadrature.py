"""Two channels of an incremental encoder: counts, direction, speed, and what was missed. Pure.

Rules of this file
- Every edge of both channels counts (four to a cycle, "x4"). A leads B is forward.
- Edges count in the order of their times, not of their arrival: two lines are read one after the
  other, and a busy machine tells the edge of the one after a later one of the other. One that comes
  late is put in its place among the last 128, and what followed it is counted anew.
- An edge that tells a level which its channel has already means that an edge between was missed:
  it is counted and moves nothing. So is a level that was read for 0.1 s and no edge had told;
  should its edge still come, it is put in its place before, and nothing was missed after all.
- The first level of a channel is no edge.
- Speed is taken over the last eight edges, two whole cycles, so that unequal phases cancel. It
  never exceeds what the silence since the last edge allows, and is nought after ``standstill_ns``.

    forward    A __|‾‾‾|___|‾‾‾|__        backward   A ____|‾‾‾|___|‾‾‾|
               B ____|‾‾‾|___|‾‾‾|                   B __|‾‾‾|___|‾‾‾|__
    count         1 2 3 4 5 6 7 8                       -1-2-3-4-5-6-7-8
"""

from __future__ import annotations

from collections import deque

EDGES_FOR_SPEED = 8
EDGES_KEPT = 128
STANDSTILL_NS = 1_000_000_000
DOUBT_NS = 100_000_000

Told = tuple[int, int, bool, bool]  # time, channel, level; whether it was read and is no edge


class _Decoder:
    """What edges and levels that were read, in order, make of two channels."""

    __slots__ = ("count", "edges", "levels", "missed", "step")

    def __init__(self) -> None:
        self.count = 0
        self.missed = 0
        self.step = 0
        self.levels: list[bool | None] = [None, None]
        self.edges: deque[tuple[int, int]] = deque(maxlen=EDGES_FOR_SPEED + 1)  # time, count

    def copy(self) -> _Decoder:
        """One that goes on from here by itself."""
        other = _Decoder()
        other.count, other.missed, other.step = self.count, self.missed, self.step
        other.levels, other.edges = self.levels.copy(), self.edges.copy()
        return other

    def take(self, told: Told) -> None:
        """What comes next."""
        at_ns, channel, level, was_read = told
        before, other = self.levels[channel], self.levels[1 - channel]
        self.levels[channel] = level
        if before is None or other is None:
            return
        if was_read or before == level:
            self.missed += not (was_read and before == level)
            return
        # Gray code: forward makes A differ from B, then B follow A.
        step = 1 if (level != other) == (channel == 0) else -1
        if step != self.step:
            self.edges.clear()
            self.step = step
        self.count += step
        self.edges.append((at_ns, self.count))


class Quadrature:
    """One encoder. ``count`` is relative: it starts at 0, wherever the belt stands."""

    def __init__(self, standstill_ns: int = STANDSTILL_NS) -> None:
        self._standstill_ns = standstill_ns
        self._now = _Decoder()
        self._base = _Decoder()  # as it was before the edges that are kept
        self._base_ns = 0
        self._kept: deque[Told] = deque()
        self._doubted_ns: list[int | None] = [None, None]  # since then read, and told by no edge

    @property
    def count(self) -> int:
        """Quarters of a cycle from the start."""
        return self._now.count

    @property
    def missed(self) -> int:
        """How often an edge was found missing."""
        return self._now.missed

    def edge(self, channel: int, level: bool, at_ns: int) -> bool:
        """Take an edge of channel 0 (A) or 1 (B); True if that changed the count."""
        count = self._now.count
        self._doubted_ns[channel] = None
        self._put((at_ns, channel, level, False))
        return self._now.count != count

    def look(self, levels: tuple[bool, bool], now_ns: int) -> bool:
        """Take levels that were read; True if they show that an edge was missed."""
        missed = self._now.missed
        for channel, level in enumerate(levels):
            known = self._now.levels[channel]
            since_ns = self._doubted_ns[channel]
            if level == known:
                self._doubted_ns[channel] = None
            elif known is not None and since_ns is None:
                self._doubted_ns[channel] = now_ns
            elif since_ns is None or now_ns - since_ns >= DOUBT_NS:
                self._doubted_ns[channel] = None
                self._put((now_ns, channel, level, True))
        return self._now.missed != missed

    def forget(self) -> None:
        """The channels are known no more; the count stays."""
        self._now.levels = [None, None]
        self._now.edges.clear()
        self._now.step = 0
        self._doubted_ns = [None, None]
        self._base = self._now.copy()
        self._kept.clear()

    def counts_per_s(self, now_ns: int) -> float:
        """The speed, negative backwards."""
        edges = self._now.edges
        if not edges:
            return 0.0
        last_ns, last = edges[-1]
        silence_ns = now_ns - last_ns
        if silence_ns >= self._standstill_ns:
            return 0.0
        first_ns, first = edges[0]
        if last_ns <= first_ns:
            return 0.0  # one edge, or several of one moment, tell no speed
        speed = (last - first) / (last_ns - first_ns) * 1e9
        most = 1e9 / silence_ns if silence_ns > 0 else abs(speed)
        return max(-most, min(most, speed))

    def direction(self, now_ns: int) -> int:
        """1 forward, -1 backward, 0 when no edge came lately."""
        edges = self._now.edges
        if not edges or now_ns - edges[-1][0] >= self._standstill_ns:
            return 0
        return self._now.step

    def _put(self, told: Told) -> None:
        """Take it in the order of times."""
        if self._kept and self._base_ns <= told[0] < self._kept[-1][0]:
            place = next(i for i, kept in enumerate(self._kept) if kept[0] > told[0])
            self._kept.insert(place, told)
            self._now = self._base.copy()
            for kept in self._kept:
                self._now.take(kept)
        else:
            self._kept.append(told)
            self._now.take(told)
        if len(self._kept) > EDGES_KEPT:
            oldest = self._kept.popleft()
            self._base.take(oldest)
            self._base_ns = oldest[0]
