"""Handlers that only read: health, metrics, status, history, records, the event stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import TypeVar

import msgspec
from aiohttp import web

from banksman.control.snapshot import OutputView, PermissiveView, SensorView, TripView
from banksman.errors import StoreError
from banksman.security.accounts import Accounts
from banksman.telemetry.metrics import MEDIA_TYPE, Watched, exposition
from banksman.telemetry.vision_metrics import inspection_families
from banksman.web.callers import Caller
from banksman.web.events import EventHub
from banksman.web.ports import Appliance, Quality
from banksman.web.replies import json_reply
from banksman.web.views import Status
from banksman.wire.messages import AlarmMessage, AuditMessage, DecisionMessage
from banksman.wire.problems import Refusal
from banksman_drivers.ports import DeviceHealth

T = TypeVar("T")
STORE_WITHIN_S = 5.0
WRITE_WITHIN_S = 10.0
DECISIONS_MAX = 500
AUDIT_MAX = 500
ID_MAX_CHARS = 200


class Health(msgspec.Struct, frozen=True):
    """The process answers; whether it does its job is /readyz."""

    alive: bool = True


class Sensors(msgspec.Struct, frozen=True):
    """Every sensor's newest reading."""

    sensors: Sequence[SensorView]


class Outputs(msgspec.Struct, frozen=True):
    """Every output with the permissives that hold it."""

    outputs: Sequence[OutputView]
    permissives: Sequence[PermissiveView]


class Devices(msgspec.Struct, frozen=True):
    """Every device's condition."""

    devices: Sequence[DeviceHealth]


class Trips(msgspec.Struct, frozen=True):
    """Every trip of the interlock."""

    trips: Sequence[TripView]


class Alarms(msgspec.Struct, frozen=True):
    """Alarms that are active or not acknowledged, most urgent first."""

    alarms: Sequence[AlarmMessage]


class Decisions(msgspec.Struct, frozen=True):
    """Recorded decisions, newest first. ``next_before`` is the id to page on from."""

    decisions: Sequence[DecisionMessage]
    next_before: str | None


class Audit(msgspec.Struct, frozen=True):
    """Recorded audit entries, newest first."""

    entries: Sequence[AuditMessage]


class History(msgspec.Struct, frozen=True):
    """A sensor's last minutes: (wall_ns, value), oldest first; null where there was no value."""

    sensor: str
    unit: str
    label: str
    points: Sequence[tuple[int, float]]


