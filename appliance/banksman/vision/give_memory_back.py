"""Gives the kernel back what learning took: freed memory stays with the C library for long.

After learning the daemon would weigh a hundred megabytes more than after a restart, until the next.
"""

from __future__ import annotations

import ctypes


def give_memory_back() -> None:
    """Where the C library can (glibc's malloc_trim); else nothing. Milliseconds, without the
    interpreter lock."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
