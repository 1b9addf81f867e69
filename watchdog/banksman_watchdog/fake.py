"""Watchdogs for trials and tests: they record when they were petted, and they bite in time.

Both keep the contracts of `ports` and take the time from the clock they are given.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import msgspec

HISTORY = 10_000


class Ticks(Protocol):
    """A monotonic clock."""

    def mono_ns(self) -> int:
        """Nanoseconds since some start."""


class Said(msgspec.Struct, frozen=True):
    """One message as it stood on the wire, and when. ``text`` is as in sd_notify(3)."""

    mono_ns: int
    text: str


class FakeWatchdog:
    """Bites ``timeout_s`` after the last pet, as systemd and the hardware do."""

    def __init__(self, ticks: Ticks, timeout_s: float) -> None:
        """It runs from now on."""
        self.pets_mono_ns: deque[int] = deque(maxlen=HISTORY)
        self._ticks = ticks
        self._timeout_ns = round(timeout_s * 1e9)
        self._fed_mono_ns = ticks.mono_ns()

    @property
    def bites_mono_ns(self) -> int:
        """When it bites unless it is petted before."""
        return self._fed_mono_ns + self._timeout_ns

    @property
    def bitten(self) -> bool:
        """Whether it has bitten by now."""
        return self._ticks.mono_ns() >= self.bites_mono_ns

    def pet(self) -> None:
        """Start again; a watchdog that has bitten stays so."""
        if not self.bitten:
            self._fed_mono_ns = self._ticks.mono_ns()
            self.pets_mono_ns.append(self._fed_mono_ns)


class FakeNotify:
    """A service manager that writes down what it was told, newest last, at most 10 000 lines."""

    def __init__(self, ticks: Ticks) -> None:
        """Remember nothing yet."""
        self.history: deque[Said] = deque(maxlen=HISTORY)
        self._ticks = ticks
        self._status = ""

    def ready(self, status: str) -> None:
        """READY=1, with the first STATUS."""
        self._status = status
        self._note(f"READY=1\nSTATUS={status}")

    def status(self, text: str) -> None:
        """STATUS, when it differs from the last one."""
        if text != self._status:
            self._status = text
            self._note(f"STATUS={text}")

    def pet(self) -> None:
        """WATCHDOG=1."""
        self._note("WATCHDOG=1")

    def stopping(self, status: str) -> None:
        """STOPPING=1, with the last STATUS."""
        self._status = status
        self._note(f"STOPPING=1\nSTATUS={status}")

    def times_of(self, text: str) -> list[int]:
        """When exactly this was said, oldest first."""
        return [said.mono_ns for said in self.history if said.text == text]

    def _note(self, text: str) -> None:
        self.history.append(Said(self._ticks.mono_ns(), text))
