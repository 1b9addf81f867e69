"""The rate of a link, told from one transfer over it. Pure.

    bytes |              ______________  rate * time
    under |          ___|   the pipe is full
    way   |      ___|
          |_____|   each round trip twice as much (slow start)
          +-----'---'---'--------------'------ base -------> time
          request begins            last byte           answer

Rules of this file
- A request's time is the base (a round trip, and what the endpoint needs for any request), the
  round trips in which TCP's window was smaller than the link, and the rest at the link's rate. So
  the rounds are taken off one after another until the rate fills no more than `FULL` of the window:
  slow start doubles the window each round trip (RFC 5681, 3.1).
- A rate that takes off too few rounds is too low, so the highest seen on the way is the one.
- Where less than `OWN_PART` of the time is left, the transfer was too short to show the link: what
  it tells is a bound, and is called one. A link's rate is never read beyond what was seen of it.
- Without a window (another kernel, a proxy that is near) no round is taken off.
"""

from __future__ import annotations

import msgspec

OWN_PART = 0.25
FULL = 0.75  # a link that seems to carry a whole window each round trip may carry far more
ROUNDS_MOST = 24


class Transfer(msgspec.Struct, frozen=True):
    """``took_s``: from the request's begin over a made connection to its answer.

    ``trip_s``: the least round trip of that connection; ``window_bytes``: what TCP would have under
    way at once as it began; None: not known.
    """

    size: int
    took_s: float
    trip_s: float | None = None
    window_bytes: int | None = None


class Rate(msgspec.Struct, frozen=True):
    """Bytes a second; ``at_least``: the link carries so much or more."""

    per_s: float
    at_least: bool


def rate_of(transfer: Transfer, base_s: float, base_bytes: int = 0) -> Rate:
    """The rate that a transfer tells.

    ``base_s`` is what a request of ``base_bytes`` takes over the same link. Of a transfer that is
    no larger, or took no time, nothing can be told: its rate is 0, at least.
    """
    took_s, left = transfer.took_s, float(transfer.size - base_bytes)
    if took_s <= 0 or left <= 0:
        return Rate(0.0, at_least=True)
    trip_s = transfer.trip_s or 0.0
    window = float(transfer.window_bytes or 0)
    own_s = took_s - min(base_s, took_s)
    least_s = OWN_PART * took_s
    bound = 0.0
    for _ in range(ROUNDS_MOST):
        per_s = left / max(own_s, least_s)
        bound = max(bound, per_s)
        if own_s < least_s:
            return Rate(bound, at_least=True)
        if not window or not trip_s or per_s * trip_s <= FULL * window:
            return Rate(bound, at_least=False)
        if left <= window:
            return Rate(bound, at_least=True)
        left -= window
        own_s -= trip_s
        window *= 2
    return Rate(bound, at_least=True)
