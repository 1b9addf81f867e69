"""Forks stores that record until they are killed, round after round, and tells what each said.

Usage: ``kill_server.py FOLDER ROUNDS SEED``. It has everything imported and forks for each round,
so that a round costs a tenth of a second. One line a round on its standard output, JSON: what the
child had said, as ``[kind, ...]`` lists, up to its death:

    E epoch          the store is open
    F row_id id      it found this row, owed
    R position id    it found this reading, beyond the channel's cursor
    O                that was all that it found
    D row_id id      this record is in the database, and nobody waits to write it
    M id             readings up to this id are below the durable mark
    T row_id         this row is about to be acknowledged
    A row_id         its acknowledgement is in the database
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import signal
import sys
import threading
import time

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.deciding.decision import Decision
from banksman.store.store import Store
from banksman.wire.messages import Priority
from banksman_drivers.ports import Quality, Reading

LIFE_MAX_S = 0.12
DECISIONS_PER_S = 400
FIRST_WORDS_WITHIN_S = 60.0


class Child:
    """One life."""

    def __init__(self, folder: str, out: int) -> None:
        self._out = out
        self._clock = SystemClock()
        self._store = Store.open(
            StoreSettings(folder=folder, block_s=0.1, free_floor_mb=0), "press", self._clock
        )
        self._seen = 0

    def say(self, *words: object) -> None:
        # One write a line: a killed process leaves no half line that could be misread.
        os.write(self._out, (json.dumps(words) + "\n").encode())

    def live(self, *, last: bool) -> None:
        """Tell what is there, then record; the last one ends instead."""
        self._store.start()
        self.say("E", self._store.epoch)
        asyncio.run(self._tell_found())
        self.say("O")
        if last:
            self._store.stop()
            return
        for work in (self._decide, self._decide, self._read, self._acknowledge):
            threading.Thread(target=work, daemon=True).start()
        while True:
            self._claim()
            time.sleep(0.001)

    async def _tell_found(self) -> None:
        rows = await self._store.next_rows("mqtt", 1_000_000)
        for row in rows:
            self.say("F", row.row_id, row.id)
        self._seen = max((row.row_id for row in rows), default=0)
        after: int | None = None
        while readings := await self._store.readings_after("mqtt", after, 1000):
            for row in readings:
                self.say("R", row.position, row.id)
            after = readings[-1].position

    def _claim(self) -> None:
        parts = self._store._parts
        shown = self._store._reader._all(
            "SELECT row_id, id FROM journal WHERE row_id > ? ORDER BY row_id", (self._seen,)
        )
        waiting = {row.row_id for row in parts.pending.rows()}
        for row_id, message_id in shown:
            if row_id in waiting:
                break
            self.say("D", row_id, message_id)
            self._seen = row_id
        self.say("M", parts.mark.id)

    def _decide(self) -> None:
        chance = random.Random()
        while True:
            decision = Decision(
                self._store.ids.next(), "press", "quality_control", "oven", self._clock.wall_ns(),
                self._clock.mono_ns(), self._clock.boot_id, "unknown", 1.0, "none", 0.9, "rule",
                "because", {"plc.p0": 1.0}, "v1", "r", None, False, False, "observe",
            )  # fmt: skip
            self._store.records.put_decision(decision, chance.choice(list(Priority)))
            time.sleep(1 / DECISIONS_PER_S)

    def _read(self) -> None:
        number = 0
        while True:
            value = float(number)
            number += 1
            self._store.records.put_readings(
                "plc", (Reading("plc.p", value, "mm", Quality.GOOD, self._clock.mono_ns()),)
            )
            time.sleep(0.001)

    def _acknowledge(self) -> None:
        pending = self._store._parts.pending
        while True:
            rows = asyncio.run(self._store.next_rows("mqtt", 50))
            chosen = [row.row_id for row in rows if random.random() < 0.7]
            for row_id in chosen:
                self.say("T", row_id)
            asyncio.run(self._store.acknowledge_rows("mqtt", chosen))
            readings = asyncio.run(self._store.readings_after("mqtt", None, 400))
            if readings:
                asyncio.run(self._store.acknowledge_readings("mqtt", readings[-1].position))
            while pending.acknowledged("mqtt"):
                time.sleep(0.002)
            for row_id in chosen:
                self.say("A", row_id)


def one_life(folder: str, chance: random.Random, *, last: bool) -> list[list[object]]:
    """Fork a child, kill it at a random instant, and return what it had said."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        Child(folder, writing).live(last=last)
        os._exit(0)
    os.close(writing)
    said = bytearray()
    # Every tenth dies while it opens and looks; the others later.
    early = chance.random() < 0.1
    ends = time.monotonic() + chance.random() * LIFE_MAX_S + (0 if early else FIRST_WORDS_WITHIN_S)
    alive = True
    while alive and (last or time.monotonic() < ends):
        ready, _, _ = select.select([reading], [], [], 0.001)
        if ready:
            piece = os.read(reading, 65536)
            if not early and b'["O"]' in said[-10:] + piece:
                early, ends = True, time.monotonic() + chance.random() * LIFE_MAX_S
            said += piece
            alive = bool(piece)
    os.kill(pid, signal.SIGKILL)
    while piece := os.read(reading, 65536):
        said += piece
    os.close(reading)
    os.waitpid(pid, 0)
    return [json.loads(line) for line in said.splitlines()]


def main(folder: str, rounds: str, seed: str) -> None:
    chance = random.Random(int(seed))
    for number in range(int(rounds) + 1):
        print(json.dumps(one_life(folder, chance, last=number == int(rounds))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
