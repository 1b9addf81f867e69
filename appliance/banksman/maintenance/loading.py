"""What one machine is doing in a window, told by its load: limits given, or learned. Pure.

Rules of this file
- A window's load is its median: a stroke or a spike is no change of state.
- Without a load signal it is always loaded. With one that says nothing, nobody knows.
- Without limits they are learned: from the loads of as many windows as a normal is learned from.
  Until then nothing is judged. A machine that only stood meanwhile is watched on.
- A window in which the state changes is "moving", which is no normal of anything: one whose
  quarters are not of one state, and one of another state than the window before. So a state lasts
  a whole window before it counts.

    load    ________|~~~~~~~~~~~~~~~~~~~~~~|____
    window  stopped | moving | loaded | moving | stopped
"""

from __future__ import annotations

from typing import Literal, cast

import numpy as np

from banksman.config.schema_maintenance import MachineSettings
from banksman.maintenance.gathering import Gathering
from banksman.maintenance.states import MachineStates, StateWatch, learned, named

State = Literal["stopped", "idle", "loaded", "moving", "learning"]
JUDGED: tuple[State, ...] = ("idle", "loaded")
SEEN_MAX = 4_096  # loads that are kept while learning; then every second one goes
ALMOST = 0.99  # as much as is learned of a machine that never ran


class Loading:
    """The load of one machine, reading by reading; `window` says its state."""

    def __init__(self, machine: MachineSettings, states: MachineStates | None = None) -> None:
        """``states``: as learned before."""
        self._settings = machine.load
        self._learn_windows = machine.learn_windows
        self._window = Gathering()
        self._seen: list[float] = []
        self._windows = 0
        self._stride = 1
        self._watch: StateWatch | None = None
        self._newest = float("nan")
        self._before: State | None = None  # what it did at the end of the window before
        if states is not None and self.learns:
            self._watch = StateWatch(named(states.middles))

    @property
    def learns(self) -> bool:
        """Its limits are not given."""
        return self._settings is not None and self._settings.idle_above is None

    @property
    def states(self) -> MachineStates | None:
        """What was learned, for the store."""
        return None if self._watch is None else self._watch.states

    @property
    def share(self) -> float:
        """How much of its states is learned, 0..1."""
        if not self.learns or self._watch is not None:
            return 1.0
        return min(self._windows / self._learn_windows, ALMOST)

    @property
    def now(self) -> str:
        """What it is doing at this moment; "" while that is not known."""
        if self._settings is None:
            return "loaded"
        if self._watch is not None:
            return self._watch.state
        given = self._settings.idle_above is not None and not np.isnan(self._newest)
        return self.state_at(self._newest) if given else ""

    @property
    def rests(self) -> bool:
        """It stands, or is on its way from one state to the next: its sound is not judged."""
        if self._settings is None or np.isnan(self._newest):
            return False
        return self.now == "stopped" or (self._watch is not None and not self.now)

    def take(self, load: float) -> None:
        """Take one reading."""
        self._newest = load
        self._window.add(load)
        if self._watch is not None:
            self._watch.update(load)

    def window(self) -> State | None:
        """The state of the window that ends; None: nobody knows. The next window begins."""
        if self._settings is None:
            return "loaded"
        parts, load = self._window.parts(), self._window.take()
        if np.isnan(load):
            return None
        if self._settings.idle_above is not None:
            return self._steady(self.state_at(load), [self.state_at(part) for part in parts])
        watch = self._watch
        if watch is None:
            self._learn(load)
            return "learning"
        if not watch.state:
            self._before = None
            return "moving"
        within = [cast("State", watch.at(part)) for part in parts]
        return self._steady(cast("State", watch.state), within)

    def state_at(self, load: float) -> State:
        """By the limits that are given."""
        settings = self._settings
        if settings is None or settings.idle_above is None:
            return "loaded"
        if load < settings.idle_above:
            return "stopped"
        above = settings.loaded_above
        return "idle" if above is not None and load < above else "loaded"

    def _steady(self, state: State, within: list[State]) -> State:
        """The state where it was the same all the while and before, "moving" otherwise."""
        before, self._before = self._before, within[-1]
        same = all(each == state for each in within)
        return state if same and before in (None, state) else "moving"

    def _learn(self, load: float) -> None:
        if self._windows % self._stride == 0:
            self._seen.append(load)
        self._windows += 1
        if len(self._seen) >= SEEN_MAX:
            del self._seen[1::2]
            self._stride *= 2
        if self._windows < self._learn_windows:
            return
        states = learned(np.array(self._seen))
        if any(states.middles):  # it did something
            self._watch = StateWatch(states)
            self._seen.clear()
