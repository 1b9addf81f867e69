"""Parts that shall leave the belt further down: marked at the camera, told at the gate. Pure.

        camera at                         gate
    ──────┼────────────────────────────────┼──────────┼──────►
          |<--------- distance ----------->|<-length->|

Rules of this file
- Positions are the belt's, in any one unit; only their differences count. A part is at the gate
  while the belt has gone between ``distance`` and ``distance + length`` since it was marked.
- Marks closer together than ``length`` are one part: a camera that films without a trigger sees it
  several times.
- A belt that runs backwards past a mark takes the part back before the camera, which sees it anew.
- `state` is True at the gate, False with the way free, and None when it cannot be told: more than
  ``most`` parts on the way, a position that was lost, a mark that came too late, a part that went
  through the whole gate between two positions. Then it stays None until everything that may be on
  the way has passed, and the rules take their safe action.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

PARTS_MOST = 200
NOWHERE = "where the belt is is not known"
LATE = "the verdict came when the part had passed the gate"
UNTOLD = "it went by between two positions of the belt"
FULL = "more parts were on the way than are followed"

Marked = Literal["marked", "same part", "full", "late", "nowhere"]


class Rejecting:
    """The parts between camera and gate. Counts what ``passed`` the gate and what was ``lost``.

    ``reason`` says why the newest was lost.
    """

    def __init__(self, distance: float, length: float, most: int = PARTS_MOST) -> None:
        self.passed = 0
        self.lost = 0
        self.reason = ""
        self._distance = distance
        self._length = length
        self._most = most
        self._marks: deque[float] = deque()  # the nearest to the gate first
        self._position: float | None = None
        self._astray = False  # parts are on the way, and where the belt is is not known
        self._blind_until: float | None = None

    def __len__(self) -> int:
        return len(self._marks)

    def mark(self, at: float | None) -> Marked:
        """The part that was before the camera at position ``at`` shall go; None: unknown where."""
        now = self._position
        if at is None or now is None:
            self._lose(1, NOWHERE)
            self._astray = True
            return "nowhere"
        if at + self._distance + self._length <= now:
            self._lose(1, LATE)
            self._blind(now)
            return "late"
        if self._marks and abs(at - self._marks[-1]) < self._length:
            return "same part"
        if len(self._marks) >= self._most:
            self._lose(1, FULL)
            self._blind(at + self._distance)
            return "full"
        self._marks.append(at)
        return "marked"

    def move(self, position: float | None) -> None:
        """The belt is at ``position`` now; None: that is not known."""
        before, self._position = self._position, position
        if position is None:
            self._astray = self._astray or bool(self._marks) or self._blind_until is not None
            self._lose(len(self._marks), NOWHERE)
            self._marks.clear()
            self._blind_until = None
            return
        if self._astray:
            self._astray = False
            self._blind(position + self._distance)
        if self._blind_until is not None and position >= self._blind_until:
            self._blind_until = None
        while self._marks and self._marks[0] + self._distance + self._length <= position:
            gate = self._marks.popleft() + self._distance
            if before is not None and before < gate:
                self._lose(1, UNTOLD)
                self._blind(position)
            else:
                self.passed += 1
        while self._marks and self._marks[-1] > position:
            self._marks.pop()

    @property
    def state(self) -> bool | None:
        """Whether a marked part is at the gate; None when that cannot be told."""
        if self._astray or self._blind_until is not None:
            return None
        if self._position is None:
            return False
        return bool(self._marks) and self._marks[0] + self._distance <= self._position

    def next_change(self) -> float | None:
        """The position at which `state` changes next; None when nothing is on the way."""
        now = self._position
        if now is None:
            return None
        ends = [] if self._blind_until is None else [self._blind_until]
        for mark in self._marks:
            ends += [mark + self._distance, mark + self._distance + self._length]
            if ends[-1] > now:
                break
        return min((end for end in ends if end > now), default=None)

    def _lose(self, parts: int, reason: str) -> None:
        if parts:
            self.lost += parts
            self.reason = reason

    def _blind(self, gate: float) -> None:
        """Nothing can be told until the belt is a part's length beyond ``gate``."""
        until = gate + self._length
        self._blind_until = until if self._blind_until is None else max(until, self._blind_until)
