"""How long to wait before the next attempt at a lost device.

Rules of this file
- Pure: the random number is an argument, so a test can give it.
- The wait doubles with each failure up to a ceiling, and half of it is random: when a
  switch comes back, a hall of boxes does not knock at the same instant.

    failures   0         1          2          …   n
    wait       25..50    50..100    100..200       max/2..max   ms
"""

from __future__ import annotations

FIRST_MS = 50.0


def back_off_s(failures: int, max_ms: float, random: float) -> float:
    """Seconds to wait after ``failures`` failed attempts in a row; ``random`` is in 0..1.

    ``failures`` counts since the device last did its whole job; 0 means it was well just now.
    """
    doublings = min(failures, 63)
    ceiling_ms = min(max_ms, FIRST_MS * 2.0**doublings)
    return ceiling_ms * (0.5 + 0.5 * random) / 1000.0
