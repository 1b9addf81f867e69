"""The shipped backbone, which looks at each of a benchmark's pictures once.

Five splits learn from and judge the same pictures: what the network says of them is the same each
time, so it is kept for the length of one run. What it does not know, made defects, it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy.typing as npt

from banksman_inference.bundle import MODEL, read_bundle
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.ports import TensorSpec

Arrays = tuple[npt.NDArray[Any], ...]


def shipped_backbone() -> LiteRtNetwork:
    """The backbone of the product, on this machine's CPU."""
    shipped = files("banksman_inference.backbone") / "efficientnet-lite0.bundle"
    return LiteRtNetwork("backbone", "1", read_bundle(Path(str(shipped))).members[MODEL])


class SeenOnce:
    """A network as `banksman.vision.backbone_maps.Network`."""

    def __init__(self, network: LiteRtNetwork) -> None:
        self._network = network
        self._seen: dict[bytes, Arrays] = {}

    @property
    def id(self) -> str:
        """The network's."""
        return self._network.id

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The network's."""
        return self._network.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The network's."""
        return self._network.outputs

    def remember(self, tensors: Sequence[npt.NDArray[Any]]) -> None:
        """Look at these now; half a megabyte is kept for each."""
        for tensor in tensors:
            self._seen[_name(tensor)] = self._network.run(tensor)

    def run(self, *tensors: npt.NDArray[Any]) -> Arrays:
        """What it said, or says now."""
        known = self._seen.get(_name(tensors[0]))
        return self._network.run(*tensors) if known is None else known


def _name(tensor: npt.NDArray[Any]) -> bytes:
    return blake2b(tensor.tobytes(), digest_size=16).digest()
