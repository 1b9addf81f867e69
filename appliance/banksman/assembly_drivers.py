"""The only place that names concrete drivers: each device's settings in, its driver out.

Rules of this file
- A driver is imported when a config asks for it: what a box has not got costs it neither memory
  nor time, and its library need not be installed.
- In observe mode the guard watches its inputs and opens no output at all, and no watchdog
  register of a PLC is fed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, assert_never

from banksman.clock import Clock
from banksman.config.schema import Config
from banksman_drivers.guard.driver import GuardDriver
from banksman_drivers.guard.values import GuardEvent
from banksman_drivers.ports import Driver
from banksman_drivers.settings.audio import AudioSettings
from banksman_drivers.settings.board import BoardSettings
from banksman_drivers.settings.camera import CameraSettings
from banksman_drivers.settings.device import DeviceSettings
from banksman_drivers.settings.fake import FakeSettings
from banksman_drivers.settings.gpio import GpioSettings
from banksman_drivers.settings.i2c import I2cSettings
from banksman_drivers.settings.modbus import ModbusTcpSettings
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings
from banksman_drivers.settings.replay import ReplaySettings
from banksman_drivers.settings.serial_base import SerialBase
from banksman_drivers.settings.vda5050 import Vda5050Settings

if TYPE_CHECKING:
    from banksman_drivers.i2c.bus import I2cBuses
    from banksman_drivers.modbus_rtu import Buses


def make_drivers(
    config: Config,
    clock: Clock,
    on_guard: Callable[[GuardEvent], None],
    latched_estop: str = "",
) -> list[Driver]:
    """A driver for each device and the guard. ``latched_estop`` restores the guard's latch."""

    @cache
    def buses() -> Buses:
        from banksman_drivers.modbus_rtu import Buses

        return Buses(clock)

    @cache
    def i2c_buses() -> I2cBuses:
        from banksman_drivers.i2c.bus import I2cBuses

        return I2cBuses(clock)

    armed = config.node.mode == "armed"
    drivers: list[Driver] = []
    if config.guard is not None:
        settings = config.guard
        if not armed:
            settings = settings.model_copy(update={"outputs": []})
        drivers.append(GuardDriver(settings, clock, on_guard, bool(latched_estop), latched_estop))
    drivers.extend(
        _make_driver(device, clock, armed, buses, i2c_buses) for device in config.devices
    )
    return drivers


def _make_driver(
    settings: DeviceSettings,
    clock: Clock,
    armed: bool,
    buses: Callable[[], Buses],
    i2c_buses: Callable[[], I2cBuses],
) -> Driver:
    match settings:
        case ModbusTcpSettings():
            from banksman_drivers.modbus import ModbusTcpDriver

            modbus = ModbusTcpDriver(settings, clock)
            modbus.feed(armed)
            return modbus
        case ModbusRtuSettings():
            from banksman_drivers.modbus_rtu import ModbusRtuDriver

            unit = ModbusRtuDriver(settings, buses().of(settings), clock)
            unit.feed(armed)
            return unit
        case ReplaySettings():
            from banksman_drivers.replay import ReplayDriver

            return ReplayDriver(settings, clock)
        case SerialBase():
            from banksman_drivers.serial_line.make import make_serial

            return make_serial(settings, clock, clock.wall_ns)
        case Vda5050Settings():
            from banksman_drivers.vda5050 import Vda5050Driver

            return Vda5050Driver(settings, clock, clock.wall_ns)
        case BoardSettings():
            from banksman_drivers.board.driver import BoardDriver

            return BoardDriver(settings, clock)
        case GpioSettings():
            from banksman_drivers.gpio.available import real_chips
            from banksman_drivers.gpio.driver import GpioDriver

            return GpioDriver(settings, clock, real_chips(settings.id), driving=armed)
        case I2cSettings():
            from banksman_drivers.i2c.driver import I2cDriver
            from banksman_drivers.i2c.port import require_smbus2

            require_smbus2(settings.id)
            return I2cDriver(settings, clock, i2c_buses(), drive=armed)
        case CameraSettings():
            from banksman_drivers.camera.driver import CameraDriver

            return CameraDriver(settings, clock)
        case AudioSettings():
            from banksman_drivers.audio.driver import AudioDriver

            return AudioDriver(settings, clock)
        case FakeSettings():
            from banksman_drivers.fake.device import FakeDriver

            return FakeDriver(settings, clock)
        case _:
            assert_never(settings)
