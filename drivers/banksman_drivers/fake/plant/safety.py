"""What must hold before anything may run: the e-stop chain, the run permit, the supervision.

Unknown means stopped. All three start open and close only by proof:

    e-stop circuit   normally closed contacts in series; open = stop
    permit relay     an external watchdog relay: it holds while the guard's line toggles
                         1 0 1 0 1 0 1 1 1 1 1 .    a steady level, a 0, silence or EOF: it drops
                         [relay closed ]   |drops after 300 ms
    supervision      the appliance's watchdog register must change at least once a second
"""

from __future__ import annotations

PERMIT_HOLD_S = 0.3
PERMIT_EDGES_TO_CLOSE = 3
SUPERVISION_HOLD_S = 1.0


class PermitRelay:
    """An external watchdog relay on the guard's toggling permit line.

    ``bridged`` stands for a plant without a guard: the relay is bridged with a wire, which no
    real plant may do.
    """

    def __init__(self, bridged: bool = False) -> None:
        self._bridged = bridged
        self._level: bool | None = None
        self._edges = 0
        self._still_s = 0.0

    @property
    def closed(self) -> bool:
        """Whether the relay permits a run."""
        return self._bridged or self._edges >= PERMIT_EDGES_TO_CLOSE

    def level(self, high: bool) -> None:
        """The line has this level now; only a change counts."""
        if self._level is not None and high != self._level:
            self._edges = min(self._edges + 1, PERMIT_EDGES_TO_CLOSE)
            self._still_s = 0.0
        self._level = high

    def lost(self) -> None:
        """The line is gone (EOF): the relay drops at once."""
        self._level = None
        self._edges = 0

    def step(self, dt_s: float) -> None:
        """Go on by ``dt_s``; a line that stands still lets the relay drop."""
        self._still_s += dt_s
        if self._still_s > PERMIT_HOLD_S:
            self._edges = 0


class Supervision:
    """The PLC's view of the appliance: alive while its watchdog register keeps changing."""

    def __init__(self) -> None:
        self._seen: int | None = None
        self._still_s = SUPERVISION_HOLD_S + 1.0

    @property
    def alive(self) -> bool:
        """Whether the register has changed within the hold time."""
        return self._still_s <= SUPERVISION_HOLD_S

    def step(self, dt_s: float, register: int) -> None:
        """Go on by ``dt_s``; the first value seen is not yet a change."""
        self._still_s += dt_s
        if self._seen is not None and register != self._seen:
            self._still_s = 0.0
        self._seen = register
