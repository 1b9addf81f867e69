"""The models of decision points and cameras: from the config's files to what runs.

Rules of this file
- With `assembly`, the only place that names concrete backends.
- A model that cannot be used never ends the daemon: the decision points that ask it take their
  safe action, and an alarm tells the reason until the next start.
- TensorRT comes in late: its engine is built for minutes while LiteRT serves.
- A model from a bundle is tried in another process first (`banksman_inference.probe`); what passed
  is remembered in the store's folder. That blocks for seconds, once for each new bundle: at the
  start or on a work thread, never on the control loop.
"""

from __future__ import annotations

import logging
import sysconfig
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from banksman.config.schema_deciding import ModelSettings
from banksman_drivers.board.read import read_board
from banksman_drivers.board.values import BoardProfile
from banksman_drivers.file_tree import Tree
from banksman_inference.bundle import ONNX, Bundle, read_bundle
from banksman_inference.choosing import BoardFacts, choose
from banksman_inference.crash_watch import CrashWatch
from banksman_inference.engine_folder import EngineFolder
from banksman_inference.engines import upgrade
from banksman_inference.fake import FakeModel
from banksman_inference.fallback import FallbackNetwork
from banksman_inference.loading import load_network, watching
from banksman_inference.numpy_head import NumpyHead
from banksman_inference.ports import InferenceError, Model
from banksman_inference.probe import Prober
from banksman_inference.probe_memory import ProbeMemory
from banksman_inference.tabular import BundleModel, check_inputs, check_quick, check_small
from banksman_inference.unusable import UnusableModel

log = logging.getLogger(__name__)

PASSED_FILE = "models-passed.json"
ENGINES_FOLDER = "engines"

# Name of the model, and why it cannot be used.
Tell = Callable[[str, str], None]


def board_facts(profile: BoardProfile) -> BoardFacts:
    """What inference is told of the board."""
    gpus = [each for each in profile.accelerators if each.kind == "nvidia_gpu" and each.ready]
    return BoardFacts(
        name=profile.model or profile.cpu_model,
        gpu=gpus[0].name if gpus else "",
        memory_mib=profile.memory_mib,
        frameworks=profile.frameworks,
    )


def this_board() -> BoardFacts:
    """The board this runs on; takes some milliseconds."""
    return board_facts(read_board(Tree(), (sysconfig.get_path("purelib"),)))


def watch_crashes(store_folder: Path, wall_ns: int) -> CrashWatch | None:
    """Hear of crashes in models from now on; what crashed the last process is logged.

    None where the folder does not take it: models then run as without.
    """
    try:
        watch = CrashWatch(store_folder, wall_ns)
    except OSError as error:
        log.error("a model that crashes the daemon will not be known by name: %s", error)
        return None
    if watch.stacks:
        log.critical("the process before this one crashed:\n%s", watch.stacks)
    for crash in watch.news:
        log.critical("it was the model of bundle %s on %s", crash.bundle, crash.backend)
    watch.listen()
    return watch


class ModelLoader:
    """Loads models and bundles; close it when all are loaded. From one thread at a time."""

    def __init__(
        self,
        config_folder: Path,
        store_folder: Path | None,
        tell: Tell,
        board: BoardFacts,
        watch: CrashWatch | None = None,
    ) -> None:
        """``config_folder``: where relative paths start; ``store_folder`` None: remember nothing.

        ``tell`` hears of every model that cannot be used, and of every backend that gives way.
        ``watch``: who is inside a model is noted there, and what crashed before is set aside.
        """
        self._folder = config_folder
        self._tell = tell
        self._board = board
        self._store_folder = store_folder
        self._watch = watch
        self._prober = Prober()
        file = store_folder / PASSED_FILE if store_folder is not None else None
        self._memory = ProbeMemory(file, board.name)

    def __enter__(self) -> ModelLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def model(self, settings: ModelSettings) -> Model:
        """A decision point's model, or one that says why it is none."""
        try:
            return self._model(settings)
        except InferenceError as error:
            self._tell(settings.name, str(error))
            return UnusableModel(settings.name, settings.inputs, str(error))

    def network(self, file: Path) -> tuple[Bundle, FallbackNetwork]:
        """A camera's bundle and its network. Raises InferenceError with the reason."""
        bundle = read_bundle(self._folder / file)
        network = self._network(bundle, bundle.manifest.id)
        self._upgrade(bundle, network)
        return bundle, network

    def close(self) -> None:
        """End the process that tries models."""
        self._prober.close()

    def _network(self, bundle: Bundle, name: str) -> FallbackNetwork:
        def note(text: str) -> None:
            log.warning("%s", text)
            self._tell(name, text)

        return load_network(
            bundle,
            self._board,
            self._prober,
            self._memory,
            time.perf_counter_ns,
            note,
            self._watch,
        )

    def _upgrade(self, bundle: Bundle, network: FallbackNetwork) -> None:
        """Where the board has TensorRT, build or find its engine on a thread; LiteRT meanwhile."""
        choice = choose(bundle.manifest, ONNX in bundle.members, self._board)
        for backend, why in choice.against.items():
            log.info("bundle %s: not on %s: %s", bundle.source, backend, why)
        folder = self._store_folder
        aside = self._watch.book.set_aside(bundle.model_sha256) if self._watch is not None else {}
        if "tensorrt" not in choice.backends or "tensorrt" in aside or folder is None:
            return
        gpu, inside = self._board.gpu, watching(bundle, self._watch)("tensorrt")
        engines = EngineFolder(folder / ENGINES_FOLDER, lambda text: log.warning("%s", text))

        def build() -> None:
            try:
                upgrade(bundle, network, engines, gpu, inside)
            except (InferenceError, OSError) as error:
                log.error("bundle %s stays on LiteRT: %s", bundle.source, error)

        name = f"engine-{bundle.manifest.id}"
        threading.Thread(target=build, name=name, daemon=True).start()

    def _model(self, settings: ModelSettings) -> Model:
        if settings.backend == "fake" or settings.file is None:
            return FakeModel(settings.name, settings.inputs)
        file = self._folder / settings.file
        if settings.backend == "numpy_head":
            return NumpyHead(settings.name, settings.inputs, file)
        bundle = read_bundle(file)
        check_small(bundle)
        check_inputs(bundle, settings.inputs)
        network = self._network(bundle, settings.name)
        check_quick(bundle, network.expected_us)
        return BundleModel(settings.name, settings.inputs, bundle, network)
