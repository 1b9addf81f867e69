"""ADXL345: three axes, up to 800 Hz on I2C, a FIFO of 32. Pure.

Sections name the data sheet ADXL345 rev. G (Analog Devices).

    FIFO_STATUS  n entries | INT_SOURCE overrun? | n times DATAX0..DATAZ1 (6 bytes takes one entry)

Between two entries the chip wants 5 us (section "FIFO", retrieving data): the next transfer's
address and register bytes alone take 45 us at 400 kHz.
"""

from __future__ import annotations

import numpy as np

from banksman_drivers.i2c.asks import ReadByte, Steps, WriteByte
from banksman_drivers.i2c.chip import Chip, ChipReset, Samples, wrong
from banksman_drivers.i2c.drain import Level, drain
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.i2c_chips import FIFO_DEPTH

DEVID, DEVID_IS = 0x00, 0xE5  # register map, 0x00
BW_RATE = 0x2C
POWER_CTL, MEASURE = 0x2D, 0x08
INT_SOURCE, OVERRUN = 0x30, 0x01
DATA_FORMAT, FULL_RES = 0x31, 0x08
DATAX0 = 0x32
FIFO_CTL, BYPASS, STREAM = 0x38, 0x00, 0x80
FIFO_STATUS, ENTRIES = 0x39, 0x3F

RATE_CODES = {25.0: 0x8, 50.0: 0x9, 100.0: 0xA, 200.0: 0xB, 400.0: 0xC, 800.0: 0xD}  # table 7
RANGE_CODES = {2: 0, 4: 1, 8: 2, 16: 3}  # register 0x31
GN_PER_LSB = 1 / 256  # full resolution keeps 256 LSB/g in every range (specifications)
MOST_ENTRIES = FIFO_DEPTH + 1  # 32 in the FIFO and one in the output registers ("FIFO")


class Adxl345(Chip):
    """One ADXL345 in stream mode and full resolution."""

    name = "ADXL345"

    def __init__(self, rate_hz: float, range_gn: int) -> None:
        self._rate_hz = rate_hz
        self._settings = (
            (BW_RATE, RATE_CODES[rate_hz]),
            (DATA_FORMAT, FULL_RES | RANGE_CODES[range_gn]),
            (FIFO_CTL, STREAM | FIFO_DEPTH // 2),
        )

    def start(self) -> Steps[None]:
        """Identity; standby; an empty FIFO; then measure."""
        found = (yield ReadByte(DEVID)).data[0]
        if found != DEVID_IS:
            wrong(self.name, DEVID, found, DEVID_IS)
        yield WriteByte(POWER_CTL, 0)
        yield WriteByte(FIFO_CTL, BYPASS)  # bypass empties the FIFO (section "FIFO")
        for register, value in self._settings:
            yield WriteByte(register, value)
        yield WriteByte(POWER_CTL, MEASURE)
        yield from self._check()

    def poll(self) -> Steps[Samples]:
        """Empty the FIFO."""
        drained = yield from drain(self._look, DATAX0, self._rate_hz)
        return Samples(
            drained.counts.astype(np.float32) * np.float32(GN_PER_LSB),
            drained.level.overrun,
            drained.level.before_ns,
            drained.level.after_ns,
        )

    def _look(self) -> Steps[Level]:
        status = yield ReadByte(FIFO_STATUS)
        entries = status.data[0] & ENTRIES
        if entries > MOST_ENTRIES:
            raise DeviceLost(f"tells of {entries} entries in a FIFO of {FIFO_DEPTH}")
        if not entries:
            yield from self._check()
        overrun = bool((yield ReadByte(INT_SOURCE)).data[0] & OVERRUN)
        return Level(entries, overrun, status.before_ns, status.after_ns)

    def _check(self) -> Steps[None]:
        """An empty FIFO is either early, or a chip that was reset into standby."""
        for register, value in (*self._settings, (POWER_CTL, MEASURE)):
            found = (yield ReadByte(register)).data[0]
            if found != value:
                raise ChipReset(
                    f"register 0x{register:02x} holds 0x{found:02x}, not 0x{value:02x}:"
                    " the chip was reset; check its supply"
                )
