"""One network for its caller, several backends behind it: when one fails the next takes over.

    run ──► serving backend ──ok──► outputs
               │ raises, or cannot be loaded: out for good; the same tensors go to the next
               │ 5 runs in a row over budget: out, if another is known or hoped to be faster
               └ none left: the fastest of the slow ones serves on; only where every one has
                 failed does the caller get an InferenceError, with every reason

Rules of this file
- One thread calls `run`; another may `promote` a backend that has become ready meanwhile.
- Every step down is counted and keeps its reason, for the page and the log.
- The clock is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from banksman_inference.ports import Capabilities, InferenceError, Network, TensorSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLOW_RUNS = 5

State = Literal["waiting", "serving", "slow", "failed"]


class Candidate(msgspec.Struct, frozen=True):
    """A backend that could serve. ``expected_us``: what a trial took; None: nobody knows."""

    name: str
    load: Callable[[], Network]
    expected_us: float | None = None


class BackendStatus(msgspec.Struct, frozen=True):
    """How a backend stands; ``reason`` why it serves no more."""

    name: str
    state: State
    reason: str
    runs: int
    slow_runs: int
    worst_us: float


class _Backend:
    """A candidate and what became of it."""

    def __init__(self, candidate: Candidate, inside: AbstractContextManager[None]) -> None:
        self.name = candidate.name
        self.inside = inside
        self.load = candidate.load
        self.expected_us = candidate.expected_us
        self.state: State = "waiting"
        self.reason = ""
        self.network: Network | None = None
        self.runs = 0
        self.slow_runs = 0
        self.slow_in_a_row = 0
        self.last_us = 0.0
        self.worst_us = 0.0

    def status(self) -> BackendStatus:
        return BackendStatus(
            self.name, self.state, self.reason, self.runs, self.slow_runs, round(self.worst_us, 1)
        )

    def drop(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        if self.network is not None:
            self.network.close()
            self.network = None


def _unheard(text: str) -> None:
    """Nobody listens; `status` tells it too."""


def _unwatched(backend: str) -> AbstractContextManager[None]:  # noqa: ARG001  as a watch's
    """Nobody wants to know who is inside a model."""
    return nullcontext()


class FallbackNetwork:
    """A `Network` that survives its backends."""

    def __init__(
        self,
        id: str,  # noqa: A002  the port's own word
        version: str,
        candidates: Sequence[Candidate],
        budget_ms: float,
        now_ns: Callable[[], int],
        note: Callable[[str], None] = _unheard,
        watch: Callable[[str], AbstractContextManager[None]] = _unwatched,
    ) -> None:
        """Load the first candidate that can be. Raises InferenceError with every reason if none.

        ``note`` hears of each step down and up, on the thread that runs. ``watch`` gives, for a
        backend, what is held while it loads and runs (`crash_watch`).
        """
        self.id = id
        self.version = version
        self.fallbacks = 0
        self._budget_us = budget_ms * 1e3
        self._now_ns = now_ns
        self._note_change = note
        self._watch = watch
        self._backends = [_Backend(each, watch(each.name)) for each in candidates]
        self._promoted: deque[Candidate] = deque(maxlen=1)
        self._serving = self._next(f"model {id}")
        network = self._serving.network
        if network is None:
            raise InferenceError(f"model {id}: its backend was closed while it was loaded")
        self.inputs: tuple[TensorSpec, ...] = network.inputs
        self.outputs: tuple[TensorSpec, ...] = network.outputs

    def run(self, *tensors: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Infer once, on whichever backend can. Raises InferenceError where none can."""
        if self._promoted:
            self._adopt(self._promoted.popleft())
        while True:
            backend = self._serving
            if backend.network is None:
                raise InferenceError(f"model {self.id}: {self._reasons()}")
            began_ns = self._now_ns()
            try:
                with backend.inside:
                    outputs = backend.network.run(*tensors)
            except InferenceError as error:
                if self._is_the_callers(tensors):
                    raise
                self._fall(backend, "failed", str(error))
                continue
            took_us = (self._now_ns() - began_ns) / 1e3
            backend.runs += 1
            backend.last_us = took_us
            if took_us > backend.worst_us:
                backend.worst_us = took_us
            if took_us <= self._budget_us:
                backend.slow_in_a_row = 0
            else:
                self._note_slow(backend, took_us)
            return outputs

    def promote(self, candidate: Candidate) -> None:
        """Serve from this backend at the next run, if it can be loaded; from any thread."""
        self._promoted.append(candidate)

    @property
    def expected_us(self) -> float:
        """What an inference takes on the backend that serves, by its trial; 0: nobody knows."""
        return self._serving.expected_us or 0.0

    def status(self) -> list[BackendStatus]:
        """Every backend, the preferred first."""
        return [backend.status() for backend in self._backends]

    def capabilities(self) -> Capabilities:
        """Those of the backend that serves."""
        network = self._serving.network
        return Capabilities("none") if network is None else network.capabilities()

    def close(self) -> None:
        """Close whatever is loaded."""
        for backend in self._backends:
            if backend.network is not None:
                backend.drop("failed", "closed")

    def _note_slow(self, backend: _Backend, took_us: float) -> None:
        backend.slow_runs += 1
        backend.slow_in_a_row += 1
        if backend.slow_in_a_row >= SLOW_RUNS and self._hopes_for_better(backend):
            took_ms, budget_ms = took_us / 1e3, self._budget_us / 1e3
            self._fall(backend, "slow", f"took {took_ms:.3g} ms of {budget_ms:.3g} ms, again")

    def _hopes_for_better(self, backend: _Backend) -> bool:
        """Whether another may be faster: one not tried yet, or one that was faster than this."""
        return any(
            other.state == "waiting"
            and (other.expected_us is None or other.expected_us < backend.last_us)
            for other in self._backends
        )

    def _is_the_callers(self, tensors: Sequence[NDArray[Any]]) -> bool:
        """Whether the tensors are not what ``inputs`` says: then no other backend helps."""
        given = [(tensor.shape, tensor.dtype.name) for tensor in tensors]
        return given != [(spec.shape, spec.dtype) for spec in self.inputs]

    def _fall(self, backend: _Backend, state: State, reason: str) -> None:
        backend.drop(state, reason)
        self.fallbacks += 1
        self._note_change(f"model {self.id}: {backend.name} gives way: {reason}")
        self._serving = self._next(f"model {self.id}")
        self._note_change(f"model {self.id}: {self._serving.name} serves")

    def _next(self, told_as: str) -> _Backend:
        """Load the next that can be; the fastest of the slow ones where no other is left."""
        waiting = [each for each in self._backends if each.state == "waiting"]
        slow = [each for each in self._backends if each.state == "slow"]
        for backend in (*waiting, *sorted(slow, key=lambda each: each.last_us)):
            try:
                with backend.inside:
                    backend.network = backend.load()
            except InferenceError as error:
                backend.drop("failed", str(error))
                continue
            backend.state, backend.slow_in_a_row = "serving", 0
            return backend
        raise InferenceError(f"{told_as} has no backend left: {self._reasons()}")

    def _adopt(self, candidate: Candidate) -> None:
        """Make a backend that became ready the first one; the one that served stays in reserve."""
        fresh = _Backend(candidate, self._watch(candidate.name))
        try:
            with fresh.inside:
                fresh.network = candidate.load()
        except InferenceError as error:
            fresh.drop("failed", str(error))
            self._backends.insert(0, fresh)
            self._note_change(f"model {self.id}: {fresh.name} cannot serve: {error}")
            return
        fresh.state = "serving"
        before = self._serving
        before.expected_us = before.last_us or before.expected_us
        before.drop("waiting", "")
        self._backends.insert(0, fresh)
        self._serving = fresh
        self._note_change(f"model {self.id}: {fresh.name} serves")

    def _reasons(self) -> str:
        return "; ".join(f"{each.name}: {each.reason}" for each in self._backends if each.reason)
