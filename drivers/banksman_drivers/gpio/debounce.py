"""One contact's level without its bounce, and without delaying the first edge. Pure.

Rules of this file
- The first edge after a rest counts at once. For ``window_ns`` from it nothing further is believed;
  then the contact's level of that moment is.
- So a change is never late, a chatter is at most two changes per window, and no level is lost: what
  it settled on is told at the window's end.
- The first level ever told is no edge.

    contact   ____|‾|_|‾‾‾‾‾‾‾‾‾‾‾|_|‾|________
    believed  ____|‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾|____________
                  |<-window->|    |<-window->|
"""

from __future__ import annotations


class Debounce:
    """The level of one contact. ``level`` is None until somebody told one."""

    def __init__(self, window_ns: int) -> None:
        self.level: bool | None = None
        self.due_ns: int | None = None  # when `settle` has something to say
        self._window_ns = window_ns
        self._raw: bool | None = None

    def tell(self, raw: bool, at_ns: int) -> bool:
        """Take the contact's level; True if that changed the believed one."""
        self._raw = raw
        if self.level is None:
            self.level = raw
            return False
        if self.due_ns is not None:
            if at_ns < self.due_ns:
                return False
            self.due_ns = None
        if raw == self.level:
            return False
        self.level = raw
        if self._window_ns > 0:
            self.due_ns = at_ns + self._window_ns
        return True

    def settle(self, now_ns: int) -> bool:
        """Look whether a window has ended; True if the contact settled on another level.

        That is a change like any other, so it opens a window of its own.
        """
        if self.due_ns is None or now_ns < self.due_ns or self._raw is None:
            return False
        self.due_ns = None
        return self.tell(self._raw, now_ns)

    def forget(self) -> None:
        """Nobody knows the contact any more: the next level told is a first one."""
        self.level = self.due_ns = self._raw = None
