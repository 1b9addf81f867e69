"""Change points of a pump's eight sensors (SKAB): score of its leaderboard, share of false alarms.

The daemon's own way: each second's vector goes to `Together`, with the shares it ships with. It
learns from each run's own first 400 readings, as the benchmark has it (the daemon: a tenth of a
window a vector, ten for each window that a normal is learned from). Told: a change begins that a
machine's ``change`` shows. The share of false alarms is that of healthy seconds after the learning
in which one holds; told change points outside windows are in the score already. Of these only the
rarest ring: ``healthy_rung``. The anomaly-free run is cut into pieces as long as the others.
Best of the leaderboard: 32.4. Its design was chosen in sight of these runs; the ones that lie aside
are the judge.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.together import Together
from benchmarks.context import Context
from benchmarks.figure import Direction, Figure, Target, figure
from benchmarks.maintenance.recordings import Floats, folder_of, tables
from benchmarks.maintenance.skab_scoring import Tally
from benchmarks.pressure import Pressure

Bools = npt.NDArray[np.bool_]

SENSORS = 8
LEARN_READINGS = 400
PIECE = 1_100


def measure(context: Context) -> list[Figure]:
    """The score and the share of false alarms. Left out where there are no runs."""
    folder = folder_of(context, "skab")
    if folder is None:
        return []
    with Pressure() as pressure:
        tally, false_share, runs = _runs(folder / "data")
        quiet_share, told_an_hour, rung_an_hour = _healthy(folder / "data" / "anomaly-free")
    found = f"{tally.found} of {tally.windows} found, {tally.told_wrong} told elsewhere"
    figures: list[tuple[str, str, float, Direction, float | None, str]] = [
        ("change_points", "", tally.score, "higher", 28.0, f"{runs} runs given, {found}"),
        ("false_alarms", "%", 100.0 * false_share, "lower", 5.0, "of the runs' healthy seconds"),
        ("healthy_changing", "%", 100.0 * quiet_share, "lower", 5.0, "of the anomaly-free run"),
        ("healthy_told", "1/h", told_an_hour, "lower", None, "on the anomaly-free run"),
        ("healthy_rung", "1/h", rung_an_hour, "lower", None, "on the anomaly-free run, by them"),
    ]
    return [
        figure(
            f"maintenance.skab_{name}",
            unit,
            [value],
            direction=direction,
            n=runs,
            pressure_pct=pressure.pct,
            target=None if limit is None else Target("value", limit),
            note=note,
        )
        for name, unit, value, direction, limit, note in figures
    ]


class Watched(msgspec.Struct, frozen=True):
    """Of each reading, (readings,): whether a change is told, holds, and rings there."""

    told: Bools
    changing: Bools
    rung: Bools


def watched(values: Floats, times_s: Floats) -> Watched:
    """A run's vectors through the daemon's `Together`."""
    together = Together([f"sensor{number}" for number in range(values.shape[1])], LEARN_READINGS)
    held, rung = np.zeros(len(values), dtype=bool), np.zeros(len(values), dtype=bool)
    for number, (vector, wall_s) in enumerate(zip(values, times_s.tolist(), strict=True)):
        together.take("loaded", vector, wall_s, healthy=True)
        change = together.change
        held[number] = change is not None
        rung[number] = change is not None and change.rings
    return Watched(held & ~_before(held), held, rung & ~_before(rung))


def _before(marks: Bools) -> Bools:
    return np.concatenate([[False], marks[:-1]])


def _runs(folder: Path) -> tuple[Tally, float, int]:
    tally = Tally()
    healthy = wrong = runs = 0
    for _, names, times_s, values in tables(folder, ";"):
        if "changepoint" not in names:
            continue
        seen = watched(values[:, :SENSORS], times_s)
        true = values[:, names.index("changepoint")] > 0
        true[:LEARN_READINGS] = False
        tally.add(times_s[true].tolist(), times_s[seen.told].tolist())
        sound = values[:, names.index("anomaly")] == 0
        sound[:LEARN_READINGS] = False
        healthy += int(sound.sum())
        wrong += int(seen.changing[sound].sum())
        runs += 1
    return tally, wrong / max(1, healthy), runs


def _healthy(folder: Path) -> tuple[float, float, float]:
    """Of the anomaly-free run: the share of changing seconds, told and rung an hour."""
    told = seconds = changing = rung = 0.0
    for _, _, times_s, values in tables(folder, ";"):
        for first in range(0, len(values) - PIECE + 1, PIECE):
            piece = slice(first, first + PIECE)
            seen = watched(values[piece, :SENSORS], times_s[piece])
            told += seen.told.sum()
            rung += seen.rung.sum()
            changing += seen.changing.sum()
            seconds += PIECE - LEARN_READINGS
    seconds = max(1.0, seconds)
    return changing / seconds, 3600.0 * told / seconds, 3600.0 * rung / seconds
