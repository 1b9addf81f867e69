"""The driver of each kind of serial device: its settings and its dialect, joined."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from banksman_drivers.ports import Ticks
from banksman_drivers.serial_line.driver import SerialDriver
from banksman_drivers.serial_line.gps import NmeaDialect
from banksman_drivers.serial_line.scale_sics import SicsDialect
from banksman_drivers.serial_line.scale_toledo import ToledoDialect
from banksman_drivers.serial_line.scanner import ScannerDialect
from banksman_drivers.serial_line.text import TextDialect
from banksman_drivers.settings.barcode_scanner import BarcodeScannerSettings
from banksman_drivers.settings.nmea import NmeaSettings
from banksman_drivers.settings.scale import ScaleSettings
from banksman_drivers.settings.serial_base import SerialBase
from banksman_drivers.settings.serial_text import SerialTextSettings


def make_serial(settings: SerialBase, ticks: Ticks, wall_ns: Callable[[], int]) -> SerialDriver:
    """The driver of ``settings``. ``wall_ns``: dates on codes are told from the box's own day.

    Raises Unsupported when pyserial is missing.
    """
    match settings:
        case BarcodeScannerSettings():
            scanner = ScannerDialect(settings, lambda: _day(wall_ns()))
            return SerialDriver(settings, settings.driver, scanner, ticks)
        case ScaleSettings():
            weigh = SicsDialect if settings.protocol == "mt_sics" else ToledoDialect
            return SerialDriver(
                settings, settings.driver, weigh(settings), ticks, settings.poll_ms / 1e3
            )
        case NmeaSettings():
            return SerialDriver(settings, settings.driver, NmeaDialect(settings), ticks)
        case SerialTextSettings():
            return SerialDriver(
                settings, settings.driver, TextDialect(settings), ticks, settings.poll_ms / 1e3
            )
    raise TypeError(f"{settings.id}: no dialect for {type(settings).__name__}")


def _day(wall_ns: int) -> datetime.date:
    """The calendar day in the box's own time zone."""
    return datetime.datetime.fromtimestamp(wall_ns / 1e9).astimezone().date()
