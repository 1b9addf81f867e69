"""Five thousand slow streams: what a reading costs the scorer, and a window its verdict.

- ``score_us``: one reading scored, in batches of 5 000 streams; ``score_us_64``, ``score_us_8``: in
  batches of so many, as the daemon does: one bank for each machine, as many streams as it has slow
  sensors (64 at most), one "reading" being the median of a window.
- ``core_share``: of one core for 5 000 streams at 1 Hz, scores and windows together.

How often healthy ones ring: healthy.py. Beside the control loop, in the daemon: streams_daemon.py.
"""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from banksman.maintenance.baseline import BaselineBank
from banksman.maintenance.deviation import DeviationBank
from banksman.maintenance.scorer import StreamBank
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure

Singles = npt.NDArray[np.float32]

STREAMS = 5_000
DAEMON_STREAMS = (64, 8)
BATCH_LEAST = 64  # fewer are no batch: what numpy's calls cost is shared by too few
SCORE_US = 5.0
WINDOW_READINGS = 60
BATCHES, QUICK_BATCHES = 400, 20


def measure(context: Context) -> list[Figure]:
    """Cost of a reading and of a window."""
    batches = QUICK_BATCHES if context.quick else BATCHES
    with Pressure() as pressure:
        score_us = {
            streams: [_score_us(streams, batches) for _ in range(context.rounds)]
            for streams in (STREAMS, *DAEMON_STREAMS)
        }
        window_us = [_window_us() for _ in range(context.rounds)]
    both = zip(score_us[STREAMS], window_us, strict=True)
    share = [(us + window / WINDOW_READINGS) * STREAMS / 1e4 for us, window in both]
    count = batches * context.rounds
    figures = [
        figure(
            f"maintenance.streams_score_us{'' if streams == STREAMS else f'_{streams}'}", "us", us,
            direction="lower", n=count * streams, pressure_pct=pressure.pct,
            target=Target("value", SCORE_US) if streams >= BATCH_LEAST else None,
            note=f"a reading, in batches of {streams} streams"
            + ("" if streams == STREAMS else ": a machine's, as in the daemon"),
        )
        for streams, us in score_us.items()
    ]  # fmt: skip
    figures.append(
        figure(
            "maintenance.streams_core_share", "%", share, direction="lower",
            n=count, pressure_pct=pressure.pct, target=Target("value", 100.0),
            note=f"of one core: {STREAMS} streams at 1 Hz, scored and windowed",
        )
    )  # fmt: skip
    return figures


def _level(window: Singles) -> npt.NDArray[np.float64]:
    return np.median(window, axis=0).astype(np.float64)


def _score_us(streams: int, batches: int) -> float:
    """A reading's time in the median batch, when the streams are known."""
    bank = StreamBank(streams)
    random = np.random.default_rng(3)
    spent: list[float] = []
    for number in range(batches):
        values, times_s = random.standard_normal(streams), np.full(streams, 1e9 + number)
        began = time.perf_counter()
        bank.update(values, times_s)
        spent.append(time.perf_counter() - began)
    # The first readings cost less: until there are patterns, nothing is compared.
    return float(np.median(spent[batches // 2 :])) / streams * 1e6


def _window_us() -> float:
    """Of one window of one stream: its median and its verdict."""
    keys = [("stream", str(number)) for number in range(STREAMS)]
    deviation = DeviationBank(BaselineBank(keys, 20, 10), np.zeros(STREAMS))
    random = np.random.default_rng(4)
    spent = []
    for _ in range(40):
        window = random.standard_normal((WINDOW_READINGS, STREAMS), dtype=np.float32)
        began = time.perf_counter()
        deviation.update(_level(window))
        spent.append(time.perf_counter() - began)
    return float(np.median(spent)) / STREAMS * 1e6
