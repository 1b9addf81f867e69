"""Builds visual quality control: stations on cameras, who keeps their pictures, commissioning.

Rules of this file
- A bundle is read, tried and loaded on a work thread, after the daemon is ready: until then its
  station says BAD with the reason, and rules take their safe action. A refused one stays so, and
  its alarm tells why; every other part goes on.
- With one station its own thread infers; with several they take turns on ``infer-0``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path

from banksman.assembly_models import ModelLoader, this_board
from banksman.clock import Clock
from banksman.config.load import LoadedConfig
from banksman.config.schema_vision import InspectionSettings
from banksman.control.ports import AlarmSignal, RecordQueue
from banksman.control.stream import Stream
from banksman.control_parts import Extras
from banksman.deciding.decision import Decision
from banksman.store.sealing import Seal
from banksman.store.store import Store
from banksman.vision.answers import AnswerBook
from banksman.vision.bundle_shelf import BundleShelf
from banksman.vision.cabinet import Cabinet
from banksman.vision.codes import REMEDY, Codes, is_there
from banksman.vision.commissioning import Commissioning
from banksman.vision.desk import Note, QualityDesk, StationParts
from banksman.vision.evidence import Evidence, Seen, Source
from banksman.vision.exhibit import Exhibit
from banksman.vision.in_use import Using
from banksman.vision.inspection import Picture, Region
from banksman.vision.jpeg import to_jpeg
from banksman.vision.looking import Looker, come_first
from banksman.vision.parts_folder import PartsFolder
from banksman.vision.passes import PassDraw
from banksman.vision.sealed_files import SealedFiles
from banksman.vision.shelf import NO_GROWTH, Growth
from banksman.vision.showing import Showing
from banksman.vision.station import Station
from banksman.vision.turns import TurnLooker
from banksman.vision.uploads import Uploads
from banksman.vision.workshop import BundleWorkshop
from banksman.wire.messages import Priority
from banksman_drivers.ports import Camera, Driver
from banksman_inference.accelerator import SharedAccelerator
from banksman_inference.crash_watch import CrashWatch
from banksman_inference.ports import InferenceError

log = logging.getLogger(__name__)

BACKBONE = "efficientnet-lite0.bundle"
OWN_BACKBONE = "backbone.bundle"
LOADING = "its bundle is being loaded"
STOP_S = 2.0


class Vision:
    """All stations of the box; a service of the daemon, and ``run`` is one of its jobs."""

    def __init__(
        self,
        loaded: LoadedConfig,
        clock: Clock,
        store: Store,
        drivers: Sequence[Driver],
        note: Note,
        alarms: AlarmSignal,
        seal: Seal,
        crashes: CrashWatch | None,
    ) -> None:
        """``drivers`` hold the cameras; ``seal`` seals what is kept of their pictures."""
        config = loaded.config
        self._cameras = {each.id: each for each in drivers if isinstance(each, Camera)}
        self._root = Path(config.store.folder) / "vision"
        self._config_folder = loaded.folder
        self._store_folder = Path(config.store.folder)
        self._clock = clock
        self._alarms = alarms
        self._seal = seal
        self._crashes = crashes
        self._growth = NO_GROWTH
        if config.sync.enabled and config.cloud.url is not None:
            self._growth = Growth(
                lambda: store.stretched,
                config.sync.retention_grows_by,
                int(config.store.free_floor_mb * 1e6),
            )
        settings = config.inspections
        self._shared = SharedAccelerator("infer-0", come_first) if len(settings) > 1 else None
        self._shelves = {
            each.id: BundleShelf(self._root / each.id / "bundles", each.id) for each in settings
        }
        self._workshops = {each.id: self._workshop(each) for each in settings}
        self.stations = {
            each.id: Station(
                each, self._cameras[each.camera], clock, using=Using(None, LOADING, loading=True),
                codes=_codes(each),
            )
            for each in settings
        }  # fmt: skip
        self._parts = {
            each.id: self._station_parts(each, self.stations[each.id]) for each in settings
        }
        sources = {name: self._source(parts) for name, parts in self._parts.items()}
        self._evidence = Evidence(sources, store.ids.next, to_jpeg, clock.wall_ns)
        for name, station in self.stations.items():
            station.watch_passes(partial(self._evidence.passed, name))
        self.uploads = Uploads(
            [self._parts[each.id].kept for each in settings if each.evidence.upload]
        )
        self.desk = QualityDesk(self._parts, self._evidence, clock.wall_ns, note)

    # -- what the control thread is given --------------------------------------------------------

    def _watchers(self) -> dict[str, Callable[[Stream], None]]:
        """Sensors that stations listen to. One that several listen to tells each of them."""
        wanted: dict[str, list[Callable[[Stream], None]]] = {}
        for station in self.stations.values():
            reject = station.settings.reject
            if station.settings.trigger is not None:
                wanted.setdefault(station.settings.trigger, []).append(station.on_trigger)
            if reject is not None and reject.encoder is not None:
                wanted.setdefault(reject.encoder, []).append(station.on_belt)
        return {sensor: _each(listeners) for sensor, listeners in wanted.items()}

    def extras(self, records: RecordQueue) -> Extras:
        """How stations hear of other sensors, and of the decisions on what they told."""
        versions = {name: _version(station) for name, station in self.stations.items()}
        told = _Told(records, self._evidence.decided)
        cameras = {name: frozenset({each.settings.camera}) for name, each in self.stations.items()}
        return Extras(told, self._watchers(), judges=versions, fed_by=cameras)

    # -- the daemon's side -----------------------------------------------------------------------

    async def start(self) -> None:
        """Start the threads."""
        self._evidence.start()
        if self._shared is not None:
            self._shared.start()

    async def stop(self) -> None:
        """Keep what waits, and end."""
        for parts in self._parts.values():
            await parts.commissioning.close()
        await asyncio.to_thread(self._evidence.stop)
        if self._shared is not None and not await asyncio.to_thread(self._shared.stop, STOP_S):
            log.error("infer-0 did not end within %g s", STOP_S)

    async def run(self) -> None:
        """Load what each station is to look with."""
        for name in self.stations:
            await asyncio.to_thread(self._load, name)

    def _load(self, name: str) -> None:
        station, shelf = self.stations[name], self._shelves[name]
        settings = station.settings
        if settings.bundle_file is not None:
            path = Path(settings.bundle_file)
        elif shelf.in_use:
            path = shelf.path(shelf.in_use)
        else:
            station.using.use(None, f"not commissioned yet: banksman commission {name}")
            return
        try:
            station.using.use(self._workshops[name].load(path))
        except (InferenceError, OSError, ValueError) as error:
            log.error("inspection %s: %s", name, error)
            station.using.use(None, str(error))
        except Exception as error:
            # A bundle may be broken in ways that nobody thought of; the other stations look on.
            log.exception("inspection %s: %s cannot be loaded", name, path)
            station.using.use(None, f"{path.name} cannot be loaded: {error!r}. Report this")

    def _tell(self, name: str, why: str) -> None:
        """A backend gives way or is set aside: the station looks on, and a person shall know."""
        self._alarms.raise_alarm(f"model.{name}", why, Priority.IMPORTANT, name)

    def _workshop(self, settings: InspectionSettings) -> BundleWorkshop:
        def share(looker: Looker, version: str) -> Looker:
            if self._shared is None:
                return looker
            return TurnLooker(f"{settings.id} {version}", looker, self._shared)

        return BundleWorkshop(
            settings,
            region_of(settings),
            backbone_file(self._root),
            lambda: ModelLoader(
                self._config_folder, self._store_folder, self._tell, this_board(), self._crashes
            ),
            self._clock,
            share,
        )

    def _station_parts(self, settings: InspectionSettings, station: Station) -> StationParts:
        folder, bounds = self._root / settings.id, settings.evidence
        files = SealedFiles(self._seal, f"{settings.id}/commission")
        parts = PartsFolder(folder / "commission", files)
        commissioning = Commissioning(
            settings.id,
            region_of(settings),
            settings.trigger is not None,
            parts,
            self._shelves[settings.id],
            self._workshops[settings.id],
            station.using.use,
            fixed=(
                f"bundle_file of inspection {settings.id} names one; take it out of the config"
                if settings.bundle_file is not None
                else ""
            ),
        )
        station.watch_frames(commissioning.offer)
        answers = AnswerBook(folder / "answers.json")
        return StationParts(
            station,
            self._cabinet(
                settings.id,
                "pictures",
                bounds.pictures_most,
                bounds.most_mb,
                answers.add,
                self._growth if bounds.upload else NO_GROWTH,
            ),
            self._cabinet(settings.id, "examples", bounds.examples_most, bounds.examples_mb),
            commissioning,
            Showing(self._cameras[settings.camera], parts, region_of(settings)),
            answers,
            PassDraw(settings.id, bounds.passes_one_in, bounds.passes_a_day),
        )

    def _cabinet(
        self,
        station: str,
        what: str,
        most: int,
        most_mb: float,
        gave_way: Callable[[Exhibit], None] = lambda _: None,
        growth: Growth = NO_GROWTH,
    ) -> Cabinet:
        def tell(why: str) -> None:
            text = f"{station}: {why}; see docs/operate/records.md"
            self._alarms.raise_alarm(f"pictures.{station}", text, Priority.IMPORTANT, station)

        files = SealedFiles(self._seal, f"{station}/{what}")
        return Cabinet(
            self._root / station / what, most, int(most_mb * 1e6), files, tell, gave_way, growth
        )

    def _source(self, parts: StationParts) -> Source:
        station = parts.station

        def find(frame: int) -> Seen | None:
            finding = station.finding(frame)
            if finding is None:
                return None
            return Seen(finding, station.using.version, station.using.limits)

        return Source(find, parts.kept, station.settings.evidence.quality, parts.draw)


def region_of(settings: InspectionSettings) -> Region | None:
    """The config's region of interest."""
    crop = settings.region
    return None if crop is None else Region(crop.left, crop.top, crop.width, crop.height)


