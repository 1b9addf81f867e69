"""The guard as the rest of Python sees it: settings in, names and words out.

Rules of this file
- It opens lines and names things. Nothing here is on the way from an edge to an output: that
  is the native thread's, which needs neither this file nor the interpreter lock once started.
- A reset clears the latch and never energises an output; an output is energised by ``set`` only.
- All methods are for one thread at a time; none blocks but ``stop`` (a thread's wake-up long).
"""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Sequence

from banksman_drivers.guard.available import why_not_available
from banksman_drivers.guard.lines import open_input, open_output, parse_place
from banksman_drivers.guard.values import (
    COUNTERS,
    EVENT_KINDS,
    CauseCode,
    GuardEvent,
    GuardLatency,
    GuardState,
    SetResult,
)
from banksman_drivers.ports import CommandFailed, DeviceLost, Unsupported
from banksman_drivers.settings.guard import GuardInput, GuardSettings

__all__ = ["Guard", "GuardEvent", "GuardLatency", "GuardState", "SetResult", "pair_indices"]

LINES_MAX = 16  # INPUTS_MAX and OUTPUTS_MAX in core.h
TRIP_TEXTS_MAX = 64


def pair_indices(inputs: Sequence[GuardInput]) -> list[int]:
    """For each input the index of its other channel, or -1; naming it on one side is enough.

    Raises Unsupported when a pair does not exist, is not an e-stop, or is not a pair.
    """
    index = {point.name: number for number, point in enumerate(inputs)}
    pairs = [-1] * len(inputs)
    for number, point in enumerate(inputs):
        if point.pair is None:
            continue
        other = index.get(point.pair, -1)
        if other in (-1, number) or "reset" in (point.kind, inputs[other].kind):
            raise Unsupported(
                f"guard input {point.name}: its pair {point.pair!r} must be another e-stop input"
            )
        for one, two in ((number, other), (other, number)):
            if pairs[one] not in (-1, two):
                raise Unsupported(f"guard input {inputs[one].name} is in more than one pair")
            pairs[one] = two
        if point.discrepancy_ms <= max(point.debounce_ms, inputs[other].debounce_ms):
            raise Unsupported(
                f"guard input {point.name}: discrepancy_ms must be longer than both debounce_ms"
            )
    return pairs


