"""The newest frame, for threads that wait for it: the newer always wins, nobody holds it up.

Rules of this file
- One thread puts, any number wait. Putting never waits for a reader.
- A camera that is lost shows nothing: an old picture must not be judged as if it were of now.
"""

from __future__ import annotations

import threading

from banksman_drivers.ports import Frame


class NewestFrame:
    """A slot for one frame."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._news = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Show ``frame`` in place of the one before."""
        with self._news:
            self._frame = frame
            self._news.notify_all()

    def clear(self) -> None:
        """Show nothing until the next frame."""
        with self._news:
            self._frame = None

    def wait(self, after: int, timeout_s: float) -> Frame | None:
        """The newest frame if its number is over ``after``, else the first such one in time."""
        with self._news:
            self._news.wait_for(
                lambda: self._frame is not None and self._frame.number > after, timeout_s
            )
            frame = self._frame
            return frame if frame is not None and frame.number > after else None
