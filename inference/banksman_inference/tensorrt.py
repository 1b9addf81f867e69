"""TensorRT 10 and 11: runs an engine that was built on this very box from the bundle's Q/DQ ONNX.

Rules of this file
- Q/DQ only. A strongly typed network takes its types from the model; version 11 knows no other, and
  the calibrators and precision flags of 10 are gone there. So both versions build the same way.
- The system's own TensorRT (JetPack): an engine runs on the version, the GPU and the CUDA that
  built it, and on no other; `engines` keeps them apart.
- Callers see the bundle's tensors (`edges`), so LiteRT can take over at any frame.
- A GPU that does not answer is an error after ``ANSWER_S``, never a hang.

STATE: written to the documented Python interface of 10 and 11 (NVIDIA TensorRT documentation,
"Python API": Builder, OnnxParser, IExecutionContext). No GPU with TensorRT was available: it has
not run. What needs neither (names, keys, fall-back, conversions) is tested.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from banksman_inference.cudart import Cuda
from banksman_inference.edges import Edge, edges_of
from banksman_inference.ports import (
    BackendMissing,
    Capabilities,
    InferenceError,
    ModelRefused,
    TensorSpec,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

ANSWER_S = 2.0
WORKSPACE_BYTES = 256 << 20
OLDEST_MAJOR = 10


def import_tensorrt() -> Any:
    """The library; raises BackendMissing with the remedy."""
    try:
        library = importlib.import_module("tensorrt")
    except (ImportError, OSError) as error:
        raise BackendMissing(
            f"no TensorRT for Python on this box ({error}); on a Jetson: apt install "
            "python3-libnvinfer, in an environment made with --system-site-packages"
        ) from error
    version = str(getattr(library, "__version__", ""))
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) < OLDEST_MAJOR:
        raise BackendMissing(f"TensorRT {version or '?'} is older than 10; update JetPack")
    return library


def build_engine(onnx: bytes) -> bytes:
    """A serialised engine for this GPU; takes minutes. Raises BackendMissing, ModelRefused."""
    trt = import_tensorrt()
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    typed = trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED
    network = builder.create_network(1 << int(typed))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx):
        errors = "; ".join(str(parser.get_error(index)) for index in range(parser.num_errors))
        raise ModelRefused(f"TensorRT cannot read model.onnx: {errors[:500]}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise ModelRefused("TensorRT cannot build an engine of model.onnx; see its log")
    return bytes(plan)


class TensorRtNetwork:
    """A built engine, ready to run; see `Network` for what it owes."""

    def __init__(
        self,
        id: str,  # noqa: A002  the port's own word
        version: str,
        engine: bytes,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
    ) -> None:
        """``inputs``, ``outputs``: the bundle's. Raises BackendMissing or ModelRefused."""
        self.id = id
        self.version = version
        self.inputs = inputs
        self.outputs = outputs
        trt = import_tensorrt()
        self._cuda = Cuda()
        try:
            self._context, self._engine, self._runtime = _open(trt, engine)
            takes, gives = _names(trt, self._engine)
            bound = self._bind([*takes, *gives], (*inputs, *outputs))
            self._takes, self._gives = bound[: len(takes)], bound[len(takes) :]
        except ValueError as error:
            self._cuda.close()
            raise ModelRefused(f"model {id}: {error}") from error
        except InferenceError:
            self._cuda.close()
            raise

    def run(self, *tensors: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Infer once; raises InferenceError."""
        if self._context is None:
            raise InferenceError(f"model {self.id} is closed; load it again")
        if len(tensors) != len(self.inputs):
            raise InferenceError(f"model {self.id} takes {len(self.inputs)} tensors")
        # Held until the stream is done: the copies read and write them.
        held: list[NDArray[Any]] = []
        for (edge, address), tensor in zip(self._takes, tensors, strict=True):
            if tensor.shape != edge.spec.shape or tensor.dtype.name != edge.spec.dtype:
                raise InferenceError(f"model {self.id}: {edge.spec.name} is {edge.spec.shape}")
            held.append(edge.to_real(tensor))
            self._cuda.to_device(address, held[-1])
        if not self._context.execute_async_v3(self._cuda.stream):
            raise InferenceError(f"model {self.id}: TensorRT did not take the run")
        out = [np.empty(edge.shape, np.float32) for edge, _ in self._gives]
        for (_, address), array in zip(self._gives, out, strict=True):
            self._cuda.to_host(array, address)
        self._cuda.wait(ANSWER_S)
        return tuple(edge.to_stored(real) for (edge, _), real in zip(self._gives, out, strict=True))

    def capabilities(self) -> Capabilities:
        """The GPU."""
        return Capabilities("tensorrt", "gpu", 0)

    def close(self) -> None:
        """Give back the GPU's memory."""
        if self._context is not None:
            self._context = self._engine = self._runtime = None
            self._cuda.close()

    def _bind(self, names: list[str], specs: tuple[TensorSpec, ...]) -> list[tuple[Edge, int]]:
        if len(names) != len(specs):
            raise ValueError(f"the engine has {names}, and the bundle tells {len(specs)} tensors")
        shapes = [tuple(int(size) for size in self._engine.get_tensor_shape(n)) for n in names]
        bound = []
        edges = edges_of(list(zip(specs, shapes, strict=True)))
        for name, edge in zip(names, edges, strict=True):
            address = self._cuda.allocate(4 * math.prod(edge.shape))
            self._context.set_tensor_address(name, address)
            bound.append((edge, address))
        return bound


def _open(trt: Any, engine: bytes) -> tuple[Any, Any, Any]:
    runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
    opened = runtime.deserialize_cuda_engine(engine)
    if opened is None:
        raise ModelRefused("the engine is of another TensorRT or GPU; it is built anew")
    context = opened.create_execution_context()
    if context is None:
        raise InferenceError("the GPU has no memory for the engine")
    return context, opened, runtime


def _names(trt: Any, engine: Any) -> tuple[list[str], list[str]]:
    """The engine's inputs and outputs in their order; each must be float32."""
    names = [str(engine.get_tensor_name(index)) for index in range(engine.num_io_tensors)]
    for name in names:
        if engine.get_tensor_dtype(name) != trt.float32:
            raise ValueError(f"the engine's {name} is not float32; export the ONNX with floats")
    mode: Callable[[str], Any] = engine.get_tensor_mode
    takes = [name for name in names if mode(name) == trt.TensorIOMode.INPUT]
    return takes, [name for name in names if name not in takes]
