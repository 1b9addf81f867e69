"""MCP23017: sixteen pins, in or out. Pure. Sections name DS20001952 (Microchip).

Rules of this file
- The latch is written before the direction: when a pin begins to drive, it drives its safe level,
  and no output blips.
- Every write is read back: latch and direction must be ours, else nothing is confirmed.
- A poll that finds other settings than ours (a brown-out makes all pins inputs) says so.
- Without ``drive`` (observe mode) no pin ever becomes an output.

    power-up   pin: input, high impedance
    OLAT       .......... safe level set
    IODIR                 ......... pin drives, at its safe level
    command                                 OLAT, read back

Pins count from gpa0, bit 0 of port A; port B lies above, as in the register pairs of BANK = 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from banksman_drivers.i2c.asks import ReadBlock, Steps, WriteBlock
from banksman_drivers.i2c.chip import Chip, ChipReset, Values, WrongChip
from banksman_drivers.ports import CommandFailed, DeviceLost, Unsupported
from banksman_drivers.settings.i2c_chips import MCP_PINS

IODIR, IPOL, GPINTEN, IOCON, GPPU, GPIO, OLAT = (
    0x00,
    0x02,
    0x04,
    0x0A,
    0x0C,
    0x12,
    0x14,
)  # table 3-1
IOCON_BANK_OR_SEQOP = 0xA0  # 3.5.6: register pairs must be neighbours and count up
IOCON_UNUSED = 0x01  # 3.5.6: reads 0


class Pin(msgspec.Struct, frozen=True):
    """An output: its safe state, and whether on is 0 V."""

    safe: bool
    active_low: bool = False


class Mcp23017(Chip):
    """One MCP23017. ``pull_ups`` and ``active_low`` name input pins; ``outputs`` those we drive."""

    name = "MCP23017"

    def __init__(
        self,
        outputs: Mapping[str, Pin],
        pull_ups: frozenset[str] = frozenset(),
        active_low: frozenset[str] = frozenset(),
        drive: bool = True,
    ) -> None:
        self._outputs = dict(outputs) if drive else {}
        self._masks = {name: 1 << place for place, name in enumerate(MCP_PINS)}
        self._pull_ups = sum(self._masks[name] for name in pull_ups)
        self._active_low = active_low
        self._driven = sum(self._masks[name] for name in self._outputs)
        self._latch = 0
        self._direction = 0xFFFF

    def start(self) -> Steps[None]:
        """Recognise it, then pull-ups, the safe levels, and last the directions."""
        yield from self._recognise()
        found = yield from self._pair(IODIR)
        # Without outputs of ours the directions stay: in observe mode nothing is let go.
        self._direction = 0xFFFF ^ self._driven if self._driven else found
        yield _set(IPOL, 0)
        yield _set(GPINTEN, 0)
        yield _set(GPPU, self._pull_ups)
        if self._driven:
            self._latch = yield from self._pair(OLAT)  # pins that are not ours keep their level
            yield from self.make_safe()

    def poll(self) -> Steps[Values]:
        """All pins, and whether the chip still is as we left it."""
        direction = yield from self._pair(IODIR)
        if direction != self._direction:
            raise ChipReset(
                f"directions are 0x{direction:04x}, not 0x{self._direction:04x}: it was reset;"
                " check its supply"
            )
        pull_ups = yield from self._pair(GPPU)
        pins = yield from self._pair(GPIO)
        latch = yield from self._pair(OLAT)
        if pull_ups != self._pull_ups or (latch ^ self._latch) & self._driven:
            raise ChipReset("pull-ups or latch are not as we left them: somebody else writes to it")
        return Values(
            {
                name: float(bool(pins & mask) != (name in self._active_low))
                for name, mask in self._masks.items()
            }
        )

    def write(self, channel: str, on: bool) -> Steps[None]:
        """Set one pin's latch and read it back."""
        pin = self._outputs.get(channel)
        if pin is None:
            raise Unsupported(f"{channel} is not driven; in observe mode nothing is")
        mask = self._masks[channel]
        latch = self._latch | mask if on != pin.active_low else self._latch & ~mask
        yield from self._write_latch(latch)

    def make_safe(self) -> Steps[None]:
        """Every output to its safe state in one write, then driving, both read back."""
        if not self._driven:
            return
        latch = self._latch
        for name, pin in self._outputs.items():
            mask = self._masks[name]
            latch = latch | mask if pin.safe != pin.active_low else latch & ~mask
        yield from self._write_latch(latch)
        yield _set(IODIR, self._direction)
        direction = yield from self._pair(IODIR)
        if direction != self._direction:
            raise CommandFailed(
                f"the MCP23017 keeps directions 0x{direction:04x}, not 0x{self._direction:04x}:"
                " its pins do not drive; look at the equipment"
            )

    def _write_latch(self, latch: int) -> Steps[None]:
        yield _set(OLAT, latch)
        found = yield from self._pair(OLAT)
        if (found ^ latch) & self._driven:
            raise CommandFailed(
                f"the MCP23017 keeps 0x{found:04x} where 0x{latch:04x} was written: its outputs are"
                " unknown; look at the equipment"
            )
        self._latch = latch

    def _recognise(self) -> Steps[None]:
        """No identity register: IOCON is seen twice, and one bit of it reads 0 (3.5.6)."""
        pair = yield from self._pair(IOCON)
        first, second = pair & 0xFF, pair >> 8
        if first != second or first & IOCON_UNUSED:
            raise WrongChip(
                f"is no MCP23017: IOCON reads 0x{first:02x} and 0x{second:02x};"
                " check chip and address"
            )
        if first & IOCON_BANK_OR_SEQOP:
            raise DeviceLost(
                f"IOCON is 0x{first:02x}: somebody has set BANK or SEQOP; power the chip off and on"
            )

    def _pair(self, register: int) -> Steps[int]:
        return int.from_bytes((yield ReadBlock(register, 2)).data, "little")


def _set(register: int, both: int) -> WriteBlock:
    """A register pair, port A first."""
    return WriteBlock(register, both.to_bytes(2, "little"))
