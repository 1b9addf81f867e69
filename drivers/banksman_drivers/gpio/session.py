"""One chip's life on a thread of its own: lines opened, watched, written, and left safe.

Rules of this file
- Everything that touches the chip from our side happens on this one thread, because a chip behind
  USB takes milliseconds for a line. gpiozero's own threads only tell edges, to the `Desk`.
- Outputs are opened first and at their safe level, direction and level in one request; and they
  are written safe when the session ends, whatever ended it, as far as the chip still answers.
- Each poll asks the chip whether it is there and reads every line: a level that no edge had told is
  found, and a chip that was pulled out ends the session with DeviceLost.
- A write is confirmed by reading the line back, not by the call that did not fail.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from banksman_drivers.bridge import Bridge
from banksman_drivers.gpio.channels import Channel
from banksman_drivers.gpio.desk import Desk, News
from banksman_drivers.ports import CommandExpired, CommandFailed, DeviceLost, DriverError, Ticks
from banksman_drivers.settings.gpio import GpioOutput, GpioSettings, Pull


class Chip(Protocol):
    """An open chip. All raise DeviceLost, naming the line and what to do."""

    def watch(self, line: int, pull: Pull, edge: Callable[[bool, int], None]) -> None:
        """Take a line as input; ``edge(high, kernel_ns)`` is called from any thread."""

    def drive(self, line: int, high: bool) -> None:
        """Take a line as output at this level, both in one request."""

    def read(self, line: int) -> bool:
        """The line's level."""

    def write(self, line: int, high: bool) -> None:
        """Set an output's level."""

    def probe(self) -> None:
        """Nothing, if the chip is still there."""

    def close(self) -> None:
        """Give every line back."""


OpenChip = Callable[[str], Chip]


class Job(msgspec.Struct, frozen=True):
    """A value for an output; ``done`` is called on the session's thread, with what went wrong."""

    output: GpioOutput
    value: bool
    expires_ns: int | None
    done: Callable[[DriverError | None], None]


class Session:
    """From opening to closing. ``driving`` False (observe mode) opens no output at all."""

    def __init__(
        self,
        settings: GpioSettings,
        channels: Sequence[Channel],
        desk: Desk,
        open_chip: OpenChip,
        ticks: Ticks,
        driving: bool,
    ) -> None:
        self._settings = settings
        self._channels = [channel for channel in channels if channel.lines]
        self._desk = desk
        self._open_chip = open_chip
        self._ticks = ticks
        self._outputs = settings.outputs if driving else []
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()  # at most one for each output: see the port
        self._closed = False
        self._wake = threading.Event()

    def submit(self, job: Job) -> None:
        """Have a value written; ``done`` is always called, at once when the session is over."""
        with self._lock:
            if not self._closed:
                self._jobs.append(job)
                self._wake.set()
                return
        job.done(CommandFailed(f"{self._settings.id}.{job.output.name}: the chip is not open"))

    def stop(self) -> None:
        """End soon, also when the thread is asleep."""
        with self._lock:
            self._closed = True
        self._wake.set()

    def work(self, bridge: Bridge[News]) -> None:
        """The thread. Raises DeviceLost when the chip cannot be opened or has gone."""
        try:
            chip = self._open_chip(self._settings.chip)
            try:
                self._open_lines(chip, bridge)
                self._serve(chip, bridge)
            finally:
                self._leave(chip)
        finally:
            self._refuse_jobs()

    def _open_lines(self, chip: Chip, bridge: Bridge[News]) -> None:
        for output in self._outputs:
            chip.drive(output.line, level_of(output, output.safe))
        self._desk.put = bridge.put
        self._desk.poke = self._wake.set
        for channel in self._channels:
            for place, line in enumerate(channel.lines):
                chip.watch(line, channel.pull, _Teller(self._desk, channel, place))

    def _serve(self, chip: Chip, bridge: Bridge[News]) -> None:
        period_ns = int(self._settings.poll_ms * 1e6)
        poll_ns = self._ticks.mono_ns()
        while not (self._closed or bridge.stopping):
            self._wake.clear()
            while self._jobs:
                self._write(chip, self._jobs.popleft())
            now_ns = self._ticks.mono_ns()
            if now_ns >= poll_ns:
                poll_ns = max(poll_ns + period_ns, now_ns)
                self._poll(chip)
            self._desk.tick()
            due_ns = self._desk.due_ns()
            next_ns = poll_ns if due_ns is None else min(poll_ns, due_ns)
            self._wake.wait(max(0.0, (next_ns - self._ticks.mono_ns()) / 1e9))

    def _poll(self, chip: Chip) -> None:
        chip.probe()
        self._desk.look(
            [(each, [chip.read(line) for line in each.lines]) for each in self._channels]
        )

    def _write(self, chip: Chip, job: Job) -> None:
        name = f"{self._settings.id}.{job.output.name}"
        if job.expires_ns is not None and self._ticks.mono_ns() > job.expires_ns:
            job.done(CommandExpired(f"{name}: the command came too late; nothing written"))
            return
        high = level_of(job.output, job.value)
        try:
            chip.write(job.output.line, high)
            seen = chip.read(job.output.line)
        except DeviceLost as error:
            job.done(CommandFailed(f"{name}: {error}"))
            return
        if seen == high:
            job.done(None)
            return
        job.done(
            CommandFailed(
                f"{name}: line {job.output.line} was set {_word(high)} and reads {_word(seen)}:"
                " something else drives it; check the wiring for a short circuit"
            )
        )

    def _leave(self, chip: Chip) -> None:
        """Outputs safe, as far as they can be reached; what cannot, the next session will."""
        self._desk.put = lambda _: None
        self._desk.poke = lambda: None
        self._desk.forget()
        try:
            for output in self._outputs:
                # Gone, or never opened: what ended the session tells it. The others are tried.
                with contextlib.suppress(DeviceLost):
                    chip.write(output.line, level_of(output, output.safe))
        finally:
            chip.close()

    def _refuse_jobs(self) -> None:
        with self._lock:
            self._closed = True
            jobs, self._jobs = self._jobs, deque()
        for job in jobs:
            name = f"{self._settings.id}.{job.output.name}"
            job.done(CommandFailed(f"{name}: the chip was closed before it was written"))


def make_safe(chip: Chip, device: str, outputs: Iterable[GpioOutput]) -> list[str]:
    """Open each output at its safe level, in a process that runs no session; what went wrong."""
    missed = []
    for output in outputs:
        level = level_of(output, output.safe)
        try:
            chip.drive(output.line, level)
            chip.write(output.line, level)
        except DeviceLost as error:
            missed.append(f"{device}.{output.name}: {error}")
    return missed


class _Teller:
    """Takes one line's edges to the desk."""

    def __init__(self, desk: Desk, channel: Channel, place: int) -> None:
        self._desk = desk
        self._channel = channel
        self._place = place

    def __call__(self, high: bool, kernel_ns: int) -> None:
        self._desk.edge(self._channel, self._place, high, kernel_ns)


def level_of(output: GpioOutput, value: bool) -> bool:
    """The wire's level that means ``value``."""
    return value == (output.active == "high")


def _word(high: bool) -> str:
    return "high" if high else "low"
