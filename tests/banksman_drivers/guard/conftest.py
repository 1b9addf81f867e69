"""Two benches for the guard: its core in virtual time, and its real thread on real FIFOs."""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from banksman_drivers.guard.available import why_not_available
from banksman_drivers.guard.native import Guard
from banksman_drivers.guard.values import COUNTERS, EVENT_KINDS, GuardEvent, GuardState, SetResult
from banksman_drivers.settings.guard import GuardSettings

HERE = Path(__file__).parent
SOURCE = HERE.parents[2] / "drivers" / "banksman_drivers" / "guard"
PATIENCE_S = 30.0  # how long a condition is awaited before the test fails; no speed is asserted
MS = 1_000_000
NEVER = 2**63 - 1


def build_shared(sources: list[Path], target: Path, *options: str) -> Path:
    """Build a shared library with the system's C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: apt install gcc")
    command = [compiler, "-shared", "-fPIC", "-g", "-O1", "-Wall", "-Wextra", "-Werror"]
    command += [f"-I{SOURCE}", *options, *map(str, sources), "-o", str(target)]
    subprocess.run(command, check=True)
    return target


@pytest.fixture(scope="session")
def compile_shared() -> Callable[..., Path]:
    """Builds a shared library: (sources, target, *compiler options)."""
    return build_shared


@pytest.fixture(scope="session")
def here() -> Path:
    """This folder, where the C helpers lie."""
    return HERE


@pytest.fixture(scope="session")
def core_library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """core.c with its shim; undefined behaviour traps."""
    target = tmp_path_factory.mktemp("core") / "core.so"
    options = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    library = ctypes.CDLL(
        str(build_shared([SOURCE / "core.c", HERE / "core_shim.c"], target, *options))
    )
    library.shim_new.restype = ctypes.c_void_p
    library.core_next_ns.restype = ctypes.c_int64
    library.shim_counter.restype = ctypes.c_uint64
    return library


class Core:
    """The pure core in virtual time: it is woken at its deadlines, as its thread does it."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._core = ctypes.c_void_p(library.shim_new())
        self._inputs: list[str] = []
        self._until_ns = 0
        self.now_ns = 1_000 * MS
        self.events: list[tuple[str, int, int]] = []

    def free(self) -> None:
        self._library.shim_free(self._core)

    def input(
        self,
        kind: str = "estop",
        first: int = 1,
        pair: int = -1,
        debounce_ms: float = 5,
        discrepancy_ms: float = 500,
    ) -> None:
        self._library.shim_input(
            self._core,
            int(kind == "reset"),
            pair,
            ctypes.c_int64(int(debounce_ms * MS)),
            ctypes.c_int64(int(discrepancy_ms * MS)),
            first,
        )

    def output(self, safe: int = 0, toggle_ms: float = 0) -> None:
        self._library.shim_output(self._core, safe, ctypes.c_int64(int(toggle_ms * MS)))

    def begin(self, latched: bool = False) -> None:
        self._library.core_begin(self._core, int(latched), ctypes.c_int64(self.now_ns))

    def tell(self, index: int, level: int) -> None:
        """An input's raw level now: 1, 0, or -1 for unknown."""
        self._library.core_input(self._core, index, level, ctypes.c_int64(self.now_ns))
        self._collect()

    def renew(self, lease_ms: float = 200) -> None:
        lapsed = self._until_ns <= self.now_ns
        self._until_ns = self.now_ns + int(lease_ms * MS)
        self._lease(lapsed)

    def _lease(self, lapsed: bool) -> None:
        self._library.core_lease(
            self._core,
            ctypes.c_int64(self._until_ns),
            int(lapsed),
            ctypes.c_int64(self.now_ns),
        )
        self._collect()

    def set(self, index: int, value: int) -> SetResult:
        result = self._library.core_set(self._core, index, value, ctypes.c_int64(self.now_ns))
        return SetResult(result)

    def trip(self) -> None:
        self._library.core_trip(self._core, 4, 1, ctypes.c_int64(self.now_ns))
        self._collect()

    def wait(self, ms: float) -> None:
        """Let time go on, waking the core at each of its deadlines."""
        end_ns = self.now_ns + int(ms * MS)
        while True:
            next_ns = self._library.core_next_ns(self._core)
            self.now_ns = max(self.now_ns, min(next_ns, end_ns))
            self._library.core_tick(self._core, ctypes.c_int64(self.now_ns))
            self._lease(False)
            if next_ns > end_ns:
                self.now_ns = end_ns
                return

    def freeze(self, ms: float) -> None:
        """Let time go on with nobody awake (SIGSTOP), then wake the core once."""
        self.now_ns += int(ms * MS)
        self._library.core_tick(self._core, ctypes.c_int64(self.now_ns))
        self._lease(False)

    def press_reset(self, index: int) -> None:
        """Hold the button for 100 ms, let go, and wait until that is believed."""
        for level in (0, 1, 0):
            self.tell(index, level)
            self.wait(100)

    def _collect(self) -> None:
        index, detail = ctypes.c_int(), ctypes.c_int()
        while True:
            kind = self._library.shim_event(self._core, ctypes.byref(index), ctypes.byref(detail))
            if kind < 0:
                return
            self.events.append((EVENT_KINDS[kind], index.value, detail.value))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.events]

    @property
    def latched(self) -> bool:
        return bool(self._library.shim_latched(self._core))

    @property
    def lease_held(self) -> bool:
        return bool(self._library.shim_lease_held(self._core))

    def level(self, index: int) -> int:
        return int(self._library.shim_level(self._core, index))

    def commanded(self, index: int) -> int:
        return int(self._library.shim_commanded(self._core, index))

    def believed(self, index: int) -> int:
        return int(self._library.shim_believed(self._core, index))

    def discrepant(self, index: int) -> bool:
        return bool(self._library.shim_discrepant(self._core, index))

    def counter(self, name: str) -> int:
        return int(self._library.shim_counter(self._core, COUNTERS.index(name)))


