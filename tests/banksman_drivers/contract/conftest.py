"""Lends the rig of each driver in turn.

A further driver joins the suite with a rig in tests/support/driver_rigs and a line here; the
tests need no change.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from driver_rigs.audio import AudioRig
from driver_rigs.base import Rig
from driver_rigs.board import BoardRig
from driver_rigs.camera import CameraRig
from driver_rigs.fake import FakeRig
from driver_rigs.gpio import GpioRig
from driver_rigs.i2c import I2cAdcRig, I2cPinsRig
from driver_rigs.modbus_rtu import ModbusRtuRig
from driver_rigs.modbus_tcp import ModbusTcpRig
from driver_rigs.replay import ReplayRig
from driver_rigs.serial_instrument import SerialInstrumentRig
from driver_rigs.serial_scale import ScaleRig
from driver_rigs.vda5050 import Vda5050Rig

SENSING: dict[str, type[Rig]] = {
    "audio": AudioRig,
    "board": BoardRig,
    "camera": CameraRig,
    "fake": FakeRig,
    "gpio": GpioRig,
    "i2c_adc": I2cAdcRig,
    "i2c_pins": I2cPinsRig,
    "modbus_rtu": ModbusRtuRig,
    "modbus_tcp": ModbusTcpRig,
    "replay": ReplayRig,
    "scale": ScaleRig,
    "serial": SerialInstrumentRig,
    "vda5050": Vda5050Rig,
}
ACTING: dict[str, type[Rig]] = {
    "fake": FakeRig,
    "gpio": GpioRig,
    "i2c_pins": I2cPinsRig,
    "modbus_rtu": ModbusRtuRig,
    "modbus_tcp": ModbusTcpRig,
    "serial": SerialInstrumentRig,
    "vda5050": Vda5050Rig,
}


async def _lend(rig: Rig) -> AsyncIterator[Rig]:
    await rig.begin()
    yield rig
    await rig.cancel()
    await rig.end()


@pytest.fixture(params=SENSING)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """Each driver in turn."""
    async for each in _lend(SENSING[request.param](tmp_path)):
        yield each


@pytest.fixture(params=ACTING)
async def acting_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """Each driver that has outputs."""
    async for each in _lend(ACTING[request.param](tmp_path)):
        yield each
