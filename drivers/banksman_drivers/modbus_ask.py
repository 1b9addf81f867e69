"""One Modbus question at a time, blocking: for commands of people, never for the control loop.

Rules of this file
- A question is a PDU (function and data), its answer the data that follows the function code.
- As strict as the drivers: an answer names our transaction, our unit and our function, and its
  CRC is right. What else comes is skipped, and with it every late answer to an earlier question.
- Nothing is retried: who asks decides that.

    Modbus TCP    [ tid ][ pid=0 ][ length ][ unit ][ function ][ data ]
    Modbus RTU                              [ unit ][ function ][ data ][ CRC low ][ CRC high ]
"""

from __future__ import annotations

import contextlib
import socket
import struct
import termios
import time
from typing import TYPE_CHECKING, Protocol

from banksman_drivers.modbus_link import HEADER, LENGTH_MAX, Refused
from banksman_drivers.modbus_rtu_frame import FRAME_MAX, Wire, crc16
from banksman_drivers.ports import DeviceLost, Unsupported

if TYPE_CHECKING:
    from serial import Serial

# USB adapters hand over what came every 16 ms: a shorter silence is no end of a frame.
GAP_MIN_S = 0.05
# Of a serial port: pyserial's own error is an OSError, the settings' is not.
FAILURES = (OSError, termios.error)


class Silent(DeviceLost):
    """No answer came in time; the line itself is whole."""


class Asker(Protocol):
    """A line to ask over; ``close`` it in the end."""

    def ask(self, unit: int, pdu: bytes) -> bytes:
        """The answer's data. Raises Refused, Silent, or DeviceLost when the line is gone."""

    def close(self) -> None:
        """Give the line up."""


class TcpAsker:
    """A Modbus TCP connection. Raises DeviceLost when there is none."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._where = f"{host}:{port}"
        self._tid = 0
        self._heard = b""
        try:
            self._socket = socket.create_connection((host, port), timeout_s)
        except TimeoutError as error:
            raise DeviceLost(f"{self._where} does not answer; check power and address") from error
        except UnicodeError as error:
            raise DeviceLost(f"{self._where} is no address: {error}") from error
        except OSError as error:
            why = error.strerror or error
            raise DeviceLost(f"no connection to {self._where}: {why}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, unit: int, pdu: bytes) -> bytes:
        """See Asker."""
        self._tid = self._tid % 0xFFFF + 1
        head = struct.pack(">HHHB", self._tid, 0, len(pdu) + 1, unit)
        until_s = time.monotonic() + self._timeout_s
        try:
            self._socket.sendall(head + pdu)
            while True:
                tid, whose, function, data = self._frame(until_s)
                if tid == self._tid and whose == unit:
                    return _data(pdu[0], function, data)
        except DeviceLost:
            raise  # an OSError as well, and told already
        except TimeoutError as error:
            raise Silent(f"{self._where}: unit {unit} does not answer") from error
        except OSError as error:
            raise DeviceLost(f"{self._where}: {error.strerror or error}") from error

    def close(self) -> None:
        """See Asker."""
        self._socket.close()

    def _frame(self, until_s: float) -> tuple[int, int, int, bytes]:
        while True:
            if len(self._heard) >= HEADER.size:
                tid, protocol, length, unit, function = HEADER.unpack_from(self._heard)
                if protocol or not 2 <= length <= LENGTH_MAX:
                    raise DeviceLost(f"{self._where} sends what is not Modbus TCP")
                if len(self._heard) >= 6 + length:
                    data = self._heard[HEADER.size : 6 + length]
                    self._heard = self._heard[6 + length :]
                    return tid, unit, function, data
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            self._socket.settimeout(left_s)
            more = self._socket.recv(4096)
            if not more:
                raise DeviceLost(f"{self._where} closed the connection")
            self._heard += more


class RtuAsker:
    """A serial line with RTU units. Raises DeviceLost when it cannot be opened."""

    def __init__(self, port: str, baud: int, parity: str, stop_bits: int, timeout_s: float) -> None:
        """``parity`` is even, odd or none."""
        try:
            import serial
        except ImportError as error:
            raise Unsupported(
                f"{port}: serial lines need pyserial; pip install 'banksman[serial]'"
            ) from error
        self._port = port
        self._timeout_s = timeout_s
        bits = 10 + (parity != "none") + (stop_bits - 1)
        self._gap_s = max(GAP_MIN_S, Wire(baud, bits).silence_s)
        try:
            self._serial: Serial = serial.Serial(
                port, baud, parity=parity[0].upper(), stopbits=stop_bits, exclusive=True
            )
        except (*FAILURES, ValueError) as error:
            raise DeviceLost(
                f"{port} cannot be opened: {error}; is it there, does a running daemon hold it, and"
                " can it do this speed and parity?"
            ) from error

    def ask(self, unit: int, pdu: bytes) -> bytes:
        """See Asker."""
        sent = bytes((unit,)) + pdu
        sent += crc16(sent)
        until_s = time.monotonic() + self._timeout_s
        try:
            self._serial.reset_input_buffer()
            self._serial.write(sent)
            self._serial.flush()
            heard = b""
            while True:
                piece = self._piece(until_s if not heard else time.monotonic() + self._gap_s)
                heard = (heard + piece)[-4 * FRAME_MAX :]
                body = _rtu_body(heard, sent)
                if body is not None:
                    return _data(pdu[0], body[1], body[2:])
                if not piece and time.monotonic() >= until_s:
                    raise Silent(f"{self._port}: unit {unit} does not answer{_what(heard)}")
        except DeviceLost:
            raise  # an OSError as well, and told already
        except FAILURES as error:
            raise DeviceLost(f"{self._port}: {error}") from error

    def close(self) -> None:
        """See Asker."""
        with contextlib.suppress(*FAILURES):
            self._serial.close()

    def _piece(self, until_s: float) -> bytes:
        """What comes until then; empty when nothing does."""
        self._serial.timeout = max(0.001, until_s - time.monotonic())
        first: bytes = self._serial.read(1)
        if first and self._serial.in_waiting:
            first += self._serial.read(self._serial.in_waiting)
        return first


def _rtu_body(heard: bytes, sent: bytes) -> bytes | None:
    """Unit, function and data of the frame that ends what was heard, if it is the answer.

    An echo of what was sent, as some adapters give, is left out first.
    """
    if heard.startswith(sent) and len(heard) > len(sent):
        heard = heard[len(sent) :]
    for start in range(max(0, len(heard) - FRAME_MAX), len(heard) - 4):
        frame = heard[start:]
        if (
            frame[0] == sent[0]
            and frame[1] & 0x7F == sent[1]
            and crc16(frame[:-2]) == frame[-2:]
            and not _is_echo(frame, sent)
        ):
            return frame[:-2]
    return None


def _is_echo(frame: bytes, sent: bytes) -> bool:
    """Whether it is our own question: only writes of one are answered by the same bytes."""
    return frame == sent and sent[1] not in (5, 6)


def _what(heard: bytes) -> str:
    if not heard:
        return ""
    return f" ({len(heard)} bytes came that are no answer; check speed, parity and termination)"


def _data(asked: int, function: int, data: bytes) -> bytes:
    if function == asked | 0x80 and len(data) == 1:
        raise Refused(data[0])
    if function != asked:
        raise DeviceLost(f"it answered function {function} to function {asked}")
    return data
