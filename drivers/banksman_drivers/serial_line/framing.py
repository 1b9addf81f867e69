"""Bytes of a serial line into frames: four ways that instruments mark where a message ends.

Rules of this file
- Pure: bytes come in as they came, however they were cut; the silence of a line is told by `idle`.
- Nothing raises. What cannot be a frame comes out as a `Frame` with its flaw in words, so that
  whoever reads can say BAD and count; after it the framer looks for the next beginning.
- A frame is bounded: noise without an end never grows the memory.
- Bytes between frames belong to nobody and are counted in ``stray_bytes``. Line ends, blanks and
  zeros there are usual; of others a flaw is told, if no frame follows.

    line      S S   12.34 g CR LF           CR, LF or both end it
    marked    STX 20p  1234   000 CR CHK    one byte begins, one ends, a few may follow
    length    55 03 a b c                   so many bytes, or as many as a byte of it says
    gap       abc ......... def ....        silence ends it
"""

from __future__ import annotations

import abc

import msgspec

STX = 0x02
ETX = 0x03
CR = 0x0D
USUAL = b"\r\n \0"

CUT = "cut off: the line fell silent in the middle"
ASTRAY = "bytes without a beginning: check baud rate, parity and framing"
TOO_LONG = "no end within the longest frame: check baud rate, parity and framing"


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One message without its marks; ``flaw`` tells why it is none, and is empty otherwise."""

    data: bytes
    flaw: str = ""


class Framer(abc.ABC):
    """Takes bytes, gives frames; ``frame_max_bytes`` bounds what it keeps."""

    def __init__(self, frame_max_bytes: int) -> None:
        self.stray_bytes = 0
        self._most = frame_max_bytes
        self._kept = bytearray()
        # Bytes of a frame that was too long, since that was told last; None: it is not.
        self._flooded: int | None = None
        self._astray = 0  # bytes between frames that nobody was told of

    @property
    def unfinished(self) -> bool:
        """Whether `idle` would change anything."""
        return bool(self._kept or self._astray) or self._flooded is not None

    @abc.abstractmethod
    def feed(self, data: bytes) -> list[Frame]:
        """Take what has come; every frame that is whole now, oldest first."""

    def idle(self) -> list[Frame]:
        """The line has been silent for longer than a frame may pause: half a frame is none."""
        flaws = [Frame(b"", ASTRAY)] if self._astray else []
        if self._kept:
            flaws.append(Frame(bytes(self._kept), CUT))
        self.clear()
        return flaws

    def clear(self) -> None:
        """Forget what was begun: the port was opened anew."""
        self._kept.clear()
        self._flooded = None
        self._astray = 0

    def _stray(self, piece: bytes, frames: list[Frame]) -> None:
        """Bytes that belong to no frame."""
        self.stray_bytes += len(piece)
        self._astray += len(piece.translate(None, USUAL))
        if self._astray >= self._most:
            self._astray = 0
            frames.append(Frame(b"", ASTRAY))

    def _keep(self, piece: bytes, frames: list[Frame]) -> None:
        """Add to the frame that was begun; of one that is too long the rest is told and dropped.

        The rest is no frame of its own, or the end of a flood might look like a message.
        """
        if self._flooded is None:
            room = self._most - len(self._kept)
            self._kept += piece[:room]
            if len(piece) <= room:
                return
            frames.append(Frame(bytes(self._kept), TOO_LONG))
            self._kept.clear()
            self._flooded = 0
            piece = piece[room:]
        self.stray_bytes += len(piece)
        self._flooded += len(piece)
        more, self._flooded = divmod(self._flooded, self._most)
        frames += [Frame(b"", TOO_LONG)] * more


class LineFramer(Framer):
    """Text lines. CR, LF or both end one; empty lines are none."""

    def feed(self, data: bytes) -> list[Frame]:
        """Every line that has ended."""
        *ended, rest = data.replace(b"\r", b"\n").split(b"\n")
        frames: list[Frame] = []
        for piece in ended:
            self._keep(piece, frames)
            if self._kept:
                frames.append(Frame(bytes(self._kept)))
            self.clear()
        self._keep(rest, frames)
        return frames


class MarkedFramer(Framer):
    """A byte that begins, a byte that ends, and ``trailer`` bytes after it (a checksum).

    A beginning within a frame begins anew: the first one was cut off. ``data`` of a frame holds
    what lies between the marks and then the trailer.
    """

    def __init__(
        self, frame_max_bytes: int, start: int = STX, end: int = ETX, trailer: int = 0
    ) -> None:
        super().__init__(frame_max_bytes)
        self._start = start
        self._end = end
        self._trailer = trailer
        self._inside = False
        self._owed = -1  # trailer bytes that are still to come; -1: the end was not seen yet

    @property
    def unfinished(self) -> bool:
        """Whether the end of a frame is awaited."""
        return self._inside or super().unfinished

    def feed(self, data: bytes) -> list[Frame]:
        """Every frame whose end and trailer have come."""
        frames: list[Frame] = []
        for byte in data:
            if self._owed > 0:  # whatever a checksum looks like, it is no mark
                self._kept.append(byte)
                self._owed -= 1
            elif byte == self._start:
                if self._inside and self._kept:
                    frames.append(Frame(bytes(self._kept), "cut off: another one began within it"))
                self._begin()
                continue
            elif not self._inside:
                self._stray(bytes([byte]), frames)
                continue
            elif byte == self._end:
                self._owed = self._trailer
            elif len(self._kept) < self._most:
                self._kept.append(byte)
            else:
                frames.append(Frame(bytes(self._kept), TOO_LONG))
                self.clear()
                self.stray_bytes += 1
            if self._owed == 0:
                frames.append(Frame(bytes(self._kept)))
                self.clear()
        return frames

    def clear(self) -> None:
        """Forget what was begun."""
        super().clear()
        self._inside = False
        self._owed = -1

    def _begin(self) -> None:
        self._kept.clear()
        self._inside = True
        self._owed = -1


class LengthFramer(Framer):
    """Frames of a known length: always ``length`` bytes, or as many as a byte of it says.

    ``length_at`` is the place of that byte from 0; it counts the bytes that follow it. ``start``
    begins each frame; without one only silence tells where the next frame begins, so the
    driver's pause (`idle`) must be shorter than the instrument's. ``data`` is the whole frame.
    """

    def __init__(
        self,
        frame_max_bytes: int,
        length: int = 0,
        length_at: int | None = None,
        start: bytes = b"",
    ) -> None:
        super().__init__(frame_max_bytes)
        self._length = length
        self._length_at = length_at
        self._start = start

    def feed(self, data: bytes) -> list[Frame]:
        """Every frame that is complete."""
        self._kept += data
        frames: list[Frame] = []
        while self._at_start(frames):
            size = self._size()
            if size > self._most:
                frames.append(Frame(self._start, TOO_LONG))
                self._skip(1, frames)
            elif size == 0 or len(self._kept) < size:
                break
            else:
                frames.append(Frame(bytes(self._kept[:size])))
                del self._kept[:size]
                self._astray = 0
        return frames

    def _size(self) -> int:
        """Of the frame that has begun; 0 while it is not known."""
        at = self._length_at
        if at is None:
            return self._length
        return at + 1 + self._kept[at] if len(self._kept) > at else 0

    def _at_start(self, frames: list[Frame]) -> bool:
        """Throw away what lies before the next beginning; whether anything is left."""
        kept, start = self._kept, self._start
        if start and not kept.startswith(start):
            found = kept.find(start)
            if found >= 0:
                self._skip(found, frames)
            else:
                # The end may be the first bytes of a beginning.
                tail = next(n for n in range(len(start) - 1, -1, -1) if kept.endswith(start[:n]))
                self._skip(len(kept) - tail, frames)
        return len(kept) >= max(1, len(start))

    def _skip(self, count: int, frames: list[Frame]) -> None:
        for place in range(count):  # one by one: told at the same place however they came
            self._stray(bytes(self._kept[place : place + 1]), frames)
        del self._kept[:count]


class GapFramer(Framer):
    """Silence ends a frame. The driver calls `idle` after the gap, and `feed` before it only."""

    def feed(self, data: bytes) -> list[Frame]:
        """Nothing ends by bytes; a frame without a pause is too long at last."""
        frames: list[Frame] = []
        self._keep(data, frames)
        return frames

    def idle(self) -> list[Frame]:
        """The frame has ended."""
        frames = [Frame(bytes(self._kept))] if self._kept else []
        self.clear()
        return frames
