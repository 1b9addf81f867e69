"""Modbus RTU units on a pseudo-terminal that keeps the time of a real wire. Run as a process.

``python -m benchmarks.drivers.wire.bus BAUD UNITS REGISTERS``

Rules of this file
- A character takes 11 bits. A request has arrived when its last bit would have; the unit sees its
  end after the silence of the standard and answers at once; the answer is handed over when its
  last bit would have come. So nothing is faster than copper, and no unit slower than it must be.
- A request that begins before the silence after the last answer is over is not heard, as on a
  real line, and counted.
- Time goes by absolute deadlines. What this process is late by counts against who is measured.

    request         silence   answer          silence
    |--------------|---------|---------------|---------|      the least that a turn takes

It prints its port, and on a line of input what it saw since the last one (`Seen`, as JSON).
"""

from __future__ import annotations

import os
import select
import struct
import sys
import time
import tty
from collections import Counter

import msgspec

from banksman_drivers.modbus_rtu_frame import Wire, crc16

CHAR_BITS = 11
REQUEST_SIZE = 8


class Seen(msgspec.Struct, frozen=True):
    """What went over the wire: turns by unit, requests in the silence, and the time it took.

    ``least_s`` is what the wire needs for these turns; ``taken_s`` from the first to the last.
    """

    turns: dict[int, int]
    too_early: int
    least_s: float
    taken_s: float


def turn_s(wire: Wire, registers: int) -> float:
    """The least time of one turn: request, silence, answer, silence."""
    return wire.seconds(REQUEST_SIZE + 5 + registers * 2) + 2 * wire.silence_s


class WireBus:
    """The units and the wire between."""

    def __init__(self, baud: int, units: int, registers: int) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave = slave  # kept open, so that whoever opens it may close it
        self._wire = Wire(baud, CHAR_BITS)
        self._least_s = turn_s(self._wire, registers)
        self._answers = {unit: _answer(unit, registers) for unit in range(1, units + 1)}
        self._free_s = 0.0
        self.forget()

    def forget(self) -> None:
        """Count from now on."""
        self._turns: Counter[int] = Counter()
        self._too_early = 0
        self._first_s = 0.0
        self._last_s = 0.0

    def seen(self) -> Seen:
        """What was counted."""
        total = sum(self._turns.values())
        return Seen(
            dict(self._turns), self._too_early, total * self._least_s, self._last_s - self._first_s
        )

    def serve(self) -> None:
        """Take what has come, and answer in the wire's time."""
        begun_s = time.monotonic()
        request = os.read(self.master, 4096)
        if begun_s < self._free_s:
            self._too_early += 1
            return
        if len(request) != REQUEST_SIZE or request[0] not in self._answers:
            return
        answer = self._answers[request[0]]
        heard_s = begun_s + self._wire.seconds(len(request)) + self._wire.silence_s
        end_s = heard_s + self._wire.seconds(len(answer))
        time.sleep(max(0.0, end_s - time.monotonic()))
        os.write(self.master, answer)
        self._first_s = self._first_s or begun_s
        self._free_s = end_s + self._wire.silence_s
        self._last_s = self._free_s
        self._turns[request[0]] += 1


def _answer(unit: int, registers: int) -> bytes:
    head = struct.pack(f">BBB{registers}H", unit, 3, registers * 2, *range(registers))
    return head + crc16(head)


def main(baud: int, units: int, registers: int) -> None:
    """Serve until the input ends."""
    bus = WireBus(baud, units, registers)
    print(bus.port, flush=True)
    while True:
        ready, _, _ = select.select([bus.master, sys.stdin.fileno()], [], [])
        if bus.master in ready:
            bus.serve()
        elif not sys.stdin.readline():
            return
        else:
            print(msgspec.json.encode(bus.seen()).decode(), flush=True)
            bus.forget()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
