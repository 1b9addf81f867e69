"""INA219: voltage, current and power of a supply. Pure.

Sections name SBOS448 (Texas Instruments). Current and power are computed here from the shunt
voltage: the chip's own registers would round them to its calibration, and lose that in a reset.
"""

from __future__ import annotations

from banksman_drivers.i2c.asks import ReadWord, Steps, WriteWord, signed_word, word
from banksman_drivers.i2c.chip import Chip, ChipReset, Values, wrong
from banksman_drivers.ports import DeviceLost

CONFIG, SHUNT, BUS = 0, 1, 2  # table 2
# 8.6.2.1: 32 V, 320 mV, the mean of 8 samples for both (4.26 ms each), continuous.
SETTINGS = 0x2000 | 0x1800 | 0x0580 | 0x0058 | 0x0007
RESET = 0x8000
SHUNT_V = 10e-6  # 8.6.3.1
BUS_V = 4e-3  # 8.6.3.2, above three bits of flags
SHUNT_MOST = 32_000  # 320 mV; more is clipped
BUS_MOST = 8_000  # 32 V
BUS_TOP = 8_191


class Ina219(Chip):
    """One INA219 with its shunt."""

    name = "INA219"

    def __init__(self, shunt_ohm: float) -> None:
        self._shunt_ohm = shunt_ohm

    def start(self) -> Steps[None]:
        """Write the configuration and find it there: the chip has no identity register."""
        yield WriteWord(CONFIG, SETTINGS)
        found = word((yield ReadWord(CONFIG)))
        if found != SETTINGS:
            wrong(self.name, CONFIG, found, SETTINGS)

    def poll(self) -> Steps[Values]:
        """The newest of both voltages, and what follows from them."""
        config = word((yield ReadWord(CONFIG)))
        if config != SETTINGS:
            raise ChipReset(f"config is 0x{config:04x}: it was reset; check its supply")
        shunt = signed_word((yield ReadWord(SHUNT)))
        bus = word((yield ReadWord(BUS))) >> 3
        return decode(shunt, bus, self._shunt_ohm)


def decode(shunt: int, bus: int, shunt_ohm: float) -> Values:
    """Raw shunt (10 uV) and bus (4 mV) counts as values. Raises DeviceLost on impossible ones."""
    if abs(shunt) > SHUNT_MOST or bus >= BUS_TOP:
        raise DeviceLost(f"tells of impossible counts (shunt {shunt}, bus {bus})")
    volts, drop = bus * BUS_V, shunt * SHUNT_V
    amperes = drop / shunt_ohm
    doubtful: set[str] = set()
    if abs(shunt) == SHUNT_MOST:
        doubtful |= {"shunt_voltage", "current", "power"}
    if bus >= BUS_MOST:
        doubtful |= {"bus_voltage", "power"}
    return Values(
        {
            "bus_voltage": volts,
            "shunt_voltage": drop,
            "current": amperes,
            "power": volts * amperes,
        },
        frozenset(doubtful),
    )
