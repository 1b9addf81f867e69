"""A sound card inside libasound: an external PCM plugin of its own, fed by hand. Ships for trials.

Rules of this file
- It is libasound's own state machine (pcm_ioplug.h): waiting, -EPIPE after an overrun, prepare and
  -ENODEV after a pull are what a kernel's card does, not what we think that it does.
- The card samples when it is fed. A ring that is full runs over: all in it is lost until it is
  prepared anew, as ALSA's default stop threshold has it.
- It can be pulled out and plugged in. ``opened`` and ``closed`` are counted.
- ``feed``, ``pull`` and ``plug`` on any thread.

    card = FakeCard()
    driver = AudioDriver(settings, ticks, card.open)
    card.feed(samples.tobytes())
    card.pull()
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import threading
from ctypes import CFUNCTYPE, POINTER, byref, c_int, c_long, c_uint, c_ulong, c_void_p

from banksman_drivers.audio import alsa
from banksman_drivers.audio.alsa import HANDLE, AlsaError, done
from banksman_drivers.audio.formats import LAYOUTS

VERSION = 1 << 16 | 0 << 8 | 2  # SND_PCM_IOPLUG_VERSION
MONOTONIC, WHOLE_POSITIONS = 1 << 1, 1 << 2  # SND_PCM_IOPLUG_FLAG_…
DISCONNECTED = 8  # SND_PCM_STATE_DISCONNECTED
ACCESS, FORMAT, CHANNELS, RATE, PERIOD_BYTES, BUFFER_BYTES, PERIODS = range(7)

Simple = CFUNCTYPE(c_int, c_void_p)
Position = CFUNCTYPE(c_long, c_void_p)
Transfer = CFUNCTYPE(c_long, c_void_p, c_void_p, c_ulong, c_ulong)


class Area(ctypes.Structure):
    """snd_pcm_channel_area_t: where a channel lies, in bits."""

    _fields_ = (("address", c_void_p), ("first", c_uint), ("step", c_uint))


class Callbacks(ctypes.Structure):
    """snd_pcm_ioplug_callback_t, those that we use; the others stay null."""

    _fields_ = (
        ("start", Simple),
        ("stop", Simple),
        ("pointer", Position),
        ("transfer", Transfer),
        ("close", Simple),
        ("hw_params", c_void_p),
        ("hw_free", c_void_p),
        ("sw_params", c_void_p),
        ("prepare", Simple),
        ("rest", c_void_p * 10),
    )


class Plug(ctypes.Structure):
    """snd_pcm_ioplug_t."""

    _fields_ = (
        ("version", c_uint),
        ("name", ctypes.c_char_p),
        ("flags", c_uint),
        ("poll_fd", c_int),
        ("poll_events", c_uint),
        ("mmap_rw", c_uint),
        ("callback", POINTER(Callbacks)),
        ("private_data", c_void_p),
        ("pcm", c_void_p),
        ("stream", c_int),
        ("state", c_int),
        ("appl_ptr", c_ulong),
        ("hw_ptr", c_ulong),
        ("nonblock", c_int),
        ("access", c_int),
        ("format", c_int),
        ("channels", c_uint),
        ("rate", c_uint),
        ("period_size", c_ulong),
        ("buffer_size", c_ulong),
    )


class FakeCard:
    """The card. ``formats``, ``rates_hz``, ``channels``: what it offers (lowest, highest)."""

    def __init__(
        self,
        formats: tuple[str, ...] = tuple(LAYOUTS),
        rates_hz: tuple[int, int] = (8_000, 48_000),
        channels: tuple[int, int] = (1, 2),
        ring_bytes_max: int = 1 << 22,
    ) -> None:
        self.opened = 0
        self.closed = 0
        self.prepared = 0
        self._offers = (formats, rates_hz, channels, ring_bytes_max)
        self._refuses = 0  # the error of the next openings
        self._session: _Session | None = None
        self._last: _Session | None = None
        self._lock = threading.RLock()

    @property
    def running(self) -> bool:
        """Whether somebody captures."""
        with self._lock:
            return self._session is not None and self._session.running

    @property
    def waiting_bytes(self) -> int:
        """What was sampled and nobody has read yet."""
        with self._lock:
            return 0 if self._session is None else len(self._session.ring)

    def open(self, name: str) -> HANDLE:
        """As libasound opens one; see card.OpenHandle. Raises AlsaError."""
        with self._lock:
            if self._refuses:
                raise AlsaError(self._refuses, f"opening: {os.strerror(self._refuses)}")
            if self._session is not None:
                raise AlsaError(errno.EBUSY, f"opening: {os.strerror(errno.EBUSY)}")
            self._session = _Session(self, name, self._lock)
            self.opened += 1
            return self._session.handle(*self._offers)

    def feed(self, raw: bytes) -> None:
        """The card has sampled so many frames; they come to nothing where nobody captures."""
        with self._lock:
            if self._session is not None:
                self._session.feed(raw)

    def refuse(self, code: int) -> None:
        """Openings fail with this errno; 0: no more."""
        with self._lock:
            self._refuses = code

    def pull(self) -> None:
        """Unplug it."""
        with self._lock:
            self._refuses = errno.ENODEV
            if self._session is not None:
                self._session.disconnect()

    def plug(self) -> None:
        """Plug it in again."""
        self.refuse(0)

    def let_go(self) -> None:
        """Its session has ended; called by that."""
        with self._lock:
            self.closed += 1
            # Kept until the next one ends: libasound is still within its callbacks.
            self._last, self._session = self._session, None


class _Session:
    """From opening to closing: libasound's plugin and the ring that it reads."""

    def __init__(self, card: FakeCard, name: str, lock: threading.RLock) -> None:
        self.running = False
        self._card = card
        self._lock = lock
        self.ring = bytearray()
        self._fed = 0  # frames since it was prepared
        self._overran = False
        self._gone = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._callbacks = Callbacks(
            start=Simple(self._start),
            stop=Simple(self._stop),
            pointer=Position(self._pointer),
            transfer=Transfer(self._transfer),
            close=Simple(self._close),
            prepare=Simple(self._prepare),
        )
        self._plug = Plug(
            version=VERSION,
            name=name.encode(),
            flags=MONOTONIC | WHOLE_POSITIONS,
            poll_fd=self._wake,
            poll_events=select.POLLIN,
            callback=ctypes.pointer(self._callbacks),
        )

    def handle(
        self,
        formats: tuple[str, ...],
        rates_hz: tuple[int, int],
        channels: tuple[int, int],
        ring_bytes_max: int,
    ) -> HANDLE:
        lib, plug = alsa.library(), self._plug
        name, stream = plug.name, alsa.CAPTURE
        done(lib.snd_pcm_ioplug_create(byref(plug), name, stream, alsa.NONBLOCK), "the plugin")
        numbers = [LAYOUTS[each].number for each in LAYOUTS if each in formats]
        for what, values in ((ACCESS, [alsa.INTERLEAVED]), (FORMAT, numbers)):
            listed = (c_uint * len(values))(*values)
            done(
                lib.snd_pcm_ioplug_set_param_list(byref(plug), what, len(values), listed),
                "its lists",
            )
        limits = {
            CHANNELS: channels,
            RATE: rates_hz,
            PERIOD_BYTES: (16, 1 << 20),
            BUFFER_BYTES: (32, ring_bytes_max),
            PERIODS: (2, 1024),
        }
        for what, (low, high) in limits.items():
            done(lib.snd_pcm_ioplug_set_param_minmax(byref(plug), what, low, high), "its limits")
        return HANDLE(plug.pcm)

    @property
    def _frame_bytes(self) -> int:
        number, channels = self._plug.format, self._plug.channels
        layout = next(each for each in LAYOUTS.values() if each.number == number)
        return int(layout.sample_bytes * channels)

    def feed(self, raw: bytes) -> None:
        if not self.running or self._overran or self._gone:
            return
        self.ring += raw
        self._fed += len(raw) // self._frame_bytes
        if len(self.ring) > self._plug.buffer_size * self._frame_bytes:
            self._overran = True
        self._show()

    def disconnect(self) -> None:
        self._gone = True
        alsa.library().snd_pcm_ioplug_set_state(byref(self._plug), DISCONNECTED)
        self._show()

    def _show(self) -> None:
        """Have the descriptor readable while a poll would find something."""
        period = self._plug.period_size * self._frame_bytes
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        if self._gone or self._overran or len(self.ring) >= period:
            os.eventfd_write(self._wake, 1)

    def _start(self, _: int) -> int:
        with self._lock:
            self.running = True
            return 0

    def _stop(self, _: int) -> int:
        with self._lock:
            self.running = False
            return 0

    def _prepare(self, _: int) -> int:
        with self._lock:
            if self._gone:
                return -errno.ENODEV
            self.ring.clear()
            self._fed, self._overran, self.running = 0, False, False
            self._card.prepared += 1
            self._show()
            return 0

    def _pointer(self, _: int) -> int:
        with self._lock:
            if self._gone:
                return -errno.ENODEV
            return -errno.EPIPE if self._overran else self._fed

    def _transfer(self, _: int, areas: int, offset: int, size: int) -> int:
        with self._lock:
            if self._gone:
                return -errno.ENODEV
            area = Area.from_address(areas)
            part = bytes(self.ring[: size * self._frame_bytes])
            ctypes.memmove(area.address + (area.first + area.step * offset) // 8, part, len(part))
            del self.ring[: len(part)]
            self._show()
            return len(part) // self._frame_bytes

    def _close(self, _: int) -> int:
        os.close(self._wake)
        self._card.let_go()
        return 0
