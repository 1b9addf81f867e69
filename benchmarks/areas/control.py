"""control.*: what the five steps cost by themselves, without driver, store or network."""

from __future__ import annotations

from benchmarks.context import Context
from benchmarks.control_bench import five_steps_us, stream_readings_per_s
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure
from benchmarks.stats import percentiles

EVENTS = 20_000
READINGS = 300_000


def measure(context: Context) -> list[Figure]:
    """Both figures, a few seconds."""
    with Pressure() as pressure:
        runs = [five_steps_us(EVENTS) for _ in range(context.rounds)]
        rates = [stream_readings_per_s(READINGS) for _ in range(context.rounds)]
    context.say("control: five steps and the stream step")
    return [
        figure(
            "control.five_steps_p50", "us", percentiles(runs, 50),
            direction="lower", n=EVENTS * len(runs), target=Target("value", 25),
            pressure_pct=pressure.pct,
        ),
        figure(
            "control.five_steps_p99", "us", percentiles(runs, 99),
            direction="lower", n=EVENTS * len(runs), pressure_pct=pressure.pct,
        ),
        figure(
            "control.stream_readings", "1/s", rates,
            direction="higher", n=READINGS * len(rates), target=Target("value", 100_000),
            pressure_pct=pressure.pct,
        ),
    ]  # fmt: skip
