"""Which passes are kept for a person to look at: one in so many, drawn by chance. Pure.

    passes     . . . . . . . . . . . . . . . .        the rate of escapes is that of all passes,
    drawn            x             x     (x)          estimated from those that were drawn
                                          ╰ over the day's number: let go, and counted

Rules of this file
- A hash of the station's name and the frame's number draws: no rhythm of the line steers it, so
  that a mould's tenth cavity is drawn as often as the others, and a test knows what is drawn.
- The day's number is spread over the day: a morning's passes are not an evening's. Tokens come at
  an even pace, and a tenth of a day's may be saved up.
- It draws among all passes, those that a person sees anyway among them: the rate is of all.
"""

from __future__ import annotations

from hashlib import blake2b

DAY_NS = 86_400_000_000_000
SAVED_SHARE = 10  # a tenth


class PassDraw:
    """One station's. ``drawn`` and ``let_go`` count since the start."""

    def __init__(self, station: str, one_in: int, a_day: int) -> None:
        """``one_in`` 0: none is drawn."""
        self.one_in = one_in
        self.drawn = 0
        self.let_go = 0
        self._station = station
        self._most = max(1.0, a_day / SAVED_SHARE)
        self._per_ns = a_day / DAY_NS
        self._tokens = self._most
        self._last_ns: int | None = None

    def draws(self, frame: int, mono_ns: int) -> bool:
        """Whether the pass of this frame is drawn; if so it counts."""
        if not self.one_in or not self._hit(frame):
            return False
        if self._last_ns is None:
            self._last_ns = mono_ns
        come = max(0, mono_ns - self._last_ns) * self._per_ns
        self._tokens = min(self._most, self._tokens + come)
        self._last_ns = max(self._last_ns, mono_ns)
        if self._tokens < 1.0:
            self.let_go += 1
            return False
        self._tokens -= 1.0
        self.drawn += 1
        return True

    def _hit(self, frame: int) -> bool:
        text = f"{self._station}/{frame}".encode()
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % self.one_in == 0
