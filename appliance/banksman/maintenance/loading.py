"""What one machine is doing in a window, told by its load: limits given, or learned. Pure.

Rules of this file
- A window's load is its median: a stroke or a spike is no change of state.
- Without a load signal it is always loaded. With one that says nothing, nobody knows.
- Without limits they are learned: from the loads of as many windows as a normal is learned from.
  Until then nothing is judged. Afterwards the state must settle (states.py); on its way from one
  to the next it is "moving", which is no normal of anything.
"""

from __future__ import annotations

from typing import Literal, cast

import numpy as np

from banksman.config.schema_maintenance import MachineSettings
from banksman.maintenance.gathering import Gathering
from banksman.maintenance.states import MachineStates, StateWatch, learned

State = Literal["stopped", "idle", "loaded", "moving", "learning"]
JUDGED: tuple[State, ...] = ("idle", "loaded")


class Loading:
    """The load of one machine, reading by reading; `window` says its state."""

    def __init__(self, machine: MachineSettings, states: MachineStates | None = None) -> None:
        """``states``: as learned before."""
        self._settings = machine.load
        self._learn_windows = machine.learn_windows
        self._window = Gathering()
        self._seen: list[float] = []
        self._watch: StateWatch | None = None
        self._newest = float("nan")
        if states is not None and self.learns:
            self._watch = StateWatch(states)

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
        return len(self._seen) / self._learn_windows

    @property
    def now(self) -> str:
        """What it is doing at this moment; "" while that is not known."""
        if self._settings is None:
            return "loaded"
        if self._watch is not None:
            return self._watch.state
        given = self._settings.idle_above is not None and not np.isnan(self._newest)
        return self.state_at(self._newest) if given else ""

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
        load = self._window.take()
        if np.isnan(load):
            return None
        if self._settings.idle_above is not None:
            return self.state_at(load)
        if self._watch is not None:
            return cast("State", self._watch.state or "moving")
        self._seen.append(load)
        if len(self._seen) >= self._learn_windows:
            self._watch = StateWatch(learned(np.array(self._seen)))
            self._seen.clear()
        return "learning"

    def state_at(self, load: float) -> State:
        """By the limits that are given."""
        settings = self._settings
        if settings is None or settings.idle_above is None:
            return "loaded"
        if load < settings.idle_above:
            return "stopped"
        above = settings.loaded_above
        return "idle" if above is not None and load < above else "loaded"
