"""Engines of TensorRT on disk: found, read whole, built anew, removed. Knows nothing of TensorRT.

    engines/  <network>-<box>.engine     sha256 of what follows (32 bytes), then the engine
              <network>-<box>.new        being built; left over by a kill
              building                   locked while one is built

Rules of this file
- An engine belongs to one ONNX (the first half of its name) and to one box: TensorRT, CUDA runtime,
  driver and compute capability, GPU, options (the second). One of another box is never opened.
- A damaged engine is found by its checksum before TensorRT reads it. One that is damaged or that
  cannot be opened is removed and built anew, once: it is never tried for ever.
- Once a new engine is there, those of the same ONNX for another box go, and all but the newest
  `ENGINES_MAX`. What was removed is counted, and told with its reason.
- One is built at a time: two stations with the same network build one engine.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from banksman_inference.ports import ModelRefused

ENGINES_MAX = 4
DIGEST_BYTES = 32
NAME_CHARS = 32

Opened = TypeVar("Opened")


class EngineKey(msgspec.Struct, frozen=True):
    """What an engine belongs to."""

    onnx_sha256: str
    tensorrt: str
    cuda: str
    gpu: str
    workspace_bytes: int

    @property
    def network(self) -> str:
        """How the names of all engines of this ONNX begin."""
        return self.onnx_sha256[:NAME_CHARS]

    def file_name(self) -> str:
        """The engine's file."""
        told = msgspec.json.encode(self, order="deterministic")
        return f"{self.network}-{hashlib.sha256(told).hexdigest()[:NAME_CHARS]}.engine"


class EngineFolder:
    """The engines of one box. Blocks, for as long as building does: a work thread's.

    ``note`` hears of each engine that is removed. ``broken``, ``outdated`` count them.
    """

    def __init__(self, folder: Path, note: Callable[[str], None]) -> None:
        self._folder = folder
        self._note = note
        self.broken = 0
        self.outdated = 0

    def open(
        self,
        key: EngineKey,
        build: Callable[[Path], None],
        open_engine: Callable[[bytes], Opened],
    ) -> Opened:
        """The engine, opened; built first where there is none that can be.

        ``build`` writes a file (`write_engine`). ModelRefused from ``open_engine`` says that the
        engine is at fault, and has it built anew once; what else it raises passes. Raises OSError.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / key.file_name()
        with self._alone():
            if file.is_file():
                try:
                    return open_engine(read_engine(file))
                except ModelRefused as error:
                    self._remove(file, f"it is broken ({error}) and is built anew")
                    self.broken += 1
            fresh = file.with_suffix(".new")
            try:
                build(fresh)
                opened = open_engine(read_engine(fresh))
            except BaseException:
                fresh.unlink(missing_ok=True)
                raise
            fresh.replace(file)
            self._tidy(key, file)
            return opened

    def reopen(self, key: EngineKey, open_engine: Callable[[bytes], Opened]) -> Opened:
        """The engine that is there; nothing is built. Raises ModelRefused where there is none."""
        return open_engine(read_engine(self._folder / key.file_name()))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Threads and processes wait here for each other; the lock goes with its holder."""
        with (self._folder / "building").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _tidy(self, key: EngineKey, newest: Path) -> None:
        for left in self._folder.glob("*.new"):
            left.unlink(missing_ok=True)
        engines = sorted(self._folder.glob("*.engine"), key=lambda file: -file.stat().st_mtime_ns)
        kept = 1
        for file in engines:
            if file == newest:
                continue
            if file.name.startswith(f"{key.network}-"):
                why = "it is of another TensorRT, CUDA or GPU than this box has now"
            elif kept >= ENGINES_MAX:
                why = f"{ENGINES_MAX} newer ones are kept"
            else:
                kept += 1
                continue
            self._remove(file, why)
            self.outdated += 1

    def _remove(self, file: Path, why: str) -> None:
        file.unlink(missing_ok=True)
        self._note(f"engine {file.name} is removed: {why}")


def write_engine(file: Path, engine: bytes) -> None:
    """Write it with its checksum, durably. Raises OSError."""
    with file.open("wb") as out:
        out.write(hashlib.sha256(engine).digest())
        out.write(engine)
        out.flush()
        os.fsync(out.fileno())


def read_engine(file: Path) -> bytes:
    """The engine; raises ModelRefused where it cannot be read or is not what was written."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelRefused(f"it cannot be read: {error.strerror}") from error
    digest, engine = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(engine).digest() != digest:
        raise ModelRefused("it is cut off or damaged")
    return engine
