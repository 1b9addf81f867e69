"""One open capture card: set up as the config says, read a period at a time, told in our errors.

Rules of this file
- One thread opens, reads and closes it; no call waits for longer than it is told to.
- Nothing is converted behind our back: format, channels and rate are the card's own, or an error
  that says what it has. Software resampling is switched off.
- What libasound answers:

    | answer | means | here |
    |---|---|---|
    | -EPIPE, -ESTRPIPE | the ring ran over, or the box slept | Overrun; `recover` begins anew |
    | -EAGAIN | a period is not complete yet | 0 samples |
    | -ENODEV, -EIO, any other | unplugged, or broken | DeviceLost with what to check |
"""

from __future__ import annotations

import ctypes
import errno
import re
from ctypes import byref, c_uint, c_ulong
from typing import Protocol

import numpy as np

from banksman_drivers.audio import alsa
from banksman_drivers.audio.alsa import HANDLE, AlsaError, Timespec, done
from banksman_drivers.audio.formats import LAYOUTS, Raw
from banksman_drivers.ports import DeviceLost, DriverError
from banksman_drivers.settings.audio import AudioSettings

OVERRUNS = (errno.EPIPE, errno.ESTRPIPE)
CARD_NAME = re.compile(r"CARD=([^,]+)")
REMEDIES = {
    errno.ENOENT: "there is no PCM of that name; arecord -L lists them",
    errno.ENODEV: "it is not plugged in; arecord -L lists those that are",
    errno.EBUSY: "another program has it; fuser -v /dev/snd/* names that",
    errno.EACCES: "the daemon's user must be in the group audio",
}


class Overrun(DriverError):
    """Samples were lost: nobody read the card in time. It stands until `Card.recover`."""


class OpenHandle(Protocol):
    """How a PCM is opened; a fake's hand may be another."""

    def __call__(self, name: str) -> HANDLE:
        """Open for capture without waiting. Raises AlsaError."""


def open_handle(name: str) -> HANDLE:
    """Ask libasound for the PCM. Raises AlsaError.

    A card that is not plugged in is asked for by its id first: libasound would print each failure.
    """
    lib = alsa.library()
    named = CARD_NAME.search(name)
    if named is not None and name.startswith(("hw:", "plughw:")):
        done(lib.snd_card_get_index(named[1].encode()), "looking for it")
    handle = HANDLE()
    done(lib.snd_pcm_open(byref(handle), name.encode(), alsa.CAPTURE, alsa.NONBLOCK), "opening")
    return handle


