"""The store's folder: one daemon at a time, the epoch, and files that are set aside.

Rules of this file
- The lock is flock on the folder itself, so it works on a read-only disk and leaves no file.
- The epoch must grow even when the disk is full, or ids would repeat. So its file holds two
  slots in different sectors, written in turn and in place: no new space is needed, and a
  torn write leaves the other slot.
- Nothing that cannot be read is deleted at once: it is renamed, and the newest few are kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import zlib
from pathlib import Path

from banksman.errors import StoreError
from banksman.store.rows import EPOCH_SHIFT

EPOCH_FILE = "epoch"
SLOT_BYTES = 512
SLOT = re.compile(rb"epoch (\d+) ([0-9a-f]{8})\n")
SET_ASIDE_KEPT = 2
# How far an epoch jumps that may have been used and could not be written or read.
LEAP = 1 << 16


def open_folder(path: Path) -> int:
    """Make the folder (0700) if need be and lock it; returns the descriptor that holds the lock.

    Raises StoreError when the folder cannot be had or another daemon uses it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(
            f"the store's folder {path} cannot be opened: {error.strerror}; make it, owned by "
            "the daemon's user, or set [store] folder"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreError(
            f"the store's folder {path} is in use by another banksman; stop that one first "
            "(systemctl stop banksman) or set [store] folder"
        ) from error
    return descriptor


def sync_folder(path: Path) -> None:
    """Make renames and new names in the folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class EpochFile:
    """The number of starts, in two slots."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EPOCH_FILE

    def read(self) -> int | None:
        """The highest whole slot; 0 when there is no file; None when neither slot is whole."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return 0
        except OSError:
            return None
        slots = (data[:SLOT_BYTES], data[SLOT_BYTES : 2 * SLOT_BYTES])
        return max((n for n in map(_slot_value, slots) if n is not None), default=None)

    def write(self, epoch: int) -> None:
        """Make the epoch durable. Raises OSError."""
        digits = b"%d" % epoch
        slot = b"epoch %s %08x\n" % (digits, zlib.crc32(digits))
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < 2 * SLOT_BYTES:
                os.pwrite(descriptor, bytes(2 * SLOT_BYTES), 0)
            os.pwrite(descriptor, slot.ljust(SLOT_BYTES, b"\0"), (epoch % 2) * SLOT_BYTES)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(self._path.parent)


def _slot_value(slot: bytes) -> int | None:
    match = SLOT.match(slot)
    if match is None or zlib.crc32(match[1]) != int(match[2], 16):
        return None
    return int(match[1])


def next_epoch(known: int, certain: bool) -> int:
    """The epoch after the highest known; far ahead when higher ones may have been in use."""
    epoch = known + 1 if certain else known + 2 + secrets.randbelow(LEAP)
    return min(epoch, (1 << (63 - EPOCH_SHIFT)) - 1)


def set_aside(database: Path, wall_ns: int, why: str = "corrupt") -> str:
    """Rename a database with its log to ``<name>.<why>-<wall seconds>``; returns the new name.

    Keeps the newest of those already there, so that they cannot fill the disk. Raises OSError.
    """
    wall_s = wall_ns // 1_000_000_000
    target = database.with_name(f"{database.name}.{why}-{wall_s}")
    while target.exists():
        wall_s += 1
        target = database.with_name(f"{database.name}.{why}-{wall_s}")
    if database.exists():
        database.rename(target)
    with contextlib.suppress(FileNotFoundError):
        log = database.with_name(f"{database.name}-wal")
        log.rename(target.with_name(f"{target.name}-wal"))
    database.with_name(f"{database.name}-shm").unlink(missing_ok=True)
    for old in aside(database)[:-SET_ASIDE_KEPT]:
        for name in (old, f"{old}-wal"):
            database.with_name(name).unlink(missing_ok=True)
    sync_folder(database.parent)
    return target.name


def aside(database: Path) -> list[str]:
    """Names of the databases set aside, oldest first."""
    found = re.compile(re.escape(database.name) + r"\.(?:corrupt|newer)-(\d+)")
    named = [(found.fullmatch(path.name), path.name) for path in database.parent.iterdir()]
    return [name for _, name in sorted((int(m[1]), name) for m, name in named if m is not None)]
