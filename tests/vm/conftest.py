"""The bench inside the virtual machine: a simulated GPIO chip, wired to a guard as on a floor.

    line  1 ESTOP_A   2 ESTOP_B   3 RESET   4 PERMIT   5 BEACON

Nothing here runs elsewhere: make test-vm sets BANKSMAN_VM in the machine that it boots.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from banksman_drivers.guard.native import Guard
from banksman_drivers.guard.values import GuardEvent, GuardState, SetResult
from banksman_drivers.settings.guard import GuardSettings
from simulated.gpio import SimulatedChip

ESTOP_A, ESTOP_B, RESET, PERMIT, BEACON = 1, 2, 3, 4, 5
NAMES = {ESTOP_A: "ESTOP_A", ESTOP_B: "ESTOP_B", RESET: "RESET", PERMIT: "PERMIT", BEACON: "BEACON"}
PATIENCE_S = 60.0  # an emulated processor beside a busy one


@pytest.fixture(autouse=True)
def _inside() -> None:
    if not os.environ.get("BANKSMAN_VM"):
        pytest.skip("only inside the virtual machine: make test-vm")


@pytest.fixture
def chip() -> Iterator[SimulatedChip]:
    """A live chip with the lines of this bench, all low."""
    made = SimulatedChip.make("floor", lines=8, names=NAMES)
    yield made
    made.remove()


class Floor:
    """A real guard on real lines; the test is the plant."""

    def __init__(self, chip: SimulatedChip, *, pair: bool, options: dict[str, Any]) -> None:
        self.chip = chip
        self.events: list[GuardEvent] = []
        estops = {"estop_a": ESTOP_A, "estop_b": ESTOP_B} if pair else {"estop_a": ESTOP_A}
        inputs = [
            {"name": name, "kind": "estop", "source": f"gpio:{chip.path}:{line}", "debounce_ms": 2}
            for name, line in estops.items()
        ]
        if pair:
            inputs[0] |= {"pair": "estop_b", "discrepancy_ms": 300}
        reset = {"name": "reset", "kind": "reset", "source": f"gpio:{chip.path}:{RESET}"}
        permit = {"name": "permit", "target": f"gpio:{chip.path}:{PERMIT}"}
        self.estops = list(estops.values())
        self.guard = Guard(
            GuardSettings.model_validate(
                {
                    "lease_ms": 5000,
                    "input": [*inputs, reset | {"debounce_ms": 2}],
                    "output": [permit | options.pop("permit", {})],
                    **options,
                }
            )
        )

    def until(self, holds: Callable[[GuardState], object]) -> GuardState:
        """Await a condition of the guard's state, collecting events."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            self.events += self.guard.take_events()
            state = self.guard.state()
            if holds(state):
                return state
            assert time.monotonic() < deadline_s, f"never came about: {state}, {self.events}"
            select.select([self.guard], [], [], 0.005)

    def until_event(self, kind: str) -> GuardEvent:
        """Await an event of this kind; it and older ones are then taken."""
        self.until(lambda _: any(event.kind == kind for event in self.events))
        index = next(i for i, event in enumerate(self.events) if event.kind == kind)
        event = self.events[index]
        del self.events[: index + 1]
        return event

    def close_estops(self) -> None:
        """Both channels closed, within their discrepancy time, and believed so."""
        for line in self.estops:
            self.chip.drive(line, 1)
        self.until(
            lambda state: all(state.inputs[name] for name in state.inputs if name != "reset")
        )

    def press_reset(self) -> None:
        """Press, hold until it is believed, release, await that that is believed."""
        self.chip.drive(RESET, 1)
        self.until(lambda state: state.inputs["reset"] is True)
        self.chip.drive(RESET, 0)
        self.until(lambda state: state.inputs["reset"] is False)

    def energise(self) -> None:
        """Everything healthy, reset, and the permit on."""
        self.close_estops()
        if self.guard.state().latched:
            self.press_reset()
            self.until(lambda state: not state.latched)
        self.guard.renew()
        assert self.set(True) is SetResult.DONE

    def set(self, on: bool) -> SetResult:
        """Command the permit and await what became of it."""
        ticket = self.guard.set("permit", on)
        self.until(lambda _: self.guard.result(ticket) is not SetResult.PENDING)
        return self.guard.result(ticket)


@pytest.fixture
def make_floor(chip: SimulatedChip) -> Iterator[Callable[..., Floor]]:
    """Started guards: ``make_floor(pair=True, permit={"toggle_ms": 20})``."""
    made: list[Floor] = []

    def make(*, pair: bool = False, **options: Any) -> Floor:
        floor = Floor(chip, pair=pair, options=options)
        floor.guard.start()
        made.append(floor)
        return floor

    yield make
    for floor in made:
        floor.guard.stop()
