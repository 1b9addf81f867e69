"""A bundle of the task "score" behind the `Model` port: features of sensors in, a Score out.

    features ── quantise ── network ── dequantise ── Score
                                         ├ one value: the score itself, 0..1
                                         └ a share for each label, the first of which is normal:
                                           score = 1 - its share

Rules of this file
- It runs on the control loop's thread, so only small models may: at most `CONTROL_BUDGET_MS` told
  in the bundle, at most that measured in the trial, at most `CONTROL_MODEL_BYTES` of model. Larger
  ones are refused, always; they belong to a camera or to the cloud.
- A feature beyond the range that the input can hold is clipped, as the training's export does.
- A handful of numbers goes in and out by plain Python and `struct`: each call of numpy would cost
  more than a small network itself.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np

from banksman_inference.bundle import Bundle, refused
from banksman_inference.manifest import Manifest
from banksman_inference.ports import Capabilities, InferenceError, Network, Score, TensorSpec

CONTROL_BUDGET_MS = 0.5
CONTROL_MODEL_BYTES = 1_000_000


class BundleModel:
    """A small network as a model of a decision point."""

    def __init__(self, id: str, inputs: Sequence[str], bundle: Bundle, network: Network) -> None:  # noqa: A002  as the port
        """Raises ModelRefused where bundle and configured ``inputs`` do not belong together."""
        self.id = id
        self.inputs = tuple(inputs)
        self.version = bundle.manifest.version
        self._network = network
        check_inputs(bundle, self.inputs)
        takes, gives = network.inputs[0], network.outputs[0]
        self._given = np.zeros(takes.shape, takes.dtype)
        self._bytes = self._given.data.cast("B")
        self._pack = struct.Struct(f"{self._given.size}{self._given.dtype.char}").pack_into
        self._slope = 1.0 / takes.scale if takes.scale else 1.0
        self._zero = float(takes.zero_point)
        self._quantised = self._given.dtype.kind != "f"
        self._ends = _ends(takes)
        self._out_scale = gives.scale
        self._out_zero = gives.zero_point
        self._labels = bundle.manifest.labels

    def score(self, features: Sequence[float]) -> Score:
        """Score one feature vector; raises InferenceError where it gives no finite number."""
        total = sum(features)
        if total - total != 0.0:
            raise InferenceError(f"model {self.id}: its features are not finite; see sensors")
        try:
            if self._quantised:
                slope, zero = self._slope, self._zero
                self._pack(self._bytes, 0, *[round(each * slope + zero) for each in features])
            else:
                self._pack(self._bytes, 0, *features)
        except (struct.error, OverflowError):
            self._clip(features)
        (out,) = self._network.run(self._given)
        real = out.ravel().tolist()
        if self._out_scale:
            scale, zero_point = self._out_scale, self._out_zero
            real = [(each - zero_point) * scale for each in real]
        return self._judge(real)

    def capabilities(self) -> Capabilities:
        """Those of the network."""
        return self._network.capabilities()

    def _clip(self, features: Sequence[float]) -> None:
        """Some of them are beyond what the input can hold."""
        values = np.array(features, np.float64).clip(*self._ends)
        if self._quantised:
            values = np.rint(values * self._slope + self._zero)
        self._given[...] = values.reshape(self._given.shape)

    def _judge(self, real: list[float]) -> Score:
        if len(real) == 1:
            value = min(1.0, max(0.0, real[0])) if math.isfinite(real[0]) else math.nan
            return Score(value, max(value, 1.0 - value))
        total = sum(real)
        if not (math.isfinite(total) and total > 0.0):
            raise InferenceError(f"model {self.id} gave no share to any label; train it again")
        most = max(real)
        normal = min(1.0, max(0.0, real[0] / total))
        return Score(1.0 - normal, min(1.0, most / total), self._labels[real.index(most)])


def check_small(bundle: Bundle) -> None:
    """Raises ModelRefused where the model may not run on the control loop's thread."""
    manifest = bundle.manifest
    if manifest.task != "score":
        raise refused(
            bundle.source, f"its task is {manifest.task}", "a decision point takes the task score"
        )
    if manifest.latency_budget_ms > CONTROL_BUDGET_MS:
        raise refused(
            bundle.source,
            f"its latency budget is {manifest.latency_budget_ms:g} ms, and the control loop has "
            f"{CONTROL_BUDGET_MS:g} ms for a model",
            "take a smaller model and tell its budget",
        )
    if len(bundle.model) > CONTROL_MODEL_BYTES:
        raise refused(
            bundle.source,
            f"its model is over {CONTROL_MODEL_BYTES} bytes",
            "the control loop takes small models only",
        )


def check_quick(bundle: Bundle, p50_us: float) -> None:
    """Raises ModelRefused where the trial took longer than the bundle's budget."""
    budget_us = bundle.manifest.latency_budget_ms * 1e3
    if p50_us > budget_us:
        raise refused(
            bundle.source,
            f"it takes {p50_us:.0f} us here, and its budget is {budget_us:.0f} us",
            "the control loop takes no slow model: train a smaller one",
        )


def check_inputs(bundle: Bundle, inputs: Sequence[str]) -> None:
    """Raises ModelRefused where ``inputs`` of the config are not the bundle's features."""
    manifest: Manifest = bundle.manifest
    if len(inputs) != len(manifest.features):
        raise refused(
            bundle.source,
            f"it takes {len(manifest.features)} features, and inputs lists {len(inputs)}",
            f"list in this order: {', '.join(manifest.features)}",
        )


def _ends(spec: TensorSpec) -> tuple[float, float]:
    """The real numbers between which the input can tell one from another."""
    if np.dtype(spec.dtype).kind == "f":
        limits = np.finfo(np.float32)
        return float(limits.min), float(limits.max)
    info, scale = np.iinfo(spec.dtype), spec.scale or 1.0
    return (info.min - spec.zero_point) * scale, (info.max - spec.zero_point) * scale
