"""Readings that go ahead of a backlog, against a plain list: none is lost or doubled.

Two lanes take readings of one channel, as the uplink does: the backlog from its old end, what is
fresh from a mark on. Receipts come in any order or never; the store is killed in between (its
folder as it stands is all that is left) and opened again. The endpoint knows repeats by their ids.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from banksman.clock import ManualClock
from banksman.config.schema_services import StoreSettings
from banksman.store import parts, tail
from banksman.store.rows import ReadingRow
from banksman.store.store import Store
from banksman_drivers.ports import Quality, Reading

CHANNEL = "cloud"


class Flying(msgspec.Struct):
    """A batch on its way, and from where on it was read."""

    rows: list[ReadingRow]
    after: int | None


class AheadModel(RuleBasedStateMachine):
    """See the module's docstring."""

    @initialize()
    def begin(self) -> None:
        # Little memory: lanes read from blocks and from memory alike.
        self.was = parts.TAIL_ROWS, tail.TRIM_ROWS
        parts.TAIL_ROWS, tail.TRIM_ROWS = 8, 4
        self.runner = asyncio.Runner()
        self.root = tempfile.TemporaryDirectory()
        self.folders = 0
        self.recorded: list[str] = []
        self.there: list[str] = []  # at the endpoint, each once
        self.told: set[str] = set()  # acknowledged, as far as this life of the store knows
        self.lives: list[Store] = []
        self.clock = ManualClock()
        self._open(Path(self.root.name) / "0")

    def _open(self, folder: Path) -> None:
        self.folder = folder
        options = StoreSettings(folder=str(folder), free_floor_mb=0)
        self.store = Store.open(options, "press", self.clock, (CHANNEL,))
        self.lives.append(self.store)
        self.mark: int | None = None
        self.flying: list[Flying] = []

    @rule(polls=st.integers(1, 30))
    def record(self, polls: int) -> None:
        for _ in range(polls):
            reading = Reading("plc.n", float(len(self.recorded)), "", Quality.GOOD, 1)
            self.store.records.put_readings("plc", (reading,))
            self.recorded.append("")
        self.store._spooler.flush()
        rows = self.store._parts.tail.beyond_gap(0, 1 << 30)[-polls:]
        self.recorded[-polls:] = [row.id for row in rows]

    @rule()
    def a_second_passes(self) -> None:
        self.clock.advance(1.1)
        self.store._writer.step()

    @rule()
    def a_lane_begins_at_the_newest(self) -> None:
        front = self.store.readings_front(CHANNEL)
        self.mark = self.mark if front is None else front

    @rule(limit=st.integers(1, 25), ahead=st.booleans())
    def send(self, limit: int, ahead: bool) -> None:
        last = self.flying[-1].rows[-1].position if self.flying else None
        after = self.mark if ahead else last
        rows = self.runner.run(self.store.readings_after(CHANNEL, after, limit))
        positions = [row.position for row in rows]
        assert positions == sorted(set(positions))
        assert self.told.isdisjoint(row.id for row in rows) or after is not None
        if rows:
            self.flying.append(Flying(list(rows), after))

    @precondition(lambda self: getattr(self, "flying", None))
    @rule(which=st.integers(0, 9), receipt=st.booleans())
    def arrive_in_any_order(self, which: int, receipt: bool) -> None:
        self.arrive(which, receipt)

    def arrive(self, which: int, receipt: bool) -> None:
        if not self.flying:
            return
        batch = self.flying.pop(which % len(self.flying))
        known = set(self.there)
        self.there += [row.id for row in batch.rows if row.id not in known]
        if receipt:
            self._acknowledge(batch)

    def _acknowledge(self, batch: Flying) -> None:
        self.runner.run(
            self.store.acknowledge_readings(CHANNEL, batch.rows[-1].position, batch.after)
        )
        self.told |= {row.id for row in batch.rows}

    @rule(polls=st.integers(1, 30), limit=st.integers(1, 40))
    def what_is_fresh_goes_ahead(self, polls: int, limit: int) -> None:
        if self.mark is None:
            self.a_lane_begins_at_the_newest()
        self.record(polls)
        self.send(limit, ahead=True)
        self.arrive(-1, receipt=True)

    @rule(limit=st.integers(1, 40))
    def the_backlog_goes_on(self, limit: int) -> None:
        self.flying.clear()
        self.send(limit, ahead=False)
        self.arrive(-1, receipt=True)

    @rule(killed=st.booleans())
    def end_and_start(self, killed: bool) -> None:
        if not killed:
            self.store.stop()
            self._open(self.folder)
            return
        self.folders += 1
        left = Path(self.root.name) / str(self.folders)
        shutil.copytree(self.folder, left)
        self._open(left)
        self.told &= set(self.recorded) - set(self._owed())

    def _owed(self) -> list[str]:
        owed: list[str] = []
        after = None
        while rows := self.runner.run(self.store.readings_after(CHANNEL, after, 20)):
            owed += [row.id for row in rows]
            after = rows[-1].position
        return owed

    @invariant()
    def what_is_owed_is_what_was_not_acknowledged(self) -> None:
        if hasattr(self, "store"):
            owed = self._owed()
            assert owed == [name for name in self.recorded if name not in self.told]
            assert self.told <= set(self.there)

    @rule()
    def how_much_is_owed_is_told_exactly(self) -> None:
        self.a_second_passes()
        assert self.store.readings_owed(CHANNEL) == len(self._owed())

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        while rows := self.runner.run(self.store.readings_after(CHANNEL, None, 50)):
            self.flying = [Flying(list(rows), None)]
            self.arrive(0, receipt=True)
        assert sorted(self.there) == sorted(self.recorded), "all of it, and each once"
        for life in self.lives:
            life.stop()
        self.runner.close()
        self.root.cleanup()
        parts.TAIL_ROWS, tail.TRIM_ROWS = self.was


TestAheadModel = AheadModel.TestCase
TestAheadModel.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
