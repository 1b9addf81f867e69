"""The few functions of libasound that a capture needs, by ctypes.

Rules of this file
- A table of what is called with which types, and the errors in words. What they mean is card.py's.
- ctypes lets go of the interpreter lock for each call, and costs no dependency: the box has the
  library. What lost: pyalsaaudio (0.11) has no wheels, so each box would need a compiler and
  headers; sounddevice (0.5) puts PortAudio and its callbacks between, and with them the kernel's
  own time stamps and the delay are gone.
- No callbacks: under MemoryDenyWriteExecute= there may be no room to make them.

Functions: alsa-lib reference, "PCM Interface"; error codes are negative errno.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int, c_long, c_size_t, c_uint, c_ulong, c_void_p
from functools import cache
from typing import Any

from banksman_drivers.ports import DriverError, Unsupported

LIBRARY = "libasound.so.2"

CAPTURE = 1  # snd_pcm_stream_t
NONBLOCK = 1  # SND_PCM_NONBLOCK: a card in use is an error at once, not a wait
INTERLEAVED = 3  # SND_PCM_ACCESS_RW_INTERLEAVED
STAMPS_ON = 1  # SND_PCM_TSTAMP_ENABLE
STAMPS_MONOTONIC = 1  # SND_PCM_TSTAMP_TYPE_MONOTONIC

HANDLE = c_void_p  # snd_pcm_t *
PARAMS = c_void_p  # snd_pcm_hw_params_t * or snd_pcm_sw_params_t *


class Timespec(ctypes.Structure):
    """struct timespec of the C library."""

    _fields_ = (("seconds", c_long), ("nanoseconds", c_long))


TYPES: dict[str, tuple[Any, ...]] = {
    # name: result, arguments…
    "snd_card_get_index": (c_int, c_char_p),
    "snd_pcm_open": (c_int, POINTER(HANDLE), c_char_p, c_int, c_int),
    "snd_pcm_close": (c_int, HANDLE),
    "snd_pcm_prepare": (c_int, HANDLE),
    "snd_pcm_start": (c_int, HANDLE),
    "snd_pcm_drop": (c_int, HANDLE),
    "snd_pcm_wait": (c_int, HANDLE, c_int),
    "snd_pcm_readi": (c_long, HANDLE, c_void_p, c_ulong),
    "snd_pcm_status": (c_int, HANDLE, c_void_p),
    "snd_pcm_status_sizeof": (c_size_t,),
    "snd_pcm_status_get_htstamp": (None, c_void_p, POINTER(Timespec)),
    "snd_pcm_status_get_delay": (c_long, c_void_p),
    "snd_pcm_hw_params_sizeof": (c_size_t,),
    "snd_pcm_hw_params_any": (c_int, HANDLE, PARAMS),
    "snd_pcm_hw_params_set_rate_resample": (c_int, HANDLE, PARAMS, c_uint),
    "snd_pcm_hw_params_set_access": (c_int, HANDLE, PARAMS, c_int),
    "snd_pcm_hw_params_set_format": (c_int, HANDLE, PARAMS, c_int),
    "snd_pcm_hw_params_test_format": (c_int, HANDLE, PARAMS, c_int),
    "snd_pcm_hw_params_set_channels": (c_int, HANDLE, PARAMS, c_uint),
    "snd_pcm_hw_params_set_rate": (c_int, HANDLE, PARAMS, c_uint, c_int),
    "snd_pcm_hw_params_set_period_size_near": (c_int, HANDLE, PARAMS, POINTER(c_ulong), c_void_p),
    "snd_pcm_hw_params_set_buffer_size_near": (c_int, HANDLE, PARAMS, POINTER(c_ulong)),
    "snd_pcm_hw_params_get_channels_min": (c_int, PARAMS, POINTER(c_uint)),
    "snd_pcm_hw_params_get_channels_max": (c_int, PARAMS, POINTER(c_uint)),
    "snd_pcm_hw_params_get_rate_min": (c_int, PARAMS, POINTER(c_uint), c_void_p),
    "snd_pcm_hw_params_get_rate_max": (c_int, PARAMS, POINTER(c_uint), c_void_p),
    "snd_pcm_hw_params": (c_int, HANDLE, PARAMS),
    "snd_pcm_sw_params_sizeof": (c_size_t,),
    "snd_pcm_sw_params_current": (c_int, HANDLE, PARAMS),
    "snd_pcm_sw_params_set_avail_min": (c_int, HANDLE, PARAMS, c_ulong),
    "snd_pcm_sw_params_set_tstamp_mode": (c_int, HANDLE, PARAMS, c_int),
    "snd_pcm_sw_params_set_tstamp_type": (c_int, HANDLE, PARAMS, c_int),
    "snd_pcm_sw_params": (c_int, HANDLE, PARAMS),
}


class AlsaError(DriverError, OSError):
    """A call of libasound was refused; ``errno`` says why."""


@cache
def library() -> ctypes.CDLL:
    """libasound with its types. Raises OSError where it is not installed."""
    alsa = ctypes.CDLL(LIBRARY)
    for name, (result, *arguments) in TYPES.items():
        function = getattr(alsa, name)
        function.restype = result
        function.argtypes = arguments
    return alsa


def must_be_there(device: str) -> None:
    """Raises Unsupported, with the remedy, when the library is missing."""
    try:
        library()
    except (OSError, AttributeError) as error:
        remedy = "apt-get install libasound2 (libasound2t64 since Debian 13)"
        raise Unsupported(f"{device}: no usable {LIBRARY}: {error}; {remedy}") from error


def done(code: int, what: str) -> int:
    """``code`` of a call when it is none of an error. Raises AlsaError."""
    if code < 0:
        raise AlsaError(-code, f"{what}: {os.strerror(-code)}")
    return code
