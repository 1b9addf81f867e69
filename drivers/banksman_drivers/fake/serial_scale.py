"""A scale on a pseudo-terminal: MT-SICS when asked, Toledo's continuous output when told to send.

It weighs what it is told to weigh, and misbehaves on demand: ``refusing`` is the status that it
answers T and Z with, ``slow`` keeps the answers to them back until `answer_late`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from banksman_drivers.fake.serial_pty import SerialPty
from banksman_drivers.serial_line.framing import CR, STX
from banksman_drivers.serial_line.toledo import check_byte


class FakeScale:
    """The scale. ``load`` in ``unit``; ``state`` is S, D, I, + or - as MT-SICS has it."""

    def __init__(self, path: Path, baud: int = 9600, repeat_s: float = 0.02) -> None:
        self.pty = SerialPty(path, baud, self._command)
        self.load = 0.0
        self.unit = "kg"
        self.state = "S"
        self.zero = 0.0
        self.tare = 0.0
        self.refusing = ""
        self.slow = False
        self.carried_out: list[str] = []
        self.cancelled = 0  # how often it was told to forget what it still owed
        self._repeat_s = repeat_s
        self._repeating: asyncio.TimerHandle | None = None
        self._kept_back: list[bytes] = []

    def plug(self) -> None:
        """Switch on."""
        self.pty.plug()

    def unplug(self) -> None:
        """Pull the plug."""
        self._stop()
        self.pty.unplug()

    def answer_late(self) -> None:
        """Send the answers that were kept back."""
        for line in self._kept_back:
            self.pty.send(line)
        self._kept_back.clear()

    def send_toledo(self, *, checksum: bool = False, expanded: bool = False) -> None:
        """Send one frame of Toledo's continuous output, three decimals in kg."""
        weight = round((self.load - self.zero - self.tare) * 1000)
        second = 0x20 | 16
        second |= (1 if self.tare else 0) | (2 if weight < 0 else 0)
        second |= (4 if self.state in "+-" else 0) | (8 if self.state == "D" else 0)
        third = 0x20 | (16 if expanded else 0)
        first = 0x20 | 8 | (4 if expanded else 5)
        digits = f"{abs(weight):6d}{round(self.tare * 1000):6d}".encode()
        body = bytes([first, second, third]) + digits
        tail = check_byte(body) if checksum else b""
        self.pty.send(bytes([STX]) + body + bytes([CR]) + tail)

    def _command(self, line: bytes) -> None:
        word = line.decode("ascii", "replace").strip()
        if word in ("S", "SI", "SIR"):
            self._stop()
            self._weigh()
            if word == "SIR":
                self._repeat()
        elif word in ("T", "Z"):
            self._act(word)
        elif word == "@":
            self._stop()
            self.cancelled += 1
            self._kept_back.clear()
            self._say('I4 A "0123456789"')
        else:
            self._say("ES")

    def _act(self, word: str) -> None:
        if self.refusing:
            self._say(self.refusing if self.refusing.startswith("E") else f"{word} {self.refusing}")
            return
        self.carried_out.append(word)
        if word == "T":
            self.tare = self.load - self.zero
            answer = f"T S {self.tare:10.3f} {self.unit}"
        else:
            self.zero, self.tare = self.load, 0.0
            answer = "Z A"
        if self.slow:
            self._kept_back.append(f"{answer}\r\n".encode())
        else:
            self._say(answer)

    def _weigh(self) -> None:
        if self.state in ("S", "D"):
            weight = self.load - self.zero - self.tare
            self._say(f"S {self.state} {weight:10.3f} {self.unit}")
        else:
            self._say(f"S {self.state}")

    def _say(self, line: str) -> None:
        self.pty.send(f"{line}\r\n".encode())

    def _repeat(self) -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            self._weigh()
            self._repeating = loop.call_later(self._repeat_s, again)

        self._repeating = loop.call_later(self._repeat_s, again)

    def _stop(self) -> None:
        if self._repeating is not None:
            self._repeating.cancel()
            self._repeating = None
