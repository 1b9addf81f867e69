"""Which models have crashed the process that ran them, and what follows from it. Pure.

    first crash     that model on that backend is set aside: the next backend serves
    second crash    on whichever backend: the model is refused until a person forgets its crashes

Rules of this file
- A crash is told by two witnesses, neither of which a dying process has to write: the stacks that
  `faulthandler` leaves behind, and the note of who was inside a model (`crash_watch`). Only the
  thread that crashed is accused, so that a kill or a watchdog's abort accuses nobody.
- What is kept belongs to the model's bytes: a new training starts anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

CRASHES_REFUSED = 2
CRASHES_MOST = 64
REMEDY = "banksman bundle crashed --forget, once it is known why"

_SIGNAL = re.compile(r"^Fatal Python error: ([^\n]{1,80})$", re.MULTILINE)
_CULPRIT = re.compile(r"^Current thread 0x([0-9a-f]{1,16})", re.MULTILINE)


class Running(msgspec.Struct, frozen=True):
    """A thread inside a model. ``model``: sha256 of its bytes; ``bundle``: its id, for people."""

    thread: int
    model: str
    backend: str
    bundle: str


class Crash(msgspec.Struct, frozen=True):
    """One crash. ``reason``: the signal, in the words of `faulthandler`."""

    model: str
    backend: str
    bundle: str
    reason: str
    wall_ns: int


class CrashBook:
    """All crashes that nobody has forgotten yet, the oldest first."""

    def __init__(self, crashes: Sequence[Crash] = ()) -> None:
        self._crashes = list(crashes)[-CRASHES_MOST:]

    @property
    def crashes(self) -> tuple[Crash, ...]:
        """Each of them."""
        return tuple(self._crashes)

    def add(self, crash: Crash) -> None:
        """Keep it; beyond `CRASHES_MOST` the oldest goes."""
        self._crashes = [*self._crashes, crash][-CRASHES_MOST:]

    def set_aside(self, model: str) -> Mapping[str, str]:
        """The backends on which the model may not run: backend -> why."""
        return {each.backend: each.reason for each in self._crashes if each.model == model}

    def refusal(self, model: str) -> str:
        """Why the model may not run at all; empty: it may."""
        of_it = [each for each in self._crashes if each.model == model]
        if len(of_it) < CRASHES_REFUSED:
            return ""
        last = of_it[-1]
        times = "twice" if len(of_it) == CRASHES_REFUSED else f"{len(of_it)} times"
        return f"its model crashed the daemon {times}, last on {last.backend} ({last.reason})"


def accused(dump: str, running: Sequence[Running]) -> tuple[str, list[Running]]:
    """The signal that ended the process, and who was inside a model in the thread that crashed.

    ``dump``: what `faulthandler` wrote, perhaps cut off; empty when nothing crashed. Where it names
    no thread, the crash was in one of a model's own: then each that was inside is accused.
    """
    signal = _SIGNAL.search(dump)
    if signal is None:
        return "", []
    culprit = _CULPRIT.search(dump)
    if culprit is None:
        return signal[1], list(running)
    thread = int(culprit[1], 16)
    return signal[1], [each for each in running if each.thread == thread]