class Card:
    """A card that captures. Raises DeviceLost when it cannot, naming it and what to check."""

    def __init__(self, settings: AudioSettings, open_it: OpenHandle = open_handle) -> None:
        self._settings = settings
        self._lib = alsa.library()
        try:
            self._handle = open_it(settings.card)
        except AlsaError as error:
            raise _lost(settings.card, error) from error
        self._status = ctypes.create_string_buffer(self._lib.snd_pcm_status_sizeof())
        try:
            self._set_up()
            self._start()
        except AlsaError as error:
            self.close()
            raise _lost(settings.card, error) from error
        except DeviceLost:
            self.close()
            raise

    @property
    def remark(self) -> str:
        """What people should know of it: empty, or that it holds less than was asked for."""
        holds_ms = self._ring / self._settings.rate_hz * 1e3
        if holds_ms > 0.75 * self._settings.buffer_ms:
            return ""
        return f"; it holds {holds_ms:.0f} ms, not the {self._settings.buffer_ms:g} of buffer_ms"

    def wait(self, timeout_s: float) -> bool:
        """Wait for a period; False when none came in time. Raises Overrun, DeviceLost."""
        return self._asked(self._lib.snd_pcm_wait(self._handle, round(timeout_s * 1e3))) > 0

    def read(self) -> Raw:
        """The samples of a period, or of a part of one. Raises Overrun, DeviceLost."""
        got = self._lib.snd_pcm_readi(self._handle, self._room.ctypes.data, self._period)
        if got == -errno.EAGAIN:
            got = 0
        return self._room[: self._asked(got) * self._frame_bytes].copy()

    def stamp(self) -> tuple[int, int]:
        """Time in ns, and how many samples the card had by then that were not read yet."""
        self._asked(self._lib.snd_pcm_status(self._handle, self._status))
        at = Timespec()
        self._lib.snd_pcm_status_get_htstamp(self._status, byref(at))
        waiting = self._lib.snd_pcm_status_get_delay(self._status)
        return at.seconds * 1_000_000_000 + at.nanoseconds, max(0, waiting)

    def recover(self) -> None:
        """Begin anew after an overrun. Raises DeviceLost."""
        try:
            self._start()
        except AlsaError as error:
            raise _lost(self._settings.card, error) from error

    def close(self) -> None:
        """Let go of the card; once."""
        self._lib.snd_pcm_close(self._handle)

    def _asked(self, code: int) -> int:
        if code >= 0:
            return code
        if -code in OVERRUNS:
            raise Overrun(f"{self._settings.card}: samples were lost")
        try:
            return done(code, "reading")
        except AlsaError as error:
            raise _lost(self._settings.card, error) from error

    def _start(self) -> None:
        done(self._lib.snd_pcm_prepare(self._handle), "preparing")
        done(self._lib.snd_pcm_start(self._handle), "starting")

    def _set_up(self) -> None:
        lib, pcm, settings = self._lib, self._handle, self._settings
        layout = LAYOUTS[settings.sample_format]
        params = ctypes.create_string_buffer(lib.snd_pcm_hw_params_sizeof())
        done(lib.snd_pcm_hw_params_any(pcm, params), "asking what it can do")
        done(lib.snd_pcm_hw_params_set_rate_resample(pcm, params, 0), "no resampling")
        done(lib.snd_pcm_hw_params_set_access(pcm, params, alsa.INTERLEAVED), "interleaved samples")
        if lib.snd_pcm_hw_params_set_format(pcm, params, layout.number) < 0:
            has = [
                name
                for name, each in LAYOUTS.items()
                if lib.snd_pcm_hw_params_test_format(pcm, params, each.number) >= 0
            ]
            self._refused(f"sample_format {settings.sample_format}", ", ".join(has) or "no other")
        if lib.snd_pcm_hw_params_set_channels(pcm, params, settings.channels) < 0:
            self._refused(f"channels {settings.channels}", self._has(params, "channels"))
        if lib.snd_pcm_hw_params_set_rate(pcm, params, settings.rate_hz, 0) < 0:
            self._refused(f"rate_hz {settings.rate_hz}", self._has(params, "rate", None))
        # The period first: the ring is then a whole number of them.
        period = c_ulong(settings.period_frames)
        done(
            lib.snd_pcm_hw_params_set_period_size_near(pcm, params, byref(period), None),
            f"period_ms {settings.period_ms:g}",
        )
        ring = c_ulong(settings.buffer_frames)
        done(
            lib.snd_pcm_hw_params_set_buffer_size_near(pcm, params, byref(ring)),
            f"buffer_ms {settings.buffer_ms:g}",
        )
        done(lib.snd_pcm_hw_params(pcm, params), "setting it up")
        self._period = period.value
        self._ring = ring.value
        self._frame_bytes = layout.sample_bytes * settings.channels
        self._room = np.zeros(self._period * self._frame_bytes, np.uint8)
        soft = ctypes.create_string_buffer(lib.snd_pcm_sw_params_sizeof())
        done(lib.snd_pcm_sw_params_current(pcm, soft), "asking how it works")
        done(lib.snd_pcm_sw_params_set_avail_min(pcm, soft, self._period), "waking by the period")
        done(lib.snd_pcm_sw_params_set_tstamp_mode(pcm, soft, alsa.STAMPS_ON), "time stamps")
        done(
            lib.snd_pcm_sw_params_set_tstamp_type(pcm, soft, alsa.STAMPS_MONOTONIC),
            "monotonic time stamps",
        )
        done(lib.snd_pcm_sw_params(pcm, soft), "setting it up")

    def _has(self, params: ctypes.Array[ctypes.c_char], what: str, *rest: None) -> str:
        ends = []
        for end in ("min", "max"):
            value = c_uint()
            getattr(self._lib, f"snd_pcm_hw_params_get_{what}_{end}")(params, byref(value), *rest)
            ends.append(value.value)
        return f"{ends[0]}" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"

    def _refused(self, what: str, has: str) -> None:
        raise DeviceLost(f"{self._settings.card} has not {what}; it has {has}")


def _lost(card: str, error: AlsaError) -> DeviceLost:
    remedy = REMEDIES.get(error.errno or 0, "check its plug, then arecord -L and dmesg")
    return DeviceLost(f"{card}: {error.strerror}; {remedy}")
