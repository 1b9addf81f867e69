"""cloud.ingest_*: records a second, memory over the run, and what dying workers lose.

The endpoint runs as it ships, fsync and all; boxes send decisions of 600 bytes in batches of 500
from another process, on the same cores. PostgreSQL is Debian's with its defaults, a cluster of
our own.

``ingest_killed_wrong`` is told by the database afterwards: acknowledged records that are missing,
and any that are there twice or that nobody sent, while workers were killed at random: who and when
is drawn from a seed, which the note tells.
"""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

import psycopg

from benchmarks.cloud.cluster import Cluster, ClusterMissing
from benchmarks.cloud.feeder import Fed
from benchmarks.cloud.running import Feeding, RunningEndpoint
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note

NODES = 8
ITEMS = 500
PER_S = 20_000
GROWTH_MB = 20.0
LOOK_S = 0.2
KILL_S = (0.2, 1.8)  # between two deaths


class Ingested:
    """The runs on one database."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.growths_mb: list[float] = []
        self.rss_mb: list[float] = []
        self.records = 0

    def add(self, fed: Fed, sizes_mb: list[float]) -> None:
        """One run; memory grown from its first third to its end."""
        self.rates.append(fed.acknowledged / fed.seconds)
        self.records += fed.acknowledged
        if len(sizes_mb) >= 3:
            self.growths_mb.append(max(0.0, sizes_mb[-1] - sizes_mb[len(sizes_mb) // 3]))
            self.rss_mb.append(max(sizes_mb))


def measure(context: Context) -> list[Figure]:
    """Both databases, then the deaths."""
    batches = 40 if context.quick else 120
    idle, loaded = Pressure(), Pressure()
    sqlite, postgres = Ingested(), Ingested()
    wrong: list[float] = []
    kills = 0
    note = ""
    seed = random.SystemRandom().randrange(10**6)
    for number in range(context.rounds):
        context.say(f"ingest: SQLite, round {number + 1}")
        idle.rest(REST_S)
        with loaded, RunningEndpoint(context.work / f"sqlite-{number}") as endpoint:
            sqlite.add(*watch(endpoint, batches))
    try:
        with Cluster(durable=True) as cluster:
            for number in range(context.rounds):
                context.say(f"ingest: PostgreSQL, round {number + 1}")
                idle.rest(REST_S)
                folder = context.work / f"postgres-{number}"
                database = cluster.new_database()
                with loaded, _workers(folder, database) as endpoint:
                    postgres.add(*watch(endpoint, batches))
            context.say(f"ingest: workers killed, seed {seed}")
            for number in range(context.rounds):
                folder = context.work / f"killed-{number}"
                chance = random.Random(seed + number)
                lost, killed = deaths(folder, cluster.new_database(), batches, chance)
                wrong.append(lost)
                kills += killed
    except ClusterMissing as missing:
        note = str(missing)
    died = note or f"lost or doubled while {kills} workers were killed at random (seed {seed})"
    return figures(sqlite, postgres, wrong, (idle.pct, loaded.pct), (note, died))


def watch(endpoint: RunningEndpoint, batches: int) -> tuple[Fed, list[float]]:
    """Feed it, and look at its memory meanwhile."""
    feeding = Feeding(endpoint.url, NODES, batches, ITEMS)
    sizes: list[float] = []
    try:
        feeding.go()
        while not feeding.done:
            sizes.append(endpoint.rss_mb())
            time.sleep(LOOK_S)
        return feeding.result(), sizes
    finally:
        feeding.end()


def deaths(folder: Path, database: str, batches: int, chance: random.Random) -> tuple[int, int]:
    """Feed while workers are killed; (records lost or doubled, workers killed)."""
    with _workers(folder, database) as endpoint:
        feeding = Feeding(endpoint.url, NODES, batches, ITEMS)
        kills = 0
        try:
            feeding.go()
            while not feeding.done:
                ends = time.monotonic() + chance.uniform(*KILL_S)
                while time.monotonic() < ends and not feeding.done:
                    time.sleep(0.02)
                kills += not feeding.done and endpoint.kill_a_worker(chance)
            fed = feeding.result()
        finally:
            feeding.end()
    with contextlib.closing(psycopg.connect(database)) as connection:
        row = connection.execute("SELECT count(*), count(DISTINCT (node_no, id)) FROM record")
        rows, distinct = row.fetchone() or (0, 0)
    sent = NODES * batches * ITEMS
    return abs(sent - fed.acknowledged) + abs(sent - rows) + (rows - distinct), kills


def figures(
    sqlite: Ingested,
    postgres: Ingested,
    wrong: list[float],
    pressure: tuple[float | None, float | None],
    notes: tuple[str, str],
) -> list[Figure]:
    """The table's lines. ``notes``: why there is no PostgreSQL, and what is said of the deaths."""
    idle_pct, loaded_pct = pressure
    note, died = notes
    own = loaded_note(loaded_pct)
    growths = sqlite.growths_mb + postgres.growths_mb
    return [
        figure(
            "cloud.ingest_sqlite", "1/s", sqlite.rates, direction="higher", n=sqlite.records,
            target=Target("value", PER_S), pressure_pct=idle_pct, note=own,
        ),
        figure(
            "cloud.ingest_postgres", "1/s", postgres.rates, direction="higher",
            n=postgres.records, target=Target("value", PER_S), pressure_pct=idle_pct,
            note=note or f"two workers; {own}",
        ),
        figure(
            "cloud.ingest_memory", "MB", sqlite.rss_mb + postgres.rss_mb, direction="lower",
            n=len(growths), pressure_pct=idle_pct, note="the largest process",
        ),
        figure(
            "cloud.ingest_memory_growth", "MB", growths, direction="lower", n=len(growths),
            target=Target("value", GROWTH_MB), pressure_pct=idle_pct, worst=True,
            note="the largest process, from the first third of a run to its end",
        ),
        figure(
            "cloud.ingest_killed_wrong", "records", wrong, direction="lower",
            n=postgres.records, target=Target("value", 0), pressure_pct=idle_pct, worst=True,
            note=died,
        ),
    ]  # fmt: skip


def _workers(folder: Path, database: str) -> RunningEndpoint:
    return RunningEndpoint(folder, "--database", database, "--workers", "2")