class Reading:
    """The handlers. ``status`` builds the whole document."""

    def __init__(
        self,
        appliance: Appliance,
        accounts: Accounts,
        hub: EventHub,
        status: Callable[[], Status],
        quality: Quality | None = None,
    ) -> None:
        self._appliance = appliance
        self._accounts = accounts
        self._hub = hub
        self._status = status
        self._quality = quality

    async def healthz(self, _request: web.Request, _caller: Caller) -> web.Response:
        """The main loop turns."""
        return json_reply(Health())

    async def readyz(self, _request: web.Request, _caller: Caller) -> web.Response:
        """Whether it does its job, with the reasons why not."""
        readiness = self._appliance.readiness()
        return json_reply(readiness, status=200 if readiness.ready else 503)

    async def metrics(self, _request: web.Request, _caller: Caller) -> web.Response:
        """The Prometheus text, built in pieces so that nobody waits for the interpreter."""
        status = self._status()
        pieces: list[str] = []
        stations = self._quality.inspections() if self._quality is not None else ()
        for family in chain(exposition(watched_of(status)), inspection_families(stations)):
            pieces.append(family)
            await asyncio.sleep(0)
        return web.Response(body="".join(pieces).encode(), headers={"Content-Type": MEDIA_TYPE})

    async def status(self, _request: web.Request, _caller: Caller) -> web.Response:
        """Everything at one instant."""
        return json_reply(self._status())

    async def sync_history(self, _request: web.Request, _caller: Caller) -> web.Response:
        """The uplink's last hour."""
        return json_reply(self._appliance.sync_history())

    async def sensors(self, _request: web.Request, _caller: Caller) -> web.Response:
        """Newest readings."""
        return json_reply(Sensors(self._appliance.snapshot().sensors))

    async def history(self, request: web.Request, _caller: Caller) -> web.Response:
        """One sensor's last minutes."""
        wanted = request.match_info["id"]
        for sensor in self._appliance.snapshot().sensors:
            if sensor.id == wanted:
                points = self._appliance.history(wanted)
                return json_reply(History(sensor.id, sensor.unit, sensor.label, points))
        raise Refusal(404, "no-sensor", "there is no such sensor", "See /api/v1/sensors.")

    async def outputs(self, _request: web.Request, _caller: Caller) -> web.Response:
        """Outputs and permissives."""
        snapshot = self._appliance.snapshot()
        return json_reply(Outputs(snapshot.outputs, snapshot.permissives))

    async def devices(self, _request: web.Request, _caller: Caller) -> web.Response:
        """Devices."""
        return json_reply(Devices(self._appliance.snapshot().devices))

    async def trips(self, _request: web.Request, _caller: Caller) -> web.Response:
        """Trips."""
        return json_reply(Trips(self._appliance.snapshot().trips))

    async def alarms(self, _request: web.Request, _caller: Caller) -> web.Response:
        """Alarms."""
        return json_reply(Alarms(tuple(self._appliance.alarms())))

    async def decisions(self, request: web.Request, _caller: Caller) -> web.Response:
        """Recorded decisions, by pages."""
        limit = limit_of(request, default=100, maximum=DECISIONS_MAX)
        before = request.query.get("before")
        if before is not None and len(before) > ID_MAX_CHARS:
            raise Refusal(400, "bad-query", "before is not the id of a decision")
        found = await in_time(self._appliance.decisions(limit, before))
        return json_reply(Decisions(found, found[-1].id if len(found) == limit else None))

    async def audit(self, request: web.Request, _caller: Caller) -> web.Response:
        """Recorded audit entries."""
        limit = limit_of(request, default=100, maximum=AUDIT_MAX)
        return json_reply(Audit(await in_time(self._appliance.audit(limit))))

    async def events(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        """The live stream, until the client goes, falls behind or its session ends."""

        def alive() -> bool:
            gone = self._accounts.session(caller.token, touch=False) is None
            return not (gone and caller.way == "remote")

        def cut() -> None:
            if request.transport is not None:
                request.transport.abort()

        stream = self._hub.join(alive, cut)
        try:
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
            )
            await response.prepare(request)
            async for message in stream:
                async with asyncio.timeout(WRITE_WITHIN_S):
                    await response.write(message)
        except (ConnectionError, TimeoutError):
            cut()
        finally:
            self._hub.leave(stream)
        return response


def watched_of(status: Status) -> Watched:
    """The same document as the metrics know it."""
    return Watched(
        node=status.node,
        mode=status.mode,
        clock_quality=status.clock_quality,
        loop_silent=status.loop_silent,
        readiness=status.readiness,
        versions=status.versions,
        link=status.link,
        sync=status.sync,
        identity=status.identity,
        store=status.store,
        trips=status.trips,
        alarms=status.alarms,
        outputs=status.outputs,
        sensors=status.sensors,
        devices=status.devices,
        histograms=status.histograms,
        counters={
            **status.counters,
            **{f"web_{name}": count for name, count in status.web.items()},
        },
    )


def limit_of(request: web.Request, default: int, maximum: int) -> int:
    """The ``limit`` parameter; raises Refusal (400) when it is not 1..maximum."""
    given = request.query.get("limit", str(default))
    if not (given.isascii() and given.isdigit() and len(given) < 7 and 1 <= int(given) <= maximum):
        raise Refusal(400, "bad-query", f"limit is not a number from 1 to {maximum}")
    return int(given)


async def in_time(answer: Awaitable[T]) -> T:
    """Await the store for a bounded time; raises Refusal (503)."""
    try:
        async with asyncio.timeout(STORE_WITHIN_S):
            return await answer
    except (TimeoutError, StoreError) as error:
        detail = str(error) or "the store did not answer in time"
        raise Refusal(503, "store", detail, "See the store's state on the page.") from None
