"""Emptying a FIFO so that what comes out belongs to the moment at which its level was read. Pure.

Both accelerometers are emptied alike: look at the level, then take that many entries.

    look: n entries | a box under load stands still | take n        the oldest k of them are gone by
    [ s0 s1 ... s31 ]    s32 s33 push s0 s1 out       s2 s3 ...     then: these are k samples later

When the time between was enough for the FIFO to run over, what was taken is thrown away, since
nobody can tell its times, and the chip is looked at again. The clock counts it as lost.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_drivers.i2c.asks import ReadEach, Steps
from banksman_drivers.settings.i2c_chips import FIFO_DEPTH

ENTRY_BYTES = 6  # three axes of 16 bits
TRIES = 3
MARGIN = 0.85  # the chip may be faster than it is set to


class Level(msgspec.Struct, frozen=True):
    """How many entries there were at a time between the two, and whether older ones are gone."""

    entries: int
    overrun: bool
    before_ns: int
    after_ns: int


class Drained(msgspec.Struct, frozen=True):
    """Raw counts, shape (n, 3), and the level that they belong to."""

    counts: npt.NDArray[np.int16]
    level: Level


def drain(look: Callable[[], Steps[Level]], register: int, rate_hz: float) -> Steps[Drained]:
    """Empty the FIFO whose entries are read at ``register``."""
    period_ns = 1e9 / rate_hz
    overrun = False
    for attempt in range(TRIES):
        level = yield from look()
        data = b""
        if level.entries:
            answer = yield ReadEach(register, ENTRY_BYTES, level.entries)
            data = answer.data
            # A full one loses a sample with the next; that much any bus takes.
            room = max(1, FIFO_DEPTH - level.entries) * MARGIN
            late = answer.before_ns - level.before_ns > room * period_ns
            if late:
                overrun = True
                if attempt < TRIES - 1:
                    continue
                level = msgspec.structs.replace(level, after_ns=answer.before_ns)
        break
    if overrun:
        level = msgspec.structs.replace(level, overrun=True)
    return Drained(np.frombuffer(data, "<i2").reshape(-1, 3), level)
