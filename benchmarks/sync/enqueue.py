"""sync.enqueue_*: decisions durable per second from eight producers, and what a put costs the loop.

The peer is persist-queue's SQLiteAckQueue (items stay until acknowledged, as in the outbox), in the
same run, on the same disk, with the same decisions, in turns. Both make the same promise: SQLite
with WAL and synchronous=FULL (the default, which persist-queue leaves as it is). A persist-queue
``put`` returns when its own commit is over, so producers take turns at it. Ours returns at once and
is durable with the next group commit, so the clock stops when the last one is. The peer is given
the decision as JSON bytes and the plainest way to keep them, raw bytes without pickle; ours encodes
each decision itself and keeps it as owed, with its id, class and age.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.deciding.decision import Decision
from banksman.records import decision_message, to_json
from banksman.store.sealing import Seal
from banksman.store.store import Store
from banksman.wire.messages import Priority
from banksman_drivers.ports import Quality, Reading
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note
from benchmarks.stats import percentile

PRODUCERS = 8
EACH = 2_500
PEER_EACH = 500  # it is slower, and its rate does not depend on how many there are
TIMED_PUTS = 20_000
WITHIN_S = 120.0
PEER = "persist-queue"


def measure(context: Context) -> list[Figure]:
    """Three figures, in under a minute."""
    scale = 10 if context.quick else 1
    ours: list[float] = []
    sealed: list[float] = []
    peers: list[float] = []
    blocks: list[list[float]] = []
    # Eight producers on few cores press on each other: what tells of neighbours is the rest before.
    resting, loaded, calm = Pressure(), Pressure(), Pressure()
    for number in range(context.rounds):
        folder = context.work / f"enqueue{number}"
        resting.rest(REST_S)
        with loaded:
            ours.append(_ours(folder / "plain", EACH // scale, Seal()))
            sealed.append(_ours(folder / "sealed", EACH // scale, Seal([bytes(32)])))
            peers += _peer(folder, PEER_EACH // scale)
        with calm:
            blocks.append(_block_us(folder / "block", TIMED_PUTS // scale))
    absent = "" if peers else "persist-queue is not installed: pip install 'banksman[bench]'"
    return [
        figure(
            "sync.enqueue_durable_per_s",
            "1/s",
            ours,
            direction="higher",
            n=PRODUCERS * EACH // scale * context.rounds,
            pressure_pct=resting.pct,
            target=Target("ratio", 2.5),
            peer=PEER,
            peer_values=peers,
            note=absent or loaded_note(loaded.pct),
        ),
        figure(
            "sync.enqueue_durable_sealed_per_s",
            "1/s",
            sealed,
            direction="higher",
            n=PRODUCERS * EACH // scale * context.rounds,
            pressure_pct=resting.pct,
            note=f"payloads sealed with AES-256-GCM; {loaded_note(loaded.pct)}",
        ),
        figure(
            "sync.enqueue_block_us",
            "us",
            [percentile(each, 99.9) or 0.0 for each in blocks],
            direction="lower",
            n=sum(map(len, blocks)),
            pressure_pct=calm.pct,
            target=Target("value", 50),
            note="p99.9 of a put while the store writes; the longest of a run was "
            f"{max(max(each) for each in blocks):.0f} us",
        ),
    ]


def _decision(number: int) -> Decision:
    return Decision(
        f"bench-1-{number}", "bench", "quality_control", "oven", 1_700_000_000_000_000_000,
        number, "boot", "synchronised", 12.5, "reject", 0.9, "rule",
        "the oven is too hot: 251.0 degC, over 250 degC", {"plc.oven": 251.0, "plc.door": 0.0},
        "r-7f3a", "oven_hot", None, False, False, "observe",
    )  # fmt: skip


class AsIs:
    """The peer's serializer: bytes are bytes."""

    @staticmethod
    def dumps(item: bytes) -> bytes:
        """To the disk."""
        return item

    @staticmethod
    def loads(item: bytes) -> bytes:
        """And back."""
        return item


def _from_eight(each: int, put: Callable[[int], object]) -> None:
    def put_all(start: int) -> None:
        for number in range(start, start + each):
            put(number)

    starts = range(0, PRODUCERS * each, each)
    threads = [threading.Thread(target=put_all, args=(start,)) for start in starts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ours(folder: Path, each: int, seal: Seal) -> float:
    settings = StoreSettings(folder=str(folder), free_floor_mb=0, queue_batches=100_000)
    store = Store.open(settings, "bench", SystemClock(), ("cloud",), seal)
    store.start()
    decisions = [_decision(number) for number in range(PRODUCERS * each)]
    put = store.records.put_decision
    try:
        begun = time.perf_counter()
        _from_eight(each, lambda number: put(decisions[number], Priority.NORMAL))
        while store.rows_owed("cloud")[Priority.NORMAL] < len(decisions):
            if time.perf_counter() - begun > WITHIN_S:
                return 0.0
            time.sleep(0.001)
        return len(decisions) / (time.perf_counter() - begun)
    finally:
        store.stop()


def _peer(folder: Path, each: int) -> list[float]:
    try:
        from persistqueue import SQLiteAckQueue
    except ImportError:
        return []
    bodies = [to_json(decision_message(_decision(number))) for number in range(PRODUCERS * each)]
    queue = SQLiteAckQueue(str(folder / "peer"), multithreading=True, serializer=AsIs)
    begun = time.perf_counter()
    _from_eight(each, lambda number: queue.put(bodies[number]))
    took_s = time.perf_counter() - begun
    queue.close()
    return [len(bodies) / took_s]


def _block_us(folder: Path, count: int) -> list[float]:
    """How long each put keeps its caller, at a thousand a second beside readings."""
    settings = StoreSettings(folder=str(folder), free_floor_mb=0)
    store = Store.open(settings, "bench", SystemClock(), ("cloud",))
    store.start()
    decisions = [_decision(number) for number in range(count)]
    batch = tuple(Reading(f"plc.p{n}", n / 7, "mm", Quality.GOOD, 1) for n in range(10))
    took_us: list[float] = []
    gc.collect()
    gc.freeze()  # as the daemon does once it is built
    try:
        for decision in decisions:
            begun = time.perf_counter_ns()
            store.records.put_decision(decision, Priority.NORMAL)
            took_us.append((time.perf_counter_ns() - begun) / 1e3)
            store.records.put_readings("plc", batch)
            time.sleep(0.0005)
    finally:
        gc.unfreeze()
        store.stop()
    return took_us
