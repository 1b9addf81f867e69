"""A year of rows in one store: what it costs to open, to hand out and to make room stays as it was.

CI takes four days of a box that decides twice a minute and keeps a reading every ten seconds;
``make torture`` takes the year: a million decisions, half a million blocks. Rows are written by the
store's own ledger, in made time.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.store.ageing import DAY_S
from banksman.store.blocks import pack
from banksman.store.database import connect
from banksman.store.ledger import Ledger, Work
from banksman.store.room import MB
from banksman.store.rows import OutboxRow, ReadingRow, base_of
from banksman.store.store import Store
from banksman.wire.messages import Priority

READS_EVERY_S = 10
BLOCK_ROWS = 6
DECIDES_EVERY_S = 30
TAKEN = {Priority.CRITICAL: 50, Priority.NORMAL: 3000}  # before the room becomes short
FOR_EVER_DAYS = 1000  # by default a normal record would not wait for a year


def fill(folder: Path, days: int) -> tuple[int, int]:
    """Write so many days; returns how many decisions and how many reading messages."""
    folder.mkdir(mode=0o700)
    ledger = Ledger(connect(folder / "banksman.db"), folder / "banksman.db", ("cloud",))
    position = row_id = base_of(1)
    for start_s in range(0, days * DAY_S, 600):
        readings: list[ReadingRow] = []
        for _ in range(start_s, start_s + 600, READS_EVERY_S):
            position += 1
            message = f"press-1-{position - base_of(1)}"
            body = msgspec.json.encode({"id": message, "device": "plc", "values": {"p": 1.5}})
            readings.append(ReadingRow(position, message, "plc", body))
        rows: list[OutboxRow] = []
        for _ in range(start_s, start_s + 600, DECIDES_EVERY_S):
            row_id += 1
            message = f"press-1-{10**10 + row_id - base_of(1)}"
            critical = row_id % 100 == 0
            body = msgspec.json.encode({"id": message, "reason": "the oven is too hot"})
            priority = Priority.CRITICAL if critical else Priority.NORMAL
            rows.append(OutboxRow(row_id, priority, "decision", message, body, 0))
        blocks = [
            pack(readings[n : n + BLOCK_ROWS])[0] for n in range(0, len(readings), BLOCK_ROWS)
        ]
        ledger.write(Work(rows=rows, blocks=blocks, age_s=start_s))
    ledger.close()
    return row_id - base_of(1), position - base_of(1)


@pytest.mark.timeout(3600)
async def test_a_year_without_a_network_is_handed_out_in_order_and_makes_way_in_order(
    tmp_path, until, wanted
):
    decisions, readings = fill(tmp_path / "store", wanted.days)
    settings = StoreSettings(
        folder=str(tmp_path / "store"),
        free_floor_mb=0,
        important_ttl_days=FOR_EVER_DAYS,
        normal_ttl_days=FOR_EVER_DAYS,
        background_ttl_days=FOR_EVER_DAYS,
    )
    store = Store.open(settings, "press", SystemClock(), ("cloud",))
    store.start()
    try:
        assert store.status().set_aside == ()
        assert sum(store.rows_owed("cloud").values()) == decisions
        first = await store.next_rows("cloud", 10)
        assert {row.priority for row in first} == {Priority.CRITICAL}
        for which, count in TAKEN.items():
            rows = await store.next_rows("cloud", count, (which,))
            assert len(rows) == count
            await store.acknowledge_rows("cloud", [row.row_id for row in rows])
        taken = sum(TAKEN.values())
        await until(
            lambda: sum(store.rows_owed("cloud").values()) == decisions - taken, "struck off"
        )
        owed = store.rows_owed("cloud")
        after, seen = None, 0
        while rows := await store.readings_after("cloud", after, 1000):
            seen += len(rows)
            after = rows[-1].position
        assert seen == readings
        await store.acknowledge_readings("cloud", after)
        await until(lambda: store.readings_owed("cloud") == 0, "all read")
        assert store.status().state == "ok"
        used = store._keeper.room.used
    finally:
        assert store.stop()

    small = settings.model_copy(update={"quota_mb": used / 4 / MB})
    again = Store.open(small, "press", SystemClock(), ("cloud",))
    again.start()
    try:
        await until(
            lambda: again._keeper.room.used and again._keeper.room.used <= small.quota_mb * MB,
            "room is made",
            wanted.patience_s,
        )
        dropped = again.status().dropped
        # The newest block always stays, for the numbering.
        assert dropped["readings_pruned"] >= readings - BLOCK_ROWS, "what everybody has goes first"
        assert dropped["rows_pruned"] == taken
        left = again.rows_owed("cloud")
        assert left[Priority.CRITICAL] == owed[Priority.CRITICAL] > 0, "never shed"
        shed = dropped["normal_shed"]
        assert left[Priority.NORMAL] == owed[Priority.NORMAL] - shed > 0, "each shed is counted"
        ids = [base_of(1) + n for n in range(1, decisions + 1) if (base_of(1) + n) % 100]
        (oldest,) = await again.next_rows("cloud", 1, (Priority.NORMAL,))
        assert oldest.row_id == ids[TAKEN[Priority.NORMAL] + shed], "the oldest went"
        assert set(dropped) == {"readings_pruned", "rows_pruned", "normal_shed"}
    finally:
        assert again.stop(60)
