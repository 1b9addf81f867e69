"""Takes the parts that a station shall learn from: from its frames, or from a folder of pictures.

Rules of this file
- What was taken is on the disk at once. ``ended`` is called when no more are to be taken.
- `begin`, `stop`, `clear` are the main loop's; `take` is the looking thread's; `copy` blocks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from banksman.vision.commission_view import CommissionRefused, Kind
from banksman.vision.inspection import Picture, PictureRefused, Region
from banksman.vision.parts_folder import LABEL, PartsFolder, PictureFiles, TooMany, pictures_in
from banksman.vision.taking import Taking
from banksman_drivers.ports import Frame

COLLECT_MOST = 1000


class Collecting:
    """One station's parts. ``problem``: why taking ended before its time; empty: it did not."""

    def __init__(
        self,
        region: Region | None,
        triggered: bool,
        parts: PartsFolder,
        ended: Callable[[], None],
    ) -> None:
        self.parts = parts
        self.what: Kind = "good"
        self.label = ""
        self.problem = ""
        self.good, self.defects = parts.counts()
        self._region = region
        self._triggered = triggered
        self._ended = ended
        self._lock = threading.Lock()
        self._taking: Taking | None = None
        self._passed_over = 0
        self._folder_left = 0

    @property
    def wanted(self) -> int:
        """How many are still to be taken."""
        taking = self._taking
        return taking.wanted if taking is not None else self._folder_left

    @property
    def passed_over(self) -> int:
        """How many frames showed no other part than the one before."""
        taking = self._taking
        return self._passed_over + (taking.passed_over if taking is not None else 0)

    @property
    def reads_folder(self) -> bool:
        """Whether a folder is being read."""
        return self._folder_left > 0

    def begin(self, what: Kind, label: str, wanted: int) -> None:
        """Take so many from the frames from now on. Raises CommissionRefused."""
        self._begin(what, label, wanted)
        self._taking = Taking(wanted, triggered=self._triggered)

    def begin_folder(self, what: Kind, label: str, folder: str) -> PictureFiles:
        """What `copy` shall take of a folder. Raises CommissionRefused."""
        paths = pictures_in(Path(folder))
        if not paths:
            raise CommissionRefused(f"{folder} holds no picture that can be read here")
        wanted = min(len(paths), COLLECT_MOST)
        self._begin(what, label, wanted)
        self._folder_left = wanted
        return PictureFiles(paths[:wanted])

    def _begin(self, what: Kind, label: str, wanted: int) -> None:
        if self.reads_folder:
            raise CommissionRefused("a folder is being read; wait, or pause it first")
        if not 1 <= wanted <= COLLECT_MOST:
            raise CommissionRefused(f"{wanted} parts cannot be taken: 1 to {COLLECT_MOST}")
        if what == "defect" and not LABEL.fullmatch(label):
            raise CommissionRefused(
                "a defect's class is a word of lower-case letters, digits and _: scratch, hole"
            )
        self.what, self.label = what, label if what == "defect" else ""
        self.problem = ""

    def copy(self, files: PictureFiles, end: threading.Event) -> None:
        """Take the pictures of a folder, until told to end."""
        try:
            for picture in files:
                if end.is_set():
                    break
                self._keep(picture if self._region is None else self._region.of(picture))
                self._folder_left -= 1
        except (PictureRefused, TooMany, ValueError, OSError) as error:
            self.problem = str(error)
        finally:
            self._folder_left = 0

    def take(self, frame: Frame) -> None:
        """A usable frame of the station."""
        taking = self._taking
        if taking is None:
            return
        try:
            part = frame.image if self._region is None else self._region.of(frame.image)
            if taking.wants(part, frame.mono_ns):
                self._keep(part)
        except (PictureRefused, TooMany, OSError) as error:
            self.problem = str(error)
            self.stop()
        if taking.wanted <= 0:
            self.stop()

    def stop(self) -> None:
        """Take no more from the frames."""
        with self._lock:
            taking, self._taking = self._taking, None
            if taking is not None:
                self._passed_over += taking.passed_over
                self._ended()

    def remove(self, part: str) -> None:
        """Learn from this one no more; it blocks. Raises KeyError, OSError."""
        self.parts.remove(part)
        self.good, self.defects = self.parts.counts()

    def put_back(self, part: str) -> None:
        """Learn from it again; it blocks. Raises KeyError, OSError."""
        self.parts.put_back(part)
        self.good, self.defects = self.parts.counts()

    def clear(self) -> None:
        """Forget them all; it blocks."""
        self._taking = None
        self.parts.clear()
        self.good, self.defects, self._passed_over, self.problem = 0, {}, 0, ""

    def _keep(self, part: Picture) -> None:
        # On the looking thread: it packs a picture without the interpreter lock, four times a
        # second at most, and while parts are taken nobody waits for a faster verdict.
        self.parts.put(self.what, self.label, part)
        if self.what == "good":
            self.good += 1
        else:
            self.defects = {**self.defects, self.label: self.defects.get(self.label, 0) + 1}
