"""Who is on a bus? Reads only, and as little as can tell chips apart.

Rules of this file
- Nothing is written but register addresses, as every read needs them.
- Each address is asked for one byte, as i2cdetect -r does. Only where a chip of ours can be are its
  identity registers read.
- A chip without an identity register is told as "may be".
- Beside a running daemon it takes its turns: Linux serves one transfer after the other.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Literal

import msgspec

from banksman_drivers.i2c import adxl345, bme280, lis3dh, tmp117
from banksman_drivers.i2c.port import Port
from banksman_drivers.settings.i2c_chips import CHIPS

FIRST, LAST = 0x08, 0x77  # the addresses that are not reserved (I2C UM10204, 3.1.12)
BUSES = Path("/sys/class/i2c-dev")
ABSENT = frozenset({errno.ENXIO, errno.EREMOTEIO, errno.EIO, errno.ENODEV})

# Byte registers that prove who it is, beside those of a word.
IDENTITY = {
    "adxl345": (adxl345.DEVID, adxl345.DEVID_IS),
    "lis3dh": (lis3dh.WHO_AM_I, lis3dh.WHO_AM_I_IS),
    "bme280": (bme280.ID, bme280.ID_IS),
}


class BusInfo(msgspec.Struct, frozen=True):
    """A bus of this box: its device and what the adapter's driver calls itself."""

    path: str
    name: str


class Found(msgspec.Struct, frozen=True):
    """Somebody at an address. ``kernel``: a kernel driver holds it, so nobody was asked."""

    address: int
    state: Literal["answers", "kernel"]
    chips: tuple[str, ...] = ()
    sure: bool = False


def list_buses(folder: Path = BUSES) -> list[BusInfo]:
    """Every I2C bus that has a device file, in the order of their numbers."""
    entries = sorted(folder.glob("i2c-*"), key=lambda entry: int(entry.name.rpartition("-")[2]))
    return [
        BusInfo(f"/dev/{entry.name}", (entry / "name").read_text().strip()) for entry in entries
    ]


def scan(port: Port) -> list[Found]:
    """Everybody on the bus. Raises OSError when the bus itself fails (a line held low)."""
    found = []
    for address in range(FIRST, LAST + 1):
        try:
            port.read_byte(address)
        except OSError as error:
            if error.errno == errno.EBUSY:
                found.append(Found(address, "kernel"))
            elif error.errno not in ABSENT:
                raise
        else:
            found.append(_recognise(port, address))
    return found


def _recognise(port: Port, address: int) -> Found:
    maybe = []
    for name, facts in CHIPS.items():
        if address not in facts.addresses:
            continue
        try:
            certain = _identity(port, address, name)
        except OSError:
            continue  # this one refuses that register, so it is no such chip
        if certain:
            return Found(address, "answers", (name,), sure=True)
        if certain is None:
            maybe.append(name)
    return Found(address, "answers", tuple(maybe))


def _identity(port: Port, address: int, name: str) -> bool | None:
    """Whether it is that chip; None where the chip has no identity."""
    if name == "tmp117":
        word = port.read_word_data(address, tmp117.DEVICE_ID)
        swapped = word >> 8 | (word & 0xFF) << 8
        return swapped & tmp117.DEVICE_ID_MASK == tmp117.DEVICE_ID_IS
    if name in IDENTITY:
        register, wanted = IDENTITY[name]
        return port.read_byte_data(address, register) == wanted
    return None
