"""The slow chips of the fake bus: what their registers hold and do, as their data sheets say.

Written from the data sheets and apart from the drivers' decoders: the tests set what a sensor feels
in its unit, and these turn it into counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from banksman_drivers.ports import Ticks

PIN_EVENTS_MOST = 1000
MCP_PINS = 16


class ByteChip:
    """256 registers of a byte, that count up within a block."""

    def __init__(self, reset: dict[int, int]) -> None:
        self._reset = dict(reset)
        self.registers = bytearray(256)
        self.power_cycle()

    def power_cycle(self) -> None:
        """As after a supply that failed."""
        self.registers[:] = bytes(256)
        for register, value in self._reset.items():
            self.registers[register] = value

    def read(self, register: int, size: int) -> bytes:
        """Registers in a row."""
        return bytes(self.registers[(register + place) % 256] for place in range(size))

    def write(self, register: int, data: bytes) -> None:
        """Registers in a row."""
        for place, value in enumerate(data):
            self.registers[(register + place) % 256] = value


class WordChip:
    """Registers of 16 bits behind a pointer, most significant byte first."""

    def __init__(self, reset: dict[int, int]) -> None:
        self._reset = dict(reset)
        self.words = dict(reset)

    def power_cycle(self) -> None:
        """As after a supply that failed."""
        self.words = dict(self._reset)

    def read(self, register: int, size: int) -> bytes:
        """One register; what is asked beyond its two bytes is an open line."""
        return self.words.get(register, 0xFFFF).to_bytes(2, "big")[:size].ljust(size, b"\xff")

    def write(self, register: int, data: bytes) -> None:
        """One register."""
        self.words[register] = int.from_bytes(data[:2], "big")


class FakeBme280(ByteChip):
    """Holds raw counts; the trimming is the example of Bosch's BMP280 data sheet (3.12)."""

    TRIM_LOW = (27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)

    def __init__(self, chip_id: int = 0x60) -> None:
        reset = {0xD0: chip_id, 0xA1: 75, 0xF7: 0x80, 0xFA: 0x80, 0xFD: 0x80}
        low = b"".join((number & 0xFFFF).to_bytes(2, "little") for number in self.TRIM_LOW)
        reset |= {0x88 + place: value for place, value in enumerate(low)}
        # H2 = 355, H3 = 0, H4 = 341, H5 = 50, H6 = 30, as chips of this family have them.
        high = bytes((355 & 0xFF, 355 >> 8, 0, 341 >> 4, (50 & 15) << 4 | 341 & 15, 50 >> 4, 30))
        reset |= {0xE1 + place: value for place, value in enumerate(high)}
        self.raw = (415148, 519888, 27000)  # pressure, temperature, humidity
        super().__init__(reset)

    def write(self, register: int, data: bytes) -> None:
        """A forced measurement puts the counts there; humidity only if it is switched on."""
        super().write(register, data)
        if register == 0xF4 and data[0] & 3:
            pressure, temperature, humidity = self.raw
            if not self.registers[0xF2] & 7:
                humidity = 0x8000
            self.registers[0xF7:0xFA] = (pressure << 4).to_bytes(3, "big")
            self.registers[0xFA:0xFD] = (temperature << 4).to_bytes(3, "big")
            self.registers[0xFD:0xFF] = humidity.to_bytes(2, "big")
            self.registers[0xF4] &= ~3


class FakeAds1115(WordChip):
    """Converts ``volts`` (a0..a3), and takes its time for it."""

    PAIRS = ((0, 1), (0, 3), (1, 3), (2, 3))
    SCALES_V = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)
    RATES_HZ = (8, 16, 32, 64, 128, 250, 475, 860)

    def __init__(self, ticks: Ticks, volts: Sequence[float] = (0.0, 0.0, 0.0, 0.0)) -> None:
        super().__init__({0: 0, 1: 0x8583, 2: 0x8000, 3: 0x7FFF})
        self.volts = list(volts)
        self._ticks = ticks
        self._ready_ns = 0

    def read(self, register: int, size: int) -> bytes:
        """Bit 15 of config is 0 while it converts; the result comes at the end."""
        if register == 1 and self._ticks.mono_ns() >= self._ready_ns:
            self.words[1] |= 0x8000
        return super().read(register, size)

    def write(self, register: int, data: bytes) -> None:
        """Writing bit 15 starts a conversion."""
        super().write(register, data)
        if register == 1 and self.words[1] & 0x8000:
            config = self.words[1]
            self.words[1] &= 0x7FFF
            self._ready_ns = self._ticks.mono_ns() + int(1e9 / self.RATES_HZ[config >> 5 & 7])
            code = config >> 12 & 7
            if code < 4:
                plus, minus = self.PAIRS[code]
                volts = self.volts[plus] - self.volts[minus]
            else:
                volts = self.volts[code - 4]
            counts = round(volts / self.SCALES_V[config >> 9 & 7] * 32768)
            self.words[0] = max(-32768, min(32767, counts)) & 0xFFFF


