"""Many Modbus TCP devices as a child process (farm.c), and what it saw of their polls."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from benchmarks.reaction.build import compiled

SOURCES = (Path(__file__).parent / "farm.c",)


class Pace(msgspec.Struct, frozen=True):
    """What was read since `Farm.forget`; the jitter is of every device's intervals together."""

    polls: int
    registers: int
    refused: int
    intervals: int
    p50_us: float
    p99_us: float
    max_us: float


def build(cache: Path) -> Path:
    """The compiled farm. Raises NotBuilt."""
    return compiled("farm", SOURCES, cache)


class Farm:
    """A running farm of ``devices``, each on its own of ``ports``. Use as a context manager."""

    def __init__(self, program: Path, devices: int) -> None:
        self._process = subprocess.Popen(
            [program, str(devices)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.ports: list[int] = self._hear("ready")["ports"]

    def __enter__(self) -> Farm:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def forget(self) -> None:
        """Count from now on."""
        self._tell("pace0")
        self._hear("pace0")

    def pace(self, period_ms: float) -> Pace:
        """What was read since, and forget it."""
        self._tell(f"pace {period_ms * 1e3}")
        told = self._hear("pace")
        self._hear("pace0")
        return msgspec.convert(told, Pace)

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")

    def _hear(self, event: str) -> Any:
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline() or '{"event": "gone"}')
        if told["event"] != event:
            raise RuntimeError(f"the farm said {told['event']} where {event} was due")
        return told
