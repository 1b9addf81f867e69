"""An I2C bus in memory: chips that hold registers, and everything that goes wrong on two wires.

Ships with the product, behind the same small port as smbus2's class. The chips see the bytes that a
real one would see on the wire, so word order and block lengths are proven too.

    FakeBus.open(path) -> port      SMBus calls      ->  chip.write(register, bytes)
                                                     <-  chip.read(register, size)

Faults, settable from any thread: ``stuck`` (a line held low), ``unplugged`` (the adapter is gone),
and for each chip ``absent``, ``refuses_writes`` and ``garbage``.
"""

from __future__ import annotations

import errno
import os
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

FUNC_I2C = 0x00000001
HISTORY_MOST = 10_000


class ChipModel(Protocol):
    """A chip as the wire sees it."""

    def read(self, register: int, size: int) -> bytes:
        """The bytes that follow once the register was addressed."""

    def write(self, register: int, data: bytes) -> None:
        """Take what was written from the register on."""


class Seat:
    """A chip in its place on the bus, with its faults. ``garbage``: answers are random bytes."""

    def __init__(self, model: ChipModel) -> None:
        self.model = model
        self.absent = False
        self.refuses_writes = False
        self.garbage = False


class FakeBus:
    """The bus. ``writes`` keeps the newest writes: (address, register, data).

    ``bit_rate_hz``: a transfer takes as long as its bits on a wire of that speed; 0: no time.
    """

    def __init__(self, raw: bool = True, seed: int = 1, bit_rate_hz: float = 0.0) -> None:
        self.seats: dict[int, Seat] = {}
        self.stuck = False
        self.unplugged = False
        self.opened = 0
        self.closed = 0
        self.transfers = 0
        self.writes: deque[tuple[int, int, bytes]] = deque(maxlen=HISTORY_MOST)
        self.order: deque[int] = deque(maxlen=HISTORY_MOST)  # whose turn it was
        self.funcs = FUNC_I2C if raw else 0
        self._chance = random.Random(seed)  # noqa: S311  noise, no secret
        self._lock = threading.Lock()
        self._bit_rate_hz = bit_rate_hz

    def put(self, address: int, model: ChipModel) -> Seat:
        """Solder a chip in."""
        seat = self.seats[address] = Seat(model)
        return seat

    def open(self, path: str) -> FakePort:
        """As opening the bus device: OSError when there is none."""
        if self.unplugged:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        self.opened += 1
        return FakePort(self)

    def read(self, address: int, register: int, size: int) -> bytes:
        """One read on the wire."""
        with self._lock:
            seat = self._seat(address)
            if seat.garbage:
                return self._chance.randbytes(size)
            return seat.model.read(register, size)

    def write(self, address: int, register: int, data: bytes) -> None:
        """One write on the wire."""
        with self._lock:
            seat = self._seat(address)
            if seat.refuses_writes:
                raise _failed(errno.EREMOTEIO)
            self.writes.append((address, register, data))
            seat.model.write(register, data)

    def hold(self, payload: int, transfers: int = 1) -> None:
        """Let the time of the wire pass: address, register, address again, the bytes, 9 bits each.

        A thread that waits for the wire holds no interpreter lock, in the kernel as here.
        """
        if self._bit_rate_hz:
            time.sleep((3 * transfers + payload) * 9 / self._bit_rate_hz)

    def _seat(self, address: int) -> Seat:
        self.transfers += 1
        self.order.append(address)
        if self.unplugged:
            raise _failed(errno.ENODEV)
        if self.stuck:
            raise _failed(errno.ETIMEDOUT)
        seat = self.seats.get(address)
        if seat is None or seat.absent:
            raise _failed(errno.EREMOTEIO)
        return seat


class FakePort:
    """The SMBus calls, turned into what goes over the wire."""

    def __init__(self, bus: FakeBus) -> None:
        self._bus = bus
        self._open = True

    @property
    def funcs(self) -> int:
        """What the adapter can do (I2C_FUNC_*)."""
        return self._bus.funcs

    def read_byte(self, i2c_addr: int) -> int:
        """Read where the register pointer stands; here register 0."""
        return self._read(i2c_addr, 0, 1)[0]

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        """SMBus read byte."""
        return self._read(i2c_addr, register, 1)[0]

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        """SMBus write byte."""
        self._write(i2c_addr, register, bytes((value,)))

    def read_word_data(self, i2c_addr: int, register: int) -> int:
        """SMBus read word: the low byte comes first."""
        return int.from_bytes(self._read(i2c_addr, register, 2), "little")

    def write_word_data(self, i2c_addr: int, register: int, value: int) -> None:
        """SMBus write word: the low byte goes first."""
        self._write(i2c_addr, register, value.to_bytes(2, "little"))

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        """I2C block read."""
        return list(self._read(i2c_addr, register, length))

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: Sequence[int]) -> None:
        """I2C block write."""
        self._write(i2c_addr, register, bytes(data))

    def read_each(self, i2c_addr: int, register: int, length: int, count: int) -> bytes:
        """Raw: the same registers several times; EOPNOTSUPP where the adapter knows only SMBus."""
        if not self.funcs & FUNC_I2C:
            raise _failed(errno.EOPNOTSUPP)
        self._mind_closed()
        parts = [self._bus.read(i2c_addr, register, length) for _ in range(count)]
        self._bus.hold(length * count, count)
        return b"".join(parts)

    def close(self) -> None:
        """Let go of the bus device."""
        if self._open:
            self._open = False
            self._bus.closed += 1

    def _read(self, address: int, register: int, size: int) -> bytes:
        self._mind_closed()
        data = self._bus.read(address, register, size)
        self._bus.hold(size)
        return data

    def _write(self, address: int, register: int, data: bytes) -> None:
        self._mind_closed()
        self._bus.write(address, register, data)
        self._bus.hold(len(data))

    def _mind_closed(self) -> None:
        if not self._open:
            raise _failed(errno.EBADF)


def _failed(code: int) -> OSError:
    return OSError(code, os.strerror(code))
