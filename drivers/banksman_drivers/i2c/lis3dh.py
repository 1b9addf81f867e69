"""LIS3DH: three axes, up to 1344 Hz, a FIFO of 32, high-resolution mode (12 bits). Pure.

Sections name the data sheet LIS3DH DocID17530 (STMicroelectronics).
"""

from __future__ import annotations

import numpy as np

from banksman_drivers.i2c.asks import ReadByte, Steps, WriteByte
from banksman_drivers.i2c.chip import Chip, ChipReset, Samples, wrong
from banksman_drivers.i2c.drain import Level, drain
from banksman_drivers.settings.i2c_chips import FIFO_DEPTH

WHO_AM_I, WHO_AM_I_IS = 0x0F, 0x33  # 8.6
CTRL_REG1, AXES_ON = 0x20, 0x07  # 8.8
CTRL_REG4, BLOCK_DATA_UPDATE, HIGH_RESOLUTION = 0x23, 0x80, 0x08  # 8.11
CTRL_REG5, FIFO_EN = 0x24, 0x40  # 8.12
OUT_X_L = 0x28  # 8.16
FIFO_CTRL_REG, BYPASS, STREAM = 0x2E, 0x00, 0x80  # 8.19
FIFO_SRC_REG, OVRN_FIFO, FSS = 0x2F, 0x40, 0x1F  # 8.20
AUTO_INCREMENT = 0x80  # 6.1.1: the register's top bit lets it count up in a block

RATE_CODES = {10.0: 2, 25.0: 3, 50.0: 4, 100.0: 5, 200.0: 6, 400.0: 7, 1344.0: 9}  # table 31
RANGE_CODES = {2: 0, 4: 1, 8: 2, 16: 3}  # table 37
MGN_PER_DIGIT = {2: 1, 4: 2, 8: 4, 16: 12}  # table 4, high-resolution mode


class Lis3dh(Chip):
    """One LIS3DH in stream mode."""

    name = "LIS3DH"

    def __init__(self, rate_hz: float, range_gn: int) -> None:
        self._gn = np.float32(MGN_PER_DIGIT[range_gn] / 1000)
        self._rate_hz = rate_hz
        self._settings = (
            (CTRL_REG1, RATE_CODES[rate_hz] << 4 | AXES_ON),
            (CTRL_REG4, BLOCK_DATA_UPDATE | RANGE_CODES[range_gn] << 4 | HIGH_RESOLUTION),
            (CTRL_REG5, FIFO_EN),
            (FIFO_CTRL_REG, STREAM | FIFO_DEPTH // 2),
        )

    def start(self) -> Steps[None]:
        """Identity; power down; an empty FIFO; then measure."""
        found = (yield ReadByte(WHO_AM_I)).data[0]
        if found != WHO_AM_I_IS:
            wrong(self.name, WHO_AM_I, found, WHO_AM_I_IS)
        yield WriteByte(CTRL_REG1, 0)
        yield WriteByte(FIFO_CTRL_REG, BYPASS)  # 5.1.1: bypass empties it
        for register, value in reversed(self._settings):
            yield WriteByte(register, value)
        yield from self._check()

    def poll(self) -> Steps[Samples]:
        """Empty the FIFO."""
        drained = yield from drain(self._look, OUT_X_L | AUTO_INCREMENT, self._rate_hz)
        digits = drained.counts >> 4  # left-justified, 12 bits
        level = drained.level
        return Samples(
            digits.astype(np.float32) * self._gn, level.overrun, level.before_ns, level.after_ns
        )

    def _look(self) -> Steps[Level]:
        """A full FIFO tells of 31 entries and the overrun bit (8.20)."""
        status = yield ReadByte(FIFO_SRC_REG)
        overrun = bool(status.data[0] & OVRN_FIFO)
        entries = FIFO_DEPTH if overrun else status.data[0] & FSS
        if not entries:
            yield from self._check()
        return Level(entries, overrun, status.before_ns, status.after_ns)

    def _check(self) -> Steps[None]:
        """An empty FIFO is either early, or a chip that was reset into power-down."""
        for register, value in self._settings:
            found = (yield ReadByte(register)).data[0]
            if found != value:
                raise ChipReset(
                    f"register 0x{register:02x} holds 0x{found:02x}, not 0x{value:02x}:"
                    " the chip was reset; check its supply"
                )