class Guard:
    """One native guard thread, from ``start`` to ``stop``."""

    def __init__(self, settings: GuardSettings) -> None:
        """Check the settings; opens nothing. Raises Unsupported."""
        if max(len(settings.inputs), len(settings.outputs)) > LINES_MAX:
            raise Unsupported(f"the guard takes at most {LINES_MAX} inputs and {LINES_MAX} outputs")
        self._settings = settings
        self._pairs = pair_indices(settings.inputs)
        self._sources = [parse_place(point.source) for point in settings.inputs]
        self._targets = [parse_place(output.target) for output in settings.outputs]
        self._output_index = {output.name: i for i, output in enumerate(settings.outputs)}
        self._restored_cause = ""
        self._trip_texts: OrderedDict[int, str] = OrderedDict()

    def start(self, latched: bool = False, cause: str = "") -> None:
        """Open the lines with outputs safe, read the first levels, and start the thread.

        ``latched`` restores a trip from before a restart. An e-stop that is not known to be
        closed latches by itself. Raises Unsupported without the native part, DeviceLost when a
        line cannot be opened; outputs opened until then have been left safe.
        """
        if (reason := why_not_available()) is not None:
            raise Unsupported(reason)
        from banksman_drivers.guard import _native

        self._restored_cause = cause
        with contextlib.ExitStack() as opened:  # the native guard keeps copies of its own
            inputs = []
            outputs = []
            for place, output in zip(self._targets, self._settings.outputs, strict=True):
                fd = open_output(place, output.safe)
                opened.callback(os.close, fd)
                outputs.append((fd, place.is_gpio, output.safe, _ns(output.toggle_ms)))
            for number, place in enumerate(self._sources):
                fd = open_input(place)
                opened.callback(os.close, fd)
                inputs.append((fd, place.is_gpio, *self._input_terms(number)))
            try:
                self._native = _native.Guard(
                    inputs=tuple(inputs),
                    outputs=tuple(outputs),
                    lease_ns=_ns(self._settings.lease_ms),
                    priority=self._settings.priority,
                    latched=latched,
                )
            except OSError as error:
                raise DeviceLost(f"the guard could not start: {error}") from error

    def _input_terms(self, number: int) -> tuple[int, int, int, int]:
        point = self._settings.inputs[number]
        pair = self._pairs[number]
        discrepancy_ms = point.discrepancy_ms
        if pair >= 0:
            discrepancy_ms = min(discrepancy_ms, self._settings.inputs[pair].discrepancy_ms)
        kind = 1 if point.kind == "reset" else 0
        return kind, pair, _ns(point.debounce_ms), _ns(discrepancy_ms)

    def renew(self) -> None:
        """Hold the lease for ``lease_ms`` from now; costs no wake-up while it comes in time."""
        self._native.renew()

    def set(self, output: str, on: bool) -> int:
        """Ask for a level; returns a ticket for ``result``. A safe level is never refused.

        Raises Unsupported if there is no such output, CommandFailed if 64 commands wait already.
        """
        index = self._output_index.get(output)
        if index is None:
            raise Unsupported(f"the guard has no output {output!r}")
        ticket = self._native.set(index, on)
        if ticket == 0:
            raise CommandFailed(f"guard.{output}: too many commands wait; send fewer")
        return ticket

    def result(self, ticket: int) -> SetResult:
        """What became of a command; known for the last 64."""
        return SetResult(self._native.result(ticket))

    def trip(self, cause: str) -> None:
        """Put every output in its safe state and latch; ``cause`` is told to people."""
        self._trip_texts[self._native.trip()] = cause
        while len(self._trip_texts) > TRIP_TEXTS_MAX:
            self._trip_texts.popitem(last=False)

    def fileno(self) -> int:
        """An eventfd, readable when events or results wait; ``take_events`` empties it."""
        return self._native.fileno()

    def take_events(self) -> list[GuardEvent]:
        """Every event since the last call, oldest first; drops are counted in the state."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._native.fileno(), 8)
        return [self._event(*numbers) for numbers in self._native.take()]

    def stop(self) -> tuple[str, ...]:
        """Leave every output safe, join the thread, close the lines.

        Returns the names of outputs that could NOT be left safe. A second call does nothing.
        """
        unsafe = self._native.stop()
        outputs = self._settings.outputs
        return tuple(output.name for i, output in enumerate(outputs) if unsafe >> i & 1)

    def state(self) -> GuardState:
        """The newest published state; also after ``stop``."""
        (
            believed, discrepant, commanded, written, errors, latched, cause, cause_index,
            lease_held, realtime_errno, lock_errno, counters, latency,
        ) = self._native.state()  # fmt: skip
        inputs = [point.name for point in self._settings.inputs]
        outputs = [output.name for output in self._settings.outputs]
        return GuardState(
            inputs=dict(zip(inputs, map(_level, believed), strict=True)),
            outputs=dict(zip(outputs, map(_level, written), strict=True)),
            commanded=dict(zip(outputs, map(bool, commanded), strict=True)),
            discrepant=tuple(name for name, on in zip(inputs, discrepant, strict=True) if on),
            failing={
                name: os.strerror(code) for name, code in zip(outputs, errors, strict=True) if code
            },
            latched=bool(latched),
            cause=self._cause_text(CauseCode(cause), cause_index),
            lease_ok=lease_held,
            realtime=self._settings.priority > 0 and realtime_errno == 0,
            realtime_message=self._realtime_message(realtime_errno),
            memory_locked=lock_errno == 0,
            counters=dict(zip(COUNTERS, counters, strict=True)),
            latency=GuardLatency(latency[0], *(ns / 1000 for ns in latency[1:])),
        )

    def _realtime_message(self, code: int) -> str:
        if self._settings.priority == 0:
            return "SCHED_FIFO is switched off (priority = 0)"
        if code == 0:
            return f"SCHED_FIFO {self._settings.priority}"
        return (
            f"no SCHED_FIFO ({os.strerror(code)}): set LimitRTPRIO={self._settings.priority} in the"
            " unit, or grant CAP_SYS_NICE"
        )

    def _cause_text(self, cause: CauseCode, index: int) -> str:
        if cause is CauseCode.COMMAND:
            return self._trip_texts.get(index, "tripped by command")
        if cause is CauseCode.RESTORED:
            return self._restored_cause or "latched before the restart"
        if cause is CauseCode.NONE:
            return ""
        point = self._settings.inputs[index]
        name = point.label or point.name
        if cause is CauseCode.OPEN:
            return f"{name} is open"
        if cause is CauseCode.UNKNOWN:
            return f"{name} cannot be read: check its wiring ({point.source})"
        return self._disagreement(index)

    def _disagreement(self, index: int) -> str:
        one = self._settings.inputs[index].name
        two = self._settings.inputs[self._pairs[index]].name
        return (
            f"{one} and {two} disagree: one contact or wire has failed. Repair it, then press and"
            " release the e-stop once so that both channels are seen open"
        )

    def _event(self, kind: int, index: int, detail: int, mono_ns: int) -> GuardEvent:
        name = EVENT_KINDS[kind]
        if name == "tripped":
            cause = CauseCode(detail)
            source = "" if cause is CauseCode.COMMAND else self._settings.inputs[index].name
            return GuardEvent(name, source, self._cause_text(cause, index), mono_ns)
        if name.startswith("lease"):
            return GuardEvent(name, "", _LEASE_TEXT[name], mono_ns)
        if name.startswith("output"):
            text = "" if detail == 0 else os.strerror(detail)
            return GuardEvent(name, self._settings.outputs[index].name, text, mono_ns)
        point = self._settings.inputs[index]
        text = f"{point.label or point.name}: {name}"
        if name == "reset_refused":
            blocker = self._settings.inputs[detail]
            text = f"no reset while {blocker.label or blocker.name} is not closed and in agreement"
        elif name == "discrepancy":
            text = self._disagreement(index)
        elif name == "agreed":
            # The same name as the discrepancy had: the pair's first channel.
            point = self._settings.inputs[min(index, detail)]
            text = f"{point.name} and its other channel were both seen open: they agree again"
        return GuardEvent(name, point.name, text, mono_ns)


_LEASE_TEXT = {
    "lease_expired": "the control loop did not renew its lease: outputs are safe",
    "lease_renewed": "the control loop renews its lease",
}


def _ns(milliseconds: float) -> int:
    return round(milliseconds * 1e6)


def _level(number: int) -> bool | None:
    return None if number < 0 else bool(number)
