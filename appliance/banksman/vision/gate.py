"""The reject of one station: where the belt is, and whether a marked part is at the gate.

Control thread only. With an encoder it follows that sensor's stream, reading by reading; without
one the belt's position is the time in milliseconds, and a timer wakes it at the next change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from banksman.config.schema_vision import RejectSettings
from banksman.control.stream import Stream
from banksman.vision.belt import position_at
from banksman.vision.rejecting import Marked, Rejecting
from banksman_drivers.ports import Ticks

READINGS_LOOKED_AT = 1000


class Gate:
    """``changed`` is called, not in the middle of a batch, when `state` is another one."""

    def __init__(self, settings: RejectSettings, ticks: Ticks, changed: Callable[[], None]) -> None:
        by_belt = settings.encoder is not None
        distance = settings.distance_mm if by_belt else settings.delay_ms
        length = settings.length_mm if by_belt else settings.hold_ms
        if distance is None or length is None:
            raise ValueError("the config's checks let this pass")
        self.parts = Rejecting(distance, length, settings.parts_most)
        self._by_belt = by_belt
        self._ticks = ticks
        self._changed = changed
        self._stream: Stream | None = None
        self._told: bool | Literal["unknown"] = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def state(self) -> bool | None:
        """Whether a marked part is at the gate; None: unknown."""
        return self.parts.state

    @property
    def fault(self) -> str:
        """Which parts cannot be rejected, and why; empty: where marked parts are is known."""
        if self.state is not None:
            return ""
        lost = self.parts.lost
        which = "a marked part" if lost == 1 else f"{lost} marked parts"
        return f"{which} cannot be rejected: {self.parts.reason}"

    def watch(self, stream: Stream) -> None:
        """A reading of the encoder has come."""
        self._stream = stream
        self.look()

    def mark(self, exposed_ns: int) -> Marked:
        """The part that was filmed then shall leave."""
        now_ns = self._ticks.mono_ns()
        self._move(now_ns)
        if not self._by_belt:
            place: float | None = exposed_ns / 1e6
        elif self._stream is None:
            place = None
        else:
            place = _place(self._stream, exposed_ns)
        marked = self.parts.mark(place)
        self.look()
        return marked

    def look(self) -> None:
        """Bring the position up to date; tell a change, and be woken at the next one."""
        self._move(self._ticks.mono_ns())
        state: bool | Literal["unknown"] = self.state if self.state is not None else "unknown"
        if state != self._told:
            self._told = state
            asyncio.get_running_loop().call_soon(self._changed)
        if not self._by_belt:
            self._set_timer()

    def stop(self) -> None:
        """Wake no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _move(self, now_ns: int) -> None:
        if not self._by_belt:
            self.parts.move(now_ns / 1e6)
            return
        stream = self._stream
        known = stream is not None and not stream.fault(now_ns)
        self.parts.move(stream.value if known and stream is not None else None)

    def _set_timer(self) -> None:
        self.stop()
        change_ms = self.parts.next_change()
        if change_ms is not None:
            wait_s = max(0.0, change_ms / 1e3 - self._ticks.mono_ns() / 1e9)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self.look)


def _place(stream: Stream, exposed_ns: int) -> float | None:
    times = stream.times_ns(READINGS_LOOKED_AT).tolist()
    places = stream.window(READINGS_LOOKED_AT).tolist()
    return position_at(times, places, exposed_ns, stream.stale_ns)
