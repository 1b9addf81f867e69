"""Golden cases: inputs, the outputs that the reference kernels give, and how far off others are.

Rules of this file
- Pure; arrays in, differences out.
- A quantised output is compared in steps of its scale (LSB), a float output in its own unit.
- An output that is not finite is infinitely far off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from banksman_inference.arrays import write_arrays
from banksman_inference.manifest import Golden
from banksman_inference.ports import Network, TensorSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

ODD_SEED = 1_000

Tensors = tuple["NDArray[Any]", ...]


class Case(msgspec.Struct, frozen=True):
    """One inference as it must come out."""

    inputs: Tensors
    outputs: Tensors


class Difference(msgspec.Struct, frozen=True):
    """The worst of all outputs: ``lsb`` of the quantised ones, ``absolute`` of the float ones.

    ``mean_lsb``: the mean over all values of a quantised output, of the worst output of all cases.
    """

    lsb: float = 0.0
    absolute: float = 0.0
    mean_lsb: float = 0.0

    def within(self, golden: Golden) -> bool:
        """Whether the bundle takes it."""
        return (
            self.lsb <= golden.tolerance_lsb
            and self.mean_lsb <= golden.tolerance_mean_lsb
            and self.absolute <= golden.tolerance
        )

    def worse(self, other: Difference) -> Difference:
        """The worse of each."""
        return Difference(
            max(self.lsb, other.lsb),
            max(self.absolute, other.absolute),
            max(self.mean_lsb, other.mean_lsb),
        )

    def __str__(self) -> str:
        mean = f" ({self.mean_lsb:.2g} in the mean)" if self.lsb > 1 else ""
        parts = [f"{self.lsb:g} LSB{mean}"] * (self.lsb > 0) + [f"{self.absolute:.3g}"] * (
            self.absolute > 0
        )
        return " and ".join(parts) or "nothing"


def compare(
    specs: Sequence[TensorSpec], got: Sequence[NDArray[Any]], wanted: Sequence[NDArray[Any]]
) -> Difference:
    """How far ``got`` is from ``wanted``, both in the shapes of ``specs``."""
    worst = Difference()
    for spec, mine, theirs in zip(specs, got, wanted, strict=True):
        apart = np.abs(mine.astype(np.float64) - theirs.astype(np.float64))
        far = float(apart.max(initial=0.0))
        far = far if math.isfinite(far) else math.inf
        if np.dtype(spec.dtype).kind in "iu":
            worst = worst.worse(Difference(lsb=far, mean_lsb=float(apart.mean())))
        else:
            worst = worst.worse(Difference(absolute=far))
    return worst


def check(network: Network, cases: Sequence[Case]) -> Difference:
    """Run every case. Raises InferenceError."""
    worst = Difference()
    for case in cases:
        worst = worst.worse(compare(network.outputs, network.run(*case.inputs), case.outputs))
    return worst


def made_inputs(specs: Sequence[TensorSpec], seed: int) -> Tensors:
    """Inputs that reach every value of a type: for a bundle whose maker gives none.

    Noise, the same on every machine. Pictures and features of the plant are better cases.
    """
    chance = np.random.default_rng(seed)
    return tuple(_noise(chance, spec) for spec in specs)


def odd_inputs(specs: Sequence[TensorSpec]) -> Iterator[Tensors]:
    """Inputs as no plant gives them: every value at either end of its type, nothing, no number, and
    noise over the whole type."""
    for value in (0.0, -math.inf, math.inf, math.nan):
        yield tuple(_filled(spec, value) for spec in specs)
    for seed in (ODD_SEED, ODD_SEED + 1):
        yield made_inputs(specs, seed)


def make_case(oracle: Network, inputs: Tensors) -> Case:
    """What ``oracle`` (LiteRT's reference kernels) gives for ``inputs``."""
    return Case(inputs, oracle.run(*inputs))


def pack_cases(cases: Sequence[Case]) -> bytes:
    """The bytes of ``golden.npz``."""
    arrays = {}
    for kind, rows in (
        ("input", [case.inputs for case in cases]),
        ("output", [case.outputs for case in cases]),
    ):
        for index, stack in enumerate(zip(*rows, strict=True)):
            arrays[f"{kind}_{index}"] = np.stack(stack)
    return write_arrays(arrays)


def unpack_cases(
    arrays: Mapping[str, NDArray[Any]],
    golden: Golden,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
) -> list[Case]:
    """The cases of ``golden.npz``. Raises ValueError where they do not fit the model."""
    takes = [_column(arrays, f"input_{index}", spec, golden) for index, spec in enumerate(inputs)]
    gives = [_column(arrays, f"output_{index}", spec, golden) for index, spec in enumerate(outputs)]
    if len(arrays) != len(takes) + len(gives):
        raise ValueError("golden.npz holds more than the model's inputs and outputs")
    return [
        Case(tuple(each[number] for each in takes), tuple(each[number] for each in gives))
        for number in range(golden.cases)
    ]


def _column(
    arrays: Mapping[str, NDArray[Any]], name: str, spec: TensorSpec, golden: Golden
) -> NDArray[Any]:
    if name not in arrays:
        raise ValueError(f"golden.npz has no {name}")
    column = arrays[name]
    wanted = (golden.cases, *spec.shape)
    if column.shape != wanted or column.dtype.name != spec.dtype:
        raise ValueError(
            f"golden.npz: {name} is {column.dtype} {column.shape}, not {spec.dtype} {wanted}"
        )
    return column


def _filled(spec: TensorSpec, value: float) -> NDArray[Any]:
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return np.full(spec.shape, value, dtype)
    limits = np.iinfo(dtype)
    whole = 0 if math.isnan(value) else min(max(value, limits.min), limits.max)
    return np.full(spec.shape, whole, dtype)


def _noise(chance: np.random.Generator, spec: TensorSpec) -> NDArray[Any]:
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return chance.standard_normal(spec.shape).astype(dtype)
    limits = np.iinfo(dtype)
    return chance.integers(limits.min, limits.max, spec.shape, dtype=dtype, endpoint=True)
