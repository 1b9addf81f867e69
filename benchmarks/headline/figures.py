"""What hours and holds amount to: the figures, their targets, and how they were counted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from benchmarks.figure import Direction, Figure, Target, figure
from benchmarks.headline.forklift import Holds
from benchmarks.headline.hour import Hour
from benchmarks.headline.journal import LOCAL, changes, local_pct
from benchmarks.stats import percentiles

LOCAL_PCT = 87.0
LATENCY_MS = 12.0
REDUCTION_PCT = 82.0
HOLD_MS = 8.0


def of_hours(hours: Sequence[Hour], pressure_pct: float | None) -> list[Figure]:
    """The figures of the demo's hour, one run for each hour."""
    changed = [changes(hour.decisions) for hour in hours]
    latency_ms = [[each.latency_us / 1e3 for each in one] for one in changed]
    own_us = [
        [each.latency_us for each in hour.decisions if each.source in LOCAL] for hour in hours
    ]
    counted = sum(map(len, changed))

    def made(
        name: str,
        unit: str,
        values: list[float],
        direction: Direction,
        n: int,
        note: str = "",
        target: Target | None = None,
    ) -> Figure:
        return figure(
            f"headline.{name}", unit, values, direction=direction, n=n,
            pressure_pct=pressure_pct, target=target, note=note,
        )  # fmt: skip

    return [
        made(
            "local_decisions", "%", [local_pct(one) for one in changed], "higher", counted,
            _local_note(hours), Target("value", LOCAL_PCT),
        ),
        made(
            "decision_latency_mean", "ms", [fmean(one) for one in latency_ms], "lower", counted,
            _latency_note(hours), Target("value", LATENCY_MS),
        ),
        made(
            "decision_latency_p99", "ms", percentiles(latency_ms, 99), "lower", counted,
            "the same decisions: the slowest hundredth are the answers from afar",
        ),
        made(
            "decision_latency_local_p99", "us", percentiles(own_us, 99), "lower",
            sum(map(len, own_us)), "recorded decisions that the box made itself, repeats included",
        ),
        made(
            "bandwidth_reduction", "%", [_reduction_pct(hour) for hour in hours], "higher",
            sum(hour.readings for hour in hours),
            "decisions, alarms, audit and newest values by exception (each second at most)"
            " instead of a message for each poll, both in MQTT packets of the daemon's encoders;"
            " with no device under mqtt.readings, which is the default: the demo turns two on,"
            " for the broker beside it, and would save nothing",
            Target("value", REDUCTION_PCT),
        ),
        made(
            "defects_diverted", "%", [_diverted_pct(hour) for hour in hours], "higher",
            sum(hour.parts.defects_rejected + hour.parts.defects_passed for hour in hours),
            "defective parts that the gate diverted in time; the gauge is the truth of this plant,"
            " so it says nothing of how well defects are seen, and no target is judged",
        ),
        made(
            "good_parts_diverted", "%", [_false_pct(hour) for hour in hours], "lower",
            sum(hour.parts.good_rejected + hour.parts.good_passed for hour in hours),
        ),
    ]  # fmt: skip


def of_holds(runs: Sequence[Holds], pressure_pct: float | None, missing: str = "") -> list[Figure]:
    """Mean, median and tail of the forklift's reaction beside a bare echo's, and what never came.

    ``missing`` says why there is no run.
    """
    answered = [run for run in runs if run.hold_ms and run.echo_ms]
    own = [run.hold_ms for run in answered]
    echo = [run.echo_ms for run in answered]

    def made(
        name: str,
        values: list[float],
        peer_values: list[float],
        target: Target | None = None,
        note: str = "",
    ) -> Figure:
        return figure(
            f"headline.{name}", "ms", values, direction="lower", n=sum(map(len, own)),
            pressure_pct=pressure_pct, target=target, peer="echo", peer_values=peer_values,
            note=missing or note,
        )  # fmt: skip

    return [
        made(
            "forklift_reaction", list(map(fmean, own)), list(map(fmean, echo)),
            Target("value", HOLD_MS),
            "the mean, as the story's 8 ms is one: vehicle's state sent -> startPause received",
        ),
        made("forklift_reaction_p50", percentiles(own, 50), percentiles(echo, 50)),
        made("forklift_reaction_p99", percentiles(own, 99), percentiles(echo, 99)),
        figure(
            "headline.forklift_missed", "holds", [float(run.missed) for run in runs],
            direction="lower", n=sum(len(run.hold_ms) + run.missed for run in runs),
            pressure_pct=pressure_pct, target=Target("value", 0.0), worst=True, note=missing,
        ),
    ]  # fmt: skip


def _local_note(hours: Sequence[Hour]) -> str:
    made = sum(sum(hour.verdicts.values()) for hour in hours)
    own = sum(count for hour in hours for source, count in hour.verdicts.items() if source in LOCAL)
    recorded = [each for hour in hours for each in hour.decisions]
    return (
        "decisions that differ from the one before at their point; safe defaults are not local."
        f" With the journal's repeats of each minute it is {local_pct(recorded):.1f} %, of all"
        f" verdicts {100 * own / made:.3f} %. Only the demo's bearing is ever asked"
        f" of the cloud: {sum(hour.asked for hour in hours)} questions,"
        f" {sum(hour.lost for hour in hours)} lost in outages"
    )


def _latency_note(hours: Sequence[Hour]) -> str:
    every_us = fmean(hour.verdicts_mean_ms for hour in hours) * 1e3
    return (
        "the same decisions: reading handed in -> verdict, in real time where the box decides, and"
        " with a made round trip of 275 ms to a cloud that is up 99.2 % where it does not; over"
        f" all verdicts it is {every_us:.0f} us"
    )


def _reduction_pct(hour: Hour) -> float:
    return 100 * (1 - hour.by_exception_bytes / hour.every_reading_bytes)


def _diverted_pct(hour: Hour) -> float:
    parts = hour.parts
    return 100 * parts.defects_rejected / (parts.defects_rejected + parts.defects_passed)


def _false_pct(hour: Hour) -> float:
    parts = hour.parts
    return 100 * parts.good_rejected / (parts.good_rejected + parts.good_passed)
