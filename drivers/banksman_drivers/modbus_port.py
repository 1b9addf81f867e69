"""The serial port of a Modbus RTU bus, on pyserial: opened for us alone, then used by its fd.

Rules of this file
- Opening and closing may block (a USB adapter answers control transfers, a UART drains), so both
  belong on a thread that may wait. Reading and writing never block.
- What has not left yet is thrown away before closing: else the kernel holds the close for up to
  30 s (``closing_wait``).
- RS-485: the kernel turns the driver on and off around each frame (TIOCSRS485), because no
  program can do it in the 3.5 characters there are. Not every UART has it; then it says so.
"""

from __future__ import annotations

import contextlib
import os
import termios
from pathlib import Path
from typing import Any, Protocol

from banksman_drivers.modbus_rtu_frame import Wire
from banksman_drivers.ports import DeviceLost, Unsupported
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings

READ_MAX = 4096


def wire_of(line: ModbusRtuSettings) -> Wire:
    """The times of a line with these parameters."""
    return Wire(line.baud, 9 + (line.parity != "none") + line.stop_bits)


class SerialLine(Protocol):
    """An open line. ``fd`` is for the loop's reader; ``read`` and ``write`` never block."""

    fd: int

    def read(self) -> bytes:
        """What has come; empty only when nothing is there. Raises OSError at its end."""

    def write(self, frame: bytes) -> None:
        """Give a whole frame to the kernel. Raises OSError when it does not take it."""

    def close(self) -> None:
        """Close it, on a thread that may wait."""


class RtuPort:
    """A serial port of the kernel as a ``SerialLine``."""

    def __init__(self, serial: Any) -> None:
        self.fd: int = serial.fileno()
        self._serial = serial

    def read(self) -> bytes:
        """See ``SerialLine``."""
        try:
            data = os.read(self.fd, READ_MAX)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("hung up")
        return data

    def write(self, frame: bytes) -> None:
        """See ``SerialLine``."""
        if os.write(self.fd, frame) != len(frame):
            raise OSError("it takes no more bytes")

    def close(self) -> None:
        """Throw away what has not left, and close."""
        with contextlib.suppress(OSError, termios.error):  # of an adapter that is gone already
            termios.tcflush(self.fd, termios.TCIOFLUSH)
        with contextlib.suppress(OSError):
            self._serial.close()


def require_pyserial(device: str) -> None:
    """Raise Unsupported naming the remedy where the library is not installed."""
    try:
        import serial  # noqa: F401  only whether it is there
    except ImportError as error:
        raise Unsupported(
            f"{device}: Modbus RTU needs pyserial; pip install 'banksman[serial]'"
        ) from error


def open_port(line: ModbusRtuSettings) -> RtuPort:
    """Open and set up the port, on a thread that may wait. Raises DeviceLost saying why not."""
    import serial
    from serial.rs485 import RS485Settings

    port = line.port
    try:
        opened = serial.Serial(
            port,
            line.baud,
            parity={"even": "E", "odd": "O", "none": "N"}[line.parity],
            stopbits=line.stop_bits,
            timeout=0,
            write_timeout=0,
            exclusive=True,
        )
    except (OSError, ValueError, termios.error) as error:
        raise DeviceLost(_why(port, error)) from error
    try:
        if line.rs485:
            opened.rs485_mode = RS485Settings(rts_level_for_tx=True, rts_level_for_rx=False)
        # An FTDI chip hands over after 16 ms else, and few others know the flag.
        with contextlib.suppress(OSError, ValueError):
            opened.set_low_latency_mode(True)
        opened.reset_input_buffer()
        # With pyserial's VMIN 0 a read of nothing looks like the end of the line.
        attributes = termios.tcgetattr(opened.fileno())
        attributes[6][termios.VMIN] = 1
        termios.tcsetattr(opened.fileno(), termios.TCSANOW, attributes)
    except (OSError, ValueError, termios.error) as error:
        opened.close()
        if line.rs485:
            raise DeviceLost(
                f"{port} cannot turn an RS-485 line round by itself; drop rs485 if the adapter does"
                " it (most USB ones do), or use a UART whose kernel driver can"
            ) from error
        raise DeviceLost(_why(port, error)) from error
    return RtuPort(opened)


def _why(port: str, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number is None and error.args and isinstance(error.args[0], int):
        number = error.args[0]  # termios.error
    if not Path(port).exists():  # nor does the broken link of an adapter that was pulled
        return f"there is no {port}; is the adapter plugged in?"
    if number in (11, 16):
        return f"{port} is in use by another program, or by a device with another name for it"
    if number == 13:
        return f"{port} may not be opened; add the user to the group dialout"
    if number == 22 or isinstance(error, ValueError):
        return f"{port} does not take these line parameters ({error}); check baud and parity"
    return f"{port} cannot be opened: {os.strerror(number) if number else error}"
