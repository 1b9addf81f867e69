"""Streaming anomalies on the Numenta Anomaly Benchmark: standard profile, one setting for all.

The product's `StreamBank`, as a machine's watch makes it, gets each stream's values and times and
nothing else; what it tells as `fresh` counts with its score. The one threshold is the best for all
streams together, as the benchmark has it; ``nab_shipped`` is at the one that ships (EVENT_SCORE).
Its design was chosen in sight of these; the ones aside are the judge.
Published on the whole benchmark: ARTime 74.9, HTM 70.1, random cut forest 51.7.

The peer is the benchmark's windowed Gaussian on the same streams: 1 - P(so far from the mean of
the newest 6 400 readings), two-sided.
"""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path

import msgspec
import numpy as np

from banksman.maintenance.scorer import EVENT_SCORE, StreamBank
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.maintenance.nab_scoring import Judged, Outcome, judge, outcome
from benchmarks.maintenance.recordings import Floats, folder_of, table_of
from benchmarks.pressure import Pressure

HTM = 70.1
GAUSSIAN_READINGS = 6_400
QUICK_STREAMS = 3


class Labelled(msgspec.Struct, frozen=True):
    """One stream and its windows of trouble, first and last index of each."""

    name: str
    times_s: Floats
    values: Floats
    windows: list[tuple[int, int]]


def measure(context: Context) -> list[Figure]:
    """The score on the streams that are there. Left out where there are none."""
    folder = folder_of(context, "nab")
    if folder is None:
        return []
    streams = load(folder)[: QUICK_STREAMS if context.quick else None]
    with Pressure() as pressure:
        scores = scores_of(streams)
        ours = _outcome(streams, scores)
        shipped = _outcome(streams, [(each >= EVENT_SCORE).astype(np.float64) for each in scores])
        theirs = _outcome(streams, [windowed_gaussian(each.values) for each in streams])
    readings = sum(len(each.values) for each in streams)
    note = (
        f"{len(streams)} streams given, {ours.found} of {ours.windows} windows found, "
        f"{ours.false_alarms} false alarms at score {ours.threshold:.3f}"
    )
    return [
        figure(
            "maintenance.nab_standard",
            "",
            [ours.score],
            direction="higher",
            n=readings,
            pressure_pct=pressure.pct,
            target=Target("value", HTM),
            peer="windowed Gaussian",
            peer_values=[theirs.score],
            note=note,
        ),
        figure(
            "maintenance.nab_shipped",
            "",
            [shipped.score],
            direction="higher",
            n=readings,
            pressure_pct=pressure.pct,
            target=Target("value", HTM),
            note=f"at score {EVENT_SCORE:g}: {shipped.found} of {shipped.windows} found,"
            f" {shipped.false_alarms} false alarms",
        ),
    ]


def load(folder: Path) -> list[Labelled]:
    """The streams that have labels and data in a folder laid out as the benchmark's."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text())
    found = []
    for name, windows in labels.items():
        path = folder / "data" / name
        if path.exists():
            _, times_s, values = table_of(path)
            places = [(_place(times_s, first), _place(times_s, last)) for first, last in windows]
            found.append(Labelled(name, times_s, values[:, 0], places))
    return found


def scores_of(streams: list[Labelled]) -> list[Floats]:
    """Our score of each reading; 0 where it belongs to an event already told."""
    longest = max(len(each.values) for each in streams)
    values = np.full((longest, len(streams)), np.nan)
    times_s = np.zeros((longest, len(streams)))
    for number, each in enumerate(streams):
        values[: len(each.values), number] = each.values
        times_s[: len(each.values), number] = each.times_s
    bank = StreamBank(len(streams))
    scores = np.zeros_like(values)
    for row in range(longest):
        scored = bank.update(values[row], times_s[row])
        scores[row] = np.where(bank.fresh, scored, 0.0)
    return [scores[: len(each.values), number] for number, each in enumerate(streams)]


def windowed_gaussian(values: Floats) -> Floats:
    """The peer's scores."""
    scores = np.zeros(len(values))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    squares = np.concatenate([[0.0], np.cumsum(values * values)])
    for row in range(1, len(values)):
        first = max(0, row - GAUSSIAN_READINGS)
        mean = (sums[row] - sums[first]) / (row - first)
        variance = (squares[row] - squares[first]) / (row - first) - mean * mean
        spread = math.sqrt(variance) if variance > 1e-12 else 1e-6
        scores[row] = math.erf(abs(values[row] - mean) / spread / math.sqrt(2.0))
    return scores


def _outcome(streams: list[Labelled], scores: list[Floats]) -> Outcome:
    judged: list[Judged] = [
        judge(score, each.windows) for each, score in zip(streams, scores, strict=True)
    ]
    return outcome(judged)


def _place(times_s: Floats, stamp: str) -> int:
    moment = datetime.datetime.fromisoformat(stamp).replace(tzinfo=datetime.UTC).timestamp()
    return int(np.flatnonzero(times_s == moment)[0])
