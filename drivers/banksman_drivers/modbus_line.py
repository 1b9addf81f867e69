"""What reads, writes and the watchdog register want of a line, be it TCP or a shared bus.

Rules of this file
- ``send`` is for polls and calls back from the wire's own callback; ``ask`` is for what goes before
  any poll: writes, their reading back, the watchdog register. On a line that one device has for
  itself both go in order.
- Each outcome is told once. A line with a ``problem`` is dead for good.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from pymodbus.pdu import ModbusPDU

from banksman_drivers.modbus_link import Answer, Done


class Line(Protocol):
    """The way to one device. ``died`` ends with the problem when there is one."""

    problem: str | None
    died: asyncio.Future[str]
    round_trip_ns: int

    def send(self, request: ModbusPDU, done: Done, expires_mono_ns: int | None = None) -> None:
        """Send ``request`` when the line is free; ``done`` gets the Answer or why there is none."""

    def ask(self, request: ModbusPDU, expires_mono_ns: int | None = None) -> asyncio.Future[Answer]:
        """Do as ``send``, before any poll; the future has the answer or raises the reason."""

    def close(self) -> None:
        """Give the line up; what waits on it gets DeviceLost."""