@pytest.fixture
def make_core(core_library: ctypes.CDLL) -> Iterator[Callable[[], Core]]:
    """Makes cores; frees them."""
    made: list[Core] = []

    def make() -> Core:
        made.append(Core(core_library))
        return made[-1]

    yield make
    for core in made:
        core.free()


@pytest.fixture
def core(make_core: Callable[[], Core]) -> Core:
    """A core without inputs or outputs, not begun."""
    return make_core()


class Rig:
    """A real guard thread between real FIFOs; the test is the plant."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings = GuardSettings.model_validate(settings)
        self.guard = Guard(self.settings)
        self.events: list[GuardEvent] = []
        self.seen: dict[str, bytes] = {}
        self._ends: dict[str, int] = {}

    def start(self, latched: bool = False, cause: str = "") -> None:
        self.guard.start(latched, cause)
        for output in self.settings.outputs:
            self.connect(output.name, os.O_RDONLY)
            self.seen[output.name] = b""

    def connect(self, name: str, mode: int = os.O_WRONLY) -> int:
        """Take the plant's end of a FIFO."""
        self._ends[name] = os.open(self.folder / name, mode | os.O_NONBLOCK)
        return self._ends[name]

    def tell(self, name: str, levels: bytes) -> None:
        """Write levels to an input as the plant does; the guard has read them on return."""
        self.put(name, levels)
        self.settle()

    def put(self, name: str, levels: bytes) -> None:
        """Write levels to an input, however long the guard takes to make room."""
        end = self._ends[name] if name in self._ends else self.connect(name)
        while levels:
            assert select.select([], [end], [], PATIENCE_S)[1], f"{name} is not read"
            levels = levels[os.write(end, levels[: select.PIPE_BUF]) :]

    def die(self, name: str) -> None:
        """The plant's end goes away, as at its death."""
        os.close(self._ends.pop(name))

    def settle(self) -> None:
        """Return when the guard has gone round once more: it reads inputs before commands."""
        output = self.settings.outputs[-1]
        self.result_of(self.guard.set(output.name, output.safe))

    def result_of(self, ticket: int) -> SetResult:
        self.until(lambda _: self.guard.result(ticket) is not SetResult.PENDING)
        return self.guard.result(ticket)

    def set(self, output: str, on: bool) -> SetResult:
        return self.result_of(self.guard.set(output, on))

    def until(self, holds: Callable[[GuardState], bool]) -> GuardState:
        """Await a condition of the guard's state, collecting events."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            self.events += self.guard.take_events()
            state = self.guard.state()
            if holds(state):
                return state
            assert time.monotonic() < deadline_s, f"never came about: {state}, {self.events}"
            select.select([self.guard], [], [], 0.01)

    def until_event(self, kind: str) -> GuardEvent:
        """Await an event of this kind that was not taken yet by an earlier call."""
        self.until(lambda _: any(event.kind == kind for event in self.events))
        event = next(event for event in self.events if event.kind == kind)
        del self.events[: self.events.index(event) + 1]
        return event

    def until_out(self, name: str, holds: Callable[[bytes], bool]) -> bytes:
        """Await what the plant has read from an output, from the beginning on."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not holds(self.seen[name]):
            assert time.monotonic() < deadline_s, f"never came out: {self.seen}"
            if select.select([self._ends[name]], [], [], 0.01)[0]:
                self.seen[name] += os.read(self._ends[name], 4096)
        return self.seen[name]

    def close_all(self) -> None:
        """Close the e-stops and press the reset: the guard is ready for commands."""
        for point in self.settings.inputs:
            self.tell(point.name, b"1" if point.kind == "estop" else b"0")
        self.until(
            lambda state: all(
                state.inputs[point.name] is (point.kind == "estop")
                for point in self.settings.inputs
            )
        )
        self.press_reset()
        self.until(lambda state: not state.latched)

    def press_reset(self) -> None:
        """Press, hold until believed, release, wait until that is believed."""
        self.put("reset", b"1")
        self.until(lambda state: state.inputs["reset"] is True)
        self.put("reset", b"0")
        self.until(lambda state: state.inputs["reset"] is False)

    def energise(self, output: str = "permit") -> None:
        """Ready, leased for ever as far as a test goes, and on."""
        self.close_all()
        self.guard.renew()
        assert self.set(output, True) is SetResult.DONE

    def guard_fd(self, name: str) -> int:
        """The guard's own descriptor of a line, as /proc shows it."""
        wanted = (self.folder / name).stat()
        ours = set(self._ends.values())
        for entry in Path("/proc/self/fd").iterdir():
            fd = int(entry.name)
            try:
                found = os.fstat(fd)
            except OSError:
                continue
            if fd not in ours and (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                return fd
        raise AssertionError(f"the guard does not hold {name}")

    def close(self) -> None:
        if hasattr(self.guard, "_native"):
            self.guard.stop()
        for fd in self._ends.values():
            os.close(fd)


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Makes rigs with an e-stop, a reset button and a permit line, or what is asked for."""
    if (reason := why_not_available()) is not None:
        pytest.skip(reason)
    made: list[Rig] = []

    def make(
        estops: Mapping[str, Mapping[str, Any]] | None = None,
        outputs: Mapping[str, Mapping[str, Any]] | None = None,
        **options: Any,
    ) -> Rig:
        estops = {"estop": {"debounce_ms": 0}} if estops is None else estops
        outputs = {"permit": {}} if outputs is None else outputs
        inputs = [
            {"name": name, "kind": "estop", "source": f"fifo:{tmp_path / name}", **terms}
            for name, terms in estops.items()
        ]
        reset = {"name": "reset", "kind": "reset", "source": f"fifo:{tmp_path / 'reset'}"}
        settings = {
            "lease_ms": 5000,
            "input": [*inputs, reset | {"debounce_ms": 1}],
            "output": [
                {"name": name, "target": f"fifo:{tmp_path / name}", **terms}
                for name, terms in outputs.items()
            ],
            **options,
        }
        made.append(Rig(tmp_path, settings))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """A started guard: latched, because its e-stop has not spoken yet."""
    made = make_rig()
    made.start()
    return made


@pytest.fixture
def open_fds() -> Callable[[], set[str]]:
    """The numbers of this process's open descriptors."""
    return lambda: {entry.name for entry in Path("/proc/self/fd").iterdir()}


@pytest.fixture
def thread_count() -> Callable[[], int]:
    """How many threads this process has, native ones included."""
    return lambda: sum(1 for _ in Path("/proc/self/task").iterdir())


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Await a condition that nothing announces."""

    def wait(holds: Callable[[], object]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline_s, "never came about"
            select.select([], [], [], 0.001)

    return wait


@pytest.fixture
def start_child() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs a Python program in a process of its own, to be stopped or killed."""
    children: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()
