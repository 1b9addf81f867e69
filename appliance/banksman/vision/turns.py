"""Several stations on one accelerator: each look is a turn on its thread (``infer-0``).

The looking thread waits for its turn, so the newest frame wins at the camera, where it is counted,
and no part that a trigger asked for is lost in between.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref

from banksman.vision.inspection import Inspection, Picture
from banksman.vision.looking import Looker
from banksman_inference.accelerator import SharedAccelerator
from banksman_inference.ports import InferenceError

PATIENCE_S = 10.0
LOOK_S = 0.1  # how often one who waits asks whether there will be turns at all

log = logging.getLogger(__name__)


class _Turn:
    """One look: what is looked at, and what came of it."""

    __slots__ = ("done", "error", "looker", "picture", "seen")

    def __init__(self, picture: Picture, looker: Looker) -> None:
        self.picture = picture
        self.looker = looker
        self.seen: Inspection | None = None
        self.error: Exception | None = None
        self.done = threading.Event()


class TurnLooker:
    """A looker that takes its turns on a shared accelerator; one thread at a time.

    It leaves the accelerator when nobody uses it any more (a bundle that was replaced).
    """

    def __init__(self, name: str, looker: Looker, shared: SharedAccelerator) -> None:
        self._looker = looker
        self._shared = shared
        client = f"{name} {id(self):x}"
        self._client = shared.join(client, _work, _failed)
        weakref.finalize(self, shared.leave, client)

    def inspect(self, picture: Picture) -> Inspection:
        """As of the looker; InferenceError when no turn came in time."""
        turn = _Turn(picture, self._looker)
        self._client.offer(turn)
        until_s = time.monotonic() + PATIENCE_S
        while not turn.done.wait(LOOK_S):
            if self._shared.stopping:
                raise InferenceError("the accelerator has stopped")
            if time.monotonic() >= until_s:
                raise InferenceError(f"the accelerator gave no turn within {PATIENCE_S:g} s")
        if turn.error is not None:
            raise turn.error
        if turn.seen is None:
            raise InferenceError("the accelerator has stopped")
        return turn.seen


def _work(turn: _Turn) -> None:
    """On the accelerator's thread; an error is the one's who asked."""
    try:
        turn.seen = turn.looker.inspect(turn.picture)
    except Exception as error:
        turn.error = error
        raise
    finally:
        turn.done.set()


def _failed(error: Exception) -> None:
    """Counted by the accelerator; its turn has told the one who asked."""
    log.debug("a look failed: %s", error)
