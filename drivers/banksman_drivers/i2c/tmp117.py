"""TMP117: temperature to 0.1 degC. Pure. Sections name SNOS966 (Texas Instruments)."""

from __future__ import annotations

import math

from banksman_drivers.i2c.asks import ReadWord, Steps, WriteWord, signed_word, word
from banksman_drivers.i2c.chip import Chip, ChipReset, Values, wrong

RESULT, CONFIG, DEVICE_ID = 0x00, 0x01, 0x0F  # table 7-3
DEVICE_ID_IS, DEVICE_ID_MASK = 0x117, 0x0FFF  # 7.6.11: above it the revision
SETTINGS = 0x0020  # 7.6.3: continuous, mean of 8, 125 ms a cycle (table 7-7)
SETTINGS_MASK = 0x0FFC  # flags above and the soft reset below are no settings
DEGC = 7.8125e-3  # 7.6.2
NONE_YET = -(2**15)  # 7.6.2: -256 degC until the first conversion
RANGE_DEGC = (-55.0, 150.0)  # 6.3


class Tmp117(Chip):
    """One TMP117."""

    name = "TMP117"

    def start(self) -> Steps[None]:
        """Identity, then 125 ms a cycle instead of a second."""
        found = word((yield ReadWord(DEVICE_ID))) & DEVICE_ID_MASK
        if found != DEVICE_ID_IS:
            wrong(self.name, DEVICE_ID, found, DEVICE_ID_IS)
        yield WriteWord(CONFIG, SETTINGS)

    def poll(self) -> Steps[Values]:
        """The newest result. A chip that has forgotten its cycle is started anew."""
        config = word((yield ReadWord(CONFIG)))
        if config & SETTINGS_MASK != SETTINGS:
            raise ChipReset(f"config is 0x{config:04x}: it was reset; check its supply")
        return Values({"temperature": decode(signed_word((yield ReadWord(RESULT))))})


def decode(raw: int) -> float:
    """Counts of 7.8125 m degC as degC; NaN before the first and outside the chip's range."""
    degc = raw * DEGC
    return degc if raw != NONE_YET and RANGE_DEGC[0] <= degc <= RANGE_DEGC[1] else math.nan
