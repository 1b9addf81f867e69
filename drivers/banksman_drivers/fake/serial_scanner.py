"""A barcode scanner on a pseudo-terminal: it sends what it is shown, with or without AIM prefix."""

from __future__ import annotations

from pathlib import Path

from banksman_drivers.fake.serial_pty import SerialPty


class FakeScanner:
    """The scanner. ``prefix`` and ``suffix`` as a real one is programmed to send them."""

    def __init__(
        self, path: Path, baud: int = 9600, prefix: bytes = b"", suffix: bytes = b"\r"
    ) -> None:
        self.pty = SerialPty(path, baud)
        self.prefix = prefix
        self.suffix = suffix

    def plug(self) -> None:
        """Switch on."""
        self.pty.plug()

    def unplug(self) -> None:
        """Pull the plug."""
        self.pty.unplug()

    def scan(self, text: str, aim: str = "") -> None:
        """See a code; ``aim`` is its AIM prefix, such as ``]E0``."""
        self.pty.send(self.prefix + f"{aim}{text}".encode() + self.suffix)
