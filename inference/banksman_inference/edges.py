"""Between a bundle's tensors and those of the same network as Q/DQ ONNX. Pure.

    manifest: int8 (1, 224, 224, 3), scale 1/128          what the caller of a Network sees
       │ real = scale * (stored - zero_point); NHWC -> NCHW where the ONNX has it so
       ▼
    ONNX:     float32 (1, 3, 224, 224)                    what onnxruntime and TensorRT take

A Q/DQ ONNX quantises inside: its inputs and outputs are floats. So every backend of a bundle shows
the same tensors, and a fall from one to another changes nothing for the caller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from banksman_inference.ports import TensorSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TO_CHANNELS_FIRST = (0, 3, 1, 2)
_TO_CHANNELS_LAST = (0, 2, 3, 1)


class Edge:
    """One tensor of the manifest and the shape that it has in the ONNX."""

    def __init__(
        self, spec: TensorSpec, shape: tuple[int, ...], *, channels_first: bool = False
    ) -> None:
        """Raises ValueError where ``shape`` is not the same tensor.

        ``channels_first`` says how the ONNX has its pictures, where the shape does not: a map of 40
        by 40 with 40 channels looks the same either way.
        """
        self.spec = spec
        self.shape = shape
        self._dtype = np.dtype(spec.dtype)
        moved = len(spec.shape) == 4 and (shape != spec.shape or channels_first)
        if moved and _is_channels_first(spec, shape):
            self._moved = True
        elif math.prod(shape) == math.prod(spec.shape) and not moved:
            self._moved = False
        else:
            raise ValueError(f"{spec.name} is {spec.shape} in the bundle and {shape} in the ONNX")

    def to_real(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """What the ONNX takes, contiguous."""
        real = stored.astype(np.float32)
        if self.spec.scale:
            real = (real - np.float32(self.spec.zero_point)) * np.float32(self.spec.scale)
        if self._moved:
            real = real.transpose(_TO_CHANNELS_FIRST)
        return np.ascontiguousarray(real).reshape(self.shape)

    def to_stored(self, real: NDArray[Any]) -> NDArray[Any]:
        """What the caller gets, rounded and held within the type."""
        if self._moved:
            real = real.transpose(_TO_CHANNELS_LAST)
        real = real.reshape(self.spec.shape)
        if self.spec.scale:
            real = np.rint(real / np.float32(self.spec.scale)) + self.spec.zero_point
        if self._dtype.kind in "iu":
            limits = np.iinfo(self._dtype)
            real = real.clip(limits.min, limits.max)
        return real.astype(self._dtype)


def edges_of(tensors: Sequence[tuple[TensorSpec, tuple[int, ...]]]) -> list[Edge]:
    """Every input and output of one network: those whose shape tells speak for those whose does
    not. Raises ValueError."""
    first = any(shape != spec.shape and _is_channels_first(spec, shape) for spec, shape in tensors)
    return [
        Edge(spec, shape, channels_first=first and _is_channels_first(spec, shape))
        for spec, shape in tensors
    ]


def _is_channels_first(spec: TensorSpec, shape: tuple[int, ...]) -> bool:
    return len(spec.shape) == 4 and tuple(spec.shape[axis] for axis in _TO_CHANNELS_FIRST) == shape
