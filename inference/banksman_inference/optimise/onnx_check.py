"""The Q/DQ ONNX beside the int8 `.tflite`: run by onnxruntime, told in steps of its outputs.

    report = compare_onnx(qdq, int8_network, cases)
    python -m banksman_inference.optimise.onnx_check caps.bundle      # on its golden cases, as JSON

What TensorRT will run is thereby checked on a machine without a GPU. It shows that the graph is the
same network with like ranges; it does not show what TensorRT makes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from banksman_inference.bundle import ONNX, read_bundle, refused
from banksman_inference.edges import Edge, edges_of
from banksman_inference.golden import Difference, Tensors, compare
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.loading import golden_cases
from banksman_inference.ports import Capabilities, InferenceError, Network, TensorSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OnnxNetwork:
    """A Q/DQ ONNX on the CPU behind the bundle's tensors; a `Network` for checks."""

    def __init__(
        self, onnx: bytes, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
    ) -> None:
        """Raises ValueError where its tensors are not those of the bundle."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            onnx, options, providers=["CPUExecutionProvider"]
        )
        self.id, self.version = "model.onnx", ""
        self.inputs, self.outputs = inputs, outputs
        takes, gives = self._session.get_inputs(), self._session.get_outputs()
        if (len(takes), len(gives)) != (len(inputs), len(outputs)):
            raise ValueError("model.onnx has another number of inputs or outputs")
        told = zip((*inputs, *outputs), (*takes, *gives), strict=True)
        edges = edges_of([(spec, tuple(each.shape)) for spec, each in told])
        self._takes = [(each.name, edge) for each, edge in zip(takes, edges, strict=False)]
        self._gives = edges[len(takes) :]

    def run(self, *tensors: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Infer once, in the bundle's tensors."""
        fed = {
            name: edge.to_real(tensor)
            for (name, edge), tensor in zip(self._takes, tensors, strict=True)
        }
        real = self._session.run(None, fed)
        return tuple(edge.to_stored(each) for edge, each in zip(self._gives, real, strict=True))

    def capabilities(self) -> Capabilities:
        """One CPU thread."""
        return Capabilities("onnxruntime")

    def close(self) -> None:
        """Give back its memory."""
        self._session = None


class OnnxReport(msgspec.Struct, frozen=True):
    """How model.onnx stands to the int8 `.tflite`.

    ``worst``: of any value of any case. ``mean_lsb``: of all values of quantised outputs.
    ``cosine``: of all outputs taken as one vector each case, the lowest; 1 is the same direction.
    """

    worst: Difference
    mean_lsb: float
    cosine: float


def compare_onnx(onnx: bytes, int8: Network, cases: Sequence[Tensors]) -> OnnxReport:
    """Run both over ``cases``, which are inputs of ``int8``."""
    network = OnnxNetwork(onnx, int8.inputs, int8.outputs)
    worst, means, cosines = Difference(), [], []
    for inputs in cases:
        got, wanted = network.run(*inputs), int8.run(*inputs)
        worst = worst.worse(compare(int8.outputs, got, wanted))
        mine, theirs = _one_vector(int8, got), _one_vector(int8, wanted)
        means.append(float(np.abs(_stored(got) - _stored(wanted)).mean()))
        length = float(np.linalg.norm(mine) * np.linalg.norm(theirs))
        cosines.append(float(mine @ theirs) / length if length else 1.0)
    network.close()
    return OnnxReport(worst, round(float(np.mean(means)), 4), round(min(cosines), 6))


def check_bundle(file: Path) -> OnnxReport:
    """A bundle's model.onnx on its golden cases. Raises ModelRefused."""
    bundle = read_bundle(file)
    if ONNX not in bundle.members:
        raise refused(bundle.source, f"it has no {ONNX}", "build it with one")
    int8 = LiteRtNetwork(bundle.manifest.id, "", bundle.model, kernels="reference")
    cases = [case.inputs for case in golden_cases(bundle)]
    return compare_onnx(bundle.members[ONNX], int8, cases)


def main(file: str) -> int:
    """Print the report; 1 where the bundle allows less."""
    try:
        report = check_bundle(Path(file))
    except (InferenceError, ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(msgspec.json.encode(report).decode())
    return 0 if report.worst.within(read_bundle(Path(file)).manifest.golden.for_onnx()) else 1


def _stored(tensors: Tensors) -> NDArray[np.float64]:
    return np.concatenate([each.astype(np.float64).ravel() for each in tensors])


def _one_vector(network: Network, tensors: Tensors) -> NDArray[np.float64]:
    """All outputs in real numbers."""
    edges = [Edge(spec, spec.shape) for spec in network.outputs]
    return np.concatenate(
        [edge.to_real(each).ravel() for edge, each in zip(edges, tensors, strict=True)]
    ).astype(np.float64)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
