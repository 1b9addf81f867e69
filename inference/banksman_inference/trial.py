"""What a model is put through before the daemon takes it in, and what came of it: plain values.

They cross a socket between `probe` and `probe_child` as msgpack. The child has run a model
that nobody trusts, so what it sends is read as strictly as anything from outside.
"""

from __future__ import annotations

import msgspec

from banksman_inference.golden import Difference
from banksman_inference.litert import Kernels
from banksman_inference.manifest import Golden
from banksman_inference.ports import TensorSpec

# Loops and calls can run without end, variables remember between runs, and an operator that is not
# the runtime's own would need code from elsewhere.
REFUSED_OPERATORS = frozenset(
    {"WHILE", "IF", "CALL", "CALL_ONCE", "CUSTOM", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"}
)


class Trial(msgspec.Struct, frozen=True):
    """One model with one set of kernels. ``cases``: the bytes of a ``golden.npz``.

    ``time_s`` bounds load and runs together; ``memory_mib`` what the model may take beyond the bare
    runtime. ``runs``: how often it is timed, at most.
    """

    model: bytes
    cases: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    golden: Golden
    kernels: Kernels = "default"
    threads: int = 1
    time_s: float = 20.0
    memory_mib: int = 256
    runs: int = 20


class Report(msgspec.Struct, frozen=True):
    """What came of a trial. ``refused``: why the model may not be used; empty: it may.

    ``crashed``: it took its process down. ``late``: it was not done in time on the box as it was
    just then, and had to be ended. ``p50_us``, ``p99_us``: an inference in the trial's process;
    ``memory_mib``: what that process grew by.
    """

    refused: str = ""
    crashed: bool = False
    late: bool = False
    difference: Difference = Difference()
    p50_us: float = 0.0
    p99_us: float = 0.0
    memory_mib: float = 0.0
    runtime: str = ""
