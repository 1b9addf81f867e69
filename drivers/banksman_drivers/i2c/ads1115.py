"""ADS1115: four voltages, 16 bits, one conversion a channel. Pure.

Sections name SBAS444 (Texas Instruments). The chip has no identity register: its configuration
is written and read back, and so proves that something with such a register is there.

    config <- OS=1 MUX PGA single   ... 1/rate ...   config.OS==1   conversion -> volts
"""

from __future__ import annotations

from collections.abc import Collection

from banksman_drivers.i2c.asks import Pause, ReadWord, Steps, WriteWord, signed_word, word
from banksman_drivers.i2c.chip import Chip, Values, wrong
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.i2c_chips import ADS_CHANNELS, CHIPS, FULL_SCALES_V

CONVERSION, CONFIG = 0, 1  # table 8-1
START = 0x8000  # 8.1.3, table 8-3: bit 15 starts; it reads 1 when no conversion is under way
SINGLE_SHOT = 0x0100
COMPARATOR_OFF = 0x0003
LOWEST, HIGHEST = -(2**15), 2**15 - 1

PATIENCE = 1.1  # 7.5: the data rate is good to 10 %
TRIES = 4


class Ads1115(Chip):
    """One ADS1115. ``channels``: those that are read, each takes a conversion."""

    name = "ADS1115"

    def __init__(self, rate_hz: float, full_scale_v: float, channels: Collection[str]) -> None:
        self._volts = full_scale_v / 2**15
        self._convert_s = PATIENCE / rate_hz
        gain = FULL_SCALES_V.index(full_scale_v)
        rate = CHIPS["ads1115"].rates_hz.index(rate_hz)
        self._base = SINGLE_SHOT | COMPARATOR_OFF | gain << 9 | rate << 5
        self._codes = {name: code for code, name in enumerate(ADS_CHANNELS) if name in channels}

    def start(self) -> Steps[None]:
        """Write a configuration and find it there; bit 15 is the state, not what was written."""
        yield WriteWord(CONFIG, self._base)
        found = word((yield ReadWord(CONFIG))) & ~START
        if found != self._base:
            wrong(self.name, CONFIG, found, self._base)

    def poll(self) -> Steps[Values]:
        """Convert channel by channel."""
        values: dict[str, float] = {}
        doubtful = set()
        for name, code in self._codes.items():
            config = self._base | code << 12
            yield WriteWord(CONFIG, config | START)
            for _ in range(TRIES):
                yield Pause(self._convert_s)
                state = word((yield ReadWord(CONFIG)))
                if state & START:
                    break
            else:
                raise DeviceLost(f"has not converted {name} within {TRIES} times its time")
            if state & ~START != config:
                raise DeviceLost(f"converts something else: config is 0x{state:04x}")
            raw = signed_word((yield ReadWord(CONVERSION)))
            values[name] = raw * self._volts
            if raw in (LOWEST, HIGHEST):
                doubtful.add(name)
        return Values(values, frozenset(doubtful))
