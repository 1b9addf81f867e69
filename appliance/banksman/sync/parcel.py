"""Rows and readings on their way: items of a batch, and what to tell the store afterwards. Pure.

    rows, readings --fill, in a Form--> Parcel, a tuple of Entry --seal--> bytes of one batch

Rules of this file
- A block of readings holds ids that grow and share node and epoch, and positions without a gap, so
  that its first and last id name the run. Where that breaks off, the next block begins.
- A row's id and bytes are the store's: what is sent again is the same. A reading's id is, and its
  number lies within its dead band however the blocks are cut.
- Bounded before compression: a batch by items and bytes, a block by messages and bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from banksman.clock import Clock
from banksman.store.rows import OutboxRow, ReadingRow
from banksman.sync.thinning import Form
from banksman.wire.blocks import LEVEL, is_thinned, pack_banded, pack_thinned
from banksman.wire.messages import Priority
from banksman.wire.uplink import Batch, Item, Receipt

BLOCK_MESSAGES_MAX = 2_000
BLOCK_BYTES_MAX = 1000 * 1024  # of JSON; the endpoint takes 1 MiB, packed
ITEMS_MAX = 1_000
BYTES_MAX = 2 * 1024 * 1024  # of items; the endpoint takes 4 MiB
FOLD = 8  # JSON of records is about so much smaller on the wire
_HEAD = 80  # of an item beside body and id


class WrongReceipt(ValueError):
    """A receipt that does not fit its batch proves nothing."""


class Entry(msgspec.Struct, frozen=True):
    """An item and its bookkeeping: its row, or the last position and count of its readings.

    ``after``: its readings are all that there are beyond that position up to ``position``; None:
    beyond what was delivered. ``wire_bytes`` is what it takes on the wire, about.
    ``thinned_to_ns``: the wall time of its last reading, where they go thinned; 0: they do not.
    """

    item: Item
    wire_bytes: int
    row_id: int | None = None
    position: int | None = None
    messages: int = 0
    after: int | None = None
    thinned_to_ns: int = 0


Parcel = tuple[Entry, ...]


class _Wall(msgspec.Struct, frozen=True, gc=False):
    wall_ns: int


PLAIN = Form()
_WALL = msgspec.json.Decoder(_Wall)


def row_item(row: OutboxRow) -> Item:
    """A journal row as it goes up."""
    return Item(row.id, row.kind, row.priority, row.wall_ns, row.payload)


def runs_of(
    rows: Sequence[ReadingRow], messages_most: int = BLOCK_MESSAGES_MAX
) -> list[Sequence[ReadingRow]]:
    """The rows cut into runs that one block each may hold."""
    runs: list[Sequence[ReadingRow]] = []
    start, size = 0, 0
    for index, row in enumerate(rows):
        full = index - start >= messages_most or size + len(row.payload) > BLOCK_BYTES_MAX
        if index > start and (full or not _follows(rows[index - 1], row)):
            runs.append(rows[start:index])
            start, size = index, 0
        size += len(row.payload) + 1
    if rows:
        runs.append(rows[start:])
    return runs


def _follows(before: ReadingRow, after: ReadingRow) -> bool:
    """Whether one block may hold both: what lies between would count as taken with them."""
    name, _, number = before.id.rpartition("-")
    next_name, _, next_number = after.id.rpartition("-")
    return (
        before.position + 1 == after.position
        and name == next_name
        and number.isdecimal()
        and next_number.isdecimal()
        and int(number) < int(next_number)
    )


def readings_item(run: Sequence[ReadingRow], level: int, form: Form = PLAIN) -> Item:
    """One block; the time is its first message's. Thinned if the last message is old enough."""
    lines = [row.payload for row in run]
    if _wall_ns(run[-1]) < form.thin_before_ns:
        body = pack_thinned(lines, form.thin_every_s, level)
    else:
        body = pack_banded(lines, form.band_of, level)
    return Item(run[0].id, "readings", Priority.BACKGROUND, _wall_ns(run[0]), body, run[-1].id)


def _wall_ns(row: ReadingRow) -> int:
    try:
        return max(0, _WALL.decode(row.payload).wall_ns)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return 0


def fill(
    rows: Sequence[OutboxRow],
    readings: Sequence[ReadingRow],
    bytes_most: int,
    level: int,
    messages_most: int = BLOCK_MESSAGES_MAX,
    form: Form = PLAIN,
    after: int | None = None,
) -> Parcel:
    """As many of them, in order, as ``bytes_most`` on the wire allow; at least one.

    ``messages_most`` bounds a block of readings; ``after``: where they were read from, see `Entry`.
    CPU work: call it from a worker thread.
    """
    entries: list[Entry] = []
    raw, wire = 0, 0
    for row in rows[:ITEMS_MAX]:
        size = len(row.payload) + len(row.id) + _HEAD
        if entries and (raw + size > BYTES_MAX or wire + size // FOLD > bytes_most):
            return tuple(entries)
        raw, wire = raw + size, wire + size // FOLD
        entries.append(Entry(row_item(row), size // FOLD, row_id=row.row_id))
    for run in runs_of(readings, messages_most):
        if len(entries) >= ITEMS_MAX or (entries and wire >= bytes_most):
            break
        item = readings_item(run, level, form)
        size = len(item.body) + _HEAD
        if entries and (wire + size > bytes_most or raw + size > BYTES_MAX):
            break
        raw, wire = raw + size, wire + size
        thinned_to_ns = _wall_ns(run[-1]) if is_thinned(item.body) else 0
        entries.append(Entry(item, size, None, run[-1].position, len(run), after, thinned_to_ns))
        after = run[-1].position
    return tuple(entries)


def seal(
    items: Sequence[Item], node: str, clock: Clock, level: int, padding_bytes: int = 0
) -> bytes:
    """The batch's bytes: msgpack in one zstd frame. CPU work: call it from a worker thread.

    ``padding_bytes`` of noise, which no compression makes smaller, go with it. What is mostly
    packed already is not worth the work of a high ``level``: the link would be idle meanwhile.
    """
    import zstandard

    packed = sum(len(item.body) for item in items if item.kind == "readings")
    if 2 * packed > sum(len(item.body) for item in items):
        level = min(level, LEVEL)

    batch = Batch(
        node=node,
        boot_id=clock.boot_id,
        sent_wall_ns=max(0, clock.wall_ns()),
        sent_mono_ns=clock.mono_ns(),
        clock_quality=clock.quality(),
        items=list(items),
        padding=os.urandom(padding_bytes),
    )
    return zstandard.ZstdCompressor(level=level).compress(msgspec.msgpack.encode(batch))


def receipt_of(body: bytes, items: Sequence[Item]) -> Receipt:
    """The receipt for exactly these items. Raises WrongReceipt."""
    try:
        receipt = msgspec.json.decode(body, type=Receipt)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise WrongReceipt("the answer is no receipt") from None
    if receipt.taken < 0 or receipt.repeated < 0:
        raise WrongReceipt("the receipt counts below zero")
    if receipt.taken + receipt.repeated + len(receipt.refused) != len(items):
        raise WrongReceipt("the receipt is not for as many items as were sent")
    refused = {item.id for item in receipt.refused}
    if len(refused) < len(receipt.refused) or not refused <= {item.id for item in items}:
        raise WrongReceipt("the receipt refuses what was not sent")
    return receipt
