"""guard.*: an e-stop edge to a safe output under the daemon's full load, beside two peers."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.guard.measure import measure as measure_edges
from benchmarks.pressure import REST_S, Pressure, loaded_note

# The p99.9 is the tenth largest of these: of 3000 it was the third, and chance ruled it.
EDGES = 10_000
QUICK_EDGES = 200


def measure(context: Context) -> list[Figure]:
    """All three take turns, edge by edge, under one load."""
    runs: list[dict[str, Any]] = []
    pressure = Pressure()
    for number in range(context.rounds):
        context.say(f"round {number + 1} of {context.rounds}")
        pressure.rest(REST_S)
        runs.append(measure_edges(QUICK_EDGES if context.quick else EDGES))
    loaded = [run["pressure_pct"] for run in runs if run["pressure_pct"] is not None]
    notes = (_scheduling(runs), loaded_note(fmean(loaded) if loaded else None))
    note = "; ".join(filter(None, notes))
    return [
        _against(runs, "p50", "c_process", None, pressure.pct, note),
        _against(runs, "p99", "python_thread", Target("ratio", 1 / 50), pressure.pct, note),
        _against(runs, "p999", "c_process", Target("ratio", 1.5), pressure.pct, note),
    ]


def _against(
    runs: list[dict[str, Any]],
    percentile: str,
    peer: str,
    target: Target | None,
    pressure_pct: float | None,
    note: str,
) -> Figure:
    key = f"{percentile}_us"
    return figure(
        f"guard.{percentile}",
        "us",
        [run["guard"][key] for run in runs],
        direction="lower",
        n=sum(run["guard"]["n"] for run in runs),
        pressure_pct=pressure_pct,
        target=target,
        peer=peer,
        peer_values=[run[peer][key] for run in runs],
        note=note,
    )


def _scheduling(runs: list[dict[str, Any]]) -> str:
    """Without SCHED_FIFO the figures say little about a box that grants it."""
    kinds = {run[who]["scheduling"] for run in runs for who in ("guard", "c_process")}
    return "" if kinds == {"fifo"} else f"scheduled as {', '.join(sorted(kinds))}, not all as fifo"
