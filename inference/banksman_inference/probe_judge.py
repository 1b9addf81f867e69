"""What a model is put through in a trial's process: loaded, compared, timed, and given odd inputs.

Rules of this file
- Each stage is told before it begins, so that a crash tells in which it was.
- It stops at the first reason to refuse.
"""

from __future__ import annotations

import contextlib
import os
import time

from banksman_inference.archive import BadArchive
from banksman_inference.arrays import read_arrays
from banksman_inference.golden import check, odd_inputs, unpack_cases
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.ports import InferenceError, TensorSpec
from banksman_inference.trial import REFUSED_OPERATORS, Report, Trial

CASES_BYTES_MAX = 16_000_000
# The scale in a manifest went through decimal text; the model's is a 32 bit float.
SCALE_TOLERANCE = 1e-6
_PAGE = os.sysconf("SC_PAGE_SIZE")


def judge(trial: Trial, writer: int, runtime: str) -> Report:
    """Try it in this process; ``writer`` takes a line for each stage."""
    before = mapped_bytes(1)
    os.write(writer, b"load\n")
    try:
        network = LiteRtNetwork("model.tflite", "", trial.model, trial.threads, trial.kernels)
        odd = _odd_tensors(trial, network)
        banned = sorted(set(network.operators()) & REFUSED_OPERATORS)
        if banned:
            odd = f"it uses {', '.join(banned)}, which a bundle may not"
        if odd:
            return Report(odd, runtime=runtime)
        arrays = read_arrays(trial.cases, CASES_BYTES_MAX)
        cases = unpack_cases(arrays, trial.golden, trial.inputs, trial.outputs)
        os.write(writer, b"run\n")
        difference = check(network, cases)
        if not difference.within(trial.golden):
            kernels = "" if trial.kernels == "default" else f" with {trial.kernels} kernels"
            text = f"its outputs are off the golden ones by {difference}{kernels}"
            return Report(text, difference=difference, runtime=runtime)
        os.write(writer, b"time\n")
        times_us = _time_us(trial, network, cases[0].inputs)
        os.write(writer, b"odd\n")
        _run_odd(network)
    except (InferenceError, BadArchive, ValueError) as error:
        return Report(str(error), runtime=runtime)
    return Report(
        difference=difference,
        p50_us=times_us[len(times_us) // 2],
        p99_us=times_us[int(len(times_us) * 0.99)],
        memory_mib=round((mapped_bytes(1) - before) / (1 << 20), 1),
        runtime=runtime,
    )


def _time_us(trial: Trial, network: LiteRtNetwork, inputs: tuple[object, ...]) -> list[float]:
    """Sorted; at most a quarter of the trial's time."""
    until_s = time.perf_counter() + trial.time_s / 4
    times_us: list[float] = []
    for _ in range(max(1, trial.runs)):
        began_s = time.perf_counter()
        network.run(*inputs)  # type: ignore[arg-type]
        ended_s = time.perf_counter()
        times_us.append((ended_s - began_s) * 1e6)
        if ended_s > until_s:
            break
    return sorted(times_us)


def _run_odd(network: LiteRtNetwork) -> None:
    """Inputs at the ends of their type, and noise over all of it: what a model may answer to them
    is its own affair, as long as it comes back. An input that it raises for costs one frame."""
    for inputs in odd_inputs(network.inputs):
        with contextlib.suppress(InferenceError):
            network.run(*inputs)


def _odd_tensors(trial: Trial, network: LiteRtNetwork) -> str:
    for kind, told, there in (
        ("inputs", trial.inputs, network.inputs),
        ("outputs", trial.outputs, network.outputs),
    ):
        if len(told) != len(there):
            return f"the manifest tells {len(told)} {kind}, and the model has {len(there)}"
        for wanted, spec in zip(told, there, strict=True):
            if not _same(wanted, spec):
                return f"the manifest tells {wanted}, and the model has {spec}"
    return ""


def _same(told: TensorSpec, there: TensorSpec) -> bool:
    return (
        told.shape == there.shape
        and told.dtype == there.dtype
        and told.zero_point == there.zero_point
        and abs(told.scale - there.scale) <= SCALE_TOLERANCE * abs(there.scale)
    )


def mapped_bytes(field: int = 0) -> int:
    """Bytes of address space (field 0) or memory (field 1) of this process."""
    with open("/proc/self/statm") as file:  # noqa: PTH123  before the limits, without pathlib's cost
        return int(file.read().split()[field]) * _PAGE
