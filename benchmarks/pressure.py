"""How much the machine's other work disturbed a measurement: Linux pressure stall information.

"some" of /proc/pressure/cpu counts the microseconds in which at least one runnable task waited
for a CPU (Documentation/accounting/psi.rst). It counts our own processes too: a bench that needs
more cores than there are disturbs itself, and its percentiles are no better for that.

One exception: where a full load of our own is the very point (``guard.*``, ``reaction.busy_*``) the
20 % would be passed on any machine and nothing ever judged. There the machine is asked in quiet
seconds before each run (`rest`): that pressure is the neighbours' alone, it is the figure's
``pressure_pct`` and what ``met`` is judged by, and `loaded_note` says so and how much it was under
load.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

CPU_PRESSURE = Path("/proc/pressure/cpu")


def stalled_us(text: str) -> int | None:
    """The "some" total of the file's text, or None where the kernel keeps none."""
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "some" and "total=" in rest:
            return int(rest.rpartition("total=")[2])
    return None


# Long enough for a neighbour's burst to show, short beside a round.
REST_S = 3.0


def loaded_note(loaded_pct: float | None) -> str:
    """What a figure that was taken under a load of our own says of its pressure."""
    loaded = "unknown" if loaded_pct is None else f"{loaded_pct:.0f} %"
    return f"pressure is of quiet seconds before each run; with our own load it was {loaded}"


class Pressure:
    """Adds up spans of measuring; `pct` is the pressure over all of them together."""

    def __init__(self, source: Path = CPU_PRESSURE) -> None:
        self._source = source
        self._stalled_us = 0
        self._measured_s = 0.0
        self._known = source.exists()
        self._from: tuple[float, int] = (0.0, 0)

    def __enter__(self) -> Pressure:
        self._from = self._now()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        at_s, stalled = self._now()
        self._measured_s += at_s - self._from[0]
        self._stalled_us += stalled - self._from[1]

    def rest(self, seconds: float) -> None:
        """Count a span in which nothing of ours presses: what remains is the neighbours' work."""
        with self:
            time.sleep(seconds)

    @property
    def pct(self) -> float | None:
        """Percent of the measured time; None where it is unknown or nothing was measured."""
        if not self._known or self._measured_s <= 0:
            return None
        return self._stalled_us / self._measured_s / 1e4

    def _now(self) -> tuple[float, int]:
        stalled = stalled_us(self._source.read_text()) if self._known else None
        if stalled is None:
            self._known = False
        return time.monotonic(), stalled or 0
