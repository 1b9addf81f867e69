"""What a ``[[device]]`` table may be; the assembly turns each into its driver."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from banksman_drivers.settings.audio import AudioSettings
from banksman_drivers.settings.barcode_scanner import BarcodeScannerSettings
from banksman_drivers.settings.board import BoardSettings
from banksman_drivers.settings.camera import CameraSettings
from banksman_drivers.settings.fake import FakeSettings
from banksman_drivers.settings.gpio import GpioSettings
from banksman_drivers.settings.i2c import I2cSettings
from banksman_drivers.settings.modbus import ModbusTcpSettings
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings
from banksman_drivers.settings.nmea import NmeaSettings
from banksman_drivers.settings.replay import ReplaySettings
from banksman_drivers.settings.scale import ScaleSettings
from banksman_drivers.settings.serial_text import SerialTextSettings
from banksman_drivers.settings.vda5050 import Vda5050Settings

DeviceSettings = Annotated[
    ModbusTcpSettings
    | ModbusRtuSettings
    | BarcodeScannerSettings
    | ScaleSettings
    | NmeaSettings
    | SerialTextSettings
    | ReplaySettings
    | Vda5050Settings
    | BoardSettings
    | AudioSettings
    | CameraSettings
    | FakeSettings
    | GpioSettings
    | I2cSettings,
    Field(discriminator="driver"),
]
