"""The daemon as it ships, with one addition: it times each look, and the bare work of it.

    python -m benchmarks.vision.coil_daemon appliance.toml looks.txt

A line for each look, in nanoseconds: the monotonic time at which the station had the frame in its
hand; how long its inspection took; and, `LATER_S` afterwards, when the coil was written long ago,
what the same work takes on the same thread without anything of ours around it: the bare
interpreter's `invoke` on the very tensors, and the arithmetic of memory and head on the very maps.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from banksman.assembly import assemble
from banksman.assembly_vision import Vision
from banksman.clock import SystemClock
from banksman.config.load import load_config
from banksman.daemon import Daemon
from banksman_inference.class_head import embedding

LATER_S = 0.07


class Stamps:
    """Stands between a station's looking thread and what it calls."""

    def __init__(self, station: Any, path: Path) -> None:
        self._station = station
        self._out = path.open("a", buffering=1)
        self._line = ""
        self._seen: Any = None
        looking = station._looking
        self._look, looking._look = looking._look, self.look
        self._offer, looking.offer = looking.offer, self.offer

    def look(self, frame: Any, *, of_part: bool) -> Any:
        """As the looking thread's own."""
        begun_ns = time.monotonic_ns()
        finding = self._look(frame, of_part=of_part)
        judged = finding is not None and finding.severity is not None
        self._line = f"{begun_ns} {finding.took_ns}" if judged else ""
        return finding

    def offer(self, frame: Any) -> None:
        """The finding is on its way: time the bare work, once nobody waits for this thread."""
        self._offer(frame)
        if not self._line:
            return
        inspector = self._station.using.now.looker
        maps = inspector._maps
        if not isinstance(maps, Kept):
            inspector._maps = Kept(maps)  # the next look's maps are kept
            return
        time.sleep(LATER_S)
        begun_ns = time.monotonic_ns()
        maps.interpreter().invoke()
        invoked_ns = time.monotonic_ns()
        if inspector._memory is not None:
            inspector._memory.look(maps.seen.maps, maps.seen.valid)
        if inspector._head is not None:
            chances = inspector._head.chances(embedding(maps.seen.covered())[None])[0]
            inspector._head.rarity(chances)
        ended_ns = time.monotonic_ns()
        self._out.write(f"{self._line} {invoked_ns - begun_ns} {ended_ns - invoked_ns}\n")


class Kept:
    """The station's `BackboneMaps`, and what it saw last."""

    def __init__(self, maps: Any) -> None:
        self.seen: Any = None
        self._maps = maps
        self.grid = maps.grid

    def see(self, prepared: Any) -> Any:
        """As it does."""
        self.seen = self._maps.see(prepared)
        return self.seen

    def interpreter(self) -> Any:
        """LiteRT's own, with the last look's tensors in it."""
        return self._maps._network._serving.network._interpreter


async def run(config: Path, looks: Path) -> int:
    """Assemble, stamp, run until a signal."""
    parts = await assemble(load_config(config), SystemClock())
    for service in parts.services:
        if isinstance(service, Vision):
            for station in service.stations.values():
                Stamps(station, looks)
    return await Daemon(parts).run()


if __name__ == "__main__":
    sys.exit(asyncio.run(run(Path(sys.argv[1]), Path(sys.argv[2]))))
