"""vision.backbone_ms: the shipped backbone as the daemon runs it, beside onnxruntime.

The same weights, inputs of the same shape, one thread each, in turns. Both ONNX files are made of
the shipped int8 model: the Q/DQ one (`banksman_inference.backbone.with_onnx`), calibrated on a few
pictures, which moves its ranges and not its time, and the float one that it comes from. The faster
of the two is the peer. They are kept in the cache.

Why this peer: roboflow's `inference` (0.x of 2026) pulls torch with its CUDA libraries, over 3 GB,
and its models come from a hub with a key; anomalib needs torch as well. onnxruntime is what such
programs run on where there is no GPU.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from banksman_inference.bundle import ONNX, Bundle, parse_bundle
from banksman_inference.crash_watch import CrashWatch
from benchmarks.context import Context
from benchmarks.figure import Figure, figure
from benchmarks.pressure import Pressure
from benchmarks.stats import median
from benchmarks.vision.runtime import Call, backbone, inputs_of, network_of

CALIBRATION = 8
WARM = 3
NEEDED = ("ai_edge_litert", "onnxruntime", "onnx", "tflite2onnx")


def measure(context: Context) -> list[Figure]:
    """One figure; without the peer where it is not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        note = f"{', '.join(missing)} not installed: pip install 'banksman[optimise]'"
        return [
            figure("vision.backbone_ms", "ms", [], direction="lower", n=0, pressure_pct=None,
                   note=note)
        ]  # fmt: skip
    context.say("peer: the backbone beside onnxruntime")
    base = backbone()
    network = network_of(base.model, CrashWatch(context.work, 0))
    frame = inputs_of(network)
    calls = (lambda: network.run(*frame), *map(_onnx, _made(context.cache, base)))
    runs = 20 if context.quick else 150
    with Pressure() as pressure:
        taken = [_in_turns(calls, runs) for _ in range(context.rounds)]
    ours_ms, qdq_ms, float_ms = (list(each) for each in zip(*taken, strict=True))
    told = f"Q/DQ {median(qdq_ms):.3g} ms, float {median(float_ms):.3g} ms"
    return [
        figure(
            "vision.backbone_ms",
            "ms",
            ours_ms,
            direction="lower",
            n=runs * context.rounds,
            pressure_pct=pressure.pct,
            peer=f"onnxruntime {version('onnxruntime')}",
            peer_values=min(qdq_ms, float_ms, key=lambda each: median(each) or 0.0),
            note=f"tensor in, maps out, one thread each; onnxruntime: {told}, the faster counts",
        )
    ]


def _made(cache: Path, base: Bundle) -> tuple[bytes, bytes]:
    """Q/DQ and float, from the cache where they were made of this very bundle before."""
    from banksman_inference.backbone.with_onnx import with_onnx
    from banksman_inference.optimise.from_int8 import to_float
    from banksman_inference.optimise.qdq import to_onnx

    cache.mkdir(parents=True, exist_ok=True)
    bundle = cache / f"backbone-{base.sha256[:16]}.bundle"
    floats = bundle.with_suffix(".onnx")
    if not bundle.is_file():
        bundle.write_bytes(with_onnx(base, CALIBRATION)[0])
    if not floats.is_file():
        floats.write_bytes(to_onnx(to_float(base.model)))
    return parse_bundle(bundle.read_bytes(), str(bundle)).members[ONNX], floats.read_bytes()


def _onnx(model: bytes) -> Call:
    """One run of it."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    chance = np.random.default_rng(0)
    feed: dict[str, Any] = {
        each.name: chance.uniform(-1, 1, each.shape).astype(np.float32)
        for each in session.get_inputs()
    }
    return lambda: session.run(None, feed)


def _in_turns(calls: Sequence[Call], runs: int) -> list[float]:
    """The median of each, in ms."""
    taken: list[list[float]] = [[] for _ in calls]
    for run in range(WARM + runs):
        for call, times_ms in zip(calls, taken, strict=True):
            began_ns = time.perf_counter_ns()
            call()
            if run >= WARM:
                times_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
    return [median(times_ms) or 0.0 for times_ms in taken]
