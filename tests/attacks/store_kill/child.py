"""A child that records until it is killed, and says on its standard output what it may claim.

``D id``: this decision is durable. ``M id``: readings up to this id are below the durable mark.
Run as ``python child.py FOLDER``.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.deciding.decision import Decision
from banksman.store.store import Store
from banksman.wire.messages import Priority
from banksman_drivers.ports import Quality, Reading


def say(kind: str, what: str) -> None:
    # One write a line: a killed process leaves no half line that could be misread.
    os.write(1, f"{kind} {what}\n".encode())


def claim(store: Store, stop: threading.Event) -> None:
    claimed = ""
    while not stop.wait(0.001):
        mark = store.status().durable_mark
        if mark != claimed:
            say("M", mark)
            claimed = mark


def main(folder: str) -> None:
    clock = SystemClock()
    store = Store.open(StoreSettings(folder=folder, block_s=0.1), "press", clock)
    store.start()
    say("E", str(store.epoch))
    threading.Thread(target=claim, args=(store, threading.Event()), daemon=True).start()
    known: set[str] = set()
    for number in range(1_000_000):
        batch = tuple(
            Reading(f"plc.p{n}", number + n / 7, "mm", Quality.GOOD, clock.mono_ns())
            for n in range(10)
        )
        store.records.put_readings("plc", batch)
        if number % 5 == 0:
            decision = Decision(
                store.ids.next(), "press", "quality_control", "oven", clock.wall_ns(),
                clock.mono_ns(), clock.boot_id, "unknown", 1.0, "none", 0.9, "rule", "because",
                {"plc.p0": 1.0}, "v1", "r", None, False, False, "observe",
            )  # fmt: skip
            store.records.put_decision(decision, Priority.NORMAL)
        for row in store._reader.newest("decision", 20) if number % 25 == 0 else ():
            if row.id not in known:
                known.add(row.id)
                say("D", row.id)
        time.sleep(0.001)


if __name__ == "__main__":
    main(sys.argv[1])
