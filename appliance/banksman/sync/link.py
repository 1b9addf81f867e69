"""What the uplink's link carries, measured from real transfers and their outcomes. Pure.

    transfer ok(bytes, time, round trip) --+
    transfer failed -----------------------+--> windows --> every STATE_S a LinkState, kept HISTORY
                                                                            history_of --> people

Rules of this file
- Measured, never configured: nobody's word for what a link can do outlives the link.
- Goodput comes only from transfers large enough to say something (`rate`); it is bytes over time of
  the newest of them, so one lucky batch does not make a fast link. The time that any small request
  takes is taken off: it is distance and endpoint, not rate.
- A transfer that was too short to show the link tells a bound only. It raises the estimate, which
  is ``at_least`` then, or confirms it; it never lowers it.
- A failure counts against reliability and never against goodput: a dead link has no speed.
- Old samples leave the windows: after `STALE_S` without a transfer the estimate is ``stale``.
- Time is an argument, in seconds of a monotonic clock. Everything is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import takewhile
from statistics import median

import msgspec

from banksman.status import SyncHistory
from banksman.sync.rate import Transfer, rate_of

STATE_S = 5.0
HISTORY = 720  # an hour of states
STALE_S = 60.0
WINDOW_S = 300.0
SAMPLES = 16
OUTCOMES = 100
TELLING_BYTES = 16 * 1024
BASE_BYTES_MOST = 4096  # a request no larger takes what any takes
CONFIRMS = 0.7  # of the estimate: a bound below it tells nothing


class LinkState(msgspec.Struct, frozen=True):
    """The link at one time; None: not known yet. ``reliability`` is 0..1.

    ``standing`` and ``profile`` are what the uplink made of it: how it stood with the endpoint, and
    the row of the policy's table that held until then. ``at_least``: the goodput is a bound, no
    transfer was long enough to show all that the link carries.
    """

    at_s: float
    goodput_mbit: float | None = None
    round_trip_ms: float | None = None
    reliability: float | None = None
    stale: bool = True
    standing: str = ""
    profile: str = ""
    at_least: bool = False


class _Seen(msgspec.Struct, frozen=True):
    at_s: float
    size: int
    per_s: float
    at_least: bool


class _Small(msgspec.Struct, frozen=True):
    at_s: float
    took_s: float
    size: int


class LinkMeter:
    """See the rules above. ``state`` is the newest, ``history`` the last hour of them."""

    def __init__(self) -> None:
        self.state = LinkState(0.0)
        self.history: deque[LinkState] = deque(maxlen=HISTORY)
        self._seen: deque[_Seen] = deque(maxlen=SAMPLES)
        self._small: deque[_Small] = deque(maxlen=SAMPLES)
        self._round_trips: deque[tuple[float, float]] = deque(maxlen=SAMPLES)
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=OUTCOMES)
        self._heard_s: float | None = None
        self._due_s: float | None = None

    def succeeded(
        self,
        now_s: float,
        size: int,
        took_s: float,
        round_trip_s: float | None = None,
        least_trip_s: float | None = None,
        window_bytes: int | None = None,
    ) -> None:
        """``size`` bytes were sent and answered within ``took_s``, over a connection that was made.

        ``round_trip_s`` is the transport's own figure; without it a small transfer's time stands
        for it. ``least_trip_s`` and ``window_bytes``: see `rate.Transfer`.
        """
        took_s = max(took_s, 1e-6)
        self._outcomes.append((now_s, True))
        if round_trip_s is None and size < TELLING_BYTES:
            round_trip_s = took_s
        if round_trip_s is not None:
            self._round_trips.append((now_s, max(0.0, round_trip_s)))
        if size < BASE_BYTES_MOST:
            self._small.append(_Small(now_s, took_s, size))
        if size >= TELLING_BYTES:
            trip_s = round_trip_s if least_trip_s is None else least_trip_s
            self._tell(now_s, Transfer(size, took_s, trip_s, window_bytes))

    def _tell(self, now_s: float, transfer: Transfer) -> None:
        """Note what a transfer tells of the rate."""
        small = [each for each in self._small if each.at_s >= now_s - WINDOW_S]
        base = min(small, key=lambda each: each.took_s, default=None)
        if base is None:
            rate = rate_of(transfer, transfer.trip_s or 0.0)
        else:
            rate = rate_of(transfer, base.took_s, base.size)
        known = (self.state.goodput_mbit or 0.0) * 1e6 / 8
        if rate.per_s > 0 and not (rate.at_least and rate.per_s < CONFIRMS * known):
            self._seen.append(_Seen(now_s, transfer.size, rate.per_s, rate.at_least))
            self._heard_s = now_s

    def failed(self, now_s: float) -> None:
        """A transfer was begun and not answered."""
        self._outcomes.append((now_s, False))

    def reset(self) -> None:
        """Another interface carries: what was known of the old one is void."""
        self._seen.clear()
        self._small.clear()
        self._round_trips.clear()
        self._outcomes.clear()
        self._heard_s = None

    def tick(self, now_s: float, standing: str = "", profile: str = "") -> LinkState | None:
        """A new state when one is due, else None; what else was so is noted with it."""
        if self._due_s is not None and now_s < self._due_s:
            return None
        self._due_s = now_s + STATE_S
        self.state = msgspec.structs.replace(self._look(now_s), standing=standing, profile=profile)
        self.history.append(self.state)
        return self.state

    def _look(self, now_s: float) -> LinkState:
        since_s = now_s - WINDOW_S
        outcomes = [ok for at_s, ok in self._outcomes if at_s >= since_s]
        trips = [trip_s for at_s, trip_s in self._round_trips if at_s >= since_s]
        # An old estimate is better than none, and says of itself that it is old.
        seen = [each for each in self._seen if each.at_s >= since_s] or list(self._seen)[-1:]
        per_s, at_least = _rate(seen)
        return LinkState(
            at_s=now_s,
            goodput_mbit=per_s * 8 / 1e6 if seen else None,
            round_trip_ms=median(trips) * 1e3 if trips else self.state.round_trip_ms,
            reliability=sum(outcomes) / len(outcomes) if outcomes else None,
            stale=self._heard_s is None or now_s - self._heard_s > STALE_S,
            at_least=at_least,
        )


def history_of(states: Iterable[LinkState], wall_minus_mono_ns: int) -> SyncHistory:
    """The states for people, on the wall clock of now. While nobody answers there is no speed."""
    shown = list(states)
    up = [state if state.standing == "up" else LinkState(state.at_s) for state in shown]
    return SyncHistory(
        wall_ms=[(round(state.at_s * 1e9) + wall_minus_mono_ns) // 1_000_000 for state in shown],
        state=[state.standing for state in shown],
        profile=[state.profile for state in shown],
        goodput_mbit=[_short(state.goodput_mbit) for state in up],
        round_trip_ms=[_short(state.round_trip_ms) for state in up],
        reliability=[_short(state.reliability) for state in shown],
    )


def _short(value: float | None) -> float | None:
    """Four digits are more than a link's figures are worth."""
    return None if value is None else float(f"{value:.4g}")


def _rate(seen: Sequence[_Seen]) -> tuple[float, bool]:
    """Bytes a second, and whether it is a bound: of bounds only those count that are newer."""
    told = [each for each in seen if not each.at_least]
    newer = takewhile(lambda each: each.at_least, reversed(seen))
    bound = max((each.per_s for each in newer), default=0.0)
    mean = 0.0
    if told:
        mean = sum(each.size for each in told) / sum(each.size / each.per_s for each in told)
    return max(mean, bound), bound > mean
