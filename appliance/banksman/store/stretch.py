"""How many times quota and times to live hold: they grow at once, and shrink lazily. Pure.

    wanted  1.5      .-----------.
            1.0  ----'           '-----------------   the link is unreliable, then it is well again
    held    1.5      .----------------------.
            1.0  ----'                      '------   until what waits has drained so far

Rules of this file
- Copies of what was delivered keep to ``wanted``, and what is owed to ``held``: a link that has
  just come back must not cost the backlog that it begins to carry.
- ``held`` falls in one go, and only when what is owed fits into what is wanted: a bound that
  followed the backlog down would shed the old end of it for each new reading.
- Both are kept over a restart. Kept values that make no sense count as none.
"""

from __future__ import annotations

import math

import msgspec

LEAST, MOST = 1.0, 10.0  # what the config allows (retention_grows_by)
STATE_KEY = "store.stretch"


class Kept(msgspec.Struct, frozen=True):
    """As it stands in the small values."""

    wanted: float = LEAST
    held: float = LEAST


class Stretch:
    """``want`` from any thread; the rest is the store thread's."""

    def __init__(self, kept: bytes | None = None) -> None:
        try:
            found = msgspec.json.decode(kept or b"{}", type=Kept)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            found = Kept()
        self._wanted = _bounded(found.wanted)
        self._held = _bounded(found.held)
        self._saved = Kept(self._wanted, self._held)

    @property
    def wanted(self) -> float:
        """For copies of what was delivered."""
        return self._wanted

    @property
    def held(self) -> float:
        """For what is owed; never under ``wanted``."""
        return max(self._held, self._wanted)

    def want(self, factor: float) -> None:
        """So much is wanted from now on; any thread."""
        self._wanted = _bounded(factor)

    def settle(self, wanted: float, fits: bool) -> None:
        """``fits``: whether what is owed keeps to ``wanted``, as it stood when this was found."""
        self._held = wanted if fits else max(self._held, wanted)

    def to_save(self) -> bytes | None:
        """What to keep over a restart, if it has changed since the last call."""
        now = Kept(self._wanted, self.held)
        if now == self._saved:
            return None
        self._saved = now
        return msgspec.json.encode(now)


def _bounded(factor: float) -> float:
    return min(max(factor, LEAST), MOST) if math.isfinite(factor) else LEAST
