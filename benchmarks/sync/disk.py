"""sync.disk_*: what the store writes to the medium, and how much room a month of readings takes.

- ``sync.disk_written_per_day_gb``: the reaction job (a hundred polls a second of ten values, one
  decision a second) runs against the real store in real time. The kernel counts what the process
  makes dirty (write_bytes of /proc/self/io, proc(5)), less what was cut off before it was written
  out (cancelled_write_bytes): the spool, which is emptied each second. What the file system's own
  journal adds is not in it. At both ends of what is counted the WAL is brought into the database
  and cut off (a checkpoint), so that what it still owes the medium is in the figure. The peer is
  the same run with a commit for each poll, and the same checkpoint.
- ``sync.disk_30_days_gb``: ten readings a second, each a poll of its own with a noisy value, in
  made time: a sixth of a day through the store's own encoding, blocks and database, times 180.
"""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.deciding.decision import Decision
from banksman.records import IdSource, Stamp, readings_messages, to_json
from banksman.store.blocks import Block, pack
from banksman.store.database import connect
from banksman.store.ledger import Ledger, Work
from banksman.store.room import measure as measure_room
from banksman.store.rows import ReadingRow
from banksman.store.sealing import Seal
from banksman.store.store import Store
from banksman.wire.messages import Priority, ReadingsMessage
from banksman_drivers.ports import Quality, Reading
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure

IO = Path("/proc/self/io")
POLLS_PER_S, VALUES = 100, 10
WARM_S, RUN_S, QUICK_S = 3.0, 30.0, 4.0
DAY_S = 86_400
MONTH_S = 30 * DAY_S
SAMPLE_S = 4 * 3600
BLOCKS_A_COMMIT = 200
CHECKPOINT_WITHIN_S, CHECKPOINT_TRIES = 5.0, 10
GB = 1e9
PEER = "a commit a poll"


