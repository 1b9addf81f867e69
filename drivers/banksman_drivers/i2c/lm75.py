"""LM75 and its many compatibles: temperature to 2 degC in steps of 0.5. Pure.

Sections name the LM75A (NXP, rev. 4). Makers differ below the ninth bit, so it is not read. There
is no identity register: what all of them share is told by the bits that must read 0.
"""

from __future__ import annotations

import math

from banksman_drivers.i2c.asks import ReadByte, ReadWord, Steps, WriteByte, word
from banksman_drivers.i2c.chip import Chip, ChipReset, Values, WrongChip

TEMP, CONFIG, THYST, TOS = 0, 1, 2, 3  # 7.4
RESERVED = 0xE0  # 7.4.2: read as 0
RUNNING = 0x00
LIMIT_BITS = 0x007F  # 7.4.4: limits have nine bits, the rest read as 0
DEGC = 0.5
RANGE_DEGC = (-55.0, 125.0)  # 1


class Lm75(Chip):
    """One LM75."""

    name = "LM75"

    def __init__(self) -> None:
        self._limit = 0

    def start(self) -> Steps[None]:
        """Look for the bits that must read 0, then let it run."""
        config = (yield ReadByte(CONFIG)).data[0]
        low = word((yield ReadWord(THYST)))
        high = word((yield ReadWord(TOS)))
        if config & RESERVED or (low | high) & LIMIT_BITS or not high:
            raise WrongChip(
                f"is no LM75: config 0x{config:02x}, limits 0x{low:04x} and 0x{high:04x} are none"
                " of its kind; check chip and address"
            )
        self._limit = high
        yield WriteByte(CONFIG, RUNNING)

    def poll(self) -> Steps[Values]:
        """The newest result. The limit tells a chip from a line that is held low: all zeros."""
        config = (yield ReadByte(CONFIG)).data[0]
        limit = word((yield ReadWord(TOS)))
        if config != RUNNING or limit != self._limit:
            raise ChipReset(
                f"config 0x{config:02x} and limit 0x{limit:04x} are not as at the start:"
                " it was reset, or somebody else writes to it"
            )
        return Values({"temperature": decode(word((yield ReadWord(TEMP))))})


def decode(raw: int) -> float:
    """The register's first nine bits as degC; NaN outside the chip's range (7.4.3, table 9)."""
    counts = raw >> 7
    degc = (counts - 512 if counts & 0x100 else counts) * DEGC
    return degc if RANGE_DEGC[0] <= degc <= RANGE_DEGC[1] else math.nan
