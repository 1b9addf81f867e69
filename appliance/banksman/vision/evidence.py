"""Keeps the pictures behind decisions: JPEG and disk on a thread of their own, ``evidence``.

    control loop: a decision is recorded ── decided ──► [ queue ] ── thread: JPEG, disk ──► cabinet

Rules of this file
- `decided` is called on the control thread for every recorded decision and returns at once. A
  picture is kept when the decision acted, waits for a person, or its severity is no pass.
- `passed` is called there for every finding that passed: one in so many is kept (`passes`), for a
  person to look at. Escapes are found by nothing else.
- The queue is bounded. Full: the least urgent picture is let go, and counted.
- A disk that refuses costs pictures, which are counted, and never a decision.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from banksman.deciding.decision import NO_ACTION, Decision
from banksman.vision.cabinet import Cabinet
from banksman.vision.exhibit import Exhibit, exhibit_of, exhibit_of_pass
from banksman.vision.finding import Finding
from banksman.vision.inspection import Picture
from banksman.vision.passes import PassDraw
from banksman.vision.severity import Limits, Severity

QUEUE_MOST = 8
STOP_S = 3.0

log = logging.getLogger(__name__)

ToJpeg = Callable[[Picture, int, bytes], bytes]


class Seen(NamedTuple):
    """What a station knows of one frame."""

    finding: Finding
    bundle: str
    limits: Limits | None


class Source(NamedTuple):
    """One station's side: how to ask for a frame, where its pictures go, how they are packed."""

    find: Callable[[int], Seen | None]
    cabinet: Cabinet
    quality: int
    draw: PassDraw


class _Job(NamedTuple):
    exhibit: Exhibit
    picture: Picture
    source: Source


class Evidence:
    """See the rules above; ``to_jpeg(picture, quality, comment)``."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        next_id: Callable[[], str],
        to_jpeg: ToJpeg,
        wall_ns: Callable[[], int],
    ) -> None:
        self.dropped: dict[str, int] = dict.fromkeys(sources, 0)
        self._sources = sources
        self._next_id = next_id
        self._to_jpeg = to_jpeg
        self._wall_ns = wall_ns
        self._jobs: list[_Job] = []
        self._news = threading.Condition()
        self._stopping = False
        self._fault = ""
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> bool:
        """Keep what waits, and end; False when that took too long."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)
        return not self._thread.is_alive()

    def decided(self, decision: Decision) -> None:
        """A decision is recorded; keep what was seen for it."""
        for station, source in self._sources.items():
            frame = decision.inputs.get(f"{station}.frame")
            if frame is None or frame != frame:
                continue
            seen = source.find(int(frame))
            if seen is not None and seen.finding.picture is not None and _worth(decision, seen):
                exhibit = exhibit_of(
                    decision, seen.finding, station, self._next_id(), seen.bundle, seen.limits
                )
                self._put(_Job(exhibit, seen.finding.picture, source))

    def passed(self, station: str, finding: Finding) -> None:
        """A part passed; keep it if chance draws it."""
        source = self._sources[station]
        if finding.picture is None or not source.draw.draws(finding.frame, finding.exposed_ns):
            return
        seen = source.find(finding.frame)
        bundle, limits = (seen.bundle, seen.limits) if seen is not None else ("", None)
        exhibit = exhibit_of_pass(
            finding, station, self._next_id(), self._next_id(), self._wall_ns(),
            source.draw.one_in, bundle, limits,
        )  # fmt: skip
        self._put(_Job(exhibit, finding.picture, source))

    def _put(self, job: _Job) -> None:
        with self._news:
            self._jobs.append(job)
            if len(self._jobs) > QUEUE_MOST:
                least = max(self._jobs, key=lambda each: each.exhibit.priority)
                self._jobs.remove(least)
                self.dropped[least.exhibit.station] += 1
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._jobs or self._stopping)
                if not self._jobs:
                    return
                job = self._jobs.pop(0)
            try:
                self._keep(job)
            except Exception as error:
                self.dropped[job.exhibit.station] += 1
                if str(error) != self._fault:
                    self._fault = str(error)
                    log.exception("a picture of %s could not be kept", job.exhibit.station)

    def _keep(self, job: _Job) -> None:
        comment = msgspec.json.encode(job.exhibit)
        jpeg = self._to_jpeg(job.picture, job.source.quality, comment)
        job.source.cabinet.put(job.exhibit, jpeg)
        self._fault = ""


def _worth(decision: Decision, seen: Seen) -> bool:
    return (
        decision.review
        or decision.action != NO_ACTION
        or seen.finding.severity is not Severity.PASS
    )
