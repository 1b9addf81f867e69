"""A recorded link: read from a CSV, and asked for any time. Pure.

    time_s, mbit, round_trip_ms, loss [, metered]      one line holds until the next

``loss`` is the share of transfers that fail, 0 to 1: what `banksman sync record` writes is one less
the measured reliability. ``metered`` is 1 while bytes cost money; left out, they do not.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec

from banksman.errors import TraceUnreadable

COLUMNS = ("time_s", "mbit", "round_trip_ms", "loss", "metered")
POINTS_MAX = 200_000
SPAN_MAX_S = 32 * 86_400.0
NEEDED = "time_s, Mbit/s, round trip ms, loss; metered, 0 or 1, may follow"


class Point(msgspec.Struct, frozen=True):
    """The link from ``at_s`` on."""

    at_s: float
    mbit: float
    round_trip_ms: float
    loss: float
    metered: bool = False


class Trace:
    """Points in the order of time, at least one."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = points
        self._times = [point.at_s for point in points]
        self.start_s, self.end_s = self._times[0], self._times[-1]

    def at(self, now_s: float) -> Point:
        """What holds then; before the first line it holds, too."""
        return self._points[max(0, bisect_right(self._times, now_s) - 1)]


def read_trace(lines: Iterable[str], name: str = "trace") -> list[Point]:
    """The points of a CSV. Raises TraceUnreadable naming the line."""
    points: list[Point] = []
    for number, cells in enumerate(csv.reader(lines), 1):
        if not cells or cells[0].lstrip().startswith("#"):
            continue
        try:
            values = [float(cell) for cell in cells]
        except ValueError:
            if not points and number == 1:
                continue  # the names of the columns
            raise TraceUnreadable(f"{name}:{number}: not numbers: {cells[:5]}") from None
        points.append(_point(values, points, f"{name}:{number}"))
        if len(points) > POINTS_MAX:
            raise TraceUnreadable(f"{name}: over {POINTS_MAX} lines; thin it out")
    if not points:
        raise TraceUnreadable(f"{name}: empty; each line is {NEEDED}")
    if points[-1].at_s - points[0].at_s > SPAN_MAX_S:
        raise TraceUnreadable(f"{name}: over {SPAN_MAX_S / 86_400:g} days; cut it")
    return points


def _point(values: Sequence[float], before: Sequence[Point], where: str) -> Point:
    if len(values) not in (4, 5) or not all(map(math.isfinite, values)):
        raise TraceUnreadable(f"{where}: four or five numbers: {NEEDED}")
    at_s, mbit, trip_ms, loss, *more = values
    if not (0 <= mbit <= 1e6 and 0 <= trip_ms <= 1e6 and 0 <= loss <= 1):
        raise TraceUnreadable(f"{where}: Mbit/s and ms are not negative, loss is 0 to 1")
    if any(value not in (0, 1) for value in more):
        raise TraceUnreadable(f"{where}: metered is 0 or 1")
    if before and at_s <= before[-1].at_s:
        raise TraceUnreadable(f"{where}: time does not grow")
    return Point(at_s, mbit, trip_ms, loss, bool(more and more[0]))