def measure(context: Context) -> list[Figure]:
    """Three figures, in under two minutes."""
    run_s = QUICK_S if context.quick else RUN_S
    pressure = Pressure()
    ours: list[float] = []
    peers: list[float] = []
    note = "" if IO.exists() else "this kernel does not count writes (/proc/self/io)"
    for number in range(context.rounds if not note else 0):
        with pressure:
            ours.append(_written_a_day(context.work / f"disk{number}", run_s))
            peers.append(_peer_a_day(context.work / f"disk_peer{number}", min(run_s, 5.0)))
    if ours and not max(ours):
        ours, note = [], "the work folder is no disk: nothing written to it is counted"
    sample_s = SAMPLE_S // (16 if context.quick else 1)
    plain = _month(context.work / "month", sample_s, Seal())
    sealed = _month(context.work / "month_sealed", sample_s // 4, Seal([bytes(32)]))
    return [
        figure(
            "sync.disk_written_per_day_gb",
            "GB",
            ours,
            direction="lower",
            n=round(run_s) * POLLS_PER_S * len(ours),
            pressure_pct=pressure.pct,
            target=Target("value", 5.0),
            peer=PEER,
            peer_values=peers,
            note=note,
        ),
        figure(
            "sync.disk_30_days_gb",
            "GB",
            [plain],
            direction="lower",
            n=sample_s * 10,
            pressure_pct=0.0,  # a count of bytes: no neighbour changes it
            target=Target("value", 2.0),
        ),
        figure(
            "sync.disk_30_days_sealed_gb",
            "GB",
            [sealed],
            direction="lower",
            n=sample_s // 4 * 10,
            pressure_pct=0.0,
            target=Target("value", 2.0),
        ),
    ]


def _dirtied_bytes() -> int:
    found = dict(line.split(": ") for line in IO.read_text().splitlines())
    return int(found["write_bytes"]) - int(found["cancelled_write_bytes"])


def _written_a_day(folder: Path, run_s: float) -> float:
    """GB a day of the store under the reaction job."""
    clock = SystemClock()
    settings = StoreSettings(folder=str(folder), free_floor_mb=0)
    store = Store.open(settings, "bench", clock, ("cloud",))
    store.start()
    chance = random.Random(1)
    before, counted_s = 0, 0.0
    begun = due = time.perf_counter()
    polls = 0
    try:
        while counted_s < run_s:
            batch = tuple(
                Reading(f"plc.p{n}", 20 + chance.gauss(0, 1), "mm", Quality.GOOD, clock.mono_ns())
                for n in range(VALUES)
            )
            store.records.put_readings("plc", batch)
            if polls % POLLS_PER_S == 0:
                store.records.put_decision(_decision(store, clock), Priority.NORMAL)
            polls += 1
            due += 1 / POLLS_PER_S
            time.sleep(max(0.0, due - time.perf_counter()))
            ran_s = time.perf_counter() - begun
            if not before and ran_s > WARM_S:
                _checkpoint(folder / "banksman.db")
                before, from_s = _dirtied_bytes(), ran_s
            counted_s = ran_s - from_s if before else 0.0
        _checkpoint(folder / "banksman.db")
        return (_dirtied_bytes() - before) / counted_s * DAY_S / GB
    finally:
        store.stop()


def _checkpoint(path: Path) -> None:
    """Bring the WAL into the database, and cut it off. Raises RuntimeError when it cannot."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=CHECKPOINT_WITHIN_S)
    try:
        for _ in range(CHECKPOINT_TRIES):
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return
        raise RuntimeError(f"{path}: no checkpoint in {CHECKPOINT_TRIES} tries: who reads it?")
    finally:
        connection.close()


def _decision(store: Store, clock: SystemClock) -> Decision:
    return Decision(
        store.ids.next(), "bench", "quality_control", "oven", clock.wall_ns(), clock.mono_ns(),
        clock.boot_id, "synchronised", 12.5, "reject", 0.9, "rule", "the oven is too hot",
        {"plc.p0": 251.0}, "r-7f3a", "oven_hot", None, False, False, "observe",
    )  # fmt: skip


def _peer_a_day(folder: Path, run_s: float) -> float:
    """GB a day of plain SQLite, WAL and FULL, with a row and a commit for each poll."""
    folder.mkdir(parents=True)
    connection = sqlite3.connect(folder / "peer.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE polls (number INTEGER PRIMARY KEY, body BLOB)")
    body = to_json(_polls(IdSource("bench", 1), 1, VALUES, random.Random(1))[0])
    count = round(run_s * POLLS_PER_S)  # as fast as it goes: only the bytes are asked for
    before = _dirtied_bytes()
    for number in range(count):
        connection.execute("INSERT INTO polls VALUES (?, ?)", (number, body))
    _checkpoint(folder / "peer.db")
    written = _dirtied_bytes() - before
    connection.close()
    return written / count * POLLS_PER_S * DAY_S / GB


def _polls(ids: IdSource, count: int, values: int, chance: random.Random) -> list[ReadingsMessage]:
    """Messages of ``count`` polls of ``values`` noisy values each."""
    messages: list[ReadingsMessage] = []
    for number in range(count):
        mono_ns = number * 100_000_000
        batch = [
            Reading(f"plc.p{n}", round(20 + chance.gauss(0, 1), 3), "mm", Quality.GOOD, mono_ns)
            for n in range(values)
        ]
        stamp = Stamp(ids.next(), "bench", "plc", "boot-id-of-some-length", 1 << 60, ids.next)
        messages += readings_messages(batch, stamp)
    return messages


def _month(folder: Path, sample_s: int, seal: Seal) -> float:
    """GB that 30 days take, from ``sample_s`` seconds of ten readings each."""
    folder.mkdir(parents=True)
    path = folder / "banksman.db"
    ledger = Ledger(connect(path), path, ("cloud",), seal)
    ids, chance, position = IdSource("bench", 1), random.Random(2), 0
    empty = measure_room(ledger).used
    blocks: list[Block] = []
    for second in range(sample_s):
        rows = []
        for message in _polls(ids, 10, 1, chance):
            position += 1
            rows.append(ReadingRow(position, message.id, "plc", to_json(message)))
        blocks += pack(rows)
        if len(blocks) == BLOCKS_A_COMMIT or second == sample_s - 1:
            ledger.write(Work(blocks=blocks, age_s=second))
            blocks = []
    used = measure_room(ledger).used - empty
    ledger.close()
    return used * MONTH_S / sample_s / GB
