"""A card that is libasound's file plugin: an ALSA config of its own, and a FIFO fed in real time.

Rules of this file
- The plugin reads once for each period and takes what it got for a whole one. So the player writes
  whole periods only, each in one go, and only where the pipe has room: it never tears one.
- The player is paced by CLOCK_MONOTONIC and a rate of its own. A full pipe is a ring that ran over:
  its samples are dropped and counted, as a card's would be.
- The player's own lateness is no card's: it is made good, or counted as time that stood still.

    signal(n, count) -> player -> FIFO -> pcm type file -> driver
                          |                 '- slave: pcm type null
                        skip, stall
"""

from __future__ import annotations

import array
import fcntl
import os
import termios
import threading
import time
import wave
from collections.abc import Callable, Mapping
from pathlib import Path

PCM = "fake"
PIPE_BYTES = 1 << 20  # what an unprivileged user may have
LATE_S = 0.1

Signal = Callable[[int, int], bytes]

CONFIG = """\
pcm.{pcm} {{
    type file
    slave.pcm {{ type null }}
    file /dev/null
    infile "{fifo}"
    format raw
}}
"""


def from_wav(path: Path) -> Signal:
    """The samples of a WAV file, again and again, in the format that the file has."""
    with wave.open(str(path)) as recording:
        frame_bytes: int = recording.getnchannels() * recording.getsampwidth()
        content: bytes = recording.readframes(recording.getnframes())
    if not content:
        raise ValueError(f"{path} holds no samples")

    def signal(first: int, count: int) -> bytes:
        start = first * frame_bytes % len(content)
        need = count * frame_bytes
        return (content * (need // len(content) + 2))[start : start + need]

    return signal


class AlsaFifo:
    """The config and the FIFO. Use as a context; libasound finds it by ``environment``."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "alsa.conf"
        self.fifo = folder / "samples"
        os.mkfifo(self.fifo)
        self.config.write_text(CONFIG.format(pcm=PCM, fifo=self.fifo))

    @property
    def environment(self) -> Mapping[str, str]:
        """What must be in the environment before the card ``fake`` is opened."""
        return {"ALSA_CONFIG_PATH": str(self.config)}


class Player:
    """Plays ``signal`` into a FIFO in real time, on whatever thread or process calls `play`.

    ``dropped`` counts samples that found no room, ``stood_still_s`` its own lateness.
    """

    def __init__(
        self, fifo: Path, signal: Signal, rate_hz: float, period_frames: int, ring_bytes: int
    ) -> None:
        self.number = 0  # of the next frame
        self.dropped = 0
        self.stood_still_s = 0.0
        self._signal = signal
        self._rate_hz = rate_hz
        self._period = period_frames
        # A page holds the tail of one write only: half of the pipe is room for sure.
        self._ring_bytes = min(ring_bytes, PIPE_BYTES // 2)
        self._stalled = False
        # For reading too: neither side ever waits for the other to open, nor sees an end.
        self._fd = os.open(fifo, os.O_RDWR)
        fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def skip(self, frames: int) -> None:
        """Lose samples without a word, as a damaged USB packet does."""
        self.number += frames

    def stall(self, stalled: bool = True) -> None:
        """Sample, and deliver nothing."""
        self._stalled = stalled

    def play(self, ending: threading.Event) -> None:
        """Until told to end."""
        period_s = self._period / self._rate_hz
        due_s = time.monotonic() + period_s
        while not ending.wait(max(0.0, due_s - time.monotonic())):
            late_s = time.monotonic() - due_s
            if late_s > LATE_S:
                self.stood_still_s += late_s
                due_s += late_s
            due_s += period_s
            self.write()

    def write(self) -> None:
        """One period, now."""
        first = self.number
        self.number += self._period
        if self._stalled:
            return
        raw = self._signal(first, self._period)
        if self._waiting() + len(raw) > self._ring_bytes:
            self.dropped += self._period
            return
        os.write(self._fd, raw)

    def close(self) -> None:
        """Let go of the FIFO; a reader then sees its end."""
        os.close(self._fd)

    def _waiting(self) -> int:
        count = array.array("i", [0])
        fcntl.ioctl(self._fd, termios.FIONREAD, count)
        return count[0]
