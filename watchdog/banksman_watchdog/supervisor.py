"""Decides whether the watchdog may be petted, and whom to blame when it may not.

Rules of this file
- It is pure: counts and the time come in, a Judgement comes out. `keeper` does the waiting.
- A heartbeat is proof of progress, not of life. A part counts up where its work is done, at the
  end of a turn of its own loop, never in a timer beside it. A part with nothing to do still
  turns its loop within its limit.
- The watchdog is petted only when every part has progressed within its limit. One stalled part
  is enough to stop petting: the unit is then restarted, and `banksman safe` runs in between.
- A count that differs is progress, whichever way: a part that began anew counts from 0.

    beats   control 7 8 9 9 9 9 9 9 …          limit of control: 2 s
    time    0 . . 1 . . 2 . . 3 . . 4
    pet     P   P   P   P   P   -   -          blamed from 1 s + limit on
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Stall(msgspec.Struct, frozen=True):
    """A part that has made no progress for longer than it may."""

    part: str
    silent_s: float
    limit_s: float

    def __str__(self) -> str:
        return f"{self.part} made no progress for {self.silent_s:.1f} s (limit {self.limit_s:g} s)"


class Judgement(msgspec.Struct, frozen=True):
    """What is to be done now. ``stalls`` names the blamed, the furthest over its limit first.

    ``wake_mono_ns`` is when to ask again at the latest.
    """

    pet: bool
    status: str
    stalls: tuple[Stall, ...]
    wake_mono_ns: int


class Supervisor:
    """Watches the progress counts of the daemon's threads.

    >>> watch = Supervisor({"control": 2.0, "store": 10.0}, period_s=1.0, mono_ns=0)
    >>> watch.judge({"control": 1, "store": 1}, 1_000_000_000, "armed").pet
    True
    """

    def __init__(self, limits_s: Mapping[str, float], period_s: float, mono_ns: int) -> None:
        """Each part has one limit from ``mono_ns`` on to show its first progress.

        Raises ValueError when there is nothing to watch or a time is not positive.
        """
        if not limits_s:
            raise ValueError("a supervisor needs at least one part, else it would pet for nobody")
        for part, limit_s in {**limits_s, "the period": period_s}.items():
            if not limit_s > 0:
                raise ValueError(f"the limit of {part} is {limit_s} s; it must be over 0")
        self._limits_ns = {part: round(limit_s * 1e9) for part, limit_s in limits_s.items()}
        self._period_ns = round(period_s * 1e9)
        self._counts: dict[str, int] = {}
        self._progressed_mono_ns = dict.fromkeys(limits_s, mono_ns)

    def judge(self, beats: Mapping[str, int], mono_ns: int, summary: str) -> Judgement:
        """Take every part's count at ``mono_ns``; ``summary`` is the STATUS text while all is well.

        A part that is missing from ``beats`` has made no progress. Raises ValueError for a part
        that nobody declared: its stall would go unseen.
        """
        for part, count in beats.items():
            if part not in self._limits_ns:
                raise ValueError(f"{part} sends heartbeats but has no limit; declare one for it")
            if self._counts.get(part) != count:
                self._counts[part] = count
                self._progressed_mono_ns[part] = mono_ns
        stalls = self._stalls(mono_ns)
        return Judgement(
            pet=not stalls,
            status=_blame(stalls) if stalls else summary,
            stalls=stalls,
            wake_mono_ns=self._wake(mono_ns),
        )

    def _stalls(self, mono_ns: int) -> tuple[Stall, ...]:
        over_ns = {
            part: mono_ns - self._progressed_mono_ns[part] - limit_ns
            for part, limit_ns in self._limits_ns.items()
        }
        blamed = sorted((part for part in over_ns if over_ns[part] > 0), key=lambda p: -over_ns[p])
        return tuple(
            Stall(
                part,
                (mono_ns - self._progressed_mono_ns[part]) / 1e9,
                self._limits_ns[part] / 1e9,
            )
            for part in blamed
        )

    def _wake(self, mono_ns: int) -> int:
        """The next period, or just past the first limit that runs out before it."""
        runs_out = (
            self._progressed_mono_ns[part] + limit_ns + 1
            for part, limit_ns in self._limits_ns.items()
        )
        return min([mono_ns + self._period_ns, *(at for at in runs_out if at > mono_ns)])


def _blame(stalls: tuple[Stall, ...]) -> str:
    return "STALLED: " + "; ".join(map(str, stalls)) + "; not petting, expect a restart"
