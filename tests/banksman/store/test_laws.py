"""Laws, tried on cases that hypothesis finds: the frames, the blocks. The outbox: test_model.py."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from banksman.store.blocks import pack, unpack
from banksman.store.delivered import Delivered
from banksman.store.framing import frames, read_frames
from banksman.store.intake import Drops
from banksman.store.ledger import Work
from banksman.store.pending import Pending
from banksman.store.rows import ReadingRow
from banksman.store.spool import Spool

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
    assert Work(delivered={"mqtt": Delivered(3)})
