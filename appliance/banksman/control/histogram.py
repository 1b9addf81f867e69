"""A latency histogram cheap enough for the hot path: fixed bounds, one bisect a sample."""

from __future__ import annotations

from bisect import bisect_left

from banksman.control.snapshot import HistogramView

# Upper bounds in nanoseconds: three steps a decade from 5 us to 5 s.
BOUNDS_NS = tuple(
    step * 10**decade for decade in range(3, 10) for step in (1, 2, 5) if step * 10**decade >= 5000
)
BOUNDS_S = (*(bound / 1e9 for bound in BOUNDS_NS), float("inf"))


class Histogram:
    """Counts of durations. Not for use from several threads at once."""

    __slots__ = ("_counts", "_max_ns", "_sum_ns")

    def __init__(self) -> None:
        self._counts = [0] * len(BOUNDS_S)
        self._sum_ns = 0
        self._max_ns = 0

    def add(self, duration_ns: int) -> None:
        """Count one duration; negative ones (a clock that was set) count as zero."""
        duration_ns = max(duration_ns, 0)
        self._counts[bisect_left(BOUNDS_NS, duration_ns)] += 1
        self._sum_ns += duration_ns
        if duration_ns > self._max_ns:
            self._max_ns = duration_ns

    def view(self) -> HistogramView:
        """The cumulative form, with quantiles interpolated inside their bucket."""
        cumulative: list[int] = []
        total = 0
        for count in self._counts:
            total += count
            cumulative.append(total)
        return HistogramView(
            bounds_s=BOUNDS_S,
            counts=tuple(cumulative),
            sum_s=self._sum_ns / 1e9,
            count=total,
            p50_s=self._quantile(cumulative, 0.50),
            p99_s=self._quantile(cumulative, 0.99),
            max_s=self._max_ns / 1e9,
        )

    def _quantile(self, cumulative: list[int], share: float) -> float:
        total = cumulative[-1]
        if not total:
            return 0.0
        rank: float = share * total
        bucket = bisect_left(cumulative, rank)
        below = cumulative[bucket - 1] if bucket else 0
        low = BOUNDS_S[bucket - 1] if bucket else 0.0
        high = min(BOUNDS_S[bucket], self._max_ns / 1e9)
        within = (rank - below) / max(cumulative[bucket] - below, 1)
        return float(low + max(high - low, 0.0) * within)
