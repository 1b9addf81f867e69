"""Chattering alarms: what comes and goes all the time is one alarm that holds. Pure.

ISA-18.2 (IEC 62682) calls an alarm chattering that is raised three times within a minute. It then
counts as active until its condition has been quiet for five minutes: a hundred edges ring once.

    condition  _|~|_|~|_|~|_|~|_____________________
    alarm      _|~|_|~|_|~~~~~~~~~~~~~~~~~~~~~~~|___
                        third             5 min quiet

A condition that is looked at once in a while cannot come three times in a minute: `Chatter.pace`
gives such a key a longer span, and at least as long a quiet.

Bounded: the keys that were raised longest ago are forgotten first. Paces are as many as are given.
"""

from __future__ import annotations

from collections import OrderedDict, deque

RAISINGS = 3
WITHIN_NS = 60_000_000_000
QUIET_NS = 300_000_000_000
KEYS_MAX = 1000


class Chatter:
    """Which alarms chatter. Times are monotonic, of any zero."""

    def __init__(self) -> None:
        self._raisings: OrderedDict[str, deque[int]] = OrderedDict()
        self._quiet_since_ns: dict[str, int | None] = {}  # of those that are held; None: holds
        self._within_ns: dict[str, int] = {}  # of keys that are slower than a minute

    def pace(self, key: str, within_ns: int) -> None:
        """Three raisings of ``key`` within so long are chatter, where that is over a minute."""
        self._within_ns[key] = max(within_ns, WITHIN_NS)

    def raised(self, key: str, now_ns: int) -> None:
        """The condition of ``key`` holds anew."""
        times = self._raisings.setdefault(key, deque(maxlen=RAISINGS))
        self._raisings.move_to_end(key)
        times.append(now_ns)
        if len(self._raisings) > KEYS_MAX:
            forgotten, _ = self._raisings.popitem(last=False)
            self._quiet_since_ns.pop(forgotten, None)
        within_ns = self._within_ns.get(key, WITHIN_NS)
        often = len(times) == RAISINGS and now_ns - times[0] <= within_ns
        if often or key in self._quiet_since_ns:
            self._quiet_since_ns[key] = None

    def again(self, key: str) -> None:
        """It holds still, or once more while it is held."""
        if key in self._quiet_since_ns:
            self._quiet_since_ns[key] = None

    def holds(self, key: str, now_ns: int) -> bool:
        """The condition of ``key`` is over: whether its alarm is to stay all the same."""
        if key not in self._quiet_since_ns:
            return False
        if self._quiet_since_ns[key] is None:
            self._quiet_since_ns[key] = now_ns
        return True

    def calmed(self, now_ns: int) -> list[str]:
        """The alarms that have been quiet for long enough; they are held no more."""
        calm = [
            key
            for key, since_ns in self._quiet_since_ns.items()
            if since_ns is not None and now_ns - since_ns >= self._quiet_ns(key)
        ]
        for key in calm:
            del self._quiet_since_ns[key]
        return calm

    def _quiet_ns(self, key: str) -> int:
        return max(QUIET_NS, self._within_ns.get(key, 0))
