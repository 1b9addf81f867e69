"""Bundles of quality control: learnt from pictures, packed, and loaded again ready to look.

    backbone bundle ─┬─ model, golden ──────────────┐
    pictures ── fit ─┴─ memory, head, thresholds ───┴── station's bundle ── load ── InUse

Rules of this file
- It blocks, for seconds to minutes: a work thread's, never a loop's.
- Learning loads a network of its own, since a network serves one thread at a time.
- Nothing of a model is loaded that was not tried in another process first (`assembly_models`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from banksman.config.schema_vision import InspectionSettings
from banksman.vision.give_memory_back import give_memory_back
from banksman.vision.in_use import InUse
from banksman.vision.inspection import Picture, Region, Thresholds
from banksman.vision.looking import Looker
from banksman.vision.preprocessing import Preprocessing
from banksman.vision.severity import Limits, limits_of
from banksman.vision.workshop_port import Learnt
from banksman_drivers.ports import Ticks
from banksman_inference.bundle import HEAD, MEMORY, Bundle, pack_bundle, read_bundle, refused
from banksman_inference.fallback import BackendStatus
from banksman_inference.ports import Network

if TYPE_CHECKING:
    from banksman.vision.fitting import Fitted

WARNING, CRITICAL = "warning", "critical"


class ServedNetwork(Network, Protocol):
    """A network that knows which backend serves (`banksman_inference.fallback` makes one)."""

    def status(self) -> Sequence[BackendStatus]:
        """Every backend, the preferred first."""


class Loader(Protocol):
    """Tries and loads networks (`assembly_models.ModelLoader`)."""

    def network(self, file: Path) -> tuple[Bundle, ServedNetwork]:
        """A bundle and its network. Raises InferenceError with the reason."""


class BundleWorkshop:
    """Implements `workshop_port.Workshop` for one station.

    ``share`` puts a looker beside those of other stations on the same accelerator.
    """

    def __init__(
        self,
        settings: InspectionSettings,
        region: Region | None,
        backbone: Path,
        loader: Callable[[], AbstractContextManager[Loader]],
        ticks: Ticks,
        share: Callable[[Looker, str], Looker],
    ) -> None:
        self._settings = settings
        self._region = region
        self._backbone = backbone
        self._loader = loader
        self._ticks = ticks
        self._share = share

    def fit(
        self,
        good: Sequence[Picture],
        defects: Sequence[Picture],
        labels: Sequence[str],
        progress: Callable[[int, int, str], None],
    ) -> Fitted:
        """Learn from pictures of the region, which were cut out already."""
        from banksman.vision.fitting import fit

        progress(0, 1, "loading the backbone")
        with self._loader() as loader:
            bundle, network = loader.network(self._backbone)
        try:
            return fit(network, _preprocessing(bundle), good, defects, labels, progress=progress)
        finally:
            network.close()
            give_memory_back()

    def build(self, learnt: Learnt, name: str, limits: Thresholds, about: str) -> bytes:
        """The station's bundle: the backbone's model with what was learnt."""
        from banksman.vision.fitting import Fitted

        if not isinstance(learnt, Fitted):
            raise TypeError("only what was fitted here can be packed")
        base = read_bundle(self._backbone)
        members = {**base.members, MEMORY: learnt.memory.to_bytes()}
        labels: tuple[str, ...] = ()
        if learnt.head is not None:
            members[HEAD] = learnt.head.to_bytes()
            labels = tuple(learnt.head.labels)
        number = name.rpartition("-")[2]
        draft = msgspec.structs.replace(
            base.manifest,
            id=self._settings.id,
            version=number or "1",
            task="anomaly",
            labels=labels,
            thresholds={WARNING: limits.warning, CRITICAL: limits.critical},
            training_data=about,
        )
        return pack_bundle(draft, members, name)

    def load(self, path: Path) -> InUse:
        """A station's bundle, ready to look. Raises InferenceError with the reason."""
        with self._loader() as loader:
            bundle, network = loader.network(path)
        manifest = bundle.manifest
        if MEMORY not in bundle.members and HEAD not in bundle.members:
            network.close()
            raise refused(
                bundle.source, "it holds neither memory nor head", "commission the station"
            )
        settings = self._settings
        told = manifest.thresholds
        limits = limits_of(
            Thresholds(
                told.get(WARNING, Thresholds().warning), told.get(CRITICAL, Thresholds().critical)
            ),
            settings.warning_above,
            settings.critical_above,
            settings.classes,
            settings.class_sure,
        )
        inspector = _inspector(bundle, network, self._ticks, limits, self._region)
        version = f"{manifest.id}-{manifest.version}"
        return InUse(self._share(inspector, version), limits, version, network.status)


def _preprocessing(bundle: Bundle) -> Preprocessing:
    shape = bundle.manifest.inputs[0].shape
    return Preprocessing(height=shape[1], width=shape[2])


def _inspector(
    bundle: Bundle, network: Network, ticks: Ticks, limits: Limits, region: Region | None
) -> Looker:
    """Raises ValueError where memory and network do not fit each other."""
    from banksman.vision.inspector import Inspector
    from banksman_inference.class_head import ClassHead
    from banksman_inference.patch_memory import PatchMemory

    memory = head = None
    if MEMORY in bundle.members:
        memory = PatchMemory.from_bytes(bundle.members[MEMORY])
    if HEAD in bundle.members:
        head = ClassHead.from_bytes(bundle.members[HEAD])
    return Inspector(
        network,
        _preprocessing(bundle),
        ticks,
        memory=memory,
        head=head,
        thresholds=Thresholds(limits.warning, limits.critical),
        region=region,
    )