def backbone_file(folder: Path | None = None) -> Path:
    """The backbone's bundle, from which stations are taught: the shipped one, or the one with an
    ONNX that was made for this box and put into ``folder``."""
    own = None if folder is None else folder / OWN_BACKBONE
    if own is not None and own.is_file():
        return own
    return Path(str(files("banksman_inference.backbone") / BACKBONE))


def _codes(settings: InspectionSettings) -> Callable[[Picture], tuple[str, ...]] | None:
    if not settings.codes:
        return None
    if not is_there():
        log.error("inspection %s reads no codes: %s", settings.id, REMEDY)
        return None
    return Codes(region_of(settings)).read


def _version(station: Station) -> Callable[[], str]:
    return lambda: station.using.version


def _each(listeners: Sequence[Callable[[Stream], None]]) -> Callable[[Stream], None]:
    def tell(stream: Stream) -> None:
        for listener in listeners:
            listener(stream)

    return listeners[0] if len(listeners) == 1 else tell


class _Told:
    """A RecordQueue that tells of decisions; readings pass without a further call."""

    def __init__(self, records: RecordQueue, decided: Callable[[Decision], None]) -> None:
        self._records = records
        self._decided = decided
        self.put_readings = records.put_readings
        self.put_audit = records.put_audit

    def put_decision(self, decision: Decision, priority: Priority) -> None:
        """Keep it, then tell."""
        self._records.put_decision(decision, priority)
        self._decided(decision)
