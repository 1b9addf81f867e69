"""TensorRT comes in late: its engine is built once at deployment, LiteRT serves until it is open.

    bundle with model.onnx ──► key ── there? ── opened ──────────────────► promoted
                                 └── no: built in a child process, minutes ┘
    looking thread:  LiteRT ─ LiteRT ─ LiteRT ─ … ─────────────── TensorRT from the next run on

Rules of this file
- Built and opened on a work thread: the thread that looks is handed an engine that is ready.
- Built and checked against the golden cases in a child process: the parser, like LiteRT, reads a
  file from outside. An engine that is off by more than ``onnx_tolerance_lsb`` is not used.
- Who opens one is noted (``inside``): an engine that ends the process is set aside at the start
  after.
"""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from banksman_inference.bundle import ONNX, Bundle
from banksman_inference.engine_folder import EngineFolder, EngineKey, write_engine
from banksman_inference.fallback import Candidate, FallbackNetwork
from banksman_inference.golden import check
from banksman_inference.loading import golden_cases
from banksman_inference.ports import BackendMissing, InferenceError, ModelRefused, Network
from banksman_inference.tensorrt import (
    WORKSPACE_BYTES,
    TensorRtNetwork,
    build_engine,
    import_tensorrt,
)

BUILD_S = 1800.0


def engine_key(bundle: Bundle, gpu: str) -> EngineKey:
    """The key on this box. Raises BackendMissing where TensorRT or CUDA is not there."""
    from banksman_inference.cudart import Cuda

    trt = import_tensorrt()
    cuda = Cuda()
    try:
        versions = cuda.versions()
    finally:
        cuda.close()
    onnx = bundle.manifest.members[ONNX].sha256
    return EngineKey(onnx, str(trt.__version__), versions, gpu, WORKSPACE_BYTES)


def upgrade(
    bundle: Bundle,
    network: FallbackNetwork,
    engines: EngineFolder,
    gpu: str,
    inside: AbstractContextManager[None],
) -> None:
    """Bring TensorRT in: find or build the engine, open it, promote it. Blocks; on a work thread.

    ``inside`` is held while it is opened. Raises BackendMissing or InferenceError with the reason;
    the network serves on as it did.
    """
    key = engine_key(bundle, gpu)

    def opened(engine: bytes) -> Network:
        with inside:
            return open_engine(bundle, engine)

    ready = engines.open(key, lambda file: _build(bundle, file), opened)
    bring_in(network, ready, lambda: engines.reopen(key, opened))


def bring_in(network: FallbackNetwork, ready: Network, reopen: Callable[[], Network]) -> None:
    """Have the looking thread go on with TensorRT's network, which is open already.

    ``reopen``: should it give way later and be asked for again, by the thread that asks.
    """
    once = deque([ready])
    network.promote(Candidate("tensorrt", lambda: once.popleft() if once else reopen()))


def open_engine(bundle: Bundle, engine: bytes) -> TensorRtNetwork:
    """The engine as the bundle's network. Raises InferenceError."""
    manifest = bundle.manifest
    return TensorRtNetwork(manifest.id, manifest.version, engine, manifest.inputs, manifest.outputs)


def _build(bundle: Bundle, file: Path) -> None:
    command = [sys.executable, "-I", "-m", "banksman_inference.engines", bundle.source, str(file)]
    try:
        done = subprocess.run(  # noqa: S603  our own module, by this interpreter
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=BUILD_S,
            check=False,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise ModelRefused(
            f"TensorRT was not done within {BUILD_S:g} s; LiteRT serves on"
        ) from None
    if done.returncode:
        why = done.stderr.strip()[-500:] or f"it ended with {done.returncode}"
        raise ModelRefused(f"TensorRT has built no engine of {bundle.source}: {why}")


def main(source: str, target: str) -> int:
    """The child: build, check, write. Its last words are the reason."""
    from banksman_inference.bundle import read_bundle

    try:
        bundle = read_bundle(Path(source))
        engine = build_engine(bundle.members[ONNX])
        network = open_engine(bundle, engine)
        difference = check(network, golden_cases(bundle))
        network.close()
        if not difference.within(bundle.manifest.golden.for_onnx()):
            raise ModelRefused(f"its outputs are off the golden ones by {difference}")
    except (BackendMissing, InferenceError) as error:
        print(error, file=sys.stderr)
        return 1
    write_engine(Path(target), engine)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
