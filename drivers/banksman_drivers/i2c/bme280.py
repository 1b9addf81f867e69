"""BME280: temperature, pressure and humidity, one forced measurement a poll. Pure.

Sections name BST-BME280-DS002 (Bosch Sensortec).

    ctrl_hum  ctrl_meas(forced)  ... 10 ms ...  status  0xF7..0xFE: press 20 bits, temp 20, hum 16
"""

from __future__ import annotations

import math

from banksman_drivers.i2c.asks import Pause, ReadBlock, ReadByte, Steps, WriteByte
from banksman_drivers.i2c.bme280_compensation import (
    Trimming,
    fine_temperature,
    humidity_pct,
    pressure_pa,
    temperature_degc,
    trimming,
)
from banksman_drivers.i2c.chip import Chip, ChipReset, Values, wrong
from banksman_drivers.ports import DeviceLost

ID, ID_IS, ID_BMP280 = 0xD0, 0x60, 0x58  # 5.4.1
CALIBRATION_LOW, CALIBRATION_H1, CALIBRATION_HIGH = 0x88, 0xA1, 0xE1  # table 16
CTRL_HUM, HUMIDITY_ONCE = 0xF2, 0x01  # 5.4.3
STATUS, MEASURING = 0xF3, 0x08  # 5.4.4
CTRL_MEAS, ONCE_FORCED = 0xF4, 0x25  # 5.4.5: temperature and pressure once, forced mode
CONFIG = 0xF5  # 5.4.6
DATA = 0xF7  # 5.4.7 to 5.4.9
SKIPPED_20, SKIPPED_16 = 0x80000, 0x8000  # 5.4.7, 5.4.9: not measured

MEASURE_S = 0.0093  # 9.1: longest time with every oversampling at 1
MEASURE_TRIES = 5
RANGES = {"temperature": (-40.0, 85.0), "pressure": (30_000.0, 110_000.0)}  # tables 1 and 2


class Bme280(Chip):
    """One BME280."""

    name = "BME280"

    def __init__(self) -> None:
        self._trim: Trimming | None = None

    def start(self) -> Steps[None]:
        """Identity, the chip's own trimming, filter off."""
        found = (yield ReadByte(ID)).data[0]
        if found != ID_IS:
            hint = " (a BMP280, which has no humidity)" if found == ID_BMP280 else ""
            wrong(self.name, ID, found, ID_IS, hint)
        low = (yield ReadBlock(CALIBRATION_LOW, 24)).data
        h1 = (yield ReadByte(CALIBRATION_H1)).data[0]
        high = (yield ReadBlock(CALIBRATION_HIGH, 7)).data
        if len(set(low)) == 1:
            raise DeviceLost("its trimming values are all alike: no calibration, no readings")
        self._trim = trimming(low, h1, high)
        yield WriteByte(CONFIG, 0)

    def poll(self) -> Steps[Values]:
        """Measure once and wait for it."""
        if self._trim is None:
            raise DeviceLost("was never started")
        yield WriteByte(CTRL_HUM, HUMIDITY_ONCE)  # takes effect with ctrl_meas (5.4.3)
        yield WriteByte(CTRL_MEAS, ONCE_FORCED)
        for _ in range(MEASURE_TRIES):
            yield Pause(MEASURE_S)
            if not (yield ReadByte(STATUS)).data[0] & MEASURING:
                break
        else:
            raise DeviceLost(f"has not measured within {MEASURE_S * MEASURE_TRIES * 1e3:.0f} ms")
        return decode((yield ReadBlock(DATA, 8)).data, self._trim)


def decode(data: bytes, trim: Trimming) -> Values:
    """The registers 0xF7..0xFE as values; what lies outside the chip's range is NaN.

    Raises ChipReset when a measurement was skipped, which we never ask for.
    """
    raw_pressure = int.from_bytes(data[0:3], "big") >> 4
    raw_temperature = int.from_bytes(data[3:6], "big") >> 4
    raw_humidity = int.from_bytes(data[6:8], "big")
    if SKIPPED_20 in (raw_pressure, raw_temperature) or raw_humidity == SKIPPED_16:
        raise ChipReset("skipped a measurement: it was reset; check its supply")
    fine = fine_temperature(trim, raw_temperature)
    values = {
        "temperature": temperature_degc(fine),
        "pressure": pressure_pa(trim, fine, raw_pressure),
        "humidity": humidity_pct(trim, fine, raw_humidity),
    }
    for channel, (low, high) in RANGES.items():
        if not low <= values[channel] <= high:
            values[channel] = math.nan
    if math.isnan(values["temperature"]):  # the others are computed from it
        values = dict.fromkeys(values, math.nan)
    return Values(values)
