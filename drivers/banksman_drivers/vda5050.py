"""An automated vehicle that speaks VDA 5050 2.x over MQTT, on the control loop.

    state, connection  --MQTT-->  Vehicle.take_state  -->  Sink.readings    (one call, no queue)
    apply(pause)       --MQTT-->  instantActions      -->  confirmed by a later state
    apply(released_nodes)  -->    order update        -->  confirmed by a later state

Rules of this file
- Advisory: avoiding collisions is the vehicle's own. We ask it to pause and extend its base.
- Each vehicle has a connection of its own: its own login and rights at the broker, and nobody
  waits behind a neighbour's flood. Twenty of them are measured (``drivers.vda5050_*``).
- A vehicle may take ``stale_ms`` to speak for the first time; until then nothing is told of it.
- A base only grows (chapter 6.6 of the standard): ``released_nodes = 0``, the safe state,
  therefore means "release nothing more"; who must stop the vehicle pauses it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from banksman_drivers.condition import BEAT_S, Condition
from banksman_drivers.mqtt_link import LinkState, MqttEndpoint, MqttLink, TlsFiles
from banksman_drivers.mqtt_session import SessionLimits
from banksman_drivers.ports import (
    Command,
    CommandExpired,
    CommandFailed,
    DeviceHealth,
    Driver,
    OutputInfo,
    SensorInfo,
    Sink,
    Ticks,
    Unsupported,
)
from banksman_drivers.settings.vda5050 import Vda5050Settings
from banksman_drivers.vda5050_confirm import WORDS_MAX
from banksman_drivers.vda5050_master import Clocks, Master
from banksman_drivers.vda5050_order import BadMessage, OrderPlan, read_plan
from banksman_drivers.vda5050_points import VEHICLE_OUTPUTS, VEHICLE_POINTS
from banksman_drivers.vda5050_throttle import NewestState
from banksman_drivers.vda5050_vehicle import Vehicle

LIMITS = SessionLimits(max_in_flight=16, max_packet_bytes=256 * 1024, keepalive_s=5)


class Vda5050Driver(Driver):
    """One vehicle. ``wall_ns`` stamps messages; the standard asks for UTC."""

    def __init__(self, settings: Vda5050Settings, ticks: Ticks, wall_ns: Callable[[], int]) -> None:
        self.id = settings.id
        self._settings = settings
        self._ticks = ticks
        plan = self._read_order()
        self._vehicle = Vehicle(
            settings.id,
            settings.manufacturer,
            settings.serial_number,
            round(settings.stale_ms * 1e6),
            plan,
        )
        self._base = (
            f"{settings.interface_name}/v2/{settings.manufacturer}/{settings.serial_number}"
        )
        self._link = MqttLink(
            self._endpoint(), ticks, on_message=self._on_message, on_state=self._on_link
        )
        self._name = (
            f"{settings.label or settings.id} ({settings.manufacturer} {settings.serial_number})"
        )
        self._newest = NewestState(ticks, self._take_state)
        self._condition = Condition(settings.id, "vda5050", ticks)
        self._master = Master(
            self._name,
            self._base,
            settings,
            Clocks(ticks, wall_ns),
            self._vehicle,
            plan,
            self._link,
            self._condition,
        )
        self._sink: Sink | None = None
        self._link_up = asyncio.Event()
        self._began_ns = ticks.mono_ns()

    def sensors(self) -> Sequence[SensorInfo]:
        """The fixed points of every vehicle."""
        stale_ms = self._settings.stale_ms
        return tuple(
            SensorInfo(f"{self.id}.{point.name}", point.unit, self._label(point.label), stale_ms)
            for point in VEHICLE_POINTS
        )

    def outputs(self) -> Sequence[OutputInfo]:
        """``pause`` and ``released_nodes``; the vehicle outlives us, so unsupervised."""
        return tuple(
            OutputInfo(f"{self.id}.{output.name}", output.safe, self._label(output.label), "none")
            for output in VEHICLE_OUTPUTS
        )

    def _label(self, what: str) -> str:
        """Every vehicle has the same points: people must see whose this one is."""
        return f"{self._settings.label or self.id}: {what}"

    async def run(self, sink: Sink) -> None:
        """Listen and deliver until cancelled."""
        self._sink = sink
        self._began_ns = self._ticks.mono_ns()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._link.run())
                tasks.create_task(self._watch())
        finally:
            self._sink = None
            self._forget()
            self._condition.say("starting", f"{self._name} is not listened to")

    async def apply(self, command: Command) -> None:
        """Send the command and return when the vehicle's state confirms it."""
        device, _, point = command.output.partition(".")
        if device != self.id or point not in ("pause", "released_nodes"):
            raise Unsupported(f"{self._name} has no output {command.output}")
        if self._ticks.mono_ns() > command.expires_mono_ns:
            raise CommandExpired(f"{self._name}: {command.output} came too late; nothing was sent")
        if point == "pause":
            await self._master.pause(bool(command.value))
        else:
            await self._master.release(command.value)

    async def to_safe(self) -> None:
        """Pause the vehicle, connecting first if need be."""
        own = asyncio.create_task(self._link.run()) if self._sink is None else None
        try:
            async with asyncio.timeout(self._settings.stale_ms / 1000):
                await self._link_up.wait()
            await self._master.pause(True)
        except TimeoutError:
            raise CommandFailed(
                f"{self.id}.pause: {self._link.report().message}; stop {self._name} by hand"
            ) from None
        finally:
            if own is not None:
                own.cancel()
                await asyncio.gather(own, return_exceptions=True)
                self._forget()

    def health(self) -> DeviceHealth:
        """Link and vehicle in words; a FATAL error of the vehicle's is a fault."""
        health = self._condition.health()
        link, state = self._link.report(), self._vehicle.state
        fatal = ""
        if health.state == "connected" and state is not None:
            fatal = next(
                (
                    f"{self._name} reports {one.error_type}: {one.error_description}"[:WORDS_MAX]
                    for one in state.errors
                    if one.error_level == "FATAL"
                ),
                "",
            )
        return msgspec.structs.replace(
            health,
            requests=self._vehicle.taken + health.requests,
            errors=health.errors + self.ignored() + link.malformed + link.oversized,
            fault=fatal,
        )

    def ignored(self) -> int:
        """How many of the vehicle's messages were not taken, for whatever reason."""
        return sum(self._vehicle.ignored.values()) + self._newest.replaced

    # What the vehicle tells

    def _on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic.endswith("/state"):
            if retained:  # ignored and counted; it must not overtake a true one
                self._take_state(payload, retained)
            else:
                self._newest.put(payload)
        elif self._vehicle.take_connection(payload) and not self._vehicle.online:
            # An ONLINE alone tells nothing: its first state will.
            self._deliver(self._ticks.mono_ns())

    def _take_state(self, payload: bytes, retained: bool = False) -> None:
        now = self._ticks.mono_ns()
        state = self._vehicle.take_state(payload, retained, now)
        if state is not None:
            self._deliver(now)
            self._master.confirm(state)

    def _on_link(self, state: LinkState) -> None:
        if state == "up":
            self._link_up.set()
        elif self._link_up.is_set():
            self._link_up.clear()
            self._deliver(self._ticks.mono_ns())

    async def _watch(self) -> None:
        period_s = min(BEAT_S, self._settings.stale_ms / 4000)
        while True:
            await asyncio.sleep(period_s)
            now = self._ticks.mono_ns()
            speaking = self._link.up and self._vehicle.connected(now)
            if not speaking and (self._condition.lost or self._condition.connected or self._due()):
                self._deliver(now)

    def _forget(self) -> None:
        """Nobody listens any more: nothing is known."""
        self._link_up.clear()
        self._newest.forget()
        self._vehicle.forget()

    def _due(self) -> bool:
        """Whether the vehicle should have spoken by now."""
        return self._ticks.mono_ns() - self._began_ns > self._settings.stale_ms * 1e6

    def _deliver(self, now: int) -> None:
        if self._sink is None:
            return
        self._sink.readings(self._vehicle.readings(now, self._link.up))
        if self._link.up and self._vehicle.connected(now):
            peer = self._link.report().peer
            self._condition.say("connected", f"{self._name} is online through {peer}")
        else:
            self._condition.say("lost", f"{self.id}: {self._reason()}")

    def _reason(self) -> str:
        if not self._link.up:
            return self._link.report().message
        if self._vehicle.online is False:
            return f"{self._name} has left the broker; switch it on or check its network"
        broken = self._vehicle.broken
        return (
            f"no state from {self._name} on {self._base}/state for {self._settings.stale_ms:g} ms;"
            " check manufacturer, serial_number and the vehicle"
            + (f"; the last message was refused ({broken})" if broken else "")
        )

    def _endpoint(self) -> MqttEndpoint:
        settings = self._settings
        tls = TlsFiles(settings.ca_file, settings.cert_file, settings.key_file)
        return MqttEndpoint(
            host=settings.host,
            port=settings.port,
            # Boxes may share a broker: a name of its own keeps them from cutting each other.
            client_id=f"banksman-{settings.id}-{uuid.uuid4().hex[:12]}",
            tls=tls if settings.tls else None,
            username=settings.username,
            password_file=settings.password_file,
            topics=(f"{self._base}/state", f"{self._base}/connection"),
            limits=LIMITS,
            back_off_most_s=5.0,
        )

    def _read_order(self) -> OrderPlan | None:
        if self._settings.order_file is None:
            return None
        try:
            return read_plan(Path(self._settings.order_file))
        except BadMessage as error:
            raise Unsupported(f"device {self._settings.id}: {error}") from error