class FakeIna219(WordChip):
    """A supply of ``volts`` behind a shunt that drops ``shunt_v``."""

    def __init__(self, volts: float = 0.0, shunt_v: float = 0.0) -> None:
        super().__init__({0: 0x399F, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0})
        self.set(volts, shunt_v)

    def set(self, volts: float, shunt_v: float) -> None:
        """What it measures from now on."""
        counts = max(-32000, min(32000, round(shunt_v / 10e-6)))
        self.words[1] = counts & 0xFFFF
        self.words[2] = min(8000, round(volts / 4e-3)) << 3 | 2


class FakeTmp117(WordChip):
    """A thermometer at ``degc``."""

    def __init__(self, degc: float = 25.0) -> None:
        super().__init__({0: 0x8000, 1: 0x0220, 0x0F: 0x0117})
        self.set(degc)

    def set(self, degc: float) -> None:
        """What it measures from now on."""
        self.words[0] = round(degc / 7.8125e-3) & 0xFFFF


class FakeLm75(WordChip):
    """A thermometer at ``degc``; its configuration has one byte."""

    def __init__(self, degc: float = 25.0) -> None:
        super().__init__({0: 0, 1: 0, 2: 0x4B00, 3: 0x5000})
        self.set(degc)

    def set(self, degc: float) -> None:
        """What it measures from now on."""
        self.words[0] = (round(degc * 8) << 5) & 0xFFE0

    def read(self, register: int, size: int) -> bytes:
        """The configuration comes first and alone."""
        if register == 1:
            return bytes((self.words[1] & 0xFF,)).ljust(size, b"\xff")
        return super().read(register, size)


class FakeMcp23017(ByteChip):
    """Sixteen pins. ``levels`` is what the outside puts on inputs.

    ``history`` tells what each pin did: (pin, level it drives, or None when it lets go).
    """

    def __init__(self) -> None:
        self.levels = 0
        self.keeps_latch = False  # a write of the latch is acknowledged and comes to nothing
        self.history: deque[tuple[int, bool | None]] = deque(maxlen=PIN_EVENTS_MOST)
        self._drives: list[bool | None] = [None] * MCP_PINS
        super().__init__({0x00: 0xFF, 0x01: 0xFF})

    def power_cycle(self) -> None:
        """All pins let go."""
        super().power_cycle()
        self._note()

    def read(self, register: int, size: int) -> bytes:
        """IOCON is seen twice; GPIO shows the pins, inputs and outputs alike."""
        self.registers[0x0B] = self.registers[0x0A]
        direction, latch, flipped = self._pair(0x00), self._pair(0x14), self._pair(0x02)
        pins = (self.levels ^ flipped) & direction | latch & ~direction
        self.registers[0x12:0x14] = pins.to_bytes(2, "little")
        return super().read(register, size)

    def write(self, register: int, data: bytes) -> None:
        """Writing GPIO writes the latch."""
        if register in (0x12, 0x13):
            register += 2
        if register in (0x14, 0x15) and self.keeps_latch:
            return
        super().write(register, data)
        self._note()

    def drives(self, pin: int) -> bool | None:
        """What the pin drives now; None: nothing, it is an input."""
        return self._drives[pin]

    def _pair(self, register: int) -> int:
        return int.from_bytes(self.registers[register : register + 2], "little")

    def _note(self) -> None:
        direction, latch = self._pair(0x00), self._pair(0x14)
        for pin in range(MCP_PINS):
            mask = 1 << pin
            now = None if direction & mask else bool(latch & mask)
            if now is not self._drives[pin]:
                self._drives[pin] = now
                self.history.append((pin, now))
