"""What people said of the parts of each bundle, counted; also when their pictures gave way since.

Rules of this file
- An answer whose picture is still there is counted from it, since it may be taken back. One whose
  picture gives way is added to the book, durably: rates outlive pictures.
- Counts are kept for each bundle, as a new one is wrong in its own way; the newest `BUNDLES_MOST`.
- A disk that refuses costs what was added since the start, and no picture.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import msgspec

from banksman.vision.cabinet_write import write_whole
from banksman.vision.exhibit import Exhibit

BUNDLES_MOST = 8
FILE_BYTES_MAX = 64_000

log = logging.getLogger(__name__)


class AnswerCounts(msgspec.Struct):
    """Parts that people have looked at, by what the box had said, and in how many it was wrong.

    ``drawn``: passes that were drawn by chance; ``unsure``: those that waited for a person.
    """

    stops: int = 0
    stops_wrong: int = 0
    doubts: int = 0
    doubts_wrong: int = 0
    drawn: int = 0
    drawn_wrong: int = 0
    unsure: int = 0
    unsure_wrong: int = 0

    def add(self, exhibit: Exhibit) -> None:
        """Count an answer. A part that could not be judged counts for nothing."""
        good = exhibit.answer == "good"
        if not exhibit.answer or exhibit.severity == "unknown":
            return
        if exhibit.severity == "critical":
            self.stops += 1
            self.stops_wrong += good
        elif exhibit.severity == "warning":
            self.doubts += 1
            self.doubts_wrong += good
        elif exhibit.drawn:
            self.drawn += 1
            self.drawn_wrong += not good
        else:
            self.unsure += 1
            self.unsure_wrong += not good


class AnswerBook:
    """One station's file of those whose pictures gave way. Any thread; `add` blocks."""

    def __init__(self, path: Path) -> None:
        """What is there; a file that cannot be read is told of and begun anew."""
        self._path = path
        self._writing = threading.Lock()
        self._of: dict[str, AnswerCounts] = {}
        try:
            if path.stat().st_size <= FILE_BYTES_MAX:
                self._of = msgspec.json.decode(path.read_bytes(), type=dict[str, AnswerCounts])
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("%s cannot be read; answers are counted anew: %s", path, error)

    def add(self, exhibit: Exhibit) -> None:
        """The picture gives way: its answer goes on to count."""
        if not exhibit.answer:
            return
        with self._writing:
            of = dict(self._of)
            counts = msgspec.structs.replace(of.pop(exhibit.bundle, AnswerCounts()))
            counts.add(exhibit)
            of[exhibit.bundle] = counts
            for old in list(of)[: max(0, len(of) - BUNDLES_MOST)]:
                del of[old]
            self._of = of
            try:
                write_whole(self._path, msgspec.json.encode(of))
            except OSError as error:
                log.warning("%s could not be written: %s", self._path, error)

    def of(self, bundle: str) -> AnswerCounts:
        """A bundle's, the caller's own."""
        return msgspec.structs.replace(self._of.get(bundle, AnswerCounts()))
