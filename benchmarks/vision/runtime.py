"""vision.overhead_*: what our path adds to the bare interpreter.

The bare interpreter's own `invoke` and what the daemon runs take turns on the same inputs, so that
whatever the machine does hits both; the median of the differences counts. The daemon's networks can
fall back and note who is inside a model (`crash_watch`), so these do.

    bare:      ai_edge_litert Interpreter.invoke()
    a camera:  FallbackNetwork.run ─ the note ─ LiteRtNetwork.run ─ set_tensor, invoke, get_tensor
    a point:   BundleModel.score ─ features into a tensor ─ the same ─ shares into a Score

The smallest network is made here (three features, two labels: what a decision point asks). The
large one is the shipped backbone.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any

from banksman.assembly_vision import backbone_file
from banksman_inference.bundle import MODEL, Bundle, read_bundle
from banksman_inference.crash_watch import CrashWatch
from banksman_inference.fallback import Candidate, FallbackNetwork
from banksman_inference.golden import made_inputs
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.manifest import Golden, Manifest
from banksman_inference.tabular import BundleModel
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure
from benchmarks.stats import median

OVERHEAD_MAX = 1.05
SMALLEST_MAX_US = 3.0
SMALL_BATCH = 50
FEATURES = ("a", "b", "c")

Call = Callable[[], object]


def measure(context: Context) -> list[Figure]:
    """Overhead for the smallest network, whole and without its features, and for the backbone."""
    if find_spec("ai_edge_litert") is None:
        note = "LiteRT is not installed: pip install 'banksman[vision]'"
        return [
            figure(name, "us", [], direction="lower", n=0, pressure_pct=None, note=note)
            for name in ("vision.overhead_backbone_us", "vision.overhead_smallest_us")
        ]
    watch = CrashWatch(context.work, 0)
    context.say("runtime: what our path adds to the smallest network")
    small = smallest_model()
    network = network_of(small, watch)
    (frame,) = inputs_of(network)
    model = BundleModel("bench", FEATURES, bundle_of(small, network), network)
    features = frame.ravel().tolist()
    return [
        _smallest(
            context, "vision.overhead_smallest_us", lambda: model.score(features), (frame,),
            "BundleModel.score, as the control loop calls it: three features in, a Score out",
        ),
        _smallest(
            context, "vision.overhead_run_us", lambda: network.run(frame), (frame,),
            "of that FallbackNetwork.run: a tensor in, a tensor out",
        ),
        _large(context, backbone(), watch),
    ]  # fmt: skip


def _smallest(context: Context, name: str, ours: Call, frame: tuple[Any, ...], note: str) -> Figure:
    pairs = 40 if context.quick else 400
    added: list[float] = []
    bare_us: list[float] = []
    with Pressure() as pressure:
        for _ in range(context.rounds):
            bare, us = _alternate(bare_invoke(smallest_model(), frame), ours, pairs, SMALL_BATCH)
            added.append(median([o - b for o, b in zip(us, bare, strict=True)]) or 0.0)
            bare_us.append(median(bare) or 0.0)
    return figure(
        name,
        "us",
        added,
        direction="lower",
        n=pairs * SMALL_BATCH * context.rounds,
        pressure_pct=pressure.pct,
        target=Target("value", SMALLEST_MAX_US),
        note=f"{note}; the bare invoke takes {bare_us[0]:.2f} us",
    )


def _large(context: Context, bundle: Bundle, watch: CrashWatch) -> Figure:
    name = bundle.manifest.id
    context.say(f"runtime: what our path adds to {name}")
    pairs = 10 if context.quick else 150
    ours_us: list[float] = []
    bare_us: list[float] = []
    network = network_of(bundle.model, watch)
    frame = inputs_of(network)
    with Pressure() as pressure:
        for _ in range(context.rounds):
            bare, ours = _alternate(
                bare_invoke(bundle.model, frame), lambda: network.run(*frame), pairs, 1
            )
            added = median([o - b for o, b in zip(ours, bare, strict=True)]) or 0.0
            bare_us.append(median(bare) or 0.0)
            ours_us.append(bare_us[-1] + added)
    return figure(
        "vision.overhead_backbone_us",
        "us",
        ours_us,
        direction="lower",
        n=pairs * context.rounds,
        pressure_pct=pressure.pct,
        target=Target("ratio", OVERHEAD_MAX),
        peer="bare invoke",
        peer_values=bare_us,
        note=name,
    )


def backbone() -> Bundle:
    """The shipped one."""
    return read_bundle(backbone_file())


def smallest_model() -> bytes:
    """Three float features, a dense layer, two labels: what a decision point asks."""
    import flatbuffers
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, model.subgraphs = 3, [schema.BufferT()], [graph]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    model.operatorCodes, graph.tensors = [code], []
    constants = {1: np.ones((2, 3), np.float32), 2: np.zeros(2, np.float32)}
    for index, shape in enumerate(((1, 3), (2, 3), (2,), (1, 2))):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = f"t{index}".encode(), list(shape), 0
        tensor.buffer = 0
        if index in constants:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(constants[index].tobytes(), np.uint8)
            model.buffers.append(buffer)
            tensor.buffer = len(model.buffers) - 1
        graph.tensors.append(tensor)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1, 2], [3]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [3]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def bare_invoke(model: bytes, frame: tuple[Any, ...]) -> Call:
    """The interpreter's own invoke, with these tensors in it."""
    from ai_edge_litert.interpreter import Interpreter

    bare = Interpreter(model_content=model, num_threads=1)
    bare.allocate_tensors()
    for each, tensor in zip(bare.get_input_details(), frame, strict=True):
        bare.set_tensor(each["index"], tensor)
    invoke: Call = bare.invoke
    return invoke


def _alternate(bare: Call, ours: Call, pairs: int, batch: int) -> tuple[list[float], list[float]]:
    """Microseconds of either: ``pairs`` times ``batch`` runs, in turns."""
    taken: tuple[list[float], list[float]] = ([], [])
    calls = (bare, ours)
    for call in calls:
        for _ in range(5):
            call()
    for pair in range(pairs):
        for which in (0, 1) if pair % 2 else (1, 0):
            call = calls[which]
            began_ns = time.perf_counter_ns()
            for _ in itertools.repeat(None, batch):
                call()
            taken[which].append((time.perf_counter_ns() - began_ns) / 1e3 / batch)
    return taken


def network_of(model: bytes, watch: CrashWatch) -> FallbackNetwork:
    """As the daemon has it: it can fall back, notes who is inside, and has the daemon's clock."""

    def inside(backend: str) -> AbstractContextManager[None]:
        return watch.place("bench", backend, "bench")

    candidate = Candidate("litert-default", lambda: LiteRtNetwork("bench", "1", model))
    clock = time.perf_counter_ns
    return FallbackNetwork("bench", "1", [candidate], 1e6, clock, watch=inside)


def bundle_of(model: bytes, network: FallbackNetwork) -> Bundle:
    """The smallest network as a decision point's bundle."""
    manifest = Manifest(
        format=1, id="bench", version="1", task="score", inputs=network.inputs,
        outputs=network.outputs, latency_budget_ms=0.5, members={}, golden=Golden(cases=1),
        features=FEATURES, labels=("good", "worn"),
    )  # fmt: skip
    return Bundle(manifest, {MODEL: model}, "")


def inputs_of(network: FallbackNetwork) -> tuple[Any, ...]:
    """Tensors that it takes."""
    return made_inputs(network.inputs, 0)
