"""Parts on a belt: one seen at position p passes the station at position q. Pure.

Rules of this file
- Positions are the belt's, in millimetres; only their differences count.
- A part is at the station while the belt has gone between ``distance_mm`` and
  ``distance_mm + length_mm`` since it was seen. A belt that runs backwards takes it out again.
- A part that went back past the eye is forgotten: the eye will see it anew.
- Where edges of the encoder were missed, the parts on the way are doubtful, and stay so.
- At most ``most`` parts are followed. One more, and the newest is not taken, and counted.

         eye p                      station q
    ──────┼──────────────────────────┼──────┼──────►
          |<------ distance_mm ----->|length|
"""

from __future__ import annotations

from collections import deque

PARTS_MOST = 1000


class _Part:
    __slots__ = ("at_mm", "doubtful")

    def __init__(self, at_mm: float) -> None:
        self.at_mm = at_mm
        self.doubtful = False


class PartTracker:
    """The parts between one eye and one station. ``passed`` counts those that have left it."""

    def __init__(self, distance_mm: float, length_mm: float, most: int = PARTS_MOST) -> None:
        self.passed = 0
        self.dropped = 0
        self._distance_mm = distance_mm
        self._length_mm = length_mm
        self._most = most
        self._parts: deque[_Part] = deque()  # the nearest to the station first

    def __len__(self) -> int:
        return len(self._parts)

    def see(self, position_mm: float) -> bool:
        """A part is at the eye while the belt is at ``position_mm``; False if it is not taken."""
        if len(self._parts) >= self._most:
            self.dropped += 1
            return False
        self._parts.append(_Part(position_mm))
        return True

    def doubt(self) -> None:
        """Edges were missed: where the parts are is known no more exactly."""
        for part in self._parts:
            part.doubtful = True

    def move(self, position_mm: float) -> None:
        """The belt is at ``position_mm`` now."""
        end_mm = position_mm - self._distance_mm - self._length_mm
        while self._parts and self._parts[0].at_mm <= end_mm:
            self._parts.popleft()
            self.passed += 1
        while self._parts and self._parts[-1].at_mm > position_mm:
            self._parts.pop()

    def at_station(self, position_mm: float) -> tuple[bool, bool]:
        """(is a part there, is that doubtful), as of the last `move`.

        Absence is doubtful as well while a doubtful part may be near: within one ``length_mm``.
        """
        doubtful = False
        for part in self._parts:
            gone_mm = position_mm - part.at_mm
            if gone_mm >= self._distance_mm:
                return True, part.doubtful
            if gone_mm < self._distance_mm - self._length_mm:
                break
            doubtful = doubtful or part.doubtful
        return False, doubtful

    def arrival_ns(self, position_mm: float, speed_mm_s: float, now_ns: int) -> int | None:
        """When the next part will reach the station at this speed; None if none will."""
        if speed_mm_s <= 0:
            return None
        for part in self._parts:
            left_mm = self._distance_mm - (position_mm - part.at_mm)
            if left_mm > 0:
                return now_ns + int(left_mm / speed_mm_s * 1e9)
        return None
