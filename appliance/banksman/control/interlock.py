"""The interlock: what may not happen, and why. A pure state machine.

Rules of this file
- A trip is latched by its cause, survives a restart, and stays until a person resets it.
- It may be reset only with every cause clear: a process trip on the authenticated page or by
  its reset input acting on release; an e-stop trip only at the guard's local reset input.
- A reset never restarts anything: the outputs stay safe until someone commands them anew.
- The first state is not an edge: what is true at start blocks, and latches only if it says stop.
- Unknown means stopped: a cause whose inputs cannot be read forces its outputs safe for as long
  as it is unknown. It does not latch, for nobody has seen a reason to stop.
- A command towards the declared safe state is always permitted.

      cause true / action / e-stop            reset by a person, causes clear
    CLEAR ------------------------> LATCHED ------------------------> CLEAR
      ^  outputs free                  outputs forced safe              outputs stay safe
      |__ cause unknown: outputs forced safe, nothing latched __|

The hard-wired e-stop circuit is the safety function. This adds a stop; it claims no rating.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from banksman.control.snapshot import PermissiveView, TripView
from banksman.control.stream import Inputs
from banksman.deciding.decision import Mode
from banksman.errors import ResetRefused
from banksman_drivers.ports import Command, OutputInfo

ResetWay = Literal["page", "input", "guard"]
# The trip of a box that cannot record what it does; no trip of a config can have this name.
DISARMED = "store.full"
DISARMED_LABEL = "the store cannot record"


class Test(Protocol):
    """A compiled condition (``deciding`` makes them)."""

    def evaluate(self, values: Sequence[float]) -> bool:
        """Whether it holds."""


class Condition(msgspec.Struct, frozen=True):
    """A test with its inputs; ``text`` and ``names`` of the inputs are what people read."""

    text: str
    inputs: Inputs
    test: Test
    names: tuple[str, ...] = ()

    def state(self, now_ns: int) -> bool | str:
        """True, False, or in words why it cannot be told."""
        faults = self.inputs.faults(now_ns)
        if faults is not None:
            names = self.names or self.inputs.names
            for name, fault in zip(names, faults, strict=True):
                if fault:
                    return f"{name} is unknown ({fault})"
        try:
            return self.test.evaluate(self.inputs.values(now_ns))
        except ArithmeticError as error:
            return f"{self.text} cannot be told ({error})"


class TripSpec(msgspec.Struct, frozen=True):
    """A trip as configured. ``guard_latch`` reads the guard's latch for e-stop trips."""

    name: str
    kind: Literal["estop", "process"]
    label: str
    outputs: tuple[str, ...]
    cause: Condition | None = None
    guard_latch: Condition | None = None
    reset_input: Condition | None = None
    reset_text: str = ""
    guard_cause: Callable[[], str] | None = None  # why the guard latched, in its own words


class PermissiveSpec(msgspec.Struct, frozen=True):
    """``output`` may leave its safe state only while ``when`` holds."""

    output: str
    when: Condition
    reason: str


class Trip:
    """One trip's state. ``cause_now`` and ``unknown`` are what was seen last."""

    __slots__ = ("cause", "cause_now", "latched", "pressed", "spec", "unknown")

    def __init__(self, spec: TripSpec) -> None:
        self.spec = spec
        self.latched = False
        self.cause = ""
        self.cause_now = ""
        self.unknown = ""
        self.pressed = False  # the reset input was seen pressed; it acts on release

    def blocks(self) -> str:
        """Why the outputs are forced safe now, or empty."""
        if self.latched:
            return f"trip {self.spec.name}: {self.cause}"
        return f"trip {self.spec.name}: {self.unknown}" if self.unknown else ""


class Change(msgspec.Struct, frozen=True):
    """Something the interlock did that must be recorded: ``event`` is tripped or reset."""

    event: Literal["tripped", "reset"]
    trip: str
    cause: str
    by: str


def told_as(label: str, cause: str) -> str:
    """What people read of a trip: its label, where it has one, and what stopped it."""
    return f"{label}: {cause}" if label else cause


