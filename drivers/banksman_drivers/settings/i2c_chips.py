"""What each I2C chip that we drive offers, as its datasheet says: channels, addresses, rates.

Values only. The driver's chip files read these tables too, so that config and driver agree.
A rate that a chip cannot do, or an address that it cannot have, is found by ``banksman check``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

ChipName = Literal["adxl345", "lis3dh", "bme280", "ads1115", "ina219", "tmp117", "lm75", "mcp23017"]
Option = Literal["rate_hz", "range_gn", "burst_samples", "full_scale_v", "shunt_ohm"]

AXES = {"x": "gn", "y": "gn", "z": "gn"}
FIFO_DEPTH = 32  # of both accelerometers

# Single-ended inputs, then differences, in the order of the multiplexer's codes.
ADS_CHANNELS = ("a0_a1", "a0_a3", "a1_a3", "a2_a3", "a0", "a1", "a2", "a3")
MCP_PINS = tuple(f"gp{port}{pin}" for port in "ab" for pin in range(8))


class ChipFacts(msgspec.Struct, frozen=True):
    """One chip. ``channels``: name to unit. ``rates_hz``: what ``rate_hz`` may be, and its default.

    ``fifo``: it delivers bursts of samples; ``outputs``: its channels may be driven.
    """

    channels: dict[str, str]
    addresses: tuple[int, ...]
    options: frozenset[Option] = frozenset()
    rates_hz: tuple[float, ...] = ()
    rate_hz: float = 0.0
    fifo: bool = False
    outputs: bool = False


_FIFO_OPTIONS: frozenset[Option] = frozenset({"rate_hz", "range_gn", "burst_samples"})

CHIPS: dict[ChipName, ChipFacts] = {
    # ADXL345 rev. G, "Serial communications, I2C" and table 7: 800 Hz at most on I2C.
    "adxl345": ChipFacts(
        AXES, (0x53, 0x1D), _FIFO_OPTIONS, (25, 50, 100, 200, 400, 800), 800, fifo=True
    ),
    # LIS3DH DocID17530, 6.1.1 and table 31 (high-resolution mode).
    "lis3dh": ChipFacts(
        AXES, (0x18, 0x19), _FIFO_OPTIONS, (10, 25, 50, 100, 200, 400, 1344), 400, fifo=True
    ),
    # BME280 BST-BME280-DS002, 6.2.
    "bme280": ChipFacts({"temperature": "degC", "pressure": "Pa", "humidity": "%"}, (0x76, 0x77)),
    # ADS1115 SBAS444, table 8-4 (address) and table 8-3 (data rate).
    "ads1115": ChipFacts(
        dict.fromkeys(ADS_CHANNELS, "V"),
        (0x48, 0x49, 0x4A, 0x4B),
        frozenset({"rate_hz", "full_scale_v"}),
        (8, 16, 32, 64, 128, 250, 475, 860),
        128,
    ),
    # INA219 SBOS448, table 1.
    "ina219": ChipFacts(
        {"bus_voltage": "V", "shunt_voltage": "V", "current": "A", "power": "W"},
        tuple(range(0x40, 0x50)),
        frozenset({"shunt_ohm"}),
    ),
    # TMP117 SNOS966, table 7-2.
    "tmp117": ChipFacts({"temperature": "degC"}, (0x48, 0x49, 0x4A, 0x4B)),
    # LM75A (NXP) 7.2: 1001 and three pins.
    "lm75": ChipFacts({"temperature": "degC"}, tuple(range(0x48, 0x50))),
    # MCP23017 DS20001952, figure 3-4: 0100 and three pins.
    "mcp23017": ChipFacts(dict.fromkeys(MCP_PINS, "flag"), tuple(range(0x20, 0x28)), outputs=True),
}
RANGES_GN = (2, 4, 8, 16)  # of both accelerometers
FULL_SCALES_V = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256)  # ADS1115, table 8-3
