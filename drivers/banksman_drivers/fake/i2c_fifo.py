"""The accelerometers of the fake bus: FIFOs that fill by a clock of their own, and run over.

    clock    |  |  |  |  |  |  |  |      the chip's own, as far off as it is told to be
    FIFO     [ s0 s1 s2 ... s31 ]        32 at most; in stream mode the oldest goes
    reads           <- s0

``signal`` gives sample n: three axes in gn. ``made`` and ``lost`` count samples since the start of
measuring; what the driver delivers can be held against them one by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from banksman_drivers.fake.i2c_chips import ByteChip
from banksman_drivers.ports import Ticks

DEPTH = 32

Signal = Callable[[int], tuple[float, float, float]]


def count_up(number: int) -> tuple[float, float, float]:
    """A signal that tells its own number, modulo 1000: x counts, y and z are 0 and 1 gn."""
    return (number % 1000 / 256, 0.0, 1.0)


class FifoChip(ByteChip):
    """What both have in common. ``rate_hz`` is the chip's true rate."""

    def __init__(
        self, reset: dict[int, int], ticks: Ticks, rate_hz: float, signal: Signal = count_up
    ) -> None:
        self.made = 0
        self.lost = 0
        self.rate_hz = rate_hz
        self.signal = signal
        self.stopped = False  # the chip hangs: it answers and samples nothing
        self.overrun = False
        self.fifo: deque[tuple[float, float, float]] = deque(maxlen=DEPTH)
        self._ticks = ticks
        self.began_ns: int | None = None
        super().__init__(reset)

    def power_cycle(self) -> None:
        """As after a supply that failed: standby."""
        super().power_cycle()
        self.began_ns = None
        self.fifo.clear()
        self.overrun = False

    def measure(self, on: bool) -> None:
        """Start or stop sampling."""
        if on and self.began_ns is None:
            self.began_ns = self._ticks.mono_ns()
            self.made = self.lost = 0
        elif not on:
            self.began_ns = None

    def empty(self) -> None:
        """Throw the FIFO away, as bypass mode does."""
        self.fifo.clear()
        self.overrun = False

    def fill(self) -> None:
        """Let the samples in that were taken since."""
        if self.began_ns is None or self.stopped:
            return
        due = int((self._ticks.mono_ns() - self.began_ns) * self.rate_hz / 1e9)
        for number in range(self.made, due):
            if len(self.fifo) == DEPTH:
                self.lost += 1
                self.overrun = True
            self.fifo.append(self.signal(number))
        self.made = max(self.made, due)

    def entry(self, counts_per_gn: float, shift: int) -> bytes:
        """Take the oldest sample out; zeros where there is none."""
        axes = self.fifo.popleft() if self.fifo else (0.0, 0.0, 0.0)
        self.overrun = False
        limit = 32767 >> shift
        counts = [max(-limit, min(limit, round(axis * counts_per_gn))) << shift for axis in axes]
        return b"".join((each & 0xFFFF).to_bytes(2, "little") for each in counts)


class FakeAdxl345(FifoChip):
    """ADXL345: 256 counts/gn in full resolution, with FIFO_STATUS and INT_SOURCE."""

    def __init__(self, ticks: Ticks, rate_hz: float = 800.0, signal: Signal = count_up) -> None:
        super().__init__({0x00: 0xE5, 0x2C: 0x0A}, ticks, rate_hz, signal)

    def read(self, register: int, size: int) -> bytes:
        """The data registers take one entry out."""
        self.fill()
        if register == 0x32:
            return self.entry(256, 0)[:size]
        if register == 0x30:
            return bytes((0x83 if self.overrun else 0x80 if self.fifo else 0,))
        if register == 0x39:
            return bytes((len(self.fifo),))
        return super().read(register, size)

    def write(self, register: int, data: bytes) -> None:
        """POWER_CTL starts it, bypass empties the FIFO."""
        super().write(register, data)
        if register == 0x2D:
            self.measure(bool(data[0] & 0x08))
        if register == 0x38 and not data[0] & 0xC0:
            self.empty()


class FakeLis3dh(FifoChip):
    """LIS3DH: 12 bits, left-justified; FIFO_SRC_REG as its data sheet says."""

    MGN = (1, 2, 4, 12)

    def __init__(self, ticks: Ticks, rate_hz: float = 400.0, signal: Signal = count_up) -> None:
        super().__init__({0x0F: 0x33, 0x20: 0x07}, ticks, rate_hz, signal)

    def read(self, register: int, size: int) -> bytes:
        """The data registers take one entry out; the top bit of the register counts up."""
        self.fill()
        register &= 0x7F
        if register == 0x28:
            return self.entry(1000 / self.MGN[self.registers[0x23] >> 4 & 3], 4)[:size]
        if register == 0x2F:
            full = len(self.fifo) == DEPTH
            return bytes((0x40 | 31 if full else len(self.fifo) or 0x20,))
        return super().read(register, size)

    def write(self, register: int, data: bytes) -> None:
        """CTRL_REG1 starts it, bypass empties the FIFO."""
        register &= 0x7F
        super().write(register, data)
        if register == 0x20:
            self.measure(bool(data[0] & 0xF0))
        if register == 0x2E and not data[0] & 0xC0:
            self.empty()
