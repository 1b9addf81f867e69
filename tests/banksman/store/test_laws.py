"""Laws, tried on cases that hypothesis finds: the outbox, the frames, the blocks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from banksman.store.blocks import pack, unpack
from banksman.store.database import connect
from banksman.store.framing import frames, read_frames
from banksman.store.intake import Drops
from banksman.store.ledger import Ledger, Work
from banksman.store.pending import Pending
from banksman.store.reader import Reader
from banksman.store.rows import OutboxRow, ReadingRow
from banksman.store.spool import Spool
from banksman.wire.messages import Priority

Rows = st.lists(st.binary(max_size=40), min_size=1, max_size=6)


def numbered(payloads: list[bytes]) -> list[tuple[int, bytes]]:
    return list(enumerate(payloads, start=1))


@given(Rows, st.data())
def test_a_spool_torn_at_any_byte_gives_every_whole_row_before_it(payloads, data):
    rows = numbered(payloads)
    whole = frames(rows)
    cut = data.draw(st.integers(0, len(whole)))
    found = read_frames(whole[:cut])
    survived = [row for row in rows if len(frames(rows[: row[0]])) <= cut]
    assert found.rows == survived
    assert found.good_bytes + found.torn_bytes == cut


@given(Rows, st.data())
def test_a_flipped_bit_never_invents_or_changes_a_row(payloads, data):
    rows = numbered(payloads)
    whole = bytearray(frames(rows))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    found = read_frames(bytes(whole)).rows
    assert found == rows[: len(found)]


@given(st.binary(max_size=200))
def test_garbage_is_read_to_its_end_without_an_error(garbage):
    found = read_frames(garbage)
    assert found.good_bytes + found.torn_bytes == len(garbage)


@given(Rows, st.data())
def test_what_follows_a_torn_frame_in_the_file_is_read_after_it_was_cut(payloads, data):
    with tempfile.TemporaryDirectory() as folder:
        rows = numbered(payloads)
        whole = frames(rows)
        cut = data.draw(st.integers(0, len(whole)))
        (Path(folder) / "readings-0.spool").write_bytes(whole[:cut])
        spool = Spool(Path(folder))
        before, torn = spool.open()
        spool.append(frames([(99, b"later")]), 99)
        spool.close()
        again = Spool(Path(folder))
        after, torn_again = again.open()
        again.close()
        assert after == [*before, (99, b"later")]
        assert torn_again == 0
        assert torn <= cut


@given(st.sets(st.integers(1, 60), min_size=1), st.data())
def test_blocks_give_back_the_rows_beyond_any_position(positions, data):
    rows = [
        ReadingRow(n, f"p-1-{n}", "plc", msgspec.json.encode({"id": f"p-1-{n}", "device": "plc"}))
        for n in sorted(positions)
    ]
    blocks = pack(rows)
    after = data.draw(st.integers(0, 61))
    found = [
        row
        for block in blocks
        if block.last > after
        for row in unpack(block.first, block.data, after, 1000)
    ]
    assert found == [row for row in rows if row.position > after]
    assert sum(block.count for block in blocks) == len(rows)


class Outbox(RuleBasedStateMachine):
    """The outbox against a plain list: commits, failed commits, restarts and acknowledgements."""

    @initialize()
    def open(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name) / "banksman.db"
        self.channels = ("mqtt", "cloud")
        self.owed: dict[str, list[OutboxRow]] = {channel: [] for channel in self.channels}
        self.uncommitted: list[OutboxRow] = []
        self.number = 0
        self._begin()

    def _begin(self) -> None:
        self.pending = Pending(self.channels, 1000, Drops())
        self.ledger = Ledger(connect(self.path), self.path, self.channels)
        self.reader = Reader(self.path, lambda fault: None)

    @rule(priorities=st.lists(st.sampled_from(Priority), min_size=1, max_size=4))
    def put(self, priorities: list[Priority]) -> None:
        for priority in priorities:
            self.number += 1
            row = OutboxRow(self.number, priority, "decision", f"p-1-{self.number}", b"{}", 0)
            self.pending.add(row)
            self.uncommitted.append(row)

    @rule()
    def commit(self) -> None:
        work = self.pending.work()
        self.ledger.write(work)
        self.pending.done(work)
        for rows in self.owed.values():
            rows += self.uncommitted
        self.uncommitted = []

    @precondition(lambda self: self.uncommitted)
    @rule()
    def commit_that_was_durable_though_an_error_said_not(self) -> None:
        work = self.pending.work()
        self.ledger.write(work)
        self.pending.undone(work)
        self.commit()

    @rule(channel=st.sampled_from(["mqtt", "cloud"]), data=st.data())
    def acknowledge(self, channel: str, data: st.DataObject) -> None:
        owed = self.owed[channel]
        done = data.draw(st.lists(st.sampled_from(owed), unique=True)) if owed else []
        self.pending.acknowledge(channel, [row.row_id for row in done])
        self.owed[channel] = [row for row in owed if row not in done]

    @rule()
    def restart(self) -> None:
        self.commit()
        self.reader.close()
        self.ledger.close()
        self._begin()

    @invariant()
    def hands_out_what_is_owed_in_order(self) -> None:
        if not hasattr(self, "ledger"):
            return
        for channel, owed in self.owed.items():
            acknowledged = self.pending.acknowledged(channel)
            found = [r for r in self.reader.owed(channel, 10_000) if r.row_id not in acknowledged]
            assert found == sorted(owed, key=lambda row: (row.priority, row.row_id))
            depth = sum(self.ledger.depth[channel].values())
            assert depth == len(owed) + len(acknowledged)

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.reader.close()
            self.ledger.close()
            self._folder.cleanup()


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


def test_a_failed_commit_keeps_newer_values_of_the_same_key():
    pending = Pending(("mqtt",), 10, Drops())
    pending.state.update(latches=b"old", secret=b"s")
    work = pending.work()
    pending.state["latches"] = b"new"
    pending.undone(work)
    assert pending.state == {"latches": b"new", "secret": b"s"}


def test_work_that_is_nothing_is_false():
    assert not Work()
    assert not Work(acknowledged={"mqtt": []})
    assert Work(cursors={"mqtt": 3})