class Interlock:
    """Forbids commands. Call `sense` after each batch, `permit` before each command."""

    def __init__(
        self,
        mode: Mode,
        outputs: Iterable[OutputInfo],
        trips: Sequence[TripSpec],
        permissives: Sequence[PermissiveSpec],
        latched: Mapping[str, str],
    ) -> None:
        """``latched``: trip name -> cause, as saved before the restart."""
        self.mode = mode
        self._outputs = {output.id: output for output in outputs}
        self.trips = {spec.name: Trip(spec) for spec in trips}
        self._permissives = permissives
        self._permissive_state: list[bool | str] = ["not yet known"] * len(permissives)
        if DISARMED in latched:
            self._add_disarmed()
        for name, cause in latched.items():
            if name in self.trips:
                self.trips[name].latched, self.trips[name].cause = True, cause
        self._blocked: dict[str, str] = {}
        self._refresh_blocked()
        conditions = [permissive.when for permissive in permissives]
        for spec in trips:
            own = (spec.cause, spec.guard_latch, spec.reset_input)
            conditions += [condition for condition in own if condition is not None]
        # Every sensor that it looks at.
        self.sensors = frozenset[str]().union(*(each.inputs.sensors for each in conditions))

    def sense(self, now_ns: int) -> list[Change]:
        """Look at every cause, permissive and reset input; returns what changed."""
        changes: list[Change] = []
        if not self.trips and not self._permissives:
            return changes
        for trip in self.trips.values():
            if trip.spec.kind == "estop":
                self._sense_estop(trip, now_ns, changes)
            else:
                self._sense_process(trip, now_ns, changes)
        for index, permissive in enumerate(self._permissives):
            self._permissive_state[index] = permissive.when.state(now_ns)
        self._refresh_blocked()
        return changes

    def trip(self, name: str, cause: str) -> list[Change]:
        """Latch a trip because a decision or the daemon says so. KeyError if there is none."""
        trip = self.trips[name]
        if trip.latched:
            return []
        trip.latched, trip.cause = True, cause
        self._refresh_blocked()
        return [Change("tripped", name, cause, "interlock")]

    def disarm(self, why: str) -> list[Change]:
        """Latch a trip over every output because the box may not act; empty: that is over.

        The trip is there from the first time on, and a person resets it as any process trip.
        """
        if self.mode == "observe":
            return []
        if DISARMED not in self.trips:
            if not why:
                return []
            self._add_disarmed()
        self.trips[DISARMED].cause_now = why
        return self.trip(DISARMED, why) if why else []

    def _add_disarmed(self) -> None:
        spec = TripSpec(DISARMED, "process", DISARMED_LABEL, tuple(self._outputs))
        self.trips[DISARMED] = Trip(spec)

    def reset(self, name: str, by: str, way: ResetWay) -> Change:
        """A person resets a trip. Raises KeyError (no such trip), ResetRefused (why not)."""
        trip = self.trips[name]
        if trip.spec.kind == "estop" and way != "guard":
            where = trip.spec.reset_text or "the local reset input"
            raise ResetRefused(f"{name} is an e-stop trip: it is reset only at {where}")
        if not trip.latched:
            raise ResetRefused(f"{name} is not latched: there is nothing to reset")
        if trip.cause_now or trip.unknown:
            raise ResetRefused(
                f"{name} stays latched: {trip.cause_now or trip.unknown}. Clear that first"
            )
        change = Change("reset", name, trip.cause, by)
        trip.latched, trip.cause = False, ""
        self._refresh_blocked()
        return change

    def permit(self, command: Command) -> str:
        """Empty if the command may go out, otherwise why not, in words."""
        if self.mode == "observe":
            return "observe mode: nothing is written"
        if command.value == self._outputs[command.output].safe:
            return ""
        return self._blocked.get(command.output, "")

    def blocked(self) -> Mapping[str, str]:
        """Output -> why it is forced to its safe state now."""
        return self._blocked

    def latched(self) -> dict[str, str]:
        """What must be remembered over a restart."""
        return {name: trip.cause for name, trip in self.trips.items() if trip.latched}

    def views(self) -> tuple[tuple[TripView, ...], tuple[PermissiveView, ...]]:
        """For people."""
        trips = tuple(
            TripView(
                name=name,
                kind=trip.spec.kind,
                label=trip.spec.label or name,
                latched=trip.latched,
                cause=trip.cause,
                causes=tuple(text for text in (trip.cause_now, trip.unknown) if text),
                reset_by="guard" if trip.spec.kind == "estop" else "page",
                outputs=trip.spec.outputs,
            )
            for name, trip in self.trips.items()
        )
        permissives = tuple(
            PermissiveView(
                output=spec.output,
                reason=state if isinstance(state, str) else spec.reason,
                satisfied=state is True,
            )
            for spec, state in zip(self._permissives, self._permissive_state, strict=True)
        )
        return trips, permissives

    def _sense_estop(self, trip: Trip, now_ns: int, changes: list[Change]) -> None:
        if trip.spec.guard_latch is None:
            trip.unknown = "no guard watches it"
            return
        state = trip.spec.guard_latch.state(now_ns)
        trip.unknown = state if isinstance(state, str) else ""
        trip.cause_now = "the guard has latched" if state is True else ""
        if state is True and not trip.latched:
            cause = trip.spec.guard_cause() if trip.spec.guard_cause is not None else ""
            changes += self.trip(trip.spec.name, cause or "the e-stop circuit opened")
        elif state is False and trip.latched:
            # Only the guard's own reset input opens its latch, so this is a person at the machine.
            changes.append(self.reset(trip.spec.name, "local reset input", "guard"))

    def _sense_process(self, trip: Trip, now_ns: int, changes: list[Change]) -> None:
        if trip.spec.cause is not None:
            state = trip.spec.cause.state(now_ns)
            trip.unknown = state if isinstance(state, str) else ""
            trip.cause_now = trip.spec.cause.text if state is True else ""
            if state is True and not trip.latched:
                changes += self.trip(trip.spec.name, trip.spec.cause.text)
        if trip.spec.reset_input is None:
            return
        pressed = trip.spec.reset_input.state(now_ns)
        released = trip.pressed and pressed is False
        trip.pressed = pressed is True
        if released and trip.latched and not trip.cause_now and not trip.unknown:
            changes.append(self.reset(trip.spec.name, "reset input", "input"))

    def _refresh_blocked(self) -> None:
        blocked: dict[str, str] = {}
        for spec, state in zip(self._permissives, self._permissive_state, strict=True):
            if state is not True:
                blocked[spec.output] = f"not permitted: {spec.reason}" + (
                    f" ({state})" if isinstance(state, str) else ""
                )
        for trip in self.trips.values():
            why = trip.blocks()
            if why:
                blocked.update(dict.fromkeys(trip.spec.outputs, why))
        self._blocked = blocked
