"""Modbus RTU units on a pseudo-terminal that misbehave on demand: for tests, trials and drills.

Rules of this file
- Raw bytes, so that it can send what no library would. The units share the line as on RS-485.
- ``units`` hold what they have, ``faults`` say how one misbehaves from its next request on; both
  may be changed at any time on the loop it was started on.
- ``unplug`` takes the adapter away, ``plug`` brings another back under the same name, as udev does.
- It keeps no wire's time: what takes how long on a real line is the benchmark's business.

    line = RtuLine(folder / "rs485")
    line.units[3] = Memory()
    line.units[3].holding[0] = 42
    line.plug()                                # line.port is the name to open
    line.faults[3] = RtuFaults(delay_s=0.3)
    await line.until(lambda: line.asked[3] > 5)
    line.unplug()
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from banksman_drivers.fake.modbus_memory import Memory, Write
from banksman_drivers.modbus_rtu_frame import FRAME_MAX, crc16

WRITES_KEPT = 10_000

Script = Callable[[bytes], Sequence[bytes]]


class RtuFaults(msgspec.Struct, frozen=True):
    """How a unit misbehaves; the default is not at all.

    ``script`` gets each request frame and returns the bytes to send in place of an answer.
    """

    delay_s: float = 0.0  # every answer comes this much later
    silent: bool = False  # takes requests and never answers
    deaf: int = 0  # does not hear this many requests, then is well
    exception: int | None = None  # refuses every request with this code, writes included
    noise: bytes = b""  # comes before every answer
    noise_after: bytes = b""  # and this after it
    wrong_crc: bool = False  # answers have a wrong checksum
    truncate: int | None = None  # sends only so many bytes of the answer
    unit_id: int | None = None  # answers name this unit
    piece_bytes: int = 0  # sends in pieces of so many bytes; 0: whole
    script: Script | None = None


def request_size(heard: bytes) -> int | None:
    """How long the request is that begins here, CRC included; None: not told yet."""
    if len(heard) < 2:
        return None
    function = heard[1]
    fixed = {1: 8, 2: 8, 3: 8, 4: 8, 5: 8, 6: 8, 22: 10}
    counts = {15: 6, 16: 6, 23: 10}  # where the byte count stands
    if function in fixed:
        return fixed[function]
    if function not in counts:
        return len(heard)  # of an unknown function: what came together is one
    at = counts[function]
    return None if len(heard) <= at else at + 1 + heard[at] + 2


def misbehave(request: bytes, pdu: bytes, faults: RtuFaults) -> list[bytes]:
    """The pieces to send in answer to ``request``; ``pdu`` is what would be right. Pure."""
    if faults.script is not None:
        return list(faults.script(request))
    if faults.silent:
        return []
    unit = request[0] if faults.unit_id is None else faults.unit_id
    frame = bytes((unit,)) + pdu
    frame += bytes(byte ^ faults.wrong_crc for byte in crc16(frame))
    sent = faults.noise + frame[: faults.truncate] + faults.noise_after
    step = faults.piece_bytes or len(sent) or 1
    return [sent[start : start + step] for start in range(0, len(sent), step)]


class RtuLine:
    """The line and its units. ``asked`` counts the requests of each unit, ``writes`` keeps the
    newest writes taken; ``echo``: the adapter gives back what it is told to send.
    """

    def __init__(self, link: Path) -> None:
        self.port = str(link)
        self.units: dict[int, Memory] = {}
        self.faults: dict[int, RtuFaults] = {}
        self.echo = False
        self.asked: Counter[int] = Counter()
        self.writes: deque[tuple[int, Write]] = deque(maxlen=WRITES_KEPT)
        self.requests: deque[bytes] = deque(maxlen=WRITES_KEPT)
        self.broken = 0  # bytes that were no request
        self._link = link
        self._ends: tuple[int, int] | None = None
        self._heard = bytearray()
        self._later: set[asyncio.TimerHandle] = set()
        self._busy_until_s: dict[int, float] = {}
        self._news = asyncio.Event()

    def plug(self) -> None:
        """Bring the adapter up under its name."""
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._ends = master, slave
        self._heard.clear()
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(slave))
        asyncio.get_running_loop().add_reader(master, self._readable)

    def unplug(self) -> None:
        """Take the adapter away, and its name with it."""
        if self._ends is None:
            return
        for handle in self._later:
            handle.cancel()
        self._later.clear()
        asyncio.get_running_loop().remove_reader(self._ends[0])
        for end in self._ends:
            os.close(end)
        self._ends = None
        self._link.unlink(missing_ok=True)

    def say(self, data: bytes) -> None:
        """Put bytes on the line unasked; what the line cannot take is lost, as on a wire."""
        if self._ends is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._ends[0], data)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when ``condition`` holds; it is looked at after every request."""
        while not condition():
            self._news.clear()
            await self._news.wait()

    def _readable(self) -> None:
        if self._ends is None:
            return
        data = os.read(self._ends[0], 4096)
        if self.echo:
            self.say(data)
        self._heard += data
        while self._heard:
            size = request_size(bytes(self._heard))
            if size is None or len(self._heard) < size <= FRAME_MAX:
                return
            frame = bytes(self._heard[:size])
            if size > FRAME_MAX or len(frame) < 4 or crc16(frame[:-2]) != frame[-2:]:
                self.broken += len(self._heard)
                self._heard.clear()
                return
            del self._heard[:size]
            self._serve(frame)

    def _serve(self, frame: bytes) -> None:
        unit = frame[0]
        self.asked[unit] += 1
        self.requests.append(frame)
        if unit in self.units:
            self._answer(unit, frame)
        self._news.set()

    def _answer(self, unit: int, frame: bytes) -> None:
        faults = self.faults.get(unit, RtuFaults())
        if faults.deaf:
            self.faults[unit] = msgspec.structs.replace(faults, deaf=faults.deaf - 1)
            return
        if faults.exception is not None:
            pdu = bytes((frame[1] | 0x80, faults.exception))
        else:
            memory = self.units[unit]
            before = memory.last_write
            pdu = memory.answer(frame[1:-2])
            after = memory.last_write
            if after is not None and after is not before:
                self.writes.append((unit, after))
        pieces = misbehave(frame, pdu, faults)
        loop = asyncio.get_running_loop()
        due_s = max(loop.time() + faults.delay_s, self._busy_until_s.get(unit, 0.0))
        self._busy_until_s[unit] = due_s  # a unit answers one request after the other
        self._send(pieces, due_s - loop.time())

    def _send(self, pieces: Sequence[bytes], delay_s: float) -> None:
        """Send the pieces one after the other, each to be read on its own."""
        if not pieces:
            return

        def go() -> None:
            self._later.discard(handle)
            self.say(pieces[0])
            self._send(pieces[1:], 0.001)

        if delay_s <= 0:
            self.say(pieces[0])
            self._send(pieces[1:], 0.001)
            return
        handle = asyncio.get_running_loop().call_later(delay_s, go)
        self._later.add(handle)
