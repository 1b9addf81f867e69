"""When a station has nothing to tell: why, said BAD at once and again until it ends.

    no bundle · refused · camera lost, frozen, black · no inspection for too long

Rules of this file
- The control thread's. Without a bundle there is nothing here to be had: the station is "lost", or
  "starting" while one loads. With one, marks must still get through: "connected", with a fault.
"""

from __future__ import annotations

from banksman.vision.in_use import Using
from banksman.vision.telling import Teller
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.ports import Camera


class Silence:
    """One station's. ``stale_ms``: how long without an inspection; None: it waits for triggers."""

    def __init__(
        self,
        station: str,
        using: Using,
        camera: Camera,
        condition: Condition,
        teller: Teller,
        stale_ms: float | None,
    ) -> None:
        self._station = station
        self._using = using
        self._camera = camera
        self._condition = condition
        self._teller = teller
        self._stale_ms = stale_ms
        self._why = ""

    def reason(self, since_last_ns: int) -> str:
        """Why nothing can be told now; empty while all is well."""
        if self._using.now is None:
            return self._using.why_none
        camera = self._camera.health()
        if camera.state != "connected" or camera.fault:
            return f"no picture to look at: {camera.fault or camera.message}"
        if self._stale_ms is not None and since_last_ns / 1e6 > self._stale_ms:
            return f"no inspection for {self._stale_ms / 1e3:g} s and more"
        return ""

    def begin(self, why: str, beat: BadBeat | None) -> None:
        """Say BAD, and go on saying it."""
        text = f"{self._station}: {why}"
        if not self._why and beat is not None:
            self._condition.errors += 1
            self._teller.forget()
            beat.start()
        self._why = why
        if self._using.now is not None:
            self._condition.fault = text
            self._condition.say("connected", text)
        else:
            self._condition.fault = ""
            self._condition.say("starting" if self._using.loading else "lost", text)

    def end(self, beat: BadBeat | None) -> bool:
        """There is something to tell again; whether there was nothing before."""
        ended, self._why = bool(self._why), ""
        if beat is not None:
            beat.stop()
        return ended
