"""cloud.steady_*: the endpoint's memory over a long run of everything at once.

One process on SQLite as it ships takes records from eight boxes for as long as the run lasts, while
somebody looks at the fleet page (nodes, alarms, a search) four times a second and a box sends
heartbeats. The boxes send round after round, each with new ids, so that caches, indexes and the WAL
grow as in weeks of work: at 20 000 records/s a minute is as much as 100 boxes with a decision
a second send in three hours.

Memory is the median of the second after warm-up (a fifth of the run) against the median of the
last fifth: a leak shows, a breath does not.
"""

from __future__ import annotations

import time
import urllib.request
from statistics import median

import msgspec

from banksman.wire.uplink import Heartbeat
from benchmarks.cloud.feeder import WALL_NS, node_name
from benchmarks.cloud.running import Feeding, RunningEndpoint
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note

RUN_S = 75.0
RUN_QUICK_S = 6.0
NODES, BATCHES, ITEMS = 8, 20, 500
LOOK_S = 0.25
GROWTH_MB = 10.0
PARTS = 5
PAGE = ("/api/v1/fleet", "/api/v1/alarms", "/api/v1/records?kind=decision&limit=50&text=oven")


def measure(context: Context) -> list[Figure]:
    """One run: it is as long as several of the others."""
    idle, loaded = Pressure(), Pressure()
    run_s = RUN_QUICK_S if context.quick else RUN_S
    context.say(f"steady: everything at once for {run_s:g} s")
    idle.rest(REST_S)
    with loaded, RunningEndpoint(context.work / "steady") as endpoint:
        sizes_mb, taken, looks = run(endpoint, run_s)
    part = max(1, len(sizes_mb) // PARTS)
    growth = median(sizes_mb[-part:]) - median(sizes_mb[part : 2 * part])
    own = f"{run_s:g} s, {looks} looks at the page meanwhile; {loaded_note(loaded.pct)}"
    return [
        figure(
            "cloud.steady_memory_growth", "MB", [max(0.0, growth)], direction="lower",
            n=taken, target=Target("value", GROWTH_MB), pressure_pct=idle.pct, worst=True,
            note=f"from the second fifth of the run to the last; {own}",
        ),
        figure(
            "cloud.steady_memory", "MB", [max(sizes_mb)], direction="lower", n=taken,
            pressure_pct=idle.pct, note="the most it held",
        ),
    ]  # fmt: skip


def run(endpoint: RunningEndpoint, run_s: float) -> tuple[list[float], int, int]:
    """(memory at each look, records acknowledged, looks at the page)."""
    sizes_mb: list[float] = []
    taken = looks = 0
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
                sizes_mb.append(endpoint.rss_mb())
                looks += _look(endpoint.url)
                time.sleep(LOOK_S)
        if feeding is not None:
            taken += feeding.result().acknowledged
    finally:
        if feeding is not None:
            feeding.end()
    return sizes_mb, taken, looks


def _look(url: str) -> int:
    """As the fleet page and a box's heartbeat do."""
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
    return 1
