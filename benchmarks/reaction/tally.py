"""Collects what each peer showed in each round. Pure."""

from __future__ import annotations

from collections import defaultdict

from benchmarks.pressure import Pressure


class Tally:
    """Values by peer and kind, one for each round, and the pressure of every kind."""

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}
        self._values: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._samples: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._pressure: defaultdict[str, Pressure] = defaultdict(Pressure)

    def add(self, peer: str, kind: str, value: float | None, samples: int = 1) -> None:
        """Keep one round's value; None (nothing answered) is no value."""
        if value is not None:
            self._values[peer, kind].append(value)
            self._samples[peer, kind] += samples

    def values(self, peer: str, kind: str) -> list[float]:
        """One value for each round that had one."""
        return list(self._values.get((peer, kind), ()))

    def samples(self, peer: str, kind: str) -> int:
        """How many samples stand behind them."""
        return self._samples.get((peer, kind), 0)

    def pressure(self, phase: str) -> Pressure:
        """The pressure that adds up over all rounds of a phase."""
        return self._pressure[phase]
