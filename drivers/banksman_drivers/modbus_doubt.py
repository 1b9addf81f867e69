"""Which answers of a Modbus RTU unit may be believed after one did not come in time. Pure.

Rules of this file
- RTU has no transaction numbers: an answer that comes too late looks like the answer to whatever
  is asked then. So it is kept out by time and by what was asked:

    ask A  ...no answer             hold            ask A'       answer
    |------ time-out -----|------ time-out -----|------------|------ time-out -----|----->
                              a late one is         if A' = A it is believed, else
                              a stray: dropped      dropped and A' asked once more;
                                                    then the unit is held once more

- While an answer is owed, one is believed only if it is to the very request that it is owed to.
- A unit that was heard after its time once is held four times as long from then on: its answers are
  late rather than lost. One that is later than that now and then cannot be told apart by anybody;
  its time-out is too short.
- The answer to a write of 5, 6, 15, 16 or 22 names what it confirms and is believed as it is.
"""

from __future__ import annotations

ANSWERS_WITHOUT_PLACE = (1, 2, 3, 4, 23)
LATE_HOLD = 4.0


class Doubt:
    """What is owed by one unit. Times in seconds; ``held_until_s``: ask it nothing before."""

    def __init__(self, timeout_s: float) -> None:
        self.held_until_s = 0.0
        self.late = False
        self._timeout_s = timeout_s
        self._owed = b""

    def missed(self, frame: bytes, now_s: float) -> None:
        """Note that the answer to ``frame`` did not come in time."""
        self._owed = frame
        self._hold(now_s)

    def strayed(self, now_s: float) -> None:
        """Note that something of this unit came unasked."""
        if self._owed or now_s < self.held_until_s:
            self.late = True
            self._hold(now_s)

    def believes(self, frame: bytes, now_s: float) -> bool:
        """Whether an answer that came now is to ``frame``; else it is to be asked once more."""
        if not self._owed or frame[1] not in ANSWERS_WITHOUT_PLACE:
            return True
        self._hold(now_s)
        if self._owed == frame:
            self._owed = b""
            return True
        self._owed = frame
        return False

    def _hold(self, now_s: float) -> None:
        hold_s = self._timeout_s * (LATE_HOLD if self.late else 1.0)
        self.held_until_s = max(self.held_until_s, now_s + hold_s)
