"""vision.overhead_*, vision.share_*: what our path adds to the bare interpreter, and fair turns.

The bare interpreter's own `invoke` and our `run` (set, invoke, get, errors) take turns on the same
inputs, so that whatever the machine does hits both; the median of the differences counts.

    bare:  ai_edge_litert Interpreter.invoke()
    ours:  FallbackNetwork.run ── LiteRtNetwork.run ── set_tensor, invoke, get_tensor

No peer stands beside it. roboflow's `inference` (0.x of 2026) pulls torch with its CUDA libraries:
over 3 GB, not installed within eight minutes here; its models come from a hub with a key. anomalib
needs torch as well. Neither is a runtime for a box of this size, and neither could be run offline.

The smallest network is made here (three features, two labels: what a decision point asks). The
large one is the shipped backbone, or a model of its size from ../shared/data where there is none.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure
from benchmarks.stats import median

if TYPE_CHECKING:
    from banksman_inference.fallback import FallbackNetwork

OVERHEAD_MAX = 1.05
SMALLEST_MAX_US = 3.0
SHIPPED = Path("inference/banksman_inference/backbone")
LARGE = Path("coral/mobilenet_v2_1.0_224_quant.tflite")
SMALL_BATCH = 50


def measure(context: Context) -> list[Figure]:
    """Overhead for a large and for the smallest network, and how two cameras share one."""
    if find_spec("ai_edge_litert") is None:
        note = "LiteRT is not installed: pip install 'banksman[vision]'"
        names = (
            "vision.overhead_backbone_us",
            "vision.overhead_smallest_us",
            "vision.share_of_the_slow_camera",
        )
        return [
            figure(name, "us", [], direction="lower", n=0, pressure_pct=None, note=note)
            for name in names
        ]
    figures = [_smallest(context)]
    found = _backbone(context)
    if found is None:
        context.say("runtime: no model of a backbone's size here; its overhead is left out")
    else:
        figures.append(_large(context, *found))
    return [*figures, *_sharing(context)]


def _smallest(context: Context) -> Figure:
    context.say("runtime: what our path adds to the smallest network")
    pairs = 40 if context.quick else 400
    added: list[float] = []
    bare_us: list[float] = []
    with Pressure() as pressure:
        for _ in range(context.rounds):
            bare, ours = _alternate(smallest_model(), pairs, SMALL_BATCH)
            added.append(median([o - b for o, b in zip(ours, bare, strict=True)]) or 0.0)
            bare_us.append(median(bare) or 0.0)
    return figure(
        "vision.overhead_smallest_us",
        "us",
        added,
        direction="lower",
        n=pairs * SMALL_BATCH * context.rounds,
        pressure_pct=pressure.pct,
        target=Target("value", SMALLEST_MAX_US),
        note=f"set, run and get of three features; the bare invoke takes {bare_us[0]:.2f} us",
    )


def _backbone(context: Context) -> tuple[bytes, str] | None:
    """The shipped backbone and its name, else a model of its size, else nothing."""
    from banksman_inference.bundle import read_bundle

    for file in sorted((context.repo / SHIPPED).rglob("*")):
        if file.suffix == ".bundle":
            bundle = read_bundle(file)
            return bundle.model, bundle.manifest.id
        if file.suffix == ".tflite":
            return file.read_bytes(), file.stem
    aside = context.repo.parent / "shared" / "data" / "tflite" / LARGE
    return (aside.read_bytes(), aside.stem) if aside.is_file() else None


def _large(context: Context, model: bytes, name: str) -> Figure:
    context.say(f"runtime: what our path adds to {name}")
    pairs = 10 if context.quick else 150
    ours_us: list[float] = []
    bare_us: list[float] = []
    with Pressure() as pressure:
        for _ in range(context.rounds):
            bare, ours = _alternate(model, pairs, 1)
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


def _sharing(context: Context) -> list[Figure]:
    """Two cameras that always have a frame, one of them ten times as fast: who gets the turns."""
    from banksman_inference.accelerator import SharedAccelerator

    context.say("runtime: two cameras share one network")
    turns = 400 if context.quick else 4000
    worst: list[float] = []
    with Pressure() as pressure:
        for _ in range(context.rounds):
            network = _network(smallest_model())
            frame = _inputs(network)
            shared = SharedAccelerator("infer-0")
            order: list[str] = []
            done = threading.Event()
            offers: dict[str, Callable[[], None]] = {}

            def work(name: str) -> None:
                network.run(*frame)  # noqa: B023  used within this round only
                order.append(name)  # noqa: B023
                # The fast camera has shot ten frames meanwhile, the slow one has just one.
                for _ in range(10):
                    offers["fast"]()  # noqa: B023
                offers["slow"]()  # noqa: B023
                if len(order) >= turns:  # noqa: B023
                    done.set()  # noqa: B023

            for name in ("fast", "slow"):
                client = shared.join(name, work, _raise)
                offers[name] = _offer(client.offer, name)
            offers["fast"]()
            shared.start()
            done.wait(120)
            shared.stop(10)
            told = order[:turns]
            worst.append(min(told.count("fast"), told.count("slow")) / (len(told) / 2))
    return [
        figure(
            "vision.share_of_the_slow_camera",
            "",
            worst,
            direction="higher",
            n=turns * context.rounds,
            pressure_pct=pressure.pct,
            target=Target("value", 0.99),
            worst=True,
            note="turns of the camera that got fewer, beside an equal share; counts, not times",
        )
    ]


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


def _alternate(model: bytes, pairs: int, batch: int) -> tuple[list[float], list[float]]:
    """Microseconds of the bare invoke and of ours: ``pairs`` times ``batch`` runs, in turns."""
    from ai_edge_litert.interpreter import Interpreter

    bare = Interpreter(model_content=model, num_threads=1)
    bare.allocate_tensors()
    network = _network(model)
    frame = _inputs(network)
    for each, tensor in zip(bare.get_input_details(), frame, strict=True):
        bare.set_tensor(each["index"], tensor)
    taken: tuple[list[float], list[float]] = ([], [])
    calls = (bare.invoke, lambda: network.run(*frame))
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


def _network(model: bytes) -> FallbackNetwork:
    """As the daemon has it: a network that can fall back, with the clock it is given there."""
    from banksman_inference.fallback import Candidate, FallbackNetwork
    from banksman_inference.litert import LiteRtNetwork

    candidate = Candidate("litert", lambda: LiteRtNetwork("bench", "1", model))
    return FallbackNetwork("bench", "1", [candidate], 1e6, time.perf_counter_ns)


def _inputs(network: FallbackNetwork) -> tuple[Any, ...]:
    from banksman_inference.golden import made_inputs

    return made_inputs(network.inputs, 0)


def _offer(offer: Callable[[str], bool], name: str) -> Callable[[], None]:
    def again() -> None:
        offer(name)

    return again


def _raise(error: Exception) -> None:
    raise error
