"""cloud.steady_*: the endpoint's memory over a long run of everything at once.

One process on SQLite as it ships takes records from eight boxes for as long as the run lasts, while
somebody looks at the fleet page (nodes, alarms, a search) four times a second and a box sends
heartbeats. The boxes send round after round, each with new ids, so that caches, indexes and the WAL
grow as in weeks of work: at 20 000 records/s a minute is as much as 100 boxes with a decision
a second send in three hours.

What is told is the slope of memory over records taken, by least squares over all samples after a
warm-up of three tenths of the run, in which caches fill: a leak shows, a breath does not. One
object of a kilobyte that each batch of 500 leaves behind would be 2 MB a million records.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Sequence
from statistics import linear_regression

import msgspec

from banksman.wire.uplink import Heartbeat
from benchmarks.cloud.feeder import WALL_NS, node_name
from benchmarks.cloud.running import Feeding, RunningEndpoint
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note

RUN_S = 180.0
RUN_QUICK_S = 6.0
NODES, BATCHES, ITEMS = 8, 20, 500
LOOK_S = 0.25
SLOPE_MB = 1.0  # a million records
WARM_SHARE = 0.3
SAMPLES_LEAST = 10
FLEET = "/api/v1/fleet"
PAGE = ("/api/v1/alarms", "/api/v1/records?kind=decision&limit=50&text=oven")


class Sample(msgspec.Struct, frozen=True):
    """Records taken so far, and what the process held then."""

    taken: int
    size_mb: float


def measure(context: Context) -> list[Figure]:
    """One run: it is as long as several of the others."""
    idle, loaded = Pressure(), Pressure()
    run_s = RUN_QUICK_S if context.quick else RUN_S
    context.say(f"steady: everything at once for {run_s:g} s")
    idle.rest(REST_S)
    with loaded, RunningEndpoint(context.work / "steady") as endpoint:
        samples, taken = run(endpoint, run_s)
    slope = slope_mb(samples)
    own = f"{run_s:g} s, {len(samples)} looks at the page meanwhile; {loaded_note(loaded.pct)}"
    return [
        figure(
            "cloud.steady_memory_slope", "MB/million", [] if slope is None else [max(0.0, slope)],
            direction="lower", n=taken, target=Target("value", SLOPE_MB), pressure_pct=idle.pct,
            worst=True, note=f"a million records, after its first three tenths; {own}",
        ),
        figure(
            "cloud.steady_memory", "MB", [max(each.size_mb for each in samples)],
            direction="lower", n=taken, pressure_pct=idle.pct, note="the most it held",
        ),
    ]  # fmt: skip


def slope_mb(samples: Sequence[Sample]) -> float | None:
    """MB that a million records leave behind; None: too few samples to say."""
    warm = samples[-1].taken * WARM_SHARE if samples else 0.0
    used = [each for each in samples if each.taken >= warm]
    if len(used) < SAMPLES_LEAST or used[0].taken == used[-1].taken:
        return None
    return linear_regression(
        [each.taken / 1e6 for each in used], [each.size_mb for each in used]
    ).slope


def run(endpoint: RunningEndpoint, run_s: float) -> tuple[list[Sample], int]:
    """(a sample at each look at the page, records acknowledged)."""
    samples: list[Sample] = []
    taken = 0
    first = 1
    begun = time.monotonic()
    feeding: Feeding | None = None
    try:
        while time.monotonic() - begun < run_s:
            # The next boxes make their batches while these send.
            coming = Feeding(endpoint.url, NODES, BATCHES, ITEMS, first)
            first += BATCHES * ITEMS
            if feeding is not None:
                taken += feeding.result().acknowledged
            feeding = coming
            feeding.go()
            while not feeding.done:
                samples.append(Sample(_look(endpoint.url), endpoint.rss_mb()))
                time.sleep(LOOK_S)
        if feeding is not None:
            taken += feeding.result().acknowledged
    finally:
        if feeding is not None:
            feeding.end()
    return samples, taken


def _look(url: str) -> int:
    """As the fleet page and a box's heartbeat do; how many records were taken so far."""
    with urllib.request.urlopen(f"{url.rstrip('/')}{FLEET}", timeout=30) as answer:
        taken = int(msgspec.json.decode(answer.read())["worker"].get("taken", 0))
    for path in PAGE:
        with urllib.request.urlopen(f"{url.rstrip('/')}{path}", timeout=30) as answer:
            answer.read()
    beat = Heartbeat(node_name(0), WALL_NS, 1, "b", "observe", ready=True, uptime_s=1.0)
    ask = urllib.request.Request(
        f"{url.rstrip('/')}/v1/heartbeat", data=msgspec.json.encode(beat), method="POST",
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(ask, timeout=30) as answer:
        answer.read()
    return taken
