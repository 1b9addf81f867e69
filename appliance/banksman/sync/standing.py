"""How the uplink stands with the endpoint, and when each lane may try again. Pure.

    connecting --answer--> up --nobody answers--> down --answer--> up
                            '---401, 403---> denied --a heartbeat is taken---'

Rules of this file
- Nobody there, or a connection that broke before there was an answer: tried again soon, for a try
  that reaches nobody costs nobody anything, and the first critical record shall arrive within two
  seconds of the link's return. A connect that is not answered takes over half of that.
- Somebody there who cannot: waits double up to a minute, the urgent lane's up to `TROUBLE_MOST_S`;
  or as long as Retry-After says, and up to a quarter longer: what an endpoint sends away together
  must not come back together.
- Denied: records stay; only the heartbeat knocks now and then, until there is another certificate.
- Any lane's success ends the waits of all that found nobody.
- Waits are drawn with jitter (`banksman_drivers.back_off`). Time is an argument.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Literal

from banksman_drivers.back_off import BackOff

Lane = Literal["urgent", "live", "bulk", "beat", "pictures"]
LANES: tuple[Lane, ...] = ("urgent", "live", "bulk", "beat", "pictures")
State = Literal["connecting", "up", "down", "denied"]
NOBODY_FIRST_S = 0.25
NOBODY_MOST_S = {"urgent": 0.5, "live": 10.0, "bulk": 10.0, "beat": 10.0, "pictures": 10.0}
TROUBLE_FIRST_S = 1.0
TROUBLE_MOST_S = {"urgent": 1.5, "live": 60.0, "bulk": 60.0, "beat": 60.0, "pictures": 60.0}
AFTER_SPREAD = 0.25
KNOCK_S = 300.0


class Standing:
    """See the rules above. ``since_s``: since when ``state`` holds."""

    def __init__(self, now_s: float, chance: Callable[[], float] = random.random) -> None:
        self.state: State = "connecting"
        self.message = ""
        self.since_s = now_s
        self.failures = 0
        self._nobody = {
            lane: BackOff(NOBODY_FIRST_S, NOBODY_MOST_S[lane], chance) for lane in LANES
        }
        self._trouble = {
            lane: BackOff(TROUBLE_FIRST_S, TROUBLE_MOST_S[lane], chance) for lane in LANES
        }
        self._chance = chance
        self._open_s: dict[Lane, float] = dict.fromkeys(LANES, now_s)
        self._alone: set[Lane] = set()  # lanes that wait because they found nobody

    def wait_s(self, lane: Lane, now_s: float) -> float:
        """How long this lane must wait; 0: it may try."""
        if self.state == "denied" and lane != "beat":
            return math.inf
        return max(0.0, self._open_s[lane] - now_s)

    def succeeded(self, lane: Lane, now_s: float) -> bool:
        """The endpoint took something; True when it was not up before."""
        if self.state == "denied" and lane != "beat":
            return False  # sent before the refusal
        self._nobody[lane].reset()
        self._trouble[lane].reset()
        for each in (*self._alone, lane):
            self._open_s[each] = now_s
            self._nobody[each].reset()
        self._alone.clear()
        self.failures = 0
        return self._become("up", "", now_s)

    def nobody(self, lane: Lane, why: str, now_s: float) -> bool:
        """No answer at all; True when the state changed."""
        self._open_s[lane] = now_s + self._nobody[lane].next_s()
        self._alone.add(lane)
        self.failures += 1
        return self.state != "denied" and self._become("down", why, now_s)

    def trouble(self, lane: Lane, why: str, after_s: float | None, now_s: float) -> bool:
        """Somebody answered who cannot take it now; True when the state changed."""
        wait_s = self._trouble[lane].next_s()
        if after_s is not None:
            wait_s = max(after_s * (1 + AFTER_SPREAD * self._chance()), wait_s / 2)
        self._open_s[lane] = now_s + wait_s
        self._alone.discard(lane)
        self.failures += 1
        return self.state != "denied" and self._become("down", why, now_s)

    def denied(self, why: str, now_s: float) -> bool:
        """This box may not send; True when that is news."""
        spread = 1 + AFTER_SPREAD * self._chance()
        self._open_s["beat"] = now_s + KNOCK_S * spread
        self._alone.clear()
        return self._become("denied", why, now_s)

    def anew(self, now_s: float) -> None:
        """This box has another certificate: what was denied may be asked again at once."""
        self._open_s = dict.fromkeys(LANES, now_s)
        self._alone.clear()
        if self.state == "denied":
            self._become("connecting", "", now_s)

    def _become(self, state: State, message: str, now_s: float) -> bool:
        self.message = message
        if state == self.state:
            return False
        self.state, self.since_s = state, now_s
        return True
