"""Telemetry over MQTT on the main loop: newest values, and the backlog that loses nothing.

    snapshot --StateReport--> state/…   retained, QoS 0: newest only, nothing kept while down
    store    --Courier------> decision, alarm, audit, readings/…   QoS 1, acknowledged

Rules of this file
- The link may be down for days; nothing here waits for it and nothing piles up in memory.
- ``status`` is the last will: the broker says ``offline`` for us when we cannot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from banksman.clock import Clock
from banksman.config.schema_services import MqttSettings
from banksman.control.snapshot import Snapshot
from banksman.status import LinkStatus
from banksman.telemetry.backlog import Courier
from banksman.telemetry.homeassistant import discovery
from banksman.telemetry.ports import Alarms, Backlog
from banksman.telemetry.state import StateReport
from banksman.telemetry.topics import OFFLINE, ONLINE, Topics
from banksman_drivers.mqtt_link import LinkState, MqttEndpoint, MqttLink, TlsFiles
from banksman_drivers.mqtt_session import SessionLimits, Will


class Telemetry:
    """The node's voice on its broker. ``run`` on the main loop; ``status`` from any thread."""

    def __init__(
        self,
        settings: MqttSettings,
        node: str,
        store: Backlog,
        alarms: Alarms,
        snapshot: Callable[[], Snapshot],
        clock: Clock,
        version: str,
    ) -> None:
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarms = alarms
        self._snapshot = snapshot
        self._version = version
        self._topics = Topics(settings.prefix, node, settings.home_assistant_prefix)
        self._report = StateReport()
        self._announced: tuple[tuple[str, str, str], ...] | None = None
        self._link: MqttLink | None = None
        self._courier: Courier | None = None
        if settings.host is None:
            return
        self._link = link = MqttLink(
            _endpoint(settings, settings.host, node, self._topics),
            clock,
            on_message=self._on_message,
            on_state=self._on_state,
        )
        self._courier = Courier(store, link, self._topics, settings.in_flight, settings.readings)
        store.listen(self._wake_courier)

    def status(self) -> LinkStatus:
        """The link's condition; ``off`` without a broker in the config."""
        if self._link is None or self._courier is None:
            return LinkStatus()
        report = self._link.report()
        return LinkStatus(
            state=report.state,
            peer=report.peer,
            message=report.message,
            since_mono_ns=report.since_mono_ns,
            round_trip_ms=report.round_trip_ms,
            in_flight=report.in_flight,
            published=report.published,
            acknowledged=report.acknowledged,
            reconnects=report.reconnects,
            dropped=self._courier.passed_over + report.malformed + report.oversized,
        )

    async def run(self) -> None:
        """Connect and publish until cancelled; says ``offline`` and settles then."""
        link, courier = self._link, self._courier
        if link is None or courier is None:
            return
        self._loop = asyncio.get_running_loop()
        connection = asyncio.create_task(link.run())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(courier.run())
                tasks.create_task(self._tell_states(link))
                tasks.create_task(_surface(connection))
        finally:
            if link.up:
                link.publish(self._topics.status, OFFLINE, qos=1, retain=True)
            connection.cancel()
            await asyncio.gather(connection, return_exceptions=True)
            await courier.settle()

    async def _tell_states(self, link: MqttLink) -> None:
        while True:
            if link.up:
                self._tell(link)
            await asyncio.sleep(self._settings.state_interval_s)

    def _tell(self, link: MqttLink) -> None:
        snapshot = self._snapshot()
        if self._settings.home_assistant:
            self._announce(link, snapshot)
        for name, payload in self._report.changes(snapshot, self._alarms.active()):
            if not link.publish(self._topics.state(name), payload, retain=True):
                self._report.untell(name)
                break

    def _announce(self, link: MqttLink, snapshot: Snapshot) -> None:
        sensors = tuple((sensor.id, sensor.label, sensor.unit) for sensor in snapshot.sensors)
        if sensors == self._announced:
            return
        payload = discovery(self._topics, snapshot.sensors, self._version)
        if link.publish(self._topics.discovery, payload, qos=1, retain=True):
            self._announced = sensors

    def _wake_courier(self) -> None:
        """From any thread, a hundred times a second: wakes the loop only when it is needed."""
        loop, courier = self._loop, self._courier
        if loop is not None and courier is not None and not courier.awake and not loop.is_closed():
            loop.call_soon_threadsafe(courier.wake)

    def _on_state(self, state: LinkState) -> None:
        link, courier = self._link, self._courier
        if link is None or courier is None:
            return
        if state != "up":
            courier.link_down()
            return
        link.publish(self._topics.status, ONLINE, qos=1, retain=True)
        # The broker may be a new one, or have lost what it retained.
        self._report.forget()
        self._announced = None
        self._tell(link)
        courier.link_up()

    def _on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic == self._topics.home_assistant_status and payload == ONLINE and not retained:
            self._announced = None  # told with the next states: a herd of nodes spreads out


def _endpoint(settings: MqttSettings, host: str, node: str, topics: Topics) -> MqttEndpoint:
    tls = TlsFiles(settings.ca_file, settings.cert_file, settings.key_file)
    return MqttEndpoint(
        host=host,
        port=settings.port,
        # One name per node: after a power cut the broker drops our old connection at once, and
        # its last will comes before our new "online", not after.
        client_id=f"banksman-{node}",
        tls=tls if settings.tls else None,
        username=settings.username,
        password_file=settings.password_file,
        will=Will(topics.status, OFFLINE),
        topics=(topics.home_assistant_status,) if settings.home_assistant else (),
        # Beside the backlog there are the status and discovery messages.
        limits=SessionLimits(max_in_flight=settings.in_flight + 4),
    )


async def _surface(connection: asyncio.Task[None]) -> None:
    """Let an error of the link end the run; its cancellation is ours."""
    await asyncio.shield(connection)
