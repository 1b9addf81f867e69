"""Remembers which models passed their trial, so that a restart need not try them again.

One small JSON file. An entry belongs to one model with one set of golden cases, one runtime
version, one set of kernels and one board: with any of them the trial is made anew. Only passes are
kept; what was refused may have been refused for the load of the moment.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
from pathlib import Path

import msgspec

from banksman_inference.trial import Report, Trial
from banksman_inference.whole_file import write_whole

ENTRIES_MAX = 64
FILE_BYTES_MAX = 262_144


class ProbeMemory:
    """The passes of one box; ``file`` None keeps them in memory only. From one thread at a time."""

    def __init__(self, file: Path | None, board: str = "") -> None:
        self._file = file
        self._board = board
        self._passes = _read(file) if file is not None else {}

    def key(self, trial: Trial, runtime: str) -> str:
        """What a report is kept under."""
        digest = hashlib.sha256()
        about = msgspec.structs.replace(trial, model=b"", cases=b"")
        for part in (
            hashlib.sha256(trial.model).digest(),
            hashlib.sha256(trial.cases).digest(),
            msgspec.msgpack.encode(about),
            f"{runtime} {platform.machine()} {self._board}".encode(),
        ):
            digest.update(part)
        return digest.hexdigest()

    def get(self, key: str) -> Report | None:
        """The report of a trial that was passed."""
        return self._passes.get(key)

    def put(self, key: str, report: Report) -> None:
        """Keep a pass; the oldest makes room. A disk that does not take it costs a later trial."""
        if report.refused:
            return
        self._passes.pop(key, None)
        self._passes[key] = report
        while len(self._passes) > ENTRIES_MAX:
            del self._passes[next(iter(self._passes))]
        if self._file is not None:
            with contextlib.suppress(OSError):
                write_whole(self._file, msgspec.json.encode(self._passes))


def _read(file: Path) -> dict[str, Report]:
    try:
        with file.open("rb") as source:
            text = source.read(FILE_BYTES_MAX + 1)
        return msgspec.json.decode(text[:FILE_BYTES_MAX], type=dict[str, Report])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}
