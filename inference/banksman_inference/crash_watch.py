"""Finds out after a crash which model it was: a note in mapped memory, and the stacks it left.

    models-running     who is inside a model now: thread, model, backend   written before each run
    models-stacks      every thread's stack, by `faulthandler`             written by the crash
    models-crashed.json   the crashes found at each start (`crashes`)

Rules of this file
- To enter and to leave a model is one store into mapped memory each: no system call, no lock. The
  kernel keeps the page however the process ends; a power cut loses no more than an accusation.
- Both files have their size from the start, so that a full disk takes no witness away.
- What was found is kept durably before the witnesses are wiped: a start that dies in between finds
  it again.
"""

from __future__ import annotations

import contextlib
import faulthandler
import mmap
import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import msgspec

from banksman_inference.crashes import Crash, CrashBook, Running, accused
from banksman_inference.whole_file import write_whole

RUNNING, STACKS, CRASHED = "models-running", "models-stacks", "models-crashed.json"
SLOTS = 32
SLOT_BYTES = 512
STACKS_BYTES = 65_536
BOOK_BYTES_MAX = 65_536
_WORD = 8


class Place:
    """One network's line of the note: ``with place: network.run(...)``. One thread at a time."""

    __slots__ = ("__weakref__", "_at", "_words")

    def __init__(self, words: memoryview, at: int) -> None:
        self._words = words
        self._at = at

    def __enter__(self) -> None:
        self._words[self._at] = threading.get_ident()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._words[self._at] = 0


class CrashWatch:
    """Of one process. ``news``: the crashes of the process before it; ``stacks``: what it left."""

    def __init__(self, folder: Path, wall_ns: int) -> None:
        """Find what the last process left behind. Raises OSError where the folder cannot be had."""
        self._book_file = folder / CRASHED
        self.book = read_book(folder)
        self._stacks = _sized(folder / STACKS, STACKS_BYTES)
        note = _sized(folder / RUNNING, SLOTS * SLOT_BYTES)
        self._note = mmap.mmap(note, SLOTS * SLOT_BYTES)
        os.close(note)
        self._words = memoryview(self._note).cast("Q")
        self._free = list(range(SLOTS))
        self._lock = threading.Lock()
        self._listens = False
        self.stacks = _text(os.pread(self._stacks, STACKS_BYTES, 0))
        signal, guilty = accused(self.stacks, list(_running(bytes(self._note))))
        self.news = tuple(
            Crash(each.model, each.backend, each.bundle, signal, wall_ns) for each in guilty
        )
        for crash in self.news:
            self.book.add(crash)
        if self.news:
            write_book(folder, self.book)
        os.pwrite(self._stacks, bytes(STACKS_BYTES), 0)
        self._note[:] = bytes(SLOTS * SLOT_BYTES)

    def listen(self) -> None:
        """From now on a crash leaves the stacks of all threads here; until `close`."""
        faulthandler.enable(self._stacks, all_threads=True)
        self._listens = True

    def place(
        self, model: str, backend: str, bundle: str
    ) -> contextlib.AbstractContextManager[None]:
        """A line of the note; when all are taken, one that accuses nobody."""
        with self._lock:
            if not self._free:
                return contextlib.nullcontext()
            slot = self._free.pop()
        told = msgspec.json.encode(Running(0, model, backend, bundle))[: SLOT_BYTES - _WORD - 1]
        begin = slot * SLOT_BYTES + _WORD
        self._note[begin : begin + SLOT_BYTES - _WORD] = told.ljust(SLOT_BYTES - _WORD, b"\0")
        made = Place(self._words, slot * SLOT_BYTES // _WORD)
        weakref.finalize(made, self._give_back, slot)
        return made

    def close(self) -> None:
        """Hear no more; a crash from now on tells its stacks as it would without us."""
        if self._listens:
            self._listens = False
            faulthandler.disable()
            with contextlib.suppress(RuntimeError, ValueError, OSError):  # there may be no stderr
                faulthandler.enable()

    def _give_back(self, slot: int) -> None:
        with self._lock:
            self._free.append(slot)


def read_book(folder: Path) -> CrashBook:
    """The crashes that a box remembers; a damaged file is an empty one: they are found again."""
    try:
        with (folder / CRASHED).open("rb") as file:
            text = file.read(BOOK_BYTES_MAX)
        return CrashBook(msgspec.json.decode(text, type=list[Crash]))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return CrashBook()


def write_book(folder: Path, book: CrashBook) -> None:
    """Keep it durably. Raises OSError."""
    write_whole(folder / CRASHED, msgspec.json.encode(book.crashes))


def _running(note: bytes) -> Iterator[Running]:
    """Who was inside. A line that cannot be read accuses nobody."""
    for begin in range(0, len(note), SLOT_BYTES):
        thread = int.from_bytes(note[begin : begin + _WORD], "little")
        told = note[begin + _WORD : begin + SLOT_BYTES].rstrip(b"\0")
        if thread and told:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                yield msgspec.structs.replace(
                    msgspec.json.decode(told, type=Running), thread=thread
                )


def _sized(path: Path, size: int) -> int:
    """The descriptor of a file of that size, its content kept. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(descriptor, size)
        os.posix_fallocate(descriptor, 0, size)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _text(stacks: bytes) -> str:
    return stacks.partition(b"\0")[0].decode("utf-8", "replace")
