"""An instrument on a pseudo-terminal with messages of its own: a level, a door and a lamp.

?        ->  LEVEL 12.0;DOOR 1
LAMP 1   ->  OK LAMP 1            or ERR when it refuses
"""

from __future__ import annotations

from pathlib import Path

from banksman_drivers.fake.serial_pty import SerialPty


class FakeInstrument:
    """The instrument. ``lamp_history`` is what the lamp was told, ``refusing`` that it was not."""

    def __init__(self, path: Path, baud: int = 9600) -> None:
        self.pty = SerialPty(path, baud, self._command)
        self.level = 12.0
        self.door = True
        self.refusing = False
        self.lamp_history: list[bool] = []

    def plug(self) -> None:
        """Switch on."""
        self.pty.plug()

    def unplug(self) -> None:
        """Pull the plug."""
        self.pty.unplug()

    def _command(self, line: bytes) -> None:
        if line == b"?":
            self.pty.send(f"LEVEL {self.level:.1f};DOOR {self.door:d}\r\n".encode())
        elif line in (b"LAMP 0", b"LAMP 1") and not self.refusing:
            self.lamp_history.append(line == b"LAMP 1")
            self.pty.send(b"OK " + line + b"\r\n")
        else:
            self.pty.send(b"ERR\r\n")
