"""The guard as a driver: its inputs are sensors, its outputs take commands, its lease is renewed.

Rules of this file
- The lease is renewed from the control loop and nowhere else, so a blocked or dead loop loses
  the outputs. Never renew it from a thread or a timer of its own.
- Readings go out at once on every event and at least every 250 ms.
- A command is confirmed by the guard's thread; the loop waits for it without blocking.
- ``to_safe`` works in a fresh process too, without a guard (``banksman safe``).
- A GPIO chip that was pulled out takes the whole guard down, safe and latched, until every line can
  be opened again: half a guard is none. The one that was plugged in is another file.

    native thread ──eventfd──► _on_ready ──► listener (interlock), sink, waiting commands
    control loop  ──renew every lease_ms / 4──► native thread
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from banksman_drivers.guard.lines import Identity, identity, parse_place, write_safe_once
from banksman_drivers.guard.native import Guard
from banksman_drivers.guard.values import GuardEvent, GuardState, SetResult
from banksman_drivers.ports import (
    Command,
    CommandExpired,
    CommandFailed,
    DeviceHealth,
    Driver,
    DriverError,
    OutputInfo,
    Quality,
    Reading,
    SensorInfo,
    Sink,
    Ticks,
    Value,
)
from banksman_drivers.settings.guard import GuardSettings

DELIVER_S = 0.25
STALE_MS = 1000.0
CONFIRM_S = 0.5  # the guard's thread answers in microseconds; this is for a stuck machine
RETRY_S = 1.0

_REFUSALS = {
    SetResult.REFUSED_LATCHED: "a trip is latched; reset it at the machine first",
    SetResult.REFUSED_LEASE: "the lease has expired: the control loop was late",
    SetResult.NOT_WRITTEN: "the line did not take it: its level is unknown",
}


class GuardDriver(Driver):
    """The native guard on the control loop. ``listener`` gets every event, on that loop."""

    id = "guard"

    def __init__(
        self,
        settings: GuardSettings,
        ticks: Ticks,
        listener: Callable[[GuardEvent], None],
        latched: bool = False,
        cause: str = "",
    ) -> None:
        """``latched`` and ``cause`` restore a trip from before a restart."""
        self._settings = settings
        self._ticks = ticks
        self._listener = listener
        self._latched = latched
        self._cause = cause
        self._guard: Guard | None = None
        self._waiting: dict[int, asyncio.Future[SetResult]] = {}
        self._health = DeviceHealth(self.id, "guard", "starting", "not started yet", 0)

    def sensors(self) -> Sequence[SensorInfo]:
        """Each input (1 closed; a reset: 1 pressed) and ``guard.latched``."""
        points = [(point.name, point.label or point.name) for point in self._settings.inputs]
        points.append(("latched", "guard latched"))
        return [SensorInfo(f"guard.{name}", "flag", label, STALE_MS) for name, label in points]

    def outputs(self) -> Sequence[OutputInfo]:
        """Each output, held by lease."""
        return [
            OutputInfo(
                id=f"guard.{output.name}",
                safe=output.safe,
                label=output.label or output.name,
                supervision="guard",
                run_permit=output.run_permit,
            )
            for output in self._settings.outputs
        ]

    def state(self) -> GuardState | None:
        """The guard's own state for page and metrics; None before it runs."""
        guard = self._guard
        return None if guard is None else guard.state()

    def trip(self, cause: str) -> None:
        """Latch and put every output in its safe state; raises CommandFailed if it does not run."""
        self._running().trip(cause)

    async def run(self, sink: Sink) -> None:
        """Start the guard (again and again until its lines can be opened) and serve it."""
        latched, cause = self._latched, self._cause
        while True:
            guard = None
            chips = self._chips()
            try:
                guard = Guard(self._settings)
                guard.start(latched, cause)
            except DriverError as error:
                self._note("lost", str(error))
                self._deliver_bad(sink)
                await asyncio.sleep(RETRY_S)
                continue
            await self._serve(guard, sink, chips)
            latched, cause = True, "a GPIO chip of the guard was gone"

    def _chips(self) -> dict[str, Identity | None]:
        """The files of our GPIO chips: which they are now, None where there is none."""
        lines = [point.source for point in self._settings.inputs]
        lines += [output.target for output in self._settings.outputs]
        places = [parse_place(line) for line in lines]
        return {place.path: identity(place.path) for place in places if place.is_gpio}

    async def _serve(self, guard: Guard, sink: Sink, chips: dict[str, Identity | None]) -> None:
        """Renew and deliver while the ``chips`` are those whose lines it holds."""
        loop = asyncio.get_running_loop()
        renew_s = self._settings.lease_ms / 4000
        deliver_ns = 0
        self._guard = guard
        notify_fd = guard.fileno()
        loop.add_reader(notify_fd, self._on_ready, guard, sink)
        try:
            while True:
                guard.renew()
                if (now_ns := self._ticks.mono_ns()) >= deliver_ns:
                    deliver_ns = now_ns + int((DELIVER_S - renew_s / 2) * 1e9)
                    self._deliver(guard, sink)
                    if self._chips() != chips:
                        return
                await asyncio.sleep(min(renew_s, DELIVER_S))
        finally:
            loop.remove_reader(notify_fd)
            self._guard = None
            for future in self._waiting.values():
                future.cancel()
            self._waiting.clear()
            unsafe = guard.stop()
            self._note("lost", f"stopped; NOT left safe: {', '.join(unsafe)}" if unsafe else "")

    def _on_ready(self, guard: Guard, sink: Sink) -> None:
        events = guard.take_events()
        for ticket, future in list(self._waiting.items()):
            result = guard.result(ticket)
            if result is not SetResult.PENDING and not future.done():
                future.set_result(result)
        if events:
            self._deliver(guard, sink)
        for event in events:
            self._listener(event)

    def _deliver(self, guard: Guard, sink: Sink) -> None:
        state = guard.state()
        now_ns = self._ticks.mono_ns()
        batch = [_reading(name, level, now_ns) for name, level in state.inputs.items()]
        batch.append(_reading("latched", state.latched, now_ns))
        message = state.cause if state.latched else state.realtime_message
        if state.failing:
            message = "; ".join(f"{name}: {why}" for name, why in state.failing.items())
        self._note("connected", message, state)
        sink.readings(batch)

    def _deliver_bad(self, sink: Sink) -> None:
        now_ns = self._ticks.mono_ns()
        names = [point.name for point in self._settings.inputs]
        sink.readings([_reading(name, None, now_ns) for name in (*names, "latched")])

    def _note(self, word: str, message: str, state: GuardState | None = None) -> None:
        before = self._health
        known = word == "connected"
        counters = {} if state is None else state.counters
        self._health = DeviceHealth(
            id=self.id,
            driver="guard",
            state="connected" if known else "lost",
            message=message,
            since_mono_ns=before.since_mono_ns if before.state == word else self._ticks.mono_ns(),
            requests=counters.get("writes", before.requests),
            errors=counters.get("writes_failed", before.errors),
            round_trip_us=before.round_trip_us if state is None else state.latency.p99_us,
        )

    async def apply(self, command: Command) -> None:
        """Set the output; returns when the guard's thread has written it.

        Raises CommandExpired, Unsupported, or CommandFailed when latched, without a lease, not
        running, or not written.
        """
        name = command.output.removeprefix("guard.")
        value = _as_level(command.output, command.value)
        if self._ticks.mono_ns() >= command.expires_mono_ns:
            raise CommandExpired(
                f"{command.output}: the command came too late; nothing was written"
            )
        guard = self._running()
        ticket = guard.set(name, value)
        future: asyncio.Future[SetResult] = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = future
        try:
            result = await asyncio.wait_for(future, CONFIRM_S)
        except TimeoutError:
            raise CommandFailed(f"{command.output}: the guard did not confirm it") from None
        finally:
            self._waiting.pop(ticket, None)
        if result is not SetResult.DONE:
            raise CommandFailed(f"{command.output}: {_REFUSALS[result]}")

    def health(self) -> DeviceHealth:
        """The guard's condition as of the last delivery."""
        return self._health

    async def to_safe(self) -> None:
        """Put every output in its safe state, through the guard if it runs here, else directly.

        Raises CommandFailed naming the outputs that could not be reached; tries all of them.
        """
        failed: list[str] = []
        for output in self._settings.outputs:
            try:
                if self._guard is None:
                    write_safe_once(parse_place(output.target), output.safe)
                else:
                    expires_ns = self._ticks.mono_ns() + int(CONFIRM_S * 1e9)
                    target = f"guard.{output.name}"
                    await self.apply(Command("safe", target, output.safe, expires_ns, "to_safe"))
            except CommandFailed as error:
                failed.append(f"guard.{output.name} ({error})")
        if failed:
            raise CommandFailed("not put in their safe state: " + "; ".join(failed))

    def _running(self) -> Guard:
        if self._guard is None:
            raise CommandFailed(f"the guard does not run: {self._health.message}")
        return self._guard


def _as_level(output: str, value: Value) -> bool:
    if isinstance(value, str) or value not in (0, 1):
        raise CommandFailed(f"{output}: a guard output takes true or false, not {value!r}")
    return bool(value)


def _reading(name: str, level: bool | None, now_ns: int) -> Reading:
    if level is None:
        return Reading(f"guard.{name}", math.nan, "flag", Quality.BAD, now_ns)
    return Reading(f"guard.{name}", float(level), "flag", Quality.GOOD, now_ns)
