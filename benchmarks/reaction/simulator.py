"""The plant and stopwatch of the bench, as a child process (simulator/*.c).

It numbers every reading it serves and times every coil write on its own side of the wire, so
that peers in any language compare and none is instrumented.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType

import msgspec

from benchmarks.reaction.build import compiled

SOURCES = Path(__file__).parent / "simulator"
ANSWER_S = 10.0


class Mark(msgspec.Struct, frozen=True):
    """The plant's counters at one instant; ``sequence`` is the newest reading's number."""

    mono_ns: int
    sequence: int
    reads: int
    requests: int
    exceptions: int
    coil_writes: int
    coil_redundant: int
    connections: int


class Pace(msgspec.Struct, frozen=True):
    """Intervals between polls since they were last forgotten."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class Step(msgspec.Struct, frozen=True):
    """One change of the value and its answer. ``decide_ms`` is -1 if it was never served."""

    number: int
    wanted: int
    missed: bool
    reaction_ms: float
    decide_ms: float


class SimulatorSilent(RuntimeError):
    """The plant did not answer a command in time; the bench cannot go on."""


def build(cache: Path) -> Path:
    """The compiled plant. Raises NotBuilt."""
    return compiled("simulator", sorted(SOURCES.glob("*.c")), cache)


class Simulator:
    """A running plant on a free port of loopback. Use as a context manager."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [program, "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._heard = threading.Condition()
        self._steps: list[Step] = []
        self._newest: dict[str, str] = {}
        self._reader = threading.Thread(target=self._read, name="simulator", daemon=True)
        self._reader.start()
        self.port = int(json.loads(self._answer("ready"))["port"])

    def __enter__(self) -> Simulator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                # A command that a dead plant never read is still in its pipe's buffer.
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def mark(self) -> Mark:
        """The counters now."""
        return msgspec.json.decode(self._ask("mark", "mark"), type=Mark)

    def pace(self) -> Pace:
        """The intervals of polls since `forget_pace`."""
        return msgspec.json.decode(self._ask("pace", "pace"), type=Pace)

    def forget_pace(self) -> None:
        """Begin the intervals anew; polls that are sent after this returns count."""
        self._tell("pace0")
        self.mark()  # the plant reads its commands in order: the answer says that it has forgotten

    def served_mono_ns(self, sequence: int) -> int:
        """When this reading was served; the plant remembers 65 536. Raises LookupError."""
        mono_ns = int(json.loads(self._ask(f"when {sequence}", "when"))["mono_ns"])
        if mono_ns < 0:
            raise LookupError(f"reading {sequence} was never served, or too long ago")
        return mono_ns

    def begin_steps(self, count: int, gap_ms: tuple[int, int], timeout_ms: int = 5000) -> None:
        """Change the value ``count`` times, each after a random gap in ``gap_ms``."""
        with self._heard:
            self._steps.clear()
            self._newest.pop("steps_done", None)
        self._tell(f"steps {count} {gap_ms[0]} {gap_ms[1]} {timeout_ms}")

    def end_steps(self, timeout_s: float) -> list[Step]:
        """Wait until they are done, or stop them after ``timeout_s``; returns those counted."""
        try:
            self._answer("steps_done", timeout_s)
        except SimulatorSilent:
            self._ask("stop", "steps_done")
        with self._heard:
            return list(self._steps)

    def _ask(self, command: str, event: str) -> str:
        with self._heard:
            self._newest.pop(event, None)
        self._tell(command)
        return self._answer(event)

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")

    def _answer(self, event: str, timeout_s: float = ANSWER_S) -> str:
        deadline = time.monotonic() + timeout_s
        with self._heard:
            while event not in self._newest:
                left_s = deadline - time.monotonic()
                if left_s <= 0 or self._process.poll() is not None:
                    raise SimulatorSilent(f"the plant sent no {event} within {timeout_s} s")
                self._heard.wait(min(left_s, 1.0))
            return self._newest.pop(event)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)["event"]
            with self._heard:
                if event == "step":
                    self._steps.append(msgspec.json.decode(line, type=Step))
                else:
                    self._newest[event] = line
                self._heard.notify_all()
