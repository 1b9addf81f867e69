"""The power goes at any instant: what an fsync had covered is there, whatever else is not.

A store works below a shim that writes down every change of its files (tests/support/power_cut).
From that diary the states are built in which a power cut may leave the disk, torn and reordered by
the sector, and the store is opened on each. One diary gives hundreds of thousands of them; a sample
is tried, another one in each run, and a failure names its seed.
"""

from __future__ import annotations

import random
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from power_cut.disk import MODES, SYNC, WRITE, Change, Disk, Mode, read_diary
from power_cut.running import record

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.store.sealing import Seal
from banksman.store.store import Store


class Claims:
    """What the store had said to be durable at an instant."""

    def __init__(self) -> None:
        self.decisions: set[str] = set()
        self.touched: set[str] = set()
        self.acknowledged: set[str] = set()
        self.position = 0
        self.saved = -1

    def hear(self, line: str) -> None:
        kind, word = line.split()
        if kind == "D":
            self.decisions.add(word)
        elif kind == "T":
            self.touched.add(word)
        elif kind == "A":
            self.acknowledged.add(word)
        elif kind == "R":
            self.position = int(word)
        elif kind == "S":
            self.saved = int(word)


def instants(
    changes: Sequence[Change], chance: random.Random, count: int
) -> Iterator[tuple[Disk, Claims]]:
    """The disk and the claims at some instants, most of them close to an fsync."""
    syncs = [n for n, change in enumerate(changes) if change.op == SYNC]
    chosen = [chance.choice(syncs) + chance.randint(-3, 3) for _ in range(count * 3 // 4)]
    chosen += [chance.randrange(len(changes)) for _ in range(count - len(chosen))]
    disk, claims, at = Disk(), Claims(), 0
    claims_inode = next(change.inode for change in changes if change.name == "claims")
    for until in sorted(max(0, min(each, len(changes))) for each in chosen):
        for change in changes[at:until]:
            disk.take(change)
            if change.op == WRITE and change.inode == claims_inode:
                claims.hear(change.data.decode())
        at = max(at, until)
        yield disk, claims


def write_out(state: dict[str, bytes], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in state.items():
        (folder / name).write_bytes(content)


def check(folder: Path, claims: Claims, seal: Seal) -> None:
    """Open what is left; everything that was claimed is there, once."""
    settings = StoreSettings(folder=str(folder), free_floor_mb=0)
    store = Store.open(settings, "press", SystemClock(), seal=seal)
    try:
        assert store.status().set_aside == (), "a power cut is no damage"
        assert store.status().state == "ok"
        journal = [row.id for row in store._reader.newest("decision", 1_000_000)]
        assert len(set(journal)) == len(journal)
        assert claims.decisions - set(journal) == set()
        owed = {row.id for row in store._reader.owed("mqtt", 1_000_000)}
        assert owed & claims.acknowledged == set()
        assert claims.decisions - claims.touched - owed == set()
        ledger = store._writer.ledger
        assert ledger is not None
        assert ledger.folded >= claims.position
        assert int(store.load_state("latches") or b"-1") >= claims.saved
        used = max([int(one.split("-")[1]) for one in journal], default=0)
        assert store.epoch > used, "no id is given twice"
    finally:
        store.stop()


def try_states(diary: bytes, work: Path, count: int, key: bytes = b"") -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)
    changes = list(read_diary(diary))
    tried = 0
    for disk, claims in instants(changes, chance, count):
        mode: Mode = MODES[tried % len(MODES)]
        state = disk.after_cut(chance, mode)
        state.pop("claims", None)
        write_out(state, work / "state")
        try:
            check(work / "state", claims, Seal([key] if key else ()))
        except AssertionError as error:
            shutil.copytree(work / "state", work / f"failed-{tried}")
            raise AssertionError(f"seed {seed}, try {tried}, mode {mode}: {error}") from error
        tried += 1
    assert tried == count


@pytest.mark.timeout(1800)
def test_a_power_cut_at_any_instant_loses_nothing_that_was_durable(shim, tmp_path, wanted):
    try_states(record(shim, tmp_path, "plain"), tmp_path, wanted.cuts)


@pytest.mark.timeout(1800)
def test_what_is_sealed_outlives_a_power_cut_as_well(shim, tmp_path, wanted):
    key = bytes(range(32))
    try_states(record(shim, tmp_path, "plain", key), tmp_path, wanted.cuts // 2, key)


@pytest.mark.timeout(1800)
def test_after_a_failed_fsync_nothing_is_believed_that_was_not_written_again(
    shim, tmp_path, wanted
):
    try_states(record(shim, tmp_path, "failing_sync"), tmp_path, wanted.cuts)


@pytest.mark.parametrize("script", ["failing_write", "full", "read_only"])
@pytest.mark.timeout(1800)
def test_on_a_disk_that_refuses_for_a_while_everything_is_kept_once_it_works_again(
    script, shim, tmp_path, wanted
):
    """And the power may go at any instant of it, as above."""
    try_states(record(shim, tmp_path, script), tmp_path, wanted.cuts // 2)
