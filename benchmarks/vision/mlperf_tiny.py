"""vision.mlperf_*: the models of MLPerf Tiny as bundles of ours, beside LiteRT's reference kernels.

Each model is built into a bundle whose golden cases come from the reference kernels, loaded as the
daemon loads one (tried in another process, the fastest kernels within one LSB chosen). How far it
is from the reference is told of inputs that are in no golden case: made ones, and of keyword
spotting half of its 100 recorded inputs, whose other half are its golden cases. Keywords are
counted over all 100: what is right in them, no golden case says. Neither models nor inputs are
shipped: without ../shared/data these figures are left out.
"""

from __future__ import annotations

import csv
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure

if TYPE_CHECKING:
    from banksman_inference.bundle import Bundle
    from banksman_inference.golden import Tensors
    from banksman_inference.probe import Prober

KEYWORDS = "kws_ref_model"
KEYWORDS_RIGHT = 95
GOLDEN_CASES = 16
UNSEEN_CASES = 50


def measure(context: Context) -> list[Figure]:
    """Right keywords, and the largest difference from the reference kernels of any model."""
    data = context.repo.parent / "shared" / "data" / "tflite"
    models = sorted((data / "mlperf-tiny").glob("*.tflite"))
    if not models or find_spec("ai_edge_litert") is None:
        context.say("mlperf_tiny: needs LiteRT and ../shared/data/tflite; left out")
        return []
    from banksman_inference.probe import Prober

    inputs, labels = _recorded(data / "kws01")
    largest: dict[str, float] = {}
    served: dict[str, str] = {}
    right = 0
    with Pressure() as pressure, Prober() as prober:
        for model in models:
            context.say(f"mlperf_tiny: {model.stem}")
            given = inputs if model.stem == KEYWORDS else []
            worst, name, outputs = _against_reference(
                context, model.read_bytes(), model.stem, given, prober
            )
            largest[model.stem], served[model.stem] = worst, name
            if given:
                got = [int(np.argmax(each)) for each in outputs]
                right = sum(one == other for one, other in zip(got, labels, strict=True))
    return [
        figure(
            "vision.mlperf_keywords_right",
            "",
            [float(right)],
            direction="higher",
            n=len(labels),
            pressure_pct=pressure.pct,
            target=Target("value", KEYWORDS_RIGHT),
            note=f"of {len(labels)} recorded inputs",
        ),
        figure(
            "vision.mlperf_off_reference_lsb",
            "LSB",
            [max(largest.values())],
            direction="lower",
            n=len(models),
            pressure_pct=pressure.pct,
            target=Target("value", 1.0),
            worst=True,
            note="; ".join(f"{name} on {served[name]}" for name in largest),
        ),
    ]


def _against_reference(
    context: Context, model: bytes, name: str, given: list[Any], prober: Prober
) -> tuple[float, str, list[Any]]:
    """The largest difference on inputs that no golden case holds, what served, and all outputs."""
    from banksman_inference.choosing import BoardFacts
    from banksman_inference.golden import compare, made_inputs
    from banksman_inference.litert import LiteRtNetwork
    from banksman_inference.loading import load_network
    from banksman_inference.probe_memory import ProbeMemory

    oracle = LiteRtNetwork("oracle", "", model, kernels="reference")
    shape = oracle.inputs[0].shape
    cases: list[Tensors] = [(each.reshape(shape),) for each in given]
    if not cases:
        unseen = 5 if context.quick else UNSEEN_CASES
        cases = [made_inputs(oracle.inputs, seed) for seed in range(GOLDEN_CASES + unseen)]
    golden = len(cases) // 2 if given else GOLDEN_CASES
    bundle = _bundle(oracle, model, name, cases[:golden])
    network = load_network(
        bundle, BoardFacts(), prober, ProbeMemory(None), time.perf_counter_ns, context.say
    )
    worst, outputs = 0.0, []
    for number, case in enumerate(cases):
        got = network.run(*case)
        outputs.append(got[0])
        if number < golden:
            continue
        difference = compare(network.outputs, got, oracle.run(*case))
        # A float model's outputs have no LSB: 1e-4 of their unit counts as one.
        worst = max(worst, difference.lsb, difference.absolute / 1e-4)
    served = next(each.name for each in network.status() if each.state == "serving")
    network.close()
    return worst, served, outputs


def _bundle(oracle: Any, model: bytes, name: str, inputs: list[Tensors]) -> Bundle:
    from banksman_inference.bundle import GOLDEN, MODEL, pack_bundle, parse_bundle
    from banksman_inference.golden import make_case, pack_cases
    from banksman_inference.manifest import Golden, Manifest, Preprocessing

    shape = oracle.inputs[0].shape
    _, height, width, channels = shape if len(shape) == 4 else (0, 0, 0, 0)
    manifest = Manifest(
        format=1,
        id=name,
        version="1",
        task="embedding" if height else "score",
        inputs=oracle.inputs,
        outputs=oracle.outputs,
        latency_budget_ms=60_000.0,
        members={},
        golden=Golden(len(inputs)),
        preprocessing=(
            Preprocessing(width, height, colours="grey" if channels == 1 else "rgb")
            if height
            else None
        ),
        features=() if height else tuple(f"f{number}" for number in range(shape[1])),
        labels=() if height else tuple(f"l{number}" for number in range(shape[1])),
    )
    cases = pack_cases([make_case(oracle, each) for each in inputs])
    return parse_bundle(pack_bundle(manifest, {MODEL: model, GOLDEN: cases}), name)


def _recorded(folder: Path) -> tuple[list[Any], list[int]]:
    """The recorded inputs of keyword spotting, and what was said in each."""
    with (folder / "y_labels.csv").open() as file:
        rows = [(row[0].strip(), int(row[2])) for row in csv.reader(file) if row]
    there = [(folder / name, label) for name, label in rows if (folder / name).is_file()]
    return [np.fromfile(file, np.int8) for file, _ in there], [label for _, label in there]
