"""An I2C bus of the kernel's i2c-stub: chips that are registers and nothing else.

    bus = StubBus.load(0x20, 0x48)      # /dev/i2c-N
    bus.set_word(0x48, 0, 0x19)         # by i2cset of i2c-tools, another program than ours
    bus.take(0x48); bus.give(0x48)      # a kernel driver takes the address from us, gives it back
    bus.unload(); bus.reload()          # the adapter goes, and comes back with its registers lost

Raw messages and FIFOs it has none of. Kernel documentation: i2c/i2c-stub.rst.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

ADAPTERS = Path("/sys/bus/i2c/devices")


class StubBus:
    """The module i2c-stub with chips at some addresses. Needs root."""

    def __init__(self, addresses: tuple[int, ...]) -> None:
        self._addresses = addresses
        self.unload()  # what a test that failed in the middle has left
        self.reload()

    @classmethod
    def load(cls, *addresses: int) -> StubBus:
        """A live bus."""
        return cls(addresses)

    @property
    def path(self) -> str:
        """Its character device, as a config names it."""
        return f"/dev/i2c-{self.number}"

    def get(self, address: int, register: int, mode: str = "b") -> int:
        """A register as i2cget reads it; ``mode``: b byte, w word (low byte first)."""
        ran = _run("i2cget", "-y", str(self.number), hex(address), hex(register), mode)
        return int(ran.strip(), 16)

    def set(self, address: int, register: int, value: int, mode: str = "b") -> None:
        """Put a value into a register, as the chip itself would."""
        _run("i2cset", "-y", str(self.number), hex(address), hex(register), hex(value), mode)

    def set_word(self, address: int, register: int, value: int) -> None:
        """A 16-bit register of a chip that sends its high byte first."""
        self.set(address, register, value >> 8 | (value & 0xFF) << 8, "w")

    def take(self, address: int) -> None:
        """Let a kernel driver (the core's own dummy) have the address."""
        (self._adapter / "new_device").write_text(f"dummy 0x{address:02x}")

    def give(self, address: int) -> None:
        """Let the kernel driver go."""
        (self._adapter / "delete_device").write_text(f"0x{address:02x}")

    def unload(self) -> bool:
        """Take the adapter away; False while somebody holds its device open."""
        return subprocess.run(["rmmod", "i2c-stub"], capture_output=True).returncode == 0

    def reload(self) -> None:
        """Bring the adapter."""
        chips = ",".join(hex(address) for address in self._addresses)
        _run("modprobe", "i2c-stub", f"chip_addr={chips}")
        self._adapter = next(
            folder
            for folder in ADAPTERS.glob("i2c-*")
            if (folder / "name").read_text().startswith("SMBus stub")
        )
        self.number = int(self._adapter.name.removeprefix("i2c-"))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
